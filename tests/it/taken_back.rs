//! What the directory takes back is refused over the wire, and its entry says so: agreements that ended, officers without
//! an authorisation, sections and searches that no agreement lists for a system without a person.

use crate::support::exports::Wire;
use crate::support::gate::sections;
use crate::support::wire::{MOVED, log, log_size, run};
use crate::support::{Suite, TestDb};
use reqwest::Method;
use schoolgate::audit::Entry;
use schoolgate::demo::run::Answered;
use schoolgate::demo::{DemoChild, Standing};
use schoolgate::store::Db;
use serde_json::json;
use std::collections::BTreeSet;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("taken_back::without_a_live_agreement_nothing_is_shared", agreements);
    suite.both_empty("taken_back::an_officer_needs_an_authorisation_in_force", officers);
    suite.both_empty("taken_back::a_resident_concern_needs_a_recorded_home_authority", residents);
    suite.both_empty("taken_back::a_system_without_a_person_gets_what_is_listed", listed);
}

const SECTIONS: &str =
    "UPDATE systems SET sections_without_person = 'headline trend split last_seen school_contact'";

/// Makes the gateway see what a statement changed in the directory.
async fn seen(gate: &Wire, db: &TestDb) {
    run!(db.db, MOVED);
    let gate = &gate.gate.demo.running.gate;
    gate.directory().refresh(gate.db()).await.unwrap();
}

fn mine(gate: &Wire, name: &str) -> DemoChild {
    gate.gate.child(name, Standing::Mine).clone()
}

/// The newest entry of the log.
async fn newest(db: &Db) -> Entry {
    log(db, log_size(db).await - 1).await.pop().unwrap().entry
}

async fn agreements(db: TestDb) {
    const SUSPEND: &str = "UPDATE sharing_agreements SET suspended = $1";
    const ENDED: &str = "UPDATE sharing_agreements SET valid_until = '2026-11-19'";
    const TO_COME: &str =
        "UPDATE sharing_agreements SET valid_until = '2030-01-01', valid_from = '2026-11-21'";
    let gate = Wire::start(&db.url).await;
    let office = format!("dsl_{}", gate.schools()[0].urn);
    let names = ["social_worker_cp", "school_nurse", "early_help_worker", "attendance_officer_la"];
    let children: Vec<DemoChild> = names.iter().map(|name| mine(&gate, name)).collect();
    let own = mine(&gate, &office);
    for (what, text) in [("suspended", None), ("ended", Some(ENDED)), ("to come", Some(TO_COME))] {
        match text {
            None => run!(db.db, SUSPEND, true),
            Some(text) => {
                run!(db.db, SUSPEND, false);
                run!(db.db, text)
            }
        };
        seen(&gate, &db).await;
        for (name, child) in names.iter().zip(&children) {
            let answer = gate.summary(name, child, "").await;
            // The same for every child of theirs, so it is said.
            assert_eq!(answer.status, 403, "{name}, {what}: {}", answer.body);
            let entry = newest(&db.db).await;
            assert_eq!(entry.reason.as_deref(), Some("forbidden_for_role"), "{name}, {what}");
            assert!(entry.sections_given.is_empty() && entry.legal_basis.is_none(), "{name}, {what}");
        }
        let answer = gate.summary(&office, &own, "").await;
        assert_eq!(answer.status, 200, "a school needs none for its own register");
        let basis = newest(&db.db).await.legal_basis.unwrap();
        assert!(
            basis.contains("own register") && basis.ends_with("[proposed]"),
            "its basis is its own: {basis}"
        );
    }
    gate.stop().await;
}

async fn officers(db: TestDb) {
    const PAST: &str = "UPDATE officer_authorisations SET valid_until = '2026-11-19'";
    const TO_COME: &str =
        "UPDATE officer_authorisations SET valid_until = '2030-01-01', valid_from = '2026-11-21'";
    const TODAY: &str =
        "UPDATE officer_authorisations SET valid_from = '2026-11-20', valid_until = '2026-11-20'";
    const NONE: &str = "DELETE FROM officer_authorisations";
    let name = "attendance_officer_la";
    let gate = Wire::start(&db.url).await;
    let child = mine(&gate, name);
    let others = gate.gate.caller(name).children.iter().filter_map(|child| child.pupil_id.clone());
    let handles: Vec<String> = others.chain(["0".repeat(64), "no-handle".to_owned()]).collect();
    let told = |answer: &Answered| {
        let mut body = answer.body.clone();
        body["request_id"] = json!(null);
        (answer.status, body)
    };
    for (what, text, status) in [
        ("past", PAST, 403),
        ("to come", TO_COME, 403),
        ("first and last day", TODAY, 200),
        ("none", NONE, 403),
    ] {
        assert!(run!(db.db, text) > 0, "{what}");
        seen(&gate, &db).await;
        let answer = gate.summary(name, &child, "").await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        let entry = newest(&db.db).await;
        let why = (status == 403).then_some("officer_not_authorised");
        assert_eq!(entry.reason.as_deref(), why, "{what}");
        assert_eq!(entry.sections_given.is_empty(), status == 403, "{what}");
        if status == 200 {
            continue;
        }
        assert!(entry.child.is_none(), "{what}: nobody was looked for");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(
            detail.contains("reg 12") && detail.contains("have the operator put it on record"),
            "{detail}"
        );
        // Another's child, a handle that is nobody's and what is no handle: the same to the byte.
        for handle in &handles {
            let same = gate.ask(name, handle, None, "").await;
            assert_eq!(told(&same), told(&answer), "{what}: {handle}");
        }
        // Its own, and a number that no child has.
        for sought in &gate.gate.caller(name).children {
            let found = gate.json(name, Method::POST, "/v1/pupils/find", &json!({"upn": sought.upn})).await;
            assert_eq!(told(&found), told(&answer), "{what}: {:?}", sought.standing);
        }
    }
    gate.stop().await;
}

async fn residents(db: TestDb) {
    const ASSUMED: &str = "UPDATE enrolments SET home_authority_assumed = $1";
    const ELSEWHERE: &str = "UPDATE enrolments SET home_authority = '998'";
    let name = "attendance_officer_la_resident";
    let gate = Wire::start(&db.url).await;
    let child = mine(&gate, name);
    assert_eq!(gate.summary(name, &child, "").await.status, 200);
    assert!(run!(db.db, ASSUMED, true) > 0);
    assert_eq!(gate.summary(name, &child, "").await.status, 404, "an assumed one grants nothing");
    assert_eq!(newest(&db.db).await.reason.as_deref(), Some("no_relationship"));
    run!(db.db, ASSUMED, false);
    assert!(run!(db.db, ELSEWHERE) > 0);
    assert_eq!(gate.summary(name, &child, "").await.status, 404, "another authority's resident");
    gate.stop().await;
}

async fn listed(db: TestDb) {
    const NO_EXCEPTIONS: &str = "UPDATE sharing_agreements SET exceptions = ''";
    let gate = Wire::start(&db.url).await;
    let (worker, nurse) = ("social_worker_cp", "school_nurse");
    let (child, patient) = (mine(&gate, worker), mine(&gate, nurse));
    let row =
        gate.pupil(&gate.schools()[0], &child.upn).or_else(|| gate.pupil(&gate.schools()[1], &child.upn));
    let row = row.unwrap();
    let by_name = json!({
        "surname": row["surname"], "forename": row["forename"], "date_of_birth": row["date_of_birth"],
    });
    let find = async || gate.json(worker, Method::POST, "/v1/pupils/find", &by_name).await.status;
    let given = async |name: &str, child: &DemoChild| {
        let answer = gate.summary(name, child, "").await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        let enrolment = answer.body["enrolments"][0].clone();
        let told: BTreeSet<String> = sections(&enrolment).into_iter().map(str::to_owned).collect();
        let entry: BTreeSet<String> =
            newest(&db.db).await.sections_given.iter().map(|section| section.to_string()).collect();
        assert!(told.is_subset(&entry), "the entry says what was given: {told:?}, {entry:?}");
        told
    };
    let excepted = ["health", "sessions", "suspension"].map(str::to_owned);
    assert_eq!(find().await, 200, "the agreement lists the search by name");

    let whole = given(worker, &child).await;
    assert!(excepted.iter().all(|section| whole.contains(section)), "{whole:?}");
    assert!(run!(db.db, NO_EXCEPTIONS) > 0);
    seen(&gate, &db).await;
    let rest: BTreeSet<String> = whole.iter().filter(|s| !excepted.contains(s)).cloned().collect();
    assert_eq!(given(worker, &child).await, rest);
    assert!(!given(nurse, &patient).await.contains("health"));
    assert_eq!(find().await, 403, "no agreement lists it, whoever is sought");
    assert!(run!(db.db, SECTIONS) > 0);
    seen(&gate, &db).await;
    let default = ["headline", "trend", "split", "last_seen", "school_contact"].map(str::to_owned);
    assert_eq!(given(worker, &child).await, BTreeSet::from(default), "what a system is given by default");
    gate.stop().await;
}
