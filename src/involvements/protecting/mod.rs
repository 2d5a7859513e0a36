//! What waits for those who protect a child: agencies' claims and emergencies that fit it, and requests to protect it.
//!
//! Whoever asked is told nothing until it is accepted. A call back goes to the number that the directory has for the team
//! that asks, and never to one that somebody typed.

mod asking;
mod deciding;
mod http;
mod late;
mod storage;

pub(in crate::involvements) use asking::{Ask, ask};
pub use http::{
    __path_decide_protecting_item, __path_list_protecting_items, DecidedAnswer, ItemBody, ItemDecision,
    ItemsAnswer, RingBody, decide_protecting_item, list_protecting_items,
};
pub use late::tell_what_is_late;
pub(in crate::involvements) use storage::forget;
