//! What schools see of involvements, and what no school is told of.
//!
//! A school's safeguarding lead sees that there are involvements with children on the own roll: of some kinds always, of
//! the others where their agency released them. One that is marked `school_not_told` is in nothing that a school can read;
//! the designated officer of the authority looks at those each month. A resident concern of another authority shows to the
//! school's own too.

mod concerns;
mod http;
mod storage;

pub use concerns::{__path_list_resident_concerns, ConcernsAnswer, list_resident_concerns};
pub use http::{
    __path_list_not_told, __path_list_school_involvements, NotToldAnswer, SchoolInvolvementsAnswer,
    list_not_told, list_school_involvements,
};
