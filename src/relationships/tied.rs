//! Whom a caller may be tied to, a page at a time: what a change feed walks. That somebody stands here gives nothing; what
//! the tie is worth is asked child by child.

use super::finding::kinds_of;
use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::domain::purpose::Purpose;
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// By what a caller may be tied to children.
#[derive(Clone, Copy, Debug)]
pub enum TiedBy {
    /// Live involvements of this organisation, of a kind that has this purpose.
    Cases {
        /// Whose.
        organisation: OrganisationId,
        /// Which.
        purpose: Purpose,
    },
    /// Enrolments, past ones too, at schools whose returns come to this authority.
    Returns(OrganisationId),
}

// Whatever is tied to a child was matched to it: the condition names the index.
const CASES: &str = "SELECT DISTINCT i.pupil_id FROM involvements i WHERE i.matched_at IS NOT NULL \
     AND i.pupil_id > $6 AND i.organisation_id = $1 AND i.opened_at <= $2 AND (i.ended_at IS NULL OR i.ended_at > $2) \
     AND (i.until_day IS NULL OR i.until_day >= $3) AND i.kind IN ($4, $5) ORDER BY 1 LIMIT $7";
// CROSS JOIN keeps SQLite to the order written, which is that of the children; to PostgreSQL it is any other join.
const RETURNS: &str = "SELECT DISTINCT e.pupil_id FROM enrolments e CROSS JOIN organisations o \
     WHERE e.pupil_id > $2 AND o.id = e.school_id AND o.returns_to = $1 ORDER BY 1 LIMIT $3";

/// The next `limit` children after one, in the order of their ids.
pub async fn next_tied(
    db: &Db,
    by: TiedBy,
    after: PupilId,
    limit: i64,
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<Vec<PupilId>, StoreError> {
    let ids: Vec<Uuid> = match by {
        TiedBy::Cases { organisation, purpose } => {
            let (first, second) = kinds_of(purpose);
            read!(db, c => sqlx::query_scalar(CASES)
                .bind(organisation.0).bind(now).bind(today).bind(first).bind(second)
                .bind(after.0).bind(limit).fetch_all(c).await)?
        }
        TiedBy::Returns(authority) => read!(db, c => sqlx::query_scalar(RETURNS)
            .bind(authority.0).bind(after.0).bind(limit).fetch_all(c).await)?,
    };
    Ok(ids.into_iter().map(PupilId).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plan_of;

    #[tokio::test]
    async fn a_page_is_walked_by_an_index_of_children() {
        for (text, begins) in [
            (CASES, "SEARCH i USING INDEX involvements_children (organisation_id=? AND pupil_id>?)"),
            (RETURNS, "SEARCH e USING INDEX enrolments_pupil (pupil_id>?)"),
        ] {
            let steps = plan_of(text).await;
            assert_eq!(steps.first().map(String::as_str), Some(begins), "{text}: {steps:#?}");
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{text}: {steps:#?}");
        }
    }
}
