//! Limits on requests: a fair share per system, and the size of a body.

use super::Error;
use crate::identity::Caller;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// How often each system may ask, as the directory says; never per address, since agencies share theirs.
#[derive(Clone, Default)]
pub struct SystemLimits {
    // One limiter for each allowance: there are few different ones.
    by_allowance: Arc<Mutex<HashMap<NonZeroU32, Arc<DefaultKeyedRateLimiter<Uuid>>>>>,
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
    /// Counts a request that was not proved against its certificate.
    pub fn check_stranger(&self, thumbprint: &[u8; 32]) -> Result<(), Error> {
        let mut id = [0; 16];
        id.iter_mut().zip(thumbprint).for_each(|(to, from)| *to = *from);
        self.check_system(Uuid::from_bytes(id), STRANGER_PER_MINUTE)
    }

    /// Counts a request of this caller's system; past its requests a minute, says how long to wait.
    pub fn check(&self, caller: &Caller) -> Result<(), Error> {
        self.check_system(caller.system.id.0, caller.system.requests_per_minute)
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
}
