//! Client authentication by `private_key_jwt` (RFC 7523 section 3): a system signs, for this one request, that it is the
//! system of the connection's certificate.

use super::Once;
use crate::crypto::{JwsFault, UnverifiedJws};
use crate::directory::{Directory, System};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Why an assertion does not prove its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionFault {
    /// Not a signed token, or without a claim that it needs.
    Malformed,
    /// A header with a key of its own, or with an extension.
    Header,
    /// An algorithm that no key of the system is for.
    Algorithm,
    /// A token of another type.
    Type,
    /// Another system than the certificate's.
    Client,
    /// A key that is not registered for the system, or not live.
    Key,
    /// A signature that does not hold.
    Signature,
    /// Made for another server.
    Audience,
    /// Past its end, or too old.
    Expired,
    /// Issued in the future.
    NotYet,
    /// Good for longer than it may be.
    TooLong,
    /// Used before.
    Replayed,
}

impl AssertionFault {
    /// The one word that the audit keeps.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Malformed => "assertion_malformed",
            Self::Header => "assertion_header",
            Self::Algorithm => "assertion_algorithm",
            Self::Type => "assertion_type",
            Self::Client => "assertion_of_other_client",
            Self::Key => "assertion_key",
            Self::Signature => "assertion_signature",
            Self::Audience => "assertion_audience",
            Self::Expired => "assertion_expired",
            Self::NotYet => "assertion_not_yet",
            Self::TooLong => "assertion_too_long",
            Self::Replayed => "assertion_replayed",
        }
    }

    /// What to do next.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Malformed => {
                "the client_assertion must be a signed JWT with iss, sub, aud, iat, exp and jti"
            }
            Self::Header => {
                "the client_assertion's header must have no key and no extension; kid names a registered key"
            }
            Self::Algorithm => {
                "the client_assertion must be signed with the algorithm of a key registered for this system"
            }
            Self::Type => "the client_assertion's typ must be JWT or client-authentication+jwt",
            Self::Client => {
                "iss and sub of the client_assertion must be the client_id that the certificate is registered for"
            }
            Self::Key => "no live key of this system has this kid; ask the operator to register it",
            Self::Signature => "the client_assertion's signature does not hold",
            Self::Audience => "aud of the client_assertion must be this server's issuer, as one string",
            Self::Expired => {
                "the client_assertion has expired or is over 60 seconds old; make a new one for each request"
            }
            Self::NotYet => "the client_assertion is of the future; check the clocks",
            Self::TooLong => "the client_assertion may hold for 60 seconds at most",
            Self::Replayed => "the client_assertion was used before; make a new one for each request",
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    /// One string: a list could name another server beside this one, which could then use it here.
    aud: serde_json::Value,
    iat: i64,
    exp: i64,
    nbf: Option<i64>,
    jti: String,
}

/// The longest assertion that is read, in bytes.
const LONGEST: usize = 4096;
/// How long an assertion may hold, and how old it may be, in seconds.
const SECONDS: i64 = 60;
/// How far the client's clock may be ahead, in seconds.
const AHEAD: i64 = 10;
/// Longest identifier.
const ID: usize = 255;

/// Says whether an assertion proves the system of the certificate; that it is used for the first time is for the caller
/// to see.
pub fn client_assertion(
    directory: &Directory,
    system: &System,
    assertion: &str,
    issuer: &str,
    now: DateTime<Utc>,
) -> Result<Once, AssertionFault> {
    let jws = UnverifiedJws::read(assertion, LONGEST).map_err(|fault| match fault {
        JwsFault::Malformed => AssertionFault::Malformed,
        JwsFault::Algorithm => AssertionFault::Algorithm,
        JwsFault::Header => AssertionFault::Header,
    })?;
    if jws.kind.is_some() && !jws.is_kind("jwt") && !jws.is_kind("client-authentication+jwt") {
        return Err(AssertionFault::Type);
    }
    let claims: Claims = jws.claimed().map_err(|_| AssertionFault::Malformed)?;
    if claims.iss != system.client_id || claims.sub != system.client_id {
        return Err(AssertionFault::Client);
    }
    holds(directory, system, &jws, now)?;
    if claims.aud.as_str() != Some(issuer) {
        return Err(AssertionFault::Audience);
    }
    if claims.jti.is_empty() || claims.jti.len() > ID {
        return Err(AssertionFault::Malformed);
    }
    let seconds = now.timestamp();
    if claims.iat > seconds + AHEAD || claims.nbf.is_some_and(|nbf| nbf > seconds + AHEAD) {
        return Err(AssertionFault::NotYet);
    }
    if claims.exp.checked_sub(claims.iat).is_none_or(|long| long > SECONDS) {
        return Err(AssertionFault::TooLong);
    }
    if claims.exp <= seconds || seconds.saturating_sub(claims.iat) > SECONDS {
        return Err(AssertionFault::Expired);
    }
    let ends = DateTime::from_timestamp(claims.exp, 0).ok_or(AssertionFault::Malformed)?;
    Ok(Once::of(&[b"assertion", claims.iss.as_bytes(), claims.jti.as_bytes()], ends))
}

/// Whether a live key of the system made the signature; where the header names none, any of the two may have.
fn holds(
    directory: &Directory,
    system: &System,
    jws: &UnverifiedJws<'_>,
    now: DateTime<Utc>,
) -> Result<(), AssertionFault> {
    let named = |kid: &String| jws.kid.as_ref().is_none_or(|wanted| wanted == kid);
    let mut fits = directory.live_keys(system.id, now).filter(|key| named(&key.kid)).peekable();
    if fits.peek().is_none() {
        return Err(AssertionFault::Key);
    }
    let mut of_kind = fits.filter(|key| key.key.is_for(jws.algorithm)).peekable();
    if of_kind.peek().is_none() {
        return Err(AssertionFault::Algorithm);
    }
    if of_kind.any(|key| jws.holds(&key.key)) { Ok(()) } else { Err(AssertionFault::Signature) }
}
