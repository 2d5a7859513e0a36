//! The wire of involvements: always 202, whatever is known of the child.

use super::caseloads::is_unconfirmed;
use super::matching::LAPSE_DAYS;
use super::sending::{Upload, put};
use super::single::{self, Single};
use super::{Claim, ClaimBody, ClaimError, Matcher, Sending, storage};
use crate::directory::Scope;
use crate::domain::calendar::london;
use crate::gate::{Answer, Asked, Gate, OfOrganisation, Permit, Refusal, Released};
use crate::http::{Body, Error, Path, ProblemKind, Query};
use crate::policy::Action;
use axum::extract::State;
use chrono::{NaiveDate, TimeDelta};
use http::StatusCode;
use serde::{Deserialize, Serialize};
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
    /// Of a whole caseload: open ones of the system that it does not list, and that ended with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended: Option<u64>,
    /// Of a whole caseload that waits for a person: open ones of the system that it would end. Nothing but what it lists
    /// was taken from it: that is confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<u64>,
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
    let single = Some(Single::of(&gate, &permit, id).await?);
    put(&gate, (&matcher, &sending), permit, vec![claim], Upload { body: &body, whole: false, single }).await
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
    let single = Single::of(&gate, &permit, id).await?;
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    single.still_stands(&gate, &mut tx, &permit).await?;
    let at = gate.clock().school_now();
    let end = storage::end(&mut tx, (permit.organisation(), permit.system()), id, at);
    let ended = end.await.map_err(Refusal::from)?;
    if ended.ended > 0 {
        permit.note_written(format!("involvement {id}"), b"");
    }
    Ok(gate.commit(permit, tx, StatusCode::ACCEPTED, ended).await?)
}

/// What became of a family's agreement that was to be withdrawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct WithdrawnAnswer {
    /// Withdrawn now: nothing is given under it from the next request on.
    pub(super) withdrawn: u64,
    /// There was none, or it had been withdrawn.
    pub(super) unchanged: u64,
    /// It is of another system of the organisation, and stands.
    pub(super) of_another_system: u64,
}

impl Answer for WithdrawnAnswer {}

/// Withdraws the family's agreement on which an involvement rests. It stays withdrawn, whatever is sent again, until
/// another agreement is recorded.
#[utoipa::path(
    delete, path = "/v1/involvements/{id}/family-agreement", tag = "involvements",
    params(("id" = String, Path, description = "The UUID under which it was opened")),
    responses((status = 202, body = WithdrawnAnswer))
)]
pub async fn withdraw_family_agreement(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Released<WithdrawnAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Involvements, Action::WriteInvolvement)?;
    let id = uuid(&id)?;
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let whose = (permit.organisation(), permit.system());
    let withdrawn =
        storage::withdraw(&mut tx, whose, id, gate.clock().today()).await.map_err(Refusal::from)?;
    if withdrawn.withdrawn > 0 {
        permit.note_written(format!("family agreement of involvement {id}"), b"");
    }
    Ok(gate.commit(permit, tx, StatusCode::ACCEPTED, withdrawn).await?)
}

/// Ends an involvement to which the young person, who understands what it means, has objected: of school nursing, or of support
/// for mental health. It stays ended, whatever is sent again of the case. One of another kind goes on.
#[utoipa::path(
    post, path = "/v1/involvements/{id}/objection", tag = "involvements",
    params(("id" = String, Path, description = "The UUID under which it was opened")),
    responses((status = 202, body = EndedAnswer))
)]
pub async fn object_to_involvement(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Released<EndedAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Involvements, Action::WriteInvolvement)?;
    let id = uuid(&id)?;
    let done = gate.done_before(&permit, b"").await?;
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let whose = (permit.organisation(), permit.system());
    let moment = (gate.clock().school_now(), gate.clock().today());
    let ended = storage::object(&mut tx, whose, id, moment).await.map_err(Refusal::from)?;
    if let Some(done) = done {
        // What it ended stays ended: asked again it says so, and changes nothing.
        drop(tx);
        permit.note_record(format!("objection to involvement {id}"));
        return Ok(gate.release(permit, done.status, ended).await?);
    }
    if ended.ended > 0 {
        permit.note_written(format!("objection to involvement {id}"), b"");
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
    /// The day on which it was last sent or listed, where that is seven days ago or longer: five working days later it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    unconfirmed_since: Option<NaiveDate>,
    /// What it is known by as it stands, for `If-Match` of the same system, person, role and purpose; absent once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
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
    let confirmed_today = london(gate.clock().now()).date();
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
            unconfirmed_since: row
                .confirmed_at
                .map(|at| london(at).date())
                .filter(|day| state(row) == "accessible" && is_unconfirmed(*day, confirmed_today)),
            etag: row.under().state().and_then(|state| gate.tag_at(&permit, &single::path(row.id), &state)),
        })
        .collect();
    Ok(gate.release(permit, StatusCode::OK, ReportAnswer { involvements, next_cursor }).await?)
}

/// The team and the kind must be this system's own to name; both are of the agency's own directory entry, so that
/// refusing another tells nothing of any child.
pub(super) fn within(gate: &Gate, permit: &Permit<OfOrganisation>, claim: &Claim) -> Result<(), Error> {
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

pub(super) fn uuid(text: &str) -> Result<Uuid, Error> {
    Uuid::parse_str(text).map_err(|_| {
        Error::problem(ProblemKind::InvalidIdentifier, "the id in the path must be a UUID of your own")
    })
}

impl From<ClaimError> for Error {
    fn from(error: ClaimError) -> Self {
        Self::problem(ProblemKind::BadRequest, error.to_string())
    }
}
