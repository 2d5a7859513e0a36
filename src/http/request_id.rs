//! A name for each request: taken from the caller when it has the right form, else made; echoed on every answer.

use super::Error;
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
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
        is_hex(text, 32).then(|| Self(text.into()))
    }

    /// The 32 digits.
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
    let trace = text(request.headers(), TRACEPARENT).filter(|t| is_traceparent(t));
    request.extensions_mut().insert(id.clone());
    let mut response = written(next.run(request).await, &id);
    for (name, value) in [(X_REQUEST_ID, Some(id.as_str())), (TRACEPARENT, trace.as_deref())] {
        if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Writes the problem document of an answer that is an [`Error`]; keeps its other headers and its extensions.
fn written(mut response: Response, id: &RequestId) -> Response {
    let Some(error) = response.extensions_mut().remove::<Error>() else { return response };
    let (unwritten, _) = response.into_parts();
    let mut response = error.respond(id);
    response.extensions_mut().extend(unwritten.extensions);
    for (name, value) in &unwritten.headers {
        if *name != CONTENT_LENGTH && !response.headers().contains_key(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
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
    use crate::http::{Problem, method_not_allowed, unknown_path};
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

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

    #[tokio::test]
    async fn an_error_becomes_its_document_under_the_echoed_id() {
        let app = Router::new()
            .route("/here", get(|| async { "here" }))
            .fallback(unknown_path)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(from_fn(request_id));
        let id = "0123456789abcdef0123456789abcdef";
        let ask = async |method: &str, path: &str, id: &str| {
            let request = Request::builder().method(method).uri(path).header("x-request-id", id);
            let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let echoed = response.headers()["x-request-id"].to_str().unwrap().to_owned();
            let allow = response.headers().contains_key("allow");
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (status, echoed, allow, String::from_utf8(body.to_vec()).unwrap())
        };
        assert_eq!(ask("GET", "/here", id).await, (200, id.to_owned(), false, "here".to_owned()));
        for (method, path, status, kind) in
            [("GET", "/there", 404, "unknown_path"), ("DELETE", "/here", 405, "method_not_allowed")]
        {
            let (found, echoed, allow, body) = ask(method, path, id).await;
            let problem: Problem = serde_json::from_str(&body).unwrap();
            assert_eq!((found, echoed.as_str(), allow), (status, id, status == 405));
            assert_eq!((problem.status, problem.request_id.as_str()), (status, id));
            assert_eq!(problem.r#type, format!("urn:schoolgate:problem:{kind}"));
        }
        let (_, echoed, _, body) = ask("GET", "/there", "Amelia Jones").await;
        assert!(RequestId::parse(&echoed).is_some() && body.contains(&echoed) && !body.contains("Amelia"));
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
