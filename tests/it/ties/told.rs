//! Told promptly: what the team of an open case hears of its child, and who does not.

use super::becomes;
use crate::involvements::{SENDER, claim, id, put, with};
use crate::support::exports::{Wire, changed, one_mark, ordinary, taken};
use crate::support::wire::until;
use crate::support::{Suite, TestDb};
use schoolgate::involvements::follow_rolls;
use serde_json::{Value, json};
use std::time::Duration;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("ties::teams_are_told_promptly", told);
}

/// The notices of this test's two cases in a caller's feed, by kind; the demonstration's own cases have theirs.
async fn heard(gate: &Wire, name: &str) -> Vec<(String, Value)> {
    let feed = gate.get(name, "/v1/notifications?limit=200").await.body["notifications"].clone();
    let of_cases = feed
        .as_array()
        .unwrap()
        .iter()
        .filter(|n| [id(1), id(2)].iter().any(|own| n["body"]["involvement_id"] == own.as_str()));
    of_cases.map(|n| (n["kind"].as_str().unwrap().to_owned(), n["body"].clone())).collect()
}

async fn told(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let running = &gate.gate.demo.running.gate;
    let school = &gate.schools()[0];
    let child = ordinary(&gate, school);
    put(&gate, SENDER, 1, &claim(&child, "cp", "TO-1")).await;
    let youth = with(&claim(&child, "youth_justice", "TO-2"), json!({"team": "youth-justice"}));
    put(&gate, "youth_justice_worker", 2, &youth).await;
    becomes(&gate, SENDER, 1, "accessible").await;
    becomes(&gate, "youth_justice_worker", 2, "accessible").await;
    // The gateway follows by itself too: whichever of the two is first tells, and the other finds nothing left.
    let follows = async |name: &str, wanted: usize| {
        follow_rolls(running).await.unwrap();
        let all = async || heard(&gate, name).await.len() == wanted;
        until(&format!("{name} has heard {wanted}"), Duration::from_secs(30), all).await;
    };
    follows(SENDER, 0).await;
    let mark = |code: &str, at: &str| {
        one_mark([&child["school_pupil_id"], "2026-11-20", "pm", code, at, "", "", ""])
    };
    taken(&gate, &school.urn, "attendance", &mark("N", "2026-11-20T17:50:00Z")).await;
    follows(SENDER, 1).await;
    follows("youth_justice_worker", 1).await;
    let body = json!({
        "involvement_id": id(1), "involvement_kind": "cp", "team": "child-protection", "paragraph": null,
    });
    assert_eq!(heard(&gate, SENDER).await, [("absence_unexplained".to_owned(), body)]);
    assert_eq!(heard(&gate, "youth_justice_worker").await.len(), 1);
    for nobody in ["early_help_worker", "school_nurse", "stranger", "data_protection_officer_agency"] {
        assert_eq!(heard(&gate, nobody).await, [], "{nobody}");
    }
    // Once a spell, however often its marks change.
    taken(&gate, &school.urn, "attendance", &mark("O", "2026-11-20T17:55:00Z")).await;
    follows(SENDER, 1).await;
    let rows = gate.rows(&school.pupils);
    let leaver = rows.iter().find(|row| !row["removal_ground"].is_empty()).unwrap();
    let left = changed(&child, &[("last_day", "2026-11-20"), ("removal_ground", &leaver["removal_ground"])]);
    taken(&gate, &school.urn, "pupils", &left).await;
    follows(SENDER, 2).await;
    let last = heard(&gate, SENDER).await.pop().unwrap();
    assert_eq!((last.0.as_str(), &last.1["involvement_id"]), ("deleted", &json!(id(1))));
    assert!(last.1["paragraph"].as_str().is_some_and(|p| !p.is_empty()), "{}", last.1);
    assert_eq!(heard(&gate, "youth_justice_worker").await.len(), 1, "of absences alone");
    gate.stop().await;
}
