//! Carrying committed pages from the write-ahead log into the database file, beside the writer.
//!
//! `SQLite` does it in the commit that finds the log long, and the one writer's next in line waits for it: tens of
//! milliseconds. Here a connection of its own does it, a moment after a commit, without the write lock (`PASSIVE`). The
//! commit itself does it only where this one has fallen far behind; what is left for it then is little.

use sqlx::SqlitePool;
use std::time::Duration;
use tokio::sync::watch;

/// The shortest time between two.
const PAUSE: Duration = Duration::from_millis(250);
/// Pages of the log past which a commit carries them itself: 64 MiB of 4 KiB. The log grows while somebody writes without
/// a pause, and is begun anew once all of it has been carried.
pub(super) const BACKSTOP_PAGES: &str = "16384";

/// Tells the task that carries pages of commits. Cheap to clone; the task ends when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    commits: watch::Sender<u64>,
    pool: SqlitePool,
}

impl Checkpoints {
    /// Starts the task on a pool of one connection.
    pub(super) fn start(pool: SqlitePool) -> Self {
        let (commits, mut told) = watch::channel(0);
        let carrying = pool.clone();
        tokio::spawn(async move {
            while told.changed().await.is_ok() && !carrying.is_closed() {
                // Busy or not: the next commit asks again.
                if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&carrying).await {
                    tracing::debug!(%error, "committed pages were not carried into the file");
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { commits, pool }
    }

    /// Tells of a commit.
    pub(super) fn committed(&self) {
        self.commits.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Closes the connection.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}
