//! Words that stand in one place only, or nowhere.

use super::hold;
use super::source::{Tree, begins_path};
use crate::support::Suite;
use std::collections::{BTreeMap, BTreeSet};

/// Names that say nothing about what is handled.
const EMPTY_NAMES: &[&str] = &["handler", "handle", "get", "post", "put", "delete", "patch", "index", "root"];

/// `ring` outside `crypto`. May only shrink.
const RING: &[(&str, &str)] = &[];
/// Stray words elsewhere. May only shrink.
const STRAY: &[(&str, &str)] = &[];
/// Handler names used twice or saying nothing. May only shrink.
const HANDLERS: &[(&str, &str)] = &[];

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

/// Handlers named in routes, `get(verb_noun)` and the like: each name once in the repository.
fn handler_names(tree: &Tree) -> Vec<String> {
    const VERBS: &[&str] = &["get", "post", "put", "delete", "patch"];
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in &tree.files {
        let code = file.code_text();
        if !code.contains(".route(") && !code.contains("Router") {
            continue;
        }
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
                if !route || path.is_empty() || !closed || called_on {
                    continue;
                }
                let (module, name) = match path.rsplit_once("::") {
                    Some((module, name)) => (module.to_owned(), name.to_owned()),
                    None => (file.path.clone(), path),
                };
                named.entry(name).or_default().insert(module);
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

/// Places in the tests that ignore a test in source.
fn ignored_tests() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path)
                .unwrap()
                .lines()
                .any(|l| l.trim_start().starts_with("#[ignore"))
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("architecture::ring_only_in_crypto", || hold(ring_outside_crypto, RING));
    suite.plain("architecture::no_stray_words", || hold(stray_words, STRAY));
    suite.plain("architecture::handler_names_are_unique", || hold(handler_names, HANDLERS));
    suite.plain("architecture::no_test_is_ignored", || assert_eq!(ignored_tests(), Vec::<String>::new()));
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
        let found = handler_names(&Tree::of([("summaries/http.rs", a), ("intake/http.rs", b)]));
        assert_eq!(
            found,
            [
                "handler `find_pupil` exists in intake/http.rs and summaries/http.rs",
                "handler `handler` says nothing: name it verb_noun"
            ]
        );
    });
}
