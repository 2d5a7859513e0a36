//! The listener over a real loopback socket, with an authority of the test's own.

use super::*;
use crate::http::Metrics;
use crate::identity::testing::{self, Authority, authority, client_of, issue};
use axum::Extension;
use axum::routing::get;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use rcgen::SanType;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivateKeyDer, ServerName};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;

fn tight() -> ConnectionLimits {
    ConnectionLimits {
        handshake: Duration::from_millis(400),
        first_request: Duration::from_millis(400),
        headers: Duration::from_millis(400),
        age: Duration::from_secs(5),
        longest: Duration::from_secs(3),
        drain: Duration::from_secs(2),
        handshakes: 4,
        connections: 8,
        per_certificate: 5,
        streams: 4,
    }
}

struct Served {
    address: SocketAddr,
    told: Arc<Told>,
    stop: CancellationToken,
    done: tokio::task::JoinHandle<()>,
    authority: Authority,
    finished: Arc<Notify>,
    _folder: tempfile::TempDir,
}

/// Keeps why connections were refused, and what could not be read.
#[derive(Default)]
struct Told {
    reasons: Mutex<Vec<String>>,
    revoked: Mutex<Vec<[u8; 32]>>,
    metrics: Metrics,
}

impl ConnectionEvents for Told {
    fn refused<'a>(
        &'a self,
        _: SocketAddr,
        _: Option<&'a Peer>,
        word: &'static str,
        detail: &str,
    ) -> BoxFuture<'a, ()> {
        self.reasons.lock().unwrap().push(if detail.is_empty() { word } else { detail }.to_owned());
        ready(()).boxed()
    }

    fn unreadable<'a>(&'a self, _: &'a Peer, reason: &'static str) -> BoxFuture<'a, ()> {
        self.reasons.lock().unwrap().push(reason.to_owned());
        ready(()).boxed()
    }

    fn may_act(&self, peer: &Peer) -> bool {
        !self.revoked.lock().unwrap().contains(&peer.thumbprint)
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

async fn who(Extension(peer): Extension<Arc<Peer>>) -> String {
    peer.san_uris.join(" ")
}

async fn serve() -> Served {
    serve_within(tight()).await
}

async fn serve_within(limits: ConnectionLimits) -> Served {
    let authority = authority("ours");
    let (chain, key) = issue(&authority, SanType::DnsName("localhost".try_into().unwrap()), 2040);
    let (folder, files) = testing::certificate_files(&chain, &key, &authority.pem());
    let files = Files::open(files, chrono::TimeDelta::hours(1), testing::live_trust, testing::at()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let told = Arc::<Told>::default();
    let hook = Arc::clone(&told);
    let finished = Arc::new(Notify::new());
    let notify = Arc::clone(&finished);
    let slow = || async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        notify.notify_one();
        "done"
    };
    let router = Router::new().route("/who", get(who)).route("/slow", get(slow));
    let stop = CancellationToken::new();
    let done = tokio::spawn(serve_tls(listener, router, files, limits, hook, stop.clone()));
    Served { address, told, stop, done, authority, finished, _folder: folder }
}

fn client(
    served: &Served,
    version: &'static rustls::SupportedProtocolVersion,
    identity: Option<(String, String)>,
    alpn: &[u8],
) -> TlsConnector {
    TlsConnector::from(Arc::new(client_config(served, version, identity, alpn)))
}

fn client_config(
    served: &Served,
    version: &'static rustls::SupportedProtocolVersion,
    identity: Option<(String, String)>,
    alpn: &[u8],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(served.authority.der().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder
                .with_client_auth_cert(
                    CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect(),
                    key,
                )
                .unwrap()
        }
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config
}

/// Sends one HTTP/1.1 request and reads to the end; a failure anywhere gives nothing.
async fn call(served: &Served, connector: &TlsConnector, path: &str) -> Option<String> {
    let stream = TcpStream::connect(served.address).await.unwrap();
    let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    // A server that does not say goodbye is no failure of the answer.
    let _ = stream.read_to_string(&mut answer).await;
    if answer.is_empty() { None } else { Some(answer) }
}

/// The first reason that the server gives, which in TLS 1.3 may come after the client's own handshake.
async fn reason(served: &Served) -> String {
    for _ in 0..200 {
        if let Some(reason) = served.told.reasons.lock().unwrap().first() {
            return reason.clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    String::from("not refused")
}

#[tokio::test]
async fn a_registered_authoritys_client_is_served_over_http_1() {
    let served = serve().await;
    let identity = Some(client_of(&served.authority, 2040));
    let connector = client(&served, &rustls::version::TLS13, identity, b"http/1.1");
    let answer = call(&served, &connector, "/who").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("urn:schoolgate:org:a:system:b"), "{answer}");
    assert!(served.told.reasons.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_registered_authoritys_client_is_served_over_http_2() {
    let served = serve().await;
    let identity = Some(client_of(&served.authority, 2040));
    let config = client_config(&served, &rustls::version::TLS13, identity, b"h2");
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .resolve("localhost", served.address)
        .build()
        .unwrap();
    let url = format!("https://localhost:{}/who", served.address.port());
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.version(), axum::http::Version::HTTP_2);
    assert_eq!(answer.text().await.unwrap(), "urn:schoolgate:org:a:system:b");
}

#[tokio::test]
async fn keys_are_agreed_on_post_quantum_where_that_is_built_in() {
    let served = serve().await;
    let identity = Some(client_of(&served.authority, 2040));
    let config = client_config(&served, &rustls::version::TLS13, identity, b"http/1.1");
    let mut stream = connected(&served, &TlsConnector::from(Arc::new(config))).await;
    assert!(ask(&mut stream).await.is_some());
    let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap().name();
    let expected = if cfg!(feature = "pq") { "X25519MLKEM768" } else { "X25519" };
    assert_eq!(format!("{group:?}"), expected);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_cut_its_request_in_two() {
    let served = serve().await;
    let identity = Some(client_of(&served.authority, 2040));
    let connector = client(&served, &rustls::version::TLS13, identity, b"http/1.1");
    let call = call(&served, &connector, "/slow");
    assert!(timeout(Duration::from_millis(150), call).await.is_err(), "the answer came too soon");
    // The call is dropped and its connection closed; the handler still comes to its end.
    timeout(Duration::from_secs(3), served.finished.notified()).await.unwrap();
}

#[tokio::test]
async fn each_client_that_is_not_proved_is_refused_and_told_to_the_hook() {
    let (stranger, namesake) = (authority("theirs"), authority("ours"));
    for (identity, expected) in [
        ("none", "no certificates"),
        ("stranger", "UnknownIssuer"),
        ("namesake", "BadSignature"),
        ("expired", "Expired"),
        ("tls 1.2", "Tls12NotOfferedOrEnabled"),
    ] {
        let served = serve().await;
        let (version, certificate) = match identity {
            "none" => (&rustls::version::TLS13, None),
            "stranger" => (&rustls::version::TLS13, Some(client_of(&stranger, 2040))),
            "namesake" => (&rustls::version::TLS13, Some(client_of(&namesake, 2040))),
            "expired" => (&rustls::version::TLS13, Some(client_of(&served.authority, 2021))),
            _ => (&rustls::version::TLS12, Some(client_of(&served.authority, 2040))),
        };
        let connector = client(&served, version, certificate, b"http/1.1");
        assert_eq!(call(&served, &connector, "/who").await, None, "{identity}");
        let reason = reason(&served).await;
        assert!(reason.to_lowercase().contains(&expected.to_lowercase()), "{identity}: {reason}");
    }
}

#[tokio::test]
async fn silence_is_ended_before_and_after_the_handshake() {
    let served = serve().await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(reason(&served).await, "no handshake in time");
    let identity = Some(client_of(&served.authority, 2040));
    let connector = client(&served, &rustls::version::TLS13, identity, b"h2");
    let stream = TcpStream::connect(served.address).await.unwrap();
    let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(3), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection was still open");
}

#[tokio::test]
async fn a_stop_lets_the_answer_under_way_out() {
    let served = serve().await;
    let identity = Some(client_of(&served.authority, 2040));
    let connector = client(&served, &rustls::version::TLS13, identity, b"http/1.1");
    let (answer, ()) = tokio::join!(call(&served, &connector, "/slow"), async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        served.stop.cancel();
    });
    assert!(answer.unwrap().ends_with("done"));
    timeout(Duration::from_secs(3), served.done).await.unwrap().unwrap();
}

type Stream = tokio_rustls::client::TlsStream<TcpStream>;

/// A connection that stays open, HTTP/1.1.
async fn connected(served: &Served, connector: &TlsConnector) -> Stream {
    let stream = TcpStream::connect(served.address).await.unwrap();
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
}

/// Asks on an open connection and reads the answer; nothing where the connection is closed instead.
async fn ask(stream: &mut Stream) -> Option<String> {
    stream.write_all(b"GET /who HTTP/1.1\r\nhost: localhost\r\n\r\n").await.ok()?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"urn:schoolgate:org:a:system:b") {
        let mut piece = [0; 512];
        let read = timeout(Duration::from_secs(3), stream.read(&mut piece)).await.unwrap().ok()?;
        answer.extend(piece.get(..read).filter(|piece| !piece.is_empty())?);
    }
    String::from_utf8(answer).ok()
}

#[tokio::test]
async fn one_certificate_has_so_many_connections_and_another_has_its_own() {
    let served = serve().await;
    let connector =
        client(&served, &rustls::version::TLS13, Some(client_of(&served.authority, 2040)), b"http/1.1");
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut stream = connected(&served, &connector).await;
        assert!(ask(&mut stream).await.is_some());
        open.push(stream);
    }
    assert_eq!(ask(&mut connected(&served, &connector).await).await, None);
    assert_eq!(reason(&served).await, "too_many_connections");
    assert!(served.told.metrics.text().contains("schoolgate_connections_open 5\n"));
    let other =
        client(&served, &rustls::version::TLS13, Some(client_of(&served.authority, 2040)), b"http/1.1");
    assert!(ask(&mut connected(&served, &other).await).await.is_some(), "another certificate");
    assert!(ask(open.last_mut().unwrap()).await.is_some(), "what is open goes on");
}

#[tokio::test]
async fn a_certificate_that_may_not_act_is_answered_once_and_goes() {
    for alpn in [b"http/1.1".as_slice(), b"h2"] {
        let served = serve().await;
        let identity = client_of(&served.authority, 2040);
        let thumbprint = Peer::from_der(&CertificateDer::from_pem_slice(identity.0.as_bytes()).unwrap())
            .unwrap()
            .thumbprint;
        let config = client_config(&served, &rustls::version::TLS13, Some(identity), alpn);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .resolve("localhost", served.address)
            .build()
            .unwrap();
        let url = format!("https://localhost:{}/who", served.address.port());
        let open = || served.told.metrics.text().contains("schoolgate_connections_open 1\n");
        assert_eq!(
            client.get(&url).send().await.unwrap().text().await.unwrap(),
            "urn:schoolgate:org:a:system:b"
        );
        assert!(open(), "it is kept");
        served.told.revoked.lock().unwrap().push(thumbprint);
        // On the connection that was open before, and on one of its own: the answer comes, and then the end.
        for _ in 0..2 {
            assert_eq!(
                client.get(&url).send().await.unwrap().text().await.unwrap(),
                "urn:schoolgate:org:a:system:b"
            );
            let closed = async {
                while open() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            // Long before its age, or the time to drain.
            assert!(timeout(Duration::from_secs(1), closed).await.is_ok(), "it is still open");
        }
    }
}

#[tokio::test]
async fn silent_handshakes_take_no_place_of_those_that_are_proved() {
    let served = serve().await;
    let connector =
        client(&served, &rustls::version::TLS13, Some(client_of(&served.authority, 2040)), b"http/1.1");
    let mut open = connected(&served, &connector).await;
    assert!(ask(&mut open).await.is_some());
    let mut silent = Vec::new();
    for _ in 0..12 {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    assert!(ask(&mut open).await.is_some(), "what is proved goes on");
    // They have four places, and go when the time for a handshake is over: then it is another's turn.
    let mut next = timeout(Duration::from_secs(4), connected(&served, &connector)).await.unwrap();
    assert!(ask(&mut next).await.is_some());
    let text = served.told.metrics.text();
    assert!(text.contains("schoolgate_alarms_total{reason=\"handshakes_full\"} "), "{text}");
    assert!(!text.contains("connections_full"), "{text}");
}

#[tokio::test]
async fn an_age_cuts_no_answer_and_a_stop_gives_it_the_time_to_drain() {
    let short = |age| ConnectionLimits { age, drain: Duration::from_millis(50), ..tight() };
    for (age, stopped, whole) in [(50, false, true), (5_000, true, false), (50, true, false)] {
        let served = serve_within(short(Duration::from_millis(age))).await;
        let identity = Some(client_of(&served.authority, 2040));
        let connector = client(&served, &rustls::version::TLS13, identity, b"http/1.1");
        let (answer, ()) = tokio::join!(call(&served, &connector, "/slow"), async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            if stopped {
                served.stop.cancel();
            }
        });
        assert_eq!(
            answer.is_some_and(|text| text.ends_with("done")),
            whole,
            "age {age} ms, stopped: {stopped}"
        );
    }
}
