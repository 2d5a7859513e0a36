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
        let given: Vec<(&str, &str)> = files.into_iter().collect();
        let tests: Vec<String> = given.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
        let is_test = |path: &str| {
            tests.iter().any(|t| path == format!("{t}.rs") || path.starts_with(&format!("{t}/")))
        };
        let mut files: Vec<File> = given
            .into_iter()
            .filter(|(path, _)| !is_test(path))
            .map(|(path, text)| File { path: path.to_owned(), text: without_tests(text) })
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

/// The line numbers, from 0, at which a module for tests is declared, with the declaration.
fn test_declarations(text: &str) -> Vec<(usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let marked = lines.iter().enumerate().filter(|(_, line)| line.trim().starts_with("#[cfg(test)]"));
    marked
        .filter_map(|(at, _)| {
            let declared = lines[at + 1..].iter().find(|l| !l.trim().starts_with(['#', '/']))?.trim();
            let word = declared
                .split_once("mod ")
                .filter(|(before, _)| !before.contains('='))
                .map(|(_, name)| name)?;
            Some((at, word))
        })
        .collect()
}

/// The paths, without `.rs`, of the files that are modules for tests of the file at `path`.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let folder = match path.rsplit_once('/') {
        Some((folder, "mod.rs")) => format!("{folder}/"),
        _ if path == "lib.rs" || path == "main.rs" => String::new(),
        _ => format!("{}/", path.trim_end_matches(".rs")),
    };
    let files = test_declarations(text).into_iter().filter_map(|(_, word)| word.strip_suffix(';'));
    files.map(|name| format!("{folder}{name}")).collect()
}

/// The text before the first module for tests written out in the file; such modules stand last.
fn without_tests(text: &str) -> String {
    let end = test_declarations(text).into_iter().find(|(_, word)| word.ends_with('{')).map(|(at, _)| at);
    text.lines().take(end.unwrap_or(usize::MAX)).flat_map(|line| [line, "\n"]).collect()
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
        let text = "use a;\n#[cfg(test)]\nmod space;\n// b\n#[cfg(test)]\nuse b;\nuse d;\n\
            #[cfg(test)]\n#[expect(x)]\nmod tests {\n use c;\n}\n";
        let tree =
            Tree::of([("gate/open.rs", text), ("gate/mod.rs", text), ("lib.rs", ""), ("gate/space.rs", "x")]);
        let depths: Vec<_> = tree.files.iter().map(|f| (f.path.as_str(), f.depth(), f.module())).collect();
        assert_eq!(depths, [("gate/mod.rs", 1, "gate"), ("gate/open.rs", 2, "gate"), ("lib.rs", 0, "lib")]);
        assert_eq!(
            tree.files[1].code_text(),
            "use a;\n#[cfg(test)]\nmod space;\n#[cfg(test)]\nuse b;\nuse d;\n"
        );
    });
    suite.plain("architecture::self::whole_words_are_found", || {
        assert!(begins_path("use ring::digest;", "ring"));
        assert!(!begins_path("rustls::crypto::ring::default_provider()", "ring"));
        assert!(!begins_path("let string = 1;", "ring"));
        assert!(has_word("chrono::Utc::now()", "Utc::now"));
        assert!(!has_word("chrono::Utc::nowhere()", "Utc::now"));
    });
}
