//! The proof that comes with a new certificate: a signed token over its digest, by the key of the certificate before it.

use crate::crypto::{jwt_key_of, to_hex};
use chrono::{DateTime, Utc};
use jsonwebtoken::Validation;
use serde::Deserialize;

/// How long a proof may be good for, in seconds.
const LONGEST_SECONDS: i64 = 300;
/// How far the sender's clock may be ahead, in seconds.
const AHEAD_SECONDS: i64 = 30;
/// The longest proof that is read, in bytes.
const LONGEST_BYTES: usize = 4_096;
/// `typ` of a proof: no other token passes as one, and it passes as no other.
pub(super) const TYPE: &str = "schoolgate-certificate+jwt";

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProofFault {
    #[error(
        "the key of this connection's certificate is not Ed25519 or P-256; have an operator register the new certificate"
    )]
    Key,
    #[error("is not a signed token with the members that docs/certificates.md names; make one anew")]
    Form,
    #[error("is not signed with the key of this connection's certificate; sign it with that")]
    Signature,
    #[error(
        "is not of this client and for this gateway; write its client_id as `iss` and the gateway's issuer as `aud`"
    )]
    Names,
    #[error("is of another certificate; write the SHA-256 of the new one as `x5t#S256`")]
    Certificate,
    #[error(
        "has ended, is not good yet, or is good for more than five minutes; make one anew, and check the clock"
    )]
    Time,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: String,
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

/// What a proof must be of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    /// `SubjectPublicKeyInfo` of the connection's certificate, DER.
    pub key: &'a [u8],
    pub client_id: &'a str,
    pub audience: &'a str,
    /// SHA-256 of the new certificate, in the text form of tokens.
    pub thumbprint: &'a str,
}

/// Holds a proof to what it must be; gives its `jti`.
///
/// It is single use without a list of those that were used: it is of one certificate, and a certificate or its key is
/// registered once, whichever gateway is asked (docs/decisions/0035).
pub(super) fn check(proof: &str, expected: &Expected<'_>, now: DateTime<Utc>) -> Result<String, ProofFault> {
    let (algorithm, key) = jwt_key_of(expected.key).ok_or(ProofFault::Key)?;
    if proof.len() > LONGEST_BYTES {
        return Err(ProofFault::Form);
    }
    let mut validation = Validation::new(algorithm);
    // Names and times are looked at below, by the clock that is given and with words of their own.
    validation.validate_aud = false;
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let read = jsonwebtoken::decode::<Claims>(proof, &key, &validation);
    let read = read.map_err(|error| {
        use jsonwebtoken::errors::ErrorKind;
        let signed = matches!(
            error.kind(),
            ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName
        );
        if signed { ProofFault::Signature } else { ProofFault::Form }
    })?;
    if read.header.typ.as_deref() != Some(TYPE) {
        return Err(ProofFault::Form);
    }
    let Claims { iss, aud, iat, exp, jti, thumbprint } = read.claims;
    if !(16..=128).contains(&jti.len()) || jti.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(ProofFault::Form);
    }
    if iss != expected.client_id || aud != expected.audience {
        return Err(ProofFault::Names);
    }
    if thumbprint != expected.thumbprint {
        return Err(ProofFault::Certificate);
    }
    let seconds = now.timestamp();
    let in_time =
        iat <= seconds + AHEAD_SECONDS && seconds < exp && exp.saturating_sub(iat) <= LONGEST_SECONDS;
    if in_time { Ok(to_hex(jti.as_bytes())) } else { Err(ProofFault::Time) }
}
