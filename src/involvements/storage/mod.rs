//! The involvements table, which only this slice writes.

use super::Claim;
use crate::domain::identifiers::{OrganisationId, PupilId, SystemId};
use crate::store::{Db, StoreError, Touched, Tx, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// Opens or changes an involvement of the sending system. One whose identifying details, source case, kind or opening
/// changed, or that had ended, is a new claim: it loses its match and has to be matched again. Another system's stays as
/// it is, and the answer is the same.
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
           AND involvements.source_case_id = excluded.source_case_id AND involvements.kind = excluded.kind \
           AND involvements.opened_at = excluded.opened_at AND involvements.ended_at IS NULL \
           THEN involvements.pupil_id ELSE NULL END, \
         received_at = CASE WHEN involvements.pupil_id IS NULL AND involvements.ended_at IS NULL \
           AND involvements.claim_upn IS NOT DISTINCT FROM excluded.claim_upn \
           AND involvements.claim_surname = excluded.claim_surname THEN involvements.received_at \
           ELSE excluded.received_at END, \
         system_id = excluded.system_id, kind = excluded.kind, team = excluded.team, \
         allocated_person = excluded.allocated_person, source_case_id = excluded.source_case_id, \
         case_reference = excluded.case_reference, opened_at = excluded.opened_at, staff_id = excluded.staff_id, \
         until_day = excluded.until_day, claim_upn = excluded.claim_upn, \
         claim_date_of_birth = excluded.claim_date_of_birth, claim_surname = excluded.claim_surname, \
         claim_forename = excluded.claim_forename, family_agreed_by = excluded.family_agreed_by, \
         family_agreed_to = excluded.family_agreed_to, family_agreed_until = excluded.family_agreed_until, \
         family_withdrawn_on = excluded.family_withdrawn_on, school_not_told = excluded.school_not_told, \
         at_once = excluded.at_once, ended_at = NULL \
         WHERE involvements.system_id = excluded.system_id";
    let (body, family) = (&claim.body, claim.body.family_agreement.as_ref());
    on!(tx, c => sqlx::query(PUT)
            .bind(organisation.0).bind(claim.id).bind(system.0).bind(claim.kind.as_str()).bind(&body.team)
            .bind(&body.allocated_person).bind(&body.source_case_id).bind(&body.case_reference).bind(body.opened_at)
            .bind(&body.staff_id).bind(claim.until).bind(claim.upn.as_ref().map(ToString::to_string))
            .bind(body.date_of_birth).bind(&claim.surname_key).bind(&claim.forename_key)
            .bind(family.map(|f| &f.agreed_by)).bind(family.map(|f| &f.agreed_to))
            .bind(family.and_then(|f| f.until)).bind(family.and_then(|f| f.withdrawn_on))
            .bind(&body.school_not_told).bind(claim.at_once).bind(at)
            .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Ends an involvement; ending one that is not there, or has ended, changes nothing and looks the same.
pub(super) async fn end(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    id: Uuid,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const END: &str = "UPDATE involvements SET ended_at = $3 WHERE organisation_id = $1 AND id = $2 AND system_id = $4 \
         AND ended_at IS NULL";
    Ok(
        on!(tx, c => sqlx::query(END).bind(organisation.0).bind(id).bind(at).bind(system.0).execute(c).await.map(|r| r.touched()))?,
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
    pub(super) received_at: DateTime<Utc>,
}

/// A page of a system's own involvements, by id.
pub(super) async fn page(
    db: &Db,
    (organisation, system): (OrganisationId, SystemId),
    after: Uuid,
    limit: i64,
) -> Result<Vec<ReportRow>, StoreError> {
    const PAGE: &str = "SELECT id, case_reference, kind, pupil_id, ended_at, until_day, received_at \
         FROM involvements WHERE organisation_id = $1 AND system_id = $4 AND id > $2 ORDER BY id LIMIT $3";
    Ok(
        read!(db, c => sqlx::query_as(PAGE).bind(organisation.0).bind(after).bind(limit).bind(system.0).fetch_all(c).await)?,
    )
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
    pub(super) received_at: DateTime<Utc>,
}

/// A page of the claims that wait, after a place in their order: those that count at once, or all on the daily run.
pub(super) async fn waiting(
    db: &Db,
    daily: bool,
    (since, after): (DateTime<Utc>, Uuid),
    limit: i64,
) -> Result<Vec<Waiting>, StoreError> {
    const WAITING: &str = "SELECT organisation_id, id, kind, claim_upn, claim_date_of_birth, claim_surname, \
         claim_forename, received_at FROM involvements WHERE pupil_id IS NULL AND ended_at IS NULL \
         AND (received_at > $2 OR (received_at = $2 AND id > $3)) AND (at_once OR $1) \
         ORDER BY received_at, id LIMIT $4";
    Ok(read!(db, c => sqlx::query_as(WAITING)
        .bind(daily).bind(since).bind(after).bind(limit).fetch_all(c).await)?)
}

/// Claims a day for its one daily run, among all gateways on this database. `false` when it has been claimed.
pub(super) async fn claim_day(tx: &mut Tx, today: NaiveDate) -> Result<bool, StoreError> {
    const CLAIM: &str = "UPDATE matching_days SET last_day = $1 WHERE id = 1 AND last_day < $1";
    Ok(on!(tx, c => sqlx::query(CLAIM).bind(today).execute(c).await.map(|r| r.touched()))? == 1)
}

/// The children that a claim's keys fit, at most two, and whether any of their enrolments is protected.
pub(super) async fn fitting(db: &Db, claim: &Waiting) -> Result<Vec<(PupilId, bool)>, StoreError> {
    const BY_UPN: &str = "SELECT e.pupil_id, MAX(CASE WHEN p.whereabouts_protected THEN 1 ELSE 0 END) = 1 \
         FROM enrolments e JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
         JOIN enrolments p ON p.pupil_id = e.pupil_id \
         JOIN register_versions q ON q.school_id = p.school_id AND q.version = p.version \
         WHERE e.upn = $1 AND e.upn_permanent AND e.date_of_birth = $2 AND e.surname_key = $3 AND $4 = $4 \
         AND e.version = (SELECT MAX(n.version) FROM enrolments n \
         JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
         WHERE n.school_id = e.school_id AND n.id = e.id) GROUP BY e.pupil_id LIMIT 2";
    const BY_NAME: &str = "SELECT e.pupil_id, MAX(CASE WHEN p.whereabouts_protected THEN 1 ELSE 0 END) = 1 \
         FROM enrolments e JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
         JOIN enrolments p ON p.pupil_id = e.pupil_id \
         JOIN register_versions q ON q.school_id = p.school_id AND q.version = p.version \
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
         AND claim_date_of_birth = $5 AND claim_surname = $6 AND claim_forename = $7 \
         AND claim_upn IS NOT DISTINCT FROM $8 AND kind = $9 AND received_at = $10";
    Ok(on!(tx, c => sqlx::query(TIE)
        .bind(claim.organisation_id).bind(claim.id).bind(pupil.0).bind(at)
        .bind(claim.claim_date_of_birth).bind(&claim.claim_surname).bind(&claim.claim_forename)
        .bind(&claim.claim_upn).bind(&claim.kind).bind(claim.received_at)
        .execute(c).await.map(|r| r.touched()))?)
}
