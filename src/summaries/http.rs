//! The wire of summaries: find a child among one's own, and ask how it has attended.

use super::answer::{Found, SummaryAnswer};
use super::figures;
use super::window::{self, Span, WindowError};
use crate::config::Safety;
use crate::domain::attendance::summary::Reading;
use crate::domain::identifiers::Upn;
use crate::domain::involvement::is_case_reference;
use crate::domain::pupil::match_key;
use crate::domain::purpose::{Section, SectionSet};
use crate::gate::{Asked, ChildRef, Gate, Refusal, Released, Search, Sought};
use crate::http::{Body, Error, Path, ProblemKind, Query, case_reference};
use crate::registers;
use axum::extract::State;
use chrono::{Datelike as _, NaiveDate};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::fmt;
use utoipa::{IntoParams, ToSchema};

/// What part of a summary is asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct SummaryQuery {
    /// First day; the first session of the school year unless given. Roles without `sessions` get whole school weeks.
    from: Option<NaiveDate>,
    /// Last day; the last session that is over unless given.
    to: Option<NaiveDate>,
    /// Sections, separated by commas; all that are permitted unless given.
    sections: Option<String>,
    /// With `true`: which sessions make each count, by class, and by exact code with the section `codes`. It asks for
    /// `sessions`, and is left out where that is not permitted.
    derivation: bool,
}

/// Gives the permitted sections of a child's attendance and punctuality summary.
#[utoipa::path(
    get, path = "/v1/pupils/{pupil_id}/attendance-summary", tag = "summaries",
    params(("pupil_id" = String, Path, description = "The caller's own handle for the child"), SummaryQuery,
           ("Case-Reference" = Option<String>, Header, description = "Required where the purpose is a case")),
    responses((status = 200, body = SummaryAnswer),
              (status = 404, description = "No answer for this child: says nothing of whether it exists"),
              (status = 422, description = "The case reference is not that of a live case of this purpose"))
)]
pub async fn read_attendance_summary(
    State(gate): State<Gate>,
    State(safety): State<Safety>,
    State(reading): State<Reading>,
    asked: Asked,
    Path(pupil_id): Path<String>,
    Query(query): Query<SummaryQuery>,
    headers: HeaderMap,
) -> Result<Released<SummaryAnswer>, Error> {
    let shown = sections(query.sections.as_deref())?;
    let (asked_for, now) = ((query.from, query.to), gate.clock().school_now());
    // What is wrong in the request itself is said before the child is looked at.
    window::span(asked_for, true, now, reading)?;
    let reference = case_reference(&headers)?;
    // Which session makes a count is what `sessions` tells: it is asked for, decided and recorded as that.
    let sections = if query.derivation { shown.with(Section::Sessions) } else { shown };
    let permit = gate.open_child(asked, &pupil_id, reference, sections).await?;
    let live = permit.entitled().has(Section::Sessions);
    let span = window::span(asked_for, live, now, reading)?;
    let span = Span { shown, derivation: query.derivation, ..span };
    let record = registers::child_record(gate.db(), &permit, span.years()).await.map_err(Refusal::from)?;
    let others = registers::counterparts(gate.db(), &permit, span.years()).await.map_err(Refusal::from)?;
    let directory = gate.directory().current();
    let answer = figures::answer(&permit, (&record, &others), span, &directory, safety.caution())
        .map_err(Refusal::from)?;
    Ok(gate.release(permit, StatusCode::OK, answer).await?)
}

pub(super) fn sections(text: Option<&str>) -> Result<SectionSet, Error> {
    let Some(text) = text else { return Ok(SectionSet::all()) };
    let known = |word: &str| {
        Section::parse(word.trim()).ok_or_else(|| {
            let all: Vec<&str> = Section::ALL.iter().map(|s| s.as_str()).collect();
            let detail = format!("`sections` may name, separated by commas: {}", all.join(", "));
            Error::problem(ProblemKind::BadRequest, detail)
        })
    };
    text.split(',').map(known).collect()
}

/// Whom the caller is looking for: its own case reference, a UPN, or name and date of birth.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FindBody {
    /// A case reference of the caller's own.
    case_reference: Option<String>,
    /// A unique pupil number.
    upn: Option<String>,
    /// With `forename` and `date_of_birth`.
    surname: Option<String>,
    /// With `surname` and `date_of_birth`.
    forename: Option<String>,
    /// With `surname` and `forename`.
    date_of_birth: Option<NaiveDate>,
}

impl fmt::Debug for FindBody {
    /// Without whom it names.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("FindBody").finish_non_exhaustive()
    }
}

/// Finds at most one child among those that the caller already has a live relationship with.
#[utoipa::path(
    post, path = "/v1/pupils/find", tag = "summaries", request_body = FindBody,
    responses((status = 200, body = Found),
              (status = 404, description = "No answer: says nothing of whether the child exists"))
)]
pub async fn find_pupil(
    State(gate): State<Gate>,
    State(safety): State<Safety>,
    asked: Asked,
    body: Body,
) -> Result<Released<Found>, Error> {
    let search = search(crate::http::json(&body.read().await?)?)?;
    let permit = gate.open_found(asked, search).await?;
    let caution = permit.is_an_agency().then(|| safety.caution());
    let found = Found { pupil_id: ChildRef::of(permit.pupil()), caution };
    Ok(gate.release(permit, StatusCode::OK, found).await?)
}

fn search(body: FindBody) -> Result<Search, Error> {
    let bad = |detail: &str| Error::problem(ProblemKind::BadRequest, detail);
    let upn = body.upn.as_deref().map(Upn::parse).transpose();
    let upn = upn.map_err(|_| {
        Error::problem(ProblemKind::InvalidIdentifier, "`upn` is not a valid unique pupil number")
    })?;
    let name = match (body.surname, body.forename, body.date_of_birth) {
        (Some(surname), Some(forename), Some(born)) => {
            Some((match_key(&surname), match_key(&forename), born))
        }
        (None, None, None) => None,
        _ => return Err(bad("give `surname`, `forename` and `date_of_birth` together")),
    };
    // A year that no register holds is one that not every database can be asked about.
    if name.as_ref().is_some_and(|(_, _, born)| !(1900..2100).contains(&born.year())) {
        return Err(bad("`date_of_birth` must lie between 1900 and 2099"));
    }
    if name.as_ref().is_some_and(|(surname, forename, _)| surname.is_empty() || forename.is_empty()) {
        return Err(bad("`surname` and `forename` must each hold a letter or digit"));
    }
    let case_reference = body.case_reference.filter(|r| !r.is_empty());
    if case_reference.as_deref().is_some_and(|reference| !is_case_reference(reference)) {
        return Err(bad("`case_reference` has at most 64 visible ASCII characters"));
    }
    if case_reference.is_none() && upn.is_none() && name.is_none() {
        return Err(bad("give `case_reference`, `upn`, or `surname`, `forename` and `date_of_birth`"));
    }
    Ok(Search(Sought { case_reference, upn: upn.map(|u| u.to_string()), name }))
}

impl From<WindowError> for Error {
    fn from(error: WindowError) -> Self {
        let kind = match error {
            WindowError::Reversed => ProblemKind::DatesReversed,
            WindowError::TooLong | WindowError::Year => ProblemKind::BadRequest,
        };
        Self::problem(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_search_names_is_not_shown() {
        let body = r#"{"case_reference":"Quill","upn":"Quill","surname":"Quill","forename":"Quill","date_of_birth":"2012-03-04"}"#;
        let shown = format!("{:?}", serde_json::from_str::<FindBody>(body).unwrap());
        assert!(!shown.contains("Quill") && !shown.contains("2012"), "{shown}");
    }
}
