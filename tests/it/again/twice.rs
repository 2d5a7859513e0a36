//! Keys of persons: an emergency is claimed once, whoever else has the same key claims another, and what is told again is
//! told through the gate.

use super::sent;
use crate::bars::world::{AUTHORITY, Bars, Who, call_with, emergency, shape};
use crate::support::exports::number;
use crate::support::wire::{Reply, Wire, entry_of, run};
use crate::support::{Suite, TestDb};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use schoolgate::demo::Standing;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

pub fn register(suite: &mut Suite) {
    suite.both_empty("again::an_emergency_claimed_twice_is_one", one);
    suite.both_empty("again::what_is_claimed_again_tells_nothing_of_a_child", tells_nothing);
    suite.both_empty("again::of_many_at_once_one_is_carried_out", at_once);
    suite.both_empty("again::once_access_has_ended_a_key_opens_nothing", ended);
}

const TEAM: &[&str] = &["child-protection"];
const CLAIMS: &str = "SELECT COUNT(*) FROM emergencies";
const COUNTED: &str = "SELECT CAST(COALESCE(SUM(claims), 0) AS BIGINT) FROM emergency_days";

fn worker(subject: &str) -> Who<'_> {
    Who::worker("emergency", TEAM, subject)
}

async fn claim(wire: &Wire, key: &str, named: &Value) -> Reply {
    sent(wire, ("POST", "/v1/emergencies"), &[("idempotency-key", key)], &emergency(named)).await
}

async fn one(test: TestDb) {
    let bars = Bars::start(&test).await;
    let upns = bars.strangers();
    let named = json!({"upn": upns[0]});
    let worker_1 = bars.person(worker("sw-1")).await;
    let first = claim(&worker_1, "night-1", &named).await;
    assert_eq!(first.status, 202, "{}", first.json());
    for _ in 0..3 {
        let again = claim(&worker_1, "night-1", &named).await;
        assert_eq!((again.status, &again.bytes), (202, &first.bytes));
        let (one, two) = (entry_of(&test.db, &first).await, entry_of(&test.db, &again).await);
        assert_eq!((two.reason.as_deref(), two.written, &two.record), (Some("replayed"), None, &one.record));
        assert_eq!((two.person, two.answer), (one.person, one.answer));
    }
    assert_eq!(
        (number(&test.db, CLAIMS).await, number(&test.db, COUNTED).await),
        (1, 1),
        "one of three a day"
    );
    let other = claim(&worker_1, "night-1", &json!({"upn": upns[1]})).await;
    assert_eq!((other.status, other.problem().as_str()), (422, "idempotency_key_reused"));
    assert_eq!(number(&test.db, COUNTED).await, 1);
    // The same system for another person: nothing of the first is told.
    let worker_2 = bars.person(worker("sw-2")).await;
    let theirs = claim(&worker_2, "night-1", &named).await;
    assert_eq!(theirs.status, 202);
    assert_ne!(theirs.json()["id"], first.json()["id"]);
    assert_eq!((number(&test.db, CLAIMS).await, entry_of(&test.db, &theirs).await.reason), (2, None));
    // The claimant's next token is the same person.
    let later = bars.person(worker("sw-1")).await;
    assert_eq!(claim(&later, "night-1", &named).await.bytes, first.bytes);
    // Renewed, with a key of its own: twice sent it is one renewal, and the claim is told as it was opened.
    let path = format!("/v1/emergencies/{}/renewals", first.json()["id"].as_str().unwrap());
    let body = json!({"reason": "still not found, the search goes on"});
    let renew = async |key| sent(&worker_1, ("POST", &path), &[("idempotency-key", key)], &body).await;
    let renewed = renew("more-1").await;
    assert_eq!((renewed.status, &renewed.json()["number"]), (202, &json!(1)), "{}", renewed.json());
    assert_eq!(renew("more-1").await.bytes, renewed.bytes);
    assert_eq!(number(&test.db, "SELECT COUNT(*) FROM emergency_renewals").await, 1);
    assert_eq!(renew("more-2").await.json()["number"], 1, "while one is open there is no other");
    assert_eq!(claim(&worker_1, "night-1", &named).await.bytes, first.bytes);
    // A manager's signature, too.
    bars.mark("mg-2", "manager", Some("looked-after")).await;
    let manager = bars.person(worker("mg-2")).await;
    let sign = format!("/v1/emergencies/{}/countersignature", first.json()["id"].as_str().unwrap());
    let signed = sent(&manager, ("POST", &sign), &[("idempotency-key", "s")], &Value::Null).await;
    assert_eq!((signed.status, &signed.json()["signed_now"]), (200, &json!(true)));
    let again = sent(&manager, ("POST", &sign), &[("idempotency-key", "s")], &Value::Null).await;
    assert_eq!((again.status, &again.json()["signed_now"]), (200, &json!(false)));
    bars.stop().await;
}

/// Told again, a claim is what it was when it came: here, nowhere, protected, and one that a look found to be the same child.
async fn tells_nothing(test: TestDb) {
    let bars = Bars::start(&test).await;
    let upns = bars.strangers();
    let protected = {
        let caller = bars.world.gate.caller("social_worker_cp");
        let of = caller.children.iter().find(|child| child.standing == Standing::Protected);
        of.map(|child| child.upn.clone()).unwrap()
    };
    let mut forms = BTreeSet::new();
    for (number, named) in [
        json!({"upn": upns[0]}),
        json!({"upn": "B801200005001"}),
        json!({"upn": protected}),
        bars.named(&upns[1]),
    ]
    .into_iter()
    .enumerate()
    {
        let subject = format!("sw-{number}");
        let wire = bars.person(worker(&subject)).await;
        let first = claim(&wire, "night", &named).await;
        bars.pass(1);
        let again = claim(&wire, "night", &named).await;
        assert_eq!(shape(&again), shape(&first), "{named}");
        bars.pass(-1);
        let mut plain = again.json();
        plain["id"] = Value::Null;
        plain["emergencies"][0]["id"] = Value::Null;
        let entry = entry_of(&test.db, &again).await;
        assert_eq!((entry.child, entry.reason.as_deref()), (None, Some("replayed")));
        forms.insert(plain.to_string());
    }
    assert_eq!(forms.len(), 1, "{forms:#?}");
    // By number, and then by name: the look finds that it is one child, and the claimant is not told that it found any.
    let wire = bars.person(worker("sw-9")).await;
    assert_eq!(claim(&wire, "by-number", &json!({"upn": upns[0]})).await.status, 202);
    let by_name = claim(&wire, "by-name", &bars.named(&upns[0])).await;
    assert_eq!(by_name.json()["emergencies"][0]["opens"], true);
    assert_eq!(
        number(&test.db, "SELECT COUNT(*) FROM emergencies WHERE not_opened IS NOT NULL").await,
        0,
        "what the look finds is in no row that the claimant is told of"
    );
    assert_eq!(claim(&wire, "by-name", &bars.named(&upns[0])).await.bytes, by_name.bytes);
    // What the claimant's own limit kept from opening when it came is told again as it was.
    let refused = claim(&wire, "by-number-2", &json!({"upn": upns[0]})).await;
    assert_eq!(refused.json()["emergencies"][0]["why_not"], "same_child_this_week");
    assert_eq!(claim(&wire, "by-number-2", &json!({"upn": upns[0]})).await.bytes, refused.bytes);
    bars.stop().await;
}

async fn at_once(test: TestDb) {
    let bars = Bars::start(&test).await;
    let named = json!({"upn": bars.strangers()[0]});
    let wire = bars.person(worker("sw-1")).await;
    let all = join_all((0..8).map(|_| claim(&wire, "once", &named))).await;
    let mut ids = BTreeSet::new();
    for reply in &all {
        match reply.status {
            202 => drop(ids.insert(reply.json()["id"].as_str().unwrap().to_owned())),
            409 => {
                assert_eq!(reply.problem(), "conflict");
                let entry = entry_of(&test.db, reply).await;
                assert_eq!(
                    (entry.reason.as_deref(), entry.written),
                    (Some("idempotency_key_under_way"), None)
                );
            }
            other => panic!("{other}: {}", reply.json()),
        }
    }
    assert_eq!((ids.len(), number(&test.db, CLAIMS).await, number(&test.db, COUNTED).await), (1, 1, 1));
    let later = claim(&wire, "once", &named).await;
    assert!(later.status == 202 && ids.contains(later.json()["id"].as_str().unwrap()));
    bars.stop().await;
}

/// Of a child that is not the person's any more nothing is told again, nor that there was anything: not with the same body,
/// not with another.
async fn ended(test: TestDb) {
    const END: &str = "UPDATE involvements SET ended_at = $2 WHERE case_reference = $1";
    let bars = Bars::start(&test).await;
    let child = bars.world.gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (child.pupil_id.unwrap(), child.case_reference.unwrap());
    bars.mark("mg-1", "manager", Some("child-protection")).await;
    let manager = bars.person(Who::worker("child_protection", TEAM, "mg-1")).await;
    let id = Uuid::now_v7().to_string();
    let body = json!({"pupil_id": handle, "category": "refuge", "reason": "lives at a refuge; her address must not travel",
                      "against": [{"organisation": "exampleshire-nursing"}],
                      "protecting_teams": [{"organisation": AUTHORITY, "team": "child-protection"}], "review_on": "2027-02-01"});
    let set = call_with(&manager, "PUT", &format!("/v1/shields/{id}"), &reference, &body).await;
    assert_eq!(set.status, 200, "{}", set.json());
    let path = format!("/v1/shields/{id}/end");
    let end = async |key: Option<&str>, handle: &str| {
        let mut headers = vec![("case-reference", reference.as_str())];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        sent(&manager, ("POST", &path), &headers, &json!({"pupil_id": handle})).await
    };
    let nobody = "0".repeat(32);
    let expected = shape(&end(None, &nobody).await);
    assert_eq!(expected.0, 404);
    assert_eq!(end(Some("end-1"), &handle).await.json(), json!({"stands": false, "changed": true}));
    let again = end(Some("end-1"), &handle).await;
    assert_eq!((again.status, again.json()), (200, json!({"stands": false, "changed": false})));
    assert_eq!(entry_of(&test.db, &again).await.reason.as_deref(), Some("replayed"));
    assert_eq!(shape(&end(Some("end-1"), &nobody).await), expected, "the gate comes before the key");
    let noon: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
    assert!(run!(test.db, END, reference.as_str(), noon) > 0);
    for (key, handle) in
        [(Some("end-1"), &handle), (Some("end-1"), &nobody), (Some("end-2"), &handle), (None, &handle)]
    {
        let reply = end(key, handle).await;
        assert_eq!(shape(&reply), expected, "{key:?}");
        let entry = entry_of(&test.db, &reply).await;
        assert!(entry.reason.is_none_or(|reason| !reason.contains("replayed") && !reason.contains("key")));
    }
    bars.stop().await;
}
