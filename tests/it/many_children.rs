//! Answers about many children: each line what the child's own answer would be, one line for every other, a trailer that
//! holds, and an entry for each.

use crate::support::wire::{Logged, MOVED, Reply, Wire, handles_for_all, log, run, send};
use crate::support::{Suite, TestDb, TestGate};
use schoolgate::audit::{Class, Decision, verify};
use schoolgate::crypto::{sha256, to_hex};
use schoolgate::demo::{DemoCaller, Standing};
use schoolgate::domain::purpose::Section;
use schoolgate::store::Db;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("many_children::every_caller_is_told_of_every_child_as_of_it_alone", agree);
    suite.both_empty("many_children::a_caseload_is_answered_and_recorded_line_by_line", caseload);
    suite.both_empty("many_children::an_area_is_an_authorised_officers_alone", area);
    suite.both_empty("many_children::what_cannot_be_read_is_refused_before_anything_is_given", malformed);
}

pub const PATH: &str = "/v1/attendance-summaries";
const OWN_AREA: &str = "{\"area\": \"own\"}\n";

/// A request's body.
pub fn list<'a>(lines: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let line = |(handle, reference): (&str, Option<&str>)| match reference {
        Some(reference) => json!({"pupil_id": handle, "case_reference": reference}).to_string() + "\n",
        None => json!({"pupil_id": handle}).to_string() + "\n",
    };
    lines.into_iter().map(line).collect()
}

pub async fn ask(wire: &Wire, query: &str, body: String) -> Reply {
    send(wire.request("POST", &format!("{PATH}{query}")).body(body)).await
}

/// The lines of a whole answer, without their ends; its trailer holds.
pub fn lines(reply: &Reply) -> Vec<Vec<u8>> {
    assert_eq!(reply.status, 200, "{}", reply.json());
    assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let bytes = &reply.bytes;
    assert_eq!(bytes.last(), Some(&b'\n'));
    let mut all: Vec<&[u8]> = bytes[..bytes.len() - 1].split(|byte| *byte == b'\n').collect();
    let trailer: Value = serde_json::from_slice(all.pop().unwrap()).unwrap();
    let before = all.iter().map(|line| line.len() + 1).sum();
    let digest = to_hex(&sha256(&[&bytes[..before]]));
    assert_eq!(trailer, json!({"trailer": {"count": all.len(), "digest": digest}}));
    all.into_iter().map(<[u8]>::to_vec).collect()
}

/// The one line for whomever the caller is not told of.
pub fn nobody() -> Vec<u8> {
    b"{\"no_answer\":true,\"caution\":\"This does not mean the child is at no school. If a child may be in danger, \
      ring 01632 960999.\"}"
        .to_vec()
}

type Handle = (Uuid, Vec<u8>);
type Reference = (Uuid, String);

/// Every child's handle for a system, and every reference that its organisation has for the child, live or not, of whatever
/// kind; one of nobody's besides.
async fn pairs(db: &Db, client_id: &str) -> Vec<(String, String)> {
    const HANDLES: &str = "SELECT h.pupil_id, h.handle FROM handles h JOIN systems s ON s.id = h.system_id \
         WHERE s.client_id = $1 AND h.retired_at IS NULL ORDER BY h.pupil_id";
    const REFERENCES: &str = "SELECT i.pupil_id, i.case_reference FROM involvements i \
         JOIN systems s ON s.organisation_id = i.organisation_id WHERE s.client_id = $1 AND i.pupil_id IS NOT NULL";
    let (handles, references): (Vec<Handle>, Vec<Reference>) = match db {
        Db::Sqlite { read, .. } => (
            sqlx::query_as(HANDLES).bind(client_id).fetch_all(read).await.unwrap(),
            sqlx::query_as(REFERENCES).bind(client_id).fetch_all(read).await.unwrap(),
        ),
        Db::Postgres(pool) => (
            sqlx::query_as(HANDLES).bind(client_id).fetch_all(pool).await.unwrap(),
            sqlx::query_as(REFERENCES).bind(client_id).fetch_all(pool).await.unwrap(),
        ),
    };
    let mut of: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for (pupil, reference) in references {
        of.entry(pupil).or_default().insert(reference);
    }
    let pair = |(pupil, handle): &Handle| -> Vec<(String, String)> {
        let known = of.get(pupil).cloned().unwrap_or_else(|| BTreeSet::from(["NOBODY-1".to_owned()]));
        known.into_iter().map(|reference| (to_hex(handle), reference)).collect()
    };
    assert!(handles.len() >= 130, "{client_id} has {}", handles.len());
    handles.iter().flat_map(pair).collect()
}

fn asks_for_many(caller: &DemoCaller) -> bool {
    caller.purpose != "own_record" && caller.purpose != "audit_review"
}

async fn agree(db: TestDb) {
    let gate = TestGate::start(&db.url).await;
    handles_for_all(&db.db).await;
    let (mut told, mut refused) = (0, 0);
    for caller in gate.demo.json.callers.iter().filter(|caller| asks_for_many(caller)) {
        let wire = Wire::of(&gate, &caller.name).await;
        let pairs = pairs(&db.db, &caller.client_id).await;
        let body = list(pairs.iter().map(|(handle, reference)| (handle.as_str(), Some(reference.as_str()))));
        let many = lines(&ask(&wire, "", body.clone()).await);
        let brief = lines(&ask(&wire, "?sections=headline,split&from=2026-09-01", body).await);
        assert_eq!((many.len(), brief.len()), (pairs.len(), pairs.len()), "{}", caller.name);
        let mut own_area = BTreeSet::new();
        for (((handle, reference), line), brief) in pairs.iter().zip(&many).zip(&brief) {
            let alone = wire.summary(handle, Some(reference)).await;
            if alone.status == 200 {
                assert_eq!(line, &alone.bytes, "{} {reference}", caller.name);
                let path =
                    format!("/v1/pupils/{handle}/attendance-summary?sections=headline,split&from=2026-09-01");
                let alone = send(wire.request("GET", &path).header("case-reference", reference)).await;
                assert_eq!(brief, &alone.bytes, "{} {reference}", caller.name);
                own_area.insert(line.clone());
                told += 1;
            } else {
                assert!([404, 422].contains(&alone.status), "{} {}", caller.name, alone.status);
                assert_eq!((line, brief), (&nobody(), &nobody()), "{} {reference}", caller.name);
                refused += 1;
            }
        }
        if caller.purpose == "attendance_duty" {
            let area = lines(&ask(&wire, "", OWN_AREA.to_owned()).await);
            assert_eq!(area.len(), own_area.len(), "everybody once");
            assert!(
                area.into_iter().collect::<BTreeSet<_>>() == own_area,
                "an area is whom its lines would name"
            );
        }
    }
    assert!(told > 150 && refused > 1_000, "{told} told, {refused} refused");
    verify(&db.db).await.unwrap();
    gate.stop().await;
}

/// The entries of one request: its own, and those of its lines in their order.
pub async fn entries_of(db: &Db, reply: &Reply) -> (Logged, Vec<Logged>) {
    let receipt = reply.receipt().unwrap();
    let mut all = log(db, receipt.index).await.into_iter();
    let own = all.next().unwrap();
    assert_eq!(own.leaf, receipt.leaf);
    let request = own.entry.request.clone();
    (own, all.filter(|l| l.entry.request == request).collect())
}

async fn caseload(db: TestDb) {
    let gate = TestGate::start(&db.url).await;
    let name = "social_worker_cp";
    let wire = Wire::of(&gate, name).await;
    let mine = gate.child(name, Standing::Mine).clone();
    let (handle, reference) = (mine.pupil_id.unwrap(), mine.case_reference.unwrap());
    let others = gate.caller("social_worker_cla");
    let theirs = others.children.iter().find(|child| child.standing == Standing::Mine).unwrap();
    let nurses = gate.child("school_nurse", Standing::Mine).pupil_id.clone().unwrap();
    let upper = handle.to_uppercase();
    let (zeros, long) = ("0".repeat(32), "x".repeat(65));
    let mut asked: Vec<(&str, &str, &str)> = vec![
        (&handle, &reference, ""),
        (&zeros, &reference, "no_relationship"),
        ("Amelia", &reference, "no_relationship"),
        ("", &reference, "no_relationship"),
        (&nurses, &reference, "no_relationship"),
        (&handle, "CP-9999", "case_reference_mismatch"),
        (&handle, &long, "case_reference_mismatch"),
        (&handle, "caf\u{e9}", "case_reference_mismatch"),
        (theirs.pupil_id.as_deref().unwrap(), theirs.case_reference.as_deref().unwrap(), "another kind"),
        (&upper, &reference, ""),
    ];
    let caller = gate.caller(name).clone();
    for child in &caller.children {
        let reason = if child.standing == Standing::Mine { "" } else { "whatever" };
        asked.push((
            child.pupil_id.as_deref().unwrap(),
            child.case_reference.as_deref().unwrap_or("CP-1"),
            reason,
        ));
    }
    let reply = ask(&wire, "?sections=headline,trend", list(asked.iter().map(|a| (a.0, Some(a.1))))).await;
    let given = lines(&reply);
    let (own, disclosures) = entries_of(&db.db, &reply).await;
    assert_eq!(
        (own.entry.class, own.entry.decision, own.entry.status),
        (Class::Access, Decision::Allowed, Some(200))
    );
    assert_eq!(own.entry.record, Some(format!("{} children", asked.len())));
    assert!(own.entry.sections_given.is_empty() && own.entry.answer.is_none() && own.entry.child.is_none());
    assert_eq!((given.len(), disclosures.len()), (asked.len(), asked.len()));
    for ((asked, line), disclosed) in asked.iter().zip(&given).zip(&disclosures) {
        hold(*asked, line, disclosed, &own);
    }
    another_agency(&gate, &handle, &reference).await;
    gate.stop().await;
}

/// Holds a line and its entry to what was asked: handle, reference, and why it is refused, if it is.
fn hold((handle, reference, reason): (&str, &str, &str), line: &[u8], disclosed: &Logged, own: &Logged) {
    let entry = &disclosed.entry;
    let what = format!("{handle} {reference}: {entry:?}");
    assert_eq!((entry.class, entry.status), (Class::Disclosure, Some(200)), "{what}");
    assert_eq!(entry.answer.map(|digest| digest.0), Some(sha256(&[line])), "{what}");
    assert_eq!((entry.route.as_deref(), &entry.connection), (Some(PATH), &own.entry.connection), "{what}");
    if reason.is_empty() {
        assert_eq!(entry.decision, Decision::Allowed, "{what}");
        assert_eq!(entry.case_reference.as_deref(), Some(reference), "{what}");
        let sections: Vec<&str> = entry.sections_given.iter().map(Section::as_str).collect();
        assert_eq!(sections, ["headline", "trend"], "{what}");
        assert!(entry.child.is_some() && entry.legal_basis.is_some() && !entry.policies.is_empty(), "{what}");
        let body: Value = serde_json::from_slice(line).unwrap();
        assert_eq!(body["pupil_id"], handle.to_lowercase(), "{what}");
    } else {
        assert_eq!(line, nobody(), "{what}");
        assert!(entry.decision == Decision::Refused && entry.sections_given.is_empty(), "{what}");
        assert!(entry.legal_basis.is_none() && entry.reason.is_some(), "{what}");
        if ["no_relationship", "case_reference_mismatch"].contains(&reason) {
            assert_eq!(entry.reason.as_deref(), Some(reason), "{what}");
        }
    }
}

/// With the handles and references of others nobody is told anything.
async fn another_agency(gate: &TestGate, handle: &str, reference: &str) {
    for name in ["stranger", "school_nurse", "social_worker_cin"] {
        let wire = Wire::of(gate, name).await;
        let reply = ask(&wire, "", list([(handle, Some(reference))])).await;
        assert_eq!(lines(&reply), [nobody()], "{name}");
    }
}

async fn area(db: TestDb) {
    let gate = TestGate::start(&db.url).await;
    let wire = Wire::of(&gate, "attendance_officer_la").await;
    let reply = ask(&wire, "?sections=headline", OWN_AREA.to_owned()).await;
    let given = lines(&reply);
    let (own, disclosures) = entries_of(&db.db, &reply).await;
    assert!(own.entry.record.as_deref().unwrap().starts_with("own area, "), "{:?}", own.entry.record);
    assert_eq!(disclosures.len(), given.len());
    for (line, Logged { entry, .. }) in given.iter().zip(&disclosures) {
        assert_eq!(entry.answer.map(|digest| digest.0), Some(sha256(&[line])));
        assert_eq!(entry.relationship.as_deref(), Some("enrolment, officer authorised under reg 12"));
        assert_eq!(entry.decision, Decision::Allowed, "nobody asked about those who are not told of");
    }
    // A child that another request asks about has the same handle, and whose whereabouts are protected is not there.
    let caller = gate.caller("attendance_officer_la");
    let told: BTreeSet<String> = given
        .iter()
        .map(|line| serde_json::from_slice::<Value>(line).unwrap()["pupil_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told.len(), given.len());
    for child in &caller.children {
        let is_there = told.contains(child.pupil_id.as_deref().unwrap());
        assert_eq!(is_there, child.standing == Standing::Mine, "{:?}", child.standing);
    }
    // As a list, without references: the officer's relationship is no case.
    let reply =
        ask(&wire, "?sections=headline", list(told.iter().map(|handle| (handle.as_str(), None)))).await;
    assert_eq!(lines(&reply).into_iter().collect::<BTreeSet<_>>(), given.into_iter().collect());

    let urn = gate.demo.json.schools[0].urn.clone();
    let (dsl, office) = (format!("dsl_{urn}"), format!("school_attendance_officer_{urn}"));
    let others = [
        "social_worker_cp",
        "attendance_officer_la_resident",
        "virtual_school_cla",
        "stranger",
        "school_nurse",
    ];
    for name in others.into_iter().chain([dsl.as_str(), office.as_str(), "data_protection_officer_agency"]) {
        let wire = Wire::of(&gate, name).await;
        let reply = ask(&wire, "", OWN_AREA.to_owned()).await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"), "{name}");
        let (own, disclosures) = entries_of(&db.db, &reply).await;
        assert_eq!((own.entry.decision, disclosures.len()), (Decision::Refused, 0), "{name}");
        if name == "social_worker_cp" {
            assert_eq!(own.entry.reason.as_deref(), Some("no_area"));
            let detail = reply.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("only an attendance officer"), "{detail}");
        }
    }
    // A school asks about its own children one by one.
    let wire_of_school = Wire::of(&gate, &dsl).await;
    let reply = ask(&wire_of_school, "", list([("0", None)])).await;
    assert_eq!(reply.status, 403);

    run!(db.db, "DELETE FROM officer_authorisations");
    run!(db.db, MOVED);
    gate.demo.running.gate.directory().refresh(&db.db).await.unwrap();
    let reply = ask(&wire, "", OWN_AREA.to_owned()).await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (403, "forbidden"),
        "without a written authorisation"
    );
    let first = told.first().unwrap();
    let reply = ask(&wire, "", list([(first.as_str(), None)])).await;
    assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"), "nor for a list");
    let (own, disclosures) = entries_of(&db.db, &reply).await;
    assert_eq!((own.entry.reason.as_deref(), disclosures.len()), (Some("officer_not_authorised"), 0));
    gate.stop().await;
}

async fn malformed(db: TestDb) {
    let gate = TestGate::start(&db.url).await;
    let wire = Wire::of(&gate, "social_worker_cp").await;
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (mine.pupil_id.unwrap(), mine.case_reference.unwrap());
    let good = list([(handle.as_str(), Some(reference.as_str()))]);
    let many = good.repeat(10_001);
    let large = format!("{{\"pupil_id\":\"{}\",\"case_reference\":\"x\"}}\n", "x".repeat(5 << 20));
    for (what, query, body, status, line) in [
        ("empty", "", String::new(), 400, None),
        ("blank", "", "\n\n".to_owned(), 400, None),
        ("no JSON", "", format!("{good}\nnot JSON {handle}\n{good}"), 400, Some(3)),
        ("another field", "", format!("{good}{{\"upn\":\"{}\"}}\n", mine.upn), 400, Some(2)),
        ("no handle", "", format!("{good}{{\"case_reference\":\"x\"}}\n"), 400, Some(2)),
        ("no reference", "", list([(handle.as_str(), None)]), 400, Some(1)),
        ("area among lines", "", format!("{good}{OWN_AREA}"), 400, Some(2)),
        ("another area", "", "{\"area\": \"all\"}".to_owned(), 400, Some(1)),
        ("no section", "?sections=nothing", good.clone(), 400, None),
        ("dates reversed", "?from=2026-10-02&to=2026-10-01", good.clone(), 400, None),
        ("unknown parameter", "?derivation=true", good.clone(), 400, None),
        ("too many lines", "", many, 413, None),
        ("too large", "", large, 413, None),
    ] {
        let reply = ask(&wire, query, body).await;
        assert_eq!(reply.status, status, "{what}: {}", reply.json());
        let told = reply.json();
        assert_eq!(told["errors"][0]["line"].as_u64(), line, "{what}: {told}");
        let text = String::from_utf8(reply.bytes.clone()).unwrap();
        assert!(!text.contains(&handle) && !text.contains(&mine.upn), "{what}: quotes nothing");
        let (own, disclosures) = entries_of(&db.db, &reply).await;
        assert_eq!((own.entry.status, disclosures.len()), (Some(status), 0), "{what}");
        assert_eq!(own.entry.decision, Decision::Malformed, "{what}");
    }
    assert_eq!(lines(&ask(&wire, "", good).await).len(), 1, "the place is given back each time");
    gate.stop().await;
}
