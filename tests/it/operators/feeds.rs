//! An organisation's feed over the wire: its own only, in order, by cursor, for systems that are registered for it.

use super::{by_both, edits, feed, proposal, propose};
use crate::support::gate::TODAY;
use crate::support::wire::{MOVED, Wire, entry_of, run, send, until};
use crate::support::{Suite, TestDb, TestGate};
use chrono::TimeDelta;
use schoolgate::audit::Decision;
use schoolgate::clock::Clock;
use schoolgate::config::Config;
use schoolgate::demo::agencies::NURSING;
use schoolgate::directory::{DirectoryFile, TeamEntry};
use schoolgate::operators::tell_expiring;
use serde_json::{Value, json};
use std::time::Duration;

/// Long enough for a slow machine.
const SOON: Duration = Duration::from_secs(20);

pub fn register(suite: &mut Suite) {
    suite.both_empty("operators::a_feed_is_its_organisations_own_and_goes_by_cursor", cursor);
    suite.both_empty("operators::who_is_not_registered_for_it_reads_no_feed", scope);
    suite.both_empty("operators::certificates_that_end_soon_are_told_once", expiring);
    suite.both_empty("operators::each_mark_before_an_end_is_told_by_the_gateway_itself", each_mark);
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

/// At 30, 14, 7 and 3 days: by what a gateway does of its own accord when it starts or a day begins, in the organisation's
/// feed once each, and at any time on `/metrics`.
async fn each_mark(test: TestDb) {
    const SET: &str = "UPDATE credentials SET valid_until = $1 WHERE system_id = (SELECT id FROM systems WHERE client_id = $2)";
    let gate = TestGate::start(&test.url).await;
    let nurse = Wire::of(&gate, "school_nurse").await;
    let client = gate.caller("school_nurse").client_id.clone();
    let told =
        async || feed(&nurse).await.into_iter().filter(|n| n["kind"] == "certificate_expiring").count();
    let mut config = Config::load(&gate.demo.dir.join("schoolgate.toml")).unwrap();
    config.listeners.api.set_port(0);
    config.listeners.admin.set_port(0);
    let before = told().await;
    for (hours, marks) in [
        (31 * 24, 0),
        (30 * 24 - 1, 1),
        (15 * 24, 1),
        (14 * 24 - 1, 2),
        (8 * 24, 2),
        (7 * 24 - 1, 3),
        (4 * 24, 3),
        (3 * 24 - 1, 4),
        (1, 4),
    ] {
        let until_then = gate.demo.running.gate.clock().now() + TimeDelta::hours(hours);
        assert_eq!(run!(test.db, SET, until_then, client.as_str()), 1);
        run!(test.db, MOVED);
        let another = schoolgate::app::start(&config, Clock::on(TODAY.parse().unwrap())).await.unwrap();
        let url = format!("http://{}/metrics", another.admin);
        let left = async || {
            const NAME: &str = "schoolgate_certificate_expires_seconds{";
            let metrics = reqwest::get(&url).await.unwrap().text().await.unwrap();
            let own = metrics
                .lines()
                .filter(|line| line.starts_with(NAME) && line.contains("system=\"school-nursing\""));
            own.map(|line| line.rsplit(' ').next().unwrap().parse::<i64>().unwrap()).next()
        };
        // A day's work ends after what is told; what is left is set before it.
        until("the feed", SOON, async || told().await == before + marks).await;
        let expected = (hours <= 30 * 24).then_some(hours * 3_600);
        until("the number", SOON, async || match (left().await, expected) {
            (Some(left), Some(expected)) => (expected - 120..=expected).contains(&left),
            (left, expected) => left == expected,
        })
        .await;
        another.stop().await;
        assert_eq!(told().await, before + marks, "{hours} hours: once each");
    }
    gate.stop().await;
}
