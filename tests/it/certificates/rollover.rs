//! A system follows its own certificate with the next one, without an operator and without a gap.

use super::gateway::{Gateway, Http, Outcome, right, system};
use super::making::{Authority, Client, HOUR, Key, RIGHT, at, root};
use super::vectors::SOON;
use crate::support::exports::number;
use crate::support::wire::{MOVED, Reply, entry_of, run, until};
use crate::support::{Suite, TestDb};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls::version::TLS13;
use schoolgate::audit::Decision;
use schoolgate::clock::Clock;
use schoolgate::crypto::{install_jwt, sha256, to_hex};
use serde_json::{Value, json};

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both("certificates::a_system_follows_its_certificate_with_the_next", followed);
    suite.both("certificates::what_does_not_follow_it_is_refused", refused);
    suite.both("certificates::two_that_come_at_once_are_not_both_the_second", at_once);
    suite.both("certificates::a_third_in_the_table_proves_nobody", third);
}

const OWN: &str = "/v1/systems/own/certificates";
const ISSUER: &str = "https://localhost:8443";

/// A client whose certificate ends so many hours from now.
fn ending(authority: &Authority, hours: i64) -> Client {
    Client::of(authority, |p| p.not_after = at!(hours * HOUR))
}

fn thumbprint(client: &Client) -> String {
    to_hex(&sha256(&[&client.chain[0]]))
}

fn claims(new: &Client) -> Value {
    let now = Clock::machine().now().timestamp();
    json!({"iss": "council.cases", "aud": ISSUER, "iat": now, "exp": now + 300,
        "jti": uuid::Uuid::now_v7().to_string(), "x5t#S256": URL_SAFE_NO_PAD.encode(sha256(&[&new.chain[0]]))})
}

/// Signed with a client's key; its keys are all P-256.
fn signed(by: &Client, typ: &str, claims: &Value) -> String {
    install_jwt();
    let Key::Own(pkcs8) = &by.key else { panic!("its key is not at hand") };
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(typ.to_owned());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(pkcs8)).unwrap()
}

const TYPE: &str = "schoolgate-certificate+jwt";

fn body(new: &Client, proof: &str) -> Value {
    json!({"certificate": new.pem().0, "proof": proof})
}

fn proved(by: &Client, new: &Client) -> Value {
    body(new, &signed(by, TYPE, &claims(new)))
}

async fn connected(gate: &Gateway, client: &Client) -> Http {
    let mut http = gate.http(client);
    assert_eq!(http.authorise("council.cases", "social_worker", "child_protection").await, 200);
    http
}

async fn post(http: &Http, body: &Value) -> Reply {
    http.ask("POST", OWN, Some(body)).await.unwrap()
}

async fn listed(http: &Http) -> Vec<(String, bool)> {
    let reply = http.ask("GET", OWN, None).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.json());
    let list = reply.json()["certificates"].as_array().unwrap().clone();
    let one =
        |c: &Value| (c["thumbprint"].as_str().unwrap().to_owned(), c["this_connection"].as_bool().unwrap());
    list.iter().map(one).collect()
}

async fn followed(test: TestDb) {
    let authority = root("root");
    let (first, second, third) = (ending(&authority, 24), ending(&authority, 48), ending(&authority, 72));
    let gate = Gateway::start(&test.url, &authority.pem(), None, |_| ()).await;
    gate.register(vec![right(&first)]).await;
    let keys = gate.folder.path().join("keys");
    let other = Gateway::start(&test.url, &authority.pem(), None, |config| config.files.keys = keys).await;
    let old = connected(&gate, &first).await;
    assert_eq!(listed(&old).await, [(thumbprint(&first), true)]);
    let unknown = Outcome::Answered(401, "unknown_certificate".into());
    assert_eq!(gate.outcome(1, Some(&second), &TLS13).await, unknown, "not before it is registered");
    let sent = proved(&first, &second);
    let reply = post(&old, &sent).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    let entry = entry_of(&test.db, &reply).await;
    assert_eq!((entry.decision, entry.action.as_deref()), (Decision::Allowed, Some("add_certificate")));
    assert_eq!(entry.record, Some(format!("certificate {}", thumbprint(&second))));
    let own = number(&test.db, "SELECT COUNT(*) FROM credentials WHERE by_system = TRUE").await;
    assert_eq!(own, 1, "no operator's file takes it back");
    // Both at once, here at once and at the other gateway within a second.
    let new = connected(&gate, &second).await;
    let let_in = Outcome::Answered(401, "no_token".into());
    until("the other gateway", SOON, async || other.outcome(2, Some(&second), &TLS13).await == let_in).await;
    assert_eq!(listed(&old).await, [(thumbprint(&first), true), (thumbprint(&second), false)]);
    assert_eq!(listed(&new).await, [(thumbprint(&first), false), (thumbprint(&second), true)]);
    let crossed = Http { token: new.token.clone(), ..old.clone() };
    assert_eq!(crossed.ask("GET", OWN, None).await.unwrap().status, 401, "a token is one certificate's");
    // The same again, and a third.
    let again = post(&old, &sent).await;
    assert_eq!((again.status, again.problem().as_str()), (422, "certificate_refused"));
    let more = post(&new, &proved(&second, &third)).await;
    assert_eq!((more.status, more.problem().as_str()), (409, "conflict"));
    assert!(more.json()["detail"].as_str().unwrap().contains("DELETE /v1/systems/own/certificates/"));
    assert_eq!(entry_of(&test.db, &more).await.reason.as_deref(), Some("two_certificates"));
    retired(&test, (&gate, &other), (&old, &new), (&first, &second)).await;
    let third_in = post(&new, &proved(&second, &third)).await;
    assert_eq!(third_in.status, 201, "{}", third_in.json());
    let back = post(&connected(&gate, &third).await, &proved(&third, &first)).await;
    assert_eq!(back.status, 422, "one that was retired does not come back");
    other.stop().await;
    gate.stop().await;
}

/// The older goes over the newer one's connection, and in no other way.
async fn retired(
    test: &TestDb,
    (gate, other): (&Gateway, &Gateway),
    (old, new): (&Http, &Http),
    (first, second): (&Client, &Client),
) {
    let path = |client: &Client| format!("{OWN}/{}", thumbprint(client));
    for (http, client, status) in
        [(old, first, 409), (old, second, 409), (new, second, 409), (new, first, 200)]
    {
        let reply = http.ask("DELETE", &path(client), None).await.unwrap();
        assert_eq!(reply.status, status, "{}", reply.json());
        if status == 200 {
            assert_eq!(entry_of(&test.db, &reply).await.action.as_deref(), Some("retire_certificate"));
        }
    }
    for wrong in ["0".repeat(64), "no-thumbprint".to_owned(), thumbprint(first)] {
        let reply = new.ask("DELETE", &format!("{OWN}/{wrong}"), None).await.unwrap();
        assert_eq!((reply.status, reply.problem().as_str()), (422, "certificate_refused"), "{wrong}");
    }
    assert_eq!(old.ask("GET", OWN, None).await.unwrap().status, 401, "on the open connection too");
    let unknown = Outcome::Answered(401, "unknown_certificate".into());
    assert_eq!(gate.outcome(3, Some(first), &TLS13).await, unknown);
    until("the other gateway", SOON, async || other.outcome(4, Some(first), &TLS13).await == unknown).await;
    assert_eq!(listed(new).await, [(thumbprint(second), true)]);
}

/// A case: what is wrong, what is sent, which member is named, and what is said of it.
type Case = (&'static str, Value, &'static str, &'static str);

/// A certificate with the key of another.
fn same_key(authority: &Authority, of: &Client) -> Client {
    let Key::Own(pkcs8) = &of.key else { panic!("its key is not at hand") };
    let key = rcgen::KeyPair::try_from(pkcs8.as_slice()).unwrap();
    let mut params = super::making::of_client(RIGHT);
    params.not_after = at!(48 * HOUR);
    let certificate = params.signed_by(&key, authority).unwrap();
    Client { chain: vec![certificate.der().to_vec()], key: of.key.clone() }
}

/// Certificates that do not follow the first.
fn wrong_certificates(authority: &Authority, first: &Client, others: &Client) -> Vec<Case> {
    let of = |change: &dyn Fn(&mut rcgen::CertificateParams)| {
        let client = Client::of(authority, |p| {
            p.not_after = at!(48 * HOUR);
            change(p);
        });
        proved(first, &client)
    };
    let uri = |text: &str| vec![rcgen::SanType::URI(text.try_into().unwrap())];
    let other = uri("urn:schoolgate:org:council:system:x");
    let servers = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let many = json!({"certificate": first.pem().0.repeat(9), "proof": ""});
    let cases = vec![
        ("another authority", proved(first, &ending(&root("stranger"), 48)), "no authority"),
        ("another system's name", of(&|p| p.subject_alt_names.clone_from(&other)), "another SAN URI"),
        ("no name", of(&|p| p.subject_alt_names.clear()), "another SAN URI"),
        ("for servers", of(&|p| p.extended_key_usages.clone_from(&servers)), "client authentication"),
        ("the same key", proved(first, &same_key(authority, first)), "the same key"),
        ("the same certificate", proved(first, first), "the same key"),
        ("another system's", proved(first, others), "registered before"),
        ("another system's key", proved(first, &same_key(authority, others)), "registered before"),
        ("399 days", of(&|p| p.not_after = at!(399 * 24 * HOUR)), "398 days"),
        ("ends before", of(&|p| p.not_after = at!(12 * HOUR)), "does not end after"),
        ("begins tomorrow", of(&|p| p.not_before = at!(24 * HOUR)), "not valid yet"),
        ("no certificate", json!({"certificate": "none", "proof": "none"}), "in PEM"),
        ("nine certificates", many, "one to eight"),
    ];
    cases.into_iter().map(|(what, body, says)| (what, body, "/certificate", says)).collect()
}

/// Proofs of a certificate that would follow the first, each wrong.
fn wrong_proofs(first: &Client, second: &Client, others: &Client, spare: &Client) -> Vec<Case> {
    let by = |who: &Client, typ: &str, of: &Client| body(second, &signed(who, typ, &claims(of)));
    let changed = |name: &str, value: Value| {
        let mut changed = claims(second);
        changed[name] = value;
        body(second, &signed(first, TYPE, &changed))
    };
    let now = Clock::machine().now().timestamp();
    let cases = vec![
        ("no proof", body(second, ""), "not a signed token"),
        ("signed with the new key", by(second, TYPE, second), "not signed with the key"),
        ("signed with another's", by(others, TYPE, second), "not signed with the key"),
        ("of another kind", by(first, "at+jwt", second), "not a signed token"),
        ("of another certificate", by(first, TYPE, spare), "another certificate"),
        ("of another client", changed("iss", json!("council.other")), "not of this client"),
        ("for another gateway", changed("aud", json!("https://elsewhere.example")), "not of this client"),
        ("of an hour ago", changed("iat", json!(now - 3600)), "more than five minutes"),
        ("ended", changed("exp", json!(now - 1)), "has ended"),
        ("of a time to come", changed("iat", json!(now + 120)), "not good yet"),
        ("for ten minutes", changed("exp", json!(now + 600)), "more than five minutes"),
        ("without a name of its own", changed("jti", json!("x")), "not a signed token"),
        ("with a name that is none", changed("jti", json!(7)), "not a signed token"),
    ];
    cases.into_iter().map(|(what, body, says)| (what, body, "/proof", says)).collect()
}

/// Everything that may be wrong with a certificate that should follow, and with its proof.
async fn refused(test: TestDb) {
    let authority = root("root");
    let (first, second, spare) = (ending(&authority, 24), ending(&authority, 48), ending(&authority, 48));
    let others = ending(&authority, 72);
    let gate = Gateway::start(&test.url, &authority.pem(), None, |_| ()).await;
    let mut another = system("council", "other", &["social_worker"], &["involvements"]);
    another.certificates = vec![super::gateway::entry(&others)];
    gate.register(vec![right(&first), another]).await;
    let http = connected(&gate, &first).await;
    let mut cases = wrong_certificates(&authority, &first, &others);
    cases.extend(wrong_proofs(&first, &second, &others, &spare));
    for (what, body, pointer, says) in cases {
        let reply = post(&http, &body).await;
        let told = reply.json();
        assert_eq!((reply.status, reply.problem().as_str()), (422, "certificate_refused"), "{what}: {told}");
        let fault = &told["errors"][0];
        assert_eq!(fault["pointer"], pointer, "{what}: {fault}");
        assert!(fault["detail"].as_str().unwrap().contains(says), "{what}: {fault}");
        let entry = entry_of(&test.db, &reply).await;
        assert_ne!(entry.decision, Decision::Allowed, "{what}");
        assert!(entry.reason.is_some_and(|reason| reason.starts_with("certificate")), "{what}");
    }
    assert_eq!(listed(&http).await.len(), 1, "nothing was registered");
    let unreadable = http.ask("POST", OWN, Some(&json!({"certificate": 1}))).await.unwrap();
    assert_eq!(unreadable.status, 400);
    assert_eq!(post(&http, &proved(&first, &second)).await.status, 201, "and what is right is");
    gate.stop().await;
}

async fn at_once(test: TestDb) {
    let authority = root("root");
    let first = ending(&authority, 24);
    let gate = Gateway::start(&test.url, &authority.pem(), None, |_| ()).await;
    gate.register(vec![right(&first)]).await;
    let http = connected(&gate, &first).await;
    let next: Vec<Value> = (0..4).map(|_| proved(&first, &ending(&authority, 48))).collect();
    let posts = next.iter().map(|body| post(&http, body));
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(posts).await.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
    assert_eq!(listed(&http).await.len(), 2);
    gate.stop().await;
}

/// However it came there: two that were registered before it hold, and it does not.
async fn third(test: TestDb) {
    const REGISTER: &str = "INSERT INTO credentials (id, system_id, thumbprint, key_digest, valid_from, valid_until) \
         SELECT $1, id, $2, $3, $4, $5 FROM systems WHERE client_id = 'council.cases'";
    let authority = root("root");
    let [first, second, third] = [24, 48, 72].map(|hours| ending(&authority, hours));
    let gate = Gateway::start(&test.url, &authority.pem(), None, |_| ()).await;
    let mut system = right(&first);
    system.certificates.push(super::gateway::entry(&second));
    gate.register(vec![system]).await;
    let entry = super::gateway::entry(&third);
    let digest = |hex: &str| schoolgate::crypto::from_hex(hex).unwrap();
    let (thumbprint, key) = (digest(&entry.thumbprint), digest(&entry.key_digest));
    let id = uuid::Uuid::now_v7();
    let (from, ends) = (entry.valid_from, entry.valid_until);
    assert_eq!(run!(test.db, REGISTER, id, thumbprint.clone(), key.clone(), from, ends), 1);
    run!(test.db, MOVED);
    assert!(gate.running.gate.directory().refresh(&test.db).await.is_ok());
    let (let_in, unknown) = ("no_token", "unknown_certificate");
    for (network, client, expected) in [(1, &first, let_in), (2, &second, let_in), (3, &third, unknown)] {
        assert_eq!(
            gate.outcome(network, Some(client), &TLS13).await,
            Outcome::Answered(401, expected.into())
        );
    }
    gate.stop().await;
}
