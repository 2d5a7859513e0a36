//! The directory that requests see: a snapshot swapped when the version row moves, and how long ago it was looked at.

use super::proof::revoked;
use super::{Directory, load};
use crate::store::{Db, StoreError, read};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A shared, current [`Directory`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LiveDirectory(Arc<Live>);

#[derive(Debug)]
struct Live {
    snapshot: ArcSwap<Directory>,
    begun: Instant,
    /// When the last look that succeeded began, in milliseconds from the beginning.
    looked_millis: AtomicU64,
    /// Held while one looks: what a slow look has read never takes the place of what a later one has.
    looking: tokio::sync::Mutex<()>,
}

impl LiveDirectory {
    /// A directory that never changes: for tests of what stands above it.
    pub fn fixed(directory: Directory) -> Self {
        Self::looked_at(directory, Instant::now())
    }

    fn looked_at(directory: Directory, begun: Instant) -> Self {
        let snapshot = ArcSwap::from_pointee(directory);
        let (looked_millis, looking) = (AtomicU64::new(0), tokio::sync::Mutex::default());
        Self(Arc::new(Live { snapshot, begun, looked_millis, looking }))
    }

    /// Reads the whole directory once.
    pub async fn open(db: &Db) -> Result<Self, StoreError> {
        let begun = Instant::now();
        Ok(Self::looked_at(load(db).await?, begun))
    }

    /// The snapshot at this moment; one request uses one.
    pub fn current(&self) -> Arc<Directory> {
        self.0.snapshot.load_full()
    }

    /// How long ago the snapshot was known to be what the database says: a look that fails makes it no younger, and
    /// whoever was revoked or suspended since then is not known to be.
    pub fn age(&self) -> Duration {
        let looked = Duration::from_millis(self.0.looked_millis.load(Ordering::Acquire));
        self.0.begun.elapsed().saturating_sub(looked)
    }

    /// Reads the directory again if its version row has moved, and says whether it had; what of tokens alone was taken back
    /// is read by itself.
    pub async fn refresh(&self, db: &Db) -> Result<bool, StoreError> {
        const VERSION: &str = "SELECT version, revocations FROM directory_version WHERE id = 1";
        let _one = self.0.looking.lock().await;
        let looked = self.0.begun.elapsed();
        let (version, revocations): (i64, i64) = read!(db, c => sqlx::query_as(VERSION).fetch_one(c).await)?;
        let current = self.current();
        let moved = version != current.version;
        if moved {
            self.0.snapshot.store(Arc::new(load(db).await?));
        } else if revocations != current.revocations {
            // Tokens are taken back often, and what else is here stays as it is.
            let mut next = Directory { revocations, ..(*current).clone() };
            next.proofs.revoked = Arc::new(revoked(db).await?);
            self.0.snapshot.store(Arc::new(next));
        }
        let looked = u64::try_from(looked.as_millis()).unwrap_or(u64::MAX);
        self.0.looked_millis.fetch_max(looked, Ordering::Release);
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    #[tokio::test]
    async fn who_looks_later_never_sees_less() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display())).await.unwrap();
        store::migrate(&db).await.unwrap();
        let live = LiveDirectory::open(&db).await.unwrap();
        let version = live.current().version;
        let moves = async || {
            let mut tx = db.begin().await.unwrap();
            super::super::changes::moves(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
        };
        moves().await;
        // One that looks and takes long: whoever comes meanwhile waits, and then reads what stands by then.
        let slow = live.0.looking.lock().await;
        let waiting = tokio::spawn({
            let (live, db) = (live.clone(), db.clone());
            async move { live.refresh(&db).await.unwrap() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert_eq!(live.current().version, version);
        moves().await;
        drop(slow);
        assert!(waiting.await.unwrap());
        assert_eq!(live.current().version, version + 2, "nothing that was read before the other ended");
    }
}
