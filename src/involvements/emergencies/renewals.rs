//! Thirty minutes more: once at once within 72 hours, with a reason; after that when the manager on call says so, or with an
//! alarm when nobody answers.

use super::renewed;
use super::storage::{self, Claimant};
use crate::domain::bars::{self, EMERGENCY_RENEWABLE, Opening};
use crate::domain::staff::Mark;
use crate::gate::{Answer, Asked, Gate, Refusal, Released};
use crate::http::{Body, Error, Path, ProblemKind};
use crate::involvements::http::uuid;
use crate::involvements::texts::checked;
use crate::outbox::{self, Notice, NoticeKind};
use crate::policy::Action;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Why a claim is to be open for thirty minutes more.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewalBody {
    /// In the claimant's words: 10 to 500 characters.
    reason: String,
}

/// When it opens. Nothing in it depends on any child.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct RenewalAnswer {
    /// Of the renewals of this claim, from 1.
    number: i64,
    /// Whether the manager on call is asked first; where nobody answers until `opens_at`, it opens then, with an alarm.
    waits_for_manager: bool,
    /// From when it is open; absent where it does not open until a manager allows it: one has said no before.
    #[serde(skip_serializing_if = "Option::is_none")]
    opens_at: Option<DateTime<Utc>>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
}

impl RenewalAnswer {
    fn of(number: i64, waits_for_manager: bool, opening: Opening) -> Self {
        let opens = opening.from < opening.until;
        let (opens_at, until) = (opens.then_some(opening.from), opens.then_some(opening.until));
        Self { number, waits_for_manager, opens_at, until }
    }
}

impl Answer for RenewalAnswer {}

/// What the manager on call says.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewalDecision {
    /// Whether it may open.
    allow: bool,
}

/// Asks to have the claimant's own claim open for thirty minutes more. While one waits, or is open, there is no other: the same
/// is answered.
#[utoipa::path(
    post, path = "/v1/emergencies/{id}/renewals", tag = "involvements",
    params(("id" = String, Path, description = "Of the emergency")), request_body = RenewalBody,
    responses((status = 202, body = RenewalAnswer), (status = 404, description = "No claim of the person's own"),
              (status = 409, description = "Claimed more than 72 hours ago, or the person's right is lost"))
)]
pub async fn renew_emergency(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Result<Released<RenewalAnswer>, Error> {
    let permit = gate.open_emergency_claim(asked)?;
    let id = uuid(&id)?;
    let body = body.read().await?;
    let sent: RenewalBody = crate::http::json(&body)?;
    let reason = checked("reason", &sent.reason, (10, 500))?;
    let (now, today) = (gate.clock().school_now(), gate.clock().today());
    let (organisation, system) = (permit.organisation(), permit.system());
    let claim = storage::claimed(gate.db(), organisation, id).await.map_err(Refusal::from)?;
    let own = claim.filter(|claim| claim.person == permit.person() && claim.not_opened.is_none());
    let claim = own.ok_or(Refusal::NotFound)?;
    if let Some(done) = gate.done_before(&permit, &body).await? {
        let number = done.record.as_deref().and_then(|number| number.parse().ok()).ok_or(Refusal::Answer)?;
        let one = renewed::one(gate.db(), id, number).await.map_err(Refusal::from)?;
        let one = one.ok_or(Refusal::NotFound)?;
        permit.note_record(format!("emergency {id} renewal {number}"));
        let opening = Opening { from: one.opens_at, until: one.closes_at };
        let answer = RenewalAnswer::of(number, one.waits(now), opening);
        return Ok(gate.release(permit, done.status, answer).await?);
    }
    if now > claim.claimed_at + EMERGENCY_RENEWABLE {
        let detail = "the claim is older than 72 hours: open a case, or claim again";
        return Err(Error::problem(ProblemKind::Conflict, detail));
    }
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let own = permit.own_organisation();
    let who =
        Claimant { organisation, own, system, person: permit.person(), teams: permit.teams(), now, today };
    if storage::lost(&mut tx, who).await.map_err(Refusal::from)? {
        let detail = "an earlier emergency of yours was not countersigned in time: have a manager of another team do so";
        return Err(Error::problem(ProblemKind::Conflict, detail));
    }
    let newest = renewed::newest(&mut tx, id).await.map_err(Refusal::from)?;
    if let Some(same) = newest.filter(|one| one.waits(now) || one.is_open(now)) {
        let opening = Opening { from: same.opens_at, until: same.closes_at };
        let answer = RenewalAnswer::of(same.number, same.waits(now), opening);
        permit.note_record(format!("emergency {id} renewal {}", same.number));
        permit.keeps(same.number);
        return Ok(gate.commit(permit, tx, StatusCode::ACCEPTED, answer).await?);
    }
    let number = newest.map_or(0, |one| one.number) + 1;
    let (opening, waits) = bars::renewed(number, now, newest.is_some_and(|one| one.was_refused()));
    let written = renewed::renew(&mut tx, (id, number), &reason, (opening, waits), now).await;
    written.map_err(Refusal::from)?;
    let answer = RenewalAnswer::of(number, waits, opening);
    if waits {
        let told = json!({"emergency": id, "number": number, "opens_at": answer.opens_at}).to_string();
        let subject = format!("{id} {number}");
        let notice = Notice { kind: NoticeKind::EmergencyRenewalWaits, subject: &subject, body: &told };
        outbox::notify(&mut tx, organisation, notice, gate.clock().now()).await.map_err(Refusal::from)?;
    }
    permit.note_written(format!("emergency {id} renewal {number}"), &body);
    permit.keeps(number);
    Ok(gate.commit(permit, tx, StatusCode::ACCEPTED, answer).await?)
}

/// That a manager's answer was taken.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct RenewalAnswered {
    /// Whether it may open, and does so now.
    allowed: bool,
}

impl Answer for RenewalAnswered {}

/// Answers a renewal that waits, as a manager and never as the claimant.
#[utoipa::path(
    post, path = "/v1/emergencies/{id}/renewals/{number}/answer", tag = "involvements",
    params(("id" = String, Path, description = "Of the emergency"), ("number" = i64, Path, description = "Of the renewal")),
    request_body = RenewalDecision,
    responses((status = 200, body = RenewalAnswered), (status = 404, description = "No claim of the own organisation"),
              (status = 409, description = "It does not wait"))
)]
pub async fn answer_renewal(
    State(gate): State<Gate>,
    asked: Asked,
    Path((id, number)): Path<(String, i64)>,
    body: Body,
) -> Result<Released<RenewalAnswered>, Error> {
    let permit = gate.open_as_person(asked, Action::CountersignEmergency, Some(Mark::Manager))?;
    let id = uuid(&id)?;
    let body = body.read().await?;
    let RenewalDecision { allow } = crate::http::json(&body)?;
    let claim = storage::claimed(gate.db(), permit.organisation(), id).await.map_err(Refusal::from)?;
    let claim = claim.ok_or(Refusal::NotFound)?;
    if claim.person == permit.person() {
        permit.note_malformed("own_claim");
        return Err(Error::problem(ProblemKind::Forbidden, "the claimant does not answer their own renewal"));
    }
    if let Some(done) = gate.done_before(&permit, &body).await? {
        return Ok(gate.release(permit, done.status, RenewalAnswered { allowed: allow }).await?);
    }
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let now = gate.clock().school_now();
    if allow && now > claim.claimed_at + EMERGENCY_RENEWABLE {
        let detail = "the claim is older than 72 hours: open a case, or claim again";
        return Err(Error::problem(ProblemKind::Conflict, detail));
    }
    let answered = renewed::answer(&mut tx, (id, number), (permit.person(), allow), now).await;
    if !answered.map_err(Refusal::from)? {
        return Err(Error::problem(
            ProblemKind::Conflict,
            "there is no such renewal that waits for an answer",
        ));
    }
    permit.note_written(format!("emergency {id} renewal {number}"), &body);
    Ok(gate.commit(permit, tx, StatusCode::OK, RenewalAnswered { allowed: allow }).await?)
}
