//! The trust that connections see: a snapshot that is swapped when a file changes, and whether it may be gone by now.

use super::{ChainFault, Trust};
use crate::clock::Clock;
use arc_swap::ArcSwap;
use rustls_pki_types::CertificateDer;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long lists that cannot be read are done without: a file that is being written is whole within that.
const UNREAD: Duration = Duration::from_secs(5);

/// A shared, current [`Trust`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LiveTrust(Arc<Live>);

#[derive(Debug)]
struct Live {
    trust: ArcSwap<Trust>,
    /// Since when the lists cannot be read.
    unread: Mutex<Option<Instant>>,
    changes: watch::Sender<()>,
    clock: Clock,
}

impl LiveTrust {
    /// With what has been read.
    pub fn new(trust: Trust, clock: Clock) -> Self {
        let changes = watch::Sender::new(());
        Self(Arc::new(Live { trust: ArcSwap::from_pointee(trust), unread: Mutex::default(), changes, clock }))
    }

    /// What is trusted at this moment.
    pub fn current(&self) -> Arc<Trust> {
        self.0.trust.load_full()
    }

    /// The clock by which it is gone.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Trusts this from now on; connections that are open are held to it at once.
    pub fn put(&self, trust: Trust) {
        self.0.trust.store(Arc::new(trust));
        self.0.changes.send_replace(());
    }

    /// Says whether the lists could be read when they were last looked at.
    pub fn lists_were_read(&self, read: bool) {
        let mut unread = self.0.unread.lock().unwrap_or_else(PoisonError::into_inner);
        *unread = if read { None } else { unread.or_else(|| Some(Instant::now())) };
    }

    /// Whether anybody new is let in: not while a list is past its time, or while the lists cannot be read.
    pub fn is_open(&self) -> bool {
        let unread = *self.0.unread.lock().unwrap_or_else(PoisonError::into_inner);
        unread.is_none_or(|since| since.elapsed() < UNREAD) && self.current().is_current(self.0.clock.now())
    }

    /// Whether a chain is let in now.
    pub fn check(&self, chain: &[CertificateDer<'_>]) -> Result<(), ChainFault> {
        let now = self.0.clock.now();
        let trust = self.current();
        if trust.is_current(now) && !self.is_open() {
            return Err(ChainFault::Closed);
        }
        trust.check(chain, now)
    }

    /// Follows what becomes of one connection's chain. To be called before the chain is checked, so that no change falls
    /// in between.
    pub fn follow(&self) -> Follow {
        Follow { live: self.clone(), changes: self.0.changes.subscribe() }
    }
}

/// Waits until a chain that was let in would be so no more.
#[derive(Debug)]
pub struct Follow {
    live: LiveTrust,
    changes: watch::Receiver<()>,
}

impl Follow {
    /// Ends once the chain is shut out, with why.
    pub async fn shut_out(mut self, chain: &[CertificateDer<'_>]) -> ChainFault {
        loop {
            if self.changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            let (trust, now) = (self.live.current(), self.live.0.clock.now());
            match trust.still(chain, now) {
                // The end of a certificate is looked at with each request.
                Ok(()) | Err(ChainFault::Expired) => {}
                Err(fault) => return fault,
            }
        }
    }
}
