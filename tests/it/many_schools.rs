//! A file of many schools: each opened, applied and recorded for itself, and none in another's way.

use crate::support::exports::{Row, Wire, changed, csv_of, number, standing};
use crate::support::wire::{MOVED, log, log_size, run};
use crate::support::{Suite, TestDb};
use schoolgate::audit::{Class, Decision, Entry};
use schoolgate::demo::agencies::{SUPPLIER, SUPPLIER_SYSTEM};
use schoolgate::demo::{SchoolFiles, SystemName};
use schoolgate::domain::purpose::{Purpose, Role};
use schoolgate::gate::{Asked, OfSchool, Permit, Trail};
use schoolgate::identity::{self, Caller};
use schoolgate::intake::parse::{Format, Limits};
use schoolgate::intake::{
    Confirmed, FileImport, ImportError, ImportReport, Options, Progress, Quiet, Sender, Sent, SentFile, Stop,
    import_many,
};
use schoolgate::policy::Action;
use schoolgate::registers::{self, RollEvent, Upload};
use serde_json::{Value, json};
use std::sync::{Arc, Condvar, Mutex};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("many_schools::one_file_is_applied_school_by_school", by_school);
    suite.both_empty("many_schools::a_failure_at_one_leaves_the_others_applied", failures);
    suite.both_empty("many_schools::strict_and_dry_run_change_nothing_anywhere", nothing);
    suite.both_empty("many_schools::a_roll_and_a_calendar_of_many_are_taken_too", rolls);
    suite.both_empty("many_schools::uploads_of_one_school_at_once_lose_nothing", at_once);
    suite.both_empty("many_schools::a_long_import_holds_up_nobody", nobody_waits);
    suite.both_empty("many_schools::what_an_upload_left_behind_is_cleared", left_behind);
}

const VERSIONS: &str = "SELECT COUNT(*) FROM register_versions";
const RECORDINGS: &str = "SELECT COUNT(*) FROM recordings";
pub const COLUMNS: &[&str] = &["school", "school_pupil_id", "date", "session", "code", "recorded_at"];
const AT: &str = "2026-11-20T17:00:00Z";

/// A system of the demonstration, as the command line proves it.
fn caller(gate: &Wire, system: &SystemName) -> Caller {
    let (gate, dir) = (&gate.gate.demo.running.gate, gate.gate.dir());
    let key = std::fs::read(dir.join(system.key())).unwrap();
    let directory = gate.directory().current();
    let role = Role::SchoolAttendanceOfficer;
    identity::local(&directory, &system.file_name(), &key, role, Purpose::OwnRecord, gate.clock().now())
        .unwrap()
}

pub fn supplier(gate: &Wire) -> Caller {
    caller(gate, &SystemName::new(SUPPLIER, SUPPLIER_SYSTEM))
}

/// A school's own system.
pub fn own(gate: &Wire, school: &SchoolFiles) -> Caller {
    let organisation = &gate.gate.caller(&Wire::sender(&school.urn)).organisation;
    caller(gate, &SystemName::new(organisation, "mis"))
}

pub const PLAIN: Options = Options {
    format: Format::Csv,
    dry_run: false,
    strict: false,
    year: None,
    limits: Limits {
        rows_max: 1_000_000,
        columns_max: 256,
        row_max_bytes: 65_536,
        cell_max_chars: 1_000,
        sheet_max_bytes: 1 << 30,
        list_max_bytes: 1 << 28,
        errors_max: 100,
    },
    confirmed: Confirmed { protected: None, marks_without_session: None, short_year: false },
};

pub async fn import(gate: &Wire, caller: Caller, sent: Sent, csv: &str, options: Options) -> FileImport {
    import_told(gate, caller, sent, csv, options, Arc::new(Quiet)).await
}

/// From a file on disk, as the command line does.
async fn import_told(
    gate: &Wire,
    caller: Caller,
    sent: Sent,
    csv: &str,
    options: Options,
    progress: Arc<dyn Progress>,
) -> FileImport {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), csv).unwrap();
    let action = match sent {
        Sent::Attendance => Action::SendMarks,
        Sent::Pupils => Action::SendRoll,
        Sent::Calendar => Action::SendCalendar,
    };
    let sender = Sender { caller, action, command: "schoolgate import" };
    let on_disk = SentFile::on_disk(file.path()).unwrap();
    import_many(&gate.gate.demo.running.gate, sender, sent, on_disk, (options, progress, Stop::default()))
        .await
        .unwrap()
}

pub fn report(imported: &FileImport, urn: &str) -> ImportReport {
    let school = imported.schools.iter().find(|school| school.urn == urn).unwrap();
    let released = school.outcome.as_ref().unwrap_or_else(|error| panic!("{urn}: {error}"));
    serde_json::from_slice(released.body()).unwrap()
}

fn refusal(imported: &FileImport, urn: &str) -> String {
    let school = imported.schools.iter().find(|school| school.urn == urn).unwrap();
    match &school.outcome {
        Ok(_) => panic!("{urn} was taken"),
        Err(error) => error.to_string(),
    }
}

/// Pupils on roll at a school with marks of their own on 19 November.
pub fn pupils(gate: &Wire, school: &SchoolFiles) -> Vec<String> {
    let marks = gate.rows(&school.attendance);
    let on_roll = |row: &&Row| row["last_day"].is_empty() && row["starting_day"].as_str() < "2026-09-01";
    let marked = |number: &String| standing(&marks, number).keys().any(|(date, _)| date == "2026-11-19");
    let rows = gate.rows(&school.pupils);
    let numbers = rows.iter().filter(on_roll).map(|row| row["school_pupil_id"].clone());
    numbers.filter(marked).take(5).collect()
}

pub fn row(school: &str, number: &str, session: &str, code: &str) -> Row {
    let cells = [school, number, "2026-11-19", session, code, AT];
    COLUMNS.iter().zip(cells).map(|(column, cell)| ((*column).to_owned(), cell.to_owned())).collect()
}

/// Two marks of each of two pupils of each school, named by URN and by LAESTAB.
fn both(gate: &Wire) -> Vec<Row> {
    let schools = gate.schools();
    let of = |school: &SchoolFiles, named: &str| -> Vec<Row> {
        let numbers = pupils(gate, school);
        numbers[..2].iter().flat_map(|n| ["am", "pm"].map(|session| row(named, n, session, "G"))).collect()
    };
    let laestab = format!("{}/{}", &schools[1].laestab[..3], &schools[1].laestab[3..]);
    // Turn by turn: a file need not be sorted by school.
    let (a, b) = (of(&schools[0], &schools[0].urn), of(&schools[1], &laestab));
    a.into_iter().zip(b).flat_map(|(a, b)| [a, b]).collect()
}

/// The entries of imports from an index on.
async fn entries(test: &TestDb, from: u64) -> Vec<Entry> {
    let all = log(&test.db, from).await.into_iter().map(|logged| logged.entry);
    all.filter(|e| e.class == Class::Access && e.route.as_deref() == Some("schoolgate import")).collect()
}

async fn by_school(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let (from, versions) = (log_size(&test.db).await, number(&test.db, VERSIONS).await);
    let csv = csv_of(COLUMNS, &both(&gate));
    let imported = import(&gate, supplier(&gate), Sent::Attendance, &csv, PLAIN).await;
    assert_eq!(imported.schools.iter().map(|s| &s.urn).collect::<Vec<_>>(), [&a.urn, &b.urn]);
    assert_eq!(imported.of_no_school.rejected.rows, 0);
    for urn in [&a.urn, &b.urn] {
        let report = report(&imported, urn);
        assert_eq!((report.received, report.accepted, report.rejected, report.applied), (4, 4, 0, true));
    }
    assert_eq!(number(&test.db, VERSIONS).await, versions + 2);
    let told = entries(&test, from).await;
    let directory = gate.gate.demo.running.gate.directory().current();
    for urn in [&a.urn, &b.urn] {
        let school = directory.school_by_urn(urn).unwrap().1;
        let of = |e: &&Entry| e.acted_for.as_ref().is_some_and(|a| a.organisation_id == school.id);
        let entry = told.iter().find(of).unwrap();
        assert_eq!((entry.decision, entry.action.as_deref()), (Decision::Allowed, Some("send_marks")));
        assert_eq!(entry.connection.as_ref().unwrap().organisation.as_deref(), Some(SUPPLIER));
        assert!(entry.record.as_ref().unwrap().starts_with("import ") && entry.written.is_some());
    }
    assert_eq!(told.len(), 2, "an entry for each school");
    assert_eq!(told[0].written, told[1].written, "of what was sent");
    // The report is each school's own: what it quotes is of no other.
    let found = gate
        .get(&Wire::sender(&a.urn), &format!("/v1/imports/{}", report(&imported, &a.urn).import_id))
        .await;
    assert_eq!((found.status, &found.body["accepted"]), (200, &json!(4)));
    let other = gate
        .get(&Wire::sender(&b.urn), &format!("/v1/imports/{}", report(&imported, &a.urn).import_id))
        .await;
    assert_eq!(other.status, 404);
    // The same file again, by either school's own system: nothing is written but that it was sent.
    let (held, recorded) = (number(&test.db, VERSIONS).await, number(&test.db, RECORDINGS).await);
    let again = import(&gate, supplier(&gate), Sent::Attendance, &csv, PLAIN).await;
    assert_eq!((report(&again, &a.urn).unchanged, report(&again, &b.urn).unchanged), (4, 4));
    assert_eq!((number(&test.db, VERSIONS).await, number(&test.db, RECORDINGS).await), (held, recorded));
    gate.stop().await;
}

async fn failures(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let mut rows = both(&gate);
    rows.push(row("999999", &pupils(&gate, a)[0], "am", "G"));
    rows.push(row("198765", &pupils(&gate, a)[0], "am", "G"));
    rows.push(row("", &pupils(&gate, a)[0], "am", "G"));
    rows.push(row(&a.urn, "nobody-of-a", "am", "G"));
    rows.push(row(&b.urn, &pupils(&gate, b)[0], "am", "%%%%"));
    let csv = csv_of(COLUMNS, &rows);
    // The mandate for B has ended.
    run!(
        test.db,
        "UPDATE mandates SET valid_until = '2026-11-19' WHERE school_id = \
         (SELECT id FROM organisations WHERE urn = $1)",
        b.urn.as_str()
    );
    run!(test.db, MOVED);
    let running = &gate.gate.demo.running.gate;
    running.directory().refresh(running.db()).await.unwrap();
    let (from, versions) = (log_size(&test.db).await, number(&test.db, VERSIONS).await);
    let imported = import(&gate, supplier(&gate), Sent::Attendance, &csv, PLAIN).await;
    let of_a = report(&imported, &a.urn);
    assert_eq!((of_a.received, of_a.accepted, of_a.rejected, of_a.applied), (5, 4, 1, true));
    assert_eq!(of_a.errors.iter().map(|e| e.value.as_str()).collect::<Vec<_>>(), ["nobody-of-a"]);
    assert!(refusal(&imported, &b.urn).contains("ended on 2026-11-19"));
    assert_eq!(imported.schools.iter().find(|s| s.urn == b.urn).unwrap().received, 5);
    let rest: Vec<_> =
        imported.of_no_school.rejected.errors.iter().map(|e| (e.line, e.value.as_str())).collect();
    assert_eq!(rest, [(10, "999999"), (11, "198765"), (12, "")]);
    assert_eq!(imported.of_no_school.rejected.rows, 3);
    assert_eq!(number(&test.db, VERSIONS).await, versions + 1, "A alone");
    let told = entries(&test, from).await;
    let mut said: Vec<_> =
        told.iter().map(|e| (e.reason.as_deref(), e.decision, e.acted_for.is_some())).collect();
    said.sort_by_key(|(reason, ..)| *reason);
    assert_eq!(said, [(None, Decision::Allowed, true), (Some("mandate_ended"), Decision::Refused, false)]);
    // A school's own system reaches its own school, whatever the file names; what names none is its own.
    let mut rows = both(&gate);
    rows.iter_mut()
        .filter(|row| row["school"] == a.urn)
        .for_each(|row| _ = row.insert("school".into(), String::new()));
    let imported = import(&gate, own(&gate, a), Sent::Attendance, &csv_of(COLUMNS, &rows), PLAIN).await;
    assert_eq!(report(&imported, &a.urn).unchanged, 4);
    assert!(matches!(
        imported.schools[1].outcome,
        Err(ImportError::Gate(schoolgate::gate::Refusal::Forbidden))
    ));
    assert_eq!(number(&test.db, VERSIONS).await, versions + 1);
    // What cannot be read at all has one entry, of the sender.
    let from = log_size(&test.db).await;
    let sender = Sender { caller: supplier(&gate), action: Action::SendMarks, command: "schoolgate import" };
    let options = (PLAIN, Arc::new(Quiet) as Arc<dyn Progress>, Stop::default());
    let unread =
        import_many(running, sender, Sent::Attendance, "number,day\n1,2\n".to_owned().into(), options).await;
    assert!(matches!(unread, Err(ImportError::File(_))));
    let told = entries(&test, from).await;
    assert_eq!((told.len(), told[0].decision, told[0].status), (1, Decision::Malformed, Some(422)));
    gate.stop().await;
}

async fn nothing(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let held = async || (number(&test.db, VERSIONS).await, number(&test.db, RECORDINGS).await);
    let before = held().await;
    let good = csv_of(COLUMNS, &both(&gate));
    let dry = Options { dry_run: true, ..PLAIN };
    let imported = import(&gate, supplier(&gate), Sent::Attendance, &good, dry).await;
    for urn in [&a.urn, &b.urn] {
        let report = report(&imported, urn);
        assert_eq!((report.accepted, report.applied), (4, false), "it says what it would do");
    }
    // The last row of the file is wrong, and it is B's: A is not applied either.
    let mut rows = both(&gate);
    rows.push(row(&b.urn, "nobody", "am", "G"));
    let strict = Options { strict: true, ..PLAIN };
    let imported = import(&gate, supplier(&gate), Sent::Attendance, &csv_of(COLUMNS, &rows), strict).await;
    let (of_a, of_b) = (report(&imported, &a.urn), report(&imported, &b.urn));
    assert_eq!((of_a.rejected, of_a.applied, of_b.rejected, of_b.applied), (0, false, 1, false));
    // So with a row of no school, and with a pupil that only the roll itself can reject.
    rows.pop();
    rows.push(row("198765", "nobody", "am", "G"));
    let imported = import(&gate, supplier(&gate), Sent::Attendance, &csv_of(COLUMNS, &rows), strict).await;
    assert!(!report(&imported, &a.urn).applied && !report(&imported, &b.urn).applied);
    let mut roll = roll_of(&gate, a, &["forename"], "Strict");
    roll.extend(roll_of(&gate, b, &["school_pupil_id"], "as-another"));
    let twice = roll.last().unwrap().clone();
    let renamed = |(c, v)| if c == "surname" { (c, "Else".into()) } else { (c, v) };
    roll.push(twice.into_iter().map(renamed).collect::<Row>());
    let imported = import(&gate, supplier(&gate), Sent::Pupils, &csv_of_all(&roll), strict).await;
    assert_eq!((report(&imported, &b.urn).rejected, report(&imported, &a.urn).applied), (1, false));
    assert_eq!(held().await, before);
    let imported = import(&gate, supplier(&gate), Sent::Attendance, &good, strict).await;
    assert!(report(&imported, &a.urn).applied && report(&imported, &b.urn).applied);
    gate.stop().await;
}

/// A pupil's row of a school, with the school named and some cells changed.
fn roll_of(gate: &Wire, school: &SchoolFiles, columns: &[&str], value: &str) -> Vec<Row> {
    let number = &pupils(gate, school)[0];
    let rows = gate.rows(&school.pupils);
    let mut row = rows.iter().find(|row| row["school_pupil_id"] == *number).unwrap().clone();
    row.insert("school".to_owned(), school.urn.clone());
    for column in columns {
        row.insert((*column).to_owned(), value.to_owned());
    }
    vec![row]
}

fn csv_of_all(rows: &[Row]) -> String {
    csv_of(&crate::support::exports::columns_of(&rows[0]), rows)
}

async fn rolls(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let mut roll = roll_of(&gate, a, &["forename"], "Renamed");
    roll.extend(roll_of(&gate, b, &["forename"], "Renamed"));
    let imported = import(&gate, supplier(&gate), Sent::Pupils, &csv_of_all(&roll), PLAIN).await;
    for urn in [&a.urn, &b.urn] {
        let report = report(&imported, urn);
        assert_eq!(
            (report.received, report.amended, report.applied),
            (1, 1, true),
            "{urn}: {:?}",
            report.errors
        );
    }
    let mut days = Vec::new();
    for school in [a, b] {
        for day in gate.rows(&school.calendar).iter() {
            let mut day = day.clone();
            day.insert("school".to_owned(), school.urn.clone());
            days.push(day);
        }
    }
    let imported = import(&gate, supplier(&gate), Sent::Calendar, &csv_of_all(&days), PLAIN).await;
    assert_eq!(report(&imported, &a.urn).unchanged, gate.rows(&a.calendar).len());
    let day = days.iter_mut().find(|day| day["school"] == b.urn && day["am"] == "open").unwrap();
    day.insert("am".to_owned(), "closed".to_owned());
    let imported = import(&gate, supplier(&gate), Sent::Calendar, &csv_of_all(&days), PLAIN).await;
    let asked = report(&imported, &b.urn);
    assert!(!asked.applied && asked.marks_without_session > 0, "the day may have marks");
    let mut meant = PLAIN;
    meant.confirmed.marks_without_session = Some(asked.marks_without_session);
    let imported = import(&gate, supplier(&gate), Sent::Calendar, &csv_of_all(&days), meant).await;
    assert_eq!((report(&imported, &a.urn).accepted, report(&imported, &b.urn).applied), (0, true));
    assert_eq!(report(&imported, &b.urn).accepted, gate.rows(&b.calendar).len());
    gate.stop().await;
}

/// How often each code stands for a pupil of a school on 19 November, as the school reads it.
async fn codes(gate: &Wire, school: &SchoolFiles, number: &str) -> Value {
    let rows = gate.rows(&school.pupils);
    let upn = &rows.iter().find(|row| row["school_pupil_id"] == number).unwrap()["upn"];
    let handle = gate.client(&Wire::sender(&school.urn)).find(upn).await.unwrap().unwrap();
    let query = "?from=2026-11-19&to=2026-11-19&sections=codes";
    let body = gate.ask(&Wire::sender(&school.urn), &handle, None, query).await.body;
    body["enrolments"][0]["sections"]["codes"].clone()
}

async fn at_once(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let school = &gate.schools()[0];
    let numbers = pupils(&gate, school);
    let all = ["G", "C", "M", "O", "I"];
    for round in 0..3 {
        let at = format!("2026-11-20T17:0{round}:00Z");
        let file = |rows: Vec<Row>| {
            let timed = rows.into_iter().map(|mut row| {
                row.insert("recorded_at".to_owned(), at.clone());
                row
            });
            csv_of(COLUMNS, &timed.collect::<Vec<_>>())
        };
        let code = |place: usize| all[(place + round) % all.len()];
        let mornings = numbers.iter().enumerate().map(|(i, n)| row(&school.urn, n, "am", code(i)));
        let afternoons = numbers.iter().enumerate().map(|(i, n)| row(&school.urn, n, "pm", code(i + 1)));
        let (command, api) = (file(mornings.collect()), file(afternoons.collect()));
        // And a change of the roll in between, which makes marks be held against it anew.
        let roll = changed(&roll_of(&gate, school, &["forename"], &format!("Round{round}"))[0], &[]);
        let (imported, sent, renamed) = tokio::join!(
            import(&gate, supplier(&gate), Sent::Attendance, &command, PLAIN),
            gate.send(&school.urn, "attendance", &api),
            gate.send(&school.urn, "pupils", &roll),
        );
        assert!(report(&imported, &school.urn).applied);
        for answer in [sent, renamed] {
            assert_eq!((answer.status, &answer.body["applied"]), (200, &json!(true)), "{}", answer.body);
        }
        for (i, number) in numbers.iter().enumerate() {
            let stands = codes(&gate, school, number).await;
            assert_eq!(stands, json!({code(i): 1, code(i + 1): 1}), "round {round}");
        }
    }
    assert_eq!(number(&test.db, "SELECT COUNT(*) FROM uploads_begun").await, 0, "none is left half done");
    gate.stop().await;
}

/// Holds an import at the end of its file until it is let go.
#[derive(Default)]
struct Held {
    length: Mutex<u64>,
    state: Mutex<(bool, bool)>,
    moved: Condvar,
}

impl Held {
    fn wait(&self, until: impl Fn(&(bool, bool)) -> bool) {
        let mut state = self.state.lock().unwrap();
        while !until(&state) {
            state = self.moved.wait(state).unwrap();
        }
    }

    fn set(&self, change: impl FnOnce(&mut (bool, bool))) {
        change(&mut self.state.lock().unwrap());
        self.moved.notify_all();
    }
}

impl Progress for Held {
    fn read(&self, bytes: u64) {
        if bytes >= *self.length.lock().unwrap() {
            self.set(|state| state.0 = true);
            self.wait(|state| state.1);
        }
    }
}

async fn nobody_waits(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let csv = csv_of(COLUMNS, &both(&gate));
    let held = Arc::new(Held { length: Mutex::new(u64::try_from(csv.len()).unwrap()), ..Held::default() });
    let long = import_told(
        &gate,
        supplier(&gate),
        Sent::Attendance,
        &csv,
        PLAIN,
        Arc::clone(&held) as Arc<dyn Progress>,
    );
    let others = async {
        let waiting = Arc::clone(&held);
        tokio::task::spawn_blocking(move || waiting.wait(|state| state.0)).await.unwrap();
        let versions = number(&test.db, VERSIONS).await;
        // Another pupil of A, one of B, and a summary: all answered while the file of both is under way.
        for school in [a, b] {
            let marks = csv_of(COLUMNS, &[row(&school.urn, &pupils(&gate, school)[4], "am", "C")]);
            let answer = gate.send(&school.urn, "attendance", &marks).await;
            assert_eq!((answer.status, &answer.body["applied"]), (200, &json!(true)), "{}", answer.body);
        }
        assert!(codes(&gate, b, &pupils(&gate, b)[4]).await["C"].is_u64());
        assert_eq!(number(&test.db, VERSIONS).await, versions + 2, "the long one has switched nothing yet");
        held.set(|state| state.1 = true);
    };
    let (imported, ()) = tokio::join!(long, others);
    for school in [a, b] {
        assert_eq!(report(&imported, &school.urn).accepted, 4);
        let numbers = pupils(&gate, school);
        assert_eq!(codes(&gate, school, &numbers[0]).await, json!({"G": 2}));
        assert!(codes(&gate, school, &numbers[4]).await["C"].is_u64(), "what came first is not lost");
    }
    gate.stop().await;
}

/// A permit of a school's own system.
fn permit(gate: &Wire, school: &SchoolFiles) -> Permit<OfSchool> {
    let caller = own(gate, school);
    let gate = &gate.gate.demo.running.gate;
    let trail = Trail::of_command("schoolgate import", &caller, gate.clock().now());
    gate.open_school(Asked { caller, trail }, &school.urn, Action::SendMarks).unwrap()
}

async fn left_behind(test: TestDb) {
    const LEFT: &str = "SELECT COUNT(*) FROM roll_events e WHERE NOT EXISTS (SELECT 1 FROM register_versions v \
         WHERE v.school_id = e.school_id AND v.version = e.version)";
    const BEGUN: &str = "SELECT COUNT(*) FROM uploads_begun";
    let gate = Wire::start(&test.url).await;
    let school = &gate.schools()[0];
    let running = &gate.gate.demo.running.gate;
    let permit = permit(&gate, school);
    // An upload whose process ended before it switched.
    let base = registers::newest(running.db(), &permit).await.unwrap();
    let enrolment = registers::school_roll(running.db(), &permit).await.unwrap()[0].enrolment();
    let mut tx = running.db().begin().await.unwrap();
    let upload = Upload::begin(&mut tx, &permit, base, running.clock().now()).await.unwrap();
    for place in 1..=250 {
        registers::add_roll_event(&mut tx, &upload, place, enrolment, RollEvent::MarkChanged).await.unwrap();
    }
    running.put_aside(&permit, tx).await.unwrap();
    let send = async |code: &str| {
        let marks = csv_of(COLUMNS, &[row(&school.urn, &pupils(&gate, school)[0], "am", code)]);
        assert_eq!(gate.send(&school.urn, "attendance", &marks).await.body["applied"], true);
    };
    send("C").await;
    send("M").await;
    assert_eq!(
        (number(&test.db, LEFT).await, number(&test.db, BEGUN).await),
        (250, 1),
        "its writer may still be there"
    );
    run!(test.db, "UPDATE uploads_begun SET begun_at = '2026-01-01T00:00:00+00:00'");
    send("O").await;
    assert_eq!((number(&test.db, LEFT).await, number(&test.db, BEGUN).await), (0, 0));
    gate.stop().await;
}
