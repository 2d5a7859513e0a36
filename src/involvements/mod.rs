//! An agency opens, changes and ends its cases.
//!
//! The answer never tells whether the child is known: it is always 202, nothing in it depends on another
//! organisation's data, and matching runs off the request path.

mod claim;
mod http;
mod matching;
mod sending;
mod storage;

pub use claim::{Claim, ClaimBody, ClaimError};
pub use http::{
    __path_end_involvement, __path_open_involvement, __path_report_involvements, __path_send_caseload,
    ClaimsAnswer, EndedAnswer, ReportAnswer, end_involvement, open_involvement, report_involvements,
    send_caseload,
};
pub use matching::{Matched, Matcher, match_claims, match_daily, match_step};
pub use sending::Sending;
