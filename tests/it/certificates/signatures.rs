//! By which signatures an authority's certificates are let in, each by its name: the keys are made in each run, and the
//! forms are those of RFC 4055, RFC 5758 and RFC 8410.

use super::gateway::{Gateway, Outcome};
use super::making::{Authority, Client, HOUR, Key, RIGHT, elements, list, of_client, tbs, tlv};
use crate::support::signed::{rsa, rsa_members, rsa_numbers};
use crate::support::{Suite, TestDb};
use num_bigint::BigUint;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
};
use ring::digest::{self, SHA1_FOR_LEGACY_USE_ONLY};
use ring::rand::SystemRandom;
use ring::signature::{
    self, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512,
};
use rustls::version::TLS13;
use rustls_pki_types::PrivatePkcs8KeyDer;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both("certificates::each_signature_of_an_authority_is_taken_or_refused_by_its_name", signatures);
}

/// `1.2.840.113549.1.1`, of RSA.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// `2.16.840.1.101.3.4.2`, of SHA-2.
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const NULL: &[u8] = &[0x05, 0x00];

/// The key of the run as PKCS#8, RFC 5958.
fn pkcs8() -> Vec<u8> {
    let integer = |bytes: &Vec<u8>| {
        let sign = if bytes.first().is_none_or(|byte| byte & 0x80 == 0) { &[][..] } else { &[0] };
        tlv(0x02, &[sign, bytes].concat())
    };
    let members: Vec<u8> = rsa_members().iter().flat_map(integer).collect();
    let algorithm = tlv(0x30, &[tlv(0x06, &[RSA, &[1]].concat()), NULL.to_vec()].concat());
    tlv(0x30, &[tlv(0x02, &[0]), algorithm, tlv(0x04, &tlv(0x30, &members))].concat())
}

fn authority(name: &str, key: KeyPair) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, key).unwrap()
}

/// `RSASSA-PSS-params` (RFC 4055 section 3.1) of a hash, its mask and a length of salt.
fn pss(hash: &[u8], mask: &[u8], salt: u8) -> Vec<u8> {
    let of = |oid: &[u8]| tlv(0x30, &[&tlv(0x06, oid)[..], NULL].concat());
    let masked = tlv(0x30, &[tlv(0x06, &[RSA, &[8]].concat()), of(mask)].concat());
    let members = [tlv(0xa0, &of(hash)), tlv(0xa1, &masked), tlv(0xa2, &tlv(0x02, &[salt]))];
    [tlv(0x06, &[RSA, &[10]].concat()), tlv(0x30, &members.concat())].concat()
}

/// `sha256WithRSAEncryption` and its like, by the last number of their name.
fn pkcs1(number: u8) -> Vec<u8> {
    [&tlv(0x06, &[RSA, &[number]].concat())[..], NULL].concat()
}

fn sha2(number: u8) -> Vec<u8> {
    [SHA2, &[number]].concat()
}

/// A right client of the authority with this algorithm in both places, signed anew by a function.
fn signed(issuer: &Authority, algorithm: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) -> Client {
    Client::of(issuer, |_| ()).changed(|der| {
        let mut parts = elements(&tbs(&der));
        parts[2] = (0x30, algorithm.to_vec());
        let inner: Vec<Vec<u8>> = parts.iter().map(|(tag, content)| tlv(*tag, content)).collect();
        let body = tlv(0x30, &inner.concat());
        let signature = [vec![0], sign(&body)].concat();
        tlv(0x30, &[body, tlv(0x30, algorithm), tlv(0x03, &signature)].concat())
    })
}

fn by_ring(encoding: &'static dyn signature::RsaEncoding) -> impl Fn(&[u8]) -> Vec<u8> {
    move |body| {
        let key = rsa();
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(encoding, &SystemRandom::new(), body, &mut signature).unwrap();
        signature
    }
}

/// PKCS #1 v1.5 over SHA-1 (RFC 8017 section 9.2), as an old authority would sign: a signature that holds.
fn by_sha1(body: &[u8]) -> Vec<u8> {
    let hash = digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, body);
    let info =
        tlv(0x30, &[tlv(0x30, &[&tlv(0x06, SHA1)[..], NULL].concat()), tlv(0x04, hash.as_ref())].concat());
    let padding = vec![0xff; 256 - 3 - info.len()];
    let padded = [vec![0, 1], padding, vec![0], info].concat();
    let (n, d) = rsa_numbers();
    let signature = BigUint::from_bytes_be(&padded).modpow(&d, &n).to_bytes_be();
    [vec![0; 256 - signature.len()], signature].concat()
}

async fn signatures(test: TestDb) {
    let pkcs8 = pkcs8();
    let der = PrivatePkcs8KeyDer::from(pkcs8.as_slice());
    let by_rsa = authority("by RSA", KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).unwrap());
    let made = |name, algorithm| authority(name, KeyPair::generate_for(algorithm).unwrap());
    let (p256, p384) = (made("by P-256", &PKCS_ECDSA_P256_SHA256), made("by P-384", &PKCS_ECDSA_P384_SHA384));
    let ed = made("by Ed25519", &PKCS_ED25519);
    let all = [&by_rsa, &p256, &p384, &ed];
    let authorities: String = all.iter().map(|authority| authority.pem()).collect();
    let lists: String = all.iter().map(|authority| list(authority, &[], -HOUR, 24 * HOUR)).collect();
    let gate = Gateway::start(&test.url, &authorities, Some(&lists), |_| ()).await;
    let own_key = Client {
        chain: vec![of_client(RIGHT).signed_by(by_rsa.key(), &p256).unwrap().der().to_vec()],
        key: Key::Own(pkcs8.clone()),
    };
    let (two, three, five) = (sha2(1), sha2(2), sha2(3));
    let refused = Err("signature_algorithm");
    let cases: Vec<(&str, Client, Result<(), &str>)> = vec![
        ("ECDSA on P-256 with SHA-256", Client::of(&p256, |_| ()), Ok(())),
        ("ECDSA on P-384 with SHA-384", Client::of(&p384, |_| ()), Ok(())),
        ("Ed25519", Client::of(&ed, |_| ()), Ok(())),
        ("RSA PKCS #1 with SHA-256", signed(&by_rsa, &pkcs1(11), by_ring(&RSA_PKCS1_SHA256)), Ok(())),
        ("RSA PKCS #1 with SHA-384", signed(&by_rsa, &pkcs1(12), by_ring(&RSA_PKCS1_SHA384)), Ok(())),
        ("RSA PKCS #1 with SHA-512", signed(&by_rsa, &pkcs1(13), by_ring(&RSA_PKCS1_SHA512)), Ok(())),
        ("RSA-PSS with SHA-256", signed(&by_rsa, &pss(&two, &two, 32), by_ring(&RSA_PSS_SHA256)), Ok(())),
        ("RSA-PSS with SHA-384", signed(&by_rsa, &pss(&three, &three, 48), by_ring(&RSA_PSS_SHA384)), Ok(())),
        ("RSA-PSS with SHA-512", signed(&by_rsa, &pss(&five, &five, 64), by_ring(&RSA_PSS_SHA512)), Ok(())),
        ("an RSA key of the client's own", own_key, Ok(())),
        ("RSA PKCS #1 with SHA-1, which holds", signed(&by_rsa, &pkcs1(5), by_sha1), refused),
        ("RSA-PSS with SHA-1", signed(&by_rsa, &pss(SHA1, SHA1, 20), by_ring(&RSA_PSS_SHA256)), refused),
        (
            "RSA-PSS with what is meant where nothing is said, SHA-1",
            signed(
                &by_rsa,
                &[tlv(0x06, &[RSA, &[10]].concat()), tlv(0x30, &[])].concat(),
                by_ring(&RSA_PSS_SHA256),
            ),
            refused,
        ),
        ("RSA-PSS of two hashes", signed(&by_rsa, &pss(&two, SHA1, 32), by_ring(&RSA_PSS_SHA256)), refused),
        (
            "RSA-PSS with a short salt",
            signed(&by_rsa, &pss(&two, &two, 20), by_ring(&RSA_PSS_SHA256)),
            refused,
        ),
        (
            "RSA-PSS said, and PKCS #1 signed",
            signed(&by_rsa, &pss(&two, &two, 32), by_ring(&RSA_PKCS1_SHA256)),
            Err("bad_signature"),
        ),
        (
            "SHA-256 said, and SHA-384 signed",
            signed(&by_rsa, &pkcs1(11), by_ring(&RSA_PKCS1_SHA384)),
            Err("bad_signature"),
        ),
    ];
    // The handshake is done, and nobody knows the certificate: it is let in as far as its signature goes.
    let unknown = Outcome::Answered(401, "unknown_certificate".into());
    for (network, (what, client, expected)) in (1..).zip(cases) {
        let expected = expected.map_or_else(|word| Outcome::Refused(word.into()), |()| unknown.clone());
        assert_eq!(gate.outcome(network, Some(&client), &TLS13).await, expected, "{what}");
    }
    gate.stop().await;
}
