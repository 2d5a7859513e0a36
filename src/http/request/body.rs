//! Paths, queries and bodies, read within their limits; what cannot be read is a problem that says what to do.

use crate::http::{Error, ProblemKind};
use axum::RequestExt as _;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::header;
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError};
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A body that has not been read yet: whoever may not send it is refused before its bytes are taken in.
#[derive(Debug)]
pub struct Body {
    unread: axum::body::Body,
    too_long: bool,
    most_bytes: u64,
    stall: Duration,
}

/// The most bytes that a route reads, and the longest that [`PIECE_BYTES`] of them may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimit {
    pub(super) bytes: usize,
    pub(super) stall: Duration,
}

/// A body that does not bring so many bytes in time, or its end, has stalled.
const PIECE_BYTES: usize = 64 * 1024;

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Error> {
        let of_route = request.extensions().get::<BodyLimit>().copied();
        let limit = of_route.and_then(|limit| u64::try_from(limit.bytes).ok());
        let said = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        let too_long = said.zip(limit).is_some_and(|(said, limit): (u64, u64)| said > limit);
        let most_bytes = said.or(limit).unwrap_or(u64::MAX);
        let stall = of_route.map_or(STALL, |limit| limit.stall);
        Ok(Self { unread: request.with_limited_body().into_body(), too_long, most_bytes, stall })
    }
}

impl Body {
    /// The most bytes that it can turn out to have: as it says, or else as the route takes. One that says that it is
    /// longer than that is refused.
    pub fn most_bytes(&self) -> Result<u64, Error> {
        if self.too_long { Err(too_long()) } else { Ok(self.most_bytes) }
    }

    /// Reads the whole body, within the route's limits. One that says that it is longer is not waited for.
    pub async fn read(self) -> Result<Bytes, Error> {
        self.read_into(|_| Ok(())).await
    }

    /// The same where there has to be room for it: asked for as bytes arrive, before they are kept.
    pub async fn read_into(
        mut self,
        mut room: impl FnMut(usize) -> Result<(), Error>,
    ) -> Result<Bytes, Error> {
        self.most_bytes()?;
        let (mut whole, mut of_piece) = (Vec::new(), 0);
        let mut until = Instant::now() + self.stall;
        loop {
            let next = timeout_at(until, self.unread.frame()).await.map_err(|_| stalled(self.stall))?;
            let Some(frame) = next else { return Ok(whole.into()) };
            let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
            room(data.len())?;
            whole.extend_from_slice(&data);
            of_piece += data.len();
            if of_piece >= PIECE_BYTES {
                of_piece = 0;
                until = Instant::now() + self.stall;
            }
        }
    }
}

/// The longest that a piece may take where a route says nothing.
pub(super) const STALL: Duration = Duration::from_secs(30);

fn broken(error: &axum::Error) -> Error {
    if is_too_long(error) {
        return too_long();
    }
    Error::problem(ProblemKind::BadRequest, "the body did not arrive whole; send the request again")
}

fn stalled(stall: Duration) -> Error {
    let (kib, seconds) = (PIECE_BYTES / 1024, stall.as_secs());
    let detail = format!(
        "the body stalled: {kib} KiB of it took longer than {seconds} seconds; send the request again, over a faster way"
    );
    Error::problem(ProblemKind::BadRequest, detail)
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt as _, stream};
    use std::convert::Infallible;

    /// A body of pieces with pauses of so many milliseconds before each.
    async fn body(pieces: Vec<(u64, usize)>, stall: Duration) -> Body {
        let bytes = stream::iter(pieces).then(|(pause, bytes)| async move {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            Ok::<_, Infallible>(Bytes::from(vec![b'x'; bytes]))
        });
        let mut request = Request::new(axum::body::Body::from_stream(bytes));
        request.extensions_mut().insert(BodyLimit { bytes: usize::MAX, stall });
        Body::from_request(request, &()).await.unwrap()
    }

    #[tokio::test]
    async fn a_body_is_read_while_each_piece_of_it_comes_in_time() {
        let stall = Duration::from_millis(300);
        let steady = body(vec![(160, PIECE_BYTES); 4], stall).await.read().await.unwrap();
        assert_eq!(steady.len(), 4 * PIECE_BYTES, "longer than one stall in all");
        for pieces in [vec![(0, PIECE_BYTES), (2_000, 1)], vec![(50, 1); 40], vec![(2_000, 1)]] {
            let told = body(pieces, stall).await.read().await.unwrap_err();
            assert_eq!(told.kind(), ProblemKind::BadRequest);
            assert!(told.to_string().starts_with("the body stalled: 64 KiB"), "{told}");
        }
    }

    #[tokio::test]
    async fn room_is_asked_for_as_bytes_arrive_and_a_refusal_ends_the_reading() {
        let mut asked = Vec::new();
        let room = |bytes: usize| {
            asked.push(bytes);
            if asked.len() < 3 { Ok(()) } else { Err(Error::Full { seconds: 1 }) }
        };
        let read = body(vec![(0, 10), (0, 20), (0, 30), (0, 40)], STALL).await.read_into(room).await;
        assert!(matches!(read, Err(Error::Full { .. })));
        assert_eq!(asked, [10, 20, 30]);
    }
}
