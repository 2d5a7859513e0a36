//! Who asks: the certificate of the connection and the token bound to it, proved before a handler runs; and what the request
//! says beside what it asks for, of which here only the form is looked at: it is the same for every child.

use crate::gate::{Asked, Gate, Sent, Trail};
use crate::http::openapi::READS_BY_POST;
use crate::http::{Error, ProblemKind, SystemLimits};
use crate::identity::{Peer, TokenKeys, authenticate};
use axum::extract::{FromRef, FromRequestParts, MatchedPath};
use http::header::{AUTHORIZATION, IF_MATCH};
use http::request::Parts;
use http::{HeaderMap, Method};
use std::sync::Arc;

/// The key by which a write is known when it is sent again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Bytes of a key at most.
const KEY_BYTES: usize = 255;

impl<S> FromRequestParts<S> for Asked
where
    S: Send + Sync,
    Gate: FromRef<S>,
    Arc<TokenKeys>: FromRef<S>,
    SystemLimits: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let gate = Gate::from_ref(state);
        // Only the audit layer puts a trail there; a route outside it serves nobody.
        let trail = parts.extensions.get::<Trail>().cloned().ok_or(Error::Internal)?;
        let peer = parts.extensions.get::<Arc<Peer>>().cloned();
        let header = parts.headers.get(AUTHORIZATION).map(|v| v.to_str().unwrap_or("unreadable"));
        let keys = Arc::<TokenKeys>::from_ref(state);
        let directory = gate.directory().current();
        let proved = authenticate(&directory, &keys, peer.as_deref(), header, gate.clock().now())
            .and_then(|caller| caller.acting(&directory, gate.clock().today()));
        let caller = proved.inspect_err(|fault| trail.note(|e| e.reason = Some(fault.why().to_owned())))?;
        trail.caller(&caller);
        SystemLimits::from_ref(state).check(&caller)?;
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let key = said(&parts.method, route, &parts.headers)?;
        trail.sends(Sent::of(parts.uri.path_and_query(), &parts.headers, key));
        Ok(Self { caller, trail })
    }
}

/// The key of a write by POST, where it has one. Of a PUT or DELETE, which is the same however often it is sent, and of a
/// GET none is read.
fn said(method: &Method, route: &str, headers: &HeaderMap) -> Result<Option<String>, Error> {
    let bad = |detail: &str| Err(Error::problem(ProblemKind::BadRequest, detail));
    if [Method::GET, Method::HEAD].contains(method) && headers.contains_key(IF_MATCH) {
        return bad("`If-Match` is for updates; to read only what has changed send `If-None-Match`");
    }
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(key), another) = (keys.next(), keys.next()) else { return Ok(None) };
    if *method != Method::POST {
        return Ok(None);
    }
    if READS_BY_POST.contains(&route) {
        return bad("this only reads, and takes no `Idempotency-Key`; send it again without one");
    }
    let visible = |text: &&str| {
        (1..=KEY_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match key.to_str().ok().filter(visible) {
        Some(key) if another.is_none() => Ok(Some(key.to_owned())),
        Some(_) | None => bad("send one `Idempotency-Key` of 1 to 255 visible ASCII characters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_of_writes_by_post_and_has_one_form() {
        let longest = "k".repeat(255);
        let longer = "k".repeat(256);
        let write = "/v1/emergencies";
        for (method, route, keys, expected) in [
            ("POST", write, vec![], Ok(None)),
            ("POST", write, vec!["a"], Ok(Some("a"))),
            ("POST", write, vec![longest.as_str()], Ok(Some(longest.as_str()))),
            ("POST", write, vec![longer.as_str()], Err(())),
            ("POST", write, vec![""], Err(())),
            ("POST", write, vec!["a b"], Err(())),
            ("POST", write, vec!["caf\u{e9}"], Err(())),
            ("POST", write, vec!["a", "a"], Err(())),
            ("POST", "/v1/pupils/find", vec!["a"], Err(())),
            ("POST", "/v1/attendance-summaries", vec!["a"], Err(())),
            ("PUT", "/v1/shields/{id}", vec!["a b"], Ok(None)),
            ("GET", "/v1/notifications", vec!["a"], Ok(None)),
        ] {
            let mut headers = HeaderMap::new();
            for key in &keys {
                headers.append(IDEMPOTENCY_KEY, http::HeaderValue::from_bytes(key.as_bytes()).unwrap());
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let read = said(&method, route, &headers);
            assert_eq!(
                read.as_ref().map(Option::as_deref).map_err(|_| ()),
                expected,
                "{method} {route} {keys:?}"
            );
        }
    }

    #[test]
    fn a_read_takes_no_condition_of_updates() {
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, http::HeaderValue::from_static("*"));
        assert!(said(&Method::GET, "", &headers).is_err() && said(&Method::HEAD, "", &headers).is_err());
        assert!(said(&Method::PUT, "", &headers).is_ok());
    }
}
