//! Certificates over real TLS: who is refused at the handshake and under which word, what is revoked, what follows what.

mod command;
mod doctor;
mod flood;
mod gateway;
mod lists;
mod making;
pub mod nodes;
mod rollover;
mod signatures;
mod vectors;

pub use vectors::TRIED;

use crate::support::Suite;

/// Registers the tests of this folder.
pub fn register(suite: &mut Suite) {
    vectors::register(suite);
    lists::register(suite);
    command::register(suite);
    doctor::register(suite);
    flood::register(suite);
    nodes::register(suite);
    rollover::register(suite);
    signatures::register(suite);
}
