//! One loop for every listener: a limit on connections, on their age and their silences, and a stop that lets answers out.
//!
//! A request is handled in its own task: a client that goes away does not cut its handling in two.

use super::places::Room;
use crate::config::Limits;
use crate::http::Metrics;
use crate::identity::Peer;
use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use std::convert::Infallible;
use std::error::Error as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// What is told and asked of a listener's connections beside the requests that reach a handler. A connection's task waits for
/// what it tells, so that it is told before a stop has ended.
pub trait ConnectionEvents: Send + Sync {
    /// A connection was refused: from where, whose where that is proved, one word of ours, and what the TLS library says.
    /// The audit records the word.
    fn refused<'a>(
        &'a self,
        from: SocketAddr,
        peer: Option<&'a Peer>,
        reason: &'static str,
        detail: &str,
    ) -> BoxFuture<'a, ()>;
    /// A request could not be read as HTTP, and the library has answered it itself; one word of ours.
    fn unreadable<'a>(&'a self, peer: &'a Peer, reason: &'static str) -> BoxFuture<'a, ()>;
    /// Whether this certificate is, at this moment, that of a system that may act; others are answered and go.
    fn may_act(&self, peer: &Peer) -> bool;
    /// Where connections are counted.
    fn metrics(&self) -> &Metrics;
}

/// Where a request's connection comes from; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// The limits of one listener.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Longest TLS handshake.
    pub handshake: Duration,
    /// Longest silence between the handshake and the first request.
    pub first_request: Duration,
    /// Longest time for one request's headers, HTTP/1.1.
    pub headers: Duration,
    /// Longest life of a connection: a certificate revoked meanwhile is gone after it.
    pub age: Duration,
    /// Longest time from a request's headers to the last byte of its answer: what is under way at that age is not cut.
    pub longest: Duration,
    /// Longest time that answers under way are given when the process ends.
    pub drain: Duration,
    /// Most handshakes under way at once, and connections that prove nobody; further ones wait in the system's queue.
    pub handshakes: usize,
    /// Most connections at once beside those; further ones wait as long as a handshake may take.
    pub connections: usize,
    /// Most connections of one certificate at once.
    pub per_certificate: usize,
    /// Most requests at once on one connection, HTTP/2.
    pub streams: u32,
}

impl From<&Limits> for ConnectionLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            handshake: Duration::from_secs(limits.handshake_seconds),
            first_request: Duration::from_secs(limits.first_request_seconds),
            headers: Duration::from_secs(limits.headers_seconds),
            age: Duration::from_secs(limits.connection_age_seconds),
            // One request may take its time until its answer begins, and an answer in lines its own after that.
            longest: Duration::from_secs(limits.request_seconds.saturating_add(limits.stream_seconds)),
            drain: Duration::from_secs(limits.drain_seconds),
            handshakes: limits.handshakes_at_once,
            connections: limits.connections,
            per_certificate: limits.connections_per_certificate,
            streams: limits.streams_per_connection,
        }
    }
}

/// What every connection of a listener shares.
#[derive(Clone)]
pub(super) struct Shared {
    pub router: Router,
    /// Nobody is told of what has no certificates.
    pub events: Option<Arc<dyn ConnectionEvents>>,
    pub limits: ConnectionLimits,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
}

/// Accepts until stopped, then waits for what is under way, at most twice the time to drain. Each connection is given the
/// place by which it came in.
pub(super) async fn accept_until_stopped<F, Fut>(
    listener: TcpListener,
    shared: Shared,
    entrance: Room,
    connection: F,
) where
    F: Fn(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>, Shared) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    loop {
        let next = async { (entrance.enter().await, listener.accept().await) };
        let (place, accepted) = tokio::select! {
            () = shared.stop.cancelled() => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, address)) => {
                shared.tasks.spawn(connection(stream, address, place, shared.clone()));
            }
            Err(error) => {
                // Out of file descriptors, most likely: wait for connections to end rather than spin.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    shared.tasks.close();
    if timeout(shared.limits.drain * 2, shared.tasks.wait()).await.is_err() {
        tracing::warn!(left = shared.tasks.len(), "stopped with work under way");
    }
}

/// Serves one connection to its end. Where that was a request that could not be read as HTTP, gives a word for it.
pub(super) async fn serve_connection<I>(
    io: I,
    http2: bool,
    address: SocketAddr,
    peer: Option<Arc<Peer>>,
    shared: Shared,
) -> Option<&'static str>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let turns = Arc::new(Turns::default());
    let (limits, stop) = (shared.limits, shared.stop.clone());
    let service = {
        let turns = Arc::clone(&turns);
        service_fn(move |mut request: Request<Incoming>| {
            turns.first.notify_one();
            request.extensions_mut().insert(PeerAddress(address));
            if let Some(peer) = &peer {
                // A certificate that is no system's, or is so no more, does not keep a place for longer than its answer.
                if shared.events.as_ref().is_some_and(|events| !events.may_act(peer)) {
                    turns.last.notify_one();
                }
                request.extensions_mut().insert(Arc::clone(peer));
            }
            handle(&shared, request)
        })
    };
    let io = TokioIo::new(io);
    if http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_concurrent_streams(limits.streams);
        builder.keep_alive_interval(limits.headers).keep_alive_timeout(limits.headers);
        // What is wrong with one stream the library answers without telling; what goes on ends the connection, which tells.
        builder.max_local_error_reset_streams(FAULTY_STREAMS);
        unreadable(&watch(builder.serve_connection(io, service), &limits, &stop, &turns).await.err()?)
    } else {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(limits.headers);
        unreadable(&watch(builder.serve_connection(io, service), &limits, &stop, &turns).await.err()?)
    }
}

/// Streams of one HTTP/2 connection that may be reset for a fault before the connection is. An honest client has some: for
/// each second that a body still comes after an early answer one is counted, over the whole life of the connection.
const FAULTY_STREAMS: usize = 256;

/// A word for what could not be read, where that is why a connection ended.
fn unreadable(error: &hyper::Error) -> Option<&'static str> {
    if error.is_parse_too_large() {
        return Some("headers_too_large");
    }
    let faulty = |e: &h2::Error| e.is_library();
    let frames = || error.source().and_then(|cause| cause.downcast_ref()).is_some_and(faulty);
    (error.is_parse() || frames()).then_some("unreadable_request")
}

/// Runs a request in a task of its own; dropping the answer does not drop the work.
fn handle(
    shared: &Shared,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<> {
    let task = shared.tasks.spawn(shared.router.clone().oneshot(request.map(Body::new)));
    async move {
        Ok(match task.await {
            Ok(Ok(mut response)) => {
                // The router says of each answer how long it is, and would say of the body that its reader has that it is
                // empty (RFC 9110 section 8.6).
                if response.status() == StatusCode::NOT_MODIFIED {
                    response.headers_mut().remove(CONTENT_LENGTH);
                }
                response
            }
            Ok(Err(never)) => match never {},
            // The task failed; the panic is in the log, and the answer tells nothing.
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        })
    }
}

/// What a connection's requests tell the one that watches it.
#[derive(Default)]
struct Turns {
    /// The first has come.
    first: Notify,
    /// No further one is taken.
    last: Notify,
}

/// Holds a connection to its deadlines; gives the fault that ended it.
async fn watch<C: GracefulConnection<Error = hyper::Error>>(
    connection: C,
    limits: &ConnectionLimits,
    stop: &CancellationToken,
    turns: &Turns,
) -> Result<(), hyper::Error> {
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = turns.first.notified() => {}
        () = sleep(limits.first_request) => return Ok(()),
        () = stop.cancelled() => {}
    }
    let aged = tokio::select! {
        ended = connection.as_mut() => return ended,
        () = sleep(limits.age) => true,
        () = turns.last.notified() => false,
        () = stop.cancelled() => false,
    };
    connection.as_mut().graceful_shutdown();
    if aged {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = sleep(limits.longest) => return Ok(()),
            () = turns.last.notified() => {}
            () = stop.cancelled() => {}
        }
    }
    // Past the time to drain the connection is dropped; a request under way still runs to its end.
    timeout(limits.drain, connection).await.unwrap_or(Ok(()))
}
