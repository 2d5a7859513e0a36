//! `POST /oauth2/revoke` (RFC 7009): a system takes back a token that was given to it.

use super::TokenState;
use super::client::{Refused, answer, authenticated, connected};
use super::request::{NO_FORM, Refusal, read_revocation, refusal};
use crate::identity::{Noted, Peer};
use axum::Form;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// The form of a request to take a token back; RFC 7009 section 2.1.
#[derive(Clone, Debug, ToSchema)]
#[expect(dead_code, reason = "describes the form for the API document; its pairs are read as they come")]
pub struct RevocationForm {
    /// The access token.
    token: String,
    /// The system's own, for which the certificate of the connection is registered.
    client_id: String,
}

const OTHERS: Refusal = refusal(
    "invalid_grant",
    "token_of_other_client",
    "the token was given to another client; revoke your own",
);

/// Takes back an access token of the system's own: every gateway refuses it within a second. Of a token that does not hold
/// anyway the answer is the same.
#[utoipa::path(
    post, path = "/oauth2/revoke", tag = "tokens",
    request_body(content = RevocationForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "It does not hold, or no longer within a second"),
              (status = 400, description = "`error` and `error_description` say what to correct; RFC 6749 section 5.2"),
              (status = 401, description = "`invalid_client`: the certificate is not registered, or for another client_id"),
              (status = 403, description = "The organisation is suspended"),
              (status = 429, description = "Too many requests; come back after `Retry-After`"),
              (status = 503, description = "It could not be taken back; try again"))
)]
pub async fn revoke_token(State(state): State<TokenState>, request: Request) -> Response {
    let peer = request.extensions().get::<Arc<Peer>>().cloned();
    let mut noted = Noted { decision: "refused", action: "revoke_token", ..Noted::default() };
    let form = Form::<Vec<(String, String)>>::from_request(request, &()).await;
    let pairs = form.map_err(|_| NO_FORM).map(|Form(pairs)| pairs);
    let decided = decide(&state, peer.as_deref(), pairs, &mut noted).await;
    answer(decided, noted)
}

async fn decide(
    state: &TokenState,
    peer: Option<&Peer>,
    pairs: Result<Vec<(String, String)>, Refusal>,
    noted: &mut Noted,
) -> Result<Value, Refused> {
    let directory = state.gate.directory().current();
    let (_, system) = connected(state, &directory, peer, noted)?;
    let (proof, token) = read_revocation(pairs?)?;
    authenticated(state, &directory, system, &proof).await?;
    // One that does not hold needs no taking back (RFC 7009 section 2.2).
    let Ok(held) = state.keys.read(&token, state.gate.clock().now()) else { return Ok(json!({})) };
    if held.client_id != system.client_id {
        return Err(OTHERS.into());
    }
    state.gate.revoke_token(&held.token_id, held.ends()).await?;
    Ok(json!({}))
}
