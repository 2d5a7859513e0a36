//! While it cannot be noted that something is used for the first time, nobody is given a token by it; and what the operator
//! sees of those who show what was used before, or is another's.

use super::assertions::{ask, claims};
use super::world::{World, details, kind_of, refused};
use crate::support::wire::{Wire, run, send};
use crate::support::{Suite, TestDb};
use serde_json::json;
use std::collections::BTreeMap;

/// Registers this file's trials.
pub fn register(suite: &mut Suite) {
    suite.both_empty("identity::what_cannot_be_noted_gives_no_token_and_is_not_used_up", out);
    suite.both_empty("identity::what_is_anothers_or_was_used_before_is_an_alarm", alarms);
}

const REPORT: &str = super::REPORT;

/// The table of uses away: an assertion, a person's token and a token taken back are 503, each with its entry; what needs no
/// note goes on. With the table back all of it holds without a restart, the same texts too.
async fn out(test: TestDb) {
    const AWAY: &str = "ALTER TABLE replays RENAME TO replays_away";
    const BACK: &str = "ALTER TABLE replays_away RENAME TO replays";
    const TAKEN_AWAY: &str = "ALTER TABLE revoked_tokens RENAME TO revoked_away";
    const TAKEN_BACK: &str = "ALTER TABLE revoked_away RENAME TO revoked_tokens";
    let world = World::start(&test).await;
    let wire = world.wire(world.caller());
    let mut own = Wire::of(&world.gate, "social_worker_cp").await;
    let key = world.system_key(world.caller());
    let assertion = key.token(&json!({}), &claims(&world, &json!({})));
    let subjects = ["id_token", "access_token", "id-jag"]
        .map(|kind| (kind, world.subject(kind, &json!({}), &json!({}))));
    run!(test.db, AWAY);
    let reason = (503, "temporarily_unavailable", "store_unreachable");
    refused(&test, "an assertion", reason, ask(&wire, &assertion, &[])).await;
    let again = ask(&wire, &assertion, &[]).await;
    assert_eq!((again.status, again.header("retry-after")), (503, Some("5")));
    for (kind, token) in &subjects {
        refused(&test, kind, reason, world.given(&wire, kind, token)).await;
    }
    let caller = world.caller();
    let plain = wire.ask_token(&caller.client_id, &caller.role, &caller.purpose).await;
    assert_eq!(plain.status, 200, "the certificate alone needs no note: {}", plain.json());
    assert_eq!(send(own.request("GET", REPORT)).await.status, 200, "nor does a token that was given");
    run!(test.db, BACK);
    assert_eq!(ask(&wire, &assertion, &[]).await.status, 200, "it was not used up");
    for (kind, token) in &subjects {
        assert_eq!(world.given(&wire, kind, token).await.status, 200, "{kind}");
        let used = (400, "invalid_request", "subject_replayed");
        refused(&test, kind, used, world.given(&wire, kind, token)).await;
    }
    // A token that could not be taken back is not said to be.
    run!(test.db, TAKEN_AWAY);
    let form = [("client_id", caller.client_id.as_str()), ("token", own.token.as_str())];
    let revoke = async || send(wire.http.post(format!("{}/oauth2/revoke", wire.base)).form(&form)).await;
    refused(&test, "a revocation", reason, revoke()).await;
    run!(test.db, TAKEN_BACK);
    assert_eq!(send(own.request("GET", REPORT)).await.status, 200, "it was not taken back");
    assert_eq!(revoke().await.status, 200);
    plain.json()["access_token"].as_str().unwrap().clone_into(&mut own.token);
    assert_eq!(send(own.request("GET", REPORT)).await.status, 200, "and another token is not");
    world.gate.stop().await;
}

/// `schoolgate_alarms_total` by reason.
async fn counted(world: &World) -> BTreeMap<String, u64> {
    const NAME: &str = "schoolgate_alarms_total{reason=\"";
    let url = format!("{}/metrics", world.gate.demo.json.admin);
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix(NAME)?.split_once("\"} "));
    lines.map(|(reason, count)| (reason.to_owned(), count.parse().unwrap())).collect()
}

/// Each is one alarm by its own word, and what is merely wrong is none.
async fn alarms(test: TestDb) {
    let world = World::start(&test).await;
    let (caller, nurse) = (world.caller(), world.gate.caller("school_nurse"));
    let (wire, stolen) = (world.wire(caller), world.wire(nurse));
    let own = Wire::of(&world.gate, "social_worker_cp").await;
    let key = world.system_key(caller);
    let before = counted(&world).await;
    let assertion = key.token(&json!({}), &claims(&world, &json!({})));
    assert_eq!(ask(&wire, &assertion, &[]).await.status, 200);
    let reason = |why| (401, "invalid_client", why);
    refused(&test, "again", reason("assertion_replayed"), ask(&wire, &assertion, &[])).await;
    let fresh = key.token(&json!({}), &claims(&world, &json!({})));
    refused(&test, "over another's", reason("assertion_of_other_client"), ask(&stolen, &fresh, &[])).await;
    let other = wire.ask_token(&nurse.client_id, &nurse.role, &nurse.purpose);
    refused(&test, "another's name", reason("client_of_other_certificate"), other).await;
    let kind = kind_of("id_token");
    let details = details("social_worker", "child_protection");
    let token = world.subject("id_token", &json!({}), &json!({}));
    let form = [
        ("subject_token", token.as_str()),
        ("subject_token_type", &kind),
        ("authorization_details", &details),
    ];
    assert_eq!(world.exchange(&wire, &form).await.status, 200);
    let reason = |why| (400, "invalid_request", why);
    refused(&test, "used", reason("subject_replayed"), world.exchange(&wire, &form)).await;
    let given = world.subject("id_token", &json!({}), &json!({"azp": "somebody"}));
    refused(&test, "given to another", reason("subject_client"), world.given(&wire, "id_token", &given))
        .await;
    let crossed = stolen.bare("GET", REPORT).bearer_auth(&own.token);
    assert_eq!(send(crossed).await.status, 401);
    // Wrong, and nobody's fault that an operator must look at.
    let old = world.subject("id_token", &json!({}), &json!({"iat": super::world::now() - 400}));
    refused(&test, "old", reason("subject_old"), world.given(&wire, "id_token", &old)).await;
    assert_eq!(send(own.bare("GET", REPORT).bearer_auth("nonsense")).await.status, 401);
    let after = counted(&world).await;
    let new: Vec<(&str, u64)> = after
        .iter()
        .map(|(reason, count)| (reason.as_str(), count - before.get(reason).copied().unwrap_or_default()))
        .filter(|(_, count)| *count > 0)
        .collect();
    let words = [
        "assertion_of_other_client",
        "assertion_replayed",
        "client_of_other_certificate",
        "subject_client",
        "subject_replayed",
        "token_of_other_certificate",
    ];
    assert_eq!(new, words.map(|word| (word, 1)), "one each, and no other");
    world.gate.stop().await;
}
