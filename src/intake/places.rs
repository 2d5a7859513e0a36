//! Places for uploads: each system sends a few files of a school at a time, a few of all are worked out at a time, and what
//! is read, waits or is worked out has so many bytes together.
//!
//! Room is taken as bytes arrive, so that a body that does not come holds nothing. One system has at most a quarter of it.
//! Of the room and of the places to work a part is kept for small bodies, so that neither slow senders nor large files keep
//! a register out. Where there is no room the sender is told when to come again: bodies that are half there and wait for
//! each other would wait for ever.

use super::{Stop, Work};
use crate::config::Limits;
use crate::domain::identifiers::{SchoolId, SystemId};
use crate::http::{Body, Error, Metrics, Senders};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// Places for uploads. A place is held until the work has ended, whoever still waits for it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Places {
    working: Working,
    room: Arc<Room>,
    senders: Senders<SystemAndSchool>,
    alarms: Metrics,
}

/// Who sends: a system, and the school whose file it is. A supplier's system has many schools, and none waits for another.
type SystemAndSchool = (SystemId, SchoolId);

/// Files of one school that one system may send at the same time.
const OF_ONE_SENDER: usize = 2;
/// What one that has sent as many is told to wait for.
const UNDER_WAY: &str = "another upload of this system";
/// Share of the room that one system may have, unless the largest file needs more.
const SHARE: u64 = 4;
/// Share of the room that is kept for bodies of at most [`SMALL_BYTES`].
const KEPT_FOR_SMALL: u64 = 16;
/// The largest body that is small: one register.
const SMALL_BYTES: u64 = 4 * 1024 * 1024;
/// Places to work that are kept for small bodies, where there are more than as many.
const WORKING_KEPT_FOR_SMALL: usize = 2;

impl Places {
    /// With the limits of a configuration.
    pub fn new(limits: &Limits, alarms: Metrics) -> Self {
        Self {
            working: Working::new(limits.uploads_at_once),
            room: Arc::new(Room::new(limits)),
            senders: Senders::of(OF_ONE_SENDER, UNDER_WAY),
            alarms,
        }
    }

    /// Reads a body while there is room for it, and gives what it holds with the work on it.
    pub(super) async fn take_in(
        &self,
        sender: SystemAndSchool,
        body: Body,
        stop: Stop,
    ) -> Result<(Bytes, Work), Error> {
        let sending = self.senders.place(sender)?;
        let (SystemId(system), _) = sender;
        let mut room = Taken::none(&self.room, system, body.most_bytes()? <= SMALL_BYTES);
        let body = body.read_into(|bytes| room.grow(bytes)).await?;
        // By what came: a register that does not say its length beforehand is small all the same.
        let working = self.working.place(bytes(body.len()) <= SMALL_BYTES).await?;
        Ok((body, Work::holding(stop, (sending, room, working), self.alarms.clone())))
    }
}

fn bytes(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

/// Places to work, and those of them that large bodies may have.
#[derive(Clone, Debug)]
struct Working {
    all: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl Working {
    fn new(at_once: usize) -> Self {
        let all = at_once.max(1);
        // Where there is one place alone, a large file has to have it.
        let large = all.saturating_sub(WORKING_KEPT_FOR_SMALL).max(1);
        Self { all: Arc::new(Semaphore::new(all)), large: Arc::new(Semaphore::new(large)) }
    }

    /// A place, waited for in the order of coming. Large bodies wait among themselves first, so that those for which there
    /// is no place do not stand in the line of all.
    async fn place(&self, small: bool) -> Result<WorkingPlace, Error> {
        let large = if small { None } else { Some(one_of(&self.large).await?) };
        Ok((one_of(&self.all).await?, large))
    }
}

/// One of all places, and for a large body one of those that such may have.
type WorkingPlace = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

async fn one_of(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    Arc::clone(places).acquire_owned().await.map_err(|_| Error::NotReady)
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
    fn grow(&mut self, more: usize) -> Result<(), Error> {
        let more = bytes(more);
        // What it holds is whole after every step, so that a panic elsewhere does not spoil it.
        let mut held = self.room.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.by_system.get(&self.system).copied().unwrap_or(0).saturating_add(more);
        if own > self.room.of_one_system {
            return Err(Error::UnderWay { what: UNDER_WAY, seconds: WAIT_SECONDS });
        }
        let all = held.all.saturating_add(more);
        if all > if self.small { self.room.most } else { self.room.most_large } {
            return Err(Error::Full { seconds: WAIT_SECONDS });
        }
        held.all = all;
        held.by_system.insert(self.system, own);
        drop(held);
        self.bytes += more;
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
    use axum::extract::{DefaultBodyLimit, FromRequest as _, Request};
    use std::pin::pin;
    use std::time::Duration;

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

    fn sender(system: u128, school: u128) -> SystemAndSchool {
        (SystemId(Uuid::from_u128(system)), SchoolId(Uuid::from_u128(school)))
    }

    async fn body(bytes: usize) -> Body {
        let mut request = Request::new(axum::body::Body::from(vec![b'x'; bytes]));
        DefaultBodyLimit::disable().apply(&mut request);
        Body::from_request(request, &()).await.unwrap()
    }

    #[tokio::test]
    async fn a_supplier_sends_for_each_of_its_schools() {
        let places = Places::new(&Limits::default(), Metrics::default());
        let mut under_way = Vec::new();
        for school in [1, 1, 2, 2, 3] {
            let (_, work) = places.take_in(sender(1, school), body(1).await, Stop::default()).await.unwrap();
            under_way.push(work);
        }
        let third = async || places.take_in(sender(1, 1), body(1).await, Stop::default()).await;
        assert!(matches!(third().await, Err(Error::UnderWay { .. })), "the school's own third");
        let own = places.take_in(sender(2, 1), body(1).await, Stop::default()).await;
        assert!(own.is_ok(), "another system of that school");
        drop(under_way.remove(0));
        assert!(third().await.is_ok(), "a place that was given back");
    }

    #[tokio::test]
    async fn large_files_leave_places_for_registers() {
        let limits = Limits { uploads_at_once: 4, ..Limits::default() };
        let places = Places::new(&limits, Metrics::default());
        let small = 4 * MIB;
        let large = small + 1;
        let take_in = async |school: u128, bytes: usize| {
            let taken = places.take_in(sender(school, school), body(bytes).await, Stop::default());
            tokio::time::timeout(Duration::from_millis(200), taken).await.ok().map(Result::unwrap)
        };
        let first = take_in(1, large).await.unwrap();
        let second = take_in(2, large).await.unwrap();
        let mut third = pin!(places.take_in(sender(3, 3), body(large).await, Stop::default()));
        assert!(tokio::time::timeout(Duration::from_millis(50), third.as_mut()).await.is_err(), "it waits");
        let registers = (take_in(4, 1).await.unwrap(), take_in(5, small).await.unwrap());
        assert!(take_in(6, 1).await.is_none(), "four at once in all");
        drop(registers);
        assert!(
            tokio::time::timeout(Duration::from_millis(50), third.as_mut()).await.is_err(),
            "it waits on"
        );
        drop(first);
        assert!(third.await.is_ok(), "the next large one has the place of the first");
        drop(second);
    }

    #[tokio::test]
    async fn one_place_is_for_large_files_too() {
        for (at_once, of_large) in [(0, 1), (1, 1), (2, 1), (3, 1), (4, 2), (8, 6)] {
            let working = Working::new(at_once);
            assert_eq!(working.large.available_permits(), of_large, "{at_once}");
            assert_eq!(working.all.available_permits(), at_once.max(1));
            assert!(working.place(false).await.is_ok());
        }
    }
}
