//! What is a person's own: their limits, their conflicts, their teams and their marks, whichever authority they act for.

use super::queue::{decide, items};
use super::world::{AUTHORITY, Bars, Who, call, call_with, emergency, shape, summary};
use crate::support::wire::{Wire, entry_of, run, send, until};
use crate::support::{Suite, TestDb};
use schoolgate::demo::Standing;
use schoolgate::demo::agencies::{CHILDREN, STRANGER};
use schoolgate::involvements::tell_what_is_late;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

pub fn register(suite: &mut Suite) {
    suite.both_empty("bars::two_names_of_one_child_are_told_apart_by_nothing", two_names);
    suite.both_empty("bars::a_persons_limits_are_theirs_whomever_they_act_for", limits);
    suite.both_empty("bars::a_conflict_holds_whoever_recorded_it", conflicts);
    suite.both_empty("bars::the_teams_of_who_acts_for_another_are_their_own", teams);
    suite.both_empty("bars::marks_of_ones_own_organisation_are_not_for_anothers_children", marks);
    suite.both_empty("bars::of_renewals_one_waits_and_a_refusal_stands", renewals);
    suite.both_empty("bars::what_a_person_reads_as_cover_says_so", cover);
}

const TEAM: &[&str] = &["child-protection"];
const EMERGENCIES: &str = "/v1/emergencies";

async fn claim(wire: &Wire, named: &Value) -> Value {
    let reply = call(wire, "POST", EMERGENCIES, &emergency(named)).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    reply.json()
}

fn id(claimed: &Value, place: usize) -> String {
    claimed["emergencies"][place]["id"].as_str().unwrap().to_owned()
}

async fn two_names(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.mark("mg-other", "manager", Some("looked-after")).await;
    let upn = bars.strangers().remove(0);
    let nobody = json!({"surname": "Nobody", "forename": "Here", "date_of_birth": "2015-01-01"});
    let reason = json!({"reason": "still at the hospital with the child"});
    let mut told = Vec::new();
    // The second name is the first child's, and nobody's.
    for (subject, second) in [("sw-1", bars.named(&upn)), ("sw-2", nobody)] {
        let wire = bars.person(Who::worker("emergency", TEAM, subject)).await;
        let claimed = claim(&wire, &json!({"children": [{"upn": upn}, second]})).await;
        assert_eq!(summary(&wire, &id(&claimed, 0)).await.status, 200, "{subject}");
        let other = id(&claimed, 1);
        let plain = |reply: &crate::support::wire::Reply| {
            let body = String::from_utf8(reply.bytes.clone()).unwrap();
            let body = body.replace(reply.header("x-request-id").unwrap(), "").replace(subject, "");
            (reply.status, body)
        };
        let mut seen = vec![plain(&summary(&wire, &other).await)];
        let renewals = format!("{EMERGENCIES}/{other}/renewals");
        for _ in 0..2 {
            seen.push(plain(&call(&wire, "POST", &renewals, &reason).await));
        }
        seen.push(plain(&summary(&wire, &other).await));
        let manager = bars.person(Who::worker("emergency", TEAM, "mg-other")).await;
        let signs = format!("{EMERGENCIES}/{other}/countersignature");
        seen.push(plain(&call(&manager, "GET", &signs, &json!({})).await));
        // Named so again within the week it is the person's own limit, whoever it is.
        let again = claim(&wire, &json!({"children": [second]})).await;
        seen.push((202, again["emergencies"][0]["why_not"].to_string()));
        told.push(seen);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].iter().map(|(status, _)| *status).collect::<Vec<_>>(), [404, 202, 202, 404, 200, 202]);
    bars.stop().await;
}

async fn limits(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.trust_persons().await;
    let upns = bars.strangers();
    let here = bars.of_trust(AUTHORITY, "emergency", "night-1").await;
    let there = bars.of_trust(STRANGER, "emergency", "night-1").await;
    let first = claim(&here, &json!({"upn": upns[0]})).await;
    assert_eq!(summary(&here, &id(&first, 0)).await.status, 200);
    // The same child for another authority, by number and by name.
    let same = claim(&there, &json!({"upn": upns[0]})).await;
    assert_eq!(same["emergencies"][0]["why_not"], "same_child_this_week", "{same}");
    let by_name = claim(&there, &bars.named(&upns[0])).await;
    assert_eq!(summary(&there, &id(&by_name, 0)).await.status, 404);
    // Three a day, of both together.
    let fourth = claim(&there, &json!({"upn": upns[1]})).await;
    assert_eq!(fourth["emergencies"][0]["why_not"], "three_today", "{fourth}");
    let colleague = bars.of_trust(STRANGER, "emergency", "night-2").await;
    assert_eq!(claim(&colleague, &json!({"upn": upns[1]})).await["emergencies"][0]["opens"], true);
    // What nobody countersigned for one authority is a right lost for the other.
    bars.at("2026-11-24T18:00:00Z");
    let there = bars.of_trust(STRANGER, "emergency", "night-1").await;
    let lost = claim(&there, &json!({"upn": upns[1]})).await;
    assert_eq!(lost["emergencies"][0]["why_not"], "not_countersigned", "{lost}");
    bars.stop().await;
}

async fn conflicts(test: TestDb) {
    const RECORD: &str = "INSERT INTO conflicts (organisation_id, id, issuer, tenant, subject, school_id, category, \
         recorded_at, recorded_by) VALUES ($1, $2, $3, 'a-trust', 'aunt', $4, 'own_childs_school', $5, 'officer')";
    let bars = Bars::start(&test).await;
    bars.trust_persons().await;
    let of = bars.world.gate.child("social_worker_cp", Standing::Mine).clone();
    let reference = of.case_reference.unwrap();
    let aunt = bars.of_trust(AUTHORITY, "child_protection", "aunt").await;
    let other = bars.of_trust(AUTHORITY, "child_protection", "other").await;
    let found = call(&aunt, "POST", "/v1/pupils/find", &json!({"upn": of.upn})).await;
    assert_eq!(found.status, 200, "{}", found.json());
    let handle = found.json()["pupil_id"].as_str().unwrap().to_owned();
    let read = async |wire: &Wire| wire.summary(&handle, Some(&reference)).await;
    assert_eq!((read(&aunt).await.status, read(&other).await.status), (200, 200), "by cover");
    let directory = bars.world.gate.demo.running.gate.directory().current();
    let trust = directory.organisation_by_code(CHILDREN).unwrap().id.0;
    let issuer = bars.world.provider.issuer.as_str();
    let at = schoolgate::clock::Clock::machine().now();
    for school in &bars.world.gate.demo.json.schools {
        let school = directory.school_by_urn(&school.urn).unwrap().0.0;
        run!(test.db, RECORD, trust, Uuid::now_v7(), issuer, school, at);
    }
    let refused = read(&aunt).await;
    let unknown = aunt.summary(&"0".repeat(32), Some(&reference)).await;
    assert_eq!(shape(&refused), shape(&unknown), "the trust's own officer recorded it");
    assert_eq!(entry_of(&test.db, &refused).await.policies, ["guard_conflict"]);
    assert_eq!(read(&other).await.status, 200);
    bars.stop().await;
}

async fn teams(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.trust_persons().await;
    bars.mark("mg-1", "manager", Some("child-protection")).await;
    let of = bars.world.gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (of.pupil_id.unwrap(), of.case_reference.unwrap());
    let against = json!([{"organisation": CHILDREN, "team": "night"}]);
    let body = super::shields::shield(&handle, &against);
    let manager = super::shields::manager(&bars).await;
    let path = format!("/v1/shields/{}", Uuid::now_v7());
    assert_eq!(call_with(&manager, "PUT", &path, &reference, &body).await.status, 200);
    let night = bars.of_trust(AUTHORITY, "emergency", "night-1").await;
    let claimed = claim(&night, &json!({"upn": of.upn})).await;
    assert_eq!(summary(&night, &id(&claimed, 0)).await.status, 404, "the shield names the own team");
    let protecting = bars.person(Who::worker("emergency", TEAM, "sw-1")).await;
    let waits = async || items(&protecting, "emergency").await;
    until("it waits", Duration::from_secs(5), async || !waits().await.is_empty()).await;
    let item = waits().await.remove(0);
    let ring = (&item["ring"]["team"], &item["ring"]["telephone"]);
    assert_eq!(ring, (&json!("Night Team"), &json!("01632 960199")), "{item}");
    // A colleague of the team that asks decides nothing, whatever they cover.
    let colleague = bars.of_trust(AUTHORITY, "emergency", "night-2").await;
    assert_eq!(decide(&colleague, &item, "accept").await.0, 409);
    assert_eq!(decide(&protecting, &item, "accept").await.0, 200);
    assert_eq!(summary(&night, &id(&claimed, 0)).await.status, 200);
    bars.stop().await;
}

async fn marks(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.trust_persons().await;
    let path = format!("/v1/shields/{}/confirmation", Uuid::now_v7());
    let confirm = async |subject: &str| {
        let wire = bars.of_trust(AUTHORITY, "child_protection", subject).await;
        call(&wire, "POST", &path, &json!({"confirm": true})).await
    };
    bars.mark_in((CHILDREN, "a-trust"), "boss", "manager", Some("night")).await;
    bars.mark_in((AUTHORITY, "a-trust"), "entered", "manager", Some("child-protection")).await;
    let own = confirm("boss").await;
    assert_eq!((own.status, own.problem().as_str()), (403, "forbidden"), "the trust's own mark");
    let entered = confirm("entered").await;
    assert_eq!(entered.status, 404, "the authority's mark: there is only no such shield");
    assert_eq!(entry_of(&test.db, &entered).await.marks, ["manager"]);
    assert_eq!(entry_of(&test.db, &own).await.marks, Vec::<String>::new());
    bars.stop().await;
}

async fn renewals(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.mark("mg-1", "manager", Some("looked-after")).await;
    let wire = bars.person(Who::worker("emergency", TEAM, "sw-1")).await;
    let claimed = claim(&wire, &json!({"upn": bars.strangers()[0]})).await;
    let own = id(&claimed, 0);
    let path = format!("{EMERGENCIES}/{own}/renewals");
    let reason = json!({"reason": "still at the hospital with the child"});
    let asks = async || call(&wire, "POST", &path, &reason).await.json();
    bars.pass(31);
    // At the same time they are one; while it is open there is no other.
    let (one, two) = tokio::join!(asks(), asks());
    assert_eq!((&one["number"], &one), (&json!(1), &two));
    bars.pass(20);
    assert_eq!(asks().await, one);
    bars.pass(11);
    let waits = asks().await;
    assert_eq!((&waits["number"], &waits["waits_for_manager"]), (&json!(2), &json!(true)));
    bars.pass(5);
    assert_eq!(asks().await, waits, "the ten minutes are those of the first");
    let manager = bars.person(Who::worker("emergency", TEAM, "mg-1")).await;
    let says = async |number: i64, allow: bool| {
        call(&manager, "POST", &format!("{path}/{number}/answer"), &json!({"allow": allow})).await.status
    };
    assert_eq!(says(2, false).await, 200);
    // Asked again after a refusal it opens by nobody's silence.
    let again = asks().await;
    assert_eq!((&again["number"], &again["waits_for_manager"]), (&json!(3), &json!(true)));
    assert_eq!((&again["opens_at"], &again["until"]), (&Value::Null, &Value::Null), "{again}");
    assert_eq!(asks().await, again);
    bars.pass(60);
    assert_eq!(summary(&wire, &own).await.status, 404);
    tell_what_is_late(&bars.world.gate.demo.running.gate).await.unwrap();
    let system = Wire::of(&bars.world.gate, "social_worker_cp").await;
    let opened = super::world::notices(&system, "emergency_renewal_opened").await;
    assert_eq!(opened, Vec::<Value>::new(), "none opened by itself");
    assert_eq!(says(3, true).await, 200);
    assert_eq!(summary(&wire, &own).await.status, 200);
    bars.stop().await;
}

async fn cover(test: TestDb) {
    let bars = Bars::start(&test).await;
    let directory = bars.world.gate.demo.running.gate.directory().current();
    let own = directory.organisation_by_code(AUTHORITY).unwrap().id;
    let team = |code: &str| directory.team(own, code).unwrap().id.0;
    let of = bars.world.gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (of.pupil_id.unwrap(), of.case_reference.unwrap());
    let duty = bars.person(Who::worker("child_protection", &["early-help"], "duty-1")).await;
    assert_eq!(duty.summary(&handle, Some(&reference)).await.status, 404, "covers nobody yet");
    bars.covers(team("early-help"), team("child-protection")).await;
    let colleague = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
    let own_read = colleague.summary(&handle, Some(&reference)).await;
    assert!(!entry_of(&test.db, &own_read).await.by_cover);
    // One in twenty is drawn, by the entries' own leaves: as many reads as it takes.
    let (officer, list) = ("data_protection_officer_agency", "/v1/audit/reads-by-cover?week=");
    let officer = Wire::of(&bars.world.gate, officer).await;
    let today = schoolgate::clock::Clock::machine().now().date_naive() - chrono::TimeDelta::days(1);
    let (mut drawn, mut read) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let reply = duty.summary(&handle, Some(&reference)).await;
        assert_eq!(reply.status, 200);
        let entry = entry_of(&test.db, &reply).await;
        assert!(entry.by_cover && entry.person.is_some_and(|person| person.ends_with(" duty-1")));
        let leaf = reply.receipt().unwrap();
        read.push(leaf.index);
        if u64::from_be_bytes(leaf.leaf.first_chunk::<8>().copied().unwrap()) % 20 == 0 {
            drawn.push(leaf.index);
            break;
        }
    }
    let told = send(officer.request("GET", &format!("{list}{today}"))).await;
    assert_eq!(told.status, 200, "{}", told.json());
    let entries = told.json()["entries"].as_array().unwrap().clone();
    let listed: Vec<u64> = entries.iter().map(|entry| entry["index"].as_u64().unwrap()).collect();
    assert!(!drawn.is_empty() && listed == drawn, "{listed:?} of {read:?}");
    assert!(entries[0]["person"].as_str().unwrap().ends_with(" duty-1"));
    assert_eq!(entries[0]["case_reference"], reference.as_str());
    bars.stop().await;
}
