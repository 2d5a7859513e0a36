//! What careless offices send, and what interrupted uploads leave: nothing of it may empty a register in silence.

use crate::support::exports::{Row, Wire, changed, csv_of, number};
use crate::support::wire::{self, log, log_size, run};
use crate::support::{Suite, TestDb};
use schoolgate::demo::run::Answered;
use schoolgate::demo::{SchoolFiles, SystemName};
use schoolgate::domain::identifiers::PupilId;
use schoolgate::domain::purpose::{Purpose, Role};
use schoolgate::gate::{Asked, Trail};
use schoolgate::identity;
use schoolgate::intake::parse::{Format, Limits};
use schoolgate::intake::{
    self, Confirmed, ImportError, Options, Progress, Sender, Sent, SentFile, Stop, import_many,
};
use schoolgate::policy::Action;
use schoolgate::registers::{self, RollEvent, Upload};
use serde_json::json;
use std::sync::Arc;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("careless::a_roll_without_a_column_leaves_what_stands", short_rolls);
    suite.both_empty("careless::a_wrong_column_of_protection_is_asked_about", wrong_column);
    suite.both_empty("careless::a_calendar_that_was_cut_off_is_asked_about", cut_calendar);
    suite.both_empty("careless::what_was_begun_and_never_ended_is_taken_back", never_ended);
    suite.both_empty("careless::an_import_told_to_stop_ends_the_school_in_hand", stopped);
}

const VERSIONS: &str = "SELECT COUNT(*) FROM register_versions";
const AMENDMENTS: &str = "SELECT COUNT(*) FROM amendments";
const NEEDED: [&str; 7] =
    ["school_pupil_id", "surname", "forename", "date_of_birth", "sex", "starting_day", "enrolment_status"];

/// Pupils on roll with a permanent UPN who are not protected.
fn pupils(gate: &Wire, school: &SchoolFiles) -> Vec<Row> {
    let fits = |row: &&Row| {
        row["last_day"].is_empty()
            && row["enrolment_status"] == "single"
            && row["whereabouts_protected"] == "false"
            && row["upn"].ends_with(|c: char| c.is_ascii_digit())
    };
    gate.rows(&school.pupils).iter().filter(fits).cloned().collect()
}

fn counts(answer: &Answered) -> [u64; 4] {
    ["accepted", "unchanged", "amended", "rejected"].map(|name| answer.body[name].as_u64().unwrap())
}

async fn short_rolls(db: TestDb) {
    const OF: [&str; 4] = [
        "SELECT COUNT(*) FROM amendments WHERE field = 'forename'",
        "SELECT COUNT(*) FROM amendments WHERE field = 'year_group'",
        "SELECT COUNT(*) FROM amendments WHERE field = 'register'",
        "SELECT COUNT(*) FROM amendments WHERE field = 'last_day'",
    ];
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let pupil = pupils(&gate, school).into_iter().find(|row| !row["address"].is_empty()).unwrap();
    let leaver = gate.rows(&school.pupils).iter().find(|row| !row["last_day"].is_empty()).cloned().unwrap();
    let amended = async || {
        let mut all = [0; 5];
        for (at, sql) in OF.into_iter().enumerate() {
            all[at] = number(&db.db, sql).await;
        }
        all[4] = number(&db.db, AMENDMENTS).await;
        all
    };
    let (before, versions) = (amended().await, number(&db.db, VERSIONS).await);
    let short = csv_of(&NEEDED, &[pupil.clone(), leaver.clone()]);
    let answer = gate.send(&school.urn, "pupils", &short).await;
    assert_eq!((answer.status, counts(&answer)), (200, [0, 2, 0, 0]), "{}", answer.body);
    let left = answer.body["columns_left"].as_array().unwrap();
    for column in ["upn", "last_day", "removal_ground", "address", "sen", "whereabouts_protected"] {
        assert!(left.contains(&json!(column)), "{column}: {}", answer.body);
    }
    assert!(!left.contains(&json!("school")) && !left.contains(&json!("surname")), "{}", answer.body);
    assert_eq!((amended().await, number(&db.db, VERSIONS).await), (before, versions), "nothing is wiped");
    // What is amended beside is amended alone.
    let mut renamed = pupil.clone();
    renamed.insert("forename".into(), "Quill".into());
    let answer = gate.send(&school.urn, "pupils", &csv_of(&NEEDED, &[renamed.clone()])).await;
    assert_eq!((answer.status, counts(&answer)), (200, [1, 0, 1, 0]), "{}", answer.body);
    let mut expected = before;
    (expected[0], expected[4]) = (before[0] + 1, before[4] + 1);
    assert_eq!(amended().await, expected, "the forename and nothing else");
    let whole = gate.send(&school.urn, "pupils", &changed(&pupil, &[("forename", "Quill")])).await;
    assert_eq!(counts(&whole), [0, 1, 0, 0], "{}", whole.body);
    let left = whole.body["columns_left"].as_array().unwrap();
    assert!(left.contains(&json!("middle_names")) && !left.contains(&json!("upn")), "{}", whole.body);
    // An empty cell in a column that is there clears, and so does `null`; an absent key does not.
    let mut emptied = renamed.clone();
    emptied.insert("year_group".into(), String::new());
    let columns = [NEEDED.as_slice(), &["year_group"]].concat();
    let answer = gate.send(&school.urn, "pupils", &csv_of(&columns, &[emptied.clone()])).await;
    assert_eq!(counts(&answer), [1, 0, 1, 0], "{}", answer.body);
    let object = |more: &[(&str, serde_json::Value)]| {
        let mut row: serde_json::Map<_, _> =
            NEEDED.iter().map(|c| ((*c).to_owned(), json!(emptied[*c]))).collect();
        row.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        serde_json::Value::from(row).to_string().into_bytes()
    };
    let lines = "application/x-ndjson";
    let answer = gate.send_as(&school.urn, "pupils", lines, object(&[])).await;
    assert_eq!(counts(&answer), [0, 1, 0, 0], "{}", answer.body);
    let address = object(&[("address", json!(null))]);
    let answer = gate.send_as(&school.urn, "pupils", lines, address.clone()).await;
    assert_eq!(counts(&answer), [1, 0, 1, 0], "{}", answer.body);
    assert_eq!(counts(&gate.send_as(&school.urn, "pupils", lines, address).await), [0, 1, 0, 0]);
    expected[1..].copy_from_slice(&[before[1] + 1, before[2] + 1, before[3], before[4] + 3]);
    assert_eq!(amended().await, expected);
    // A leaver comes back on roll only by a last day that is there and empty.
    let mut again = leaver;
    again.insert("last_day".into(), String::new());
    let columns = [NEEDED.as_slice(), &["last_day"]].concat();
    let answer = gate.send(&school.urn, "pupils", &csv_of(&columns, &[again])).await;
    assert_eq!(counts(&answer), [1, 0, 1, 0], "{}", answer.body);
    assert_eq!(amended().await[3], before[3] + 1);
    gate.stop().await;
}

/// How often the gateway's own metrics say that protection was raised.
async fn raised(gate: &Wire, sender: &str) -> u64 {
    let http = wire::Wire::with_certificate(&gate.gate, &gate.gate.caller(sender).certificate).http;
    let url = format!("{}/metrics", gate.gate.demo.json.admin);
    let text = http.get(url).send().await.unwrap().text().await.unwrap();
    let line = "schoolgate_alarms_total{reason=\"protection_raised\"} ";
    text.lines().find_map(|l| l.strip_prefix(line)).map_or(0, |count| count.parse().unwrap())
}

async fn wrong_column(db: TestDb) {
    const PROTECTED: &str = "SELECT COUNT(DISTINCT pupil_id) FROM enrolments WHERE whereabouts_protected";
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let sender = Wire::sender(&school.urn);
    let all = pupils(&gate, school);
    let columns = [NEEDED.as_slice(), &["whereabouts_protected"]].concat();
    let flagged = |rows: &[Row]| {
        let mut rows = rows.to_vec();
        for row in &mut rows {
            row.insert("whereabouts_protected".into(), "Y".into());
        }
        csv_of(&columns, &rows)
    };
    gate.client(&sender).find(&all[0]["upn"]).await.unwrap();
    let (before, alarms) = (number(&db.db, PROTECTED).await, raised(&gate, &sender).await);
    let (versions, from) = (number(&db.db, VERSIONS).await, log_size(&db.db).await);
    let wrong = flagged(&all[..5]);
    for what in ["pupils", "pupils?confirm_protected=4", "pupils?dry_run=true"] {
        let answer = gate.send(&school.urn, what, &wrong).await;
        assert_eq!((answer.status, &answer.body["applied"]), (422, &json!(false)), "{what}: {}", answer.body);
        assert_eq!(answer.body["protection_raised"], 5);
        assert_eq!(answer.body["type"], "urn:schoolgate:problem:confirmation_needed");
        let asked = answer.body["to_confirm"][0].as_str().unwrap();
        assert!(answer.body["detail"].as_str().unwrap().ends_with(asked), "{}", answer.body);
        assert!(asked.contains("5 pupils") && asked.contains("confirm_protected=5"), "{asked}");
    }
    assert_eq!(
        (number(&db.db, PROTECTED).await, number(&db.db, VERSIONS).await, raised(&gate, &sender).await),
        (before, versions, alarms),
        "nothing is protected before it is meant"
    );
    let answer = gate.send(&school.urn, "pupils?confirm_protected=5", &wrong).await;
    assert_eq!((answer.status, &answer.body["to_confirm"]), (200, &json!([])), "{}", answer.body);
    assert_eq!((number(&db.db, PROTECTED).await, raised(&gate, &sender).await), (before + 5, alarms + 5));
    // Three at once are a school's daily business; what is protected already is raised no more.
    let answer = gate.send(&school.urn, "pupils", &flagged(&all[..8])).await;
    assert_eq!((answer.status, &answer.body["protection_raised"]), (200, &json!(3)), "{}", answer.body);
    assert_eq!(raised(&gate, &sender).await, alarms + 8);
    let entries: Vec<_> = log(&db.db, from)
        .await
        .into_iter()
        .map(|logged| logged.entry)
        .filter(|e| e.action.as_deref() == Some("send_roll"))
        .map(|e| (e.reason.unwrap(), e.record.unwrap().split_once(", ").unwrap().1.to_owned()))
        .collect();
    let entry = |reason: &str, n: u8| (reason.to_owned(), format!("whereabouts protection raised of {n}"));
    let asked = entry("to_confirm", 5);
    let told = [entry("protection_raised", 5), entry("protection_raised", 3)];
    assert_eq!(entries, [vec![asked; 3], told.to_vec()].concat());
    gate.stop().await;
}

async fn cut_calendar(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let year: Vec<Row> = gate
        .rows(&school.calendar)
        .iter()
        .filter(|row| ("2026-08-01".."2027-08-01").contains(&row["date"].as_str()))
        .cloned()
        .collect();
    let columns = ["date", "am", "pm", "term", "note"];
    let cut = csv_of(&columns, &year[..30]);
    let versions = number(&db.db, VERSIONS).await;
    let answer = gate.send(&school.urn, "calendar/2026", &cut).await;
    assert_eq!((answer.status, &answer.body["applied"]), (422, &json!(false)), "{}", answer.body);
    assert_eq!(answer.body["type"], "urn:schoolgate:problem:confirmation_needed");
    let marks = answer.body["marks_without_session"].as_u64().unwrap();
    assert!(marks > 100, "{}", answer.body);
    let asked = answer.body["to_confirm"].as_array().unwrap();
    assert_eq!(asked.len(), 2, "{}", answer.body);
    assert!(asked[0].as_str().unwrap().contains(&format!("confirm_marks_without_session={marks}")));
    assert!(asked[1].as_str().unwrap().contains("confirm_short_year=true"));
    for confirmed in [
        format!("confirm_marks_without_session={}", marks - 1),
        format!("confirm_marks_without_session={marks}"),
        "confirm_short_year=true".to_owned(),
    ] {
        let answer = gate.send(&school.urn, &format!("calendar/2026?{confirmed}"), &cut).await;
        assert_eq!(answer.status, 422, "{confirmed}: {}", answer.body);
    }
    assert_eq!(number(&db.db, VERSIONS).await, versions, "nothing was applied");
    // One day of snow is asked about as well, and taken when it is meant.
    let mut snow = year.clone();
    let day = snow.iter_mut().find(|row| row["date"] == "2026-11-19").unwrap();
    day.insert("am".into(), "closed".into());
    let snow = csv_of(&columns, &snow);
    let answer = gate.send(&school.urn, "calendar/2026", &snow).await;
    let one = answer.body["marks_without_session"].as_u64().unwrap();
    assert!(answer.status == 422 && (1..marks).contains(&one), "{}", answer.body);
    let what = format!("calendar/2026?confirm_marks_without_session={one}");
    let answer = gate.send(&school.urn, &what, &snow).await;
    assert_eq!((answer.status, &answer.body["applied"]), (200, &json!(true)), "{}", answer.body);
    let answer = gate.send(&school.urn, "calendar/2026", &snow).await;
    assert_eq!((answer.status, counts(&answer)[0]), (200, 0), "the same again asks nothing: {}", answer.body);
    let answer = gate.send(&school.urn, "calendar/2026", &csv_of(&columns, &year)).await;
    assert_eq!((answer.status, &answer.body["marks_without_session"]), (200, &json!(0)), "{}", answer.body);
    gate.stop().await;
}

/// A school's own system, as the command line proves it.
fn sender(gate: &Wire, school: &SchoolFiles, action: Action) -> Sender {
    let organisation = &gate.gate.caller(&Wire::sender(&school.urn)).organisation;
    let system = SystemName::new(organisation, "mis");
    let running = &gate.gate.demo.running.gate;
    let key = std::fs::read(gate.gate.dir().join(system.key())).unwrap();
    let directory = running.directory().current();
    let (role, now) = (Role::SchoolAttendanceOfficer, running.clock().now());
    let caller =
        identity::local(&directory, &system.file_name(), &key, role, Purpose::OwnRecord, now).unwrap();
    Sender { caller, action, command: "schoolgate import" }
}

async fn never_ended(test: TestDb) {
    const BEGUN: &str = "SELECT COUNT(*) FROM uploads_begun";
    const LEFT: &str = "SELECT COUNT(*) FROM roll_events e WHERE NOT EXISTS (SELECT 1 FROM register_versions v \
         WHERE v.school_id = e.school_id AND v.version = e.version)";
    const PUPILS: &str = "SELECT COUNT(*) FROM pupils";
    let gate = Wire::start(&test.url).await;
    let running = &gate.gate.demo.running.gate;
    let school = &gate.schools()[0];
    let Sender { caller, .. } = sender(&gate, school, Action::SendMarks);
    let trail = Trail::of_command("schoolgate import", &caller, running.clock().now());
    let permit = running.open_school(Asked { caller, trail }, &school.urn, Action::SendMarks).unwrap();
    // The newest upload of the school, whose process ended before it switched: nothing ever overtakes it.
    let base = registers::newest(running.db(), &permit).await.unwrap();
    let enrolment = registers::school_roll(running.db(), &permit).await.unwrap()[0].enrolment();
    let mut tx = running.db().begin().await.unwrap();
    let upload = Upload::begin(&mut tx, &permit, base, running.clock().now()).await.unwrap();
    for place in 1..=250 {
        registers::add_roll_event(&mut tx, &upload, place, enrolment, RollEvent::MarkChanged).await.unwrap();
    }
    let child = PupilId(uuid::Uuid::now_v7());
    registers::add_pupil(&mut tx, &upload, child, running.clock().now()).await.unwrap();
    running.put_aside(&permit, tx).await.unwrap();
    let state = async || {
        let mut all = [0; 3];
        for (at, sql) in [LEFT, BEGUN, PUPILS].into_iter().enumerate() {
            all[at] = number(&test.db, sql).await;
        }
        all
    };
    let before = state().await;
    assert_eq!(before[..2], [250, 1]);
    assert_eq!(intake::expire_entries(running).await.unwrap(), 0, "its writer may still be there");
    assert_eq!(state().await, before);
    run!(test.db, "UPDATE uploads_begun SET begun_at = '2026-01-01T00:00:00+00:00'");
    run!(test.db, "UPDATE pupils SET created_at = '2026-01-01T00:00:00+00:00'");
    assert_eq!(intake::expire_entries(running).await.unwrap(), 251, "events and a child");
    assert_eq!(state().await, [0, 0, before[2] - 1]);
    assert_eq!(intake::expire_entries(running).await.unwrap(), 0);
    // Should its writer be there after all, it cannot switch to what is half gone.
    let mut tx = running.db().begin().await.unwrap();
    assert!(!upload.switch_to(&mut tx, running.clock().school_now()).await.unwrap());
    drop(tx);
    let pupil = pupils(&gate, school).remove(0);
    let answer = gate.send(&school.urn, "pupils", &changed(&pupil, &[("forename", "Quill")])).await;
    assert_eq!((answer.status, &answer.body["applied"]), (200, &json!(true)), "{}", answer.body);
    gate.stop().await;
}

/// Tells the import to stop once it has checked the file, or as it begins to read.
struct Stopping(Stop, bool);

impl Progress for Stopping {
    fn read(&self, _bytes: u64) {
        if self.1 {
            self.0.stop();
        }
    }

    fn applied(&self, _rows: usize) {
        self.0.stop();
    }
}

async fn stopped(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let running = &gate.gate.demo.running.gate;
    let school = &gate.schools()[0];
    let options = Options {
        format: Format::Csv,
        dry_run: false,
        strict: false,
        year: None,
        limits: Limits::default(),
        confirmed: Confirmed::default(),
    };
    let pupil = pupils(&gate, school).remove(0);
    let csv = changed(&pupil, &[("forename", "Quill")]);
    let versions = number(&test.db, VERSIONS).await;
    for (at_once, applied) in [(true, false), (false, true)] {
        let stop = Stop::default();
        let progress: Arc<dyn Progress> = Arc::new(Stopping(stop.clone(), at_once));
        let file: SentFile = csv.clone().into();
        let sender = sender(&gate, school, Action::SendRoll);
        let outcome = import_many(running, sender, Sent::Pupils, file, (options, progress, stop)).await;
        match outcome {
            Err(ImportError::Stopped) => assert!(!applied),
            Ok(imported) => assert!(applied && imported.schools[0].outcome.is_ok()),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(number(&test.db, VERSIONS).await, versions + i64::from(applied));
    }
    // Told before a school is begun, it says so of that school, and nothing of it is there.
    let stop = Stop::default();
    let progress: Arc<dyn Progress> = Arc::new(Checked(stop.clone()));
    let file: SentFile = changed(&pupil, &[("forename", "Rook")]).into();
    let sender = sender(&gate, school, Action::SendRoll);
    let imported = import_many(running, sender, Sent::Pupils, file, (options, progress, stop)).await.unwrap();
    assert!(matches!(imported.schools[0].outcome, Err(ImportError::Stopped)));
    assert_eq!(number(&test.db, VERSIONS).await, versions + 1);
    gate.stop().await;
}

/// Tells the import to stop between reading and applying.
struct Checked(Stop);

impl Progress for Checked {
    fn checked(&self, _rows: usize) {
        self.0.stop();
    }
}
