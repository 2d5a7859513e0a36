//! Sets of access policies as operators put them in force: their texts, each set by its digest, and which was in force when.
//!
//! What they say is not known here: whether a set holds is asked where policies are, before it is proposed and again before it
//! is put in force; a gateway that takes it up asks once more whether it loads, and as little as of any other row of the
//! directory who wrote it. Nothing is ever changed or deleted, so that the set of any entry can be read again.

mod table;

pub use table::{InForce, policy_set, policy_sets, record_built_in};
pub(super) use table::{in_force, put_in_force};

use super::changes::Record;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The texts of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyTexts {
    /// `schema.cedarschema`.
    pub schema: String,
    /// `legal_bases.toml`.
    pub legal_bases: String,
    /// Each policy file by its name.
    pub files: BTreeMap<String, String>,
}

/// A set that is put in force, as a change writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySetEntry {
    /// SHA-256 over the texts, hex, as entries name the set.
    pub digest: String,
    /// What it says.
    pub texts: PolicyTexts,
    /// Digest, hex, of the set that it was held against: the one that was in force when the change was made.
    pub replaces: String,
    /// What changes against that set; none where that one could not be loaded.
    pub cases: Option<Cases>,
}

/// How many cases differ between two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    /// Allowed now, and not before.
    pub gained: u32,
    /// Allowed before, and not now.
    pub lost: u32,
}

/// The most bytes of one set's texts together.
const BYTES_MAX: usize = 512 * 1024;
/// The most policy files of one set.
const FILES_MAX: usize = 64;

impl Record {
    /// The set of policies, where it is one.
    pub const fn policy_set(&self) -> Option<&PolicySetEntry> {
        if let Self::PolicySet(set) = self { Some(set) } else { None }
    }
}

impl PolicySetEntry {
    /// Why it cannot stand, whatever its rules say.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let PolicyTexts { schema, legal_bases, files } = &self.texts;
        let digest = |hex: &str| crate::crypto::from_hex(hex).is_some_and(|bytes| bytes.len() == 32);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let named = |name: &String| {
            let stem = name.strip_suffix(".cedar").unwrap_or_default();
            (1..=64).contains(&stem.len()) && stem.chars().all(plain)
        };
        let texts = || [schema, legal_bases].into_iter().chain(files.values());
        if !digest(&self.digest) || !digest(&self.replaces) {
            Some("a digest is 64 hexadecimal digits")
        } else if files.len() > FILES_MAX || texts().map(String::len).sum::<usize>() > BYTES_MAX {
            Some("a set has at most 64 files and 512 KiB")
        } else if !files.keys().all(named) {
            Some("a policy file is named in lower case letters, digits and `_`, and ends in `.cedar`")
        } else if texts().any(|text| text.contains('\0')) {
            Some("a text has no character U+0000")
        } else {
            None
        }
    }
}
