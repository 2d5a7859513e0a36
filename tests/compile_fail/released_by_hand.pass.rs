//! A released body comes from the gate, for a permit.
use schoolgate::axum::http::StatusCode;
use schoolgate::gate::{Answer, Gate, OfSchool, Permit, Refusal, Released};

pub async fn recorded<T: Answer>(gate: &Gate, permit: Permit<OfSchool>, body: T) -> Result<Released<T>, Refusal> {
    gate.release(permit, StatusCode::OK, body).await
}
