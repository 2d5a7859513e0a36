//! What tests share: how a test is registered, and a database of its own for each.

mod binary;
#[path = "../../../src/intake/parse/tests/book.rs"]
pub mod book;
pub mod exports;
pub mod gate;
pub mod matrix;
mod postgres;
pub mod provider;
pub mod signed;
mod suite;
pub mod wire;

pub use binary::{Ran, schoolgate};
pub use gate::TestGate;
pub use suite::{Suite, TestDb};

/// Registers the tests of this support itself.
pub fn register(suite: &mut Suite) {
    postgres::register(suite);
}
