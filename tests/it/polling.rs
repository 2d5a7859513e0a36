//! Polling over the wire: a month in which marks arrive every afternoon and old ones are corrected, and one role of each
//! kind that asks day and night.

use crate::support::exports::{Row, Wire, columns_of, csv_of};
use crate::support::{Suite, TestDb, TestGate};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeZone as _, Utc, Weekday};
use chrono_tz::Europe::London;
use schoolgate::clock::Clock;
use schoolgate::demo::{DemoChild, SchoolFiles, Standing};
use serde_json::Value;
use std::collections::BTreeMap;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("polling::answers_change_on_mondays_at_six_only", month);
}

/// One role of each kind without `sessions`.
pub const ROLES: [&str; 9] = [
    "social_worker_screening",
    "social_worker_cin",
    "family_help_practitioner_cin",
    "early_help_worker",
    "family_help_practitioner_early_help",
    "school_nurse",
    "mental_health_practitioner",
    "youth_justice_worker",
    "attendance_officer_la_resident",
];
/// The demonstration's day, a Friday; the month ends after the half term and after the clocks have gone back.
pub const FIRST: &str = "2026-09-25";
pub const LAST: &str = "2026-10-27";

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub fn at(date: NaiveDate, time: &str) -> DateTime<Utc> {
    let time: NaiveTime = format!("{time}:00").parse().unwrap();
    London.from_local_datetime(&date.and_time(time)).earliest().unwrap().to_utc()
}

/// A role with its child, and what it was last told.
struct Asker<'a> {
    name: &'a str,
    child: &'a DemoChild,
    last: Option<String>,
    changes: Vec<DateTime<Utc>>,
    seen: usize,
}

/// The body without the one section that is live, and that section.
fn apart(mut body: Value) -> (String, Vec<Value>) {
    let enrolments = body["enrolments"].as_array_mut().unwrap().iter_mut();
    let seen =
        enrolments.filter_map(|e| e["sections"].as_object_mut().unwrap().remove("last_seen")).collect();
    body["combined"]["sections"].as_object_mut().unwrap().remove("last_seen");
    (body.to_string(), seen)
}

impl Asker<'_> {
    /// Asks; whoever's case has ended by its term asks no more.
    async fn ask(
        &mut self,
        gate: &Wire,
        now: DateTime<Utc>,
        seen: &mut BTreeMap<String, Vec<Value>>,
    ) -> bool {
        let answer = gate.summary(self.name, self.child, "").await;
        if answer.status == 404 {
            assert!(!self.changes.is_empty(), "{} at {now}: {}", self.name, answer.body);
            return false;
        }
        assert_eq!(answer.status, 200, "{} at {now}: {}", self.name, answer.body);
        let (body, last_seen) = apart(answer.body);
        if self.last.as_ref().is_some_and(|last| *last != body) {
            self.changes.push(now);
        }
        self.last = Some(body);
        self.seen +=
            usize::from(seen.insert(self.name.to_owned(), last_seen.clone()).is_some_and(|s| s != last_seen));
        true
    }
}

/// The day's marks of the children asked about, drawn by their places, and a correction of a mark of the week before.
pub async fn send_marks(gate: &Wire, school: &SchoolFiles, numbers: &[String], today: NaiveDate) {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |number: &str, date: NaiveDate, half: &str, code: &str| {
        let (date, recorded_at) =
            (date.to_string(), format!("{today}T15:{:02}:00Z", 10 + usize::from(half == "pm")));
        let cells = [
            ("school_pupil_id", number),
            ("date", date.as_str()),
            ("session", half),
            ("code", code),
            ("recorded_at", recorded_at.as_str()),
        ];
        rows.push(cells.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    };
    for (place, number) in numbers.iter().enumerate() {
        let drawn = (place * 7 + usize::try_from(today.ordinal()).unwrap() * 3) % 11;
        row(number, today, "am", ["/", "/", "/", "/", "L", "U", "I", "O", "N", "M", "/"][drawn]);
        row(number, today, "pm", ["\\", "\\", "\\", "O", "\\", "\\", "I", "L", "N", "\\", "E"][drawn]);
        row(number, today - Days::new(7), "am", ["/", "O", "I"][drawn % 3]);
    }
    let open = gate.rows(&school.calendar);
    rows.retain(|row| {
        open.iter().any(|day| day["date"] == row["date"] && day[row["session"].as_str()] == "open")
    });
    if rows.is_empty() {
        return;
    }
    let csv = csv_of(&columns_of(&rows[0]), &rows);
    let answer = gate.send(&school.urn, "attendance", &csv).await;
    assert_eq!((answer.status, &answer.body["rejected"]), (200, &serde_json::json!(0)), "{}", answer.body);
}

async fn month(db: TestDb) {
    let (clock, hand) = Clock::by_hand(at(day(FIRST), "18:00"));
    let gate = Wire::over(TestGate::start_on(&db.url, clock).await);
    let mine = |name: &'static str| Asker {
        name,
        child: gate.gate.child(name, Standing::Mine),
        last: None,
        changes: Vec::new(),
        seen: 0,
    };
    let mut askers: Vec<Asker<'_>> = ROLES.into_iter().map(mine).collect();
    let mut done: Vec<Asker<'_>> = Vec::new();
    let mut live = mine("social_worker_cp");
    let mut seen = BTreeMap::new();
    let upns: Vec<&str> = askers.iter().chain([&live]).map(|asker| asker.child.upn.as_str()).collect();
    let of_school = |school: &SchoolFiles| -> Vec<String> {
        let rows = gate.rows(&school.pupils);
        let asked =
            rows.iter().filter(|row| upns.contains(&row["upn"].as_str()) && row["last_day"].is_empty());
        asked.filter(|row| row["boarder"] != "true").map(|row| row["school_pupil_id"].clone()).collect()
    };
    let numbers: Vec<Vec<String>> = gate.schools().iter().map(of_school).collect();
    assert!(numbers.iter().flatten().count() >= 9, "{numbers:?}");
    for today in day(FIRST).iter_days().take_while(|date| *date <= day(LAST)) {
        let monday = today.weekday() == Weekday::Mon;
        let times: &[&str] =
            if monday { &["05:59", "06:00", "12:30", "18:00"] } else { &["00:30", "12:30", "18:00"] };
        for time in times.iter().filter(|time| today > day(FIRST) || **time == "18:00") {
            if *time == "18:00" && today > day(FIRST) {
                hand.set(at(today, "16:30"));
                for (school, numbers) in gate.schools().iter().zip(&numbers) {
                    send_marks(&gate, school, numbers, today).await;
                }
            }
            let now = at(today, time);
            hand.set(now);
            for mut asker in std::mem::take(&mut askers) {
                let goes_on = asker.ask(&gate, now, &mut seen).await;
                if goes_on { &mut askers } else { &mut done }.push(asker);
            }
        }
        live.ask(&gate, at(today, "18:00"), &mut seen).await;
    }
    done.extend(askers);
    assert_eq!(done.len(), ROLES.len());
    for asker in &done {
        for change in &asker.changes {
            let london = change.with_timezone(&London);
            let monday = at(london.date_naive(), "06:00");
            assert!(
                london.weekday() == Weekday::Mon && *change == monday,
                "{} changed at {change}",
                asker.name
            );
        }
    }
    // The whole month long for whoever's case lasts, the Monday after the clocks went back too.
    let longest = done.iter().map(|asker| asker.changes.len()).max().unwrap();
    assert_eq!(longest, 5, "28 September, and 5, 12, 19 and 26 October");
    assert!(done.iter().filter(|asker| asker.changes.len() == 5).count() >= 6);
    assert!(done.iter().any(|asker| asker.seen > 5), "last_seen is live for whoever has it");
    assert!(live.changes.len() > 12, "a role with sessions sees each day: {}", live.changes.len());
    gate.gate.stop().await;
}
