//! Why an operator's step was not taken.

use super::PolicyFault;
use crate::directory::changes::{Fault, NotSigned, State};
use crate::gate::Refusal;
use crate::store::StoreError;

/// Why a change was not taken in, or not decided on; nothing of it is done.
#[derive(Debug, thiserror::Error)]
pub enum OperatorFault {
    /// Nobody here signed it.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// Who proposed it cannot decide on it.
    #[error("operator `{0}` proposed this change and cannot approve it; another operator must")]
    SameOperator(String),
    /// A change of this id was taken in before.
    #[error("this change was taken in before and is not taken twice; make it again")]
    Replayed,
    /// No change has this id.
    #[error("there is no change of this id; see `schoolgate change list`")]
    Unknown,
    /// It does not wait any more.
    #[error("this change is {0} already; see `schoolgate change list`")]
    NotWaiting(State),
    /// Another document was looked at than the one that waits.
    #[error(
        "this decision is on another document than the one that waits; look at the change and decide again"
    )]
    OtherDocument,
    /// Who proposed it is no operator any more, or did not sign these bytes.
    #[error(
        "operator `{0}`, who proposed this change, does not stand by it any more; refuse it and make it again"
    )]
    NotProposed(String),
    /// It has waited too long.
    #[error("this change has waited for more than {0} days; refuse it and make it again")]
    TooOld(i64),
    /// Too many wait.
    #[error("{0} changes wait already; approve or refuse some of them first")]
    TooMany(i64),
    /// Too many of one operator's wait.
    #[error("{0} changes of operator `{1}` wait already; have some of them approved, or refuse them, first")]
    TooManyOwn(i64, String),
    /// Too large.
    #[error("a change has at most {0} records; make it in parts")]
    TooLarge(usize),
    /// The directory did not stand still.
    #[error("others have changed the directory meanwhile, again and again; try again")]
    Overtaken,
    /// It would change nothing.
    #[error("nothing would change")]
    Nothing,
    /// It does not fit.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A set of policies that does not hold.
    #[error(transparent)]
    Policies(#[from] PolicyFault),
    /// The entry could not be made durable, or the database not be asked.
    #[error(transparent)]
    Gate(#[from] Refusal),
}

impl From<StoreError> for OperatorFault {
    fn from(error: StoreError) -> Self {
        Self::Gate(error.into())
    }
}

impl OperatorFault {
    /// The word by which the entry tells refusals apart; none where nothing was refused to anybody.
    pub const fn word(&self) -> Option<&'static str> {
        match self {
            Self::NotSigned(NotSigned::UnknownOperator) => Some("unknown_operator"),
            Self::NotSigned(NotSigned::Signature) => Some("signature"),
            Self::NotSigned(NotSigned::Form) => Some("document_form"),
            Self::NotSigned(NotSigned::OtherGateway) => Some("other_gateway"),
            Self::NotSigned(NotSigned::Stale) => Some("stale"),
            Self::SameOperator(_) => Some("same_operator"),
            Self::Replayed => Some("replayed"),
            Self::Unknown => Some("unknown_change"),
            Self::NotWaiting(_) => Some("not_waiting"),
            Self::OtherDocument => Some("other_document"),
            Self::NotProposed(_) => Some("not_proposed"),
            Self::TooOld(_) => Some("too_old"),
            Self::TooMany(_) | Self::TooManyOwn(..) => Some("too_many_waiting"),
            Self::TooLarge(_) => Some("too_large"),
            Self::Nothing => Some("nothing"),
            Self::Fault(_) => Some("does_not_fit"),
            Self::Overtaken | Self::Policies(PolicyFault::Unchecked) | Self::Gate(_) => None,
            Self::Policies(_) => Some("policy_set"),
        }
    }

    /// Whether it was refused for who asked, and not for what.
    pub const fn is_of_authority(&self) -> bool {
        matches!(self, Self::NotSigned(_) | Self::SameOperator(_) | Self::Replayed)
    }

    /// Whether the same step may go through later.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Overtaken | Self::Policies(PolicyFault::Unchecked) | Self::Gate(_))
    }
}
