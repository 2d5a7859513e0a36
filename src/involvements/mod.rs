//! An agency opens, changes and ends its cases; and what stands beside them: emergencies, bars on a child, and what waits
//! for those who protect one.
//!
//! The answer never tells whether the child is known: it is always 202, nothing in it depends on another
//! organisation's data, and matching runs off the request path.

mod bars;
mod caseloads;
mod claim;
mod emergencies;
mod followers;
mod http;
mod matchers;
mod matching;
mod protecting;
mod retention;
mod review;
mod schools;
mod sending;
mod single;
mod storage;
mod texts;
mod tried;

pub use bars::{
    __path_confirm_shield, __path_end_shield, __path_end_withheld_decision, __path_protect_whereabouts,
    __path_set_shield, __path_withhold_child, AlreadyReadBody, ConfirmBody, EndBody, EndedShieldAnswer,
    PersonBody, ProtectionAnswer, ProtectionBody, ShieldAnswer, ShieldBody, TeamBody, WhomBody,
    WithheldAnswer, WithheldBody, confirm_shield, end_shield, end_withheld_decision, protect_whereabouts,
    set_shield, shield_child, withhold, withhold_child,
};
pub use caseloads::{
    __path_release_caseload, __path_release_silence, __path_send_caseload, LetGoAnswer, SilenceAnswer,
    lapse_silent, release_caseload, release_silence, send_caseload,
};
pub use claim::{Claim, ClaimBody, ClaimError};
pub use emergencies::{
    __path_answer_renewal, __path_claim_emergency, __path_countersign_emergency, __path_read_emergency_claim,
    __path_renew_emergency, ClaimedAnswer, CountersignedAnswer, EmergencyAnswer, EmergencyBody,
    EmergencyChild, EmergencyOpened, RenewalAnswer, RenewalAnswered, RenewalBody, RenewalDecision,
    answer_renewal, claim_emergency, countersign_emergency, hand_on_emergencies, look_at_emergencies,
    read_emergency_claim, renew_emergency,
};
pub use followers::follow_rolls;
pub use http::{
    __path_end_involvement, __path_object_to_involvement, __path_open_involvement,
    __path_report_involvements, __path_withdraw_family_agreement, ClaimsAnswer, EndedAnswer, ReportAnswer,
    WithdrawnAnswer, end_involvement, object_to_involvement, open_involvement, report_involvements,
    withdraw_family_agreement,
};
pub use matchers::{
    __path_decide_claim, __path_list_ambiguous_claims, AmbiguousAnswer, MatchedAnswer, decide_claim,
    list_ambiguous_claims,
};
pub use matching::{Matched, Matcher, match_claims, match_daily, match_step};
pub use protecting::{
    __path_decide_protecting_item, __path_list_protecting_items, DecidedAnswer, ItemBody, ItemDecision,
    ItemsAnswer, RingBody, decide_protecting_item, list_protecting_items, tell_what_is_late,
};
pub use retention::expire_bars;
pub use review::{
    __path_end_conflict, __path_record_conflict, __path_review_involvements, ConflictAnswer, ConflictBody,
    ReviewAnswer, ReviewKey, end_conflict, record_conflict, review_involvements,
};
pub use schools::{
    __path_list_not_told, __path_list_resident_concerns, __path_list_school_involvements, ConcernsAnswer,
    NotToldAnswer, SchoolInvolvementsAnswer, list_not_told, list_resident_concerns, list_school_involvements,
};
pub use sending::Sending;
