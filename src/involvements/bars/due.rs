//! Shields and decisions whose time is over: to be looked at again, or lapsed.

use crate::outbox::NoticeKind;
use crate::store::{StoreError, Tx, on};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use uuid::Uuid;

/// What is due of whom.
#[derive(Clone, Debug)]
pub(in crate::involvements) struct Due {
    pub(in crate::involvements) organisation: Uuid,
    pub(in crate::involvements) kind: NoticeKind,
    id: Uuid,
}

impl Due {
    /// Told once each.
    pub(in crate::involvements) fn subject(&self) -> String {
        self.id.to_string()
    }

    /// What it is, and nothing of the child.
    pub(in crate::involvements) fn body(&self) -> String {
        json!({"id": self.id}).to_string()
    }
}

/// What is due on a day, and of which nobody was told; the rows are marked as told. A school's shield that nobody
/// confirmed has ended by its lines; here it is told.
pub(in crate::involvements) async fn tell_due(
    tx: &mut Tx,
    today: NaiveDate,
    at: DateTime<Utc>,
) -> Result<Vec<Due>, StoreError> {
    const LAPSED: &str = "UPDATE shields SET ended_at = $2, ended_by = 'lapsed', told_at = $2 WHERE ended_at IS NULL \
         AND confirmed_at IS NULL AND lapses_on < $1 RETURNING organisation_id, id";
    const SHIELDS: &str = "UPDATE shields SET told_at = $2 WHERE ended_at IS NULL AND told_at IS NULL \
         AND review_on <= $1 RETURNING organisation_id, id";
    const DECISIONS: &str = "UPDATE withheld_decisions SET told_at = $2 WHERE ended_at IS NULL AND told_at IS NULL \
         AND review_on <= $1 RETURNING organisation_id, id";
    let lapsed: Vec<(Uuid, Uuid)> =
        on!(tx, c => sqlx::query_as(LAPSED).bind(today).bind(at).fetch_all(c).await)?;
    let shields: Vec<(Uuid, Uuid)> =
        on!(tx, c => sqlx::query_as(SHIELDS).bind(today).bind(at).fetch_all(c).await)?;
    let decisions: Vec<(Uuid, Uuid)> =
        on!(tx, c => sqlx::query_as(DECISIONS).bind(today).bind(at).fetch_all(c).await)?;
    let all = [
        (lapsed, NoticeKind::ShieldLapsed),
        (shields, NoticeKind::ShieldReviewDue),
        (decisions, NoticeKind::WithheldReviewDue),
    ];
    let due = |(rows, kind): (Vec<(Uuid, Uuid)>, NoticeKind)| {
        rows.into_iter().map(move |(organisation, id)| Due { organisation, kind, id })
    };
    Ok(all.into_iter().flat_map(due).collect())
}
