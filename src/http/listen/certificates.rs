//! The certificates that the API listener goes by, read again when a file changes. What cannot be used changes nothing
//! but that the operator is told; of revocation lists alone it also means that nobody new is let in.

use super::tls::{LiveTls, server_config};
use crate::config::Config;
use crate::http::Metrics;
use crate::identity::{CertificateFault, CertificateFiles, LiveTrust, ServerPair, Stamp, Trust};
use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at: a revocation is in force within a second of its list.
const LOOK: Duration = Duration::from_millis(500);
/// The alarm of a file that cannot be used.
const NOT_READ: &str = "certificates_not_read";
/// The alarm of a list that is past its time.
const STALE: &str = "revocation_list_stale";

/// What the files hold now, for connections that are made and that are open. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Certificates(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    files: CertificateFiles,
    longest: TimeDelta,
    trust: LiveTrust,
    tls: LiveTls,
    seen: Mutex<Seen>,
}

/// What was seen at the last look.
#[derive(Debug)]
struct Seen {
    server: Stamp,
    trust: Stamp,
    pair: ServerPair,
    open: bool,
}

/// What of one look could not be used; nothing where all could.
pub type Unusable = Vec<CertificateFault>;

impl Certificates {
    /// Reads the files that a configuration names; `trusted` makes what is followed of what is trusted now.
    pub fn of(
        config: &Config,
        trusted: impl FnOnce(Trust) -> LiveTrust,
        now: DateTime<Utc>,
    ) -> Result<Self, CertificateFault> {
        let files = config.files.clone();
        let files = CertificateFiles {
            server_certificate: files.server_certificate,
            server_key: files.server_key,
            client_authorities: files.client_authorities,
            revocation_lists: files.revocation_lists,
        };
        let longest = TimeDelta::hours(config.limits.revocation_list_hours.into());
        Self::open(files, longest, trusted, now)
    }

    /// Reads all files; `longest` is how old a revocation list may be.
    pub(super) fn open(
        files: CertificateFiles,
        longest: TimeDelta,
        trusted: impl FnOnce(Trust) -> LiveTrust,
        now: DateTime<Utc>,
    ) -> Result<Self, CertificateFault> {
        // The stamps first: what is written between the two is read again.
        let (server, stamp) = (files.server_stamp(), files.trust_stamp());
        let pair = files.server_pair(now)?;
        let authorities = files.authorities()?;
        let lists = files.lists(&authorities, now)?;
        let trust = trusted(Trust::new(authorities, lists, longest));
        let tls = Arc::new(ArcSwap::from_pointee(server_config(&pair, &trust)?));
        let open = trust.is_open();
        let seen = Mutex::new(Seen { server, trust: stamp, pair, open });
        Ok(Self(Arc::new(Kept { files, longest, trust, tls, seen })))
    }

    /// For the listener.
    pub fn tls(&self) -> LiveTls {
        Arc::clone(&self.0.tls)
    }

    /// For the listener, and for certificates that are to be registered.
    pub fn trust(&self) -> LiveTrust {
        self.0.trust.clone()
    }

    /// Whether anybody new is let in: not while a revocation list is past its time or cannot be read.
    pub fn is_open(&self) -> bool {
        self.0.trust.is_open()
    }

    /// Reads what has changed since the last look, or everything; each part that cannot be used stays as it is.
    pub fn look(&self, everything: bool) -> Unusable {
        let kept = &*self.0;
        let mut seen = kept.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (server, stamp) = (kept.files.server_stamp(), kept.files.trust_stamp());
        let mut unusable = Vec::new();
        let mut changed = false;
        if everything || server != seen.server {
            seen.server = server;
            match kept.files.server_pair(kept.trust.clock().now()) {
                Ok(pair) => (seen.pair, changed) = (pair, true),
                Err(fault) => unusable.push(fault),
            }
        }
        if everything || stamp != seen.trust {
            seen.trust = stamp;
            let before = unusable.len();
            self.read_trust(&mut unusable);
            changed |= unusable.len() == before;
        }
        if changed {
            match server_config(&seen.pair, &kept.trust) {
                Ok(config) => kept.tls.store(Arc::new(config)),
                Err(fault) => unusable.push(fault.into()),
            }
        }
        unusable
    }

    fn read_trust(&self, unusable: &mut Unusable) {
        let kept = &*self.0;
        let standing = kept.trust.current();
        let authorities = kept.files.authorities().unwrap_or_else(|fault| {
            unusable.push(fault);
            standing.authorities().clone()
        });
        match kept.files.lists(&authorities, kept.trust.clock().now()) {
            // An authority that is taken out is trusted no longer, whatever has become of the lists.
            Ok(lists) if lists.go_back_from(standing.lists()) => {
                unusable.push(CertificateFault::Older);
                kept.trust.put(standing.with_authorities(authorities));
                kept.trust.lists_were_read(true);
            }
            Ok(lists) => {
                kept.trust.put(Trust::new(authorities, lists, kept.longest));
                kept.trust.lists_were_read(true);
            }
            Err(fault) => {
                unusable.push(fault);
                kept.trust.put(standing.with_authorities(authorities));
                kept.trust.lists_were_read(false);
            }
        }
    }

    /// Looks until stopped.
    pub async fn watch(self, metrics: Metrics, stop: CancellationToken) {
        while timeout(LOOK, stop.cancelled()).await.is_err() {
            self.tell(&self.look(false), &metrics);
        }
    }

    /// Says what one look found.
    pub fn tell(&self, unusable: &Unusable, metrics: &Metrics) {
        for fault in unusable {
            tracing::error!(%fault, "what was in use stays in use");
            metrics.alarm(NOT_READ);
        }
        let (trust, now) = (self.0.trust.current(), self.0.trust.clock().now());
        let open = self.is_open();
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.open && !open {
            tracing::error!("a revocation list is past its time or cannot be read: nobody new is let in");
            metrics.alarm(STALE);
        } else if open && !seen.open {
            tracing::info!("revocation lists are of use again");
        }
        seen.open = open;
        metrics.certificates().server((seen.pair.not_after - now).num_seconds());
        if let Some((made, ends)) = trust.lists().times() {
            metrics.certificates().lists((now - made).num_seconds(), (ends - now).num_seconds());
        }
    }
}
