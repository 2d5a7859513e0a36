//! A session of today that is not over yet is in no figure and of no class: it is neither "not required" nor "no mark". Where
//! the child was last seen is told of it as soon as it is marked.

use crate::support::exports::{MARK, Wire, csv_of, handle, mark, moment, ordinary, taken};
use crate::support::{Suite, TestDb};
use serde_json::{Value, json};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("unfinished_day::what_is_not_over_is_no_class_and_in_no_figure", today);
    suite.both_empty("unfinished_day::last_seen_is_told_as_soon_as_it_is_marked", seen);
}

async fn today(db: TestDb) {
    // Friday evening with the week's marks in; the next week has only what is sent here.
    let (gate, hand) = Wire::by_hand(&db.url).await;
    let school = &gate.schools()[0];
    let pupil = ordinary(&gate, school);
    let number_of = pupil["school_pupil_id"].as_str();
    let handle = handle(&gate, &school.urn, &pupil["upn"]).await;
    let answer = async || {
        let query = "?from=2026-11-23&to=2026-11-23&sections=headline,sessions&derivation=true";
        let body = gate.ask(&Wire::sender(&school.urn), &handle, None, query).await.body;
        let enrolment = &body["enrolments"][0];
        let told = |name: &str| enrolment["sections"][name].clone();
        let without = enrolment["completeness"]["sessions_without_mark"].clone();
        (
            told("headline")["possible"].clone(),
            without,
            told("sessions"),
            enrolment["derivation"]["classes"].clone(),
        )
    };
    let days = |am: Value, pm: Value| json!([{"date": "2026-11-23", "am": am, "pm": pm}]);
    hand.set(moment("2026-11-23", "10:00:00"));
    let (possible, without, sessions, classes) = answer().await;
    assert_eq!(
        (possible, without, sessions),
        (json!(0), json!(0), json!([])),
        "in the morning nothing is over"
    );
    assert!(
        classes.as_object().is_none_or(|classes| classes.values().all(|of| of == &json!([]))),
        "{classes}"
    );
    // At noon the morning is over; it has no mark.
    hand.set(moment("2026-11-23", "12:30:00"));
    let (possible, without, sessions, _) = answer().await;
    assert_eq!((possible, without, sessions), (json!(0), json!(1), days(json!("?"), Value::Null)));
    // Both are marked early in the afternoon: the afternoon still goes on.
    hand.set(moment("2026-11-23", "13:30:00"));
    let rows = [("am", "/", "2026-11-23T08:55:00Z"), ("pm", "I", "2026-11-23T13:20:00Z")]
        .map(|(half, code, recorded)| mark([number_of, "2026-11-23", half, code, recorded, "", "", ""]));
    taken(&gate, &school.urn, "attendance", &csv_of(MARK, &rows)).await;
    let (possible, without, sessions, classes) = answer().await;
    assert_eq!((possible, without, sessions), (json!(1), json!(0), days(json!("P"), Value::Null)));
    assert_eq!(classes["P"], json!([{"date": "2026-11-23", "session": "am"}]), "{classes}");
    hand.set(moment("2026-11-23", "16:00:00"));
    let (possible, without, sessions, _) = answer().await;
    assert_eq!((possible, without, sessions), (json!(2), json!(0), days(json!("P"), json!("A"))));
    gate.stop().await;
}

async fn seen(db: TestDb) {
    let (gate, hand) = Wire::by_hand(&db.url).await;
    let school = &gate.schools()[0];
    let pupil = ordinary(&gate, school);
    let number_of = pupil["school_pupil_id"].as_str();
    let handle = handle(&gate, &school.urn, &pupil["upn"]).await;
    let answer = async || {
        let query = "?from=2026-11-23&to=2026-11-23&sections=headline,last_seen";
        let body = gate.ask(&Wire::sender(&school.urn), &handle, None, query).await.body;
        let sections = &body["enrolments"][0]["sections"];
        let seen = &sections["last_seen"]["last_marked_present"];
        (sections["headline"]["possible"].clone(), seen["date"].clone(), seen["session"].clone())
    };
    hand.set(moment("2026-11-23", "08:30:00"));
    let before = answer().await;
    assert_ne!(before.1, json!("2026-11-23"));
    // The register was taken at 08:55. The morning goes on, and counts nowhere yet.
    hand.set(moment("2026-11-23", "09:05:00"));
    assert_eq!(answer().await, before, "without a mark there is nothing to tell");
    let rows = [mark([number_of, "2026-11-23", "am", "/", "2026-11-23T08:55:00Z", "", "", ""])];
    taken(&gate, &school.urn, "attendance", &csv_of(MARK, &rows)).await;
    assert_eq!(answer().await, (json!(0), json!("2026-11-23"), json!("am")));
    gate.stop().await;
}
