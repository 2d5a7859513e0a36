//! Which of a caller's own children have changed: a feed for each system, organisation acted for, role and purpose.
//!
//! It tells that what this role may read of a child, in the default window, is not what it was at an earlier publication;
//! never what, nor when. A child is looked at once for each publication (Monday 06:00 in London), as everything counted
//! then, last sightings too and for whoever sees sessions too. That a relationship has begun or ended shows at once.

mod cursor;
mod http;
mod news;
mod pass;
mod retention;
mod storage;

#[cfg(test)]
mod polling;

pub use http::{__path_list_changes, ChangesAnswer, list_changes};
pub use retention::expire_changes;

use crate::crypto::hmac_sha256;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Seals cursors and digests. Derived from the gateway's own key, so that neither can be made or guessed from the
/// database alone; with another key every cursor is refused and every child is told of anew.
#[derive(Clone)]
pub struct FeedKey(Arc<Zeroizing<[u8; 32]>>);

impl std::fmt::Debug for FeedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeedKey").finish_non_exhaustive()
    }
}

impl FeedKey {
    /// From the key that wraps the gateway's others.
    pub fn derived(key_encryption: &[u8; 32]) -> Self {
        Self(Arc::new(Zeroizing::new(hmac_sha256(key_encryption, &[b"schoolgate change feed"]))))
    }

    /// A MAC over parts of fixed length but the last, apart for each use.
    fn mac(&self, usage: [u8; 6], parts: &[&[u8]]) -> [u8; 32] {
        hmac_sha256(self.0.as_slice(), &[&[usage.as_slice()], parts].concat())
    }
}
