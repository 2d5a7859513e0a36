//! Handles of many children at once: resolved, looked up and issued by the set.

use super::super::permit::Holder;
use crate::crypto;
use crate::domain::identifiers::{OrganisationId, PupilId, SystemId};
use crate::store::{
    self, Db, SetSql, StoreError, Touched as _, Tx, on, over_bytes, over_ids, over_pairs, read_many,
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

// CROSS JOIN keeps SQLite to the order written, which begins with the set; to PostgreSQL it is any other join.
const RESOLVE: SetSql = over_bytes!(
    "SELECT h.handle, h.pupil_id FROM ",
    " CROSS JOIN handles h WHERE h.system_id = $2 AND h.organisation_id = $3 AND h.handle = s.bytes \
     AND h.retired_at IS NULL"
);
const HELD: SetSql = over_ids!(
    "SELECT h.handle, h.pupil_id FROM ",
    " CROSS JOIN handles h WHERE h.system_id = $2 AND h.organisation_id = $3 AND h.pupil_id = s.id \
     AND h.retired_at IS NULL"
);
const ISSUE: SetSql = over_pairs!(
    "INSERT INTO handles (system_id, organisation_id, handle, pupil_id, issued_at) \
     SELECT $2, $3, s.bytes, s.other, $4 FROM ",
    " WHERE TRUE ON CONFLICT (pupil_id, system_id, organisation_id) WHERE retired_at IS NULL DO NOTHING"
);

type Row = (Vec<u8>, Uuid);

/// The children behind handles of this system acting for this organisation, by the handle in lower case; whatever else is
/// asked for is nobody.
pub(in super::super) async fn resolve_each<'a>(
    db: &Db,
    system: SystemId,
    organisation: OrganisationId,
    handles: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, PupilId>, StoreError> {
    let known: BTreeSet<String> = handles
        .filter_map(|text| crypto::from_hex(text).filter(|bytes| bytes.len() == 16))
        .map(|bytes| crypto::to_hex(&bytes))
        .collect();
    let set = store::listed(known);
    let rows: Vec<Row> = read_many!(db, c => sqlx::query_as(RESOLVE.of(db))
        .bind(set).bind(system.0).bind(organisation.0).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(handle, pupil)| (crypto::to_hex(&handle), PupilId(pupil))).collect())
}

/// The handles that the holder has for these children.
pub(super) async fn held_each(
    db: &Db,
    holder: &Holder,
    pupils: &[PupilId],
) -> Result<HashMap<PupilId, String>, StoreError> {
    let set = store::ids(pupils.iter().map(|pupil| pupil.0));
    let rows: Vec<Row> = read_many!(db, c => sqlx::query_as(HELD.of(db))
        .bind(set).bind(holder.system.0).bind(holder.organisation.0).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(handle, pupil)| (PupilId(pupil), crypto::to_hex(&handle))).collect())
}

/// Issues handles, and gives them back; where another request has just issued one for the same child, that one stays, and
/// there are fewer of them than children: which, is to be read.
pub(super) async fn issue_each(
    tx: &mut Tx,
    holder: &Holder,
    pupils: &[PupilId],
    at: DateTime<Utc>,
) -> Result<Option<HashMap<PupilId, String>>, StoreError> {
    let mut drawn = Vec::with_capacity(pupils.len());
    for pupil in pupils {
        let handle = crypto::random::<16>().ok_or(StoreError::Corrupt("no random bytes"))?;
        drawn.push((Uuid::from_bytes(handle), pupil.0));
    }
    let (set, text) = (store::pairs(drawn.iter().copied()), ISSUE.within(tx));
    let issued = on!(tx, c => sqlx::query(text)
        .bind(set).bind(holder.system.0).bind(holder.organisation.0).bind(at)
        .execute(c).await.map(|done| done.touched()))?;
    let all = usize::try_from(issued).is_ok_and(|issued| issued == drawn.len());
    let handles =
        drawn.into_iter().map(|(handle, pupil)| (PupilId(pupil), crypto::to_hex(handle.as_bytes())));
    Ok(all.then(|| handles.collect()))
}
