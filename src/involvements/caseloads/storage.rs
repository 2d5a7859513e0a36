//! What caseloads confirm, end and leave held.

use crate::domain::identifiers::{OrganisationId, SystemId};
use crate::domain::purpose::InvolvementKind;
use crate::involvements::storage::switch_to;
use crate::store::{self, Db, SetSql, StoreError, Touched as _, Tx, must_touch, on, over_ids, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// What is open is matched, or waits for its match, and is not over.
macro_rules! open {
    () => {
        "ended_at IS NULL AND (until_day IS NULL OR until_day >= $3) AND (pupil_id IS NOT NULL OR queue IS NOT NULL)"
    };
}

const CONFIRM: SetSql = over_ids!(
    "UPDATE involvements SET confirmed_at = $4, times_confirmed = times_confirmed + 1 \
     WHERE organisation_id = $2 AND system_id = $3 AND ended_at IS NULL AND id IN (SELECT s.id FROM ",
    ")"
);

/// Notes that a system lists these of its own.
pub(in crate::involvements) async fn confirm(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    ids: &[Uuid],
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let (set, sql) = (store::ids(ids.iter().copied()), CONFIRM.within(tx));
    Ok(on!(tx, c => sqlx::query(sql).bind(&set).bind(organisation.0).bind(system.0).bind(at)
        .execute(c).await.map(|r| r.touched()))?)
}

/// How many of a system's are open, and how many of those it does not list.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(in crate::involvements) struct Open {
    pub(in crate::involvements) open: i64,
    pub(in crate::involvements) unlisted: i64,
}

/// Counts what a system has open, and what of that was not confirmed at `listed_at` or later.
pub(in crate::involvements) async fn open_and_unlisted(
    db: &Db,
    (organisation, system): (OrganisationId, SystemId),
    (today, listed_at): (NaiveDate, DateTime<Utc>),
) -> Result<Open, StoreError> {
    const COUNT: &str = concat!(
        "SELECT COUNT(*) AS open, COUNT(CASE WHEN confirmed_at < $4 THEN 1 END) AS unlisted FROM involvements \
         WHERE organisation_id = $1 AND system_id = $2 AND ",
        open!()
    );
    Ok(read!(db, c => sqlx::query_as(COUNT)
        .bind(organisation.0).bind(system.0).bind(today).bind(listed_at).fetch_one(c).await)?)
}

/// How many of a kind an organisation has open.
pub(in crate::involvements) async fn of_kind(
    db: &Db,
    organisation: OrganisationId,
    kind: InvolvementKind,
    today: NaiveDate,
) -> Result<i64, StoreError> {
    const COUNT: &str =
        concat!("SELECT COUNT(*) FROM involvements WHERE organisation_id = $1 AND kind = $2 AND ", open!());
    Ok(read!(db, c => sqlx::query_scalar(COUNT)
        .bind(organisation.0).bind(kind.as_str()).bind(today).fetch_one(c).await)?)
}

/// Ends what a system has open and does not list any more: what was not confirmed at `listed_at` or later.
pub(in crate::involvements) async fn end_unlisted(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    listed_at: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const END: &str = "UPDATE involvements SET ended_at = $4, queue = NULL, ended_because = 'unlisted' \
         WHERE organisation_id = $1 AND system_id = $2 AND ended_at IS NULL AND confirmed_at < $3";
    Ok(on!(tx, c => sqlx::query(END).bind(organisation.0).bind(system.0).bind(listed_at).bind(at)
        .execute(c).await.map(|r| r.touched()))?)
}

/// A caseload that waits for a person.
#[expect(clippy::struct_field_names, reason = "as the columns are named")]
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::involvements) struct Held {
    pub(in crate::involvements) upload_id: Uuid,
    system_id: Uuid,
    pub(in crate::involvements) listed: i64,
    pub(in crate::involvements) would_end: i64,
    pub(in crate::involvements) open: i64,
    pub(in crate::involvements) held_at: DateTime<Utc>,
}

/// Holds a caseload whose claims were put aside. It takes the place of any that the system has held before.
pub(in crate::involvements) async fn hold(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    (upload, listed, counted): (Uuid, i64, Open),
    listed_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    const CLEAR: &str = "DELETE FROM involvements_staged WHERE organisation_id = $1 AND upload_id IN \
         (SELECT upload_id FROM held_caseloads WHERE organisation_id = $1 AND system_id = $2)";
    const BEFORE: &str = "DELETE FROM held_caseloads WHERE organisation_id = $1 AND system_id = $2";
    const HOLD: &str = "INSERT INTO held_caseloads (organisation_id, upload_id, system_id, listed, would_end, open, \
         held_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    on!(tx, c => sqlx::query(CLEAR).bind(organisation.0).bind(system.0).execute(c).await.map(|_| ()))?;
    on!(tx, c => sqlx::query(BEFORE).bind(organisation.0).bind(system.0).execute(c).await.map(|_| ()))?;
    on!(tx, c => {
        let r = sqlx::query(HOLD).bind(organisation.0).bind(upload).bind(system.0).bind(listed)
            .bind(counted.unlisted).bind(counted.open).bind(listed_at).execute(c).await?;
        must_touch("caseload held", &r, 1)
    })
}

/// The caseloads of an organisation that wait.
pub(in crate::involvements) async fn held(
    db: &Db,
    organisation: OrganisationId,
) -> Result<Vec<Held>, StoreError> {
    const HELD: &str = "SELECT upload_id, system_id, listed, would_end, open, held_at FROM held_caseloads \
         WHERE organisation_id = $1 ORDER BY held_at, upload_id";
    Ok(read!(db, c => sqlx::query_as(HELD).bind(organisation.0).fetch_all(c).await)?)
}

/// Lets a held caseload go on: its claims count, and what it did not list ends. None where it is not held any more.
pub(super) async fn let_go(
    tx: &mut Tx,
    organisation: OrganisationId,
    upload: Uuid,
    at: DateTime<Utc>,
) -> Result<Option<u64>, StoreError> {
    const TAKE: &str = "DELETE FROM held_caseloads WHERE organisation_id = $1 AND upload_id = $2 \
         RETURNING upload_id, system_id, listed, would_end, open, held_at";
    let held: Option<Held> = on!(tx, c => sqlx::query_as(TAKE)
        .bind(organisation.0).bind(upload).fetch_optional(c).await)?;
    let Some(held) = held else { return Ok(None) };
    switch_to(tx, organisation, upload).await?;
    let whose = (organisation, SystemId(held.system_id));
    Ok(Some(end_unlisted(tx, whose, held.held_at, at).await?))
}

/// Deletes at most `limit` caseloads that were held before a time and let go on by nobody, with what they put aside.
pub(in crate::involvements) async fn forget_held(
    tx: &mut Tx,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    const CLAIMS: &str = "DELETE FROM involvements_staged WHERE upload_id IN (SELECT upload_id FROM held_caseloads \
         WHERE held_at < $1 ORDER BY held_at, upload_id LIMIT $2)";
    const HELD: &str = "DELETE FROM held_caseloads WHERE upload_id IN (SELECT upload_id FROM held_caseloads \
         WHERE held_at < $1 ORDER BY held_at, upload_id LIMIT $2)";
    on!(tx, c => sqlx::query(CLAIMS).bind(before).bind(limit).execute(c).await.map(|_| ()))?;
    Ok(on!(tx, c => sqlx::query(HELD).bind(before).bind(limit).execute(c).await.map(|r| r.touched()))?)
}

/// A feed that has fallen silent over so many that a person has to look.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(in crate::involvements) struct Silence {
    pub(in crate::involvements) since: NaiveDate,
    pub(in crate::involvements) due: i64,
    pub(in crate::involvements) looked_on: Option<NaiveDate>,
}

/// The silence of an organisation's feed, where one is held.
pub(in crate::involvements) async fn silence(
    db: &Db,
    organisation: OrganisationId,
) -> Result<Option<Silence>, StoreError> {
    const SILENCE: &str = "SELECT since, due, looked_on FROM silent_feeds WHERE organisation_id = $1";
    Ok(read!(db, c => sqlx::query_as(SILENCE).bind(organisation.0).fetch_optional(c).await)?)
}

/// Notes that a person has looked; says how many will end. None where nothing is held, or one has looked before.
pub(super) async fn look_at_silence(
    tx: &mut Tx,
    organisation: OrganisationId,
    today: NaiveDate,
) -> Result<Option<u64>, StoreError> {
    const LOOK: &str = "UPDATE silent_feeds SET looked_on = $2 WHERE organisation_id = $1 AND looked_on IS NULL \
         RETURNING due";
    let due: Option<i64> = on!(tx, c => sqlx::query_scalar(LOOK)
        .bind(organisation.0).bind(today).fetch_optional(c).await)?;
    Ok(due.map(i64::unsigned_abs))
}

/// Holds a silence; says whether it is new.
pub(super) async fn note_silence(
    tx: &mut Tx,
    organisation: OrganisationId,
    today: NaiveDate,
    due: i64,
) -> Result<bool, StoreError> {
    const NOTE: &str = "INSERT INTO silent_feeds (organisation_id, since, due) VALUES ($1, $2, $3) \
         ON CONFLICT (organisation_id) DO NOTHING";
    const AGAIN: &str = "UPDATE silent_feeds SET due = $2 WHERE organisation_id = $1";
    let new = on!(tx, c => sqlx::query(NOTE).bind(organisation.0).bind(today).bind(due)
        .execute(c).await.map(|r| r.touched()))?;
    if new == 0 {
        on!(tx, c => sqlx::query(AGAIN).bind(organisation.0).bind(due).execute(c).await.map(|_| ()))?;
    }
    Ok(new == 1)
}

/// Forgets a silence that is over.
pub(super) async fn end_silence(tx: &mut Tx, organisation: OrganisationId) -> Result<u64, StoreError> {
    const END: &str = "DELETE FROM silent_feeds WHERE organisation_id = $1";
    Ok(on!(tx, c => sqlx::query(END).bind(organisation.0).execute(c).await.map(|r| r.touched()))?)
}

/// An organisation's matched involvements that are open, and those of them not confirmed since a time.
#[expect(clippy::struct_field_names, reason = "as the columns are named")]
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(super) struct Due {
    pub(super) organisation_id: Uuid,
    pub(super) open: i64,
    pub(super) due: i64,
}

/// What is due, organisation by organisation.
pub(super) async fn due(db: &Db, today: NaiveDate, before: DateTime<Utc>) -> Result<Vec<Due>, StoreError> {
    const DUE: &str = "SELECT organisation_id, COUNT(*) AS open, COUNT(CASE WHEN confirmed_at < $2 THEN 1 END) AS due \
         FROM involvements WHERE ended_at IS NULL AND pupil_id IS NOT NULL \
         AND (until_day IS NULL OR until_day >= $1) GROUP BY organisation_id ORDER BY organisation_id";
    Ok(read!(db, c => sqlx::query_as(DUE).bind(today).bind(before).fetch_all(c).await)?)
}

/// Ends at most `limit` of an organisation's that were not confirmed since a time.
pub(super) async fn end_silent(
    tx: &mut Tx,
    organisation: OrganisationId,
    (before, at): (DateTime<Utc>, DateTime<Utc>),
    limit: i64,
) -> Result<u64, StoreError> {
    const END: &str = "UPDATE involvements SET ended_at = $3, queue = NULL, ended_because = 'silent' \
         WHERE (organisation_id, id) IN (SELECT organisation_id, id FROM involvements \
         WHERE organisation_id = $1 AND ended_at IS NULL AND pupil_id IS NOT NULL AND confirmed_at < $2 LIMIT $4)";
    Ok(on!(tx, c => sqlx::query(END).bind(organisation.0).bind(before).bind(at).bind(limit)
        .execute(c).await.map(|r| r.touched()))?)
}
