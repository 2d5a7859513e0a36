//! What is given from a day to a day: by its natural key a record that stands is changed, and another one is added.

use super::Ids;
use crate::directory::file::{
    ActsForEntry, CoverEntry, MandateEntry, OfficerAuthorisationEntry, OfficerEntry, PersonMarkEntry,
    SharingAgreementEntry,
};
use crate::store::{StoreError, Touched as _, Tx, on};
use uuid::Uuid;

pub(super) async fn agreement(tx: &mut Tx, ids: &Ids, a: &SharingAgreementEntry) -> Result<(), StoreError> {
    const CHANGE: &str = "UPDATE sharing_agreements SET purposes = $3, exceptions = $4, valid_from = $5, \
         valid_until = $6, suspended = $7, document_digest = $8 WHERE organisation_id = $1 AND version = $2";
    const ADD: &str = "INSERT INTO sharing_agreements (id, organisation_id, version, purposes, exceptions, \
         valid_from, valid_until, suspended, document_digest) VALUES ($9, $1, $2, $3, $4, $5, $6, $7, $8)";
    let organisation = ids.organisation(&a.organisation)?;
    let (purposes, exceptions) = (a.purposes.join(" "), a.exceptions.join(" "));
    let changed = on!(tx, c => sqlx::query(CHANGE)
        .bind(organisation).bind(&a.version).bind(&purposes).bind(&exceptions).bind(a.valid_from)
        .bind(a.valid_until).bind(a.suspended).bind(&a.document_digest).execute(c).await.map(|r| r.touched()))?;
    if changed == 0 {
        on!(tx, c => sqlx::query(ADD)
            .bind(organisation).bind(&a.version).bind(&purposes).bind(&exceptions).bind(a.valid_from)
            .bind(a.valid_until).bind(a.suspended).bind(&a.document_digest).bind(Uuid::now_v7())
            .execute(c).await.map(|_| ()))?;
    }
    Ok(())
}

pub(super) async fn authorisation(
    tx: &mut Tx,
    ids: &Ids,
    a: &OfficerAuthorisationEntry,
) -> Result<(), StoreError> {
    // One of no officer in person has nobody to compare: no text stands for them on both sides.
    const CHANGE: &str = "UPDATE officer_authorisations SET officer = $4, valid_from = $5, valid_until = $6 \
         WHERE organisation_id = $1 AND system_id = $2 AND document = $3 AND COALESCE(issuer, '') = $7 \
         AND COALESCE(tenant, '') = $8 AND COALESCE(subject, '') = $9";
    const ADD: &str = "INSERT INTO officer_authorisations (id, organisation_id, system_id, document, officer, \
         valid_from, valid_until, issuer, tenant, subject) VALUES ($7, $1, $2, $3, $4, $5, $6, $8, $9, $10)";
    let (organisation, system) = (ids.organisation(&a.organisation)?, ids.system(&a.client_id)?);
    let of = |word: fn(&OfficerEntry) -> &String| a.person.as_ref().map(|person| word(person).as_str());
    let (issuer, tenant, subject) = (of(|p| &p.issuer), of(|p| &p.tenant), of(|p| &p.subject));
    let changed = on!(tx, c => sqlx::query(CHANGE)
        .bind(organisation).bind(system).bind(&a.document).bind(&a.officer).bind(a.valid_from).bind(a.valid_until)
        .bind(issuer.unwrap_or_default()).bind(tenant.unwrap_or_default()).bind(subject.unwrap_or_default())
        .execute(c).await.map(|r| r.touched()))?;
    if changed == 0 {
        on!(tx, c => sqlx::query(ADD)
            .bind(organisation).bind(system).bind(&a.document).bind(&a.officer).bind(a.valid_from)
            .bind(a.valid_until).bind(Uuid::now_v7()).bind(issuer).bind(tenant).bind(subject).execute(c).await.map(|_| ()))?;
    }
    Ok(())
}

pub(super) async fn mandate(tx: &mut Tx, ids: &Ids, m: &MandateEntry) -> Result<(), StoreError> {
    const CHANGE: &str = "UPDATE mandates SET scopes = $4, sections = $5, valid_until = $6 \
         WHERE system_id = $1 AND school_id = $2 AND valid_from = $3";
    const ADD: &str = "INSERT INTO mandates (id, system_id, school_id, valid_from, scopes, sections, valid_until) \
         VALUES ($7, $1, $2, $3, $4, $5, $6)";
    let (system, school) = (ids.system(&m.client_id)?, ids.organisation(&m.school)?);
    let (scopes, sections) = (m.scopes.join(" "), m.sections.join(" "));
    let changed = on!(tx, c => sqlx::query(CHANGE)
        .bind(system).bind(school).bind(m.valid_from).bind(&scopes).bind(&sections).bind(m.valid_until)
        .execute(c).await.map(|r| r.touched()))?;
    if changed == 0 {
        on!(tx, c => sqlx::query(ADD)
            .bind(system).bind(school).bind(m.valid_from).bind(&scopes).bind(&sections).bind(m.valid_until)
            .bind(Uuid::now_v7()).execute(c).await.map(|_| ()))?;
    }
    Ok(())
}

pub(super) async fn acting(tx: &mut Tx, ids: &Ids, a: &ActsForEntry) -> Result<(), StoreError> {
    const CHANGE: &str = "UPDATE acts_for SET roles = $4, valid_until = $5 \
         WHERE organisation_id = $1 AND for_id = $2 AND valid_from = $3";
    const ADD: &str = "INSERT INTO acts_for (id, organisation_id, for_id, valid_from, roles, valid_until) \
         VALUES ($6, $1, $2, $3, $4, $5)";
    let (organisation, acted_for) = (ids.organisation(&a.organisation)?, ids.organisation(&a.acted_for)?);
    let roles = a.roles.join(" ");
    let changed = on!(tx, c => sqlx::query(CHANGE)
        .bind(organisation).bind(acted_for).bind(a.valid_from).bind(&roles).bind(a.valid_until)
        .execute(c).await.map(|r| r.touched()))?;
    if changed == 0 {
        on!(tx, c => sqlx::query(ADD)
            .bind(organisation).bind(acted_for).bind(a.valid_from).bind(&roles).bind(a.valid_until)
            .bind(Uuid::now_v7()).execute(c).await.map(|_| ()))?;
    }
    Ok(())
}

pub(super) async fn cover(tx: &mut Tx, ids: &Ids, cover: &CoverEntry) -> Result<(), StoreError> {
    const CHANGE: &str = "UPDATE covers SET hours = $5, valid_until = $6 \
         WHERE team_id = $1 AND covered_id = $2 AND kind = $3 AND valid_from = $4";
    const ADD: &str = "INSERT INTO covers (id, team_id, covered_id, kind, valid_from, hours, valid_until) \
         VALUES ($7, $1, $2, $3, $4, $5, $6)";
    let team = ids.team(&cover.organisation, &cover.team)?;
    let covered = ids.team(&cover.covered_organisation, &cover.covered_team)?;
    let changed = on!(tx, c => sqlx::query(CHANGE)
        .bind(team).bind(covered).bind(&cover.kind).bind(cover.valid_from).bind(&cover.hours)
        .bind(cover.valid_until).execute(c).await.map(|r| r.touched()))?;
    if changed == 0 {
        on!(tx, c => sqlx::query(ADD)
            .bind(team).bind(covered).bind(&cover.kind).bind(cover.valid_from).bind(&cover.hours)
            .bind(cover.valid_until).bind(Uuid::now_v7()).execute(c).await.map(|_| ()))?;
    }
    Ok(())
}

pub(super) async fn mark(tx: &mut Tx, ids: &Ids, m: &PersonMarkEntry) -> Result<(), StoreError> {
    // A mark of no team has none to compare: the nil identifier stands for it on both sides.
    const CHANGE: &str = "UPDATE person_marks SET valid_until = $8 WHERE organisation_id = $1 AND issuer = $2 \
         AND tenant = $3 AND subject = $4 AND mark = $5 AND COALESCE(team_id, $9) = COALESCE($6, $9) \
         AND valid_from = $7";
    const ADD: &str = "INSERT INTO person_marks (id, organisation_id, issuer, tenant, subject, mark, team_id, \
         valid_from, valid_until) VALUES ($9, $1, $2, $3, $4, $5, $6, $7, $8)";
    let organisation = ids.organisation(&m.organisation)?;
    let team = m.team.as_deref().map(|team| ids.team(&m.organisation, team)).transpose()?;
    let changed = on!(tx, c => sqlx::query(CHANGE)
        .bind(organisation).bind(&m.issuer).bind(&m.tenant).bind(&m.subject).bind(&m.mark).bind(team)
        .bind(m.valid_from).bind(m.valid_until).bind(Uuid::nil()).execute(c).await.map(|r| r.touched()))?;
    if changed == 0 {
        on!(tx, c => sqlx::query(ADD)
            .bind(organisation).bind(&m.issuer).bind(&m.tenant).bind(&m.subject).bind(&m.mark).bind(team)
            .bind(m.valid_from).bind(m.valid_until).bind(Uuid::now_v7()).execute(c).await.map(|_| ()))?;
    }
    Ok(())
}
