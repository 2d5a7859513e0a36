//! The forms that partners read, byte for byte: one summary of each role, and every problem document.
//!
//! The demonstration of seed 1 on 20 November 2026 gives them, the same on both databases. What is random is taken out.
//! A change here is a change for partners: `INSTA_UPDATE=always cargo test --test it snapshots` writes them anew.

use crate::support::exports;
use crate::support::wire::{MOVED, Reply, Wire, run, send, until};
use crate::support::{Suite, TestDb, TestGate};
use chrono::{DateTime, Utc};
use http_body_util::BodyExt as _;
use insta::assert_json_snapshot;
use schoolgate::config::Safety;
use schoolgate::demo::Standing;
use schoolgate::gate::{Refusal, Unmet};
use schoolgate::http::{Error, ProblemKind, RequestId};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("snapshots::none_is_left_over", none_is_left_over);
    suite.both_empty("snapshots::one_summary_of_each_role", summaries);
    suite.both_empty("snapshots::every_problem_document", problems);
}

/// Every role that is given summaries, by the caller whose own child is asked about.
const CALLERS: &[(&str, &str)] = &[
    ("attendance_officer_la", "attendance_officer_la"),
    ("dsl", "dsl_"),
    ("early_help_worker", "early_help_worker"),
    ("family_help_practitioner", "family_help_practitioner_cin"),
    ("mental_health_practitioner", "mental_health_practitioner"),
    ("school_attendance_officer", "school_attendance_officer_"),
    ("school_nurse", "school_nurse"),
    ("social_worker", "social_worker_cp"),
    ("virtual_school", "virtual_school_cla"),
    ("youth_justice_worker", "youth_justice_worker"),
];

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/snapshots");
/// Two weeks, so that a summary with every session can be read.
const WINDOW: &str = "?from=2026-11-09&to=2026-11-20";

/// Compares with the committed text, whichever module asks.
fn hold(name: &str, what: &Value) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(FOLDER);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_json_snapshot!(name, what));
}

fn none_is_left_over() {
    let mut expected: BTreeSet<String> =
        CALLERS.iter().map(|(role, _)| format!("summary_{role}.snap")).collect();
    expected.insert("problems.snap".to_owned());
    let names = std::fs::read_dir(Path::new(FOLDER)).unwrap();
    let there = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(expected, there, "each is compared by a test of this file");
}

/// Takes out handles, request ids and other identifiers, which are 32 digits or a UUID, and what the running clock
/// gave: times that are no whole second.
fn redacted(value: &mut Value) {
    match value {
        Value::String(text) => {
            let digits = text.chars().filter(char::is_ascii_hexdigit).count();
            if digits == 32 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
                "[id]".clone_into(text);
            } else if text.parse::<DateTime<Utc>>().is_ok_and(|time| time.timestamp_subsec_nanos() != 0) {
                "[time]".clone_into(text);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(redacted),
        Value::Object(all) => all.values_mut().for_each(redacted),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

async fn summaries(test: TestDb) {
    let gate = exports::Wire::start(&test.url).await;
    let asked: BTreeSet<&str> = CALLERS.iter().map(|(role, _)| *role).collect();
    let callers = &gate.gate.demo.json.callers;
    let has_child = |standing: Standing| standing == Standing::Mine;
    let roles = callers.iter().filter(|c| c.children.iter().any(|child| has_child(child.standing)));
    assert_eq!(
        roles.map(|c| c.role.as_str()).collect::<BTreeSet<_>>(),
        asked,
        "every role is asked for once"
    );
    for (role, name) in CALLERS {
        let caller = callers.iter().find(|c| c.name.starts_with(name) && c.role == *role).unwrap();
        let child = caller.children.iter().find(|child| has_child(child.standing)).unwrap();
        let mut answer = gate.summary(&caller.name, child, WINDOW).await;
        assert_eq!(answer.status, 200, "{role}: {}", answer.body);
        redacted(&mut answer.body);
        hold(&format!("summary_{role}"), &answer.body);
    }
    gate.stop().await;
}

/// The gateway's own address is another in each run.
fn without_port(text: &str) -> String {
    const HOST: &str = "https://127.0.0.1:";
    let Some((before, after)) = text.split_once(HOST) else { return text.to_owned() };
    format!("{before}{HOST}[port]{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// A document as it came: status, the headers that belong to it, body.
fn document(status: u16, header: impl Fn(&str) -> Option<String>, mut body: Value) -> Value {
    redacted(&mut body);
    let mut headers = serde_json::Map::new();
    for name in ["allow", "content-type", "retry-after", "www-authenticate"] {
        headers.extend(header(name).map(|value| (name.to_owned(), without_port(&value).into())));
    }
    json!({"status": status, "headers": headers, "body": body})
}

fn of_reply(reply: &Reply) -> Value {
    document(reply.status, |name| reply.header(name).map(str::to_owned), reply.json())
}

async fn problems(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let mut all: Vec<Value> = asked(&gate).await.iter().map(of_reply).collect();
    all.push(of_reply(&suspended(&test, &gate).await));
    gate.stop().await;
    // What no request brings about at will.
    for error in [
        Error::Limited { seconds: 7 },
        Error::Internal,
        Error::NotReady,
        Refusal::Ambiguous.into(),
        Refusal::LaneStopped.into(),
        Refusal::Conflict.into(),
        Refusal::from(Unmet::PreconditionFailed).into(),
        Refusal::from(Unmet::KeyReused).into(),
    ] {
        let response = error.respond(&RequestId::new(), &Safety::new("01632 960999"));
        let (parts, body) = response.into_parts();
        let body = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        all.push(document(parts.status.as_u16(), header, body));
    }
    let kind = |one: &Value| one["body"]["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    all.sort_by_key(kind);
    let mut kinds: Vec<String> = ProblemKind::ALL.iter().map(ToString::to_string).collect();
    kinds.sort();
    assert_eq!(all.iter().map(kind).collect::<Vec<_>>(), kinds, "each kind once");
    hold("problems", &all.into());
}

/// A row of a roll whose sex is none.
const ONE_PUPIL: &str = "school_pupil_id,surname,forename,date_of_birth,sex,starting_day,enrolment_status\n\
                         1,A,B,2014-05-06,q,2024-09-03,single\n";

/// One request for each problem that a request alone brings about; the API document lists its status there.
async fn asked(gate: &TestGate) -> Vec<Reply> {
    const SUMMARY: &str = "/v1/pupils/{pupil_id}/attendance-summary";
    const FIND: &str = "/v1/pupils/find";
    const PUPILS: &str = "/v1/schools/{urn}/pupils";
    const CALENDAR: &str = "/v1/schools/{urn}/calendar/{year}";
    const REPORT: &str = "/v1/involvements/report";
    const RETIRE: &str = "/v1/systems/own/certificates/{thumbprint}";
    const CHANGES: &str = "/v1/attendance-summaries/changes";
    let worker = Wire::of(gate, "social_worker_cp").await;
    let urn = gate.demo.json.schools[0].urn.clone();
    let office = Wire::of(gate, &format!("school_attendance_officer_{urn}")).await;
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, case) = (mine.pupil_id.unwrap(), mine.case_reference.unwrap());
    let nobody = "0".repeat(32);
    let long = "x".repeat(70_000);
    let get = |template: &'static str, path: String, case: Option<&str>| {
        let request = worker.request("GET", &path);
        (template, if let Some(case) = case { request.header("case-reference", case) } else { request })
    };
    let summary = |handle: &str, query: &str| SUMMARY.replace("{pupil_id}", handle) + query;
    let send_file = |kind: &str| {
        let request = office.request("POST", &PUPILS.replace("{urn}", &urn));
        (PUPILS, request.header("content-type", kind).body("upn\n"))
    };
    let refused = |method: &str, template: &'static str, query: &str, body: &'static str| {
        let path = template.replace("{urn}", &urn).replace("{year}", "2030") + query;
        (template, office.request(method, &path).header("content-type", "text/csv").body(body))
    };
    let find = |body: String| {
        (FIND, worker.request("POST", FIND).header("content-type", "application/json").body(body))
    };
    let requests = [
        get(SUMMARY, summary(&nobody, ""), Some(&case)),
        get(SUMMARY, summary(&handle, "?sections=headlines"), Some(&case)),
        get(SUMMARY, summary(&handle, "?from=2026-10-02&to=2026-10-01"), Some(&case)),
        get(SUMMARY, summary(&handle, ""), None),
        get(SUMMARY, summary(&handle, ""), Some("CP-9999")),
        get(PUPILS, format!("/v1/schools/{urn}/pupils"), None),
        get("", "/v1/nothing".to_owned(), None),
        get("/v1/schools/{urn}/imports", format!("/v1/schools/{urn}/imports"), None),
        get(CHANGES, format!("{CHANGES}?cursor=nonsense"), None),
        (REPORT, worker.bare("GET", REPORT)),
        (RETIRE, worker.request("DELETE", &RETIRE.replace("{thumbprint}", &"0".repeat(64)))),
        find(json!({"upn": "A12"}).to_string()),
        find(long),
        send_file("text/csv"),
        send_file("text/plain"),
        refused("POST", PUPILS, "?strict=true", ONE_PUPIL),
        refused("PUT", CALENDAR, "", "date,am,pm\n2030-09-02,open,open\n"),
    ];
    let described: Value = serde_json::from_str(&schoolgate::router::openapi()).unwrap();
    let mut replies = Vec::new();
    for (template, request) in requests {
        let reply = send(request).await;
        let operations = described["paths"][template].as_object().into_iter().flat_map(|o| o.values());
        for operation in operations {
            let answer = &operation["responses"][reply.status.to_string()];
            assert!(answer.is_object(), "{template} does not list {}", reply.status);
            for name in ["Allow", "Audit-Receipt", "Retry-After", "WWW-Authenticate", "X-Request-Id"] {
                let listed = answer["headers"][name].is_object();
                assert_eq!(reply.header(name).is_some(), listed, "{template} {} {name}", reply.status);
            }
        }
        replies.push(reply);
    }
    replies
}

async fn suspended(test: &TestDb, gate: &TestGate) -> Reply {
    const SUSPEND: &str = "UPDATE organisations SET standing = 'suspended' WHERE code = $1";
    let nurse = Wire::of(gate, "school_nurse").await;
    assert_eq!(run!(test.db, SUSPEND, gate.caller("school_nurse").organisation.as_str()), 1);
    run!(test.db, MOVED);
    let ask = async || send(nurse.request("GET", "/v1/involvements/report")).await;
    until("suspended", Duration::from_secs(10), async || ask().await.status == 403).await;
    ask().await
}
