//! Who is no system's, or is so no more, takes no place of those that are.

use crate::support::wire::{MOVED, Wire, connect, log, log_size, run, send, tls_of, until};
use crate::support::{Suite, TestDb, TestGate};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use schoolgate::audit::Class;
use schoolgate::crypto::sha256;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("connections::a_revoked_certificate_is_answered_and_keeps_no_place", revoked);
}

const ASK: &[u8] = b"GET /v1/involvements/report HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Asks on an open connection without a token; the answer, and whether the connection has ended.
async fn ask(stream: &mut TlsStream<TcpStream>) -> (String, bool) {
    stream.write_all(ASK).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let mut piece = [0; 4096];
        match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut piece)).await {
            Ok(Ok(read @ 1..)) => answer.extend(&piece[..read]),
            ended => return (String::from_utf8(answer).unwrap(), ended.is_ok()),
        }
    }
}

async fn revoked(test: TestDb) {
    const REVOKE: &str = "UPDATE credentials SET revoked_at = $1 WHERE thumbprint = $2";
    const OPEN: usize = 8;
    let gate = TestGate::start(&test.url).await;
    let (worker, other) = (gate.caller("social_worker_cp"), Wire::of(&gate, "school_nurse").await);
    let mut before = connect(&gate, tls_of(&gate, worker)).await.unwrap();
    let (answer, ended) = ask(&mut before).await;
    assert!(answer.starts_with("HTTP/1.1 401") && !ended, "{answer}");
    let certificate = CertificateDer::from_pem_file(gate.demo.dir.join(&worker.certificate)).unwrap();
    let thumbprint = sha256(&[&certificate]);
    let (running, now) = (&gate.demo.running.gate, schoolgate::clock::Clock::machine().now());
    assert_eq!(run!(test.db, REVOKE, now, thumbprint.to_vec()), 1);
    run!(test.db, MOVED);
    running.directory().refresh(running.db()).await.unwrap();
    let from = log_size(&test.db).await;
    // On the connection from before, and on a new one: one answer, recorded, and the end.
    for mut stream in [before, connect(&gate, tls_of(&gate, worker)).await.unwrap()] {
        let (answer, ended) = ask(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(answer.contains("audit-receipt: ") && ended, "{answer}");
    }
    assert_eq!(log_size(&test.db).await, from + 2);
    // Those that ask nothing are few.
    let mut silent = Vec::new();
    for _ in 0..OPEN + 3 {
        silent.extend(connect(&gate, tls_of(&gate, worker)).await);
    }
    until("refused", Duration::from_secs(5), async || log_size(&test.db).await == from + 5).await;
    for refused in &log(&test.db, from + 2).await {
        assert_eq!(refused.entry.class, Class::HandshakeRefused);
        assert_eq!(refused.entry.reason.as_deref(), Some("too_many_connections"));
        assert_eq!(refused.entry.connection.as_ref().unwrap().thumbprint.0, thumbprint);
    }
    assert_eq!(send(other.request("GET", "/v1/involvements/report")).await.status, 200);
    let metrics = other.http.get(format!("{}/metrics", gate.demo.json.admin)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    // Those, and the other's own one or two.
    let open = metrics.lines().find_map(|l| l.strip_prefix("schoolgate_connections_open ")).unwrap();
    assert!((OPEN..=OPEN + 2).contains(&open.parse().unwrap()), "{open}");
    drop(silent);
    gate.stop().await;
}
