//! The wire of involvements: always 202, whatever is known of the child.

use super::matching::LAPSE_DAYS;
use super::sending::put;
use super::{Claim, ClaimBody, ClaimError, Matcher, Sending, storage};
use crate::directory::Scope;
use crate::gate::{Answer, Asked, Gate, OfOrganisation, Permit, Refusal, Released};
use crate::http::{Body, Error, Fault, Path, ProblemKind, Query};
use crate::policy::Action;
use axum::extract::State;
use chrono::TimeDelta;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What became of the claims sent. It says nothing of any child, nor of any other organisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClaimsAnswer {
    /// Claims that stand as they were sent.
    pub(super) accepted: u64,
    /// Those of them that stood so before.
    pub(super) unchanged: u64,
    /// Claims whose id is that of another system of the organisation: they stay as that one left them.
    pub(super) of_another_system: u64,
}

impl Answer for ClaimsAnswer {}

/// What became of an involvement that was to end. One that is not there looks like one that had ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct EndedAnswer {
    /// Ended now.
    pub(super) ended: u64,
    /// There was none, or it had ended.
    pub(super) unchanged: u64,
    /// It is of another system of the organisation, and goes on.
    pub(super) of_another_system: u64,
}

impl Answer for EndedAnswer {}

/// Opens an involvement, or changes it.
#[utoipa::path(
    put, path = "/v1/involvements/{id}", tag = "involvements",
    params(("id" = String, Path, description = "A UUID of the client's own")),
    request_body = ClaimBody,
    responses((status = 202, body = ClaimsAnswer), (status = 400, description = "The claim cannot be read"))
)]
pub async fn open_involvement(
    State(gate): State<Gate>,
    State(matcher): State<Matcher>,
    State(sending): State<Sending>,
    asked: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Result<Released<ClaimsAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Involvements, Action::WriteInvolvement)?;
    let id = uuid(&id)?;
    let _place = sending.claim(permit.system())?;
    let body = body.read().await?;
    let claim = Claim::read(crate::http::json(&body)?, Some(id), gate.clock().school_now())?;
    within(&gate, &permit, &claim)?;
    Ok(put(&gate, (&matcher, &sending), permit, vec![claim], &body).await?)
}

/// Sends a day's caseload, one claim a line and one caseload of an organisation at a time.
#[utoipa::path(
    post, path = "/v1/involvements", tag = "involvements",
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 202, body = ClaimsAnswer), (status = 400, description = "A line cannot be read; none was taken"),
              (status = 429, description = "Another caseload of the organisation is being taken, or too many requests; come back after `Retry-After`"))
)]
pub async fn send_caseload(
    State(gate): State<Gate>,
    State(matcher): State<Matcher>,
    State(sending): State<Sending>,
    asked: Asked,
    body: Body,
) -> Result<Released<ClaimsAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Involvements, Action::WriteInvolvement)?;
    let _place = sending.caseload(permit.organisation())?;
    let body = body.read().await?;
    let claims = read_lines(&gate, &permit, &body)?;
    Ok(put(&gate, (&matcher, &sending), permit, claims, &body).await?)
}

/// Ends an involvement. One that is not there looks the same.
#[utoipa::path(
    delete, path = "/v1/involvements/{id}", tag = "involvements",
    params(("id" = String, Path, description = "The UUID under which it was opened")),
    responses((status = 202, body = EndedAnswer))
)]
pub async fn end_involvement(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Released<EndedAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Involvements, Action::WriteInvolvement)?;
    let id = uuid(&id)?;
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let at = gate.clock().school_now();
    let end = storage::end(&mut tx, (permit.organisation(), permit.system()), id, at);
    let ended = end.await.map_err(Refusal::from)?;
    if ended.ended > 0 {
        permit.note_written(format!("involvement {id}"), b"");
    }
    Ok(gate.commit(permit, tx, StatusCode::ACCEPTED, ended).await?)
}

/// A page of a report.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct ReportQuery {
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
    /// Lines of the page, at most 1,000; 200 unless given.
    limit: Option<u16>,
}

/// What became of the caller's own claims.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportAnswer {
    /// One line an involvement.
    involvements: Vec<ReportLine>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

/// One involvement in a report.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportLine {
    /// The client's own id.
    id: Uuid,
    /// The stored case reference.
    case_reference: String,
    /// Its kind.
    kind: String,
    /// `accessible` or `pending`, never why; `lapsed` once it was not sent for 28 days and waits no more; `ended` once it is
    /// over.
    state: String,
}

impl Answer for ReportAnswer {
    fn next(&self) -> Option<String> {
        self.next_cursor.map(|cursor| cursor.to_string())
    }
}

/// Says of each of the caller's own claims whether it is accessible or pending.
#[utoipa::path(
    get, path = "/v1/involvements/report", tag = "involvements", params(ReportQuery),
    responses((status = 200, body = ReportAnswer))
)]
pub async fn report_involvements(
    State(gate): State<Gate>,
    asked: Asked,
    Query(query): Query<ReportQuery>,
) -> Result<Released<ReportAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Involvements, Action::ReadInvolvementReport)?;
    let limit = i64::from(query.limit.unwrap_or(200).clamp(1, 1_000));
    let after = query.cursor.unwrap_or(Uuid::nil());
    let rows = storage::page(gate.db(), (permit.organisation(), permit.system()), after, limit)
        .await
        .map_err(Refusal::from)?;
    let full = i64::try_from(rows.len()).is_ok_and(|n| n == limit);
    let next_cursor = rows.last().map(|row| row.id).filter(|_| full);
    let (now, today) = (gate.clock().school_now(), gate.clock().today());
    let lapses = gate.clock().now() - TimeDelta::days(LAPSE_DAYS);
    let state = |row: &storage::ReportRow| {
        let over = row.ended_at.is_some_and(|at| at <= now) || row.until_day.is_some_and(|day| day < today);
        let waits = row.confirmed_at.is_some_and(|at| at >= lapses);
        match (over, row.pupil_id.is_some(), waits) {
            (true, _, _) => "ended",
            (false, true, _) => "accessible",
            (false, false, true) => "pending",
            (false, false, false) => "lapsed",
        }
    };
    let involvements = rows
        .iter()
        .map(|row| ReportLine {
            id: row.id,
            case_reference: row.case_reference.clone(),
            kind: row.kind.clone(),
            state: state(row).to_owned(),
        })
        .collect();
    Ok(gate.release(permit, StatusCode::OK, ReportAnswer { involvements, next_cursor }).await?)
}

/// Claims of one upload at most: switching to so many new ones holds the one writer for about 40 ms.
const LINES_MAX: usize = 1_000;

fn read_lines(gate: &Gate, permit: &Permit<OfOrganisation>, body: &[u8]) -> Result<Vec<Claim>, Error> {
    let text = std::str::from_utf8(body).map_err(|_| {
        Error::problem(ProblemKind::BadRequest, "send the caseload as UTF-8, one JSON object a line")
    })?;
    // Numbered as they stand in the file, blank ones too.
    let lines = text.lines().zip(1_u64..).filter(|(line, _)| !line.trim().is_empty());
    let lines: Vec<(&str, u64)> = lines.take(LINES_MAX + 1).collect();
    if lines.len() > LINES_MAX {
        return Err(Error::problem(ProblemKind::PayloadTooLarge, "send at most 1,000 claims at a time"));
    }
    let (mut claims, mut errors) = (Vec::with_capacity(lines.len()), Vec::new());
    let mut ids = HashSet::new();
    for (line, number) in lines {
        let read = serde_json::from_str::<ClaimBody>(line)
            .map_err(|_| "the line is not a JSON object with the fields of a claim".to_owned())
            .and_then(|body| Claim::read(body, None, gate.clock().school_now()).map_err(|e| e.to_string()))
            .and_then(|claim| within(gate, permit, &claim).map(|()| claim).map_err(|e| e.to_string()))
            .and_then(|claim| {
                let twice = "`id` stands in an earlier line; send each involvement once";
                if ids.insert(claim.id) { Ok(claim) } else { Err(twice.to_owned()) }
            });
        match read {
            Ok(claim) => claims.push(claim),
            Err(detail) => errors.push(Fault { line: Some(number), detail, ..Fault::default() }),
        }
    }
    if errors.is_empty() {
        return Ok(claims);
    }
    errors.truncate(100);
    let detail =
        "some lines cannot be read; none was taken: correct them and send the caseload again".to_owned();
    Err(Error::Problem { kind: ProblemKind::BadRequest, detail, errors })
}

/// The team and the kind must be this system's own to name; both are of the agency's own directory entry, so that
/// refusing another tells nothing of any child.
fn within(gate: &Gate, permit: &Permit<OfOrganisation>, claim: &Claim) -> Result<(), Error> {
    if !permit.kinds().contains(&claim.kind) {
        let detail = "`kind` is not one on which a role of this system may rest; send it from the system that holds it";
        return Err(Error::problem(ProblemKind::BadRequest, detail));
    }
    let directory = gate.directory().current();
    if directory.team(permit.organisation(), &claim.body.team).is_none() {
        let detail = "`team` is not a team of this organisation in the directory";
        return Err(Error::problem(ProblemKind::BadRequest, detail));
    }
    Ok(())
}

fn uuid(text: &str) -> Result<Uuid, Error> {
    Uuid::parse_str(text).map_err(|_| {
        Error::problem(ProblemKind::InvalidIdentifier, "the id in the path must be a UUID of your own")
    })
}

impl From<ClaimError> for Error {
    fn from(error: ClaimError) -> Self {
        Self::problem(ProblemKind::BadRequest, error.to_string())
    }
}
