//! What cannot be read as HTTP is answered by the library and reaches no handler; it has its entry all the same.

use crate::support::wire::{Logged, Wire, connect, events, log, log_size, tls_of, until};
use crate::support::{Suite, TestDb, TestGate};
use rustls::ClientConfig;
use schoolgate::audit::{Class, Decision};
use schoolgate::store::Db;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("unreadable::a_request_that_http_cannot_read_has_its_entry", http_1);
    suite.both_empty("unreadable::faults_of_http_2_end_the_connection_and_have_an_entry", http_2);
    suite.both_empty("unreadable::nobody_fills_the_log_with_what_cannot_be_read", flood);
}

const WHOLE: &str = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n";

/// Sends bytes on a connection of its own, and reads what comes until it ends.
async fn send_bytes(gate: &TestGate, config: ClientConfig, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(gate, config).await.unwrap();
    // It may be answered, and the connection closed, before all of it is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection stays open");
    answer
}

/// The entries from an index on, once there are so many.
async fn entries(db: &Db, from: u64, count: u64) -> Vec<Logged> {
    until("entries", Duration::from_secs(10), async || log_size(db).await >= from + count).await;
    log(db, from).await
}

async fn http_1(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let nurse = gate.caller("school_nurse");
    let system = nurse.client_id.as_str();
    let large = "x".repeat(600 * 1024);
    for (bytes, status, reason) in [
        ("\x01\x02 nonsense\r\n\r\n".to_owned(), "400", "unreadable_request"),
        ("GET /v1/imports HTTP/9.9\r\n\r\n".to_owned(), "400", "unreadable_request"),
        (format!("{WHOLE}content-length: x\r\n\r\n"), "400", "unreadable_request"),
        (format!("{WHOLE}{}\r\n", "a: b\r\n".repeat(200)), "431", "headers_too_large"),
        (format!("{WHOLE}cookie: {large}\r\n\r\n"), "431", "headers_too_large"),
        (format!("GET /{} HTTP/1.1\r\n\r\n", &large[..70 * 1024]), "414", "headers_too_large"),
        // The first is answered, the second is not HTTP.
        (format!("{WHOLE}\r\nnonsense\r\n\r\n"), "200", "unreadable_request"),
    ] {
        let from = log_size(&test.db).await;
        let answer = send_bytes(&gate, tls_of(&gate, nurse), bytes.as_bytes()).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{reason}: {answer}");
        assert!(!answer.contains("nonsense"), "{answer}");
        let all = entries(&test.db, from, 1).await;
        assert_eq!(all.len(), 1, "{status}: exactly one entry");
        let entry = &all[0].entry;
        assert_eq!((entry.class, entry.decision), (Class::Access, Decision::Malformed), "{status}");
        assert_eq!(entry.reason.as_deref(), Some(reason), "{status}");
        assert_eq!((&entry.method, &entry.route, entry.status), (&None, &None, None), "{status}");
        let connection = entry.connection.as_ref().unwrap();
        let (organisation, code) = (connection.organisation.as_deref(), connection.system.as_deref());
        assert_eq!(format!("{}.{}", organisation.unwrap(), code.unwrap()), system, "whose certificate it is");
    }
    gate.stop().await;
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

/// Headers of a request without a scheme: a fault of its stream.
fn faulty(stream: u32) -> Vec<u8> {
    // Indexed fields of RFC 7541 appendix A: `:method: GET`, `:path: /`.
    [&[0, 0, 2, 1, 5][..], &stream.to_be_bytes(), &[0x82, 0x84]].concat()
}

async fn http_2(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let nurse = gate.caller("school_nurse");
    let spoken = || {
        let mut config = tls_of(&gate, nurse);
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    };
    let streams: Vec<u8> = (0..400).flat_map(|n| faulty(2 * n + 1)).collect();
    // Length beyond any frame's, and a stream that ends where none began.
    let frame = [0xff, 0xff, 0xff, 1, 5, 0, 0, 0, 1].to_vec();
    for (what, bytes) in [
        ("no preface", b"nonsense and more of it, to the length of a preface".to_vec()),
        ("frame", [PREFACE, &frame].concat()),
        ("streams", [PREFACE, &streams].concat()),
    ] {
        let from = log_size(&test.db).await;
        send_bytes(&gate, spoken(), &bytes).await;
        let all = entries(&test.db, from, 1).await;
        assert_eq!(all.len(), 1, "{what}");
        let entry = &all[0].entry;
        assert_eq!((entry.class, entry.decision), (Class::Access, Decision::Malformed), "{what}");
        assert_eq!(entry.reason.as_deref(), Some("unreadable_request"), "{what}");
        assert!(entry.connection.as_ref().unwrap().system.is_some(), "{what}");
    }
    // A client that only goes away has asked nothing.
    let from = log_size(&test.db).await;
    let mut stream = connect(&gate, spoken()).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    drop(stream);
    let mut stream = connect(&gate, tls_of(&gate, nurse)).await.unwrap();
    stream.write_all(b"GET /v1/imp").await.unwrap();
    drop(stream);
    gate.stop().await;
    // One that goes before the gateway has seen its handshake whole is a refused handshake, and no request.
    let requests = log(&test.db, from).await.into_iter().filter(|l| l.entry.class == Class::Access);
    assert_eq!(requests.count(), 0);
}

async fn flood(test: TestDb) {
    const SENT: usize = 720;
    const LANES: usize = 8;
    let gate = TestGate::start(&test.url).await;
    let config = tls_of(&gate, gate.caller("school_nurse"));
    let from = log_size(&test.db).await;
    let send_share = async || {
        for _ in 0..SENT / LANES {
            let answer = send_bytes(&gate, config.clone(), b"nonsense\r\n\r\n").await;
            assert!(answer.starts_with(b"HTTP/1.1 400"));
        }
    };
    futures_util::future::join_all((0..LANES).map(|_| send_share())).await;
    let wire = Wire::with_certificate(&gate, &gate.caller("social_worker_cp").certificate);
    let metrics = async || {
        let answer = wire.http.get(format!("{}/metrics", gate.demo.json.admin)).send().await.unwrap();
        answer.text().await.unwrap()
    };
    let line = format!("schoolgate_requests_unreadable_total {SENT}\n");
    until("counted", Duration::from_secs(10), async || metrics().await.contains(&line)).await;
    gate.stop().await;
    let all = log(&test.db, from).await;
    let own = all.iter().filter(|l| l.entry.decision == Decision::Malformed).count();
    let counted = events(&all, Class::Limited);
    assert!(counted > 0 && own < SENT, "{own} have entries, {counted} are counted");
    assert_eq!(own as u64 + counted, SENT as u64, "entries and counts add up");
}
