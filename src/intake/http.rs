//! The wire of intake: calendar, roll, marks and one register.

use super::parse::{Format, Limits};
use super::{Confirmed, ImportReport, Options, Places, RefusedUpload, Sent, Stop, UploadAnswer, import};
use crate::domain::calendar::SchoolYear;
use crate::gate::OfSchool;
use crate::gate::{Asked, Gate, Permit, Released};
use crate::http::{Body, Error, Path, ProblemKind, Query, RequestId};
use crate::policy::Action;
use axum::extract::State;
use chrono::NaiveDate;
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::openapi::{Content, OpenApi, RefOr, Response};
use utoipa::{IntoParams, Modify, ToSchema};

/// How an upload is to be taken.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct UploadQuery {
    /// Check and report, but change nothing.
    dry_run: bool,
    /// Apply nothing if any row is rejected.
    strict: bool,
    /// That a roll which raises protection of whereabouts for so many pupils is meant to: the number in its report.
    confirm_protected: Option<usize>,
    /// That a calendar which closes sessions with so many marks is meant to: the number in its report.
    confirm_marks_without_session: Option<usize>,
    /// That a calendar which ends before June is meant to.
    confirm_short_year: bool,
}

impl UploadQuery {
    fn options(self, format: Format) -> Options {
        Options {
            format,
            dry_run: self.dry_run,
            strict: self.strict,
            year: None,
            limits: Limits::default(),
            confirmed: Confirmed {
                protected: self.confirm_protected,
                marks_without_session: self.confirm_marks_without_session,
                short_year: self.confirm_short_year,
            },
        }
    }
}

/// The sessions of a day, as written in a path.
const SESSIONS: [&str; 2] = ["am", "pm"];

/// Sends the calendar of a school year; rows `date, am, pm, term, note` in CSV, NDJSON or a spreadsheet.
#[utoipa::path(
    put, path = "/v1/schools/{urn}/calendar/{year}", tag = "intake",
    params(("urn" = String, Path, description = "Unique reference number of the caller's own school"),
           ("year" = i32, Path, description = "Start year of 1 August to 31 July"), UploadQuery),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ImportReport), (status = 409, description = "Other uploads of the school kept coming in between"),
              (status = 422, body = RefusedUpload, content_type = "application/problem+json", description = "Nothing of the file was applied"))
)]
pub async fn send_calendar(
    State(gate): State<Gate>,
    State(places): State<Places>,
    asked: Asked,
    Path((urn, year)): Path<(String, String)>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Released<UploadAnswer>, Error> {
    let request = request(&asked);
    let permit = gate.open_school(asked, &urn, Action::SendCalendar)?;
    let year = year.parse().ok().filter(|y| (2000..2100).contains(y)).map(SchoolYear).ok_or_else(|| {
        Error::problem(
            ProblemKind::BadRequest,
            "the year in the path must be the start year of a school year, such as 2026",
        )
    })?;
    let mut options = options(&headers, query)?;
    options.year = Some(year);
    take(&gate, &places, (permit, request), Sent::Calendar, body, options).await
}

/// Sends the admission register; rows as the `pupils` file, in CSV, NDJSON or a spreadsheet.
#[utoipa::path(
    post, path = "/v1/schools/{urn}/pupils", tag = "intake",
    params(("urn" = String, Path, description = "Unique reference number of the caller's own school"), UploadQuery),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ImportReport), (status = 409, description = "Other uploads of the school kept coming in between"),
              (status = 422, body = RefusedUpload, content_type = "application/problem+json", description = "Nothing of the file was applied"))
)]
pub async fn send_pupils(
    State(gate): State<Gate>,
    State(places): State<Places>,
    asked: Asked,
    Path(urn): Path<String>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Released<UploadAnswer>, Error> {
    let request = request(&asked);
    let permit = gate.open_school(asked, &urn, Action::SendRoll)?;
    take(&gate, &places, (permit, request), Sent::Pupils, body, options(&headers, query)?).await
}

/// Sends marks: a row a session, a row a day, or a column a session, in CSV, NDJSON or a spreadsheet.
#[utoipa::path(
    post, path = "/v1/schools/{urn}/attendance", tag = "intake",
    params(("urn" = String, Path, description = "Unique reference number of the caller's own school"), UploadQuery),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ImportReport), (status = 409, description = "Other uploads of the school kept coming in between"),
              (status = 422, body = RefusedUpload, content_type = "application/problem+json", description = "Nothing of the file was applied"))
)]
pub async fn send_attendance(
    State(gate): State<Gate>,
    State(places): State<Places>,
    asked: Asked,
    Path(urn): Path<String>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Released<UploadAnswer>, Error> {
    let request = request(&asked);
    let permit = gate.open_school(asked, &urn, Action::SendMarks)?;
    take(&gate, &places, (permit, request), Sent::Attendance, body, options(&headers, query)?).await
}

/// One mark of one register.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterMark {
    /// The school's own number for the pupil.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    school_pupil_id: Option<String>,
    /// Unique pupil number, where there is no such number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upn: Option<String>,
    /// The code.
    code: String,
    /// Minutes late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minutes_late: Option<u16>,
    /// When it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recorded_at: Option<String>,
    /// Of an amended mark: the code that it replaces (SI 2024/208 reg 6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amended_from: Option<String>,
    /// Why it was amended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Name of the person who amended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amended_by: Option<String>,
}

impl fmt::Debug for RegisterMark {
    /// Without whose it is, and who amended it.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("RegisterMark").finish_non_exhaustive()
    }
}

/// Sends one register: the marks of one session, as a JSON list.
#[utoipa::path(
    put, path = "/v1/schools/{urn}/registers/{date}/{session}", tag = "intake",
    params(("urn" = String, Path, description = "Unique reference number of the caller's own school"),
           ("date" = String, Path, description = "Date of the session"),
           ("session" = String, Path, description = "`am` or `pm`"), UploadQuery),
    request_body = Vec<RegisterMark>,
    responses((status = 200, body = ImportReport), (status = 409, description = "Other uploads of the school kept coming in between"),
              (status = 422, body = RefusedUpload, content_type = "application/problem+json", description = "Nothing of the register was applied"))
)]
pub async fn send_register(
    State(gate): State<Gate>,
    State(places): State<Places>,
    asked: Asked,
    Path((urn, date, session)): Path<(String, String, String)>,
    Query(query): Query<UploadQuery>,
    body: Body,
) -> Result<Released<UploadAnswer>, Error> {
    let request = request(&asked);
    let permit = gate.open_school(asked, &urn, Action::SendMarks)?;
    let date: NaiveDate = date.parse().map_err(|_| {
        Error::problem(ProblemKind::BadRequest, "the date in the path must be written YYYY-MM-DD")
    })?;
    let session = SESSIONS.into_iter().find(|word| *word == session).ok_or_else(|| {
        Error::problem(ProblemKind::BadRequest, "the session in the path must be `am` or `pm`")
    })?;
    let stop = Stop::default();
    let _stops = stop.when_dropped();
    let (body, work) = places.take_in((permit.system(), permit.school()), body, stop).await?;
    let lines = work.apart(move || lines(&body, date, session)).await??;
    let options = query.options(Format::Ndjson);
    Ok(import(&gate, (permit, request), Sent::Attendance, lines.into(), (options, work)).await?)
}

/// The register as the lines of a file of marks, so that there is one way in for a mark.
fn lines(body: &[u8], date: NaiveDate, session: &str) -> Result<String, Error> {
    let marks: Vec<RegisterMark> = crate::http::json(body)?;
    let mut text = String::new();
    for mark in marks {
        let mut row = serde_json::to_value(&mark).map_err(|_| Error::Internal)?;
        if let Some(row) = row.as_object_mut() {
            row.insert("date".to_owned(), date.to_string().into());
            row.insert("session".to_owned(), session.into());
        }
        text.push_str(&row.to_string());
        text.push('\n');
    }
    Ok(text)
}

/// The forms in which a file is taken, by its `Content-Type`.
const TAKEN: [(&str, Format); 4] = [
    ("text/csv", Format::Csv),
    ("application/x-ndjson", Format::Ndjson),
    ("application/ndjson", Format::Ndjson),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Format::Xlsx),
];

/// Says in the API document of each upload which forms it takes; where it is declared, `text/csv` stands for all.
#[derive(Clone, Copy, Debug)]
pub struct Uploads;

impl Modify for Uploads {
    fn modify(&self, document: &mut OpenApi) {
        let items = document.paths.paths.values_mut();
        for operation in items.flat_map(|item| [&mut item.put, &mut item.post]).flatten() {
            let Some(RefOr::T(body)) = &mut operation.request_body else { continue };
            if let Some(declared) = body.content.get("text/csv").cloned() {
                let contents = TAKEN.map(|(taken, format)| match format {
                    Format::Csv | Format::Ndjson => (taken.to_owned(), declared.clone()),
                    Format::Xlsx => (taken.to_owned(), Content::default().into()),
                });
                body.content.extend(contents);
                let answer = Response::new("The `Content-Type` is none of those that this upload takes");
                operation.responses.responses.insert("415".to_owned(), answer.into());
            }
        }
    }
}

fn options(headers: &HeaderMap, query: UploadQuery) -> Result<Options, Error> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    let Some((_, format)) = TAKEN.into_iter().find(|(taken, _)| *taken == kind) else {
        let detail = "send the file as `Content-Type: text/csv`, `application/x-ndjson` or, as a spreadsheet, \
                      `application/vnd.openxmlformats-officedocument.spreadsheetml.sheet`";
        return Err(Error::problem(ProblemKind::UnsupportedMediaType, detail));
    };
    Ok(query.options(format))
}

/// The identifier of the request, for the problem document of a file that is refused.
fn request(asked: &Asked) -> Option<RequestId> {
    asked.trail.entry().request.as_deref().and_then(RequestId::parse)
}

async fn take(
    gate: &Gate,
    places: &Places,
    (permit, request): (Permit<OfSchool>, Option<RequestId>),
    sent: Sent,
    body: Body,
    options: Options,
) -> Result<Released<UploadAnswer>, Error> {
    let stop = Stop::default();
    let _stops = stop.when_dropped();
    let (file, work) = places.take_in((permit.system(), permit.school()), body, stop).await?;
    Ok(import(gate, (permit, request), sent, file.into(), (options, work)).await?)
}

impl From<super::ImportError> for Error {
    fn from(error: super::ImportError) -> Self {
        match error {
            super::ImportError::File(file) => Self::problem(ProblemKind::UnprocessableFile, file.to_string()),
            super::ImportError::Gate(refusal) => refusal.into(),
            super::ImportError::Stopped => Self::NotReady,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_does_not_show_whose_it_is() {
        let body =
            r#"{"school_pupil_id":"Quill","upn":"Quill","code":"N","reason":"Quill","amended_by":"Quill"}"#;
        let shown = format!("{:?}", serde_json::from_str::<RegisterMark>(body).unwrap());
        assert!(!shown.contains("Quill"), "{shown}");
    }
}
