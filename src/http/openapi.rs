//! What holds for every operation of the API and would otherwise be said at each: certificate and token, and the problem
//! documents with which any of them may answer.

use utoipa::Modify;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};

/// Adds the two proofs and the common answers to a document.
#[derive(Clone, Copy, Debug)]
pub struct Described;

const CERTIFICATE: &str = "certificate";
const TOKEN: &str = "access_token";

/// Answers that an operation may give before or beside its own, with what they mean.
const COMMON: [(&str, &str); 7] = [
    ("400", "The request cannot be read; `detail` says what to correct"),
    ("401", "Certificate or token does not prove the caller; `WWW-Authenticate` has the error"),
    ("403", "Never allowed to this role and purpose, whatever child is asked about"),
    ("413", "The body is over its limit"),
    ("422", "The body was read and cannot be taken as it is"),
    ("429", "Too many requests; come back after `Retry-After`"),
    ("503", "Not ready; nothing is said, and nothing was given"),
];
/// Of these, the ones that only an operation with a body can give.
const WITH_BODY: [&str; 2] = ["413", "422"];

impl Modify for Described {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let issued = "A client certificate that the directory ties to one system; TLS 1.3";
        components.add_security_scheme(
            CERTIFICATE,
            SecurityScheme::MutualTls {
                description: Some(issued.to_owned()),
                deprecated: None,
                extensions: None,
            },
        );
        components.add_security_scheme(TOKEN, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        for (path, item) in &mut document.paths.paths {
            let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                describe(path, operation);
            }
        }
    }
}

fn describe(path: &str, operation: &mut Operation) {
    let none: [&str; 0] = [];
    let mut proofs = SecurityRequirement::new(CERTIFICATE, none);
    if path.starts_with("/v1/") {
        proofs = proofs.add(TOKEN, none);
        let has_body = operation.request_body.is_some();
        for (status, meaning) in COMMON {
            if has_body || !WITH_BODY.contains(&status) {
                let answer = || RefOr::T(Response::new(meaning));
                operation.responses.responses.entry(status.to_owned()).or_insert_with(answer);
            }
        }
        for (status, answer) in &mut operation.responses.responses {
            if let RefOr::T(answer) = answer
                && answer.content.is_empty()
                && status.starts_with(['4', '5'])
            {
                let problem = Content::new(Some(Ref::from_schema_name("Problem")));
                answer.content.insert("application/problem+json".to_owned(), problem.into());
            }
        }
    }
    operation.security = Some(vec![proofs]);
}
