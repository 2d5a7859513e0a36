//! Handles: what stands for a child outside. Random, per (system, organisation acted for, child), never shared.

use super::permit::Holder;
use crate::crypto;
use crate::domain::identifiers::PupilId;
use crate::relationships::Untied;
use crate::store::{Db, StoreError, Touched as _, Tx, on, read};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer, ser};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A child in an answer. It can be written only after the gate has put a handle in the internal id's place.
#[derive(Clone, Debug)]
pub struct ChildRef(Written);

#[derive(Clone, Debug)]
enum Written {
    Internal(PupilId),
    Handle(String),
}

impl ChildRef {
    /// A child, still to be given its handle.
    pub fn of(pupil: PupilId) -> Self {
        Self(Written::Internal(pupil))
    }

    /// A child by the handle under which its holder was told of it, whether or not that is still in use.
    pub fn told(handle: String) -> Self {
        Self(Written::Handle(handle))
    }

    /// The handle, once the gate has put it.
    pub fn handle(&self) -> Option<&str> {
        match &self.0 {
            Written::Internal(_) => None,
            Written::Handle(handle) => Some(handle),
        }
    }

    pub(super) fn internal(&self) -> Option<PupilId> {
        match self.0 {
            Written::Internal(pupil) => Some(pupil),
            Written::Handle(_) => None,
        }
    }

    pub(super) fn put(&mut self, handle: String) {
        self.0 = Written::Handle(handle);
    }
}

impl Serialize for ChildRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Written::Handle(handle) => serializer.serialize_str(handle),
            // An internal id must never leave: failing here turns into a 500 that tells nothing.
            Written::Internal(_) => Err(ser::Error::custom("a child without a handle")),
        }
    }
}

/// The bytes of a handle as sent. What is no handle at all becomes one that resolves to nothing, so that it takes the same
/// path and the same time.
pub(super) fn bytes_of(handle: &str) -> Vec<u8> {
    crypto::from_hex(handle).filter(|b| b.len() == 16).unwrap_or_else(|| vec![0; 16])
}

/// Children asked about in one statement.
const AT_ONCE: usize = 8;
/// Handles issued in one transaction, so that none holds the one writer for long.
const STEP: usize = 100;

/// A handle of the holder's for each of these children: the one that it has, or a new one.
pub(super) async fn of_all(
    db: &Db,
    holder: &Holder,
    pupils: &BTreeSet<PupilId>,
    at: DateTime<Utc>,
) -> Result<BTreeMap<PupilId, String>, StoreError> {
    let mut handles = held(db, holder, pupils).await?;
    let without: Vec<PupilId> = pupils.iter().filter(|p| !handles.contains_key(p)).copied().collect();
    for step in without.chunks(STEP) {
        let mut tx = db.begin().await?;
        for pupil in step {
            issue(&mut tx, holder, *pupil, at).await?;
        }
        tx.commit().await?;
    }
    if !without.is_empty() {
        handles.extend(held(db, holder, &without.into_iter().collect()).await?);
    }
    Ok(handles)
}

/// The handles that the holder already has for children.
async fn held(
    db: &Db,
    holder: &Holder,
    pupils: &BTreeSet<PupilId>,
) -> Result<BTreeMap<PupilId, String>, StoreError> {
    const HELD: &str = "SELECT pupil_id, handle FROM handles WHERE system_id = $1 AND organisation_id = $2 \
         AND retired_at IS NULL AND pupil_id IN ($3, $4, $5, $6, $7, $8, $9, $10)";
    let all: Vec<PupilId> = pupils.iter().copied().collect();
    let mut handles = BTreeMap::new();
    for some in all.chunks(AT_ONCE) {
        let at = |place: usize| some.get(place).map(|pupil| pupil.0);
        let rows: Vec<(Uuid, Vec<u8>)> = read!(db, c => sqlx::query_as(HELD)
            .bind(holder.system.0).bind(holder.organisation.0)
            .bind(at(0)).bind(at(1)).bind(at(2)).bind(at(3)).bind(at(4)).bind(at(5)).bind(at(6)).bind(at(7))
            .fetch_all(c).await)?;
        handles.extend(rows.into_iter().map(|(pupil, bytes)| (PupilId(pupil), crypto::to_hex(&bytes))));
    }
    Ok(handles)
}

/// Issues a handle; when another request has just issued one for the same child, that one stays.
async fn issue(tx: &mut Tx, holder: &Holder, pupil: PupilId, at: DateTime<Utc>) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO handles (system_id, organisation_id, handle, pupil_id, issued_at) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (pupil_id, system_id, organisation_id) WHERE retired_at IS NULL DO NOTHING";
    let Some(handle) = crypto::random::<16>() else { return Err(StoreError::Corrupt("no random bytes")) };
    on!(tx, c => sqlx::query(INSERT)
        .bind(holder.system.0).bind(holder.organisation.0).bind(handle.as_slice()).bind(pupil.0).bind(at)
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Retires handles: from now on they resolve to nothing, and a new relationship is given another one.
pub(super) async fn retire(tx: &mut Tx, untied: &[Untied], at: DateTime<Utc>) -> Result<u64, StoreError> {
    const RETIRE: &str = "UPDATE handles SET retired_at = $4 WHERE system_id = $1 AND organisation_id = $2 \
         AND handle = $3 AND retired_at IS NULL";
    let mut retired = 0;
    for one in untied {
        // Another gateway on this database may have come first.
        retired += on!(tx, c => sqlx::query(RETIRE)
            .bind(one.system().0).bind(one.organisation().0).bind(one.handle.as_slice()).bind(at)
            .execute(c).await.map(|done| done.touched()))?;
    }
    Ok(retired)
}
