//! Updates that are held to what stands: the right tag changes it once, and any other changes nothing.

use super::{asked, sent, tag};
use crate::involvements::{claim, id, with};
use crate::support::exports::{self, number};
use crate::support::wire::{Wire, entry_of};
use crate::support::{Suite, TestDb, TestGate};
use futures_util::future::join_all;
use schoolgate::audit::Decision;
use serde_json::{Value, json};

pub fn register(suite: &mut Suite) {
    suite.both_empty("again::a_schools_own_codes_are_changed_by_who_has_read_them", codes);
    suite.both_empty("again::an_involvement_is_changed_by_who_knows_how_it_stands", involvement);
    suite.both_empty("again::a_condition_on_what_has_no_tag_changes_nothing", without_tag);
}

fn map(code: &str) -> Value {
    json!({"codes": [{"local_code": "HO", "code": code, "from": "2026-09-01", "until": null}]})
}

async fn codes(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let school = &gate.demo.json.schools[0];
    let office = Wire::of(&gate, &format!("school_attendance_officer_{}", school.urn)).await;
    let path = format!("/v1/schools/{}/local-codes", school.urn);
    let put = async |header: &str, value: &str, code: &str| {
        sent(&office, ("PUT", &path), &[(header, value)], &map(code)).await
    };
    let none = asked(&office, &path, &[]).await;
    assert_eq!(put("if-match", &tag(&none), "G").await.status, 200, "none is a state too");
    let first = asked(&office, &path, &[]).await;
    for (header, value) in [
        ("if-match", tag(&none)),
        ("if-match", format!("W/{}", tag(&first))),
        ("if-match", "\"x\"".to_owned()),
        ("if-match", "x".to_owned()),
        ("if-none-match", "*".to_owned()),
        ("if-none-match", tag(&first)),
        ("if-none-match", "x".to_owned()),
    ] {
        let reply = put(header, &value, "C").await;
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (412, "precondition_failed"),
            "{header}: {value}"
        );
        assert_eq!(reply.header("etag"), None);
        let entry = entry_of(&test.db, &reply).await;
        assert_eq!((entry.decision, entry.status), (Decision::Malformed, Some(412)));
        assert_eq!((entry.reason.as_deref(), entry.written), (Some("precondition_failed"), None));
        assert_eq!(asked(&office, &path, &[]).await.bytes, first.bytes, "{header}: {value}: it stands");
    }
    // Two who have read the same: one of them changes it.
    let own = tag(&first);
    let both = join_all(["C", "E"].map(|code| put_under(&office, &path, &own, code))).await;
    let mut statuses: Vec<u16> = both.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert!(statuses == [200, 412] || statuses == [200, 409], "{statuses:?}");
    assert_eq!(asked(&office, &path, &[]).await.json()["version"], 2);
    assert_eq!(put("if-match", "*", "G").await.status, 200);
    // Another school has another tag of the like, and is refused before its condition is looked at.
    let other = &gate.demo.json.schools[1];
    let stranger = Wire::of(&gate, &format!("school_attendance_officer_{}", other.urn)).await;
    let refused = sent(&stranger, ("PUT", &path), &[("if-match", "*")], &map("G")).await;
    let plain = sent(&stranger, ("PUT", &path), &[], &map("G")).await;
    assert_eq!(
        (refused.status, refused.json()["detail"].clone()),
        (plain.status, plain.json()["detail"].clone())
    );
    assert!(refused.status == 403 || refused.status == 404);
    gate.stop().await;
}

async fn put_under(wire: &Wire, path: &str, tag: &str, code: &str) -> crate::support::wire::Reply {
    sent(wire, ("PUT", path), &[("if-match", tag)], &map(code)).await
}

async fn involvement(test: TestDb) {
    let wire = exports::Wire::start(&test.url).await;
    let school = wire.schools()[0].clone();
    let rows = wire.rows(&school.pupils);
    let first = claim(&rows[0], "cin", "CIN-900");
    let worker = Wire::of(&wire.gate, "social_worker_cp").await;
    let path = format!("/v1/involvements/{}", id(900));
    let put =
        async |headers: &[(&str, &str)], body: &Value| sent(&worker, ("PUT", &path), headers, body).await;
    let known = async || {
        let report = asked(&worker, "/v1/involvements/report?limit=1000", &[]).await.json();
        let lines = report["involvements"].as_array().unwrap().clone();
        lines.into_iter().find(|line| line["id"] == id(900)).map(|line| line["etag"].clone())
    };
    let first = with(&first, json!({"team": "child-protection"}));
    assert_eq!(put(&[("if-match", "*")], &first).await.status, 412, "there is none yet");
    let opened = put(&[("if-none-match", "*")], &first).await;
    assert_eq!(opened.status, 202, "{}", opened.json());
    let own = tag(&opened);
    assert_eq!(known().await, Some(json!(own)));
    assert_eq!(put(&[("if-none-match", "*")], &first).await.status, 412, "now there is one");
    // The same again is the same, and something else under the right tag is another.
    assert_eq!(tag(&put(&[], &first).await), own);
    let changed = with(&first, json!({"staff_id": "S77"}));
    let reply = put(&[("if-match", &own)], &changed).await;
    assert_eq!((reply.status, tag(&reply) == own), (202, false));
    let now = tag(&reply);
    let late = put(&[("if-match", &own)], &first).await;
    assert_eq!((late.status, late.problem().as_str()), (412, "precondition_failed"));
    assert_eq!(entry_of(&test.db, &late).await.written, None);
    assert_eq!(known().await, Some(json!(now)), "the older one has not overtaken the newer");
    let end =
        async |value: &str| sent(&worker, ("DELETE", &path), &[("if-match", value)], &Value::Null).await;
    assert_eq!(end(&own).await.status, 412);
    assert_eq!(
        number(
            &test.db,
            "SELECT COUNT(*) FROM involvements WHERE case_reference = 'CIN-900' AND ended_at IS NULL"
        )
        .await,
        1
    );
    let ended = end(&now).await;
    assert_eq!((ended.status, &ended.json()["ended"]), (202, &json!(1)));
    assert_eq!(known().await, Some(Value::Null), "what has ended has no tag");
    // Of many that would open the same one is the first, and no other writes over it.
    let path = format!("/v1/involvements/{}", id(901));
    let bodies: Vec<Value> = (0..6)
        .map(|n| {
            with(
                &first,
                json!({"staff_id": format!("S{n}"), "source_case_id": "901", "case_reference": "CIN-901"}),
            )
        })
        .collect();
    let all =
        join_all(bodies.iter().map(|body| sent(&worker, ("PUT", &path), &[("if-none-match", "*")], body)))
            .await;
    let took = all.iter().filter(|reply| reply.status == 202).count();
    assert!(took == 1 && all.iter().all(|reply| [202, 412].contains(&reply.status)), "{took}");
    wire.stop().await;
}

/// Marks, rolls and claims have nothing that a tag could be of: a condition there is never ignored.
async fn without_tag(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let school = &gate.demo.json.schools[0];
    let office = Wire::of(&gate, &format!("school_attendance_officer_{}", school.urn)).await;
    let file = std::fs::read(gate.demo.dir.join(&school.pupils)).unwrap();
    let path = format!("/v1/schools/{}/pupils", school.urn);
    let imports = async || number(&test.db, "SELECT COUNT(*) FROM imports").await;
    let before = imports().await;
    for (header, value) in [("if-match", "*"), ("if-match", "\"x\""), ("if-none-match", "*")] {
        let request = office.request("POST", &path).header("content-type", "text/csv").header(header, value);
        let reply = crate::support::wire::send(request.body(file.clone())).await;
        assert_eq!((reply.status, reply.problem().as_str()), (412, "precondition_failed"), "{header}");
        assert!(reply.json()["detail"].as_str().unwrap().contains("has no `ETag`"));
        assert_eq!(entry_of(&test.db, &reply).await.reason.as_deref(), Some("condition_without_tag"));
    }
    assert_eq!(imports().await, before);
    gate.stop().await;
}
