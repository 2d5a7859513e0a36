//! Rows that contradict each other or what stands: what is rejected says what to do, and leaves what stands as it was.

use crate::intake_files::{counts, pupils};
use crate::support::exports::{Row, Wire, changed, columns_of, csv_of, handle, newcomer, number, upn};
use crate::support::{Suite, TestDb};
use schoolgate::demo::SchoolFiles;
use schoolgate::demo::run::Answered;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("contradictions::two_marks_for_one_session", marks);
    suite.both_empty("contradictions::a_roll_against_what_stands", roll);
    suite.both_empty("contradictions::two_pupils_with_one_upn_in_one_file", one_upn);
}

const VERSIONS: &str = "SELECT COUNT(*) FROM register_versions";
const STRICT_KIND: &str = "urn:schoolgate:problem:rows_rejected";

/// The first error of an answer that rejected so many rows, after it was seen that each of these says what to do.
fn first_error(answer: &Answered, rejected: u64) -> &Value {
    assert_eq!(counts(answer)[3], rejected, "{}", answer.body);
    let errors = answer.body["errors"].as_array().unwrap();
    let lines: BTreeSet<u64> = errors.iter().map(|error| error["line"].as_u64().unwrap()).collect();
    assert_eq!(lines.len() as u64, rejected, "each row has its error: {}", answer.body);
    for error in errors {
        assert!(error["what_to_do"].as_str().is_some_and(|text| text.len() > 10), "{error}");
    }
    &errors[0]
}

/// A strict file that was refused for so many rows: a problem, and nothing of it counts.
async fn refused(db: &TestDb, answer: &Answered, rejected: u64, versions: i64) {
    assert_eq!((answer.status, &answer.body["type"]), (422, &json!(STRICT_KIND)), "{}", answer.body);
    assert_eq!(answer.body["applied"], json!(false), "{}", answer.body);
    first_error(answer, rejected);
    assert_eq!(number(&db.db, VERSIONS).await, versions, "nothing was applied");
}

fn attendance(rows: &[(&str, &str, &str)]) -> String {
    let rows: Vec<String> = rows.iter().map(|(id, date, code)| format!("{id},{date},am,{code}\n")).collect();
    format!("Adno,Date,Session,Code\n{}", rows.concat())
}

/// The codes of 16 November that stand of a pupil.
async fn standing(gate: &Wire, school: &SchoolFiles, pupil: &Row) -> Value {
    let handle = handle(gate, &school.urn, &pupil["upn"]).await;
    let query = "?from=2026-11-16&to=2026-11-16&sections=codes";
    let answer = gate.ask(&Wire::sender(&school.urn), &handle, None, query).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["enrolments"][0]["sections"]["codes"].clone()
}

async fn marks(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let found = pupils(&gate, school);
    let [a, b] = [0, 1].map(|at| found[at]["school_pupil_id"].as_str());
    // The same mark twice is one mark; two marks for one session without a time of their own are a contradiction.
    let twice = attendance(&[(a, "2026-11-17", "G"), (a, "2026-11-17", "G")]);
    let answer = gate.send(&school.urn, "attendance", &twice).await;
    assert_eq!((answer.status, counts(&answer)), (200, [2, 1, 1, 0]), "{}", answer.body);
    let file = attendance(&[(a, "2026-11-16", "G"), (b, "2026-11-16", "G"), (a, "2026-11-16", "C")]);
    let both = async || [standing(&gate, school, &found[0]).await, standing(&gate, school, &found[1]).await];
    let (before, versions) = (both().await, number(&db.db, VERSIONS).await);
    assert!(before.iter().all(|codes| codes.get("G").is_none()), "neither was away: {before:?}");
    let answer = gate.send(&school.urn, "attendance?strict=true", &file).await;
    refused(&db, &answer, 1, versions).await;
    let error = first_error(&answer, 1);
    assert_eq!((&error["line"], &error["column"], &error["value"]), (&json!(4), &json!("code"), &json!("C")));
    assert!(error["what"].as_str().unwrap().contains("twice"), "{error}");
    assert_eq!(
        both().await,
        before,
        "neither the one nor the other mark of the file, nor that of another pupil"
    );
    // Otherwise the first of the two stands, and the good row of the other pupil.
    let answer = gate.send(&school.urn, "attendance", &file).await;
    assert_eq!((answer.status, counts(&answer)), (200, [3, 2, 0, 1]), "{}", answer.body);
    first_error(&answer, 1);
    assert_eq!(number(&db.db, VERSIONS).await, versions + 1);
    for codes in both().await {
        assert_eq!((&codes["G"], codes.get("C")), (&json!(1), None), "{codes}");
    }
    let tomorrow = attendance(&[(a, "2026-11-21", "G")]);
    let answer = gate.send(&school.urn, "attendance", &tomorrow).await;
    assert_eq!(counts(&answer), [1, 0, 0, 1], "{}", answer.body);
    assert!(first_error(&answer, 1)["what"].as_str().unwrap().contains("after today"));
    gate.stop().await;
}

/// A number or UPN of another child never puts a child under that one's handle.
async fn roll(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let found = pupils(&gate, school);
    let another = [("surname", "Nobody"), ("forename", "Known"), ("date_of_birth", "2014-05-05")];
    let changes = |own: &[(&'static str, String)], row: &Row| {
        let own = own.iter().map(|(column, cell)| (*column, cell.as_str()));
        changed(row, &own.collect::<Vec<_>>())
    };
    let with = |own: [(&'static str, String); 2]| -> Vec<(&'static str, String)> {
        own.into_iter().chain(another.map(|(column, cell)| (column, cell.to_owned()))).collect()
    };
    let upn_of = |at: usize| found[at]["upn"].clone();
    let number_of = |at: usize| found[at]["school_pupil_id"].clone();
    let handles =
        async || [handle(&gate, &school.urn, &upn_of(0)).await, handle(&gate, &school.urn, &upn_of(2)).await];
    let before = handles().await;
    for (what, (column, value), csv) in [
        ("two pupils with one UPN", ("upn", upn_of(1)), changes(&[("upn", upn_of(1))], &found[0])),
        (
            "a number given to another child",
            ("school_pupil_id", number_of(2)),
            changes(&with([("school_pupil_id", number_of(2)), ("upn", String::new())]), &found[2]),
        ),
        (
            "a UPN given to another child, with a number of its own",
            ("upn", upn_of(2)),
            changes(&with([("school_pupil_id", "900001".to_owned()), ("upn", upn_of(2))]), &found[2]),
        ),
    ] {
        let versions = number(&db.db, VERSIONS).await;
        let strict = gate.send(&school.urn, "pupils?strict=true", &csv).await;
        refused(&db, &strict, 1, versions).await;
        let answer = gate.send(&school.urn, "pupils", &csv).await;
        assert_eq!((answer.status, counts(&answer)), (200, [1, 0, 0, 1]), "{what}: {}", answer.body);
        let error = first_error(&answer, 1);
        assert_eq!((&error["column"], &error["value"]), (&json!(column), &json!(value)), "{what}: {error}");
        assert_eq!(handles().await, before, "{what}");
    }
    // A name changed with number and UPN kept is an amendment of the same child.
    let answer = gate.send(&school.urn, "pupils", &changed(&found[0], &[("surname", "Quillfeather")])).await;
    assert_eq!((counts(&answer), &answer.body["amended"]), ([1, 1, 0, 0], &json!(1)), "{}", answer.body);
    assert_eq!(handles().await, before);
    gate.stop().await;
}

/// Two children who come new, in one file: neither is admitted where all or nothing was asked for, else the first alone.
async fn one_upn(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let pattern = &pupils(&gate, school)[0];
    let same = upn("801200009777");
    let first = newcomer(pattern, "900001", &same, "Hillside", "2026-11-02");
    let mut second = newcomer(pattern, "900002", &same, "Dalesman", "2026-11-02");
    second.insert("forename".to_owned(), "Other".to_owned());
    second.insert("date_of_birth".to_owned(), "2014-05-05".to_owned());
    let csv = csv_of(&columns_of(&second), &[first, second.clone()]);
    let client = gate.client(&Wire::sender(&school.urn));
    assert_eq!(client.find(&same).await.unwrap(), None, "nobody has it");
    let versions = number(&db.db, VERSIONS).await;
    let strict = gate.send(&school.urn, "pupils?strict=true", &csv).await;
    refused(&db, &strict, 1, versions).await;
    assert_eq!(client.find(&same).await.unwrap(), None, "nor has anybody of the refused file");
    let answer = gate.send(&school.urn, "pupils", &csv).await;
    assert_eq!((answer.status, counts(&answer)), (200, [2, 1, 0, 1]), "{}", answer.body);
    let error = first_error(&answer, 1);
    assert_eq!((&error["line"], &error["column"], &error["value"]), (&json!(3), &json!("upn"), &json!(same)));
    assert_eq!(strict.body["errors"], answer.body["errors"], "the same either way");
    assert_eq!(number(&db.db, VERSIONS).await, versions + 1);
    assert!(client.find(&same).await.unwrap().is_some(), "the first is on roll");
    let marks = attendance(&[("900001", "2026-11-16", "G"), ("900002", "2026-11-16", "G")]);
    let answer = gate.send(&school.urn, "attendance", &marks).await;
    assert_eq!(counts(&answer), [2, 1, 0, 1], "the second is not: {}", answer.body);
    assert_eq!(first_error(&answer, 1)["line"], 3);
    gate.stop().await;
}
