//! Reading the log: an organisation's own entries, and the whole of it to verify.

use super::entry::Entry;
use super::tree::{Frontier, Hash, leaf_hash};
use crate::domain::identifiers::OrganisationId;
use crate::store::{Db, SetSql, StoreError, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Rows read at a time when verifying: memory does not grow with the log.
const PAGE: i64 = 1000;

/// An entry as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its index, from 0.
    pub index: u64,
    /// What it says.
    pub entry: Entry,
    /// Its leaf hash.
    pub leaf: Hash,
}

/// What verifying found to be whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Entries re-read.
    pub size: u64,
    /// The Merkle tree hash over them, equal to the head's.
    pub root: Hash,
}

/// Where the log cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    /// The log says something other than what was recorded.
    #[error(
        "the audit log is wrong at index {first_bad_index}: {what}; stop the gateway and restore a copy that verifies"
    )]
    Wrong {
        /// The first index that is wrong; where only a range is known, its first.
        first_bad_index: u64,
        /// What is wrong there.
        what: String,
    },
    /// The log could not be read to its end.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for Doubt {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    idx: i64,
    event_id: Uuid,
    recorded_at: DateTime<Utc>,
    organisation_id: Option<Uuid>,
    class: String,
    entry: Vec<u8>,
    leaf: Vec<u8>,
}

/// One organisation's own entries in the order of the log, those after `after_index`, at most `limit`.
pub async fn entries(
    db: &Db,
    organisation: OrganisationId,
    after_index: Option<u64>,
    limit: u32,
) -> Result<Vec<Stored>, StoreError> {
    const OWN: &str = "SELECT idx, event_id, recorded_at, organisation_id, class, entry, leaf FROM audit_entries \
         WHERE organisation_id = $1 AND idx > $2 ORDER BY idx LIMIT $3";
    // An index past the largest that can be stored has nothing after it.
    let after = after_index.map_or(-1, |index| i64::try_from(index).unwrap_or(i64::MAX));
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(OWN)
        .bind(organisation.0).bind(after).bind(i64::from(limit)).fetch_all(c).await)?;
    rows.into_iter().map(|row| stored(row, organisation)).collect()
}

/// One organisation's own entries, newest first, those before `before_index`, at most `limit`.
pub async fn newest_entries(
    db: &Db,
    organisation: OrganisationId,
    before_index: Option<u64>,
    limit: u32,
) -> Result<Vec<Stored>, StoreError> {
    const OWN: &str = "SELECT idx, event_id, recorded_at, organisation_id, class, entry, leaf FROM audit_entries \
         WHERE organisation_id = $1 AND idx < $2 ORDER BY idx DESC LIMIT $3";
    let before = before_index.and_then(|index| i64::try_from(index).ok()).unwrap_or(i64::MAX);
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(OWN)
        .bind(organisation.0).bind(before).bind(i64::from(limit)).fetch_all(c).await)?;
    rows.into_iter().map(|row| stored(row, organisation)).collect()
}

/// One organisation's own entries of what was given to people as cover for another team between two times, in the order of
/// the log; the first 20,000.
pub async fn by_cover(
    db: &Db,
    organisation: OrganisationId,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Stored>, StoreError> {
    // An event's identifier begins with its time, in milliseconds: by it the first entry is found without a search.
    const FIRST: &str = "SELECT idx FROM audit_entries WHERE event_id >= $1 ORDER BY event_id LIMIT 1";
    const COVER: SetSql = SetSql {
        sqlite: "SELECT idx, event_id, recorded_at, organisation_id, class, entry, leaf FROM audit_entries \
             WHERE organisation_id = $1 AND idx >= $2 AND recorded_at >= $3 AND recorded_at < $4 \
             AND instr(entry, $5) > 0 ORDER BY idx LIMIT 20000",
        postgres: "SELECT idx, event_id, recorded_at, organisation_id, class, entry, leaf FROM audit_entries \
             WHERE organisation_id = $1 AND idx >= $2 AND recorded_at >= $3 AND recorded_at < $4 \
             AND position($5 IN entry) > 0 ORDER BY idx LIMIT 20000",
    };
    // Entries of one transaction may stand before earlier events: begin a little before.
    let millis = u64::try_from(from.timestamp_millis() - 600_000).unwrap_or(0);
    let begins = Uuid::from_u128(u128::from(millis) << 80);
    let first: Option<i64> = read!(db, c => sqlx::query_scalar(FIRST).bind(begins).fetch_optional(c).await)?;
    let Some(first) = first else { return Ok(Vec::new()) };
    let word = b"\"by_cover\":true".as_slice();
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(COVER.of(db))
        .bind(organisation.0).bind(first).bind(from).bind(until).bind(word).fetch_all(c).await)?;
    let given = rows.into_iter().map(|row| stored(row, organisation));
    Ok(given.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|s| s.entry.by_cover).collect())
}

fn stored(row: Row, reader: OrganisationId) -> Result<Stored, StoreError> {
    let entry = Entry::from_bytes(&row.entry).map_err(|_| StoreError::Corrupt("audit_entries.entry"))?;
    // The column finds the entry; the bytes, which the leaf commits to, say whose it is.
    if entry.organisation() != Some(reader) {
        return Err(StoreError::Corrupt("audit_entries.organisation_id"));
    }
    let index = u64::try_from(row.idx).map_err(|_| StoreError::Corrupt("audit_entries.idx"))?;
    let leaf = row.leaf.try_into().map_err(|_| StoreError::Corrupt("audit_entries.leaf"))?;
    Ok(Stored { index, entry, leaf })
}

/// Re-reads the whole log, recomputes every leaf and the root, and holds them to the head; safe beside a running gateway.
pub async fn verify(db: &Db) -> Result<Verified, Doubt> {
    const LAST: &str = "SELECT COALESCE(MAX(idx), -1) FROM audit_entries";
    const FROM: &str = "SELECT idx, event_id, recorded_at, organisation_id, class, entry, leaf FROM audit_entries \
         WHERE idx >= $1 AND idx < $2 ORDER BY idx LIMIT $3";
    // In this order, since entries may be added meanwhile: the head is never behind the entries read before it.
    let last: i64 = read!(db, c => sqlx::query_scalar(LAST).fetch_one(c).await)?;
    let (size, head, root) = head(db).await?;
    let end = i64::try_from(size).map_err(|_| StoreError::Corrupt("audit_head.size"))?;
    if last >= end {
        return Err(wrong(size, "there are entries that the head does not count"));
    }
    let mut frontier = Frontier::default();
    while frontier.size() < size {
        let next = frontier.size();
        let from = i64::try_from(next).map_err(|_| StoreError::Corrupt("audit_entries.idx"))?;
        let rows: Vec<Row> =
            read!(db, c => sqlx::query_as(FROM).bind(from).bind(end).bind(PAGE).fetch_all(c).await)?;
        if rows.is_empty() {
            return Err(wrong(next, "entries are missing from here to the end"));
        }
        for row in rows {
            check(&row, frontier.size())?;
            frontier.append(leaf_hash(&row.entry));
        }
    }
    if let Some((start, count)) = frontier.first_difference(&head) {
        let what = format!("one of the {count} entries from here is not what was recorded");
        return Err(Doubt::Wrong { first_bad_index: start, what });
    }
    if frontier.root() == root {
        Ok(Verified { size, root })
    } else {
        Err(wrong(size, "the head's root is not that of its entries"))
    }
}

async fn head(db: &Db) -> Result<(u64, Frontier, Hash), Doubt> {
    const HEAD: &str = "SELECT size, frontier, root FROM audit_head WHERE id = 1";
    let (size, frontier, root): (i64, Vec<u8>, Vec<u8>) =
        read!(db, c => sqlx::query_as(HEAD).fetch_one(c).await)?;
    let size = u64::try_from(size).map_err(|_| StoreError::Corrupt("audit_head.size"))?;
    let frontier = Frontier::from_bytes(size, &frontier)
        .ok_or_else(|| wrong(size, "the head's hashes do not fit its size"))?;
    let root = root.try_into().map_err(|_| wrong(size, "the head's root is not a hash"))?;
    Ok((size, frontier, root))
}

/// Holds one row to its place, its leaf and its bytes.
fn check(row: &Row, index: u64) -> Result<(), Doubt> {
    if u64::try_from(row.idx) != Ok(index) {
        return Err(wrong(index, "the entry is missing"));
    }
    if row.leaf != leaf_hash(&row.entry) {
        return Err(wrong(index, "the entry's bytes are not those of its leaf"));
    }
    let entry = Entry::from_bytes(&row.entry).map_err(|_| wrong(index, "the bytes are not an entry"))?;
    let columns_agree = entry.event.0 == row.event_id
        && entry.time == row.recorded_at
        && entry.class.as_str() == row.class
        && entry.organisation().map(|o| o.0) == row.organisation_id;
    if columns_agree { Ok(()) } else { Err(wrong(index, "the columns beside the entry say something else")) }
}

fn wrong(first_bad_index: u64, what: &str) -> Doubt {
    Doubt::Wrong { first_bad_index, what: what.to_owned() }
}
