//! Caseloads: what a system lists goes on, and what it lists no more ends.
//!
//! A whole caseload, with its trailer, ends what it does not list. One that would end over a tenth of what is open is held
//! until a person has looked. What no feed lists for a week and five working days ends too, and where that would be over a
//! tenth in a day, none does until a person has looked, or ten working days have gone by.

mod http;
mod silence;
mod storage;

pub(super) use http::CHANGES_MAX;
pub use http::{
    __path_release_caseload, __path_release_silence, __path_send_caseload, LetGoAnswer, SilenceAnswer,
    release_caseload, release_silence, send_caseload,
};
pub(super) use silence::is_unconfirmed;
pub use silence::lapse_silent;
pub(super) use storage::{
    Held, Open, confirm, end_unlisted, forget_held, held, hold, of_kind, open_and_unlisted, silence,
};

/// Whether so many of all that is open are over a tenth: then a person looks first.
pub(super) fn is_over_a_tenth(some: u64, of: u64) -> bool {
    some.saturating_mul(10) > of
}
