//! Emergencies: thirty minutes for one person, limits that are that person's own, and nothing that tells whether a child is
//! here.

use super::world::{Bars, Who, call, emergency, notices, shape, summary};
use crate::support::gate::sections;
use crate::support::wire::{Wire, entry_of};
use crate::support::{Suite, TestDb};
use schoolgate::audit::Decision;
use serde_json::{Value, json};
use uuid::Uuid;

pub fn register(suite: &mut Suite) {
    suite.both_empty("bars::an_emergency_gives_four_sections_for_thirty_minutes", thirty_minutes);
    suite.both_empty("bars::the_claim_of_an_emergency_tells_nothing_of_a_child", tells_nothing);
    suite.both_empty("bars::an_emergency_is_a_proved_social_workers", proved);
    suite.both_empty("bars::an_emergency_meets_limits_of_the_persons_own", limits);
    suite.both_empty("bars::a_manager_of_another_team_countersigns", countersigned);
    suite.both_empty("bars::thirty_minutes_more_take_a_reason_and_then_a_manager", renewals);
}

const TEAM: &[&str] = &["child-protection"];
const EMERGENCIES: &str = "/v1/emergencies";

fn worker(subject: &str) -> Who<'_> {
    Who::worker("emergency", TEAM, subject)
}

/// Claims, and gives the whole answer.
async fn claim(wire: &Wire, named: &Value) -> Value {
    let reply = call(wire, "POST", EMERGENCIES, &emergency(named)).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    reply.json()
}

fn id(claimed: &Value) -> &str {
    claimed["id"].as_str().unwrap()
}

async fn thirty_minutes(test: TestDb) {
    let bars = Bars::start(&test).await;
    let (upns, worker_1) = (bars.strangers(), bars.person(worker("sw-1")).await);
    let claimed = claim(&worker_1, &json!({"upn": upns[0]})).await;
    assert_eq!(
        (&claimed["emergencies"][0]["opens"], &claimed["countersign_by"]),
        (&json!(true), &json!("2026-11-23")),
        "the next working day: {claimed}"
    );
    let reply = summary(&worker_1, id(&claimed)).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    let body = reply.json();
    let given: Vec<&str> = sections(&body["enrolments"][0]);
    assert_eq!(given, ["headline", "last_seen", "placement", "school_contact"]);
    assert_eq!((&body["purpose"], &body["not_given"]), (&json!("emergency"), &json!([])));
    let entry = entry_of(&test.db, &reply).await;
    assert_eq!(entry.decision, Decision::Allowed);
    assert_eq!(entry.relationship.as_deref(), Some("emergency, open"));
    assert_eq!(entry.policies, ["summaries_emergency_social_worker"]);
    assert_eq!(entry.record, Some(format!("emergency {}", id(&claimed))));
    assert!(entry.person.unwrap().ends_with(" sw-1") && entry.child.is_some());

    // Another person of the same team, and the same one under any other id, gets the one refusal.
    let nobody = shape(&summary(&worker_1, &Uuid::now_v7().to_string()).await);
    assert_eq!(nobody.0, 404);
    let worker_2 = bars.person(worker("sw-2")).await;
    assert_eq!(shape(&summary(&worker_2, id(&claimed)).await), nobody);

    // By name and date of birth as by number.
    let named = claim(&worker_2, &bars.named(&upns[1])).await;
    assert_eq!(summary(&worker_2, id(&named)).await.status, 200);

    bars.pass(29);
    assert_eq!(summary(&worker_1, id(&claimed)).await.status, 200);
    bars.pass(1);
    let over = summary(&worker_1, id(&claimed)).await;
    assert_eq!(shape(&over), nobody, "thirty minutes are over");
    assert_eq!(entry_of(&test.db, &over).await.policies, ["guard_emergency_over"]);
    bars.stop().await;
}

/// With everything that differs by chance or time taken out.
fn plain(mut claimed: Value) -> Value {
    for one in claimed["emergencies"].as_array_mut().unwrap() {
        one["id"] = Value::Null;
    }
    claimed["id"] = Value::Null;
    claimed
}

async fn tells_nothing(test: TestDb) {
    let bars = Bars::start(&test).await;
    let protected = {
        let caller = bars.world.gate.caller("social_worker_cp");
        let of = caller.children.iter().find(|c| c.standing == schoolgate::demo::Standing::Protected);
        of.map(|child| child.upn.clone()).unwrap()
    };
    let mut shapes = Vec::new();
    for (number, named) in [
        json!({"upn": bars.strangers()[0]}),
        json!({"upn": "B801200005001"}),
        json!({"upn": protected}),
        json!({"surname": "Nobody", "forename": "Here", "date_of_birth": "2015-01-01"}),
    ]
    .into_iter()
    .enumerate()
    {
        let subject = format!("sw-{number}");
        let wire = bars.person(worker(&subject)).await;
        let reply = call(&wire, "POST", EMERGENCIES, &emergency(&named)).await;
        assert_eq!(reply.status, 202);
        let claimed = reply.json();
        let entry = entry_of(&test.db, &reply).await;
        assert_eq!(entry.child, None, "the claim's own entry names no child");
        let read = summary(&wire, id(&claimed)).await;
        assert_eq!(read.status, if number == 0 { 200 } else { 404 }, "{named}");
        if number > 0 {
            shapes.push(shape(&read));
        }
        shapes.push((202, Vec::new(), plain(claimed).to_string(), reply.bytes.len()));
    }
    let answers: Vec<_> = shapes.iter().filter(|s| s.0 == 202).collect();
    assert!(answers.len() == 4 && answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    let refusals: Vec<_> = shapes.iter().filter(|s| s.0 == 404).collect();
    assert!(refusals.len() == 3 && refusals.windows(2).all(|two| two[0] == two[1]), "{refusals:?}");
    bars.stop().await;
}

async fn proved(test: TestDb) {
    let bars = Bars::start(&test).await;
    let upn = bars.strangers().remove(0);
    // The system alone, whatever is listed for it.
    let caller = bars.world.gate.caller("social_worker_cp").clone();
    let mut system = bars.world.wire(&caller);
    let reply = system.ask_token(&caller.client_id, "social_worker", "emergency").await;
    if let Some(token) = reply.json()["access_token"].as_str() {
        token.clone_into(&mut system.token);
        for (method, path) in
            [("POST", EMERGENCIES.to_owned()), ("GET", format!("{EMERGENCIES}/{}/summary", Uuid::now_v7()))]
        {
            let reply = call(&system, method, &path, &emergency(&json!({"upn": upn}))).await;
            assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"), "{path}");
        }
    }
    // A social worker for another purpose, and another role.
    for who in [
        Who::worker("child_protection", TEAM, "sw-1"),
        Who {
            caller: "family_help_practitioner_cin",
            role: "family_help_practitioner",
            purpose: "child_in_need",
            ..Who::worker("", TEAM, "fh-1")
        },
    ] {
        let wire = bars.person(who).await;
        let reply = call(&wire, "POST", EMERGENCIES, &emergency(&json!({"upn": upn}))).await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"), "{}", who.subject);
    }
    // What cannot be read is the sender's to correct.
    let wire = bars.person(worker("sw-1")).await;
    for body in [
        json!({}),
        emergency(&json!({})),
        emergency(&json!({"upn": "A123"})),
        emergency(&json!({"surname": "Ash"})),
        emergency(&json!({"upn": upn, "category": "curious"})),
        emergency(&json!({"upn": upn, "text": "short"})),
        emergency(&json!({"upn": upn, "call_back_number": "ring me"})),
    ] {
        let reply = call(&wire, "POST", EMERGENCIES, &body).await;
        assert_eq!(reply.status, 400, "{body}");
    }
    bars.stop().await;
}

async fn limits(test: TestDb) {
    let bars = Bars::start(&test).await;
    let upns = bars.strangers();
    let wire = bars.person(worker("sw-1")).await;
    // The children of one household are one claim.
    let children = json!({"children": [{"upn": upns[0]}, {"upn": upns[1]}]});
    let household = claim(&wire, &children).await;
    let ids: Vec<&str> =
        household["emergencies"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2);
    for id in &ids {
        assert_eq!(summary(&wire, id).await.status, 200);
    }
    // The same child again within the week, by number or by name, opens nothing more.
    let again = claim(&wire, &json!({"upn": upns[0]})).await;
    assert_eq!(again["emergencies"][0]["why_not"], "same_child_this_week", "{again}");
    let by_name = claim(&wire, &bars.named(&upns[1])).await;
    assert_eq!(summary(&wire, id(&by_name)).await.status, 404, "the same child under its name");
    // Three a day, the household one of them.
    let fourth = claim(&wire, &json!({"upn": "B801200005001"})).await;
    assert_eq!(fourth["emergencies"][0]["why_not"], "three_today", "{fourth}");
    assert_eq!(summary(&wire, id(&fourth)).await.status, 404);
    // Another person has three of their own, and may claim the same child.
    let other = bars.person(worker("sw-2")).await;
    let theirs = claim(&other, &json!({"upn": upns[0]})).await;
    assert_eq!(summary(&other, id(&theirs)).await.status, 200);
    // The next day's are new, but for the child of the week.
    bars.at("2026-11-21T09:00:00Z");
    let next = claim(&wire, &json!({"upn": "B801200005001"})).await;
    assert_eq!(next["emergencies"][0]["opens"], true, "{next}");
    let same = claim(&wire, &json!({"upn": upns[0]})).await;
    assert_eq!(same["emergencies"][0]["why_not"], "same_child_this_week");
    bars.stop().await;
}

async fn countersigned(test: TestDb) {
    let bars = Bars::start(&test).await;
    let upns = bars.strangers();
    bars.mark("mg-own", "manager", Some("child-protection")).await;
    bars.mark("mg-other", "manager", Some("looked-after")).await;
    let wire = bars.person(worker("sw-1")).await;
    let claimed = claim(&wire, &json!({"upn": upns[0]})).await;
    let path = format!("{EMERGENCIES}/{}/countersignature", id(&claimed));
    let told = notices(&Wire::of(&bars.world.gate, "social_worker_cp").await, "emergency_claimed").await;
    assert_eq!(told.len(), 1, "the organisation's feed names it: {told:?}");
    assert_eq!(told[0]["emergency"], claimed["id"]);
    assert!(!told[0].to_string().contains(&upns[0]));

    // Who has no mark, who manages the claimant's own team, and the claimant: none of them signs.
    for (who, problem) in [("sw-2", "forbidden"), ("mg-own", "forbidden"), ("sw-1", "forbidden")] {
        let wire = bars.person(worker(who)).await;
        let reply = call(&wire, "POST", &path, &json!({})).await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, problem), "{who}");
    }
    // Friday's claim is signed by the end of Monday: on Tuesday the right is lost.
    bars.at("2026-11-23T22:00:00Z");
    let monday = claim(&wire, &json!({"upn": upns[1]})).await;
    assert_eq!(monday["emergencies"][0]["opens"], true);
    bars.at("2026-11-24T08:00:00Z");
    let wire = bars.person(worker("sw-1")).await;
    let tuesday = claim(&wire, &json!({"upn": "B801200005001"})).await;
    assert_eq!(tuesday["emergencies"][0]["why_not"], "not_countersigned", "{tuesday}");
    schoolgate::involvements::tell_what_is_late(&bars.world.gate.demo.running.gate).await.unwrap();
    let late =
        notices(&Wire::of(&bars.world.gate, "social_worker_cp").await, "emergency_not_countersigned").await;
    assert_eq!(late.len(), 1, "{late:?}");

    let manager = bars.person(worker("mg-other")).await;
    let shown = call(&manager, "GET", &path, &json!({})).await;
    assert_eq!((shown.status, &shown.json()["category"]), (200, &json!("missing")));
    assert!(shown.json()["person"].as_str().unwrap().ends_with(" sw-1"));
    let signed = call(&manager, "POST", &path, &json!({})).await;
    assert_eq!((signed.status, &signed.json()["signed_now"]), (200, &json!(true)), "{}", signed.json());
    let entry = entry_of(&test.db, &signed).await;
    assert_eq!(
        entry.relationship.as_deref(),
        Some("own organisation, as manager"),
        "the entry names the mark"
    );
    let again = call(&manager, "POST", &path, &json!({})).await;
    assert_eq!(again.json()["signed_now"], false);
    // The right is back: what was claimed on Monday has until the end of Tuesday.
    let back =
        claim(&wire, &json!({"surname": "Nobody", "forename": "Here", "date_of_birth": "2015-01-01"})).await;
    assert_eq!(back["emergencies"][0]["opens"], true, "{back}");
    // No claim of ours.
    let unknown = format!("{EMERGENCIES}/{}/countersignature", Uuid::now_v7());
    assert_eq!(call(&manager, "POST", &unknown, &json!({})).await.status, 404);
    bars.stop().await;
}

async fn renewals(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.mark("mg-1", "manager", Some("looked-after")).await;
    let upns = bars.strangers();
    let wire = bars.person(worker("sw-1")).await;
    let claimed = claim(&wire, &json!({"upn": upns[0]})).await;
    let path = format!("{EMERGENCIES}/{}/renewals", id(&claimed));
    let reason = json!({"reason": "still at the hospital with the child"});
    let status = async || summary(&wire, id(&claimed)).await.status;
    bars.pass(31);
    assert_eq!(status().await, 404);
    assert_eq!(
        call(&wire, "POST", &path, &json!({"reason": "more"})).await.status,
        400,
        "a reason is a reason"
    );
    let other = bars.person(worker("sw-2")).await;
    assert_eq!(call(&other, "POST", &path, &reason).await.status, 404, "another's claim is nobody's");
    // Once, at once.
    let first = call(&wire, "POST", &path, &reason).await;
    assert_eq!((first.status, &first.json()["waits_for_manager"]), (202, &json!(false)), "{}", first.json());
    assert!(entry_of(&test.db, &first).await.written.is_some());
    assert_eq!(status().await, 200);
    bars.pass(31);
    assert_eq!(status().await, 404);
    // More waits for a manager, and opens by itself after ten minutes, with an alarm.
    let second = call(&wire, "POST", &path, &reason).await.json();
    assert_eq!((&second["number"], &second["waits_for_manager"]), (&json!(2), &json!(true)));
    assert_eq!(status().await, 404);
    bars.pass(10);
    assert_eq!(status().await, 200);
    let late = schoolgate::involvements::tell_what_is_late(&bars.world.gate.demo.running.gate).await.unwrap();
    let feed =
        notices(&Wire::of(&bars.world.gate, "social_worker_cp").await, "emergency_renewal_opened").await;
    assert!(feed.len() == 1, "told once, by this look or the gateway's own: {late:?} {feed:?}");
    bars.pass(31);
    // A manager says no, and then yes; never the claimant.
    for (number, allow, expected) in [(3, false, 404), (4, true, 200)] {
        let asked = call(&wire, "POST", &path, &reason).await;
        assert_eq!((asked.status, &asked.json()["number"]), (202, &json!(number)));
        let answer = format!("{path}/{number}/answer");
        let manager = bars.person(worker("mg-1")).await;
        let reply = call(&wire, "POST", &answer, &json!({"allow": true})).await;
        assert_eq!(reply.status, 403, "the claimant is no manager");
        let reply = call(&manager, "POST", &answer, &json!({"allow": allow})).await;
        assert_eq!((reply.status, &reply.json()["allowed"]), (200, &json!(allow)), "{}", reply.json());
        assert_eq!(status().await, expected);
        bars.pass(11);
        assert_eq!(status().await, expected, "an answer stands");
        let again = call(&manager, "POST", &answer, &json!({"allow": true})).await;
        assert_eq!(again.status, 409, "answered once");
    }
    // After 72 hours there is nothing to renew.
    bars.at("2026-11-23T18:00:01Z");
    assert_eq!(call(&wire, "POST", &path, &reason).await.status, 409);
    bars.stop().await;
}
