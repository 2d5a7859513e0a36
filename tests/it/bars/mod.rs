//! Bars and exceptions over the wire: emergencies, shields, decisions to withhold, protected whereabouts, and the queue of
//! those who protect a child.

mod emergencies;
mod ended;
mod later;
mod persons;
mod protection;
mod queue;
mod rules;
mod shields;
pub mod world;

use crate::support::Suite;

/// Registers the trials of this folder.
pub fn register(suite: &mut Suite) {
    emergencies::register(suite);
    ended::register(suite);
    later::register(suite);
    persons::register(suite);
    protection::register(suite);
    queue::register(suite);
    rules::register(suite);
    shields::register(suite);
}
