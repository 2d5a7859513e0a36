//! Claims that fit more than one child, or nearly one: a data matcher of the authority that receives the school's returns
//! says which child each is about.
//!
//! The matcher sees name, date of birth, school and postcode, and never a kind, a team, a reference or an agency. What the
//! agency is told stays `pending`, and becomes `accessible` as with any other match.

mod http;
mod storage;

pub use http::{
    __path_decide_claim, __path_list_ambiguous_claims, AmbiguousAnswer, MatchedAnswer, decide_claim,
    list_ambiguous_claims,
};
pub(super) use storage::{ask, forget};
