//! The one daily run of all gateways on a database, and what the day ends.

use crate::store::{Db, StoreError, Touched, Tx, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// Whether the run of a day has ended.
pub(in crate::involvements) async fn day_is_done(db: &Db, today: NaiveDate) -> Result<bool, StoreError> {
    const LAST: &str = "SELECT last_day FROM matching_days WHERE id = 1";
    let last: NaiveDate = read!(db, c => sqlx::query_scalar(LAST).fetch_one(c).await)?;
    Ok(last >= today)
}

/// Takes the run of a day for `holder` until a time. `false` where it is done, or another has it.
pub(in crate::involvements) async fn take_lease(
    tx: &mut Tx,
    (today, holder): (NaiveDate, Uuid),
    (now, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool, StoreError> {
    const TAKE: &str = "UPDATE matching_days SET holder = $2, lease_until = $3 WHERE id = 1 AND last_day < $1 \
         AND (lease_until IS NULL OR lease_until < $4)";
    let touched = on!(tx, c => sqlx::query(TAKE)
        .bind(today).bind(holder).bind(until).bind(now).execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// Keeps the run for longer. `false` where another has taken it over.
pub(in crate::involvements) async fn keep_lease(
    tx: &mut Tx,
    holder: Uuid,
    until: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const KEEP: &str = "UPDATE matching_days SET lease_until = $2 WHERE id = 1 AND holder = $1";
    let touched =
        on!(tx, c => sqlx::query(KEEP).bind(holder).bind(until).execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// Marks the day done. `false` where another has taken the run over.
pub(in crate::involvements) async fn end_lease(
    tx: &mut Tx,
    (today, holder): (NaiveDate, Uuid),
) -> Result<bool, StoreError> {
    const END: &str = "UPDATE matching_days SET last_day = $1, holder = NULL, lease_until = NULL \
         WHERE id = 1 AND holder = $2";
    let touched =
        on!(tx, c => sqlx::query(END).bind(today).bind(holder).execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// Gives the run back undone, for whoever comes next.
pub(in crate::involvements) async fn give_back(tx: &mut Tx, holder: Uuid) -> Result<(), StoreError> {
    const BACK: &str =
        "UPDATE matching_days SET holder = NULL, lease_until = NULL WHERE id = 1 AND holder = $1";
    on!(tx, c => sqlx::query(BACK).bind(holder).execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Deletes at most `limit` terms that had ended before `since`.
pub(in crate::involvements) async fn forget_terms(
    tx: &mut Tx,
    since: NaiveDate,
    limit: i64,
) -> Result<u64, StoreError> {
    const FORGET: &str = "DELETE FROM involvement_terms WHERE (organisation_id, source_case_id, kind) IN \
         (SELECT organisation_id, source_case_id, kind FROM involvement_terms WHERE last_day < $1 LIMIT $2)";
    Ok(on!(tx, c => sqlx::query(FORGET).bind(since).bind(limit).execute(c).await.map(|r| r.touched()))?)
}

/// Deletes at most `limit` involvements that had ended before `since` (a time, and the same as a day), or had waited for
/// a match in vain and lapsed by then; those were last sent before `lapsed`.
pub(in crate::involvements) async fn forget_ended(
    tx: &mut Tx,
    (since, day): (DateTime<Utc>, NaiveDate),
    lapsed: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    const ENDED: &str = "DELETE FROM involvements WHERE (organisation_id, id) IN \
         (SELECT organisation_id, id FROM involvements WHERE ended_at < $1 LIMIT $2)";
    const PAST: &str = "DELETE FROM involvements WHERE (organisation_id, id) IN \
         (SELECT organisation_id, id FROM involvements WHERE until_day < $1 LIMIT $2)";
    const LAPSED: &str = "DELETE FROM involvements WHERE (organisation_id, id) IN \
         (SELECT organisation_id, id FROM involvements WHERE pupil_id IS NULL AND queue IS NULL \
         AND received_at < $1 AND confirmed_at < $1 LIMIT $2)";
    let ended =
        on!(tx, c => sqlx::query(ENDED).bind(since).bind(limit).execute(c).await.map(|r| r.touched()))?;
    let past = on!(tx, c => sqlx::query(PAST).bind(day).bind(limit).execute(c).await.map(|r| r.touched()))?;
    let lapsed =
        on!(tx, c => sqlx::query(LAPSED).bind(lapsed).bind(limit).execute(c).await.map(|r| r.touched()))?;
    Ok(ended + past + lapsed)
}

/// Deletes at most `limit` counts of tries from before `since`.
pub(in crate::involvements) async fn forget_tries(
    tx: &mut Tx,
    since: NaiveDate,
    limit: i64,
) -> Result<u64, StoreError> {
    const FORGET: &str = "DELETE FROM involvement_tries WHERE (organisation_id, tried, tried_on) IN \
         (SELECT organisation_id, tried, tried_on FROM involvement_tries WHERE tried_on < $1 LIMIT $2)";
    Ok(on!(tx, c => sqlx::query(FORGET).bind(since).bind(limit).execute(c).await.map(|r| r.touched()))?)
}

/// Deletes at most `limit` claims that were put aside before `until` and never switched to.
pub(in crate::involvements) async fn forget_staged(
    tx: &mut Tx,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    const FORGET: &str = "DELETE FROM involvements_staged WHERE (organisation_id, upload_id, id) IN \
         (SELECT organisation_id, upload_id, id FROM involvements_staged WHERE staged_at < $1 \
         AND upload_id NOT IN (SELECT upload_id FROM held_caseloads) LIMIT $2)";
    Ok(on!(tx, c => sqlx::query(FORGET).bind(until).bind(limit).execute(c).await.map(|r| r.touched()))?)
}
