//! The entries of what no handler is asked about, and of what comes too often: refused handshakes, requests that HTTP
//! itself cannot read, and answers past a limit, so that nobody can fill the log.

use super::{AuditLayer, Metrics};
use crate::audit::{Class, Decision, Digest, Entry, EventId, Source, Summary};
use crate::http::ConnectionEvents;
use crate::identity::{Peer, may_act};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::net::{IpAddr, SocketAddr};
use std::sync::PoisonError;

/// Sources told apart in one minute of a flood.
pub(super) const SOURCES: usize = 4_096;

impl ConnectionEvents for AuditLayer {
    fn refused<'a>(
        &'a self,
        from: SocketAddr,
        peer: Option<&'a Peer>,
        reason: &'static str,
        _detail: &str,
    ) -> BoxFuture<'a, ()> {
        self.refused_handshake(from.ip(), peer, reason).boxed()
    }

    fn unreadable<'a>(&'a self, peer: &'a Peer, reason: &'static str) -> BoxFuture<'a, ()> {
        self.unreadable_request(peer, reason).boxed()
    }

    fn may_act(&self, peer: &Peer) -> bool {
        may_act(&self.gate.directory().current(), peer, self.gate.clock().now())
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl AuditLayer {
    /// Whether this refusal of a client gets an entry of its own; what a minute that has ended left over is written first.
    pub(super) async fn own_entry(&self, entry: &Entry) -> Result<bool, ()> {
        let client = entry.connection.as_ref().map(|c| match (&c.organisation, &c.system) {
            (Some(organisation), Some(system)) => format!("{organisation}/{system}"),
            _ => uuid_of(&c.thumbprint),
        });
        let client = client.unwrap_or_default();
        let noted = {
            let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
            flood.note(Source::Client(client.clone()), self.gate.clock().now())
        };
        if let Some(connection) = entry.connection.clone() {
            let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            // As many as are told apart; a count of one beyond them still names the client by its word.
            if clients.len() < SOURCES || clients.contains_key(&client) {
                clients.insert(client, connection);
            }
        }
        self.write(Class::Limited, noted.summaries).await?;
        Ok(noted.own_entry)
    }

    /// Writes the entry of a refused handshake, or of a connection refused right after it: the first ten of a network and
    /// minute each, then one with the count. `reason` is a word of ours.
    pub async fn refused_handshake(&self, address: IpAddr, peer: Option<&Peer>, reason: &'static str) {
        self.metrics.handshake_refused();
        let source = Source::of_address(address);
        let noted = {
            let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
            flood.note(source.clone(), self.gate.clock().now())
        };
        let mut written = self.write(Class::HandshakeRefused, noted.summaries).await;
        if noted.own_entry {
            // The log has as many lines as the audit has entries: a flood fills neither.
            tracing::info!(network = %source, reason, "handshake refused");
            let mut entry = self.counted(Class::HandshakeRefused, &source, None);
            entry.reason = Some(reason.to_owned());
            entry.connection = peer.map(|peer| self.connection_of(peer));
            written = written.and(self.write_one(&entry).await);
        }
        if written.is_err() {
            tracing::error!("a refused handshake could not be recorded");
        }
    }

    /// Writes the entry of a request that HTTP itself could not read, so that no handler was asked: from its connection
    /// alone, after the library has answered. Past the limit of a certificate that proves nobody, the first ten of a
    /// minute have entries and the others are counted, as with every flood. `reason` is a word of ours.
    pub async fn unreadable_request(&self, peer: &Peer, reason: &'static str) {
        self.metrics.unreadable();
        let mut entry =
            Entry::new(EventId::new(), self.gate.clock().now(), Class::Access, Decision::Malformed);
        entry.connection = Some(self.connection_of(peer));
        entry.reason = Some(reason.to_owned());
        let written = match self.strangers.check_stranger(&peer.thumbprint) {
            Ok(()) => self.write_one(&entry).await,
            Err(_) => match self.own_entry(&entry).await {
                Ok(true) => self.write_one(&entry).await,
                Ok(false) => Ok(()),
                Err(()) => Err(()),
            },
        };
        if written.is_err() {
            tracing::error!("a request that could not be read could not be recorded");
        }
    }

    /// Writes the counts of a minute that has ended; called once a minute, and at stop with `last`.
    pub async fn turn_minute(&self, last: bool) {
        let summaries = {
            let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
            if last { flood.finish() } else { flood.turn(self.gate.clock().now()) }
        };
        if self.write(Class::Limited, summaries).await.is_err() {
            tracing::error!("counts of refused requests could not be recorded");
        }
    }

    /// Writes counts of minutes that have ended. What cannot be written now is due again with the next.
    async fn write(&self, class: Class, summaries: Vec<Summary>) -> Result<(), ()> {
        let mut left = summaries.into_iter();
        while let Some(summary) = left.next() {
            let class = match summary.source {
                Source::V4(_) | Source::V6(_) => Class::HandshakeRefused,
                Source::Client(_) => Class::Limited,
                Source::Others => class,
            };
            let entry = self.counted(class, &summary.source, Some(summary.count));
            if self.write_one(&entry).await.is_err() {
                let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
                flood.put_back(std::iter::once(summary).chain(left).collect());
                return Err(());
            }
        }
        Ok(())
    }

    /// An entry of refusals by one source: a system's is its organisation's, a network's is nobody's.
    fn counted(&self, class: Class, source: &Source, count: Option<u64>) -> Entry {
        let mut entry = Entry::new(EventId::new(), self.gate.clock().now(), class, Decision::Refused);
        entry.count = count;
        match source {
            Source::Client(client) => {
                let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
                entry.connection = clients.get(client).cloned();
                entry.reason = Some("too_many_requests".to_owned());
            }
            Source::V4(_) | Source::V6(_) | Source::Others => entry.network = Some(source.to_string()),
        }
        entry
    }

    async fn write_one(&self, entry: &Entry) -> Result<(), ()> {
        self.gate.journal().record(entry).await.map(|_| ()).map_err(|_| ())
    }
}

/// A certificate that is nobody's in the directory, as a word: its thumbprint's first half.
fn uuid_of(thumbprint: &Digest) -> String {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(thumbprint.0).for_each(|(to, from)| *to = from);
    uuid::Uuid::from_bytes(bytes).simple().to_string()
}
