//! Families, schools and former ties: what ends at once, and what a school sees.

use super::becomes;
use crate::involvements::{SENDER, claim, end, id, put, state, unknown, with};
use crate::support::exports::{Wire, handle};
use crate::support::wire::{self, entry_of, log, run, send};
use crate::support::{Suite, TestDb};
use reqwest::Method;
use serde_json::{Value, json};

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("ties::what_a_family_withdraws_ends_at_once", withdrawn);
    suite.both_empty("ties::what_a_young_person_objects_to_ends_at_once", objected);
    suite.both_empty("ties::a_school_sees_what_it_may_and_no_more", seen);
    suite.both_empty("ties::a_resident_concern_shows_to_the_schools_authority", concerns);
    suite.both_empty("ties::a_former_tie_is_refused_and_not_forgotten", former);
}

async fn withdrawn(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let name = "early_help_worker";
    let child = &unknown(&gate)[0];
    let agreed =
        |by: &str| json!({"team": "early-help", "family_agreement": {"agreed_by": by, "agreed_to": "help"}});
    let sent = with(&claim(child, "early_help", "WD-1"), agreed("Mother"));
    put(&gate, name, 1, &sent).await;
    becomes(&gate, name, 1, "accessible").await;
    let found = gate.client(name).find(&child["upn"]).await.unwrap().unwrap();
    let asks = async || gate.ask(name, &found, Some("WD-1"), "").await.status;
    assert_eq!(asks().await, 200);
    let path = format!("/v1/involvements/{}/family-agreement", id(1));
    let withdraw =
        async |who: &str| gate.client(who).call(Method::DELETE, &path, &[], Vec::new()).await.unwrap();
    let answer = withdraw(name).await;
    assert_eq!(answer.body, json!({"withdrawn": 1, "unchanged": 0, "of_another_system": 0}));
    assert_eq!(asks().await, 404, "the very next request");
    let entries = log(&test.db, 0).await;
    let last = entries.iter().rev().find(|l| l.entry.action.as_deref() == Some("read_summary")).unwrap();
    assert_eq!(last.entry.policies, ["guard_family_agreement"]);
    assert_eq!(withdraw(name).await.body["unchanged"], 1);
    assert_eq!(withdraw("youth_justice_worker").await.body["of_another_system"], 1);
    // Whatever is sent again, it stays withdrawn until there is another agreement.
    put(&gate, name, 1, &sent).await;
    put(&gate, name, 1, &with(&sent, json!({"staff_id": "S2"}))).await;
    assert_eq!(asks().await, 404);
    put(&gate, name, 1, &with(&sent, agreed("Father"))).await;
    assert_eq!(asks().await, 200);
    gate.stop().await;
}

async fn objected(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let name = "school_nurse";
    let child = &unknown(&gate)[0];
    let sent = with(&claim(child, "school_nursing", "OB-1"), json!({"team": "school-nurses"}));
    put(&gate, name, 1, &sent).await;
    becomes(&gate, name, 1, "accessible").await;
    let found = gate.client(name).find(&child["upn"]).await.unwrap().unwrap();
    let asks = async || gate.ask(name, &found, Some("OB-1"), "").await.status;
    assert_eq!(asks().await, 200);
    let objects = async |who: &str, number: u32| {
        let path = format!("/v1/involvements/{}/objection", id(number));
        gate.client(who).call(Method::POST, &path, &[], Vec::new()).await.unwrap()
    };
    assert_eq!(objects(SENDER, 1).await.body["unchanged"], 1, "no case of another organisation's");
    let answer = objects(name, 1).await;
    assert_eq!((answer.status, &answer.body["ended"]), (202, &json!(1)), "{}", answer.body);
    assert_eq!(asks().await, 404, "the very next request");
    assert_eq!(objects(name, 1).await.body["unchanged"], 1);
    // Whatever is sent again of the case, under whichever id, gives nothing.
    let later = with(&sent, json!({"opened_at": "2026-11-20T09:00:00Z"}));
    for (number, again) in [(1, &sent), (2, &sent), (3, &later)] {
        put(&gate, name, number, again).await;
        assert_eq!(state(&gate, name, number).await.as_deref(), Some("ended"), "{number}");
    }
    assert_eq!(asks().await, 404);
    // A case that does not rest on consent goes on.
    put(&gate, SENDER, 4, &claim(child, "cp", "OB-4")).await;
    becomes(&gate, SENDER, 4, "accessible").await;
    assert_eq!(objects(SENDER, 4).await.body, json!({"ended": 0, "unchanged": 1, "of_another_system": 0}));
    assert_eq!(state(&gate, SENDER, 4).await.as_deref(), Some("accessible"));
    gate.stop().await;
}

async fn seen(test: TestDb) {
    let gate = Wire::start(&test.url).await;
    let child = &unknown(&gate)[0];
    let urn = gate.schools().iter().find(|s| gate.pupil(s, &child["upn"]).is_some()).unwrap().urn.clone();
    let other = gate.schools().iter().find(|s| s.urn != urn).unwrap().urn.clone();
    let dsl = format!("dsl_{urn}");
    let own = handle(&gate, &urn, &child["upn"]).await;
    let path = format!("/v1/schools/{urn}/involvements");
    let kinds = async || {
        let answer = gate.get(&dsl, &path).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let lines = answer.body["involvements"].as_array().unwrap().clone();
        let of_child = lines.into_iter().filter(|line| line["pupil_id"] == own.as_str());
        let mut kinds: Vec<String> = of_child.map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds().await, Vec::<String>::new());
    put(&gate, SENDER, 1, &claim(child, "cin", "SE-1")).await;
    put(&gate, SENDER, 2, &claim(child, "front_door", "SE-2")).await;
    put(&gate, SENDER, 3, &with(&claim(child, "assessment", "SE-3"), json!({"released": true}))).await;
    for number in 1..=3 {
        becomes(&gate, SENDER, number, "accessible").await;
    }
    assert_eq!(kinds().await, ["assessment", "cin"], "released, or of a kind that is seen");
    // Of one that no school is told of, nothing at the school changes by a byte.
    let before = gate.get(&dsl, &path).await.bytes;
    let secret =
        json!({"school_not_told": "allegation_against_staff", "school_not_told_review": "2026-11-20"});
    assert_eq!(put(&gate, SENDER, 4, &with(&claim(child, "cp", "SE-4"), secret)).await.status, 202);
    becomes(&gate, SENDER, 4, "accessible").await;
    assert_eq!(gate.get(&dsl, &path).await.bytes, before);
    for review in [json!({"school_not_told": "other"}), json!({"school_not_told_review": "2026-12-01"})] {
        assert_eq!(put(&gate, SENDER, 5, &with(&claim(child, "cp", "SE-5"), review)).await.status, 400);
    }
    for (who, path) in
        [(Wire::sender(&urn), &path), (format!("dsl_{other}"), &path), (SENDER.to_owned(), &path)]
    {
        assert_eq!(gate.get(&who, path).await.status, 403, "{who}");
    }
    // The designated officer sees it, with every other of the area; nobody else does.
    let listed = gate.get("designated_officer", "/v1/involvements/not-told").await;
    let lines: Vec<Value> = listed.body["involvements"].as_array().unwrap().clone();
    let of = |category: &str| lines.iter().find(|line| line["category"] == category).unwrap();
    let one = of("allegation_against_staff");
    assert_eq!((&one["kind"], &one["due"], &one["schools"]), (&json!("cp"), &json!(true), &json!([urn])));
    assert_eq!(of("relative_on_staff")["due"], false, "the demonstration's own");
    for who in ["data_protection_officer_agency", SENDER, &dsl] {
        assert_eq!(gate.get(who, "/v1/involvements/not-told").await.status, 403, "{who}");
    }
    assert_eq!(end(&gate, SENDER, 1).await.status, 202);
    assert_eq!(kinds().await, ["assessment"], "what has ended is seen no more");
    gate.stop().await;
}

async fn concerns(test: TestDb) {
    const ELSEWHERE: &str = "UPDATE involvements SET organisation_id = (SELECT id FROM organisations WHERE la_code = '998') \
         WHERE case_reference = 'RC-77'";
    const BARRED: &str = "INSERT INTO bars (pupil_id, source_id, place, sort, whom_kind, whom, begins_at) \
         SELECT pupil_id, $1, 1, 'withheld', 'organisation', $2, opened_at FROM involvements WHERE case_reference = 'RC-77'";
    let gate = Wire::start(&test.url).await;
    let (officer, sender) = ("attendance_officer_la", "attendance_officer_la_resident");
    let path = "/v1/involvements/resident-concerns";
    let child = &unknown(&gate)[0];
    let sent = with(&claim(child, "resident_concern", "RC-77"), json!({"team": "attendance"}));
    put(&gate, sender, 1, &sent).await;
    becomes(&gate, sender, 1, "accessible").await;
    let listed = async || {
        let answer = gate.get(officer, path).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["concerns"].clone()
    };
    assert_eq!(listed().await, json!([]), "the authority's own it has in its report");
    assert_eq!(run!(test.db, ELSEWHERE), 1);
    let found = gate.client(officer).find(&child["upn"]).await.unwrap().unwrap();
    let one = json!({"pupil_id": found, "authority": "Northmarch Borough Council", "since": "2026-11-19"});
    assert_eq!(listed().await, json!([one]));
    for who in [SENDER, sender, "school_nurse", "designated_officer"] {
        assert_eq!(gate.get(who, path).await.status, 403, "{who}");
    }
    // Withheld from the officer's authority, there is nothing to be told.
    let directory = gate.gate.demo.running.gate.directory().current();
    let own = directory.organisation_by_code("exampleshire").unwrap().id.0.to_string();
    assert_eq!(run!(test.db, BARRED, uuid::Uuid::now_v7(), own.as_str()), 1);
    assert_eq!(listed().await, json!([]));
    gate.stop().await;
}

async fn former(test: TestDb) {
    const NEVER: &str = "DELETE FROM involvements WHERE case_reference = 'FO-1'";
    let gate = Wire::start(&test.url).await;
    let child = &unknown(&gate)[0];
    put(&gate, SENDER, 1, &claim(child, "cp", "FO-1")).await;
    becomes(&gate, SENDER, 1, "accessible").await;
    let found = gate.client(SENDER).find(&child["upn"]).await.unwrap().unwrap();
    let wire = wire::Wire::of(&gate.gate, SENDER).await;
    assert_eq!(wire.summary(&found, Some("FO-1")).await.status, 200);
    end(&gate, SENDER, 1).await;
    let after = wire.summary(&found, Some("FO-1")).await;
    let line = json!({"pupil_id": found, "case_reference": "FO-1"}).to_string();
    let many =
        wire.request("POST", "/v1/attendance-summaries").header("content-type", "application/x-ndjson");
    assert_eq!(send(many.body(line)).await.status, 200);
    let reasons: Vec<_> = log(&test.db, after.receipt().unwrap().index).await;
    let reasons = reasons.iter().filter_map(|l| l.entry.reason.as_deref());
    assert_eq!(reasons.collect::<Vec<_>>(), ["ex_relationship"; 2], "asked alone, and in a list");
    // It looks like any other refusal, outside and by the size of its entry.
    run!(test.db, NEVER);
    let never = wire.summary(&found, Some("FO-1")).await;
    assert_eq!((after.status, never.status, after.bytes.len()), (404, 404, never.bytes.len()));
    assert_eq!(entry_of(&test.db, &never).await.reason.as_deref(), Some("no_relationship"));
    let sizes = [&after, &never].map(|reply| reply.receipt().unwrap().index);
    let bytes = log(&test.db, 0).await;
    let size = |index| bytes.iter().find(|l| l.index == index).unwrap().bytes.len();
    assert_eq!(size(sizes[0]), size(sizes[1]));
    gate.stop().await;
}
