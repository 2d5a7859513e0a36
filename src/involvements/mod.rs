//! An agency opens, changes and ends its cases.
//!
//! The answer never tells whether the child is known: it is always 202, nothing in it depends on another
//! organisation's data, and matching runs off the request path.

mod caseloads;
mod claim;
mod followers;
mod http;
mod matchers;
mod matching;
mod review;
mod schools;
mod sending;
mod storage;
mod tried;

pub use caseloads::{
    __path_release_caseload, __path_release_silence, __path_send_caseload, LetGoAnswer, SilenceAnswer,
    lapse_silent, release_caseload, release_silence, send_caseload,
};
pub use claim::{Claim, ClaimBody, ClaimError};
pub use followers::follow_rolls;
pub use http::{
    __path_end_involvement, __path_open_involvement, __path_report_involvements,
    __path_withdraw_family_agreement, ClaimsAnswer, EndedAnswer, ReportAnswer, WithdrawnAnswer,
    end_involvement, open_involvement, report_involvements, withdraw_family_agreement,
};
pub use matchers::{
    __path_decide_claim, __path_list_ambiguous_claims, AmbiguousAnswer, DecidedAnswer, decide_claim,
    list_ambiguous_claims,
};
pub use matching::{Matched, Matcher, match_claims, match_daily, match_step};
pub use review::{
    __path_end_conflict, __path_record_conflict, __path_review_involvements, ConflictAnswer, ConflictBody,
    ReviewAnswer, ReviewKey, end_conflict, record_conflict, review_involvements,
};
pub use schools::{
    __path_list_not_told, __path_list_school_involvements, NotToldAnswer, SchoolInvolvementsAnswer,
    list_not_told, list_school_involvements,
};
pub use sending::Sending;
