//! Reads: a body that its reader has is not sent again, is recorded as given, and its tag opens nothing.

use super::{asked, tag};
use crate::bars::world::shape;
use crate::support::exports::number;
use crate::support::wire::{Reply, Wire, log, run, send};
use crate::support::{Suite, TestDb, TestGate};
use chrono::{DateTime, Utc};
use schoolgate::audit::{Decision, Entry};
use schoolgate::demo::Standing;
use std::collections::BTreeSet;

pub fn register(suite: &mut Suite) {
    suite.both_empty("again::a_body_that_is_kept_is_not_sent_again", unchanged);
    suite.both_empty("again::a_tag_is_of_who_asks_and_of_what_is_given", of_who_asks);
    suite.both_empty("again::a_tag_opens_nothing", opens_nothing);
}

const READS: &str = "SELECT CAST(COALESCE(SUM(reads), 0) AS BIGINT) FROM system_lanes";

/// The entry of an answer, and its length in the log.
async fn entry(test: &TestDb, reply: &Reply) -> (Entry, usize) {
    let row = log(&test.db, reply.receipt().unwrap().index).await.into_iter().next().unwrap();
    (row.entry, row.bytes.len())
}

async fn unchanged(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let worker = Wire::of(&gate, "social_worker_cp").await;
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let path = format!("/v1/pupils/{}/attendance-summary", mine.pupil_id.unwrap());
    let reference = mine.case_reference.unwrap();
    let ask = async |condition: Option<&str>| {
        let mut headers = vec![("case-reference", reference.as_str())];
        headers.extend(condition.map(|value| ("if-none-match", value)));
        asked(&worker, &path, &headers).await
    };
    let whole = ask(None).await;
    let own = tag(&whole);
    assert_eq!((whole.status, own.len()), (200, 34), "{own}");
    assert_eq!(tag(&ask(None).await), own, "nothing in the body changes with the request");
    let (given, length) = entry(&test, &whole).await;
    for condition in [
        own.clone(),
        format!("W/{own}"),
        format!("\"x\", {own}"),
        format!("\"a,b\" , W/{own},"),
        "*".to_owned(),
    ] {
        let before = number(&test.db, READS).await;
        let reply = ask(Some(&condition)).await;
        assert_eq!((reply.status, reply.bytes.len()), (304, 0), "{condition}");
        assert_eq!((tag(&reply), reply.header("cache-control")), (own.clone(), Some("no-store")));
        assert_eq!(
            (reply.header("content-type"), reply.header("content-length")),
            (None, None),
            "of no body"
        );
        assert!(reply.header("x-request-id").is_some());
        // Its entry was durable before it left, and says what was told: the same as that of the body.
        let (told, as_long) = entry(&test, &reply).await;
        assert_eq!((told.decision, told.status, as_long), (Decision::Allowed, Some(304), length));
        assert_eq!(
            (told.child, told.answer, told.sections_given),
            (given.child, given.answer, given.sections_given)
        );
        assert_eq!(
            (&told.policies, &told.legal_basis, &told.relationship),
            (&given.policies, &given.legal_basis, &given.relationship)
        );
        assert_eq!(number(&test.db, READS).await, before + 1, "it counts as a read of the child");
    }
    for condition in ["\"x\"", &own.to_uppercase(), "x", "\"x", "W/", "*, \"x\"", &own[..33]] {
        let reply = ask(Some(condition)).await;
        assert_eq!((reply.status, &reply.bytes), (200, &whole.bytes), "{condition}");
    }
    asked_otherwise(&worker, (&path, &reference), &own).await;
    school(&gate).await;
    gate.stop().await;
}

/// Other sections are another body; asked for its headers alone it is the same; and what is for updates is refused of a read,
/// for every child alike.
async fn asked_otherwise(worker: &Wire, (path, reference): (&str, &str), own: &str) {
    let headers = [("case-reference", reference), ("if-none-match", own)];
    let fewer = asked(worker, &format!("{path}?sections=headline"), &headers).await;
    assert_eq!(fewer.status, 200);
    assert_ne!(tag(&fewer), own);
    let head = worker.request("HEAD", path).header("case-reference", reference).header("if-none-match", own);
    assert_eq!(send(head).await.status, 304);
    let mut shapes = Vec::new();
    for path in [path.to_owned(), format!("/v1/pupils/{}/attendance-summary", "0".repeat(32))] {
        let reply = asked(worker, &path, &[("case-reference", reference), ("if-match", own)]).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "bad_request"));
        shapes.push(shape(&reply));
    }
    assert_eq!(shapes[0], shapes[1]);
}

/// A school's figures, and the report of an upload, have tags too.
async fn school(gate: &TestGate) {
    let school = &gate.demo.json.schools[0];
    let office = Wire::of(gate, &format!("school_attendance_officer_{}", school.urn)).await;
    for path in [
        format!("/v1/schools/{}/attendance-summary", school.urn),
        format!("/v1/schools/{}/imports", school.urn),
    ] {
        let first = asked(&office, &path, &[]).await;
        assert_eq!(first.status, 200, "{}", first.json());
        assert_eq!(asked(&office, &path, &[("if-none-match", &tag(&first))]).await.status, 304, "{path}");
    }
}

/// The same bytes, for everybody another tag; and somebody else's is as none.
async fn of_who_asks(test: TestDb) {
    const PAST: &str = "/v1/involvements/report?cursor=ffffffff-ffff-ffff-ffff-ffffffffffff";
    let gate = TestGate::start(&test.url).await;
    let (mut tags, mut bodies) = (BTreeSet::<String>::new(), BTreeSet::new());
    let mut askers = 0;
    let mut systems = BTreeSet::new();
    for caller in gate.demo.json.callers.clone() {
        let wire = Wire::of(&gate, &caller.name).await;
        let reply = asked(&wire, PAST, &[]).await;
        if reply.status != 200 {
            continue;
        }
        assert_eq!(tag(&asked(&wire, PAST, &[]).await), tag(&reply), "{}", caller.name);
        // One system may be more than one sample caller: in another role or for another purpose it is another asker.
        let asker = (caller.client_id.clone(), caller.role.clone(), caller.purpose.clone());
        if systems.insert(asker) {
            askers += 1;
            for other in &tags {
                let reply = asked(&wire, PAST, &[("if-none-match", other)]).await;
                assert_eq!(reply.status, 200, "{}", caller.name);
            }
        }
        tags.insert(tag(&reply));
        bodies.insert(reply.bytes);
    }
    assert_eq!((bodies.len(), tags.len()), (1, askers));
    let of = |part: fn(&(String, String, String)) -> &String| {
        systems.iter().map(part).collect::<BTreeSet<_>>().len()
    };
    assert!(askers > 5 && of(|s| &s.0) < askers && of(|s| &s.1) > 3 && of(|s| &s.2) > 3, "{systems:?}");
    gate.stop().await;
}

/// The right tag of a child whose case has ended, of one that is another's, and any tag at all: the one refusal, by the same
/// work, whatever is said of what the asker has.
async fn opens_nothing(test: TestDb) {
    const END: &str = "UPDATE involvements SET ended_at = $2 WHERE case_reference = $1";
    let gate = TestGate::start(&test.url).await;
    let worker = Wire::of(&gate, "social_worker_cp").await;
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (mine.pupil_id.unwrap(), mine.case_reference.unwrap());
    let path = format!("/v1/pupils/{handle}/attendance-summary");
    let given = asked(&worker, &path, &[("case-reference", &reference)]).await;
    let own = tag(&given);
    let ask = async |wire: &Wire, path: &str, condition: Option<&str>| {
        let mut headers = vec![("case-reference", reference.as_str())];
        headers.extend(condition.map(|value| ("if-none-match", value)));
        let mut fewest: Option<u64> = None;
        let mut last = None;
        for _ in 0..8 {
            let before = statements(&gate);
            let reply = asked(wire, path, &headers).await;
            let took = statements(&gate).zip(before).map(|(after, before)| after - before);
            fewest = fewest.min(took).or(took);
            last = Some(reply);
        }
        let reply = last.unwrap();
        let (entry, length) = entry(&test, &reply).await;
        assert_eq!((entry.decision, entry.status), (Decision::Refused, Some(404)));
        (shape(&reply), fewest, length)
    };
    let nobody = format!("/v1/pupils/{}/attendance-summary", "0".repeat(32));
    let expected = ask(&worker, &nobody, None).await;
    assert_eq!(expected.0.0, 404);
    let conditions = [Some(own.as_str()), Some("*"), Some("\"x\""), Some("x"), None];
    for condition in conditions {
        assert_eq!(ask(&worker, &nobody, condition).await, expected, "nobody, {condition:?}");
    }
    // A stranger who has the handle, the reference and the tag.
    let stranger = Wire::of(&gate, "stranger").await;
    for condition in conditions {
        assert_eq!(ask(&stranger, &path, condition).await.0, expected.0, "a stranger, {condition:?}");
    }
    for standing in [Standing::Protected, Standing::NotMine, Standing::Ended] {
        let hidden = gate.caller("social_worker_cp").children.iter().find(|child| child.standing == standing);
        let Some(handle) = hidden.and_then(|child| child.pupil_id.clone()) else { continue };
        let path = format!("/v1/pupils/{handle}/attendance-summary");
        assert_eq!(ask(&worker, &path, Some("*")).await, ask(&worker, &path, None).await, "{standing:?}");
        assert_eq!(ask(&worker, &path, Some("*")).await.0, expected.0, "{standing:?}");
    }
    let noon: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
    assert!(run!(test.db, END, reference.as_str(), noon) > 0);
    for condition in conditions {
        let ended = ask(&worker, &path, condition).await;
        assert_eq!((&ended.0, ended.2), (&expected.0, expected.2), "ended, {condition:?}");
        assert_eq!(ended.1, expected.1, "ended, {condition:?}: statements");
    }
    gate.stop().await;
}

/// Statements that the gateway has read with so far; PostgreSQL is asked in the same places.
fn statements(gate: &TestGate) -> Option<u64> {
    match gate.demo.running.gate.db() {
        schoolgate::store::Db::Sqlite { readers, .. } => Some(readers.statements()),
        schoolgate::store::Db::Postgres(_) => None,
    }
}
