//! Certificates that a system adds and retires itself. An operator's come with the directory file.

use crate::domain::identifiers::SystemId;
use crate::store::{StoreError, Tx, must_touch, on};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A certificate to be registered.
#[derive(Clone, Copy, Debug)]
pub struct NewCertificate {
    /// SHA-256 of the certificate, DER.
    pub thumbprint: [u8; 32],
    /// SHA-256 of its public key, `SubjectPublicKeyInfo`, DER.
    pub key_digest: [u8; 32],
    /// Start of validity.
    pub valid_from: DateTime<Utc>,
    /// End of validity.
    pub valid_until: DateTime<Utc>,
}

/// What became of a certificate that was to be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It is.
    Done,
    /// Not: its key stands in the directory already, for this system or another, live or not.
    KeyKnown,
    /// Not: the system has two that have not ended.
    TwoLive,
}

/// Certificates of one system that may be live at a time.
const LIVE: i64 = 2;
const BUMP: &str = "UPDATE directory_version SET version = version + 1 WHERE id = 1";

/// Registers one more certificate of a system, unless its key is known or two are live. One change at a time: the version's
/// row is taken first, on every gateway, so that two that come at once are not both the second.
pub async fn add_certificate(
    tx: &mut Tx,
    system: SystemId,
    new: &NewCertificate,
    now: DateTime<Utc>,
) -> Result<Registered, StoreError> {
    const KNOWN: &str = "SELECT COUNT(*) FROM credentials WHERE key_digest = $1 OR thumbprint = $2";
    const HELD: &str =
        "SELECT COUNT(*) FROM credentials WHERE system_id = $1 AND revoked_at IS NULL AND valid_until > $2";
    const INSERT: &str = "INSERT INTO credentials (id, system_id, thumbprint, key_digest, valid_from, valid_until, by_system) \
         VALUES ($1, $2, $3, $4, $5, $6, TRUE)";
    bump(tx).await?;
    let (thumbprint, key) = (new.thumbprint.to_vec(), new.key_digest.to_vec());
    let known: i64 = on!(tx, c => sqlx::query_scalar(KNOWN)
        .bind(key.as_slice()).bind(thumbprint.as_slice()).fetch_one(c).await)?;
    if known > 0 {
        return Ok(Registered::KeyKnown);
    }
    let held: i64 = on!(tx, c => sqlx::query_scalar(HELD).bind(system.0).bind(now).fetch_one(c).await)?;
    if held >= LIVE {
        return Ok(Registered::TwoLive);
    }
    on!(tx, c => {
        let done = sqlx::query(INSERT)
            .bind(Uuid::now_v7()).bind(system.0).bind(thumbprint.as_slice()).bind(key.as_slice())
            .bind(new.valid_from).bind(new.valid_until).execute(c).await?;
        must_touch("new certificate", &done, 1)
    })?;
    Ok(Registered::Done)
}

/// Retires a certificate of a system from now on; says whether it was there to be retired.
pub async fn retire_certificate(
    tx: &mut Tx,
    system: SystemId,
    thumbprint: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const RETIRE: &str = "UPDATE credentials SET revoked_at = $1 WHERE system_id = $2 AND thumbprint = $3 AND revoked_at IS NULL";
    bump(tx).await?;
    let retired: u64 = on!(tx, c => sqlx::query(RETIRE)
        .bind(now).bind(system.0).bind(thumbprint.as_slice()).execute(c).await.map(|done| done.rows_affected()))?;
    Ok(retired == 1)
}

async fn bump(tx: &mut Tx) -> Result<(), StoreError> {
    on!(tx, c => { let r = sqlx::query(BUMP).execute(c).await?; must_touch("directory version", &r, 1) })
}
