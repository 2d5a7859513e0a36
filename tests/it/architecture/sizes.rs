//! Small enough to see: files, folders, and the documents that a newcomer reads first.

use super::hold;
use super::source::Tree;
use crate::support::Suite;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Lines of a source file without its tests.
const FILE_LINES: usize = 400;
/// Source files directly in one folder.
const FOLDER_FILES: usize = 8;
/// Documents with the lines that they may have.
const DOCUMENTS: &[(&str, usize)] = &[("ARCHITECTURE.md", 150), ("CONTRIBUTING.md", 200)];
/// Lines of one decision.
const DECISION_LINES: usize = 40;

/// Files and folders over their size. May only shrink.
const EXCEPTIONS: &[(&str, &str)] = &[];

fn oversized(tree: &Tree) -> Vec<String> {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for file in &tree.files {
        if file.text.lines().count() > FILE_LINES {
            found.push(format!(
                "{} has more than {FILE_LINES} lines: split it where the meaning splits",
                file.path
            ));
        }
        *folders.entry(file.path.rsplit_once('/').map_or("", |(folder, _)| folder)).or_default() += 1;
    }
    let over = folders.iter().filter(|(_, files)| **files > FOLDER_FILES);
    found.extend(
        over.map(|(folder, _)| format!("src/{folder} has more than {FOLDER_FILES} files: split the folder")),
    );
    found
}

/// Files that do not begin with their module doc, and folders whose module stands outside them.
fn misplaced(tree: &Tree) -> Vec<String> {
    let paths: BTreeSet<&str> = tree.files.iter().map(|f| f.path.as_str()).collect();
    let mut found = Vec::new();
    for file in &tree.files {
        if !file.text.starts_with("//!") {
            found.push(format!(
                "{} does not begin with its module doc: what, why, what it must never do",
                file.path
            ));
        }
        if paths.iter().any(|path| path.starts_with(&format!("{}/", file.path.trim_end_matches(".rs")))) {
            found.push(format!("src/{} belongs into its folder, as mod.rs", file.path));
        }
    }
    found
}

/// Documents over their number of lines, or not there.
fn long_documents(root: &Path) -> Vec<String> {
    let lines = |path: &Path| std::fs::read_to_string(path).map(|t| t.lines().count());
    let mut found = Vec::new();
    for (name, most) in DOCUMENTS {
        match lines(&root.join(name)) {
            Ok(lines) if lines > *most => found.push(format!("{name} has {lines} lines, at most {most}")),
            Ok(_) => {}
            Err(error) => found.push(format!("{name}: {error}")),
        }
    }
    for entry in std::fs::read_dir(root.join("docs/decisions")).into_iter().flatten().flatten() {
        let lines = lines(&entry.path()).unwrap();
        if lines > DECISION_LINES {
            let name = entry.file_name().to_string_lossy().into_owned();
            found.push(format!("docs/decisions/{name} has {lines} lines, at most {DECISION_LINES}"));
        }
    }
    found
}

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("architecture::files_and_folders_are_small", || hold(oversized, EXCEPTIONS));
    suite.plain("architecture::files_begin_with_their_doc", || hold(misplaced, &[]));
    suite.plain("architecture::self::misplaced_module_is_found", || {
        let tree = Tree::of([("gate.rs", "//! a\n"), ("gate/open.rs", "use a;\n//! b\n")]);
        let found = misplaced(&tree);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("src/gate.rs ") && found[1].starts_with("gate/open.rs "), "{found:?}");
    });
    suite.plain("architecture::documents_are_short", || {
        assert_eq!(long_documents(Path::new(env!("CARGO_MANIFEST_DIR"))), Vec::<String>::new());
    });
    suite.plain("architecture::self::large_file_and_folder_are_found", || {
        let long = "x\n".repeat(FILE_LINES + 1);
        let tested = format!("x\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
        let names: Vec<String> = (0..=FOLDER_FILES).map(|n| format!("policy/f{n}.rs")).collect();
        let mut files: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), "")).collect();
        files.extend([("gate/long.rs", long.as_str()), ("gate/tested.rs", tested.as_str())]);
        let found = oversized(&Tree::of(files));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("gate/long.rs ") && found[1].starts_with("src/policy "), "{found:?}");
    });
    suite.plain("architecture::self::long_document_is_found", || {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("docs/decisions")).unwrap();
        std::fs::write(root.path().join("ARCHITECTURE.md"), "x\n".repeat(151)).unwrap();
        std::fs::write(root.path().join("docs/decisions/0001-x.md"), "x\n".repeat(41)).unwrap();
        let found = long_documents(root.path());
        assert_eq!(found.len(), 3, "{found:?}");
    });
}
