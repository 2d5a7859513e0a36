//! `POST /oauth2/token`.

use super::client::{FAILED, Refused, answer, authenticated, connected};
use super::exchange::exchanged;
use super::metadata::{describe_authorization_server, describe_protected_resource, publish_keys};
use super::request::{
    ACCESS_TOKEN, NO_FORM, NOT_ACTING, ORGANISATION, OTHER_ROLE, Refusal, TARGET, TokenRequest, read,
};
use super::revoke::revoke_token;
use crate::directory::NotActing;
use crate::gate::Gate;
use crate::http::SystemLimits;
use crate::identity::{Grant, Noted, Peer, ProviderKeys, TokenKeys};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Router};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// What the token endpoint works with.
#[derive(Clone)]
pub struct TokenState {
    /// Who takes part, real time, and where a use is noted.
    pub gate: Gate,
    /// Keys, issuer and audience of tokens.
    pub keys: Arc<TokenKeys>,
    /// Keys of identity providers.
    pub providers: ProviderKeys,
    /// Counts requests for tokens, each system's apart.
    pub limits: SystemLimits,
    /// How often one system may ask for a token.
    pub requests_per_minute: u32,
}

/// The largest form that is read; one with a person's token in it is a few KiB.
const FORM_BYTES: usize = 32 * 1024;

/// The routes of this exchange. Every answer about a token carries [`Noted`] as an extension.
pub fn routes() -> Router<TokenState> {
    Router::new()
        .route("/oauth2/token", post(give_token))
        .route("/oauth2/revoke", post(revoke_token))
        .route("/.well-known/oauth-authorization-server", get(describe_authorization_server))
        .route("/.well-known/oauth-protected-resource", get(describe_protected_resource))
        // RFC 9728 section 3.1: where the resource's name has a path, it follows.
        .route("/.well-known/oauth-protected-resource/{*path}", get(describe_protected_resource))
        .route("/.well-known/jwks.json", get(publish_keys))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
}

/// The form of a request for a token; RFC 6749 section 4.4.2, RFC 8693 section 2.1.
#[derive(Clone, Debug, ToSchema)]
#[expect(dead_code, reason = "describes the form for the API document; `read` takes its pairs as they come")]
pub struct TokenForm {
    /// `client_credentials` for the system itself, `urn:ietf:params:oauth:grant-type:token-exchange` for a person.
    grant_type: String,
    /// The system's own, for which the certificate of the connection is registered; may be left out beside an assertion.
    client_id: Option<String>,
    /// One object, as JSON text: `[{"type":"schoolgate","role":"social_worker","purpose":"child_protection"}]`; RFC 9396.
    /// With `"organisation":"CODE"` the token is for acting for another organisation, where the directory lets the system.
    authorization_details: String,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, with a `client_assertion`.
    client_assertion_type: Option<String>,
    /// The system's own signature for this one request, where it authenticates by `private_key_jwt`; RFC 7523.
    client_assertion: Option<String>,
    /// In an exchange: the person's token, as the identity provider gave it.
    subject_token: Option<String>,
    /// In an exchange: `urn:ietf:params:oauth:token-type:` and `access_token`, `id_token` or `id-jag`.
    subject_token_type: Option<String>,
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
    /// Always that of an access token; RFC 8693 section 2.2.1.
    issued_token_type: String,
    /// What it was given for.
    #[schema(value_type = Vec<Object>)]
    authorization_details: Vec<Value>,
}

/// Gives an access token to the system of the connection's certificate, for one role and purpose: for itself, or for the
/// person whom a token of their organisation's identity provider proves.
#[utoipa::path(
    post, path = "/oauth2/token", tag = "tokens",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenAnswer),
              (status = 400, description = "`error` and `error_description` say what to correct; RFC 6749 section 5.2"),
              (status = 401, description = "`invalid_client`: the certificate is not registered, or for another client_id, or the assertion does not hold"),
              (status = 403, description = "The organisation is suspended"),
              (status = 429, description = "Too many requests; come back after `Retry-After`"),
              (status = 503, description = "`temporarily_unavailable`: it cannot be told now; try again"))
)]
pub async fn give_token(State(state): State<TokenState>, request: Request) -> Response {
    let peer = request.extensions().get::<Arc<Peer>>().cloned();
    let mut noted = Noted { decision: "refused", action: "issue_token", ..Noted::default() };
    let form = Form::<Vec<(String, String)>>::from_request(request, &()).await;
    let asked = form.map_err(|_| NO_FORM).and_then(|Form(pairs)| read(pairs));
    let decided = decide(&state, peer.as_deref(), asked, &mut noted).await;
    answer(decided, noted)
}

/// Gives a token or a refusal. The certificate is judged first, so that a stranger learns nothing about the form.
async fn decide(
    state: &TokenState,
    peer: Option<&Peer>,
    asked: Result<TokenRequest, Refusal>,
    noted: &mut Noted,
) -> Result<Value, Refused> {
    let directory = state.gate.directory().current();
    if let Ok(asked) = &asked {
        (noted.role, noted.purpose) = (Some(asked.details.role), Some(asked.details.purpose));
    }
    let (_, system) = connected(state, &directory, peer, noted)?;
    let TokenRequest { client, details, subject, targets } = asked?;
    authenticated(state, &directory, system, &client).await?;
    if targets.iter().any(|target| target != state.keys.audience() && target != state.keys.issuer()) {
        return Err(TARGET.into());
    }
    if !system.roles.contains(&details.role) {
        return Err(OTHER_ROLE.into());
    }
    let thumbprint = noted.thumbprint.unwrap_or_default();
    let other =
        details.organisation.as_deref().filter(|code| Some(*code) != noted.organisation_code.as_deref());
    if let Some(code) = other {
        let acting = directory.acting(system, code, details.role, state.gate.clock().today());
        let (acted_for, _) = acting.map_err(|fault| match fault {
            NotActing::Unknown => ORGANISATION,
            NotActing::Refused => NOT_ACTING,
        })?;
        noted.acted_for = Some((acted_for.id, acted_for.code.clone()));
    }
    // Last: a person's token is used up by it, whatever is refused after it.
    let proved = match &subject {
        Some(subject) => {
            Some(exchanged(state, &directory, (system, thumbprint), subject, &details, noted).await?)
        }
        None => None,
    };
    let grant = Grant {
        client_id: &system.client_id,
        role: details.role,
        purpose: details.purpose,
        organisation: other,
        thumbprint,
        person: proved.as_ref().map(|proved| &proved.person),
        until: proved.as_ref().map(|proved| proved.ends),
    };
    let issued = state.keys.issue(&grant, state.gate.clock().now()).map_err(|error| {
        tracing::error!(%error, "no token could be issued");
        FAILED
    })?;
    let mut detail =
        json!({"type": "schoolgate", "purpose": details.purpose.as_str(), "role": details.role.as_str()});
    if let (Some(code), Some(members)) = (other, detail.as_object_mut()) {
        members.insert("organisation".to_owned(), json!(code));
    }
    let body = json!({
        "access_token": issued.token,
        "token_type": "Bearer",
        "expires_in": issued.seconds,
        // RFC 8693 section 2.2.1 asks for it; beside other grants it says the same.
        "issued_token_type": ACCESS_TOKEN,
        "authorization_details": [detail],
    });
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Journal, Options};
    use crate::clock::Clock;
    use crate::crypto;
    use crate::directory::LiveDirectory;
    use crate::domain::organisation::Standing;
    use crate::http::Error;
    use crate::identity::testing::{World, token_keys};
    use crate::identity::{Outside, Unauthenticated, authenticate};
    use crate::policy::Policy;
    use crate::store::{self, Db};
    use axum::body::Body;
    use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
    use chrono::TimeDelta;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    const GOOD: &str = "grant_type=client_credentials&client_id=council-cases&authorization_details=\
        %5B%7B%22type%22%3A%22schoolgate%22%2C%22purpose%22%3A%22child_protection%22%2C%22role%22%3A%22social_worker%22%7D%5D";

    /// On a database of its own, which lasts as long as the folder.
    async fn state(world: &World) -> (TokenState, tempfile::TempDir) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut directory = world.directory.clone();
        let now = Clock::machine().now();
        for credential in directory.credentials.values_mut() {
            (credential.valid_from, credential.valid_until) =
                (now - TimeDelta::days(1), now + TimeDelta::days(1));
        }
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display())).await.unwrap();
        store::migrate(&db).await.unwrap();
        let (journal, _) = Journal::start(db.clone(), Options::default());
        let policy = Policy::embedded(crypto::sha256).unwrap();
        let gate = Gate::new(db, LiveDirectory::fixed(directory), policy, journal, Clock::machine());
        let state = TokenState {
            gate,
            keys: Arc::new(token_keys(&world.signing)),
            providers: ProviderKeys::new(Outside::new(None, false).unwrap()),
            limits: SystemLimits::default(),
            requests_per_minute: 20,
        };
        (state, folder)
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
        let (state, _folder) = state(&world).await;
        let (status, body, noted) = ask(&state, Some(&world.peer), GOOD).await;
        assert_eq!((status, body["expires_in"].as_i64(), noted.decision), (200, Some(300), "given"));
        assert_eq!(body["authorization_details"][0]["purpose"], "child_protection");
        assert_eq!(noted.system_code.as_deref(), Some("cases"));
        let header = format!("Bearer {}", body["access_token"].as_str().unwrap());
        let directory = state.gate.directory().current();
        let proved =
            |peer| authenticate(&directory, &state.keys, Some(peer), Some(&header), state.gate.clock().now());
        assert_eq!(proved(&world.peer).unwrap().organisation.code, "council");
        assert_eq!(proved(&world.other).unwrap_err(), Unauthenticated::OtherCertificate);
    }

    #[tokio::test]
    async fn each_refusal_has_its_status_its_error_and_its_note() {
        let world = World::new();
        let (state, _folder) = state(&world).await;
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
        let (state, _folder) = state(&world).await;
        let state = TokenState { requests_per_minute: 1, ..state };
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
        let (state, _folder) = state(&world).await;
        let (status, body, noted) = ask(&state, Some(&world.peer), GOOD).await;
        assert_eq!(
            (status, body["error"].as_str(), noted.why),
            (403, Some("unauthorized_client"), "suspended")
        );
    }
}
