//! The summary that the claim of an emergency opens: four sections, to the claimant, while it lasts.

use super::answer::SummaryAnswer;
use super::figures;
use super::http::sections;
use super::window::{self, Span};
use crate::config::Safety;
use crate::domain::attendance::summary::Reading;
use crate::domain::purpose::Section;
use crate::gate::{Asked, Gate, Refusal, Released};
use crate::http::{Error, Path, ProblemKind, Query};
use crate::registers;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

/// What part of it is asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct EmergencyQuery {
    /// Sections, separated by commas; all four unless given.
    sections: Option<String>,
}

/// Gives the headline, when the child was last seen at school, its placement and whom at the school to ring.
#[utoipa::path(
    get, path = "/v1/emergencies/{id}/summary", tag = "summaries",
    params(("id" = String, Path, description = "Of the emergency, as its claim was answered"), EmergencyQuery),
    responses((status = 200, body = SummaryAnswer),
              (status = 403, description = "Not a proved social worker, for whichever child"),
              (status = 404, description = "No answer: says nothing of whether the child exists"))
)]
pub async fn read_emergency_summary(
    State(gate): State<Gate>,
    State(safety): State<Safety>,
    State(reading): State<Reading>,
    asked: Asked,
    Path(id): Path<String>,
    Query(query): Query<EmergencyQuery>,
) -> Result<Released<SummaryAnswer>, Error> {
    let shown = sections(query.sections.as_deref())?;
    let id = Uuid::parse_str(&id).map_err(|_| {
        Error::problem(ProblemKind::InvalidIdentifier, "the id in the path must be that of an emergency")
    })?;
    let permit = gate.open_emergency(asked, id, shown).await?;
    let live = permit.entitled().has(Section::Sessions);
    let span = window::span((None, None), live, gate.clock().school_now(), reading)?;
    let span = Span { shown, ..span };
    let record = registers::child_record(gate.db(), &permit, span.years()).await.map_err(Refusal::from)?;
    let directory = gate.directory().current();
    let answer =
        figures::answer(&permit, &record, span, &directory, safety.caution()).map_err(Refusal::from)?;
    Ok(gate.release(permit, StatusCode::OK, answer).await?)
}
