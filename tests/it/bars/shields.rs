//! Shields and decisions to withhold: whom they name, who sees all the same, and how each ends.

use super::queue::{decide, items};
use super::world::{AUTHORITY, Bars, Who, call, call_with, notices, shape};
use crate::support::wire::{MOVED, Reply, Wire, entry_of, run, send, until};
use crate::support::{Suite, TestDb};
use schoolgate::audit::Decision;
use schoolgate::demo::Standing;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

pub fn register(suite: &mut Suite) {
    suite.both_empty("bars::a_shield_names_who_is_not_told", named);
    suite.both_empty("bars::a_claim_after_a_shield_waits_for_who_protects", claim_after);
    suite.both_empty("bars::a_conflict_is_with_a_person_whatever_the_case", conflict);
    suite.both_empty("bars::a_schools_shield_lapses_unless_it_is_confirmed", schools);
    suite.both_empty("bars::a_suspended_agreement_gives_nothing_within_a_second", suspended);
    suite.both_empty("bars::what_is_withheld_is_the_one_refusal", withheld);
}

const TEAM: &[&str] = &["child-protection"];
pub const NURSING: &str = "exampleshire-nursing";

/// A child with a child protection plan, of whom a school nurse has a case too.
pub struct Child {
    pub upn: String,
    /// Social care's handle and reference.
    pub care: (String, String),
    /// The nurse's.
    pub nurse: (String, String),
}

/// A claim of an agency's, and its state.
pub async fn open(bars: &Bars, caller: &str, upn: &str, case: Value) -> String {
    let system = Wire::of(&bars.world.gate, caller).await;
    let id = Uuid::now_v7().to_string();
    let mut claim = json!({"opened_at": "2026-11-18T09:00:00Z", "staff_id": "S1", "upn": upn});
    for part in [&bars.named(upn), &case] {
        claim.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    }
    let reply = call(&system, "PUT", &format!("/v1/involvements/{id}"), &claim).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    id
}

pub async fn state(bars: &Bars, caller: &str, id: &str) -> String {
    let system = Wire::of(&bars.world.gate, caller).await;
    let report = send(system.request("GET", "/v1/involvements/report?limit=1000")).await.json();
    let line = report["involvements"].as_array().unwrap().iter().find(|l| l["id"] == id).cloned().unwrap();
    line["state"].as_str().unwrap().to_owned()
}

pub fn nursing_case(reference: &str) -> Value {
    json!({"kind": "school_nursing", "team": "school-nurses", "source_case_id": reference, "case_reference": reference})
}

pub async fn child(bars: &Bars) -> Child {
    let of = bars.world.gate.child("social_worker_cp", Standing::Mine).clone();
    let id = open(bars, "school_nurse", &of.upn, nursing_case("SN-77")).await;
    until("the nurse's case is matched", Duration::from_secs(20), async || {
        state(bars, "school_nurse", &id).await == "accessible"
    })
    .await;
    let nurse = Wire::of(&bars.world.gate, "school_nurse").await;
    let found = call(&nurse, "POST", "/v1/pupils/find", &json!({"upn": of.upn})).await.json();
    Child {
        upn: of.upn,
        care: (of.pupil_id.unwrap(), of.case_reference.unwrap()),
        nurse: (found["pupil_id"].as_str().unwrap().to_owned(), "SN-77".to_owned()),
    }
}

pub async fn nurse(bars: &Bars, child: &Child) -> Reply {
    let nurse = Wire::of(&bars.world.gate, "school_nurse").await;
    nurse.summary(&child.nurse.0, Some(&child.nurse.1)).await
}

pub async fn manager(bars: &Bars) -> Wire {
    bars.person(Who::worker("child_protection", TEAM, "mg-1")).await
}

pub fn shield(handle: &str, against: &Value) -> Value {
    json!({"pupil_id": handle, "category": "refuge", "reason": "lives at a refuge; her address must not travel",
           "against": against, "protecting_teams": [{"organisation": AUTHORITY, "team": "child-protection"}],
           "review_on": "2027-02-01"})
}

pub async fn set(wire: &Wire, child: &Child, id: &str, body: &Value) -> Reply {
    call_with(wire, "PUT", &format!("/v1/shields/{id}"), &child.care.1, body).await
}

/// Never social care as a kind, and at least one team still sees.
async fn refused(manager: &Wire, child: &Child, id: &str, body: &Value) {
    let with = |member: &str, value: Value| {
        let mut odd = body.clone();
        odd[member] = value;
        odd
    };
    for (odd, status) in [
        (shield(&child.care.0, &json!([{"organisation": AUTHORITY}])), 400),
        (shield(&child.care.0, &json!([{"organisation": "nobody"}])), 400),
        (shield(&child.care.0, &json!([])), 400),
        (with("protecting_teams", json!([])), 400),
        (with("review_on", json!("2026-11-20")), 400),
        (with("pupil_id", json!("0".repeat(32))), 404),
    ] {
        let reply = set(manager, child, id, &odd).await;
        assert_eq!(reply.status, status, "{odd}: {}", reply.json());
    }
}

/// Only where the child is: its one enrolment is not there, so that neither is the child.
async fn only_where(manager: &Wire, child: &Child, (id, body): (&str, &Value), bars: (&Bars, &Reply)) {
    let end = json!({"pupil_id": child.care.0});
    let ended = call_with(manager, "POST", &format!("/v1/shields/{id}/end"), &child.care.1, &end).await;
    assert_eq!((ended.status, &ended.json()["changed"]), (200, &json!(true)), "{}", ended.json());
    assert_eq!(nurse(bars.0, child).await.bytes, bars.1.bytes, "ended, all is as before");
    let mut where_only = body.clone();
    where_only["sections"] = json!("whereabouts");
    let reply = set(manager, child, &Uuid::now_v7().to_string(), &where_only).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
}

async fn named(test: TestDb) {
    let bars = Bars::start(&test).await;
    let child = child(&bars).await;
    let before = nurse(&bars, &child).await;
    assert_eq!(before.status, 200);
    let id = Uuid::now_v7().to_string();
    let body = shield(&child.care.0, &json!([{"organisation": NURSING}]));
    // A social worker who is no manager, and the system alone, may not.
    let worker = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
    assert_eq!(set(&worker, &child, &id, &body).await.status, 404);
    let system = Wire::of(&bars.world.gate, "social_worker_cp").await;
    assert_eq!(set(&system, &child, &id, &body).await.status, 403);
    bars.mark("mg-1", "manager", Some("child-protection")).await;
    let manager = manager(&bars).await;
    refused(&manager, &child, &id, &body).await;
    let reply = set(&manager, &child, &id, &body).await;
    assert_eq!((reply.status, &reply.json()["set_now"]), (200, &json!(true)), "{}", reply.json());
    let entry = entry_of(&test.db, &reply).await;
    assert_eq!((entry.action.as_deref(), entry.decision), (Some("set_shield"), Decision::Allowed));
    assert_eq!(entry.record, Some(format!("shield {id}")));
    assert_eq!(entry.marks, ["manager"], "the mark without which they might not");
    assert_eq!(set(&manager, &child, &id, &body).await.json()["set_now"], false, "sent again it stands");
    let other = shield(&child.care.0, &json!([{"organisation": "exampleshire-minds"}]));
    assert_eq!(set(&manager, &child, &id, &other).await.status, 409);

    // Who was tied to the child before knows of it: no figure, what is not given, and a number of the directory.
    let shielded = nurse(&bars, &child).await;
    assert_eq!(shielded.status, 200);
    let told = shielded.json();
    assert_eq!(told["not_given"], json!(["headline", "health", "school_contact"]), "{told}");
    assert_eq!((&told["enrolments"], &told["ring"]), (&json!([]), &json!("01632 960103")));
    let entry = entry_of(&test.db, &shielded).await;
    assert_eq!((entry.reason.as_deref(), entry.sections_given.is_empty()), (Some("shielded"), true));
    assert!(entry.policies.contains(&"guard_shield".to_owned()), "{:?}", entry.policies);
    let nurse_wire = Wire::of(&bars.world.gate, "school_nurse").await;
    let line = json!({"pupil_id": child.nurse.0, "case_reference": child.nurse.1}).to_string();
    let many =
        nurse_wire.request("POST", "/v1/attendance-summaries").header("content-type", "application/x-ndjson");
    let lines = String::from_utf8(send(many.body(line)).await.bytes).unwrap();
    assert!(lines.contains("\"not_given\":[\"headline\"") && !lines.contains("\"school\":"), "{lines}");
    // Nobody else is touched.
    assert_eq!(system.summary(&child.care.0, Some(&child.care.1)).await.status, 200);

    only_where(&manager, &child, (&id, &body), (&bars, &before)).await;
    let unknown = nurse_wire.summary(&"0".repeat(32), Some(&child.nurse.1)).await;
    assert_eq!(shape(&nurse(&bars, &child).await), shape(&unknown));
    assert_eq!(system.summary(&child.care.0, Some(&child.care.1)).await.status, 200);
    bars.stop().await;
}

async fn claim_after(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.mark("mg-1", "manager", Some("child-protection")).await;
    let of = bars.world.gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (of.pupil_id.unwrap(), of.case_reference.unwrap());
    let manager = manager(&bars).await;
    let body = shield(&handle, &json!([{"organisation": NURSING}]));
    let path = format!("/v1/shields/{}", Uuid::now_v7());
    assert_eq!(call_with(&manager, "PUT", &path, &reference, &body).await.status, 200);
    let id = open(&bars, "school_nurse", &of.upn, nursing_case("SN-88")).await;
    let worker = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
    let waiting =
        async || items(&worker, "claim").await.into_iter().find(|i| i["ring"]["team"] == "School Nursing");
    until("the claim waits", Duration::from_secs(20), async || waiting().await.is_some()).await;
    assert_eq!(state(&bars, "school_nurse", &id).await, "pending");
    let nurse = Wire::of(&bars.world.gate, "school_nurse").await;
    let found = async || call(&nurse, "POST", "/v1/pupils/find", &json!({"case_reference": "SN-88"})).await;
    assert_eq!(found().await.status, 404);
    let item = waiting().await.unwrap();
    assert_eq!(
        (&item["team"], &item["ring"]["telephone"]),
        (&json!("child-protection"), &json!("01632 960108"))
    );
    assert_eq!(decide(&worker, &item, "accept").await.0, 200);
    assert_eq!(state(&bars, "school_nurse", &id).await, "accessible");
    let handle = found().await.json()["pupil_id"].as_str().unwrap().to_owned();
    let reply = nurse.summary(&handle, Some("SN-88")).await;
    assert_eq!((reply.status, &reply.json()["not_given"]), (200, &json!([])), "accepted, it sees");
    bars.stop().await;
}

async fn conflict(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.mark("mg-1", "manager", Some("child-protection")).await;
    bars.mark("so-1", "senior_officer", None).await;
    let child = child(&bars).await;
    let uncle = bars.person(Who::worker("child_protection", TEAM, "sw-uncle")).await;
    let colleague = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
    let read = async |wire: &Wire| wire.summary(&child.care.0, Some(&child.care.1)).await;
    assert_eq!(read(&uncle).await.status, 200);
    let issuer = bars.world.provider.issuer.clone();
    let person = |subject: &str| json!({"issuer": issuer, "tenant": AUTHORITY, "subject": subject});
    let mut body = shield(&child.care.0, &json!([{"organisation": AUTHORITY, "person": person("sw-uncle")}]));
    body["category"] = json!("conflict");
    let manager = manager(&bars).await;
    // Without a senior officer's decision a live plan is exempt.
    let exempt = Uuid::now_v7().to_string();
    assert_eq!(set(&manager, &child, &exempt, &body).await.status, 200);
    assert_eq!(read(&uncle).await.status, 200);
    body["conflict_decided_by"] = person("mg-1");
    let id = Uuid::now_v7().to_string();
    assert_eq!(set(&manager, &child, &id, &body).await.status, 400, "no senior officer");
    body["conflict_decided_by"] = person("so-1");
    assert_eq!(set(&manager, &child, &id, &body).await.status, 200);
    let unknown = uncle.summary(&"0".repeat(32), Some(&child.care.1)).await;
    assert_eq!(shape(&read(&uncle).await), shape(&unknown), "the one refusal");
    let wrong = uncle.summary(&child.care.0, Some("CP-9999")).await;
    assert_eq!(shape(&wrong), shape(&unknown), "not even that a reference does not fit");
    assert_eq!(read(&colleague).await.status, 200);
    bars.stop().await;
}

async fn schools(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.mark("mg-1", "manager", Some("child-protection")).await;
    let lead = bars.school_persons().await;
    let dsl = bars.person(lead).await;
    let pupil = bars.world.gate.child(lead.caller, Standing::Mine).clone();
    let handle = pupil.pupil_id.clone().unwrap();
    let path = |id: &str| format!("/v1/shields/{id}");
    let id = Uuid::now_v7().to_string();
    // Not against an authority, nor one of its teams.
    for against in
        [json!([{"organisation": AUTHORITY}]), json!([{"organisation": AUTHORITY, "team": "early-help"}])]
    {
        let reply = call(&dsl, "PUT", &path(&id), &shield(&handle, &against)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"));
    }
    let nurse_case = open(&bars, "school_nurse", &pupil.upn, nursing_case("SN-99")).await;
    until("matched", Duration::from_secs(20), async || {
        state(&bars, "school_nurse", &nurse_case).await == "accessible"
    })
    .await;
    let nurse = Wire::of(&bars.world.gate, "school_nurse").await;
    let found = call(&nurse, "POST", "/v1/pupils/find", &json!({"upn": pupil.upn})).await.json();
    let theirs = found["pupil_id"].as_str().unwrap().to_owned();
    let not_given =
        async || nurse.summary(&theirs, Some("SN-99")).await.json()["not_given"].as_array().unwrap().len();
    let body = shield(&handle, &json!([{"organisation": NURSING}]));
    let reply = call(&dsl, "PUT", &path(&id), &body).await;
    assert_eq!((reply.status, &reply.json()["lapses_on"]), (200, &json!("2026-11-27")), "{}", reply.json());
    assert_eq!(not_given().await, 3);
    bars.at("2026-11-27T23:59:00Z");
    assert_eq!(not_given().await, 3, "to the end of the fifth working day");
    bars.at("2026-11-28T00:00:00Z");
    assert_eq!(not_given().await, 0, "unconfirmed it lapses");

    // Another, confirmed by a manager of the authority, stands; declined, it ends.
    for (confirm, left) in [(true, 3), (false, 0)] {
        let id = Uuid::now_v7().to_string();
        let mut body = body.clone();
        body["reason"] = json!(format!("again, to be confirmed {confirm}"));
        assert_eq!(call(&dsl, "PUT", &path(&id), &body).await.status, 200);
        let system = Wire::of(&bars.world.gate, "social_worker_cp").await;
        let told = notices(&system, "shield_to_confirm").await;
        assert!(told.iter().any(|notice| notice["shield"] == id.as_str()), "{told:?}");
        let manager = manager(&bars).await;
        let route = format!("{}/confirmation", path(&id));
        let worker = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
        assert_eq!(call(&worker, "POST", &route, &json!({"confirm": confirm})).await.status, 403);
        let reply = call(&manager, "POST", &route, &json!({"confirm": confirm})).await;
        assert_eq!((reply.status, &reply.json()["stands"]), (200, &json!(confirm)), "{}", reply.json());
        if confirm {
            bars.at("2027-01-20T10:00:00Z");
        }
        assert_eq!(not_given().await, left, "confirmed: {confirm}");
        if confirm {
            let end = json!({"pupil_id": handle});
            assert_eq!(call(&dsl, "POST", &format!("{}/end", path(&id)), &end).await.status, 200);
            assert_eq!(not_given().await, 0);
        }
    }
    bars.stop().await;
}

/// The gateway sees it by itself: nobody tells it to look.
async fn suspended(test: TestDb) {
    const SUSPEND: &str = "UPDATE sharing_agreements SET suspended = $1 WHERE organisation_id = $2";
    let bars = Bars::start(&test).await;
    let of = bars.world.gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (of.pupil_id.unwrap(), of.case_reference.unwrap());
    let system = Wire::of(&bars.world.gate, "social_worker_cp").await;
    let status = async || system.summary(&handle, Some(&reference)).await.status;
    let directory = bars.world.gate.demo.running.gate.directory().current();
    let organisation = directory.organisation_by_code(AUTHORITY).unwrap().id.0;
    assert_eq!(status().await, 200);
    for (suspended, expected) in [(true, 403), (false, 200)] {
        assert_eq!(run!(test.db, SUSPEND, suspended, organisation), 1);
        run!(test.db, MOVED);
        until("the directory is seen", Duration::from_secs(1), async || status().await == expected).await;
    }
    bars.stop().await;
}

async fn withheld(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.mark("mg-1", "manager", Some("child-protection")).await;
    let child = child(&bars).await;
    let manager = manager(&bars).await;
    let path = format!("/v1/withheld-decisions/{}", Uuid::now_v7());
    let body = json!({"pupil_id": child.care.0, "from": [{"organisation": NURSING}], "review_on": "2027-02-01",
                      "ground": "her mother works there and would learn where she is"});
    let decided = call_with(&manager, "PUT", &path, &child.care.1, &body).await;
    assert_eq!((decided.status, &decided.json()["set_now"]), (200, &json!(true)), "{}", decided.json());
    assert!(decided.json()["decided_by"].as_str().unwrap().ends_with(" mg-1"));
    let entry = entry_of(&test.db, &decided).await;
    assert_eq!(
        (entry.action.as_deref(), entry.child.is_some()),
        (Some("withhold"), true),
        "an entry of its own"
    );
    let nurse_wire = Wire::of(&bars.world.gate, "school_nurse").await;
    let unknown = nurse_wire.summary(&"0".repeat(32), Some(&child.nurse.1)).await;
    let refused = nurse(&bars, &child).await;
    assert_eq!(shape(&refused), shape(&unknown), "the asker gets the one refusal");
    let entry = entry_of(&test.db, &refused).await;
    assert!(entry.policies.contains(&"guard_withheld".to_owned()), "{:?}", entry.policies);
    for search in [json!({"upn": child.upn}), json!({"case_reference": child.nurse.1})] {
        assert_eq!(shape(&call(&nurse_wire, "POST", "/v1/pupils/find", &search).await), shape(&unknown));
    }
    // When it is to be looked at again, whose it is is told, once.
    bars.at("2027-02-01T08:00:00Z");
    schoolgate::involvements::tell_what_is_late(&bars.world.gate.demo.running.gate).await.unwrap();
    let system = Wire::of(&bars.world.gate, "social_worker_cp").await;
    assert_eq!(notices(&system, "withheld_review_due").await.len(), 1);
    bars.at("2026-11-21T08:00:00Z");
    let manager = bars.person(Who::worker("child_protection", TEAM, "mg-1")).await;
    let end = json!({"pupil_id": child.care.0});
    let ended = call_with(&manager, "POST", &format!("{path}/end"), &child.care.1, &end).await;
    assert_eq!((ended.status, &ended.json()["changed"]), (200, &json!(true)), "{}", ended.json());
    assert_eq!(nurse(&bars, &child).await.status, 200);
    bars.stop().await;
}
