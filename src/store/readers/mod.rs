//! The connections that read `SQLite`, kept open and handed out one statement at a time.
//!
//! The pool of the driver has each connection answer a ping, on a task of its own, before another may have it: two more
//! turns of threads for every statement, which takes about as long as the statement. A connection to a file of this
//! machine does not go away meanwhile; whether its thread has ended shows in the statement's own result.

mod handfuls;
mod together;

pub(super) use handfuls::AHEAD;
pub use handfuls::by_handfuls;
pub use together::{Queues, Together, by_question};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Reading connections. Cheap to clone; each is opened when it is first needed.
#[derive(Clone)]
pub struct Readers(Arc<Inner>);

struct Inner {
    options: SqliteConnectOptions,
    free: Mutex<Vec<SqliteConnection>>,
    places: Semaphore,
    wait: Duration,
    statements: AtomicU64,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

impl Readers {
    /// At most so many connections; who waits longer than `wait` for one is refused.
    pub(super) fn new(options: SqliteConnectOptions, connections: u32, wait: Duration) -> Self {
        let places = Semaphore::new(usize::try_from(connections).unwrap_or(1));
        let statements = AtomicU64::new(0);
        Self(Arc::new(Inner { options, free: Mutex::default(), places, wait, statements }))
    }

    /// A connection for one statement.
    pub async fn take(&self) -> Result<Reader<'_>, sqlx::Error> {
        let place = timeout(self.0.wait, self.0.places.acquire());
        let place = place.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let place = place.map_err(|_| sqlx::Error::PoolClosed)?;
        self.0.statements.fetch_add(1, Ordering::Relaxed);
        let free = self.free().pop();
        let connection = match free {
            Some(connection) => connection,
            None => self.0.options.connect().await?,
        };
        Ok(Reader { readers: self, connection, _place: place })
    }

    /// Statements for which a connection has been taken so far.
    pub fn statements(&self) -> u64 {
        self.0.statements.load(Ordering::Relaxed)
    }

    /// Closes those that are free; one in use is closed by whoever has it.
    pub(super) async fn close(&self) {
        self.0.places.close();
        let free = std::mem::take(&mut *self.free());
        for connection in free {
            // The file is closed either way.
            let _ = connection.close().await;
        }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        // A list of connections is whole after every step, so that a panic elsewhere does not spoil it.
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reading connection in use. Dropped without [`Reader::after`], as when a request's time runs out, it is closed: the
/// next one opens another.
pub struct Reader<'a> {
    readers: &'a Readers,
    connection: SqliteConnection,
    _place: SemaphorePermit<'a>,
}

impl Reader<'_> {
    /// Gives the connection to the next one, unless its statement shows that it is of no more use.
    pub fn after<T>(self, result: &Result<T, sqlx::Error>) {
        let Self { readers, connection, _place: place } = self;
        let usable = !matches!(result, Err(sqlx::Error::WorkerCrashed | sqlx::Error::Io(_)));
        if usable && !readers.0.places.is_closed() {
            readers.free().push(connection);
        }
        drop(place);
    }
}

impl Deref for Reader<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Reader<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use crate::store::{Db, StoreError, read};
    use futures_util::FutureExt as _;

    async fn slow(db: &Db) -> Result<i64, StoreError> {
        const COUNT: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) \
             SELECT MAX(i) FROM n";
        Ok(read!(db, c => sqlx::query_scalar(COUNT).fetch_one(c).await)?)
    }

    async fn quick(db: &Db) -> Result<i64, StoreError> {
        Ok(read!(db, c => sqlx::query_scalar("SELECT 7").fetch_one(c).await)?)
    }

    #[tokio::test]
    async fn statements_given_up_halfway_keep_no_place_and_leave_no_rows_behind() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("read.db").display())).await.unwrap();
        for _ in 0..10 {
            // Opened and asked, and dropped before the answer.
            let mut asked = Box::pin(slow(&db));
            let first =
                tokio::select! { biased; _ = &mut asked => true, () = tokio::task::yield_now() => false };
            assert!(!first && quick(&db).now_or_never().is_none());
            drop(asked);
            assert_eq!(quick(&db).await.unwrap(), 7);
        }
        db.close().await;
        let closed = quick(&db).await.unwrap_err();
        assert!(matches!(closed, StoreError::Database(sqlx::Error::PoolClosed)), "{closed}");
    }
}
