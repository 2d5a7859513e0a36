//! Places for connections: so many handshakes under way, so many proved connections, so many of one certificate. Strangers
//! take none of the places of those that are proved.

use crate::http::Metrics;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many places; that all are taken is told, once until some are free again.
#[derive(Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    most: usize,
    told: AtomicBool,
    alarm: &'static str,
    metrics: Metrics,
}

impl Room {
    /// With so many places; `alarm` is the word for that all are taken.
    pub(super) fn new(most: usize, alarm: &'static str, metrics: Metrics) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), most, told: AtomicBool::new(false), alarm, metrics }
    }

    /// A place, held until dropped; waited for where all are taken.
    pub(super) async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            // Not at the first free one: it would be told again and again while places change hands.
            if self.places.available_permits() > self.most / 16 {
                self.told.store(false, Ordering::Relaxed);
            }
            return Some(place);
        }
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                reason = self.alarm,
                places = self.most,
                "all places for connections are taken; others wait"
            );
            self.metrics.alarm(self.alarm);
        }
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}

/// How many connections each certificate has open.
#[derive(Debug)]
pub(super) struct Certificates {
    open: Mutex<HashMap<[u8; 32], usize>>,
    metrics: Metrics,
}

/// One open connection of a certificate; given back when dropped.
#[derive(Debug)]
pub(super) struct Open {
    of: Arc<Certificates>,
    thumbprint: [u8; 32],
}

impl Certificates {
    /// With none open.
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { open: Mutex::default(), metrics }
    }

    /// Counts one more connection of a certificate, unless it has so many already.
    pub(super) fn open(self: &Arc<Self>, thumbprint: &[u8; 32], most: usize) -> Option<Open> {
        // What the map holds is whole after every step, so that a panic elsewhere does not spoil it.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(thumbprint).is_some_and(|count| *count >= most) {
            return None;
        }
        *open.entry(*thumbprint).or_default() += 1;
        self.metrics.connection_opened();
        Some(Open { of: Arc::clone(self), thumbprint: *thumbprint })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.of.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.thumbprint) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.thumbprint);
            }
        }
        self.of.metrics.connection_closed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn told(metrics: &Metrics) -> usize {
        let line = "schoolgate_alarms_total{reason=\"full\"} ";
        metrics.text().lines().find_map(|l| l.strip_prefix(line)?.parse().ok()).unwrap_or(0)
    }

    #[test]
    fn a_certificate_has_its_connections_and_no_more() {
        let (metrics, one, other) = (Metrics::default(), [1; 32], [2; 32]);
        let certificates = Arc::new(Certificates::new(metrics.clone()));
        let first = certificates.open(&one, 2).unwrap();
        let second = certificates.open(&one, 2).unwrap();
        assert!(certificates.open(&one, 2).is_none());
        let third = certificates.open(&other, 2).unwrap();
        assert!(metrics.text().contains("schoolgate_connections_open 3\n"), "{}", metrics.text());
        drop(first);
        assert!(certificates.open(&one, 2).is_some());
        drop((second, third));
        assert!(certificates.open.lock().unwrap().is_empty(), "nothing is kept of who has gone");
        assert!(metrics.text().contains("schoolgate_connections_open 0\n"));
    }

    #[test]
    fn that_all_places_are_taken_is_told_once_until_some_are_free() {
        let metrics = Metrics::default();
        let room = Room::new(32, "full", metrics.clone());
        let mut places: Vec<_> = (0..32).map(|_| room.enter().now_or_never().unwrap()).collect();
        assert_eq!(told(&metrics), 0);
        for _ in 0..3 {
            assert!(room.enter().now_or_never().is_none(), "it waits");
            places.pop();
            places.push(room.enter().now_or_never().unwrap());
        }
        assert_eq!(told(&metrics), 1);
        places.truncate(8);
        places.extend((0..24).map(|_| room.enter().now_or_never().unwrap()));
        assert!(room.enter().now_or_never().is_none());
        assert_eq!(told(&metrics), 2);
    }
}
