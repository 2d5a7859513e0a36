//! Summaries over the wire: who gets which sections, with which figures, and what everybody else gets.

use crate::support::exports::{Row, Wire, changed, columns_of, csv_of, standing};
use crate::support::gate::sections;
use crate::support::{Suite, TestDb};
use reqwest::Method;
use schoolgate::demo::run::Client;
use schoolgate::demo::{DemoCaller, DemoChild, SchoolFiles, Standing};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("summaries::each_caller_gets_its_row_of_the_matrix", matrix);
    suite.both_empty("summaries::figures_are_those_of_the_schools_own_registers", figures);
    suite.both_empty("summaries::whoever_has_no_relationship_gets_the_one_404", refusals);
    suite.both_empty("summaries::roles_without_sessions_see_whole_published_weeks", weeks);
    suite.both_empty("summaries::polling_tells_nothing_of_a_day", polling);
    suite.both_empty("summaries::protection_raised_later_takes_the_child_out", raised_later);
}

const HEADLINE: &[&str] = &["headline", "school_contact"];
const LATE: &[&str] = &["punctuality", "pattern"];
const SEEN: &[&str] = &["last_seen", "placement"];
const EVERYTHING: &[&str] = &["trend", "split", "health", "suspension", "enforcement", "sessions", "codes"];

/// The matrix of sections, written out by hand: sample caller, purpose, groups of sections.
fn rows_of_the_matrix(gate: &Wire) -> Vec<(String, &'static str, BTreeSet<&'static str>)> {
    let mut rows: Vec<(String, &str, Vec<&[&'static str]>)> = Vec::new();
    let mut row = |name: &str, purpose, groups: &[&'static [&'static str]]| {
        rows.push((name.to_owned(), purpose, groups.to_vec()));
    };
    let needs: &[&[&str]] = &[HEADLINE, &["trend", "split", "suspension"], LATE, SEEN];
    let protection: &[&[&str]] =
        &[HEADLINE, &["trend", "split", "health", "suspension", "sessions"], LATE, SEEN];
    let early: &[&[&str]] = &[HEADLINE, &["trend", "split"], LATE];
    let whole: &[&[&str]] = &[HEADLINE, LATE, SEEN, EVERYTHING];
    row("social_worker_screening", "screening", &[HEADLINE, &["split"], SEEN]);
    row("social_worker_cin", "child_in_need", needs);
    row("family_help_practitioner_cin", "child_in_need", needs);
    row("social_worker_cp", "child_protection", protection);
    row("social_worker_s47", "child_protection", protection);
    row("social_worker_cla", "looked_after", protection);
    row("virtual_school_cla", "looked_after", protection);
    row("early_help_worker", "early_help", early);
    row("family_help_practitioner_early_help", "early_help", early);
    row("school_nurse", "school_health", &[HEADLINE, &["health"]]);
    row("mental_health_practitioner", "school_health", &[HEADLINE]);
    row("youth_justice_worker", "youth_justice", needs);
    row("attendance_officer_la", "attendance_duty", whole);
    row("attendance_officer_la_resident", "resident_concern", &[HEADLINE, SEEN]);
    for school in gate.schools() {
        row(&format!("school_attendance_officer_{}", school.urn), "own_record", whole);
        row(&format!("dsl_{}", school.urn), "own_record", whole);
    }
    rows.into_iter()
        .map(|(name, purpose, groups)| (name, purpose, groups.concat().into_iter().collect()))
        .collect()
}

fn mine<'a>(gate: &'a Wire, name: &str) -> Vec<&'a DemoChild> {
    gate.gate.caller(name).children.iter().filter(|c| c.standing == Standing::Mine).collect()
}

/// The enrolments of an answer that must be 200.
fn enrolments(body: &Value) -> &Vec<Value> {
    body["enrolments"].as_array().unwrap_or_else(|| panic!("no summary: {body}"))
}

async fn matrix(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let rows = rows_of_the_matrix(&gate);
    let known = ["stranger", "data_protection_officer_agency", "designated_officer"];
    for caller in &gate.gate.demo.json.callers {
        let ours =
            known.contains(&caller.name.as_str()) || caller.name.starts_with("data_protection_officer_");
        assert!(
            ours || rows.iter().any(|row| row.0 == caller.name),
            "{} is in no row of this test",
            caller.name
        );
    }
    for (name, purpose, expected) in rows {
        let children = mine(&gate, &name);
        assert!(!children.is_empty(), "{name} has no child");
        for child in children {
            let answer = gate.summary(&name, child, "").await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.body);
            assert!(answer.receipt.is_some(), "{name}");
            let body = &answer.body;
            assert_eq!((body["purpose"].as_str(), &body["not_given"]), (Some(purpose), &json!([])), "{name}");
            assert_eq!(body["pupil_id"].as_str(), child.pupil_id.as_deref(), "{name}");
            assert!(!enrolments(body).is_empty(), "{name}");
            for enrolment in enrolments(body) {
                let given: BTreeSet<&str> = sections(enrolment).into_iter().collect();
                let unrecorded = BTreeSet::from(["placement", "school_contact"]);
                let recorded = enrolment["completeness"]["recorded"] == true;
                let whole = if recorded { expected.clone() } else { &expected & &unrecorded };
                assert_eq!(given, whole, "{name}");
            }
            // Sums over enrolments are of what the row permits, but for what belongs to one school's register.
            let sums: BTreeSet<&str> = sections(&body["combined"]).into_iter().collect();
            let recorded = enrolments(body).iter().any(|e| e["completeness"]["recorded"] == true);
            let whole = if recorded { expected.clone() } else { &expected & &BTreeSet::from(["placement"]) };
            assert_eq!(sums, &whole - &BTreeSet::from(["sessions", "school_contact"]), "{name}");
            let caution = body["caution"].as_str();
            assert_eq!(caution.is_some(), purpose != "own_record", "{name}: the caution is for every agency");
            assert!(caution.is_none_or(|text| text.contains("01632 960999")), "{name}: {caution:?}");
        }
        narrowed(&gate, &name, &expected).await;
    }
    gate.stop().await;
}

/// `sections=` narrows, leaves out what is not permitted without a word, and must name sections.
async fn narrowed(gate: &Wire, name: &str, expected: &BTreeSet<&str>) {
    let child = mine(gate, name)[0];
    for asked in ["headline", "headline,codes", "sessions,health,split", "trend", "headline, last_seen"] {
        let answer = gate.summary(name, child, &format!("?sections={}", asked.replace(' ', "%20"))).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        let asked: BTreeSet<&str> = asked.split(',').map(str::trim).collect();
        for enrolment in enrolments(&answer.body) {
            let given: BTreeSet<&str> = sections(enrolment).into_iter().collect();
            assert_eq!(given, asked.intersection(expected).copied().collect(), "{name}");
        }
    }
    for bad in ["?sections=headlines", "?sections=", "?section=headline", "?from=2026-13-01"] {
        let answer = gate.summary(name, child, bad).await;
        assert_eq!(
            (answer.status, answer.body["status"].as_u64()),
            (400, Some(400)),
            "{name} {bad}: {}",
            answer.body
        );
    }
    let answer = gate.summary(name, child, "?from=2026-10-02&to=2026-10-01").await;
    assert_eq!((answer.status, &answer.body["type"]), (400, &json!("urn:schoolgate:problem:dates_reversed")));
}

/// How the codes of the registers count; SI 2024/208 reg 10 and the department's classes, written out by hand.
fn class(code: &str) -> &'static str {
    match code {
        "/" | "\\" | "V" | "P" | "W" | "B" | "K" => "P",
        "L" => "L",
        "C" | "C1" | "C2" | "E" | "I" | "J1" | "M" | "R" | "S" | "T" => "A",
        "G" | "N" | "O" | "U" => "U",
        "D" | "Q" | "X" | "Y1" | "Y2" | "Y3" | "Y4" | "Y5" | "Y6" | "Y7" | "Z" | "#" => "·",
        other => panic!("`{other}` is no code"),
    }
}

/// One enrolment counted from its school's own files.
struct Counted {
    /// Open sessions on roll in the window, with the code that stands.
    sessions: BTreeMap<(String, String), Option<String>>,
}

impl Counted {
    fn from_files(gate: &Wire, school: &SchoolFiles, row: &Row, (from, to): (&str, &str)) -> Self {
        let marks = standing(&gate.rows(&school.attendance), &row["school_pupil_id"]);
        let on_roll = |date: &str| {
            row["starting_day"].as_str() <= date
                && (row["last_day"].is_empty() || date <= row["last_day"].as_str())
        };
        let mut sessions = BTreeMap::new();
        for day in gate.rows(&school.calendar).iter() {
            let date = day["date"].as_str();
            if date < from || date > to || !on_roll(date) || row["boarder"] == "true" {
                continue;
            }
            for half in ["am", "pm"].into_iter().filter(|half| day[*half] == "open") {
                let key = (date.to_owned(), half.to_owned());
                let code = marks.get(&key).map(|mark| mark["code"].clone());
                sessions.insert(key, code);
            }
        }
        Self { sessions }
    }

    fn count(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        self.sessions.values().flatten().filter(|code| wanted(code)).count().try_into().unwrap()
    }

    fn of_class(&self, classes: &[&str]) -> u64 {
        self.count(|code| classes.contains(&class(code)))
    }

    fn codes(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for code in self.sessions.values().flatten() {
            *all.entry(code.clone()).or_default() += 1;
        }
        all
    }
}

/// A percentage, rounded half up to one decimal, as a number of tenths.
fn tenths(part: u64, whole: u64) -> Option<u64> {
    (whole > 0).then(|| (2000 * part + whole) / (2 * whole))
}

fn rate(value: &Value) -> Option<u64> {
    value.as_f64().map(|percent| format!("{:.0}", percent * 10.0).parse().unwrap())
}

/// Holds one enrolment of an answer against its school's files, in all sections that it has.
fn hold(gate: &Wire, upn: &str, enrolment: &Value, window: &Value) -> (u64, u64) {
    let urn = enrolment["school"]["urn"].as_str().unwrap();
    let school = gate.schools().iter().find(|s| s.urn == urn).unwrap();
    let row = gate.pupil(school, upn).unwrap();
    let of = |at: &str| window[at].as_str().unwrap().to_owned();
    let counted = Counted::from_files(gate, school, &row, (&of("from"), &of("to")));
    let (attended, authorised, unauthorised) =
        (counted.of_class(&["P", "L"]), counted.of_class(&["A"]), counted.of_class(&["U"]));
    let (missed, possible) = (authorised + unauthorised, attended + authorised + unauthorised);
    let given = &enrolment["sections"];
    let what = format!("{upn} at {urn}");
    if enrolment["completeness"]["recorded"] == false {
        // A boarder: nothing is recorded, which is not nothing missed.
        assert_eq!(row["boarder"], "true", "{what}");
        assert!(given.get("headline").is_none() && given.get("sessions").is_none(), "{what}");
        return (0, 0);
    }
    let headline = &given["headline"];
    assert_eq!(headline["possible"], possible, "{what}");
    assert_eq!(headline["attended"], attended, "{what}");
    assert_eq!(headline["missed"], missed, "{what}");
    assert_eq!(rate(&headline["attendance_rate"]), tenths(attended, possible), "{what}");
    assert_eq!(rate(&headline["absence_rate"]), tenths(missed, possible), "{what}");
    assert_eq!(headline["persistent_absence"], possible > 0 && 10 * missed >= possible, "{what}");
    assert_eq!(headline["severe_absence"], possible > 0 && 2 * missed >= possible, "{what}");
    let unmarked = counted.sessions.values().filter(|code| code.is_none()).count();
    assert_eq!(enrolment["completeness"]["sessions_without_mark"], unmarked, "{what}");
    if let Some(split) = given.get("split") {
        assert_eq!(split, &json!({"authorised": authorised, "unauthorised": unauthorised}), "{what}");
    }
    if let Some(late) = given.get("punctuality") {
        assert_eq!(late["late_before_close"], counted.count(|c| c == "L"), "{what}");
        assert_eq!(late["late_after_close"], counted.count(|c| c == "U"), "{what}");
    }
    if let Some(health) = given.get("health") {
        assert_eq!(health["illness"], counted.count(|c| c == "I"), "{what}");
        assert_eq!(health["medical"], counted.count(|c| c == "M"), "{what}");
    }
    if let Some(suspension) = given.get("suspension") {
        assert_eq!(suspension["sessions"], counted.count(|c| c == "E"), "{what}");
    }
    if let Some(trend) = given.get("trend") {
        let sum = |what: &str| -> u64 {
            trend["weeks"].as_array().unwrap().iter().map(|week| week[what].as_u64().unwrap()).sum()
        };
        assert_eq!((sum("possible"), sum("attended"), sum("missed")), (possible, attended, missed), "{what}");
    }
    if let Some(codes) = given.get("codes") {
        assert_eq!(codes, &json!(counted.codes()), "{what}");
    }
    hold_days(&counted, given, &what);
    hold_last_seen(&Counted::from_files(gate, school, &row, ("2026-08-01", "2026-11-20")), given, &what);
    (possible, attended)
}

/// Each session by class of our own.
fn hold_days(counted: &Counted, given: &Value, what: &str) {
    if let Some(sessions) = given.get("sessions") {
        let shown: BTreeMap<(String, String), String> = sessions
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|day| {
                let date = day["date"].as_str().unwrap().to_owned();
                ["am", "pm"]
                    .map(|half| ((date.clone(), half.to_owned()), day[half].as_str().unwrap().to_owned()))
            })
            .filter(|(key, _)| counted.sessions.contains_key(key))
            .collect();
        let expected: BTreeMap<(String, String), String> = counted
            .sessions
            .iter()
            .map(|(key, code)| (key.clone(), code.as_deref().map_or("?", class).to_owned()))
            .collect();
        assert_eq!(shown, expected, "{what}");
    }
}

/// The last session of this school year that the school marked the child present, live whatever the window.
fn hold_last_seen(all: &Counted, given: &Value, what: &str) {
    if let Some(seen) = given.get("last_seen") {
        let this_year = all.sessions.iter().rev();
        let last = this_year
            .filter(|(_, code)| code.as_deref().is_some_and(|c| ["/", "\\", "L", "U"].contains(&c)))
            .map(|(key, _)| json!({"date": key.0, "session": key.1}))
            .next();
        if let Some(last) = last {
            let marked = &seen["last_marked_present"];
            assert_eq!(json!({"date": marked["date"], "session": marked["session"]}), last, "{what}");
        }
    }
}

async fn figures(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let mut held = 0;
    for (name, _, expected) in rows_of_the_matrix(&gate) {
        let as_of = if expected.contains("sessions") { "2026-11-20" } else { "2026-11-15" };
        for child in mine(&gate, &name) {
            let answer = gate.summary(&name, child, "").await;
            let body = &answer.body;
            assert_eq!(
                (body["as_of"].as_str(), body["window"]["to"].as_str()),
                (Some(as_of), Some(as_of)),
                "{name}"
            );
            let sums: Vec<(u64, u64)> =
                enrolments(body).iter().map(|e| hold(&gate, &child.upn, e, &body["window"])).collect();
            let total = |of: fn(&(u64, u64)) -> u64| -> u64 { sums.iter().map(of).sum() };
            let combined = &body["combined"]["sections"]["headline"];
            if enrolments(body).iter().all(|e| e["completeness"]["recorded"] != true) {
                assert!(
                    combined.is_null(),
                    "{name}: what no register holds is not nothing missed: {combined}"
                );
                continue;
            }
            assert_eq!(combined["possible"], total(|s| s.0), "{name}");
            assert_eq!(combined["attended"], total(|s| s.1), "{name}");
            held += sums.len();
        }
    }
    assert!(held > 40, "{held} enrolments were held against their files");
    gate.stop().await;
}

/// A problem without what differs from request to request.
fn anonymous(body: &Value) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove("request_id");
    body
}

/// Callers whose system holds the other case too, so that it knows the child and is told that the reference does not fit.
const HOLD_BOTH: &[&str] = &[
    "social_worker_screening",
    "social_worker_cin",
    "social_worker_cp",
    "social_worker_s47",
    "social_worker_cla",
    "family_help_practitioner_early_help",
];

async fn refusals(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let mut one = None;
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    for caller in &gate.gate.demo.json.callers {
        let handle =
            caller.children.first().and_then(|c| c.pupil_id.clone()).unwrap_or_else(|| "0".repeat(32));
        for child in &caller.children {
            let expected = match child.standing {
                Standing::Mine => 200,
                Standing::OtherCaseKind if HOLD_BOTH.contains(&caller.name.as_str()) => 422,
                Standing::OtherCaseKind
                | Standing::NotMine
                | Standing::Ended
                | Standing::Protected
                | Standing::Shielded => 404,
            };
            let answer = gate.summary(&caller.name, child, "").await;
            let what = format!("{} {:?}", caller.name, child.standing);
            assert_eq!(answer.status, expected, "{what}: {}", answer.body);
            assert!(answer.receipt.is_some(), "{what} has no entry");
            *met.entry(format!("{:?}", child.standing)).or_default() += 1;
            match expected {
                404 => {
                    let said = anonymous(&answer.body);
                    assert_eq!(one.get_or_insert_with(|| said.clone()), &said, "{what}: one 404 for all");
                }
                422 => assert_eq!(
                    answer.body["type"], "urn:schoolgate:problem:case_reference_mismatch",
                    "{what}"
                ),
                _ => {}
            }
        }
        without_reference(&gate, caller, &handle).await;
    }
    let one = one.unwrap();
    assert_eq!(one["type"], "urn:schoolgate:problem:not_found");
    let detail = one["detail"].as_str().unwrap();
    assert!(detail.starts_with("This does not mean") && detail.contains("01632 960999"), "{detail}");
    for standing in ["Mine", "NotMine", "Ended", "OtherCaseKind", "Protected"] {
        assert!(met.get(standing).is_some_and(|n| *n > 0), "{standing} did not occur: {met:?}");
    }
    others_handles(&gate, &one).await;
    forbidden(&gate).await;
    gate.stop().await;
}

/// A purpose that is a case needs its reference, said before the child is looked at.
async fn without_reference(gate: &Wire, caller: &DemoCaller, handle: &str) {
    let case = !matches!(caller.purpose.as_str(), "own_record" | "attendance_duty" | "audit_review");
    if case {
        for handle in [handle, "0123456789abcdef0123456789abcdef", "nobody"] {
            let answer = gate.ask(&caller.name, handle, None, "").await;
            assert_eq!(answer.status, 400, "{}: {}", caller.name, answer.body);
            assert_eq!(
                answer.body["type"], "urn:schoolgate:problem:case_reference_required",
                "{}",
                caller.name
            );
        }
    }
}

/// A handle is one system's: anybody else's use of it is the one 404, even with the right reference.
async fn others_handles(gate: &Wire, one: &Value) {
    let child = mine(gate, "social_worker_cp")[0];
    let (handle, reference) = (child.pupil_id.as_deref().unwrap(), child.case_reference.as_deref());
    for name in ["virtual_school_cla", "school_nurse", "stranger", "attendance_officer_la", "dsl_100000"] {
        let name =
            if name.starts_with("dsl") { format!("dsl_{}", gate.schools()[0].urn) } else { name.to_owned() };
        let answer = gate.ask(&name, handle, reference, "").await;
        assert_eq!((answer.status, &anonymous(&answer.body)), (404, one), "{name}");
    }
    for made_up in ["nobody", "0123456789abcdef0123456789abcdef", "00000000-0000-0000-0000-000000000000"] {
        let answer = gate.ask("social_worker_cp", made_up, reference, "").await;
        assert_eq!((answer.status, &anonymous(&answer.body)), (404, one), "{made_up}");
    }
    // Another reference of its own, of the right kind, but of another child.
    let second = mine(gate, "social_worker_cp")[1].case_reference.as_deref();
    let answer = gate.ask("social_worker_cp", handle, second, "").await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    let found = gate.client("stranger").find(&child.upn).await.unwrap();
    assert_eq!(found, None, "a search finds nothing that is not the caller's");
}

/// What no relationship could ever allow is a plain 403, the same for every child; a role that a system does not carry
/// gets no token.
async fn forbidden(gate: &Wire) {
    let child = mine(gate, "social_worker_cp")[0];
    let handle = child.pupil_id.as_deref().unwrap();
    let school = format!("data_protection_officer_{}", gate.schools()[0].urn);
    for name in ["data_protection_officer_agency", school.as_str()] {
        for handle in [handle, "nobody"] {
            let answer = gate.ask(name, handle, child.case_reference.as_deref(), "").await;
            assert_eq!(
                (answer.status, &answer.body["type"]),
                (403, &json!("urn:schoolgate:problem:forbidden"))
            );
        }
    }
    // A system without the scope: family help opens no cases, a privacy office finds no child.
    let case = json!({"kind": "cin"});
    let path = "/v1/involvements/5b3d3a0e-3f0f-4d5f-9d61-0e2f5a3b1c11";
    let answer = gate.json("family_help_practitioner_cin", Method::PUT, path, &case).await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    let answer = gate.json(&school, Method::POST, "/v1/pupils/find", &json!({"upn": child.upn})).await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    // Whom the directory does not give a role, no token is given; to a purpose that the role has not, one that opens nothing.
    let roles = [
        ("social_worker_cp", "cme_officer", "cme", false),
        ("social_worker_cp", "attendance_officer_la", "attendance_duty", false),
        ("social_worker_cp", "designated_officer", "audit_review", false),
        ("social_worker_cp", "social_worker", "looked_after_child", false),
        ("early_help_worker", "social_worker", "child_protection", false),
        ("school_nurse", "mental_health_practitioner", "school_health", false),
        ("school_nurse", "school_nurse", "child_protection", true),
        ("data_protection_officer_agency", "social_worker", "child_protection", false),
    ];
    for (name, role, purpose, given) in roles {
        let mut caller = gate.gate.caller(name).clone();
        (caller.role, caller.purpose) = (role.to_owned(), purpose.to_owned());
        let client = Client::new(&caller, &gate.gate.dir(), &gate.gate.demo.json.api).unwrap();
        let token = client.token().await;
        assert_eq!(token.is_ok(), given, "{name} as {role} for {purpose}");
        let Ok(token) = token else { continue };
        // Where a token is given, no child and no section comes with it.
        let path = format!("/v1/pupils/{handle}/attendance-summary");
        let reference = child.case_reference.as_deref().unwrap();
        let headers = [("case-reference", reference)];
        let answer = client.call_with(&token, Method::GET, &path, &headers, Vec::new()).await.unwrap();
        assert_eq!(answer.status, 403, "{name} as {role} for {purpose}: {}", answer.body);
    }
}

/// A child of a caller, with the school and the admission row of its one enrolment.
async fn known<'a>(gate: &'a Wire, name: &str) -> (&'a DemoChild, &'a SchoolFiles, Row) {
    for child in mine(gate, name) {
        let body = gate.summary(name, child, "").await.body;
        let [enrolment] = enrolments(&body).as_slice() else { continue };
        let school = gate.schools().iter().find(|s| enrolment["school"]["urn"] == s.urn.as_str()).unwrap();
        let row = gate.pupil(school, &child.upn).unwrap();
        let marked = enrolment["sections"]["headline"]["possible"].as_u64().unwrap() > 0;
        if marked && row["enrolment_status"] == "single" {
            return (child, school, row);
        }
    }
    panic!("{name} has no child with one enrolment");
}

/// A mark of a pupil that stands on a date, recorded at a time.
fn mark(row: &Row, date: &str, half: &str, code: &str, at: &str) -> String {
    let cells = [
        ("school_pupil_id", row["school_pupil_id"].as_str()),
        ("date", date),
        ("session", half),
        ("code", code),
        ("recorded_at", at),
    ];
    let cells: Row = cells.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    csv_of(&columns_of(&cells), std::slice::from_ref(&cells))
}

async fn taken(gate: &Wire, school: &SchoolFiles, csv: &str) {
    let answer = gate.send(&school.urn, "attendance", csv).await;
    assert_eq!((answer.status, &answer.body["rejected"]), (200, &json!(0)), "{}", answer.body);
    assert_eq!(answer.body["accepted"], 1, "{}", answer.body);
}

async fn weeks(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let (bound, school, row) = known(&gate, "social_worker_cin").await;
    // The window widens to whole weeks, Monday to Sunday, and never past what is published.
    for (asked, from, to) in [
        ("?from=2026-11-04&to=2026-11-05", "2026-11-02", "2026-11-08"),
        ("?from=2026-11-11&to=2026-11-20", "2026-11-09", "2026-11-15"),
        ("?from=2026-11-18", "2026-11-09", "2026-11-15"),
    ] {
        let body = gate.summary("social_worker_cin", bound, asked).await.body;
        assert_eq!(body["window"], json!({"from": from, "to": to}), "{asked}");
        assert_eq!(body["as_of"], "2026-11-15");
        for e in enrolments(&body) {
            // Two weeks' weekdays or dates of spells would tell days.
            let s = &e["sections"];
            assert_eq!(s["pattern"], json!({"absences": [], "spells": []}), "{asked}");
            assert_eq!(s["punctuality"]["by_weekday"], json!([]), "{asked}");
        }
    }
    let whole = gate.summary("social_worker_cin", bound, "").await.body;
    assert!(!enrolments(&whole)[0]["sections"]["pattern"]["absences"].as_array().unwrap().is_empty());
    // For a role with sessions the window is what was asked for.
    let (live, live_school, live_row) = known(&gate, "social_worker_cp").await;
    let body = gate.summary("social_worker_cp", live, "?from=2026-11-04&to=2026-11-05").await.body;
    assert_eq!(body["window"], json!({"from": "2026-11-04", "to": "2026-11-05"}));
    // A mark changed now for last week: at once for child protection, next Monday for a child in need.
    let before = gate.summary("social_worker_cp", live, "").await.body;
    let (date, half, code) = other_code(&gate, live_school, &live_row);
    taken(&gate, live_school, &mark(&live_row, &date, &half, code, "2026-11-20T17:00:00Z")).await;
    let after = gate.summary("social_worker_cp", live, "").await.body;
    let total = |body: &Value| body["combined"]["sections"]["headline"]["missed"].as_u64().unwrap();
    assert_eq!(total(&after).abs_diff(total(&before)), 1, "{date} {half} {code}");
    let (date, half, code) = other_code(&gate, school, &row);
    taken(&gate, school, &mark(&row, &date, &half, code, "2026-11-20T17:00:00Z")).await;
    assert_eq!(gate.summary("social_worker_cin", bound, "").await.bytes, serde_json::to_vec(&whole).unwrap());
    gate.stop().await;
}

/// A session of the week before the gateway's day, with a code of the other kind than the one that stands: absent where
/// the child was there, there where it was absent.
fn other_code(gate: &Wire, school: &SchoolFiles, row: &Row) -> (String, String, &'static str) {
    let stands = standing(&gate.rows(&school.attendance), &row["school_pupil_id"]);
    let last_week = stands.iter().find(|((date, half), mark)| {
        ("2026-11-09".."2026-11-14").contains(&date.as_str()) && half == "am" && class(&mark["code"]) != "·"
    });
    let ((date, half), mark) = last_week.unwrap();
    (date.clone(), half.clone(), if matches!(class(&mark["code"]), "P" | "L") { "O" } else { "/" })
}

/// The answer without the one section that is live.
fn without_last_seen(body: &Value) -> String {
    let mut body = body.clone();
    for enrolment in body["enrolments"].as_array_mut().unwrap() {
        enrolment["sections"].as_object_mut().unwrap().remove("last_seen");
    }
    body["combined"]["sections"].as_object_mut().unwrap().remove("last_seen");
    body.to_string()
}

async fn polling(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let (child, school, row) = known(&gate, "social_worker_cin").await;
    let poll = async |query| gate.summary("social_worker_cin", child, query).await.body;
    let queries =
        ["", "?from=2026-11-16&to=2026-11-20", "?from=2026-11-09&sections=headline,trend,last_seen"];
    let mut first = Vec::new();
    for query in queries {
        first.push(poll(query).await);
    }
    let stands = standing(&gate.rows(&school.attendance), &row["school_pupil_id"]);
    let this_week: Vec<&(String, String)> =
        stands.keys().filter(|(date, _)| date.as_str() >= "2026-11-16").collect();
    assert_eq!(this_week.len(), 10, "five days of two sessions");
    let mut seen = BTreeSet::new();
    for (index, (date, half)) in this_week.into_iter().enumerate() {
        let code = if index % 3 == 0 { "O" } else { "L" };
        taken(&gate, school, &mark(&row, date, half, code, &format!("2026-11-20T17:{:02}:00Z", 10 + index)))
            .await;
        for (query, first) in queries.iter().zip(&first) {
            let now = poll(query).await;
            assert_eq!(without_last_seen(&now), without_last_seen(first), "{date} {half} {query}");
            seen.insert(enrolments(&now)[0]["sections"]["last_seen"].to_string());
        }
    }
    assert!(seen.len() > 1, "last_seen is live");
    let last = poll("").await;
    let last = &enrolments(&last)[0]["sections"]["last_seen"]["last_marked_present"];
    assert_eq!(
        (&last["date"], &last["session"]),
        (&json!("2026-11-20"), &json!("am")),
        "the last L of the week"
    );
    gate.stop().await;
}

/// Whereabouts protected once a case is matched: for the agency the enrolment is not there any more, and a child that
/// has no other is the one 404; the school keeps its own register.
async fn raised_later(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let (child, school, row) = known(&gate, "social_worker_cp").await;
    let answer = gate.send(&school.urn, "pupils", &changed(&row, &[("whereabouts_protected", "true")])).await;
    assert_eq!((answer.status, &answer.body["accepted"]), (200, &json!(1)), "{}", answer.body);
    let answer = gate.summary("social_worker_cp", child, "").await;
    assert_eq!(answer.status, 404, "{}", answer.body);
    let unfit = gate.ask("social_worker_cp", child.pupil_id.as_deref().unwrap(), Some("CN-0001"), "").await;
    assert_eq!(anonymous(&unfit.body), anonymous(&answer.body), "not even that the reference does not fit");
    assert_eq!(gate.client("social_worker_cp").find(&child.upn).await.unwrap(), None);
    assert_eq!(gate.client("attendance_officer_la").find(&child.upn).await.unwrap(), None);
    let own = Wire::sender(&school.urn);
    let handle = gate.client(&own).find(&child.upn).await.unwrap().unwrap();
    assert_eq!(gate.ask(&own, &handle, None, "").await.status, 200);
    gate.stop().await;
}
