//! A manager of another team countersigns an emergency, or the claimant's right is lost until one does.

use super::storage;
use crate::domain::staff::Mark;
use crate::gate::{Answer, Asked, Gate, OfPerson, Permit, Refusal, Released};
use crate::http::{Error, Path, ProblemKind};
use crate::involvements::http::uuid;
use crate::policy::Action;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A claim as a manager sees it before signing: who claimed, and why. The child is not named.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClaimedAnswer {
    person: String,
    teams: Vec<String>,
    category: String,
    text: String,
    claimed_at: DateTime<Utc>,
    countersign_by: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    countersigned_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    countersigned_by: Option<String>,
    /// Where it opened nothing: the limit of the claimant's own that it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_opened: Option<String>,
}

impl Answer for ClaimedAnswer {}

/// That a claim is countersigned.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct CountersignedAnswer {
    /// Whether it was not before.
    signed_now: bool,
}

impl Answer for CountersignedAnswer {}

/// Opens for a manager of another team than the claimant's, and never for the claimant.
async fn opened(gate: &Gate, asked: Asked, id: &str) -> Result<(Permit<OfPerson>, storage::OwnClaim), Error> {
    let permit = gate.open_as_person(asked, Action::CountersignEmergency, Some(Mark::Manager))?;
    let id = uuid(id)?;
    let claim = storage::claimed(gate.db(), permit.organisation(), id).await.map_err(Refusal::from)?;
    let claim = claim.ok_or(Refusal::NotFound)?;
    permit.note_record(format!("emergency claim {}", claim.claim_id));
    // Marks are of the organisation that is acted for, and so are the teams that they name.
    let managed = gate.managed_teams(&permit);
    let elsewhere = managed.iter().any(|team| !claim.is_own_team((permit.organisation(), team)));
    // Where another organisation acts, the claimant's teams are that one's own, and so are the manager's.
    let beside = claim.is_beside(permit.own_organisation(), permit.organisation(), permit.teams());
    if claim.person == permit.person() || !elsewhere || beside {
        permit.note_malformed("own_team");
        let detail = "a manager of another team than the claimant's countersigns, and never the claimant";
        return Err(Error::problem(ProblemKind::Forbidden, detail));
    }
    Ok((permit, claim))
}

/// Shows a claim to whoever may countersign it.
#[utoipa::path(
    get, path = "/v1/emergencies/{id}/countersignature", tag = "involvements",
    params(("id" = String, Path, description = "Of the emergency, as the notice named it")),
    responses((status = 200, body = ClaimedAnswer),
              (status = 403, description = "Not a manager of another team than the claimant's"),
              (status = 404, description = "No claim of the own organisation"))
)]
pub async fn read_emergency_claim(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Released<ClaimedAnswer>, Error> {
    let (permit, claim) = opened(&gate, asked, &id).await?;
    let answer = ClaimedAnswer {
        person: claim.person,
        teams: claim.teams.split(' ').filter(|team| !team.is_empty()).map(str::to_owned).collect(),
        category: claim.category,
        text: claim.reason,
        claimed_at: claim.claimed_at,
        countersign_by: claim.countersign_by,
        countersigned_at: claim.countersigned_at,
        countersigned_by: claim.countersigned_by,
        not_opened: claim.not_opened,
    };
    Ok(gate.release(permit, StatusCode::OK, answer).await?)
}

/// Countersigns a claim, of all its children at once: late too, which gives the claimant the right back.
#[utoipa::path(
    post, path = "/v1/emergencies/{id}/countersignature", tag = "involvements",
    params(("id" = String, Path, description = "Of the emergency, as the notice named it")),
    responses((status = 200, body = CountersignedAnswer),
              (status = 403, description = "Not a manager of another team than the claimant's"),
              (status = 404, description = "No claim of the own organisation"))
)]
pub async fn countersign_emergency(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Released<CountersignedAnswer>, Error> {
    let (permit, claim) = opened(&gate, asked, &id).await?;
    if let Some(done) = gate.done_before(&permit, b"").await? {
        return Ok(gate.release(permit, done.status, CountersignedAnswer { signed_now: false }).await?);
    }
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let now = gate.clock().school_now();
    let signed = storage::countersign(&mut tx, claim.claim_id, permit.person(), now).await;
    let signed_now = signed.map_err(Refusal::from)? > 0;
    if signed_now {
        permit.note_written(format!("emergency claim {}", claim.claim_id), b"");
    }
    Ok(gate.commit(permit, tx, StatusCode::OK, CountersignedAnswer { signed_now }).await?)
}
