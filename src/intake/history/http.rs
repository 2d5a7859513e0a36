//! The wire of a school's uploads: the list, one report, and its file of errors.

use super::super::ImportReport;
use super::storage::{self, Upload};
use crate::directory::Directory;
use crate::domain::identifiers::SystemId;
use crate::domain::organisation::OrganisationKind;
use crate::gate::{Answer, Asked, Gate, OfSchool, Permit, Refusal, Released};
use crate::http::{Error, Path, Query};
use crate::policy::Action;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which uploads to list.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ImportsQuery {
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
    /// Uploads of one page, 1 to 200.
    limit: Option<u8>,
}

/// One page of a school's uploads, the newest first. No cell of any file is in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImportsAnswer {
    /// The uploads.
    imports: Vec<ImportBody>,
    /// Where the next page begins; `null` on the last.
    next_cursor: Option<Uuid>,
}

/// One upload, without what was wrong in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImportBody {
    /// Identifies the upload.
    import_id: Uuid,
    /// `calendar`, `pupils` or `attendance`.
    kind: String,
    /// When it was taken.
    received_at: DateTime<Utc>,
    /// Client identifier of the system that sent it.
    system: Option<String>,
    /// `long`, `day` or `wide` for marks; `rows` for other files; empty where the file was refused whole.
    layout: String,
    /// `utf-8`, `windows-1252` or `xlsx`.
    encoding: String,
    /// How its dates were read.
    dates: String,
    /// Whether its rows were applied.
    applied: bool,
    /// Why nothing of it was applied, where it was refused; no cell of the file is in it.
    refused: Option<String>,
    /// Rows in the file; in the day and wide layouts, marks.
    received: usize,
    /// Those that stand and brought something new.
    accepted: usize,
    /// Those that brought nothing new.
    unchanged: usize,
    /// Of the accepted, those that amended an entry.
    amended: usize,
    /// Those older than what stands.
    kept_as_history: usize,
    /// Those that cannot stand.
    rejected: usize,
    /// Of their lines, those that the file of errors does not hold.
    rows_left_out: usize,
    /// Present marks whose stroke was mended.
    codes_mended: usize,
    /// Comments dropped unread.
    comments_dropped: usize,
}

impl Answer for ImportsAnswer {
    fn next(&self) -> Option<String> {
        self.next_cursor.map(|cursor| cursor.to_string())
    }
}

/// A file of errors, let go as CSV.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorFile(#[serde(skip)] Vec<u8>);

impl Answer for ErrorFile {
    fn written(&self) -> Option<(&'static str, Vec<u8>)> {
        Some(("text/csv; charset=utf-8", self.0.clone()))
    }
}

/// Lists the uploads of the caller's own school, the newest first; under a mandate those that the caller's own system sent.
#[utoipa::path(
    get, path = "/v1/schools/{urn}/imports", tag = "intake",
    params(("urn" = String, Path, description = "Unique reference number of the caller's own school"), ImportsQuery),
    responses((status = 200, body = ImportsAnswer))
)]
pub async fn list_imports(
    State(gate): State<Gate>,
    asked: Asked,
    Path(urn): Path<String>,
    Query(query): Query<ImportsQuery>,
) -> Result<Released<ImportsAnswer>, Error> {
    let permit = gate.open_school(asked, &urn, Action::ReadImport)?;
    let limit = i64::from(query.limit.unwrap_or(50).clamp(1, 200));
    let uploads = storage::uploads(gate.db(), &permit, query.cursor, limit).await.map_err(Refusal::from)?;
    let full = i64::try_from(uploads.len()).is_ok_and(|found| found == limit);
    let next_cursor = uploads.last().map(|upload| upload.id).filter(|_| full);
    let directory = gate.directory().current();
    let imports = uploads.into_iter().map(|upload| body(upload, &directory)).collect();
    Ok(gate.release(permit, StatusCode::OK, ImportsAnswer { imports, next_cursor }).await?)
}

/// Gives the report on an upload of the caller's own school again, or on one that the caller's system sent under a mandate
/// that is live; what was wrong in it for 30 days.
#[utoipa::path(
    get, path = "/v1/imports/{id}", tag = "intake",
    params(("id" = String, Path, description = "`import_id` of the report")),
    responses((status = 200, body = ImportReport), (status = 404, description = "No such upload of this school"))
)]
pub async fn read_import(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Released<ImportReport>, Error> {
    let (permit, id) = permitted(&gate, asked, &id).await?;
    let report = storage::report(gate.db(), &permit, id).await.map_err(Refusal::from)?;
    let report = report.ok_or(Refusal::NotFound)?;
    Ok(gate.release(permit, StatusCode::OK, report).await?)
}

/// Gives the rejected rows of such an upload, as it was sent, with what to do about each; kept for 30 days.
#[utoipa::path(
    get, path = "/v1/imports/{id}/errors", tag = "intake",
    params(("id" = String, Path, description = "`import_id` of the report")),
    responses((status = 200, body = String, content_type = "text/csv"),
              (status = 404, description = "No such upload of this school, or none of its rows was rejected, or it is over 30 days old"))
)]
pub async fn read_import_errors(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Released<ErrorFile>, Error> {
    let (permit, id) = permitted(&gate, asked, &id).await?;
    let file = storage::errors(gate.db(), &permit, id).await.map_err(Refusal::from)?;
    let file = file.ok_or(Refusal::NotFound)?;
    Ok(gate.release(permit, StatusCode::OK, ErrorFile(file)).await?)
}

/// Opens about the school of an upload: a school's system its own school, whoever acts under mandates the school for which
/// its system sent the upload.
async fn permitted(gate: &Gate, asked: Asked, id: &str) -> Result<(Permit<OfSchool>, Uuid), Error> {
    let id = Uuid::parse_str(id).ok();
    let permit = match (asked.caller.organisation.kind, id) {
        (OrganisationKind::School, _) | (_, None) => gate.open_own_school(asked, Action::ReadImport)?,
        (_, Some(id)) => {
            let sent = storage::sent_for(gate.db(), asked.caller.system.id, id).await;
            gate.open_registers(asked, sent.map_err(Refusal::from)?, Action::ReadImport)?
        }
    };
    Ok((permit, id.ok_or(Refusal::NotFound)?))
}

fn body(upload: Upload, directory: &Directory) -> ImportBody {
    let report = upload.report;
    let system = upload.system.and_then(|id| directory.systems.get(&SystemId(id)));
    ImportBody {
        import_id: upload.id,
        kind: report.kind,
        received_at: upload.received_at,
        system: system.map(|system| system.client_id.clone()),
        layout: report.layout,
        encoding: report.encoding,
        dates: report.dates,
        applied: report.applied,
        refused: report.refused,
        received: report.received,
        accepted: report.accepted,
        unchanged: report.unchanged,
        amended: report.amended,
        kept_as_history: report.kept_as_history,
        rejected: report.rejected,
        rows_left_out: report.rows_left_out,
        codes_mended: report.codes_mended,
        comments_dropped: report.comments_dropped,
    }
}
