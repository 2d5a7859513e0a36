//! The directory that requests see: a snapshot swapped when the version row moves.

use super::{Directory, load};
use crate::store::{Db, StoreError, read};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// A shared, current [`Directory`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LiveDirectory(Arc<ArcSwap<Directory>>);

impl LiveDirectory {
    /// A directory that never changes: for tests of what stands above it.
    pub fn fixed(directory: Directory) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(directory)))
    }

    /// Reads the whole directory once.
    pub async fn open(db: &Db) -> Result<Self, StoreError> {
        Ok(Self::fixed(load(db).await?))
    }

    /// The snapshot at this moment; one request uses one.
    pub fn current(&self) -> Arc<Directory> {
        self.0.load_full()
    }

    /// Reads the directory again if its version row has moved; says whether it had.
    pub async fn refresh(&self, db: &Db) -> Result<bool, StoreError> {
        const VERSION: &str = "SELECT version FROM directory_version WHERE id = 1";
        let version: i64 = read!(db, c => sqlx::query_scalar(VERSION).fetch_one(c).await)?;
        if version == self.current().version {
            return Ok(false);
        }
        self.0.store(Arc::new(load(db).await?));
        Ok(true)
    }
}
