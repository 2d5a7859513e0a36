//! The keys that sign access tokens, one after another: the newest that has begun signs, and an older one verifies until
//! the last token that it signed has ended. A key that has not begun is published already, so that every gateway and
//! every reader knows it before it is used.

use super::TOKEN_SECONDS;
use super::claims::APART_SECONDS;
use crate::crypto::{JwsKey, KeyError, SignWith, TokenKey, public_jwk, sha256, to_hex, verifying_key_info};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

/// One key.
pub(super) struct OneKey {
    pub kid: String,
    pub algorithm: Algorithm,
    pub signing: EncodingKey,
    pub verifying: JwsKey,
    jwk: Value,
    with: SignWith,
    /// Seconds from which it signs.
    from: i64,
    /// Seconds from which nothing that it signed can hold; none: no newer one is there.
    until: Option<i64>,
}

/// All of them, and which kind signs.
pub(super) struct Ring {
    keys: Vec<OneKey>,
    with: SignWith,
}

impl Ring {
    pub fn new(keys: &[TokenKey], with: SignWith) -> Result<Self, KeyError> {
        let mut all = keys.iter().map(OneKey::new).collect::<Result<Vec<_>, _>>()?;
        let begins: Vec<(SignWith, i64)> = all.iter().map(|key| (key.with, key.from)).collect();
        for key in &mut all {
            let later = begins.iter().filter(|(with, from)| *with == key.with && *from > key.from);
            let next = later.map(|(_, from)| *from).min();
            key.until = next.map(|from| from.saturating_add(TOKEN_SECONDS + APART_SECONDS));
        }
        let ring = Self { keys: all, with };
        // A gateway that could sign nothing is of no use to anybody.
        if ring.keys.iter().any(|key| key.with == with) { Ok(ring) } else { Err(KeyError::Kind) }
    }

    /// The key that signs at this time.
    pub fn signing(&self, seconds: i64) -> Result<&OneKey, KeyError> {
        let begun = self.keys.iter().filter(|key| key.with == self.with && key.from <= seconds);
        begun.max_by_key(|key| key.from).ok_or(KeyError::Kind)
    }

    /// The key of this identifier, if what it signs may hold at this time: another gateway's clock may be ahead.
    pub fn verifying(&self, kid: &str, seconds: i64) -> Option<&OneKey> {
        self.keys
            .iter()
            .find(|key| key.kid == kid && key.is_in_use(seconds) && key.from <= seconds + APART_SECONDS)
    }

    /// The public keys, as they are published: those that have ended are not.
    pub fn published(&self, seconds: i64) -> Value {
        let keys: Vec<&Value> =
            self.keys.iter().filter(|key| key.is_in_use(seconds)).map(|key| &key.jwk).collect();
        json!({ "keys": keys })
    }
}

impl OneKey {
    fn new(key: &TokenKey) -> Result<Self, KeyError> {
        let info = verifying_key_info(&key.pkcs8)?;
        let kid: String = to_hex(&sha256(&[&info])).chars().take(16).collect();
        let jwk = public_jwk(&key.pkcs8, &kid)?;
        let (algorithm, signing) = match key.with {
            SignWith::EdDsa => (Algorithm::EdDSA, EncodingKey::from_ed_der(&key.pkcs8)),
            SignWith::Es256 => (Algorithm::ES256, EncodingKey::from_ec_der(&key.pkcs8)),
        };
        let verifying = JwsKey::parse(&jwk)?;
        if !verifying.is_for(algorithm) {
            return Err(KeyError::Kind);
        }
        let from = key.from.map_or(i64::MIN, |from| from.timestamp());
        Ok(Self { kid, algorithm, signing, verifying, jwk, with: key.with, from, until: None })
    }

    fn is_in_use(&self, seconds: i64) -> bool {
        self.until.is_none_or(|until| seconds < until)
    }
}
