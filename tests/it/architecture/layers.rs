//! Who may use whom. The table is that of the architecture: lower layers never look up, exchanges never sideways.

use super::hold;
use super::source::{File, Tree, has_word};
use crate::support::Suite;
use std::collections::BTreeSet;

/// What every exchange may use.
const EXCHANGE: &[&str] = &[
    "gate",
    "registers",
    "directory",
    "outbox",
    "http",
    "identity",
    "policy",
    "store",
    "crypto",
    "domain",
    "clock",
    "config",
];
/// An exchange that also reads the audit.
const DISCLOSURES: &[&str] = &[
    "gate",
    "registers",
    "directory",
    "outbox",
    "http",
    "identity",
    "policy",
    "store",
    "crypto",
    "domain",
    "clock",
    "config",
    "audit",
];

/// A module and what it may use of ours; `None` is anything.
const MAY_USE: &[(&str, Option<&[&str]>)] = &[
    ("main", None),
    ("lib", None),
    ("cli", None),
    ("app", None),
    ("router", None),
    ("demo", None),
    ("tokens", Some(EXCHANGE)),
    ("certificates", Some(EXCHANGE)),
    ("intake", Some(EXCHANGE)),
    ("involvements", Some(EXCHANGE)),
    ("summaries", Some(EXCHANGE)),
    ("disclosures", Some(DISCLOSURES)),
    ("notifications", Some(EXCHANGE)),
    ("operators", Some(EXCHANGE)),
    ("http", Some(&["gate", "identity", "domain", "config"])),
    ("registers", Some(&["gate", "outbox", "store", "domain"])),
    ("outbox", Some(&["store", "domain"])),
    (
        "gate",
        Some(&[
            "identity",
            "policy",
            "audit",
            "relationships",
            "directory",
            "crypto",
            "store",
            "clock",
            "domain",
        ]),
    ),
    ("audit", Some(&["identity", "policy", "crypto", "store", "clock", "domain"])),
    ("relationships", Some(&["directory", "crypto", "store", "clock", "domain"])),
    ("identity", Some(&["directory", "crypto", "store", "clock", "domain"])),
    ("directory", Some(&["crypto", "store", "domain"])),
    ("policy", Some(&["domain"])),
    ("crypto", Some(&[])),
    ("store", Some(&[])),
    ("config", Some(&[])),
    ("clock", Some(&[])),
    ("domain", Some(&[])),
];

/// Uses that the table does not allow, each with its reason. May only shrink.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "http/request/audited.rs uses audit, and http may not",
        "the audit layer begins every request's entry and writes those of what no handler released; no other file of \
         http may, so the table stays as it is",
    ),
    (
        "http/request/flooded.rs uses audit, and http may not",
        "the same layer: what no handler is asked about, and what comes too often",
    ),
];

/// The modules of the first layer that a file names: by `crate::`, or by `super::` up to the root.
fn uses(file: &File) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let text = file.code_text();
    let to_root = "super::".repeat(file.depth());
    for root in ["crate::", to_root.as_str()] {
        if root.is_empty() {
            continue;
        }
        for (at, _) in text.match_indices(root) {
            // A longer chain of `super::`, or a word that ends in `crate`, is another path.
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            found.extend(first_names(&text[at + root.len()..]));
        }
    }
    found.retain(|name| name.starts_with(|c: char| c.is_ascii_lowercase()) && name != "super");
    found
}

/// The first names of a path: one, or each of a group in braces.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                return names;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

/// Uses that the table does not allow.
fn wrong_uses(tree: &Tree) -> Vec<String> {
    let modules: BTreeSet<&str> = tree.files.iter().map(File::module).collect();
    let mut wrong: Vec<String> = modules
        .iter()
        .filter(|m| !MAY_USE.iter().any(|(known, _)| known == *m))
        .map(|m| format!("src/{m} is not in the table of who may use whom (tests/it/architecture/layers.rs)"))
        .collect();
    for file in &tree.files {
        let Some((_, Some(allowed))) = MAY_USE.iter().find(|(m, _)| *m == file.module()) else { continue };
        for name in uses(file) {
            // Macros exported at the root have no module; only modules of ours are judged.
            if !modules.contains(name.as_str()) || name == file.module() || allowed.contains(&name.as_str()) {
                continue;
            }
            wrong.push(format!("{} uses {name}, and {} may not", file.path, file.module()));
        }
    }
    wrong
}

/// Words that the domain may not contain: the clock, the outside, waiting, the database, the wire.
const IMPURE: &[&str] = &[
    "Utc::now",
    "Local::now",
    "SystemTime",
    "Instant",
    "sqlx",
    "async fn",
    "async move",
    ".await",
    "tokio",
    "std::fs",
    "std::net",
    "std::env",
    "std::io",
    "std::thread",
    "std::process",
    "serde",
    "serde_json",
    "utoipa",
    "axum",
    "ring",
    "tracing",
];

/// Impure words in the domain.
fn impurities(tree: &Tree) -> Vec<String> {
    let domain = tree.files.iter().filter(|f| f.module() == "domain");
    let hits = domain.flat_map(|file| {
        file.code().flat_map(move |(number, line)| {
            let found = IMPURE.iter().filter(move |word| match word.strip_prefix('.') {
                Some(_) => line.contains(**word),
                None => has_word(line, word),
            });
            found.map(move |word| format!("{}:{number} has `{word}`: the domain is pure", file.path))
        })
    });
    hits.collect()
}

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("architecture::who_uses_whom", || hold(wrong_uses, EXCEPTIONS));
    suite.plain("architecture::domain_is_pure", || hold(impurities, &[]));
    suite.plain("architecture::self::wrong_use_is_found", || {
        let tree = Tree::of([
            ("domain/roll.rs", "use crate::store::Db;\n"),
            ("summaries/mod.rs", "fn f() { super::intake::g() }\n"),
            ("summaries/read.rs", "use crate::{\n  gate::Permit,\n  registers::{a, b},\n  audit,\n};\n"),
            ("gate/mod.rs", "// use crate::http;\nuse crate::store::{on, read};\nuse super::domain;\n"),
            ("gate/open.rs", "use super::super::registers::x;\nuse super::http;\n"),
            ("intake/mod.rs", ""),
            ("registers/mod.rs", ""),
            ("store/mod.rs", "let x = $crate::store::Db;\n"),
            ("audit/mod.rs", ""),
            ("http/mod.rs", ""),
            ("new/mod.rs", ""),
        ]);
        assert_eq!(
            wrong_uses(&tree),
            [
                "src/new is not in the table of who may use whom (tests/it/architecture/layers.rs)",
                "domain/roll.rs uses store, and domain may not",
                "gate/open.rs uses registers, and gate may not",
                "summaries/mod.rs uses intake, and summaries may not",
                "summaries/read.rs uses audit, and summaries may not",
            ]
        );
    });
    suite.plain("architecture::self::impurity_is_found", || {
        let tree = Tree::of([
            (
                "domain/roll.rs",
                "/// async fn in a comment\nuse serde::Serialize;\nlet t = chrono::Utc::now();\nx.await;\n",
            ),
            ("store/mod.rs", "x.await;\n"),
            ("domain/pupil.rs", "let spring = string;\nuse chrono::Utc;\n"),
        ]);
        assert_eq!(
            impurities(&tree),
            [
                "domain/roll.rs:2 has `serde`: the domain is pure",
                "domain/roll.rs:3 has `Utc::now`: the domain is pure",
                "domain/roll.rs:4 has `.await`: the domain is pure",
            ]
        );
    });
}
