//! The tables of change feeds: one row for a feed, one for each child that it has told of.

use crate::domain::identifiers::PupilId;
use crate::gate::{OfFollowed, Permit};
use crate::store::{Db, StoreError, Touched, Tx, must_touch, on, read};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

/// A feed whose reader has not looked at all its children for so long begins anew: nobody's handle is retired sooner than
/// thirty days after the last relationship ended, so that each ending is seen while the handle still stands.
pub(super) const STANDS: TimeDelta = TimeDelta::days(28);

/// A feed. Times are school time.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Feed {
    pub(super) id: Uuid,
    /// Grows with each request that looked at children, and with the floor: of two at once, one goes on.
    pub(super) turn: i64,
    pub(super) next_place: i64,
    /// A reader that is not yet here has missed somebody who is gone, and begins anew.
    pub(super) floor: i64,
    pub(super) made_at: DateTime<Utc>,
    /// When the look at all children began that is under way, or was the last.
    pub(super) begun_at: DateTime<Utc>,
    /// When the last one began that came to its end.
    pub(super) passed_at: Option<DateTime<Utc>>,
    /// The child that the look under way has come to.
    pub(super) pass_after: Option<Uuid>,
}

/// A child as a feed has told of it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) pupil: PupilId,
    pub(super) handle: String,
    /// Of what could be read at the publication; empty once it is gone.
    pub(super) digest: Vec<u8>,
    /// Sunday that ended the last publication for which it was looked at.
    pub(super) publication: NaiveDate,
    pub(super) place: i64,
    pub(super) gone_at: Option<DateTime<Utc>>,
}

impl Told {
    pub(super) const fn is_gone(&self) -> bool {
        self.gone_at.is_some()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    pupil_id: Uuid,
    handle: String,
    digest: Vec<u8>,
    publication: NaiveDate,
    place: i64,
    gone_at: Option<DateTime<Utc>>,
}

impl From<Row> for Told {
    fn from(row: Row) -> Self {
        let Row { pupil_id, handle, digest, publication, place, gone_at } = row;
        Self { pupil: PupilId(pupil_id), handle, digest, publication, place, gone_at }
    }
}

impl Feed {
    /// One that nobody has read yet.
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::new_v4(),
            turn: 0,
            next_place: 1,
            floor: 0,
            made_at: now,
            begun_at: now,
            passed_at: None,
            pass_after: None,
        }
    }

    /// Whether it has stood still too long to go on.
    pub(super) fn is_stale(&self, now: DateTime<Utc>) -> bool {
        self.passed_at.unwrap_or(self.made_at) < now - STANDS
    }
}

/// The feed of the permit's holder, if it has read one.
pub(super) async fn feed(db: &Db, permit: &Permit<OfFollowed>) -> Result<Option<Feed>, StoreError> {
    const OF_HOLDER: &str = "SELECT id, turn, next_place, floor, made_at, begun_at, passed_at, pass_after \
         FROM change_feeds WHERE system_id = $1 AND organisation_id = $2 AND role = $3 AND purpose = $4";
    Ok(read!(db, c => sqlx::query_as(OF_HOLDER)
        .bind(permit.system().0).bind(permit.organisation().0)
        .bind(permit.role().as_str()).bind(permit.purpose().as_str())
        .fetch_optional(c).await)?)
}

/// What was told after a place, in the order of telling; nothing where the feed's floor has risen over that place.
pub(super) async fn told_from(db: &Db, feed: Uuid, place: i64, limit: i64) -> Result<Vec<Told>, StoreError> {
    const FROM: &str = "SELECT pupil_id, handle, digest, publication, place, gone_at FROM changes_told \
         WHERE feed_id = $1 AND place > $2 AND ($2 = 0 OR EXISTS (SELECT 1 FROM change_feeds f \
         WHERE f.id = $1 AND f.floor <= $2)) ORDER BY place LIMIT $3";
    let rows: Vec<Row> =
        read!(db, c => sqlx::query_as(FROM).bind(feed).bind(place).bind(limit).fetch_all(c).await)?;
    Ok(rows.into_iter().map(Told::from).collect())
}

/// The next children that a feed has told of, in the order of their ids.
pub(super) async fn next_told(
    db: &Db,
    feed: Uuid,
    after: PupilId,
    limit: i64,
) -> Result<Vec<Told>, StoreError> {
    const NEXT: &str = "SELECT pupil_id, handle, digest, publication, place, gone_at FROM changes_told \
         WHERE feed_id = $1 AND pupil_id > $2 ORDER BY pupil_id LIMIT $3";
    let rows: Vec<Row> =
        read!(db, c => sqlx::query_as(NEXT).bind(feed).bind(after.0).bind(limit).fetch_all(c).await)?;
    Ok(rows.into_iter().map(Told::from).collect())
}

/// Begins a feed; in the place of `stale`, where there is one. `false` when another request has just done so.
pub(super) async fn begin(
    tx: &mut Tx,
    permit: &Permit<OfFollowed>,
    feed: &Feed,
    stale: Option<Uuid>,
) -> Result<bool, StoreError> {
    const END: &str = "DELETE FROM change_feeds WHERE id = $1";
    const INSERT: &str = "INSERT INTO change_feeds (system_id, organisation_id, role, purpose, id, turn, next_place, \
         floor, made_at, begun_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (system_id, organisation_id, role, purpose) DO NOTHING";
    if let Some(stale) = stale {
        on!(tx, c => sqlx::query(END).bind(stale).execute(c).await.map(|_| ()))?;
    }
    let touched = on!(tx, c => sqlx::query(INSERT)
        .bind(permit.system().0).bind(permit.organisation().0)
        .bind(permit.role().as_str()).bind(permit.purpose().as_str())
        .bind(feed.id).bind(feed.turn).bind(feed.next_place).bind(feed.floor)
        .bind(feed.made_at).bind(feed.begun_at)
        .execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// Moves a feed on by one turn; `false` when another request has taken that turn.
pub(super) async fn move_on(tx: &mut Tx, feed: &Feed) -> Result<bool, StoreError> {
    const MOVE: &str = "UPDATE change_feeds SET turn = turn + 1, next_place = $3, floor = $4, begun_at = $5, \
         passed_at = $6, pass_after = $7 WHERE id = $1 AND turn = $2";
    let touched = on!(tx, c => sqlx::query(MOVE)
        .bind(feed.id).bind(feed.turn).bind(feed.next_place).bind(feed.floor).bind(feed.begun_at)
        .bind(feed.passed_at).bind(feed.pass_after)
        .execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// Keeps what is told of a child, in the place of what was told before.
pub(super) async fn put(tx: &mut Tx, feed: Uuid, told: &Told) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO changes_told (feed_id, pupil_id, handle, digest, publication, place, gone_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (feed_id, pupil_id) DO UPDATE SET handle = excluded.handle, \
         digest = excluded.digest, publication = excluded.publication, place = excluded.place, \
         gone_at = excluded.gone_at";
    on!(tx, c => {
        let r = sqlx::query(PUT)
            .bind(feed).bind(told.pupil.0).bind(&told.handle).bind(&told.digest).bind(told.publication)
            .bind(told.place).bind(told.gone_at).execute(c).await?;
        must_touch("change told", &r, 1)
    })
}

/// Keeps that a child was looked at for a publication, and nothing had changed.
pub(super) async fn looked(
    tx: &mut Tx,
    feed: Uuid,
    pupil: PupilId,
    sunday: NaiveDate,
) -> Result<(), StoreError> {
    const LOOKED: &str = "UPDATE changes_told SET publication = $3 WHERE feed_id = $1 AND pupil_id = $2";
    on!(tx, c => {
        let r = sqlx::query(LOOKED).bind(feed).bind(pupil.0).bind(sunday).execute(c).await?;
        must_touch("change looked for", &r, 1)
    })
}

/// Ends feeds whose last whole look began before a time, and says how many; their rows go with [`expire_told`].
pub(super) async fn expire_feeds(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64, StoreError> {
    const DELETE: &str = "DELETE FROM change_feeds WHERE COALESCE(passed_at, made_at) < $1";
    Ok(on!(tx, c => sqlx::query(DELETE).bind(before).execute(c).await.map(|r| r.touched()))?)
}

/// Raises the floor of each feed over those of its children who are gone since before a time: a reader that has not been
/// told of them would never be. Says how many it raised.
pub(super) async fn raise_floors(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64, StoreError> {
    const RAISE: &str = "UPDATE change_feeds SET turn = turn + 1, floor = (SELECT MAX(t.place) FROM changes_told t \
         WHERE t.feed_id = change_feeds.id AND t.gone_at < $1) WHERE floor < (SELECT MAX(t.place) \
         FROM changes_told t WHERE t.feed_id = change_feeds.id AND t.gone_at < $1)";
    Ok(on!(tx, c => sqlx::query(RAISE).bind(before).execute(c).await.map(|r| r.touched()))?)
}

/// Deletes at most `limit` rows of children gone since before a time, and of feeds that have ended; says how many.
pub(super) async fn expire_told(tx: &mut Tx, before: DateTime<Utc>, limit: i64) -> Result<u64, StoreError> {
    const DELETE: &str = "DELETE FROM changes_told WHERE (feed_id, pupil_id) IN (SELECT t.feed_id, t.pupil_id \
         FROM changes_told t WHERE t.gone_at < $1 \
         OR NOT EXISTS (SELECT 1 FROM change_feeds f WHERE f.id = t.feed_id) LIMIT $2)";
    Ok(on!(tx, c => sqlx::query(DELETE).bind(before).bind(limit).execute(c).await.map(|r| r.touched()))?)
}
