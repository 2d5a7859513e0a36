//! Registers over the wire: what one school gives never touches another's, nothing is overwritten, nothing depends on
//! the order of arrival.

use crate::support::exports::{
    MARK, Row, Wire, changed, columns_of, csv_of, handle, mark, newcomer, number, one_mark, ordinary,
    standing, taken, upn,
};
use crate::support::{Suite, TestDb};
use reqwest::Method;
use schoolgate::demo::SchoolFiles;
use schoolgate::demo::run::Answered;
use serde_json::{Value, json};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("registers::what_one_school_changes_leaves_anothers_bytes", bytes_of_another);
    suite.both_empty("registers::order_of_arrival_never_matters", order);
    suite.both_empty("registers::uploads_are_idempotent_and_whole", idempotent);
    suite.both_empty("registers::a_upn_of_an_unknown_issuer_is_counted_and_taken", unknown_issuer);
    suite.both_empty("registers::a_file_never_lowers_protection", protection);
    suite.both_empty("registers::a_corrected_calendar_counts_at_once_and_back", corrected_calendar);
    suite.both_empty("registers::a_long_upload_slows_no_other_school", long_beside_short);
    suite.both_empty("registers::whoever_was_last_seen_years_ago_is_found_by_the_usual_window", years_ago);
    suite.both_empty("registers::two_schools_admit_one_child_once", admitted_at_once);
}

/// Everything about a child that a school can fetch, as bytes.
async fn fetched(gate: &Wire, urn: &str, upn: &str, import: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for name in [Wire::sender(urn), format!("dsl_{urn}")] {
        let found = gate.json(&name, Method::POST, "/v1/pupils/find", &json!({"upn": upn})).await;
        let handle =
            found.body["pupil_id"].as_str().unwrap_or_else(|| panic!("{name}: {}", found.body)).to_owned();
        all.push(found.bytes);
        for query in ["", "?from=2025-09-01", "?from=2026-11-02&to=2026-11-13"] {
            let answer = gate.ask(&name, &handle, None, query).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            all.push(answer.bytes);
        }
    }
    all.push(gate.get(&Wire::sender(urn), &format!("/v1/imports/{import}")).await.bytes);
    all
}

async fn bytes_of_another(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let theirs = gate.rows(&b.pupils);
    // The dual registered, and one who moved from A to B.
    let shared: Vec<(Row, Row)> = gate
        .rows(&a.pupils)
        .iter()
        .filter_map(|own| Some((own.clone(), theirs.iter().find(|row| row["upn"] == own["upn"])?.clone())))
        .collect();
    assert!(shared.iter().any(|(own, _)| own["enrolment_status"] == "main"));
    assert!(shared.iter().any(|(own, _)| !own["last_day"].is_empty()));
    let import = taken(&gate, &a.urn, "pupils", &changed(&shared[0].0, &[])).await["import_id"].clone();
    let import = import.as_str().unwrap();
    let mut before = Vec::new();
    for (own, _) in &shared {
        before.push(fetched(&gate, &a.urn, &own["upn"], import).await);
    }
    for (index, (own, their)) in shared.iter().enumerate() {
        // At B, a mark on a session that A does not mark D: what D met elsewhere is for A to see.
        let dual = standing(&gate.rows(&a.attendance), &own["school_pupil_id"]);
        let stands = standing(&gate.rows(&b.attendance), &their["school_pupil_id"]);
        let ((date, half), _) = stands
            .iter()
            .rev()
            .find(|(key, mark)| mark["code"] != "D" && dual.get(*key).is_none_or(|m| m["code"] != "D"))
            .unwrap();
        let csv = one_mark([&their["school_pupil_id"], date, half, "O", "2026-11-20T17:00:00Z", "", "", ""]);
        assert_eq!(taken(&gate, &b.urn, "attendance", &csv).await["accepted"], 1);
        let number = upn(&format!("80120000{index}901"));
        let other = [
            ("upn", number.as_str()),
            ("surname", "Otherwise"),
            ("forename", "Unlike"),
            ("date_of_birth", "2014-02-03"),
            ("address", "another address altogether"),
        ];
        // One after the other: all at once would be another pupil under this one's number, and is refused.
        for changes in [&other[1..3], &other[..3], &other[..]] {
            assert_eq!(taken(&gate, &b.urn, "pupils", &changed(their, changes)).await["amended"], 1);
        }
    }
    let mut calendar = gate.rows(&b.calendar).as_ref().clone();
    let day =
        calendar.iter_mut().find(|day| day["date"].as_str() > "2026-10-01" && day["am"] == "open").unwrap();
    day.insert("am".to_owned(), "closed".to_owned());
    let csv = csv_of(&["date", "am", "pm", "term", "note"], &calendar);
    // The day has marks, of which the school says that they are meant to stand on no session.
    let asked = gate.send(&b.urn, "calendar/2026", &csv).await.body["marks_without_session"].clone();
    let what = format!("calendar/2026?confirm_marks_without_session={asked}");
    assert!(taken(&gate, &b.urn, &what, &csv).await["accepted"].as_u64() > Some(0));
    for ((own, _), before) in shared.iter().zip(before) {
        assert!(fetched(&gate, &a.urn, &own["upn"], import).await == before, "{}", own["school_pupil_id"]);
    }
    // B's own answer did change.
    assert_eq!(gate.client(&Wire::sender(&b.urn)).find(&shared[0].0["upn"]).await.unwrap(), None);
    gate.stop().await;
}

/// A calendar is applied when marks are read: closing a day takes its sessions out of the figures, opening it again gives
/// back what was there, byte for byte.
async fn corrected_calendar(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let pupil = ordinary(&gate, school);
    let handle = handle(&gate, &school.urn, &pupil["upn"]).await;
    let stands = standing(&gate.rows(&school.attendance), &pupil["school_pupil_id"]);
    let came = |date: &str, half: &str| {
        let mark = stands.get(&(date.to_owned(), half.to_owned()));
        mark.is_some_and(|mark| ["/", "\\", "L"].contains(&mark["code"].as_str()))
    };
    let open = gate.rows(&school.calendar);
    let day = open.iter().find(|day| came(&day["date"], "am") && came(&day["date"], "pm")).unwrap();
    let year = if day["date"].as_str() < "2026-08-01" { 2025 } else { 2026 };
    let query = format!("?from={0}&to={0}", day["date"]);
    let asked = async || {
        let answer = gate.ask(&Wire::sender(&school.urn), &handle, None, &query).await;
        let figures = answer.body["enrolments"][0]["sections"]["headline"].clone();
        (answer.bytes, [figures["possible"].as_u64(), figures["attended"].as_u64()])
    };
    let send = async |rows: &[Row]| {
        let csv = csv_of(&["date", "am", "pm", "term", "note"], rows);
        let told = gate.send(&school.urn, &format!("calendar/{year}"), &csv).await;
        let confirmed = told.body["marks_without_session"].clone();
        if !confirmed.is_null() && told.status != 200 {
            let what = format!("calendar/{year}?confirm_marks_without_session={confirmed}");
            taken(&gate, &school.urn, &what, &csv).await;
        }
    };
    let of_year = |year: i32| -> Vec<Row> {
        let (from, to) = (format!("{year}-08-01"), format!("{}-08-01", year + 1));
        let inside = |day: &&Row| (from.as_str()..to.as_str()).contains(&day["date"].as_str());
        open.iter().filter(inside).cloned().collect()
    };
    let (before, figures) = asked().await;
    assert_eq!(figures, [Some(2), Some(2)], "{query}");
    let mut closed = of_year(year);
    let row = closed.iter_mut().find(|row| row["date"] == day["date"]).unwrap();
    for half in ["am", "pm"] {
        row.insert(half.to_owned(), "closed".to_owned());
    }
    send(&closed).await;
    assert_eq!(asked().await.1, [Some(0), Some(0)], "nothing was possible on a closed day");
    send(&of_year(year)).await;
    let (after, figures) = asked().await;
    assert_eq!(figures, [Some(2), Some(2)]);
    assert!(after == before, "what stands is what stood");
    gate.stop().await;
}

/// While one school's long file is worked out, files of another and questions are answered: they do not wait for its end.
async fn long_beside_short(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    // Every mark of a year again and again, each time recorded a second later: all of it is read, merged and staged.
    let marks = gate.rows(&a.attendance);
    let mut rows: Vec<Row> = Vec::new();
    for round in 0..4 {
        for mark in marks.iter() {
            let mut row = mark.clone();
            row.insert("recorded_at".to_owned(), format!("2026-11-20T18:00:{round:02}Z"));
            row.insert("code".to_owned(), if round % 2 == 0 { "L" } else { "/" }.to_owned());
            rows.push(row);
        }
    }
    let long = csv_of(&columns_of(&rows[0]), &rows);
    let pupil = ordinary(&gate, b);
    let done = std::sync::atomic::AtomicBool::new(false);
    let sending = async {
        let answer = gate.send(&a.urn, "attendance", &long).await;
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let others = async {
        let (mut answered, mut code) = (0, "C");
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            let at = format!("2026-11-20T17:{:02}:{:02}Z", answered / 60, answered % 60);
            let csv = one_mark([&pupil["school_pupil_id"], "2026-11-19", "am", code, &at, "", "", ""]);
            assert_eq!(taken(&gate, &b.urn, "attendance", &csv).await["applied"], true);
            code = if code == "C" { "O" } else { "C" };
            answered += usize::from(!done.load(std::sync::atomic::Ordering::SeqCst));
        }
        answered
    };
    let ((), answered) = tokio::join!(sending, others);
    assert!(answered >= 3, "{answered} files of the other school were taken beside {} rows", rows.len());
    gate.stop().await;
}

/// Two years of unexplained absence do not make the gateway forget when the child was last there.
async fn years_ago(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let number = upn("801200009955");
    let pupil = newcomer(&ordinary(&gate, school), "long-gone", &number, "Longgone", "2023-09-04");
    assert_eq!(taken(&gate, &school.urn, "pupils", &changed(&pupil, &[])).await["accepted"], 1);
    let mut days = gate.rows(&school.calendar).iter().take(1).cloned().collect::<Vec<Row>>();
    days[0].insert("date".to_owned(), "2023-09-05".to_owned());
    for half in ["am", "pm"] {
        days[0].insert(half.to_owned(), "open".to_owned());
    }
    taken(
        &gate,
        &school.urn,
        "calendar/2023?confirm_short_year=true",
        &csv_of(&["date", "am", "pm", "term", "note"], &days),
    )
    .await;
    let seen = one_mark(["long-gone", "2023-09-05", "am", "/", "2023-09-05T09:00:00Z", "", "", ""]);
    assert_eq!(taken(&gate, &school.urn, "attendance", &seen).await["accepted"], 1);
    let gone = one_mark(["long-gone", "2026-11-19", "am", "N", "2026-11-19T09:00:00Z", "", "", ""]);
    assert_eq!(taken(&gate, &school.urn, "attendance", &gone).await["accepted"], 1);
    let handle = handle(&gate, &school.urn, &number).await;
    let mut answers = Vec::new();
    for query in ["", "?from=2026-11-16&to=2026-11-20", "?from=2024-09-02"] {
        let answer = gate.ask(&Wire::sender(&school.urn), &handle, None, query).await;
        let seen = &answer.body["combined"]["sections"]["last_seen"]["last_marked_present"];
        let seen = if seen.is_null() {
            &answer.body["enrolments"][0]["sections"]["last_seen"]["last_marked_present"]
        } else {
            seen
        };
        answers.push(seen["date"].clone());
    }
    assert_eq!(answers, [json!("2023-09-05"), json!("2023-09-05"), json!("2023-09-05")]);
    gate.stop().await;
}

/// No authority has the number 999: the school is told how many such rows it sent, and none is refused for it.
async fn unknown_issuer(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let pattern = ordinary(&gate, school);
    let numbers = [upn("999000000000"), upn("999000000001"), upn("801200009801")];
    let rows: Vec<Row> = (0..)
        .zip(&numbers)
        .map(|(n, upn)| newcomer(&pattern, &format!("issuer-{n}"), upn, &format!("Number{n}"), "2026-11-16"))
        .collect();
    let report = taken(&gate, &school.urn, "pupils", &csv_of(&columns_of(&rows[0]), &rows)).await;
    assert_eq!((&report["accepted"], &report["upn_issuer_unknown"]), (&json!(3), &json!(2)), "{report}");
    let known = gate.client(&Wire::sender(&school.urn)).find(&numbers[0]).await.unwrap();
    assert!(known.is_some(), "the pupil is on the register");
    let path = format!("/v1/imports/{}", report["import_id"].as_str().unwrap());
    let again = gate.get(&Wire::sender(&school.urn), &path).await;
    assert_eq!(again.body["upn_issuer_unknown"], 2, "{}", again.body);
    gate.stop().await;
}

/// Numbers that only look like chance.
fn turn(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 40).unwrap()
}

/// One pupil's marks, several for most sessions, some of them of the same second.
fn some_marks(gate: &Wire, school: &SchoolFiles) -> Vec<[String; 4]> {
    let codes = ["/", "L", "I", "O", "N", "M", "G", "C", "U", "D"];
    let mut state = 7;
    let calendar = gate.rows(&school.calendar);
    let open: Vec<&Row> = calendar
        .iter()
        .filter(|day| day["am"] == "open" && ("2026-09-14".."2026-11-20").contains(&day["date"].as_str()))
        .collect();
    (0..160)
        .map(|_| {
            let date = open[turn(&mut state) % 25]["date"].clone();
            let half = ["am", "pm"][turn(&mut state) % 2].to_owned();
            let minute = turn(&mut state) % 4;
            let at = format!("2026-11-20T1{minute}:00:00Z");
            [date, half, codes[turn(&mut state) % codes.len()].to_owned(), at]
        })
        .collect()
}

async fn order(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let pattern = ordinary(&gate, school);
    let marks = some_marks(&gate, school);
    let mut state = 11;
    let mut answers = Vec::new();
    for turn_of in 0..4 {
        let number = format!("order-{turn_of}");
        let upn = upn(&format!("80120000{turn_of}777"));
        let pupil = newcomer(&pattern, &number, &upn, "Ordering", "2026-09-07");
        assert_eq!(taken(&gate, &school.urn, "pupils", &changed(&pupil, &[])).await["accepted"], 1);
        let mut mine: Vec<&[String; 4]> = marks.iter().collect();
        for at in (1..mine.len()).rev().filter(|_| turn_of > 0) {
            mine.swap(at, turn(&mut state) % (at + 1));
        }
        // The first whole, the others in batches of any size.
        let size = if turn_of == 0 { mine.len() } else { 1 + 40 * turn_of };
        for batch in mine.chunks(size) {
            let rows: Vec<Row> = batch
                .iter()
                .map(|[date, half, code, at]| mark([&number, date, half, code, at, "", "", ""]))
                .collect();
            taken(&gate, &school.urn, "attendance", &csv_of(MARK, &rows)).await;
        }
        let handle = handle(&gate, &school.urn, &upn).await;
        let mut body = gate.ask(&Wire::sender(&school.urn), &handle, None, "").await.body;
        body["pupil_id"] = Value::Null;
        body["enrolments"][0]["completeness"]["marks_received_at"] = Value::Null;
        assert!(body["enrolments"][0]["sections"]["headline"]["possible"].as_u64() > Some(15), "{body}");
        answers.push(body);
    }
    for other in &answers[1..] {
        assert_eq!(other, &answers[0]);
    }
    gate.stop().await;
}

const VERSIONS: &str = "SELECT COUNT(*) FROM register_versions";
const ROWS: &[&str] = &[
    VERSIONS,
    "SELECT CAST(SUM(current_version) AS BIGINT) FROM register_state",
    "SELECT COUNT(*) FROM pupils",
    "SELECT COUNT(*) FROM enrolments",
    "SELECT COUNT(*) FROM marks",
    "SELECT COUNT(*) FROM calendars",
    "SELECT COUNT(*) FROM amendments",
    "SELECT COUNT(*) FROM roll_events",
];

async fn held(db: &TestDb) -> Vec<i64> {
    let mut all = Vec::new();
    for sql in ROWS {
        all.push(number(&db.db, sql).await);
    }
    all
}

async fn idempotent(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let before = held(&db).await;
    let read = |path: &str| std::fs::read_to_string(gate.gate.dir().join(path)).unwrap();
    for school in gate.schools() {
        let files = [
            ("calendar/2026", &school.calendar),
            ("pupils", &school.pupils),
            ("attendance", &school.attendance),
        ];
        for (what, path) in files {
            let report = taken(&gate, &school.urn, what, &read(path)).await;
            let count = |name: &str| report[name].as_u64().unwrap();
            // An original that was amended since is older than what stands: known history.
            assert_eq!(count("unchanged") + count("kept_as_history"), count("received"), "{what}: {report}");
            assert_eq!((count("accepted"), count("amended")), (0, 0), "{what}: {report}");
            assert!(what == "attendance" || count("kept_as_history") == 0, "{what}: {report}");
        }
    }
    assert_eq!(held(&db).await, before, "the same files again write nothing");
    let school = &gate.schools()[0];
    let pupil = ordinary(&gate, school);
    let id = pupil["school_pupil_id"].as_str();
    let good = mark([id, "2026-11-19", "am", "G", "2026-11-20T17:00:00Z", "", "", ""]);
    let bad = mark([id, "2026-11-19", "pm", "%", "2026-11-20T17:00:00Z", "", "", ""]);
    let both = csv_of(MARK, &[good.clone(), bad]);
    let files = [
        ("attendance?dry_run=true", csv_of(MARK, std::slice::from_ref(&good)), 200, 0),
        ("attendance?dry_run=true", both.clone(), 200, 1),
        ("attendance?strict=true", both.clone(), 422, 1),
        ("attendance?strict=true&dry_run=true", both.clone(), 422, 1),
        ("pupils?dry_run=true", changed(&pupil, &[("surname", "Dry")]), 200, 0),
    ];
    for (what, csv, status, rejected) in files {
        let Answered { status: given, body, .. } = gate.send(&school.urn, what, &csv).await;
        assert_eq!(
            (given, &body["rejected"], &body["applied"]),
            (status, &json!(rejected), &json!(false)),
            "{body}"
        );
        assert_eq!(body["accepted"], 1, "it says what it would have done: {body}");
        assert_eq!(held(&db).await, before, "{what} writes nothing");
    }
    // Without `strict` the good row stands.
    let answer = gate.send(&school.urn, "attendance", &both).await;
    assert_eq!(
        (&answer.body["accepted"], &answer.body["applied"]),
        (&json!(1), &json!(true)),
        "{}",
        answer.body
    );
    assert_eq!(number(&db.db, VERSIONS).await, before[0] + 1);
    gate.stop().await;
}

/// A report without its own number.
fn unnumbered(mut report: Value) -> Value {
    report["import_id"] = Value::Null;
    report
}

async fn protection(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let pupils = gate.rows(&school.pupils);
    let flagged = pupils.iter().find(|row| row["whereabouts_protected"] == "true").unwrap();
    let officer = gate.client("attendance_officer_la");
    assert_eq!(officer.find(&flagged["upn"]).await.unwrap(), None);
    let free = ordinary(&gate, school);
    assert!(officer.find(&free["upn"]).await.unwrap().is_some());
    let mut reports = Vec::new();
    for row in [flagged, &free] {
        for cell in ["false", "", "no"] {
            let csv = changed(row, &[("whereabouts_protected", cell)]);
            reports.push(unnumbered(taken(&gate, &school.urn, "pupils", &csv).await));
        }
        let columns: Vec<&str> =
            row.keys().map(String::as_str).filter(|c| *c != "whereabouts_protected").collect();
        let without = csv_of(&columns, std::slice::from_ref(row));
        reports.push(unnumbered(taken(&gate, &school.urn, "pupils", &without).await));
    }
    assert!(reports.iter().all(|report| report["unchanged"] == 1), "{reports:?}");
    let (of_flagged, of_free) = reports.split_at(4);
    assert_eq!(of_flagged, of_free, "the report does not tell who is flagged");
    assert_eq!(officer.find(&flagged["upn"]).await.unwrap(), None, "no file lowers it");
    // Nor does leaving and coming back, which is a new enrolment.
    let left = changed(
        flagged,
        &[("last_day", "2026-11-06"), ("removal_ground", "9(1)(a)"), ("whereabouts_protected", "")],
    );
    taken(&gate, &school.urn, "pupils", &left).await;
    assert_eq!(officer.find(&flagged["upn"]).await.unwrap(), None);
    let back = changed(flagged, &[("starting_day", "2026-11-16"), ("whereabouts_protected", "")]);
    let report = taken(&gate, &school.urn, "pupils", &back).await;
    assert_eq!(
        (&report["accepted"], &report["amended"]),
        (&json!(1), &json!(0)),
        "a second enrolment: {report}"
    );
    assert_eq!(
        officer.find(&flagged["upn"]).await.unwrap(),
        None,
        "the child is protected, not a stay of it"
    );
    assert!(gate.client(&Wire::sender(&school.urn)).find(&flagged["upn"]).await.unwrap().is_some());
    gate.stop().await;
}

async fn admitted_at_once(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let patterns = [ordinary(&gate, a), ordinary(&gate, b)];
    let started = number(&db.db, "SELECT COUNT(*) FROM pupils").await;
    for round in 0..5 {
        let upn = upn(&format!("80120000{round}555"));
        let row = |pattern: &Row| {
            let mut row = newcomer(pattern, &format!("new-{round}"), &upn, "Together", "2026-11-16");
            row.insert("date_of_birth".to_owned(), "2016-05-04".to_owned());
            changed(&row, &[])
        };
        let (left, right) = (row(&patterns[0]), row(&patterns[1]));
        let sent = tokio::join!(gate.send(&a.urn, "pupils", &left), gate.send(&b.urn, "pupils", &right));
        for answer in [sent.0, sent.1] {
            assert_eq!((answer.status, &answer.body["accepted"]), (200, &json!(1)), "{}", answer.body);
        }
        let children = number(&db.db, "SELECT COUNT(*) FROM pupils").await;
        assert_eq!(children, started + round + 1, "one child, however close the two uploads were");
        let handle = gate.client("attendance_officer_la").find(&upn).await.unwrap().unwrap();
        let body = gate.ask("attendance_officer_la", &handle, None, "").await.body;
        assert_eq!(body["enrolments"].as_array().unwrap().len(), 2, "{body}");
    }
    gate.stop().await;
}
