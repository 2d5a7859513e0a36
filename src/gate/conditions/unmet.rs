//! Why a permitted request is not carried out for what it says beside what it asks for: the same for every child.

/// What does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// An update says something else of the state that it changes than what is there.
    #[error("the state is another than the request says")]
    PreconditionFailed,
    /// A condition on a write of what has no tag.
    #[error("what the request writes has no tag")]
    NoTag,
    /// An `Idempotency-Key` that was used for something else.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// Another request with the same key has just been carried out.
    #[error("another request with this idempotency key has just been carried out")]
    KeyUnderWay,
    /// An `Idempotency-Key` on a route that knows no answer to tell again.
    #[error("the route takes no idempotency key")]
    NoKey,
    /// As many keys of the system are kept as may be.
    #[error("too many idempotency keys of this system are kept")]
    TooManyKeys {
        /// How long to wait, in whole seconds.
        seconds: u64,
    },
}

impl Unmet {
    /// Its word in the audit entry.
    pub const fn word(self) -> &'static str {
        match self {
            Self::PreconditionFailed => "precondition_failed",
            Self::NoTag => "condition_without_tag",
            Self::KeyReused => "idempotency_key_reused",
            Self::KeyUnderWay => "idempotency_key_under_way",
            Self::NoKey => "no_idempotency_key",
            Self::TooManyKeys { .. } => "too_many_idempotency_keys",
        }
    }
}
