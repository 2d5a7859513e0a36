//! Paths, queries and bodies, read within their limits; what cannot be read is a problem that says what to do.

use crate::http::{Error, ProblemKind};
use axum::RequestExt as _;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::header;
use http::request::Parts;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;

/// A body that has not been read yet: whoever may not send it is refused before its bytes are taken in.
#[derive(Debug)]
pub struct Body {
    unread: axum::body::Body,
    too_long: bool,
    most_bytes: u64,
}

/// The most bytes that a route reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimit(pub(super) usize);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Error> {
        let limit = request.extensions().get::<BodyLimit>().and_then(|limit| u64::try_from(limit.0).ok());
        let said = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        let too_long = said.zip(limit).is_some_and(|(said, limit): (u64, u64)| said > limit);
        let most_bytes = said.or(limit).unwrap_or(u64::MAX);
        Ok(Self { unread: request.with_limited_body().into_body(), too_long, most_bytes })
    }
}

impl Body {
    /// The most bytes that it can turn out to have: as it says, or else as the route takes. One that says that it is
    /// longer than that is refused.
    pub fn most_bytes(&self) -> Result<u64, Error> {
        if self.too_long { Err(too_long()) } else { Ok(self.most_bytes) }
    }

    /// Reads the whole body, within the route's limit. One that says that it is longer is not waited for.
    pub async fn read(self) -> Result<Bytes, Error> {
        self.most_bytes()?;
        axum::body::to_bytes(self.unread, usize::MAX).await.map_err(|error| {
            if is_too_long(&error) {
                too_long()
            } else {
                Error::problem(
                    ProblemKind::BadRequest,
                    "the body did not arrive whole; send the request again",
                )
            }
        })
    }
}

fn too_long() -> Error {
    let detail = "the body is larger than this route takes; send it in parts";
    Error::problem(ProblemKind::PayloadTooLarge, detail)
}

/// Whether a limit ended the body, wherever in the chain of causes that stands.
fn is_too_long(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Query parameters of a known form; an unknown name is refused, so that a misspelt one is not silently ignored.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        axum::extract::Query::<T>::from_request_parts(parts, state).await.map(|q| Self(q.0)).map_err(|_| {
            let detail =
                "a query parameter is not known or not of its form; openapi.json lists those of each path";
            Error::problem(ProblemKind::BadRequest, detail)
        })
    }
}

/// Parts of the path. What is not UTF-8 after decoding is the caller's fault, whatever stands behind the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        axum::extract::Path::<T>::from_request_parts(parts, state).await.map(|p| Self(p.0)).map_err(|_| {
            let detail =
                "a part of the path is not UTF-8 once decoded; use the identifiers as they were given";
            Error::problem(ProblemKind::BadRequest, detail)
        })
    }
}

/// Reads a JSON body. What is wrong is told by place, never by quoting it; depth is limited by the reader.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let detail = match error.classify() {
            serde_json::error::Category::Eof => format!("the JSON ends too early, at {place}; send it whole"),
            serde_json::error::Category::Syntax => format!("the JSON cannot be read at {place}; check it and send it again"),
            serde_json::error::Category::Data | serde_json::error::Category::Io => {
                format!("the JSON at {place} is not of the form in openapi.json; a field is missing, unknown or of another type")
            }
        };
        Error::problem(ProblemKind::BadRequest, detail)
    })
}
