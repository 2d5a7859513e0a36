//! Access tokens that were taken back before their end (RFC 7009): every gateway refuses them within a second.

use crate::store::{Db, StoreError, Tx, must_touch, on, read};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashSet;

/// How far the clocks of gateways may be apart: one whose clock is behind still takes what has ended by another's.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(1);

/// Takes back the access token with this identifier, which would have ended at a time; once more changes nothing. Those
/// that have ended are forgotten with it.
pub async fn revoke_token(
    tx: &mut Tx,
    token_id: &str,
    ends: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const REVOKE: &str =
        "INSERT INTO revoked_tokens (token_id, expires_at) VALUES ($1, $2) ON CONFLICT (token_id) DO NOTHING";
    const FORGET: &str = "DELETE FROM revoked_tokens WHERE expires_at < $1";
    const BUMP: &str = "UPDATE directory_version SET revocations = revocations + 1 WHERE id = 1";
    on!(tx, c => sqlx::query(FORGET).bind(now - CLOCKS_APART).execute(c).await.map(|_| ()))?;
    on!(tx, c => sqlx::query(REVOKE).bind(token_id).bind(ends).execute(c).await.map(|_| ()))?;
    on!(tx, c => { let r = sqlx::query(BUMP).execute(c).await?; must_touch("directory version", &r, 1) })
}

/// Identifiers of those that were taken back.
pub(in super::super) async fn revoked(db: &Db) -> Result<HashSet<String>, StoreError> {
    const ALL: &str = "SELECT token_id FROM revoked_tokens";
    let ids: Vec<String> = read!(db, c => sqlx::query_scalar(ALL).fetch_all(c).await)?;
    Ok(ids.into_iter().collect())
}
