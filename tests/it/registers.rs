//! Registers over the wire: what one school gives never touches another's, nothing is overwritten, nothing depends on
//! the order of arrival, and each entry is kept for its six years and no longer.

use crate::support::exports::{Row, Wire, changed, csv_of, number, standing};
use crate::support::{Suite, TestDb};
use chrono::NaiveDate;
use reqwest::Method;
use schoolgate::audit::{Class, Decision, Entry, EventId};
use schoolgate::demo::SchoolFiles;
use schoolgate::demo::run::Answered;
use schoolgate::domain::identifiers::Upn;
use schoolgate::domain::purpose::{Purpose, Role};
use schoolgate::gate::{Asked, Trail};
use schoolgate::identity::local;
use schoolgate::intake::expire_entries;
use schoolgate::policy::Action;
use schoolgate::registers::{Amendment, NOT_GIVEN, Register, amendments_of};
use serde_json::{Value, json};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("registers::what_one_school_changes_leaves_anothers_bytes", bytes_of_another);
    suite.both_empty("registers::amendments_keep_all_five_parts", amendments);
    suite.both_empty("registers::order_of_arrival_never_matters", order);
    suite.both_empty("registers::uploads_are_idempotent_and_whole", idempotent);
    suite.both_empty("registers::a_file_never_lowers_protection", protection);
    suite.both_empty("registers::two_schools_admit_one_child_once", admitted_at_once);
    suite.both_empty("registers::entries_are_kept_six_years_each", retention);
}

const TOLD: &str = "SELECT COUNT(*) FROM recordings r WHERE r.half = 'am' AND r.session_date = '2026-11-19' \
         AND r.code = 'G' AND r.reason = 'holiday in term' AND r.amended_by = 'Ruth Calloway' \
         AND EXISTS (SELECT 1 FROM recordings o WHERE o.enrolment_id = r.enrolment_id AND o.half = r.half \
         AND o.session_date = r.session_date AND o.recorded_at < r.recorded_at AND o.code <> 'G')";
const UNTOLD: &str = "SELECT COUNT(*) FROM recordings r WHERE r.half = 'pm' AND r.session_date = '2026-11-19' \
         AND r.code = 'G' AND r.reason IS NULL AND r.amended_by IS NULL \
         AND EXISTS (SELECT 1 FROM recordings o WHERE o.enrolment_id = r.enrolment_id AND o.half = r.half \
         AND o.session_date = r.session_date AND o.recorded_at < r.recorded_at AND o.code <> 'G')";
const ROLL: &str = "SELECT COUNT(*) FROM amendments WHERE register = 'admission' AND field = 'forename' \
         AND amended = 'Renamed' AND reason = 'not given by the source' AND amended_on = '2026-11-20'";
const DUTIES: &str = "SELECT COUNT(*) FROM audit_entries WHERE class = 'duty'";
const OLD_YEAR: &str = "SELECT COUNT(*) FROM marks WHERE school_year = 2019";
const OLD_AMENDMENTS: &str = "SELECT COUNT(*) FROM recordings WHERE recorded_at < '2022-01-01'";

/// A UPN with the digits given and the letter that fits them.
fn upn(digits: &str) -> String {
    let fits = |letter: char| {
        let text = format!("{letter}{digits}");
        Upn::parse(&text).is_ok().then_some(text)
    };
    ('A'..='Z').find_map(fits).unwrap()
}

/// Sends a file that must be taken whole.
async fn taken(gate: &Wire, urn: &str, what: &str, csv: &str) -> Value {
    let answer = gate.send(urn, what, csv).await;
    assert_eq!((answer.status, &answer.body["rejected"]), (200, &json!(0)), "{what}: {}", answer.body);
    answer.body
}

/// A pupil who is on roll now, at this school alone, with marks.
fn ordinary(gate: &Wire, school: &SchoolFiles) -> Row {
    let marks = gate.rows(&school.attendance);
    let fits = |row: &&Row| {
        row["last_day"].is_empty()
            && row["enrolment_status"] == "single"
            && row["whereabouts_protected"] == "false"
            && row["starting_day"].as_str() < "2026-09-01"
            && standing(&marks, &row["school_pupil_id"]).keys().any(|(date, _)| date == "2026-11-19")
    };
    gate.rows(&school.pupils).iter().find(fits).cloned().unwrap()
}

/// A pupil nobody has yet, after the pattern of another.
fn newcomer(of: &Row, number: &str, upn: &str, surname: &str, starting_day: &str) -> Row {
    let mut row = of.clone();
    for (column, value) in
        [("school_pupil_id", number), ("upn", upn), ("surname", surname), ("starting_day", starting_day)]
    {
        row.insert(column.to_owned(), value.to_owned());
    }
    row
}

const MARK: &[&str] =
    &["school_pupil_id", "date", "session", "code", "recorded_at", "amended_from", "reason", "amended_by"];

fn mark(cells: [&str; 8]) -> Row {
    MARK.iter().zip(cells).map(|(column, cell)| ((*column).to_owned(), cell.to_owned())).collect()
}

fn one_mark(cells: [&str; 8]) -> String {
    csv_of(MARK, &[mark(cells)])
}

/// The handle by which a school's system knows a pupil.
async fn handle(gate: &Wire, urn: &str, upn: &str) -> String {
    gate.client(&Wire::sender(urn)).find(upn).await.unwrap().unwrap()
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
    assert!(taken(&gate, &b.urn, "calendar/2026", &csv).await["accepted"].as_u64() > Some(0));
    for ((own, _), before) in shared.iter().zip(before) {
        assert!(fetched(&gate, &a.urn, &own["upn"], import).await == before, "{}", own["school_pupil_id"]);
    }
    // B's own answer did change.
    assert_eq!(gate.client(&Wire::sender(&b.urn)).find(&shared[0].0["upn"]).await.unwrap(), None);
    gate.stop().await;
}

async fn amendments(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let pupil = ordinary(&gate, school);
    let (number_of, handle) =
        (pupil["school_pupil_id"].as_str(), handle(&gate, &school.urn, &pupil["upn"]).await);
    let stands = standing(&gate.rows(&school.attendance), number_of);
    let possible = async || {
        let body = gate.ask(&Wire::sender(&school.urn), &handle, None, "").await.body;
        let s = &body["enrolments"][0]["sections"];
        (s["headline"]["possible"].clone(), s["codes"]["G"].clone())
    };
    let (before, no_g) = possible().await;
    let whole = stands[&("2026-11-19".to_owned(), "am".to_owned())]["code"].clone();
    let at = "2026-11-20T17:00:00Z";
    let told = [number_of, "2026-11-19", "am", "G", at, &whole, "holiday in term", "Ruth Calloway"];
    let report = taken(&gate, &school.urn, "attendance", &one_mark(told)).await;
    let counts = |report: &Value| {
        [&report["accepted"], &report["amended"], &report["amended_without_reason_or_name"]]
            .map(|n| n.as_u64().unwrap())
    };
    assert_eq!(counts(&report), [1, 1, 0], "{report}");
    let (after, g) = possible().await;
    assert_eq!((&after, no_g, g), (&before, Value::Null, json!(1)), "every mark that the file lacks stands");
    assert_eq!(number(&db.db, TOLD).await, 1);
    // The same again is nothing new; a change without reason or person is kept and counted.
    assert_eq!(counts(&taken(&gate, &school.urn, "attendance", &one_mark(told)).await), [0, 0, 0]);
    let untold = one_mark([number_of, "2026-11-19", "pm", "G", at, "", "", ""]);
    assert_eq!(counts(&taken(&gate, &school.urn, "attendance", &untold).await), [1, 1, 1]);
    assert_eq!((number(&db.db, TOLD).await, number(&db.db, UNTOLD).await), (1, 1));
    let renamed = changed(&pupil, &[("forename", "Renamed")]);
    assert_eq!(counts(&taken(&gate, &school.urn, "pupils", &renamed).await), [1, 1, 1]);
    assert_eq!(number(&db.db, ROLL).await, 1);
    // An older recording that comes late is history, and does not stand.
    let older = one_mark([number_of, "2026-11-19", "am", "R", "2026-11-19T08:00:00Z", "", "", ""]);
    let report = taken(&gate, &school.urn, "attendance", &older).await;
    assert_eq!((&report["accepted"], &report["kept_as_history"]), (&json!(0), &json!(1)), "{report}");
    let code =
        gate.ask(&Wire::sender(&school.urn), &handle, None, "?from=2026-11-19&to=2026-11-19").await.body;
    assert_eq!(code["enrolments"][0]["sections"]["codes"], json!({"G": 2}));
    five_parts(&trail(&gate, school).await, &whole);
    gate.stop().await;
}

/// Every amendment of a school, read as its own system through the gate.
async fn trail(gate: &Wire, school: &SchoolFiles) -> Vec<Amendment> {
    let running = &gate.gate.demo.running.gate;
    let caller = gate.gate.caller(&Wire::sender(&school.urn));
    let key = std::fs::read(gate.gate.dir().join(&caller.key)).unwrap();
    let directory = running.directory().current();
    let (role, purpose) = (Role::SchoolAttendanceOfficer, Purpose::OwnRecord);
    let now = running.clock().now();
    let caller = local(&directory, &caller.client_id, &key, role, purpose, now).unwrap();
    let trail = Trail::new(Entry::new(EventId::new(), now, Class::Access, Decision::Refused));
    let permit = running.open_own_school(Asked { caller, trail }, Action::SendMarks).unwrap();
    amendments_of(running.db(), &permit).await.unwrap()
}

/// Original, amended, reason, date and name, as SI 2024/208 reg 6(1) has them.
fn five_parts(all: &[Amendment], whole: &str) {
    let day: NaiveDate = "2026-11-20".parse().unwrap();
    let told: Vec<&Amendment> = all.iter().filter(|a| a.amended_by == "Ruth Calloway").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let one = told[0];
    assert_eq!(
        (
            one.original.as_str(),
            one.amended.as_str(),
            one.reason.as_str(),
            one.amended_on,
            one.field.as_str()
        ),
        (whole, "G", "holiday in term", day, "am")
    );
    let mut same = all.iter().filter(|a| a.enrolment == one.enrolment && a.amended_on == day);
    let untold = same.clone().find(|a| a.field == "pm" && a.amended == "G").unwrap();
    assert_eq!((untold.reason.as_str(), untold.amended_by.as_str()), (NOT_GIVEN, NOT_GIVEN));
    assert!(untold.original != "G" && !untold.original.is_empty());
    let renamed = same.find(|a| a.register == Register::Admission && a.field == "forename").unwrap();
    assert_eq!((renamed.amended.as_str(), renamed.session_date), ("Renamed", None));
    let late = all.iter().find(|a| a.enrolment == one.enrolment && a.original == "R").unwrap();
    assert_eq!((late.amended.as_str(), late.amended_on.to_string().as_str()), (whole, "2026-11-19"));
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
    assert_eq!(reports[0]["unchanged"], 1);
    assert!(reports.iter().all(|report| *report == reports[0]), "the report does not tell who is flagged");
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

/// A calendar of a past school year with these days open.
fn old_calendar(days: &[&str]) -> String {
    days.iter().fold("date,am,pm,term,note\n".to_owned(), |text, day| text + day + ",open,open,Autumn,\n")
}

async fn retention(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let upn = upn("801200009321");
    let mut pupil = newcomer(&ordinary(&gate, school), "old-1", &upn, "Longago", "2019-09-02");
    pupil.insert("date_of_birth".to_owned(), "2014-10-04".to_owned());
    taken(&gate, &school.urn, "pupils", &changed(&pupil, &[])).await;
    taken(&gate, &school.urn, "calendar/2019", &old_calendar(&["2019-11-18", "2019-11-19"])).await;
    let days = ["2020-11-18", "2020-11-19", "2020-11-20", "2020-11-23"];
    taken(&gate, &school.urn, "calendar/2020", &old_calendar(&days)).await;
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
    let duties = number(&db.db, DUTIES).await;
    let recent = held(&db).await;
    assert_eq!((number(&db.db, OLD_YEAR).await, number(&db.db, OLD_AMENDMENTS).await), (1, 2));
    // Four marks and one amendment.
    assert_eq!(expire_entries(&gate.gate.demo.running.gate).await.unwrap(), 5);
    assert_eq!(codes("2020").await, json!({"\\": 1, "M": 1, "I": 1}));
    assert_eq!(codes("2019").await, json!({}));
    assert_eq!((number(&db.db, OLD_YEAR).await, number(&db.db, OLD_AMENDMENTS).await), (0, 1));
    assert_eq!(number(&db.db, DUTIES).await, duties + 2, "one entry for the amendments, one for the marks");
    let after = held(&db).await;
    assert_eq!((after[0], after[3], after[4], after[6]), (recent[0], recent[3], recent[4] - 1, recent[6]));
    assert_eq!(expire_entries(&gate.gate.demo.running.gate).await.unwrap(), 0, "once");
    assert_eq!(number(&db.db, DUTIES).await, duties + 2, "and without an entry for nothing");
    gate.stop().await;
}
