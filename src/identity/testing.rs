//! A small world for tests: two organisations with one system and one certificate each.

use super::{Caller, CertificateFiles, Grant, LiveTrust, Peer, TokenKeys, Trust, authenticate};
use crate::clock::Clock;
use crate::crypto::{Ed25519Key, SignWith, TokenKey, sha256};
use crate::directory::{Contact, Credential, Directory, Organisation, System};
use crate::domain::identifiers::{OrganisationId, SystemId};
use crate::domain::organisation::{OrganisationKind, Standing};
use crate::domain::purpose::{Purpose, Role, SectionSet};
use crate::domain::staff::Marked;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const ISSUER: &str = "https://gate.example";
pub(crate) const AUDIENCE: &str = "https://gate.example/v1";

pub(crate) struct World {
    pub directory: Directory,
    pub keys: TokenKeys,
    pub signing: Ed25519Key,
    pub key: rcgen::KeyPair,
    pub other_key: rcgen::KeyPair,
    /// Of the council's case system, with the role of social worker.
    pub peer: Peer,
    /// Of the school's office system.
    pub other: Peer,
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(crate) fn certificate(key: &rcgen::KeyPair, uri: &str) -> rcgen::Certificate {
    let mut params = rcgen::CertificateParams::default();
    params.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().unwrap())];
    params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    params.self_signed(key).unwrap()
}

/// Keys of tokens with this one key.
pub(crate) fn token_keys(signing: &Ed25519Key) -> TokenKeys {
    let key = TokenKey {
        with: SignWith::EdDsa,
        pkcs8: zeroize::Zeroizing::new(signing.pkcs8().to_vec()),
        from: None,
    };
    TokenKeys::new(&[key], SignWith::EdDsa, ISSUER, AUDIENCE).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let signing = Ed25519Key::generate().unwrap();
        let keys = token_keys(&signing);
        let mut directory = Directory::default();
        let (key, peer) = member(&mut directory, "council", "cases", OrganisationKind::LocalAuthority);
        let (other_key, other) = member(&mut directory, "school", "office", OrganisationKind::School);
        Self { directory, keys, signing, key, other_key, peer, other }
    }

    pub(crate) fn issue(&self, peer: &Peer) -> String {
        let grant = Grant {
            client_id: "council-cases",
            role: Role::SocialWorker,
            purpose: Purpose::ChildProtection,
            organisation: None,
            thumbprint: peer.thumbprint,
            person: None,
            until: None,
        };
        self.keys.issue(&grant, now()).unwrap().token
    }
}

/// The council's caller for a person with these marks.
pub(crate) fn caller_marked(marks: &[&str]) -> Caller {
    let world = World::new();
    let header = format!("Bearer {}", world.issue(&world.peer));
    let caller =
        authenticate(&world.directory, &world.keys, Some(&world.peer), Some(&header), now()).unwrap();
    Caller { marks: marks.iter().filter_map(|text| Marked::parse(text)).collect(), ..caller }
}

fn member(
    directory: &mut Directory,
    organisation: &str,
    system: &str,
    kind: OrganisationKind,
) -> (rcgen::KeyPair, Peer) {
    let key = rcgen::KeyPair::generate().unwrap();
    let uri = format!("urn:schoolgate:org:{organisation}:system:{system}");
    let peer = Peer::from_der(certificate(&key, &uri).der()).unwrap();
    let (id, system_id) = (OrganisationId(Uuid::now_v7()), SystemId(Uuid::now_v7()));
    directory.organisations.insert(id, an_organisation(id, organisation, kind));
    directory.systems.insert(
        system_id,
        System {
            id: system_id,
            organisation: id,
            code: system.to_owned(),
            client_id: format!("{organisation}-{system}"),
            roles: vec![Role::SocialWorker, Role::CmeOfficer],
            scopes: vec![],
            sections_without_person: SectionSet::EMPTY,
            requests_per_minute: 60,
            suspended: false,
        },
    );
    directory.credentials.insert(
        peer.thumbprint,
        Credential {
            system: system_id,
            thumbprint: peer.thumbprint,
            key_digest: peer.key_digest,
            valid_from: now() - TimeDelta::days(1),
            valid_until: now() + TimeDelta::days(365),
            revoked_at: None,
            by_system: false,
        },
    );
    (key, peer)
}

fn an_organisation(id: OrganisationId, code: &str, kind: OrganisationKind) -> Organisation {
    Organisation {
        id,
        code: code.to_owned(),
        kind,
        name: code.to_owned(),
        standing: Standing::Live,
        urn: None,
        laestab: None,
        la_code: None,
        phase: None,
        returns_to: None,
        attendance_lead: Contact::default(),
        dsl: Contact::default(),
        predecessor: None,
        former_numbers: Vec::new(),
        area: Vec::new(),
    }
}

/// A good token of the council's system with header and claims changed; `null` takes a member away.
pub(crate) fn forge(world: &World, header: &Value, change: &Value, sign: bool) -> String {
    let good = world.issue(&world.peer);
    let parts: Vec<&str> = good.split('.').collect();
    let patched = |part: &str, change: &Value| {
        let mut value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        for (name, new) in change.as_object().unwrap() {
            let object = value.as_object_mut().unwrap();
            if new.is_null() {
                object.remove(name)
            } else {
                object.insert(name.clone(), new.clone())
            };
        }
        URL_SAFE_NO_PAD.encode(value.to_string())
    };
    let body = format!("{}.{}", patched(parts[0], header), patched(parts[1], change));
    let signed = if sign { body.clone() } else { json!([sha256(&[body.as_bytes()])]).to_string() };
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(world.signing.sign(signed.as_bytes())))
}

/// The machine's time, by which certificates go.
pub(crate) fn at() -> DateTime<Utc> {
    Clock::machine().now()
}

/// What is trusted, followed by the machine's time.
pub(crate) fn live_trust(trust: Trust) -> LiveTrust {
    LiveTrust::new(trust, Clock::machine())
}

/// The files of a deployment, in a folder of their own.
pub(crate) fn certificate_files(
    chain: &str,
    key: &str,
    authorities: &str,
) -> (tempfile::TempDir, CertificateFiles) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("server.pem"), chain).unwrap();
    crate::crypto::write_private(&path("server.key"), key.as_bytes()).unwrap();
    std::fs::write(path("authorities.pem"), authorities).unwrap();
    let files = CertificateFiles {
        server_certificate: path("server.pem"),
        server_key: path("server.key"),
        client_authorities: path("authorities.pem"),
        revocation_lists: Vec::new(),
    };
    (folder, files)
}

pub(crate) type Authority = rcgen::CertifiedIssuer<'static, rcgen::KeyPair>;

pub(crate) fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, PEM.
pub(crate) fn issue(authority: &Authority, name: SanType, last_year: i32) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    let of_a_server = matches!(name, SanType::DnsName(_));
    params.extended_key_usages = vec![if of_a_server {
        ExtendedKeyUsagePurpose::ServerAuth
    } else {
        ExtendedKeyUsagePurpose::ClientAuth
    }];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.subject_alt_names = vec![name];
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

pub(crate) fn client_of(authority: &Authority, last_year: i32) -> (String, String) {
    issue(authority, SanType::URI("urn:schoolgate:org:a:system:b".try_into().unwrap()), last_year)
}
