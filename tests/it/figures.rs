//! Figures over the wire: the sessions behind each count, the sums over schools, and what the two schools of a dual
//! registration see of each other.

use crate::support::exports::{Row, Wire, changed, columns_of, csv_of, standing};
use crate::support::wire::log;
use crate::support::{Suite, TestDb};
use schoolgate::audit::{Entry, Receipt};
use schoolgate::demo::run::Answered;
use schoolgate::demo::{DemoChild, SchoolFiles, Standing};
use schoolgate::domain::purpose::Section;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("figures::every_count_can_be_taken_apart", derivation);
    suite.both_empty("figures::the_sums_are_over_schools", sums);
    suite.both_empty("figures::two_schools_of_one_child_see_each_other_as_both_recorded", dual);
}

fn sections(part: &Value) -> &Value {
    &part["sections"]
}

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, name| &value[name])
}

/// The entry that an answer's receipt names.
async fn entry(db: &TestDb, answer: &Answered) -> Entry {
    let receipt: Receipt = answer.receipt.as_deref().unwrap().parse().unwrap();
    log(&db.db, receipt.index).await.into_iter().next().unwrap().entry
}

/// How many sessions the derivation gives to a count.
fn made(derivation: &Value, count: &Value) -> usize {
    let listed = |map: &str| -> usize {
        let words = count[map].as_array().unwrap();
        let lists = words.iter().map(|word| derivation[map][word.as_str().unwrap()].as_array());
        lists.map(|list| list.map_or(0, Vec::len)).sum()
    };
    match (count.get("classes"), count.get("codes"), count.get("sessions")) {
        (Some(_), None, None) => listed("classes"),
        (None, Some(_), None) => listed("codes"),
        (None, None, Some(sessions)) => sessions.as_array().unwrap().len(),
        other => panic!("a count is made of one thing: {other:?}"),
    }
}

async fn derivation(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = format!("dsl_{}", gate.schools()[0].urn);
    for (name, by_code) in
        [("social_worker_cp", false), (school.as_str(), true), ("attendance_officer_la", true)]
    {
        for child in mine(&gate, name) {
            let answer = gate.summary(name, child, "?derivation=true").await;
            let plain = gate.summary(name, child, "").await;
            for (enrolment, without) in enrolments(&answer.body).iter().zip(enrolments(&plain.body)) {
                assert_eq!(sections(enrolment), sections(without), "{name}: the sections stay as they are");
                hold(name, enrolment, by_code);
            }
        }
    }
    narrowed_derivation(&gate, &db).await;
    gate.stop().await;
}

/// Each count of an enrolment is what its sessions come to, and no code is told where codes are not.
fn hold(name: &str, enrolment: &Value, by_code: bool) {
    let Some(derivation) = enrolment.get("derivation") else {
        assert_eq!(enrolment["completeness"]["recorded"], false, "{name}: only a boarder has none");
        return;
    };
    assert_eq!(derivation.get("codes").is_some(), by_code, "{name}");
    let counts = derivation["counts"].as_object().unwrap();
    for path in ["headline.possible", "split.authorised", "completeness.sessions_without_mark"] {
        assert!(counts.contains_key(path), "{name}: {path}");
    }
    assert_eq!(
        counts.contains_key("health.illness"),
        by_code,
        "{name}: which session was sickness is a code"
    );
    for (path, count) in counts {
        assert_eq!(count["count"], made(derivation, count), "{name}: {path}");
        assert!(by_code || count.get("classes").is_some(), "{name}: {path} is told by class alone");
        let figure = match path.split_once('.').unwrap() {
            ("completeness", rest) => &enrolment["completeness"][rest],
            ("placement", _) => continue,
            _ => at(sections(enrolment), path),
        };
        let nothing = path.starts_with("enforcement.worst_window") && figure.is_null();
        assert!(nothing || *figure == count["count"], "{name}: {path} {figure}");
    }
    // Class by class the same sessions as the section shows.
    let of = |class: &str| derivation["classes"][class].as_array().map_or(0, Vec::len);
    let shown = sections(enrolment)["sessions"].as_array().unwrap();
    let halves = |class: &str| {
        shown.iter().flat_map(|day| [&day["am"], &day["pm"]]).filter(|shown| **shown == class).count()
    };
    for class in ["P", "L", "A", "U", "?"] {
        assert_eq!(of(class), halves(class), "{name}: {class}");
    }
}

/// It is part of `sessions`: recorded as that, left out without a word where that is not permitted, and by class alone
/// where the codes were not asked for.
async fn narrowed_derivation(gate: &Wire, db: &TestDb) {
    let child = mine(gate, "social_worker_cp")[0];
    let answer = gate.summary("social_worker_cp", child, "?sections=headline&derivation=true").await;
    let enrolment = &enrolments(&answer.body)[0];
    let keys = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    assert_eq!(keys(sections(enrolment)), BTreeSet::from(["headline".to_owned()]), "what was asked for");
    let counts =
        ["completeness.sessions_without_mark", "headline.attended", "headline.missed", "headline.possible"];
    assert_eq!(keys(&enrolment["derivation"]["counts"]), counts.map(str::to_owned).into());
    let told = entry(db, &answer).await.sections_given;
    assert!(
        told.has(Section::Headline) && told.has(Section::Sessions),
        "the entry says that sessions were told"
    );
    let urn = &gate.schools()[0].urn;
    let (name, child) = (format!("dsl_{urn}"), mine(gate, &format!("dsl_{urn}"))[0]);
    let by_class = gate.summary(&name, child, "?sections=split&derivation=true").await;
    assert!(enrolments(&by_class.body)[0]["derivation"].get("codes").is_none(), "codes were not asked for");
    for name in ["social_worker_cin", "early_help_worker", "school_nurse", "mental_health_practitioner"] {
        let child = mine(gate, name)[0];
        let asked = gate.summary(name, child, "?derivation=true").await;
        assert_eq!(asked.status, 200, "{name}: {}", asked.body);
        assert_eq!(asked.bytes, gate.summary(name, child, "").await.bytes, "{name}: left out, not an error");
        assert!(!entry(db, &asked).await.sections_given.has(Section::Sessions), "{name}");
    }
    let refused =
        gate.summary("social_worker_cp", mine(gate, "social_worker_cp")[0], "?derivation=perhaps").await;
    assert_eq!(refused.status, 400, "{}", refused.body);
}

fn mine<'a>(gate: &'a Wire, name: &str) -> Vec<&'a DemoChild> {
    gate.gate.caller(name).children.iter().filter(|c| c.standing == Standing::Mine).collect()
}

fn enrolments(body: &Value) -> &Vec<Value> {
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
    let officer = gate.client("attendance_officer_la");
    let handle = officer.find(&left["upn"]).await.unwrap().unwrap();
    let body = gate.ask("attendance_officer_la", &handle, None, "?from=2026-09-01").await.body;
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
    // Asked for the time at the new school alone, the old school's weeks still count towards a notice.
    let first = after.iter().find(|date| date.as_str() >= "2026-09-01").unwrap();
    let since = format!("?from={first}&sections=enforcement,headline");
    let body = gate.ask("attendance_officer_la", &handle, None, &since).await.body;
    assert_eq!(enrolments(&body).len(), 1, "{body}");
    assert_eq!(window(sections(&body["combined"])), 10, "{body}");
    gate.stop().await;
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
