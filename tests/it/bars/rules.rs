//! Who may not: decide on their own item, put a team in place of a lead, raise a flag on a child that has left.

use super::queue::{decide, items};
use super::world::{AUTHORITY, Bars, Who, call, call_with, emergency, shape};
use crate::support::exports::Row;
use crate::support::wire::{Wire, entry_of, run, send, until};
use crate::support::{Suite, TestDb};
use schoolgate::demo::{DemoChild, Standing};
use schoolgate::involvements::tell_what_is_late;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use uuid::Uuid;

pub fn register(suite: &mut Suite) {
    suite.both_empty("bars::who_asks_does_not_accept", own_item);
    suite.both_empty("bars::no_agency_puts_a_team_in_place_of_a_lead", lead);
    suite.both_empty("bars::who_had_read_is_told_once_and_no_school_among_them", already_read);
    suite.both_empty("bars::a_former_school_raises_no_flag", former_school);
    suite.both_empty("bars::a_queue_is_read_page_by_page", pages);
    suite.both_empty("bars::who_asked_first_to_lower_a_flag_waits_a_week", first_of_two);
}

const TEAM: &[&str] = &["child-protection"];
const LOOKED_AFTER: &[&str] = &["looked-after"];
const LEAD: &str = "education_safeguarding_lead";

fn protected(bars: &Bars) -> DemoChild {
    let caller = bars.world.gate.caller("social_worker_cp");
    caller.children.iter().find(|c| c.standing == Standing::Protected).unwrap().clone()
}

/// The demonstration's own claim on its protected child, in the lead's queue.
async fn waiting(lead: &Wire) -> Value {
    until("it waits", Duration::from_secs(20), async || !items(lead, "claim").await.is_empty()).await;
    items(lead, "claim").await.remove(0)
}

async fn own_item(test: TestDb) {
    let bars = Bars::start(&test).await;
    for subject in ["esl-1", "esl-2"] {
        bars.mark(subject, LEAD, None).await;
    }
    let child = protected(&bars);
    // Who claims an emergency leads on safeguarding too, in no team; and another of the lead's is in the claim's team.
    let claimant = bars.person(Who::worker("emergency", &[], "esl-1")).await;
    let body = emergency(&json!({"upn": child.upn}));
    assert_eq!(call(&claimant, "POST", "/v1/emergencies", &body).await.status, 202);
    let waits = async || items(&claimant, "emergency").await;
    until("it waits", Duration::from_secs(5), async || !waits().await.is_empty()).await;
    let item = waits().await.remove(0);
    assert_eq!(decide(&claimant, &item, "accept").await.0, 409, "their own");
    let case = waiting(&claimant).await;
    let of_team = bars.person(Who::worker("child_protection", TEAM, "esl-2")).await;
    assert_eq!(decide(&of_team, &case, "accept").await.0, 409, "their team's");
    assert_eq!(decide(&of_team, &case, "call_back").await.0, 200, "to ring back decides nothing");
    let other = bars.person(Who::worker("child_protection", LOOKED_AFTER, "esl-2")).await;
    let list = send(other.request("GET", "/v1/protecting-items")).await;
    assert_eq!(entry_of(&test.db, &list).await.marks, [LEAD], "the list names the mark that it rests on");
    let path = format!("/v1/protecting-items/{}/decision", item["id"].as_str().unwrap());
    let accepted = call(&other, "POST", &path, &json!({"decision": "accept"})).await;
    assert_eq!(accepted.status, 200);
    assert_eq!(entry_of(&test.db, &accepted).await.marks, [LEAD]);
    assert_eq!(decide(&claimant, &case, "accept").await.0, 200, "the case is of a team that is not theirs");
    bars.stop().await;
}

async fn lead(test: TestDb) {
    const TEAMS: &str = "SELECT COUNT(*) FROM whereabouts_protections WHERE team_id IS NOT NULL";
    let bars = Bars::start(&test).await;
    bars.mark("esl-1", LEAD, None).await;
    let lead = bars.person(Who::worker("child_protection", &[], "esl-1")).await;
    let case = waiting(&lead).await;
    assert_eq!(decide(&lead, &case, "accept").await.0, 200);
    let child = protected(&bars);
    let reference = child.case_reference.unwrap();
    let worker = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
    let found = call(&worker, "POST", "/v1/pupils/find", &json!({"upn": child.upn})).await.json();
    let handle = found["pupil_id"].as_str().unwrap();
    let path = format!("/v1/pupils/{handle}/whereabouts-protection");
    let raise = |organisation: &str, team: &str| {
        json!({"protected": true, "reason": "moved to a refuge, the father is looking for her",
               "team": {"organisation": organisation, "team": team}})
    };
    // Only an authority has teams that protect.
    for (organisation, team) in [("exampleshire-nursing", "school-nurses"), ("exampleshire-minds", "support")]
    {
        let reply = call_with(&worker, "PUT", &path, &reference, &raise(organisation, team)).await;
        assert_eq!(reply.status, 400, "{organisation}");
    }
    // A file raised the flag: it looks like raising it, and the lead stays who protects the child.
    let raised = call_with(&worker, "PUT", &path, &reference, &raise(AUTHORITY, "looked-after")).await;
    assert_eq!((raised.status, raised.json()), (200, json!({"protected": true})), "{}", raised.json());
    assert_eq!(crate::support::exports::number(&test.db, TEAMS).await, 0);
    let team = bars.person(Who::worker("looked_after", LOOKED_AFTER, "la-1")).await;
    assert_eq!(items(&team, "protection").await, Vec::<Value>::new());
    assert_eq!(worker.summary(handle, Some(&reference)).await.status, 200, "what was accepted stands");
    // The lead lowers it by the mark, and the entry says so.
    let theirs = format!("/v1/pupils/{}/whereabouts-protection", case["pupil_id"].as_str().unwrap());
    let lower = json!({"protected": false, "reason": "the court has settled it, she is safe now"});
    let first = call(&lead, "PUT", &theirs, &lower).await;
    assert_eq!((first.status, &first.json()["asked_to_lower"]), (200, &json!(1)), "{}", first.json());
    assert_eq!(entry_of(&test.db, &first).await.marks, [LEAD]);
    bars.stop().await;
}

async fn already_read(test: TestDb) {
    let bars = Bars::start(&test).await;
    let child = super::shields::child(&bars).await;
    let (handle, reference) = &child.care;
    let path = format!("/v1/pupils/{handle}/whereabouts-protection");
    let body = json!({"protected": true, "reason": "moved to a refuge, the father is looking for her",
                      "team": {"organisation": AUTHORITY, "team": "child-protection"}});
    let worker = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
    // The child's school has a handle for it too.
    for school in &bars.world.gate.demo.json.schools {
        let office = Wire::of(&bars.world.gate, &format!("school_attendance_officer_{}", school.urn)).await;
        call(&office, "POST", "/v1/pupils/find", &json!({"upn": child.upn})).await;
    }
    let raised = call_with(&worker, "PUT", &path, reference, &body).await;
    assert_eq!(raised.status, 200, "{}", raised.json());
    let listed = raised.json()["already_read"].as_array().unwrap().clone();
    let codes: Vec<&str> = listed.iter().map(|one| one["organisation"].as_str().unwrap()).collect();
    assert!(codes.contains(&super::shields::NURSING), "{codes:?}");
    let directory = bars.world.gate.demo.running.gate.directory().current();
    for school in &bars.world.gate.demo.json.schools {
        let code = directory.school_by_urn(&school.urn).unwrap().1.code.clone();
        assert!(!codes.contains(&code.as_str()), "a school would say where the child is");
    }
    // Once another of the team has accepted, the team sees the child, and raising it again tells nothing more.
    let colleague = bars.person(Who::worker("child_protection", TEAM, "sw-2")).await;
    let request = items(&colleague, "protection").await.remove(0);
    assert_eq!(decide(&colleague, &request, "accept").await.0, 200);
    let again = call_with(&worker, "PUT", &path, reference, &body).await;
    assert_eq!((again.status, again.json()), (200, json!({"protected": true})), "told once");
    bars.stop().await;
}

async fn former_school(test: TestDb) {
    const FLAGGED: &str = "SELECT COUNT(*) FROM whereabouts_protections";
    let bars = Bars::start(&test).await;
    let lead = bars.school_persons().await;
    let dsl = bars.person(lead).await;
    let path = bars.world.gate.dir().join(&bars.world.gate.demo.json.schools[0].pupils);
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows: Vec<Row> = reader.deserialize::<HashMap<String, String>>().map(Result::unwrap).collect();
    let left = |row: &&Row| {
        !row["last_day"].is_empty()
            && row["last_day"].as_str() < "2026-11-20"
            && !row["upn"].is_empty()
            && !rows.iter().any(|other| other["upn"] == row["upn"] && other["last_day"].is_empty())
    };
    let leaver = rows.iter().find(left).unwrap();
    let found = call(&dsl, "POST", "/v1/pupils/find", &json!({"upn": leaver["upn"]})).await;
    assert_eq!(found.status, 200, "it is still on the school's register: {}", found.json());
    let raise = async |handle: &str| {
        let path = format!("/v1/pupils/{handle}/whereabouts-protection");
        let body = json!({"protected": true, "reason": "heard that they have fled from the father",
                          "team": {"organisation": AUTHORITY, "team": "looked-after"}});
        call(&dsl, "PUT", &path, &body).await
    };
    let refused = raise(found.json()["pupil_id"].as_str().unwrap()).await;
    let unknown = raise(&"0".repeat(32)).await;
    assert_eq!(shape(&refused), shape(&unknown));
    assert_eq!((refused.status, crate::support::exports::number(&test.db, FLAGGED).await), (404, 0));
    bars.stop().await;
}

async fn pages(test: TestDb) {
    const MANY: &str = "INSERT INTO protecting_items (id, kind, subject_id, subject_organisation_id, pupil_id, team_id, \
         organisation_id, asker_team, urgent, created_at, state) SELECT $1, kind, $2, subject_organisation_id, pupil_id, \
         team_id, organisation_id, asker_team, urgent, created_at, 'open' FROM protecting_items WHERE id = $3";
    const OLD: &str = "UPDATE protecting_items SET created_at = $1, urgent = TRUE WHERE id = $2";
    let bars = Bars::start(&test).await;
    bars.mark("esl-1", LEAD, None).await;
    bars.mark("so-1", "senior_officer", None).await;
    let lead = bars.person(Who::worker("child_protection", &[], "esl-1")).await;
    let pattern = waiting(&lead).await;
    let of: Uuid = pattern["id"].as_str().unwrap().parse().unwrap();
    for _ in 0..230 {
        assert_eq!(run!(test.db, MANY, Uuid::now_v7(), Uuid::now_v7(), of), 1);
    }
    let newest = Uuid::now_v7();
    assert_eq!(run!(test.db, MANY, newest, Uuid::now_v7(), of), 1);
    let page = async |query: &str| {
        let reply = send(lead.request("GET", &format!("/v1/protecting-items{query}"))).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.json());
        reply.json()
    };
    let first = page("").await;
    assert_eq!(first["items"].as_array().unwrap().len(), 200);
    let mut seen: Vec<String> = Vec::new();
    let (mut query, mut pages) = ("?limit=50".to_owned(), 0);
    loop {
        let answer = page(&query).await;
        let items = answer["items"].as_array().unwrap().clone();
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = answer["next_cursor"].as_str() else { break };
        query = format!("?limit=50&cursor={next}");
    }
    let mut once = seen.clone();
    once.dedup();
    assert_eq!((seen.len(), pages, &once), (seen.len().max(232), 5, &seen), "each once, in order");
    assert_eq!(
        seen.last().map(String::as_str),
        Some(newest.to_string().as_str()),
        "the newest is not hidden"
    );
    assert_eq!(send(lead.request("GET", "/v1/protecting-items?cursor=x")).await.status, 400);
    // Somebody rings back: the senior officer is told all the same, and sees it until it is decided.
    let long_ago = schoolgate::clock::Clock::machine().now() - chrono::TimeDelta::minutes(31);
    assert_eq!(run!(test.db, OLD, long_ago, of), 1);
    assert_eq!(decide(&lead, &pattern, "call_back").await.0, 200);
    tell_what_is_late(&bars.world.gate.demo.running.gate).await.unwrap();
    let senior = bars.person(Who::worker("child_protection", &[], "so-1")).await;
    let told = async || items(&senior, "claim").await.iter().any(|item| item["id"] == pattern["id"]);
    assert!(told().await, "a call back does not stop it");
    assert_eq!(decide(&lead, &pattern, "decline").await.0, 200);
    assert!(!told().await);
    bars.stop().await;
}

async fn first_of_two(test: TestDb) {
    let bars = Bars::start(&test).await;
    for subject in ["esl-1", "esl-2"] {
        bars.mark(subject, LEAD, None).await;
    }
    let lead = bars.person(Who::worker("child_protection", &[], "esl-1")).await;
    let case = waiting(&lead).await;
    let path = format!("/v1/pupils/{}/whereabouts-protection", case["pupil_id"].as_str().unwrap());
    let lower = json!({"protected": false, "reason": "the court has settled it, she is safe now"});
    let ask = async |subject: &str| {
        let wire = bars.person(Who::worker("child_protection", &[], subject)).await;
        let reply = call(&wire, "PUT", &path, &lower).await;
        (reply.status, reply.json()["asked_to_lower"].clone())
    };
    assert_eq!(ask("esl-1").await, (200, json!(1)));
    // A week later what the first said is over: who asks now is the first again.
    bars.at("2026-11-27T18:00:00Z");
    assert_eq!(ask("esl-2").await, (200, json!(1)));
    assert_eq!(ask("esl-2").await.0, 409);
    bars.at("2026-12-04T17:59:00Z");
    assert_eq!(ask("esl-1").await, (200, json!(2)));
    bars.stop().await;
}
