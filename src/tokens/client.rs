//! Whose request it is: the system of the connection's certificate, and where it says so by its own signature too.

use super::TokenState;
use super::request::{ClientProof, NO_CLIENT, OTHER_CLIENT, Refusal, refusal};
use crate::directory::{Directory, Organisation, System};
use crate::domain::organisation::Standing;
use crate::http::Error;
use crate::identity::{AssertionFault, Noted, Peer, Unauthenticated, client_assertion, system_of};
use crate::store::StoreError;
use axum::Json;
use axum::http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal by the standards of tokens, or our own limit.
pub(super) enum Refused {
    Standard(Refusal),
    Limited(Error),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Standard(refusal)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "what may be used once could not be noted; no token is given");
        UNAVAILABLE.into()
    }
}

pub(super) const FAILED: Refusal =
    refusal("server_error", "failed", "the gateway failed; try again, then tell its operator");
/// The database cannot be asked: without it nothing is known to be used for the first time.
pub(super) const UNAVAILABLE: Refusal =
    refusal("temporarily_unavailable", "store_unreachable", "the gateway cannot tell now; try again");
const SUSPENDED: Refusal =
    refusal("unauthorized_client", "suspended", "the organisation is suspended; ask the operator why");

const NO_SYSTEM: &str = "the certificate is not that of a registered system; ask the operator to register it";

fn of_identity(fault: Unauthenticated) -> Refusal {
    if fault == Unauthenticated::Suspended {
        return SUSPENDED;
    }
    Refusal { error: NO_CLIENT.error, description: NO_SYSTEM, why: fault.why() }
}

/// RFC 6749 section 5.2: 401 where the client is not proved, 400 otherwise; 403 for a suspended organisation, and 503 where
/// nothing can be said now.
fn status_of(refusal: &Refusal) -> StatusCode {
    if [FAILED.error, UNAVAILABLE.error].contains(&refusal.error) {
        StatusCode::SERVICE_UNAVAILABLE
    } else if *refusal == SUSPENDED {
        StatusCode::FORBIDDEN
    } else if refusal.error == NO_CLIENT.error {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::BAD_REQUEST
    }
}

/// The system of the connection, whose organisation may act and which does not ask too often. Judged before the form, so
/// that a stranger learns nothing about it.
pub(super) fn connected<'a>(
    state: &TokenState,
    directory: &'a Directory,
    peer: Option<&Peer>,
    noted: &mut Noted,
) -> Result<(&'a Organisation, &'a System), Refused> {
    let peer = peer.ok_or_else(|| of_identity(Unauthenticated::NoCertificate))?;
    noted.thumbprint = Some(peer.thumbprint);
    let (organisation, system) = system_of(directory, peer, state.gate.clock().now()).map_err(of_identity)?;
    noted.organisation_code = Some(organisation.code.clone());
    noted.organisation_id = Some(organisation.id);
    noted.system_code = Some(system.code.clone());
    if organisation.standing != Standing::Live {
        return Err(SUSPENDED.into());
    }
    state.limits.check_system(system.id.0, state.requests_per_minute).map_err(Refused::Limited)?;
    state.limits.check_organisation(organisation.id).map_err(Refused::Limited)?;
    Ok((organisation, system))
}

/// Holds the client that a form names to the system of the connection; an assertion is used up, whatever comes of the
/// request.
pub(super) async fn authenticated(
    state: &TokenState,
    directory: &Directory,
    system: &System,
    proof: &ClientProof,
) -> Result<(), Refused> {
    if proof.client_id.as_ref().is_some_and(|id| *id != system.client_id) {
        return Err(OTHER_CLIENT.into());
    }
    let Some(assertion) = &proof.assertion else { return Ok(()) };
    let refused = |fault: AssertionFault| refusal(NO_CLIENT.error, fault.why(), fault.advice());
    let now = state.gate.clock().now();
    let once = client_assertion(directory, system, assertion, state.keys.issuer(), now).map_err(refused)?;
    if state.gate.use_once(&once).await? { Ok(()) } else { Err(refused(AssertionFault::Replayed).into()) }
}

/// The challenge of a client that was not proved, RFC 6749 section 5.2.
const CHALLENGE: &str = "Bearer realm=\"schoolgate\", error=\"invalid_client\"";

/// The answer, with what the audit notes of it.
pub(super) fn answer(decided: Result<Value, Refused>, mut noted: Noted) -> Response {
    let mut response = match decided {
        Ok(body) => {
            (noted.decision, noted.why) = ("given", "given");
            Json(body).into_response()
        }
        Err(Refused::Standard(refusal)) => {
            noted.why = refusal.why;
            let body = json!({"error": refusal.error, "error_description": refusal.description});
            let status = status_of(&refusal);
            let mut response = (status, Json(body)).into_response();
            if status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            if status == StatusCode::UNAUTHORIZED {
                // RFC 9110 section 15.5.2: a 401 has a challenge; the only scheme here is the token that was asked for.
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
            }
            response
        }
        Err(Refused::Limited(error)) => {
            noted.why = "too_many_requests";
            error.into_response()
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response.extensions_mut().insert(noted);
    response
}
