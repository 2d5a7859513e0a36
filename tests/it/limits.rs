//! Past a limit a caller waits, and what it asked for is counted: nobody can fill the log, and nobody holds others up.

use crate::support::exports;
use crate::support::wire::{
    Logged, MOVED, Reply, Wire, connect, events, log, log_size, run, send, tls_of, until,
};
use crate::support::{Suite, TestDb, TestGate};
use schoolgate::audit::{Class, Decision};
use schoolgate::demo::SystemName;
use schoolgate::demo::agencies::{SUPPLIER, SUPPLIER_SYSTEM};
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("limits::who_proves_nobody_cannot_fill_the_log", strangers);
    suite.both_empty("limits::stalled_uploads_keep_no_register_out", stalled);
    suite.both_empty("limits::past_its_limit_a_system_waits_and_is_counted", limited);
}

const LANES: usize = 8;

async fn limited(test: TestDb) {
    const FEW: &str = "UPDATE systems SET requests_per_minute = 3 WHERE client_id = $1";
    let gate = TestGate::start(&test.url).await;
    let client = gate.caller("school_nurse").client_id.clone();
    let (busy, quiet) = (Wire::of(&gate, "school_nurse").await, Wire::of(&gate, "social_worker_cp").await);
    assert_eq!(run!(test.db, FEW, client.as_str()), 1);
    run!(test.db, MOVED);
    gate.demo.running.gate.directory().refresh(gate.demo.running.gate.db()).await.unwrap();
    let from = log_size(&test.db).await;
    let (mut served, mut refused) = (0, Vec::new());
    for _ in 0..30 {
        let reply = send(busy.request("GET", "/v1/involvements/report")).await;
        if reply.status == 200 {
            served += 1;
            continue;
        }
        assert_eq!((reply.status, reply.problem().as_str()), (429, "too_many_requests"));
        let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=21).contains(&seconds), "one of three a minute comes back in 20 seconds: {seconds}");
        refused.push(reply);
    }
    assert!((3..=6).contains(&served), "{served}");
    let reply = send(quiet.request("GET", "/v1/involvements/report")).await;
    assert_eq!(reply.status, 200, "another system is not held up");
    gate.stop().await;
    let entries = log(&test.db, from).await;
    let own: Vec<&Logged> = entries.iter().filter(|l| l.entry.decision == Decision::Limited).collect();
    let receipts: Vec<u64> = refused.iter().filter_map(Reply::receipt).map(|r| r.index).collect();
    assert_eq!(
        own.iter().map(|l| l.index).collect::<Vec<_>>(),
        receipts,
        "a receipt for each entry and no other"
    );
    assert!(own.iter().all(|l| l.entry.class == Class::Access && l.entry.status == Some(429)));
    // Ten of a minute, and the minute may have turned once.
    assert!((10..=20).contains(&own.len()), "{}", own.len());
    let counted = events(&entries, Class::Limited);
    assert_eq!(own.len() as u64 + counted, refused.len() as u64, "entries and count add up");
    assert!(counted > 0);
    let sums = entries.iter().filter(|l| l.entry.class == Class::Limited);
    let of = sums.filter_map(|l| l.entry.connection.as_ref()?.system.clone()).collect::<Vec<_>>();
    assert!(
        !of.is_empty() && of.iter().all(|system| client.ends_with(system)),
        "its officer sees them: {of:?}"
    );
}

/// A certificate that proves nobody leaves an entry for each request only up to a limit, whatever path it asks for.
async fn strangers(test: TestDb) {
    const ASKED: usize = 700;
    let gate = TestGate::start(&test.url).await;
    let (wire, other) = (Wire::of(&gate, "school_nurse").await, Wire::of(&gate, "social_worker_cp").await);
    let from = log_size(&test.db).await;
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..LANES {
        let wire = wire.clone();
        lanes.spawn(async move {
            let mut limited = 0;
            for number in (lane..ASKED).step_by(LANES) {
                let path = ["/v1/nothing", "/nothing", "/v1/involvements/report"][number % 3];
                let reply = send(wire.bare("GET", path)).await;
                limited += usize::from(reply.status == 429);
                assert!([401, 404, 429].contains(&reply.status), "{path}: {}", reply.status);
            }
            limited
        });
    }
    let limited: usize = lanes.join_all().await.into_iter().sum();
    assert!(limited > 50, "{limited}");
    let reply = send(other.request("GET", "/v1/involvements/report")).await;
    assert_eq!(reply.status, 200, "another certificate is not held up");
    // Whoever can prove itself is let out: the token is given, and with it nothing is held up.
    let nurse = gate.caller("school_nurse");
    let reply = wire.ask_token(&nurse.client_id, &nurse.role, &nurse.purpose).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    let reply = send(Wire { token, ..wire }.request("GET", "/v1/involvements/report")).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    gate.stop().await;
    let entries = log(&test.db, from).await;
    let own = entries.iter().filter(|l| l.entry.class == Class::Access).count();
    assert!(own < ASKED - limited + 42, "{own} entries of {ASKED} requests, {limited} over the limit");
    assert_eq!(own as u64 + events(&entries, Class::Limited), ASKED as u64 + 3, "entries and counts add up");
}

/// Two systems with as many uploads as they may send at once, of which a little came and then nothing; another's register
/// is taken meanwhile.
async fn stalled(test: TestDb) {
    let gate = exports::Wire::start(&test.url).await;
    let mut open = Vec::new();
    for school in gate.schools() {
        let sender = exports::Wire::sender(&school.urn);
        let token = Wire::of(&gate.gate, &sender).await.token;
        for length in ["content-length: 268435456", "transfer-encoding: chunked"] {
            let mut stream =
                connect(&gate.gate, tls_of(&gate.gate, gate.gate.caller(&sender))).await.unwrap();
            let head = format!(
                "POST /v1/schools/{}/attendance HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
                 content-type: text/csv\r\n{length}\r\n\r\n5\r\nhello\r\n",
                school.urn
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            open.push(stream);
        }
    }
    let system = SystemName::new(SUPPLIER, SUPPLIER_SYSTEM);
    let mut supplier = Wire::with_certificate(&gate.gate, &system.certificate());
    let reply = supplier.ask_token(&system.file_name(), "school_attendance_officer", "own_record").await;
    reply.json()["access_token"].as_str().unwrap().clone_into(&mut supplier.token);
    // Each of them is being read by now: of the same system a third one is told to come after them.
    let (school, from) = (&gate.schools()[0], exports::Wire::sender(&gate.schools()[0].urn));
    let path = format!("/v1/schools/{}/registers/2026-11-20/am", school.urn);
    let pupil = gate.rows(&school.pupils).iter().find(|row| row["last_day"].is_empty()).unwrap().clone();
    let register = json!([{"school_pupil_id": pupil["school_pupil_id"], "code": "/"}]);
    let own = Wire::of(&gate.gate, &from).await;
    let waits = async || send(own.request("PUT", &path).json(&register)).await.status == 429;
    until("both are being read", Duration::from_secs(5), waits).await;
    let reply =
        tokio::time::timeout(Duration::from_secs(10), send(supplier.request("PUT", &path).json(&register)));
    let reply = reply.await.expect("a register waits for bodies that do not come");
    assert_eq!((reply.status, &reply.json()["rejected"]), (200, &json!(0)), "{}", reply.json());
    drop(open);
    gate.stop().await;
}
