//! The rules of the house that a machine can hold: who uses whom, purity, sizes, who writes which table.
//!
//! Each check reads the sources as text and gives its violations as lines; each has a self-test on a small bad sample,
//! so that a check that finds nothing is known to be able to find something. Exceptions stand in one list for each
//! check; a list may only shrink, and an entry that is no longer needed fails too.

mod layers;
mod sizes;
mod source;
mod sql;
mod words;

use crate::support::Suite;
use source::Tree;

/// Registers every check and its self-test.
pub fn register(suite: &mut Suite) {
    layers::register(suite);
    sizes::register(suite);
    sql::register(suite);
    words::register(suite);
    source::register(suite);
}

/// Holds the real tree to a check, except for the listed violations, each with its reason.
fn hold(check: fn(&Tree) -> Vec<String>, exceptions: &[(&str, &str)]) {
    let found = check(&Tree::read());
    assert!(!Tree::read().files.is_empty(), "no source was read");
    let new: Vec<&str> = found
        .iter()
        .map(String::as_str)
        .filter(|v| !exceptions.iter().any(|(known, _)| known == v))
        .collect();
    assert!(new.is_empty(), "\n  {}", new.join("\n  "));
    for (known, reason) in exceptions {
        assert!(
            found.iter().any(|v| v == known),
            "exception no longer needed, delete it: {known} ({reason})"
        );
    }
}
