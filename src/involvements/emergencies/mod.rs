//! Emergencies, before any case is open: a social worker claims one, reads for thirty minutes, and a manager of another team
//! countersigns.
//!
//! The answer never tells whether the child is known, and no claim is refused for anything of a child's. What a claim opens
//! is the claimant's alone. Where those who protect the child must be asked, the claim looks like one that fits nobody.

mod claim;
mod countersigning;
mod http;
mod look;
mod renewals;
mod renewed;
mod storage;

pub use claim::{EmergencyBody, EmergencyChild};
pub use countersigning::{
    __path_countersign_emergency, __path_read_emergency_claim, ClaimedAnswer, CountersignedAnswer,
    countersign_emergency, read_emergency_claim,
};
pub use http::{__path_claim_emergency, EmergencyAnswer, EmergencyOpened, claim_emergency};
pub use look::{hand_on_emergencies, look_at_emergencies};
pub use renewals::{
    __path_answer_renewal, __path_renew_emergency, RenewalAnswer, RenewalAnswered, RenewalBody,
    RenewalDecision, answer_renewal, renew_emergency,
};
pub(in crate::involvements) use renewed::waiting_renewals;
pub(in crate::involvements) use storage::{forget, forget_days, release, tell_late};
