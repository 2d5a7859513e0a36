//! An internal id is neither printed nor written into an answer.
use schoolgate::axum::Json;
use schoolgate::axum::response::{IntoResponse, Response};
use schoolgate::domain::identifiers::PupilId;

pub fn printed(pupil: PupilId) -> String {
    format!("{pupil}") //~ E0277
}

pub fn written(pupil: PupilId) -> Response {
    Json(pupil).into_response() //~ E0599
}
