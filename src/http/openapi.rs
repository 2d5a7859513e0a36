//! What holds for every operation of the API and would otherwise be said at each: certificate and token, and the problem
//! documents with which any of them may answer.

use utoipa::Modify;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Object, OpenApi, Ref, RefOr, Required, Response, Type};

/// Routes that read though they are a POST: sent again they read again.
pub(super) const READS_BY_POST: [&str; 2] = ["/v1/pupils/find", "/v1/attendance-summaries"];

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
const HEADERS: [(&str, &[&str], &str); 6] = [
    ("Allow", &["405"], "The methods that the path has"),
    ("Audit-Receipt", &[], "Receipt of the audit entry of this answer; a 429 and a 503 may have none"),
    (ETAG, &["304"], "What the body is known by, to the same system, person, role and purpose"),
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
            let operations = [
                ("GET", &mut item.get),
                ("PUT", &mut item.put),
                ("POST", &mut item.post),
                ("DELETE", &mut item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                if path.starts_with("/v1/") {
                    describe_conditions(method, path, operation);
                }
                describe(path, operation);
            }
        }
    }
}

const ETAG: &str = "ETag";
/// Writes that can be held to what stands, with the statuses of answers that have the tag of what was written.
const WITH_TAG: [(&str, &str, &[&str]); 3] = [
    ("PUT", "/v1/involvements/{id}", &["202"]),
    ("DELETE", "/v1/involvements/{id}", &[]),
    ("PUT", "/v1/schools/{urn}/local-codes", &[]),
];

/// Says of a read that it may be asked only for what has changed, and of a write how it can be held to what stands and be
/// sent again.
fn describe_conditions(method: &str, path: &str, operation: &mut Operation) {
    let mut say = |name: &str, meaning: &str| {
        let header = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header);
        let text = Some(Object::with_type(Type::String));
        let header = header.required(Required::False).description(Some(meaning)).schema(text).build();
        operation.parameters.get_or_insert_default().push(RefOr::T(header));
    };
    let tagged = WITH_TAG.iter().find(|(of, at, _)| *of == method && *at == path);
    let mut own: Vec<(&str, &str)> = Vec::new();
    if method == "GET" {
        say("If-None-Match", "An `ETag` of an earlier answer: where the body is the same, 304 without it");
        own.push(("304", "The body is as it was; recorded as given"));
    } else if !READS_BY_POST.contains(&path) {
        own.push(("412", "`If-Match` or `If-None-Match` does not hold, or what is written has no `ETag`"));
    }
    if tagged.is_some() {
        say("If-Match", "An `ETag` of what stands: where it is another, 412 and nothing is changed");
        say("If-None-Match", "`*`: where anything stands, 412 and nothing is changed");
    }
    if method == "POST" && !READS_BY_POST.contains(&path) {
        say(
            "Idempotency-Key",
            "1 to 255 visible ASCII characters: sent again with the same key and body it is done once, and answered what a \
             fresh read gives then",
        );
        own.push((
            "409",
            "The same request is being carried out; send it again with the same `Idempotency-Key`",
        ));
        own.push((
            "422",
            "It cannot be taken as it is, or its `Idempotency-Key` was sent with another body or path",
        ));
    }
    for (status, meaning) in own {
        let answer = || RefOr::T(Response::new(meaning));
        operation.responses.responses.entry(status.to_owned()).or_insert_with(answer);
    }
    let with_tag = tagged.map_or(&[][..], |(.., statuses)| *statuses);
    for (status, answer) in &mut operation.responses.responses {
        let is_body = method == "GET" && status == "200";
        if let RefOr::T(answer) = answer
            && (is_body || with_tag.contains(&status.as_str()))
        {
            let header = Ref::new(format!("#/components/headers/{ETAG}"));
            answer.headers.insert(ETAG.to_owned(), RefOr::Ref(header));
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
