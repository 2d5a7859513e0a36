//! `POST /oauth2/token`.

use super::request::{NO_CLIENT, NO_FORM, OTHER_CLIENT, OTHER_ROLE, Refusal, TokenRequest, read};
use crate::clock::Clock;
use crate::directory::LiveDirectory;
use crate::domain::organisation::Standing;
use crate::http::{Error, SystemLimits};
use crate::identity::{Grant, Noted, Peer, TOKEN_SECONDS, TokenKeys, Unauthenticated, system_of};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Form, Json, Router};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// What the token endpoint works with.
#[derive(Clone, Debug)]
pub struct TokenState {
    /// Who takes part.
    pub directory: LiveDirectory,
    /// Keys, issuer and audience of tokens.
    pub keys: Arc<TokenKeys>,
    /// Real time.
    pub clock: Clock,
    /// Counts requests for tokens, each system's apart.
    pub limits: SystemLimits,
    /// How often one system may ask for a token.
    pub requests_per_minute: u32,
}

/// The largest form that is read; one with everything in it is under 1 KiB.
const FORM_BYTES: usize = 16 * 1024;

/// The routes of this exchange. Every answer of them carries [`Noted`] as an extension.
pub fn routes() -> Router<TokenState> {
    Router::new().route("/oauth2/token", post(give_token)).layer(DefaultBodyLimit::max(FORM_BYTES))
}

/// The form of a request for a token; RFC 6749 section 4.4.2.
#[derive(Clone, Debug, ToSchema)]
#[expect(dead_code, reason = "describes the form for the API document; `read` takes its pairs as they come")]
pub struct TokenForm {
    /// Always `client_credentials`.
    grant_type: String,
    /// The system's own, for which the certificate of the connection is registered.
    client_id: String,
    /// One object, as JSON text: `[{"type":"schoolgate","role":"social_worker","purpose":"child_protection"}]`; RFC 9396.
    authorization_details: String,
}

/// An access token; RFC 6749 section 5.1.
#[derive(Clone, Debug, ToSchema)]
#[expect(dead_code, reason = "describes the answer for the API document")]
pub struct TokenAnswer {
    /// For `Authorization: Bearer`, on connections with the same certificate only (RFC 8705).
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// Seconds until it ends.
    expires_in: u64,
    /// What it was given for.
    #[schema(value_type = Vec<Object>)]
    authorization_details: Vec<Value>,
}

/// Gives an access token to the system of the connection's certificate, for one role and purpose.
#[utoipa::path(
    post, path = "/oauth2/token", tag = "tokens",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenAnswer),
              (status = 400, description = "`error` and `error_description` say what to correct; RFC 6749 section 5.2"),
              (status = 401, description = "`invalid_client`: the certificate is not registered, or for another client_id"),
              (status = 403, description = "The organisation is suspended"),
              (status = 429, description = "Too many requests; come back after `Retry-After`"))
)]
pub async fn give_token(State(state): State<TokenState>, request: Request) -> Response {
    let peer = request.extensions().get::<Arc<Peer>>().cloned();
    let mut noted = Noted { decision: "refused", ..Noted::default() };
    let form = Form::<Vec<(String, String)>>::from_request(request, &()).await;
    let asked = form.map_err(|_| NO_FORM).and_then(|Form(pairs)| read(pairs));
    let mut response = match decide(&state, peer.as_deref(), asked, &mut noted) {
        Ok(body) => {
            (noted.decision, noted.why) = ("given", "token");
            Json(body).into_response()
        }
        Err(Refused::Standard(refusal)) => {
            noted.why = refusal.why;
            let body = json!({"error": refusal.error, "error_description": refusal.description});
            (status_of(&refusal), Json(body)).into_response()
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

/// Gives a token or a refusal. The certificate is judged first, so that a stranger learns nothing about the form.
fn decide(
    state: &TokenState,
    peer: Option<&Peer>,
    asked: Result<TokenRequest, Refusal>,
    noted: &mut Noted,
) -> Result<Value, Refused> {
    let now = state.clock.now();
    let directory = state.directory.current();
    let peer = peer.ok_or_else(|| of_identity(Unauthenticated::NoCertificate))?;
    noted.thumbprint = Some(peer.thumbprint);
    if let Ok(TokenRequest { role, purpose, .. }) = asked {
        (noted.role, noted.purpose) = (Some(role), Some(purpose));
    }
    let (organisation, system) = system_of(&directory, peer, now).map_err(of_identity)?;
    noted.organisation_code = Some(organisation.code.clone());
    noted.organisation_id = Some(organisation.id);
    noted.system_code = Some(system.code.clone());
    if organisation.standing != Standing::Live {
        return Err(SUSPENDED.into());
    }
    state.limits.check_system(system.id.0, state.requests_per_minute).map_err(Refused::Limited)?;
    let asked = asked?;
    if asked.client_id != system.client_id {
        return Err(OTHER_CLIENT.into());
    }
    if !system.roles.contains(&asked.role) {
        return Err(OTHER_ROLE.into());
    }
    let grant = Grant {
        client_id: &system.client_id,
        role: asked.role,
        purpose: asked.purpose,
        thumbprint: peer.thumbprint,
    };
    let issued = state.keys.issue(&grant, now).map_err(|error| {
        tracing::error!(%error, "no token could be issued");
        FAILED
    })?;
    Ok(json!({
        "access_token": issued.token,
        "token_type": "Bearer",
        "expires_in": TOKEN_SECONDS,
        "authorization_details":
            [{"type": "schoolgate", "purpose": asked.purpose.as_str(), "role": asked.role.as_str()}],
    }))
}

/// A refusal by the standards of tokens, or our own limit.
enum Refused {
    Standard(Refusal),
    Limited(Error),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Standard(refusal)
    }
}

const FAILED: Refusal = Refusal {
    error: "server_error",
    description: "the gateway failed; try again, then tell its operator",
    why: "failed",
};

const SUSPENDED: Refusal = Refusal {
    error: "unauthorized_client",
    description: "the organisation is suspended; ask the operator why",
    why: "suspended",
};

const NO_SYSTEM: &str = "the certificate is not that of a registered system; ask the operator to register it";

fn of_identity(fault: Unauthenticated) -> Refusal {
    if fault == Unauthenticated::Suspended {
        return SUSPENDED;
    }
    Refusal { error: NO_CLIENT.error, description: NO_SYSTEM, why: fault.why() }
}

/// RFC 6749 section 5.2: 401 where the client is not proved, 400 otherwise; 403 for a suspended organisation.
fn status_of(refusal: &Refusal) -> StatusCode {
    if *refusal == FAILED {
        StatusCode::SERVICE_UNAVAILABLE
    } else if *refusal == SUSPENDED {
        StatusCode::FORBIDDEN
    } else if refusal.error == NO_CLIENT.error {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::BAD_REQUEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::authenticate;
    use crate::identity::testing::{AUDIENCE, ISSUER, World};
    use axum::body::Body;
    use axum::http::header::CONTENT_TYPE;
    use chrono::TimeDelta;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    const GOOD: &str = "grant_type=client_credentials&client_id=council-cases&authorization_details=\
        %5B%7B%22type%22%3A%22schoolgate%22%2C%22purpose%22%3A%22child_protection%22%2C%22role%22%3A%22social_worker%22%7D%5D";

    fn state(world: &World) -> TokenState {
        let mut directory = world.directory.clone();
        let now = Clock::machine().now();
        for credential in directory.credentials.values_mut() {
            (credential.valid_from, credential.valid_until) =
                (now - TimeDelta::days(1), now + TimeDelta::days(1));
        }
        let keys = TokenKeys::new(world.signing.pkcs8(), ISSUER, AUDIENCE).unwrap();
        TokenState {
            directory: LiveDirectory::fixed(directory),
            keys: Arc::new(keys),
            clock: Clock::machine(),
            limits: SystemLimits::default(),
            requests_per_minute: 20,
        }
    }

    async fn ask(state: &TokenState, peer: Option<&Peer>, body: &str) -> (u16, Value, Noted) {
        let mut request = axum::http::Request::post("/oauth2/token")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body.to_owned()))
            .unwrap();
        if let Some(peer) = peer {
            request.extensions_mut().insert(Arc::new(peer.clone()));
        }
        let response = routes().with_state(state.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        let (status, noted) =
            (response.status().as_u16(), response.extensions().get::<Noted>().cloned().unwrap());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap(), noted)
    }

    #[tokio::test]
    async fn a_token_that_is_given_proves_its_caller_and_nobody_else() {
        let world = World::new();
        let state = state(&world);
        let (status, body, noted) = ask(&state, Some(&world.peer), GOOD).await;
        assert_eq!((status, body["expires_in"].as_i64(), noted.decision), (200, Some(300), "given"));
        assert_eq!(body["authorization_details"][0]["purpose"], "child_protection");
        assert_eq!(noted.system_code.as_deref(), Some("cases"));
        let header = format!("Bearer {}", body["access_token"].as_str().unwrap());
        let directory = state.directory.current();
        let proved =
            |peer| authenticate(&directory, &state.keys, Some(peer), Some(&header), state.clock.now());
        assert_eq!(proved(&world.peer).unwrap().organisation.code, "council");
        assert_eq!(proved(&world.other).unwrap_err(), Unauthenticated::OtherCertificate);
    }

    #[tokio::test]
    async fn each_refusal_has_its_status_its_error_and_its_note() {
        let world = World::new();
        let state = state(&world);
        let renamed = Peer { san_uris: world.other.san_uris.clone(), ..world.peer.clone() };
        let nurse = GOOD.replace("social_worker", "school_nurse");
        let odd = GOOD.replace("child_protection", "curiosity");
        for (peer, body, status, error, why) in [
            (None, GOOD, 401, "invalid_client", "no_certificate"),
            (Some(&renamed), GOOD, 401, "invalid_client", "certificate_name"),
            (Some(&world.other), GOOD, 401, "invalid_client", "client_of_other_certificate"),
            (Some(&world.peer), nurse.as_str(), 400, "unauthorized_client", "role_of_other_system"),
            (Some(&world.peer), &odd, 400, "invalid_authorization_details", "unknown_purpose"),
            (Some(&world.peer), "grant_type=password", 400, "unsupported_grant_type", "grant_type"),
        ] {
            let (s, b, noted) = ask(&state, peer, body).await;
            assert_eq!((s, b["error"].as_str(), noted.why), (status, Some(error), why));
            assert_eq!(noted.decision, "refused");
            assert_eq!(noted.thumbprint, peer.map(|p| p.thumbprint));
            assert!(b.get("access_token").is_none());
        }
    }

    #[tokio::test]
    async fn a_system_that_asks_too_often_waits_and_another_does_not() {
        let world = World::new();
        let state = TokenState { requests_per_minute: 1, ..state(&world) };
        let asked = async |peer: &Peer| {
            let mut request = axum::http::Request::post("/oauth2/token").body(Body::empty()).unwrap();
            request.extensions_mut().insert(Arc::new(peer.clone()));
            let response = routes().with_state(state.clone()).oneshot(request).await.unwrap();
            // The audit layer, which is not here, gives an error its status.
            let left = response.extensions().get::<Error>().map(|error| error.kind().status());
            let status = left.unwrap_or(response.status()).as_u16();
            (status, response.extensions().get::<Noted>().unwrap().why)
        };
        assert_eq!(asked(&world.peer).await, (400, "request_form"));
        assert_eq!(asked(&world.peer).await, (429, "too_many_requests"));
        assert_eq!(asked(&world.other).await, (400, "request_form"));
    }

    #[tokio::test]
    async fn a_suspended_organisation_is_given_nothing() {
        let mut world = World::new();
        world.directory.organisations.values_mut().for_each(|o| o.standing = Standing::Suspended);
        let (status, body, noted) = ask(&state(&world), Some(&world.peer), GOOD).await;
        assert_eq!(
            (status, body["error"].as_str(), noted.why),
            (403, Some("unauthorized_client"), "suspended")
        );
    }
}
