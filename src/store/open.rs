//! Opening a database by its URL, with limits on everything.

use super::checkpoint::{BACKSTOP_PAGES, Checkpoints};
use super::readers::AHEAD;
use super::{Db, Queues, Readers, StoreError, Turns};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Sqlite, SqlitePool, Transaction};
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// Longest wait for a connection; past it the caller answers 503.
const ACQUIRE: Duration = Duration::from_secs(5);
/// Connections that read `SQLite`; more than the cores of one machine gain nothing.
const SQLITE_READERS: u32 = 4;
/// How long a connection to PostgreSQL may lie unused before it is tested anew.
const IDLE: Duration = Duration::from_millis(500);
/// Connections to PostgreSQL from one gateway.
const POSTGRES_CONNECTIONS: u32 = 16;

impl Db {
    /// Opens `sqlite:PATH` (made if it is not there) or `postgres://…`; runs no migration.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") { open_sqlite(url, true).await } else { Self::open_existing(url).await }
    }

    /// The same, but a file that is not there is refused: its volume may not be mounted, and a new file would begin a new
    /// log.
    pub async fn open_existing(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            open_sqlite(url, false).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            open_postgres(url).await
        } else {
            Err(StoreError::Url)
        }
    }
}

async fn open_sqlite(url: &str, make: bool) -> Result<Db, StoreError> {
    let options = SqliteConnectOptions::from_str(url)?;
    if !make && !options.get_filename().exists() {
        return Err(StoreError::Missing(options.get_filename().to_owned()));
    }
    make_private(options.get_filename(), make)?;
    let options = options
        .create_if_missing(make)
        .journal_mode(SqliteJournalMode::Wal)
        // A receipt is a promise that survives a power cut: NORMAL would lose the last commits.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(ACQUIRE)
        .pragma("wal_autocheckpoint", BACKSTOP_PAGES)
        .statement_cache_capacity(200);
    // The file is made, and its mode set, before anything else opens it.
    let write = one_connection(options.clone()).await?;
    let checkpoints = Checkpoints::start(one_connection(options.clone()).await?);
    let options = options.read_only(true).create_if_missing(false).row_buffer_size(AHEAD);
    let readers = Readers::new(options.clone(), SQLITE_READERS, ACQUIRE);
    let read = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .test_before_acquire(false)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options);
    look_instead_of_waiting(&write).await?;
    Ok(Db::Sqlite { readers, queues: Queues::default(), turns: Turns::default(), read, write, checkpoints })
}

/// Has the writing connection say at once when another process holds the file; see [`begin_immediate`].
pub(super) async fn look_instead_of_waiting(write: &SqlitePool) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA busy_timeout = 0").execute(write).await.map(|_| ())
}

/// Has it wait again, for statements that begin their transactions themselves.
pub(super) async fn wait(write: &SqlitePool) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA busy_timeout = 5000").execute(write).await.map(|_| ())
}

async fn one_connection(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        // A connection to a file does not go away while nobody looks; asking first costs a wake-up of its thread.
        .test_before_acquire(false)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await
}

/// Begins a write transaction on the one writing connection.
///
/// A writer of another process (`schoolgate import` beside a gateway) holds the file for milliseconds at a time and lets
/// go for as long. `SQLite`'s own waiting looks ever less often, up to ten times a second, and would miss those moments;
/// so it is asked not to wait, and looked at again several times in each of them.
pub(super) async fn begin_immediate(write: &SqlitePool) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    let begun = Instant::now();
    loop {
        match write.begin_with("BEGIN IMMEDIATE").await {
            Err(error) if is_busy(&error) && begun.elapsed() < ACQUIRE => a_moment().await,
            other => return other,
        }
    }
}

/// How often it is looked whether another process has let go of the file: well under [`super::WAY`], or whoever waits would
/// miss one opening after the other.
const LOOK: Duration = Duration::from_micros(250);

/// Waits for [`LOOK`]. The runtime's own timer counts whole milliseconds and would take two.
async fn a_moment() {
    if tokio::task::spawn_blocking(|| std::thread::sleep(LOOK)).await.is_err() {
        tokio::time::sleep(super::WAY).await;
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    // SQLITE_BUSY is 5; the higher bits of an extended code say why.
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xFF == 5)
}

/// Makes the file readable by its owner only before anything is in it, and so again when somebody has widened it; what
/// `SQLite` puts beside it takes the same permissions.
fn make_private(file: &Path, make: bool) -> Result<(), StoreError> {
    let opened = OpenOptions::new().create(make).append(true).mode(0o600).open(file);
    let narrowed = opened.and_then(|f| f.set_permissions(Permissions::from_mode(0o600)));
    narrowed.map_err(|error| StoreError::Database(sqlx::Error::Io(error)))
}

async fn open_postgres(url: &str) -> Result<Db, StoreError> {
    let options = PgConnectOptions::from_str(url)?.statement_cache_capacity(200).options([
        ("synchronous_commit", "on"),
        ("statement_timeout", "10s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "15s"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        // A round trip for every statement. A connection in steady use was tested when it was given back; one that lay
        // idle is asked whether the server is still there.
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move { Ok(about.idle_for < IDLE || connection.ping().await.is_ok()) })
        })
        .connect_with(options)
        .await?;
    Ok(Db::Postgres(pool))
}
