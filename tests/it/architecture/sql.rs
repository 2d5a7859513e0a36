//! Who writes and who commits: one module writes a table, and only the gate and the audit commit.

use super::hold;
use super::source::{File, Tree};
use crate::support::Suite;
use std::collections::{BTreeMap, BTreeSet};

/// Tables with more than one writer. May only shrink.
const WRITERS: &[(&str, &str)] = &[];
/// Commits outside the gate, the audit and the store's own definition. May only shrink.
const COMMITS: &[(&str, &str)] = &[];

/// The tables that a text of code writes, by `INSERT`, `UPDATE` or `DELETE` in capitals.
fn written(code: &str) -> BTreeSet<String> {
    // Statements are broken over lines by a backslash or stand in raw strings: words are what counts.
    let words: Vec<&str> =
        code.split(|c: char| c.is_whitespace() || "\"\\(".contains(c)).filter(|w| !w.is_empty()).collect();
    let table = |word: Option<&&str>| -> Option<String> {
        let name: String =
            word?.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_').collect();
        (!name.is_empty() && word?.starts_with(|c: char| c.is_ascii_lowercase())).then_some(name)
    };
    let mut found = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        let name = match *word {
            "INTO" if at > 0 && ["INSERT", "REPLACE", "IGNORE"].contains(&words[at - 1]) => {
                table(words.get(at + 1))
            }
            "FROM" if at > 0 && words[at - 1] == "DELETE" => table(words.get(at + 1)),
            // `FOR UPDATE` locks and `DO UPDATE SET` continues an insert; the latter names no table.
            "UPDATE" if at == 0 || words[at - 1] != "FOR" => table(words.get(at + 1)),
            _ => None,
        };
        found.extend(name);
    }
    found
}

/// The tables that a text of code reads, by `FROM` or `JOIN` in capitals; those of a `DELETE` and of a condition like
/// `IS DISTINCT FROM` are none.
fn read(code: &str) -> BTreeSet<String> {
    let words: Vec<&str> =
        code.split(|c: char| c.is_whitespace() || "\"\\(),".contains(c)).filter(|w| !w.is_empty()).collect();
    let reads = |at: usize| match words[at] {
        "JOIN" => true,
        "FROM" => at == 0 || !["DELETE", "DISTINCT"].contains(&words[at - 1]),
        _ => false,
    };
    let name = |word: &&str| -> String {
        word.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_').collect()
    };
    // What a statement names itself, and sets that come as one parameter, are no tables.
    let named = |table: &str| words.windows(2).any(|two| two == ["WITH", table]);
    let after = (0..words.len()).filter(|at| reads(*at)).filter_map(|at| words.get(at + 1));
    let tables = after.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase())).map(name);
    tables.filter(|table| !named(table) && !SETS.contains(&table.as_str())).collect()
}

/// What a database unfolds a set with.
const SETS: &[&str] = &["json_each", "json_array_elements_text"];
/// The modules that may read tables of others, with the tables. Who is tied to whom is known from several; what a database
/// says of its own tables belongs to the store.
const READERS: &[(&str, &[&str])] = &[
    (
        "relationships",
        &[
            "conflicts",
            "bars",
            "emergencies",
            "emergency_renewals",
            "enrolments",
            "handles",
            "involvements",
            "officer_authorisations",
            "organisations",
            "register_versions",
            "systems",
        ],
    ),
    (
        "store",
        &[
            "information_schema",
            "pg_attribute",
            "pg_class",
            "pg_index",
            "pg_namespace",
            "pragma_index_info",
            "pragma_index_list",
            "pragma_table_info",
            "sqlite_master",
        ],
    ),
];
/// Reads of another module's tables outside that list. May only shrink.
const READS: &[(&str, &str)] = &[];

/// Tables that a file names in a `SELECT` although another module writes them: what is another's is asked of it, with a
/// permit.
fn foreign_reads(tree: &Tree) -> Vec<String> {
    let mut own: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for file in &tree.files {
        own.entry(file.module()).or_default().extend(written(&file.code_text()));
    }
    let may = |module: &str, table: &str| {
        own.get(module).is_some_and(|tables| tables.contains(table))
            || READERS.iter().any(|(reader, tables)| *reader == module && tables.contains(&table))
    };
    let mut found = Vec::new();
    for file in &tree.files {
        let foreign = read(&file.code_text()).into_iter().filter(|table| !may(file.module(), table));
        found.extend(foreign.map(|table| {
            format!("{} reads table {table}, which {} does not write", file.path, file.module())
        }));
    }
    found
}

/// Tables that more than one module writes. The demonstration writes none: it goes through the API.
fn shared_tables(tree: &Tree) -> Vec<String> {
    let mut writers: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for file in &tree.files {
        for table in written(&file.code_text()) {
            writers.entry(table).or_default().insert(file.module());
        }
    }
    let shared = writers.into_iter().filter(|(_, modules)| modules.len() > 1);
    shared
        .map(|(table, modules)| {
            format!("table {table} is written by {}", modules.into_iter().collect::<Vec<_>>().join(" and "))
        })
        .collect()
}

/// Places that commit a transaction, other than the gate, the audit and the store itself.
fn commits(tree: &Tree) -> Vec<String> {
    let outside = tree.files.iter().filter(|f: &&File| !["gate", "audit", "store"].contains(&f.module()));
    let found = outside.filter(|f| f.code_text().contains(".commit()"));
    found.map(|f| format!("{} commits a transaction: only gate and audit may", f.path)).collect()
}

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("architecture::one_module_writes_a_table", || hold(shared_tables, WRITERS));
    suite.plain("architecture::who_reads_a_table_writes_it_or_is_named", || hold(foreign_reads, READS));
    suite.plain("architecture::self::foreign_read_is_found", || {
        let marks = "const A: &str = \"UPDATE marks SET a = 1\"; const B: &str = \"SELECT a FROM marks m\";";
        let deletes = "const C: &str = \"DELETE FROM rows WHERE a IS DISTINCT FROM excluded.a\";";
        let joins = "const D: &str = \"SELECT a FROM (SELECT 1) o \\\n LEFT JOIN marks m ON TRUE CROSS JOIN enrolments e\";";
        let tree = Tree::of([("registers/a.rs", marks), ("intake/b.rs", deletes)]);
        assert_eq!(foreign_reads(&tree), Vec::<String>::new());
        let tree = Tree::of([("registers/a.rs", marks), ("intake/b.rs", joins), ("relationships/c.rs", joins)]);
        assert_eq!(
            foreign_reads(&tree),
            [
                "intake/b.rs reads table enrolments, which intake does not write",
                "intake/b.rs reads table marks, which intake does not write",
                "relationships/c.rs reads table marks, which relationships does not write",
            ]
        );
    });
    suite.plain("architecture::only_gate_and_audit_commit", || hold(commits, COMMITS));
    suite.plain("architecture::self::statements_are_read", || {
        let code = "const A: &str = \"INSERT INTO handles (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET x = 1\";\n\
            const B: &str = \"UPDATE \\\n   marks SET a = 1\"; const C: &str = \"DELETE FROM pupils WHERE id = $1\";\n\
            const D: &str = \"SELECT a FROM enrolments FOR UPDATE SKIP LOCKED\";\n\
            const E: &str = \"INSERT OR IGNORE INTO bars(id) SELECT id FROM enrolments\";";
        assert_eq!(written(code).into_iter().collect::<Vec<_>>(), ["bars", "handles", "marks", "pupils"]);
    });
    suite.plain("architecture::self::second_writer_is_found", || {
        let write = "const A: &str = \"UPDATE marks SET a = 1\";";
        let comment = "// UPDATE marks SET a = 1";
        let tree = Tree::of([("registers/a.rs", write), ("registers/b.rs", write), ("gate/a.rs", comment)]);
        assert_eq!(shared_tables(&tree), Vec::<String>::new());
        let tree = Tree::of([("registers/a.rs", write), ("intake/b.rs", write)]);
        assert_eq!(shared_tables(&tree), ["table marks is written by intake and registers"]);
    });
    suite.plain("architecture::self::stray_commit_is_found", || {
        let tree =
            Tree::of([("gate/a.rs", "tx.commit().await?;"), ("intake/b.rs", "tx\n  .commit()\n .await?;")]);
        assert_eq!(commits(&tree), ["intake/b.rs commits a transaction: only gate and audit may"]);
    });
}
