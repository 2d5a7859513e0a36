//! What proves callers beside certificates: systems' keys and organisations' identity providers.

use super::{Ids, TAKEN_BACK, UNKNOWN};
use crate::directory::{IdentityProviderEntry, PersonEntry, SystemEntry};
use crate::domain::staff::Marked;
use crate::store::{StoreError, Touched as _, Tx, must_touch, on};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Keys that the entry does not name are revoked; one that was revoked never comes back under its identifier.
pub(super) async fn keys(
    tx: &mut Tx,
    ids: &Ids,
    s: &SystemEntry,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const HELD: &str = "SELECT kid FROM system_keys WHERE system_id = $1 AND revoked_at IS NULL";
    const REVOKE: &str =
        "UPDATE system_keys SET revoked_at = $3 WHERE system_id = $1 AND kid = $2 AND revoked_at IS NULL";
    const ADD: &str = "INSERT INTO system_keys (id, system_id, kid, jwk, valid_from, valid_until) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (system_id, kid) DO NOTHING";
    let system = ids.system(&s.client_id)?;
    let held: Vec<String> = on!(tx, c => sqlx::query_scalar(HELD).bind(system).fetch_all(c).await)?;
    for key in s.keys.iter().filter(|key| !held.contains(&key.kid)) {
        let added = on!(tx, c => sqlx::query(ADD)
            .bind(Uuid::now_v7()).bind(system).bind(&key.kid).bind(key.jwk.to_string())
            .bind(key.valid_from).bind(key.valid_until).execute(c).await.map(|r| r.touched()))?;
        if added == 0 {
            return Err(TAKEN_BACK);
        }
    }
    for gone in held.iter().filter(|kid| !s.keys.iter().any(|key| key.kid == **kid)) {
        on!(tx, c => sqlx::query(REVOKE).bind(system).bind(gone).bind(now).execute(c).await.map(|_| ()))?;
    }
    Ok(())
}

/// Writes a provider with its clients and maps.
pub(super) async fn provider(tx: &mut Tx, ids: &Ids, p: &IdentityProviderEntry) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO identity_providers (id, organisation_id, issuer, tenant, tenant_claim, algorithms, \
         keys_url, role_claim, group_claim, mfa_claim, mfa_values, mfa_evidence, mfa_evidence_on, suspended, \
         mark_claim) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         ON CONFLICT (organisation_id, issuer, tenant) DO UPDATE SET tenant_claim = excluded.tenant_claim, \
         algorithms = excluded.algorithms, keys_url = excluded.keys_url, role_claim = excluded.role_claim, \
         group_claim = excluded.group_claim, mfa_claim = excluded.mfa_claim, mfa_values = excluded.mfa_values, \
         mfa_evidence = excluded.mfa_evidence, mfa_evidence_on = excluded.mfa_evidence_on, \
         suspended = excluded.suspended, mark_claim = excluded.mark_claim RETURNING id";
    let organisation = ids.organisation(&p.organisation)?;
    let id: Uuid = on!(tx, c => sqlx::query_scalar(PUT)
        .bind(Uuid::now_v7()).bind(organisation).bind(&p.issuer).bind(p.tenant.as_deref().unwrap_or(""))
        .bind(&p.tenant_claim).bind(p.algorithms.join(" ")).bind(&p.keys_url).bind(&p.role_claim)
        .bind(&p.group_claim).bind(&p.mfa.claim).bind(p.mfa.values.join(" ")).bind(&p.mfa.evidence)
        .bind(p.mfa.evidence_on).bind(p.suspended).bind(&p.mark_claim).fetch_one(c).await)?;
    clients(tx, ids, (id, p)).await?;
    maps(tx, ids, (id, p)).await
}

/// Suspends a person, of whom the gateway need not know anything yet, or lets them back; whose person it is stays.
pub(super) async fn person(
    tx: &mut Tx,
    ids: &Ids,
    p: &PersonEntry,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO persons (id, organisation_id, issuer, tenant, subject, display_name, teams, \
         created_at, suspended_at) VALUES ($1, $2, $3, $4, $5, '', '', $6, $7) \
         ON CONFLICT (issuer, tenant, subject) DO UPDATE SET suspended_at = excluded.suspended_at \
         WHERE persons.organisation_id = excluded.organisation_id";
    let organisation = ids.organisation(&p.organisation)?;
    on!(tx, c => {
        let done = sqlx::query(PUT)
            .bind(Uuid::now_v7()).bind(organisation).bind(&p.issuer).bind(&p.tenant).bind(&p.subject).bind(now)
            .bind(p.suspended.then_some(now)).execute(c).await?;
        must_touch("person", &done, 1)
    })
}

/// The client that each system is there: of the provider's own organisation.
async fn clients(tx: &mut Tx, ids: &Ids, (id, p): (Uuid, &IdentityProviderEntry)) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM identity_provider_clients WHERE provider_id = $1";
    const ADD: &str =
        "INSERT INTO identity_provider_clients (provider_id, system_id, client_id) VALUES ($1, $2, $3)";
    on!(tx, c => sqlx::query(FORGET).bind(id).execute(c).await.map(|_| ()))?;
    for (system, there) in &p.clients {
        on!(tx, c => sqlx::query(ADD).bind(id).bind(ids.system(system)?).bind(there).execute(c).await.map(|_| ()))?;
    }
    Ok(())
}

async fn maps(tx: &mut Tx, ids: &Ids, (id, p): (Uuid, &IdentityProviderEntry)) -> Result<(), StoreError> {
    const FORGET: [&str; 3] = [
        "DELETE FROM identity_provider_roles WHERE provider_id = $1",
        "DELETE FROM identity_provider_teams WHERE provider_id = $1",
        "DELETE FROM identity_provider_marks WHERE provider_id = $1",
    ];
    const ROLE: &str =
        "INSERT INTO identity_provider_roles (provider_id, claim_value, role) VALUES ($1, $2, $3)";
    const TEAM: &str =
        "INSERT INTO identity_provider_teams (provider_id, claim_value, team_id) VALUES ($1, $2, $3)";
    const MARK: &str = "INSERT INTO identity_provider_marks (provider_id, claim_value, mark, team_id) \
         VALUES ($1, $2, $3, $4)";
    for forget in FORGET {
        on!(tx, c => sqlx::query(forget).bind(id).execute(c).await.map(|_| ()))?;
    }
    for (value, role) in p.roles.iter().flat_map(|(value, roles)| roles.iter().map(move |role| (value, role)))
    {
        on!(tx, c => sqlx::query(ROLE).bind(id).bind(value).bind(role).execute(c).await.map(|_| ()))?;
    }
    for (value, code) in p.teams.iter().flat_map(|(value, codes)| codes.iter().map(move |code| (value, code)))
    {
        let team = ids.team(&p.organisation, code).map_err(|_| UNKNOWN)?;
        on!(tx, c => sqlx::query(TEAM).bind(id).bind(value).bind(team).execute(c).await.map(|_| ()))?;
    }
    for (value, text) in p.marks.iter().flat_map(|(value, marks)| marks.iter().map(move |mark| (value, mark)))
    {
        let marked = Marked::parse(text).ok_or(UNKNOWN)?;
        let team = marked.team.as_deref().map(|code| ids.team(&p.organisation, code)).transpose()?;
        on!(tx, c => sqlx::query(MARK).bind(id).bind(value).bind(marked.mark.as_str()).bind(team)
            .execute(c).await.map(|_| ()))?;
    }
    Ok(())
}
