//! What may be used once, on whichever gateway: a row of the shared database says that it was.

use crate::crypto::sha256;
use crate::store::{StoreError, Touched as _, Tx, on};
use chrono::{DateTime, Utc};

/// What may be used once: a digest of who made it and its identifier, until it would be refused anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    digest: [u8; 32],
    /// When it ends by itself.
    pub until: DateTime<Utc>,
}

impl Once {
    /// By words that only this use of it has; each is told from the next by its length.
    pub(super) fn of(words: &[&[u8]], until: DateTime<Utc>) -> Self {
        let mut parts = Vec::new();
        for word in words {
            parts.extend_from_slice(&word.len().to_be_bytes());
            parts.extend_from_slice(word);
        }
        Self { digest: sha256(&[&parts]), until }
    }
}

/// Rows of what has ended that are taken away with each new one.
const FORGOTTEN: i64 = 100;

/// Notes the use; `false`: it was used before. Of two at the same time, on whichever gateways, one is first.
pub async fn use_once(tx: &mut Tx, once: &Once, now: DateTime<Utc>) -> Result<bool, StoreError> {
    const USE: &str =
        "INSERT INTO replays (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";
    const FORGET: &str = "DELETE FROM replays WHERE digest IN (SELECT digest FROM replays WHERE expires_at < $1 \
         ORDER BY expires_at LIMIT $2)";
    let used = on!(tx, c => sqlx::query(USE).bind(once.digest.as_slice()).bind(once.until).execute(c).await
        .map(|r| r.touched()))?;
    // A minute later than its end, so that gateways whose clocks are apart agree.
    let over = now - chrono::TimeDelta::minutes(1);
    on!(tx, c => sqlx::query(FORGET).bind(over).bind(FORGOTTEN).execute(c).await.map(|_| ()))?;
    Ok(used == 1)
}
