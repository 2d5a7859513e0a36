//! Deciding that telling somebody of a child would do it more harm than not telling: who is named gets the one refusal.

use super::lines;
use super::people::{WhomBody, named};
use super::shields::{EndBody, EndedShieldAnswer, reviewed, taken};
use super::storage::{self, NewDecision};
use crate::crypto::sha256;
use crate::domain::bars::BarSort;
use crate::gate::{Answer, Asked, Gate, Refusal, Released};
use crate::http::{Body, Error, Path, case_reference};
use crate::involvements::http::uuid;
use crate::involvements::texts::checked;
use crate::policy::Action;
use axum::extract::State;
use chrono::NaiveDate;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;
use uuid::Uuid;

/// A decision to withhold, as it is sent.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithheldBody {
    /// The child, as the caller's own handle.
    pupil_id: String,
    /// From whom it is withheld.
    from: Vec<WhomBody>,
    /// Why telling would be more detrimental to the child than not: 10 to 1,000 characters.
    ground: String,
    /// When somebody looks at it again: within a year.
    review_on: NaiveDate,
}

impl fmt::Debug for WithheldBody {
    /// Without whom it is about, and why.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("WithheldBody").field("review_on", &self.review_on).finish_non_exhaustive()
    }
}

/// That a decision stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WithheldAnswer {
    /// Whether it did not before.
    set_now: bool,
    /// Who decided, as the entry says it.
    decided_by: String,
    /// When somebody looks at it again.
    review_on: NaiveDate,
}

impl Answer for WithheldAnswer {}

/// Decides to withhold a child from somebody.
#[utoipa::path(
    put, path = "/v1/withheld-decisions/{id}", tag = "involvements",
    params(("id" = String, Path, description = "A UUID of the client's own"),
           ("Case-Reference" = Option<String>, Header, description = "Required where the purpose is a case")),
    request_body = WithheldBody,
    responses((status = 200, body = WithheldAnswer),
              (status = 403, description = "Not a proved person who may, or from whom it may not be withheld"),
              (status = 404, description = "No child of the caller's own"),
              (status = 409, description = "Another decision stands under this id"))
)]
pub async fn withhold_child(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Released<WithheldAnswer>, Error> {
    gate.could_bar(&asked, Action::Withhold)?;
    let bytes = body.read().await?;
    let (id, reference) = (uuid(&id)?, case_reference(&headers)?);
    withhold(&gate, asked, (id, reference), &bytes).await
}

/// Decides so, as it was sent.
pub async fn withhold(
    gate: &Gate,
    asked: Asked,
    (id, reference): (Uuid, Option<&str>),
    bytes: &[u8],
) -> Result<Released<WithheldAnswer>, Error> {
    let sent: WithheldBody = crate::http::json(bytes)?;
    let permit = gate.open_bar(asked, (&sent.pupil_id, reference), Action::Withhold).await?;
    let directory = gate.directory().current();
    let lines = named(&directory, (&sent.from, BarSort::Withheld), permit.school().is_some())?;
    let ground = checked("ground", &sent.ground, (10, 1_000))?;
    reviewed(gate, sent.review_on)?;
    // Once it has the writer: what others wrote while it waited was there before it.
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let (now, digest) = (gate.clock().school_now(), sha256(&[bytes]));
    let new = NewDecision { id, ground: &ground, digest, decided_at: now, review_on: sent.review_on };
    let set_now = storage::withhold(&mut tx, &permit, &new).await.map_err(Refusal::from)?;
    if set_now {
        lines::put(&mut tx, (permit.pupil(), id), &lines, (now, None)).await.map_err(Refusal::from)?;
        permit.note_written(format!("withheld decision {id}"), bytes);
    } else {
        let stands = storage::decision(&mut tx, id).await.map_err(Refusal::from)?;
        if stands.is_none_or(|s| s.digest != digest || s.organisation_id != permit.organisation().0) {
            return Err(taken());
        }
    }
    let decided_by = permit.person().to_owned();
    let answer = WithheldAnswer { set_now, decided_by, review_on: sent.review_on };
    Ok(gate.commit(permit, tx, StatusCode::OK, answer).await?)
}

/// Ends a decision to withhold, as one who may decide so of this child, of the organisation that did.
#[utoipa::path(
    post, path = "/v1/withheld-decisions/{id}/end", tag = "involvements",
    params(("id" = String, Path, description = "Of the decision"),
           ("Case-Reference" = Option<String>, Header, description = "Required where the purpose is a case")),
    request_body = EndBody,
    responses((status = 200, body = EndedShieldAnswer),
              (status = 404, description = "No child of the caller's own, or no decision on it that the organisation made"))
)]
pub async fn end_withheld_decision(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Released<EndedShieldAnswer>, Error> {
    gate.could_bar(&asked, Action::Withhold)?;
    let bytes = body.read().await?;
    let sent: EndBody = crate::http::json(&bytes)?;
    let (id, reference) = (uuid(&id)?, case_reference(&headers)?);
    let permit = gate.open_bar(asked, (&sent.pupil_id, reference), Action::Withhold).await?;
    if let Some(done) = gate.done_before(&permit, &bytes).await? {
        return Ok(gate.release(permit, done.status, EndedShieldAnswer::ENDED_BEFORE).await?);
    }
    let now = gate.clock().school_now();
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let decision = storage::decision(&mut tx, id).await.map_err(Refusal::from)?;
    let own = |d: &storage::Decision| {
        d.pupil_id == permit.pupil().0 && d.organisation_id == permit.organisation().0
    };
    if !decision.as_ref().is_some_and(own) {
        return Err(Refusal::NotFound.into());
    }
    let ended = storage::end_decision(&mut tx, id, (permit.person(), now)).await.map_err(Refusal::from)?;
    if ended {
        lines::end(&mut tx, id, Some(now)).await.map_err(Refusal::from)?;
        permit.note_written(format!("withheld decision {id}"), &bytes);
    }
    Ok(gate.commit(permit, tx, StatusCode::OK, EndedShieldAnswer { stands: false, changed: ended }).await?)
}
