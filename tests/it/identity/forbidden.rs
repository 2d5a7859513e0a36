//! What published collections of faults say of signatures and keys, over the wire, at each place that takes a key: the
//! gateway's own tokens, systems' assertions, and providers' tokens with the keys that they publish.

use super::bearer::{claims_of, report};
use super::crafted::{self, Published};
use super::world::{World, now, refused};
use super::{assertions, subjects};
use crate::support::signed::{TestKey, part};
use crate::support::wire::{MOVED, Wire, entry_of, run, send};
use crate::support::{Suite, TestDb};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schoolgate::crypto::Keyring;
use serde_json::{Value, json};
use uuid::Uuid;

/// Registers this file's trials.
pub fn register(suite: &mut Suite) {
    suite.both_empty("identity::no_forbidden_signature_makes_an_access_token", access_tokens);
    suite.both_empty("identity::no_forbidden_signature_makes_an_assertion", client_assertions);
    suite.both_empty("identity::no_forbidden_signature_or_key_makes_a_providers_token", providers);
}

/// How many each trial tries, as it holds itself to.
pub const TRIED: usize = ACCESS + 2 * EACH_KIND + KEYS;
const ACCESS: usize = 43;
/// By each of the five algorithms.
const EACH_KIND: usize = 116;
const KEYS: usize = 59;

/// Keys of the algorithms that are verified here, each by its name.
fn keys() -> Vec<TestKey> {
    ["EdDSA", "ES256", "ES384", "PS256", "RS256"].map(|alg| TestKey::new(alg, alg)).into()
}

async fn access_tokens(test: TestDb) {
    let world = World::start(&test).await;
    let wire = Wire::of(&world.gate, "social_worker_cp").await;
    let published = send(wire.bare("GET", "/.well-known/jwks.json")).await.json();
    let mut tried = 0;
    for own in &Keyring::load(&world.gate.demo.dir.join("keys")).unwrap().tokens {
        let mut key = TestKey::of_pkcs8("", &own.pkcs8);
        let found = published["keys"].as_array().unwrap().iter().find(|jwk| jwk["alg"] == key.alg);
        found.unwrap()["kid"].as_str().unwrap().clone_into(&mut key.kid);
        let good = key.token(&json!({"typ": "at+jwt"}), &claims_of(&wire.token));
        assert_eq!(report(&wire, &good).await.status, 200, "{}", key.alg);
        for (what, token) in crafted::tokens(&key, &good) {
            let reply = report(&wire, &token).await;
            assert_eq!((reply.status, reply.problem().as_str()), (401, "unauthenticated"), "{what}");
            let entry = entry_of(&test.db, &reply).await;
            assert_eq!(entry.reason.as_deref(), Some("token_signature"), "{what}");
            tried += 1;
        }
    }
    assert_eq!(tried, ACCESS);
    world.gate.stop().await;
}

async fn client_assertions(test: TestDb) {
    const KEY: &str = "INSERT INTO system_keys (id, system_id, kid, jwk, valid_from, valid_until) \
         SELECT $1, id, $2, $3, $4, $5 FROM systems WHERE client_id = $6";
    let world = World::start(&test).await;
    let (wire, client) = (world.wire(world.caller()), world.caller().client_id.as_str());
    let at = |seconds| chrono::DateTime::from_timestamp(now() + seconds, 0).unwrap();
    let keys = keys();
    for key in &keys {
        let jwk = key.jwk().to_string();
        let kid = key.kid.as_str();
        assert_eq!(run!(test.db, KEY, Uuid::now_v7(), kid, jwk.as_str(), at(-60), at(3_600), client), 1);
    }
    run!(test.db, MOVED);
    world.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
    let mut tried = 0;
    for key in &keys {
        let good = || key.token(&json!({}), &assertions::claims(&world, &json!({})));
        assert_eq!(assertions::ask(&wire, &good(), &[]).await.status, 200, "{}", key.alg);
        for (what, token) in crafted::tokens(key, &good()) {
            let reason = (401, "invalid_client", "assertion_signature");
            refused(&test, &what, reason, assertions::ask(&wire, &token, &[])).await;
            tried += 1;
        }
    }
    assert_eq!(tried, EACH_KIND);
    world.gate.stop().await;
}

async fn providers(test: TestDb) {
    let world = World::start(&test).await;
    subjects::every_algorithm(&test, &world).await;
    let wire = world.wire(world.caller());
    let (keys, odd) = (keys(), crafted::keys());
    let named = odd.iter().enumerate().map(|(number, Published { jwk, .. })| {
        let mut jwk = jwk.clone();
        jwk["kid"] = format!("odd {number}").into();
        jwk
    });
    let twins = [TestKey::new("twice", "ES256"), TestKey::new("twice", "EdDSA")];
    let published: Vec<Value> = keys.iter().chain(&twins).map(TestKey::jwk).chain(named).collect();
    world.provider.publish_as(&published);
    let claims = || world.claims("id_token", &json!({}));
    let mut tried = 0;
    for key in &keys {
        let good = || key.token(&json!({"typ": "JWT"}), &claims());
        let reply = world.given(&wire, "id_token", &good()).await;
        assert_eq!(reply.status, 200, "{}: {}", key.alg, reply.json());
        for (what, token) in crafted::tokens(key, &good()) {
            let reason = (400, "invalid_request", "subject_signature");
            refused(&test, &what, reason, world.given(&wire, "id_token", &token)).await;
            tried += 1;
        }
    }
    assert_eq!(tried, EACH_KIND);
    for (number, Published { what, alg, sign, why, .. }) in odd.iter().enumerate() {
        let header = json!({"alg": alg, "typ": "JWT", "kid": format!("odd {number}")});
        let signed = format!("{}.{}", part(&header), part(&claims()));
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sign(signed.as_bytes())));
        let reason = format!("subject_{why}");
        let asked = world.given(&wire, "id_token", &token);
        refused(&test, what, (400, "invalid_request", &reason), asked).await;
    }
    for twin in &twins {
        let token = twin.token(&json!({"typ": "JWT"}), &claims());
        let reason = (400, "invalid_request", "subject_key");
        refused(&test, "two of one name", reason, world.given(&wire, "id_token", &token)).await;
    }
    assert_eq!(odd.len() + twins.len(), KEYS);
    world.gate.stop().await;
}
