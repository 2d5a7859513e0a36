//! Paths, queries and bodies, read within their limits; what cannot be read is a problem that says what to do.

use crate::http::{Error, ProblemKind};
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use serde::de::DeserializeOwned;

/// A whole body, within the route's limit.
#[derive(Clone, Debug)]
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| {
            if rejection.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
                Error::problem(
                    ProblemKind::PayloadTooLarge,
                    "the body is larger than this route takes; send it in parts",
                )
            } else {
                Error::problem(
                    ProblemKind::BadRequest,
                    "the body did not arrive whole; send the request again",
                )
            }
        })
    }
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
