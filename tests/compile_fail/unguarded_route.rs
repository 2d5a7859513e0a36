//! A route about children answers with what the gate has released, and with nothing else.
use schoolgate::axum::routing::MethodFilter;
use schoolgate::app::AppState;
use schoolgate::gate::Asked;
use schoolgate::http::{Error, GuardedRouter};

async fn tell_name(_asked: Asked) -> Result<String, Error> {
    Ok("a name".to_owned())
}

pub fn routes() -> GuardedRouter<AppState> {
    GuardedRouter::default().route(MethodFilter::GET, "/v1/name", 1, tell_name) //~ E0277
}
