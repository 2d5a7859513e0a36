//! The tables of uploads and of their rejected rows. Counts stay; cells are deleted after 30 days.

use super::super::report::{ImportReport, Reported};
use crate::domain::identifiers::{ImportId, SchoolId, SystemId};
use crate::gate::{OfSchool, Permit};
use crate::store::{Db, StoreError, Touched as _, Tx, must_touch, on, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// An upload as it goes down in the history of its school.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Noted<'r> {
    pub(in super::super) import: ImportId,
    /// What the registers were switched to; none where nothing changed.
    pub(in super::super) version: Option<i64>,
    /// SHA-256 of what was sent.
    pub(in super::super) digest: [u8; 32],
    pub(in super::super) report: &'r ImportReport,
    /// The rejected rows with what to do about each, CSV; empty where none was rejected.
    pub(in super::super) errors: &'r [u8],
    pub(in super::super) at: DateTime<Utc>,
}

/// Writes down an upload, in the transaction that switches to it where one does.
pub(in super::super) async fn note_import(
    tx: &mut Tx,
    permit: &Permit<OfSchool>,
    noted: Noted<'_>,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO imports \
         (school_id, id, kind, version, received_at, file_digest, report, system_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    const ERRORS: &str = "INSERT INTO import_errors (school_id, import_id, noted_at, errors, file) \
         VALUES ($1, $2, $3, $4, $5)";
    let counts = ImportReport { errors: Vec::new(), ..noted.report.clone() };
    let text = serde_json::to_string(&counts).map_err(|_| StoreError::Corrupt("imports.report"))?;
    on!(tx, c => {
        let r = sqlx::query(INSERT)
            .bind(permit.school().0).bind(noted.import.0).bind(&noted.report.kind).bind(noted.version)
            .bind(noted.at).bind(noted.digest.as_slice()).bind(text).bind(permit.system().0)
            .execute(c).await?;
        must_touch("import", &r, 1)
    })?;
    if noted.report.errors.is_empty() {
        return Ok(());
    }
    let errors = serde_json::to_string(&noted.report.errors)
        .map_err(|_| StoreError::Corrupt("import_errors.errors"))?;
    on!(tx, c => {
        let r = sqlx::query(ERRORS)
            .bind(permit.school().0).bind(noted.import.0).bind(noted.at).bind(errors).bind(noted.errors)
            .execute(c).await?;
        must_touch("errors of an import", &r, 1)
    })
}

/// The system whose uploads alone a permit lets read, if it is one under a mandate.
fn only(permit: &Permit<OfSchool>) -> Option<Uuid> {
    permit.only_sent_by().map(|system| system.0)
}

/// The school for which a system sent an upload of its own; none where it sent no such one.
pub(super) async fn sent_for(db: &Db, system: SystemId, id: Uuid) -> Result<Option<SchoolId>, StoreError> {
    const SCHOOL: &str = "SELECT school_id FROM imports WHERE system_id = $1 AND id = $2";
    let school: Option<Uuid> =
        read!(db, c => sqlx::query_scalar(SCHOOL).bind(system.0).bind(id).fetch_optional(c).await)?;
    Ok(school.map(SchoolId))
}

/// The report on an upload of the permit's school; its errors only while they are kept.
pub(in super::super) async fn report(
    db: &Db,
    permit: &Permit<OfSchool>,
    id: Uuid,
) -> Result<Option<ImportReport>, StoreError> {
    const REPORT: &str = "SELECT i.report, e.errors FROM imports i \
         LEFT JOIN import_errors e ON e.school_id = i.school_id AND e.import_id = i.id \
         WHERE i.school_id = $1 AND i.id = $2 AND ($3 IS NULL OR i.system_id = $3)";
    let found: Option<(String, Option<String>)> = read!(db, c => sqlx::query_as(REPORT)
        .bind(permit.school().0).bind(id).bind(only(permit)).fetch_optional(c).await)?;
    let Some((report, errors)) = found else { return Ok(None) };
    let mut report: ImportReport =
        serde_json::from_str(&report).map_err(|_| StoreError::Corrupt("imports.report"))?;
    if let Some(errors) = errors {
        let errors: Vec<Reported> =
            serde_json::from_str(&errors).map_err(|_| StoreError::Corrupt("import_errors.errors"))?;
        report.errors = errors;
    }
    Ok(Some(report))
}

/// The rejected rows of an upload of the permit's school, CSV, while they are kept.
pub(super) async fn errors(
    db: &Db,
    permit: &Permit<OfSchool>,
    id: Uuid,
) -> Result<Option<Vec<u8>>, StoreError> {
    const FILE: &str = "SELECT e.file FROM import_errors e \
         JOIN imports i ON i.school_id = e.school_id AND i.id = e.import_id \
         WHERE e.school_id = $1 AND e.import_id = $2 AND ($3 IS NULL OR i.system_id = $3)";
    let file: Option<Vec<u8>> = read!(db, c => sqlx::query_scalar(FILE)
        .bind(permit.school().0).bind(id).bind(only(permit)).fetch_optional(c).await)?;
    Ok(file)
}

/// One upload as it went down.
pub(super) struct Upload {
    pub(super) id: Uuid,
    pub(super) received_at: DateTime<Utc>,
    pub(super) system: Option<Uuid>,
    pub(super) report: ImportReport,
}

/// The uploads of the permit's school before one of them, the newest first.
pub(super) async fn uploads(
    db: &Db,
    permit: &Permit<OfSchool>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Upload>, StoreError> {
    // Identifiers are UUIDv7, which sort by time on both databases.
    const LIST: &str = "SELECT id, received_at, system_id, report FROM imports \
         WHERE school_id = $1 AND id < $2 AND ($4 IS NULL OR system_id = $4) ORDER BY id DESC LIMIT $3";
    let rows: Vec<(Uuid, DateTime<Utc>, Option<Uuid>, String)> = read!(db, c => sqlx::query_as(LIST)
        .bind(permit.school().0).bind(before.unwrap_or(Uuid::max())).bind(limit).bind(only(permit)).fetch_all(c).await)?;
    let upload = |(id, received_at, system, report): (_, _, _, String)| {
        let report = serde_json::from_str(&report).map_err(|_| StoreError::Corrupt("imports.report"))?;
        Ok(Upload { id, received_at, system, report })
    };
    rows.into_iter().map(upload).collect()
}

/// Deletes rejected rows that were noted before a moment, up to a number of uploads, and says of how many.
pub(in super::super) async fn expire_errors(
    tx: &mut Tx,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    const DELETE: &str = "DELETE FROM import_errors WHERE (school_id, import_id) IN \
         (SELECT school_id, import_id FROM import_errors WHERE noted_at < $1 ORDER BY noted_at LIMIT $2)";
    let gone =
        on!(tx, c => sqlx::query(DELETE).bind(before).bind(limit).execute(c).await.map(|r| r.touched()))?;
    Ok(gone)
}

/// Deletes uploads that were received before a moment, up to a number of them, and says how many.
pub(in super::super) async fn expire_imports(
    tx: &mut Tx,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    const DELETE: &str = "DELETE FROM imports WHERE (school_id, id) IN \
         (SELECT school_id, id FROM imports WHERE received_at < $1 ORDER BY received_at LIMIT $2)";
    let gone =
        on!(tx, c => sqlx::query(DELETE).bind(before).bind(limit).execute(c).await.map(|r| r.touched()))?;
    Ok(gone)
}
