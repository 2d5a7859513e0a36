//! The committed OpenAPI document is the one that the code makes, and no route about children is missing from it.

use crate::support::{Suite, schoolgate};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("openapi::committed_document_is_current", committed_document_is_current);
    suite.plain("openapi::document_and_router_have_the_same_routes", || {
        let source = std::fs::read_to_string(root().join("src/router.rs")).unwrap();
        let routes = routes(&source);
        assert!(!routes.is_empty(), "the form of routes in src/router.rs has changed: none is read from it");
        let document = std::fs::read_to_string(root().join("docs/openapi.json")).unwrap();
        let (about_children, others): (BTreeSet<_>, BTreeSet<_>) =
            documented(&document).into_iter().partition(|operation| operation.contains(" /v1/"));
        assert_eq!(about_children, routes);
        let tokens = [
            "get /.well-known/jwks.json",
            "get /.well-known/oauth-authorization-server",
            "get /.well-known/oauth-protected-resource",
            "post /oauth2/revoke",
            "post /oauth2/token",
        ];
        assert_eq!(others, tokens.map(str::to_owned).into(), "how a token is had");
    });
    suite.plain("openapi::answers_and_uploads_are_described_whole", described_whole);
    suite.plain("openapi::self::routes_are_read", || {
        let source = ".route(MethodFilter::GET, \"/v1/a/{b}\", x)\n\
            // .route(MethodFilter::GET, \"/v1/no\", x)\n\
            .upload_route(\n    (MethodFilter::PUT, \"/v1/c\"),\n y)";
        assert_eq!(routes(source), BTreeSet::from(["get /v1/a/{b}".to_owned(), "put /v1/c".to_owned()]));
        let document = r#"{"paths": {"/v1/c": {"put": {}, "parameters": []}}}"#;
        assert_eq!(documented(document), BTreeSet::from(["put /v1/c".to_owned()]));
    });
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn committed_document_is_current() {
    let ran = schoolgate(Path::new("/"), ["openapi"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let committed = std::fs::read_to_string(root().join("docs/openapi.json")).unwrap_or_default();
    let same = committed == ran.out;
    assert!(
        same,
        "docs/openapi.json is not what the code says; renew it, and review what changes for clients:\n  \
         cargo run -- openapi > docs/openapi.json"
    );
}

/// What a client must be ready for: every form of a file, every refusal, and the headers that come with them.
fn described_whole() {
    const UPLOAD: &[&str] = &[
        "application/ndjson",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/x-ndjson",
        "text/csv",
    ];
    let ran = schoolgate(Path::new("/"), ["openapi"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let upload = &document["paths"]["/v1/schools/{urn}/attendance"]["post"];
    assert_eq!(keys(&upload["requestBody"]["content"]), UPLOAD.iter().map(|t| (*t).to_owned()).collect());
    let statuses =
        ["200", "400", "401", "403", "405", "409", "412", "413", "415", "422", "429", "500", "503"];
    assert_eq!(keys(&upload["responses"]), statuses.map(str::to_owned).into());
    for (status, own) in [("200", None), ("401", Some("WWW-Authenticate")), ("429", Some("Retry-After"))] {
        let expected = ["Audit-Receipt", "X-Request-Id"].into_iter().chain(own).map(str::to_owned).collect();
        assert_eq!(keys(&upload["responses"][status]["headers"]), expected, "{status}");
    }
    for (path, items) in document["paths"].as_object().unwrap() {
        let answers = items.as_object().unwrap().values().map(|operation| &operation["responses"]);
        for (status, answer) in answers.flat_map(|all| all.as_object().unwrap()) {
            assert!(answer["headers"]["X-Request-Id"].is_object(), "{path} {status}");
        }
    }
}

/// `method path` of each route in the text of the router, read as `MethodFilter::GET, "/path"`.
fn routes(source: &str) -> BTreeSet<String> {
    let code: Vec<&str> = source.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let routes = code.split("MethodFilter::").skip(1).filter_map(|rest| {
        let (method, rest) = rest.split_once(',')?;
        let path = rest.trim_start().strip_prefix('"')?.split_once('"')?.0;
        Some(format!("{} {path}", method.to_lowercase()))
    });
    routes.collect()
}

/// `method path` of each operation in an OpenAPI document.
fn documented(document: &str) -> BTreeSet<String> {
    const METHODS: &[&str] = &["get", "put", "post", "delete", "patch"];
    let document: Value = serde_json::from_str(document).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            let methods = METHODS.iter().filter(|method| item.get(**method).is_some());
            methods.map(move |method| format!("{method} {path}"))
        })
        .collect()
}
