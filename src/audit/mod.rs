//! Can we prove it: the bytes of each entry, the tree over them, and the journal that makes them durable.
//!
//! No answer about a child leaves before its entry is durable. This module writes the three `audit_` tables, and
//! counts what systems read in `system_lanes`; it never decides anything, and never gives an entry to anyone but its own organisation:
//! the operator has its outline.

mod entry;
mod flood;
mod journal;
mod lanes;
mod outline;
mod reading;
mod receipt;
mod tree;

pub use entry::{ActedFor, Class, Connection, Decision, Digest, Entry, EventId, NotAnEntry, VERSION};
pub use flood::{Flood, Noted, Source, Summary};
pub use journal::{Batch, Journal, JournalError, Options, stage};
pub use lanes::{LaneState, Lanes, Stopped, SystemLane, let_lanes_go, stop_lane, stopped_lanes};
pub use outline::{Outline, outline};
pub use reading::{Doubt, Stored, Verified, by_cover, entries, newest_entries, verify};
pub use receipt::{NotAReceipt, Receipt};
pub use tree::{Frontier, Hash, includes, leaf_hash, node_hash};
