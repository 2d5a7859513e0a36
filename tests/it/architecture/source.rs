//! The sources as text: without tests, without comments.

use crate::support::Suite;
use std::path::Path;

/// One source file.
pub struct File {
    /// Path below `src/`, with `/`.
    pub path: String,
    /// Its text without the tests at its end; lines keep their numbers.
    pub text: String,
}

/// The sources that a check reads.
pub struct Tree {
    /// Every file that is not a test, sorted by path.
    pub files: Vec<File>,
}

impl Tree {
    /// The package's own `src/`.
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        collect(&root, &root, &mut found);
        Self::of(found.iter().map(|(path, text)| (path.as_str(), text.as_str())))
    }

    /// A tree of the given paths and texts.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut files: Vec<File> = files
            .into_iter()
            .filter(|(path, _)| !is_test(path))
            .map(|(path, text)| File { path: path.to_owned(), text: without_tests(text).to_owned() })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files }
    }
}

impl File {
    /// The module of the first layer: `gate` for `gate/mod.rs`, `clock` for `clock.rs`.
    pub fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.trim_end_matches(".rs")
    }

    /// How many modules deep it is: `lib.rs` 0, `gate/mod.rs` 1, `gate/open.rs` 2.
    pub fn depth(&self) -> usize {
        let parts = self.path.split('/').count();
        match self.path.as_str() {
            "lib.rs" | "main.rs" => 0,
            path if path.ends_with("/mod.rs") => parts - 1,
            _ => parts,
        }
    }

    /// Its lines that are no comment, with their numbers.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Its code as one text.
    pub fn code_text(&self) -> String {
        self.code().flat_map(|(_, line)| [line, "\n"]).collect()
    }
}

/// Whether `word` stands in `line` as a whole word.
pub fn has_word(line: &str, word: &str) -> bool {
    positions(line, word).next().is_some()
}

/// Whether `word` stands in `line` as a whole word that begins its path: `ring::x`, and not `other::ring::x`.
pub fn begins_path(line: &str, word: &str) -> bool {
    positions(line, word).any(|at| !line[..at].ends_with(':'))
}

fn positions<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        !part(line[..at].chars().next_back()) && !part(line[at + word.len()..].chars().next())
    })
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.ends_with("_tests.rs")
}

/// The text before the first test module or helper for tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod").next().unwrap_or(text)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("architecture::self::sources_are_read_without_tests", || {
        let text = "use a;\n// b\n#[cfg(test)]\nmod tests { use c; }\n";
        let tree =
            Tree::of([("gate/open.rs", text), ("gate/mod.rs", ""), ("lib.rs", ""), ("gate/tests.rs", "x")]);
        let depths: Vec<_> = tree.files.iter().map(|f| (f.path.as_str(), f.depth(), f.module())).collect();
        assert_eq!(depths, [("gate/mod.rs", 1, "gate"), ("gate/open.rs", 2, "gate"), ("lib.rs", 0, "lib")]);
        assert_eq!(tree.files[1].code_text(), "use a;\n");
    });
    suite.plain("architecture::self::whole_words_are_found", || {
        assert!(begins_path("use ring::digest;", "ring"));
        assert!(!begins_path("rustls::crypto::ring::default_provider()", "ring"));
        assert!(!begins_path("let string = 1;", "ring"));
        assert!(has_word("chrono::Utc::now()", "Utc::now"));
        assert!(!has_word("chrono::Utc::nowhere()", "Utc::now"));
    });
}
