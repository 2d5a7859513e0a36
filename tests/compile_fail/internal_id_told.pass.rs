//! What stands for a child in an answer is written once the gate has put a handle there.
use schoolgate::axum::Json;
use schoolgate::axum::response::{IntoResponse, Response};
use schoolgate::domain::identifiers::PupilId;
use schoolgate::gate::ChildRef;

pub fn printed(handle: &str) -> String {
    format!("{handle}")
}

pub fn written(pupil: PupilId) -> Response {
    Json(ChildRef::of(pupil)).into_response()
}
