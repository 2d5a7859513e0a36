//! What waits for those who protect a child: claims and emergencies, accepted, called back or declined.

use super::world::{Bars, Who, call, emergency, shape, summary};
use crate::support::wire::{Wire, entry_of, run, send, until};
use crate::support::{Suite, TestDb};
use schoolgate::demo::{DemoChild, Standing};
use schoolgate::involvements::tell_what_is_late;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

pub fn register(suite: &mut Suite) {
    suite.both_empty("bars::an_emergency_on_a_protected_child_waits_for_who_protects_it", emergency_waits);
    suite.both_empty("bars::a_claim_on_a_protected_child_counts_once_it_is_accepted", claim_waits);
}

const TEAM: &[&str] = &["child-protection"];
const ITEMS: &str = "/v1/protecting-items";

fn protected(bars: &Bars) -> DemoChild {
    let caller = bars.world.gate.caller("social_worker_cp");
    caller.children.iter().find(|c| c.standing == Standing::Protected).unwrap().clone()
}

/// The items of a kind in a person's queue.
pub async fn items(wire: &Wire, kind: &str) -> Vec<Value> {
    let reply = send(wire.request("GET", ITEMS)).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    let all = reply.json()["items"].as_array().unwrap().clone();
    all.into_iter().filter(|item| item["kind"] == kind).collect()
}

/// Decides on an item.
pub async fn decide(wire: &Wire, item: &Value, decision: &str) -> (u16, Value) {
    let path = format!("{ITEMS}/{}/decision", item["id"].as_str().unwrap());
    let reply = call(wire, "POST", &path, &json!({"decision": decision})).await;
    (reply.status, reply.json()["state"].clone())
}

async fn emergency_waits(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.mark("esl-1", "education_safeguarding_lead", None).await;
    let child = protected(&bars);
    let system = Wire::of(&bars.world.gate, "social_worker_cp").await;
    let wire = bars.person(Who::worker("emergency", TEAM, "sw-1")).await;
    let claimed = call(&wire, "POST", "/v1/emergencies", &emergency(&json!({"upn": child.upn}))).await.json();
    let id = claimed["id"].as_str().unwrap();
    let nobody = shape(&summary(&wire, &Uuid::now_v7().to_string()).await);
    assert_eq!(shape(&summary(&wire, id).await), nobody, "the plain 404");

    // In the same second it is in the queue of the authority's lead, and in nobody else's.
    let lead = bars.person(Who::worker("emergency", &[], "esl-1")).await;
    until("an item is in the queue", Duration::from_secs(1), async || {
        !items(&lead, "emergency").await.is_empty()
    })
    .await;
    let colleague = bars.person(Who::worker("emergency", TEAM, "sw-2")).await;
    assert_eq!(items(&colleague, "emergency").await, Vec::<Value>::new());
    let item = items(&lead, "emergency").await.remove(0);
    assert_eq!(item["urgent"], true);
    assert_eq!(item["ring"]["telephone"], "01632 960103", "the directory's number: {item}");
    assert_eq!(item["number_given_do_not_ring"], "01632 960555");
    assert_eq!(item["pupil_id"].as_str().map(str::len), Some(32));
    let path = format!("{ITEMS}/{}/decision", item["id"].as_str().unwrap());
    let refused = call(&colleague, "POST", &path, &json!({"decision": "accept"})).await;
    assert_eq!(refused.status, 404, "another's item is nobody's");
    // The organisation's feed is the claimant's too, and says of this claim what it says of every other.
    let feed = send(system.request("GET", "/v1/notifications?limit=200")).await.json();
    let kinds: Vec<&Value> = feed["notifications"].as_array().unwrap().iter().map(|n| &n["kind"]).collect();
    assert!(kinds.iter().all(|kind| **kind != "protecting_item"), "{kinds:?}");
    assert_eq!(kinds.last().map(|kind| kind.as_str().unwrap()), Some("emergency_claimed"));

    // A call back changes nothing for who asked; an acceptance opens thirty minutes from then on.
    assert_eq!(decide(&lead, &item, "call_back").await, (200, json!("calling_back")));
    assert_eq!(summary(&wire, id).await.status, 404);
    bars.pass(45);
    assert_eq!(decide(&lead, &item, "accept").await, (200, json!("accepted")));
    let reply = summary(&wire, id).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    assert!(!reply.json()["enrolments"].as_array().unwrap().is_empty());
    let relationship = entry_of(&test.db, &reply).await.relationship.unwrap();
    assert_eq!(relationship, "emergency, open, released by those who protect the child");
    assert_eq!(decide(&lead, &item, "decline").await.0, 409, "decided once");
    bars.pass(30);
    assert_eq!(shape(&summary(&wire, id).await), nobody);
    bars.stop().await;
}

/// A claim on the child as the social care system sends it.
async fn send_claim(wire: &Wire, bars: &Bars, upn: &str, (kind, reference): (&str, &str)) -> String {
    let id = Uuid::now_v7().to_string();
    let mut claim = json!({
        "kind": kind, "team": "child-protection", "source_case_id": reference, "case_reference": reference,
        "opened_at": "2026-11-18T09:00:00Z", "staff_id": "S1", "upn": upn,
    });
    claim.as_object_mut().unwrap().extend(bars.named(upn).as_object().unwrap().clone());
    let reply = call(wire, "PUT", &format!("/v1/involvements/{id}"), &claim).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    id
}

async fn state(wire: &Wire, id: &str) -> String {
    let report = send(wire.request("GET", "/v1/involvements/report?limit=1000")).await.json();
    let line = report["involvements"].as_array().unwrap().iter().find(|l| l["id"] == id).cloned().unwrap();
    line["state"].as_str().unwrap().to_owned()
}

async fn claim_waits(test: TestDb) {
    const OLD: &str = "UPDATE protecting_items SET created_at = $1 WHERE urgent";
    let bars = Bars::start(&test).await;
    bars.mark("esl-1", "education_safeguarding_lead", None).await;
    bars.mark("so-1", "senior_officer", None).await;
    let child = protected(&bars);
    let system = Wire::of(&bars.world.gate, "social_worker_cp").await;
    let lead = bars.person(Who::worker("child_protection", &[], "esl-1")).await;
    let senior = bars.person(Who::worker("child_protection", &[], "so-1")).await;
    let id = send_claim(&system, &bars, &child.upn, ("section_47_enquiry", "S47-1")).await;
    let waiting = async || {
        let all = items(&lead, "claim").await;
        all.into_iter().find(|item| item["urgent"] == true)
    };
    until("the enquiry is in the queue", Duration::from_secs(20), async || waiting().await.is_some()).await;
    assert_eq!(state(&system, &id).await, "pending");
    let find = async || {
        call(&system, "POST", "/v1/pupils/find", &json!({"case_reference": "S47-1"})).await.json()["pupil_id"]
            .clone()
    };
    assert_eq!(find().await, Value::Null);

    // Nobody answers for thirty minutes: the senior officer is told, and sees it.
    assert_eq!(items(&senior, "claim").await, Vec::<Value>::new());
    let long_ago = schoolgate::clock::Clock::machine().now() - chrono::TimeDelta::minutes(31);
    assert!(run!(test.db, OLD, long_ago) > 0);
    tell_what_is_late(&bars.world.gate.demo.running.gate).await.unwrap();
    let item = waiting().await.unwrap();
    assert_eq!(item["escalated"], true);
    assert!(items(&senior, "claim").await.iter().any(|seen| seen["id"] == item["id"]));

    // Accepted, the case counts, protected enrolment and all; ended, it is over like any other.
    assert_eq!(decide(&senior, &item, "accept").await, (200, json!("accepted")));
    assert_eq!(state(&system, &id).await, "accessible");
    let handle = find().await.as_str().unwrap().to_owned();
    let reply = system.summary(&handle, Some("S47-1")).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    assert!(!reply.json()["enrolments"].as_array().unwrap().is_empty());
    // The other claim on the child, of the demonstration's own, is declined and goes on waiting.
    let other = items(&lead, "claim").await.into_iter().find(|item| item["urgent"] == false).unwrap();
    assert_eq!(other["ring"]["organisation"], "Exampleshire County Council");
    assert_eq!(decide(&lead, &other, "decline").await, (200, json!("declined")));
    let reference = child.case_reference.as_deref();
    assert_eq!(
        system.summary(&handle, reference).await.status,
        422,
        "the live case is under another reference"
    );
    send(system.request("DELETE", &format!("/v1/involvements/{id}"))).await;
    assert_eq!(system.summary(&handle, Some("S47-1")).await.status, 404);
    bars.stop().await;
}
