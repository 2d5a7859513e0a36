//! Operators change the directory, and no one of them widens anything alone: what widens who may act is signed by one,
//! shown in the feed of whom it affects, and gives nothing until a second one has approved it. What only narrows takes
//! effect at once.
//!
//! Every step is an `admin` entry in the transaction of what it does. An operator sees counts, ids and records of the
//! directory, never a child.

mod expiry;
mod fault;
mod gias;
mod policies;
mod steps;
mod tell;

pub use expiry::tell_expiring;
pub use fault::OperatorFault;
pub use gias::{GiasFault, Taken, from_gias};
pub use policies::{PolicyFault, Weighed, record_built_in, texts_of, weigh};
pub use steps::{Done, decide, first_operators, planned, propose, signer};
