//! Claiming an emergency: always 202, whatever is known of the child.

use super::claim::{Emergency, EmergencyBody};
use super::look;
use super::storage::{self, Claimant};
use crate::config::Safety;
use crate::domain::bars::{NotOpened, Opening};
use crate::domain::working_days::BankHolidays;
use crate::gate::{Answer, Asked, Done, Gate, OfPerson, Permit, Refusal, Released};
use crate::http::{Body, Error};
use crate::involvements::Matcher;
use crate::outbox::{self, Notice, NoticeKind};
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// What became of a claim. It says nothing of any child: only what the claimant's own limits let it open.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EmergencyAnswer {
    /// Of the first child; what `GET /v1/emergencies/{id}/summary` takes.
    id: Uuid,
    /// One for each child, in the order in which they were sent.
    emergencies: Vec<EmergencyOpened>,
    /// The last day on which a manager of another team can countersign, before the claimant's right is lost.
    countersign_by: NaiveDate,
    /// What an answer does not mean, and whom to ring.
    caution: String,
}

/// One child of a claim.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EmergencyOpened {
    /// What its summary is asked for with.
    id: Uuid,
    /// Whether the claim opens anything, if the child is here.
    opens: bool,
    /// Where it does not: `three_today`, `same_child_this_week` or `not_countersigned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
    /// Until when it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
}

impl Answer for EmergencyAnswer {}

/// Claims an emergency: a proved social worker's, before any case is open.
#[utoipa::path(
    post, path = "/v1/emergencies", tag = "involvements", request_body = EmergencyBody,
    responses((status = 202, body = EmergencyAnswer), (status = 400, description = "The claim cannot be read"),
              (status = 403, description = "Not a proved social worker, for whichever child"))
)]
pub async fn claim_emergency(
    State(gate): State<Gate>,
    State(matcher): State<Matcher>,
    State(safety): State<Safety>,
    State(holidays): State<Arc<BankHolidays>>,
    asked: Asked,
    body: Body,
) -> Result<Released<EmergencyAnswer>, Error> {
    let permit = gate.open_emergency_claim(asked)?;
    let body = body.read().await?;
    let (now, today) = (gate.clock().school_now(), gate.clock().today());
    let claim = Emergency::read(crate::http::json(&body)?, now)?;
    if let Some(done) = gate.done_before(&permit, &body).await? {
        return told_again(&gate, permit, &done, &safety).await;
    }
    let countersign_by = holidays.working_days_after(today, 1);
    let claim_id = Uuid::now_v7();
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let (organisation, system) = (permit.organisation(), permit.system());
    let own = permit.own_organisation();
    let who =
        Claimant { organisation, own, system, person: permit.person(), teams: permit.teams(), now, today };
    let limit = storage::limit(&mut tx, who).await.map_err(Refusal::from)?;
    let mut emergencies = Vec::with_capacity(claim.children.len());
    for child in &claim.children {
        let before = storage::named_before(&mut tx, who, &child.digest).await.map_err(Refusal::from)?;
        let why_not = limit.or(before.then_some(NotOpened::SameChildThisWeek));
        let id = Uuid::now_v7();
        let written =
            storage::insert(&mut tx, who, (claim_id, id), (&claim, child), (why_not, countersign_by));
        written.await.map_err(Refusal::from)?;
        emergencies.push(EmergencyOpened {
            id,
            opens: why_not.is_none(),
            why_not: why_not.map(|why| why.as_str().to_owned()),
            until: why_not.is_none().then(|| Opening::from(now).until),
        });
    }
    let id = emergencies.first().map_or(claim_id, |first| first.id);
    let told = json!({"emergency": id, "category": claim.category.as_str(), "teams": permit.teams(),
                      "countersign_by": countersign_by})
    .to_string();
    let subject = claim_id.to_string();
    let notice = Notice { kind: NoticeKind::EmergencyClaimed, subject: &subject, body: &told };
    outbox::notify(&mut tx, organisation, notice, gate.clock().now()).await.map_err(Refusal::from)?;
    permit.note_written(format!("emergency claim {claim_id}"), &body);
    permit.keeps(claim_id);
    let answer = EmergencyAnswer { id, emergencies, countersign_by, caution: safety.caution() };
    let released = gate.commit(permit, tx, StatusCode::ACCEPTED, answer).await?;
    look::before_answering(&gate).await;
    matcher.wake();
    Ok(released)
}

/// Tells the claimant's own claim again, as it was opened: what was found of its children since is in no answer.
async fn told_again(
    gate: &Gate,
    permit: Permit<OfPerson>,
    done: &Done,
    safety: &Safety,
) -> Result<Released<EmergencyAnswer>, Error> {
    let claim_id = done.id()?;
    let whose = (permit.organisation(), permit.system(), permit.person());
    let claimed = storage::of_claim(gate.db(), whose, claim_id).await.map_err(Refusal::from)?;
    let first = claimed.first().ok_or(Refusal::NotFound)?;
    let (id, countersign_by) = (first.id, first.countersign_by);
    let opened = |one: &storage::Told| EmergencyOpened {
        id: one.id,
        opens: one.why_not.is_none(),
        why_not: one.why_not.clone(),
        until: one.why_not.is_none().then(|| Opening::from(one.claimed_at).until),
    };
    let emergencies = claimed.iter().map(opened).collect();
    permit.note_record(format!("emergency claim {claim_id}"));
    let answer = EmergencyAnswer { id, emergencies, countersign_by, caution: safety.caution() };
    Ok(gate.release(permit, done.status, answer).await?)
}
