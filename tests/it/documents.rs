//! What the documents point at is there: links between them, and the guards that `docs/accidents.md` names.

use crate::support::Suite;
use std::path::{Path, PathBuf};

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite
        .plain("documents::links_lead_somewhere", || assert_eq!(broken_links(&root()), Vec::<String>::new()));
    suite.plain("documents::named_guards_exist", || {
        let accidents = std::fs::read_to_string(root().join("docs/accidents.md")).unwrap();
        assert_eq!(missing_guards(&accidents, &sources(&root())), Vec::<String>::new());
        assert!(
            named_guards(&accidents).len() > 10,
            "the table's form has changed: no guard is read from it"
        );
    });
    suite.plain("documents::self::missing_guard_is_found", || {
        let text = "| what | cause | guard |\n|---|---|---|\n| a `not_a_guard_here` | b | `a_real_guard_name`, `no_such_guard_name`, `forbid` |\n";
        let code = "fn a_real_guard_name() {}".to_owned();
        assert_eq!(missing_guards(text, &code), ["no_such_guard_name"]);
    });
    suite.plain("documents::self::broken_link_is_found", || {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("README.md"), "[a](b.md) [c](README.md#x) [d](https://d.example)")
            .unwrap();
        assert_eq!(broken_links(folder.path()), ["README.md: b.md"]);
    });
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The project's own documents, below the root.
fn documents(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/decisions", "docs/problems", "certs", "policies"] {
        for entry in std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|e| e == "md") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// Links to files of ours that are not there, as `document: link`.
fn broken_links(root: &Path) -> Vec<String> {
    let mut broken = Vec::new();
    for document in documents(root) {
        let text = std::fs::read_to_string(&document).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|l| !l.contains("://") && !l.starts_with('#')) {
            let file = link.split('#').next().unwrap_or_default();
            if !document.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {link}", document.strip_prefix(root).unwrap().display()));
            }
        }
    }
    broken
}

/// What the last column of the tables names in backticks and can be looked up: files, and names of tests.
fn named_guards(text: &str) -> Vec<&str> {
    let rows = text.lines().filter(|l| l.starts_with("| "));
    let guards = rows.filter_map(|row| row.trim_end().trim_end_matches('|').rsplit('|').next());
    let words = guards.flat_map(|guard| guard.split('`').skip(1).step_by(2));
    words.filter(|w| is_file(w) || is_test_name(w)).collect()
}

fn is_file(word: &str) -> bool {
    ["src/", "tests/", "docs/", "certs/", "policies/"].iter().any(|f| word.starts_with(f))
        || word == "deny.toml"
}

/// Three words or more, as tests are named: `a_bar_beats_every_permission`, or `module::test_name_here`.
fn is_test_name(word: &str) -> bool {
    let name = word.rsplit("::").next().unwrap_or_default();
    name.matches('_').count() >= 2
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn missing_guards(text: &str, sources: &str) -> Vec<String> {
    let missing = named_guards(text).into_iter().filter(|guard| {
        if is_file(guard) {
            return !root().join(guard).exists();
        }
        let function = format!("fn {}(", guard.rsplit("::").next().unwrap_or_default());
        !sources.contains(&function) && !sources.contains(&format!("\"{guard}\""))
    });
    missing.map(str::to_owned).collect()
}

/// Every source and test, as one text.
fn sources(root: &Path) -> String {
    let mut all = String::new();
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}
