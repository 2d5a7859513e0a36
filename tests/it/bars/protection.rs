//! Protected whereabouts: who raises the flag and who lowers it, whom it bars, and that nobody barred can tell that there
//! was an admission at all.

use super::queue::{decide, items};
use super::world::{AUTHORITY, Bars, Who, call, call_with, shape};
use crate::support::exports::{Row, changed};
use crate::support::wire::{Wire, entry_of, send};
use crate::support::{Suite, TestDb};
use schoolgate::demo::Standing;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

pub fn register(suite: &mut Suite) {
    suite.both_empty("bars::a_flagged_admission_changes_no_byte_of_any_route", no_byte);
    suite.both_empty("bars::a_flag_raised_late_bars_all_but_those_who_protect", raised_late);
    suite.both_empty("bars::two_of_those_who_protect_lower_a_flag", lowered);
}

const TEAM: &[&str] = &["child-protection"];

/// A child at the second school alone of whom agencies know, with its row.
fn mover(bars: &Bars) -> (String, Row) {
    let gate = &bars.world.gate;
    let rows = |number: usize| -> Vec<Row> {
        let path = gate.dir().join(&gate.demo.json.schools[number].pupils);
        csv::Reader::from_path(path)
            .unwrap()
            .deserialize::<HashMap<String, String>>()
            .map(Result::unwrap)
            .collect()
    };
    let (here, there) = (rows(0), rows(1));
    let known: Vec<&str> = gate
        .demo
        .json
        .callers
        .iter()
        .filter(|caller| caller.purpose != "own_record")
        .flat_map(|caller| &caller.children)
        .filter(|child| child.standing == Standing::Mine)
        .map(|child| child.upn.as_str())
        .collect();
    let fits = |row: &&Row| {
        row["last_day"].is_empty()
            && row["enrolment_status"] == "single"
            && row["starting_day"].as_str() < "2026-09-01"
            && row["whereabouts_protected"] == "false"
            && known.contains(&row["upn"].as_str())
            && !here.iter().any(|other| other["upn"] == row["upn"])
    };
    let row = there.iter().find(fits).cloned().unwrap();
    (row["upn"].clone(), row)
}

/// The first school admits the child.
async fn admit(bars: &Bars, row: &Row, flag: bool) {
    // What one school sends later than another is later: the hand's clock does not move by itself.
    bars.pass(1);
    let flag = flag.to_string();
    let csv = changed(
        row,
        &[
            ("school_pupil_id", "P9001"),
            ("starting_day", "2026-11-16"),
            ("whereabouts_protected", &flag),
            ("address", "somewhere new"),
        ],
    );
    let urn = &bars.world.gate.demo.json.schools[0].urn;
    let office = Wire::of(&bars.world.gate, &format!("school_attendance_officer_{urn}")).await;
    let request = office.request("POST", &format!("/v1/schools/{urn}/pupils"));
    let reply = send(request.header("content-type", "text/csv").body(csv)).await;
    assert_eq!((reply.status, &reply.json()["rejected"]), (200, &json!(0)), "{}", reply.json());
}

/// Every answer of every route that reads, to every caller but the first school's own: method, path and what was sent.
async fn everything(bars: &Bars, upn: &str) -> BTreeMap<String, (u16, Vec<(String, String)>, String, usize)> {
    let gate = &bars.world.gate;
    let document: Value = serde_json::from_str(&schoolgate::router::openapi()).unwrap();
    let mut reads: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        if path.starts_with("/v1/") && methods.get("get").is_some() {
            reads.push(path.clone());
        }
    }
    let admitting = gate.demo.json.schools[0].urn.clone();
    let mut all = BTreeMap::new();
    for caller in &gate.demo.json.callers {
        let own = caller.name.ends_with(&admitting) || caller.organisation == own_code(bars, &admitting);
        if own {
            continue;
        }
        let wire = Wire::of(gate, &caller.name).await;
        let handles: Vec<(String, Option<String>)> = caller
            .children
            .iter()
            .filter_map(|child| Some((child.pupil_id.clone()?, child.case_reference.clone())))
            .collect();
        for path in &reads {
            for asked in filled(bars, path, &handles) {
                let mut request = wire.request("GET", &asked.0);
                if let Some(reference) = &asked.1 {
                    request = request.header("case-reference", reference);
                }
                let reply = send(request).await;
                all.insert(format!("{} GET {asked:?}", caller.name), shape(&reply));
            }
        }
        for search in caller.children.iter().map(|c| c.upn.as_str()).chain([upn]) {
            let reply = call(&wire, "POST", "/v1/pupils/find", &json!({"upn": search})).await;
            all.insert(format!("{} find {search}", caller.name), shape(&reply));
        }
        let lines: Vec<String> = handles
            .iter()
            .map(|(handle, reference)| json!({"pupil_id": handle, "case_reference": reference}).to_string())
            .collect();
        for body in [lines.join("\n"), json!({"area": "own"}).to_string()] {
            let request = wire.request("POST", "/v1/attendance-summaries");
            let reply = send(request.header("content-type", "application/x-ndjson").body(body.clone())).await;
            let (status, headers, text, _) = shape(&reply);
            // The order of an area is drawn anew each time, and a line's handle with it stays.
            let mut sorted: Vec<&str> = text.lines().filter(|line| !line.contains("\"trailer\"")).collect();
            sorted.sort_unstable();
            let digestless: Vec<&str> = sorted.into_iter().filter(|line| !line.contains("sha256")).collect();
            let text = digestless.join("\n");
            let length = text.len();
            let key = format!("{} many {}", caller.name, body.len());
            all.insert(key, (status, headers, text, length));
        }
    }
    all
}

/// The same, of what is alike when it is asked twice and nothing has happened: where a feed begins anew and a log grows with
/// every question, there is nothing to compare.
async fn steady(bars: &Bars, upn: &str) -> BTreeMap<String, (u16, Vec<(String, String)>, String, usize)> {
    everything(bars, upn).await;
    let first = everything(bars, upn).await;
    let mut second = everything(bars, upn).await;
    let all = second.len();
    second.retain(|asked, answer| first.get(asked) == Some(answer));
    for asked in first.keys().filter(|asked| !second.contains_key(*asked)) {
        let grows = ["/changes", "/audit/entries", "/notifications", "/certificates"];
        assert!(grows.iter().any(|path| asked.contains(path)), "not alike twice: {asked}");
    }
    assert!(second.len() * 10 > all * 8, "{} of {all}", second.len());
    second
}

fn own_code(bars: &Bars, urn: &str) -> String {
    let directory = bars.world.gate.demo.running.gate.directory().current();
    directory.school_by_urn(urn).unwrap().1.code.clone()
}

/// A path with every value that a caller has for its parameters.
fn filled(bars: &Bars, path: &str, handles: &[(String, Option<String>)]) -> Vec<(String, Option<String>)> {
    let schools = &bars.world.gate.demo.json.schools;
    let bounded = if path == "/v1/audit/entries" { "?limit=5" } else { "" };
    if path.contains("{pupil_id}") {
        let with = |(handle, reference): &(String, Option<String>)| {
            (path.replace("{pupil_id}", handle), reference.clone())
        };
        return handles.iter().map(with).collect();
    }
    if path.contains("{urn}") {
        return schools.iter().map(|school| (path.replace("{urn}", &school.urn), None)).collect();
    }
    let none = "00000000-0000-7000-8000-000000000000";
    vec![(path.replace("{id}", none).replace("{number}", "1") + bounded, None)]
}

async fn no_byte(test: TestDb) {
    let bars = Bars::start(&test).await;
    let (upn, row) = mover(&bars);
    let before = steady(&bars, &upn).await;
    assert!(before.len() > 300, "{} answers", before.len());
    assert!(before.values().filter(|answer| answer.0 == 200).count() > 100);
    admit(&bars, &row, true).await;
    let after = everything(&bars, &upn).await;
    for (asked, answer) in &before {
        assert_eq!(after.get(asked), Some(answer), "{asked}");
    }
    println!(
        "{} answers of {} callers alike to the last byte",
        before.len(),
        bars.world.gate.demo.json.callers.len()
    );
    bars.stop().await;
}

async fn raised_late(test: TestDb) {
    let bars = Bars::start(&test).await;
    let (upn, row) = mover(&bars);
    let before = steady(&bars, &upn).await;
    admit(&bars, &row, false).await;
    let known = everything(&bars, &upn).await;
    assert!(before.iter().any(|(asked, answer)| known.get(asked) != Some(answer)), "unflagged it shows");
    // The admitting school's lead raises it.
    let lead = bars.school_persons().await;
    let dsl = bars.person(lead).await;
    let found = call(&dsl, "POST", "/v1/pupils/find", &json!({"upn": upn})).await.json();
    let path = format!("/v1/pupils/{}/whereabouts-protection", found["pupil_id"].as_str().unwrap());
    let body = json!({"protected": true, "reason": "fled from the father, who knows the old school",
                      "team": {"organisation": AUTHORITY, "team": "looked-after"}});
    let office = Wire::of(&bars.world.gate, &lead.caller.replace("dsl", "school_attendance_officer")).await;
    assert_eq!(call(&office, "PUT", &path, &body).await.status, 403, "not a lead, and no person");
    let raised = call(&dsl, "PUT", &path, &body).await;
    assert_eq!((raised.status, &raised.json()), (200, &json!({"protected": true})), "{}", raised.json());
    let entry = entry_of(&test.db, &raised).await;
    assert_eq!((entry.action.as_deref(), entry.child.is_some()), (Some("raise_protection"), true));
    let again = call(&dsl, "PUT", &path, &body).await;
    assert_eq!(again.json(), json!({"protected": true}), "raised again it looks the same");
    let after = everything(&bars, &upn).await;
    let feeds = |asked: &String| asked.contains("/changes") || asked.contains("audit");
    for (asked, answer) in before.iter().filter(|(asked, _)| !feeds(asked)) {
        assert_eq!(after.get(asked), Some(answer), "{asked}");
    }
    // A file does not lower it.
    admit(&bars, &row, false).await;
    let after = everything(&bars, &upn).await;
    for (asked, answer) in before.iter().filter(|(asked, _)| !feeds(asked)) {
        assert_eq!(after.get(asked), Some(answer), "{asked}");
    }
    bars.stop().await;
}

async fn lowered(test: TestDb) {
    let bars = Bars::start(&test).await;
    bars.mark("esl-1", "education_safeguarding_lead", None).await;
    let child = bars.world.gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (child.pupil_id.unwrap(), child.case_reference.unwrap());
    let path = format!("/v1/pupils/{handle}/whereabouts-protection");
    let worker = bars.person(Who::worker("child_protection", TEAM, "sw-1")).await;
    let read = async |wire: &Wire| wire.summary(&handle, Some(&reference)).await.status;
    let put = async |wire: &Wire, body: &Value| call_with(wire, "PUT", &path, &reference, body).await;
    let raise = json!({"protected": true, "reason": "moved to a refuge, the father is looking for her",
                       "team": {"organisation": AUTHORITY, "team": "looked-after"}});
    let lower = json!({"protected": false, "reason": "the court has settled it, she is safe now"});
    assert_eq!(
        put(&worker, &lower).await.status,
        404,
        "nobody who does not protect the child lowers anything"
    );
    let raised = put(&worker, &raise).await;
    assert_eq!(raised.status, 200, "{}", raised.json());
    let already = raised.json()["already_read"].clone();
    assert!(already.as_array().unwrap().iter().all(|one| one["since"].is_string()), "{already}");
    assert_eq!(read(&worker).await, 404, "the plan's own team waits for who protects the child");

    // Until the team has accepted, the authority's lead protects; and lets the case go on.
    let looked_after = &["looked-after"];
    let team_1 = bars.person(Who::worker("looked_after", looked_after, "la-1")).await;
    let lead = bars.person(Who::worker("child_protection", &[], "esl-1")).await;
    let own = |item: &Value| item["pupil_id"] == handle.as_str();
    let case = items(&lead, "claim").await.into_iter().find(own);
    assert_eq!(decide(&lead, &case.unwrap(), "accept").await.0, 200);
    assert_eq!(read(&worker).await, 200, "accepted, it sees where the child is");
    assert_eq!(put(&worker, &lower).await.status, 404, "and lowers nothing");
    let request = items(&team_1, "protection").await.remove(0);
    assert_eq!(decide(&team_1, &request, "accept").await.0, 200);

    // Now the team's own two persons, and nobody else: not the lead, not one of them twice.
    let theirs = format!("/v1/pupils/{}/whereabouts-protection", request["pupil_id"].as_str().unwrap());
    let ask = async |wire: &Wire| call(wire, "PUT", &theirs, &lower).await;
    assert_eq!(ask(&lead).await.status, 404);
    let first = ask(&team_1).await;
    assert_eq!((first.status, &first.json()), (200, &json!({"protected": true, "asked_to_lower": 1})));
    assert_eq!(ask(&team_1).await.status, 409, "the second is another");
    let other_team = bars.person(Who::worker("child_protection", TEAM, "sw-2")).await;
    assert_eq!(ask(&other_team).await.status, 404);
    let team_2 = bars.person(Who::worker("looked_after", looked_after, "la-2")).await;
    let second = ask(&team_2).await;
    assert_eq!((second.status, &second.json()), (200, &json!({"protected": false, "asked_to_lower": 2})));
    assert_eq!(read(&other_team).await, 200, "lowered, all is as before");
    bars.stop().await;
}
