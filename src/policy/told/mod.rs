//! What the rules say, for people: the whole table, what another set changes of it, and why one answer is as it is.

mod diff;
mod matrix;
mod why;

pub use diff::{Difference, difference};
pub use matrix::{DEFAULT_WITHOUT_PERSON, matrix};
pub use why::{Asked, why};

pub(super) use matrix::unbarred;
