//! Any bytes to everything that reads what is to prove somebody: each answers, and nobody is proved by made-up bytes.

use chrono::{DateTime, TimeDelta, Utc};
use rustls_pki_types::CertificateDer;
use schoolgate::crypto::{JwsKey, SignWith, TokenKey, UnverifiedJws, es256_pkcs8};
use schoolgate::directory::{Directory, System, SystemKey};
use schoolgate::domain::identifiers::{OrganisationId, SystemId};
use schoolgate::domain::purpose::SectionSet;
use schoolgate::identity::{
    Authorities, Peer, RevocationLists, SubjectKind, TokenKeys, Trust, client_assertion, is_formed,
};
use schoolgate::tokens::is_understood;
use std::path::Path;
use std::sync::LazyLock;
use uuid::Uuid;

const ISSUER: &str = "https://gate.example";
/// The authority of the corpus, and the two certificates that hold; whose keys nobody has any more.
const ROOT: &[u8] = include_bytes!("corpus/certificates/root.pem");
const LEAVES: [&[u8]; 2] =
    [include_bytes!("corpus/certificates/leaf.der"), include_bytes!("corpus/certificates/rsa.der")];
const LIST: &[u8] = include_bytes!("corpus/certificates/list.pem");
/// Of RFC 8037, appendix A.2.
const KEY: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k1"}"#;

/// A moment at which the corpus is good.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_811_894_400, 0).unwrap_or_default()
}

/// Keys of a gateway, made for this run: no bytes of anybody are signed by them.
static OURS: LazyLock<Option<TokenKeys>> = LazyLock::new(|| {
    let key = TokenKey { with: SignWith::Es256, pkcs8: es256_pkcs8().ok()?, from: None };
    TokenKeys::new(&[key], SignWith::Es256, ISSUER, "https://gate.example/v1").ok()
});

/// A system with a key for its assertions.
static SYSTEM: LazyLock<(Directory, System)> = LazyLock::new(|| {
    let system = System {
        id: SystemId(Uuid::nil()),
        organisation: OrganisationId(Uuid::nil()),
        code: "cases".to_owned(),
        client_id: "council.cases".to_owned(),
        roles: Vec::new(),
        scopes: Vec::new(),
        sections_without_person: SectionSet::EMPTY,
        requests_per_minute: 60,
        suspended: false,
    };
    let mut directory = Directory::default();
    let jwk: serde_json::Value = serde_json::from_str(KEY).unwrap_or_default();
    if let Ok(key) = JwsKey::parse(&jwk) {
        let (valid_from, valid_until) = (now() - TimeDelta::days(1), now() + TimeDelta::days(1));
        let key = SystemKey { kid: "k1".to_owned(), key, jwk, valid_from, valid_until, revoked_at: None };
        directory.proofs.keys.insert(system.id, vec![key]);
    }
    (directory, system)
});

static TRUST: LazyLock<Option<(Authorities, Trust)>> = LazyLock::new(|| {
    let authorities = Authorities::read(ROOT, Path::new("root.pem")).ok()?;
    let mut lists = RevocationLists::default();
    lists.add(LIST, Path::new("list.pem"), &authorities, now()).ok()?;
    Some((authorities.clone(), Trust::new(authorities, lists, TimeDelta::days(40_000))))
});

/// Reads bytes as tokens, assertions, keys and forms.
pub fn tokens(bytes: &[u8]) {
    if let Ok(value) = serde_json::from_slice(bytes) {
        let _ = JwsKey::parse(&value);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(ours) = &*OURS {
        assert!(ours.read(text, now()).is_err(), "nobody has signed this with a key of ours");
    }
    let (directory, system) = &*SYSTEM;
    assert!(client_assertion(directory, system, text, ISSUER, now()).is_err(), "nor with the system's");
    for kind in [SubjectKind::AccessToken, SubjectKind::IdJag, SubjectKind::IdToken] {
        let _ = is_formed(text, kind);
    }
    if let Ok(jws) = UnverifiedJws::read(text, 16 * 1024) {
        let _ = jws.claimed::<serde_json::Value>();
        for key in directory.live_keys(system.id, now()) {
            let _ = jws.holds(&key.key);
        }
    }
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let _ = is_understood(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
}

/// Reads bytes as certificates, authorities and revocation lists.
pub fn certificates(bytes: &[u8]) {
    let _ = Peer::from_der(bytes);
    let _ = Authorities::read(bytes, Path::new("any.pem"));
    let Some((authorities, trust)) = &*TRUST else { unreachable!("the corpus holds its own authority") };
    let _ = RevocationLists::default().add(bytes, Path::new("any.list"), authorities, now());
    let own = LEAVES.contains(&bytes);
    assert_eq!(trust.check(&[CertificateDer::from(bytes)], now()).is_ok(), own, "let in as what it is");
    // Sent along behind a good one it takes nothing from it and gives nothing to another.
    for leaf in LEAVES {
        let chain = [CertificateDer::from(leaf), CertificateDer::from(bytes)];
        assert!(trust.check(&chain, now()).is_ok(), "what is sent along is not needed");
        let turned = [CertificateDer::from(bytes), CertificateDer::from(leaf)];
        assert_eq!(trust.check(&turned, now()).is_ok(), own);
    }
}
