//! What the review reads, and the table of conflicts.

use crate::domain::identifiers::{OrganisationId, SchoolId};
use crate::store::{Db, StoreError, Touched as _, Tx, on, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// An involvement of a week.
#[derive(sqlx::FromRow)]
pub(super) struct OfWeek {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) team: String,
    pub(super) case_reference: String,
    pub(super) staff_id: String,
    pub(super) pupil_id: Option<Uuid>,
    pub(super) begun_at: DateTime<Utc>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) times_changed: i64,
    pub(super) times_confirmed: i64,
}

const WEEK: &str = "SELECT id, kind, team, case_reference, staff_id, pupil_id, begun_at, ended_at, times_changed, \
     times_confirmed FROM involvements WHERE organisation_id = $1 AND begun_at >= $2 AND begun_at < $3 \
     ORDER BY begun_at, id LIMIT 20000";

/// The involvements of an organisation that were first sent between two times.
pub(super) async fn of_week(
    db: &Db,
    organisation: OrganisationId,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<OfWeek>, StoreError> {
    Ok(read!(db, c => sqlx::query_as(WEEK).bind(organisation.0).bind(from).bind(until).fetch_all(c).await)?)
}

/// A conflict of interest, as it is kept.
pub(super) struct Kept<'a> {
    pub(super) id: Uuid,
    /// Issuer, tenant and subject.
    pub(super) person: (&'a str, &'a str, &'a str),
    pub(super) involvement: Option<Uuid>,
    pub(super) school: Option<SchoolId>,
    pub(super) category: &'a str,
    pub(super) by: &'a str,
}

/// Records a conflict; one that stands under the id is replaced.
pub(super) async fn record(
    tx: &mut Tx,
    organisation: OrganisationId,
    kept: &Kept<'_>,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const RECORD: &str = "INSERT INTO conflicts (organisation_id, id, issuer, tenant, subject, involvement_id, school_id, \
         category, recorded_at, recorded_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (organisation_id, id) DO UPDATE SET issuer = excluded.issuer, tenant = excluded.tenant, \
         subject = excluded.subject, involvement_id = excluded.involvement_id, school_id = excluded.school_id, \
         category = excluded.category, recorded_at = excluded.recorded_at, recorded_by = excluded.recorded_by, \
         ended_at = NULL";
    let (issuer, tenant, subject) = kept.person;
    Ok(on!(tx, c => sqlx::query(RECORD)
        .bind(organisation.0).bind(kept.id).bind(issuer).bind(tenant).bind(subject).bind(kept.involvement)
        .bind(kept.school.map(|school| school.0)).bind(kept.category).bind(at).bind(kept.by)
        .execute(c).await.map(|r| r.touched()))?)
}

/// Whether an organisation has an involvement under an id.
pub(super) async fn is_own(db: &Db, organisation: OrganisationId, id: Uuid) -> Result<bool, StoreError> {
    const OWN: &str = "SELECT COUNT(*) FROM involvements WHERE organisation_id = $1 AND id = $2";
    let count: i64 =
        read!(db, c => sqlx::query_scalar(OWN).bind(organisation.0).bind(id).fetch_one(c).await)?;
    Ok(count > 0)
}

/// Ends a conflict; none where it is not there, or has ended.
pub(super) async fn end(
    tx: &mut Tx,
    organisation: OrganisationId,
    id: Uuid,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const END: &str =
        "UPDATE conflicts SET ended_at = $3 WHERE organisation_id = $1 AND id = $2 AND ended_at IS NULL";
    Ok(on!(tx, c => sqlx::query(END).bind(organisation.0).bind(id).bind(at)
        .execute(c).await.map(|r| r.touched()))?)
}

/// Deletes at most `limit` conflicts that ended before a time.
pub(in crate::involvements) async fn forget(
    tx: &mut Tx,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    const FORGET: &str = "DELETE FROM conflicts WHERE (organisation_id, id) IN \
         (SELECT organisation_id, id FROM conflicts WHERE ended_at < $1 LIMIT $2)";
    Ok(on!(tx, c => sqlx::query(FORGET).bind(before).bind(limit).execute(c).await.map(|r| r.touched()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plan_of;

    #[tokio::test]
    async fn a_week_is_found_by_an_index() {
        let steps = plan_of(WEEK).await;
        let expected = "SEARCH involvements USING INDEX involvements_begun (organisation_id=? AND begun_at>? AND begun_at<?)";
        assert_eq!(steps.first().map(String::as_str), Some(expected), "{steps:#?}");
    }
}
