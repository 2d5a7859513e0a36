//! What each school is told of its own part of a file: its own errors and counts, whatever another's rows are.

use crate::many_schools::{COLUMNS, PLAIN, import, pupils, report, row, supplier};
use crate::support::exports::{Row, Wire, csv_of};
use crate::support::{Suite, TestDb};
use schoolgate::intake::parse::Limits;
use schoolgate::intake::{Options, Sent};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("intake_reports::each_school_keeps_and_counts_its_own_errors", own_errors);
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
