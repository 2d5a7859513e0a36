//! What feeds list, what they list no more, and what the privacy officer looks at.

use super::{People, becomes, call, caseload};
use crate::involvements::{SENDER, claim, end, id, put, state, unknown, with};
use crate::support::exports::{Row, Wire, number};
use crate::support::wire::{MOVED, log, run};
use crate::support::{Suite, TestDb};
use schoolgate::domain::working_days::BankHolidays;
use schoolgate::http::Metrics;
use schoolgate::involvements::lapse_silent;
use serde_json::{Value, json};

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("ties::a_whole_caseload_ends_what_it_does_not_list", whole);
    suite.both_empty("ties::a_feed_that_falls_silent_ends_nothing_unseen", silent);
    suite.both_empty("ties::a_silent_feed_ends_after_ten_working_days", ten_days);
    suite.both_empty("ties::a_claim_for_a_child_of_another_authority_is_looked_at", elsewhere);
    suite.both_empty("ties::a_weeks_claims_are_looked_at", review);
    suite.both_empty("ties::a_nursing_list_is_held_against_its_own_area", area);
    suite.both_empty("ties::a_nursing_list_of_a_whole_school_is_refused", nursing);
}

const YOUTH: &str = "youth_justice_worker";

/// So many claims about children whom nobody knows.
fn nobodies(first: u32, count: u32, kind: &str, team: &str) -> Vec<Value> {
    let one = |n: u32| {
        json!({
            "id": id(n), "kind": kind, "team": team, "source_case_id": format!("W{n}"),
            "case_reference": format!("W-{n}"), "opened_at": "2026-11-19T09:00:00Z", "staff_id": "S1",
            "date_of_birth": "2014-03-05", "surname": format!("Nobody{n}"), "forename": "Wren",
        })
    };
    (first..first + count).map(one).collect()
}

async fn whole(test: TestDb) {
    let people = People::start(&test).await;
    let gate = &people.wire;
    let all = nobodies(100, 20, "youth_justice", "youth-justice");
    assert_eq!(caseload(gate, YOUTH, &all, None).await.body["accepted"], 20);
    // Cut short on the way: nothing is taken from it.
    let cut = caseload(gate, YOUTH, &all[..10], Some(20)).await;
    assert_eq!(cut.status, 400, "{}", cut.body);
    // The demonstration's two of this system are not listed: two of 22 end.
    let taken = caseload(gate, YOUTH, &all, Some(20)).await;
    let counts = json!({"accepted": 20, "unchanged": 20, "of_another_system": 0, "ended": 2});
    assert_eq!((taken.status, &taken.body), (202, &counts));
    // Five of twenty would: a person looks first, and nothing but what is listed is confirmed.
    let fewer: Vec<Value> = [&all[..15], &nobodies(300, 1, "youth_justice", "youth-justice")].concat();
    let held = caseload(gate, YOUTH, &fewer, Some(16)).await;
    assert_eq!((held.status, &held.body["held"]), (202, &json!(5)), "{}", held.body);
    assert_eq!(state(gate, YOUTH, 119).await.as_deref(), Some("pending"));
    assert_eq!(state(gate, YOUTH, 300).await, None, "nor is what is new taken");
    let told = gate.get("data_protection_officer_agency", "/v1/involvements/review").await;
    let waits = told.body["held_caseloads"][0].clone();
    assert_eq!((&waits["would_end"], &waits["open"], &waits["listed"]), (&json!(5), &json!(20), &json!(16)));
    let path = format!("/v1/involvements/held/{}/release", waits["id"].as_str().unwrap());
    let system = gate.json("data_protection_officer_agency", reqwest::Method::POST, &path, &json!({})).await;
    assert_eq!(system.status, 403, "a person only");
    let officer = people.officer().await;
    let released = call(&officer, "POST", &path, &Value::Null).await;
    assert_eq!((released.status, released.json()), (200, json!({"ended": 5})));
    assert_eq!(state(gate, YOUTH, 119).await.as_deref(), Some("ended"));
    assert_eq!(state(gate, YOUTH, 114).await.as_deref(), Some("pending"));
    assert_eq!(state(gate, YOUTH, 300).await.as_deref(), Some("pending"));
    assert_eq!(call(&officer, "POST", &path, &Value::Null).await.status, 409, "once");
    people.wire.stop().await;
}

async fn silent(test: TestDb) {
    const OLD: &str = "UPDATE involvements SET confirmed_at = '2026-10-01T09:00:00Z' WHERE pupil_id IS NOT NULL \
         AND organisation_id = (SELECT id FROM organisations WHERE la_code = '999')";
    const ONE: &str =
        "UPDATE involvements SET confirmed_at = '2026-10-01T09:00:00Z' WHERE case_reference = 'SI-1'";
    const HELD: &str = "SELECT COUNT(*) FROM silent_feeds";
    let people = People::start(&test).await;
    let gate = &people.wire;
    let running = &gate.gate.demo.running.gate;
    let child = &unknown(gate)[0];
    put(gate, SENDER, 1, &claim(child, "cp", "SI-1")).await;
    becomes(gate, SENDER, 1, "accessible").await;
    let found = gate.client(SENDER).find(&child["upn"]).await.unwrap().unwrap();
    let (holidays, metrics) = (BankHolidays::default(), Metrics::default());
    let lapse = async || lapse_silent(running, &holidays, &metrics).await.unwrap();
    assert_eq!(lapse().await, 0, "all were sent today");
    // One of many: it shows since when, and ends.
    run!(test.db, ONE);
    let report = gate.get(SENDER, "/v1/involvements/report?limit=1000").await.body;
    let line = report["involvements"].as_array().unwrap().iter().find(|l| l["id"] == id(1).as_str()).unwrap();
    assert_eq!(line["unconfirmed_since"], "2026-10-01");
    assert_eq!(lapse().await, 1);
    assert_eq!(gate.ask(SENDER, &found, Some("SI-1"), "").await.status, 404);
    // All: none ends until a person has looked.
    put(gate, SENDER, 1, &claim(child, "cp", "SI-1")).await;
    becomes(gate, SENDER, 1, "accessible").await;
    run!(test.db, OLD);
    for _ in 0..2 {
        assert_eq!(lapse().await, 0);
    }
    assert_eq!(number(&test.db, HELD).await, 1);
    assert!(
        metrics.text().contains("schoolgate_alarms_total{reason=\"feed_silent\"} 1"),
        "once, on the first day"
    );
    let feed = gate.get(SENDER, "/v1/notifications").await.body["notifications"].clone();
    assert!(feed.as_array().unwrap().iter().any(|n| n["kind"] == "feed_silent"), "{feed}");
    assert_eq!(gate.ask(SENDER, &found, Some("SI-1"), "").await.status, 200);
    let officer = people.officer().await;
    let looked = call(&officer, "POST", "/v1/involvements/silence/release", &Value::Null).await;
    assert!(looked.json()["due"].as_u64().unwrap() > 1, "{}", looked.json());
    assert!(lapse().await > 1);
    assert_eq!(number(&test.db, HELD).await, 0);
    assert_eq!(gate.ask(SENDER, &found, Some("SI-1"), "").await.status, 404);
    assert_eq!(call(&officer, "POST", "/v1/involvements/silence/release", &Value::Null).await.status, 409);
    people.wire.stop().await;
}

async fn ten_days(test: TestDb) {
    const OLD: &str = "UPDATE involvements SET confirmed_at = '2026-10-01T09:00:00Z' WHERE pupil_id IS NOT NULL \
         AND organisation_id = (SELECT id FROM organisations WHERE la_code = '999')";
    const SINCE: &str = "UPDATE silent_feeds SET since = $1";
    const HELD: &str = "SELECT COUNT(*) FROM silent_feeds";
    const OPEN: &str = "SELECT COUNT(*) FROM involvements WHERE ended_because = 'silent'";
    let gate = Wire::start(&test.url).await;
    let running = &gate.gate.demo.running.gate;
    let (holidays, metrics) = (BankHolidays::default(), Metrics::default());
    let lapse = async || lapse_silent(running, &holidays, &metrics).await.unwrap();
    run!(test.db, OLD);
    assert_eq!((lapse().await, number(&test.db, HELD).await), (0, 1), "held");
    // Feeds are looked at by the day as it really is.
    let today = schoolgate::domain::calendar::london(running.clock().now()).date();
    let back = |days: i64| today - chrono::TimeDelta::days(days);
    let ten = (10..40).map(back).find(|since| holidays.working_days_after(*since, 10) <= today).unwrap();
    assert_eq!(run!(test.db, SINCE, ten + chrono::TimeDelta::days(1)), 1);
    assert_eq!((lapse().await, number(&test.db, HELD).await), (0, 1), "nobody has looked, and no day early");
    assert_eq!(run!(test.db, SINCE, ten), 1);
    let ended = lapse().await;
    assert!(ended > 1, "{ended}");
    assert_eq!(number(&test.db, OPEN).await, i64::try_from(ended).unwrap());
    assert_eq!((number(&test.db, HELD).await, lapse().await), (0, 0), "it is over, and told once");
    assert!(metrics.text().contains("schoolgate_alarms_total{reason=\"feed_silent\"} 1"));
    gate.stop().await;
}

async fn elsewhere(test: TestDb) {
    const GIVEN: &str = "UPDATE organisations SET returns_to = (SELECT o.id FROM organisations o WHERE o.la_code = '998') \
         WHERE urn = $1";
    let gate = Wire::start(&test.url).await;
    let children = unknown(&gate);
    let at = |child: &Row| {
        gate.schools().iter().find(|s| gate.pupil(s, &child["upn"]).is_some()).unwrap().urn.clone()
    };
    let here = &children[0];
    let there = children.iter().find(|child| at(child) != at(here)).unwrap();
    assert_eq!(run!(test.db, GIVEN, at(there)), 1);
    run!(test.db, MOVED);
    let running = &gate.gate.demo.running.gate;
    running.directory().refresh(running.db()).await.unwrap();
    for (number, child) in [(1, here), (2, there)] {
        put(&gate, SENDER, number, &claim(child, "cp", &format!("EL-{number}"))).await;
        becomes(&gate, SENDER, number, "accessible").await;
    }
    let week = gate.get("data_protection_officer_agency", "/v1/involvements/review?week=2026-11-16").await;
    let reasons = |number: u32| -> Vec<Value> {
        let lines = week.body["involvements"].as_array().unwrap();
        let line = lines.iter().find(|line| line["id"] == id(number).as_str());
        let reasons = line.map(|l| l["reasons"].as_array().unwrap().clone()).unwrap_or_default();
        reasons.into_iter().filter(|reason| reason != "drawn").collect()
    };
    assert_eq!((reasons(1), reasons(2)), (Vec::new(), vec![json!("other_authority")]), "{}", week.body);
    gate.stop().await;
}

async fn review(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let children = unknown(&gate);
    for (number, child) in (1..=3).zip(&children) {
        put(&gate, SENDER, number, &claim(child, "cp", &format!("RE-{number}"))).await;
        becomes(&gate, SENDER, number, "accessible").await;
    }
    end(&gate, SENDER, 1).await;
    put(&gate, SENDER, 2, &with(&claim(&children[4], "cp", "RE-2"), json!({}))).await;
    let officer = "data_protection_officer_agency";
    let week = gate.get(officer, "/v1/involvements/review?week=2026-11-16").await;
    assert_eq!(week.status, 200, "{}", week.body);
    let reasons = |number: u32| {
        let lines = week.body["involvements"].as_array().unwrap();
        let line = lines.iter().find(|line| line["id"] == id(number).as_str());
        let reasons = line.map(|l| l["reasons"].as_array().unwrap().clone()).unwrap_or_default();
        reasons.into_iter().filter(|reason| reason != "drawn").collect::<Vec<_>>()
    };
    assert_eq!(reasons(1), [json!("ended_within_48_hours")]);
    assert_eq!(reasons(2), [json!("other_details")]);
    assert_eq!(reasons(3), Vec::<Value>::new());
    assert!(week.body["sent"].as_u64().unwrap() > 30, "{}", week.body["sent"]);
    assert_eq!(gate.get(officer, "/v1/involvements/review").await.body["sent"], 0, "the week before");
    assert_eq!(gate.get(officer, "/v1/involvements/review?week=2026-11-17").await.status, 400);
    for who in [SENDER, "designated_officer", "data_protection_officer_100000"] {
        let known = gate.gate.demo.json.callers.iter().any(|caller| caller.name == who);
        assert!(!known || gate.get(who, "/v1/involvements/review").await.status == 403, "{who}");
    }
    assert_eq!(gate.get(officer, "/v1/audit/reads-by-cover").await.body["entries"], json!([]));
    gate.stop().await;
}

async fn nursing(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let nurse = "school_nurse";
    let refused = caseload(&gate, nurse, &nobodies(100, 60, "school_nursing", "school-nurses"), None).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let entries = log(&test.db, 0).await;
    assert!(entries.iter().any(|l| l.entry.reason.as_deref() == Some("nursing_over_area")));
    assert_eq!(state(&gate, nurse, 100).await, None);
    let fewer = caseload(&gate, nurse, &nobodies(100, 40, "school_nursing", "school-nurses"), None).await;
    assert_eq!((fewer.status, &fewer.body["accepted"]), (202, &json!(40)));
    // In parts it is no less.
    let rest = caseload(&gate, nurse, &nobodies(140, 20, "school_nursing", "school-nurses"), None).await;
    assert_eq!(rest.status, 422, "{}", rest.body);
    gate.stop().await;
}

async fn area(test: TestDb) {
    const MORE: &str = "INSERT INTO enrolments (school_id, id, version, pupil_id, upn_permanent, surname, surname_key, \
         forename, forename_key, date_of_birth, status, starting_day, boarder, part_time, home_authority_assumed, \
         whereabouts_protected) SELECT v.school_id, $1, v.version, $2, FALSE, 'Far', 'far', 'Away', 'away', $3, 'single', $4, \
         FALSE, FALSE, TRUE, FALSE FROM register_versions v JOIN organisations o ON o.id = v.school_id WHERE o.urn = $5 \
         ORDER BY v.version DESC LIMIT 1";
    const GIVEN: &str = "UPDATE organisations SET returns_to = (SELECT o.id FROM organisations o WHERE o.la_code = '998') \
         WHERE urn = $1";
    const AREA: &str = "UPDATE organisations SET area = $1 WHERE code = 'exampleshire-nursing'";
    let gate = Wire::start(&test.url).await;
    let running = &gate.gate.demo.running.gate;
    let urn = gate.schools()[1].urn.clone();
    let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
    let (born, since) = (day("2014-03-05"), day("2024-09-02"));
    for _ in 0..1000 {
        let (enrolment, pupil) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
        assert_eq!(run!(test.db, MORE, enrolment, pupil, born, since, urn.as_str()), 1);
    }
    assert_eq!(run!(test.db, GIVEN, urn.as_str()), 1);
    let list = nobodies(100, 51, "school_nursing", "school-nurses");
    for (area, status) in [("exampleshire", 422), ("exampleshire northmarch", 202)] {
        assert_eq!(run!(test.db, AREA, area), 1);
        run!(test.db, MOVED);
        running.directory().refresh(running.db()).await.unwrap();
        let sent = caseload(&gate, "school_nurse", &list, None).await;
        assert_eq!(sent.status, status, "{area}: {}", sent.body);
    }
    gate.stop().await;
}
