//! The API listener: TLS 1.3 with a client certificate that our own authority issued, and nothing less.

use super::places::{Certificates, Room};
use super::serve::{Shared, accept_until_stopped, serve_connection};
use super::verifier::{Verifier, word};
use super::{Certificates as Files, ConnectionEvents, ConnectionLimits};
use crate::http::tls_provider::provider;
use crate::identity::{LiveTrust, Peer, ServerPair};
use arc_swap::ArcSwap;
use axum::Router;
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::CertificateDer;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The TLS configuration of new connections; replaced whole when certificates change.
pub type LiveTls = Arc<ArcSwap<ServerConfig>>;

/// Makes the configuration from the server's own certificate and what it trusts.
pub(super) fn server_config(pair: &ServerPair, trust: &LiveTrust) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        // Other dependencies compile TLS 1.2 in: the one version is always named.
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(Verifier::new(trust.clone())))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair.certified.clone())));
    // A resumed session brings back its client certificate unchecked, so that a revoked one would come in.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Serves TLS until stopped. Every request carries `Arc<Peer>` and `PeerAddress` as extensions.
pub async fn serve_tls(
    listener: TcpListener,
    router: Router,
    files: Files,
    limits: ConnectionLimits,
    events: Arc<dyn ConnectionEvents>,
    stop: CancellationToken,
) {
    let metrics = events.metrics();
    let entrance = Room::new(limits.handshakes, "handshakes_full", metrics.clone());
    let listening = Listening {
        certificates: Arc::new(Certificates::new(metrics.clone())),
        proved: Arc::new(Room::new(limits.connections, "connections_full", metrics.clone())),
        events: Arc::clone(&events),
        trust: files.trust(),
    };
    let tls = files.tls();
    let shared = Shared { router, events: Some(events), limits, stop, tasks: TaskTracker::new() };
    accept_until_stopped(listener, shared, entrance, |stream, address, place, shared| {
        let acceptor = TlsAcceptor::from(tls.load_full());
        listening.clone().serve(stream, address, place, acceptor, shared)
    })
    .await;
}

/// What the connections of the listener share beside what those of each have.
#[derive(Clone)]
struct Listening {
    certificates: Arc<Certificates>,
    proved: Arc<Room>,
    events: Arc<dyn ConnectionEvents>,
    trust: LiveTrust,
}

/// Most connections of a certificate that is no system's: all that it is given is an answer that says so.
const OF_NOBODY: usize = 8;

impl Listening {
    /// Serves one connection from its handshake to its end. `entrance` is its place among handshakes: whoever may act gives
    /// it back for one among those that are proved, and others keep it, so that they take none of those.
    async fn serve(
        self,
        stream: TcpStream,
        address: SocketAddr,
        entrance: Option<OwnedSemaphorePermit>,
        acceptor: TlsAcceptor,
        shared: Shared,
    ) {
        let Self { certificates, proved, events, trust } = self;
        let follow = trust.follow();
        let (stream, peer, chain) = match handshake(stream, acceptor, &shared).await {
            Ok((stream, peer, chain)) => (stream, Arc::new(peer), chain),
            Err((word, detail)) => return events.refused(address, None, word, &detail).await,
        };
        let may_act = events.may_act(&peer);
        let most = if may_act { shared.limits.per_certificate } else { OF_NOBODY };
        let Some(_open) = certificates.open(&peer.thumbprint, most) else {
            return events.refused(address, Some(&peer), "too_many_connections", "").await;
        };
        let _place = if may_act {
            let Ok(place) = timeout(shared.limits.handshake, proved.enter()).await else {
                return events.refused(address, Some(&peer), "connections_full", "").await;
            };
            drop(entrance);
            place
        } else {
            entrance
        };
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let served = serve_connection(stream, http2, address, Some(Arc::clone(&peer)), shared);
        tokio::select! {
            // A certificate that is revoked does not see an answer that is under way.
            biased;
            fault = follow.shut_out(&chain) => events.refused(address, Some(&peer), fault.word(), "").await,
            word = served => if let Some(word) = word {
                events.unreadable(&peer, word).await;
            },
        }
    }
}

/// A connection after its handshake, whose it is, and the chain that proved it.
type Proved = (TlsStream<TcpStream>, Peer, Vec<CertificateDer<'static>>);

async fn handshake(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    shared: &Shared,
) -> Result<Proved, (&'static str, String)> {
    let accepted = tokio::select! {
        () = shared.stop.cancelled() => return Err(("stopping", "the gateway is stopping".to_owned())),
        accepted = timeout(shared.limits.handshake, acceptor.accept(stream)) => accepted,
    };
    let stream = accepted
        .map_err(|_| ("silent", "no handshake in time".to_owned()))?
        .map_err(|error| (refusal_word(&error), error.to_string()))?;
    let chain: Vec<CertificateDer<'static>> = stream
        .get_ref()
        .1
        .peer_certificates()
        .into_iter()
        .flatten()
        .cloned()
        .map(CertificateDer::into_owned)
        .collect();
    let leaf = chain.first().ok_or_else(|| ("no_certificate", "no client certificate".to_owned()))?;
    let peer = Peer::from_der(leaf).map_err(|error| ("unreadable_certificate", error.to_string()))?;
    Ok((stream, peer, chain))
}

/// Why a handshake was refused, as one word: what an operator and an auditor tell apart.
fn refusal_word(error: &std::io::Error) -> &'static str {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match cause {
        None => "connection_broken",
        Some(rustls::Error::NoCertificatesPresented) => "no_certificate",
        Some(rustls::Error::InvalidCertificate(fault)) => word(fault),
        Some(rustls::Error::PeerIncompatible(_)) => "protocol_version",
        Some(rustls::Error::AlertReceived(_)) => "client_gave_up",
        Some(_) => "not_tls",
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
