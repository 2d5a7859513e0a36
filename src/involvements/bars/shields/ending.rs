//! Confirming a school's shield, which else lapses, and ending one.

use super::super::lines;
use super::super::storage::{self, Shield};
use crate::domain::staff::Mark;
use crate::gate::{Answer, Asked, Gate, Refusal, Released};
use crate::http::{Body, Error, Path, ProblemKind, case_reference};
use crate::involvements::http::uuid;
use crate::outbox::{self, Notice, NoticeKind};
use crate::policy::Action;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// What the authority says of a school's shield.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmBody {
    /// `true`: it stands until it is ended; `false`: it ends now.
    confirm: bool,
}

/// That a bar ends.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndBody {
    /// The child, as the caller's own handle.
    pub(in crate::involvements::bars) pupil_id: String,
}

/// What a bar now is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct EndedShieldAnswer {
    /// Whether it goes on standing.
    pub(in crate::involvements::bars) stands: bool,
    /// Whether this call changed that.
    pub(in crate::involvements::bars) changed: bool,
}

impl Answer for EndedShieldAnswer {}

impl EndedShieldAnswer {
    /// What ended in a call before: it does not stand again.
    pub(in crate::involvements::bars) const ENDED_BEFORE: Self = Self { stands: false, changed: false };
}

/// Confirms the shield of one of the authority's schools, or declines it, as a manager of its social care.
#[utoipa::path(
    post, path = "/v1/shields/{id}/confirmation", tag = "involvements",
    params(("id" = String, Path, description = "Of the shield, as the notice named it")), request_body = ConfirmBody,
    responses((status = 200, body = EndedShieldAnswer), (status = 403, description = "Not a manager of social care"),
              (status = 404, description = "No shield of a school of this authority's that stands"))
)]
pub async fn confirm_shield(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Result<Released<EndedShieldAnswer>, Error> {
    let permit = gate.open_as_person(asked, Action::ConfirmShield, Some(Mark::Manager))?;
    let id = uuid(&id)?;
    let bytes = body.read().await?;
    let ConfirmBody { confirm } = crate::http::json(&bytes)?;
    let done = gate.done_before(&permit, &bytes).await?;
    let (now, today) = (gate.clock().school_now(), gate.clock().today());
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let shield = storage::shield(&mut tx, id).await.map_err(Refusal::from)?;
    let own = |s: &Shield| s.authority_id == Some(permit.organisation().0);
    let shield = shield.filter(|s| own(s) && (done.is_some() || s.stands(today))).ok_or(Refusal::NotFound)?;
    permit.note_child(shield.pupil());
    if let Some(done) = done {
        let answer = EndedShieldAnswer { stands: shield.stands(today), changed: false };
        return Ok(gate.release(permit, done.status, answer).await?);
    }
    let changed = if confirm {
        storage::confirm(&mut tx, id, permit.person(), now).await.map_err(Refusal::from)?
    } else {
        storage::end_shield(&mut tx, id, (permit.person(), now)).await.map_err(Refusal::from)?
    };
    if changed {
        let ends_at = (!confirm).then_some(now);
        lines::end(&mut tx, id, ends_at).await.map_err(Refusal::from)?;
        let told = json!({"shield": id, "confirmed": confirm}).to_string();
        let subject = id.to_string();
        let notice = Notice { kind: NoticeKind::ShieldDecided, subject: &subject, body: &told };
        outbox::notify(&mut tx, shield.organisation(), notice, gate.clock().now())
            .await
            .map_err(Refusal::from)?;
        permit.note_written(format!("shield {id}"), &bytes);
    }
    Ok(gate.commit(permit, tx, StatusCode::OK, EndedShieldAnswer { stands: confirm, changed }).await?)
}

/// Ends a shield, as one who may set it on this child, of the organisation that did.
#[utoipa::path(
    post, path = "/v1/shields/{id}/end", tag = "involvements",
    params(("id" = String, Path, description = "Of the shield"),
           ("Case-Reference" = Option<String>, Header, description = "Required where the purpose is a case")),
    request_body = EndBody,
    responses((status = 200, body = EndedShieldAnswer),
              (status = 404, description = "No child of the caller's own, or no shield on it that the organisation set"))
)]
pub async fn end_shield(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Released<EndedShieldAnswer>, Error> {
    gate.could_bar(&asked, Action::SetShield)?;
    let bytes = body.read().await?;
    let sent: EndBody = crate::http::json(&bytes)?;
    let (id, reference) = (uuid(&id)?, case_reference(&headers)?);
    let permit = gate.open_bar(asked, (&sent.pupil_id, reference), Action::SetShield).await?;
    if let Some(done) = gate.done_before(&permit, &bytes).await? {
        return Ok(gate.release(permit, done.status, EndedShieldAnswer::ENDED_BEFORE).await?);
    }
    let now = gate.clock().school_now();
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let shield = storage::shield(&mut tx, id).await.map_err(Refusal::from)?;
    let own = |s: &Shield| s.pupil() == permit.pupil() && s.organisation() == permit.organisation();
    if !shield.as_ref().is_some_and(own) {
        return Err(Refusal::NotFound.into());
    }
    let changed = storage::end_shield(&mut tx, id, (permit.person(), now)).await.map_err(Refusal::from)?;
    if changed {
        lines::end(&mut tx, id, Some(now)).await.map_err(Refusal::from)?;
        permit.note_written(format!("shield {id}"), &bytes);
    }
    Ok(gate.commit(permit, tx, StatusCode::OK, EndedShieldAnswer { stands: false, changed }).await?)
}

/// What is refused of an id that another bar has.
pub(in crate::involvements::bars) fn taken() -> Error {
    let detail = "another stands under this id; end it, and set this one under an id of its own";
    Error::problem(ProblemKind::Conflict, detail)
}
