//! Organisations, systems with their certificates, teams and operators.

use super::{Ids, TAKEN_BACK, UNKNOWN};
use crate::crypto::from_hex;
use crate::directory::file::{OrganisationEntry, SystemEntry, TeamEntry};
use crate::domain::organisation::Standing;
use crate::store::{StoreError, Touched as _, Tx, on};
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(super) async fn organisation(tx: &mut Tx, ids: &Ids, o: &OrganisationEntry) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO organisations (id, code, kind, name, standing, urn, laestab, la_code, phase, \
         returns_to, attendance_lead_name, attendance_lead_telephone, dsl_name, dsl_telephone, predecessor_id, \
         area) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
         ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name, standing = excluded.standing, \
         urn = excluded.urn, laestab = excluded.laestab, la_code = excluded.la_code, phase = excluded.phase, \
         returns_to = excluded.returns_to, attendance_lead_name = excluded.attendance_lead_name, \
         attendance_lead_telephone = excluded.attendance_lead_telephone, dsl_name = excluded.dsl_name, \
         dsl_telephone = excluded.dsl_telephone, predecessor_id = excluded.predecessor_id, area = excluded.area";
    const FORGET: &str = "DELETE FROM organisation_numbers WHERE organisation_id = $1";
    const HAD: &str =
        "INSERT INTO organisation_numbers (organisation_id, urn, laestab, until) VALUES ($1, $2, $3, $4)";
    let id = ids.organisation(&o.code)?;
    let other = |code: &Option<String>| code.as_deref().map(|code| ids.organisation(code)).transpose();
    let (returns_to, predecessor) = (other(&o.returns_to)?, other(&o.predecessor)?);
    let (lead, dsl) = (o.attendance_lead.clone().unzip(), o.dsl.clone().unzip());
    let standing = if o.suspended { Standing::Suspended } else { Standing::Live };
    on!(tx, c => sqlx::query(PUT)
        .bind(id).bind(&o.code).bind(&o.kind).bind(&o.name).bind(standing.as_str()).bind(&o.urn).bind(&o.laestab)
        .bind(&o.la_code).bind(&o.phase).bind(returns_to).bind(lead.0).bind(lead.1).bind(dsl.0).bind(dsl.1)
        .bind(predecessor).bind(o.area.join(" ")).execute(c).await.map(|_| ()))?;
    on!(tx, c => sqlx::query(FORGET).bind(id).execute(c).await.map(|_| ()))?;
    for had in &o.former_numbers {
        on!(tx, c => sqlx::query(HAD)
            .bind(id).bind(&had.urn).bind(&had.laestab).bind(had.until).execute(c).await.map(|_| ()))?;
    }
    Ok(())
}

pub(super) async fn system(
    tx: &mut Tx,
    ids: &Ids,
    s: &SystemEntry,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO systems (id, organisation_id, code, client_id, roles, scopes, \
         sections_without_person, requests_per_minute, suspended) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (id) DO UPDATE SET organisation_id = excluded.organisation_id, code = excluded.code, \
         roles = excluded.roles, scopes = excluded.scopes, \
         sections_without_person = excluded.sections_without_person, \
         requests_per_minute = excluded.requests_per_minute, suspended = excluded.suspended";
    let (id, organisation) = (ids.system(&s.client_id)?, ids.organisation(&s.organisation)?);
    on!(tx, c => sqlx::query(PUT)
        .bind(id).bind(organisation).bind(&s.code).bind(&s.client_id).bind(s.roles.join(" "))
        .bind(s.scopes.join(" ")).bind(s.sections_without_person.join(" ")).bind(i64::from(s.requests_per_minute))
        .bind(s.suspended).execute(c).await.map(|_| ()))?;
    certificates(tx, id, s, now).await
}

/// Certificates that the entry does not name are revoked; those that it names are registered, and one that was revoked
/// never comes back: its thumbprint is there and stays revoked.
async fn certificates(
    tx: &mut Tx,
    system: Uuid,
    s: &SystemEntry,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const HELD: &str = "SELECT thumbprint FROM credentials WHERE system_id = $1 AND revoked_at IS NULL";
    const REVOKE: &str =
        "UPDATE credentials SET revoked_at = $2 WHERE thumbprint = $1 AND revoked_at IS NULL";
    const ADD: &str = "INSERT INTO credentials (id, system_id, thumbprint, key_digest, valid_from, valid_until, by_system) \
         VALUES ($1, $2, $3, $4, $5, $6, FALSE) ON CONFLICT (thumbprint) DO NOTHING";
    let held: Vec<Vec<u8>> = on!(tx, c => sqlx::query_scalar(HELD).bind(system).fetch_all(c).await)?;
    let bytes = |hex: &str| from_hex(hex).ok_or(UNKNOWN);
    let mut named = Vec::with_capacity(s.certificates.len());
    for certificate in &s.certificates {
        let (thumbprint, key) = (bytes(&certificate.thumbprint)?, bytes(&certificate.key_digest)?);
        if !held.contains(&thumbprint) {
            let added = on!(tx, c => sqlx::query(ADD)
                .bind(Uuid::now_v7()).bind(system).bind(&thumbprint).bind(key)
                .bind(certificate.valid_from).bind(certificate.valid_until).execute(c).await.map(|r| r.touched()))?;
            if added == 0 {
                return Err(TAKEN_BACK);
            }
        }
        named.push(thumbprint);
    }
    for gone in held.iter().filter(|thumbprint| !named.contains(thumbprint)) {
        on!(tx, c => sqlx::query(REVOKE).bind(gone).bind(now).execute(c).await.map(|_| ()))?;
    }
    Ok(())
}

pub(super) async fn team(tx: &mut Tx, ids: &Ids, t: &TeamEntry) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO teams (id, organisation_id, code, name, ended, telephone) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, ended = excluded.ended, \
         telephone = excluded.telephone";
    let (id, organisation) = (ids.team(&t.organisation, &t.code)?, ids.organisation(&t.organisation)?);
    on!(tx, c => sqlx::query(PUT)
        .bind(id).bind(organisation).bind(&t.code).bind(&t.name).bind(t.ended)
        .bind(&t.telephone).execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Registers an operator, or ends one that stands; one that has ended may stand again, by a change of two others.
pub(in crate::directory::changes) async fn operator(
    tx: &mut Tx,
    (name, key): (&str, &[u8]),
    ended_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO operators (name, public_key, added_at, ended_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (name) DO UPDATE SET public_key = excluded.public_key, ended_at = excluded.ended_at";
    on!(tx, c => sqlx::query(PUT).bind(name).bind(key).bind(now).bind(ended_at).execute(c).await.map(|_| ()))?;
    Ok(())
}
