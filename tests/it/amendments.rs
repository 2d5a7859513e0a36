//! Amendments of both registers: original, amended, reason, date and name of the person, all five kept whatever the way
//! in, and read through the gate by the school alone (SI 2024/208 reg 6).

use crate::support::exports::{
    MARK, Row, Wire, changed, columns_of, csv_of, handle, mark, number, one_mark, ordinary, standing, taken,
};
use crate::support::{Suite, TestDb};
use chrono::NaiveDate;
use schoolgate::audit::{Class, Decision, Entry, EventId};
use schoolgate::demo::SchoolFiles;
use schoolgate::domain::purpose::{Purpose, Role};
use schoolgate::gate::{Asked, Trail};
use schoolgate::identity::local;
use schoolgate::policy::Action;
use schoolgate::registers::{Amendment, NOT_GIVEN, Register, amendments_of};
use serde_json::{Map, Value, json};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("amendments::keep_all_five_parts", amendments);
    suite.both_empty("amendments::keep_them_by_every_way_in", every_way_in);
    suite.both_empty("amendments::of_one_file_are_each_kept", many_of_one_file);
    suite.both_empty("amendments::of_the_roll_keep_reason_day_and_person", of_the_roll);
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

/// Sends a body that must be taken whole.
async fn sent(gate: &Wire, urn: &str, (what, kind): (&str, &str), body: &Value) -> Value {
    // A line of NDJSON and a list of JSON are both one line.
    let answer = gate.send_as(urn, what, kind, body.to_string().into_bytes()).await;
    assert_eq!((answer.status, &answer.body["rejected"]), (200, &json!(0)), "{what}: {}", answer.body);
    answer.body
}

const NDJSON: (&str, &str) = ("attendance", "application/x-ndjson");

/// A mark amended, in the long layout.
fn long_row(number_of: &str, original: &str, at: &str) -> Row {
    let cells = [
        ("school_pupil_id", number_of),
        ("date", "2026-11-16"),
        ("session", "am"),
        ("code", "U"),
        ("minutes_late", "14"),
        ("recorded_at", at),
        ("amended_from", original),
        ("reason", "csv"),
        ("amended_by", "Ruth Calloway"),
    ];
    cells.into_iter().map(|(column, cell)| (column.to_owned(), cell.to_owned())).collect()
}

/// The one amendment with a reason has all five parts.
fn told_whole(all: &[Amendment], reason: &str, (date, half, original): (&str, &str, &str)) {
    let found: Vec<&Amendment> = all.iter().filter(|a| a.reason == reason).collect();
    let [one] = found[..] else { panic!("{reason}: {found:?}") };
    let place = (one.session_date.unwrap().to_string(), one.field.as_str(), one.original.as_str());
    assert_eq!(place, (date.to_owned(), half, original), "{reason}");
    let parts = (one.amended.as_str(), one.amended_by.as_str(), one.amended_on.to_string());
    assert_eq!(parts, ("U", "Ruth Calloway", "2026-11-20".to_owned()), "{reason}");
}

async fn every_way_in(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let number_of = ordinary(&gate, school)["school_pupil_id"].clone();
    let stands = standing(&gate.rows(&school.attendance), &number_of);
    let was = |date: &str, half: &str| stands[&(date.to_owned(), half.to_owned())]["code"].clone();
    let at = "2026-11-20T17:00:00Z";
    assert!(
        stands.values().all(|mark| mark["code"] != "U"),
        "each of the marks below is another than what stands"
    );
    // Each way its own session; what is told is the same but for the reason, which names the way.
    let told = |date: &str, half: &str, reason: &str| {
        json!({"school_pupil_id": number_of, "recorded_at": at, "amended_from": was(date, half), "reason": reason,
               "amended_by": "Ruth Calloway"})
    };
    let with = |mut row: Value, more: &Value| {
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let session =
        |date: &str, half: &str| json!({"date": date, "session": half, "code": "U", "minutes_late": 14});
    let row = long_row(&number_of, &was("2026-11-16", "am"), at);
    taken(&gate, &school.urn, "attendance", &csv_of(&columns_of(&row), std::slice::from_ref(&row))).await;
    let line = with(told("2026-11-16", "pm", "ndjson"), &session("2026-11-16", "pm"));
    assert_eq!(sent(&gate, &school.urn, NDJSON, &line).await["amended"], 1);
    let day =
        with(told("2026-11-17", "pm", "day"), &json!({"date": "2026-11-17", "pm": "U", "minutes_late": 14}));
    assert_eq!(sent(&gate, &school.urn, NDJSON, &day).await["amended"], 1);
    let one = with(told("2026-11-17", "am", "register"), &json!({"code": "U", "minutes_late": 14}));
    let register = ("registers/2026-11-17/am", "application/json");
    let report = sent(&gate, &school.urn, register, &json!([one])).await;
    assert_eq!((&report["amended"], &report["amended_without_reason_or_name"]), (&json!(1), &json!(0)));
    // One that comes without a reason, and gets it when it is told again.
    let bare = json!({"school_pupil_id": number_of, "code": "U", "minutes_late": 14, "recorded_at": at});
    let register = ("registers/2026-11-18/am", "application/json");
    let report = sent(&gate, &school.urn, register, &json!([bare])).await;
    assert_eq!(report["amended_without_reason_or_name"], 1, "{report}");
    let one = with(told("2026-11-18", "am", "later"), &bare);
    for (accepted, unchanged) in [(1, 0), (0, 1)] {
        let report = sent(&gate, &school.urn, register, &json!([one])).await;
        assert_eq!(
            (&report["accepted"], &report["unchanged"]),
            (&json!(accepted), &json!(unchanged)),
            "{report}"
        );
    }
    let all = trail(&gate, school).await;
    for (date, half, way) in [
        ("2026-11-16", "am", "csv"),
        ("2026-11-16", "pm", "ndjson"),
        ("2026-11-17", "pm", "day"),
        ("2026-11-17", "am", "register"),
        ("2026-11-18", "am", "later"),
    ] {
        told_whole(&all, way, (date, half, &was(date, half)));
    }
    // A field of another name is no reason that was never read.
    let wrong = with(one, &json!({"why": "misspelt"}));
    let body = json!([wrong]).to_string().into_bytes();
    assert_eq!(gate.send_as(&school.urn, register.0, register.1, body).await.status, 400);
    gate.stop().await;
}

/// More than go over to the database in one statement: none is lost, none takes another's reason.
async fn many_of_one_file(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let number_of = ordinary(&gate, school)["school_pupil_id"].clone();
    let stands = standing(&gate.rows(&school.attendance), &number_of);
    let other = stands.iter().filter(|(_, row)| !["G", ""].contains(&row["code"].as_str())).take(75);
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    for (place, ((date, half), row)) in other.enumerate() {
        let reason = format!("holiday {place:02}");
        let cells =
            [&number_of, date, half, "G", "2026-11-20T17:00:00Z", &row["code"], &reason, "Ruth Calloway"];
        rows.push(mark(cells));
        expected.push((reason, date.clone(), half.clone(), row["code"].clone()));
    }
    assert_eq!(rows.len(), 75, "two recordings of each are more than two statements hold");
    let report = taken(&gate, &school.urn, "attendance", &csv_of(MARK, &rows)).await;
    assert_eq!((&report["amended"], &report["accepted"]), (&json!(75), &json!(75)), "{report}");
    let all = trail(&gate, school).await;
    let told = all.into_iter().filter(|a| a.amended_by == "Ruth Calloway" && a.amended == "G");
    let mut told: Vec<_> =
        told.map(|a| (a.reason, a.session_date.unwrap().to_string(), a.field, a.original)).collect();
    told.sort();
    assert_eq!(told, expected);
    gate.stop().await;
}

async fn of_the_roll(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let pupil = ordinary(&gate, school);
    let told = [("reason", "deed poll"), ("amended_on", "2026-11-18"), ("amended_by", "Ruth Calloway")];
    let named = [&[("surname", "Newname")], &told[..]].concat();
    let file = changed(&pupil, &named);
    let report = taken(&gate, &school.urn, "pupils", &file).await;
    assert_eq!(
        (&report["amended"], &report["amended_without_reason_or_name"]),
        (&json!(1), &json!(0)),
        "{report}"
    );
    assert_eq!(
        taken(&gate, &school.urn, "pupils", &file).await["unchanged"],
        1,
        "what is told of nothing is nothing"
    );
    let moved = [&[("surname", "Newname"), ("address", "2 Other Street")], &told[1..]].concat();
    let mut line: Map<String, Value> =
        pupil.iter().map(|(column, cell)| (column.clone(), json!(cell))).collect();
    line.extend(moved.iter().map(|(column, cell)| ((*column).to_owned(), json!(cell))));
    let report = sent(&gate, &school.urn, ("pupils", "application/x-ndjson"), &line.into()).await;
    assert_eq!(report["amended_without_reason_or_name"], 1, "{report}");
    let future = changed(&pupil, &[("amended_on", "2026-11-21")]);
    let refused = gate.send(&school.urn, "pupils", &future).await;
    assert_eq!(
        (&refused.body["rejected"], &refused.body["errors"][0]["column"]),
        (&json!(1), &json!("amended_on"))
    );
    let all = trail(&gate, school).await;
    let mine = all.iter().filter(|a| a.register == Register::Admission && a.amended_by == "Ruth Calloway");
    let day: NaiveDate = "2026-11-18".parse().unwrap();
    let parts: Vec<_> = mine.map(|a| (a.field.as_str(), a.reason.as_str(), a.amended_on)).collect();
    assert_eq!(parts, [("surname", "deed poll", day), ("register", NOT_GIVEN, day)]);
    let name = all.iter().find(|a| a.field == "surname").unwrap();
    assert_eq!((&name.original, name.amended.as_str()), (&pupil["surname"], "Newname"));
    let address = all.iter().find(|a| a.field == "register").unwrap();
    assert!(!address.original.contains("2 Other Street") && address.amended.contains("2 Other Street"));
    gate.stop().await;
}
