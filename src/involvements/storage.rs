//! The involvements table, which only this slice writes.

use super::Claim;
use crate::domain::identifiers::{OrganisationId, PupilId, SystemId};
use crate::store::{Db, StoreError, Touched, Tx, must_touch, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// Opens or changes an involvement. One whose identifying details or source case changed is a new claim: it loses its
/// match and has to be matched again.
pub(super) async fn put(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    claim: &Claim,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO involvements (organisation_id, id, system_id, kind, team, allocated_person, \
         source_case_id, case_reference, opened_at, staff_id, until_day, claim_upn, claim_date_of_birth, \
         claim_surname, claim_forename, family_agreed_by, family_agreed_to, family_agreed_until, \
         family_withdrawn_on, school_not_told, at_once, received_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) \
         ON CONFLICT (organisation_id, id) DO UPDATE SET \
         pupil_id = CASE WHEN involvements.claim_upn IS NOT DISTINCT FROM excluded.claim_upn \
           AND involvements.claim_date_of_birth = excluded.claim_date_of_birth \
           AND involvements.claim_surname = excluded.claim_surname \
           AND involvements.claim_forename = excluded.claim_forename \
           AND involvements.source_case_id = excluded.source_case_id THEN involvements.pupil_id ELSE NULL END, \
         system_id = excluded.system_id, kind = excluded.kind, team = excluded.team, \
         allocated_person = excluded.allocated_person, source_case_id = excluded.source_case_id, \
         case_reference = excluded.case_reference, opened_at = excluded.opened_at, staff_id = excluded.staff_id, \
         until_day = excluded.until_day, claim_upn = excluded.claim_upn, \
         claim_date_of_birth = excluded.claim_date_of_birth, claim_surname = excluded.claim_surname, \
         claim_forename = excluded.claim_forename, family_agreed_by = excluded.family_agreed_by, \
         family_agreed_to = excluded.family_agreed_to, family_agreed_until = excluded.family_agreed_until, \
         family_withdrawn_on = excluded.family_withdrawn_on, school_not_told = excluded.school_not_told, \
         at_once = excluded.at_once, received_at = excluded.received_at, ended_at = NULL";
    let (body, family) = (&claim.body, claim.body.family_agreement.as_ref());
    on!(tx, c => {
        let r = sqlx::query(PUT)
            .bind(organisation.0).bind(claim.id).bind(system.0).bind(claim.kind.as_str()).bind(&body.team)
            .bind(&body.allocated_person).bind(&body.source_case_id).bind(&body.case_reference).bind(body.opened_at)
            .bind(&body.staff_id).bind(claim.until).bind(claim.upn.as_ref().map(ToString::to_string))
            .bind(body.date_of_birth).bind(&claim.surname_key).bind(&claim.forename_key)
            .bind(family.map(|f| &f.agreed_by)).bind(family.map(|f| &f.agreed_to))
            .bind(family.and_then(|f| f.until)).bind(family.and_then(|f| f.withdrawn_on))
            .bind(&body.school_not_told).bind(claim.at_once).bind(at)
            .execute(c).await?;
        must_touch("involvement", &r, 1)
    })
}

/// Ends an involvement; ending one that is not there, or has ended, changes nothing and looks the same.
pub(super) async fn end(
    tx: &mut Tx,
    organisation: OrganisationId,
    id: Uuid,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const END: &str =
        "UPDATE involvements SET ended_at = $3 WHERE organisation_id = $1 AND id = $2 AND ended_at IS NULL";
    Ok(
        on!(tx, c => sqlx::query(END).bind(organisation.0).bind(id).bind(at).execute(c).await.map(|r| r.touched()))?,
    )
}

/// A line of an agency's own report.
#[derive(sqlx::FromRow)]
pub(super) struct ReportRow {
    pub(super) id: Uuid,
    pub(super) case_reference: String,
    pub(super) kind: String,
    pub(super) pupil_id: Option<Uuid>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) until_day: Option<NaiveDate>,
}

/// A page of an organisation's involvements, by id.
pub(super) async fn page(
    db: &Db,
    organisation: OrganisationId,
    after: Uuid,
    limit: i64,
) -> Result<Vec<ReportRow>, StoreError> {
    const PAGE: &str = "SELECT id, case_reference, kind, pupil_id, ended_at, until_day FROM involvements \
         WHERE organisation_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    Ok(read!(db, c => sqlx::query_as(PAGE).bind(organisation.0).bind(after).bind(limit).fetch_all(c).await)?)
}

/// A claim that waits for a match.
#[derive(sqlx::FromRow)]
pub(super) struct Waiting {
    pub(super) organisation_id: Uuid,
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) claim_upn: Option<String>,
    pub(super) claim_date_of_birth: NaiveDate,
    pub(super) claim_surname: String,
    pub(super) claim_forename: String,
}

/// Claims that wait, oldest first: those that count at once, or all of them on the daily run.
pub(super) async fn waiting(db: &Db, daily: bool, since: DateTime<Utc>) -> Result<Vec<Waiting>, StoreError> {
    const WAITING: &str = "SELECT organisation_id, id, kind, claim_upn, claim_date_of_birth, claim_surname, \
         claim_forename FROM involvements WHERE pupil_id IS NULL AND ended_at IS NULL AND received_at > $2 \
         AND (at_once OR $1) ORDER BY received_at LIMIT 1000";
    Ok(read!(db, c => sqlx::query_as(WAITING).bind(daily).bind(since).fetch_all(c).await)?)
}

/// The children that a claim's keys fit, at most two, and whether any of their enrolments is protected.
pub(super) async fn fitting(db: &Db, claim: &Waiting) -> Result<Vec<(PupilId, bool)>, StoreError> {
    const BY_UPN: &str = "SELECT e.pupil_id, MAX(CASE WHEN p.whereabouts_protected THEN 1 ELSE 0 END) = 1 \
         FROM enrolments e JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
         JOIN enrolments p ON p.pupil_id = e.pupil_id \
         WHERE e.upn = $1 AND e.date_of_birth = $2 AND e.surname_key = $3 AND $4 = $4 \
         AND e.version = (SELECT MAX(n.version) FROM enrolments n \
         JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
         WHERE n.school_id = e.school_id AND n.id = e.id) GROUP BY e.pupil_id LIMIT 2";
    const BY_NAME: &str = "SELECT e.pupil_id, MAX(CASE WHEN p.whereabouts_protected THEN 1 ELSE 0 END) = 1 \
         FROM enrolments e JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
         JOIN enrolments p ON p.pupil_id = e.pupil_id \
         WHERE $1 = $1 AND e.date_of_birth = $2 AND e.surname_key = $3 AND e.forename_key = $4 \
         AND e.version = (SELECT MAX(n.version) FROM enrolments n \
         JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
         WHERE n.school_id = e.school_id AND n.id = e.id) GROUP BY e.pupil_id LIMIT 2";
    let text = if claim.claim_upn.is_some() { BY_UPN } else { BY_NAME };
    let rows: Vec<(Uuid, bool)> = read!(db, c => sqlx::query_as(text)
        .bind(claim.claim_upn.as_deref().unwrap_or("")).bind(claim.claim_date_of_birth)
        .bind(&claim.claim_surname).bind(&claim.claim_forename).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(pupil, protected)| (PupilId(pupil), protected)).collect())
}

/// Ties a waiting claim to its child.
pub(super) async fn tie(
    tx: &mut Tx,
    claim: &Waiting,
    pupil: PupilId,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const TIE: &str = "UPDATE involvements SET pupil_id = $3, matched_at = $4 \
         WHERE organisation_id = $1 AND id = $2 AND pupil_id IS NULL AND ended_at IS NULL \
         AND claim_date_of_birth = $5 AND claim_surname = $6";
    Ok(on!(tx, c => sqlx::query(TIE)
        .bind(claim.organisation_id).bind(claim.id).bind(pupil.0).bind(at)
        .bind(claim.claim_date_of_birth).bind(&claim.claim_surname)
        .execute(c).await.map(|r| r.touched()))?)
}
