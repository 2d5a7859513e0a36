//! A supplier's system acts for a school under a mandate, and without one, before it, after it or beyond it never does.

use crate::support::exports::number;
use crate::support::wire::{MOVED, Reply, Wire, entry_of, run, send};
use crate::support::{Suite, TestDb, TestGate};
use schoolgate::audit::Decision;
use schoolgate::clock::Clock;
use schoolgate::demo::agencies::{SUPPLIER, SUPPLIER_SYSTEM};
use schoolgate::demo::{SchoolFiles, SystemName};
use schoolgate::directory::changes;
use schoolgate::directory::{DirectoryFile, MandateEntry, OrganisationEntry, SystemEntry};
use serde_json::{Value, json};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("mandates::a_suppliers_system_sends_for_a_school_under_its_mandate", sends);
    suite.both_empty("mandates::its_system_reads_the_reports_of_what_it_sent", reads_its_own);
    suite.both_empty("mandates::without_a_live_one_no_school_is_reached", refused);
    suite.plain("mandates::only_a_supplier_trust_or_authority_holds_one", held);
}

const VERSIONS: &str = "SELECT COUNT(*) FROM register_versions";

/// The supplier's system with its token.
async fn supplier(gate: &TestGate) -> Wire {
    let system = SystemName::new(SUPPLIER, SUPPLIER_SYSTEM);
    let mut wire = Wire::with_certificate(gate, &system.certificate());
    let reply = wire.ask_token(&system.file_name(), "school_attendance_officer", "own_record").await;
    reply.json()["access_token"].as_str().unwrap().clone_into(&mut wire.token);
    wire
}

/// Each way in of a school's registers: method, path, media type, body.
fn ways(gate: &TestGate, school: &SchoolFiles) -> Vec<(&'static str, String, &'static str, Vec<u8>)> {
    let read = |path: &str| std::fs::read(gate.dir().join(path)).unwrap();
    let urn = &school.urn;
    vec![
        ("PUT", format!("/v1/schools/{urn}/calendar/2026"), "text/csv", read(&school.calendar)),
        ("POST", format!("/v1/schools/{urn}/pupils"), "text/csv", read(&school.pupils)),
        ("POST", format!("/v1/schools/{urn}/attendance"), "text/csv", read(&school.attendance)),
        ("PUT", format!("/v1/schools/{urn}/registers/2026-11-20/am"), "application/json", b"[]".to_vec()),
    ]
}

async fn ask(wire: &Wire, (method, path, kind, body): &(&str, String, &str, Vec<u8>)) -> Reply {
    send(wire.request(method, path).header("content-type", *kind).body(body.clone())).await
}

async fn sends(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let school = gate.demo.json.schools[0].clone();
    let wire = supplier(&gate).await;
    let mut receipts = Vec::new();
    for way in &ways(&gate, &school)[..3] {
        let reply = ask(&wire, way).await;
        let body = reply.json();
        assert_eq!(
            (reply.status, &body["rejected"], &body["applied"]),
            (200, &json!(0), &json!(true)),
            "{body}"
        );
        let entry = entry_of(&test.db, &reply).await;
        assert_eq!(
            (entry.decision, entry.relationship.as_deref()),
            (Decision::Allowed, Some("mandate of the school"))
        );
        let connection = entry.connection.clone().unwrap();
        assert_eq!(connection.organisation.as_deref(), Some(SUPPLIER));
        let acted_for = entry.acted_for.clone().unwrap();
        assert_eq!(entry.organisation(), Some(acted_for.organisation_id), "the entry is the school's");
        let directory = gate.demo.running.gate.directory().current();
        assert_eq!(directory.school_by_urn(&school.urn).unwrap().1.code, acted_for.organisation);
        receipts.push(reply.receipt().unwrap().index);
    }
    // The school's officer finds them among the school's own, and sees whose system it was.
    let officer = Wire::of(&gate, &format!("data_protection_officer_{}", school.urn)).await;
    let own: Value = send(officer.request("GET", "/v1/audit/entries?order=newest&limit=20")).await.json();
    for index in receipts {
        let entry = own["entries"].as_array().unwrap().iter().find(|e| e["index"] == json!(index)).unwrap();
        assert_eq!((&entry["organisation"], &entry["system"]), (&json!(SUPPLIER), &json!(SUPPLIER_SYSTEM)));
    }
    // A mandate for registers opens nothing else.
    let child = &gate.caller(&format!("school_attendance_officer_{}", school.urn)).children[0];
    let found = send(wire.request("POST", "/v1/pupils/find").json(&json!({"upn": child.upn}))).await;
    assert_eq!((found.status, found.problem().as_str()), (403, "forbidden"));
    gate.stop().await;
}

/// Of a school's uploads a mandate shows what its own system sent, in the list and one by one, and nothing else.
async fn reads_its_own(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let school = gate.demo.json.schools[0].clone();
    let (wire, own) =
        (supplier(&gate).await, Wire::of(&gate, &format!("school_attendance_officer_{}", school.urn)).await);
    let mut bad = ways(&gate, &school)[2].clone();
    let header = String::from_utf8(bad.3).unwrap().lines().next().unwrap().to_owned();
    bad.3 = format!("{header}\nnobody{}\n", ",".repeat(header.matches(',').count())).into_bytes();
    let (mine, theirs) = (ask(&wire, &bad).await.json(), ask(&own, &bad).await.json());
    let ids = [&mine, &theirs].map(|report| report["import_id"].as_str().unwrap().to_owned());
    let read = async |wire: &Wire, path: String| {
        let reply = send(wire.request("GET", &path)).await;
        (reply.status, reply.problem(), reply.bytes)
    };
    let listed = async |wire: &Wire| {
        let reply = send(wire.request("GET", &format!("/v1/schools/{}/imports", school.urn))).await;
        let imports = reply.json()["imports"].as_array().unwrap().clone();
        imports.iter().map(|i| i["import_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&wire).await, [ids[0].clone()], "its own, and none of the school's");
    let all = listed(&own).await;
    assert!(all.len() > 2 && ids.iter().all(|id| all.contains(id)), "a school sees every one");
    for what in ["", "/errors"] {
        assert_eq!(read(&wire, format!("/v1/imports/{}{what}", ids[0])).await.0, 200, "{what}");
        for id in &ids {
            assert_eq!(read(&own, format!("/v1/imports/{id}{what}")).await.0, 200, "{what}");
        }
        let other = read(&wire, format!("/v1/imports/{}{what}", ids[1])).await;
        assert_eq!((other.0, other.1.as_str()), (403, "forbidden"));
        let none = read(&wire, format!("/v1/imports/{}{what}", uuid::Uuid::now_v7())).await;
        assert_eq!((none.0, none.1.as_str()), (403, "forbidden"), "one that is another's is as none");
    }
    // Of the school's own codes it reads those that it set itself.
    let codes = format!("/v1/schools/{}/local-codes", school.urn);
    let set = |code: &str| json!({"codes": [{"local_code": "HO", "code": code, "from": "2026-09-01"}]});
    assert_eq!(read(&wire, codes.clone()).await.0, 200, "there are none");
    assert_eq!(send(own.request("PUT", &codes).json(&set("G"))).await.status, 200);
    let other = read(&wire, codes.clone()).await;
    assert_eq!((other.0, other.1.as_str()), (403, "forbidden"), "the school's own");
    assert_eq!(send(wire.request("PUT", &codes).json(&set("C"))).await.status, 200);
    for wire in [&wire, &own] {
        assert_eq!(read(wire, codes.clone()).await.0, 200, "its own, and the school sees every one");
    }
    // It ends with the mandate.
    assert!(run!(test.db, "UPDATE mandates SET valid_until = '2026-11-19'") > 0);
    moved(&test, &gate).await;
    assert_eq!(read(&wire, format!("/v1/imports/{}", ids[0])).await.0, 403);
    gate.stop().await;
}

async fn refused(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let school = gate.demo.json.schools[0].clone();
    let wire = supplier(&gate).await;
    let before = number(&test.db, VERSIONS).await;
    let unknown = SchoolFiles { urn: "199999".to_owned(), ..school.clone() };
    refuses(&test, &gate, (&wire, &unknown), ("no_mandate", "no mandate lets this system")).await;
    let changes = [
        ("UPDATE mandates SET valid_until = '2026-11-19'", "mandate_ended", "ended on 2026-11-19"),
        (
            "UPDATE mandates SET valid_from = '2026-11-21', valid_until = '2027-01-01'",
            "mandate_not_begun",
            "begins on 2026-11-21",
        ),
        (
            "UPDATE mandates SET valid_from = '2026-11-20', valid_until = '2026-11-20', scopes = 'summaries'",
            "mandate_without_scope",
            "does not give `registers`",
        ),
        ("DELETE FROM mandates", "no_mandate", "no mandate lets this system"),
    ];
    for (change, why, says) in changes {
        assert!(run!(test.db, change) > 0);
        moved(&test, &gate).await;
        refuses(&test, &gate, (&wire, &school), (why, says)).await;
    }
    // One school's own system reaches no other, whatever a mandate might say.
    let urn = &gate.demo.json.schools[1].urn;
    let other = Wire::of(&gate, &format!("school_attendance_officer_{urn}")).await;
    for way in ways(&gate, &school) {
        let reply = ask(&other, &way).await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"));
        let entry = entry_of(&test.db, &reply).await;
        assert_eq!((entry.reason.as_deref(), entry.acted_for), (Some("forbidden_for_role"), None));
    }
    assert_eq!(number(&test.db, VERSIONS).await, before, "nothing was written");
    gate.stop().await;
}

/// Makes the gateway see what was changed in its directory.
async fn moved(test: &TestDb, gate: &TestGate) {
    run!(test.db, MOVED);
    let gate = &gate.demo.running.gate;
    gate.directory().refresh(gate.db()).await.unwrap();
}

/// Every way in is shut, with the reason in the answer and in the entry, which is the supplier's own.
async fn refuses(
    test: &TestDb,
    gate: &TestGate,
    (wire, school): (&Wire, &SchoolFiles),
    (why, says): (&str, &str),
) {
    for way in ways(gate, school) {
        let reply = ask(wire, &way).await;
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"), "{why}");
        assert!(detail.contains(says), "{why}: {detail}");
        let entry = entry_of(&test.db, &reply).await;
        assert_eq!((entry.decision, entry.reason.as_deref()), (Decision::Refused, Some(why)));
        assert_eq!(entry.acted_for, None, "it acted for nobody");
        assert_eq!(entry.organisation(), entry.connection.unwrap().organisation_id);
    }
}

/// A directory with one system of an organisation of a kind, and its mandate for an organisation of another.
fn file(kind: &str, school_kind: &str, scope: &str) -> DirectoryFile {
    let organisation = |code: &str, kind: &str| OrganisationEntry {
        code: code.to_owned(),
        kind: kind.to_owned(),
        name: code.to_owned(),
        ..OrganisationEntry::default()
    };
    DirectoryFile {
        organisations: vec![organisation("holder", kind), organisation("hill", school_kind)],
        systems: vec![SystemEntry {
            organisation: "holder".to_owned(),
            code: "sync".to_owned(),
            client_id: "holder.sync".to_owned(),
            ..SystemEntry::default()
        }],
        mandates: vec![MandateEntry {
            client_id: "holder.sync".to_owned(),
            school: "hill".to_owned(),
            scopes: vec![scope.to_owned()],
            sections: Vec::new(),
            valid_from: "2026-09-01".parse().unwrap(),
            valid_until: "2027-08-31".parse().unwrap(),
        }],
        ..DirectoryFile::default()
    }
}

fn held() {
    for (kind, school, scope, refused) in [
        ("vendor", "school", "registers", None),
        ("trust", "school", "registers", None),
        ("local_authority", "school", "registers", None),
        ("school", "school", "registers", Some("is not of a supplier's, trust's or authority's system")),
        ("health_provider", "school", "registers", Some("is not of a supplier's")),
        ("partner", "school", "registers", Some("is not of a supplier's")),
        ("vendor", "trust", "registers", Some("is not of a supplier's")),
        ("vendor", "school", "everything", Some("`everything` is not a scope")),
    ] {
        let checked = changes::check(&file(kind, school, scope), Clock::machine().now());
        match (checked, refused) {
            (Ok(()), None) => {}
            (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{kind}: {error}"),
            (checked, refused) => panic!("{kind} {school}: {checked:?}, expected {refused:?}"),
        }
    }
}
