//! Access tokens: JWTs by RFC 9068, five minutes, bound to the certificate by RFC 8705, signed with `EdDSA` only.

use crate::crypto::{Ed25519Key, KeyError, install_jwt, random, same, sha256, to_hex};
use crate::domain::purpose::{Purpose, Role};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long an access token holds, in seconds.
pub const TOKEN_SECONDS: i64 = 300;
/// How far the clocks of two gateways on one database may be apart, in seconds: what one issues, the other reads at once.
const APART_SECONDS: i64 = 30;

/// The type in the header of an access token (RFC 9068 section 2.1): keeps any other JWT of ours from passing as one.
const TYPE: &str = "at+jwt";

/// The longest token that is read, in bytes; ours are under 1 KiB.
const LONGEST: usize = 4096;

/// Why a token does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Not one of our tokens at all.
    #[error("the access token cannot be read; ask for a new one")]
    Malformed,
    /// Another algorithm than `EdDSA`.
    #[error("the access token is not signed with EdDSA; use the one that this gateway gave")]
    Algorithm,
    /// Not `typ: at+jwt`.
    #[error("this token is not an access token; use the one that this gateway gave")]
    Type,
    /// Wrong signature.
    #[error("the access token's signature does not hold; ask for a new one")]
    Signature,
    /// Another issuer.
    #[error("the access token was issued elsewhere; ask this gateway for one")]
    Issuer,
    /// Another audience.
    #[error("the access token is meant for another service; ask this gateway for one")]
    Audience,
    /// Past its end.
    #[error("the access token has expired; ask for a new one")]
    Expired,
    /// Before its start.
    #[error("the access token does not hold yet; check the clocks")]
    NotYet,
}

impl TokenFault {
    /// The one word that the audit keeps.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::Algorithm => "token_algorithm",
            Self::Type => "token_type",
            Self::Signature => "token_signature",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::NotYet => "token_not_yet",
        }
    }
}

/// What a token is given for.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The system's OAuth client identifier.
    pub client_id: &'a str,
    /// The role that it acts in.
    pub role: Role,
    /// Why it asks.
    pub purpose: Purpose,
    /// SHA-256 of the certificate that the token is bound to.
    pub thumbprint: [u8; 32],
}

/// A token as given.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The compact JWT.
    pub token: String,
    /// Its identifier, `jti`.
    pub token_id: String,
}

/// What a token that holds says.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub client_id: String,
    pub role: Role,
    pub purpose: Purpose,
    pub token_id: String,
    bound_to: String,
    /// Seconds: from when, and until before when, it holds.
    times: (i64, i64),
}

impl Held {
    /// Whether the token is bound to the certificate with this thumbprint.
    pub fn is_bound_to(&self, thumbprint: &[u8; 32]) -> bool {
        same(self.bound_to.as_bytes(), URL_SAFE_NO_PAD.encode(thumbprint).as_bytes())
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    client_id: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    cnf: Confirmation,
    authorization_details: [Detail; 1],
}

#[derive(Serialize, Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

#[derive(Serialize, Deserialize)]
struct Detail {
    r#type: String,
    purpose: String,
    role: String,
}

/// The keys and names with which tokens are issued and read.
#[derive(Debug)]
pub struct TokenKeys {
    signing: EncodingKey,
    verifying: DecodingKey,
    key_id: String,
    issuer: String,
    audience: String,
    signed: Signed,
}

/// At most so many tokens are remembered, about 4 MB: a system asks for one every few minutes, and only what this gateway
/// has signed is here at all.
const REMEMBERED: usize = 8_192;

/// Tokens whose signature has been found right, by the SHA-256 of their text.
#[derive(Debug, Default)]
struct Signed(Mutex<HashMap<[u8; 32], Arc<Held>>>);

impl Signed {
    // What the map holds is whole after every step, so that a panic elsewhere does not spoil it.
    fn get(&self, digest: &[u8; 32]) -> Option<Arc<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// Remembers a token; where there is no room, those that have ended make some, or it is read anew each time.
    fn put(&self, digest: [u8; 32], held: Held, seconds: i64) -> Arc<Held> {
        let held = Arc::new(held);
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= REMEMBERED {
            tokens.retain(|_, held| held.times.1 > seconds);
        }
        if tokens.len() < REMEMBERED {
            tokens.insert(digest, Arc::clone(&held));
        }
        held
    }
}

impl TokenKeys {
    /// Takes the Ed25519 key in PKCS#8, DER, and the names of the issuer and of the audience.
    pub fn new(pkcs8: &[u8], issuer: &str, audience: &str) -> Result<Self, KeyError> {
        install_jwt();
        let key = Ed25519Key::from_pkcs8(pkcs8)?;
        Ok(Self {
            signing: EncodingKey::from_ed_der(key.pkcs8()),
            verifying: DecodingKey::from_ed_der(&key.public()),
            key_id: to_hex(&sha256(&[&key.public()])).chars().take(16).collect(),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            signed: Signed::default(),
        })
    }

    /// Issues a token that holds for [`TOKEN_SECONDS`] from now, and by clocks that are behind this one's already.
    pub fn issue(&self, grant: &Grant<'_>, now: DateTime<Utc>) -> Result<Issued, KeyError> {
        let token_id = URL_SAFE_NO_PAD.encode(random::<16>().ok_or(KeyError::Random)?);
        let seconds = now.timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: grant.client_id.to_owned(),
            client_id: grant.client_id.to_owned(),
            iat: seconds,
            nbf: seconds - APART_SECONDS,
            exp: seconds + TOKEN_SECONDS,
            jti: token_id.clone(),
            cnf: Confirmation { thumbprint: URL_SAFE_NO_PAD.encode(grant.thumbprint) },
            authorization_details: [Detail {
                r#type: "schoolgate".to_owned(),
                purpose: grant.purpose.as_str().to_owned(),
                role: grant.role.as_str().to_owned(),
            }],
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.key_id.clone());
        let token = jsonwebtoken::encode(&header, &claims, &self.signing).map_err(|_| KeyError::Kind)?;
        Ok(Issued { token, token_id })
    }

    /// Reads a token that holds at this time; the binding is for the caller to check.
    ///
    /// That a text was signed by this gateway and what it says never changes, so that is remembered; whether it holds now,
    /// for this connection and by today's directory, is asked every time.
    pub(super) fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Held>, TokenFault> {
        if token.len() > LONGEST {
            return Err(TokenFault::Malformed);
        }
        let digest = sha256(&[token.as_bytes()]);
        let seconds = now.timestamp();
        let held = match self.signed.get(&digest) {
            Some(held) => held,
            None => self.signed.put(digest, self.verified(token)?, seconds),
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
    fn verified(&self, token: &str) -> Result<Held, TokenFault> {
        let read = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation());
        let read = read.map_err(|error| fault_of(error.kind()))?;
        if read.header.typ.as_deref() != Some(TYPE) {
            return Err(TokenFault::Type);
        }
        let claims = read.claims;
        if claims.exp - claims.iat > TOKEN_SECONDS {
            return Err(TokenFault::Expired);
        }
        let [detail] = claims.authorization_details;
        Ok(Held {
            times: (claims.nbf, claims.exp),
            role: Role::parse(&detail.role).ok_or(TokenFault::Malformed)?,
            purpose: Purpose::parse(&detail.purpose).ok_or(TokenFault::Malformed)?,
            client_id: claims.client_id,
            token_id: claims.jti,
            bound_to: claims.cnf.thumbprint,
        })
    }

    fn validation(&self) -> Validation {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The crate would ask the machine's clock; `read` compares with the time it is given.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }
}

fn fault_of(kind: &ErrorKind) -> TokenFault {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the crate's list is open, and every other fault reads the same"
    )]
    match kind {
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => TokenFault::Algorithm,
        ErrorKind::InvalidSignature => TokenFault::Signature,
        ErrorKind::InvalidIssuer => TokenFault::Issuer,
        ErrorKind::InvalidAudience => TokenFault::Audience,
        _ => TokenFault::Malformed,
    }
}
