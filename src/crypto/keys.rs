//! Signing keys: made as PKCS#8, loaded, and described by their `SubjectPublicKeyInfo`.

use super::{sha256, to_hex};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, UnparsedPublicKey,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use zeroize::Zeroizing;

/// Why a key could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers; try again")]
    Random,
    /// Not a private key in PKCS#8, PEM.
    #[error("this is not a private key in PKCS#8 PEM; convert it with `openssl pkcs8 -topk8 -nocrypt`")]
    Pem,
    /// Not an Ed25519 public key in PEM.
    #[error("this is not an Ed25519 public key in PEM; make one with `schoolgate operator key`")]
    Public,
    /// Not a public key for signatures as JSON Web Key.
    #[error("this is not the JWK of a public Ed25519, P-256, P-384 or RSA key (2048 bits) for signatures")]
    Jwk,
    /// A key of a kind that the gateway does not use.
    #[error("this private key is not Ed25519, P-256 or P-384; make one of those")]
    Kind,
}

/// An Ed25519 signing key (RFC 8032).
pub struct Ed25519Key {
    pair: Ed25519KeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ed25519Key").finish_non_exhaustive()
    }
}

impl Ed25519Key {
    /// Makes a new key.
    pub fn generate() -> Result<Self, KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::Random)?;
        Self::from_pkcs8(document.as_ref())
    }

    /// Reads a key in PKCS#8, DER, version 1 or 2.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| KeyError::Kind)?;
        Ok(Self { pair, pkcs8: Zeroizing::new(pkcs8.to_vec()) })
    }

    /// The private key in PKCS#8, DER.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key, 32 bytes.
    pub fn public(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.pair.public_key().as_ref());
        out
    }

    /// Signs a message; 64 bytes.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(self.pair.sign(message).as_ref());
        out
    }
}

/// Whether `signature` is that of `message` under an Ed25519 public key of 32 bytes.
pub fn verify_ed25519(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

/// Whether a point of Ed25519 has so few multiples that anybody can sign by it (RFC 8032 section 5.1.7 leaves that open), or
/// is written in a second way: its `y`, without the bit that says which of two points it is, is not below the prime.
pub fn has_few_multiples(public: &[u8]) -> bool {
    // Of the orders 4, 1, 2, 8 and 8.
    const POINTS: [&str; 5] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    let mut y = public.to_vec();
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    let text = to_hex(&y);
    let beyond = y.last() == Some(&0x7f)
        && y.first() >= Some(&0xed)
        && y.iter().skip(1).take(30).all(|byte| *byte == 0xff);
    beyond || POINTS.contains(&text.as_str())
}

/// Whether an RSA modulus is of the form that one maker's cards gave their keys, by which they can be factored
/// (CVE-2017-15361): modulo each small prime it is a power of 65537, as one in a thousand million others is by chance.
pub fn can_be_factored(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
        103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.iter().all(|prime| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let powers = std::iter::successors(Some(1), |power| Some(power * 65_537 % prime));
        powers.take(167).any(|power| power == rest)
    })
}

/// An Ed25519 public key as `SubjectPublicKeyInfo`, PEM: the form of an operator's `.pub` file.
pub fn ed25519_public_to_pem(public: &[u8; 32]) -> String {
    to_pem("PUBLIC KEY", &[ED25519_INFO, public].concat()).to_string()
}

/// An Ed25519 public key as the verifier key of signed notes, under the name of whoever signs (C2SP signed-note).
pub fn note_verifier_key(name: &str, public: &[u8; 32]) -> String {
    // 0x01 is Ed25519.
    let key = [&[1][..], public].concat();
    let hash = sha256(&[name.as_bytes(), b"\n", &key]);
    let hash: Vec<u8> = hash.into_iter().take(4).collect();
    format!("{name}+{}+{}", to_hex(&hash), STANDARD.encode(key))
}

/// Reads an Ed25519 public key from `SubjectPublicKeyInfo`, PEM.
pub fn ed25519_public_from_pem(pem: &[u8]) -> Result<[u8; 32], KeyError> {
    let info = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| KeyError::Public)?;
    let public =
        info.strip_prefix(ED25519_INFO).filter(|key| !has_few_multiples(key)).ok_or(KeyError::Public)?;
    <[u8; 32]>::try_from(public).map_err(|_| KeyError::Public)
}

/// Makes a new ES256 (P-256) key, in PKCS#8, DER.
pub fn es256_pkcs8() -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| KeyError::Random)?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

/// Reads a private key in PKCS#8 PEM into DER.
pub fn from_pem(pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| KeyError::Pem)?;
    Ok(Zeroizing::new(key.secret_pkcs8_der().to_vec()))
}

/// Writes DER as PEM (RFC 7468) under a label such as `PRIVATE KEY`.
pub fn to_pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(STANDARD.encode(der));
    let mut pem = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index.is_multiple_of(64) {
            pem.push('\n');
        }
        pem.push(character);
    }
    for part in ["\n-----END ", label, "-----\n"] {
        pem.push_str(part);
    }
    pem
}

/// `SubjectPublicKeyInfo` headers (RFC 5480, RFC 8410): everything before the bytes of the public key.
pub(super) const ED25519_INFO: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
pub(super) const P256_INFO: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
const P384_INFO: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";

/// The `SubjectPublicKeyInfo`, DER, that belongs to a private key in PKCS#8, DER.
pub fn verifying_key_info(pkcs8: &[u8]) -> Result<Vec<u8>, KeyError> {
    if let Ok(key) = Ed25519Key::from_pkcs8(pkcs8) {
        return Ok([ED25519_INFO, &key.public()].concat());
    }
    for (algorithm, info) in
        [(&ECDSA_P256_SHA256_FIXED_SIGNING, P256_INFO), (&ECDSA_P384_SHA384_FIXED_SIGNING, P384_INFO)]
    {
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new()) {
            return Ok([info, pair.public_key().as_ref()].concat());
        }
    }
    Err(KeyError::Kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::{FromDer as _, X509Certificate};

    #[test]
    fn a_key_survives_its_file_and_signs() {
        let key = Ed25519Key::generate().unwrap();
        let pem = to_pem("PRIVATE KEY", key.pkcs8());
        let again = Ed25519Key::from_pkcs8(&from_pem(pem.as_bytes()).unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
        assert!(verify_ed25519(&key.public(), b"message", &again.sign(b"message")));
        assert!(!verify_ed25519(&key.public(), b"other", &again.sign(b"message")));
        assert!(from_pem(b"not a key").is_err());
    }

    #[test]
    fn a_point_by_which_anybody_signs_is_no_key() {
        let number = |first: u8, rest: u8, last: u8| {
            let mut number = [rest; 32];
            (number[0], number[31]) = (first, last);
            number
        };
        // The neutral point as the key and as the signature's first half, and nothing as its second.
        let neutral = number(1, 0, 0);
        assert!(verify_ed25519(&neutral, b"any message", &[&neutral[..], &[0; 32]].concat()));
        for point in [
            neutral,
            number(1, 0, 0x80),
            number(0, 0, 0),
            number(0, 0, 0x80),
            number(0xec, 0xff, 0x7f),
            number(0xed, 0xff, 0x7f),
            number(0xee, 0xff, 0xff),
            number(0xff, 0xff, 0xff),
        ] {
            assert!(has_few_multiples(&point), "{point:x?}");
            assert!(ed25519_public_from_pem(ed25519_public_to_pem(&point).as_bytes()).is_err());
        }
        for point in [number(2, 0, 0), number(0xeb, 0xff, 0x7f), Ed25519Key::generate().unwrap().public()] {
            assert!(!has_few_multiples(&point), "{point:x?}");
        }
    }

    #[test]
    fn a_modulus_of_the_cards_form_is_known_and_another_is_not() {
        use num_bigint::BigUint;
        let primes = (2_u32..168).filter(|n| *n > 2 && (2..*n).all(|of| n % of != 0));
        let product: BigUint = primes.product();
        let factor = |power: u32, times: u32| {
            BigUint::from(65_537_u32).modpow(&power.into(), &product)
                + &product * (BigUint::from(times) << 770)
        };
        let modulus: BigUint = factor(91, 1_000_003) * factor(20, 77_777_777);
        assert!(modulus.bits() > 2_000 && can_be_factored(&modulus.to_bytes_be()));
        for other in [&modulus + 2_u8, &modulus * 3_u8, modulus - 1_u8] {
            assert!(!can_be_factored(&other.to_bytes_be()));
        }
        assert!(!can_be_factored(&[]) && !can_be_factored(&[0; 256]));
    }

    /// The example of the text itself.
    #[test]
    fn a_verifier_key_is_the_one_of_signed_notes() {
        let expected = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let (_, key) = expected.rsplit_once('+').unwrap();
        let public: [u8; 32] = STANDARD.decode(key).unwrap()[1..].try_into().unwrap();
        assert_eq!(note_verifier_key("PeterNeumann", &public), expected);
    }

    #[test]
    fn the_public_key_info_is_the_one_in_a_certificate_for_the_key() {
        for algorithm in
            [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384]
        {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
            let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
            let pkcs8 = from_pem(key.serialize_pem().as_bytes()).unwrap();
            assert_eq!(verifying_key_info(&pkcs8).unwrap(), parsed.tbs_certificate.subject_pki.raw);
        }
    }
}
