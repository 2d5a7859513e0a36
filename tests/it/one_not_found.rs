//! The one 404: whatever the reason, the answer is the same to the last byte; and what is told apart, and to whom.

use crate::support::wire::{Personal, Reply, Wire, entry_of, handles_for_all, send};
use crate::support::{Suite, TestDb, TestGate};
use schoolgate::audit::Decision;
use schoolgate::crypto::to_hex;
use schoolgate::demo::{DemoCaller, Standing};
use schoolgate::store::Db;
use std::collections::BTreeMap;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("one_not_found::every_reason_gives_the_same_bytes", same_bytes);
    suite.both_empty("one_not_found::every_reason_takes_the_same_work", same_work);
    suite.both_empty("one_not_found::the_audit_tells_no_more_than_the_answer", audit_tells_no_more);
    suite.both_empty("one_not_found::a_wrong_reference_is_told_only_to_who_has_a_case", wrong_reference);
}

/// All of an answer but what must differ: request id, date, receipt.
fn shape(reply: &Reply) -> (u16, Vec<(String, String)>, String, usize) {
    let mut headers: Vec<(String, String)> = reply
        .headers
        .iter()
        .filter(|(name, _)| !["x-request-id", "date", "audit-receipt"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    let body = String::from_utf8(reply.bytes.clone()).unwrap();
    let body = body.replace(reply.header("x-request-id").unwrap(), "");
    assert_eq!(reply.header("audit-receipt").map(str::len), Some(96));
    (reply.status, headers, body, reply.bytes.len())
}

/// A child that must look as if it did not exist: why, a handle that stands for it, its number, and the reference of a case.
type Hidden = (Standing, String, String, Option<String>);

/// Children of a caller that must look as if they did not exist, each by a handle of the caller's own that does stand for it,
/// which no request could have given out: what is refused must rest on what is known of the child, and not on the handle.
async fn hidden(db: &Db, caller: &DemoCaller) -> Vec<Hidden> {
    const OF_CHILD: &str = "SELECT h.handle FROM handles h JOIN systems s ON s.id = h.system_id \
         AND s.organisation_id = h.organisation_id WHERE s.client_id = $1 AND h.retired_at IS NULL \
         AND h.pupil_id IN (SELECT e.pupil_id FROM enrolments e WHERE e.upn = $2)";
    let mut all = Vec::new();
    for child in &caller.children {
        let hides = [Standing::NotMine, Standing::Protected, Standing::Shielded, Standing::Ended]
            .contains(&child.standing);
        if hides {
            let found: Option<Vec<u8>> = match db {
                Db::Sqlite { read, .. } => {
                    let asked = sqlx::query_scalar(OF_CHILD).bind(&caller.client_id).bind(&child.upn);
                    asked.fetch_optional(read).await
                }
                Db::Postgres(pool) => {
                    let asked = sqlx::query_scalar(OF_CHILD).bind(&caller.client_id).bind(&child.upn);
                    asked.fetch_optional(pool).await
                }
            }
            .unwrap();
            // A child that no register has any more has no handle either.
            let Some(handle) = found else { continue };
            all.push((child.standing, to_hex(&handle), child.upn.clone(), child.case_reference.clone()));
        }
    }
    all
}

async fn same_bytes(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let personal = Personal::new();
    let worker = Wire::of(&gate, "social_worker_cp").await;
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let reference = mine.case_reference.as_deref();
    let unknown = worker.summary(&"0".repeat(32), reference).await;
    let expected = shape(&unknown);
    assert_eq!((unknown.status, unknown.problem().as_str()), (404, "not_found"));
    assert!(unknown.json()["detail"].as_str().unwrap().contains("does not mean the child is at no school"));

    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let others = gate.child("family_help_practitioner_cin", Standing::Mine).pupil_id.clone().unwrap();
    let long = "f".repeat(2_000);
    for (what, handle) in [
        ("random text", "not-a-handle"),
        ("random text", "%00"),
        ("random text", "%F0%9F%98%80"),
        ("random text", "0'%20OR%20'1'='1"),
        ("random text", long.as_str()),
        ("the child's own UPN", mine.upn.as_str()),
        ("another system's handle", others.as_str()),
    ] {
        assert_eq!(shape(&worker.summary(handle, reference).await), expected, "{what} {handle}");
    }
    // A stranger with the real handle and the real reference of a real case.
    let stranger = Wire::of(&gate, "stranger").await;
    let real = mine.pupil_id.clone().unwrap();
    assert_eq!(shape(&stranger.summary(&real, reference).await), expected, "a stranger");
    assert_eq!(
        shape(&stranger.summary(&real, Some("CP-9999")).await),
        expected,
        "a stranger, a wrong reference"
    );

    handles_for_all(&test.db).await;
    for caller in gate.demo.json.callers.clone() {
        let hidden = hidden(&test.db, &caller).await;
        if hidden.is_empty() {
            continue;
        }
        let wire = Wire::of(&gate, &caller.name).await;
        for (standing, handle, _, reference) in hidden {
            let reply = wire.summary(&handle, reference.as_deref()).await;
            assert_eq!(shape(&reply), expected, "{} {standing:?}", caller.name);
            let entry = entry_of(&test.db, &reply).await;
            assert_eq!((entry.decision, entry.status), (Decision::Refused, Some(404)), "{}", caller.name);
            *seen.entry(format!("{standing:?}")).or_default() += 1;
        }
    }
    for standing in ["NotMine", "Protected", "Shielded", "Ended"] {
        assert!(seen.contains_key(standing), "{standing} was not tried: {seen:?}");
    }
    finding(&gate, &worker, &expected).await;
    assert_eq!(personal.found_in(&format!("{expected:?}")), None);
    gate.stop().await;
}

/// A search answers with the same bytes: for nobody, for a child of others, for a case of another kind.
async fn finding(gate: &TestGate, worker: &Wire, expected: &(u16, Vec<(String, String)>, String, usize)) {
    let other_kind = gate.child("social_worker_cp", Standing::OtherCaseKind);
    let not_mine = gate.child("social_worker_cp", Standing::NotMine);
    for (what, body) in [
        ("a UPN that no child has", serde_json::json!({"upn": "B801200005001"})),
        ("a child of nobody's case", serde_json::json!({"upn": not_mine.upn})),
        ("a case of another kind", serde_json::json!({"upn": other_kind.upn})),
        (
            "a case of another kind by its reference",
            serde_json::json!({"case_reference": other_kind.case_reference}),
        ),
        ("no reference of ours", serde_json::json!({"case_reference": "CP-9999"})),
        (
            "a name of nobody",
            serde_json::json!({"surname": "\u{0}x", "forename": "y\u{0}", "date_of_birth": "2015-01-01"}),
        ),
    ] {
        let request = worker.request("POST", "/v1/pupils/find").header("content-type", "application/json");
        let reply = send(request.body(body.to_string())).await;
        assert_eq!(&shape(&reply), expected, "{what}");
    }
    // What no case can have as its reference is the request's own fault, and never reaches a database.
    for odd in ["\u{0}".to_owned(), "CP 0001".to_owned(), "é".to_owned(), "x".repeat(65)] {
        let body = serde_json::json!({"case_reference": odd}).to_string();
        let request = worker.request("POST", "/v1/pupils/find").header("content-type", "application/json");
        let reply = send(request.body(body)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "bad_request"), "{odd:?}");
    }
    odd_births(worker).await;
}

/// As many statements for each reason, and an entry of as many bytes.
async fn same_work(test: TestDb) {
    const BYTES: &str = "SELECT length(entry) FROM audit_entries WHERE idx = $1";
    let gate = TestGate::start(&test.url).await;
    handles_for_all(&test.db).await;
    let others = gate.child("school_nurse", Standing::Mine).pupil_id.clone().unwrap();
    let mut tried: BTreeMap<String, usize> = BTreeMap::new();
    let mut work: BTreeMap<(Option<u64>, i64), Vec<String>> = BTreeMap::new();
    for caller in gate.demo.json.callers.clone().into_iter().filter(|c| c.purpose != "audit_review") {
        let wire = Wire::of(&gate, &caller.name).await;
        let mut asked = vec![
            ("Nobody".to_owned(), "0".repeat(32), Some("CP-0001".to_owned())),
            ("Another system's".to_owned(), others.clone(), Some("CP-0001".to_owned())),
        ];
        if caller.name == "school_nurse" {
            asked.pop();
        }
        for (standing, handle, _, reference) in hidden(&test.db, &caller).await {
            *tried.entry(format!("{standing:?}")).or_default() += 1;
            asked.push((format!("{standing:?}"), handle, reference));
        }
        // Whatever is said of what the asker has, the work and the entry are the same.
        let conditions = [None, Some("*")].into_iter();
        for (condition, (what, handle, reference)) in
            conditions.flat_map(|condition| asked.iter().map(move |one| (condition, one)))
        {
            let mut fewest: Option<u64> = None;
            let mut bytes = 0;
            // What the gateway does of its own accord meanwhile only adds to them.
            for _ in 0..8 {
                let before = statements(&gate);
                let mut request = wire.request("GET", &format!("/v1/pupils/{handle}/attendance-summary"));
                for (name, value) in [("case-reference", reference.as_deref()), ("if-none-match", condition)]
                {
                    request = value.into_iter().fold(request, |request, value| request.header(name, value));
                }
                let reply = send(request).await;
                assert_eq!(reply.status, 404, "{} {what}", caller.name);
                let took = statements(&gate).zip(before).map(|(after, before)| after - before);
                fewest = fewest.min(took).or(took);
                let index = i64::try_from(reply.receipt().unwrap().index).unwrap();
                bytes = match &test.db {
                    Db::Sqlite { read, .. } => {
                        sqlx::query_scalar(BYTES).bind(index).fetch_one(read).await.unwrap()
                    }
                    Db::Postgres(pool) => sqlx::query_scalar::<_, i32>(BYTES)
                        .bind(index)
                        .fetch_one(pool)
                        .await
                        .map(i64::from)
                        .unwrap(),
                };
            }
            let what = format!("{} {what} {condition:?}", caller.name);
            work.entry((fewest, bytes)).or_default().push(what);
        }
    }
    assert_eq!(work.len(), 1, "{work:#?}");
    assert!(
        ["NotMine", "Protected", "Shielded", "Ended"].iter().all(|one| tried.contains_key(*one)),
        "{tried:?}"
    );
    gate.stop().await;
}

/// Statements that the gateway has read with so far; PostgreSQL is asked in the same places.
fn statements(gate: &TestGate) -> Option<u64> {
    match gate.demo.running.gate.db() {
        Db::Sqlite { readers, .. } => Some(readers.statements()),
        Db::Postgres(_) => None,
    }
}

/// Whoever reads the organisation's own entries learns no more of a refusal than whoever was refused: the entry of a child
/// that is hidden reads like that of nobody, whatever the log itself keeps.
async fn audit_tells_no_more(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let officer = Wire::of(&gate, "data_protection_officer_agency").await;
    let own = gate.caller("data_protection_officer_agency").organisation.clone();
    let nobody = serde_json::json!({"upn": "B801200005001"});
    let (mut tried, mut kept) = (0, 0);
    handles_for_all(&test.db).await;
    for caller in gate.demo.json.callers.clone().into_iter().filter(|c| c.organisation == own) {
        let hidden = hidden(&test.db, &caller).await;
        if hidden.is_empty() {
            continue;
        }
        let wire = Wire::of(&gate, &caller.name).await;
        let asked = async |body: &serde_json::Value| {
            let request = wire.request("POST", "/v1/pupils/find").header("content-type", "application/json");
            let reply = send(request.body(body.to_string())).await;
            assert_eq!(reply.status, 404);
            (shown(&officer, &reply).await, entry_of(&test.db, &reply).await)
        };
        let (of_nobody, _) = asked(&nobody).await;
        for (standing, handle, upn, reference) in hidden {
            let (found, entry) = asked(&serde_json::json!({"upn": upn})).await;
            assert_eq!(found, of_nobody, "{} {standing:?}", caller.name);
            kept += usize::from(entry.child.is_some());
            let summary = wire.summary(&handle, reference.as_deref()).await;
            let none = wire.summary(&"0".repeat(32), reference.as_deref()).await;
            assert_eq!(
                shown(&officer, &summary).await,
                shown(&officer, &none).await,
                "{} {standing:?}",
                caller.name
            );
            kept += usize::from(entry_of(&test.db, &summary).await.child.is_some());
            tried += 1;
        }
    }
    assert!(tried > 2 && kept > 0, "{tried} tried; of {kept} the log keeps who was meant");
    // What was given is shown with its child.
    let worker = Wire::of(&gate, "social_worker_cp").await;
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let given = worker.summary(&mine.pupil_id.unwrap(), mine.case_reference.as_deref()).await;
    assert_eq!(given.status, 200);
    assert!(shown(&officer, &given).await["pupil_id"].is_string());
    gate.stop().await;
}

/// The entry of a reply as an officer is shown it, but for what differs between any two.
async fn shown(officer: &Wire, reply: &Reply) -> serde_json::Value {
    let index = reply.receipt().unwrap().index;
    let page = format!("/v1/audit/entries?order=newest&limit=1&cursor={}", index + 1);
    let body = send(officer.request("GET", &page)).await.json();
    let mut entry = body["entries"][0].clone();
    assert_eq!(entry["index"], index, "{body}");
    for own in ["index", "leaf", "time", "request_id", "answer_sha256"] {
        assert!(entry.as_object_mut().unwrap().remove(own).is_some(), "{own}");
    }
    entry
}

/// A year that no register holds, and that not every database can be asked about, is the request's own fault.
async fn odd_births(worker: &Wire) {
    for born in ["-5000-01-01", "+12000-01-01", "1899-12-31", "-262143-01-01"] {
        let body =
            serde_json::json!({"surname": "Ash", "forename": "Wren", "date_of_birth": born}).to_string();
        let request = worker.request("POST", "/v1/pupils/find").header("content-type", "application/json");
        let reply = send(request.body(body)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "bad_request"), "{born}");
    }
}

async fn wrong_reference(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let worker = Wire::of(&gate, "social_worker_cp").await;
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, right) = (mine.pupil_id.unwrap(), mine.case_reference.unwrap());
    assert_eq!(worker.summary(&handle, Some(&right)).await.status, 200);

    let other = gate.child("social_worker_cp", Standing::OtherCaseKind).clone();
    let (other_handle, other_reference) = (other.pupil_id.unwrap(), other.case_reference.unwrap());
    let mut told = Vec::new();
    for (what, handle, reference) in [
        ("a reference that is no case's", &handle, "CP-9999"),
        ("the longest that is read", &handle, "x".repeat(64).leak()),
        ("a case of another kind", &other_handle, &other_reference),
        ("a case of another kind's reference for my child", &handle, &other_reference),
    ] {
        let reply = worker.summary(handle, Some(reference)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (422, "case_reference_mismatch"), "{what}");
        let body = String::from_utf8(reply.bytes.clone()).unwrap();
        assert!(body.contains("`Case-Reference`"), "it names the header: {body}");
        assert!(
            !body.contains(reference) && !body.contains(right.as_str()),
            "and quotes no reference: {body}"
        );
        let entry = entry_of(&test.db, &reply).await;
        assert_eq!((entry.decision, entry.case_reference), (Decision::Refused, None), "{what}");
        assert!(entry.sections_given.is_empty());
        told.push(shape(&reply));
    }
    assert!(told.windows(2).all(|two| two[0] == two[1]), "{told:?}");

    let path = |handle: &str| format!("/v1/pupils/{handle}/attendance-summary");
    // The form of the request is judged before the child: the same for mine, and for no child at all.
    let none = "0".repeat(32);
    for (what, value, problem) in [
        ("none", None, "case_reference_required"),
        ("empty", Some(Vec::new()), "case_reference_required"),
        ("too long", Some(vec![b'x'; 65]), "bad_request"),
        ("not ASCII", Some("CP-0001é".as_bytes().to_vec()), "bad_request"),
        ("not UTF-8", Some(vec![b'C', 0xFF]), "bad_request"),
        ("a space within", Some(b"CP 0001".to_vec()), "bad_request"),
    ] {
        let mut shapes = Vec::new();
        for handle in [&handle, &none] {
            let mut request = worker.request("GET", &path(handle));
            if let Some(value) = &value {
                request = request.header("case-reference", http::HeaderValue::from_bytes(value).unwrap());
            }
            let reply = send(request).await;
            assert_eq!((reply.status, reply.problem().as_str()), (400, problem), "{what}");
            shapes.push(shape(&reply));
        }
        assert_eq!(shapes[0], shapes[1], "{what}");
    }
    // Two headers are no choice of ours.
    let twice = worker.request("GET", &path(&handle)).header("case-reference", "CP-9999");
    let reply = send(twice.header("case-reference", &right)).await;
    assert_eq!((reply.status, reply.problem().as_str()), (400, "bad_request"));
    gate.stop().await;
}
