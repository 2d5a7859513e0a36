//! What schools see of involvements, and what no school is told of.
//!
//! A school's safeguarding lead sees that there are involvements with children on the own roll: of some kinds always, of
//! the others where their agency released them. One that is marked `school_not_told` is in nothing that a school can read;
//! the designated officer of the authority looks at those each month.

mod http;
mod storage;

pub use http::{
    __path_list_not_told, __path_list_school_involvements, NotToldAnswer, SchoolInvolvementsAnswer,
    list_not_told, list_school_involvements,
};
