//! The wire of answers for many.

use super::super::answer::SummaryAnswer;
use super::super::http::sections;
use super::super::window;
use super::answering::{self, Question};
use super::asked::{self, AskedFor, LineBody};
use crate::config::{Limits, Safety};
use crate::domain::attendance::summary::Reading;
use crate::gate::{Asked, Children, Gate, Released, StreamLimits};
use crate::http::{Body, Error, Query, Senders};
use axum::extract::State;
use chrono::NaiveDate;
use serde::Deserialize;
use std::time::Duration;
use utoipa::IntoParams;
use uuid::Uuid;

/// Limits of answers for many, and places for those under way. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Streams {
    lines: usize,
    limits: StreamLimits,
    any: Senders,
    areas: Senders,
}

impl Streams {
    /// With the limits of a configuration. Of an area a system gets one answer at a time.
    pub fn new(limits: &Limits) -> Self {
        Self {
            lines: limits.stream_lines,
            limits: StreamLimits {
                stall: Duration::from_secs(limits.stream_stall_seconds),
                whole: Duration::from_secs(limits.stream_seconds),
            },
            any: Senders::new(limits.streams_per_system),
            areas: Senders::new(1),
        }
    }
}

/// What part of each summary is asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct ManyQuery {
    /// First day; the first session of the school year unless given. Roles without `sessions` get whole school weeks.
    from: Option<NaiveDate>,
    /// Last day; the last session that is over unless given.
    to: Option<NaiveDate>,
    /// Sections, separated by commas; all that are permitted unless given.
    sections: Option<String>,
}

/// A body of lines; never made, it names the route's answer.
#[derive(Debug)]
pub enum ManyAnswer {}

/// Gives the summaries of a caseload, or of an attendance officer's own area, one JSON object a line.
///
/// Lines stand in the order of the request. Each is the answer that the child's own summary would be at this moment, or,
/// whatever the reason, the one line `{"no_answer":true,"caution":"…"}`. An area's lines are of all children that the
/// officer may ask about, in no order. The last line is `{"trailer":{"count":…,"digest":"…"}}`: how many lines came before
/// it, and the SHA-256 of all their bytes, line ends included. An answer without it broke off.
#[utoipa::path(
    post, path = "/v1/attendance-summaries", tag = "summaries", params(ManyQuery),
    request_body(content = LineBody, content_type = "application/x-ndjson",
                 description = "One child a line, or the one line `{\"area\": \"own\"}`"),
    responses((status = 200, body = SummaryAnswer, content_type = "application/x-ndjson", description = "One line for each child, then the trailer"),
              (status = 400, description = "A line cannot be read; nothing was answered"),
              (status = 413, description = "More lines than are taken at a time"),
              (status = 429, description = "Answers of this system are under way, or too many requests; come back after `Retry-After`"))
)]
pub async fn read_many_summaries(
    State(gate): State<Gate>,
    State(safety): State<Safety>,
    State(reading): State<Reading>,
    State(streams): State<Streams>,
    asked: Asked,
    Query(query): Query<ManyQuery>,
    body: Body,
) -> Result<Released<ManyAnswer>, Error> {
    let sections = sections(query.sections.as_deref())?;
    let (window, now) = ((query.from, query.to), gate.clock().school_now());
    let span = |live| window::span(window, live, now, reading);
    let spans = [span(false)?, span(true)?];
    let permit = gate.open_many(asked, sections).await?;
    let system: Uuid = permit.system().0;
    let mut places = vec![streams.any.place(system)?];
    let children = match asked::read(&body.read().await?, permit.purpose().is_a_case(), streams.lines)? {
        AskedFor::Lines(lines) => Children::named(lines),
        AskedFor::OwnArea => {
            places.push(streams.areas.place(system)?);
            gate.own_area(&permit).await?
        }
    };
    let (released, steps, lines) = gate.begin_lines(permit, children, streams.limits).await?;
    let question = Question { gate, spans, caution: safety.caution() };
    tokio::spawn(async move {
        // Held until the last line is handed on, or the answer has broken off.
        let _places = places;
        answering::answer(question, steps, lines).await;
    });
    Ok(released)
}
