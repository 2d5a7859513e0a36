//! Bars on a child, set by persons: shields, decisions to withhold, and the flag that protects where it is.
//!
//! What the rules read of them is written beside them, line by line, in the same transaction.

mod due;
mod ended;
mod lines;
mod people;
mod shields;
mod storage;
mod whereabouts;
mod withheld;

pub(in crate::involvements) use due::tell_due;
pub(in crate::involvements) use ended::{forget_decisions, forget_protections, forget_shields};
pub use people::{PersonBody, TeamBody, WhomBody};
pub use shields::{
    __path_confirm_shield, __path_end_shield, ConfirmBody, EndBody, EndedShieldAnswer, confirm_shield,
    end_shield,
};
pub use shields::{__path_set_shield, ShieldAnswer, ShieldBody, set_shield, shield_child};
pub(in crate::involvements) use storage::accept_protection;
pub use whereabouts::{
    __path_protect_whereabouts, AlreadyReadBody, ProtectionAnswer, ProtectionBody, protect_whereabouts,
};
pub use withheld::{
    __path_end_withheld_decision, __path_withhold_child, WithheldAnswer, WithheldBody, end_withheld_decision,
    withhold, withhold_child,
};
