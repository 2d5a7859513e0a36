//! Involvements over the wire: the answer never tells whether a child is known, matching happens by its own clock, and
//! what has ended gives nothing more.

use crate::support::exports::{Row, Wire, changed, number};
use crate::support::wire::{run, until};
use crate::support::{Suite, TestDb};
use chrono::TimeDelta;
use reqwest::Method;
use schoolgate::demo::Standing;
use schoolgate::demo::run::Answered;
use schoolgate::involvements::match_claims;
use serde_json::{Value, json};
use std::time::Duration;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("involvements::the_answer_never_tells_whether_a_child_is_known", always_202);
    suite.both_empty("involvements::names_wait_for_the_day_and_doubt_for_a_person", matching);
    suite.both_empty("involvements::what_has_ended_gives_nothing", ended);
    suite.both_empty("involvements::handles_end_with_the_last_relationship", handles_retire);
    suite.both_empty("involvements::claims_that_cannot_be_read_say_which_field", bad_claims);
}

pub const SENDER: &str = "social_worker_cp";

/// An id of the agency's own.
pub fn id(number: u32) -> String {
    format!("5b3d3a0e-3f0f-4d5f-9d61-{number:012}")
}

/// A claim about a child of an admission register.
pub fn claim(of: &Row, kind: &str, reference: &str) -> Value {
    json!({
        "kind": kind, "team": "child-protection", "source_case_id": format!("of {reference}"), "case_reference": reference,
        "opened_at": "2026-11-19T09:00:00Z", "staff_id": "S1234", "upn": of["upn"],
        "date_of_birth": of["date_of_birth"], "surname": of["surname"], "forename": of["forename"],
    })
}

/// The claim with some fields changed; null takes one away.
#[expect(clippy::needless_pass_by_value, reason = "called with a literal")]
pub fn with(claim: &Value, changes: Value) -> Value {
    let mut claim = claim.clone();
    for (field, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claim.as_object_mut().unwrap().remove(field);
        } else {
            claim[field] = value.clone();
        }
    }
    claim
}

pub async fn put(gate: &Wire, name: &str, number: u32, claim: &Value) -> Answered {
    gate.json(name, Method::PUT, &format!("/v1/involvements/{}", id(number)), claim).await
}

pub async fn end(gate: &Wire, name: &str, number: u32) -> Answered {
    let path = format!("/v1/involvements/{}", id(number));
    gate.client(name).call(Method::DELETE, &path, &[], Vec::new()).await.unwrap()
}

/// What the report of a caller's organisation says of an involvement.
pub async fn state(gate: &Wire, name: &str, number: u32) -> Option<String> {
    let report = gate.get(name, "/v1/involvements/report?limit=1000").await.body;
    let lines = report["involvements"].as_array().unwrap().clone();
    let line = lines.into_iter().find(|line| line["id"] == id(number).as_str())?;
    Some(line["state"].as_str().unwrap().to_owned())
}

/// Waits until an involvement is in a state, for at most half a minute.
pub async fn becomes(gate: &Wire, number: u32, wanted: &str) {
    becomes_of(gate, SENDER, number, wanted).await;
}

/// The same of another system's own.
async fn becomes_of(gate: &Wire, name: &str, number: u32, wanted: &str) {
    let is = async || state(gate, name, number).await.as_deref() == Some(wanted);
    until(&format!("{number} becomes {wanted}"), Duration::from_secs(30), is).await;
}

/// The summary under a reference, by whatever handle the search gives.
pub async fn summary(gate: &Wire, name: &str, upn: &str, reference: &str) -> u16 {
    let Some(handle) = gate.client(name).find(upn).await.unwrap() else { return 404 };
    gate.ask(name, &handle, Some(reference), "").await.status
}

/// Pupils on roll whom no agency knows and no flag protects: strangers to every caller.
pub fn unknown(gate: &Wire) -> Vec<Row> {
    let cases: Vec<&str> = gate
        .gate
        .demo
        .json
        .callers
        .iter()
        .filter(|caller| caller.purpose != "own_record")
        .flat_map(|caller| &caller.children)
        .filter(|child| child.standing != Standing::NotMine)
        .map(|child| child.upn.as_str())
        .collect();
    let fits = |row: &&Row| {
        row["last_day"].is_empty()
            && row["enrolment_status"] == "single"
            && row["whereabouts_protected"] == "false"
            && row["upn"].ends_with(|c: char| c.is_ascii_digit())
            && !cases.contains(&row["upn"].as_str())
    };
    let rows: Vec<_> = gate.schools().iter().map(|school| gate.rows(&school.pupils)).collect();
    rows.iter().flat_map(|rows| rows.iter()).filter(fits).cloned().collect()
}

async fn always_202(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let known = &unknown(&gate)[0];
    let rows = gate.rows(&gate.schools()[0].pupils);
    let protected = rows.iter().find(|row| row["whereabouts_protected"] == "true").unwrap();
    let nobody = with(
        &claim(known, "cp", "NB-1"),
        json!({"upn": "B801200005001", "surname": "Nobody", "forename": "At All"}),
    );
    let claims = [claim(known, "cp", "KN-1"), claim(protected, "section_47_enquiry", "PR-1"), nobody];
    let mut bytes = Vec::new();
    for (number, claim) in (1..).zip(&claims) {
        // Sent, sent again, changed: always the same.
        for changes in [json!({}), json!({}), json!({"staff_id": "S9999"})] {
            let answer = put(&gate, SENDER, number, &with(claim, changes)).await;
            assert_eq!(answer.status, 202, "{}", answer.body);
            bytes.push(answer.bytes);
        }
    }
    assert!(bytes.chunks(3).all(|three| three == &bytes[..3]), "the same for every child");
    let never = end(&gate, SENDER, 77).await;
    let nothing = json!({"ended": 0, "unchanged": 1, "of_another_system": 0});
    assert_eq!((never.status, &never.body), (202, &nothing), "one that is not there ended like any other");
    becomes(&gate, 1, "accessible").await;
    match_claims(&gate.gate.demo.running.gate, true).await.unwrap();
    for number in [2, 3] {
        assert_eq!(state(&gate, SENDER, number).await.unwrap(), "pending", "never why");
    }
    assert_eq!(summary(&gate, SENDER, &protected["upn"], "PR-1").await, 404);
    // A caseload of a day says no more; one line that cannot be read, and none is taken.
    let line = |number: u32, claim: &Value| format!("{}\n", with(claim, json!({"id": id(number)})));
    let send = async |body: String| {
        let headers = [("content-type", "application/x-ndjson")];
        gate.client(SENDER).call(Method::POST, "/v1/involvements", &headers, body.into_bytes()).await.unwrap()
    };
    let load = send(line(11, &claims[0]) + &line(12, &claims[1])).await;
    assert_eq!(
        (load.status, &load.body),
        (202, &json!({"accepted": 2, "unchanged": 0, "of_another_system": 0}))
    );
    let broken = send(line(13, &claims[0]) + &line(14, &with(&claims[1], json!({"kind": "cpp"})))).await;
    assert_eq!((broken.status, &broken.body["errors"][0]["line"]), (400, &json!(2)), "{}", broken.body);
    assert!(broken.body["errors"][0]["detail"].as_str().unwrap().contains("`kind`"), "{}", broken.body);
    assert_eq!(state(&gate, SENDER, 13).await, None, "none was taken");
    // Another organisation's id is a row of its own.
    let theirs = with(&claim(known, "cp", "TH-1"), json!({"team": "child-protection"}));
    assert_eq!(put(&gate, "stranger", 1, &theirs).await.status, 202);
    becomes(&gate, 1, "accessible").await;
    assert_eq!(end(&gate, "stranger", 1).await.status, 202);
    assert_eq!(state(&gate, SENDER, 1).await.as_deref(), Some("accessible"), "ours goes on");
    assert_eq!(state(&gate, "stranger", 1).await.as_deref(), Some("ended"));
    assert_eq!(state(&gate, "stranger", 2).await, None, "and the report is each organisation's own");
    gate.stop().await;
}

async fn matching(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let children = unknown(&gate);
    let running = &gate.gate.demo.running.gate;
    let by_name =
        |row: &Row, kind: &str, reference: &str| with(&claim(row, kind, reference), json!({"upn": null}));
    // UPN, date of birth and surname at once, however the name is written; a name for section 47 too.
    let loud =
        with(&claim(&children[0], "cp", "AA-1"), json!({"surname": children[0]["surname"].to_uppercase()}));
    put(&gate, SENDER, 1, &loud).await;
    put(&gate, SENDER, 2, &by_name(&children[1], "section_47_enquiry", "AA-2")).await;
    put(&gate, SENDER, 3, &by_name(&children[2], "cp", "AA-3")).await;
    // UPN with another date of birth, or another surname: not the same child.
    put(&gate, SENDER, 4, &with(&claim(&children[3], "cp", "AA-4"), json!({"date_of_birth": "2014-01-01"})))
        .await;
    put(&gate, SENDER, 5, &with(&claim(&children[3], "cp", "AA-5"), json!({"surname": "Different"}))).await;
    // A UPN that fits nobody, mistyped or temporary, is as none: the name decides, at once or on the day.
    let by_other = |row: &Row, kind: &str, upn: &str, reference: &str| {
        with(&claim(row, kind, reference), json!({"upn": upn}))
    };
    put(&gate, SENDER, 9, &by_other(&children[7], "section_47_enquiry", "B801200005001", "AA-9")).await;
    put(&gate, SENDER, 10, &by_other(&children[8], "section_47_enquiry", "M80120000500A", "AA-10")).await;
    put(&gate, SENDER, 11, &by_other(&children[9], "cp", "B801200005001", "AA-11")).await;
    put(&gate, SENDER, 12, &by_other(&children[10], "cp", "M80120000500A", "AA-12")).await;
    for number in [1, 2, 9, 10] {
        becomes(&gate, number, "accessible").await;
    }
    match_claims(running, false).await.unwrap();
    for number in [3, 11, 12] {
        assert_eq!(
            state(&gate, SENDER, number).await.as_deref(),
            Some("pending"),
            "a name waits for the day"
        );
    }
    assert_eq!(summary(&gate, SENDER, &children[2]["upn"], "AA-3").await, 404);
    // Two of one name and birthday: nobody can tell whose case it is.
    let school = gate.schools().iter().find(|s| gate.pupil(s, &children[5]["upn"]).is_some()).unwrap();
    let twin = changed(
        &children[5],
        &[
            ("school_pupil_id", "twin-1"),
            ("upn", ""),
            ("surname", &children[4]["surname"]),
            ("forename", &children[4]["forename"]),
            ("date_of_birth", &children[4]["date_of_birth"]),
        ],
    );
    let answer = gate.send(&school.urn, "pupils", &twin).await;
    assert_eq!(answer.body["accepted"], 1, "{}", answer.body);
    put(&gate, SENDER, 6, &by_name(&children[4], "cp", "AA-6")).await;
    put(&gate, SENDER, 7, &by_name(&children[4], "section_47_enquiry", "AA-7")).await;
    match_claims(running, true).await.unwrap();
    for number in [3, 11, 12] {
        assert_eq!(state(&gate, SENDER, number).await.as_deref(), Some("accessible"), "the daily run");
    }
    assert_eq!(summary(&gate, SENDER, &children[2]["upn"], "AA-3").await, 200);
    for number in [4, 5, 6, 7] {
        assert_eq!(state(&gate, SENDER, number).await.as_deref(), Some("pending"), "{number}");
    }
    // The UPN tells the two apart.
    put(&gate, SENDER, 8, &claim(&children[4], "cp", "AA-8")).await;
    becomes(&gate, 8, "accessible").await;
    // Another child under the same id is another claim: what was matched is not carried over.
    put(&gate, SENDER, 1, &with(&claim(&children[6], "cp", "AA-1"), json!({"surname": "Mistyped"}))).await;
    assert_eq!(state(&gate, SENDER, 1).await.as_deref(), Some("pending"));
    assert_eq!(summary(&gate, SENDER, &children[0]["upn"], "AA-1").await, 404);
    gate.stop().await;
}

async fn ended(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let children = unknown(&gate);
    let child = &children[0];
    put(&gate, SENDER, 1, &claim(child, "cp", "EN-1")).await;
    becomes(&gate, 1, "accessible").await;
    let handle = gate.client(SENDER).find(&child["upn"]).await.unwrap().unwrap();
    assert_eq!(gate.ask(SENDER, &handle, Some("EN-1"), "").await.status, 200);
    assert_eq!(end(&gate, SENDER, 1).await.status, 202);
    assert_eq!(gate.ask(SENDER, &handle, Some("EN-1"), "").await.status, 404, "the very next request");
    assert_eq!(gate.client(SENDER).find(&child["upn"]).await.unwrap(), None);
    assert_eq!(state(&gate, SENDER, 1).await.as_deref(), Some("ended"));
    // Terms: today is Friday 20 November 2026. Kind, opened, live today.
    let terms = [
        ("front_door", "2026-11-17T09:00:00Z", true), // three working days after: Friday
        ("front_door", "2026-11-16T09:00:00Z", false), // Thursday
        ("section_47_enquiry", "2026-10-30T09:00:00Z", true),
        ("section_47_enquiry", "2026-10-29T09:00:00Z", false),
        ("assessment", "2026-09-18T09:00:00Z", true),
        ("assessment", "2026-09-17T09:00:00Z", false),
        ("cp", "2020-01-01T09:00:00Z", true),
    ];
    for (number, ((kind, opened, live), child)) in (20..).zip(terms.iter().zip(&children[1..])) {
        let reference = format!("TE-{number}");
        let claim = with(&claim(child, kind, &reference), json!({"opened_at": opened, "team": "front-door"}));
        assert_eq!(put(&gate, SENDER, number, &claim).await.status, 202);
        let wanted = if *live { "accessible" } else { "ended" };
        becomes(&gate, number, wanted).await;
        let name = match *kind {
            "front_door" => "social_worker_screening",
            "assessment" => "social_worker_cin",
            "section_47_enquiry" => "social_worker_s47",
            _ => SENDER,
        };
        let status = summary(&gate, name, &child["upn"], &reference).await;
        assert_eq!(status, if *live { 200 } else { 404 }, "{kind} opened {opened}");
    }
    // An agency's own last day holds where it is earlier than the kind's term.
    let early = with(&claim(&children[9], "cp", "TE-40"), json!({"until": "2026-11-19"}));
    put(&gate, SENDER, 40, &early).await;
    becomes(&gate, 40, "ended").await;
    agreement(&gate, &children[10]).await;
    gate.stop().await;
}

/// What stands for a child ends thirty days after the last relationship of whoever holds it, and a new relationship has
/// another; a school's stays, since its register does.
async fn handles_retire(db: TestDb) {
    const HELD: &str = "SELECT COUNT(*) FROM handles WHERE retired_at IS NULL";
    const DUTIES: &str = "SELECT COUNT(*) FROM audit_entries WHERE class = 'duty'";
    const AGED: &str =
        "UPDATE involvements SET ended_at = '2026-10-20T12:00:00Z' WHERE case_reference = 'RE-1'";
    let gate = Wire::start(&db.url).await;
    let child = &unknown(&gate)[0];
    put(&gate, SENDER, 1, &claim(child, "cp", "RE-1")).await;
    becomes(&gate, 1, "accessible").await;
    let handle = gate.client(SENDER).find(&child["upn"]).await.unwrap().unwrap();
    assert_eq!(gate.ask(SENDER, &handle, Some("RE-1"), "").await.status, 200);
    let in_the_audit = shown_as(&gate, "RE-1").await;
    let held = number(&db.db, HELD).await;
    let retire = async || gate.gate.demo.running.gate.retire_handles().await.unwrap();
    let earlier = retire().await;
    end(&gate, SENDER, 1).await;
    assert_eq!(retire().await, 0, "the day on which it ended");
    assert_eq!(run!(db.db, AGED), 1);
    let duties = number(&db.db, DUTIES).await;
    assert_eq!(retire().await, 1);
    assert_eq!(number(&db.db, DUTIES).await, duties + 1, "one entry for the batch");
    assert_eq!(
        number(&db.db, HELD).await,
        held - i64::try_from(earlier).unwrap() - 1,
        "no other, no school's"
    );
    assert_eq!(
        shown_as(&gate, "RE-1").await,
        in_the_audit,
        "to whoever reads the audit it is the same child"
    );
    put(&gate, SENDER, 2, &claim(child, "cp", "RE-2")).await;
    becomes(&gate, 2, "accessible").await;
    assert_eq!(gate.ask(SENDER, &handle, Some("RE-2"), "").await.status, 404, "the old one is nobody's");
    let again = gate.client(SENDER).find(&child["upn"]).await.unwrap().unwrap();
    assert_ne!(again, handle);
    assert_eq!(gate.ask(SENDER, &again, Some("RE-2"), "").await.status, 200);
    gate.stop().await;
}

/// As whom the organisation's data protection officer is shown the child of a case: one id in all its entries.
async fn shown_as(gate: &Wire, reference: &str) -> String {
    let page =
        gate.get("data_protection_officer_agency", "/v1/audit/entries?order=newest&limit=1000").await.body;
    let entries = page["entries"].as_array().unwrap().iter().filter(|e| e["case_reference"] == reference);
    let ids: Vec<&str> = entries.filter_map(|e| e["pupil_id"].as_str()).collect();
    assert!(ids.len() > 1 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    ids[0].to_owned()
}

/// Early help rests on the family's agreement: without it, once past, or once withdrawn, there is nothing.
async fn agreement(gate: &Wire, child: &Row) {
    let name = "early_help_worker";
    let agreed = |changes: Value| {
        let mut agreement = json!({"agreed_by": "mother", "agreed_to": "attendance figures"});
        for (field, value) in changes.as_object().unwrap() {
            agreement[field] = value.clone();
        }
        with(
            &claim(child, "early_help", "FA-1"),
            json!({"team": "early-help", "family_agreement": agreement}),
        )
    };
    assert_eq!(put(gate, name, 60, &agreed(json!({}))).await.status, 202);
    becomes_of(gate, name, 60, "accessible").await;
    assert_eq!(summary(gate, name, &child["upn"], "FA-1").await, 200);
    for (changes, status) in [
        (json!({"withdrawn_on": "2026-11-20"}), 404),
        (json!({"withdrawn_on": "2026-11-21"}), 200),
        (json!({"until": "2026-11-19"}), 404),
        (json!({"until": "2026-11-20"}), 200),
    ] {
        put(gate, name, 60, &agreed(changes.clone())).await;
        becomes_of(gate, name, 60, "accessible").await;
        assert_eq!(summary(gate, name, &child["upn"], "FA-1").await, status, "{changes}");
    }
}

/// Texts and days that not every database keeps, each with the field that is named.
fn of_another_age() -> Vec<(Value, &'static str)> {
    let long = "x".repeat(201);
    vec![
        (json!({"allocated_person": "A\u{0}B"}), "`allocated_person`"),
        (json!({"allocated_person": long}), "`allocated_person`"),
        (json!({"renewed_by": " "}), "`renewed_by`"),
        (json!({"renewed_by": "M\n1"}), "`renewed_by`"),
        (json!({"team": "child\u{7}protection"}), "`team`"),
        (json!({"source_case_id": "9\u{0}"}), "`source_case_id`"),
        (json!({"school_not_told": "\u{0}"}), "`school_not_told`"),
        (json!({"forename": "--", "upn": null}), "`forename`"),
        (
            json!({"family_agreement": {"agreed_by": "\u{0}", "agreed_to": "x"}}),
            "`family_agreement/agreed_by`",
        ),
        (
            json!({"family_agreement": {"agreed_by": "x", "agreed_to": "x", "until": "+12000-01-01"}}),
            "`family_agreement/until`",
        ),
        (
            json!({"family_agreement": {"agreed_by": "x", "agreed_to": "x", "withdrawn_on": "-5000-01-01"}}),
            "`family_agreement/withdrawn_on`",
        ),
        (json!({"until": "+12000-01-01"}), "`until`"),
        (json!({"until": "-5000-01-01"}), "`until`"),
        (json!({"date_of_birth": "-5000-01-01"}), "`date_of_birth`"),
        (json!({"date_of_birth": "+12000-01-01"}), "`date_of_birth`"),
        (json!({"opened_at": "-262143-01-01T00:00:00Z"}), "`opened_at`"),
        (json!({"opened_at": "1989-12-31T23:59:59Z"}), "`opened_at`"),
    ]
}

async fn bad_claims(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let good = claim(&unknown(&gate)[0], "cp", "BA-1");
    let long = "x".repeat(201);
    let cases = [
        (json!({"kind": "child_protection"}), "`kind`"),
        (json!({"team": "nobodys-team"}), "`team`"),
        (json!({"team": "school-nurses"}), "`team`"),
        (json!({"case_reference": ""}), "`case_reference`"),
        (json!({"case_reference": "x".repeat(65)}), "`case_reference`"),
        (json!({"case_reference": "two words"}), "`case_reference`"),
        (json!({"source_case_id": " "}), "`source_case_id`"),
        (json!({"staff_id": long}), "`staff_id`"),
        (json!({"surname": "--"}), "`surname`"),
        (json!({"forename": "", "upn": null}), "`forename`"),
        (json!({"upn": "B801200005002"}), "`upn`"),
        (json!({"date_of_birth": "2026-11-21"}), "`date_of_birth`"),
        (json!({"date_of_birth": "1999-11-01"}), "`date_of_birth`"),
        (json!({"opened_at": "2026-11-21T09:00:00Z"}), "`opened_at`"),
        (json!({"kind": "early_help"}), "`family_agreement`"),
        (json!({"id": id(999)}), "`id`"),
        (json!({"date_of_birth": null}), "a field is missing"),
        (json!({"date_of_birth": "20/11/2014"}), "of another type"),
        (json!({"comment": "free text"}), "unknown"),
    ];
    for (changes, field) in cases.into_iter().chain(of_another_age()) {
        let answer = put(&gate, SENDER, 1, &with(&good, changes.clone())).await;
        assert_eq!(answer.status, 400, "{changes}: {}", answer.body);
        let said = format!("{}{}", answer.body["detail"], answer.body["errors"]);
        assert!(said.contains(field), "{changes}: {said}");
        assert!(answer.receipt.is_some(), "{changes}");
        assert_eq!(state(&gate, SENDER, 1).await, None, "{changes}");
    }
    // A client's clock may be five minutes ahead of ours, and no more.
    let now = gate.gate.demo.running.gate.clock().school_now();
    let ahead = |seconds| with(&good, json!({"opened_at": (now + TimeDelta::seconds(seconds)).to_rfc3339()}));
    let late = put(&gate, SENDER, 1, &ahead(600)).await;
    assert_eq!((late.status, state(&gate, SENDER, 1).await), (400, None), "{}", late.body);
    let taken = put(&gate, SENDER, 700, &ahead(299)).await;
    assert_eq!(taken.status, 202, "{}", taken.body);
    assert!(state(&gate, SENDER, 700).await.is_some());
    let line = format!("{}\n", with(&good, json!({"id": id(500)})));
    let headers = [("content-type", "application/x-ndjson")];
    // Blank lines are passed over and counted: the fault is where an editor shows it.
    for (between, number) in [("", 2), ("\n", 3), (" \n\r\n", 4)] {
        let twice = format!("{line}{between}{line}").into_bytes();
        let sent = gate.client(SENDER).call(Method::POST, "/v1/involvements", &headers, twice);
        let answer = sent.await.unwrap();
        assert_eq!(
            (answer.status, &answer.body["errors"][0]["line"]),
            (400, &json!(number)),
            "{}",
            answer.body
        );
    }
    let path = "/v1/involvements/not-a-uuid";
    let answer = gate.json(SENDER, Method::PUT, path, &good).await;
    assert_eq!(
        (answer.status, &answer.body["type"]),
        (400, &json!("urn:schoolgate:problem:invalid_identifier"))
    );
    // Schools and roles that hold no cases do not open any.
    let school = Wire::sender(&gate.schools()[0].urn);
    assert_eq!(put(&gate, &school, 1, &good).await.status, 403);
    assert_eq!(gate.get(&school, "/v1/involvements/report").await.status, 403);
    assert_eq!(put(&gate, SENDER, 1, &good).await.status, 202, "the good one is good");
    gate.stop().await;
}
