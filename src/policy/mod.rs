//! May they: facts and a purpose in, permitted sections out.
//!
//! The rules are data, in `policies/`, so that a data protection officer reads and changes them without reading code. This
//! module loads them (refusing what does not validate strictly), asks them one question per section, and remembers the
//! answers. It is pure: it never looks anything up, and nothing that identifies anybody reaches it. Whatever goes wrong
//! while a rule is evaluated is a denial.

mod bases;
mod decide;
mod facts;
mod load;
mod never;
mod reach;
mod slices;
#[cfg(test)]
mod space;
mod told;

pub use decide::{Decision, Sections};
pub use facts::{Action, Duty, Facts, Lane, Relationship, Subject};
pub use load::{Digest, Policy, PolicyError, Sources};
pub use never::{Broken, never_broken};
pub use told::{Asked, DEFAULT_WITHOUT_PERSON, Difference, difference, matrix, why};
