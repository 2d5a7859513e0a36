//! What has had its time ends, on its day and no day early: entries of the registers, uploads, half terms and what
//! agencies claimed; SI 2024/208 reg 7(a).

use crate::support::exports::{
    MARK, Row, Wire, changed, csv_of, handle, mark, moment, newcomer, number, one_mark, ordinary, taken, upn,
};
use crate::support::wire::{MOVED, log, run};
use crate::support::{Suite, TestDb};
use chrono::{Days, NaiveDate, TimeDelta};
use chrono_tz::Europe::London;
use schoolgate::clock::Hand;
use schoolgate::intake::expire_entries;
use schoolgate::store::Db;
use serde_json::json;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("retention::entries_are_kept_six_years_each", entries);
    suite.both_empty("retention::what_a_school_sent_ends_on_its_day", school);
    suite.both_empty("retention::a_flag_ends_last_of_all_that_is_held_of_the_child", flagged);
    suite.both_empty("retention::uploads_and_half_terms_end", uploads);
}

const OLD_YEAR: &str = "SELECT COUNT(*) FROM marks WHERE school_year = 2019";
const OLD_AMENDMENTS: &str = "SELECT COUNT(*) FROM recordings WHERE recorded_at < '2022-01-01'";

/// Entries of the duty.
async fn duties_of(db: &Db) -> usize {
    log(db, 0).await.iter().filter(|logged| logged.entry.action.as_deref() == Some("retain")).count()
}

/// A calendar of a past school year with these days open.
fn old_calendar(days: &[&str]) -> String {
    days.iter().fold("date,am,pm,term,note\n".to_owned(), |text, day| text + day + ",open,open,Autumn,\n")
}

async fn entries(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let upn = upn("801200009321");
    let mut pupil = newcomer(&ordinary(&gate, school), "old-1", &upn, "Longago", "2019-09-02");
    pupil.insert("date_of_birth".to_owned(), "2014-10-04".to_owned());
    taken(&gate, &school.urn, "pupils", &changed(&pupil, &[])).await;
    taken(
        &gate,
        &school.urn,
        "calendar/2019?confirm_short_year=true",
        &old_calendar(&["2019-11-18", "2019-11-19"]),
    )
    .await;
    let days = ["2020-11-18", "2020-11-19", "2020-11-20", "2020-11-23"];
    taken(&gate, &school.urn, "calendar/2020?confirm_short_year=true", &old_calendar(&days)).await;
    // Today is 20 November 2026: what was entered on 20 November 2020 has had its six years.
    let rows = [
        ("2019-11-18", "am", "/", "2019-11-18T09:00:00Z", ""),
        ("2020-11-18", "am", "/", "2020-11-18T09:00:00Z", ""),
        ("2020-11-18", "pm", "I", "2021-01-05T09:00:00Z", "N"), // an amendment is an entry of its own day
        ("2020-11-19", "pm", "L", "2020-11-20T09:00:00Z", "N"),
        ("2020-11-20", "am", "/", "2020-11-20T23:59:59Z", ""),
        ("2020-11-20", "pm", "\\", "2020-11-21T00:00:00Z", ""),
        ("2020-11-23", "am", "M", "2020-11-23T09:00:00Z", ""),
    ];
    let file: Vec<Row> = rows
        .iter()
        .map(|(date, half, code, at, from)| {
            let (why, who) = if from.is_empty() { ("", "") } else { ("note from home", "Ruth Calloway") };
            mark(["old-1", date, half, code, at, from, why, who])
        })
        .collect();
    assert_eq!(taken(&gate, &school.urn, "attendance", &csv_of(MARK, &file)).await["accepted"], 7);
    let handle = handle(&gate, &school.urn, &upn).await;
    let codes = async |from: &str| {
        let query =
            format!("?from={from}-08-01&to={}-07-31&sections=codes", from.parse::<i32>().unwrap() + 1);
        let body = gate.ask(&Wire::sender(&school.urn), &handle, None, &query).await.body;
        body["enrolments"][0]["sections"]["codes"].clone()
    };
    assert_eq!(codes("2020").await, json!({"/": 2, "\\": 1, "L": 1, "M": 1, "I": 1}));
    assert_eq!(codes("2019").await, json!({"/": 1}));
    let duties = duties_of(&db.db).await;
    assert_eq!((number(&db.db, OLD_YEAR).await, number(&db.db, OLD_AMENDMENTS).await), (1, 2));
    // Four marks and one amendment.
    assert_eq!(expire_entries(&gate.gate.demo.running.gate).await.unwrap(), 5);
    assert_eq!(codes("2020").await, json!({"\\": 1, "M": 1, "I": 1}));
    assert_eq!(codes("2019").await, json!({}));
    assert_eq!((number(&db.db, OLD_YEAR).await, number(&db.db, OLD_AMENDMENTS).await), (0, 1));
    // A step ends when it has held the writer long enough, so that a slow machine takes more of them.
    let ended = duties_of(&db.db).await;
    assert!(ended >= duties + 2, "an entry for the amendments, one for the marks");
    assert_eq!(expire_entries(&gate.gate.demo.running.gate).await.unwrap(), 0, "once");
    assert_eq!(duties_of(&db.db).await, ended, "and without an entry for nothing");
    gate.stop().await;
}

/// Runs the duty at a moment.
async fn expire(gate: &Wire, hand: &Hand, (day, time): (&str, &str)) -> u64 {
    hand.set(moment(day, time));
    expire_entries(&gate.gate.demo.running.gate).await.unwrap()
}

/// Rows of an enrolment: states, admission entries, amendments of the roll, roll events.
async fn held(db: &Db, number_of: &str) -> [i64; 4] {
    const ROWS: [&str; 4] = [
        "SELECT COUNT(*) FROM enrolments WHERE school_pupil_id = $1",
        "SELECT COUNT(*) FROM admission_entries a WHERE EXISTS (SELECT 1 FROM enrolments e \
         WHERE e.id = a.enrolment_id AND e.version = a.version AND e.school_pupil_id = $1)",
        "SELECT COUNT(*) FROM amendments a WHERE EXISTS (SELECT 1 FROM enrolments e \
         WHERE e.id = a.enrolment_id AND e.school_pupil_id = $1)",
        "SELECT COUNT(*) FROM roll_events a WHERE EXISTS (SELECT 1 FROM enrolments e \
         WHERE e.id = a.enrolment_id AND e.school_pupil_id = $1)",
    ];
    let mut all = [0; 4];
    for (place, sql) in ROWS.into_iter().enumerate() {
        all[place] = match db {
            Db::Sqlite { read, .. } => sqlx::query_scalar(sql).bind(number_of).fetch_one(read).await.unwrap(),
            Db::Postgres(pool) => sqlx::query_scalar(sql).bind(number_of).fetch_one(pool).await.unwrap(),
        };
    }
    all
}

const ORPHANS: &str =
    "SELECT COUNT(*) FROM pupils p WHERE NOT EXISTS (SELECT 1 FROM enrolments e WHERE e.pupil_id = p.id)";
const FIELDS_ALONE: &str = "SELECT COUNT(*) FROM admission_entries a WHERE NOT EXISTS \
    (SELECT 1 FROM enrolments e WHERE e.school_id = a.school_id AND e.id = a.enrolment_id AND e.version = a.version)";
const LEAVERS: &str = "SELECT COUNT(*) FROM enrolments e WHERE e.last_day < '2026-11-01' AND NOT EXISTS \
    (SELECT 1 FROM enrolments f WHERE f.pupil_id = e.pupil_id AND f.whereabouts_protected)";
const LEFT: [(&str, &str); 2] = [("last_day", "2026-07-17"), ("removal_ground", "9(1)(a)")];

/// A pupil nobody has yet, who left in July.
fn leaver(pattern: &Row, number: &str, upn: &str, surname: &str) -> Row {
    let mut row = newcomer(pattern, number, upn, surname, "2025-09-01");
    row.extend(LEFT.map(|(column, cell)| (column.to_owned(), cell.to_owned())));
    row
}

async fn school(db: TestDb) {
    let (gate, hand) = Wire::by_hand(&db.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let pattern = ordinary(&gate, a);
    let upns: Vec<String> = (0..4).map(|n| upn(&format!("80120000{n}321"))).collect();
    let gone = leaver(&pattern, "gone", &upns[0], "Longgone");
    let moved = leaver(&pattern, "moved", &upns[1], "Movedon");
    let marked = leaver(&pattern, "marked", &upns[2], "Markedlate");
    let stays = newcomer(&pattern, "stays", &upns[3], "Staying", "2025-09-01");
    for row in [&gone, &moved, &marked, &stays] {
        taken(&gate, &a.urn, "pupils", &changed(row, &[])).await;
    }
    // The same child on another school's roll, and an entry that is amended on the same day.
    let there = newcomer(&moved, "there", &upns[1], "Movedon", "2026-09-01");
    taken(&gate, &b.urn, "pupils", &changed(&there, &[("last_day", ""), ("removal_ground", "")])).await;
    taken(&gate, &a.urn, "pupils", &changed(&stays, &[("forename", "Renamed")])).await;
    // What was found out of a session later is kept from that day on.
    hand.set(moment("2026-11-25", "18:00:00"));
    let late = one_mark(["marked", "2026-07-16", "am", "I", "2026-11-25T17:00:00Z", "", "", ""]);
    taken(&gate, &a.urn, "attendance", &late).await;
    let before = (held(&db.db, "gone").await, held(&db.db, "stays").await);
    assert_eq!((before.0, before.1), ([1, 1, 0, 2], [2, 2, 1, 2]));
    // To the last second of the last day it is all there; what the export brought is older, and so are its calendars' years.
    expire(&gate, &hand, ("2032-11-19", "23:59:59")).await;
    let eve = (held(&db.db, "gone").await, held(&db.db, "stays").await);
    assert_eq!((&eve.0, &eve.1), (&before.0, &before.1), "not a day early");
    let calendars = number(&db.db, "SELECT COUNT(*) FROM calendars").await;
    assert_eq!(calendars, 4, "two years of two schools");
    expire(&gate, &hand, ("2032-11-20", "00:00:00")).await;
    assert_eq!(held(&db.db, "gone").await, [0, 0, 0, 0], "all of it on the day");
    assert_eq!(held(&db.db, "moved").await[0], 0);
    assert_eq!(held(&db.db, "there").await, [1, 1, 0, 0], "on another roll: stays");
    assert_eq!(held(&db.db, "stays").await, [1, 1, 0, 0], "what stands is kept, what it overtook is not");
    assert_eq!(held(&db.db, "marked").await[0], 1, "a mark of it is kept still");
    let child = gate.client(&Wire::sender(&b.urn)).find(&upns[1]).await.unwrap();
    assert!(child.is_some(), "the child is found where it is on roll");
    assert_eq!(
        gate.client(&Wire::sender(&a.urn)).find(&upns[1]).await.unwrap(),
        None,
        "and not where it was"
    );
    let of_that_mark = "SELECT COUNT(*) FROM calendars WHERE school_year = 2025";
    let not_over = "SELECT COUNT(*) FROM calendars WHERE school_year = 2026";
    assert_eq!((number(&db.db, of_that_mark).await, number(&db.db, not_over).await), (1, 2));
    expire(&gate, &hand, ("2032-11-24", "23:59:59")).await;
    assert_eq!(held(&db.db, "marked").await[0], 1);
    expire(&gate, &hand, ("2032-11-25", "00:00:00")).await;
    assert_eq!(held(&db.db, "marked").await[0], 0);
    let rest = [
        of_that_mark,
        "SELECT COUNT(*) FROM marks",
        "SELECT COUNT(*) FROM recordings",
        "SELECT COUNT(*) FROM amendments",
        LEAVERS,
        ORPHANS,
        FIELDS_ALONE,
    ];
    for sql in rest {
        assert_eq!(number(&db.db, sql).await, 0, "{sql}");
    }
    assert_eq!(expire(&gate, &hand, ("2032-11-25", "00:00:00")).await, 0, "once");
    expire(&gate, &hand, ("2033-07-30", "23:59:59")).await;
    assert_eq!(number(&db.db, "SELECT COUNT(*) FROM calendars").await, 2);
    expire(&gate, &hand, ("2033-07-31", "00:00:00")).await;
    assert_eq!(number(&db.db, "SELECT COUNT(*) FROM calendars").await, 0, "six years after its year");
    gate.stop().await;
}

async fn flagged(db: TestDb) {
    let (gate, hand) = Wire::by_hand(&db.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let pattern = ordinary(&gate, a);
    let (goes, left) = (upn("801200005321"), upn("801200006321"));
    let flag = [("whereabouts_protected", "true")];
    // The school that was left raised it; the one that the child went to knows nothing of it.
    let was = leaver(&pattern, "was", &goes, "Flagged");
    taken(&gate, &a.urn, "pupils", &changed(&was, &flag)).await;
    taken(&gate, &b.urn, "pupils", &changed(&newcomer(&pattern, "is", &goes, "Flagged", "2026-09-01"), &[]))
        .await;
    // Of the other child both stays are over, the second a year later.
    taken(&gate, &a.urn, "pupils", &changed(&leaver(&pattern, "first", &left, "Overnow"), &flag)).await;
    let second = newcomer(&pattern, "second", &left, "Overnow", "2026-09-01");
    taken(&gate, &b.urn, "pupils", &changed(&second, &[])).await;
    hand.set(moment("2027-07-30", "18:00:00"));
    let over = [("last_day", "2027-07-16"), ("removal_ground", "9(1)(a)")];
    taken(&gate, &b.urn, "pupils", &changed(&second, &over)).await;
    expire(&gate, &hand, ("2033-07-29", "23:59:59")).await;
    for number_of in ["was", "is", "first", "second"] {
        assert_ne!(held(&db.db, number_of).await[0], 0, "{number_of}");
    }
    expire(&gate, &hand, ("2033-07-30", "00:00:00")).await;
    for (number_of, states) in [("was", 1), ("is", 1), ("first", 0), ("second", 0)] {
        assert_eq!(held(&db.db, number_of).await[0], states, "{number_of}");
    }
    run!(db.db, "UPDATE officer_authorisations SET valid_until = '2040-01-01'");
    run!(db.db, "UPDATE sharing_agreements SET valid_until = '2040-01-01'");
    run!(db.db, MOVED);
    let running = &gate.gate.demo.running.gate;
    running.directory().refresh(running.db()).await.unwrap();
    let officer = gate.client("attendance_officer_la");
    assert!(officer.find(&pattern["upn"]).await.unwrap().is_some());
    let found = officer.find(&goes).await.unwrap();
    assert_eq!(found, None, "seven years on the flag still covers where the child went");
    gate.stop().await;
}

async fn uploads(db: TestDb) {
    const AGE: &str = "UPDATE imports SET received_at = $1";
    const BEGUN: &str = "INSERT INTO uploads_begun (school_id, version, begun_at) SELECT id, 999, $1 \
        FROM organisations WHERE kind = 'school'";
    const STAGED: &str = "INSERT INTO roll_events (school_id, sequence, version, enrolment_id, event) \
        SELECT id, 999000001, 999, id, 'admitted' FROM organisations WHERE kind = 'school'";
    const LEFT_STAGED: &str = "SELECT COUNT(*) FROM roll_events WHERE version = 999";
    const UPLOADS: &str = "SELECT COUNT(*) FROM imports";
    const HALF_TERMS: &str = "INSERT INTO published_half_terms (school_id, school_year, place, from_day, to_day, \
        published, pupils, cells) SELECT id, $1, 1, $3, $3, $3, $2, '[]' \
        FROM organisations WHERE kind = 'school'";
    let (gate, hand) = Wire::by_hand(&db.url).await;
    let running = &gate.gate.demo.running.gate;
    // Uploads are noted in real time.
    let today = running.clock().now().with_timezone(&London).date_naive();
    let entered = today.checked_sub_months(chrono::Months::new(72)).unwrap();
    let next = entered.checked_add_days(Days::new(1)).unwrap().to_string();
    let sent = number(&db.db, UPLOADS).await;
    assert!(sent > 0);
    run!(db.db, AGE, moment(&next, "00:00:00"));
    expire_entries(running).await.unwrap();
    assert_eq!(number(&db.db, UPLOADS).await, sent, "not a day early");
    run!(db.db, AGE, moment(&next, "00:00:00") - TimeDelta::seconds(1));
    expire_entries(running).await.unwrap();
    assert_eq!(number(&db.db, UPLOADS).await, 0);
    let day: NaiveDate = "2020-10-25".parse().unwrap();
    // What a process staged that ended, of schools that send nothing more.
    for (days, left) in [(6, 2), (8, 0)] {
        run!(db.db, "DELETE FROM uploads_begun");
        run!(db.db, BEGUN, running.clock().now() - TimeDelta::days(days));
        if days == 6 {
            run!(db.db, STAGED);
        }
        expire_entries(running).await.unwrap();
        assert_eq!(number(&db.db, LEFT_STAGED).await, left, "{days} days");
        assert_eq!(number(&db.db, "SELECT COUNT(*) FROM uploads_begun").await, left, "{days} days");
    }
    run!(db.db, HALF_TERMS, 2020_i64, vec![1_u8], day);
    hand.set(moment("2027-07-31", "23:59:59"));
    assert_eq!(schoolgate::summaries::expire_half_terms(running).await.unwrap(), 0);
    hand.set(moment("2027-08-01", "00:00:00"));
    assert_eq!(schoolgate::summaries::expire_half_terms(running).await.unwrap(), 2);
    gate.stop().await;
}
