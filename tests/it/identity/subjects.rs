//! Tokens of identity providers, over the wire: each kind that proves a person, and everything that does not.

use super::world::{World, kind_of, now, refused};
use crate::support::signed::{TestKey, part, parts};
use crate::support::wire::{MOVED, run};
use crate::support::{Suite, TestDb};
use serde_json::{Value, json};

/// Registers this file's trials.
pub fn register(suite: &mut Suite) {
    suite.both_empty("identity::a_providers_token_proves_a_person_to_one_system_once", subjects);
    suite.both_empty("identity::a_second_factor_is_shown_by_the_claim_that_the_directory_names", factors);
}

/// How many wrong ones the trials try.
pub const TRIED: usize = 89;

/// Has the provider sign with every algorithm that is verified here.
pub async fn every_algorithm(test: &TestDb, world: &World) {
    const ALL: &str = "UPDATE identity_providers SET algorithms = 'ES256 ES384 EdDSA PS256 RS256'";
    run!(test.db, ALL);
    run!(test.db, MOVED);
    world.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
}

/// What a case changes: header, claims, and what is wrong with that.
type Case = (&'static str, &'static str, Value, Value, &'static str);

async fn taken(world: &World) {
    let wire = world.wire(world.caller());
    let client = world.caller().client_id.clone();
    for (what, kind, header, change) in [
        ("an ID token", "id_token", json!({}), json!({})),
        ("without a type", "id_token", json!({"typ": null}), json!({})),
        ("for a list of one", "id_token", json!({}), json!({"aud": [client]})),
        ("with azp", "id_token", json!({}), json!({"azp": client})),
        ("with a nonce", "id_token", json!({}), json!({"nonce": "anything"})),
        ("with one factor of several by name", "id_token", json!({}), json!({"amr": "mfa"})),
        ("by uti", "id_token", json!({}), json!({"jti": null, "uti": "u1"})),
        ("by neither", "id_token", json!({}), json!({"jti": null})),
        ("nearly five minutes old", "id_token", json!({}), json!({"iat": now() - 290})),
        ("an access token", "access_token", json!({}), json!({})),
        ("of the whole type", "access_token", json!({"typ": "application/at+jwt"}), json!({})),
        ("of the plain type", "access_token", json!({"typ": "JWT"}), json!({})),
        ("given to this system", "access_token", json!({}), json!({"client_id": client})),
        (
            "older than an ID token may be",
            "access_token",
            json!({}),
            json!({"iat": now() - 1_200, "auth_time": null}),
        ),
        ("an ID-JAG", "id-jag", json!({}), json!({})),
        ("with other roles beside", "id_token", json!({}), json!({"roles": ["visitor", "social_worker"]})),
        ("without a team", "id_token", json!({}), json!({"groups": null})),
    ] {
        let token = world.subject(kind, &header, &change);
        let reply = world.given(&wire, kind, &token).await;
        assert_eq!(reply.status, 200, "{what}: {}", reply.json());
        let body = reply.json();
        assert_eq!(body["issued_token_type"], kind_of("access_token"), "{what}");
        assert_eq!(body["token_type"], "Bearer", "{what}");
    }
}

fn times() -> Vec<Case> {
    let none = || json!({});
    vec![
        ("ended", "id_token", none(), json!({"iat": now() - 100, "exp": now() - 1}), "expired"),
        ("ended just now", "access_token", none(), json!({"exp": now()}), "expired"),
        ("ended long ago", "id-jag", none(), json!({"exp": 1}), "expired"),
        ("of the future", "id_token", none(), json!({"iat": now() + 100}), "not_yet"),
        ("not before later", "id_token", none(), json!({"nbf": now() + 100}), "not_yet"),
        ("not before later", "access_token", none(), json!({"nbf": now() + 100}), "not_yet"),
        ("signed in tomorrow", "id_token", none(), json!({"auth_time": now() + 86_400}), "not_yet"),
        ("six minutes old", "id_token", none(), json!({"iat": now() - 360}), "old"),
        ("a day and more", "access_token", none(), json!({"exp": now() + 90_000}), "old"),
        ("for ever", "id-jag", none(), json!({"exp": i64::MAX}), "old"),
        (
            "signed in nine hours ago",
            "id_token",
            none(),
            json!({"auth_time": now() - 32_400}),
            "signed_in_long_ago",
        ),
        ("signed in nobody knows when", "id_token", none(), json!({"auth_time": null}), "signed_in_long_ago"),
        ("no exp", "id_token", none(), json!({"exp": null}), "malformed"),
        ("no iat", "id_token", none(), json!({"iat": null}), "malformed"),
        ("exp as text", "id_token", none(), json!({"exp": "later"}), "malformed"),
        ("no sub", "id_token", none(), json!({"sub": null}), "malformed"),
        ("an empty sub", "id_token", none(), json!({"sub": ""}), "malformed"),
        ("a sub that is a number", "id_token", none(), json!({"sub": 17}), "malformed"),
        ("a sub of two lines", "id_token", none(), json!({"sub": "a\nb"}), "malformed"),
        ("an endless sub", "id_token", none(), json!({"sub": "x".repeat(256)}), "malformed"),
        ("an empty jti", "id_token", none(), json!({"jti": ""}), "malformed"),
        ("an endless jti", "id_token", none(), json!({"jti": "x".repeat(300)}), "malformed"),
        ("too large", "id_token", none(), json!({"more": "x".repeat(17_000)}), "malformed"),
    ]
}

fn aims(world: &World) -> Vec<Case> {
    let none = || json!({});
    let own = world.caller().client_id.as_str();
    // Registered there too, for another system of the same organisation.
    let sister = world.gate.caller("early_help_worker").client_id.as_str();
    vec![
        ("another client's", "id_token", none(), json!({"aud": "somebody"}), "audience"),
        ("another system's of the organisation", "id_token", none(), json!({"aud": sister}), "audience"),
        ("for two", "id_token", none(), json!({"aud": [own, sister]}), "audience"),
        ("for nobody", "id_token", none(), json!({"aud": []}), "audience"),
        ("for this gateway", "id_token", none(), json!({"aud": world.audience}), "audience"),
        ("no aud", "id_token", none(), json!({"aud": null}), "malformed"),
        ("given to another", "id_token", none(), json!({"azp": sister}), "client"),
        ("given to somebody", "id_token", none(), json!({"azp": "somebody"}), "client"),
        (
            "for another service",
            "access_token",
            none(),
            json!({"aud": "https://elsewhere.example"}),
            "audience",
        ),
        ("for the client", "access_token", none(), json!({"aud": own}), "audience"),
        ("for the authorisation server", "access_token", none(), json!({"aud": world.issuer}), "audience"),
        ("for this and another", "access_token", none(), json!({"aud": [world.audience, "x"]}), "audience"),
        ("given to another system", "access_token", none(), json!({"client_id": sister}), "client"),
        ("given to another app", "access_token", none(), json!({"appid": sister}), "client"),
        ("given to another party", "access_token", none(), json!({"azp": "somebody"}), "client"),
        ("for the resource", "id-jag", none(), json!({"aud": world.audience}), "audience"),
        ("for another server", "id-jag", none(), json!({"aud": "https://elsewhere.example"}), "audience"),
        ("for another client here", "id-jag", none(), json!({"client_id": sister}), "client"),
        ("for no client", "id-jag", none(), json!({"client_id": null}), "client"),
        ("an ID token said to be for access", "access_token", none(), json!({"aud": own}), "audience"),
        ("another type", "id_token", json!({"typ": "at+jwt"}), none(), "type"),
        ("an ID-JAG said to be an ID token", "id_token", json!({"typ": "oauth-id-jag+jwt"}), none(), "type"),
        (
            "an ID-JAG said to be for access",
            "access_token",
            json!({"typ": "oauth-id-jag+jwt"}),
            none(),
            "type",
        ),
        ("an ID token said to be an ID-JAG", "id-jag", json!({"typ": "JWT"}), none(), "type"),
        ("no type", "id-jag", json!({"typ": null}), none(), "type"),
        ("a logout token", "id_token", json!({"typ": "logout+jwt"}), none(), "type"),
        ("of another issuer", "id_token", none(), json!({"iss": "https://elsewhere.example"}), "issuer"),
        (
            "of its issuer with a stroke",
            "id_token",
            none(),
            json!({"iss": format!("{}/", world.provider.issuer)}),
            "issuer",
        ),
        ("of another tenant", "id_token", none(), json!({"tid": "northmarch"}), "tenant"),
        ("of no tenant", "id_token", none(), json!({"tid": null}), "tenant"),
        ("of two tenants", "id_token", none(), json!({"tid": ["exampleshire", "northmarch"]}), "tenant"),
        ("of another tenant", "access_token", none(), json!({"tid": "northmarch"}), "tenant"),
        ("of another tenant", "id-jag", none(), json!({"tid": "northmarch"}), "tenant"),
        ("one factor", "id_token", none(), json!({"amr": ["pwd"]}), "mfa"),
        ("no factor", "id_token", none(), json!({"amr": null}), "mfa"),
        ("a factor of another form", "id_token", none(), json!({"amr": {"mfa": true}}), "mfa"),
        ("one factor", "access_token", none(), json!({"amr": ["pwd"]}), "mfa"),
        ("one factor", "id-jag", none(), json!({"amr": ["pwd"]}), "mfa"),
        ("one who acts for another", "id_token", none(), json!({"act": {"sub": "a"}}), "delegated"),
        ("bound to a key", "access_token", none(), json!({"cnf": {"jkt": "AAAA"}}), "bound"),
        (
            "bound to another certificate",
            "access_token",
            none(),
            json!({"cnf": {"x5t#S256": "AAAA"}}),
            "bound",
        ),
    ]
}

fn signatures() -> Vec<Case> {
    let none = || json!({});
    vec![
        ("an unknown key", "id_token", json!({"kid": "k9"}), none(), "key"),
        ("no key", "id_token", json!({"kid": null}), none(), "key"),
        ("another algorithm's name", "id_token", json!({"alg": "EdDSA"}), none(), "algorithm"),
        ("another algorithm's name", "id_token", json!({"alg": "ES384"}), none(), "algorithm"),
        ("an algorithm that is not allowed", "id_token", json!({"alg": "RS256"}), none(), "algorithm"),
        ("an HMAC", "id_token", json!({"alg": "HS256"}), none(), "algorithm"),
        ("none", "id_token", json!({"alg": "none"}), none(), "algorithm"),
        ("crit", "id_token", json!({"crit": ["exp"]}), none(), "header"),
        ("a place for keys", "id_token", json!({"jku": "https://elsewhere.example"}), none(), "header"),
        ("a key", "id_token", json!({"jwk": {"kty": "EC"}}), none(), "header"),
        ("a certificate", "id_token", json!({"x5c": ["AA"]}), none(), "header"),
    ]
}

async fn subjects(test: TestDb) {
    // RS256 is left out of what the provider may sign with.
    const ALGORITHMS: &str = "UPDATE identity_providers SET algorithms = 'ES256 ES384 EdDSA PS256'";
    const OTHER: &str = "INSERT INTO persons (id, organisation_id, issuer, tenant, subject, display_name, teams, created_at) \
         SELECT $1, id, $2, $3, 'elsewhere', '', '', $4 FROM organisations WHERE code = 'northmarch'";
    let world = World::start(&test).await;
    run!(test.db, ALGORITHMS);
    run!(test.db, MOVED);
    world.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
    taken(&world).await;
    let wire = world.wire(world.caller());
    let cases: Vec<Case> = times().into_iter().chain(aims(&world)).chain(signatures()).collect();
    let mut checked = 0;
    for (what, kind, header, change, why) in &cases {
        let token = world.subject(kind, header, change);
        let reason = format!("subject_{why}");
        refused(
            &test,
            &format!("{kind}: {what}"),
            (400, "invalid_request", &reason),
            world.given(&wire, kind, &token),
        )
        .await;
        checked += 1;
    }
    let good = world.subject("id_token", &json!({}), &json!({}));
    let [header, payload, signature] = parts(&good);
    let stranger = TestKey::new("k1", "ES256");
    let raised = part(&world.claims("id_token", &json!({"roles": ["dsl"]})));
    let claims = world.claims("id_token", &json!({}));
    for (what, token, why) in [
        ("nonsense", "nonsense".to_owned(), "malformed"),
        ("two parts", format!("{header}.{payload}"), "malformed"),
        ("padded", format!("{header}=.{payload}.{signature}"), "malformed"),
        ("altered", format!("{header}.{raised}.{signature}"), "signature"),
        ("no signature", format!("{header}.{payload}."), "signature"),
        ("another key of that name", stranger.token(&json!({}), &claims), "signature"),
        (
            "an HMAC by the public key",
            TestKey::of_secret("k1", &world.key.public()).token(&json!({}), &claims),
            "algorithm",
        ),
    ] {
        let reason = format!("subject_{why}");
        refused(&test, what, (400, "invalid_request", &reason), world.given(&wire, "id_token", &token)).await;
        checked += 1;
    }
    checked += used_once(&test, &world).await;
    // Known as another organisation's: the key is issuer, tenant and subject, and that is one person.
    let at = chrono::DateTime::from_timestamp(now(), 0).unwrap();
    run!(test.db, OTHER, uuid::Uuid::now_v7(), world.provider.issuer.as_str(), super::world::TENANT, at);
    let token = world.subject("id_token", &json!({}), &json!({"sub": "elsewhere"}));
    let reason = (400, "invalid_request", "person_of_other_organisation");
    let entry = refused(&test, "elsewhere", reason, world.given(&wire, "id_token", &token)).await;
    let named = format!("{} {} elsewhere", world.provider.issuer, super::world::TENANT);
    assert_eq!(entry.person.as_deref(), Some(named.as_str()), "whom it proved stands in the entry");
    assert_eq!(checked + 1, TRIED);
    world.gate.stop().await;
}

/// Each is used once: by its identifier, by the provider's other name for one, and without either.
async fn used_once(test: &TestDb, world: &World) -> usize {
    let wire = world.wire(world.caller());
    let mut checked = 0;
    for (what, change) in [
        ("jti", json!({"jti": "once"})),
        ("uti", json!({"jti": null, "uti": "once-too"})),
        ("what was signed", json!({"jti": null, "nonce": "n"})),
    ] {
        let claims = world.claims("id_token", &change);
        let first = world.key.token(&json!({}), &claims);
        // The same claims signed anew: of a curve that gives another signature.
        let again = world.key.token(&json!({}), &claims);
        assert_ne!(first, again);
        assert_eq!(world.given(&wire, "id_token", &first).await.status, 200, "{what}");
        for token in [&first, &again] {
            let reason = (400, "invalid_request", "subject_replayed");
            refused(test, what, reason, world.given(&wire, "id_token", token)).await;
            checked += 1;
        }
    }
    let asked = world.subject("id_token", &json!({}), &json!({}));
    let replies =
        futures_util::future::join_all((0..6).map(|_| world.given(&wire, "id_token", &asked))).await;
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 200).count(),
        1,
        "of six at once one is given a token"
    );
    checked
}

/// How many wrong ones of them are tried.
pub const FACTORS: usize = 21;

/// A class of authentication, or a context that a provider has asked for: the claim and its values are the directory's word,
/// compared whole; what another claim says is nothing.
async fn factors(test: TestDb) {
    const SHOWN: &str = "UPDATE identity_providers SET mfa_claim = $1, mfa_values = $2";
    let world = World::start(&test).await;
    let wire = world.wire(world.caller());
    let acr = |value: Value| json!({"acr": value, "amr": null});
    let acrs = |value: Value| json!({"acrs": value, "amr": null});
    let mut tried = 0;
    for (claim, values, good, wrong) in [
        (
            "acr",
            "phr urn:example:two-factors",
            vec![acr(json!("phr")), acr(json!("urn:example:two-factors")), acr(json!(["phr"]))],
            vec![
                acr(json!("urn:example:one-factor")),
                acr(json!(null)),
                acr(json!("")),
                acr(json!("PHR")),
                acr(json!("phrh")),
                acr(json!("phr urn:example:two-factors")),
                acr(json!(2)),
                acr(json!(true)),
                acr(json!({"phr": true})),
                acr(json!([["phr"]])),
                json!({"amr": ["mfa", "phr"]}),
                json!({"acrs": ["phr"], "amr": null}),
            ],
        ),
        (
            "acrs",
            "c1 c2",
            vec![acrs(json!(["c1"])), acrs(json!(["c9", "c2"])), acrs(json!("c1"))],
            vec![
                acrs(json!(["c3"])),
                acrs(json!([])),
                acrs(json!(null)),
                acrs(json!(["C1"])),
                acrs(json!("c1 c2")),
                acrs(json!({"c1": true})),
                acrs(json!([1, 2])),
                json!({"acr": "c1", "amr": null}),
                json!({"amr": ["mfa"]}),
            ],
        ),
    ] {
        assert_eq!(run!(test.db, SHOWN, claim, values), 1);
        run!(test.db, MOVED);
        world.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
        for (number, change) in good.iter().enumerate() {
            let kind = ["id_token", "access_token", "id-jag"][number];
            let reply = world.given(&wire, kind, &world.subject(kind, &json!({}), change)).await;
            assert_eq!(reply.status, 200, "{change}: {}", reply.json());
        }
        for (number, change) in wrong.iter().enumerate() {
            let kind = ["id_token", "access_token", "id-jag"][number % 3];
            let token = world.subject(kind, &json!({}), change);
            let reason = (400, "invalid_request", "subject_mfa");
            refused(&test, &format!("{kind}: {change}"), reason, world.given(&wire, kind, &token)).await;
            tried += 1;
        }
    }
    assert_eq!(tried, FACTORS);
    world.gate.stop().await;
}
