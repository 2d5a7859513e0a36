//! One group of entries, made durable in one transaction.
//!
//! The head row's lock is the whole coordination between gateways on one database: indices are given under it, and
//! the head is read there and nowhere else, since other gateways and the command line write too.

use crate::audit::entry::Entry;
use crate::audit::lanes::{self, Key, LaneState};
use crate::audit::receipt::Receipt;
use crate::audit::tree::{Frontier, Hash, leaf_hash};
use crate::store::{Db, StoreError, Touched as _, Tx, must_touch, on};
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Most pending rows, and most queued entries, that one transaction takes.
pub const GROUP: usize = 1024;

/// An entry on its way into the log.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Item {
    pub event_id: Uuid,
    pub organisation_id: Option<Uuid>,
    pub class: String,
    pub entry: Vec<u8>,
    pub created_at: DateTime<Utc>,
    /// The lane in which it counts. What is staged with a write reads nothing.
    #[sqlx(skip)]
    pub counts: Option<Key>,
}

impl Item {
    pub fn of(entry: &Entry) -> Self {
        Self {
            event_id: entry.event.0,
            organisation_id: entry.organisation().map(|o| o.0),
            class: entry.class.as_str().to_owned(),
            entry: entry.to_bytes(),
            created_at: entry.time,
            counts: lanes::counts(entry),
        }
    }
}

/// What one transaction did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The receipt of every event that now has an entry, those asked about included.
    pub receipts: HashMap<Uuid, Receipt>,
    /// Whether pending rows may be left for the next transaction.
    pub more_pending: bool,
    /// How the lanes stand in which something was counted.
    pub lanes: Vec<(Key, LaneState)>,
}

/// Commits the queued entries, with `pending` also the oldest pending rows, and looks up the events `asked` about.
pub async fn commit(db: &Db, queued: &[Item], pending: bool, asked: &[Uuid]) -> Result<Outcome, StoreError> {
    // Before the writer is held: whoever comes next waits for it.
    let hashed: Vec<Hash> = queued.iter().map(|item| leaf_hash(&item.entry)).collect();
    let mut tx = db.begin().await?;
    let mut frontier = lock_head(&mut tx).await?;
    let mut outcome = Outcome::default();
    let rows = if pending { oldest_pending(&mut tx).await? } else { Vec::new() };
    outcome.more_pending = rows.len() >= GROUP;
    delete_pending(&mut tx, &rows).await?;
    // A pending row whose event already has an entry is only cleared away.
    let staged = rows.iter().filter(|row| !row.sequenced).map(|row| &row.item);
    let items: Vec<&Item> = queued.iter().chain(staged.clone()).collect();
    let leaves: Vec<Hash> = hashed.into_iter().chain(staged.map(|item| leaf_hash(&item.entry))).collect();
    let first = frontier.size();
    for (item, leaf) in items.iter().zip(&leaves) {
        let index = frontier.append(*leaf);
        outcome.receipts.insert(item.event_id, Receipt { index, leaf: *leaf });
    }
    if !items.is_empty() {
        insert(&mut tx, first, &items, &leaves).await?;
        move_head(&mut tx, &frontier).await?;
    }
    outcome.lanes = lanes::count(&mut tx, &counted(queued)).await?;
    for event in asked {
        if let Some(receipt) = find_unless_known(&mut tx, *event, &outcome.receipts).await? {
            outcome.receipts.insert(*event, receipt);
        }
    }
    tx.commit().await?;
    Ok(outcome)
}

/// How many of a group count in each lane, and when the last of them was.
fn counted(queued: &[Item]) -> BTreeMap<Key, (i64, DateTime<Utc>)> {
    let mut counted: BTreeMap<Key, (i64, DateTime<Utc>)> = BTreeMap::new();
    for (key, at) in queued.iter().filter_map(|item| Some((item.counts?, item.created_at))) {
        let (reads, last) = counted.entry(key).or_insert((0, at));
        (*reads, *last) = (*reads + 1, at.max(*last));
    }
    counted
}

/// Locks the head until the transaction ends, and reads it.
async fn lock_head(tx: &mut Tx) -> Result<Frontier, StoreError> {
    const LOCK: &str = "UPDATE audit_head SET size = size WHERE id = 1 RETURNING size, frontier";
    let (size, frontier): (i64, Vec<u8>) = on!(tx, c => sqlx::query_as(LOCK).fetch_one(c).await)?;
    u64::try_from(size)
        .ok()
        .and_then(|size| Frontier::from_bytes(size, &frontier))
        .ok_or(StoreError::Corrupt("audit_head"))
}

async fn move_head(tx: &mut Tx, frontier: &Frontier) -> Result<(), StoreError> {
    const MOVE: &str = "UPDATE audit_head SET size = $1, frontier = $2, root = $3 WHERE id = 1";
    let size = to_i64(frontier.size())?;
    on!(tx, c => sqlx::query(MOVE)
        .bind(size).bind(frontier.to_bytes()).bind(frontier.root().to_vec())
        .execute(c).await.map(|done| must_touch("move the head of the audit log", &done, 1)))?
}

#[derive(sqlx::FromRow)]
struct PendingRow {
    #[sqlx(flatten)]
    item: Item,
    sequenced: bool,
}

async fn oldest_pending(tx: &mut Tx) -> Result<Vec<PendingRow>, StoreError> {
    const OLDEST: &str = "SELECT p.event_id, p.organisation_id, p.class, p.entry, p.created_at, \
         e.idx IS NOT NULL AS sequenced \
         FROM audit_pending p LEFT JOIN audit_entries e ON e.event_id = p.event_id \
         ORDER BY p.created_at, p.event_id LIMIT $1";
    let limit = to_i64(GROUP as u64)?;
    Ok(on!(tx, c => sqlx::query_as(OLDEST).bind(limit).fetch_all(c).await)?)
}

async fn delete_pending(tx: &mut Tx, rows: &[PendingRow]) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM audit_pending WHERE event_id = $1";
    for row in rows {
        on!(tx, c => sqlx::query(DELETE).bind(row.item.event_id)
            .execute(c).await.map(|done| must_touch("clear a pending audit entry", &done, 1)))??;
    }
    Ok(())
}

/// Inserts the entries with indices from `first`.
///
/// The one statement that differs: both databases take the whole group in one statement, since each costs a turn of
/// another thread or a round trip; PostgreSQL as arrays, which `SQLite` has no form for, and `SQLite` as
/// the bytes of all entries with a list of where each begins.
async fn insert(tx: &mut Tx, first: u64, items: &[&Item], leaves: &[Hash]) -> Result<(), StoreError> {
    const SQLITE: &str = "INSERT INTO audit_entries (idx, event_id, recorded_at, organisation_id, class, entry, leaf) \
         SELECT $1 + key, substr($3, value ->> 0, 16), value ->> 2, \
         nullif(substr($3, (value ->> 0) + 16, 16), zeroblob(16)), value ->> 3, \
         substr($3, (value ->> 0) + 64, value ->> 1), substr($3, (value ->> 0) + 32, 32) FROM json_each($2)";
    const POSTGRES: &str = "INSERT INTO audit_entries (idx, event_id, recorded_at, organisation_id, class, entry, leaf) \
         SELECT * FROM UNNEST($1::bigint[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[])";
    match tx {
        Tx::Sqlite(tx) => {
            let (rows, bytes) = packed(items, leaves);
            let done =
                sqlx::query(SQLITE).bind(to_i64(first)?).bind(rows).bind(bytes).execute(&mut **tx).await?;
            must_touch("insert a group of audit entries", &done, items.len() as u64)
        }
        Tx::Postgres(tx) => {
            let indices = (first..).take(items.len()).map(to_i64).collect::<Result<Vec<i64>, _>>()?;
            let done = sqlx::query(POSTGRES)
                .bind(indices)
                .bind(items.iter().map(|i| i.event_id).collect::<Vec<_>>())
                .bind(items.iter().map(|i| i.created_at).collect::<Vec<_>>())
                .bind(items.iter().map(|i| i.organisation_id).collect::<Vec<_>>())
                .bind(items.iter().map(|i| i.class.as_str()).collect::<Vec<_>>())
                .bind(items.iter().map(|i| i.entry.as_slice()).collect::<Vec<_>>())
                .bind(leaves.iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>())
                .execute(&mut **tx)
                .await?;
            must_touch("insert a group of audit entries", &done, items.len() as u64)
        }
    }
}

/// The group as `SQLite` takes it: the bytes of all entries, one after the other, each with its event, its organisation
/// (zeros: none) and its leaf in front; and an array for each, of where these begin, counted from 1, how many bytes the
/// entry itself has, its time and its class.
fn packed(items: &[&Item], leaves: &[Hash]) -> (String, Vec<u8>) {
    let whole = items.iter().map(|item| 64 + item.entry.len()).sum();
    let mut bytes = Vec::with_capacity(whole);
    let mut rows = Vec::with_capacity(items.len());
    for (item, leaf) in items.iter().zip(leaves) {
        // As the driver writes a time.
        let time = item.created_at.to_rfc3339_opts(SecondsFormat::AutoSi, false);
        rows.push((bytes.len() + 1, item.entry.len(), time, item.class.as_str()));
        bytes.extend_from_slice(item.event_id.as_bytes());
        bytes.extend_from_slice(item.organisation_id.unwrap_or_default().as_bytes());
        bytes.extend_from_slice(leaf);
        bytes.extend_from_slice(&item.entry);
    }
    // Texts and numbers in memory: writing them cannot fail.
    (serde_json::to_string(&rows).unwrap_or_default(), bytes)
}

/// The receipt of an event that an earlier transaction, here or in another gateway, put into the log.
async fn find_unless_known(
    tx: &mut Tx,
    event: Uuid,
    known: &HashMap<Uuid, Receipt>,
) -> Result<Option<Receipt>, StoreError> {
    const FIND: &str = "SELECT idx, leaf FROM audit_entries WHERE event_id = $1";
    if known.contains_key(&event) {
        return Ok(None);
    }
    let row: Option<(i64, Vec<u8>)> = on!(tx, c => sqlx::query_as(FIND).bind(event).fetch_optional(c).await)?;
    row.map(|(index, leaf)| {
        let index = u64::try_from(index).map_err(|_| StoreError::Corrupt("audit_entries.idx"))?;
        let leaf = leaf.try_into().map_err(|_| StoreError::Corrupt("audit_entries.leaf"))?;
        Ok(Receipt { index, leaf })
    })
    .transpose()
}

/// Puts an entry beside the change that it tells of, in the change's own transaction.
pub async fn insert_pending(tx: &mut Tx, item: &Item) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO audit_pending (event_id, organisation_id, class, entry, created_at) \
         VALUES ($1, $2, $3, $4, $5)";
    on!(tx, c => sqlx::query(INSERT)
        .bind(item.event_id).bind(item.organisation_id).bind(&item.class).bind(&item.entry).bind(item.created_at)
        .execute(c).await.map(|done| done.touched()))?;
    Ok(())
}

fn to_i64(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Corrupt("audit_head.size"))
}
