//! The demonstration as a newcomer runs it: the calls that it prints, pasted into a shell, answer as README.md says; and
//! it starts at any time of day.

use crate::support::wire::run;
use crate::support::{Suite, TestDb};
use schoolgate::app;
use schoolgate::audit::Receipt;
use schoolgate::clock::Clock;
use schoolgate::crypto::to_hex;
use schoolgate::demo::run::{Demo, DemoArgs, start};
use schoolgate::store::{schema_of, versions};
use serde_json::{Value, json};
use std::process::Command;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("demo::the_printed_calls_answer_as_the_readme_says", printed_calls);
    suite.both_empty("demo::it_starts_at_any_hour_without_a_date", any_hour);
    suite.both("demo::a_database_with_tables_is_left_as_it_is", left_alone);
    suite.plain("demo::a_chosen_day_is_always_its_evening", evening);
}

/// The demonstration of README.md: `--today 2026-11-20 --seed 1`, everything else as it comes.
fn readme(db: &TestDb, dir: &std::path::Path) -> DemoArgs {
    DemoArgs {
        dir: Some(dir.join("demo")),
        ready_file: None,
        pupils: 600,
        schools: 3,
        seed: 1,
        identity_provider: None,
        identity_provider_ca: None,
        database: Some(db.url.clone()),
        today: Some("2026-11-20".parse().unwrap()),
    }
}

async fn printed_calls(db: TestDb) {
    let dir = tempfile::tempdir().unwrap();
    let demo = start(&readme(&db, dir.path())).await.unwrap();
    let answers = paste(&demo).await;
    assert_eq!(answers.len(), 3, "{answers:?}");
    for (answer, status) in answers.iter().zip(["200", "404", "200"]) {
        assert!(answer.starts_with(&format!("HTTP/2 {status}")), "{status}: {answer}");
        assert!(answer.to_lowercase().contains("\naudit-receipt: "), "every answer has a receipt: {answer}");
    }
    let expected = told_by_readme();
    assert!(expected.len() >= 3, "{expected:?}");
    for (answer, told) in expected {
        assert!(answers[answer].contains(&told), "call {}: `{told}` in {}", answer + 1, answers[answer]);
    }
    let listed: Value = serde_json::from_str(answers[2].lines().last().unwrap()).unwrap();
    let entry_of = |answer: usize| {
        let receipt = receipt(&answers[answer]);
        let leaf = to_hex(&receipt.leaf);
        let mut entries = listed["entries"].as_array().unwrap().iter();
        entries.find(|entry| entry["index"] == receipt.index || entry["leaf"] == leaf.as_str()).cloned()
    };
    let first = entry_of(0).expect("the first call is among the officer's entries");
    assert_eq!(
        (&first["action"], &first["leaf"]),
        (&json!("read_summary"), &json!(to_hex(&receipt(&answers[0]).leaf)))
    );
    assert_eq!(entry_of(1), None, "and the second, which is another organisation's, is not");
    demo.running.stop().await;
}

/// In the morning of a school day the afternoon's registers are still to come, for the machine; not for the demonstration.
async fn any_hour(db: TestDb) {
    let dir = tempfile::tempdir().unwrap();
    let args = DemoArgs { pupils: 120, schools: 2, today: None, ..readme(&db, dir.path()) };
    let demo = start(&args).await.unwrap();
    let (today, hour) = (demo.json.today, demo.running.gate.clock().school_now().format("%H").to_string());
    assert!(["17", "18"].contains(&hour.as_str()), "the evening of {today}, not {hour}");
    demo.running.stop().await;
}

/// A database of an older program, without any row: neither the demonstration nor an import touches it.
async fn left_alone(db: TestDb) {
    const OLDER: &str =
        "DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)";
    run!(db.db, OLDER);
    let before = (versions(&db.db).await.unwrap(), schema_of(&db.db).await.unwrap());
    let dir = tempfile::tempdir().unwrap();
    let refused = start(&readme(&db, dir.path())).await.err().unwrap().to_string();
    assert!(refused.contains("has tables already"), "{refused}");
    assert!(!dir.path().join("demo").exists(), "no folder either");
    let refused = app::open_beside(&db.url, Clock::machine()).await.err().unwrap().to_string();
    assert!(refused.contains("schoolgate migrate"), "{refused}");
    assert_eq!((versions(&db.db).await.unwrap(), schema_of(&db.db).await.unwrap()), before);
    // Somebody else's tables are not a demonstration's either.
    run!(db.db, "DROP TABLE _sqlx_migrations");
    let refused = start(&readme(&db, dir.path())).await.err().unwrap().to_string();
    assert!(refused.contains("has tables already"), "{refused}");
    let refused = app::open(&db.url, Clock::machine()).await.err().unwrap().to_string();
    assert!(refused.contains("has no tables"), "{refused}");
    assert_eq!(versions(&db.db).await.unwrap().1, 0, "no log was begun");
}

/// Runs each printed call in a shell, as it was printed.
async fn paste(demo: &Demo) -> Vec<String> {
    let text = demo.calls().unwrap();
    let calls: Vec<String> = text.split("curl -sSi ").skip(1).map(first_command).collect();
    tokio::task::spawn_blocking(move || calls.iter().map(|call| shell(call)).collect()).await.unwrap()
}

/// The receipt among an answer's headers.
fn receipt(answer: &str) -> Receipt {
    let mut headers = answer.lines().filter_map(|line| line.split_once(": "));
    let value = headers.find(|(name, _)| name.eq_ignore_ascii_case("audit-receipt")).unwrap().1;
    value.trim().parse().unwrap()
}

/// Up to the blank line that ends a call.
fn first_command(rest: &str) -> String {
    format!("curl -sSi {}", rest.split("\n\n").next().unwrap())
}

fn shell(call: &str) -> String {
    let done = Command::new("sh").args(["-c", call]).output().unwrap();
    let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert!(done.status.success(), "the calls are made with curl; `apt-get install curl` brings it: {err}");
    out
}

/// What the table of calls in README.md quotes of each answer, with the number of the answer from 0.
fn told_by_readme() -> Vec<(usize, String)> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut told = Vec::new();
    for (answer, start) in ["| 1 | ", "| 2 | ", "| 3 | "].into_iter().enumerate() {
        let row = readme.lines().find(|line| line.starts_with(start)).unwrap();
        let quoted = row.split('`').skip(1).step_by(2).filter(|text| text.starts_with('"'));
        told.extend(quoted.map(|text| (answer, text.to_owned())));
        if let Some(sentence) = row.split('"').find(|text| text.starts_with("This does not mean")) {
            told.push((answer, sentence.to_owned()));
        }
        if row.contains(" at Harrow") {
            let school = row.split(" at ").nth(1).unwrap().split(',').next().unwrap();
            told.push((answer, school.to_owned()));
        }
    }
    told
}

/// Without `--today` the day is the machine's, after its last session: nothing is entered ahead of the gateway's time.
fn evening() {
    let day = "2026-11-20".parse().unwrap();
    assert_eq!(Clock::on(day).school_now().format("%F %H").to_string(), "2026-11-20 18");
    let summer = "2026-06-19".parse().unwrap();
    assert_eq!(
        Clock::on(summer).school_now().format("%F %H").to_string(),
        "2026-06-19 17",
        "18:00 in London"
    );
}
