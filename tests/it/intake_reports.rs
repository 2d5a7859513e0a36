//! What each school is told of its own part of a file: its own errors and counts, whatever another's rows are.

use crate::many_schools::{COLUMNS, PLAIN, import, own, pupils, report, row, supplier};
use crate::support::exports::{Row, Wire, csv_of, number};
use crate::support::wire::{log, log_size};
use crate::support::{Suite, TestDb};
use schoolgate::audit::Decision;
use schoolgate::identity::Caller;
use schoolgate::intake::parse::Limits;
use schoolgate::intake::{ImportError, Options, Progress, Quiet, Sender, Sent, Stop, import_many};
use schoolgate::policy::Action;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("intake_reports::each_school_keeps_and_counts_its_own_errors", own_errors);
    suite.both_empty(
        "intake_reports::a_file_refused_whole_stands_in_the_history_of_its_schools",
        refused_whole,
    );
    suite.both_empty("intake_reports::a_refused_file_says_why_everywhere", refused);
}

/// The newest import in a school's history, as its own system reads it.
async fn newest(gate: &Wire, urn: &str) -> Value {
    let answer = gate.get(&Wire::sender(urn), &format!("/v1/schools/{urn}/imports?limit=1")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["imports"][0].clone()
}

/// A file of two schools, the one with more wrong in it than a report lists and both with more than a small limit holds.
async fn own_errors(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let good = |urn: &str, number: &str| ["am", "pm"].map(|session| row(urn, number, session, "G"));
    let wrong_of_a = (0..1_500).map(|n| row(&a.urn, &format!("nobody-{n}"), "am", "G"));
    let of_b = pupils(&gate, b).remove(0);
    let wrong_of_b = (0..1_200).map(|_| row(&b.urn, &of_b, "am", "%%%%"));
    let mut rows: Vec<Row> = wrong_of_a.collect();
    rows.extend(good(&a.urn, &pupils(&gate, a)[0]));
    rows.extend(wrong_of_b);
    rows.extend(good(&b.urn, &of_b));
    rows.push(row("999999", "whose", "am", "G"));
    let csv = csv_of(COLUMNS, &rows);
    // The last number is how many of its rejected rows each school's file of errors has.
    for (errors_max, expected) in [(100_000, [1_500, 1_200]), (2_001, [1_000, 1_000])] {
        let options = Options { limits: Limits { errors_max, ..Limits::default() }, ..PLAIN };
        let imported = import(&gate, supplier(&gate), Sent::Attendance, &csv, options).await;
        let kept: usize = expected.iter().sum();
        assert_eq!(imported.errors.len(), kept + 1, "and the row of no school");
        assert_eq!((imported.errors_left_out, imported.rows_left_out), (2_700 - kept, 2_700 - kept));
        for ((school, rejected), kept) in [(a, 1_500), (b, 1_200)].into_iter().zip(expected) {
            let told = report(&imported, &school.urn);
            assert_eq!((told.received, told.rejected, told.applied), (rejected + 2, rejected, true));
            assert_eq!(
                (told.errors.len(), told.errors_left_out),
                (kept.min(1_000), rejected - kept.min(1_000))
            );
            assert_eq!(told.rows_left_out, rejected - kept);
            let noted = newest(&gate, &school.urn).await;
            for (name, count) in
                [("received", rejected + 2), ("rejected", rejected), ("rows_left_out", rejected - kept)]
            {
                assert_eq!(noted[name], json!(count), "{name}: {noted}");
            }
            assert_eq!(
                noted["accepted"].as_u64().unwrap() + noted["unchanged"].as_u64().unwrap(),
                2,
                "{noted}"
            );
            own_rows(&gate, &told.import_id, &school.urn, kept).await;
        }
    }
    gate.stop().await;
}

/// The file of errors of an import has so many rows, all of the one school, which alone can read it.
async fn own_rows(gate: &Wire, import: &str, urn: &str, kept: usize) {
    let path = format!("/v1/imports/{import}/errors");
    let file = gate.get(&Wire::sender(urn), &path).await;
    assert_eq!(file.status, 200);
    let text = String::from_utf8(file.bytes).unwrap();
    let schools: BTreeSet<&str> = text.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!((text.lines().count() - 1, schools), (kept, BTreeSet::from([urn])));
    for other in gate.schools().iter().filter(|school| school.urn != urn) {
        assert_eq!(gate.get(&Wire::sender(&other.urn), &path).await.status, 404);
    }
}

async fn refused_whole(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let running = &gate.gate.demo.running.gate;
    let send = async |caller: Caller, csv: String, rows_max: usize| {
        let sender = Sender { caller, action: Action::SendMarks, command: "schoolgate import" };
        let limits = Limits { rows_max, ..Limits::default() };
        let options = (Options { limits, ..PLAIN }, Arc::new(Quiet) as Arc<dyn Progress>, Stop::default());
        match import_many(running, sender, Sent::Attendance, csv.into(), options).await {
            Err(ImportError::File(error)) => error.to_string(),
            _ => panic!("the file was taken"),
        }
    };
    let versions = number(&test.db, "SELECT COUNT(*) FROM register_versions").await;
    let from = log_size(&test.db).await;
    // A school's own system need not say whose the file is; nobody else's history has it.
    let why = send(own(&gate, a), "number,day\nQuillfeather,2\n".to_owned(), 10).await;
    let noted = newest(&gate, &a.urn).await;
    assert_eq!((&noted["refused"], &noted["applied"]), (&json!(why), &json!(false)), "{noted}");
    assert!(why.contains("`session` is missing") && !noted.to_string().contains("Quillfeather"), "{noted}");
    assert_eq!(newest(&gate, &b.urn).await["refused"], Value::Null);
    // One that breaks off stands in the history of each school that it had named.
    let rows: Vec<Row> =
        [a, b, a, b, a].iter().map(|s| row(&s.urn, &pupils(&gate, s)[0], "am", "G")).collect();
    let why = send(supplier(&gate), csv_of(COLUMNS, &rows), 4).await;
    for school in [a, b] {
        let noted = newest(&gate, &school.urn).await;
        assert_eq!((&noted["refused"], &noted["received"]), (&json!(why), &json!(0)), "{noted}");
    }
    // One that names nobody is the sender's alone.
    send(supplier(&gate), "number,day\n1,2\n".to_owned(), 10).await;
    assert_eq!(number(&test.db, "SELECT COUNT(*) FROM register_versions").await, versions);
    let entries = log(&test.db, from).await.into_iter().map(|logged| logged.entry);
    let told: Vec<_> = entries.filter(|e| e.route.as_deref() == Some("schoolgate import")).collect();
    assert!(told.iter().all(|e| (e.decision, e.status) == (Decision::Malformed, Some(422))));
    assert_eq!(told.iter().map(|e| e.written.is_some()).collect::<Vec<_>>(), [true, true, true, false]);
    gate.stop().await;
}

/// What is refused is a problem document with the report, and stands in the history with the same words.
async fn refused(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let school = &gate.schools()[0];
    let versions = number(&test.db, "SELECT COUNT(*) FROM register_versions").await;
    let short = "date,am,pm\n2030-09-02,open,open\n";
    let bad = "date,am,pm\n2030-09-02,open,open\n2030-09-03,perhaps,open\n";
    let marks = "school_pupil_id,date,session,code\nnobody,2026-11-19,am,G\n";
    for (what, csv, kind, rejected) in [
        ("calendar/2030", short, "confirmation_needed", 0),
        ("calendar/2030?dry_run=true", short, "confirmation_needed", 0),
        ("calendar/2030", bad, "rows_rejected", 1),
        ("calendar/2030?dry_run=true", bad, "rows_rejected", 1),
        ("calendar/2030?confirm_short_year=true", bad, "rows_rejected", 1),
        ("attendance?strict=true", marks, "rows_rejected", 1),
        ("attendance", "school_pupil_id,date\n", "unprocessable_file", 0),
    ] {
        let answer = gate.send(&school.urn, what, csv).await;
        let body = &answer.body;
        assert_eq!((answer.status, &body["status"]), (422, &json!(422)), "{what}: {body}");
        assert_eq!(body["type"], format!("urn:schoolgate:problem:{kind}"), "{what}");
        assert_eq!(
            (&body["applied"], &body["rejected"]),
            (&json!(false), &json!(rejected)),
            "{what}: {body}"
        );
        assert_eq!(
            (&body["refused"], body["request_id"].is_string()),
            (&body["detail"], true),
            "{what}: {body}"
        );
        assert_eq!(body["to_confirm"].as_array().unwrap().is_empty(), kind != "confirmation_needed");
        let noted = newest(&gate, &school.urn).await;
        assert_eq!(
            (&noted["refused"], &noted["import_id"]),
            (&body["detail"], &body["import_id"]),
            "{noted}"
        );
    }
    assert_eq!(number(&test.db, "SELECT COUNT(*) FROM register_versions").await, versions);
    let taken = gate.send(&school.urn, "calendar/2030?confirm_short_year=true", short).await;
    assert_eq!(
        (taken.status, &taken.body["applied"], &taken.body["refused"]),
        (200, &json!(true), &Value::Null)
    );
    assert_eq!(taken.body["type"], Value::Null, "no problem: {}", taken.body);
    gate.stop().await;
}
