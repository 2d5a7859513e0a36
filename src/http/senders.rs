//! Places for what takes long to arrive: a few for each sender at a time, so that a slow one cannot fill the memory with
//! bodies that are half there.

use super::Error;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// The places of each sender. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Senders {
    at_once: usize,
    places: Arc<Mutex<HashMap<Uuid, Arc<Semaphore>>>>,
}

/// How long a sender whose places are taken is told to wait, in seconds.
const WAIT_SECONDS: u64 = 5;

impl Senders {
    /// With so many places for each sender.
    pub fn new(at_once: usize) -> Self {
        Self { at_once, places: Arc::default() }
    }

    /// A place of this sender, held until dropped; where all are taken, says how long to wait.
    pub fn place(&self, sender: Uuid) -> Result<OwnedSemaphorePermit, Error> {
        let own = {
            // What the map holds is whole after every step, so that a panic elsewhere does not spoil it.
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(sender).or_insert_with(|| Arc::new(Semaphore::new(self.at_once))))
        };
        own.try_acquire_owned().map_err(|_| Error::Limited { seconds: WAIT_SECONDS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_its_places_and_no_more() {
        let senders = Senders::new(2);
        let (busy, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = senders.place(busy).unwrap();
        let second = senders.place(busy).unwrap();
        assert!(matches!(senders.place(busy), Err(Error::Limited { seconds: 5 })));
        assert!(senders.place(other).is_ok(), "another's are its own");
        drop(first);
        assert!(senders.place(busy).is_ok(), "one that is given back");
        drop(second);
    }
}
