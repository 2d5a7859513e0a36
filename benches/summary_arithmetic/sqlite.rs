//! The same sums out of `SQLite`: every pupil's packed row read from the file on two reading connections.

use super::rows::{PUPILS, Sums, YEAR, ask};
use anyhow::{Context as _, Result};
use schoolgate::domain::attendance::{Entered, MinutesLate};
use schoolgate::domain::calendar::{SESSIONS, SchoolCalendar};
use schoolgate::store::{Db, migrate};
use sqlx::SqlitePool;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Schools of the authority: 400 pupils each.
const SCHOOLS: usize = 150;
/// How often all is read.
const TIMES: usize = 5;
/// States of marks with when they count, as every reader of a school's marks has them; which state counts is chosen after.
const MARKS: &str = "SELECT r.marks FROM marks r \
     JOIN register_versions v ON v.school_id = r.school_id AND v.version = r.version \
     WHERE r.school_id = $1 AND r.school_year = $2";

/// Fills a database as uploads of the 150 schools would, and gives the best time of reading and counting all of it.
pub async fn measure(calendar: &Arc<SchoolCalendar>, packed: &[[u8; SESSIONS]]) -> Result<(Duration, Sums)> {
    let folder = tempfile::tempdir()?;
    let db = Db::open(&format!("sqlite:{}", folder.path().join("marks.db").display())).await?;
    migrate(&db).await?;
    let Db::Sqlite { read, write, .. } = &db else { anyhow::bail!("opened as SQLite") };
    let schools = fill(write, packed).await?;
    let halves: Vec<Vec<Uuid>> = schools.chunks(SCHOOLS.div_ceil(2)).map(<[Uuid]>::to_vec).collect();
    let mut best: Option<(Duration, Sums)> = None;
    for _ in 0..TIMES {
        let begun = Instant::now();
        let work: Vec<_> = halves
            .iter()
            .map(|half| tokio::spawn(count(read.clone(), half.clone(), Arc::clone(calendar))))
            .collect();
        let mut sums = Sums::default();
        for half in work {
            sums = sums.with(half.await??);
        }
        let taken = begun.elapsed();
        best = Some((best.map_or(taken, |(best, _)| best.min(taken)), sums));
    }
    db.close().await;
    best.context("nothing was read")
}

/// One connection's half of the schools.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is of one lifetime, the closure of each"
)]
async fn count(pool: SqlitePool, schools: Vec<Uuid>, calendar: Arc<SchoolCalendar>) -> Result<Sums> {
    let mut connection = pool.acquire().await?;
    let mut sums = Sums::default();
    for school in schools {
        let rows: Vec<(Vec<u8>,)> =
            sqlx::query_as(MARKS).bind(school).bind(i64::from(YEAR.0)).fetch_all(&mut *connection).await?;
        for (row,) in rows {
            sums = sums.and(&ask(&calendar, &row, |register| register.counts()));
        }
    }
    Ok(sums)
}

/// The rows as stored: with when each mark was recorded, which is twice as long as the marks.
async fn fill(write: &SqlitePool, packed: &[[u8; SESSIONS]]) -> Result<Vec<Uuid>> {
    const VERSION: &str =
        "INSERT INTO register_versions (school_id, version, committed_at) VALUES ($1, 1, $2)";
    const INSERT: &str = "INSERT INTO marks (school_id, enrolment_id, school_year, version, marks, entered, minutes, \
         received_at) VALUES ($1, $2, $3, 1, $4, $5, $6, $7)";
    let at = "2026-07-31T16:00:00+00:00";
    let mut entered = Entered::default();
    for place in 0..SESSIONS {
        entered.set(place, 1);
    }
    let (entered, minutes) = (entered.to_bytes(), MinutesLate::default().to_bytes());
    let mut schools = Vec::new();
    for pupils in packed.chunks(PUPILS / SCHOOLS) {
        let school = Uuid::now_v7();
        let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(VERSION).bind(school).bind(at).execute(&mut *tx).await?;
        for row in pupils {
            sqlx::query(INSERT)
                .bind(school)
                .bind(Uuid::now_v7())
                .bind(i64::from(YEAR.0))
                .bind(row.as_slice())
                .bind(&entered)
                .bind(&minutes)
                .bind(at)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        schools.push(school);
    }
    Ok(schools)
}
