//! What the agency's privacy officer looks at afterwards, and conflicts of interest that the officer records.
//!
//! A claim is the agency's own word, and is believed at once; so a week's claims are looked at: some drawn by chance, and all
//! that look as if they were made to see a child.

mod conflicts;
mod http;
mod storage;

pub use conflicts::{
    __path_end_conflict, __path_record_conflict, ConflictAnswer, ConflictBody, end_conflict, record_conflict,
};
pub(in crate::involvements) use storage::forget;

pub use http::{__path_review_involvements, ReviewAnswer, review_involvements};

use crate::crypto::hmac_sha256;
use std::sync::Arc;
use uuid::Uuid;
use zeroize::Zeroizing;

/// One in so many is drawn: 5%.
const DRAWN: u64 = 20;

/// By what the draw goes: an agency that names its claims itself cannot know which will be drawn.
#[derive(Clone)]
pub struct ReviewKey(Arc<Zeroizing<[u8; 32]>>);

impl std::fmt::Debug for ReviewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReviewKey").finish_non_exhaustive()
    }
}

impl ReviewKey {
    /// From the key that wraps the gateway's others.
    pub fn derived(key_encryption: &[u8; 32]) -> Self {
        Self(Arc::new(Zeroizing::new(hmac_sha256(key_encryption, &[b"schoolgate weekly review"]))))
    }

    /// Whether an involvement of an agency is drawn; the same whenever it is asked.
    fn draws(&self, organisation: Uuid, id: Uuid) -> bool {
        let mac = hmac_sha256(self.0.as_slice(), &[organisation.as_bytes(), id.as_bytes()]);
        let number = mac.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        number % DRAWN == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_twenty_is_drawn_and_always_the_same() {
        let (key, other) = (ReviewKey::derived(&[1; 32]), ReviewKey::derived(&[2; 32]));
        let drawn = |key: &ReviewKey| -> Vec<u128> {
            (0..20_000).filter(|n| key.draws(Uuid::from_u128(7), Uuid::from_u128(*n))).collect()
        };
        let of_one = drawn(&key);
        assert!((900..1_100).contains(&of_one.len()), "{}", of_one.len());
        assert_eq!(of_one, drawn(&key));
        assert_ne!(of_one, drawn(&other));
    }
}
