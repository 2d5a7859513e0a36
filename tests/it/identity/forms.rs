//! Requests to exchange a person's token whose form, role or system is wrong, and providers whose keys cannot be had.

use super::world::{World, details, kind_of, refused};
use crate::support::signed::TestKey;
use crate::support::{Suite, TestDb};
use schoolgate::clock::Clock;
use schoolgate::directory::Directory;
use schoolgate::domain::purpose::{Purpose, Role};
use schoolgate::identity::{Asking, Outside, ProviderKeys, SubjectFault, SubjectKind, prove};
use serde_json::json;
use std::time::Duration;

/// Registers this file's trials.
pub fn register(suite: &mut Suite) {
    suite.both_empty("identity::a_form_of_exchange_that_is_none_is_refused", forms);
    suite.both_empty("identity::a_providers_keys_are_fetched_seldom_and_for_one_at_a_time", keys);
}

/// How many the trial tries.
pub const TRIED: usize = 25;

/// What a form has instead, and the answer: status, error, reason.
type Case<'a> = (&'static str, Vec<(&'static str, &'a str)>, (u16, &'static str, &'static str));

/// What is wrong with the form itself.
fn forms_of(nurse: &str) -> Vec<Case<'_>> {
    vec![
        ("no type", vec![("subject_token_type", "")], (400, "invalid_request", "no_subject_token")),
        ("no token", vec![("subject_token", "")], (400, "invalid_request", "no_subject_token")),
        (
            "SAML",
            vec![("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")],
            (400, "invalid_request", "subject_token_type"),
        ),
        (
            "a refresh token",
            vec![("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token")],
            (400, "invalid_request", "subject_token_type"),
        ),
        (
            "the short name",
            vec![("subject_token_type", "id_token")],
            (400, "invalid_request", "subject_token_type"),
        ),
        (
            "another type than it is",
            vec![("subject_token_type", "urn:ietf:params:oauth:token-type:id-jag")],
            (400, "invalid_request", "subject_type"),
        ),
        ("an actor's token", vec![("actor_token", "a.b.c")], (400, "invalid_request", "actor_token")),
        (
            "a refresh token wanted",
            vec![("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")],
            (400, "invalid_request", "requested_token_type"),
        ),
        (
            "another service",
            vec![("audience", "https://elsewhere.example")],
            (400, "invalid_target", "target"),
        ),
        (
            "another resource",
            vec![("resource", "https://elsewhere.example")],
            (400, "invalid_target", "target"),
        ),
        (
            "the system's own grant",
            vec![("grant_type", "client_credentials")],
            (400, "invalid_request", "subject_token"),
        ),
        (
            "another client",
            vec![("client_id", nurse)],
            (401, "invalid_client", "client_of_other_certificate"),
        ),
        ("a secret", vec![("client_secret", "x")], (400, "invalid_request", "client_secret")),
        ("a scope", vec![("scope", "openid")], (400, "invalid_request", "scope")),
    ]
}

/// What is asked for and not given: details for no role, a school's, and another system's.
fn roles_of(roles: &[String; 3]) -> Vec<Case<'_>> {
    vec![
        (
            "no details",
            vec![("authorization_details", "")],
            (400, "invalid_authorization_details", "authorization_details"),
        ),
        (
            "a role that is none",
            vec![("authorization_details", &roles[0])],
            (400, "invalid_authorization_details", "unknown_role"),
        ),
        (
            "a role of another system",
            vec![("authorization_details", &roles[1])],
            (400, "unauthorized_client", "role_of_other_system"),
        ),
        (
            "a role of a sister's",
            vec![("authorization_details", &roles[2])],
            (400, "unauthorized_client", "role_of_other_system"),
        ),
    ]
}

/// What is wrong with the form, the role or the system, not with the token.
async fn forms(test: TestDb) {
    let world = World::start(&test).await;
    let wire = world.wire(world.caller());
    let nurse = world.gate.caller("school_nurse");
    let id_token = kind_of("id_token");
    let good = || world.subject("id_token", &json!({}), &json!({}));
    let roles = ["boss", "dsl", "family_help_practitioner"].map(|role| details(role, "child_protection"));
    let cases = [forms_of(&nurse.client_id), roles_of(&roles)].concat();
    for (what, change, expected) in &cases {
        let token = good();
        let base = [("subject_token", token.as_str()), ("subject_token_type", id_token.as_str())];
        let kept = base.iter().filter(|(name, _)| change.iter().all(|(other, _)| other != name));
        let form: Vec<(&str, &str)> = kept.chain(change).copied().collect();
        refused(&test, what, *expected, world.exchange(&wire, &form)).await;
    }
    let mut checked = cases.len();
    // The provider's claim does not give the role, though the system has it.
    for roles in
        [json!(["early_help_worker"]), json!(["Social_Worker"]), json!([]), json!(null), json!(7), json!("")]
    {
        let token = world.subject("id_token", &json!({}), &json!({"roles": roles}));
        let reason = (400, "invalid_authorization_details", "role_of_other_person");
        refused(&test, &format!("{roles}"), reason, world.given(&wire, "id_token", &token)).await;
        checked += 1;
    }
    checked += not_theirs(&test, &world, &good()).await;
    assert_eq!(checked, TRIED);
    asked_well(&world, [&good(), &good()]).await;
    world.gate.stop().await;
}

/// No provider of its own: nobody's token proves anybody to another organisation's systems.
async fn not_theirs(test: &TestDb, world: &World, token: &str) -> usize {
    let stranger = world.gate.caller("stranger");
    let kind = kind_of("id_token");
    let form = [("subject_token", token), ("subject_token_type", &kind), ("client_id", &stranger.client_id)];
    let reason = (400, "invalid_request", "subject_issuer");
    let wire = world.wire(stranger);
    refused(test, "another organisation's system", reason, world.exchange(&wire, &form)).await;
    1
}

/// This gateway by its names; and a person may ask for a token for an emergency, for which no policy gives anything yet.
async fn asked_well(world: &World, tokens: [&String; 2]) {
    let wire = world.wire(world.caller());
    let (kind, access) = (kind_of("id_token"), kind_of("access_token"));
    let form = [
        ("subject_token", tokens[0].as_str()),
        ("subject_token_type", &kind),
        ("audience", &world.audience),
        ("resource", &world.issuer),
        ("requested_token_type", &access),
    ];
    assert_eq!(world.exchange(&wire, &form).await.status, 200, "this gateway by its names");
    let emergency = details("social_worker", "emergency");
    let form = [
        ("subject_token", tokens[1].as_str()),
        ("subject_token_type", &kind),
        ("authorization_details", &emergency),
    ];
    assert_eq!(world.exchange(&wire, &form).await.status, 200);
}

/// Whom a token proves by these keys.
async fn proved(
    directory: &Directory,
    asking: &Asking<'_>,
    keys: &ProviderKeys,
    token: &str,
) -> Result<String, SubjectFault> {
    let asking = Asking { token, ..*asking };
    prove(directory, keys, &asking).await.map(|proved| proved.person.key.subject)
}

/// Never for each request, again for an unknown name once in a while, and 503 where there is none to hold a token to.
async fn keys(test: TestDb) {
    let world = World::start(&test).await;
    let wire = world.wire(world.caller());
    let token = || world.subject("id_token", &json!({}), &json!({}));
    world.provider.be_out(true);
    let reason = (503, "temporarily_unavailable", "provider_unreachable");
    refused(&test, "a provider that is out", reason, world.given(&wire, "id_token", &token())).await;
    world.provider.be_out(false);
    // It was just tried: the next token waits for the next try, and does not wear the provider out.
    refused(&test, "right after", reason, world.given(&wire, "id_token", &token())).await;
    assert_eq!(world.provider.fetched(), 0);

    let directory = world.gate.demo.running.gate.directory().current();
    let system = directory.system_by_client_id(&world.caller().client_id).unwrap();
    let asking = Asking {
        token: "",
        kind: SubjectKind::IdToken,
        system,
        thumbprint: [0; 32],
        role: Role::SocialWorker,
        purpose: Purpose::ChildProtection,
        issuer: &world.issuer,
        audience: &world.audience,
        now: Clock::machine().now(),
        today: "2026-11-20".parse().unwrap(),
    };
    let outside = |authorities| Outside::new(authorities, false).unwrap();
    let authority = std::fs::read(&world.provider.authority).unwrap();
    let often = ProviderKeys::new(outside(Some(authority.as_slice()))).refreshing_after(Duration::ZERO);
    let seldom = ProviderKeys::new(outside(Some(authority.as_slice())));
    // Twenty at once have the keys fetched once, and whoever comes later not at all.
    let (first, own) = (token(), Ok("sw-17".to_owned()));
    let all =
        futures_util::future::join_all((0..20).map(|_| proved(&directory, &asking, &seldom, &first))).await;
    assert!(all.iter().all(|one| *one == own), "{all:?}");
    assert_eq!(
        (proved(&directory, &asking, &seldom, &first).await, world.provider.fetched()),
        (own.clone(), 1)
    );
    // A name that is made up costs the provider nothing; neither does the next one.
    for kid in ["k8", "k9"] {
        let made_up = world.subject("id_token", &json!({"kid": kid}), &json!({}));
        assert_eq!(proved(&directory, &asking, &seldom, &made_up).await, Err(SubjectFault::Key));
    }
    assert_eq!(world.provider.fetched(), 1);
    // The provider changes its key: known once it may be asked again, and the old one is gone with that.
    assert_eq!(proved(&directory, &asking, &often, &first).await, own);
    let next = TestKey::new("k2", "EdDSA");
    world.provider.publish(&[&next]);
    let claims = world.claims("id_token", &json!({}));
    let (rotated, before) = (next.token(&json!({}), &claims), world.provider.fetched());
    assert_eq!(proved(&directory, &asking, &seldom, &rotated).await, Err(SubjectFault::Key));
    assert_eq!(proved(&directory, &asking, &often, &rotated).await, own);
    assert_eq!(world.provider.fetched(), before + 1);
    assert_eq!(proved(&directory, &asking, &often, &first).await, Err(SubjectFault::Key));
    // One whose certificate nobody here vouches for is as good as out.
    let trusting = ProviderKeys::new(outside(Some(world.foreign_authority().as_slice())));
    assert_eq!(proved(&directory, &asking, &trusting, &rotated).await, Err(SubjectFault::Unreachable));
    algorithms(&world, &directory, &asking, &often).await;
    world.gate.stop().await;
}

/// Every algorithm that is registered proves; the same key under another name for it does not.
async fn algorithms(world: &World, directory: &Directory, asking: &Asking<'_>, often: &ProviderKeys) {
    let (claims, own) = (world.claims("id_token", &json!({})), Ok("sw-17".to_owned()));
    for alg in ["ES256", "ES384", "EdDSA", "PS256", "RS256"] {
        let key = TestKey::new(alg, alg);
        world.provider.publish(&[&key]);
        assert_eq!(proved(directory, asking, often, &key.token(&json!({}), &claims)).await, own, "{alg}");
    }
    let weak = TestKey { alg: "RS256", ..TestKey::new("PS256", "PS256") };
    let mut narrowed = weak.jwk();
    narrowed["alg"] = "PS256".into();
    world.provider.publish_as(&[narrowed]);
    let refreshed = TestKey::new("another", "ES256").token(&json!({}), &claims);
    assert_eq!(
        proved(directory, asking, often, &refreshed).await,
        Err(SubjectFault::Key),
        "which has the keys fetched"
    );
    assert_eq!(
        proved(directory, asking, often, &weak.token(&json!({}), &claims)).await,
        Err(SubjectFault::Algorithm)
    );
}
