//! Limits on requests: a fair share per system, and places for what takes long to arrive.

use super::Error;
use crate::domain::identifiers::OrganisationId;
use crate::identity::Caller;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// How often each system may ask, as the directory says, and all of one organisation's together; never per address, since
/// agencies share theirs.
#[derive(Clone)]
pub struct SystemLimits {
    organisation_per_minute: u32,
    // One limiter for each allowance: there are few different ones.
    by_allowance: Arc<Mutex<HashMap<NonZeroU32, Arc<DefaultKeyedRateLimiter<Uuid>>>>>,
}

impl Default for SystemLimits {
    /// With no limit of an organisation's own.
    fn default() -> Self {
        Self::of(u32::MAX)
    }
}

impl std::fmt::Debug for SystemLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SystemLimits").finish_non_exhaustive()
    }
}

/// Requests a minute of one certificate that prove nobody: each leaves an entry, and none of them could be answered
/// otherwise, so that a partner whose clock or token is wrong loses nothing by the limit.
const STRANGER_PER_MINUTE: u32 = 480;

impl SystemLimits {
    /// With so many requests a minute of all systems of one organisation.
    pub fn of(organisation_per_minute: u32) -> Self {
        Self { organisation_per_minute, by_allowance: Arc::default() }
    }

    /// Counts a request that was not proved against its certificate.
    pub fn check_stranger(&self, thumbprint: &[u8; 32]) -> Result<(), Error> {
        let mut id = [0; 16];
        id.iter_mut().zip(thumbprint).for_each(|(to, from)| *to = *from);
        self.check_system(Uuid::from_bytes(id), STRANGER_PER_MINUTE)
    }

    /// Counts a request of this caller's system; past its requests a minute, says how long to wait.
    pub fn check(&self, caller: &Caller) -> Result<(), Error> {
        self.check_system(caller.system.id.0, caller.system.requests_per_minute)?;
        self.check_organisation(caller.by.as_ref().unwrap_or(&caller.organisation).id)
    }

    /// Counts a request of an organisation's own systems: many of them have no more than their share together.
    pub fn check_organisation(&self, organisation: OrganisationId) -> Result<(), Error> {
        self.check_system(organisation.0, self.organisation_per_minute)
    }

    /// The same by system and its requests a minute.
    pub fn check_system(&self, system: Uuid, requests_per_minute: u32) -> Result<(), Error> {
        // A system with no allowance is told to come back in a minute.
        let allowance = NonZeroU32::new(requests_per_minute).ok_or(Error::Limited { seconds: 60 })?;
        let limiter = {
            // What the map holds is whole after every step, so that a panic elsewhere does not spoil it.
            let mut limiters = self.by_allowance.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(RateLimiter::keyed(Quota::per_minute(allowance)));
            Arc::clone(limiters.entry(allowance).or_insert_with(new))
        };
        limiter.check_key(&system).map_err(|early| {
            let wait = early.wait_time_from(DefaultClock::default().now());
            Error::Limited { seconds: wait.as_secs().saturating_add(1) }
        })
    }
}

/// Places for what takes long to arrive, a few for each sender at a time, so that a slow one cannot fill the memory with
/// bodies that are half there. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Senders<K = Uuid> {
    at_once: usize,
    what: &'static str,
    places: Arc<Mutex<HashMap<K, Arc<Semaphore>>>>,
}

/// How long a sender whose places are taken is told to wait, in seconds.
const WAIT_SECONDS: u64 = 5;

impl<K: Eq + Hash> Senders<K> {
    /// With so many places for each sender.
    pub fn new(at_once: usize) -> Self {
        Self::of(at_once, "another request of this kind")
    }

    /// The same, with what a sender whose places are taken is told to wait for.
    pub fn of(at_once: usize, what: &'static str) -> Self {
        Self { at_once, what, places: Arc::default() }
    }

    /// A place of this sender, held until dropped; where all are taken, says how long to wait.
    pub fn place(&self, sender: K) -> Result<OwnedSemaphorePermit, Error> {
        let own = {
            // What the map holds is whole after every step, so that a panic elsewhere does not spoil it.
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(sender).or_insert_with(|| Arc::new(Semaphore::new(self.at_once))))
        };
        own.try_acquire_owned().map_err(|_| Error::UnderWay { what: self.what, seconds: WAIT_SECONDS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_system_past_its_limit_does_not_stop_another() {
        let limits = SystemLimits::default();
        let (busy, quiet) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(limits.check_system(busy, 2).is_ok());
        assert!(limits.check_system(busy, 2).is_ok());
        let refused = limits.check_system(busy, 2);
        assert!(matches!(refused, Err(Error::Limited { seconds: 1..=31 })), "{refused:?}");
        assert!(limits.check_system(quiet, 2).is_ok());
        assert!(limits.check_system(quiet, 0).is_err());
    }

    #[test]
    fn an_organisation_has_one_share_for_all_its_systems() {
        let limits = SystemLimits::of(2);
        let (busy, quiet) = (OrganisationId(Uuid::from_u128(1)), OrganisationId(Uuid::from_u128(2)));
        assert!(limits.check_organisation(busy).is_ok());
        assert!(limits.check_organisation(busy).is_ok());
        assert!(matches!(limits.check_organisation(busy), Err(Error::Limited { .. })));
        assert!(limits.check_organisation(quiet).is_ok());
    }

    #[test]
    fn a_sender_has_its_places_and_no_more() {
        let senders = Senders::new(2);
        let (busy, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = senders.place(busy).unwrap();
        let second = senders.place(busy).unwrap();
        assert!(matches!(senders.place(busy), Err(Error::UnderWay { seconds: 5, .. })));
        assert!(senders.place(other).is_ok(), "another's are its own");
        drop(first);
        assert!(senders.place(busy).is_ok(), "one that is given back");
        drop(second);
    }
}
