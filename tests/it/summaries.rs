//! Summaries over the wire: who gets which sections, and what everybody else gets.

use crate::support::gate::sections;
use crate::support::{Suite, TestDb, TestGate};
use schoolgate::demo::Standing;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("summaries::a_social_worker_gets_what_the_plan_allows", plan);
}

async fn plan(db: TestDb) {
    let gate = TestGate::start(&db.url).await;
    let child = gate.child("social_worker_cp", Standing::Mine).clone();
    let answer = gate.summary("social_worker_cp", &child, "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let expected = [
        "headline",
        "trend",
        "split",
        "punctuality",
        "pattern",
        "health",
        "suspension",
        "last_seen",
        "placement",
        "sessions",
        "school_contact",
    ];
    assert_eq!(sections(&answer.body["enrolments"][0]), expected);
    gate.stop().await;
}
