//! What comes after a bar: new cases of whom it names, cases that another team takes over, and notices.

use super::queue::{decide, items};
use super::shields::{NURSING, manager, open, shield, state};
use super::world::{AUTHORITY, Bars, Who, call, call_with, notices, shape};
use crate::support::exports::{Row, one_mark};
use crate::support::wire::{Wire, entry_of, send, until};
use crate::support::{Suite, TestDb};
use schoolgate::demo::Standing;
use schoolgate::involvements::{follow_rolls, match_claims};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use uuid::Uuid;

pub fn register(suite: &mut Suite) {
    suite.both_empty("bars::a_shield_stands_against_new_cases_of_whom_it_names", new_case);
    suite.both_empty("bars::a_case_that_moves_behind_a_bar_is_asked_about_again", moves);
    suite.both_empty("bars::who_is_barred_gets_no_notice", no_notice);
    suite.both_empty("bars::a_claim_past_a_decision_to_withhold_stays_pending", withheld_claim);
    suite.both_empty("bars::a_data_matcher_ties_nobody_past_a_bar", matcher);
}

const TEAM: &[&str] = &["child-protection"];
const LOOKED_AFTER: &[&str] = &["looked-after"];
const CARE: &str = "social_worker_cp";

fn case(kind: &str, team: &str, reference: &str) -> Value {
    json!({"kind": kind, "team": team, "source_case_id": reference, "case_reference": reference})
}

/// A child of the team's with the handle and the reference.
fn mine(bars: &Bars) -> (String, String, String) {
    let of = bars.world.gate.child(CARE, Standing::Mine).clone();
    (of.upn, of.pupil_id.unwrap(), of.case_reference.unwrap())
}

/// Shields a child, as the manager, in the eyes of these teams.
async fn shielded(bars: &Bars, (handle, reference): (&str, &str), against: &Value, protecting: &str) {
    bars.mark("mg-1", "manager", Some("child-protection")).await;
    let mut body = shield(handle, against);
    body["protecting_teams"] = json!([{"organisation": AUTHORITY, "team": protecting}]);
    let path = format!("/v1/shields/{}", Uuid::now_v7());
    let reply = call_with(&manager(bars).await, "PUT", &path, reference, &body).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    bars.pass(1);
}

/// The item about a claim under which a team asks, once it is in a person's queue.
async fn waiting(wire: &Wire, team: &str) -> Value {
    let found = async || items(wire, "claim").await.into_iter().find(|item| item["ring"]["team"] == team);
    until("the claim waits", Duration::from_secs(20), async || found().await.is_some()).await;
    found().await.unwrap()
}

async fn becomes(bars: &Bars, caller: &str, id: &str, wanted: &str) {
    let is = async || state(bars, caller, id).await == wanted;
    until(&format!("it becomes {wanted}"), Duration::from_secs(20), is).await;
}

async fn new_case(test: TestDb) {
    let bars = Bars::start(&test).await;
    let (upn, handle, before) = mine(&bars);
    let issuer = bars.world.provider.issuer.clone();
    let uncle_named = json!([{"organisation": AUTHORITY,
                              "person": {"issuer": issuer, "tenant": AUTHORITY, "subject": "sw-uncle"}}]);
    shielded(&bars, (&handle, &before), &uncle_named, "looked-after").await;
    let uncle = bars.person(Who::worker("child_protection", TEAM, "sw-uncle")).await;
    let colleague = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
    assert_eq!(
        uncle.summary(&handle, Some(&before)).await.status,
        200,
        "the plan was there before the shield"
    );
    // A new case of the team in which the uncle is waits for who protects the child, whatever its kind.
    let id = open(&bars, CARE, &upn, case("cp", "child-protection", "CP-NEW")).await;
    let protecting = bars.person(Who::worker("looked_after", LOOKED_AFTER, "la-1")).await;
    let item = waiting(&protecting, "Child Protection").await;
    assert_eq!(state(&bars, CARE, &id).await, "pending");
    assert_eq!(decide(&protecting, &item, "accept").await.0, 200);
    assert_eq!(state(&bars, CARE, &id).await, "accessible");
    // Accepted it is the team's, and not that of the person whom the shield names.
    let system = Wire::of(&bars.world.gate, CARE).await;
    assert_eq!(system.summary(&handle, Some("CP-NEW")).await.status, 200);
    assert_eq!(colleague.summary(&handle, Some("CP-NEW")).await.status, 200);
    let unknown = uncle.summary(&"0".repeat(32), Some("CP-NEW")).await;
    let refused = uncle.summary(&handle, Some("CP-NEW")).await;
    assert_eq!(shape(&refused), shape(&unknown), "the one refusal");
    assert!(entry_of(&test.db, &refused).await.policies.contains(&"guard_shield".to_owned()));
    assert_eq!(uncle.summary(&handle, Some(&before)).await.status, 200, "nor does the old one end");
    bars.stop().await;
}

async fn moves(test: TestDb) {
    let bars = Bars::start(&test).await;
    let (upn, handle, reference) = mine(&bars);
    let named = json!([{"organisation": AUTHORITY, "team": "looked-after"},
                       {"organisation": AUTHORITY, "team": "early-help"}]);
    shielded(&bars, (&handle, &reference), &named, "child-protection").await;
    let id = open(&bars, CARE, &upn, case("cp", "child-protection", "MV-1")).await;
    becomes(&bars, CARE, &id, "accessible").await;
    let system = Wire::of(&bars.world.gate, CARE).await;
    let protecting = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
    let reads = async || system.summary(&handle, Some("MV-1")).await.status;
    assert_eq!(reads().await, 200);
    let hand_over = async |team: &str| {
        bars.pass(1);
        let mut claim = case("cp", team, "MV-1");
        let sent = json!({"opened_at": "2026-11-18T09:00:00Z", "staff_id": "S1", "upn": upn});
        for part in [&bars.named(&upn), &sent] {
            claim.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        }
        let reply = call(&system, "PUT", &format!("/v1/involvements/{id}"), &claim).await;
        assert_eq!(reply.status, 202, "{}", reply.json());
    };
    hand_over("looked-after").await;
    assert_ne!(reads().await, 200, "from the very next request on");
    let first = waiting(&protecting, "Children in Care").await;
    assert_eq!(state(&bars, CARE, &id).await, "pending");
    // It moves on while it waits: what was asked is over, and is asked anew for who has it now.
    hand_over("early-help").await;
    let second = waiting(&protecting, "Early Help").await;
    assert_eq!(
        decide(&protecting, &first, "accept").await.0,
        409,
        "nobody accepts a team that has it no more"
    );
    assert_eq!(decide(&protecting, &second, "accept").await.0, 200);
    assert_eq!((state(&bars, CARE, &id).await.as_str(), reads().await), ("accessible", 200));
    // What was accepted of one team is not of the next.
    hand_over("looked-after").await;
    assert_ne!(reads().await, 200);
    waiting(&protecting, "Children in Care").await;
    assert_eq!(state(&bars, CARE, &id).await, "pending");
    // To a team that no bar names it goes at once.
    hand_over("child-protection").await;
    becomes(&bars, CARE, &id, "accessible").await;
    assert_eq!(reads().await, 200);
    bars.stop().await;
}

/// The rows of a school's export.
fn rows(bars: &Bars, path: &str) -> Vec<Row> {
    let path = bars.world.gate.dir().join(path);
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize::<HashMap<String, String>>().map(Result::unwrap).collect()
}

async fn no_notice(test: TestDb) {
    let bars = Bars::start(&test).await;
    let strangers = bars.strangers();
    let fits = |row: &&Row| {
        strangers.contains(&row["upn"])
            && row["last_day"].is_empty()
            && row["enrolment_status"] == "single"
            && row["whereabouts_protected"] == "false"
    };
    let schools = bars.world.gate.demo.json.schools.clone();
    let found = schools.iter().find_map(|school| {
        rows(&bars, &school.pupils).iter().find(fits).cloned().map(|child| (school.clone(), child))
    });
    let (school, child) = found.unwrap();
    let plan = open(&bars, CARE, &child["upn"], case("cp", "child-protection", "NO-1")).await;
    let in_need = open(&bars, CARE, &child["upn"], case("cin", "family-help-east", "NO-2")).await;
    let help = open(&bars, CARE, &child["upn"], case("assessment", "front-door", "NO-3")).await;
    for id in [&plan, &in_need, &help] {
        becomes(&bars, CARE, id, "accessible").await;
    }
    let system = Wire::of(&bars.world.gate, CARE).await;
    let found = call(&system, "POST", "/v1/pupils/find", &json!({"upn": child["upn"]})).await.json();
    let handle = found["pupil_id"].as_str().unwrap().to_owned();
    let against = json!([{"organisation": AUTHORITY, "team": "family-help-east"}]);
    shielded(&bars, (&handle, "NO-1"), &against, "child-protection").await;
    let withheld = json!({"pupil_id": handle, "from": [{"organisation": AUTHORITY, "team": "front-door"}],
                          "review_on": "2027-02-01", "ground": "his sister works there and would tell him"});
    let path = format!("/v1/withheld-decisions/{}", Uuid::now_v7());
    assert_eq!(call_with(&manager(&bars).await, "PUT", &path, "NO-1", &withheld).await.status, 200);
    let running = &bars.world.gate.demo.running.gate;
    follow_rolls(running).await.unwrap();
    let office = format!("school_attendance_officer_{}", school.urn);
    let office = Wire::of(&bars.world.gate, &office).await;
    let mark =
        one_mark([&child["school_pupil_id"], "2026-11-20", "pm", "N", "2026-11-20T17:50:00Z", "", "", ""]);
    let request = office.request("POST", &format!("/v1/schools/{}/attendance", school.urn));
    let reply = send(request.header("content-type", "text/csv").body(mark)).await;
    assert_eq!((reply.status, &reply.json()["rejected"]), (200, &json!(0)), "{}", reply.json());
    let told = async || {
        follow_rolls(running).await.unwrap();
        let all = notices(&system, "absence_unexplained").await;
        let own = |id: &str| all.iter().any(|notice| notice["involvement_id"] == id);
        (own(&plan), own(&in_need), own(&help))
    };
    until("the plan's team hears", Duration::from_secs(30), async || told().await.0).await;
    assert_eq!(
        told().await,
        (true, false, false),
        "neither whom a shield names, nor from whom it is withheld"
    );
    bars.stop().await;
}

async fn withheld_claim(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.mark("mg-1", "manager", Some("child-protection")).await;
    let (upn, handle, reference) = mine(&bars);
    let path = format!("/v1/withheld-decisions/{}", Uuid::now_v7());
    let body = json!({"pupil_id": handle, "from": [{"organisation": NURSING}], "review_on": "2027-02-01",
                      "ground": "her mother works there and would learn where she is"});
    assert_eq!(call_with(&manager(&bars).await, "PUT", &path, &reference, &body).await.status, 200);
    let nursing = |reference: &str| {
        json!({"kind": "school_nursing", "team": "school-nurses", "source_case_id": reference,
               "case_reference": reference})
    };
    let barred = open(&bars, "school_nurse", &upn, nursing("SN-1")).await;
    let other = open(&bars, "school_nurse", &bars.strangers()[0], nursing("SN-2")).await;
    becomes(&bars, "school_nurse", &other, "accessible").await;
    match_claims(&bars.world.gate.demo.running.gate, true).await.unwrap();
    assert_eq!(state(&bars, "school_nurse", &barred).await, "pending");
    let end = json!({"pupil_id": handle});
    let ended = call_with(&manager(&bars).await, "POST", &format!("{path}/end"), &reference, &end).await;
    assert_eq!(ended.status, 200);
    bars.pass(1);
    match_claims(&bars.world.gate.demo.running.gate, true).await.unwrap();
    becomes(&bars, "school_nurse", &barred, "accessible").await;
    bars.stop().await;
}

async fn matcher(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.mark("matcher", "data_matcher", None).await;
    let (upn, handle, reference) = mine(&bars);
    let against = json!([{"organisation": AUTHORITY, "team": "looked-after"}]);
    shielded(&bars, (&handle, &reference), &against, "child-protection").await;
    // The child's number and name with another date of birth: a person says whom it is about.
    let mut odd = case("cla", "looked-after", "DM-1");
    odd["date_of_birth"] = json!("2013-01-01");
    let id = open(&bars, CARE, &upn, odd).await;
    let running = &bars.world.gate.demo.running.gate;
    match_claims(running, true).await.unwrap();
    let who = Who {
        caller: "attendance_officer_la",
        role: "attendance_officer_la",
        purpose: "attendance_duty",
        ..Who::worker("", &[], "matcher")
    };
    let matcher = bars.person(who).await;
    let path = "/v1/involvements/ambiguous";
    let list = send(matcher.request("GET", path)).await.json();
    let claims = list["claims"].as_array().unwrap();
    let claim = claims.iter().find(|claim| claim["date_of_birth"] == "2013-01-01").unwrap();
    let decision = format!("{path}/{}/decision", claim["id"].as_str().unwrap());
    let chosen = json!({"pupil_id": claim["candidates"][0]["pupil_id"]});
    let decided = call(&matcher, "POST", &decision, &chosen).await;
    assert_eq!((decided.status, decided.json()), (200, json!({"decision": "matched"})), "as of any other");
    assert_eq!(state(&bars, CARE, &id).await, "pending");
    // Who protects the child is asked, and nobody else is told.
    let protecting = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
    let item = waiting(&protecting, "Children in Care").await;
    match_claims(running, true).await.unwrap();
    assert_eq!(state(&bars, CARE, &id).await, "pending");
    assert_eq!(decide(&protecting, &item, "accept").await.0, 200);
    assert_eq!(state(&bars, CARE, &id).await, "accessible");
    let system = Wire::of(&bars.world.gate, "social_worker_cla").await;
    assert_eq!(system.summary(&handle, Some("DM-1")).await.status, 200);
    bars.stop().await;
}
