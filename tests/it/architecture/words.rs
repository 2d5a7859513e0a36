//! Words that stand in one place only, or nowhere.

use super::hold;
use super::source::{Tree, begins_path};
use crate::support::Suite;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Names that say nothing about what is handled.
const EMPTY_NAMES: &[&str] = &["handler", "handle", "get", "post", "put", "delete", "patch", "index", "root"];

/// `ring` outside `crypto`. May only shrink.
const RING: &[(&str, &str)] = &[];
/// Stray words elsewhere. May only shrink.
const STRAY: &[(&str, &str)] = &[];
/// Handler names used twice or saying nothing. May only shrink.
const HANDLERS: &[(&str, &str)] = &[];
/// Routes about children beside the guarded router. May only shrink.
const UNGUARDED: &[(&str, &str)] = &[];

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Files outside `crypto` that name the crate `ring` itself; naming it as rustls's provider is another thing.
fn ring_outside_crypto(tree: &Tree) -> Vec<String> {
    let outside = tree.files.iter().filter(|f| f.module() != "crypto");
    let found = outside.filter(|f| {
        f.code().any(|(_, line)| {
            begins_path(line, "ring") && (line.contains("ring::") || line.contains("use ring"))
        })
    });
    found.map(|f| format!("{} uses ring: keys, signatures and hashes belong in src/crypto", f.path)).collect()
}

/// Unfinished code, ignored tests, and SQL built at run time.
fn stray_words(tree: &Tree) -> Vec<String> {
    const STRAYS: &[(&str, &str)] = &[
        ("todo!", "finish it or take it out"),
        ("unimplemented!", "finish it or take it out"),
        ("#[ignore", "a test runs or is deleted"),
        ("AssertSqlSafe", "statements stand in full, values are bound"),
        ("#[allow(", "write `#[expect(lint, reason = \"…\")]`"),
    ];
    let mut found = Vec::new();
    for file in &tree.files {
        for (number, line) in file.code() {
            let strays = STRAYS.iter().filter(|(word, _)| line.contains(word));
            found.extend(strays.map(|(word, say)| format!("{}:{number} has `{word}`: {say}", file.path)));
        }
    }
    found
}

/// Handlers named in routes, `get(verb_noun)` and the like, or last in `.route(MethodFilter::GET, path, limit,
/// verb_noun)`: each name once in the repository.
fn handler_names(tree: &Tree) -> Vec<String> {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |file: &str, path: &str| {
        let (module, name) = path.rsplit_once("::").unwrap_or((file, path));
        named.entry(name.to_owned()).or_default().insert(module.to_owned());
    };
    for file in &tree.files {
        let code = file.code_text();
        if code.contains(".route(") || code.contains("Router") {
            for path in plain_handlers(&code) {
                add(&file.path, &path);
            }
            for path in guarded_handlers(&code) {
                add(&file.path, path);
            }
        }
    }
    let mut found = Vec::new();
    for (name, places) in named {
        if EMPTY_NAMES.contains(&name.as_str()) {
            found.push(format!("handler `{name}` says nothing: name it verb_noun"));
        }
        if places.len() > 1 {
            found.push(format!(
                "handler `{name}` exists in {}",
                places.into_iter().collect::<Vec<_>>().join(" and ")
            ));
        }
    }
    found
}

/// The paths of handlers in `get(path)`, `post(path)` and the like.
fn plain_handlers(code: &str) -> Vec<String> {
    const VERBS: &[&str] = &["get", "post", "put", "delete", "patch"];
    let mut found = Vec::new();
    for verb in VERBS {
        let call = format!("{verb}(");
        for (at, _) in code.match_indices(&call) {
            let before = code[..at].chars().next_back();
            let route =
                before.is_some_and(|c| c.is_whitespace() || c == ',' || c == ')' || c == '.' || c == ':');
            let path: String = code[at + call.len()..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':')
                .collect();
            let closed = code[at + call.len() + path.len()..].starts_with(')');
            let called_on = before == Some('.') && !code[..at - 1].trim_end().ends_with(')');
            if route && !path.is_empty() && closed && !called_on {
                found.push(path);
            }
        }
    }
    found
}

/// The paths of handlers that stand last in the routes of a guarded router.
fn guarded_handlers(code: &str) -> Vec<&str> {
    let routes = code.split("MethodFilter::").skip(1).filter_map(|rest| rest.split_once(')'));
    routes
        .map(|(route, _)| route.trim_end().trim_end_matches(',').rsplit(',').next().unwrap().trim())
        .collect()
}

/// Paths about children that are not given to the guarded router: their handlers could answer with anything.
fn unguarded_routes(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in &tree.files {
        let code = file.code_text();
        for call in ["route(", "nest(", "route_service(", "nest_service("] {
            for (_, rest) in code.match_indices(call).map(|(at, call)| code.split_at(at + call.len())) {
                if let Some((path, _)) = rest.trim_start().strip_prefix('"').and_then(|r| r.split_once('"'))
                    && path.starts_with("/v1")
                {
                    let say = "belongs to the guarded router, with its method first";
                    found.push(format!("{}: `{path}` {say}", file.path));
                }
            }
        }
    }
    found
}

/// Files below `src` and `tests` with a test that is ignored.
fn ignored_tests(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs")
                && std::fs::read_to_string(&path).unwrap().lines().any(is_ignored)
            {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    found
}

/// Whether a line takes a test out: by its attribute, or by the runner's own word for it.
fn is_ignored(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[ignore") || line.contains(concat!(".with_", "ignored_flag("))
}

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("architecture::ring_only_in_crypto", || hold(ring_outside_crypto, RING));
    suite.plain("architecture::no_stray_words", || hold(stray_words, STRAY));
    suite.plain("architecture::handler_names_are_unique", || {
        let router = std::fs::read_to_string(Path::new(ROOT).join("src/router.rs")).unwrap();
        let names = guarded_handlers(&router);
        assert_eq!(names.len(), router.matches("\"/v1/").count(), "each route has one: {names:?}");
        assert!(names.len() > 10 && names.iter().all(|name| name.contains('_')), "{names:?}");
        hold(handler_names, HANDLERS);
    });
    suite.plain("architecture::every_v1_route_is_guarded", || hold(unguarded_routes, UNGUARDED));
    suite.plain("architecture::no_test_is_ignored", || {
        assert_eq!(ignored_tests(Path::new(ROOT)), Vec::<String>::new());
    });
    suite.plain("architecture::self::ignored_test_is_found", || {
        let root = tempfile::tempdir().unwrap();
        for (folder, text) in [("src", "#[test]\nfn a() {}\n"), ("tests", "#[test]\n  #[ignore = \"b\"]\n")] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
            std::fs::write(root.path().join(folder).join("a.rs"), text).unwrap();
        }
        assert_eq!(ignored_tests(root.path()), ["tests/a.rs"]);
    });
    suite.plain("architecture::self::unguarded_route_is_found", || {
        let text = "guarded.route(MethodFilter::GET, \"/v1/a\", x, a)\n\
            router.route(\n    \"/v1/b\", get(b)).route(\"/c\", get(c)).nest(\"/v1\", d)";
        let found = unguarded_routes(&Tree::of([("router.rs", text)]));
        let say = "belongs to the guarded router, with its method first";
        assert_eq!(found, [format!("router.rs: `/v1/b` {say}"), format!("router.rs: `/v1` {say}")]);
    });
    suite.plain("architecture::self::ring_is_found", || {
        let tree = Tree::of([
            ("crypto/mod.rs", "use ring::digest;"),
            ("http/tls.rs", "rustls::crypto::ring::default_provider();"),
            ("audit/tree.rs", "let d = ring::digest::digest(a, b);"),
        ]);
        let found = ring_outside_crypto(&tree);
        assert_eq!(found, ["audit/tree.rs uses ring: keys, signatures and hashes belong in src/crypto"]);
    });
    suite.plain("architecture::self::stray_words_are_found", || {
        let tree = Tree::of([("gate/mod.rs", "// todo! in a comment\ntodo!()\nquery(AssertSqlSafe(x))\n")]);
        let found = stray_words(&tree);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("gate/mod.rs:2 ") && found[1].starts_with("gate/mod.rs:3 "),
            "{found:?}"
        );
    });
    suite.plain("architecture::self::second_handler_is_found", || {
        let a = "Router::new().route(\"/a\", get(read_summary)).route(\"/b\", post(find_pupil).get(handler))";
        let b = "Router::new().route(\"/c\", get(find_pupil)); let x = map.get(key);";
        let c = "GuardedRouter::default().route(MethodFilter::GET, \"/v1/c\", body, read_summary)\n\
            .route(\n    MethodFilter::PUT,\n    \"/v1/d\",\n    body,\n    intake::post,\n)";
        let found =
            handler_names(&Tree::of([("summaries/http.rs", a), ("intake/http.rs", b), ("router.rs", c)]));
        assert_eq!(
            found,
            [
                "handler `find_pupil` exists in intake/http.rs and summaries/http.rs",
                "handler `handler` says nothing: name it verb_noun",
                "handler `post` says nothing: name it verb_noun",
                "handler `read_summary` exists in router.rs and summaries/http.rs",
            ]
        );
    });
}
