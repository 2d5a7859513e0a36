//! How long each write transaction holds the database's one writer, from its begin to the end of its commit.
//!
//! No write may hold it longer than [`HELD_MAX`]: whoever comes next waits that long. A long piece of work asks
//! [`Tx::held`](super::Tx::held) and commits in steps.

use super::checkpoint::Checkpoints;
use prometheus_client::metrics::histogram::Histogram;
use sqlx::{Database, Transaction};
use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The longest that a write transaction may hold the writer.
pub const HELD_MAX: Duration = Duration::from_millis(50);
/// Past this a transaction with more to write commits what it has. Far enough below the limit that one more statement
/// and a slow disk's sync still fit in.
pub const STEP: Duration = Duration::from_millis(8);

/// Bounds of the histogram, seconds.
const BOUNDS: [f64; 9] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];
static SECONDS: LazyLock<Histogram> = LazyLock::new(|| Histogram::new(BOUNDS));
static LONGEST_MICROS: AtomicU64 = AtomicU64::new(0);

/// The times of every committed write transaction of this process, seconds.
pub fn write_seconds() -> Histogram {
    SECONDS.clone()
}

/// The longest of them so far.
pub fn longest_write() -> Duration {
    Duration::from_micros(LONGEST_MICROS.load(Ordering::Relaxed))
}

/// An open transaction that knows since when.
pub struct Held<DB: Database> {
    transaction: Transaction<'static, DB>,
    since: Instant,
    told: Option<Checkpoints>,
}

impl<DB: Database> Held<DB> {
    pub(super) fn new(transaction: Transaction<'static, DB>) -> Self {
        Self { transaction, since: Instant::now(), told: None }
    }

    /// Has its commit told to what carries committed pages into the file.
    pub(super) fn told_to(self, checkpoints: Checkpoints) -> Self {
        Self { told: Some(checkpoints), ..self }
    }

    pub(super) fn time(&self) -> Duration {
        self.since.elapsed()
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        let Self { transaction, since, told } = self;
        transaction.commit().await?;
        note(since.elapsed());
        if let Some(checkpoints) = told {
            checkpoints.committed();
        }
        Ok(())
    }
}

fn note(held: Duration) {
    SECONDS.observe(held.as_secs_f64());
    LONGEST_MICROS.fetch_max(u64::try_from(held.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    let millis = u64::try_from(held.as_millis()).unwrap_or(u64::MAX);
    if held > HELD_MAX {
        tracing::warn!(millis, "a write held the database's writer too long");
    } else {
        tracing::trace!(millis, "a write was committed");
    }
}

impl<DB: Database> Deref for Held<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.transaction
    }
}

impl<DB: Database> DerefMut for Held<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.transaction
    }
}
