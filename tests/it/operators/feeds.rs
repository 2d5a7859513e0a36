//! An organisation's feed over the wire: its own only, in order, by cursor, for systems that are registered for it.

use super::{by_both, edits, feed, proposal, propose};
use crate::support::wire::{MOVED, Wire, entry_of, run, send};
use crate::support::{Suite, TestDb, TestGate};
use chrono::TimeDelta;
use schoolgate::audit::Decision;
use schoolgate::demo::agencies::NURSING;
use schoolgate::directory::{DirectoryFile, TeamEntry};
use schoolgate::operators::tell_expiring;
use serde_json::{Value, json};

pub fn register(suite: &mut Suite) {
    suite.both_empty("operators::a_feed_is_its_organisations_own_and_goes_by_cursor", cursor);
    suite.both_empty("operators::who_is_not_registered_for_it_reads_no_feed", scope);
    suite.both_empty("operators::certificates_that_end_soon_are_told_once", expiring);
}

fn team(organisation: &str, code: &str) -> DirectoryFile {
    let (organisation, code, name) = (organisation.to_owned(), code.to_owned(), code.to_owned());
    let teams = vec![TeamEntry { organisation, code, name, ended: false, telephone: String::new() }];
    DirectoryFile { teams, ..DirectoryFile::default() }
}

async fn cursor(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let (nurse, worker) = (Wire::of(&gate, "school_nurse").await, Wire::of(&gate, "social_worker_cp").await);
    let theirs = feed(&worker).await;
    let mut told = feed(&nurse).await.len();
    let inner = &gate.demo.running.gate;
    for code in ["one", "two", "three"] {
        propose(&gate, &proposal(&gate, 0, edits(inner, &team(NURSING, code)))).await.unwrap();
    }
    let (mut since, mut seen) = (String::new(), Vec::new());
    loop {
        let path = if since.is_empty() { "?limit=1".to_owned() } else { format!("?since={since}&limit=1") };
        let reply = send(nurse.request("GET", &format!("/v1/notifications{path}"))).await;
        let body = reply.json();
        let link = reply.header("link").map(str::to_owned);
        seen.extend(body["notifications"].as_array().unwrap().clone());
        body["next_cursor"].as_str().unwrap().clone_into(&mut since);
        let expected = format!("<?limit=1&since={since}>; rel=\"next\"");
        assert_eq!(link, body["more"].as_bool().unwrap().then_some(expected));
        if body["more"] == json!(false) {
            break;
        }
    }
    told += 3;
    assert_eq!(seen, feed(&nurse).await);
    assert_eq!(seen.len(), told);
    let records: Vec<&Value> =
        seen.iter().rev().take(3).map(|n| &n["body"]["records"][0]["record"]).collect();
    assert_eq!(
        json!(records),
        json!([
            format!("team {NURSING} three"),
            format!("team {NURSING} two"),
            format!("team {NURSING} one")
        ])
    );
    assert_eq!(feed(&worker).await, theirs, "another organisation hears nothing of it");
    // Who has read to the end is told only what comes after.
    let rest = send(nurse.request("GET", &format!("/v1/notifications?since={since}"))).await;
    assert_eq!((&rest.json()["notifications"], &rest.json()["next_cursor"]), (&json!([]), &json!(since)));
    by_both(&gate, &team(NURSING, "four")).await;
    let rest = send(nurse.request("GET", &format!("/v1/notifications?since={since}"))).await;
    let kinds: Vec<Value> =
        rest.json()["notifications"].as_array().unwrap().iter().map(|n| n["kind"].clone()).collect();
    assert_eq!(kinds, ["change_pending", "change_effective"]);
    let entry = entry_of(&test.db, &rest).await;
    assert_eq!((entry.decision, entry.action.as_deref()), (Decision::Allowed, Some("read_notifications")));
    assert_eq!((entry.child, entry.policies), (None, vec!["notifications_own_organisation".to_owned()]));
    for cursor in [since.as_str(), "0", "zz"] {
        let other = send(worker.request("GET", &format!("/v1/notifications?since={cursor}"))).await;
        assert_eq!((other.status, other.problem().as_str()), (400, "invalid_cursor"), "{cursor}");
    }
    gate.stop().await;
}

async fn scope(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let nurse = Wire::of(&gate, "school_nurse").await;
    let client = &gate.caller("school_nurse").client_id;
    assert_eq!(
        run!(test.db, "UPDATE systems SET scopes = 'summaries' WHERE client_id = $1", client.as_str()),
        1
    );
    run!(test.db, MOVED);
    let inner = &gate.demo.running.gate;
    inner.directory().refresh(inner.db()).await.unwrap();
    let reply = send(nurse.request("GET", "/v1/notifications")).await;
    assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"));
    let entry = entry_of(&test.db, &reply).await;
    assert_eq!((entry.decision, entry.reason.as_deref()), (Decision::Refused, Some("forbidden_for_role")));
    gate.stop().await;
}

async fn expiring(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let inner = &gate.demo.running.gate;
    let nurse = Wire::of(&gate, "school_nurse").await;
    let client = gate.caller("school_nurse").client_id.clone();
    let told = async || {
        let all = feed(&nurse).await.into_iter().filter(|n| n["kind"] == "certificate_expiring");
        all.map(|n| n["body"]["system"].clone()).collect::<Vec<_>>()
    };
    let ends_in = async |days: i64| {
        let until = inner.clock().now() + TimeDelta::days(days);
        let set = "UPDATE credentials SET valid_until = $1 WHERE system_id = (SELECT id FROM systems WHERE client_id = $2)";
        assert_eq!(run!(test.db, set, until, client.as_str()), 1);
        run!(test.db, MOVED);
        inner.directory().refresh(inner.db()).await.unwrap();
        tell_expiring(inner).await.unwrap()
    };
    // The demonstration's certificates are short: those of the others are told of now.
    assert!(ends_in(400).await > 0);
    assert_eq!(told().await, Vec::<Value>::new());
    assert_eq!(ends_in(29).await, 1);
    assert_eq!(tell_expiring(inner).await.unwrap(), 0, "told once");
    assert_eq!(told().await, ["school-nursing"]);
    assert_eq!(ends_in(13).await, 1, "and again when it is nearer");
    assert_eq!(told().await, ["school-nursing", "school-nursing"]);
    gate.stop().await;
}
