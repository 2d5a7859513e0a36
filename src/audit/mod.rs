//! Can we prove it: the bytes of each entry, the tree over them, and the journal that makes them durable.
//!
//! No answer about a child leaves before its entry is durable. This module writes the three `audit_` tables and no
//! other; it never decides anything, and never gives an entry to anyone but its own organisation.

mod entry;
mod fields;
pub mod tree;

pub use entry::{Class, Connection, Decision, Digest, Entry, EventId, NotAnEntry, VERSION};
