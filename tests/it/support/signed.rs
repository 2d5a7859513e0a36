//! Tokens signed by keys of the tests' own, byte by byte: what no library would let its user make.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use num_bigint::BigUint;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::KeyPairComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// A key pair, or a secret.
pub enum Pair {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
    Secret(Vec<u8>),
}

/// A key with its name and what it signs with.
pub struct TestKey {
    pub kid: String,
    pub alg: &'static str,
    pub pair: Pair,
}

/// RSA of 2048 bits, made anew in each run: `ring` makes none.
static RSA: LazyLock<[Vec<u8>; 7]> = LazyLock::new(rsa_components);

/// n, d, p, q, d mod p-1, d mod q-1 and the inverse of q mod p, for the exponent 65537.
fn rsa_components() -> [Vec<u8>; 7] {
    let (one, e) = (BigUint::from(1_u8), BigUint::from(65_537_u32));
    let (p, q) = (prime::<128>(&e), prime::<128>(&e));
    let (p1, q1) = (&p - &one, &q - &one);
    let d = e.modinv(&(&p1 * &q1)).unwrap();
    let parts = [&p * &q, d.clone(), p.clone(), q.clone(), &d % &p1, &d % &q1, q.modinv(&p).unwrap()];
    parts.map(|part| part.to_bytes_be())
}

/// A prime of so many bytes with its two highest bits set, by Fermat's test with two bases: for a key that guards nothing.
pub fn prime<const BYTES: usize>(e: &BigUint) -> BigUint {
    let one = BigUint::from(1_u8);
    loop {
        let mut bytes: [u8; BYTES] = schoolgate::crypto::random().unwrap();
        (bytes[0], bytes[BYTES - 1]) = (bytes[0] | 0xC0, bytes[BYTES - 1] | 1);
        let candidate = BigUint::from_bytes_be(&bytes);
        let less = &candidate - &one;
        let small = (3_u32..2_000).step_by(2).any(|n| &candidate % n == BigUint::ZERO);
        let holds = |base: u8| BigUint::from(base).modpow(&less, &candidate) == one;
        if !small && e.modinv(&less).is_some() && holds(2) && holds(3) {
            return candidate;
        }
    }
}

/// The modulus and the private exponent, for signatures that no library makes any more.
pub fn rsa_numbers() -> (BigUint, BigUint) {
    (BigUint::from_bytes_be(&RSA[0]), BigUint::from_bytes_be(&RSA[1]))
}

/// The key as PKCS#1 members in their order: version, n, e, d, p, q, d mod p-1, d mod q-1, q^-1 mod p.
pub fn rsa_members() -> Vec<Vec<u8>> {
    let [n, d, p, q, dp, dq, qinv] = RSA.each_ref().map(Clone::clone);
    vec![vec![0], n, vec![1, 0, 1], d, p, q, dp, dq, qinv]
}

/// The same key for every RSA signature of a run.
pub fn rsa() -> RsaKeyPair {
    let [n, d, p, q, dp, dq, qinv] = RSA.each_ref().map(Vec::as_slice);
    let public_key = RsaPublicKeyComponents { n, e: &[1, 0, 1][..] };
    RsaKeyPair::from_components(&KeyPairComponents { public_key, d, p, q, dP: dp, dQ: dq, qInv: qinv })
        .unwrap()
}

impl TestKey {
    /// A new key for an algorithm; those for RSA are one.
    pub fn new(kid: &str, alg: &'static str) -> Self {
        let random = SystemRandom::new();
        let ec = |algorithm| {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
            Pair::Ec(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
        };
        let pair = match alg {
            "EdDSA" => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                Pair::Ed(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
            }
            "ES256" => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            "PS256" | "RS256" => Pair::Rsa(Box::new(rsa())),
            other => panic!("no key for {other}"),
        };
        Self { kid: kid.to_owned(), alg, pair }
    }

    /// The key of a PKCS#8 file: Ed25519 or P-256.
    pub fn of_pkcs8(kid: &str, pkcs8: &[u8]) -> Self {
        let (alg, pair) = if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8) {
            ("EdDSA", Pair::Ed(pair))
        } else {
            let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new()).unwrap();
            ("ES256", Pair::Ec(pair))
        };
        Self { kid: kid.to_owned(), alg, pair }
    }

    /// What anybody can make who knows a public key: an HMAC with it as the secret.
    pub fn of_secret(kid: &str, secret: &[u8]) -> Self {
        Self { kid: kid.to_owned(), alg: "HS256", pair: Pair::Secret(secret.to_vec()) }
    }

    /// The public key's own bytes.
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public().as_ref().to_vec(),
            Pair::Secret(secret) => secret.clone(),
        }
    }

    /// The public key as a JSON Web Key.
    pub fn jwk(&self) -> Value {
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref())})
            }
            Pair::Ec(pair) => {
                let (x, y) =
                    pair.public_key().as_ref()[1..].split_at((pair.public_key().as_ref().len() - 1) / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y)})
            }
            Pair::Rsa(pair) => {
                let parts = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "n": encoded(&parts.n), "e": encoded(&parts.e)})
            }
            Pair::Secret(_) => json!({"kty": "oct"}),
        };
        jwk["kid"] = self.kid.as_str().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// A signature over bytes, by an algorithm.
    pub fn sign(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let padding: &dyn ring::signature::RsaEncoding =
                    if alg == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Secret(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
        }
    }

    /// A token with this header over the key's own (null takes a member away) and these claims.
    pub fn token(&self, header: &Value, claims: &Value) -> String {
        let mut whole = json!({"alg": self.alg, "kid": self.kid});
        patch(&mut whole, header);
        let signed = format!("{}.{}", part(&whole), part(claims));
        let signature = self.sign(self.alg, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A part of a token.
pub fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Changes members of an object; null takes one away.
pub fn patch(value: &mut Value, change: &Value) {
    let object = value.as_object_mut().unwrap();
    for (name, new) in change.as_object().unwrap() {
        if new.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), new.clone());
        }
    }
}

/// The parts of a token: header, claims, signature.
pub fn parts(token: &str) -> [&str; 3] {
    <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).unwrap()
}
