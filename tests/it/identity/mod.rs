//! Who is let in: certificates at the handshake, tokens on every call, and both taken away at once.

mod assertions;
mod bearer;
mod crafted;
mod forbidden;
mod forms;
mod lane;
mod rotation;
mod store;
mod subjects;
pub mod world;

pub use world::{World, details, kind_of};

use crate::support::wire::{
    MOVED, Reply, Wire, entry_of, events, is_refused, log, log_size, run, send, tls, until, within_a_second,
};
use crate::support::{Suite, TestDb, TestGate};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use schoolgate::audit::{Class, Decision};
use schoolgate::clock::Clock;
use schoolgate::config::Config;
use schoolgate::crypto::{Keyring, SignWith, sha256};
use schoolgate::demo::{DemoCaller, SystemName, pki};
use schoolgate::directory::changes;
use schoolgate::directory::{CertificateEntry, DirectoryFile, OrganisationEntry, SystemEntry};
use schoolgate::domain::purpose::{Purpose, Role};
use schoolgate::identity::{Grant, TokenKeys};
use std::path::Path;
use std::time::{Duration, Instant};

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("identity::refused_handshakes_have_their_entries", handshakes);
    suite.both_empty("identity::certificates_are_read_again_while_serving", renewed);
    suite.both_empty("identity::two_certificates_of_a_system_are_let_in_and_no_third", two_certificates);
    suite.both_empty("identity::each_token_that_does_not_hold_is_refused_and_recorded", tokens);
    suite.both_empty("identity::a_client_is_given_a_token_only_as_itself", clients);
    suite.both_empty("identity::what_is_taken_away_is_shut_within_a_second", taken_away);
    suite.plain("identity::as_many_wrong_proofs_are_tried_as_is_said", counted);
    assertions::register(suite);
    bearer::register(suite);
    forbidden::register(suite);
    forms::register(suite);
    lane::register(suite);
    rotation::register(suite);
    store::register(suite);
    subjects::register(suite);
}

/// A path that answers 200 to a social worker who is let in.
const REPORT: &str = "/v1/involvements/report";

/// What is tried over the wire and must be refused, each with an exact status and word, by what it is; every trial holds its
/// own number to what it tries.
const TRIED: [(&str, usize); 7] = [
    ("certificates", crate::certificates::TRIED),
    ("access tokens", bearer::TRIED),
    ("assertions of systems", assertions::TRIED),
    ("tokens of providers", subjects::TRIED),
    ("second factors that are none", subjects::FACTORS),
    ("requests of an exchange", forms::TRIED),
    ("signatures and keys that a published rule forbids", forbidden::TRIED),
];

/// At least 200, and as many as docs/security.md says.
fn counted() {
    let all: usize = TRIED.iter().map(|(_, tried)| tried).sum();
    assert!(all >= 200, "{all}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let said = std::fs::read_to_string(path).unwrap();
    for (what, tried) in TRIED {
        assert!(said.contains(&format!("{tried} {what}")), "docs/security.md: {tried} {what}");
    }
    assert!(said.contains(&format!("{all} wrong proofs")), "docs/security.md: {all} wrong proofs");
}

fn now() -> DateTime<Utc> {
    Clock::machine().now()
}

/// A certificate with a registered system's name from another authority that has our authority's name.
fn from_an_authority_of_the_same_name(system: &SystemName) -> (String, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "schoolgate demonstration CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let authority = Issuer::new(params, KeyPair::generate().unwrap());
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(system.uri().try_into().unwrap())];
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, &authority).unwrap().pem(), key.serialize_pem())
}

/// Certificates are read again without a restart; what cannot be used changes nothing.
async fn renewed(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let caller = gate.caller("social_worker_cp");
    let system = SystemName::new(&caller.organisation, "social-care");
    let read = |folder: &Path, path: &str| std::fs::read(folder.join(path)).unwrap();
    let pair = |folder: &Path| {
        let path = &caller.certificate;
        (read(folder, path), read(folder, &path.replace(".pem", ".key")))
    };
    let own = |(certificate, key): &(Vec<u8>, Vec<u8>)| {
        tls(&gate, Some((certificate.as_slice(), key.as_slice())), &TLS13)
    };
    let old = pair(&gate.demo.dir);
    let next = tempfile::tempdir().unwrap();
    schoolgate::demo::Pki::create(next.path(), &[system], gate.demo.running.gate.clock().now()).unwrap();
    let new = pair(next.path());
    for file in ["certs/ca.pem", "certs/server.pem", "certs/server.key"] {
        std::fs::copy(next.path().join(file), gate.demo.dir.join(file)).unwrap();
    }
    assert!(gate.demo.running.renew_certificates());
    assert!(!is_refused(&gate, own(&new)).await, "the new authority's certificates are let in");
    assert!(is_refused(&gate, own(&old)).await, "and the old one's no longer");
    std::fs::write(gate.demo.dir.join("certs/server.pem"), "not PEM").unwrap();
    assert!(!gate.demo.running.renew_certificates());
    assert!(!is_refused(&gate, own(&new)).await, "what is in use stays");
    gate.stop().await;
}

/// While one certificate follows another both are let in, each with its own tokens; a third is not registered.
async fn two_certificates(test: TestDb) {
    const REGISTER: &str = "INSERT INTO credentials (id, system_id, thumbprint, key_digest, valid_from, valid_until) \
         SELECT $1, id, $2, $3, $4, $5 FROM systems WHERE client_id = $6";
    let gate = TestGate::start(&test.url).await;
    let caller = gate.caller("social_worker_cp");
    let system = SystemName::new(&caller.organisation, "social-care");
    let next = tempfile::tempdir().unwrap();
    let made = schoolgate::demo::Pki::create(next.path(), std::slice::from_ref(&system), now()).unwrap();
    let second = &made.entries[&system];
    let read = |path: &str| std::fs::read(next.path().join(path)).unwrap();
    std::fs::write(gate.demo.dir.join("certs/second.pem"), read(&system.certificate())).unwrap();
    std::fs::write(gate.demo.dir.join("certs/second.key"), read(&system.key())).unwrap();
    let mut authorities = std::fs::read(gate.demo.dir.join(pki::CA)).unwrap();
    authorities.extend(read(pki::CA));
    std::fs::write(gate.demo.dir.join(pki::CA), authorities).unwrap();
    assert!(gate.demo.running.renew_certificates());
    let ask = async |wire: &Wire| wire.ask_token(&caller.client_id, &caller.role, &caller.purpose).await;
    let mut new = Wire::with_certificate(&gate, "certs/second.pem");
    assert_eq!(ask(&new).await.status, 401, "not before it is registered");
    let digest = |hex: &str| schoolgate::crypto::from_hex(hex).unwrap();
    let (id, thumbprint, key) =
        (uuid::Uuid::now_v7(), digest(&second.thumbprint), digest(&second.key_digest));
    let (from, until_then) = (second.valid_from, second.valid_until);
    let client_id = caller.client_id.as_str();
    assert_eq!(run!(test.db, REGISTER, id, thumbprint.clone(), key.clone(), from, until_then, client_id), 1);
    run!(test.db, MOVED);
    within_a_second("the second", Instant::now(), async || ask(&new).await.status == 200).await;
    ask(&new).await.json()["access_token"].as_str().unwrap().clone_into(&mut new.token);
    let old = Wire::of(&gate, "social_worker_cp").await;
    for wire in [&old, &new] {
        assert_eq!(send(wire.request("GET", REPORT)).await.status, 200);
    }
    let crossed = send(old.bare("GET", REPORT).bearer_auth(&new.token)).await;
    let reason = entry_of(&test.db, &crossed).await.reason;
    assert_eq!((crossed.status, reason.as_deref()), (401, Some("token_of_other_certificate")));
    gate.stop().await;
    no_third(second);
}

/// A directory file may name two certificates of a system that have not expired, beside those that have.
fn no_third(certificate: &CertificateEntry) {
    let numbered = |n: u8, valid_until| CertificateEntry {
        thumbprint: format!("{n:064x}"),
        valid_until,
        ..certificate.clone()
    };
    let (live, expired) = (now() + TimeDelta::days(1), now() - TimeDelta::days(1));
    for (until, refused) in [([live, live, expired], false), ([live, live, live], true)] {
        let file = DirectoryFile {
            organisations: vec![OrganisationEntry {
                code: "holder".to_owned(),
                kind: "vendor".to_owned(),
                name: "holder".to_owned(),
                ..OrganisationEntry::default()
            }],
            systems: vec![SystemEntry {
                organisation: "holder".to_owned(),
                code: "sync".to_owned(),
                client_id: "holder.sync".to_owned(),
                certificates: (1..).zip(until).map(|(n, until)| numbered(n, until)).collect(),
                ..SystemEntry::default()
            }],
            ..DirectoryFile::default()
        };
        let told = changes::check(&file, now()).err().map(|error| error.to_string());
        let says = told.as_deref().is_some_and(|told| told.contains("`sync` has more than two"));
        assert_eq!((told.is_some(), says), (refused, refused), "{told:?}");
    }
}

async fn handshakes(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let from = log_size(&test.db).await;
    let read = |path: &str| std::fs::read(gate.demo.dir.join(path)).unwrap();
    let pair = |path: &str| (read(path), read(&path.replace(".pem", ".key")));
    let caller = gate.caller("social_worker_cp");
    let system = SystemName::new(&caller.organisation, "social-care");
    let good = pair(&caller.certificate);
    let (forged, forged_key) = from_an_authority_of_the_same_name(&system);
    let forged = (forged.into_bytes(), forged_key.into_bytes());
    let (expired, other) = (pair(pki::REFUSED[0]), pair(pki::REFUSED[1]));
    let own = |(certificate, key): &(Vec<u8>, Vec<u8>), version| {
        tls(&gate, Some((certificate.as_slice(), key.as_slice())), version)
    };
    assert!(!is_refused(&gate, own(&good, &TLS13)).await, "the right certificate is served");
    let cases = [
        ("no certificate", tls(&gate, None, &TLS13)),
        ("expired", own(&expired, &TLS13)),
        ("another authority", own(&other, &TLS13)),
        ("another authority of the same name", own(&forged, &TLS13)),
        ("TLS 1.2", own(&good, &TLS12)),
    ];
    let refused = async || events(&log(&test.db, from).await, Class::HandshakeRefused);
    for (number, (what, config)) in (1..).zip(cases) {
        assert!(is_refused(&gate, config).await, "{what}");
        until(what, Duration::from_secs(10), async || refused().await == number).await;
    }
    // A flood: the first ten of a minute have entries, the rest one count.
    for _ in 0..20 {
        assert!(is_refused(&gate, tls(&gate, None, &TLS13)).await);
    }
    unregistered(&test, &gate).await;
    let minutes_before = now().timestamp() / 60;
    gate.stop().await;
    let entries = log(&test.db, from).await;
    assert_eq!(
        events(&entries, Class::HandshakeRefused),
        25,
        "entries and counts add up to what was refused"
    );
    let refused: Vec<_> = entries.iter().filter(|l| l.entry.class == Class::HandshakeRefused).collect();
    let own_of = |minute: i64| {
        refused.iter().filter(|l| l.entry.count.is_none() && l.entry.time.timestamp() / 60 == minute).count()
    };
    assert!((minutes_before - 2..=minutes_before + 1).all(|minute| own_of(minute) <= 10));
    assert!(refused.iter().any(|l| l.entry.count.is_some()), "what has no entry of its own is counted");
    assert!(refused.iter().all(|l| l.entry.decision == Decision::Refused && l.entry.connection.is_none()));
    assert!(
        refused.iter().all(|l| l.entry.network.as_deref() == Some("127.0.0.0/24")),
        "each says from where"
    );
    let mut why: Vec<&str> = refused.iter().filter_map(|l| l.entry.reason.as_deref()).collect();
    why.truncate(5);
    why.sort_unstable();
    assert_eq!(why, ["bad_signature", "expired", "no_certificate", "protocol_version", "unknown_authority"]);
}

/// Our own authority's certificate of a system that is not registered: a connection, and nothing on it.
async fn unregistered(test: &TestDb, gate: &TestGate) {
    let wire = Wire::with_certificate(gate, pki::REFUSED[2]);
    let caller = gate.caller("social_worker_cp");
    let reply = wire.ask_token(&caller.client_id, &caller.role, &caller.purpose).await;
    assert_eq!((reply.status, reply.json()["error"].as_str()), (401, Some("invalid_client")));
    let good = Wire::of(gate, "social_worker_cp").await.token;
    let reply = send(wire.bare("GET", REPORT).bearer_auth(good)).await;
    assert_eq!(reply.status, 401);
    let entry = entry_of(&test.db, &reply).await;
    assert_eq!(entry.reason.as_deref(), Some("unknown_certificate"));
    let connection = entry.connection.unwrap();
    assert_eq!((connection.organisation, connection.system), (None, None));
}

/// What the gateway would sign at a time of the test's choice, and one for another audience.
fn issue(gate: &TestGate, caller: &DemoCaller, audience: Option<&str>, at: DateTime<Utc>) -> String {
    let names = Config::load(&gate.demo.dir.join("schoolgate.toml")).unwrap().names;
    let keyring = Keyring::load(&gate.demo.dir.join("keys")).unwrap();
    let audience = audience.unwrap_or(&names.audience);
    let keys = TokenKeys::new(&keyring.tokens, SignWith::EdDsa, &names.issuer, audience).unwrap();
    let certificate = CertificateDer::from_pem_file(gate.demo.dir.join(&caller.certificate)).unwrap();
    let grant = Grant {
        client_id: &caller.client_id,
        role: Role::parse(&caller.role).unwrap(),
        purpose: Purpose::parse(&caller.purpose).unwrap(),
        organisation: None,
        thumbprint: sha256(&[&certificate]),
        person: None,
        until: None,
    };
    keys.issue(&grant, at).unwrap().token
}

/// A token that has expired, for other tests.
pub fn expired_token(gate: &TestGate, caller: &DemoCaller) -> String {
    issue(gate, caller, None, now() - TimeDelta::minutes(6))
}

/// A token of the caller's own client that is bound to another system's certificate, for other tests.
pub fn misbound_token(gate: &TestGate, caller: &DemoCaller, other: &DemoCaller) -> String {
    let bound = DemoCaller { certificate: other.certificate.clone(), ..caller.clone() };
    issue(gate, &bound, None, now())
}

/// The same signature over other claims, and no signature at all.
fn forged(token: &str) -> [String; 2] {
    let [header, claims, signature] = <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).unwrap();
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let raised = text.replace("child_protection", "looked_after");
    assert_ne!(raised, text);
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"none"}"#);
    [format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(raised)), format!("{none}.{claims}.")]
}

async fn tokens(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let caller = gate.caller("social_worker_cp");
    let wire = Wire::of(&gate, "social_worker_cp").await;
    let other = Wire::of(&gate, "school_nurse").await.token;
    // The same system, and yet a token of another certificate's would not do: here the whole system is another.
    let [tampered, unsigned] = forged(&wire.token);
    let made = issue(&gate, caller, None, now());
    let report = async |header: Option<String>| -> Reply {
        let request = wire.bare("GET", REPORT);
        send(match header {
            Some(value) => request.header("authorization", value),
            None => request,
        })
        .await
    };
    for token in [&wire.token, &made] {
        assert_eq!(
            report(Some(format!("Bearer {token}"))).await.status,
            200,
            "our own signature at this time"
        );
    }
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    let future = issue(&gate, caller, None, now() + TimeDelta::minutes(2));
    let elsewhere = issue(&gate, caller, Some("https://elsewhere.example"), now());
    let expired = expired_token(&gate, caller);
    for (header, error, reason) in [
        (None, None, "no_token"),
        (Some("Basic YTpi".to_owned()), Some("invalid_request"), "not_bearer"),
        (Some("Bearer a b".to_owned()), Some("invalid_request"), "not_bearer"),
        (bearer("nonsense"), Some("invalid_token"), "token_malformed"),
        (bearer(&"x".repeat(5_000)), Some("invalid_token"), "token_malformed"),
        (bearer(&expired), Some("invalid_token"), "token_expired"),
        (bearer(&future), Some("invalid_token"), "token_not_yet"),
        (bearer(&elsewhere), Some("invalid_token"), "token_audience"),
        (bearer(&tampered), Some("invalid_token"), "token_signature"),
        (bearer(&unsigned), Some("invalid_token"), "token_algorithm"),
        (bearer(&other), Some("invalid_token"), "token_of_other_certificate"),
    ] {
        let reply = report(header).await;
        let told = reply.header("www-authenticate").unwrap();
        assert_eq!(reply.status, 401, "{reason}");
        assert!(told.starts_with("Bearer realm=\"schoolgate\""), "{told}");
        let expected = error.map(|e| format!("error=\"{e}\""));
        assert_eq!(told.contains("error="), expected.is_some(), "{reason}: {told}");
        assert!(expected.is_none_or(|e| told.contains(&e)), "{reason}: {told}");
        assert_eq!(reply.problem(), "unauthenticated");
        let entry = entry_of(&test.db, &reply).await;
        assert_eq!((entry.decision, entry.reason.as_deref()), (Decision::Unauthenticated, Some(reason)));
        // The certificate was proved even so: the entry says whose it is, and no role that nobody proved.
        assert_eq!(entry.connection.unwrap().organisation.as_deref(), Some(caller.organisation.as_str()));
        assert_eq!((entry.role, entry.status), (None, Some(401)));
    }
    gate.stop().await;
}

async fn clients(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let caller = gate.caller("social_worker_cp");
    let nurse = gate.caller("school_nurse");
    let wire = Wire::with_certificate(&gate, &caller.certificate);
    for (client, role, purpose, status, error, reason) in [
        (
            &nurse.client_id,
            &caller.role,
            &caller.purpose,
            401,
            "invalid_client",
            "client_of_other_certificate",
        ),
        (&nurse.client_id, &nurse.role, &nurse.purpose, 401, "invalid_client", "client_of_other_certificate"),
        (&caller.client_id, &nurse.role, &caller.purpose, 400, "unauthorized_client", "role_of_other_system"),
    ] {
        let from = log_size(&test.db).await;
        let reply = wire.ask_token(client, role, purpose).await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (status, Some(error)), "{reason}");
        assert!(reply.json().get("access_token").is_none());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let entries = log(&test.db, from).await;
        assert_eq!(entries.len(), 1, "one request, one entry: {entries:?}");
        let entry = &entries[0];
        assert_eq!(entry.entry.reason.as_deref(), Some(reason));
        assert_eq!(entry.entry.request.as_deref(), reply.header("x-request-id"));
        assert_ne!(entry.entry.decision, Decision::Allowed);
        assert_eq!(
            entry.entry.connection.as_ref().unwrap().organisation.as_deref(),
            Some(caller.organisation.as_str())
        );
    }
    gate.stop().await;
}

async fn taken_away(test: TestDb) {
    const SUSPEND: &str = "UPDATE organisations SET standing = 'suspended' WHERE code = $1";
    const REVOKE: &str = "UPDATE credentials SET revoked_at = $1 WHERE thumbprint = $2";
    let gate = TestGate::start(&test.url).await;
    let (nurse, worker) = (gate.caller("school_nurse"), gate.caller("social_worker_cp"));
    let suspended = Wire::of(&gate, "school_nurse").await;
    let revoked = Wire::of(&gate, "social_worker_cp").await;
    let other = Wire::of(&gate, "early_help_worker").await;
    let status = async |wire: &Wire| send(wire.request("GET", REPORT)).await.status;
    for wire in [&suspended, &revoked, &other] {
        assert_eq!(status(wire).await, 200);
    }
    let certificate = CertificateDer::from_pem_file(gate.demo.dir.join(&worker.certificate)).unwrap();
    let thumbprint = sha256(&[&certificate]).to_vec();
    assert_eq!(run!(test.db, SUSPEND, nurse.organisation.as_str()), 1);
    assert_eq!(run!(test.db, REVOKE, now(), thumbprint.clone()), 1);
    run!(test.db, MOVED);
    let since = Instant::now();
    within_a_second("suspended", since, async || status(&suspended).await == 403).await;
    within_a_second("revoked", since, async || status(&revoked).await == 401).await;

    let reply = send(suspended.request("GET", REPORT)).await;
    assert_eq!(reply.problem(), "suspended");
    assert_eq!(entry_of(&test.db, &reply).await.reason.as_deref(), Some("suspended"));
    let reply = suspended.ask_token(&nurse.client_id, &nurse.role, &nurse.purpose).await;
    assert_eq!((reply.status, reply.json()["error"].as_str()), (403, Some("unauthorized_client")));
    let reply = send(revoked.request("GET", REPORT)).await;
    assert_eq!(entry_of(&test.db, &reply).await.reason.as_deref(), Some("unknown_certificate"));
    let reply = revoked.ask_token(&worker.client_id, &worker.role, &worker.purpose).await;
    assert_eq!((reply.status, reply.json()["error"].as_str()), (401, Some("invalid_client")));
    assert_eq!(status(&other).await, 200, "another system of the same organisation goes on");
    gate.stop().await;
}
