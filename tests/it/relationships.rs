//! Who is tied to a child: several kinds of case under one number, and a child whose whereabouts are protected at one of
//! its schools.

use crate::support::exports::{Row, Wire, changed};
use crate::support::wire::{log, run, until};
use crate::support::{Suite, TestDb};
use reqwest::Method;
use schoolgate::demo::Standing;
use schoolgate::demo::run::Answered;
use schoolgate::store::Db;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("relationships::a_number_shared_by_two_kinds_of_case", shared_number);
    suite.both_empty("relationships::only_who_may_be_found_makes_a_search_ambiguous", ambiguous);
    suite.both_empty("relationships::protection_goes_with_the_child", protected_mover);
    suite.both_empty("relationships::a_flagged_admission_changes_no_byte_elsewhere", flagged_admission);
    suite.both_empty("relationships::another_schools_roll_crowds_nobody_out", crowded_out);
    suite.both_empty("relationships::cases_are_read_for_every_child", cases_are_read);
}

const SOCIAL_CARE: &str = "social_worker_cin";
const FAMILY_HELP: &str = "family_help_practitioner_cin";
const CHILD_PROTECTION: &str = "social_worker_cp";
const OFFICER: &str = "attendance_officer_la";

/// Settled pupils of the first school whom no agency knows.
fn strangers(gate: &Wire) -> Vec<Row> {
    let callers = &gate.gate.demo.json.callers;
    let known: Vec<&str> = callers
        .iter()
        .filter(|caller| caller.purpose != "own_record")
        .flat_map(|caller| &caller.children)
        .filter(|child| child.standing != Standing::NotMine)
        .map(|child| child.upn.as_str())
        .collect();
    let elsewhere = gate.rows(&gate.schools()[1].pupils);
    let fits = |row: &&Row| {
        row["last_day"].is_empty()
            && row["enrolment_status"] == "single"
            && row["whereabouts_protected"] == "false"
            && row["starting_day"].as_str() < "2026-09-01"
            && row["upn"].ends_with(|c: char| c.is_ascii_digit())
            && !known.contains(&row["upn"].as_str())
            && !elsewhere.iter().any(|other| other["upn"] == row["upn"])
    };
    gate.rows(&gate.schools()[0].pupils).iter().filter(fits).cloned().collect()
}

fn id(number: u32) -> String {
    format!("6a3d3a0e-3f0f-4d5f-9d61-{number:012}")
}

/// Opens a case and waits until it is matched.
async fn open(gate: &Wire, name: &str, number: u32, child: &Row, case: Value) {
    let mut claim = json!({
        "team": "family-help-east", "source_case_id": format!("R{number}"), "opened_at": "2026-11-18T09:00:00Z",
        "staff_id": "S1", "upn": child["upn"], "date_of_birth": child["date_of_birth"],
        "surname": child["surname"], "forename": child["forename"],
    });
    for (field, value) in case.as_object().unwrap() {
        claim[field] = value.clone();
    }
    let answer = gate.json(name, Method::PUT, &format!("/v1/involvements/{}", id(number)), &claim).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    until(&format!("{number} is matched"), Duration::from_secs(30), async || {
        let report = gate.get(name, "/v1/involvements/report?limit=1000").await.body;
        let lines = report["involvements"].as_array().unwrap();
        lines.iter().any(|l| l["id"] == id(number).as_str() && l["state"] == "accessible")
    })
    .await;
}

async fn find(gate: &Wire, name: &str, search: Value) -> Answered {
    gate.json(name, Method::POST, "/v1/pupils/find", &search).await
}

/// Reads a summary by the handle that a search gives, and says which relationship its entry names.
async fn read(gate: &Wire, db: &Db, name: &str, search: Value, reference: Option<&str>) -> (u16, String) {
    let found = find(gate, name, search).await;
    let Some(handle) = found.body["pupil_id"].as_str() else { return (found.status, String::new()) };
    let answer = gate.ask(name, handle, reference, "").await;
    let receipt: schoolgate::audit::Receipt = answer.receipt.unwrap().parse().unwrap();
    let entry = log(db, receipt.index).await.remove(0).entry;
    (answer.status, entry.relationship.unwrap_or_default())
}

async fn shared_number(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let children = strangers(&gate);
    // An assessment is not the practitioner's, a child-in-need case is; whichever has the lower id.
    for (child, first, second, reference) in
        [(&children[0], "assessment", "cin", "SN-1"), (&children[1], "cin", "assessment", "SN-2")]
    {
        let number = if reference == "SN-1" { 10 } else { 20 };
        open(&gate, SOCIAL_CARE, number, child, json!({"kind": first, "case_reference": reference})).await;
        open(&gate, SOCIAL_CARE, number + 1, child, json!({"kind": second, "case_reference": reference}))
            .await;
        for search in [json!({"upn": child["upn"]}), json!({"case_reference": reference})] {
            let (status, tie) = read(&gate, &db.db, FAMILY_HELP, search, Some(reference)).await;
            assert_eq!((status, tie.as_str()), (200, "involvement cin"), "{first} before {second}");
        }
        let (status, _) =
            read(&gate, &db.db, SOCIAL_CARE, json!({"upn": child["upn"]}), Some(reference)).await;
        assert_eq!(status, 200, "a social worker may use either");
    }
    // The agreement to early help was withdrawn, that to family support stands.
    let agreed = json!({"agreed_by": "mother", "agreed_to": "figures"});
    let withdrawn = json!({"agreed_by": "mother", "agreed_to": "figures", "withdrawn_on": "2026-11-19"});
    let worker = "early_help_worker";
    for (child, number, kinds, reference) in [
        (&children[2], 30, [("early_help", &withdrawn), ("family_support", &agreed)], "SN-3"),
        (&children[3], 40, [("family_support", &agreed), ("early_help", &withdrawn)], "SN-4"),
    ] {
        for (number, (kind, agreement)) in (number..).zip(kinds) {
            let case = json!({"kind": kind, "case_reference": reference, "team": "early-help",
                "family_agreement": agreement});
            open(&gate, worker, number, child, case).await;
        }
        let (status, tie) = read(&gate, &db.db, worker, json!({"upn": child["upn"]}), Some(reference)).await;
        assert_eq!((status, tie.as_str()), (200, "involvement family_support"), "{reference}");
    }
    gate.stop().await;
}

async fn ambiguous(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let children = strangers(&gate);
    let case = |kind: &str, reference: &str| json!({"kind": kind, "case_reference": reference});
    open(&gate, SOCIAL_CARE, 1, &children[0], case("assessment", "AM-1")).await;
    open(&gate, SOCIAL_CARE, 2, &children[1], case("assessment", "AM-1")).await;
    let none = find(&gate, FAMILY_HELP, json!({"case_reference": "AM-1"})).await;
    assert_eq!(none.status, 404, "two children, neither the practitioner's: {}", none.body);
    open(&gate, SOCIAL_CARE, 3, &children[2], case("cin", "AM-1")).await;
    let one = find(&gate, FAMILY_HELP, json!({"case_reference": "AM-1"})).await;
    assert_eq!(one.status, 200, "{}", one.body);
    let by_upn = find(&gate, FAMILY_HELP, json!({"upn": children[2]["upn"]})).await;
    assert_eq!(one.body["pupil_id"], by_upn.body["pupil_id"]);
    open(&gate, SOCIAL_CARE, 4, &children[3], case("cin", "AM-1")).await;
    let two = find(&gate, FAMILY_HELP, json!({"case_reference": "AM-1"})).await;
    assert_eq!((two.status, &two.body["type"]), (422, &json!("urn:schoolgate:problem:ambiguous")));
    let worker = find(&gate, SOCIAL_CARE, json!({"case_reference": "AM-1"})).await;
    assert_eq!(worker.status, 422, "all four are the social worker's");
    // What is asked for together must fit together.
    let both = json!({"case_reference": "AM-1", "upn": children[2]["upn"]});
    assert_eq!(find(&gate, FAMILY_HELP, both).await.body["pupil_id"], one.body["pupil_id"]);
    let named = |row: &Row| {
        json!({"upn": children[2]["upn"], "surname": row["surname"], "forename": row["forename"],
            "date_of_birth": row["date_of_birth"]})
    };
    assert_eq!(find(&gate, FAMILY_HELP, named(&children[2])).await.body["pupil_id"], one.body["pupil_id"]);
    assert_eq!(find(&gate, FAMILY_HELP, named(&children[3])).await.status, 404, "the name of another");
    gate.stop().await;
}

/// The same child on another school's roll, from 16 November on.
fn admission(child: &Row, flagged: bool) -> String {
    let flag = if flagged { "true" } else { "false" };
    let cells =
        [("school_pupil_id", "mover-1"), ("starting_day", "2026-11-16"), ("whereabouts_protected", flag)];
    changed(child, &cells)
}

async fn send_roll(gate: &Wire, school: usize, csv: &str) {
    let answer = gate.send(&gate.schools()[school].urn, "pupils", csv).await;
    assert_eq!((answer.status, &answer.body["rejected"]), (200, &json!(0)), "{}", answer.body);
}

async fn protected_mover(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let child = strangers(&gate).remove(0);
    open(
        &gate,
        CHILD_PROTECTION,
        1,
        &child,
        json!({"kind": "cp", "case_reference": "PM-1", "team": "child-protection"}),
    )
    .await;
    let mut handles = Vec::new();
    for (name, reference) in [(CHILD_PROTECTION, Some("PM-1")), (OFFICER, None)] {
        let handle = gate.client(name).find(&child["upn"]).await.unwrap().unwrap();
        assert_eq!(gate.ask(name, &handle, reference, "").await.status, 200);
        handles.push((name, reference, handle));
    }
    // The old school raises the flag; the new one, which need not know, admits without it.
    send_roll(&gate, 0, &changed(&child, &[("whereabouts_protected", "true")])).await;
    send_roll(&gate, 1, &admission(&child, false)).await;
    let new = &gate.schools()[1];
    let name = json!({"surname": child["surname"], "forename": child["forename"],
        "date_of_birth": child["date_of_birth"]});
    for (caller, reference, handle) in &handles {
        let answer = gate.ask(caller, handle, *reference, "").await;
        assert_eq!(answer.status, 404, "{caller} sees {}", answer.body);
        for search in [json!({"upn": child["upn"]}), name.clone()] {
            let found = find(&gate, caller, search).await;
            assert_eq!(found.status, 404, "{caller} finds {}", found.body);
        }
        let text = String::from_utf8(answer.bytes).unwrap();
        assert!(!text.contains(&new.name) && !text.contains(&new.urn), "{text}");
    }
    let found = find(&gate, CHILD_PROTECTION, json!({"case_reference": "PM-1"})).await;
    assert_eq!(found.status, 404, "by the agency's own number");
    // Each school sees its own register as ever, and no other's.
    for school in gate.schools() {
        let own = Wire::sender(&school.urn);
        let handle = gate.client(&own).find(&child["upn"]).await.unwrap().unwrap();
        let answer = gate.ask(&own, &handle, None, "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let enrolments = answer.body["enrolments"].as_array().unwrap();
        assert_eq!(enrolments.len(), 1);
        assert_eq!(enrolments[0]["school"]["urn"], school.urn.as_str());
    }
    gate.stop().await;
}

async fn flagged_admission(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let child = strangers(&gate).remove(0);
    let case = json!({"kind": "cp", "case_reference": "FA-1", "team": "child-protection"});
    open(&gate, CHILD_PROTECTION, 1, &child, case).await;
    let old = Wire::sender(&gate.schools()[0].urn);
    let callers = [(CHILD_PROTECTION, Some("FA-1")), (OFFICER, None), (old.as_str(), None)];
    let everything = async || {
        let mut all = Vec::new();
        for (name, reference) in callers {
            let found = find(&gate, name, json!({"upn": child["upn"]})).await;
            assert_eq!(found.status, 200, "{name}: {}", found.body);
            let handle = found.body["pupil_id"].as_str().unwrap().to_owned();
            all.push(found.bytes);
            for query in ["", "?from=2026-09-01&to=2026-11-20"] {
                let answer = gate.ask(name, &handle, reference, query).await;
                assert_eq!(answer.status, 200, "{name}: {}", answer.body);
                all.push(answer.bytes);
            }
        }
        all
    };
    let before = everything().await;
    send_roll(&gate, 1, &admission(&child, true)).await;
    assert_eq!(everything().await, before, "with and without the admission and its flag");
    gate.stop().await;
}

/// However many pupils a roll elsewhere has under a child's number, name and birthday, the child's own school and its
/// authority find it.
async fn crowded_out(db: TestDb) {
    const VERSION: &str =
        "INSERT INTO register_versions (school_id, version, committed_at) VALUES ($1, 1, $2)";
    const PUPIL: &str = "INSERT INTO pupils (id, created_at) VALUES ($1, $2)";
    const ENROLMENT: &str = "INSERT INTO enrolments (school_id, id, version, pupil_id, upn, upn_permanent, surname, \
         surname_key, forename, forename_key, date_of_birth, status, starting_day, boarder, part_time, \
         home_authority_assumed, whereabouts_protected) \
         SELECT $1, $2, 1, $2, upn, upn_permanent, surname, surname_key, forename, forename_key, date_of_birth, status, \
         starting_day, boarder, part_time, home_authority_assumed, whereabouts_protected FROM enrolments \
         WHERE upn = $3 AND school_id <> $1 AND version = (SELECT MAX(version) FROM enrolments WHERE upn = $3 AND school_id <> $1)";
    let gate = Wire::start(&db.url).await;
    let child = strangers(&gate).remove(0);
    let now = gate.gate.demo.running.gate.clock().now();
    let elsewhere = Uuid::from_u128(1);
    run!(db.db, VERSION, elsewhere, now);
    for number in 1..=200 {
        // Earlier than any pupil of ours in the order of a search.
        let pupil = Uuid::from_u128(number);
        run!(db.db, PUPIL, pupil, now);
        assert_eq!(run!(db.db, ENROLMENT, elsewhere, pupil, child["upn"].as_str()), 1);
    }
    let named = json!({"surname": child["surname"], "forename": child["forename"], "date_of_birth": child["date_of_birth"]});
    for name in [OFFICER.to_owned(), Wire::sender(&gate.schools()[0].urn)] {
        for search in [json!({"upn": child["upn"]}), named.clone()] {
            let found = find(&gate, &name, search).await;
            assert_eq!(found.status, 200, "{name}: {}", found.body);
        }
    }
    gate.stop().await;
}

async fn cases_are_read(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let children = strangers(&gate);
    let case =
        |reference: &str| json!({"kind": "cp", "case_reference": reference, "team": "child-protection"});
    let mut handles = Vec::new();
    for (number, (child, reference)) in (1..).zip(children.iter().zip(["CR-1", "CR-2"])) {
        open(&gate, CHILD_PROTECTION, number, child, case(reference)).await;
        handles.push(gate.client(CHILD_PROTECTION).find(&child["upn"]).await.unwrap().unwrap());
    }
    send_roll(&gate, 0, &changed(&children[0], &[("whereabouts_protected", "true")])).await;
    assert_eq!(gate.ask(CHILD_PROTECTION, &handles[0], Some("CR-1"), "").await.status, 404);
    // Were a protected child refused before its cases are read, it would be told from others by the time that it takes;
    // here by being the only one that is answered at all.
    run!(db.db, "ALTER TABLE involvements RENAME TO involvements_gone");
    for (handle, reference) in handles.iter().zip(["CR-1", "CR-2"]) {
        assert_eq!(gate.ask(CHILD_PROTECTION, handle, Some(reference), "").await.status, 503, "{reference}");
    }
    gate.stop().await;
}
