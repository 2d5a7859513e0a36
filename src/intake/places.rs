//! Places for uploads: each system sends a few files at a time, a few of all are worked out at a time, and what is read,
//! waits or is worked out has so many bytes together.
//!
//! Room is taken as bytes arrive, so that a body that does not come holds nothing. One system has at most a quarter of it,
//! and a part is kept for small bodies, so that neither slow senders nor large files keep a register out. Where there is no
//! room the sender is told when to come again: bodies that are half there and wait for each other would wait for ever.

use super::{Stop, Work};
use crate::config::Limits;
use crate::http::{Body, Error, Metrics, Senders};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Places for uploads. A place is held until the work has ended, whoever still waits for it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    room: Arc<Room>,
    senders: Senders,
    alarms: Metrics,
}

/// Files that one system may send at the same time.
const OF_ONE_SYSTEM: usize = 2;
/// What one that has sent as many is told to wait for.
const UNDER_WAY: &str = "another upload of this system";
/// Share of the room that one system may have, unless the largest file needs more.
const SHARE: u64 = 4;
/// Share of the room that is kept for bodies of at most [`SMALL_BYTES`].
const KEPT_FOR_SMALL: u64 = 16;
/// The largest body that is small: one register.
const SMALL_BYTES: u64 = 4 * 1024 * 1024;

impl Places {
    /// With the limits of a configuration.
    pub fn new(limits: &Limits, alarms: Metrics) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.uploads_at_once.max(1))),
            room: Arc::new(Room::new(limits)),
            senders: Senders::of(OF_ONE_SYSTEM, UNDER_WAY),
            alarms,
        }
    }

    /// Reads a body while there is room for it, and gives what it holds with the work on it.
    pub(super) async fn take_in(&self, system: Uuid, body: Body, stop: Stop) -> Result<(Bytes, Work), Error> {
        let sending = self.senders.place(system)?;
        let mut room = Taken::none(&self.room, system, body.most_bytes()? <= SMALL_BYTES);
        let body = body.read_into(|bytes| room.grow(bytes)).await?;
        let working = Arc::clone(&self.all).acquire_owned().await.map_err(|_| Error::NotReady)?;
        Ok((body, Work::holding(stop, (sending, room, working), self.alarms.clone())))
    }
}

/// The bytes of all bodies, and whose they are.
#[derive(Debug)]
struct Room {
    /// For all together, and for those together that are not small.
    most: u64,
    most_large: u64,
    of_one_system: u64,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: u64,
    by_system: HashMap<Uuid, u64>,
}

impl Room {
    fn new(limits: &Limits) -> Self {
        let bytes = |limit: usize| u64::try_from(limit).unwrap_or(u64::MAX);
        let (most, largest) = (bytes(limits.uploads_held_bytes), bytes(limits.upload_bytes));
        Self {
            most,
            most_large: (most - most / KEPT_FOR_SMALL).max(largest),
            of_one_system: (most / SHARE).max(largest),
            held: Mutex::default(),
        }
    }
}

/// What one body holds of the room; given back when dropped.
#[derive(Debug)]
struct Taken {
    room: Arc<Room>,
    system: Uuid,
    small: bool,
    bytes: u64,
}

/// How long a sender is told to wait where there is no room, in seconds.
const WAIT_SECONDS: u64 = 10;

impl Taken {
    fn none(room: &Arc<Room>, system: Uuid, small: bool) -> Self {
        Self { room: Arc::clone(room), system, small, bytes: 0 }
    }

    /// Takes room for so many more bytes, or says how long to wait for it.
    fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        // What it holds is whole after every step, so that a panic elsewhere does not spoil it.
        let mut held = self.room.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.by_system.get(&self.system).copied().unwrap_or(0).saturating_add(bytes);
        if own > self.room.of_one_system {
            return Err(Error::UnderWay { what: UNDER_WAY, seconds: WAIT_SECONDS });
        }
        let all = held.all.saturating_add(bytes);
        if all > if self.small { self.room.most } else { self.room.most_large } {
            return Err(Error::Full { seconds: WAIT_SECONDS });
        }
        held.all = all;
        held.by_system.insert(self.system, own);
        drop(held);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut held = self.room.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all = held.all.saturating_sub(self.bytes);
        if let Some(own) = held.by_system.get_mut(&self.system) {
            *own = own.saturating_sub(self.bytes);
            if *own == 0 {
                held.by_system.remove(&self.system);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn room(held: usize, largest: usize) -> Arc<Room> {
        let limits = Limits { uploads_held_bytes: held, upload_bytes: largest, ..Limits::default() };
        Arc::new(Room::new(&limits))
    }

    #[test]
    fn a_system_has_a_quarter_and_small_bodies_have_room_of_their_own() {
        let room = room(64 * MIB, 16 * MIB);
        let of = |number, small| Taken::none(&room, Uuid::from_u128(number), small);
        let (mut first, mut second) = (of(1, false), of(1, false));
        assert!(first.grow(10 * MIB).is_ok() && second.grow(6 * MIB).is_ok());
        assert!(matches!(second.grow(1), Err(Error::UnderWay { seconds: 10, .. })), "a quarter of 64");
        let mut others: Vec<_> = (2..5).map(|number| of(number, false)).collect();
        for other in others.iter_mut().take(2) {
            assert!(other.grow(16 * MIB).is_ok());
        }
        assert!(others[2].grow(12 * MIB).is_ok());
        assert!(matches!(others[2].grow(1), Err(Error::Full { seconds: 10 })), "15 of 16 parts");
        let mut register = of(9, true);
        assert!(register.grow(4 * MIB).is_ok(), "what is kept for small ones");
        assert!(matches!(of(10, true).grow(1), Err(Error::Full { .. })), "and then there is none");
        drop(first);
        assert!(others[2].grow(4 * MIB).is_ok(), "what was given back");
        drop((second, others, register));
        let held = room.held.lock().unwrap();
        assert_eq!((held.all, held.by_system.len()), (0, 0), "nothing is left over");
    }

    #[test]
    fn the_largest_file_has_room_however_little_there_is() {
        let room = room(16 * MIB, 16 * MIB);
        let mut only = Taken::none(&room, Uuid::from_u128(1), false);
        assert!(only.grow(16 * MIB).is_ok());
        assert!(Taken::none(&room, Uuid::from_u128(2), true).grow(1).is_err());
    }
}
