//! Public keys as JSON Web Keys (RFC 7517, 7518, 8037): read to verify, and written of our own.
//!
//! A key says by its kind which algorithms it is for; no header can make it another's. Private keys are refused.

use crate::crypto::keys::{can_be_factored, has_few_multiples};
use crate::crypto::{KeyError, verifying_key_info};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Value, json};

/// A public key that signatures are held to.
#[derive(Clone, Debug)]
pub struct JwsKey {
    /// Its identifier, where it has one.
    pub kid: Option<String>,
    algorithms: &'static [Algorithm],
    only: Option<Algorithm>,
    pub(super) key: DecodingKey,
}

/// The members that are looked at; others say nothing that is needed here.
#[derive(Deserialize)]
struct Members {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    d: Option<serde::de::IgnoredAny>,
    k: Option<serde::de::IgnoredAny>,
}

/// Bytes of an RSA modulus: 2048 to 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;
/// The smallest RSA exponent that is used, as in certificates: with 1 everybody could sign.
const EXPONENT: u64 = 65_537;
/// Longest key identifier.
const KID: usize = 200;

impl JwsKey {
    /// Reads a public key that may verify signatures: Ed25519, P-256, P-384, or RSA of 2048 bits at least.
    pub fn parse(jwk: &Value) -> Result<Self, KeyError> {
        let jwk = Members::deserialize(jwk).map_err(|_| KeyError::Jwk)?;
        let for_signatures = jwk.r#use.as_deref().is_none_or(|word| word == "sig")
            && jwk.key_ops.as_ref().is_none_or(|words| words.iter().any(|word| word == "verify"));
        let kid_fits = jwk.kid.as_ref().is_none_or(|kid| !kid.is_empty() && kid.len() <= KID);
        if jwk.d.is_some() || jwk.k.is_some() || !for_signatures || !kid_fits {
            return Err(KeyError::Jwk);
        }
        let (algorithms, key): (&[Algorithm], _) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => {
                (&[Algorithm::EdDSA], DecodingKey::from_ed_der(&ed25519(jwk.x.as_ref())?))
            }
            ("EC", Some("P-256")) => {
                (&[Algorithm::ES256], DecodingKey::from_ec_der(&point(jwk.x.as_ref(), jwk.y.as_ref(), 32)?))
            }
            ("EC", Some("P-384")) => {
                (&[Algorithm::ES384], DecodingKey::from_ec_der(&point(jwk.x.as_ref(), jwk.y.as_ref(), 48)?))
            }
            ("RSA", None) => {
                let (n, e) = rsa(jwk.n.as_ref(), jwk.e.as_ref())?;
                (&[Algorithm::PS256, Algorithm::RS256], DecodingKey::from_rsa_raw_components(&n, &e))
            }
            _ => return Err(KeyError::Jwk),
        };
        let only = jwk.alg.map(|name| named(&name).ok_or(KeyError::Jwk)).transpose()?;
        if only.is_some_and(|only| !algorithms.contains(&only)) {
            return Err(KeyError::Jwk);
        }
        Ok(Self { kid: jwk.kid, algorithms, only, key })
    }

    /// Whether the key is for an algorithm.
    pub fn is_for(&self, algorithm: Algorithm) -> bool {
        self.only.map_or_else(|| self.algorithms.contains(&algorithm), |only| only == algorithm)
    }
}

/// The algorithm of a name, of those that are verified here; any other, `none` and the HMACs too, is no name.
pub fn named(name: &str) -> Option<Algorithm> {
    Some(match name {
        "EdDSA" => Algorithm::EdDSA,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "PS256" => Algorithm::PS256,
        "RS256" => Algorithm::RS256,
        _ => return None,
    })
}

fn bytes(text: Option<&String>, length: std::ops::RangeInclusive<usize>) -> Result<Vec<u8>, KeyError> {
    let bytes = URL_SAFE_NO_PAD.decode(text.ok_or(KeyError::Jwk)?).map_err(|_| KeyError::Jwk)?;
    if length.contains(&bytes.len()) { Ok(bytes) } else { Err(KeyError::Jwk) }
}

/// Modulus and exponent of an RSA key: without leading zeros (RFC 7518 section 6.3.1), both odd, of 2048 bits at least.
fn rsa(n: Option<&String>, e: Option<&String>) -> Result<(Vec<u8>, Vec<u8>), KeyError> {
    let (n, e) = (bytes(n, MODULUS)?, bytes(e, 1..=5)?);
    let odd = |number: &[u8]| number.first() != Some(&0) && number.last().is_some_and(|last| last & 1 == 1);
    let long = n.len() > *MODULUS.start() || n.first().is_some_and(|first| first & 0x80 != 0);
    let exponent = e.iter().fold(0, |sum: u64, byte| (sum << 8) | u64::from(*byte));
    let sound = odd(&n) && odd(&e) && long && exponent >= EXPONENT && !can_be_factored(&n);
    if sound { Ok((n, e)) } else { Err(KeyError::Jwk) }
}

/// A point of Ed25519 by which not everybody can sign.
fn ed25519(x: Option<&String>) -> Result<Vec<u8>, KeyError> {
    let point = bytes(x, 32..=32)?;
    if has_few_multiples(&point) { Err(KeyError::Jwk) } else { Ok(point) }
}

/// An uncompressed point of a curve whose coordinates have so many bytes; whether it lies on the curve is seen when it
/// is used.
fn point(x: Option<&String>, y: Option<&String>, length: usize) -> Result<Vec<u8>, KeyError> {
    Ok([&[4][..], &bytes(x, length..=length)?, &bytes(y, length..=length)?].concat())
}

/// The public key of a private key in PKCS#8, DER, as a JSON Web Key for signatures: Ed25519 or P-256.
pub fn public_jwk(pkcs8: &[u8], kid: &str) -> Result<Value, KeyError> {
    let info = verifying_key_info(pkcs8)?;
    jwk_of_info(&info, kid)
}

/// A public key in `SubjectPublicKeyInfo`, DER, as a JSON Web Key for signatures: Ed25519 or P-256.
pub fn jwk_of_info(info: &[u8], kid: &str) -> Result<Value, KeyError> {
    let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    if let Some(public) = info.strip_prefix(crate::crypto::keys::ED25519_INFO) {
        return Ok(
            json!({"kty": "OKP", "crv": "Ed25519", "x": encoded(public), "kid": kid, "use": "sig", "alg": "EdDSA"}),
        );
    }
    let point =
        info.strip_prefix(crate::crypto::keys::P256_INFO).and_then(|point| point.split_at_checked(33));
    // The first byte says that the point is not compressed.
    let (x, y) = point.and_then(|(x, y)| Some((x.get(1..)?, y))).ok_or(KeyError::Kind)?;
    Ok(
        json!({"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y), "kid": kid, "use": "sig", "alg": "ES256"}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Ed25519Key, es256_pkcs8};

    #[test]
    fn a_key_of_ours_is_written_and_read_back() {
        let (ed, ec) = (Ed25519Key::generate().unwrap(), es256_pkcs8().unwrap());
        for (pkcs8, algorithm, other) in
            [(ed.pkcs8(), Algorithm::EdDSA, Algorithm::ES256), (&ec, Algorithm::ES256, Algorithm::EdDSA)]
        {
            let jwk = public_jwk(pkcs8, "k1").unwrap();
            assert!(jwk.get("d").is_none(), "{jwk}");
            let key = JwsKey::parse(&jwk).unwrap();
            assert_eq!(key.kid.as_deref(), Some("k1"));
            assert!(key.is_for(algorithm) && !key.is_for(other));
        }
    }

    #[test]
    fn what_is_no_public_key_for_signatures_is_refused() {
        let good = public_jwk(&es256_pkcs8().unwrap(), "k1").unwrap();
        assert!(JwsKey::parse(&good).is_ok());
        for (member, value) in [
            ("kty", json!("oct")),
            ("kty", json!("RSA")),
            ("crv", json!("P-384")),
            ("crv", json!("secp256k1")),
            ("crv", json!(null)),
            ("x", json!("AAAA")),
            ("x", json!(null)),
            ("y", json!("not base64!")),
            ("use", json!("enc")),
            ("key_ops", json!(["sign"])),
            ("alg", json!("HS256")),
            ("alg", json!("none")),
            ("alg", json!("ES384")),
            ("kid", json!("")),
            ("d", json!("AAAA")),
            ("k", json!("AAAA")),
        ] {
            let mut jwk = good.clone();
            jwk[member] = value.clone();
            assert!(JwsKey::parse(&jwk).is_err(), "{member} {value}");
        }
        assert!(JwsKey::parse(&json!([])).is_err());
    }

    #[test]
    fn an_rsa_key_that_somebody_else_could_sign_by_is_refused() {
        let of = |n: &[u8], e: &[u8]| {
            let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            JwsKey::parse(&json!({"kty": "RSA", "n": encoded(n), "e": encoded(e)})).is_ok()
        };
        let usual = [1, 0, 1];
        let number = |length: usize, first: u8, last: u8| {
            let mut number = vec![0xa5; length];
            (number[0], number[length - 1]) = (first, last);
            number
        };
        let good = number(256, 0x80, 1);
        assert!(of(&good, &usual) && of(&number(257, 1, 1), &usual) && of(&number(1024, 0xff, 1), &usual));
        assert!(of(&good, &[1, 0, 0, 1]));
        for (what, n, e) in [
            ("1024 bits", number(128, 0x80, 1), &usual[..]),
            ("2047 bits", number(256, 0x7f, 1), &usual),
            ("more than 8192 bits", number(1025, 1, 1), &usual),
            ("a leading zero", [&[0], &good[..]].concat(), &usual),
            ("nothing but zeros", vec![0; 256], &usual),
            ("nothing", Vec::new(), &usual),
            ("an even number", number(256, 0x80, 2), &usual),
            ("the exponent 0", good.clone(), &[0]),
            ("the exponent 1", good.clone(), &[1]),
            ("the exponent 3", good.clone(), &[3]),
            ("an even exponent", good.clone(), &[1, 0, 0]),
            ("an exponent with a leading zero", good.clone(), &[0, 1, 0, 1]),
            ("an endless exponent", good.clone(), &[1, 0, 0, 0, 0, 1]),
            ("no exponent", good.clone(), &[]),
        ] {
            assert!(!of(&n, e), "{what}");
        }
    }
}
