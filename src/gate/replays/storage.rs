//! The table of kept keys, which only the gate writes.

use super::super::conditions::Keyed;
use super::super::permit::Holder;
use super::Done;
use crate::store::{Db, StoreError, Touched as _, Tx, on, read};
use chrono::{DateTime, Utc};
use http::StatusCode;

/// A key as it is kept.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub(super) request: Vec<u8>,
    status: i64,
    record: Option<String>,
}

impl Row {
    pub(super) fn done(self) -> Result<Done, StoreError> {
        let status = u16::try_from(self.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.ok_or(StoreError::Corrupt("idempotency_keys.status"))?;
        Ok(Done { status, record: self.record })
    }
}

/// Looks for a key that was kept after a moment.
pub(super) async fn look(db: &Db, scope: &[u8; 32], since: DateTime<Utc>) -> Result<Option<Row>, StoreError> {
    const LOOK: &str =
        "SELECT request, status, record FROM idempotency_keys WHERE scope = $1 AND kept_at > $2";
    Ok(read!(db, c => sqlx::query_as(LOOK).bind(scope.as_slice()).bind(since).fetch_optional(c).await)?)
}

/// How many keys of a holder were kept after a moment, up to a number.
pub(super) async fn count(
    db: &Db,
    holder: &Holder,
    since: DateTime<Utc>,
    most: i64,
) -> Result<i64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM idempotency_keys \
         WHERE system_id = $1 AND organisation_id = $2 AND kept_at > $3 LIMIT $4) k";
    Ok(read!(db, c => sqlx::query_scalar(COUNT)
        .bind(holder.system.0).bind(holder.organisation.0).bind(since).bind(most).fetch_one(c).await)?)
}

/// A key to be kept, and when the one that it may take the place of must have ended.
pub(super) struct Kept {
    pub(super) keyed: Keyed,
    pub(super) status: StatusCode,
    pub(super) record: Option<String>,
    pub(super) at: DateTime<Utc>,
    pub(super) since: DateTime<Utc>,
}

/// Keeps a key; `false` where another request has kept the same one, which waits for its commit on either database.
pub(super) async fn keep(tx: &mut Tx, holder: &Holder, kept: &Kept) -> Result<bool, StoreError> {
    const KEEP: &str = "INSERT INTO idempotency_keys (scope, system_id, organisation_id, request, status, record, kept_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (scope) DO UPDATE SET request = excluded.request, \
         status = excluded.status, record = excluded.record, kept_at = excluded.kept_at \
         WHERE idempotency_keys.kept_at <= $8";
    let touched = on!(tx, c => sqlx::query(KEEP)
        .bind(kept.keyed.scope.as_slice()).bind(holder.system.0).bind(holder.organisation.0)
        .bind(kept.keyed.request.as_slice()).bind(i64::from(kept.status.as_u16())).bind(&kept.record)
        .bind(kept.at).bind(kept.since).execute(c).await.map(|done| done.touched()))?;
    Ok(touched == 1)
}

/// Ends keys that were kept before a moment, up to a number, and says how many.
pub(super) async fn expire(tx: &mut Tx, since: DateTime<Utc>, limit: i64) -> Result<u64, StoreError> {
    const END: &str = "DELETE FROM idempotency_keys WHERE scope IN \
         (SELECT scope FROM idempotency_keys WHERE kept_at <= $1 ORDER BY kept_at LIMIT $2)";
    Ok(on!(tx, c => sqlx::query(END).bind(since).bind(limit).execute(c).await.map(|done| done.touched()))?)
}
