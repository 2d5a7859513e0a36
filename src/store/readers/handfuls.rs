//! Many rows of one statement, taken by the handful.
//!
//! `SQLite` answers on a thread of its own, which hands over row by row. Whoever waits for the next row is woken for each,
//! and two turns of threads cost more than the row. Here the rows that have come are looked at every millisecond.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Rows that a statement may be ahead of whoever reads them.
pub(in crate::store) const AHEAD: usize = 2_048;
/// How often it is looked whether more have come: far shorter than a statement takes that gives many rows.
const LOOK: Duration = Duration::from_millis(1);

/// Waits for a future by looking at it every [`LOOK`], whoever would have it looked at sooner.
pub async fn by_handfuls<T>(rows: impl Future<Output = T>) -> T {
    let mut rows = pin!(rows);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // Nobody is woken by it: the clock does that.
        if let Poll::Ready(rows) = rows.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return rows;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::store::{Db, StoreError, read_many};

    async fn numbers(db: &Db, most: i64) -> Result<Vec<i64>, StoreError> {
        const COUNT: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
             SELECT i FROM n";
        Ok(read_many!(db, c => sqlx::query_scalar(COUNT).bind(most).fetch_all(c).await)?)
    }

    #[tokio::test]
    async fn all_rows_come_in_their_order_however_many() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("rows.db").display())).await.unwrap();
        let most = i64::try_from(super::AHEAD).unwrap();
        for rows in [1, 2, most - 1, most, most + 1, 20 * most] {
            assert_eq!(numbers(&db, rows).await.unwrap(), (1..=rows).collect::<Vec<i64>>());
        }
        db.close().await;
    }
}
