//! The wire by which a privacy officer lets the organisation's systems go on, and how it is told that they were stopped.

use crate::directory::Scope;
use crate::gate::{Answer, Asked, Duty, Gate, Refusal, Released};
use crate::http::{Error, Metrics};
use crate::outbox::{self, Notice, NoticeKind};
use crate::policy::Action;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// What goes on.
#[derive(Debug, Serialize, ToSchema)]
pub struct LaneAnswer {
    /// Lanes that stood still until now: `cases`, and for an authority `area`.
    released: u64,
}

impl Answer for LaneAnswer {}

/// Lets the organisation's systems read on. What they have read today until now counts no more.
#[utoipa::path(
    post, path = "/v1/system-lane/release", tag = "disclosures",
    responses((status = 200, body = LaneAnswer), (status = 403, description = "Not the privacy officer in person"))
)]
pub async fn release_system_lane(
    State(gate): State<Gate>,
    asked: Asked,
) -> Result<Released<LaneAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Audit, Action::LetGoOn)?;
    if let Some(done) = gate.done_before(&permit, b"").await? {
        // What it let go on it let go on then; what was stopped since waits for a word of its own.
        return Ok(gate.release(permit, done.status, LaneAnswer { released: 0 }).await?);
    }
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let released = gate.let_lanes_go(&permit, &mut tx).await.map_err(Refusal::from)?;
    permit.note_record("system lane".to_owned());
    Ok(gate.commit(permit, tx, StatusCode::OK, LaneAnswer { released }).await?)
}

/// Tells each organisation whose systems were stopped, once; says how many were told.
pub async fn tell_stopped(gate: &Gate, metrics: &Metrics) -> Result<u64, Refusal> {
    let stopped = gate.stopped_lanes().await?;
    if stopped.is_empty() {
        return Ok(0);
    }
    let permit = gate.open_duty(Duty::StopLane).await?.because("told");
    let mut tx = gate.db().begin().await?;
    let mut told = 0;
    for one in stopped {
        let subject = format!("{} {}", one.lane, one.stopped_at.to_rfc3339());
        let body = json!({"lane": one.lane, "stopped_at": one.stopped_at}).to_string();
        let notice = Notice { kind: NoticeKind::SystemLaneStopped, subject: &subject, body: &body };
        if outbox::notify(&mut tx, one.organisation(), notice, gate.clock().now()).await? {
            metrics.alarm("system_lane_stopped");
            told += 1;
        }
    }
    if told > 0 {
        gate.commit_duty(permit, tx, told).await?;
    }
    Ok(told)
}
