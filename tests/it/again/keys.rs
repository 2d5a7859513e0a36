//! Keys of systems: one form, one write, for a time, and not too many.

use super::sent;
use crate::involvements::{claim, id, with};
use crate::support::exports::{self, number};
use crate::support::wire::{Reply, Wire, entry_of, run, send};
use crate::support::{Suite, TestDb, TestGate};
use chrono::{DateTime, TimeDelta, Utc};
use schoolgate::audit::Class;
use schoolgate::store::Db;
use serde_json::{Value, json};
use uuid::Uuid;

pub fn register(suite: &mut Suite) {
    suite.both_empty("again::a_file_sent_twice_is_taken_once", file);
    suite.both_empty("again::a_caseload_sent_twice_is_told_as_it_stands", caseload);
    suite.both_empty("again::a_key_has_one_form_and_reads_take_none", form);
    suite.both_empty("again::keys_end_and_are_not_too_many", ends);
}

const KEPT: &str = "SELECT COUNT(*) FROM idempotency_keys";
const IMPORTS: &str = "SELECT COUNT(*) FROM imports";

async fn post(wire: &Wire, path: &str, key: &str, body: &[u8]) -> Reply {
    let request =
        wire.request("POST", path).header("content-type", "text/csv").header("idempotency-key", key);
    send(request.body(body.to_vec())).await
}

async fn file(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let [school, other] = [&gate.demo.json.schools[0], &gate.demo.json.schools[1]];
    let office = Wire::of(&gate, &format!("school_attendance_officer_{}", school.urn)).await;
    let read = |path: &str| std::fs::read(gate.demo.dir.join(path)).unwrap();
    let roll = read(&school.pupils);
    let path = format!("/v1/schools/{}/pupils", school.urn);
    let before = number(&test.db, IMPORTS).await;
    let first = post(&office, &path, "monday-1", &roll).await;
    assert_eq!(first.status, 200, "{}", first.json());
    for _ in 0..2 {
        let again = post(&office, &path, "monday-1", &roll).await;
        assert_eq!((again.status, again.json()), (200, first.json()));
        let (one, two) = (entry_of(&test.db, &first).await, entry_of(&test.db, &again).await);
        assert_ne!(one.event, two.event, "its own entry");
        assert_eq!((two.reason.as_deref(), two.written), (Some("replayed"), None));
        assert_eq!(two.record, Some(format!("import {}", first.json()["import_id"].as_str().unwrap())));
        assert_eq!(two.action, one.action);
    }
    assert_eq!(number(&test.db, IMPORTS).await, before + 1);
    // Another body, and another query of the same one.
    let mut longer = roll.clone();
    longer.push(b'\n');
    for (path, body) in [(path.clone(), &longer), (format!("{path}?dry_run=true"), &roll)] {
        let reply = post(&office, &path, "monday-1", body).await;
        assert_eq!((reply.status, reply.problem().as_str()), (422, "idempotency_key_reused"), "{path}");
        assert_eq!(entry_of(&test.db, &reply).await.reason.as_deref(), Some("idempotency_key_reused"));
    }
    assert_eq!(number(&test.db, IMPORTS).await, before + 1);
    // To another route, and to another school's system, the same key is a new one.
    let marks = read(&school.attendance);
    let reply = post(&office, &format!("/v1/schools/{}/attendance", school.urn), "monday-1", &marks).await;
    assert_eq!((reply.status, &reply.json()["kind"]), (200, &json!("attendance")), "{}", reply.json());
    let elsewhere = Wire::of(&gate, &format!("school_attendance_officer_{}", other.urn)).await;
    let theirs =
        post(&elsewhere, &format!("/v1/schools/{}/pupils", other.urn), "monday-1", &read(&other.pupils))
            .await;
    assert_eq!(theirs.status, 200);
    assert_ne!(theirs.json()["import_id"], first.json()["import_id"]);
    // A school's key is nothing to another that asks at its path: refused as without it.
    let stranger = post(&elsewhere, &path, "monday-1", &roll).await;
    let plain = post(&elsewhere, &path, "never-seen", &roll).await;
    assert_eq!(
        (stranger.status, stranger.problem(), stranger.bytes.len()),
        (plain.status, plain.problem(), plain.bytes.len())
    );
    assert_ne!(stranger.status, 200);
    // What was refused is done anew.
    let bad = b"school_pupil_id,surname,forename,date_of_birth,sex,starting_day,enrolment_status\n1,A,B,2014-05-06,q,2024-09-03,single\n";
    let strict = format!("{path}?strict=true");
    assert_eq!(post(&office, &strict, "tuesday-1", bad).await.status, 422);
    assert_eq!(
        post(&office, &strict, "tuesday-1", &roll).await.status,
        200,
        "nothing was kept of what was refused"
    );
    assert_eq!(number(&test.db, KEPT).await, 4);
    kept_is_blind(&test.db).await;
    gate.stop().await;
}

/// What is kept says neither the key nor the body.
async fn kept_is_blind(db: &Db) {
    const ROWS: &str = "SELECT scope, request, status, record FROM idempotency_keys";
    type Kept = (Vec<u8>, Vec<u8>, i64, Option<String>);
    let rows: Vec<Kept> = match db {
        Db::Sqlite { read, .. } => sqlx::query_as(ROWS).fetch_all(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_as(ROWS).fetch_all(pool).await.unwrap(),
    };
    for (scope, request, status, record) in rows {
        assert_eq!((scope.len(), request.len(), status), (32, 32, 200));
        assert!(record.is_some_and(|id| Uuid::parse_str(&id).is_ok()));
    }
}

async fn caseload(test: TestDb) {
    let wire = exports::Wire::start(&test.url).await;
    let rows = wire.rows(&wire.schools()[0].pupils);
    let team = json!({"team": "child-protection"});
    let line = |number: u32| {
        with(
            &with(&claim(&rows[number as usize], "cin", &format!("CIN-{number}")), team.clone()),
            json!({"id": id(number)}),
        )
    };
    let body = format!("{}\n{}\n", line(1), line(2));
    let agency = Wire::of(&wire.gate, "social_worker_cp").await;
    let send_all = async |wire: &Wire, body: &str| {
        let request = wire.request("POST", "/v1/involvements").header("content-type", "application/x-ndjson");
        send(request.header("idempotency-key", "day-1").body(body.to_owned())).await
    };
    let first = send_all(&agency, &body).await;
    assert_eq!(
        (first.status, first.json()),
        (202, json!({"accepted": 2, "unchanged": 0, "of_another_system": 0}))
    );
    let again = send_all(&agency, &body).await;
    assert_eq!(
        (again.status, again.json()),
        (202, json!({"accepted": 2, "unchanged": 2, "of_another_system": 0}))
    );
    assert_eq!(entry_of(&test.db, &again).await.reason.as_deref(), Some("replayed"));
    // One ends: sent again it does not come back, as it would without the key, and is told as it is.
    let path = format!("/v1/involvements/{}", id(2));
    assert_eq!(sent(&agency, ("DELETE", &path), &[], &Value::Null).await.json()["ended"], 1);
    let later = send_all(&agency, &body).await;
    assert_eq!(
        (later.status, later.json()),
        (202, json!({"accepted": 1, "unchanged": 1, "of_another_system": 0}))
    );
    let open = "SELECT COUNT(*) FROM involvements WHERE case_reference = 'CIN-2' AND ended_at IS NULL";
    assert_eq!(number(&test.db, open).await, 0);
    assert_eq!(send_all(&agency, &format!("{}\n", line(1))).await.status, 422);
    // Another agency with the same key and the same lines: as if nobody had sent them.
    let nurse = Wire::of(&wire.gate, "school_nurse").await;
    let own = with(&line(1), json!({"kind": "school_nursing", "team": "school-nurses"}));
    let theirs = send_all(&nurse, &format!("{own}\n")).await;
    assert_eq!(
        (theirs.status, theirs.json()),
        (202, json!({"accepted": 1, "unchanged": 0, "of_another_system": 0}))
    );
    wire.stop().await;
}

async fn form(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let document: Value = serde_json::from_str(&schoolgate::router::openapi()).unwrap();
    let (long, longest) = ("k".repeat(256), "k".repeat(255));
    let worker = Wire::of(&gate, "social_worker_cp").await;
    let (mut writes, mut reads) = (0, 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/v1/") || item["post"].is_null() {
            continue;
        }
        let filled: Vec<String> = path
            .split('/')
            .map(|part| if part.starts_with('{') { Uuid::now_v7().to_string() } else { part.to_owned() })
            .collect();
        let filled = filled.join("/");
        let post = async |keys: &[&str]| {
            let request = worker.request("POST", &filled).header("content-type", "application/json");
            send(keys.iter().fold(request, |request, key| request.header("idempotency-key", *key)).body("{}"))
                .await
        };
        for keys in [&["a b"][..], &[""], &[&long], &["a", "a"]] {
            let reply = post(keys).await;
            assert_eq!((reply.status, reply.problem().as_str()), (400, "bad_request"), "{path} {keys:?}");
            assert!(reply.json()["detail"].as_str().unwrap().contains("`Idempotency-Key`"), "{path}");
        }
        let parameters = item["post"]["parameters"].as_array().cloned().unwrap_or_default();
        let takes = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        let reply = post(&[&longest]).await;
        let refused =
            reply.json()["detail"].as_str().is_some_and(|detail| detail.contains("`Idempotency-Key`"));
        assert_eq!((takes, refused, reply.status == 500), (takes, !takes, false), "{path}: {}", reply.json());
        *(if takes { &mut writes } else { &mut reads }) += 1;
    }
    assert_eq!((writes > 12, reads), (true, 2), "{writes}");
    gate.stop().await;
}

/// As many keys of a system as may be kept.
async fn fill(db: &Db, client_id: &str) {
    const SQLITE: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         INSERT INTO idempotency_keys (scope, system_id, organisation_id, request, status, kept_at) \
         SELECT randomblob(32), s.id, s.organisation_id, randomblob(32), 202, '2026-11-22T18:00:00Z' \
         FROM systems s CROSS JOIN n WHERE s.client_id = $1";
    const POSTGRES: &str = "INSERT INTO idempotency_keys (scope, system_id, organisation_id, request, status, kept_at) \
         SELECT sha256(i::text::bytea), s.id, s.organisation_id, sha256(i::text::bytea), 202, '2026-11-22T18:00:00Z'::timestamptz \
         FROM systems s CROSS JOIN generate_series(1, 10000) i WHERE s.client_id = $1";
    let text = match db {
        Db::Sqlite { .. } => SQLITE,
        Db::Postgres(_) => POSTGRES,
    };
    assert_eq!(run!(db, text, client_id), 10_000);
}

async fn ends(test: TestDb) {
    let (wire, hand) = exports::Wire::by_hand(&test.url).await;
    let gate = wire.gate.demo.running.gate.clone();
    let rows = wire.rows(&wire.schools()[0].pupils);
    let agency = Wire::of(&wire.gate, "social_worker_cp").await;
    let line = |number: u32| {
        with(
            &claim(&rows[number as usize], "cin", &format!("CIN-{number}")),
            json!({"team": "child-protection", "id": id(number)}),
        )
        .to_string()
    };
    let post = async |key: Option<&str>, body: String| {
        let request =
            agency.request("POST", "/v1/involvements").header("content-type", "application/x-ndjson");
        let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        send(request.body(body)).await
    };
    assert_eq!(post(Some("one"), line(1)).await.status, 202);
    assert_eq!(post(Some("one"), line(2)).await.status, 422);
    let start: DateTime<Utc> = "2026-11-20T18:00:00Z".parse().unwrap();
    hand.set(start + TimeDelta::hours(24));
    assert_eq!(post(Some("one"), line(2)).await.status, 202, "after a day it is a new key");
    assert_eq!(number(&test.db, KEPT).await, 1);
    assert_eq!(post(Some("one"), line(1)).await.status, 422, "of what it was sent with last");
    assert_eq!(gate.expire_keys().await.unwrap(), 0);
    hand.set(start + TimeDelta::hours(48));
    let from = crate::support::wire::log_size(&test.db).await;
    assert_eq!(gate.expire_keys().await.unwrap(), 1);
    assert_eq!(number(&test.db, KEPT).await, 0);
    let duties = crate::support::wire::log(&test.db, from).await;
    let ended: Vec<_> =
        duties.iter().filter(|row| row.entry.reason.as_deref() == Some("idempotency_keys")).collect();
    assert_eq!((ended.len(), ended[0].entry.class, ended[0].entry.count), (1, Class::Duty, Some(1)));

    hand.set(start + TimeDelta::hours(49));
    assert_eq!(post(Some("two"), line(2)).await.status, 202);
    fill(&test.db, &wire.gate.caller("social_worker_cp").client_id.clone()).await;
    let full = post(Some("three"), line(2)).await;
    assert_eq!(
        (full.status, full.problem().as_str(), full.header("retry-after")),
        (429, "too_many_requests", Some("3600"))
    );
    assert_eq!(post(Some("two"), line(2)).await.status, 202, "what is kept is told");
    assert_eq!(post(None, line(2)).await.status, 202, "and none is needed");
    let nurse = Wire::of(&wire.gate, "school_nurse").await;
    let own = with(&claim(&rows[1], "school_nursing", "SN-1"), json!({"team": "school-nurses", "id": id(1)}))
        .to_string();
    let request = nurse.request("POST", "/v1/involvements").header("content-type", "application/x-ndjson");
    assert_eq!(
        send(request.header("idempotency-key", "three").body(own)).await.status,
        202,
        "another system's are its own"
    );
    hand.set(start + TimeDelta::hours(96));
    assert_eq!(gate.expire_keys().await.unwrap(), 10_002, "in batches");
    wire.stop().await;
}
