//! What holds for every operation of the API and would otherwise be said at each: certificate and token, and the problem
//! documents with which any of them may answer.

use utoipa::Modify;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Object, OpenApi, Ref, RefOr, Response, Type};

/// Adds the two proofs and the common answers to a document.
#[derive(Clone, Copy, Debug)]
pub struct Described;

const CERTIFICATE: &str = "certificate";
const TOKEN: &str = "access_token";

/// Answers that an operation may give before or beside its own, with what they mean.
const COMMON: [(&str, &str); 9] = [
    ("400", "The request cannot be read; `detail` says what to correct"),
    ("401", "Certificate or token does not prove the caller; `WWW-Authenticate` has the error"),
    ("403", "Never allowed to this role and purpose, whatever child is asked about"),
    ("405", "This path does not have the method; `Allow` has those that it has"),
    ("413", "The body is over its limit"),
    ("422", "The body was read and cannot be taken as it is"),
    ("429", "Too many requests; come back after `Retry-After`"),
    ("500", "A fault of the gateway's; nothing is said, and nothing was given"),
    ("503", "Not ready; nothing is said, and nothing was given"),
];
/// Of these, the ones that only an operation with a body can give.
const WITH_BODY: [&str; 2] = ["413", "422"];

/// The headers of answers: each with the statuses that have it, all where none is named, and what it says.
const HEADERS: [(&str, &[&str], &str); 5] = [
    ("Allow", &["405"], "The methods that the path has"),
    ("Audit-Receipt", &[], "Receipt of the audit entry of this answer; a 429 and a 503 may have none"),
    ("Retry-After", &["429", "503"], "Seconds to wait"),
    ("WWW-Authenticate", &["401"], "What is wrong with the token; RFC 6750 section 3"),
    ("X-Request-Id", &[], "Names the request: the caller's own, where it has the right form"),
];
/// Of these, the ones of answers about children alone.
const ABOUT_CHILDREN: [&str; 2] = ["Audit-Receipt", "WWW-Authenticate"];

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
        for (name, _, meaning) in HEADERS {
            let header = HeaderBuilder::new().schema(Some(Object::with_type(Type::String)));
            components.headers.insert(name.to_owned(), header.description(Some(meaning)).build().into());
        }
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
    let about_children = path.starts_with("/v1/");
    if about_children {
        proofs = proofs.add(TOKEN, none);
        let has_body = operation.request_body.is_some();
        for (status, meaning) in COMMON {
            if has_body || !WITH_BODY.contains(&status) {
                let answer = || RefOr::T(Response::new(meaning));
                operation.responses.responses.entry(status.to_owned()).or_insert_with(answer);
            }
        }
    }
    for (status, answer) in &mut operation.responses.responses {
        let RefOr::T(answer) = answer else { continue };
        if about_children && answer.content.is_empty() && status.starts_with(['4', '5']) {
            let problem = Content::new(Some(Ref::from_schema_name("Problem")));
            answer.content.insert("application/problem+json".to_owned(), problem.into());
        }
        for (name, only, _) in HEADERS {
            let fits = only.is_empty() || only.contains(&status.as_str());
            if fits && (about_children || !ABOUT_CHILDREN.contains(&name)) {
                let header = Ref::new(format!("#/components/headers/{name}"));
                answer.headers.insert(name.to_owned(), RefOr::Ref(header));
            }
        }
    }
    operation.security = Some(vec![proofs]);
}
