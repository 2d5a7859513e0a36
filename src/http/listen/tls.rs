//! The API listener: TLS 1.3 with a client certificate that our own authority issued, and nothing less.

use super::places::{Certificates, Room};
use super::serve::{Shared, accept_until_stopped, serve_connection};
use super::{ConnectionEvents, ConnectionLimits};
use crate::identity::Peer;
use arc_swap::ArcSwap;
use axum::Router;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
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

/// Why a TLS configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is not PEM of what it should be.
    #[error("the {what} is not PEM, or holds none; check the file")]
    Pem {
        /// Which of the three.
        what: &'static str,
    },
    /// Certificate and key do not belong together, or are of an unknown kind.
    #[error("certificate and key cannot be used together: {0}; check that they belong to each other")]
    Certificate(#[from] rustls::Error),
    /// No use can be made of the authorities.
    #[error("the client authorities cannot be used: {0}; check the file")]
    Authorities(#[from] rustls::server::VerifierBuilderError),
}

/// Makes the configuration from PEM: the server's chain, its key, and the authorities that issue client certificates.
pub fn server_config(chain: &[u8], key: &[u8], client_authorities: &[u8]) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for authority in certificates(client_authorities, "list of client authorities")? {
        roots.add(authority)?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Pem { what: "server key" })?;
    let mut config = ServerConfig::builder_with_provider(provider)
        // Other dependencies compile TLS 1.2 in: the one version is always named.
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(chain, "server certificate")?, key)?;
    // A resumed session brings back its client certificate unchecked, so that a revoked one would come in.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(list) if !list.is_empty() => Ok(list),
        Ok(_) | Err(_) => Err(TlsError::Pem { what }),
    }
}

/// Serves TLS until stopped. Every request carries `Arc<Peer>` and `PeerAddress` as extensions.
pub async fn serve_tls(
    listener: TcpListener,
    router: Router,
    tls: LiveTls,
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
    };
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
        let Self { certificates, proved, events } = self;
        let (stream, peer) = match handshake(stream, acceptor, &shared).await {
            Ok((stream, peer)) => (stream, Arc::new(peer)),
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
        if let Some(word) = serve_connection(stream, http2, address, Some(Arc::clone(&peer)), shared).await {
            events.unreadable(&peer, word).await;
        }
    }
}

async fn handshake(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    shared: &Shared,
) -> Result<(TlsStream<TcpStream>, Peer), (&'static str, String)> {
    let accepted = tokio::select! {
        () = shared.stop.cancelled() => return Err(("stopping", "the gateway is stopping".to_owned())),
        accepted = timeout(shared.limits.handshake, acceptor.accept(stream)) => accepted,
    };
    let stream = accepted
        .map_err(|_| ("silent", "no handshake in time".to_owned()))?
        .map_err(|error| (refusal_word(&error), error.to_string()))?;
    let peer = {
        let (_, session) = stream.get_ref();
        let leaf = session
            .peer_certificates()
            .and_then(<[_]>::first)
            .ok_or_else(|| ("no_certificate", "no client certificate".to_owned()))?;
        Peer::from_der(leaf).map_err(|error| ("unreadable_certificate", error.to_string()))?
    };
    Ok((stream, peer))
}

/// Why a handshake was refused, as one word: what an operator and an auditor tell apart.
fn refusal_word(error: &std::io::Error) -> &'static str {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match cause {
        None => "connection_broken",
        Some(rustls::Error::NoCertificatesPresented) => "no_certificate",
        Some(rustls::Error::InvalidCertificate(fault)) => certificate_word(fault),
        Some(rustls::Error::PeerIncompatible(_)) => "protocol_version",
        Some(rustls::Error::AlertReceived(_)) => "client_gave_up",
        Some(_) => "not_tls",
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library adds faults; each not told apart is unreadable"
)]
fn certificate_word(fault: &rustls::CertificateError) -> &'static str {
    use rustls::CertificateError as Fault;
    match fault {
        Fault::Expired | Fault::ExpiredContext { .. } => "expired",
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => "not_valid_yet",
        Fault::Revoked => "revoked",
        Fault::UnknownIssuer => "unknown_authority",
        Fault::InvalidPurpose | Fault::InvalidPurposeContext { .. } => "wrong_usage",
        Fault::BadSignature => "bad_signature",
        _ => "unreadable_certificate",
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
