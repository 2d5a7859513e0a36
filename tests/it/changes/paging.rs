//! Pages, cursors and entries.

use super::{PATH, Reader, changes, cursor, page, there};
use crate::support::exports::{Wire, number};
use crate::support::wire::{Personal, Wire as Raw, entry_of, log_size, send};
use crate::support::{TestDb, TestGate};
use schoolgate::audit::{Class, Decision};
use serde_json::json;
use std::collections::BTreeSet;

const OFFICER: &str = "attendance_officer_la";
const SENDER: &str = "social_worker_cp";

pub async fn pages(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let first = page(&gate, OFFICER, None, 40).await;
    assert_eq!((first.status, changes(&first.body).len()), (200, 40), "{}", first.body);
    assert_eq!(first.body["more"], true);
    // The answer was lost: asked again it is the same, from the beginning and from a place within.
    for _ in 0..2 {
        let again = page(&gate, OFFICER, None, 40).await;
        assert_eq!(again.body["changes"], first.body["changes"]);
    }
    let second = page(&gate, OFFICER, Some(&cursor(&first.body)), 40).await;
    let again = page(&gate, OFFICER, Some(&cursor(&first.body)), 40).await;
    assert_eq!(again.body["changes"], second.body["changes"]);
    let both: BTreeSet<_> =
        changes(&first.body).into_iter().chain(changes(&second.body)).map(|(handle, _)| handle).collect();
    assert_eq!(both.len(), 80);
    // However long the pages are, and wherever somebody else is, each child once.
    let mut all = BTreeSet::new();
    for limit in [200, 7, 1, 130] {
        let told = there(&Reader::default().poll(&gate, OFFICER, limit).await);
        assert!(told.len() > 100 && told.is_superset(&both), "{limit}: {}", told.len());
        assert!(all.is_empty() || all == told, "{limit}");
        all = told;
    }
    // No handle stands in the order in which children came to be known.
    let listed: Vec<String> = changes(&first.body).into_iter().map(|(handle, _)| handle).collect();
    assert!(listed.is_sorted(), "random handles in their own order");
    for (query, most) in
        [("", 200), ("?limit=0", 1), ("?limit=1", 1), ("?limit=1000", 200), ("?limit=65535", 200)]
    {
        let answer = gate.get(OFFICER, &format!("{PATH}{query}")).await;
        let told = changes(&answer.body).len();
        assert!(answer.status == 200 && told <= most && (most > 1 || told == 1), "{query}: {told}");
    }
    for query in ["?limit=-1", "?limit=many", "?limit=65536", "?sections=headline", "?since=2026-11-01"] {
        let answer = gate.get(OFFICER, &format!("{PATH}{query}")).await;
        assert_eq!(
            (answer.status, &answer.body["type"]),
            (400, &json!("urn:schoolgate:problem:bad_request"))
        );
    }
    gate.stop().await;
}

pub async fn foreign(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let mut own = Reader::default();
    own.poll(&gate, SENDER, 200).await;
    let own = own.cursor.unwrap();
    let mut others = Vec::new();
    // Another system; the same system for another purpose; another organisation's with nobody in it.
    for name in
        ["attendance_officer_la", "social_worker_cin", "social_worker_cla", "school_nurse", "stranger"]
    {
        let mut reader = Reader::default();
        reader.poll(&gate, name, 200).await;
        others.push(reader.cursor.unwrap());
        let answer = page(&gate, name, Some(&own), 200).await;
        assert_eq!(
            (answer.status, &answer.body["title"]),
            (400, &json!("The cursor cannot be used here")),
            "{name}"
        );
    }
    let forged = format!("{:016x}{}", 1, &own[16..]);
    let within = format!("{}01{}", &own[..16], &own[18..]);
    let odd =
        ["", "0", "zz", "%00", "2026-11-20T00:00:00Z", &own[..48], &format!("{own}00"), &forged, &within];
    for cursor in others.iter().map(String::as_str).chain(odd) {
        let answer = page(&gate, SENDER, Some(cursor), 200).await;
        assert_eq!(
            (answer.status, &answer.body["type"]),
            (400, &json!("urn:schoolgate:problem:invalid_cursor")),
            "{cursor}"
        );
        assert!(answer.body["detail"].as_str().unwrap().contains("ask without `cursor`"));
        assert!(cursor.len() < 8 || !answer.body.to_string().contains(cursor), "quotes nothing");
        assert!(answer.receipt.is_some());
    }
    assert_eq!(page(&gate, SENDER, Some(&own), 200).await.status, 200, "the own one goes on");
    // Whoever has never read cannot go on either.
    assert_eq!(page(&gate, "youth_justice_worker", Some(&own), 200).await.status, 400);
    gate.stop().await;
}

pub async fn nobody(db: TestDb) {
    const FEEDS: &str = "SELECT COUNT(*) FROM change_feeds";
    let gate = Wire::start(&db.url).await;
    let answer = page(&gate, "stranger", None, 200).await;
    assert_eq!(
        (answer.status, &answer.body["changes"], &answer.body["more"]),
        (200, &json!([]), &json!(false))
    );
    assert!(answer.body["caution"].as_str().unwrap().contains("This does not mean"), "{}", answer.body);
    let again = page(&gate, "stranger", Some(&cursor(&answer.body)), 200).await;
    assert_eq!((again.status, &again.body["changes"]), (200, &json!([])));
    // A school follows nobody: it sends the registers. Nor does who reviews.
    let school = format!("dsl_{}", gate.schools()[0].urn);
    for name in [Wire::sender(&gate.schools()[0].urn).as_str(), &school, "data_protection_officer_agency"] {
        let answer = page(&gate, name, None, 200).await;
        assert_eq!(
            (answer.status, &answer.body["type"]),
            (403, &json!("urn:schoolgate:problem:forbidden")),
            "{name}"
        );
    }
    assert_eq!(number(&db.db, FEEDS).await, 1, "the stranger's, and nobody else's");
    gate.stop().await;
}

pub async fn entries(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let (officer, personal) = (Raw::of(&gate, OFFICER).await, Personal::new());
    let mut path = format!("{PATH}?limit=60");
    let (mut indices, before) = (BTreeSet::new(), log_size(&test.db).await);
    for turn in 1.. {
        let reply = send(officer.request("GET", &path)).await;
        assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
        let body = reply.json();
        let next = cursor(&body);
        let link = format!("<?limit=60&cursor={next}>; rel=\"next\"");
        assert_eq!(reply.header("link"), (body["more"] == true).then_some(link.as_str()));
        assert_eq!(personal.found_in(std::str::from_utf8(&reply.bytes).unwrap()), None);
        let entry = entry_of(&test.db, &reply).await;
        assert_eq!(
            (entry.class, entry.decision, entry.status),
            (Class::Access, Decision::Allowed, Some(200))
        );
        assert_eq!((entry.action.as_deref(), entry.route.as_deref()), (Some("follow_child"), Some(PATH)));
        assert!(entry.sections_given.is_empty() && entry.child.is_none() && entry.legal_basis.is_some());
        assert!(entry.answer.is_some() && entry.policy_set.is_some());
        if !changes(&body).is_empty() {
            assert_eq!(entry.policies, ["summaries_attendance_duty_officer"]);
            assert!(entry.record.unwrap().starts_with("change feed ") && entry.written.is_some());
        }
        assert!(indices.insert(reply.receipt().unwrap().index));
        assert_eq!(log_size(&test.db).await, before + turn, "one request, one entry");
        if body["more"] == false {
            break;
        }
        path = format!("{PATH}?limit=60&cursor={next}");
    }
    assert!(indices.len() >= 3);
    // Given again, it is read and not written.
    let reply = send(officer.request("GET", &format!("{PATH}?limit=60"))).await;
    let entry = entry_of(&test.db, &reply).await;
    assert!(entry.record.unwrap().ends_with(", places 1 to 60") && entry.written.is_none());
    assert_eq!(entry.policies, ["summaries_attendance_duty_officer"]);
    let reply = send(officer.request("GET", &format!("{PATH}?cursor=00"))).await;
    let entry = entry_of(&test.db, &reply).await;
    assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_cursor"));
    assert_eq!((entry.decision, entry.legal_basis, entry.written), (Decision::Malformed, None, None));
    gate.stop().await;
}

/// Several processes of one system: of requests at the same time each is answered, and each reader hears of everybody.
pub async fn at_once(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let poll = async |limit: u16| Reader::default().poll(&gate, OFFICER, limit).await;
    let told = tokio::join!(poll(200), poll(13), poll(40), poll(200), poll(27));
    let all: BTreeSet<String> = there(&poll(200).await);
    assert!(all.len() > 100);
    for told in [told.0, told.1, told.2, told.3, told.4] {
        assert_eq!(there(&told), all);
    }
    gate.stop().await;
}
