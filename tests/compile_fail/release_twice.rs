//! A permit is used up by the release of its one answer.
use schoolgate::axum::http::StatusCode;
use schoolgate::gate::{Answer, Gate, OfChild, Permit, Refusal};

pub async fn twice<T: Answer>(gate: &Gate, permit: Permit<OfChild>, one: T, two: T) -> Result<(), Refusal> {
    let _ = gate.release(permit, StatusCode::OK, one).await?;
    let _ = gate.release(permit, StatusCode::OK, two).await?; //~ E0382
    Ok(())
}
