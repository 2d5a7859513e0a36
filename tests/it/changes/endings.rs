//! Whoever may not be seen any more is gone, whatever the reason, and in one shape.

use super::{Reader, page, there};
use crate::involvements::{SENDER, claim, end, put, state, unknown, with};
use crate::support::exports::{Row, Wire, changed, number};
use crate::support::wire::{MOVED, run, until};
use crate::support::{TestDb, TestGate};
use chrono::{DateTime, TimeDelta, Utc};
use schoolgate::clock::Clock;
use schoolgate::demo::Standing;
use schoolgate::summaries::expire_changes;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const EARLY_HELP: &str = "early_help_worker";
const OFFICER: &str = "attendance_officer_la";

/// Children of one school only, whom no agency knows.
fn settled(gate: &Wire) -> Vec<Row> {
    let schools = |upn: &str| gate.schools().iter().filter(|s| gate.pupil(s, upn).is_some()).count();
    let mut all = unknown(gate);
    all.retain(|row| schools(&row["upn"]) == 1 && row["starting_day"].as_str() < "2026-09-01");
    all
}

async fn becomes(gate: &Wire, name: &str, number: u32, wanted: &str) {
    let is = async || state(gate, name, number).await.as_deref() == Some(wanted);
    until(&format!("{number} becomes {wanted}"), Duration::from_secs(30), is).await;
}

async fn open(gate: &Wire, number: u32, child: &Row, reference: &str) {
    assert_eq!(put(gate, SENDER, number, &claim(child, "cp", reference)).await.status, 202);
    becomes(gate, SENDER, number, "accessible").await;
}

fn agreed(child: &Row, more: &Value) -> Value {
    let mut agreement = json!({"agreed_by": "mother", "agreed_to": "attendance figures"});
    agreement.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    with(&claim(child, "early_help", "CE-1"), json!({"team": "early-help", "family_agreement": agreement}))
}

async fn found(gate: &Wire, name: &str, child: &Row) -> String {
    gate.client(name).find(&child["upn"]).await.unwrap().unwrap()
}

async fn flag(gate: &Wire, child: &Row) {
    let school = gate.schools().iter().find(|s| gate.pupil(s, &child["upn"]).is_some()).unwrap();
    let roll = changed(child, &[("whereabouts_protected", "true")]);
    let answer = gate.send(&school.urn, "pupils", &roll).await;
    assert_eq!((answer.status, &answer.body["rejected"]), (200, &json!(0)), "{}", answer.body);
}

pub async fn endings(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let children = settled(&gate);
    let (ended, lapsed, protected, family) = (&children[0], &children[1], &children[2], &children[3]);
    let (mut worker, mut helper, mut officer) = <(Reader, Reader, Reader)>::default();
    let before = there(&worker.poll(&gate, SENDER, 200).await);
    let mine = gate.gate.child(SENDER, Standing::Mine).pupil_id.clone().unwrap();
    assert!(before.contains(&mine), "{before:?}");
    helper.poll(&gate, EARLY_HELP, 200).await;
    let roll = there(&officer.poll(&gate, OFFICER, 200).await);

    for (number, child) in (1..).zip([ended, lapsed, protected]) {
        open(&gate, number, child, &format!("CH-{number}")).await;
    }
    put(&gate, EARLY_HELP, 9, &agreed(family, &json!({}))).await;
    becomes(&gate, EARLY_HELP, 9, "accessible").await;
    let told = worker.poll(&gate, SENDER, 200).await;
    let handles = [
        found(&gate, SENDER, ended).await,
        found(&gate, SENDER, lapsed).await,
        found(&gate, SENDER, protected).await,
    ];
    assert_eq!(there(&told), handles.iter().cloned().collect(), "a new case shows at once, and nobody else");
    let supported = found(&gate, EARLY_HELP, family).await;
    assert_eq!(helper.poll(&gate, EARLY_HELP, 200).await, [(supported.clone(), false)]);
    assert!(worker.poll(&gate, SENDER, 200).await.is_empty(), "told once");

    // One ends, one comes to its last day, one is protected, of one the family withdraws.
    end(&gate, SENDER, 1).await;
    run!(db.db, "UPDATE involvements SET until_day = '2026-11-19' WHERE case_reference = 'CH-2'");
    let seen_by_officer = found(&gate, OFFICER, protected).await;
    assert!(roll.contains(&seen_by_officer));
    flag(&gate, protected).await;
    put(&gate, EARLY_HELP, 9, &agreed(family, &json!({"withdrawn_on": "2026-11-20"}))).await;
    let mut gone: Vec<(String, bool)> = handles.iter().map(|handle| (handle.clone(), true)).collect();
    gone.sort();
    assert_eq!(worker.poll(&gate, SENDER, 200).await, gone, "all alike, in no order but that of handles");
    assert_eq!(helper.poll(&gate, EARLY_HELP, 200).await, [(supported.clone(), true)]);
    assert_eq!(officer.poll(&gate, OFFICER, 200).await, [(seen_by_officer, true)]);
    for (reader, name) in [(&mut worker, SENDER), (&mut helper, EARLY_HELP), (&mut officer, OFFICER)] {
        assert!(reader.poll(&gate, name, 200).await.is_empty(), "{name}: gone once");
    }
    // A reader that begins anew hears of them too, and of who is there.
    let again = Reader::default().poll(&gate, SENDER, 200).await;
    assert_eq!(there(&again), before);
    let ended_again: BTreeSet<_> = again.iter().filter(|(_, gone)| *gone).cloned().collect();
    assert_eq!(ended_again, gone.into_iter().collect());
    // Opened again within thirty days: the same handle, listed whatever has changed.
    open(&gate, 11, ended, "CH-11").await;
    assert_eq!(worker.poll(&gate, SENDER, 200).await, [(handles[0].clone(), false)]);
    not_told_again(&gate, ended).await;
    gate.stop().await;
}

/// What was told and not yet read is held against what is so now: whoever has ended meanwhile is not listed.
async fn not_told_again(gate: &Wire, child: &Row) {
    let first = page(gate, SENDER, None, 200).await;
    let handle = found(gate, SENDER, child).await;
    assert!(super::changes(&first.body).contains(&(handle.clone(), false)));
    end(gate, SENDER, 11).await;
    let second = page(gate, SENDER, None, 200).await;
    assert!(super::changes(&second.body).contains(&(handle, true)), "before anybody has looked again");
}

pub async fn agreement(db: TestDb) {
    const SUSPEND: &str = "UPDATE sharing_agreements SET suspended = $1";
    const NO_OFFICER: &str = "UPDATE officer_authorisations SET valid_until = '2026-11-19'";
    let gate = Wire::start(&db.url).await;
    let seen = async || {
        run!(db.db, MOVED);
        let running = &gate.gate.demo.running.gate;
        running.directory().refresh(running.db()).await.unwrap();
    };
    for name in [SENDER, EARLY_HELP, "school_nurse", OFFICER] {
        let mut reader = Reader::default();
        let before = there(&reader.poll(&gate, name, 200).await);
        assert!(!before.is_empty(), "{name}");
        run!(db.db, SUSPEND, true);
        seen().await;
        let told = reader.poll(&gate, name, 200).await;
        assert!(told.iter().all(|(_, gone)| *gone), "{name}: {told:?}");
        assert_eq!(told.iter().map(|(handle, _)| handle.clone()).collect::<BTreeSet<_>>(), before, "{name}");
        assert!(reader.poll(&gate, name, 200).await.is_empty(), "{name}: once");
        run!(db.db, SUSPEND, false);
        seen().await;
        assert_eq!(there(&reader.poll(&gate, name, 200).await), before, "{name}: all are there again");
    }
    let mut reader = Reader::default();
    let before = there(&reader.poll(&gate, OFFICER, 50).await);
    run!(db.db, NO_OFFICER);
    seen().await;
    let told = reader.poll(&gate, OFFICER, 50).await;
    assert!(told.len() == before.len() && told.iter().all(|(_, gone)| *gone), "no authorisation, nobody");
    gate.stop().await;
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Who has been gone for four weeks is forgotten, and so is a feed that nobody has read for as long: a reader that may
/// have missed something is told to begin anew, and nobody else is.
pub async fn forgotten(db: TestDb) {
    const TOLD: &str = "SELECT COUNT(*) FROM changes_told";
    const FEEDS: &str = "SELECT COUNT(*) FROM change_feeds";
    let start = moment("2026-11-20T18:00:00Z");
    let (clock, hand) = Clock::by_hand(start);
    let gate = Wire::over(TestGate::start_on(&db.url, clock).await);
    let expire = async || expire_changes(&gate.gate.demo.running.gate).await.unwrap();
    let child = &settled(&gate)[0];
    open(&gate, 1, child, "FO-1").await;
    let mut reader = Reader::default();
    let here = there(&reader.poll(&gate, SENDER, 200).await);
    let handle = found(&gate, SENDER, child).await;
    let late = reader.clone();
    end(&gate, SENDER, 1).await;
    assert_eq!(reader.poll(&gate, SENDER, 200).await, [(handle.clone(), true)]);
    let rows = number(&db.db, TOLD).await;
    assert_eq!(expire().await, 0, "nothing is old yet");
    for days in [14, 27] {
        hand.set(start + TimeDelta::days(days));
        reader.poll(&gate, SENDER, 200).await;
        assert_eq!(expire().await, 0);
    }
    hand.set(start + TimeDelta::days(28) + TimeDelta::hours(1));
    assert!(expire().await > 0);
    assert_eq!(number(&db.db, TOLD).await, rows - 1, "who is gone is forgotten");
    assert_eq!(page(&gate, SENDER, reader.cursor.as_deref(), 200).await.status, 200, "who has heard goes on");
    let refused = page(&gate, SENDER, late.cursor.as_deref(), 200).await;
    assert_eq!(
        (refused.status, &refused.body["type"]),
        (400, &json!("urn:schoolgate:problem:invalid_cursor"))
    );
    let told = Reader::default().poll(&gate, SENDER, 200).await;
    assert!(!told.iter().any(|(told, _)| *told == handle) && !told.is_empty() && here.contains(&handle));
    // Four weeks without a reader.
    assert_eq!(number(&db.db, FEEDS).await, 1);
    hand.set(start + TimeDelta::days(57));
    let stale = page(&gate, SENDER, reader.cursor.as_deref(), 200).await;
    assert_eq!((stale.status, &stale.body["type"]), (400, &json!("urn:schoolgate:problem:invalid_cursor")));
    let mut anew = Reader::default();
    assert!(!there(&anew.poll(&gate, SENDER, 200).await).is_empty());
    assert_eq!(number(&db.db, FEEDS).await, 1, "the old one has ended");
    expire().await;
    let left = number(&db.db, TOLD).await;
    hand.set(start + TimeDelta::days(90));
    assert!(expire().await > u64::try_from(left).unwrap());
    assert_eq!((number(&db.db, TOLD).await, number(&db.db, FEEDS).await), (0, 0), "nothing is kept");
    gate.stop().await;
}
