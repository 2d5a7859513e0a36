//! A name for each request: taken from the caller when it has the right form, else made; echoed on every answer.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use uuid::Uuid;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The identifier of one request: always 32 lower-case hexadecimal digits, so that no answer's size tells anything and
/// nobody can put a name or a UPN into the log through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A new one.
    #[expect(clippy::new_without_default, reason = "each is different, which a default is not")]
    pub fn new() -> Self {
        Self(Uuid::new_v4().simple().to_string().into())
    }

    /// Takes the caller's if it has the one form.
    pub fn parse(text: &str) -> Option<Self> {
        (is_hex(text, 32) || is_uuid(text)).then(|| Self(text.into()))
    }

    /// The 32 digits, or the UUID that the caller sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Middleware: gives each request a [`RequestId`] extension and echoes it, with `traceparent` where that is valid.
pub async fn request_id(mut request: Request, next: Next) -> Response {
    let text = |headers: &HeaderMap, name| {
        headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).map(str::to_owned)
    };
    let id = text(request.headers(), X_REQUEST_ID)
        .and_then(|t| RequestId::parse(&t))
        .unwrap_or_else(RequestId::new);
    let trace = traceparent(request.headers());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    for (name, value) in [(X_REQUEST_ID, Some(id.as_str())), (TRACEPARENT, trace.as_deref())] {
        if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The W3C trace context of a request, where it has one of the right form.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    is_traceparent(text).then(|| text.to_owned())
}

/// The dashed form of a UUID, as many clients make them.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::parse_str(text).is_ok_and(|uuid| uuid.hyphenated().to_string() == text)
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Version 00 of W3C Trace Context, section 3.2.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return false };
    let not_zero = |part: &str| part.bytes().any(|b| b != b'0');
    *version == "00"
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2)
        && not_zero(trace)
        && not_zero(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_form_is_taken() {
        for (text, expected) in [
            ("0123456789abcdef0123456789abcdef", true),
            ("0123456789ABCDEF0123456789abcdef", false),
            ("Amelia", false),
            ("0123456789abcdef", false),
        ] {
            assert_eq!(RequestId::parse(text).is_some(), expected, "{text}");
        }
        assert!(RequestId::parse(RequestId::new().as_str()).is_some());
    }

    #[test]
    fn traceparent_is_that_of_w3c_trace_context() {
        for (text, expected) in [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
        ] {
            assert_eq!(is_traceparent(text), expected, "{text}");
        }
    }
}
