//! Figures over the wire: the sums over schools, and what the two schools of a dual registration see of each other.

use crate::support::exports::{Row, Wire, changed, columns_of, csv_of, standing};
use crate::support::wire::log;
use crate::support::{Suite, TestDb};
use schoolgate::audit::{Entry, Receipt};
use schoolgate::demo::SchoolFiles;
use schoolgate::demo::run::Answered;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("figures::the_sums_are_over_schools", sums);
    suite.both_empty("figures::two_schools_of_one_child_see_each_other_as_both_recorded", dual);
}

pub fn sections(part: &Value) -> &Value {
    &part["sections"]
}

pub fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, name| &value[name])
}

/// The entry that an answer's receipt names.
pub async fn entry(db: &TestDb, answer: &Answered) -> Entry {
    let receipt: Receipt = answer.receipt.as_deref().unwrap().parse().unwrap();
    log(&db.db, receipt.index).await.into_iter().next().unwrap().entry
}

pub fn enrolments(body: &Value) -> &Vec<Value> {
    body["enrolments"].as_array().unwrap_or_else(|| panic!("no summary: {body}"))
}

/// A school's marks as a file: number, date, half, code.
fn marks(rows: &[(&str, &str, &str, &str)]) -> String {
    let row = |(number, date, half, code): &(&str, &str, &str, &str)| -> Row {
        let cells = [
            ("school_pupil_id", *number),
            ("date", *date),
            ("session", *half),
            ("code", *code),
            ("recorded_at", "2026-11-20T17:00:00Z"),
        ];
        cells.iter().map(|(name, cell)| ((*name).to_owned(), (*cell).to_owned())).collect()
    };
    let rows: Vec<Row> = rows.iter().map(row).collect();
    csv_of(&columns_of(&rows[0]), &rows)
}

async fn taken(gate: &Wire, urn: &str, what: &str, csv: &str) {
    let answer = gate.send(urn, what, csv).await;
    assert_eq!((answer.status, &answer.body["rejected"]), (200, &json!(0)), "{what}: {}", answer.body);
}

/// The rows of one child at two schools, by UPN; with the schools, in the order of the first row's fitting.
fn at_two_schools(gate: &Wire, fits: impl Fn(&Row) -> bool) -> [(&SchoolFiles, Row); 2] {
    for school in gate.schools() {
        for row in gate.rows(&school.pupils).iter().filter(|row| fits(row)) {
            let mut other = gate.schools().iter().filter(|s| s.urn != school.urn);
            let found = other.find_map(|s| Some((s, gate.pupil(s, &row["upn"])?)));
            if let Some(found) = found {
                return [(school, row.clone()), found];
            }
        }
    }
    panic!("nobody is at two schools");
}

/// A child that moved in this school year: five sessions missed in the last weeks of one school and five in the first of
/// the other are ten, though neither school has ten; and everything else adds up.
async fn sums(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let left = |row: &Row| row["last_day"].as_str() >= "2026-09-20" && row["removal_ground"] == "9(1)(a)";
    let [(old, left), (new, joined)] = at_two_schools(&gate, left);
    let days = |school: &SchoolFiles, row: &Row| -> Vec<String> {
        let stands = standing(&gate.rows(&school.attendance), &row["school_pupil_id"]);
        let met = stands.iter().filter(|(_, mark)| mark["code"] != "#").map(|((date, _), _)| date.clone());
        met.filter(|date| date.as_str() >= "2026-05-01").collect::<BTreeSet<_>>().into_iter().collect()
    };
    let (before, after) = (days(old, &left), days(new, &joined));
    // The first five mornings from September on are missed; all else since May is present.
    let missed = |row: &Row, days: &[String], code: &str| -> String {
        let number = row["school_pupil_id"].as_str();
        let first: Vec<&String> = days.iter().filter(|date| date.as_str() >= "2026-09-01").take(5).collect();
        let cells = |date: &'_ String| {
            let morning = if first.contains(&date) { code.to_owned() } else { "/".to_owned() };
            [("am", morning), ("pm", "\\".to_owned())]
        };
        let rows: Vec<(&str, &str, &str, String)> = days
            .iter()
            .flat_map(|date| cells(date).map(|(half, code)| (number, date.as_str(), half, code)))
            .collect();
        marks(&rows.iter().map(|(n, d, h, c)| (*n, *d, *h, c.as_str())).collect::<Vec<_>>())
    };
    taken(&gate, &old.urn, "attendance", &missed(&left, &before, "U")).await;
    taken(&gate, &new.urn, "attendance", &missed(&joined, &after, "O")).await;
    let handle = gate.client("attendance_officer_la").find(&left["upn"]).await.unwrap().unwrap();
    let asked = gate.ask("attendance_officer_la", &handle, None, "?from=2026-09-01&derivation=true").await;
    let body = asked.body;
    let [first, second] = enrolments(&body).as_slice() else { panic!("two enrolments: {body}") };
    let combined = sections(&body["combined"]);
    let sum =
        |path: &str| -> u64 { [first, second].iter().map(|e| at(sections(e), path).as_u64().unwrap()).sum() };
    for path in [
        "headline.possible",
        "headline.attended",
        "headline.missed",
        "split.authorised",
        "split.unauthorised",
        "punctuality.late_before_close",
        "punctuality.late_after_close",
        "health.illness",
        "health.medical",
        "suspension.sessions",
    ] {
        assert_eq!(*at(combined, path), sum(path), "{path}");
    }
    let weeks = combined["trend"]["weeks"].as_array().unwrap();
    assert_eq!(weeks.iter().map(|w| w["possible"].as_u64().unwrap()).sum::<u64>(), sum("headline.possible"));
    let window = |part: &Value| part["enforcement"]["worst_window"]["unauthorised"].as_u64().unwrap();
    assert_eq!((window(sections(first)), window(sections(second))), (5, 5), "{body}");
    assert_eq!(
        (window(combined), &combined["enforcement"]["worst_window"]["threshold_met"]),
        (10, &json!(true))
    );
    assert_eq!(combined["headline"]["flags_of"], "combined_sum");
    assert_eq!(sections(first)["headline"]["flags_of"], "enrolment");
    assert_eq!(combined["headline"]["rules"]["persistent_absence"], "persistent/exact-10/2015");
    assert_eq!(combined["enforcement"]["rules"]["worst_window"], "penalty/10-in-10-school-weeks/2024");
    let seen = |part: &Value| part["last_seen"]["last_marked_present"].clone();
    assert_eq!(seen(combined), seen(sections(second)), "the latest");
    let mornings = |school: &SchoolFiles, days: &[String]| -> Vec<Value> {
        let days = days.iter().filter(|date| date.as_str() >= "2026-09-01").take(5);
        days.map(|date| json!({ "date": date, "session": "am", "urn": school.urn })).collect()
    };
    let ten = [mornings(old, &before), mornings(new, &after)].concat();
    assert_eq!(body["combined"]["derivation"]["counts"], behind(&ten));
    let since = after.iter().find(|date| date.as_str() >= "2026-09-01").unwrap();
    at_the_new_school(&gate, &handle, since, &ten).await;
    gate.stop().await;
}

/// What a combined derivation says of these sessions: the penalty window alone.
fn behind(sessions: &[Value]) -> Value {
    json!({"enforcement.worst_window.unauthorised": {"count": sessions.len(), "sessions": sessions}})
}

/// Asked for the time at the new school alone, the old school's weeks still count towards a notice, and its sessions, which
/// are in no enrolment of that answer, are told as those behind the count.
async fn at_the_new_school(gate: &Wire, handle: &str, since: &str, ten: &[Value]) {
    let ask = async |query: &str| {
        let query = format!("?from={since}&derivation=true&sections=enforcement,headline{query}");
        gate.ask("attendance_officer_la", handle, None, &query).await.body
    };
    let body = ask(",codes").await;
    assert_eq!(enrolments(&body).len(), 1, "{body}");
    let window = &sections(&body["combined"])["enforcement"]["worst_window"];
    assert_eq!(window["unauthorised"], json!(10), "{body}");
    assert_eq!(body["combined"]["derivation"]["counts"], behind(ten));
    let without = ask("").await;
    assert!(without["combined"].get("derivation").is_none(), "codes were not asked for: {without}");
}

/// One school's own answer about a child, and its entry.
async fn own(gate: &Wire, db: &TestDb, school: &SchoolFiles, upn: &str) -> (Value, Entry) {
    let name = Wire::sender(&school.urn);
    let handle = gate.client(&name).find(upn).await.unwrap().unwrap();
    let answer = gate.ask(&name, &handle, None, "?from=2026-09-01&to=2026-11-20").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(enrolments(&answer.body).len(), 1, "never another school's enrolment: {}", answer.body);
    (enrolments(&answer.body)[0].clone(), entry(db, &answer).await)
}

async fn dual(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let fits = |row: &Row| row["enrolment_status"] == "main";
    let [(main, row), (subsidiary, other)] = at_two_schools(&gate, fits);
    let upn = row["upn"].clone();
    let upn = upn.as_str();
    let recorded = |mut row: Row, other: &SchoolFiles| {
        row.insert("other_school_urn".to_owned(), other.urn.clone());
        row
    };
    let both = [(main, recorded(row.clone(), subsidiary)), (subsidiary, recorded(other, main))];
    let [(_, row), (_, other)] = &both;
    // Not before both have recorded it: one school alone gains nothing by naming another.
    for (school, row) in &both {
        for school in [main, subsidiary] {
            assert!(own(&gate, &db, school, upn).await.0.get("other_school").is_none());
        }
        taken(&gate, &school.urn, "pupils", &changed(row, &[])).await;
    }
    let (here, entry) = own(&gate, &db, main, upn).await;
    let (there, _) = own(&gate, &db, subsidiary, upn).await;
    assert!(entry.policies.iter().any(|id| id.starts_with("summaries_dual_registration")), "{entry:?}");
    assert!(entry.relationship.unwrap().contains("dual registration"));
    sees_no_more(&gate, (&here, main), (&there, subsidiary), (row, other));
    sees_no_more(&gate, (&there, subsidiary), (&here, main), (other, row));
    unmet_is_live(&gate, &db, &both).await;
    // What the other school changes of its register of names shows in nothing that this one can fetch.
    let (before, _) = own(&gate, &db, main, upn).await;
    let renamed = [("forename", "Unlike"), ("address", "another address"), ("name_used", "Otherwise")];
    taken(&gate, &subsidiary.urn, "pupils", &changed(other, &renamed)).await;
    assert_eq!(own(&gate, &db, main, upn).await.0, before);
    taken(&gate, &subsidiary.urn, "pupils", &changed(other, &[])).await;
    // No more than both recorded: each of these takes it from both, and leaves the rest of the answer as it was.
    for (school, row, changes) in [
        (subsidiary, other, [("other_school_urn", "")]),
        (subsidiary, other, [("other_school_urn", "199999")]),
        (main, row, [("other_school_urn", "")]),
        (main, row, [("enrolment_status", "single")]),
        (subsidiary, other, [("enrolment_status", "main")]),
        (main, row, [("starting_day", "2026-11-21")]),
    ] {
        taken(&gate, &school.urn, "pupils", &changed(row, &changes)).await;
        // Who is not on roll yet has no summary to look at.
        let on_roll = if changes[0].0 == "starting_day" { vec![subsidiary] } else { vec![main, subsidiary] };
        for school in on_roll {
            let (alone, entry) = own(&gate, &db, school, upn).await;
            assert!(alone.get("other_school").is_none(), "{changes:?}: {alone}");
            assert_eq!(sections(&alone)["last_seen"]["d_unmet"], json!([]), "{changes:?}");
            assert!(!entry.relationship.unwrap().contains("dual"));
        }
        taken(&gate, &school.urn, "pupils", &changed(row, &[])).await;
        let (again, _) = own(&gate, &db, main, upn).await;
        assert!(again.get("other_school").is_some(), "{changes:?} taken back");
    }
    // Protection is never lifted by a file, so it comes last: of a protected child no school sees another.
    taken(&gate, &subsidiary.urn, "pupils", &changed(other, &[("whereabouts_protected", "true")])).await;
    for school in [main, subsidiary] {
        let (alone, _) = own(&gate, &db, school, upn).await;
        assert!(alone.get("other_school").is_none(), "protected: {alone}");
        assert_eq!(sections(&alone)["last_seen"]["d_unmet"], json!([]));
    }
    gate.stop().await;
}

/// What one school is shown of the other: its headline and last sightings as the other's own answer has them, and the
/// class of each session that the own register marks D; nothing else, and no name, number or date of birth.
fn sees_no_more(
    gate: &Wire,
    (mine, my_school): (&Value, &SchoolFiles),
    (theirs, their_school): (&Value, &SchoolFiles),
    (my_row, their_row): (&Row, &Row),
) {
    let seen = &mine["other_school"];
    let keys: BTreeSet<&str> = seen.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(["headline", "last_seen", "school", "sessions"]));
    assert_eq!(seen["school"], json!({"urn": their_school.urn, "name": their_school.name}));
    assert_eq!(seen["headline"], sections(theirs)["headline"]);
    assert_eq!(seen["last_seen"], sections(theirs)["last_seen"]);
    let text = seen.to_string();
    for personal in ["school_pupil_id", "upn", "surname", "forename", "date_of_birth", "address"] {
        assert!(!text.contains(their_row[personal].as_str()), "{personal} of the other register: {text}");
    }
    let stands = standing(&gate.rows(&my_school.attendance), &my_row["school_pupil_id"]);
    let dual: BTreeSet<(String, String)> = stands
        .iter()
        .filter(|((date, _), mark)| mark["code"] == "D" && date.as_str() >= "2026-09-01")
        .map(|(at, _)| at.clone())
        .collect();
    let classes: Vec<(String, String, String)> = seen["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| ["date", "session", "class"].map(|key| s[key].as_str().unwrap().to_owned()))
        .map(|[date, half, class]| (date, half, class))
        .collect();
    let told: BTreeSet<(String, String)> = classes.iter().map(|(d, h, _)| (d.clone(), h.clone())).collect();
    assert!(!dual.is_empty());
    assert_eq!(told, dual, "the sessions that the own register marks D, and no other");
    let shown = sections(theirs)["sessions"].as_array().unwrap();
    for (date, half, class) in classes {
        let day = shown.iter().find(|day| day["date"] == date.as_str());
        let expected = day.map_or("·", |day| day[half.as_str()].as_str().unwrap());
        assert_eq!(class, expected, "{date} {half}");
    }
}

/// A D that the other school met by absence is unmet for both at once, and met again for both as soon as it is.
async fn unmet_is_live(gate: &Wire, db: &TestDb, both: &[(&SchoolFiles, Row); 2]) {
    let [(main, row), (subsidiary, other)] = both;
    let (upn, number) = (row["upn"].as_str(), other["school_pupil_id"].as_str());
    let stands = standing(&gate.rows(&main.attendance), &row["school_pupil_id"]);
    let ((date, half), _) = stands.iter().rev().find(|(_, mark)| mark["code"] == "D").unwrap();
    let unmet = async |gate: &Wire| {
        let mut lists = Vec::new();
        for school in [main, subsidiary] {
            lists.push(sections(&own(gate, db, school, upn).await.0)["last_seen"]["d_unmet"].clone());
        }
        assert_eq!(lists[0], lists[1], "shown to both alike");
        lists.remove(0).as_array().unwrap().clone()
    };
    let session = json!({"date": date, "session": half});
    for (code, is_unmet, at) in
        [("N", true, "17:10"), ("/", false, "17:20"), ("U", false, "17:30"), ("O", true, "17:40")]
    {
        let csv = marks(&[(number, date, half, code)]).replace("17:00", at);
        taken(gate, &subsidiary.urn, "attendance", &csv).await;
        assert_eq!(unmet(gate).await.contains(&session), is_unmet, "{code}");
    }
    // An agency sees the same, at the school that marks D.
    let officer = gate.client("attendance_officer_la");
    let handle = officer.find(upn).await.unwrap().unwrap();
    let body = gate.ask("attendance_officer_la", &handle, None, "?sections=last_seen").await.body;
    assert!(enrolments(&body).iter().all(|e| e.get("other_school").is_none()), "it sees both whole");
    let combined = &sections(&body["combined"])["last_seen"]["d_unmet"];
    assert!(combined.as_array().unwrap().contains(&session), "{body}");
}
