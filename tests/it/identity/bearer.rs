//! Access tokens over the wire: forged with the gateway's own keys and without them, each refused for what is wrong.

use super::world::{TENANT, World, now};
use crate::support::signed::{TestKey, part, parts, patch};
use crate::support::wire::{Reply, Wire, entry_of, send};
use crate::support::{Suite, TestDb};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schoolgate::audit::Decision;
use schoolgate::crypto::Keyring;
use serde_json::{Value, json};

/// Registers this file's trials.
pub fn register(suite: &mut Suite) {
    suite.both_empty("identity::no_forged_access_token_is_taken", forged);
}

/// How many the trial tries.
pub const TRIED: usize = 68;

const REPORT: &str = "/v1/involvements/report";

/// The gateway's key that signed a token, with the token's own name for it.
fn signing_key(world: &World, token: &str) -> TestKey {
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts(token)[0]).unwrap()).unwrap();
    let keyring = Keyring::load(&world.gate.demo.dir.join("keys")).unwrap();
    TestKey::of_pkcs8(header["kid"].as_str().unwrap(), &keyring.tokens[0].pkcs8)
}

pub fn claims_of(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts(token)[1]).unwrap()).unwrap()
}

/// What is wrong with a token, the token, and the reason in the entry.
type Case = (&'static str, String, &'static str);

/// Whoever has the gateway's own key, and a good token of it.
struct Forger<'a> {
    key: TestKey,
    good: &'a Value,
    token: &'a str,
}

impl Forger<'_> {
    /// The good token with changes to header and claims, signed by the gateway's key.
    fn made(&self, header: Value, change: Value) -> String {
        let (mut whole, mut claims) = (json!({"typ": "at+jwt"}), self.good.clone());
        let (Value::Object(members), Value::Object(changes)) = (header, change) else {
            panic!("header and claims are objects")
        };
        whole.as_object_mut().unwrap().extend(members);
        patch(&mut claims, &Value::Object(changes));
        self.key.token(&whole, &claims)
    }

    fn hmac(&self, secret: &[u8]) -> String {
        TestKey::of_secret(&self.key.kid, secret).token(&json!({"typ": "at+jwt"}), self.good)
    }

    fn unsigned(&self, alg: &str) -> String {
        let header = part(&json!({"typ": "at+jwt", "alg": alg, "kid": self.key.kid}));
        format!("{header}.{}.", parts(self.token)[1])
    }
}

/// What a header chooses.
fn headers(f: &Forger<'_>) -> Vec<Case> {
    let other = TestKey::new(&f.key.kid, "EdDSA");
    vec![
        ("alg none", f.unsigned("none"), "token_algorithm"),
        ("alg None", f.unsigned("None"), "token_algorithm"),
        ("alg NONE", f.unsigned("NONE"), "token_algorithm"),
        ("no alg", f.made(json!({"alg": null}), json!({})), "token_malformed"),
        ("HS256 by the public key", f.hmac(&f.key.public()), "token_algorithm"),
        ("HS256 by its JWK", f.hmac(f.key.jwk().to_string().as_bytes()), "token_algorithm"),
        ("HS256 by nothing", f.hmac(b""), "token_algorithm"),
        ("another algorithm's name", f.made(json!({"alg": "ES256"}), json!({})), "token_algorithm"),
        ("RS256", f.made(json!({"alg": "RS256"}), json!({})), "token_algorithm"),
        ("typ JWT", f.made(json!({"typ": "JWT"}), json!({})), "token_type"),
        ("no typ", f.made(json!({"typ": null}), json!({})), "token_type"),
        ("typ of an ID-JAG", f.made(json!({"typ": "oauth-id-jag+jwt"}), json!({})), "token_type"),
        ("typ as a whole media type", f.made(json!({"typ": "application/at+jwt"}), json!({})), "token_type"),
        ("an unknown kid", f.made(json!({"kid": "0123456789abcdef"}), json!({})), "token_key"),
        ("no kid", f.made(json!({"kid": null}), json!({})), "token_key"),
        ("an empty kid", f.made(json!({"kid": ""}), json!({})), "token_key"),
        ("a kid that is a path", f.made(json!({"kid": "../../etc/passwd"}), json!({})), "token_key"),
        (
            "a key in the header",
            other.token(&json!({"typ": "at+jwt", "jwk": other.jwk()}), f.good),
            "token_header",
        ),
        (
            "a place for keys",
            f.made(json!({"jku": "https://elsewhere.example/jwks"}), json!({})),
            "token_header",
        ),
        (
            "a certificate's place",
            f.made(json!({"x5u": "https://elsewhere.example/c"}), json!({})),
            "token_header",
        ),
        ("a certificate", f.made(json!({"x5c": ["AAAA"]}), json!({})), "token_header"),
        ("crit", f.made(json!({"crit": ["exp"], "exp": 1}), json!({})), "token_header"),
        ("crit of nothing", f.made(json!({"crit": []}), json!({})), "token_header"),
        ("b64", f.made(json!({"b64": false}), json!({})), "token_header"),
        ("compressed", f.made(json!({"zip": "DEF"}), json!({})), "token_header"),
    ]
}

/// What is signed, and what form it has.
fn signatures(f: &Forger<'_>) -> Vec<Case> {
    let other = TestKey::new(&f.key.kid, "EdDSA");
    let ec = TestKey::new(&f.key.kid, "ES256");
    let [header, payload, signature] = parts(f.token);
    let mut altered = signature.to_owned();
    let first = if altered.remove(0) == 'A' { 'B' } else { 'A' };
    altered.insert(0, first);
    let mut claims = f.good.clone();
    patch(&mut claims, &json!({"exp": now() + 3_600}));
    let raised = part(&claims);
    vec![
        ("another key of that name", other.token(&json!({"typ": "at+jwt"}), f.good), "token_signature"),
        ("another kind of key", ec.token(&json!({"typ": "at+jwt"}), f.good), "token_algorithm"),
        ("altered claims", format!("{header}.{raised}.{signature}"), "token_signature"),
        ("an altered signature", format!("{header}.{payload}.{altered}"), "token_signature"),
        ("no signature", format!("{header}.{payload}."), "token_signature"),
        ("a padded signature", format!("{}==", f.token), "token_signature"),
        ("a shorter signature", f.token[..f.token.len() - 4].to_owned(), "token_signature"),
        ("two parts", format!("{header}.{payload}"), "token_malformed"),
        ("four parts", format!("{}.{signature}", f.token), "token_malformed"),
        ("five parts", format!("{header}.a.b.c.d"), "token_malformed"),
        ("standard base64", format!("{header}.{payload}+/.{signature}"), "token_malformed"),
        ("too large", f.made(json!({}), json!({"more": "x".repeat(5_000)})), "token_malformed"),
    ]
}

/// For whom it is, and when.
fn claims(f: &Forger<'_>, world: &World) -> Vec<Case> {
    vec![
        (
            "another audience",
            f.made(json!({}), json!({"aud": "https://elsewhere.example"})),
            "token_audience",
        ),
        ("the issuer as audience", f.made(json!({}), json!({"aud": world.issuer})), "token_audience"),
        ("a list of audiences", f.made(json!({}), json!({"aud": [world.audience]})), "token_malformed"),
        ("no audience", f.made(json!({}), json!({"aud": null})), "token_malformed"),
        ("another issuer", f.made(json!({}), json!({"iss": "https://elsewhere.example"})), "token_issuer"),
        ("no issuer", f.made(json!({}), json!({"iss": null})), "token_malformed"),
        ("expired", f.made(json!({}), json!({"iat": now() - 301, "exp": now() - 1})), "token_expired"),
        ("for an hour", f.made(json!({}), json!({"exp": now() + 3_600})), "token_expired"),
        ("for ever", f.made(json!({}), json!({"iat": i64::MIN, "exp": i64::MAX})), "token_expired"),
        ("no exp", f.made(json!({}), json!({"exp": null})), "token_malformed"),
        ("exp as text", f.made(json!({}), json!({"exp": "later"})), "token_malformed"),
        (
            "from the future",
            f.made(json!({}), json!({"iat": now() + 100, "nbf": now() + 100, "exp": now() + 200})),
            "token_not_yet",
        ),
    ]
}

/// To whom it was given, and for what.
fn holders(f: &Forger<'_>, nurse: &str) -> Vec<Case> {
    let nurse_claims = claims_of(nurse);
    let (nurse_cnf, nurse_client) = (&nurse_claims["cnf"], &nurse_claims["client_id"]);
    vec![
        ("no jti", f.made(json!({}), json!({"jti": null})), "token_malformed"),
        ("no cnf", f.made(json!({}), json!({"cnf": null})), "token_malformed"),
        ("cnf of a key", f.made(json!({}), json!({"cnf": {"jkt": "AAAA"}})), "token_malformed"),
        ("an empty cnf", f.made(json!({}), json!({"cnf": {"x5t#S256": ""}})), "token_of_other_certificate"),
        ("another's cnf", f.made(json!({}), json!({"cnf": nurse_cnf})), "token_of_other_certificate"),
        ("another's token", nurse.to_owned(), "token_of_other_certificate"),
        (
            "another's client",
            f.made(
                json!({}),
                json!({"client_id": nurse_client, "sub": nurse_client}),
            ),
            "token_of_other_client",
        ),
        (
            "a role that is none",
            f.made(
                json!({}),
                json!({"authorization_details": [{"type": "schoolgate", "role": "boss", "purpose": "child_protection"}]}),
            ),
            "token_malformed",
        ),
        (
            "a role of another system",
            f.made(
                json!({}),
                json!({"authorization_details": [{"type": "schoolgate", "role": "dsl", "purpose": "own_record"}]}),
            ),
            "role_withdrawn",
        ),
        (
            "two roles",
            f.made(
                json!({}),
                json!({"authorization_details": [f.good["authorization_details"][0], f.good["authorization_details"][0]]}),
            ),
            "token_malformed",
        ),
        ("no role", f.made(json!({}), json!({"authorization_details": []})), "token_malformed"),
    ]
}

/// Who stands behind the system, and what stands for them.
fn people(f: &Forger<'_>, world: &World) -> Vec<Case> {
    let act = json!({"sub": f.good["client_id"]});
    let of =
        |issuer: &str, tenant: &str| json!({"iss": issuer, "tenant": tenant, "teams": [], "attested": false});
    let own = of(&world.provider.issuer, TENANT);
    let elsewhere = of("https://elsewhere.example", TENANT);
    let other_tenant = of(&world.provider.issuer, "other");
    let made = |change: Value| f.made(json!({}), change);
    let person = |act: &Value, person: Value| made(json!({"sub": "sw-17", "act": act, "person": person}));
    vec![
        ("a subject that is nobody", made(json!({"sub": "sw-17"})), "token_malformed"),
        ("an actor without a person", made(json!({"act": act})), "token_malformed"),
        ("a person without an actor", made(json!({"sub": "sw-17", "person": own})), "token_malformed"),
        ("a person by another actor", person(&json!({"sub": "other"}), own), "token_malformed"),
        ("a person of a provider that is none", person(&act, elsewhere), "person_withdrawn"),
        ("a person of another tenant", person(&act, other_tenant), "person_withdrawn"),
        ("the provider's access token", world.subject("access_token", &json!({}), &json!({})), "token_key"),
        ("the provider's ID token", world.subject("id_token", &json!({}), &json!({})), "token_key"),
    ]
}

/// The answer to a question that everybody who is let in may ask, with this token.
pub async fn report(wire: &Wire, token: &str) -> Reply {
    send(wire.bare("GET", REPORT).bearer_auth(token)).await
}

async fn forged(test: TestDb) {
    let world = World::start(&test).await;
    let wire = Wire::of(&world.gate, "social_worker_cp").await;
    let nurse = Wire::of(&world.gate, "school_nurse").await.token;
    let (key, good) = (signing_key(&world, &wire.token), claims_of(&wire.token));
    let f = Forger { key, good: &good, token: &wire.token };
    let unchanged = f.made(json!({}), json!({}));
    assert_eq!(report(&wire, &unchanged).await.status, 200, "what the forger makes is taken unchanged");
    let all = [headers(&f), signatures(&f), claims(&f, &world), holders(&f, &nurse), people(&f, &world)];
    let cases = all.concat();
    let metadata = metadata(&world, &wire).await;
    for (what, token, reason) in &cases {
        let reply = report(&wire, token).await;
        let told = reply.header("www-authenticate").unwrap_or_default();
        assert_eq!((reply.status, reply.problem().as_str()), (401, "unauthenticated"), "{what}");
        assert!(told.starts_with("Bearer ") && told.contains("error=\"invalid_token\""), "{what}: {told}");
        assert!(told.ends_with(&metadata), "{what}: {told}");
        let entry = entry_of(&test.db, &reply).await;
        assert_eq!(
            (entry.decision, entry.reason.as_deref()),
            (Decision::Unauthenticated, Some(*reason)),
            "{what}"
        );
        assert_eq!((entry.role, entry.person), (None, None), "{what}");
    }
    assert_eq!(cases.len(), TRIED);
    let reasons: Vec<&str> = cases.iter().map(|(_, _, reason)| *reason).collect();
    counted(&world, &reasons).await;
    world.gate.stop().await;
}

/// RFC 9728 section 5.1: what every challenge ends with, whose address answers with the metadata of this very resource.
async fn metadata(world: &World, wire: &Wire) -> String {
    let path = "/.well-known/oauth-protected-resource/v1";
    let read = send(wire.bare("GET", path)).await.json();
    assert_eq!(read["resource"], world.audience.as_str());
    let none = send(wire.bare("GET", REPORT)).await;
    let told = none.header("www-authenticate").unwrap();
    let own = format!("resource_metadata=\"{}{path}\"", world.issuer);
    assert_eq!((none.status, told), (401, format!("Bearer realm=\"schoolgate\", {own}").as_str()));
    format!(", {own}")
}

/// `/metrics` counts each of them by its reason.
async fn counted(world: &World, reasons: &[&str]) {
    let text =
        reqwest::get(format!("{}/metrics", world.gate.demo.json.admin)).await.unwrap().text().await.unwrap();
    for reason in reasons {
        let own = reasons.iter().filter(|other| *other == reason).count();
        let line = format!("schoolgate_identity_refused_total{{reason=\"{reason}\"}} {own}");
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}
