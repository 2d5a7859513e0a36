//! The audit layer: it begins a request's trail before anything looks at it, and at the end writes the one entry of
//! whatever was not released: refusals, bad tokens, malformed requests, unknown paths, faults of ours.

use super::{Metrics, RequestId};
use crate::audit::{Class, Connection, Decision, Digest, Entry, EventId, Flood, Receipt, Source, Summary};
use crate::config::Safety;
use crate::gate::{Gate, Recorded, Trail};
use crate::http::{Error, ProblemKind};
use crate::identity::{Noted, Peer};
use axum::body::to_bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::header::ALLOW;
use http::{HeaderName, HeaderValue, StatusCode};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

const AUDIT_RECEIPT: HeaderName = HeaderName::from_static("audit-receipt");
/// Paths that say nothing about a child and have no entry.
const WITHOUT_ENTRY: [&str; 3] = ["/v1/log/", "/.well-known/", "/openapi.json"];
/// Largest body of an answer that was not released: problem documents and tokens.
const UNRELEASED_BYTES: usize = 64 * 1024;
/// Sources told apart in one minute of a flood.
const SOURCES: usize = 4_096;

/// What the layer works with. Cheap to clone.
#[derive(Clone)]
pub struct AuditLayer {
    gate: Gate,
    safety: Safety,
    flood: Arc<Mutex<Flood>>,
    metrics: Metrics,
    longest: Duration,
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
    // A panic is a fault of ours; it is in the log, and the request still has its entry.
    let answered = timeout(layer.longest, AssertUnwindSafe(next.run(request)).catch_unwind()).await;
    let response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Error::Internal.into_response(),
        Err(_) => Error::NotReady.into_response(),
    };
    let response = layer.rendered(response, &id, about_children);
    let recorded = match response.extensions().get::<Recorded>() {
        Some(recorded) => Ok((Some(recorded.0), response)),
        None => layer.record(&trail, response).await,
    };
    let response = match recorded {
        Ok((receipt, response)) => with_receipt(response, receipt.filter(|_| about_children)),
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

impl AuditLayer {
    /// The layer of a process.
    pub fn new(gate: Gate, safety: Safety, metrics: Metrics, longest: Duration) -> Self {
        Self { gate, safety, flood: Arc::new(Mutex::new(Flood::new(SOURCES))), metrics, longest }
    }

    fn begun(&self, request: &Request, id: &RequestId) -> Entry {
        let mut entry =
            Entry::new(EventId::new(), self.gate.clock().now(), Class::Access, Decision::Malformed);
        entry.request = Some(id.as_str().to_owned());
        entry.method = known_method(request);
        entry.route = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
        entry.traceparent = super::request_id::traceparent(request.headers());
        entry.connection = request.extensions().get::<Arc<Peer>>().map(|peer| {
            let directory = self.gate.directory().current();
            let system = directory.system_by_thumbprint(&peer.thumbprint, self.gate.clock().now());
            let organisation = system.and_then(|s| directory.organisation_of(s));
            Connection {
                thumbprint: Digest(peer.thumbprint),
                organisation_id: organisation.map(|o| o.id),
                organisation: organisation.map(|o| o.code.clone()),
                system: system.map(|s| s.code.clone()),
            }
        });
        entry
    }

    /// Turns what a handler or the router left as an error into its problem document.
    fn rendered(&self, mut response: Response, id: &RequestId, about_children: bool) -> Response {
        if let Some(error) = response.extensions_mut().remove::<Error>() {
            return error.respond(id, &self.safety);
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

    async fn record(&self, trail: &Trail, response: Response) -> Result<(Option<Receipt>, Response), ()> {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, UNRELEASED_BYTES).await.map_err(|_| ())?;
        if let Some(noted) = parts.extensions.get::<Noted>() {
            trail.noted(noted);
        }
        let decision = decision(parts.status, trail.entry().decision);
        trail.note(|e| e.decision = decision);
        if parts.status == StatusCode::TOO_MANY_REQUESTS && !self.own_entry(trail).await? {
            return Ok((None, Response::from_parts(parts, body.into())));
        }
        let receipt = self.gate.record(trail, parts.status, &body).await.map_err(|_| ())?;
        Ok((Some(receipt), Response::from_parts(parts, body.into())))
    }

    /// Whether this 429 gets an entry of its own; what a minute that has ended left over is written first.
    async fn own_entry(&self, trail: &Trail) -> Result<bool, ()> {
        let entry = trail.entry();
        let client = entry.connection.and_then(|c| Some(format!("{}/{}", c.organisation?, c.system?)));
        let noted = {
            let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
            flood.note(Source::Client(client.unwrap_or_default()), self.gate.clock().now())
        };
        self.write(Class::Limited, noted.summaries).await?;
        Ok(noted.own_entry)
    }

    /// Writes the entry of a refused handshake: the first ten of a network and minute each, then one with the count.
    pub async fn refused_handshake(&self, address: IpAddr) {
        self.metrics.handshake_refused();
        let noted = {
            let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
            flood.note(Source::of_address(address), self.gate.clock().now())
        };
        let mut written = self.write(Class::HandshakeRefused, noted.summaries).await;
        if noted.own_entry {
            written = written.and(self.write_one(Class::HandshakeRefused, None).await);
        }
        if written.is_err() {
            tracing::error!("a refused handshake could not be recorded");
        }
    }

    /// Writes the counts of a minute that has ended; called once a minute, and at stop with `last`.
    pub async fn turn_minute(&self, last: bool) {
        let summaries = {
            let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
            if last { flood.finish() } else { flood.turn(self.gate.clock().now()) }
        };
        if self.write(Class::Limited, summaries).await.is_err() {
            tracing::error!("counts of refused requests could not be recorded");
        }
    }

    async fn write(&self, class: Class, summaries: Vec<Summary>) -> Result<(), ()> {
        for summary in summaries {
            let class = match summary.source {
                Source::V4(_) | Source::V6(_) => Class::HandshakeRefused,
                Source::Client(_) => Class::Limited,
                Source::Others => class,
            };
            self.write_one(class, Some(summary.count)).await?;
        }
        Ok(())
    }

    async fn write_one(&self, class: Class, count: Option<u64>) -> Result<(), ()> {
        let mut entry = Entry::new(EventId::new(), self.gate.clock().now(), class, Decision::Refused);
        entry.count = count;
        self.gate.journal().record(&entry).await.map(|_| ()).map_err(|_| ())
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
