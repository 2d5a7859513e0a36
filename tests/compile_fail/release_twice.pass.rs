//! Two answers need two permits.
use schoolgate::axum::http::StatusCode;
use schoolgate::gate::{Answer, Gate, OfChild, Permit, Refusal};

type Two = (Permit<OfChild>, Permit<OfChild>);

pub async fn twice<T: Answer>(gate: &Gate, permits: Two, one: T, two: T) -> Result<(), Refusal> {
    let _ = gate.release(permits.0, StatusCode::OK, one).await?;
    let _ = gate.release(permits.1, StatusCode::OK, two).await?;
    Ok(())
}
