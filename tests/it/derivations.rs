//! Counts taken apart over the wire: the sessions behind each, class by class, and by code for whoever may see codes.

use crate::figures::{at, enrolments, entry, sections};
use crate::support::exports::Wire;
use crate::support::{Suite, TestDb};
use schoolgate::demo::{DemoChild, Standing};
use schoolgate::domain::purpose::Section;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("derivations::every_count_can_be_taken_apart", derivation);
}

/// How many sessions the derivation gives to a count.
fn made(derivation: &Value, count: &Value) -> usize {
    let listed = |map: &str| -> usize {
        let words = count[map].as_array().unwrap();
        let lists = words.iter().map(|word| derivation[map][word.as_str().unwrap()].as_array());
        lists.map(|list| list.map_or(0, Vec::len)).sum()
    };
    match (count.get("classes"), count.get("codes"), count.get("sessions")) {
        (Some(_), None, None) => listed("classes"),
        (None, Some(_), None) => listed("codes"),
        (None, None, Some(sessions)) => sessions.as_array().unwrap().len(),
        other => panic!("a count is made of one thing: {other:?}"),
    }
}

async fn derivation(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = format!("dsl_{}", gate.schools()[0].urn);
    for (name, by_code) in
        [("social_worker_cp", false), (school.as_str(), true), ("attendance_officer_la", true)]
    {
        for child in mine(&gate, name) {
            let answer = gate.summary(name, child, "?derivation=true").await;
            let plain = gate.summary(name, child, "").await;
            for (enrolment, without) in enrolments(&answer.body).iter().zip(enrolments(&plain.body)) {
                assert_eq!(sections(enrolment), sections(without), "{name}: the sections stay as they are");
                hold(name, enrolment, by_code);
            }
            hold_together(name, &answer.body["combined"], by_code);
            assert_eq!(sections(&answer.body["combined"]), sections(&plain.body["combined"]), "{name}");
            assert!(plain.body["combined"].get("derivation").is_none(), "{name}: not asked for");
        }
    }
    narrowed_derivation(&gate, &db).await;
    gate.stop().await;
}

/// Each count of an enrolment is what its sessions come to, and no code is told where codes are not.
fn hold(name: &str, enrolment: &Value, by_code: bool) {
    let Some(derivation) = enrolment.get("derivation") else {
        assert_eq!(enrolment["completeness"]["recorded"], false, "{name}: only a boarder has none");
        return;
    };
    assert_eq!(derivation.get("codes").is_some(), by_code, "{name}");
    let counts = derivation["counts"].as_object().unwrap();
    for path in ["headline.possible", "split.authorised", "completeness.sessions_without_mark"] {
        assert!(counts.contains_key(path), "{name}: {path}");
    }
    assert_eq!(
        counts.contains_key("health.illness"),
        by_code,
        "{name}: which session was sickness is a code"
    );
    let placed = sections(enrolment)["placement"]["elsewhere"].as_array();
    let placed: u64 = placed.map_or(0, |all| all.iter().filter_map(|one| one["sessions"].as_u64()).sum());
    let placed = json!(placed);
    for (path, count) in counts {
        assert_eq!(count["count"], made(derivation, count), "{name}: {path}");
        assert!(by_code || count.get("classes").is_some(), "{name}: {path} is told by class alone");
        let figure = match path.split_once('.').unwrap() {
            ("completeness", rest) => &enrolment["completeness"][rest],
            ("placement", _) => &placed,
            _ => at(sections(enrolment), path),
        };
        let nothing = path.starts_with("enforcement.worst_window") && figure.is_null() && count["count"] == 0;
        assert!(nothing || *figure == count["count"], "{name}: {path} {figure}");
    }
    // Class by class the same sessions as the section shows.
    let of = |class: &str| derivation["classes"][class].as_array().map_or(0, Vec::len);
    let shown = sections(enrolment)["sessions"].as_array().unwrap();
    let halves = |class: &str| {
        shown.iter().flat_map(|day| [&day["am"], &day["pm"]]).filter(|shown| **shown == class).count()
    };
    for class in ["P", "L", "A", "U", "?"] {
        assert_eq!(of(class), halves(class), "{name}: {class}");
    }
}

/// The penalty window over all schools has a list of its own, for whoever may see codes.
fn hold_together(name: &str, combined: &Value, by_code: bool) {
    let told = sections(combined).get("enforcement");
    let derivation = combined.get("derivation");
    assert_eq!(derivation.is_some(), by_code && told.is_some(), "{name}: {combined}");
    let (Some(told), Some(derivation)) = (told, derivation) else { return };
    let made = &derivation["counts"]["enforcement.worst_window.unauthorised"];
    let figure = at(told, "worst_window.unauthorised").as_u64().unwrap_or(0);
    assert_eq!(made["count"], json!(figure), "{name}");
    let listed = made["sessions"].as_array().unwrap();
    let different: BTreeSet<String> = listed.iter().map(Value::to_string).collect();
    assert_eq!(json!([listed.len(), different.len()]), json!([figure, figure]), "{name}: {made}");
}

/// It is part of `sessions`: recorded as that, left out without a word where that is not permitted, and by class alone
/// where the codes were not asked for.
async fn narrowed_derivation(gate: &Wire, db: &TestDb) {
    let child = mine(gate, "social_worker_cp")[0];
    let answer = gate.summary("social_worker_cp", child, "?sections=headline&derivation=true").await;
    let enrolment = &enrolments(&answer.body)[0];
    let keys = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    assert_eq!(keys(sections(enrolment)), BTreeSet::from(["headline".to_owned()]), "what was asked for");
    let counts =
        ["completeness.sessions_without_mark", "headline.attended", "headline.missed", "headline.possible"];
    assert_eq!(keys(&enrolment["derivation"]["counts"]), counts.map(str::to_owned).into());
    let told = entry(db, &answer).await.sections_given;
    assert!(
        told.has(Section::Headline) && told.has(Section::Sessions),
        "the entry says that sessions were told"
    );
    let urn = &gate.schools()[0].urn;
    let (name, child) = (format!("dsl_{urn}"), mine(gate, &format!("dsl_{urn}"))[0]);
    let by_class = gate.summary(&name, child, "?sections=split&derivation=true").await;
    assert!(enrolments(&by_class.body)[0]["derivation"].get("codes").is_none(), "codes were not asked for");
    for name in ["social_worker_cin", "early_help_worker", "school_nurse", "mental_health_practitioner"] {
        let child = mine(gate, name)[0];
        let asked = gate.summary(name, child, "?derivation=true").await;
        assert_eq!(asked.status, 200, "{name}: {}", asked.body);
        assert!(asked.body["combined"].get("derivation").is_none(), "{name}");
        assert_eq!(asked.bytes, gate.summary(name, child, "").await.bytes, "{name}: left out, not an error");
        assert!(!entry(db, &asked).await.sections_given.has(Section::Sessions), "{name}");
    }
    let refused =
        gate.summary("social_worker_cp", mine(gate, "social_worker_cp")[0], "?derivation=perhaps").await;
    assert_eq!(refused.status, 400, "{}", refused.body);
}

fn mine<'a>(gate: &'a Wire, name: &str) -> Vec<&'a DemoChild> {
    gate.gate.caller(name).children.iter().filter(|c| c.standing == Standing::Mine).collect()
}
