//! Pools, migrations and transactions: what knows which database it is, with the journal's one statement for a group.
//!
//! Every statement is one text with `$1` placeholders that both databases accept; [`read!`](crate::store::read) and
//! [`on!`](crate::store::on) expand the same body once per driver, so both are type-checked. What must differ is named in
//! `dialect.rs`. Writers below the gate take `&mut Tx`; only `gate` and `audit` commit one.

mod checkpoint;
mod dialect;
mod held;
mod migrations;
mod open;
#[cfg(test)]
mod plans;
mod readers;
mod sets;

pub use held::{HELD_MAX, Held, Turns, longest_write, write_seconds};
pub use migrations::{migrate, schema_of, time_of, versions};
#[cfg(test)]
pub(crate) use plans::plan_of;
pub use readers::{Queues, Reader, Readers, Together, by_handfuls, by_question};
pub use sets::{SetSql, ids, listed, pairs};
pub(crate) use sets::{over_bytes, over_handles, over_ids, over_pairs, over_years};

use checkpoint::Checkpoints;
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};
use std::path::PathBuf;
use std::time::Duration;

/// An open database. Cheap to clone: the pools are shared.
#[derive(Clone, Debug)]
pub enum Db {
    /// One file; a writer pool of one connection, and reading connections.
    Sqlite {
        /// Reading connections for one statement at a time: what [`read!`](crate::store::read) uses.
        readers: Readers,
        /// Questions that wait to be answered by one statement.
        queues: Queues,
        /// Whether others write beside a long piece of work.
        turns: Turns,
        /// A pool of others, for what holds one over many statements.
        read: SqlitePool,
        /// The one writer.
        write: SqlitePool,
        /// What carries committed pages into the file, beside the writer.
        checkpoints: Checkpoints,
    },
    /// A PostgreSQL 15 or later server.
    Postgres(PgPool),
}

/// An open write transaction; dropped without a commit it rolls back.
pub enum Tx {
    /// On `SQLite`, begun with `BEGIN IMMEDIATE`.
    Sqlite(Held<Sqlite>),
    /// On PostgreSQL, READ COMMITTED.
    Postgres(Held<Postgres>),
}

/// What the store could not do. The cause goes to the log once, never into an answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or did not answer in time.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// Migrations could not be applied.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A write touched another number of rows than it must.
    #[error("{what}: {touched} rows touched, {expected} expected")]
    RowCount {
        /// The statement, in words.
        what: &'static str,
        /// Rows it touched.
        touched: u64,
        /// Rows it must touch.
        expected: u64,
    },
    /// A stored value that no version of this program writes.
    #[error("stored value out of range: {0}")]
    Corrupt(&'static str),
    /// The file is not there, and who opens it does not make one.
    #[error("`{}` is not there; check that its volume is mounted, or run `schoolgate migrate` to make a new one", .0.display())]
    Missing(PathBuf),
    /// The URL names no database that this program serves.
    #[error("`database.url` must begin with sqlite: or postgres:")]
    Url,
}

/// Runs one body, a statement and its rows, on a reading connection of whichever database is open.
macro_rules! read {
    ($db:expr, $c:ident => $body:expr) => {
        match $db {
            $crate::store::Db::Sqlite { readers, .. } => match readers.take().await {
                Ok(mut reader) => {
                    let $c = &mut *reader;
                    let result = $body;
                    reader.after(&result);
                    result
                }
                Err(error) => Err(error),
            },
            $crate::store::Db::Postgres($c) => $body,
        }
    };
}

/// The same for a statement that gives many rows: they are taken by the handful.
macro_rules! read_many {
    ($db:expr, $c:ident => $body:expr) => {
        match $db {
            $crate::store::Db::Sqlite { readers, .. } => match readers.take().await {
                Ok(mut reader) => {
                    let $c = &mut *reader;
                    let result = $crate::store::by_handfuls(async { $body }).await;
                    reader.after(&result);
                    result
                }
                Err(error) => Err(error),
            },
            $crate::store::Db::Postgres($c) => $body,
        }
    };
}

/// The same for a statement that answers so many questions: the rows of a few are waited for, those of many are taken by
/// the handful.
macro_rules! read_group {
    ($db:expr, $many:expr, $c:ident => $body:expr) => {
        if $many > $crate::store::FEW {
            $crate::store::read_many!($db, $c => $body)
        } else {
            $crate::store::read!($db, $c => $body)
        }
    };
}

/// Runs one body on the connection of an open transaction.
macro_rules! on {
    ($tx:expr, $c:ident => $body:expr) => {
        match $tx {
            $crate::store::Tx::Sqlite(tx) => {
                let $c = &mut **tx;
                $body
            }
            $crate::store::Tx::Postgres(tx) => {
                let $c = &mut **tx;
                $body
            }
        }
    };
}
pub(crate) use {on, read, read_group, read_many};

/// Questions whose rows are waited for one by one.
pub(crate) const FEW: usize = 8;

/// A write's row count, from either driver.
pub trait Touched {
    /// Rows that the statement touched.
    fn touched(&self) -> u64;
}

impl Touched for sqlx::sqlite::SqliteQueryResult {
    fn touched(&self) -> u64 {
        self.rows_affected()
    }
}

impl Touched for sqlx::postgres::PgQueryResult {
    fn touched(&self) -> u64 {
        self.rows_affected()
    }
}

/// Holds a write to the number of rows that it must touch.
pub fn must_touch(what: &'static str, result: &impl Touched, expected: u64) -> Result<(), StoreError> {
    let touched = result.touched();
    if touched == expected { Ok(()) } else { Err(StoreError::RowCount { what, touched, expected }) }
}

/// How long others are given the writer between two steps of a long piece of work. A writer of another process looks
/// several times in it.
const WAY: Duration = Duration::from_millis(2);

impl Db {
    /// Begins a write transaction, waiting for the writer where there is only one.
    #[expect(clippy::disallowed_methods, reason = "this is where transactions begin")]
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { write, checkpoints, turns, .. } => {
                let transaction = open::begin_immediate(write).await?;
                turns.begun();
                Tx::Sqlite(Held::new(transaction).told_to(checkpoints.clone()))
            }
            Self::Postgres(pool) => Tx::Postgres(Held::new(pool.begin().await?)),
        })
    }

    /// Lets others write before the next step of a long piece of work, and looks whether they do. PostgreSQL has more than
    /// one writer.
    pub async fn give_way(&self) {
        if let Self::Sqlite { write, turns, .. } = self {
            // Where it cannot be asked, the next step fails and says why.
            if let Ok(commits) = sqlx::query_scalar("PRAGMA data_version").fetch_one(write).await {
                turns.step_ended(commits);
            }
            tokio::time::sleep(WAY).await;
        }
    }

    /// How long a step of a long piece of work may hold the writer: past it, it commits what it has and gives way.
    pub fn step(&self) -> Duration {
        match self {
            Self::Sqlite { turns, .. } => turns.step(),
            Self::Postgres(_) => Turns::default().step(),
        }
    }

    /// Closes every connection, after those in use are given back.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { readers, read, write, checkpoints, .. } => {
                readers.close().await;
                read.close().await;
                checkpoints.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// How long it has held the writer so far.
    pub fn held(&self) -> Duration {
        match self {
            Self::Sqlite(tx) => tx.time(),
            Self::Postgres(tx) => tx.time(),
        }
    }

    /// Commits; only `gate` and `audit` call this, which `tests/it/architecture.rs` checks.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}
