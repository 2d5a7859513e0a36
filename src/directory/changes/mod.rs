//! Changes of the directory: planned by comparison, signed by an operator, and where they widen who may act approved by a
//! second one before they give anything. Nothing else writes the directory.

mod document;
mod held;
mod plan;
mod record;
mod table;
mod valid;
mod write;

pub use document::{Change, Decided, NotSigned, Signed, Signer};
pub use plan::{Does, Edit, Missing, Records, check, does, fitting, plan, records};
pub use record::{Key, Record};
pub(super) use table::operators;
pub use table::{
    Kept, Operator, State, change, changes, decide, first_operators, keep, moves, moves_on, waiting,
    waiting_of,
};
pub use valid::Fault;
pub use write::write;

#[cfg(test)]
mod tests;
