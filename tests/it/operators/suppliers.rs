//! A supplier reads for schools under mandates: the narrower of mandate and registration, and nothing in common between
//! two schools, not even of one child.

use super::{acting_for, by_both, feed};
use crate::support::wire::{Reply, Wire, entry_of, send};
use crate::support::{Suite, TestDb, TestGate};
use schoolgate::demo::agencies::{ANALYST, ANALYST_SYSTEM, SUPPLIER, SUPPLIER_SYSTEM};
use schoolgate::demo::{Standing, SystemName};
use schoolgate::directory::DirectoryFile;
use schoolgate::directory::changes::Record;
use schoolgate::domain::purpose::Section;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub fn register(suite: &mut Suite) {
    suite.both_empty("operators::a_supplier_reads_what_mandate_and_registration_both_give", narrower);
    suite.both_empty(
        "operators::one_supplier_two_schools_one_child_have_nothing_in_common",
        nothing_in_common,
    );
    suite.both_empty("operators::one_supplier_two_schools_one_key_are_two_writes", one_key);
}

const OFFICE: (&str, &str) = ("school_attendance_officer", "own_record");

fn analyst() -> SystemName {
    SystemName::new(ANALYST, ANALYST_SYSTEM)
}

fn code(gate: &TestGate, urn: &str) -> String {
    gate.demo.running.gate.directory().current().school_by_urn(urn).unwrap().1.code.clone()
}

async fn find(wire: &Wire, upn: &str) -> Option<String> {
    let reply = send(wire.request("POST", "/v1/pupils/find").json(&json!({"upn": upn}))).await;
    reply.json()["pupil_id"].as_str().map(str::to_owned)
}

async fn narrower(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let urn = gate.demo.json.schools[0].urn.clone();
    let school = code(&gate, &urn);
    let upn = gate.caller(&format!("school_attendance_officer_{urn}")).children[0].upn.clone();
    let (wire, _) = acting_for(&gate, (&analyst(), Some(&school)), OFFICE).await;
    let handle = find(&wire, &upn).await.unwrap();
    let summary = wire.summary(&handle, None).await;
    assert_eq!(summary.status, 200, "{}", summary.json());
    let given: BTreeSet<String> = summary.json()["enrolments"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|e| e["sections"].as_object().unwrap().keys().cloned().collect::<Vec<_>>())
        .collect();
    assert_eq!(given, ["headline", "trend"].map(str::to_owned).into());
    let entry = entry_of(&test.db, &summary).await;
    let noted: Vec<&str> = entry.sections_given.iter().map(Section::as_str).collect();
    assert_eq!(noted, ["headline", "trend"]);
    assert_eq!(entry.acted_for.as_ref().unwrap().organisation, school);
    assert_eq!(entry.connection.as_ref().unwrap().organisation.as_deref(), Some(ANALYST));
    let asked =
        send(wire.request("GET", &format!("/v1/pupils/{handle}/attendance-summary?sections=codes"))).await;
    assert!(!String::from_utf8_lossy(&asked.bytes).contains("\"codes\""), "{}", asked.json());
    // Its registration has `registers` too; this mandate has not.
    let imports = send(wire.request("GET", &format!("/v1/schools/{urn}/imports"))).await;
    assert_eq!((imports.status, imports.problem().as_str()), (403, "forbidden"));
    // The other supplier's mandate gives registers, and of no child anything.
    let sync = SystemName::new(SUPPLIER, SUPPLIER_SYSTEM);
    let (other, token) = acting_for(&gate, (&sync, Some(&school)), OFFICE).await;
    assert_eq!(token.status, 200);
    let reply = send(other.request("POST", "/v1/pupils/find").json(&json!({"upn": upn}))).await;
    assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"));
    let listed = send(other.request("GET", &format!("/v1/schools/{urn}/imports"))).await;
    assert_eq!(
        (listed.status, &listed.json()["imports"]),
        (200, &json!([])),
        "of what others sent it sees nothing"
    );
    // Without naming a school the supplier is itself, and has no register.
    let (own, _) = acting_for(&gate, (&analyst(), None), OFFICE).await;
    assert_eq!(find(&own, &upn).await, None);
    without_sections(&gate, (&wire, &school), (&handle, &upn)).await;
    gate.stop().await;
}

/// A key is of the school acted for: the same one for another school is a new one, and tells nothing of the first.
async fn one_key(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let sync = SystemName::new(SUPPLIER, SUPPLIER_SYSTEM);
    let mut sent = Vec::new();
    for school in gate.demo.json.schools.iter().take(2) {
        let (wire, _) = acting_for(&gate, (&sync, Some(&code(&gate, &school.urn))), OFFICE).await;
        let roll = std::fs::read(gate.dir().join(&school.pupils)).unwrap();
        sent.push((wire, format!("/v1/schools/{}/pupils", school.urn), roll));
    }
    let post = async |(wire, path, roll): &(Wire, String, Vec<u8>)| {
        let request = wire.request("POST", path).header("content-type", "text/csv");
        send(request.header("idempotency-key", "monday").body(roll.clone())).await
    };
    let mut imports = BTreeSet::new();
    for one in &sent {
        let first = post(one).await;
        assert_eq!(first.status, 200, "{}: {}", one.1, first.json());
        assert_eq!(entry_of(&test.db, &first).await.reason, None, "{}: nothing was told again", one.1);
        assert!(imports.insert(first.json()["import_id"].to_string()), "{}", one.1);
    }
    for one in &sent {
        let again = post(one).await;
        assert_eq!(entry_of(&test.db, &again).await.reason.as_deref(), Some("replayed"), "{}", one.1);
        assert!(imports.contains(&again.json()["import_id"].to_string()), "{}", one.1);
    }
    gate.stop().await;
}

/// A mandate cut down to no section takes effect at the next request, the same for every child.
async fn without_sections(gate: &TestGate, (wire, school): (&Wire, &str), (handle, upn): (&str, &str)) {
    let stands = gate.demo.running.gate.directory().current().records();
    let mandate = stands.into_values().find_map(|r| {
        if let Record::Mandate(m) = r {
            Some(m).filter(|m| m.client_id == analyst().file_name() && m.school == school)
        } else {
            None
        }
    });
    let mut mandate = mandate.unwrap();
    mandate.sections.clear();
    by_both(gate, &DirectoryFile { mandates: vec![mandate], ..DirectoryFile::default() }).await;
    let read = wire.summary(handle, None).await;
    assert_eq!((read.status, read.problem().as_str()), (403, "forbidden"));
    assert_eq!(find(wire, upn).await, None);
}

/// A UPN of a child at both schools: one whom the second school takes on too.
async fn at_both(gate: &TestGate) -> String {
    let [first, second] = [0, 1].map(|n| gate.demo.json.schools[n].clone());
    let text = std::fs::read_to_string(gate.dir().join(&first.pupils)).unwrap();
    let mut lines = text.lines();
    let (header, columns) =
        (lines.next().unwrap(), |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let place = |name: &str| columns(header).iter().position(|c| c == name).unwrap();
    let upn = gate.caller(&format!("school_attendance_officer_{}", first.urn)).children[0].upn.clone();
    let mut row = columns(text.lines().find(|line| line.contains(&upn)).unwrap());
    "of-another".clone_into(&mut row[place("school_pupil_id")]);
    let mut roll = std::fs::read_to_string(gate.dir().join(&second.pupils)).unwrap();
    assert_eq!(roll.lines().next().unwrap(), header);
    roll.extend([row.join(","), "\n".to_owned()]);
    let office = Wire::of(gate, &format!("school_attendance_officer_{}", second.urn)).await;
    let request = office.request("POST", &format!("/v1/schools/{}/pupils", second.urn));
    let sent = send(request.header("content-type", "text/csv").body(roll)).await;
    assert_eq!((sent.status, &sent.json()["rejected"]), (200, &json!(0)), "{}", sent.json());
    upn
}

/// Every text of an answer, its headers' too; days say nothing of who it is about.
fn texts(reply: &Reply) -> BTreeSet<String> {
    fn of(value: &Value, all: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => drop(all.insert(text.clone())),
            Value::Array(values) => values.iter().for_each(|value| of(value, all)),
            Value::Object(members) => members.values().for_each(|value| of(value, all)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut all = BTreeSet::new();
    of(&reply.json(), &mut all);
    let told = reply.headers.iter().filter(|(name, _)| !["date", "content-length"].contains(&name.as_str()));
    all.extend(told.map(|(_, value)| value.to_str().unwrap().to_owned()));
    all.retain(|text| text.parse::<chrono::NaiveDate>().is_err());
    all
}

/// Whatever the supplier is told of a child at a school, and the child's handle there.
async fn told_of(wire: &Wire, upn: &str) -> (BTreeSet<String>, String) {
    let found = send(wire.request("POST", "/v1/pupils/find").json(&json!({"upn": upn}))).await;
    let handle = found.json()["pupil_id"].as_str().unwrap().to_owned();
    let summary = wire.summary(&handle, None).await;
    assert_eq!(summary.status, 200, "{}", summary.json());
    let many =
        wire.request("POST", "/v1/attendance-summaries").header("content-type", "application/x-ndjson");
    let many = send(many.body(json!({"pupil_id": handle}).to_string())).await;
    let mut all: BTreeSet<String> =
        texts(&found).into_iter().chain(texts(&summary)).chain(texts(&many)).collect();
    let lines = String::from_utf8(many.bytes.clone()).unwrap();
    for line in lines.lines() {
        let body = Reply { bytes: line.as_bytes().to_vec(), ..many.clone() };
        all.extend(texts(&body));
    }
    (all, handle)
}

async fn nothing_in_common(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let upn = at_both(&gate).await;
    let mut seen: Vec<BTreeSet<String>> = Vec::new();
    let mut wires = Vec::new();
    for school in gate.demo.json.schools.iter().take(2) {
        let (wire, _) = acting_for(&gate, (&analyst(), Some(&code(&gate, &school.urn))), OFFICE).await;
        let (mut told, handle) = told_of(&wire, &upn).await;
        let body = wire.summary(&handle, None).await.json();
        let schools: Vec<&Value> =
            body["enrolments"].as_array().unwrap().iter().map(|e| &e["school"]["urn"]).collect();
        assert_eq!(schools, [&json!(school.urn)], "of the other school nothing");
        let feeds = send(wire.request("GET", "/v1/notifications")).await;
        assert_eq!(feeds.status, 403, "the mandate does not give it");
        let changes = send(wire.request("GET", "/v1/attendance-summaries/changes")).await;
        told.extend(texts(&changes));
        let again = find(&wire, &upn).await.unwrap();
        assert_eq!(again, handle, "at one school the child has one handle");
        seen.push(told);
        wires.push((wire, handle));
    }
    // What both say of this child, and the second school's answers about none of its other children do.
    let second = &gate.demo.json.schools[1];
    let mut of_anybody = BTreeSet::new();
    let others = &gate.caller(&format!("school_attendance_officer_{}", second.urn)).children;
    let others: Vec<&str> =
        others.iter().filter(|c| c.standing == Standing::Mine).map(|c| c.upn.as_str()).collect();
    assert!(!others.is_empty() && !others.contains(&upn.as_str()));
    for other in others {
        of_anybody.extend(told_of(&wires[1].0, other).await.0);
    }
    of_anybody.extend(texts(&send(wires[1].0.request("GET", "/v1/attendance-summaries/changes")).await));
    let common: Vec<&String> =
        seen[0].intersection(&seen[1]).filter(|text| !of_anybody.contains(*text)).collect();
    assert_eq!(common, Vec::<&String>::new());
    assert!(seen[0].contains(&wires[0].1) && seen[1].contains(&wires[1].1), "the handles were looked at");
    // A handle of one school is none at the other.
    assert_eq!(wires[0].0.summary(&wires[1].1, None).await.status, 404);
    assert_eq!(wires[1].0.summary(&wires[0].1, None).await.status, 404);
    assert_eq!(wires[0].0.summary(&wires[0].1, None).await.status, 200);
    // What is told to the supplier itself names its systems and schools' codes only.
    let (own, _) = acting_for(&gate, (&analyst(), None), OFFICE).await;
    for notice in feed(&own).await {
        assert!(!notice.to_string().contains(&upn));
    }
    assert!(
        entry_of(&test.db, &send(own.request("GET", "/v1/notifications")).await).await.acted_for.is_none()
    );
    gate.stop().await;
}
