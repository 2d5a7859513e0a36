//! How long each write transaction holds the database's one writer, from its begin to the end of its commit.
//!
//! No write may hold it longer than [`HELD_MAX`]: whoever comes next waits that long. A long piece of work asks
//! [`Tx::held`](super::Tx::held) and commits in steps.

use super::checkpoint::Checkpoints;
use prometheus_client::metrics::histogram::Histogram;
use sqlx::{Database, Transaction};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest that a write transaction may hold the writer.
pub const HELD_MAX: Duration = Duration::from_millis(50);
/// Past this a transaction with more to write commits what it has. Far enough below the limit that one more statement
/// and a slow disk's sync still fit in.
const STEP: Duration = Duration::from_millis(8);

/// The same while somebody else writes too: whoever waits for a turn waits for one of these, and often for two.
const STEP_BESIDE: Duration = Duration::from_millis(2);
/// Steps for which somebody who has written is taken to be about to write again.
const REMEMBERED: u32 = 100;

/// Whether others write beside a long piece of work, in this process or in another. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// Transactions that this process has begun.
    begun: AtomicU64,
    /// What was seen at the end of the last step: that number, and the file's own count of others' commits.
    seen: Mutex<(u64, i64)>,
    /// Steps that are still to be short.
    short: AtomicU32,
}

impl Turns {
    /// A transaction begins.
    pub(super) fn begun(&self) {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// A step has ended; `commits` is the number by which `SQLite` tells of other connections' commits.
    pub(super) fn step_ended(&self, commits: i64) {
        let begun = self.0.begun.load(Ordering::Relaxed);
        let seen = {
            // Two numbers are whole after every step.
            let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *seen, (begun, commits))
        };
        // One of those that have begun was the step itself.
        let short = if begun.saturating_sub(seen.0) > 1 || commits != seen.1 {
            REMEMBERED
        } else {
            self.0.short.load(Ordering::Relaxed).saturating_sub(1)
        };
        self.0.short.store(short, Ordering::Relaxed);
    }

    /// Past this a transaction with more to write commits what it has.
    pub(super) fn step(&self) -> Duration {
        if self.0.short.load(Ordering::Relaxed) > 0 { STEP_BESIDE } else { STEP }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_short_while_others_write_and_long_again_when_nobody_does() {
        let turns = Turns::default();
        let alone = |commits| {
            turns.begun();
            turns.step_ended(commits);
            turns.step()
        };
        turns.step_ended(7);
        for _ in 0..=REMEMBERED {
            alone(7);
        }
        assert_eq!(alone(7), STEP);
        // Another process has committed.
        assert_eq!(alone(8), STEP_BESIDE);
        for _ in 1..REMEMBERED {
            assert_eq!(alone(8), STEP_BESIDE);
        }
        assert_eq!(alone(8), STEP);
        // Another request of this process has.
        turns.begun();
        assert_eq!(alone(8), STEP_BESIDE);
    }
}
