//! Public keys of systems, for client authentication by `private_key_jwt` (RFC 7523): at most two live at a time.

use super::super::apply::{ApplyError, Ids, id_of};
use super::super::{Directory, DirectoryFile};
use crate::crypto::JwsKey;
use crate::domain::identifiers::SystemId;
use crate::store::{Db, StoreError, Tx, on, read};
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

/// Adds the file's keys; refuses a private one, one that is no key, and a third that is live.
pub(super) async fn apply(
    tx: &mut Tx,
    file: &DirectoryFile,
    systems: &Ids,
    now: DateTime<Utc>,
) -> Result<(), ApplyError> {
    const INSERT: &str = "INSERT INTO system_keys (id, system_id, kid, jwk, valid_from, valid_until) \
         VALUES ($1, $2, $3, $4, $5, $6)";
    for s in &file.systems {
        if s.keys.iter().filter(|key| key.valid_until > now).count() > 2 {
            return Err(ApplyError::Keys(s.code.clone()));
        }
        let system = id_of(systems, &s.client_id)?;
        for key in &s.keys {
            let read = JwsKey::parse(&key.jwk).map_err(|_| ApplyError::Key(s.code.clone()))?;
            if key.kid.is_empty() || read.kid.is_some_and(|kid| kid != key.kid) {
                return Err(ApplyError::Key(s.code.clone()));
            }
            on!(tx, c => sqlx::query(INSERT)
                .bind(Uuid::now_v7()).bind(system).bind(&key.kid).bind(key.jwk.to_string())
                .bind(key.valid_from).bind(key.valid_until)
                .execute(c).await.map(|_| ()))?;
        }
    }
    Ok(())
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
        let key = SystemKey { kid, key, valid_from, valid_until, revoked_at };
        all.entry(SystemId(row.system_id)).or_default().push(key);
    }
    Ok(all)
}
