//! Cases that another team has taken over: whether that one may have them is asked again.

use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::domain::purpose::InvolvementKind;
use crate::store::{Db, StoreError, Touched as _, Tx, on, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A case that has moved.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::involvements) struct MovedCase {
    organisation_id: Uuid,
    id: Uuid,
    kind: String,
    pub(in crate::involvements) team: String,
    pupil_id: Option<Uuid>,
    moved_at: DateTime<Utc>,
}

impl MovedCase {
    /// Whose it is, and under which id.
    pub(in crate::involvements) fn key(&self) -> (OrganisationId, Uuid) {
        (OrganisationId(self.organisation_id), self.id)
    }

    /// The child, while it is tied to one.
    pub(in crate::involvements) fn pupil(&self) -> Option<PupilId> {
        self.pupil_id.map(PupilId)
    }

    /// Whether it is an enquiry under section 47.
    pub(in crate::involvements) fn is_enquiry(&self) -> bool {
        self.kind == InvolvementKind::Section47Enquiry.as_str()
    }
}

const MOVED: &str = "SELECT organisation_id, id, kind, team, pupil_id, moved_at FROM involvements \
     WHERE moved_at IS NOT NULL ORDER BY moved_at LIMIT $1";

/// The cases that have moved and were not asked about, those that moved first before the others.
pub(in crate::involvements) async fn moved(db: &Db, limit: i64) -> Result<Vec<MovedCase>, StoreError> {
    Ok(read!(db, c => sqlx::query_as(MOVED).bind(limit).fetch_all(c).await)?)
}

/// Lets a case go on with its new team; none where it has moved again.
pub(in crate::involvements) async fn stays(tx: &mut Tx, case: &MovedCase) -> Result<u64, StoreError> {
    const STAYS: &str =
        "UPDATE involvements SET moved_at = NULL WHERE organisation_id = $1 AND id = $2 AND moved_at = $3";
    Ok(on!(tx, c => sqlx::query(STAYS).bind(case.organisation_id).bind(case.id).bind(case.moved_at)
        .execute(c).await.map(|r| r.touched()))?)
}

/// Has a case wait for those who protect its child, as a new claim does; none where it has moved again, changed or ended.
pub(in crate::involvements) async fn hold_moved(
    tx: &mut Tx,
    case: &MovedCase,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const HOLD: &str = "UPDATE involvements SET moved_at = NULL, held_pupil_id = pupil_id, held_at = $4, pupil_id = NULL, \
         queue = CASE WHEN at_once THEN 3 ELSE 4 END WHERE organisation_id = $1 AND id = $2 AND moved_at = $3 \
         AND pupil_id = $5 AND ended_at IS NULL";
    Ok(on!(tx, c => sqlx::query(HOLD).bind(case.organisation_id).bind(case.id).bind(case.moved_at).bind(at)
        .bind(case.pupil_id).execute(c).await.map(|r| r.touched()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plan_of;

    #[tokio::test]
    async fn what_has_moved_is_found_by_an_index() {
        let steps = plan_of(MOVED).await;
        assert_eq!(
            steps,
            ["SEARCH involvements USING INDEX involvements_moved (moved_at>?)"],
            "the index holds only those"
        );
    }
}
