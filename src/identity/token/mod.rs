//! Access tokens: JWTs by RFC 9068, five minutes, bound to the certificate by RFC 8705, signed with `EdDSA` or ES256.

mod claims;
mod fault;
mod ring;

pub use fault::TokenFault;

use self::claims::{Claims, Names};
use self::ring::Ring;
use super::Person;
use crate::crypto::{
    JwsFault, KeyError, SignWith, TokenKey, UnverifiedJws, install_jwt, random, same, sha256,
};
use crate::domain::purpose::{Purpose, Role};
use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::Header;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long an access token holds at most, in seconds.
pub const TOKEN_SECONDS: i64 = 300;

/// The type in the header of an access token (RFC 9068 section 2.1): keeps any other JWT of ours from passing as one.
const TYPE: &str = "at+jwt";

/// The longest token that is read, in bytes; ours are under 1 KiB but for a person of very many teams.
const LONGEST: usize = 4096;

/// What a token is given for.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The system's OAuth client identifier.
    pub client_id: &'a str,
    /// The role that it acts in.
    pub role: Role,
    /// Why it asks.
    pub purpose: Purpose,
    /// Code of the organisation acted for, where that is not the system's own.
    pub organisation: Option<&'a str>,
    /// SHA-256 of the certificate that the token is bound to.
    pub thumbprint: [u8; 32],
    /// The person that the system acts for; none: nobody is proved behind it.
    pub person: Option<&'a Person>,
    /// The end that the token never outlives, that of what it was given for.
    pub until: Option<DateTime<Utc>>,
}

/// A token as given.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The compact JWT.
    pub token: String,
    /// Its identifier, `jti`.
    pub token_id: String,
    /// How long it holds, in seconds.
    pub seconds: i64,
}

/// What a token that holds says.
#[derive(Clone, Debug)]
pub struct Held {
    /// The system's OAuth client identifier.
    pub client_id: String,
    pub(super) role: Role,
    pub(super) purpose: Purpose,
    /// Code of the organisation acted for; none: the system's own.
    pub(super) organisation: Option<String>,
    /// Its identifier, `jti`.
    pub token_id: String,
    pub(super) person: Option<Arc<Person>>,
    bound_to: String,
    /// Seconds: from when, and until before when, it holds.
    times: (i64, i64),
}

impl Held {
    /// Whether the token is bound to the certificate with this thumbprint.
    pub fn is_bound_to(&self, thumbprint: &[u8; 32]) -> bool {
        same(self.bound_to.as_bytes(), URL_SAFE_NO_PAD.encode(thumbprint).as_bytes())
    }

    /// When it ends.
    pub fn ends(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.times.1, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// The keys and names with which tokens are issued and read.
pub struct TokenKeys {
    ring: ArcSwap<Ring>,
    issuer: String,
    audience: String,
    signed: Signed,
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKeys").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// At most so many tokens are remembered, about 4 MB: a system asks for one every few minutes, and only what this gateway
/// has signed is here at all.
const REMEMBERED: usize = 8_192;

/// Tokens whose signature has been found right, by the SHA-256 of their text.
#[derive(Debug, Default)]
struct Signed(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    tokens: HashMap<[u8; 32], Arc<Held>>,
    /// The second in which those that had ended were last taken out.
    cleared: i64,
}

impl Signed {
    // What the map holds is whole after every step, so that a panic elsewhere does not spoil it.
    fn get(&self, digest: &[u8; 32]) -> Option<Arc<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tokens.get(digest).cloned()
    }

    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Remembered::default();
    }

    /// Remembers a token; where there is no room, those that have ended make some, or it is read anew each time.
    fn put(&self, digest: [u8; 32], held: Held, seconds: i64) -> Arc<Held> {
        let held = Arc::new(held);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Going through all of them once a second is enough, however many come.
        if all.tokens.len() >= REMEMBERED && all.cleared != seconds {
            all.tokens.retain(|_, held| held.times.1 > seconds);
            all.cleared = seconds;
        }
        if all.tokens.len() < REMEMBERED {
            all.tokens.insert(digest, Arc::clone(&held));
        }
        held
    }
}

impl TokenKeys {
    /// Takes every key of the gateway, the kind that signs, and the names of the issuer and of the audience.
    pub fn new(keys: &[TokenKey], with: SignWith, issuer: &str, audience: &str) -> Result<Self, KeyError> {
        install_jwt();
        Ok(Self {
            ring: ArcSwap::from_pointee(Ring::new(keys, with)?),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            signed: Signed::default(),
        })
    }

    /// Takes other keys from now on; where they cannot be used, those in use stay.
    pub fn renew(&self, keys: &[TokenKey], with: SignWith) -> Result<(), KeyError> {
        self.ring.store(Arc::new(Ring::new(keys, with)?));
        // A token of a key that was taken out is to be read anew, and then holds no more.
        self.signed.forget();
        Ok(())
    }

    /// `iss` of the tokens, and what assertions of clients are made for.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `aud` of the tokens.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The public keys as they are published (RFC 7517).
    pub fn published(&self, now: DateTime<Utc>) -> Value {
        self.ring.load().published(now.timestamp())
    }

    /// Issues a token that holds for [`TOKEN_SECONDS`] from now, or to the end of what it was given for, and by clocks that
    /// are behind this one's already.
    pub fn issue(&self, grant: &Grant<'_>, now: DateTime<Utc>) -> Result<Issued, KeyError> {
        let token_id = URL_SAFE_NO_PAD.encode(random::<16>().ok_or(KeyError::Random)?);
        let from = now.timestamp();
        let full = from + TOKEN_SECONDS;
        let until = grant.until.map_or(full, |until| until.timestamp().min(full));
        let names = Names { issuer: &self.issuer, audience: &self.audience };
        let claims = Claims::of(grant, &names, &token_id, (from, until));
        let ring = self.ring.load();
        let key = ring.signing(from)?;
        let mut header = Header::new(key.algorithm);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.kid.clone());
        let token = jsonwebtoken::encode(&header, &claims, &key.signing).map_err(|_| KeyError::Kind)?;
        Ok(Issued { token, token_id, seconds: until - from })
    }

    /// Reads a token that holds at this time; the binding is for the caller to check.
    ///
    /// That a text was signed by this gateway and what it says never changes, so that is remembered; whether it holds now,
    /// for this connection and by today's directory, is asked every time.
    pub fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Held>, TokenFault> {
        if token.len() > LONGEST {
            return Err(TokenFault::Malformed);
        }
        let digest = sha256(&[token.as_bytes()]);
        let seconds = now.timestamp();
        let held = match self.signed.get(&digest) {
            Some(held) => held,
            None => self.signed.put(digest, self.verified(token, seconds)?, seconds),
        };
        // No leeway here: what gateways' clocks may be apart is in the token's start, and its end is never later.
        let (from, until) = held.times;
        if until <= seconds {
            return Err(TokenFault::Expired);
        }
        if seconds < from {
            return Err(TokenFault::NotYet);
        }
        Ok(held)
    }

    /// What a token says whose signature, names and form are right.
    fn verified(&self, token: &str, seconds: i64) -> Result<Held, TokenFault> {
        let jws = UnverifiedJws::read(token, LONGEST).map_err(|fault| match fault {
            JwsFault::Malformed => TokenFault::Malformed,
            JwsFault::Algorithm => TokenFault::Algorithm,
            JwsFault::Header => TokenFault::Header,
        })?;
        let kid = jws.kid.as_deref().ok_or(TokenFault::Key)?;
        let ring = self.ring.load();
        let key = ring.verifying(kid, seconds).ok_or(TokenFault::Key)?;
        if jws.algorithm != key.algorithm {
            return Err(TokenFault::Algorithm);
        }
        if !jws.holds(&key.verifying) {
            return Err(TokenFault::Signature);
        }
        if jws.kind.as_deref() != Some(TYPE) {
            return Err(TokenFault::Type);
        }
        let claims: Claims = jws.claimed().map_err(|_| TokenFault::Malformed)?;
        if claims.iss != self.issuer {
            return Err(TokenFault::Issuer);
        }
        if claims.aud != self.audience {
            return Err(TokenFault::Audience);
        }
        claims.held(TOKEN_SECONDS)
    }
}

#[cfg(test)]
mod tests;
