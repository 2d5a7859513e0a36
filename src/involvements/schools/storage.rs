//! What both lists read.

use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::store::{self, Db, SetSql, StoreError, over_ids, read, read_many};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::BTreeSet;
use uuid::Uuid;

/// An involvement as a school may come to see it.
#[derive(sqlx::FromRow)]
pub(super) struct Seen {
    pub(super) pupil_id: Uuid,
    pub(super) organisation_id: Uuid,
    pub(super) kind: String,
    pub(super) opened_at: DateTime<Utc>,
    pub(super) released: bool,
}

const SEEN: SetSql = over_ids!(
    "SELECT i.pupil_id, i.organisation_id, i.kind, i.opened_at, i.released FROM ",
    " CROSS JOIN involvements i WHERE i.pupil_id = s.id AND i.school_not_told IS NULL AND i.opened_at <= $2 \
     AND (i.ended_at IS NULL OR i.ended_at > $2) AND (i.until_day IS NULL OR i.until_day >= $3) \
     AND (i.family_withdrawn_on IS NULL OR i.family_withdrawn_on > $3) \
     AND (i.family_agreed_until IS NULL OR i.family_agreed_until >= $3) \
     ORDER BY i.opened_at DESC, i.organisation_id, i.id LIMIT 5000"
);

/// The live involvements with any of these children, but those that no school is told of; the newest first.
pub(super) async fn seen(
    db: &Db,
    pupils: &BTreeSet<PupilId>,
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<Vec<Seen>, StoreError> {
    let set = store::ids(pupils.iter().map(|pupil| pupil.0));
    Ok(read_many!(db, c => sqlx::query_as(SEEN.of(db)).bind(set).bind(now).bind(today).fetch_all(c).await)?)
}

/// An involvement that no school is told of.
#[expect(clippy::struct_field_names, reason = "as the columns are named")]
#[derive(sqlx::FromRow)]
pub(super) struct NotTold {
    pub(super) pupil_id: Uuid,
    pub(super) organisation_id: Uuid,
    pub(super) team: String,
    pub(super) kind: String,
    pub(super) opened_at: DateTime<Utc>,
    pub(super) school_not_told: String,
    pub(super) school_not_told_review: Option<NaiveDate>,
}

const NOT_TOLD: &str = "SELECT pupil_id, organisation_id, team, kind, opened_at, school_not_told, \
     school_not_told_review FROM involvements WHERE school_not_told IS NOT NULL AND pupil_id IS NOT NULL \
     AND opened_at <= $1 AND (ended_at IS NULL OR ended_at > $1) AND (until_day IS NULL OR until_day >= $2) \
     ORDER BY school_not_told_review, opened_at, id LIMIT 5000";

/// Every live involvement that no school is told of, whoever's; those to be looked at soonest first.
pub(super) async fn not_told(
    db: &Db,
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<Vec<NotTold>, StoreError> {
    Ok(read!(db, c => sqlx::query_as(NOT_TOLD).bind(now).bind(today).fetch_all(c).await)?)
}

/// A resident concern, as the school's authority comes to see it.
#[derive(sqlx::FromRow)]
pub(super) struct Concern {
    pub(super) pupil_id: Uuid,
    pub(super) organisation_id: Uuid,
    pub(super) opened_at: DateTime<Utc>,
}

const CONCERNS: &str = "SELECT pupil_id, organisation_id, opened_at FROM involvements \
     WHERE kind = 'resident_concern' AND pupil_id IS NOT NULL AND organisation_id <> $1 AND school_not_told IS NULL \
     AND opened_at <= $2 AND (ended_at IS NULL OR ended_at > $2) AND (until_day IS NULL OR until_day >= $3) \
     ORDER BY opened_at DESC, id LIMIT 500";

/// The live resident concerns of every authority but one, the newest first.
pub(super) async fn concerns(
    db: &Db,
    but: OrganisationId,
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<Vec<Concern>, StoreError> {
    Ok(read!(db, c => sqlx::query_as(CONCERNS).bind(but.0).bind(now).bind(today).fetch_all(c).await)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plan_of;

    #[tokio::test]
    async fn every_list_goes_by_an_index() {
        for (text, index) in [
            (SEEN.sqlite, "SEARCH i USING INDEX involvements_pupil (pupil_id=?)"),
            (NOT_TOLD, "SEARCH involvements USING INDEX involvements_not_told (pupil_id>?)"),
            (CONCERNS, "SEARCH involvements USING INDEX involvements_concerns (opened_at<?)"),
        ] {
            let steps = plan_of(text).await;
            assert!(steps.iter().any(|step| step == index), "{steps:#?}");
        }
    }
}
