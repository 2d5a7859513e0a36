//! What no operator's step may be, each refused with its word and its entry, and with nothing of it done.

use super::{by_both, decide, edits, gateway, key, proposal, propose};
use crate::support::exports::number;
use crate::support::wire::{log, log_size};
use crate::support::{Suite, TestDb, TestGate};
use chrono::TimeDelta;
use schoolgate::audit::{Class, Decision};
use schoolgate::crypto::Ed25519Key;
use schoolgate::demo::agencies::{AUTHORITY, NURSING};
use schoolgate::directory::changes::{Edit, Missing, Record, Signed, Signer, plan};
use schoolgate::directory::{DirectoryFile, OperatorEntry, TeamEntry};
use schoolgate::domain::staff::CoverKind;
use uuid::Uuid;

pub fn register(suite: &mut Suite) {
    suite.both_empty("operators::a_step_that_may_not_be_is_refused_and_recorded", refused);
    suite.both_empty("operators::of_two_changes_of_one_record_the_second_no_longer_fits", overtaken);
    suite.both_empty("operators::cover_is_read_from_the_directory", cover);
}

fn team(code: &str, name: &str) -> DirectoryFile {
    let (organisation, code, name) = (NURSING.to_owned(), code.to_owned(), name.to_owned());
    let teams = vec![TeamEntry { organisation, code, name, ended: false }];
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
