//! Systems that read far more than their caseload.

use super::{People, call};
use crate::support::wire::{Wire, entry_of, run, send};
use crate::support::{Suite, TestDb};
use schoolgate::demo::Standing;
use schoolgate::disclosures::tell_stopped;
use schoolgate::http::Metrics;
use serde_json::{Value, json};

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("ties::systems_that_read_too_much_stop", stopped);
}

async fn stopped(test: TestDb) {
    const MUCH: &str = "UPDATE system_lanes SET reads = 2000000 WHERE lane = 'cases'";
    const COUNTED: &str = "SELECT reads FROM system_lanes WHERE lane = 'cases'";
    let people = People::start(&test).await;
    let gate = &people.wire;
    let running = &gate.gate.demo.running.gate;
    let child = gate.gate.child("social_worker_cp", Standing::Mine).clone();
    let (found, reference) = (child.pupil_id.unwrap(), child.case_reference.unwrap());
    let system = Wire::of(&gate.gate, "social_worker_cp").await;
    let asks = async || system.summary(&found, Some(&reference)).await;
    let before = crate::support::exports::number(&test.db, "SELECT COUNT(*) FROM system_lanes").await;
    assert_eq!((before, asks().await.status), (0, 200), "finding a child is not reading of it");
    assert_eq!(asks().await.status, 200);
    let line = json!({"pupil_id": found, "case_reference": reference}).to_string();
    let many = async || {
        let request = system.request("POST", "/v1/attendance-summaries");
        send(request.header("content-type", "application/x-ndjson").body(line.clone())).await
    };
    assert_eq!(many().await.status, 200);
    assert_eq!(crate::support::exports::number(&test.db, COUNTED).await, 3, "alone and in a list");
    // As if another gateway had read them: the next read here learns of it, and the one after is refused.
    run!(test.db, MUCH);
    assert_eq!(asks().await.status, 200);
    let refused = asks().await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "lane_stopped"));
    assert_eq!(entry_of(&test.db, &refused).await.reason.as_deref(), Some("lane_stopped"));
    let nobody = system.summary(&"0".repeat(32), Some(&reference)).await;
    assert_eq!((nobody.status, nobody.bytes.len()), (403, refused.bytes.len()), "the same for every child");
    assert_eq!(many().await.status, 403);
    // The other lane goes on, and so do people.
    let officer = gate.gate.child("attendance_officer_la", Standing::Mine).clone();
    assert_eq!(gate.summary("attendance_officer_la", &officer, "").await.status, 200);
    let person = people.person("social_worker_cp", &["child-protection"], "sw-17").await;
    assert_eq!(person.summary(&found, Some(&reference)).await.status, 200);
    // Told once, in the organisation's feed and to the operator.
    let metrics = Metrics::default();
    assert_eq!(tell_stopped(running, &metrics).await.unwrap(), 1);
    assert_eq!(tell_stopped(running, &metrics).await.unwrap(), 0);
    assert!(metrics.text().contains("schoolgate_alarms_total{reason=\"system_lane_stopped\"} 1"));
    let feed = gate.get("social_worker_cp", "/v1/notifications").await.body["notifications"].clone();
    assert!(feed.as_array().unwrap().iter().any(|n| n["kind"] == "system_lane_stopped"), "{feed}");
    let path = "/v1/system-lane/release";
    let by_system =
        gate.json("data_protection_officer_agency", reqwest::Method::POST, path, &json!({})).await;
    assert_eq!(by_system.status, 403, "a person only");
    let released = call(&people.officer().await, "POST", path, &Value::Null).await;
    assert_eq!((released.status, released.json()), (200, json!({"released": 1})));
    assert_eq!(asks().await.status, 200, "at once");
    people.wire.stop().await;
}
