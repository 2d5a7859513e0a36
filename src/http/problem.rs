//! Problem documents (RFC 9457): a closed list of kinds, each with a page in `docs/problems`.
//!
//! A problem says what to do next. It never says why something about a child is not given, and a 5xx never carries its
//! cause: the log has it.

use super::RequestId;
use crate::config::Safety;
use crate::domain::words;
use crate::gate::Refusal;
use crate::identity::Unauthenticated;
use axum::Json;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// A kind of problem; its word ends its `type` and names its page.
    ProblemKind {
        /// The one answer for whatever depends on the child.
        NotFound = "not_found",
        /// A path that the API does not have.
        UnknownPath = "unknown_path",
        /// A request that cannot be read.
        BadRequest = "bad_request",
        /// An identifier of the wrong form.
        InvalidIdentifier = "invalid_identifier",
        /// A cursor of another feed, a made-up one, or one that is too old.
        InvalidCursor = "invalid_cursor",
        /// No `Case-Reference` where the purpose is a case.
        CaseReferenceRequired = "case_reference_required",
        /// A `Case-Reference` of another form or kind than the purpose's.
        CaseReferenceMismatch = "case_reference_mismatch",
        /// The role or purpose does not allow this, whichever child is meant.
        Forbidden = "forbidden",
        /// The organisation is suspended.
        Suspended = "suspended",
        /// Its systems have read far more than its caseload.
        LaneStopped = "lane_stopped",
        /// The caller is not proved.
        Unauthenticated = "unauthenticated",
        /// A file that cannot be taken as it is.
        UnprocessableFile = "unprocessable_file",
        /// A file of which nothing is applied, since rows of it cannot stand.
        RowsRejected = "rows_rejected",
        /// A file that may not be meant, until its sender says that it is.
        ConfirmationNeeded = "confirmation_needed",
        /// A certificate, or its proof, that cannot be registered.
        CertificateRefused = "certificate_refused",
        /// More bytes than the limit.
        PayloadTooLarge = "payload_too_large",
        /// A body of a form that this route does not read.
        UnsupportedMediaType = "unsupported_media_type",
        /// A window that ends before it starts.
        DatesReversed = "dates_reversed",
        /// More requests than the system's limit.
        TooManyRequests = "too_many_requests",
        /// The gateway cannot answer safely now.
        NotReady = "not_ready",
        /// A fault of ours.
        Internal = "internal",
        /// A method that this path does not have.
        MethodNotAllowed = "method_not_allowed",
        /// More than one of the caller's own children match.
        Ambiguous = "ambiguous",
        /// The state has moved on, or the same request is being carried out.
        Conflict = "conflict",
        /// A condition that does not hold.
        PreconditionFailed = "precondition_failed",
        /// An idempotency key that was used for another request.
        IdempotencyKeyReused = "idempotency_key_reused",
    }
}

impl ProblemKind {
    /// Its HTTP status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NotFound | Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::BadRequest
            | Self::InvalidIdentifier
            | Self::InvalidCursor
            | Self::CaseReferenceRequired
            | Self::DatesReversed => StatusCode::BAD_REQUEST,
            Self::CaseReferenceMismatch
            | Self::UnprocessableFile
            | Self::RowsRejected
            | Self::ConfirmationNeeded
            | Self::CertificateRefused
            | Self::IdempotencyKeyReused
            | Self::Ambiguous => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Forbidden | Self::Suspended | Self::LaneStopped => StatusCode::FORBIDDEN,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        }
    }

    /// Its title, the same for every occurrence.
    pub const fn title(self) -> &'static str {
        match self {
            Self::NotFound => "There is no answer for this child",
            Self::UnknownPath => "The gateway does not have this path",
            Self::BadRequest => "The request cannot be read",
            Self::InvalidIdentifier => "An identifier has the wrong form",
            Self::InvalidCursor => "The cursor cannot be used here",
            Self::CaseReferenceRequired => "A case reference is required",
            Self::CaseReferenceMismatch => "The case reference does not fit the purpose",
            Self::Forbidden => "This role and purpose do not allow this",
            Self::Suspended => "The organisation is suspended",
            Self::LaneStopped => "The organisation's systems are stopped",
            Self::Unauthenticated => "The caller is not proved",
            Self::UnprocessableFile => "The file cannot be taken as it is",
            Self::RowsRejected => "Rows of the file were rejected",
            Self::ConfirmationNeeded => "The file has to be confirmed",
            Self::CertificateRefused => "The certificate cannot be registered",
            Self::PayloadTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is of a form that is not read here",
            Self::DatesReversed => "The window ends before it starts",
            Self::TooManyRequests => "Too many requests",
            Self::NotReady => "The gateway is not ready",
            Self::Internal => "The gateway failed",
            Self::MethodNotAllowed => "This path does not have this method",
            Self::Ambiguous => "More than one child matches",
            Self::Conflict => "The state has moved on",
            Self::PreconditionFailed => "The condition does not hold",
            Self::IdempotencyKeyReused => "The idempotency key was used before",
        }
    }
}

/// One thing wrong in a request: a JSON Pointer (RFC 6901), or a line and column of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// Where, in a JSON body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pointer: Option<String>,
    /// Where, in a file: line, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// Where, in a file: name of the column.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub detail: String,
}

/// A problem document as it goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:schoolgate:problem:<kind>`.
    pub r#type: String,
    /// The kind's title.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What to do next.
    pub detail: String,
    /// The request's identifier, as in `X-Request-Id`.
    pub request_id: String,
    /// Every single thing wrong, where there is more to say.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<Fault>,
}

impl Problem {
    /// A problem of a kind, saying what to do next.
    pub fn new(kind: ProblemKind, detail: impl Into<String>, request_id: &RequestId) -> Self {
        Self {
            r#type: format!("urn:schoolgate:problem:{kind}"),
            title: kind.title().to_owned(),
            status: kind.status().as_u16(),
            detail: detail.into(),
            request_id: request_id.as_str().to_owned(),
            errors: Vec::new(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Everything that an answer of the edge can be other than what was asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The caller is not proved, or its organisation is suspended.
    #[error(transparent)]
    Identity(#[from] Unauthenticated),
    /// A system went past its limit.
    #[error("too many requests; wait {seconds} seconds")]
    Limited {
        /// How long to wait, in whole seconds.
        seconds: u64,
    },
    /// What is under way of the same sender has to end first.
    #[error("{what} has to end first; send this after it, in {seconds} seconds or later")]
    UnderWay {
        /// What, and whose.
        what: &'static str,
        /// How long to wait, in whole seconds.
        seconds: u64,
    },
    /// There is no room for what is sent, whoever sends it.
    #[error(
        "the gateway holds as much of what is being sent as it can; send this again in {seconds} seconds"
    )]
    Full {
        /// How long to wait, in whole seconds.
        seconds: u64,
    },
    /// It was not done within the time that one request may take.
    #[error(
        "the request took longer than {seconds} seconds and was ended; send the file in parts, or ask for less at a time"
    )]
    TooLong {
        /// The longest, in whole seconds.
        seconds: u64,
    },
    /// The one 404.
    #[error("no answer about this child")]
    Child,
    /// Any other problem: what to do next, and each thing wrong.
    #[error("{detail}")]
    Problem {
        /// Its kind.
        kind: ProblemKind,
        /// What to do next.
        detail: String,
        /// Each single thing wrong.
        errors: Vec<Fault>,
    },
    /// A fault of ours; the answer tells nothing.
    #[error("the gateway failed; quote the request id to its operator")]
    Internal,
    /// It cannot answer safely now; the answer tells nothing.
    #[error("the gateway is not ready; try again in a few seconds")]
    NotReady,
}

impl Error {
    /// A problem of a kind, with what to do next.
    pub fn problem(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self::Problem { kind, detail: detail.into(), errors: Vec::new() }
    }

    /// The kind of problem document that this becomes.
    pub const fn kind(&self) -> ProblemKind {
        match self {
            Self::Identity(Unauthenticated::Suspended) => ProblemKind::Suspended,
            Self::Identity(_) => ProblemKind::Unauthenticated,
            Self::Limited { .. } | Self::UnderWay { .. } => ProblemKind::TooManyRequests,
            Self::Child => ProblemKind::NotFound,
            Self::Problem { kind, .. } => *kind,
            Self::Internal => ProblemKind::Internal,
            Self::NotReady | Self::Full { .. } | Self::TooLong { .. } => ProblemKind::NotReady,
        }
    }

    /// The answer: its problem document, and the headers that belong to it.
    pub fn respond(self, request_id: &RequestId, safety: &Safety) -> Response {
        let header = self.header();
        let mut problem = match &self {
            Self::Child => Problem::new(ProblemKind::NotFound, safety.caution(), request_id),
            Self::Identity(_)
            | Self::Limited { .. }
            | Self::UnderWay { .. }
            | Self::Full { .. }
            | Self::TooLong { .. }
            | Self::Problem { .. }
            | Self::Internal
            | Self::NotReady => Problem::new(self.kind(), self.to_string(), request_id),
        };
        if let Self::Problem { errors, .. } = self {
            problem.errors = errors;
        }
        let mut response = problem.into_response();
        if let Some((name, value)) = header
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            response.headers_mut().insert(name, value);
        }
        response
    }

    fn header(&self) -> Option<(axum::http::HeaderName, String)> {
        match self {
            Self::Identity(Unauthenticated::Suspended)
            | Self::Child
            | Self::Problem { .. }
            // Tried again as it is, it would take as long again.
            | Self::TooLong { .. }
            | Self::Internal => None,
            Self::Identity(fault) => {
                let value = fault.bearer_error().map_or_else(
                    || "Bearer realm=\"schoolgate\"".to_owned(),
                    |error| {
                        format!(
                            "Bearer realm=\"schoolgate\", error=\"{error}\", error_description=\"{}\"",
                            quotable(&fault.to_string())
                        )
                    },
                );
                Some((WWW_AUTHENTICATE, value))
            }
            Self::Limited { seconds } | Self::UnderWay { seconds, .. } | Self::Full { seconds } => {
                Some((RETRY_AFTER, seconds.to_string()))
            }
            Self::NotReady => Some((RETRY_AFTER, "5".to_owned())),
        }
    }
}

/// What RFC 6750 section 3 allows between the quotes: no quote and no backslash.
fn quotable(text: &str) -> String {
    text.replace(['"', '\\'], "'")
}

impl IntoResponse for Error {
    /// Leaves the error to the audit layer, which knows the request's id and records before anything leaves.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound | Refusal::Former => Self::Child,
            Refusal::Forbidden => Self::problem(
                ProblemKind::Forbidden,
                "this role, purpose or scope does not allow this for any child; ask for a token of another purpose",
            ),
            // Which schools there are, and to whom their returns go, is public.
            Refusal::OtherSchool => Self::problem(
                ProblemKind::Forbidden,
                "the school with this number is not the caller's: a school has its own figures, an authority those of the \
                 schools whose returns come to it; check the number",
            ),
            Refusal::NoArea => Self::problem(
                ProblemKind::Forbidden,
                "only an attendance officer of an authority has an area; list the children, one a line",
            ),
            // Whether it is in force says nothing of any child.
            Refusal::NotAuthorised => Self::problem(
                ProblemKind::Forbidden,
                "no written authorisation of an attendance officer (SI 2024/208 reg 12) is in force today for this person or, \
                 where nobody is proved, this system; have the operator put it on record",
            ),
            // Who holds a mandate for which school tells nothing of any child.
            Refusal::NoMandate(fault) => Self::problem(ProblemKind::Forbidden, fault.to_string()),
            Refusal::LaneStopped => Self::problem(
                ProblemKind::LaneStopped,
                "your organisation's systems have read far more than its caseload; they go on when its privacy officer says so",
            ),
            Refusal::CaseReferenceRequired => Self::problem(
                ProblemKind::CaseReferenceRequired,
                "send the case's reference in the `Case-Reference` header",
            ),
            Refusal::CaseReferenceMismatch => Self::problem(
                ProblemKind::CaseReferenceMismatch,
                "the `Case-Reference` header does not name a live case of this purpose for this child; correct it",
            ),
            Refusal::Ambiguous => Self::problem(
                ProblemKind::Ambiguous,
                "more than one of your children match; add the UPN, or name and date of birth",
            ),
            Refusal::Conflict => Self::problem(
                ProblemKind::Conflict,
                "another upload of this school came in between, again and again; send it once more when that has ended",
            ),
            Refusal::Unmet(unmet) => super::conditions::told(unmet),
            Refusal::Store(error) => {
                tracing::error!(%error, "the database could not be used");
                Self::NotReady
            }
            Refusal::Unrecorded | Refusal::NotInForce => Self::NotReady,
            Refusal::Answer => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::TokenFault;
    use http_body_util::BodyExt as _;
    use std::path::Path;

    #[test]
    fn each_kind_has_a_page_and_no_page_is_left_over() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/problems");
        for kind in ProblemKind::ALL {
            let page = std::fs::read_to_string(folder.join(format!("{kind}.md"))).unwrap();
            assert!(page.starts_with(&format!("# {}\n", kind.title())), "{kind}");
            assert!(page.contains(&format!("Status {}", kind.status().as_u16())), "{kind}");
            assert!(page.contains("## What to do"), "{kind}");
        }
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), ProblemKind::ALL.len());
    }

    async fn answer(error: Error) -> (StatusCode, Option<String>, Problem) {
        let response = error.respond(&RequestId::new(), &Safety::new("01632 960000"));
        let header =
            |name| response.headers().get(name).map(|v: &HeaderValue| v.to_str().unwrap().to_owned());
        let special = header(WWW_AUTHENTICATE).or_else(|| header(RETRY_AFTER));
        assert_eq!(header(CONTENT_TYPE).unwrap(), "application/problem+json");
        assert_eq!(header(CACHE_CONTROL).unwrap(), "no-store");
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, special, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn an_answer_carries_its_status_header_and_next_step() {
        let limited = answer(Error::Limited { seconds: 7 }).await;
        assert_eq!((limited.0.as_u16(), limited.1.as_deref()), (429, Some("7")));
        let expired = answer(Error::Identity(TokenFault::Expired.into())).await;
        assert_eq!(expired.0.as_u16(), 401);
        assert!(expired.1.unwrap().contains("error=\"invalid_token\""));
        let under_way = answer(Error::UnderWay { what: "another upload of this system", seconds: 5 }).await;
        assert_eq!((under_way.0.as_u16(), under_way.1.as_deref()), (429, Some("5")));
        assert!(under_way.2.detail.contains("another upload of this system has to end first"));
        assert_eq!(under_way.2.r#type, limited.2.r#type);
        let full = answer(Error::Full { seconds: 10 }).await;
        assert_eq!((full.0.as_u16(), full.1.as_deref()), (503, Some("10")));
        let too_long = answer(Error::TooLong { seconds: 120 }).await;
        assert_eq!((too_long.0.as_u16(), too_long.1), (503, None), "the same again would take as long");
        assert!(
            too_long.2.detail.contains("longer than 120 seconds") && too_long.2.detail.contains("in parts")
        );
        let suspended = answer(Error::Identity(Unauthenticated::Suspended)).await;
        assert_eq!((suspended.0.as_u16(), suspended.1), (403, None));
        let child = answer(Error::Child).await;
        assert_eq!(child.2.r#type, "urn:schoolgate:problem:not_found");
        assert!(child.2.detail.ends_with("ring 01632 960000."));
        assert_eq!(child.2.request_id.len(), 32);
    }
}
