//! Answers about many children that end early: their reader goes away or is too slow, their caller loses access, the log
//! cannot be written. Nothing leaves that the log does not have, and nobody takes half an answer for a whole one.

use crate::many_children::{PATH, ask, lines, list, nobody};
use crate::operators::policies::{WITHOUT_TREND, digest_of, folder, put_in_force};
use crate::support::wire::{MOVED, Wire, log, log_size, run, until};
use crate::support::{Suite, TestDb, TestGate};
use axum::response::IntoResponse as _;
use reqwest::Response;
use schoolgate::audit::{Class, verify};
use schoolgate::crypto::sha256;
use schoolgate::demo::agencies::AUTHORITY;
use schoolgate::demo::{Standing, SystemName};
use schoolgate::domain::purpose::{Purpose, Role, SectionSet};
use schoolgate::gate::{Answer, Asked, Children, Cut, Gate, Named, StreamLimits, Trail};
use schoolgate::identity;
use schoolgate::policy::Sources;
use schoolgate::store::Db;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("many_children_cut::whoever_is_suspended_gets_no_more_lines", suspended);
    suite.both_empty("many_children_cut::an_answer_ends_with_its_set_of_policies", policies_change);
    suite.both_empty("many_children_cut::without_a_log_no_further_line_leaves", no_log);
    suite.both_empty("many_children_cut::a_reader_that_goes_away_holds_nothing", gone_away);
    suite.both_empty("many_children_cut::a_reader_that_is_too_slow_is_cut_off", too_slow);
}

const NAME: &str = "social_worker_cp";
const LIMIT: Duration = Duration::from_secs(30);
/// Lines of one request: far more bytes than the network holds for a reader.
const LINES: usize = 10_000;

/// A child of the social worker's, and a request that names it again and again.
fn long_list(gate: &TestGate) -> (String, String, String) {
    let mine = gate.child(NAME, Standing::Mine).clone();
    let (handle, reference) = (mine.pupil_id.unwrap(), mine.case_reference.unwrap());
    let body = list([(handle.as_str(), Some(reference.as_str()))]).repeat(LINES);
    (handle, reference, body)
}

/// A long answer of which only the beginning has been read.
async fn begun(wire: &Wire, body: &str) -> (Response, Vec<u8>) {
    let mut answer = wire.request("POST", PATH).body(body.to_owned()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let first = answer.chunk().await.unwrap().unwrap().to_vec();
    assert!(!first.is_empty());
    (answer, first)
}

/// Reads on to where the answer breaks off, and gives its whole lines.
async fn broken_off((mut answer, mut bytes): (Response, Vec<u8>)) -> Vec<Vec<u8>> {
    loop {
        match answer.chunk().await {
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => panic!("an answer that was cut ended as if it were whole"),
            Err(_) => break,
        }
    }
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let lines: Vec<Vec<u8>> = bytes[..whole].split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    assert!(!lines.is_empty() && lines.len() < LINES, "{} lines", lines.len());
    assert!(!lines.last().unwrap().starts_with(b"{\"trailer\""));
    lines
}

/// The digests of the lines that the log has since an index.
async fn disclosed(db: &Db, from: u64) -> Vec<[u8; 32]> {
    let entries = log(db, from).await.into_iter().filter(|l| l.entry.class == Class::Disclosure);
    entries.map(|l| l.entry.answer.unwrap().0).collect()
}

/// Every line that was read stands in the log, and no more than was decided in time.
async fn all_recorded(db: &Db, from: u64, read: &[Vec<u8>]) {
    let recorded = disclosed(db, from).await;
    assert!(read.len() <= recorded.len() && recorded.len() < LINES, "{} of {}", read.len(), recorded.len());
    for (line, digest) in read.iter().zip(&recorded) {
        assert_eq!(sha256(&[line]), *digest);
    }
    verify(db).await.unwrap();
}

async fn stand(db: &Db, gate: &TestGate, standing: &'static str) {
    run!(db, "UPDATE organisations SET standing = $1 WHERE code = 'exampleshire'", standing);
    run!(db, MOVED);
    gate.demo.running.gate.directory().refresh(db).await.unwrap();
}

async fn suspended(db: TestDb) {
    let gate = TestGate::start(&db.url).await;
    let wire = Wire::of(&gate, NAME).await;
    let (handle, reference, body) = long_list(&gate);
    let from = log_size(&db.db).await;
    let answer = begun(&wire, &body).await;
    stand(&db.db, &gate, "suspended").await;
    all_recorded(&db.db, from, &broken_off(answer).await).await;
    stand(&db.db, &gate, "live").await;
    let one = lines(&ask(&wire, "", list([(handle.as_str(), Some(reference.as_str()))])).await);
    assert_ne!(one, [nobody()]);

    // A case that ends meanwhile: from then on the lines are those of a child that is not the caller's.
    let from = log_size(&db.db).await;
    let (mut answer, mut bytes) = begun(&wire, &body).await;
    run!(db.db, "UPDATE involvements SET ended_at = opened_at WHERE case_reference = $1", reference.as_str());
    while let Some(piece) = answer.chunk().await.unwrap() {
        bytes.extend_from_slice(&piece);
    }
    let mut all: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert!(all.pop().unwrap().starts_with(b"{\"trailer\""));
    assert_eq!(all.len(), LINES);
    let told = all.iter().take_while(|line| **line == one[0]).count();
    assert!((1..LINES).contains(&told), "{told} lines of the child");
    assert!(all[told..].iter().all(|line| *line == nobody()), "and then none");
    assert_eq!(disclosed(&db.db, from).await.len(), LINES);
    gate.stop().await;
}

/// Not one line is decided by another set than the one with which the answer began; asked again, it is by the other.
async fn policies_change(db: TestDb) {
    let gate = TestGate::start(&db.url).await;
    let wire = Wire::of(&gate, NAME).await;
    let (handle, reference, body) = long_list(&gate);
    let narrower = folder(&gate, "narrower", Some(&WITHOUT_TREND));
    let from = log_size(&db.db).await;
    let answer = begun(&wire, &body).await;
    put_in_force(&gate, &narrower).await;
    let inner = &gate.demo.running.gate;
    inner.follow_policies().await.unwrap();
    let read = broken_off(answer).await;
    all_recorded(&db.db, from, &read).await;
    let sets = async || {
        let disclosed = log(&db.db, from).await.into_iter().filter(|l| l.entry.class == Class::Disclosure);
        disclosed.map(|l| l.entry.policy_set.unwrap().0).collect::<BTreeSet<_>>()
    };
    let before = Sources::embedded().digest(sha256);
    assert_eq!(sets().await, BTreeSet::from([before]));
    let again = lines(&ask(&wire, "", list([(handle.as_str(), Some(reference.as_str()))])).await);
    assert_ne!(again, [nobody()]);
    assert_ne!(read[0], again[0], "without a section");
    assert_eq!(sets().await, BTreeSet::from([before, digest_of(&narrower)]));
    gate.stop().await;
}

async fn no_log(db: TestDb) {
    let gate = TestGate::start(&db.url).await;
    let wire = Wire::of(&gate, NAME).await;
    let (handle, reference, body) = long_list(&gate);
    let from = log_size(&db.db).await;
    let answer = begun(&wire, &body).await;
    run!(db.db, "ALTER TABLE audit_entries RENAME TO audit_entries_away");
    let read = broken_off(answer).await;
    let reply = ask(&wire, "", list([(handle.as_str(), Some(reference.as_str()))])).await;
    assert_eq!((reply.status, reply.problem().as_str()), (503, "not_ready"), "nothing begins without a log");
    run!(db.db, "ALTER TABLE audit_entries_away RENAME TO audit_entries");
    all_recorded(&db.db, from, &read).await;
    assert_eq!(lines(&ask(&wire, "", list([(handle.as_str(), Some(reference.as_str()))])).await).len(), 1);
    gate.stop().await;
}

/// Whether every connection of the database that the gateway has is idle.
fn is_idle(gate: &Gate) -> bool {
    match gate.db() {
        Db::Sqlite { read, write, .. } => {
            read.num_idle() == read.size() as usize && write.num_idle() == write.size() as usize
        }
        Db::Postgres(pool) => pool.num_idle() == pool.size() as usize,
    }
}

async fn gone_away(db: TestDb) {
    let gate = TestGate::start(&db.url).await;
    let inner = gate.demo.running.gate.clone();
    let wire = Wire::of(&gate, NAME).await;
    let (handle, reference, body) = long_list(&gate);
    let (one, other) = (begun(&wire, &body).await, begun(&wire, &body).await);
    let third = ask(&wire, "", body.clone()).await;
    assert_eq!((third.status, third.problem().as_str()), (429, "too_many_requests"));
    assert!(third.header("retry-after").is_some());
    let others = Wire::of(&gate, "social_worker_cla").await;
    until("a reader that waits holds no connection", LIMIT, async || is_idle(&inner)).await;
    assert_eq!(wire.summary(&handle, Some(&reference)).await.status, 200, "others are answered meanwhile");
    drop((one, other));
    let short = list([(handle.as_str(), Some(reference.as_str()))]);
    until("the places are given back", LIMIT, async || ask(&wire, "", short.clone()).await.status == 200)
        .await;
    until("both of them", LIMIT, async || {
        // Read to their ends: what an answer records comes before its lines.
        let (one, other) = tokio::join!(ask(&wire, "", short.clone()), ask(&wire, "", short.clone()));
        one.status == 200 && other.status == 200
    })
    .await;
    let before = log_size(&db.db).await;
    assert_eq!(others.summary("0", Some("x")).await.status, 404);
    assert_eq!(log_size(&db.db).await, before + 1, "nothing more is recorded for who has gone");
    drop(inner);
    gate.stop().await;
    verify(&db.db).await.unwrap();
}

/// An answer of many bytes.
#[derive(Serialize)]
struct Large(String);

impl Answer for Large {}

/// Asks the gate itself for a long answer that nobody reads, within limits of the test's own.
async fn unread(gate: &TestGate, limits: StreamLimits) -> Cut {
    let inner = gate.demo.running.gate.clone();
    let system = SystemName::new(AUTHORITY, "social-care");
    let key = std::fs::read(gate.dir().join(system.key())).unwrap();
    let now = inner.clock().now();
    let (role, purpose) = (Role::SocialWorker, Purpose::ChildProtection);
    let caller =
        identity::local(&inner.directory().current(), &system.file_name(), &key, role, purpose, now).unwrap();
    let trail = Trail::of_command("a list", &caller, now);
    let permit = inner.open_many(Asked { caller, trail }, SectionSet::all()).await.unwrap();
    let (handle, case_reference, _) = long_list(gate);
    let children = Children::named(vec![Named { handle, case_reference: Some(case_reference) }; LINES]);
    let (released, steps, mut lines) = inner.begin_lines::<Large>(permit, children, limits).await.unwrap();
    let body = released.into_response().into_body();
    let cut = loop {
        let set = steps.next().await.unwrap().unwrap();
        let large = |_: &_| Ok(Large("x".repeat(4_096)));
        let handles = steps.handles(&set).await.unwrap();
        let written = set.write(&handles, &"nobody", large).unwrap();
        let recorded = lines.record(written).await.unwrap();
        if let Err(cut) = lines.push(recorded).await {
            break cut;
        }
    };
    drop(lines);
    assert!(axum::body::to_bytes(body, usize::MAX).await.is_err(), "it ends as what it is");
    cut
}

async fn too_slow(db: TestDb) {
    let gate = TestGate::start(&db.url).await;
    let stalled = StreamLimits { stall: Duration::from_millis(50), whole: LIMIT };
    assert!(matches!(unread(&gate, stalled).await, Cut::TooSlow));
    let too_long = StreamLimits { stall: LIMIT, whole: Duration::from_millis(50) };
    assert!(matches!(unread(&gate, too_long).await, Cut::TooSlow));
    gate.stop().await;
    verify(&db.db).await.unwrap();
}
