//! What clients read before they ask: RFC 8414, RFC 9728, and the public keys of our tokens. Nothing about anybody.

use super::TokenState;
use super::request::{CLIENT_CREDENTIALS, TOKEN_EXCHANGE};
use crate::http::Error;
use crate::identity::Peer;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CACHE_CONTROL;
use axum::{Extension, Json};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// How long these may be kept: no longer than a token holds, so that a new key is known in time.
const KEPT: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "public, max-age=300")];

/// Requests a minute of one certificate for these documents: they are kept for minutes by whoever reads them.
const PER_MINUTE: u32 = 120;

/// Such a document.
type Document = ([(HeaderName, &'static str); 1], Json<Value>);
/// The certificate of the connection, which the listener puts there.
type Connected = Option<Extension<Arc<Peer>>>;

/// Counts a request against the certificate of its connection, and never against an address.
fn not_too_often(state: &TokenState, peer: Connected) -> Result<(), Error> {
    let Some(Extension(peer)) = peer else { return Ok(()) };
    let mut id = [0; 16];
    id.iter_mut().zip(peer.thumbprint).for_each(|(to, from)| *to = from);
    state.limits.check_system(Uuid::from_bytes(id), PER_MINUTE)
}

/// The authorisation server's metadata; RFC 8414.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "tokens",
    responses((status = 200, description = "Endpoints, grants and ways of client authentication; RFC 8414"),
              (status = 429, description = "Too many requests; come back after `Retry-After`"))
)]
pub async fn describe_authorization_server(
    State(state): State<TokenState>,
    peer: Connected,
) -> Result<Document, Error> {
    not_too_often(&state, peer)?;
    let issuer = state.keys.issuer();
    let at = |path: &str| format!("{}{path}", issuer.trim_end_matches('/'));
    let ways = ["tls_client_auth", "private_key_jwt"];
    let algorithms = ["EdDSA", "ES256", "ES384", "PS256", "RS256"];
    let body = json!({
        "issuer": issuer,
        "token_endpoint": at("/oauth2/token"),
        "revocation_endpoint": at("/oauth2/revoke"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "response_types_supported": [],
        "grant_types_supported": [CLIENT_CREDENTIALS, TOKEN_EXCHANGE],
        "token_endpoint_auth_methods_supported": ways,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": ways,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "tls_client_certificate_bound_access_tokens": true,
        "authorization_details_types_supported": ["schoolgate"],
    });
    Ok((KEPT, Json(body)))
}

/// The gateway's metadata as a protected resource; RFC 9728.
#[utoipa::path(
    get, path = "/.well-known/oauth-protected-resource", tag = "tokens",
    responses((status = 200, description = "Which authorisation server gives its tokens, and how they are sent; RFC 9728"),
              (status = 429, description = "Too many requests; come back after `Retry-After`"))
)]
pub async fn describe_protected_resource(
    State(state): State<TokenState>,
    peer: Connected,
) -> Result<Document, Error> {
    not_too_often(&state, peer)?;
    let body = json!({
        "resource": state.keys.audience(),
        "resource_name": "schoolgate",
        "authorization_servers": [state.keys.issuer()],
        "bearer_methods_supported": ["header"],
        "tls_client_certificate_bound_access_tokens": true,
        "authorization_details_types_supported": ["schoolgate"],
    });
    Ok((KEPT, Json(body)))
}

/// Where the metadata of a resource is (RFC 9728 section 3.1): between its host and its path. Nothing for a name that is no
/// address, or that could not stand between quotes in a header.
pub fn metadata_address(audience: &str) -> Option<String> {
    let rest = audience.strip_prefix("https://")?;
    let plain = |c: char| c.is_ascii_graphic() && !['"', '\\', '?', '#', '@'].contains(&c);
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let address = !host.is_empty() && rest.chars().all(plain);
    address
        .then(|| format!("https://{host}/.well-known/oauth-protected-resource{}", path.trim_end_matches('/')))
}

/// The public keys that access tokens are signed with; RFC 7517.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "tokens",
    responses((status = 200, description = "Keys in use, and those that will be; RFC 7517"),
              (status = 429, description = "Too many requests; come back after `Retry-After`"))
)]
pub async fn publish_keys(State(state): State<TokenState>, peer: Connected) -> Result<Document, Error> {
    not_too_often(&state, peer)?;
    Ok((KEPT, Json(state.keys.published(state.gate.clock().now()))))
}

#[cfg(test)]
mod tests {
    use super::metadata_address;

    #[test]
    fn the_metadata_is_between_host_and_path() {
        for (audience, expected) in [
            (
                "https://gate.example:8443/v1",
                Some("https://gate.example:8443/.well-known/oauth-protected-resource/v1"),
            ),
            ("https://gate.example", Some("https://gate.example/.well-known/oauth-protected-resource")),
            ("https://gate.example/", Some("https://gate.example/.well-known/oauth-protected-resource")),
            ("https://[::1]/v1", Some("https://[::1]/.well-known/oauth-protected-resource/v1")),
            ("http://gate.example/v1", None),
            ("urn:gate", None),
            ("https:///v1", None),
            ("https://gate.example/v1?a", None),
            ("https://gate.example/\"", None),
            ("https://gate.example/a b", None),
            ("https://a@gate.example/v1", None),
            ("", None),
        ] {
            assert_eq!(metadata_address(audience).as_deref(), expected, "{audience}");
        }
    }
}
