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
        assert_eq!(others, BTreeSet::from(["post /oauth2/token".to_owned()]), "how a token is had");
    });
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
