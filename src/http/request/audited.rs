//! The audit layer: it begins a request's trail before anything looks at it, and at the end writes the one entry of
//! whatever was not released: refusals, bad tokens, malformed requests, unknown paths, faults of ours.

use super::flooded::SOURCES;
use super::{Metrics, RequestId};
use crate::audit::{Class, Connection, Decision, Digest, Entry, EventId, Flood, Receipt};
use crate::config::Safety;
use crate::gate::{Gate, NextPage, Recorded, Trail};
use crate::http::{Error, ProblemKind, SystemLimits};
use crate::identity::{Noted, Peer};
use axum::body::to_bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::header::{ALLOW, LINK, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use std::collections::HashMap;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;

const AUDIT_RECEIPT: HeaderName = HeaderName::from_static("audit-receipt");
/// Paths that say nothing about a child and have no entry.
const WITHOUT_ENTRY: [&str; 3] = ["/v1/log/", "/.well-known/", "/openapi.json"];
/// Largest body of an answer that was not released: problem documents and tokens.
const UNRELEASED_BYTES: usize = 64 * 1024;

/// Age of the directory past which no request is answered: who has been revoked or suspended since is not known.
pub const OLDEST_DIRECTORY: Duration = Duration::from_mins(1);

/// The layer. Cheap to clone, which is done for every request.
#[derive(Clone)]
pub struct AuditLayer(Arc<Parts>);

/// What the layer works with.
#[derive(Clone)]
pub struct Parts {
    pub(super) gate: Gate,
    safety: Safety,
    pub(super) flood: Arc<Mutex<Flood>>,
    pub(super) metrics: Metrics,
    pub(super) strangers: SystemLimits,
    pub(super) clients: Arc<Mutex<HashMap<String, Connection>>>,
    longest: Duration,
    oldest_directory: Duration,
    metadata: Option<String>,
}

/// Reasons of refusals that mean more than a mistake: somebody shows what is another's, or a rule cannot be evaluated.
const ALARMS: [&str; 9] = [
    "client_of_other_certificate",
    "assertion_of_other_client",
    "assertion_replayed",
    "subject_client",
    "subject_replayed",
    "token_of_other_certificate",
    "token_of_other_client",
    "certificate_name",
    "policy_error",
];

impl Deref for AuditLayer {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl std::fmt::Debug for AuditLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditLayer").finish_non_exhaustive()
    }
}

/// Gives every request exactly one entry, and every `/v1` answer with an entry its receipt.
pub async fn audited(State(layer): State<AuditLayer>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if WITHOUT_ENTRY.iter().any(|p| *p == path || (p.ends_with('/') && path.starts_with(p))) {
        let id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(RequestId::new);
        return layer.rendered(next.run(request).await, &id, false);
    }
    let about_children = path.starts_with("/v1/");
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(RequestId::new);
    let trail = Trail::new(layer.begun(&request, &id));
    request.extensions_mut().insert(trail.clone());
    let asked = request.uri().clone();
    let peer = request.extensions().get::<Arc<Peer>>().cloned();
    let response = layer.answered(request, next).await;
    let response = layer.held_to_limit(&trail, peer.as_deref(), response);
    let response = layer.rendered(response, &id, about_children);
    let recorded = match response.extensions().get::<Recorded>() {
        Some(recorded) => Ok((Some(recorded.0), response)),
        None => layer.record(&trail, response).await,
    };
    let response = match recorded {
        Ok((receipt, response)) => {
            with_next(with_receipt(response, receipt.filter(|_| about_children)), asked.query())
        }
        // No record, no answer; and nothing about why.
        Err(()) => Error::NotReady.respond(&id, &layer.safety),
    };
    layer.metrics.answered(response.status().as_u16());
    response
}

fn with_receipt(mut response: Response, receipt: Option<Receipt>) -> Response {
    if let Some(Ok(value)) = receipt.map(|r| HeaderValue::from_str(&r.to_string())) {
        response.headers_mut().insert(AUDIT_RECEIPT, value);
    }
    response
}

fn with_next(mut response: Response, query: Option<&str>) -> Response {
    if let Some(link) = response.extensions_mut().remove::<NextPage>().and_then(|next| next.link(query)) {
        response.headers_mut().insert(LINK, link);
    }
    response
}

impl AuditLayer {
    /// The layer of a process.
    pub fn new(gate: Gate, safety: Safety, metrics: Metrics, longest: Duration) -> Self {
        let flood = Arc::new(Mutex::new(Flood::new(SOURCES)));
        let (strangers, clients) = (SystemLimits::default(), Arc::default());
        let (oldest_directory, metadata) = (OLDEST_DIRECTORY, None);
        let parts =
            Parts { gate, safety, flood, metrics, strangers, clients, longest, oldest_directory, metadata };
        Self(Arc::new(parts))
    }

    /// The same, telling whoever is not proved where to read which authorisation server gives tokens (RFC 9728 section 5.1).
    #[must_use]
    pub fn with_metadata_at(self, metadata: Option<String>) -> Self {
        Self(Arc::new(Parts { metadata, ..Parts::clone(&self) }))
    }

    /// The same with another age of the directory past which no request is answered.
    #[must_use]
    pub fn with_directory_of_at_most(self, age: Duration) -> Self {
        Self(Arc::new(Parts { oldest_directory: age, ..Parts::clone(&self) }))
    }

    /// What the handler answers, in time, by a directory that is not too old and policies that hold.
    async fn answered(&self, request: Request, next: Next) -> Response {
        if self.gate.directory().age() > self.oldest_directory || !self.gate.policies_hold() {
            return Error::NotReady.into_response();
        }
        // A panic is a fault of ours; it is in the log, and the request still has its entry.
        match timeout(self.longest, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => Error::Internal.into_response(),
            Err(_) => Error::TooLong { seconds: self.longest.as_secs() }.into_response(),
        }
    }

    /// Whoever proved nobody may not fill the log: past a certificate's limit the answer is a 429, of which only the first
    /// ones of a minute have entries of their own.
    fn held_to_limit(&self, trail: &Trail, peer: Option<&Peer>, response: Response) -> Response {
        // A token that was given proves its system, though its trail says so only once it is recorded.
        let given = response.extensions().get::<Noted>().is_some_and(Noted::given);
        let Some(peer) = peer.filter(|_| !trail.is_proved() && !given) else { return response };
        match self.strangers.check_stranger(&peer.thumbprint) {
            Ok(()) => response,
            Err(limited) => limited.into_response(),
        }
    }

    fn begun(&self, request: &Request, id: &RequestId) -> Entry {
        let mut entry =
            Entry::new(EventId::new(), self.gate.clock().now(), Class::Access, Decision::Malformed);
        entry.request = Some(id.as_str().to_owned());
        entry.method = known_method(request);
        entry.route = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
        entry.traceparent = super::request_id::traceparent(request.headers());
        entry.connection = request.extensions().get::<Arc<Peer>>().map(|peer| self.connection_of(peer));
        entry
    }

    /// What an entry says of the connection: its certificate, and whose that is.
    pub(super) fn connection_of(&self, peer: &Peer) -> Connection {
        let directory = self.gate.directory().current();
        let system = directory.system_by_thumbprint(&peer.thumbprint, self.gate.clock().now());
        let organisation = system.and_then(|s| directory.organisation_of(s));
        Connection {
            thumbprint: Digest(peer.thumbprint),
            organisation_id: organisation.map(|o| o.id),
            organisation: organisation.map(|o| o.code.clone()),
            system: system.map(|s| s.code.clone()),
        }
    }

    /// Turns what a handler or the router left as an error into its problem document.
    fn rendered(&self, mut response: Response, id: &RequestId, about_children: bool) -> Response {
        if let Some(error) = response.extensions_mut().remove::<Error>() {
            return self.with_metadata(error.respond(id, &self.safety));
        }
        let recorded = response.extensions().get::<Recorded>().is_some();
        let status = response.status();
        let has_own_form = response.extensions().get::<Noted>().is_some();
        if recorded || has_own_form {
            return response;
        }
        if status == StatusCode::NOT_FOUND {
            let detail = "there is no such path; openapi.json lists them";
            return Error::problem(ProblemKind::UnknownPath, detail).respond(id, &self.safety);
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            let detail = "this path has other methods; openapi.json lists them";
            let mut problem = Error::problem(ProblemKind::MethodNotAllowed, detail).respond(id, &self.safety);
            // RFC 9110 section 15.5.6: the methods that there are belong to the answer.
            if let Some(allowed) = response.headers_mut().remove(ALLOW) {
                problem.headers_mut().insert(ALLOW, allowed);
            }
            return problem;
        }
        // Nothing about a child leaves but through the gate, whatever a handler did.
        if about_children { Error::Internal.respond(id, &self.safety) } else { response }
    }

    /// RFC 9728 section 5.1, beside what the challenge says already.
    fn with_metadata(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        let said = headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        if let (Some(said), Some(address)) = (said, &self.metadata)
            && let Ok(value) = HeaderValue::from_str(&format!("{said}, resource_metadata=\"{address}\""))
        {
            headers.insert(WWW_AUTHENTICATE, value);
        }
        response
    }

    async fn record(&self, trail: &Trail, response: Response) -> Result<(Option<Receipt>, Response), ()> {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, UNRELEASED_BYTES).await.map_err(|_| ())?;
        if let Some(noted) = parts.extensions.get::<Noted>() {
            trail.noted(noted);
        }
        let unproved = parts.status == StatusCode::UNAUTHORIZED
            || parts.extensions.get::<Noted>().is_some_and(|noted| !noted.given());
        let mut alarm = None;
        trail.note(|e| {
            e.decision = decision(parts.status, e.decision);
            if let Some(reason) = e.reason.as_ref().filter(|_| unproved) {
                self.metrics.unproved(reason);
            }
            alarm = ALARMS.into_iter().find(|word| e.reason.as_deref() == Some(word));
        });
        if !parts.status.is_success() {
            trail.nothing_given();
        }
        if let Some(reason) = alarm {
            tracing::warn!(reason, "a refusal that somebody should look at");
            self.metrics.alarm(reason);
        }
        if parts.status == StatusCode::TOO_MANY_REQUESTS && !self.own_entry(&trail.entry()).await? {
            return Ok((None, Response::from_parts(parts, body.into())));
        }
        let receipt = self.gate.record(trail, parts.status, &body).await.map_err(|_| ())?;
        Ok((Some(receipt), Response::from_parts(parts, body.into())))
    }
}

/// The method, where it is one of ours: what a stranger writes there is not copied into the log.
fn known_method(request: &Request) -> Option<String> {
    ["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"]
        .into_iter()
        .find(|m| *m == request.method().as_str())
        .map(ToOwned::to_owned)
}

fn decision(status: StatusCode, so_far: Decision) -> Decision {
    match status.as_u16() {
        200..300 => Decision::Allowed,
        401 => Decision::Unauthenticated,
        429 => Decision::Limited,
        403 => Decision::Refused,
        500.. => Decision::Failed,
        _ => match so_far {
            // A permit was given, and then the request itself was at fault.
            Decision::Allowed => Decision::Malformed,
            Decision::Refused
            | Decision::Unauthenticated
            | Decision::Malformed
            | Decision::Limited
            | Decision::Failed => so_far,
        },
    }
}
