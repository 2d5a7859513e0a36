//! Public keys of systems, for client authentication by `private_key_jwt` (RFC 7523): at most two live at a time.

use super::super::Directory;
use super::entries::KeyEntry;
use crate::crypto::JwsKey;
use crate::domain::identifiers::SystemId;
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use uuid::Uuid;

/// A public key of a system.
#[derive(Clone, Debug)]
pub struct SystemKey {
    /// Its identifier.
    pub kid: String,
    /// The key.
    pub key: JwsKey,
    /// The same as it was registered.
    pub jwk: serde_json::Value,
    /// Start of validity.
    pub valid_from: DateTime<Utc>,
    /// End of validity.
    pub valid_until: DateTime<Utc>,
    /// Refused from then on.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Directory {
    /// The keys of a system that are live and not revoked at a time.
    pub fn live_keys(&self, system: SystemId, now: DateTime<Utc>) -> impl Iterator<Item = &SystemKey> {
        self.proofs.keys.get(&system).into_iter().flatten().filter(move |key| {
            key.valid_from <= now && now < key.valid_until && key.revoked_at.is_none_or(|at| at > now)
        })
    }
}

impl KeyEntry {
    /// Whether it is a public key for signatures, with its entry's identifier.
    pub fn is_public(&self) -> bool {
        let read = JwsKey::parse(&self.jwk);
        !self.kid.is_empty() && read.is_ok_and(|key| key.kid.is_none_or(|kid| kid == self.kid))
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    system_id: Uuid,
    kid: String,
    jwk: String,
    valid_from: DateTime<Utc>,
    valid_until: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

pub(super) async fn load(db: &Db) -> Result<HashMap<SystemId, Vec<SystemKey>>, StoreError> {
    const ALL: &str = "SELECT system_id, kid, jwk, valid_from, valid_until, revoked_at FROM system_keys \
         ORDER BY valid_from, kid";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    let mut all: HashMap<_, Vec<SystemKey>> = HashMap::new();
    for row in rows {
        let value = serde_json::from_str(&row.jwk).map_err(|_| StoreError::Corrupt("system_keys.jwk"))?;
        let key = JwsKey::parse(&value).map_err(|_| StoreError::Corrupt("system_keys.jwk"))?;
        let Row { kid, valid_from, valid_until, revoked_at, .. } = row;
        let key = SystemKey { kid, key, jwk: value, valid_from, valid_until, revoked_at };
        all.entry(SystemId(row.system_id)).or_default().push(key);
    }
    Ok(all)
}
