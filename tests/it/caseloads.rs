//! A day's caseload, and cases that are sent again and again.

use crate::involvements::{SENDER, becomes, claim, end, id, put, state, summary, unknown, with};
use crate::support::exports::{Wire, number};
use crate::support::wire::{self, log, run};
use crate::support::{Suite, TestDb};
use futures_util::future::join_all;
use reqwest::Method;
use schoolgate::audit::{Class, Decision};
use schoolgate::clock::Clock;
use schoolgate::demo::Standing;
use schoolgate::demo::run::Answered;
use schoolgate::involvements::match_claims;
use schoolgate::store::Db;
use serde_json::{Value, json};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("caseloads::one_organisations_caseloads_hold_nobody_up", in_turn);
    suite.both_empty("caseloads::a_caseload_counts_whole_or_not_at_all", whole);
    suite.both_empty("caseloads::a_claim_that_is_still_sent_waits_on", waits_on);
    suite.both_empty("caseloads::another_systems_case_is_told_and_left", anothers);
    suite.both_empty("caseloads::a_case_that_ended_meanwhile_stays_ended", ended_meanwhile);
    suite.both_empty("caseloads::a_term_is_not_renewed_for_ever", renewed);
    suite.both_empty("caseloads::a_name_is_not_tried_under_many_cases", dates_of_a_name);
    suite.both_empty("caseloads::birth_dates_cannot_be_tried_out", tried_out);
}

const STAGED: &str = "SELECT COUNT(*) FROM involvements_staged";
const MARKED: &str = "UPDATE involvements SET team = 'early-help' WHERE source_case_id <> 'L1007'";
const WAITS: &str = "SELECT COUNT(*) FROM involvements WHERE source_case_id = 'TRIED' AND queue = 5";
const UNTIL: &str =
    "SELECT COUNT(*) FROM involvements WHERE source_case_id = 'FD-9' AND until_day = '2026-11-20'";
const STORED: &str = "SELECT COUNT(*) FROM involvements WHERE team = 'looked-after' AND kind = 'cp'";

async fn send(gate: &Wire, claims: &[Value]) -> Answered {
    let lines: Vec<String> = claims.iter().map(Value::to_string).collect();
    let body = lines.join("\n");
    let headers = [("content-type", "application/x-ndjson")];
    gate.client(SENDER).call(Method::POST, "/v1/involvements", &headers, body.into_bytes()).await.unwrap()
}

/// What an answer says.
fn counts(accepted: u64, unchanged: u64, of_another_system: u64) -> Value {
    json!({"accepted": accepted, "unchanged": unchanged, "of_another_system": of_another_system})
}

/// So many claims about children whom nobody knows, with ids from `first` on.
fn strangers(first: u32, count: u32) -> Vec<Value> {
    (first..first + count)
        .map(|n| {
            json!({
                "id": id(n), "kind": "cp", "team": "looked-after", "source_case_id": format!("L{n}"),
                "case_reference": format!("L-{n}"), "opened_at": "2026-11-19T09:00:00Z", "staff_id": "S1",
                "date_of_birth": "2014-03-05", "surname": format!("Nobody{n}"), "forename": "Wren",
            })
        })
        .collect()
}

async fn in_turn(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let load = strangers(1_000, 600);
    let began = Clock::machine().now();
    let officer = gate.gate.child("attendance_officer_la", Standing::Mine).clone();
    let others = async {
        let mut statuses = Vec::new();
        for _ in 0..10 {
            statuses.push(gate.summary("attendance_officer_la", &officer, "").await.status);
        }
        statuses
    };
    let (answers, others) = tokio::join!(join_all((0..64).map(|_| send(&gate, &load))), others);
    assert_eq!(others, vec![200; 10], "nobody else is kept waiting");
    let taken = answers.iter().filter(|a| a.status == 202).count();
    let told_to_wait: Vec<&Answered> = answers.iter().filter(|a| a.status == 429).collect();
    assert_eq!(taken + told_to_wait.len(), 64, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
    assert!(taken >= 1 && told_to_wait.len() > 1, "{taken} taken");
    for answer in told_to_wait {
        assert_eq!(answer.body["type"], "urn:schoolgate:problem:too_many_requests");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.starts_with("another caseload of this organisation has to end first"), "{detail}");
    }
    assert_eq!((number(&db.db, STORED).await, number(&db.db, STAGED).await), (600, 0));
    // One entry for each request that was taken, whatever it changed.
    let entries: Vec<_> = log(&db.db, 0).await.into_iter().map(|l| l.entry).collect();
    let entered = entries.iter().filter(|e| {
        e.action.as_deref() == Some("write_involvement") && e.status == Some(202) && e.time >= began
    });
    assert_eq!(entered.clone().count(), taken);
    let wrote: Vec<&str> = entered.filter_map(|e| e.record.as_deref()).collect();
    assert_eq!(wrote, ["600 involvements"], "only the first found anything to write");
    gate.stop().await;
}

async fn whole(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let load = strangers(1_000, 250);
    // The last step fails: what the ones before it put aside counts for nobody.
    run!(db.db, "ALTER TABLE involvement_terms RENAME TO involvement_terms_gone");
    let failed = send(&gate, &load).await;
    assert_eq!(failed.status, 503, "{}", failed.body);
    run!(db.db, "ALTER TABLE involvement_terms_gone RENAME TO involvement_terms");
    assert_eq!(number(&db.db, STORED).await, 0);
    assert_eq!(state(&gate, SENDER, 1_000).await, None);
    let again = send(&gate, &load).await;
    assert_eq!((again.status, &again.body), (202, &counts(250, 0, 0)));
    assert_eq!(number(&db.db, STORED).await, 250);
    assert_eq!(state(&gate, SENDER, 1_249).await.as_deref(), Some("pending"));
    // The day after: one line changed, one added; the others are not written again.
    let mut next = load.clone();
    next[7]["staff_id"] = json!("S2");
    next.extend(strangers(2_000, 1));
    run!(db.db, MARKED);
    let sent = send(&gate, &next).await;
    assert_eq!((sent.status, &sent.body), (202, &counts(251, 249, 0)));
    assert_eq!(number(&db.db, STORED).await, 2, "the changed one and the new one");
    gate.stop().await;
}

async fn waits_on(db: TestDb) {
    const FORGOTTEN: &str = "UPDATE involvements SET received_at = '2026-01-01T09:00:00+00:00', \
         confirmed_at = '2026-01-01T09:00:00+00:00', queue = NULL WHERE case_reference = 'WO-1'";
    const CAME: &str =
        "SELECT COUNT(*) FROM involvements WHERE case_reference = 'WO-1' AND received_at < '2026-02-01'";
    let gate = Wire::start(&db.url).await;
    let child = &unknown(&gate)[0];
    let load = [with(&claim(child, "cp", "WO-1"), json!({"id": id(1), "upn": null}))];
    assert_eq!(send(&gate, &load).await.status, 202);
    assert_eq!(state(&gate, SENDER, 1).await.as_deref(), Some("pending"));
    // Not sent for 28 days, it was given up: that is not the end of the case.
    assert_eq!(run!(db.db, FORGOTTEN), 1);
    match_claims(&gate.gate.demo.running.gate, true).await.unwrap();
    assert_eq!(state(&gate, SENDER, 1).await.as_deref(), Some("lapsed"));
    // The very same line again: it waits as one that came when it came.
    assert_eq!(send(&gate, &load).await.status, 202);
    assert_eq!(state(&gate, SENDER, 1).await.as_deref(), Some("pending"));
    assert_eq!(number(&db.db, CAME).await, 1);
    match_claims(&gate.gate.demo.running.gate, true).await.unwrap();
    assert_eq!(state(&gate, SENDER, 1).await.as_deref(), Some("accessible"));
    assert_eq!(summary(&gate, SENDER, &child["upn"], "WO-1").await, 200);
    gate.stop().await;
}

/// The record that the newest entry of a write says, and whether it says that anything was written.
async fn recorded(db: &TestDb) -> Option<String> {
    let entries = log(&db.db, 0).await;
    let of = |l: &&wire::Logged| l.entry.action.as_deref() == Some("write_involvement");
    let entry = entries.iter().rev().find(of).unwrap().entry.clone();
    assert_eq!((entry.status, entry.decision), (Some(202), Decision::Allowed));
    assert_eq!(entry.record.is_some(), entry.written.is_some());
    entry.record
}

async fn anothers(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let child = &unknown(&gate)[0];
    let other = "youth_justice_worker";
    let ours = claim(child, "cp", "AN-1");
    assert_eq!(put(&gate, SENDER, 1, &ours).await.body, counts(1, 0, 0));
    assert_eq!(recorded(&db).await, Some(format!("involvement {}", id(1))));
    becomes(&gate, 1, "accessible").await;
    assert_eq!(put(&gate, SENDER, 1, &ours).await.body, counts(1, 1, 0));
    assert_eq!(recorded(&db).await, None, "nothing was written");
    // Another system of the organisation neither changes nor ends it, and is told so.
    let theirs = with(&claim(child, "youth_justice", "AN-2"), json!({"team": "youth-justice"}));
    let answer = put(&gate, other, 1, &theirs).await;
    assert_eq!((answer.status, answer.body), (202, counts(0, 0, 1)));
    assert_eq!(recorded(&db).await, None);
    let of = |ended: u64, unchanged: u64, others: u64| json!({"ended": ended, "unchanged": unchanged, "of_another_system": others});
    for (name, number, expected) in [
        (other, 1, of(0, 0, 1)),
        (other, 2, of(0, 1, 0)),
        ("stranger", 1, of(0, 1, 0)), // another organisation's is as none
    ] {
        let answer = end(&gate, name, number).await;
        assert_eq!((answer.status, answer.body), (202, expected), "{name}");
        assert_eq!(recorded(&db).await, None);
    }
    assert_eq!(summary(&gate, SENDER, &child["upn"], "AN-1").await, 200, "it goes on");
    for expected in [of(1, 0, 0), of(0, 1, 0)] {
        assert_eq!(end(&gate, SENDER, 1).await.body, expected);
        assert_eq!(recorded(&db).await.is_some(), expected["ended"] == 1);
    }
    gate.stop().await;
}

async fn ended_meanwhile(db: TestDb) {
    const SQLITE: &str = "CREATE TRIGGER meanwhile AFTER INSERT ON involvements_staged BEGIN UPDATE involvements \
         SET ended_at = '2026-11-19T09:00:00+00:00', queue = NULL WHERE id = NEW.id AND ended_at IS NULL; END";
    const FUNCTION: &str = "CREATE FUNCTION meanwhile() RETURNS trigger AS $$ BEGIN UPDATE involvements \
         SET ended_at = '2026-11-19T09:00:00+00:00', queue = NULL WHERE id = NEW.id AND ended_at IS NULL; \
         RETURN NEW; END $$ LANGUAGE plpgsql";
    const TRIGGER: &str = "CREATE TRIGGER meanwhile AFTER INSERT ON involvements_staged FOR EACH ROW EXECUTE FUNCTION meanwhile()";
    let gate = Wire::start(&db.url).await;
    let mut load = strangers(1_000, 3);
    assert_eq!(send(&gate, &load).await.body, counts(3, 0, 0));
    // Each is ended between being put aside and being switched to.
    match &db.db {
        Db::Sqlite { .. } => drop(run!(db.db, SQLITE)),
        Db::Postgres(_) => drop((run!(db.db, FUNCTION), run!(db.db, TRIGGER))),
    }
    load.iter_mut().take(2).for_each(|claim| claim["staff_id"] = json!("S2"));
    assert_eq!(send(&gate, &load).await.body, counts(1, 1, 0), "the two are none of what stands");
    for (number, expected) in [(1_000, "ended"), (1_001, "ended"), (1_002, "pending")] {
        assert_eq!(state(&gate, SENDER, number).await.as_deref(), Some(expected), "{number}");
    }
    // What is known to have ended is opened anew by sending it again.
    assert_eq!(send(&gate, &load).await.body, counts(3, 1, 0));
    assert_eq!(state(&gate, SENDER, 1_000).await.as_deref(), Some("pending"));
    gate.stop().await;
}

/// A case of its own for each birth date is no way around: the name is counted too, and all enquiries of a day are.
async fn dates_of_a_name(db: TestDb) {
    const OLD: &str = "DELETE FROM involvement_tries";
    let gate = Wire::start(&db.url).await;
    let child = &unknown(&gate)[0];
    let guess = |number: u32, changes: Value| {
        let own = json!({"id": id(number), "upn": null, "source_case_id": format!("G{number}")});
        with(&with(&claim(child, "section_47_enquiry", "DN-1"), own), changes)
    };
    let born = |n: u32| json!({"date_of_birth": format!("2001-{:02}-{:02}", n / 28 + 1, n % 28 + 1)});
    let mut load: Vec<Value> = (0..40).map(|n| guess(n, born(n))).collect();
    load.push(guess(40, json!({})));
    assert_eq!(send(&gate, &load).await.body, counts(41, 0, 0), "the answer tells nothing of it");
    match_claims(&gate.gate.demo.running.gate, true).await.unwrap();
    assert_eq!(state(&gate, SENDER, 40).await.as_deref(), Some("pending"));
    assert_eq!(alarms(&gate, "claims_of_one_name").await, 41 - 12);
    // Nor with a UPN and a forename of its own for each date.
    let by_upn = |number: u32, changes: Value| {
        let own = json!({"upn": child["upn"], "forename": format!("Wren{number}")});
        with(&with(&guess(number, json!({})), own), changes)
    };
    run!(db.db, OLD);
    let mut load: Vec<Value> = (100..112).map(|n| by_upn(n, born(n - 100))).collect();
    load.push(by_upn(112, json!({})));
    send(&gate, &load).await;
    match_claims(&gate.gate.demo.running.gate, true).await.unwrap();
    assert_eq!(state(&gate, SENDER, 112).await.as_deref(), Some("pending"));
    // A name of its own for each claim: so many enquiries in a day, and no more.
    run!(db.db, OLD);
    let many: Vec<Value> =
        (1_000..1_500).map(|n| guess(n, json!({"surname": format!("Nobody{n}")}))).collect();
    send(&gate, &many).await;
    assert_eq!(alarms(&gate, "enquiries_of_one_day").await, 0);
    put(&gate, SENDER, 2_000, &guess(2_000, json!({"id": null}))).await;
    match_claims(&gate.gate.demo.running.gate, true).await.unwrap();
    assert_eq!(state(&gate, SENDER, 2_000).await.as_deref(), Some("pending"));
    assert_eq!(alarms(&gate, "enquiries_of_one_day").await, 1);
    gate.stop().await;
}

/// How often the gateway's own metrics say that somebody should look.
async fn alarms(gate: &Wire, reason: &str) -> u64 {
    let http = wire::Wire::with_certificate(&gate.gate, &gate.gate.caller(SENDER).certificate).http;
    let url = format!("{}/metrics", gate.gate.demo.json.admin);
    let text = http.get(url).send().await.unwrap().text().await.unwrap();
    let line = format!("schoolgate_alarms_total{{reason=\"{reason}\"}} ");
    text.lines().find_map(|l| l.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

async fn renewed(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let children = unknown(&gate);
    let screening = "social_worker_screening";
    let front = |opened: &str, reference: &str| {
        with(
            &claim(&children[0], "front_door", reference),
            json!({"opened_at": format!("{opened}T09:00:00Z"), "team": "front-door", "source_case_id": "FD-9"}),
        )
    };
    // Today is Friday 20 November. Opened a week ago: three working days, to Wednesday.
    put(&gate, SENDER, 1, &front("2026-11-13", "RN-1")).await;
    becomes(&gate, 1, "ended").await;
    // Renewed once, to today.
    let before = put(&gate, SENDER, 1, &front("2026-11-17", "RN-1")).await;
    becomes(&gate, 1, "accessible").await;
    assert_eq!(summary(&gate, screening, &children[0]["upn"], "RN-1").await, 200);
    // Once more: the same answer, and the term that there was.
    let beyond = put(&gate, SENDER, 1, &front("2026-11-20", "RN-1")).await;
    assert_eq!((beyond.status, &beyond.bytes), (202, &before.bytes));
    becomes(&gate, 1, "accessible").await;
    assert_eq!(number(&db.db, UNTIL).await, 1);
    assert_eq!(alarms(&gate, "renewed_beyond_term").await, 1);
    // Under another id, and after being ended, it is the same source case.
    put(&gate, SENDER, 2, &front("2026-11-20", "RN-2")).await;
    assert_eq!(number(&db.db, UNTIL).await, 2);
    // A section 47 enquiry goes on by a manager's word alone.
    let enquiry = |opened: &str, by: Value| {
        let changes =
            json!({"opened_at": format!("{opened}T09:00:00Z"), "source_case_id": "S47-9", "renewed_by": by});
        with(&claim(&children[1], "section_47_enquiry", "RN-3"), changes)
    };
    put(&gate, SENDER, 3, &enquiry("2026-10-26", Value::Null)).await;
    becomes(&gate, 3, "ended").await;
    put(&gate, SENDER, 3, &enquiry("2026-11-16", Value::Null)).await;
    assert_eq!(state(&gate, SENDER, 3).await.as_deref(), Some("ended"), "by the system alone");
    put(&gate, SENDER, 3, &enquiry("2026-11-16", json!("M77"))).await;
    becomes(&gate, 3, "accessible").await;
    let duties = log(&db.db, 0)
        .await
        .into_iter()
        .filter(|l| l.entry.class == Class::Duty && l.entry.reason.as_deref() == Some("renewed_beyond_term"));
    assert_eq!(duties.map(|l| l.entry.count.unwrap()).sum::<u64>(), 3);
    gate.stop().await;
}

async fn tried_out(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let child = &unknown(&gate)[0];
    let guess = |born: &str, case: &str| {
        let changes = json!({"upn": null, "date_of_birth": born, "source_case_id": case});
        with(&claim(child, "section_47_enquiry", "TR-1"), changes)
    };
    // Twelve birth dates that are none, under one id and under several; then the right one.
    for number in 1..=12_u32 {
        let answer = put(&gate, SENDER, number / 2, &guess(&format!("2001-01-{number:02}"), "TRIED")).await;
        assert_eq!(answer.status, 202);
    }
    let last = put(&gate, SENDER, 20, &guess(&child["date_of_birth"], "TRIED")).await;
    assert_eq!((last.status, &last.body), (202, &counts(1, 0, 0)));
    match_claims(&gate.gate.demo.running.gate, true).await.unwrap();
    assert_eq!(state(&gate, SENDER, 20).await.as_deref(), Some("pending"), "not even on the day");
    assert_eq!(alarms(&gate, "claims_of_one_case").await, 1);
    // Sent again unchanged it is no further try, and gives no more.
    put(&gate, SENDER, 20, &guess(&child["date_of_birth"], "TRIED")).await;
    match_claims(&gate.gate.demo.running.gate, true).await.unwrap();
    assert_eq!(state(&gate, SENDER, 20).await.as_deref(), Some("pending"));
    assert_eq!(alarms(&gate, "claims_of_one_case").await, 1);
    // On another day it is looked at.
    run!(
        db.db,
        "UPDATE involvements SET received_at = '2026-01-01 09:00:00+00:00' WHERE source_case_id = 'TRIED'"
    );
    run!(db.db, "DELETE FROM involvement_tries");
    put(&gate, SENDER, 20, &guess(&child["date_of_birth"], "TRIED")).await;
    assert_eq!(number(&db.db, WAITS).await, 0);
    // Another case's claims are counted by themselves.
    put(&gate, SENDER, 30, &guess(&child["date_of_birth"], "HONEST")).await;
    becomes(&gate, 30, "accessible").await;
    gate.stop().await;
}
