//! The uploads of a school, as they were taken: what each was, by whom, and what came of it.

use super::ImportReport;
use crate::domain::identifiers::ImportId;
use crate::gate::{OfSchool, Permit};
use crate::store::{StoreError, Tx, must_touch, on};
use chrono::{DateTime, Utc};

/// An upload as it goes down in the history of its school.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted<'r> {
    pub(super) import: ImportId,
    /// What the registers were switched to; none where nothing changed.
    pub(super) version: Option<i64>,
    /// SHA-256 of what was sent.
    pub(super) digest: [u8; 32],
    pub(super) report: &'r ImportReport,
    pub(super) at: DateTime<Utc>,
}

/// Writes down an upload, in the transaction that switches to it where one does.
pub(super) async fn note_import(
    tx: &mut Tx,
    permit: &Permit<OfSchool>,
    noted: Noted<'_>,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO imports (school_id, id, kind, version, received_at, file_digest, report) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let text = serde_json::to_string(noted.report).map_err(|_| StoreError::Corrupt("imports.report"))?;
    on!(tx, c => {
        let r = sqlx::query(INSERT)
            .bind(permit.school().0).bind(noted.import.0).bind(&noted.report.kind).bind(noted.version)
            .bind(noted.at).bind(noted.digest.as_slice()).bind(text)
            .execute(c).await?;
        must_touch("import", &r, 1)
    })
}
