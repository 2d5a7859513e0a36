//! The lines that the rules read: what stands between whom and a child.

use crate::domain::bars::{BarSort, WhomKind};
use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::store::{StoreError, Tx, must_touch, on};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) sort: BarSort,
    pub(super) kind: WhomKind,
    /// Identifier of the organisation or team, or the person as entries write them.
    pub(super) whom: String,
    /// Of a person: the organisation as whose they are named.
    pub(super) of: Option<OrganisationId>,
}

/// Writes the lines of a source in the place of those that it had.
pub(super) async fn put(
    tx: &mut Tx,
    (pupil, source): (PupilId, Uuid),
    lines: &[Line],
    (begins_at, ends_at): (DateTime<Utc>, Option<DateTime<Utc>>),
) -> Result<(), StoreError> {
    const CLEAR: &str = "DELETE FROM bars WHERE source_id = $1";
    const PUT: &str = "INSERT INTO bars (pupil_id, source_id, place, sort, whom_kind, whom, begins_at, ends_at, \
         whom_organisation_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    on!(tx, c => sqlx::query(CLEAR).bind(source).execute(c).await.map(|_| ()))?;
    for (place, line) in (1_i64..).zip(lines) {
        on!(tx, c => {
            let r = sqlx::query(PUT)
                .bind(pupil.0).bind(source).bind(place).bind(line.sort.as_str()).bind(line.kind.as_str())
                .bind(&line.whom).bind(begins_at).bind(ends_at).bind(line.of.map(|of| of.0)).execute(c).await?;
            must_touch("a line of a bar", &r, 1)
        })?;
    }
    Ok(())
}

/// Sets when the lines of a source end; none: they stand.
pub(super) async fn end(tx: &mut Tx, source: Uuid, ends_at: Option<DateTime<Utc>>) -> Result<(), StoreError> {
    const END: &str = "UPDATE bars SET ends_at = $2 WHERE source_id = $1";
    on!(tx, c => sqlx::query(END).bind(source).bind(ends_at).execute(c).await.map(|_| ()))?;
    Ok(())
}
