//! When something gives way: the log cannot be written, a client goes away, a handler fails, the gateway is stopped.

use crate::support::wire::{MOVED, Personal, Reply, Wire, connect, log, log_size, run, send, tls_of, until};
use crate::support::{Suite, TestDb, TestGate};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Extension, Router};
use schoolgate::audit::{Decision, verify};
use schoolgate::config::Safety;
use schoolgate::demo::Standing;
use schoolgate::gate::Trail;
use schoolgate::http::{AuditLayer, Error, Metrics, audited, request_id};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::ServiceExt as _;
use uuid::Uuid;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("outages::without_a_log_nothing_is_answered", no_log);
    suite.both_empty("outages::a_directory_that_cannot_be_read_is_not_gone_by_for_long", no_directory);
    suite.both_empty("outages::a_client_that_goes_away_has_its_entry", gone_away);
    suite.both_empty("outages::a_handler_that_fails_has_its_entry", failing_handler);
    suite.both_empty("outages::an_entry_is_handed_over_once", handed_over_once);
    suite.both_empty("outages::a_stop_lets_out_what_is_under_way", stopped);
}

const LIMIT: Duration = Duration::from_secs(20);

fn request_id_of(number: u128) -> String {
    Uuid::from_u128(number).simple().to_string()
}

async fn ready(wire: &Wire, gate: &TestGate) -> u16 {
    wire.http.get(format!("{}/readyz", gate.demo.json.admin)).send().await.unwrap().status().as_u16()
}

async fn no_log(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let worker = Wire::of(&gate, "social_worker_cp").await;
    let dpo = Wire::of(&gate, "data_protection_officer_agency").await;
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (mine.pupil_id.unwrap(), mine.case_reference.unwrap());
    let summary = format!("/v1/pupils/{handle}/attendance-summary");
    let summary = async || send(worker.request("GET", &summary).header("case-reference", &reference)).await;
    assert_eq!((summary().await.status, ready(&worker, &gate).await), (200, 200));
    let before = log_size(&test.db).await;

    run!(test.db, "ALTER TABLE audit_entries RENAME TO audit_entries_away");
    let end = request_id_of(7);
    let find = serde_json::json!({"upn": mine.upn}).to_string();
    let ended = worker.request("DELETE", &format!("/v1/involvements/{}", Uuid::new_v4()));
    let replies: Vec<(&str, Reply)> = vec![
        ("a summary", summary().await),
        ("no child", worker.summary(&"0".repeat(32), Some(&reference)).await),
        ("no token", send(worker.bare("GET", "/v1/involvements/report")).await),
        ("no such path", send(worker.request("GET", "/v1/nothing")).await),
        ("a search", send(worker.request("POST", "/v1/pupils/find").body(find)).await),
        ("malformed", send(worker.request("POST", "/v1/pupils/find").body("{")).await),
        ("a report", send(worker.request("GET", "/v1/involvements/report")).await),
        ("entries", send(dpo.request("GET", "/v1/audit/entries")).await),
        ("a write", send(ended.header("x-request-id", &end)).await),
    ];
    let personal = Personal::new();
    let size = replies[0].1.bytes.len();
    for (what, reply) in &replies {
        assert_eq!((reply.status, reply.problem().as_str()), (503, "not_ready"), "{what}");
        assert_eq!(reply.header("audit-receipt"), None, "{what}");
        assert_eq!(reply.header("retry-after"), Some("5"), "{what}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(reply.bytes.len(), size, "{what}: nothing tells one from another");
        let body = String::from_utf8(reply.bytes.clone()).unwrap();
        assert!(
            !body.contains("danger") && !body.contains("audit"),
            "nothing of a child, nothing of the cause: {body}"
        );
        assert_eq!(personal.found_in(&body), None, "{what}");
    }
    assert_eq!(ready(&worker, &gate).await, 503, "not ready while nothing can be recorded");

    run!(test.db, "ALTER TABLE audit_entries_away RENAME TO audit_entries");
    assert_eq!(ready(&worker, &gate).await, 200, "ready again without a restart");
    let reply = summary().await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    let entries = log(&test.db, before).await;
    let of_end = entries.iter().filter(|l| l.entry.request.as_deref() == Some(end.as_str()));
    // The write had been committed with its entry, so that the entry came to the log by itself, and once.
    assert_eq!(of_end.map(|l| l.entry.status).collect::<Vec<_>>(), [Some(202)]);
    assert_eq!(entries.len(), 2, "what was not answered was not given: {entries:?}");
    verify(&test.db).await.unwrap();
    gate.stop().await;
}

/// A directory with a word of a newer version: not ready at once, and no answer once what is known is too old.
async fn no_directory(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let dpo = Wire::of(&gate, "data_protection_officer_agency").await;
    let entries = async || send(dpo.request("GET", "/v1/audit/entries")).await;
    let alarms = async || {
        let url = format!("{}/metrics", gate.demo.json.admin);
        let metrics = dpo.http.get(url).send().await.unwrap().text().await.unwrap();
        let line = "schoolgate_alarms_total{reason=\"directory_not_read\"} ";
        metrics.lines().find_map(|l| l.strip_prefix(line)).unwrap_or("0").to_owned()
    };
    // A shorter time than the gateway's own, on the same gate.
    let layer = AuditLayer::new(
        gate.demo.running.gate.clone(),
        Safety::new("01632 960999"),
        Metrics::default(),
        LIMIT,
    )
    .with_directory_of_at_most(Duration::from_secs(3));
    let router = Router::new()
        .route("/v1/asks", get(async || Err::<&str, Error>(Error::Child)))
        .layer(from_fn_with_state(layer, audited))
        .layer(from_fn(request_id));
    let asked = async || {
        let request = http::Request::get("/v1/asks").body(axum::body::Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    assert_eq!((asked().await.status().as_u16(), ready(&dpo, &gate).await), (404, 200));

    run!(test.db, "UPDATE systems SET roles = roles || ' role_of_a_newer_version'");
    run!(test.db, MOVED);
    until("not ready", LIMIT, async || ready(&dpo, &gate).await == 503).await;
    until("the operator is told", LIMIT, async || alarms().await == "1").await;
    assert_eq!(entries().await.status, 200, "by the last directory, until it is too old");
    let from = log_size(&test.db).await;
    let refused = asked().await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("audit-receipt"), "it has its entry");
    let body = axum::body::to_bytes(refused.into_body(), 4_096).await.unwrap();
    assert!(std::str::from_utf8(&body).unwrap().contains("urn:schoolgate:problem:not_ready"), "{body:?}");
    let logged: Vec<_> =
        log(&test.db, from).await.iter().map(|l| (l.entry.decision, l.entry.status)).collect();
    assert_eq!(logged, [(Decision::Failed, Some(503))]);

    run!(test.db, "UPDATE systems SET roles = REPLACE(roles, ' role_of_a_newer_version', '')");
    until("ready again without a restart", LIMIT, async || ready(&dpo, &gate).await == 200).await;
    assert_eq!((asked().await.status().as_u16(), alarms().await.as_str()), (404, "1"), "told once");
    drop(router);
    gate.stop().await;
}

async fn gone_away(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let caller = gate.caller("social_worker_cp");
    let token = Wire::of(&gate, "social_worker_cp").await.token;
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (mine.pupil_id.unwrap(), mine.case_reference.unwrap());
    let from = log_size(&test.db).await;
    let (half, whole) = (request_id_of(1), request_id_of(2));
    let head = |method: &str, path: &str, id: &str, more: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nx-request-id: {id}\r\n{more}\r\n"
        )
    };
    let summary = format!("/v1/pupils/{handle}/attendance-summary");
    for request in [
        format!("{}{{\"upn\":", head("POST", "/v1/pupils/find", &half, "content-length: 500\r\n")),
        head("GET", &summary, &whole, &format!("case-reference: {reference}\r\n")),
    ] {
        let mut stream = connect(&gate, tls_of(&gate, caller)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        drop(stream);
    }
    let status_of = async |id: &str| {
        let entries = log(&test.db, from).await;
        let own: Vec<_> = entries.into_iter().filter(|l| l.entry.request.as_deref() == Some(id)).collect();
        assert!(own.len() <= 1, "{own:?}");
        own.first().and_then(|l| l.entry.status)
    };
    until("half a body", LIMIT, async || status_of(&half).await == Some(400)).await;
    until("no reader", LIMIT, async || status_of(&whole).await == Some(200)).await;
    gate.stop().await;
    assert_eq!(log(&test.db, from).await.len(), 2);
}

async fn fails() -> &'static str {
    assert_eq!("Amelia", "nobody", "a fault of ours, with a name in it");
    "not reached"
}

/// The router's own layers around a handler that fails; no route of ours is known to.
async fn failing_handler(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let from = log_size(&test.db).await;
    let layer = AuditLayer::new(
        gate.demo.running.gate.clone(),
        Safety::new("01632 960999"),
        Metrics::default(),
        LIMIT,
    );
    let router = Router::new()
        .route("/v1/fails", get(fails))
        .route("/v1/leaks", get(async || "not released by the gate"))
        .layer(from_fn_with_state(layer.clone(), audited))
        .layer(from_fn(request_id));
    for path in ["/v1/fails", "/v1/leaks"] {
        let request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500, "{path}");
        assert!(response.headers().contains_key("audit-receipt"), "{path}");
        let body = axum::body::to_bytes(response.into_body(), 4_096).await.unwrap();
        let told = std::str::from_utf8(&body).unwrap();
        assert!(told.contains("urn:schoolgate:problem:internal"), "{told}");
        assert!(!told.contains("Amelia") && !told.contains("released"), "{told}");
    }
    drop((router, layer));
    gate.stop().await;
    let entries = log(&test.db, from).await;
    let seen: Vec<_> = entries.iter().map(|l| (l.entry.decision, l.entry.status)).collect();
    assert_eq!(seen, [(Decision::Failed, Some(500)); 2]);
}

/// An entry that came to the log after its request gave up waiting: it is not written a second time, since the log would
/// refuse that, and with it whatever else was in the same group.
async fn handed_over_once(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let from = log_size(&test.db).await;
    let inner = gate.demo.running.gate.clone();
    let late = {
        let inner = inner.clone();
        async move |Extension(trail): Extension<Trail>| {
            inner.record(&trail, http::StatusCode::OK, b"released").await.unwrap();
            Err::<&str, Error>(Error::NotReady)
        }
    };
    let layer = AuditLayer::new(inner, Safety::new("01632 960999"), Metrics::default(), LIMIT);
    let router = Router::new()
        .route("/v1/late", get(late))
        .route("/v1/usual", get(async || Err::<&str, Error>(Error::Child)))
        .layer(from_fn_with_state(layer.clone(), audited))
        .layer(from_fn(request_id));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let (path, expected) = if number % 2 == 0 { ("/v1/late", 503) } else { ("/v1/usual", 404) };
        let router = router.clone();
        tasks.spawn(async move {
            let request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
            assert_eq!(router.oneshot(request).await.unwrap().status(), expected, "{path}");
        });
    }
    tasks.join_all().await;
    drop((router, layer));
    gate.stop().await;
    assert_eq!(log(&test.db, from).await.len(), 200);
    verify(&test.db).await.unwrap();
}

async fn stopped(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let caller = gate.caller("social_worker_cp");
    let token = Wire::of(&gate, "social_worker_cp").await.token;
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let body = serde_json::json!({"upn": mine.upn}).to_string();
    let id = request_id_of(3);
    let from = log_size(&test.db).await;
    let mut stream = connect(&gate, tls_of(&gate, caller)).await.unwrap();
    let idle = connect(&gate, tls_of(&gate, caller)).await.unwrap();
    // The server says 100 once the handler waits for the body: from then on the request is under way.
    let head = format!(
        "POST /v1/pupils/find HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nx-request-id: {id}\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 25];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");

    let address = gate.demo.running.api;
    let stopping = tokio::spawn(gate.stop());
    until("new connections are refused", LIMIT, async || TcpStream::connect(address).await.is_err()).await;
    assert!(!stopping.is_finished(), "it waits for the request");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(mine.pupil_id.as_deref().unwrap()), "{answer}");
    tokio::time::timeout(LIMIT, stopping).await.unwrap().unwrap();
    drop(idle);
    let entries = log(&test.db, from).await;
    assert_eq!(entries.iter().filter(|l| l.entry.request.as_deref() == Some(id.as_str())).count(), 1);
    verify(&test.db).await.unwrap();
}
