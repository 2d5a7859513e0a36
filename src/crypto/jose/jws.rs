//! Signed tokens of others and our own, in compact form (RFC 7515), read strictly before anything in them is believed.
//!
//! The header chooses nothing: the key is the verifier's, the algorithm must be one that key is for. A header with a key
//! of its own, or with an extension that must be understood, is refused.

use super::jwk::{JwsKey, named};
use super::jwt::install;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// Why a token is not even held to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwsFault {
    /// Not three parts, not base64url, not JSON, or too long.
    Malformed,
    /// `none`, an HMAC, or anything that is not verified here.
    Algorithm,
    /// A key in the header, a place to fetch one from, or an extension.
    Header,
}

/// A token whose signature has not been looked at: nothing that it says is known to be so.
#[derive(Clone, Debug)]
pub struct UnverifiedJws<'a> {
    /// The algorithm that its header names.
    pub algorithm: Algorithm,
    /// `typ` of its header.
    pub kind: Option<String>,
    /// `kid` of its header.
    pub kid: Option<String>,
    signed: &'a str,
    signature: &'a str,
    payload: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    #[serde(default)]
    crit: Member,
    #[serde(default)]
    jwk: Member,
    #[serde(default)]
    jku: Member,
    #[serde(default)]
    x5u: Member,
    #[serde(default)]
    x5c: Member,
    #[serde(default)]
    b64: Member,
    #[serde(default)]
    zip: Member,
    #[serde(default)]
    enc: Member,
}

/// Whether a member is there, whatever it holds: `null` too.
#[derive(Default)]
struct Member(bool);

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

impl<'a> UnverifiedJws<'a> {
    /// Reads the form of a token of at most so many bytes.
    pub fn read(token: &'a str, longest: usize) -> Result<Self, JwsFault> {
        if token.len() > longest {
            return Err(JwsFault::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsFault::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsFault::Malformed)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsFault::Malformed);
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| JwsFault::Malformed)?;
        let payload = decoded(payload)?;
        let extended = [&header.crit, &header.b64, &header.zip, &header.enc];
        let keyed = [&header.jwk, &header.jku, &header.x5u, &header.x5c];
        if extended.into_iter().chain(keyed).any(|member| member.0) {
            return Err(JwsFault::Header);
        }
        let algorithm = named(&header.alg).ok_or(JwsFault::Algorithm)?;
        Ok(Self { algorithm, kind: header.typ, kid: header.kid, signed, signature, payload })
    }

    /// Whether `typ` is this media type, with or without `application/`, in any case (RFC 7515 section 4.1.9).
    pub fn is_kind(&self, kind: &str) -> bool {
        let Some(said) = &self.kind else { return false };
        let said = said.to_ascii_lowercase();
        said.strip_prefix("application/").unwrap_or(&said) == kind
    }

    /// What it says, unverified: only to choose whose key it must hold to.
    pub fn claimed<T: DeserializeOwned>(&self) -> Result<T, JwsFault> {
        serde_json::from_slice(&self.payload).map_err(|_| JwsFault::Malformed)
    }

    /// Whether it was signed by the owner of this key.
    pub fn holds(&self, key: &JwsKey) -> bool {
        install();
        key.is_for(self.algorithm)
            && jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), &key.key, self.algorithm)
                .is_ok_and(|holds| holds)
    }

    /// What was signed: the same for every signature of it, since some can be written in two ways.
    pub fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Ed25519Key, es256_pkcs8, public_jwk};
    use jsonwebtoken::EncodingKey;
    use jsonwebtoken::crypto::sign;
    use serde_json::{Value, json};

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    /// A token by an Ed25519 key with this header.
    fn token(key: &Ed25519Key, header: &Value) -> String {
        let signed = format!("{}.{}", part(header), part(&json!({"sub": "a"})));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())))
    }

    #[test]
    fn each_header_has_its_answer() {
        let key = Ed25519Key::generate().unwrap();
        let public = JwsKey::parse(&public_jwk(key.pkcs8(), "k").unwrap()).unwrap();
        for (header, expected) in [
            (json!({"alg": "EdDSA"}), None),
            (json!({"alg": "EdDSA", "typ": "JWT", "kid": "k", "x5t": "a", "other": 1}), None),
            (json!({"alg": "none"}), Some(JwsFault::Algorithm)),
            (json!({"alg": "None"}), Some(JwsFault::Algorithm)),
            (json!({"alg": "HS256"}), Some(JwsFault::Algorithm)),
            (json!({"alg": "eddsa"}), Some(JwsFault::Algorithm)),
            (json!({"alg": ""}), Some(JwsFault::Algorithm)),
            (json!({"alg": null}), Some(JwsFault::Malformed)),
            (json!({}), Some(JwsFault::Malformed)),
            (json!({"alg": ["EdDSA"]}), Some(JwsFault::Malformed)),
            (json!({"alg": "EdDSA", "kid": 1}), Some(JwsFault::Malformed)),
            (json!({"alg": "EdDSA", "crit": ["exp"]}), Some(JwsFault::Header)),
            (json!({"alg": "EdDSA", "crit": []}), Some(JwsFault::Header)),
            (json!({"alg": "EdDSA", "crit": null}), Some(JwsFault::Header)),
            (json!({"alg": "EdDSA", "b64": false}), Some(JwsFault::Header)),
            (json!({"alg": "EdDSA", "jwk": {"kty": "OKP"}}), Some(JwsFault::Header)),
            (json!({"alg": "EdDSA", "jku": "https://elsewhere.example"}), Some(JwsFault::Header)),
            (json!({"alg": "EdDSA", "x5u": "https://elsewhere.example"}), Some(JwsFault::Header)),
            (json!({"alg": "EdDSA", "x5c": ["AA"]}), Some(JwsFault::Header)),
            (json!({"alg": "EdDSA", "zip": "DEF"}), Some(JwsFault::Header)),
            (json!({"alg": "EdDSA", "enc": "A128GCM"}), Some(JwsFault::Header)),
        ] {
            let token = token(&key, &header);
            let read = UnverifiedJws::read(&token, 4096);
            assert_eq!(read.as_ref().err().copied(), expected, "{header}");
            assert!(read.is_err() || read.unwrap().holds(&public), "{header}");
        }
    }

    /// Forms that a lenient reader takes for the same token, as the published cases of signed objects have them.
    #[test]
    fn no_second_form_of_a_token_holds() {
        let key = Ed25519Key::generate().unwrap();
        let public = JwsKey::parse(&public_jwk(key.pkcs8(), "k").unwrap()).unwrap();
        let good = token(&key, &json!({"alg": "EdDSA"}));
        let holds = |token: &str| UnverifiedJws::read(token, 4096).is_ok_and(|jws| jws.holds(&public));
        assert!(holds(&good));
        let [header, payload, signature] =
            <[&str; 3]>::try_from(good.split('.').collect::<Vec<_>>()).unwrap();
        let twice = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","alg":"EdDSA"}"#);
        let kids = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"a","kid":"k"}"#);
        let standard = base64::engine::general_purpose::STANDARD_NO_PAD;
        let plain = standard.encode(URL_SAFE_NO_PAD.decode(signature).unwrap());
        // Two bits at the end of 64 bytes in base64 say nothing: only zeros are taken.
        let mut last = signature.to_owned();
        let end = last.pop().unwrap();
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let at = alphabet.find(end).unwrap();
        last.push(alphabet.chars().nth(at + 1).unwrap());
        for (what, token) in [
            ("padding", format!("{good}==")),
            ("padded header", format!("{header}=.{payload}.{signature}")),
            ("a space", format!("{header}.{payload}.{signature} ")),
            ("a line end", format!("{header}.{payload}\n.{signature}")),
            ("a fourth part", format!("{good}.")),
            ("no signature", format!("{header}.{payload}.")),
            ("two parts", format!("{header}.{payload}")),
            ("five parts of encryption", format!("{good}.a.b")),
            ("an empty header", format!(".{payload}.{signature}")),
            ("an empty payload", format!("{header}..{signature}")),
            ("bits that say nothing", format!("{header}.{payload}.{last}")),
            ("a shorter signature", good.strip_suffix(signature.split_at(82).1).unwrap().to_owned()),
            ("a longer signature", format!("{good}AAAA")),
            ("a zero signature", format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([0; 64]))),
            ("the algorithm twice", format!("{twice}.{payload}.{signature}")),
            ("the key's name twice", format!("{kids}.{payload}.{signature}")),
            (
                "the JSON form",
                json!({"protected": header, "payload": payload, "signature": signature}).to_string(),
            ),
        ] {
            assert!(!holds(&token), "{what}");
        }
        assert!(plain == signature || !holds(&format!("{header}.{payload}.{plain}")));
        assert!(UnverifiedJws::read(&good, good.len() - 1).is_err());
    }

    #[test]
    fn a_signature_of_a_curve_has_one_form_and_no_zero() {
        install();
        let ec = es256_pkcs8().unwrap();
        let public = JwsKey::parse(&public_jwk(&ec, "k").unwrap()).unwrap();
        let signed = format!("{}.{}", part(&json!({"alg": "ES256"})), part(&json!({})));
        let signature = sign(signed.as_bytes(), &EncodingKey::from_ec_der(&ec), Algorithm::ES256).unwrap();
        let raw = URL_SAFE_NO_PAD.decode(&signature).unwrap();
        let holds = |signature: &[u8]| {
            let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
            UnverifiedJws::read(&token, 4096).unwrap().holds(&public)
        };
        assert!(holds(&raw));
        let (r, s) = raw.split_at(32);
        let zero = [0; 32];
        // The group's order, at which arithmetic begins anew.
        let order =
            crate::crypto::from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
                .unwrap();
        let der = [&[0x30, 0x44, 2, 0x20][..], r, &[2, 0x20], s].concat();
        for other in [
            [&zero[..], &zero].concat(),
            [r, &zero].concat(),
            [&zero, s].concat(),
            [&order[..], s].concat(),
            [r, &order].concat(),
            [s, r].concat(),
            [&[0][..], r, &[0], s].concat(),
            der,
            raw[..63].to_vec(),
            Vec::new(),
        ] {
            assert!(!holds(&other), "{}", crate::crypto::to_hex(&other));
        }
    }

    #[test]
    fn a_media_type_is_read_as_one() {
        let key = Ed25519Key::generate().unwrap();
        for (typ, expected) in [
            (json!("at+jwt"), true),
            (json!("AT+JWT"), true),
            (json!("application/at+jwt"), true),
            (json!("JWT"), false),
            (json!("text/at+jwt"), false),
        ] {
            let token = token(&key, &json!({"alg": "EdDSA", "typ": typ}));
            assert_eq!(UnverifiedJws::read(&token, 4096).unwrap().is_kind("at+jwt"), expected, "{typ}");
        }
    }
}
