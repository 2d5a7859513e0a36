//! Client authentication by `private_key_jwt`, over the wire: what proves a system, and everything that does not.

use super::world::{BEARER, World, details, now, refused};
use crate::support::gate::TODAY;
use crate::support::signed::{TestKey, part, parts};
use crate::support::wire::{MOVED, Reply, Wire, run, send, within_a_second};
use crate::support::{Suite, TestDb};
use schoolgate::clock::Clock;
use schoolgate::config::Config;
use serde_json::{Value, json};
use std::time::Instant;
use uuid::Uuid;

/// Registers this file's trials.
pub fn register(suite: &mut Suite) {
    suite.both_empty("identity::a_systems_own_signature_proves_it_once", assertions);
    suite.both_empty("identity::an_assertion_is_used_once_whichever_gateway_is_asked", replayed);
}

/// How many wrong ones the trial tries.
pub const TRIED: usize = 49;

/// Good claims with changes; null takes one away.
pub fn claims(world: &World, change: &Value) -> Value {
    let client = world.caller().client_id.as_str();
    let mut claims = json!({
        "iss": client, "sub": client, "aud": world.issuer, "jti": Uuid::new_v4().to_string(),
        "iat": now(), "exp": now() + 60,
    });
    crate::support::signed::patch(&mut claims, change);
    claims
}

pub async fn ask(wire: &Wire, assertion: &str, more: &[(&str, &str)]) -> Reply {
    let details = details("social_worker", "child_protection");
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", BEARER),
        ("client_assertion", assertion),
        ("authorization_details", details.as_str()),
    ];
    form.extend_from_slice(more);
    send(wire.http.post(format!("{}/oauth2/token", wire.base)).form(&form)).await
}

/// What is wrong with an assertion, the assertion, and the reason in the entry without its first word.
type Case = (&'static str, String, &'static str);

/// Whoever makes assertions with a system's key.
struct Maker<'a> {
    world: &'a World,
    key: TestKey,
}

impl Maker<'_> {
    fn made(&self, header: &Value, change: &Value) -> String {
        self.key.token(header, &claims(self.world, change))
    }
}

async fn good_ones(m: &Maker<'_>, wire: &Wire) {
    for (what, header, change) in [
        ("as it should be", json!({}), json!({})),
        ("with a type", json!({"typ": "JWT"}), json!({})),
        ("with the newer type", json!({"typ": "client-authentication+jwt"}), json!({})),
        ("without the key's name", json!({"kid": null}), json!({})),
        ("shorter", json!({}), json!({"exp": now() + 20})),
        ("a little old", json!({}), json!({"iat": now() - 50, "exp": now() + 9})),
    ] {
        let reply = ask(wire, &m.made(&header, &change), &[]).await;
        assert_eq!(reply.status, 200, "{what}: {}", reply.json());
    }
    let (beside, client) = (m.made(&json!({}), &json!({})), m.world.caller().client_id.as_str());
    let reply = ask(wire, &beside, &[("client_id", client)]).await;
    assert_eq!(reply.status, 200, "with the client's name beside it");
}

/// What form it has.
fn forms(m: &Maker<'_>) -> Vec<Case> {
    let none = json!({});
    let good = m.made(&none, &none);
    let [header, payload, signature] = parts(&good);
    vec![
        ("no token", "nonsense".to_owned(), "malformed"),
        ("two parts", format!("{header}.{payload}"), "malformed"),
        ("padded", format!("{good}="), "signature"),
        ("a padded header", format!("{header}=.{payload}.{signature}"), "malformed"),
        ("too large", m.made(&none, &json!({"more": "x".repeat(5_000)})), "malformed"),
        ("no jti", m.made(&none, &json!({"jti": null})), "malformed"),
        ("an empty jti", m.made(&none, &json!({"jti": ""})), "malformed"),
        ("a long jti", m.made(&none, &json!({"jti": "x".repeat(300)})), "malformed"),
        ("a jti that is a number", m.made(&none, &json!({"jti": 7})), "malformed"),
        ("no exp", m.made(&none, &json!({"exp": null})), "malformed"),
        ("no iat", m.made(&none, &json!({"iat": null})), "malformed"),
        ("no aud", m.made(&none, &json!({"aud": null})), "malformed"),
        ("no sub", m.made(&none, &json!({"sub": null})), "malformed"),
        ("exp as text", m.made(&none, &json!({"exp": "tomorrow"})), "malformed"),
    ]
}

/// Who signed it, and with what.
fn signatures(m: &Maker<'_>) -> Vec<Case> {
    let none = json!({});
    let (good, good_claims) = (m.made(&none, &none), claims(m.world, &none));
    let [header, payload, signature] = parts(&good);
    let stranger = TestKey::new(&m.key.kid, "ES256");
    let other_alg = TestKey::new(&m.key.kid, "EdDSA");
    let nurse_key = m.world.system_key(m.world.gate.caller("school_nurse"));
    let raised = part(&claims(m.world, &json!({"exp": now() + 61})));
    let unsigned = part(&json!({"alg": "none", "kid": m.key.kid}));
    vec![
        ("none", format!("{unsigned}.{payload}."), "algorithm"),
        (
            "HMAC by the public key",
            TestKey::of_secret(&m.key.kid, &m.key.public()).token(&none, &good_claims),
            "algorithm",
        ),
        (
            "HMAC by the JWK",
            TestKey::of_secret(&m.key.kid, m.key.jwk().to_string().as_bytes()).token(&none, &good_claims),
            "algorithm",
        ),
        ("another algorithm's key", other_alg.token(&none, &good_claims), "algorithm"),
        ("RS256", m.made(&json!({"alg": "RS256"}), &none), "algorithm"),
        ("crit", m.made(&json!({"crit": ["exp"]}), &none), "header"),
        ("a key in the header", stranger.token(&json!({"jwk": stranger.jwk()}), &good_claims), "header"),
        ("a place for keys", m.made(&json!({"jku": "https://elsewhere.example"}), &none), "header"),
        ("an access token's type", m.made(&json!({"typ": "at+jwt"}), &none), "type"),
        ("an ID-JAG's type", m.made(&json!({"typ": "oauth-id-jag+jwt"}), &none), "type"),
        ("another key of that name", stranger.token(&none, &good_claims), "signature"),
        ("another system's key", nurse_key.token(&json!({"kid": m.key.kid}), &good_claims), "signature"),
        ("another system's key by its name", nurse_key.token(&none, &good_claims), "key"),
        ("an unknown key", m.made(&json!({"kid": "k9"}), &none), "key"),
        ("altered claims", format!("{header}.{raised}.{signature}"), "signature"),
        ("no signature", format!("{header}.{payload}."), "signature"),
    ]
}

/// For whom it is, when, and whose.
fn aims(m: &Maker<'_>) -> Vec<Case> {
    let none = json!({});
    let nurse = m.world.gate.caller("school_nurse");
    let nurse_key = m.world.system_key(nurse);
    vec![
        ("another server", m.made(&none, &json!({"aud": "https://elsewhere.example"})), "audience"),
        (
            "the endpoint instead of the issuer",
            m.made(&none, &json!({"aud": format!("{}/oauth2/token", m.world.issuer)})),
            "audience",
        ),
        ("the resource instead of the issuer", m.made(&none, &json!({"aud": m.world.audience})), "audience"),
        (
            "the issuer with a stroke",
            m.made(&none, &json!({"aud": format!("{}/", m.world.issuer)})),
            "audience",
        ),
        ("a list", m.made(&none, &json!({"aud": [m.world.issuer]})), "audience"),
        (
            "a list with another",
            m.made(&none, &json!({"aud": [m.world.issuer, "https://elsewhere.example"]})),
            "audience",
        ),
        ("too long", m.made(&none, &json!({"exp": now() + 61})), "too_long"),
        ("for ever", m.made(&none, &json!({"exp": i64::MAX})), "too_long"),
        ("ended", m.made(&none, &json!({"iat": now() - 59, "exp": now() - 1})), "expired"),
        ("old", m.made(&none, &json!({"iat": now() - 61, "exp": now() - 1})), "expired"),
        ("of the future", m.made(&none, &json!({"iat": now() + 30, "exp": now() + 60})), "not_yet"),
        ("not before later", m.made(&none, &json!({"nbf": now() + 40})), "not_yet"),
        ("of another issuer", m.made(&none, &json!({"iss": nurse.client_id})), "of_other_client"),
        ("for another subject", m.made(&none, &json!({"sub": nurse.client_id})), "of_other_client"),
        (
            "another system's",
            nurse_key
                .token(&none, &claims(m.world, &json!({"iss": nurse.client_id, "sub": nurse.client_id}))),
            "of_other_client",
        ),
    ]
}

async fn assertions(test: TestDb) {
    const END: &str = "UPDATE system_keys SET revoked_at = valid_from WHERE kid = $1";
    let world = World::start(&test).await;
    let caller = world.caller();
    let wire = world.wire(caller);
    let m = Maker { world: &world, key: world.system_key(caller) };
    good_ones(&m, &wire).await;
    let cases = [forms(&m), signatures(&m), aims(&m)].concat();
    for (what, assertion, why) in &cases {
        let reason = format!("assertion_{why}");
        refused(&test, what, (401, "invalid_client", &reason), ask(&wire, assertion, &[])).await;
    }
    // The assertion is good, and whoever sends it is not who it says.
    let nurse = world.gate.caller("school_nurse");
    let reason = (401, "invalid_client", "client_of_other_certificate");
    let good = m.made(&json!({}), &json!({}));
    refused(&test, "another client_id", reason, ask(&wire, &good, &[("client_id", &nurse.client_id)])).await;
    let reason = (401, "invalid_client", "assertion_of_other_client");
    let stolen = world.wire(nurse);
    refused(&test, "over another certificate", reason, ask(&stolen, &good, &[])).await;
    let reason = (400, "invalid_request", "request_form");
    refused(&test, "two assertions", reason, ask(&wire, &good, &[("client_assertion", &good)])).await;
    assert_eq!(run!(test.db, END, m.key.kid.as_str()), 1);
    run!(test.db, MOVED);
    world.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
    let reason = (401, "invalid_client", "assertion_key");
    refused(&test, "a key that was taken back", reason, ask(&wire, &good, &[])).await;
    assert_eq!(cases.len() + 4, TRIED);
    world.gate.stop().await;
}

/// Two gateways on one database: what one has seen the other refuses, and of many at once one is first.
async fn replayed(test: TestDb) {
    let world = World::start(&test).await;
    let caller = world.caller();
    let wire = world.wire(caller);
    let key = world.system_key(caller);
    let assertion = key.token(&json!({}), &claims(&world, &json!({})));
    let asked = (0..8).map(|_| ask(&wire, &assertion, &[]));
    let replies = futures_util::future::join_all(asked).await;
    let given = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(given, 1, "of eight at once one is given a token");
    let others = replies.iter().filter(|reply| reply.status == 401);
    assert_eq!(others.filter(|reply| reply.json()["error"] == "invalid_client").count(), 7);
    let reason = (401, "invalid_client", "assertion_replayed");
    refused(&test, "again", reason, ask(&wire, &assertion, &[])).await;
    // The same identifier in an assertion of its own is the same use.
    let claims = claims(&world, &json!({}));
    let first = key.token(&json!({}), &claims);
    let second = key.token(&json!({"typ": "JWT"}), &claims);
    assert_eq!(ask(&wire, &first, &[]).await.status, 200);
    refused(&test, "another of that jti", reason, ask(&wire, &second, &[])).await;
    // A request that fails has used its assertion up all the same.
    let spent = key.token(&json!({}), &self::claims(&world, &json!({})));
    let reply = ask(&wire, &spent, &[("audience", "https://elsewhere.example")]).await;
    assert_eq!((reply.status, reply.json()["error"].as_str()), (400, Some("invalid_target")));
    refused(&test, "after a request that failed", reason, ask(&wire, &spent, &[])).await;
    another_gateway(&test, &world, &key).await;
    world.gate.stop().await;
}

/// Another gateway on the same database and keys: what one has seen the other refuses, what one gave the other reads, and
/// what one takes back the other shuts out within a second.
async fn another_gateway(test: &TestDb, world: &World, key: &TestKey) {
    let mut config = Config::load(&world.gate.demo.dir.join("schoolgate.toml")).unwrap();
    config.listeners.api.set_port(0);
    config.listeners.admin.set_port(0);
    let second = schoolgate::app::start(&config, Clock::on(TODAY.parse().unwrap())).await.unwrap();
    let first = world.wire(world.caller());
    let mut other = Wire { base: format!("https://{}", second.api), ..first.clone() };
    let assertion = key.token(&json!({}), &claims(world, &json!({})));
    let given = ask(&first, &assertion, &[]).await;
    assert_eq!(given.status, 200);
    let reason = (401, "invalid_client", "assertion_replayed");
    refused(test, "on another gateway", reason, ask(&other, &assertion, &[])).await;
    let id_token = world.subject("id_token", &json!({}), &json!({}));
    assert_eq!(world.given(&other, "id_token", &id_token).await.status, 200);
    let reason = (400, "invalid_request", "subject_replayed");
    refused(test, "a person's token on another gateway", reason, world.given(&first, "id_token", &id_token))
        .await;
    given.json()["access_token"].as_str().unwrap().clone_into(&mut other.token);
    let status = async || send(other.request("GET", super::REPORT)).await.status;
    assert_eq!(status().await, 200, "a token of the first gateway");
    let form = [("client_id", world.caller().client_id.as_str()), ("token", other.token.as_str())];
    let revoked = send(first.http.post(format!("{}/oauth2/revoke", first.base)).form(&form)).await;
    assert_eq!(revoked.status, 200);
    within_a_second("shut out by the second gateway", Instant::now(), async || status().await == 401).await;
    second.stop().await;
}
