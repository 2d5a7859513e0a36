//! What is said of conditions and idempotency keys that do not hold: the same for every child.

use super::{Error, ProblemKind};
use crate::gate::Unmet;

/// The problem of one, with what to do next.
pub(super) fn told(unmet: Unmet) -> Error {
    let (kind, detail) = match unmet {
        Unmet::PreconditionFailed => (
            ProblemKind::PreconditionFailed,
            "what this would change is not as the condition says; read it again, decide again, and send the update with its \
             present `ETag`",
        ),
        Unmet::NoTag => (
            ProblemKind::PreconditionFailed,
            "what this writes has no `ETag`, so that no condition on it can hold; send it without `If-Match` and \
             `If-None-Match`",
        ),
        Unmet::KeyReused => (
            ProblemKind::IdempotencyKeyReused,
            "this `Idempotency-Key` was sent before with another body or path; send this under a key of its own",
        ),
        Unmet::KeyUnderWay => (
            ProblemKind::Conflict,
            "the same request was carried out in this moment; send it again with the same `Idempotency-Key`, and its answer \
             is told",
        ),
        Unmet::NoKey => {
            (ProblemKind::BadRequest, "this route takes no `Idempotency-Key`; send the request without one")
        }
        Unmet::TooManyKeys { seconds } => {
            return Error::UnderWay { what: "an older idempotency key of this system", seconds };
        }
    };
    Error::problem(kind, detail)
}
