//! What no operator's step may be, each refused with its word and its entry, and with nothing of it done.

use super::{by_both, decide, edits, gateway, key, proposal, propose};
use crate::support::exports::number;
use crate::support::wire::{log, log_size, run};
use crate::support::{Suite, TestDb, TestGate};
use chrono::TimeDelta;
use schoolgate::audit::{Class, Decision};
use schoolgate::crypto::Ed25519Key;
use schoolgate::demo::agencies::{AUTHORITY, NURSING};
use schoolgate::directory::changes::{self, Edit, Missing, Record, Signed, Signer, State, plan};
use schoolgate::directory::{CertificateEntry, DirectoryFile, OperatorEntry, SystemEntry, TeamEntry};
use schoolgate::domain::staff::CoverKind;
use std::collections::BTreeSet;
use uuid::Uuid;

pub fn register(suite: &mut Suite) {
    suite.both_empty("operators::a_step_that_may_not_be_is_refused_and_recorded", refused);
    suite.both_empty("operators::of_two_changes_of_one_record_the_second_no_longer_fits", overtaken);
    suite.both_empty("operators::one_operators_waiting_changes_leave_room_for_anothers", room);
    suite.both_empty("operators::changes_made_at_once_are_all_taken_in", at_once);
    suite.both_empty("operators::who_proposed_must_stand_by_it_at_the_approval", stands_by);
    suite.both_empty("operators::a_certificate_or_key_that_was_given_up_does_not_come_back", given_up);
    suite.both_empty("operators::cover_is_read_from_the_directory", cover);
}

fn team(code: &str, name: &str) -> DirectoryFile {
    let (organisation, code, name) = (NURSING.to_owned(), code.to_owned(), name.to_owned());
    let teams = vec![TeamEntry { organisation, code, name, ended: false, telephone: String::new() }];
    DirectoryFile { teams, ..DirectoryFile::default() }
}

async fn refused(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let inner = &gate.demo.running.gate;
    let good = edits(inner, &team("night", "Night"));
    let (first, name, now) = (key(&gate, 0), gateway(&gate), inner.clock().now());
    let directory = inner.directory().current();
    let signed = |key: &Ed25519Key, gateway: &str, minutes: i64| {
        let at = now - TimeDelta::minutes(minutes);
        Signer::new(&directory, key, gateway, at).unwrap().change(Uuid::now_v7(), good.clone())
    };
    let right = signed(&first, &name, 0);
    let mut other_bytes = right.clone();
    let place = right.bytes.windows(5).position(|w| w == b"Night").unwrap();
    other_bytes.bytes[place] = b'M';
    let by_nobody =
        Signed { signature: Ed25519Key::generate().unwrap().sign(&right.bytes).to_vec(), ..right.clone() };
    let moved: Vec<Edit> =
        good.iter().map(|e| Edit { was: Some("00".repeat(32)), put: e.put.clone() }).collect();
    let unknown = Edit {
        was: None,
        put: Record::Team(TeamEntry {
            organisation: "nobody".to_owned(),
            code: "x".to_owned(),
            name: "X".to_owned(),
            ended: false,
            telephone: String::new(),
        }),
    };
    let changes = async || number(&test.db, "SELECT COUNT(*) FROM changes").await;
    let (before, from) = (changes().await, log_size(&test.db).await);
    let cases = [
        (other_bytes, "signature", "the signature does not hold over the bytes of this document"),
        (by_nobody, "signature", "the signature does not hold"),
        (signed(&first, "other/log", 0), "other_gateway", "this was signed for another gateway"),
        (signed(&first, &name, 11), "stale", "more than ten minutes from now"),
        (signed(&first, &name, -11), "stale", "more than ten minutes from now"),
        (proposal(&gate, 0, Vec::new()), "nothing", "nothing would change"),
        (proposal(&gate, 0, moved), "does_not_fit", "has changed since this change was made"),
        (proposal(&gate, 0, vec![unknown]), "does_not_fit", "`nobody` is named but not defined"),
        (
            Signed { bytes: b"{}".to_vec(), ..right.clone() },
            "document_form",
            "not a document of this version",
        ),
    ];
    let mut words = Vec::new();
    for (document, word, says) in cases {
        let fault = propose(&gate, &document).await.unwrap_err();
        assert!(fault.to_string().contains(says), "{word}: {fault}");
        words.push(word);
    }
    assert_eq!(changes().await, before, "nothing of it is kept");
    let admin: Vec<_> =
        log(&test.db, from).await.into_iter().map(|l| l.entry).filter(|e| e.class == Class::Admin).collect();
    assert!(admin.iter().all(|e| e.decision == Decision::Refused));
    assert_eq!(admin.iter().map(|e| e.reason.as_deref().unwrap()).collect::<Vec<_>>(), words);
    // The same document, untouched, is taken in: once.
    assert!(propose(&gate, &right).await.is_ok());
    assert!(propose(&gate, &right).await.is_err());
    gate.stop().await;
}

async fn overtaken(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let inner = &gate.demo.running.gate;
    by_both(&gate, &team("night", "Night")).await;
    let (one, two) = (edits(inner, &team("night", "One")), edits(inner, &team("night", "Two")));
    let one = propose(&gate, &proposal(&gate, 0, one)).await.unwrap().change;
    let two = propose(&gate, &proposal(&gate, 1, two)).await.unwrap().change;
    // A change that waits does not keep what only narrows from taking effect.
    decide(&gate, 1, one, true).await.unwrap();
    let fault = decide(&gate, 0, two, true).await.unwrap_err();
    assert!(fault.to_string().contains("has changed since this change was made; refuse it"), "{fault}");
    let fault = decide(&gate, 1, two, true).await.unwrap_err();
    assert!(fault.to_string().contains("operator `operator-2` proposed this change"), "{fault}");
    decide(&gate, 1, two, false).await.unwrap();
    let directory = inner.directory().current();
    let nursing = directory.organisation_by_code(NURSING).unwrap().id;
    assert_eq!(directory.team(nursing, "night").unwrap().name, "One");
    // The same key under another name is no second operator.
    let key = schoolgate::crypto::to_hex(&key(&gate, 0).public());
    let entry = OperatorEntry { name: "other".to_owned(), public_key: key, ended: false };
    let stands = directory.records();
    let again = [Record::Operator(entry)].into_iter().map(|r| (r.key(), r)).collect();
    let at = (inner.clock().today(), inner.clock().now());
    let fault = plan(&stands, again, Missing::Stand, at).unwrap_err().to_string();
    assert!(
        fault.starts_with("operator's key `") && fault.ends_with("stands twice; leave one of them out"),
        "{fault}"
    );
    gate.stop().await;
}

async fn room(test: TestDb) {
    const ANOTHER: &str = "INSERT INTO changes (id, document, signature, proposed_by, proposed_at, widens, state) \
         SELECT $1, document, signature, proposed_by, proposed_at, widens, state FROM changes WHERE id = $2";
    let gate = TestGate::start(&test.url).await;
    let inner = &gate.demo.running.gate;
    let add = |operator, code: &str| proposal(&gate, operator, edits(inner, &team(code, "Team")));
    let first = propose(&gate, &add(0, "t-0")).await.unwrap();
    for _ in 1..49 {
        assert_eq!(run!(test.db, ANOTHER, Uuid::now_v7(), first.change), 1);
    }
    let fiftieth = propose(&gate, &add(0, "t-50")).await.unwrap();
    let from = log_size(&test.db).await;
    let fault = propose(&gate, &add(0, "t-51")).await.unwrap_err().to_string();
    assert!(fault.starts_with("50 changes of operator `operator-1` wait already; "), "{fault}");
    let entries = log(&test.db, from).await;
    assert_eq!(entries[0].entry.reason.as_deref(), Some("too_many_waiting"));
    let other = propose(&gate, &add(1, "t-51")).await.unwrap();
    assert_eq!(other.state, State::Waiting, "the other's is taken in");
    // What only narrows waits for nobody, and is not counted.
    let stands = inner.directory().current().records();
    let narrows = stands.into_values().find_map(|record| {
        let Record::Team(t) = record else { return None };
        (t.organisation == NURSING).then_some(Record::Team(TeamEntry { ended: true, ..t }))
    });
    let narrows = narrows.unwrap();
    let was = inner.directory().current().records().get(&narrows.key()).map(Record::digest);
    let done = propose(&gate, &proposal(&gate, 0, vec![Edit { was, put: narrows }])).await.unwrap();
    assert_eq!(done.state, State::Effective);
    decide(&gate, 0, fiftieth.change, false).await.unwrap();
    propose(&gate, &add(0, "t-52")).await.unwrap();
    gate.stop().await;
}

/// The directory is read before the writer is taken: whose reading was overtaken reads again, and loses nothing.
async fn at_once(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let inner = &gate.demo.running.gate;
    let made: Vec<Signed> = (0..6)
        .map(|n| proposal(&gate, n % 2, edits(inner, &team(&format!("at-once-{n}"), "Team"))))
        .collect();
    let done = futures_util::future::join_all(made.iter().map(|signed| propose(&gate, signed))).await;
    let entries: BTreeSet<u64> = done.iter().map(|done| done.as_ref().unwrap().entry).collect();
    assert_eq!(entries.len(), 6, "each with its own entry");
    let waiting = number(&test.db, "SELECT COUNT(*) FROM changes WHERE state = 'waiting'").await;
    assert_eq!(waiting, 6);
    // A step by a reading that is old moves nothing.
    let mut tx = test.db.begin().await.unwrap();
    let version = inner.directory().current().version;
    assert!(!changes::moves_on(&mut tx, version - 1).await.unwrap());
    assert!(changes::moves_on(&mut tx, version).await.unwrap());
    drop(tx);
    gate.stop().await;
}

/// Whoever can write the database is no operator: what waits is held to its proposer's signature again.
async fn stands_by(test: TestDb) {
    const BYTES: &str = "UPDATE changes SET document = $1 WHERE id = $2";
    const SIGNATURE: &str = "UPDATE changes SET signature = $1 WHERE id = $2";
    const ENDED: &str = "UPDATE operators SET ended_at = $1 WHERE name = 'operator-1'";
    const BACK: &str = "UPDATE operators SET ended_at = NULL";
    let gate = TestGate::start(&test.url).await;
    let inner = &gate.demo.running.gate;
    let signed = proposal(&gate, 0, edits(inner, &team("night", "Night")));
    let id = propose(&gate, &signed).await.unwrap().change;
    let refused = async |what: &str| {
        let fault = decide(&gate, 1, id, true).await.unwrap_err().to_string();
        let says = "operator `operator-1`, who proposed this change, does not stand by it any more";
        assert!(fault.starts_with(says), "{what}: {fault}");
    };
    let place = signed.bytes.windows(5).position(|w| w == b"Night").unwrap();
    let mut bytes = signed.bytes.clone();
    bytes[place] = b'M';
    assert_eq!(run!(test.db, BYTES, bytes, id), 1);
    refused("other bytes").await;
    assert_eq!(run!(test.db, BYTES, signed.bytes.clone(), id), 1);
    let by_another = key(&gate, 1).sign(&signed.bytes).to_vec();
    assert_eq!(run!(test.db, SIGNATURE, by_another, id), 1);
    refused("another's signature").await;
    assert_eq!(run!(test.db, SIGNATURE, signed.signature.clone(), id), 1);
    assert_eq!(run!(test.db, ENDED, inner.clock().now()), 1);
    refused("an operator who has ended").await;
    assert_eq!(run!(test.db, BACK), 2);
    decide(&gate, 1, id, true).await.unwrap();
    gate.stop().await;
}

async fn given_up(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let inner = &gate.demo.running.gate;
    let find = |wanted: &dyn Fn(&SystemEntry) -> bool| {
        let stands = inner.directory().current().records();
        let found = stands.into_values().find_map(|record| {
            let Record::System(s) = record else { return None };
            wanted(&s).then_some(s)
        });
        found.unwrap()
    };
    let full = |s: &SystemEntry| !s.certificates.is_empty();
    let own = find(&|s| s.organisation == NURSING && full(s));
    let another = find(&|s| s.organisation != NURSING && full(s));
    let step = async |to: SystemEntry| {
        let put = Record::System(to).normal();
        let was = inner.directory().current().records().get(&put.key()).map(Record::digest);
        propose(&gate, &proposal(&gate, 0, vec![Edit { was, put }])).await
    };
    let with = |more: CertificateEntry| {
        let mut to = find(&|s| s.client_id == own.client_id);
        to.certificates.push(more);
        to
    };
    let fresh = CertificateEntry {
        thumbprint: "ab".repeat(32),
        key_digest: "cd".repeat(32),
        ..own.certificates[0].clone()
    };
    let with_key = |key: &str| CertificateEntry { key_digest: key.to_owned(), ..fresh.clone() };
    for (what, key) in
        [("its own", &own.certificates[0].key_digest), ("another's", &another.certificates[0].key_digest)]
    {
        let fault = step(with(with_key(key))).await.unwrap_err().to_string();
        assert!(fault.contains("has a key that stands in the directory already"), "{what}: {fault}");
    }
    let revoked = step(SystemEntry { certificates: Vec::new(), ..own.clone() }).await.unwrap();
    assert_eq!(revoked.state, State::Effective);
    let fault = step(own.clone()).await.unwrap_err().to_string();
    assert!(fault.contains("was revoked or stands otherwise; it does not come back"), "{fault}");
    let fault = step(with(with_key(&own.certificates[0].key_digest))).await.unwrap_err().to_string();
    assert!(fault.contains("has a key that stands in the directory already"), "a revoked one's: {fault}");
    let twice = CertificateEntry { thumbprint: "ef".repeat(32), ..fresh.clone() };
    let both = SystemEntry { certificates: vec![fresh.clone(), twice], ..own.clone() };
    let fault = step(both).await.unwrap_err().to_string();
    assert!(fault.contains("has a key that stands in the directory already"), "two of one: {fault}");
    assert_eq!(step(with(fresh)).await.unwrap().state, State::Waiting, "a new one of a new key waits");
    gate.stop().await;
}

async fn cover(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let directory = gate.demo.running.gate.directory().current();
    let authority = directory.organisation_by_code(AUTHORITY).unwrap().id;
    let team = |code: &str| directory.team(authority, code).unwrap().id;
    let covered = |at: &str| {
        let mut covered = directory.covered_teams(team("front-door"), at.parse().unwrap());
        covered.sort_unstable();
        covered
    };
    let mut night = ["family-help-east", "child-protection", "looked-after"]
        .map(|code| (team(code), CoverKind::OutOfHours));
    night.sort_unstable();
    assert_eq!(covered("2026-11-20T18:00:00"), night);
    assert_eq!(covered("2026-11-20T12:00:00"), []);
    assert_eq!(directory.covered_teams(team("child-protection"), "2026-11-20T18:00:00".parse().unwrap()), []);
    gate.stop().await;
}
