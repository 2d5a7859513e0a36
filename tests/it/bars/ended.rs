//! What stands beside cases ends by its own rule: each kind on its day and none early, in batches with an entry each.

use super::queue::{decide, items};
use super::shields::{NURSING, manager, open, shield};
use super::world::{AUTHORITY, Bars, Who, call, call_with, emergency};
use crate::support::exports::number;
use crate::support::wire::{log, run, until};
use crate::support::{Suite, TestDb};
use chrono::{Months, TimeDelta};
use schoolgate::demo::Standing;
use schoolgate::involvements::expire_bars;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

pub fn register(suite: &mut Suite) {
    suite.both_empty("bars::what_stands_beside_cases_ends_by_its_own_rule", ended);
    suite.both_empty("bars::a_held_caseload_and_a_conflict_end", held);
}

const TEAM: &[&str] = &["child-protection"];
/// Rows of each table.
const COUNTS: [&str; 8] = [
    "SELECT COUNT(*) FROM emergencies",
    "SELECT COUNT(*) FROM emergency_renewals",
    "SELECT COUNT(*) FROM emergency_days",
    "SELECT COUNT(*) FROM shields WHERE ended_at IS NOT NULL",
    "SELECT COUNT(*) FROM withheld_decisions WHERE ended_at IS NOT NULL",
    "SELECT COUNT(*) FROM whereabouts_protections",
    "SELECT COUNT(*) FROM bars",
    "SELECT COUNT(*) FROM protecting_items WHERE state = 'accepted'",
];

async fn counts(test: &TestDb) -> Vec<i64> {
    let mut all = Vec::new();
    for count in COUNTS {
        all.push(number(&test.db, count).await);
    }
    all
}

async fn duties(test: &TestDb) -> usize {
    log(&test.db, 0).await.iter().filter(|l| l.entry.action.as_deref() == Some("retain")).count()
}

/// Two emergencies: one is countersigned, and both are renewed.
async fn two_emergencies(bars: &Bars) {
    for (subject, upn) in [("sw-8", &bars.strangers()[0]), ("sw-9", &bars.strangers()[1])] {
        let wire = bars.person(Who::worker("emergency", TEAM, subject)).await;
        let claimed = call(&wire, "POST", "/v1/emergencies", &emergency(&json!({"upn": upn}))).await.json();
        let id = claimed["id"].as_str().unwrap();
        let reason = json!({"reason": "still at the hospital with the child"});
        let path = format!("/v1/emergencies/{id}/renewals");
        assert_eq!(call(&wire, "POST", &path, &reason).await.status, 202);
        if subject == "sw-8" {
            let signs = format!("/v1/emergencies/{id}/countersignature");
            let manager = bars.person(Who::worker("emergency", TEAM, "mg-1")).await;
            assert_eq!(call(&manager, "POST", &signs, &json!({})).await.status, 200);
        }
    }
}

async fn ended(test: TestDb) {
    const DECIDED: &str = "UPDATE protecting_items SET decided_at = $1 WHERE state = 'accepted'";
    let bars = Bars::start(&test).await;
    bars.mark("mg-1", "manager", Some("looked-after")).await;
    let gate = bars.world.gate.demo.running.gate.clone();
    let of = bars.world.gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (of.pupil_id.unwrap(), of.case_reference.unwrap());
    let before = counts(&test).await;
    // A shield, a decision and a flag that end on the day on which they were set; a claim accepted meanwhile.
    let manager = manager(&bars).await;
    let (shield_path, withheld_path) =
        (format!("/v1/shields/{}", Uuid::now_v7()), format!("/v1/withheld-decisions/{}", Uuid::now_v7()));
    let body = shield(&handle, &json!([{"organisation": NURSING}]));
    assert_eq!(call_with(&manager, "PUT", &shield_path, &reference, &body).await.status, 200);
    bars.pass(1);
    let case = json!({"kind": "school_nursing", "team": "school-nurses", "source_case_id": "SN-1",
                      "case_reference": "SN-1"});
    open(&bars, "school_nurse", &of.upn, case).await;
    let worker = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
    let item =
        async || items(&worker, "claim").await.into_iter().find(|i| i["ring"]["team"] == "School Nursing");
    until("it waits", Duration::from_secs(20), async || item().await.is_some()).await;
    assert_eq!(decide(&worker, &item().await.unwrap(), "accept").await.0, 200);
    let withheld = json!({"pupil_id": handle, "from": [{"organisation": NURSING}], "review_on": "2027-02-01",
                          "ground": "her mother works there and would learn where she is"});
    assert_eq!(call_with(&manager, "PUT", &withheld_path, &reference, &withheld).await.status, 200);
    let end = json!({"pupil_id": handle});
    for path in [&shield_path, &withheld_path] {
        let reply = call_with(&manager, "POST", &format!("{path}/end"), &reference, &end).await;
        assert_eq!(reply.status, 200, "{path}");
    }
    let raise = json!({"protected": true, "reason": "moved to a refuge, the father is looking for her",
                       "team": {"organisation": AUTHORITY, "team": "child-protection"}});
    let path = format!("/v1/pupils/{handle}/whereabouts-protection");
    assert_eq!(call_with(&worker, "PUT", &path, &reference, &raise).await.status, 200);
    two_emergencies(&bars).await;
    let held = counts(&test).await;
    let grown: Vec<i64> = held.iter().zip(&before).map(|(now, then)| now - then).collect();
    assert_eq!(grown[..6], [2, 2, 2, 1, 1, 1], "{held:?} {before:?}");
    assert_eq!(expire_bars(&gate).await.unwrap(), 0, "nothing has had its time");

    let entries = duties(&test).await;
    bars.at("2026-12-18T18:00:00Z");
    assert_eq!(expire_bars(&gate).await.unwrap(), 0, "28 days of counts are kept");
    bars.at("2026-12-19T18:00:00Z");
    assert_eq!(expire_bars(&gate).await.unwrap(), 2);
    assert_eq!((counts(&test).await[2], duties(&test).await), (before[2], entries + 1), "one entry a batch");
    bars.at("2027-11-20T17:59:00Z");
    assert_eq!(expire_bars(&gate).await.unwrap(), 0, "a year is not over");
    bars.at("2027-11-20T18:02:00Z");
    assert_eq!(expire_bars(&gate).await.unwrap(), 3, "the countersigned claim, the shield and the decision");
    let now = counts(&test).await;
    assert_eq!(now[..2], [before[0] + 1, before[1] + 1], "not what nobody countersigned");
    assert_eq!(now[3..6], [before[3], before[4], before[5] + 1], "nor a flag that stands");
    assert_eq!(now[6], before[6] + 1, "the lines went with what they followed from");
    let accepted = number(&test.db, COUNTS[7]).await;
    let year = gate.clock().now().checked_sub_months(Months::new(12)).unwrap();
    run!(test.db, DECIDED, year + TimeDelta::minutes(1));
    assert_eq!(expire_bars(&gate).await.unwrap(), 0);
    run!(test.db, DECIDED, year - TimeDelta::minutes(1));
    assert_eq!(expire_bars(&gate).await.unwrap(), u64::try_from(accepted).unwrap());
    bars.at("2032-11-20T18:02:00Z");
    assert_eq!(expire_bars(&gate).await.unwrap(), 1, "six years on");
    assert_eq!(counts(&test).await[..2], before[..2]);
    bars.stop().await;
}

async fn held(test: TestDb) {
    const CASELOAD: &str = "INSERT INTO held_caseloads (organisation_id, upload_id, system_id, listed, would_end, open, \
         held_at) SELECT organisation_id, $1, id, 1, 1, 1, $2 FROM systems LIMIT 1";
    const CONFLICT: &str = "INSERT INTO conflicts (organisation_id, id, issuer, tenant, subject, category, recorded_at, \
         recorded_by, ended_at) SELECT id, $1, 'i', '', 's', 'other', $2, 'officer', $2 FROM organisations LIMIT 1";
    let bars = Bars::start(&test).await;
    let gate = bars.world.gate.demo.running.gate.clone();
    let now = gate.clock().now();
    let year = now.checked_sub_months(Months::new(12)).unwrap();
    let minute = TimeDelta::minutes(5);
    run!(test.db, CASELOAD, Uuid::now_v7(), now - TimeDelta::days(28) + minute);
    run!(test.db, CONFLICT, Uuid::now_v7(), year + minute);
    assert_eq!(expire_bars(&gate).await.unwrap(), 0);
    run!(test.db, CASELOAD, Uuid::now_v7(), now - TimeDelta::days(28) - minute);
    run!(test.db, CONFLICT, Uuid::now_v7(), year - minute);
    assert_eq!(expire_bars(&gate).await.unwrap(), 2);
    for left in ["SELECT COUNT(*) FROM held_caseloads", "SELECT COUNT(*) FROM conflicts"] {
        assert_eq!(number(&test.db, left).await, 1, "{left}");
    }
    bars.stop().await;
}
