//! What people decide: whom a claim is about, whom they are not to see, and which team sees a case that moves.

use super::{People, becomes, call};
use crate::involvements::{SENDER, claim, id, put, state, unknown, with};
use crate::support::exports::changed;
use crate::support::wire::{MOVED, entry_of, run};
use crate::support::{Suite, TestDb};
use schoolgate::involvements::match_claims;
use serde_json::{Value, json};
use uuid::Uuid;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("ties::a_person_says_whom_an_ambiguous_claim_is_about", ambiguous);
    suite.both_empty("ties::both_teams_see_a_case_that_moves", moved);
    suite.both_empty("ties::a_person_in_conflict_is_told_nothing", conflict);
}

const CHILD_PROTECTION: &str = "child-protection";

async fn mark(test: &TestDb, people: &People, subject: &str) {
    const MARK: &str = "INSERT INTO person_marks (id, organisation_id, issuer, tenant, subject, mark, team_id, \
         valid_from, valid_until) VALUES ($1, (SELECT id FROM organisations WHERE la_code = '999'), $2, \
         'exampleshire', $3, 'data_matcher', NULL, '2026-01-01', '2099-12-31')";
    run!(test.db, MARK, Uuid::now_v7(), people.provider.issuer.as_str(), subject);
    run!(test.db, MOVED);
    people.wire.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
}

async fn ambiguous(test: TestDb) {
    let people = People::start(&test).await;
    let gate = &people.wire;
    let children = unknown(gate);
    let (child, pattern) = (&children[4], &children[5]);
    let school = gate.schools().iter().find(|s| gate.pupil(s, &pattern["upn"]).is_some()).unwrap();
    let twin = changed(
        pattern,
        &[
            ("school_pupil_id", "twin-1"),
            ("upn", ""),
            ("surname", &child["surname"]),
            ("forename", &child["forename"]),
            ("date_of_birth", &child["date_of_birth"]),
        ],
    );
    assert_eq!(gate.send(&school.urn, "pupils", &twin).await.body["accepted"], 1);
    put(gate, SENDER, 1, &with(&claim(child, "cp", "AM-1"), json!({"upn": null}))).await;
    // Its UPN is another child's by date of birth: nobody but a person can tell.
    put(gate, SENDER, 2, &with(&claim(&children[6], "cp", "AM-2"), json!({"date_of_birth": "2014-01-01"})))
        .await;
    let protected = gate.rows(&gate.schools()[0].pupils);
    let protected = protected.iter().find(|row| row["whereabouts_protected"] == "true").unwrap().clone();
    put(gate, SENDER, 3, &with(&claim(&protected, "cp", "AM-3"), json!({"date_of_birth": "2014-01-01"})))
        .await;
    match_claims(&gate.gate.demo.running.gate, true).await.unwrap();
    let path = "/v1/involvements/ambiguous";
    let officer = people.person("attendance_officer_la", &[], "matcher").await;
    assert_eq!(call(&officer, "GET", path, &Value::Null).await.status, 403, "without the mark");
    mark(&test, &people, "matcher").await;
    assert_eq!(gate.get("attendance_officer_la", path).await.status, 403, "never a system");
    let list = call(&officer, "GET", path, &Value::Null).await;
    assert_eq!(list.status, 200, "{}", list.json());
    let written = String::from_utf8(list.bytes.clone()).unwrap();
    for hidden in ["AM-1", "child-protection", "S1234", &id(1), "exampleshire", &protected["surname"]] {
        assert!(!written.contains(hidden), "{hidden}: {written}");
    }
    let claims = list.json()["claims"].as_array().unwrap().clone();
    assert_eq!(claims.len(), 2, "{written}");
    let of_two = claims.iter().find(|c| c["candidates"].as_array().unwrap().len() == 2).unwrap();
    let candidates = of_two["candidates"].as_array().unwrap();
    for candidate in candidates {
        assert_eq!(candidate["surname"], child["surname"].as_str());
        assert!(candidate["postcode"].as_str().is_some_and(|p| p.contains(' ')), "{candidate}");
    }
    let decision = format!("{path}/{}/decision", of_two["id"].as_str().unwrap());
    let stranger = json!({"pupil_id": "0".repeat(32)});
    assert_eq!(call(&officer, "POST", &decision, &stranger).await.status, 409, "none of the candidates");
    assert_eq!(state(gate, SENDER, 1).await.as_deref(), Some("pending"));
    let chosen = json!({"pupil_id": candidates[0]["pupil_id"]});
    let decided = call(&officer, "POST", &decision, &chosen).await;
    assert_eq!((decided.status, decided.json()), (200, json!({"decision": "matched"})));
    let entry = entry_of(&test.db, &decided).await;
    assert_eq!(entry.action.as_deref(), Some("match_claim"));
    assert!(entry.child.is_some() && entry.person.is_some_and(|p| p.ends_with(" matcher")));
    assert_eq!(state(gate, SENDER, 1).await.as_deref(), Some("accessible"));
    assert_eq!(call(&officer, "POST", &decision, &chosen).await.status, 409, "once");
    // About none of them: it stays as it was, and is not asked again.
    let other = claims.iter().find(|c| c["id"] != of_two["id"]).unwrap();
    let decision = format!("{path}/{}/decision", other["id"].as_str().unwrap());
    let nobody = call(&officer, "POST", &decision, &json!({"pupil_id": null})).await;
    assert_eq!(nobody.json(), json!({"decision": "nobody"}));
    match_claims(&gate.gate.demo.running.gate, true).await.unwrap();
    assert_eq!(call(&officer, "GET", path, &Value::Null).await.json()["claims"], json!([]));
    for number in [2, 3] {
        assert_eq!(state(gate, SENDER, number).await.as_deref(), Some("pending"));
    }
    people.wire.stop().await;
}

async fn moved(test: TestDb) {
    const OVER: &str =
        "UPDATE involvements SET former_team_until = '2026-11-19' WHERE case_reference = 'MO-1'";
    const KEPT: &str = "SELECT COUNT(*) FROM involvements WHERE case_reference = 'MO-1' \
         AND former_team = 'child-protection' AND former_team_until > '2026-11-20'";
    let people = People::start(&test).await;
    let gate = &people.wire;
    let child = &unknown(gate)[0];
    let sent = claim(child, "cp", "MO-1");
    put(gate, SENDER, 1, &sent).await;
    becomes(gate, SENDER, 1, "accessible").await;
    let found = gate.client(SENDER).find(&child["upn"]).await.unwrap().unwrap();
    let before = people.person(SENDER, &[CHILD_PROTECTION], "before").await;
    let after = people.person(SENDER, &["looked-after"], "after").await;
    let asks = async || {
        let ask = async |wire: &crate::support::wire::Wire| wire.summary(&found, Some("MO-1")).await.status;
        (ask(&before).await, ask(&after).await)
    };
    assert_eq!(asks().await, (200, 404));
    put(gate, SENDER, 1, &with(&sent, json!({"team": "looked-after"}))).await;
    assert_eq!(asks().await, (200, 200), "while it moves");
    assert_eq!(crate::support::exports::number(&test.db, KEPT).await, 1);
    run!(test.db, OVER);
    assert_eq!(asks().await, (404, 200), "ten working days later");
    people.wire.stop().await;
}

async fn conflict(test: TestDb) {
    let people = People::start(&test).await;
    let gate = &people.wire;
    let child = &unknown(gate)[0];
    let urn = gate.schools().iter().find(|s| gate.pupil(s, &child["upn"]).is_some()).unwrap().urn.clone();
    put(gate, SENDER, 1, &claim(child, "cp", "CO-1")).await;
    becomes(gate, SENDER, 1, "accessible").await;
    let found = gate.client(SENDER).find(&child["upn"]).await.unwrap().unwrap();
    let aunt = people.person(SENDER, &[CHILD_PROTECTION], "aunt").await;
    let other = people.person(SENDER, &[CHILD_PROTECTION], "other").await;
    let officer = people.officer().await;
    let path = format!("/v1/conflicts/{}", id(50));
    let body = json!({
        "issuer": people.provider.issuer, "tenant": "exampleshire", "subject": "aunt",
        "involvement_id": id(1), "category": "own_family",
    });
    assert_eq!(aunt.summary(&found, Some("CO-1")).await.status, 200);
    let system = gate.json("data_protection_officer_agency", reqwest::Method::PUT, &path, &body).await;
    assert_eq!(system.status, 403, "a person only");
    let at_school =
        with(&body, json!({"involvement_id": null, "school_urn": urn, "category": "own_childs_school"}));
    for (what, body) in [("the child", &body), ("its school", &at_school)] {
        assert_eq!(call(&officer, "PUT", &path, body).await.json()["state"], "recorded", "{what}");
        let barred = aunt.summary(&found, Some("CO-1")).await;
        let unknown = aunt.summary(&Uuid::new_v4().simple().to_string(), Some("CO-1")).await;
        assert_eq!((barred.status, barred.bytes.len()), (404, unknown.bytes.len()), "{what}");
        assert_eq!(entry_of(&test.db, &barred).await.policies, ["guard_conflict"], "{what}");
        let find = call(&aunt, "POST", "/v1/pupils/find", &json!({"upn": child["upn"]})).await;
        assert_eq!(find.status, 404, "{what}");
        assert_eq!(other.summary(&found, Some("CO-1")).await.status, 200, "{what}");
        assert_eq!(call(&officer, "DELETE", &path, &Value::Null).await.json()["state"], "ended", "{what}");
        assert_eq!(aunt.summary(&found, Some("CO-1")).await.status, 200, "{what}");
    }
    for wrong in [
        json!({"involvement_id": id(99)}),
        json!({"school_urn": urn}),
        json!({"category": "friend"}),
        json!({"subject": ""}),
    ] {
        assert_eq!(call(&officer, "PUT", &path, &with(&body, wrong)).await.status, 400);
    }
    people.wire.stop().await;
}
