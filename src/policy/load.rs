//! Reads schema and policies, and refuses any set that is not perfect: a rule that can go wrong must never be in force.

use super::bases::Bases;
use super::decide::{Alarm, MEMO_LIMIT, Memo, Types};
use super::slices::Slices;
use crate::domain::purpose::Purpose;
use cedar_policy::{Entities, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use std::str::FromStr;

/// SHA-256 over parts, one after the other; given in, since this module depends on no cryptography.
pub type Digest = fn(&[&[u8]]) -> [u8; 32];

/// Policies look one entity deep: at the groups that an action is in. Those come from the schema and are always there; all
/// other facts stand in the request, so that no missing entity can make a policy go wrong.
const ENTITY_LEVEL: u32 = 1;

/// Why a set of policies is not taken into force.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The schema is no Cedar schema, or draws a warning.
    #[error("the policy schema does not read: {0}; correct schema.cedarschema")]
    Schema(String),
    /// A file is no Cedar.
    #[error("the policy file `{file}` does not read: {cause}; correct it")]
    Syntax {
        /// Its name.
        file: String,
        /// What Cedar says.
        cause: String,
    },
    /// A policy without `@id`.
    #[error("a policy in `{file}` has no id; write @id(\"...\") above it")]
    NoId {
        /// The file's name.
        file: String,
    },
    /// Two policies with the same id.
    #[error("the policy id `{id}` stands twice; give the one in `{file}` another")]
    SameId {
        /// The id.
        id: String,
        /// The file in which it came second.
        file: String,
    },
    /// Templates are not used: what they would say cannot be proved.
    #[error("the policy file `{file}` has a template; write it out as policies")]
    Template {
        /// The file's name.
        file: String,
    },
    /// The policies do not fit the schema, strictly, or draw a warning.
    #[error("the policies do not fit the schema: {0}; correct the policy or the schema")]
    Invalid(String),
    /// A set without a single policy is a mistake, not a decision.
    #[error("there is no policy; put the policy files beside the schema")]
    Empty,
    /// The schema lacks a word of the gateway's own vocabulary.
    #[error("the schema does not know {0}; add it to schema.cedarschema")]
    Vocabulary(String),
    /// A purpose without its legal basis, or a basis that is not whole.
    #[error("the legal bases do not hold: {0}; correct legal_bases.toml")]
    Bases(String),
}

/// The text of a schema, of the legal bases and of the policy files.
#[derive(Clone, Debug)]
pub struct Sources {
    schema: String,
    bases: String,
    files: Vec<(String, String)>,
}

impl Sources {
    /// Takes a schema, the legal bases, and `(name, text)` of each policy file, whose order does not matter.
    pub fn new(schema: String, bases: String, files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort();
        Self { schema, bases, files }
    }

    /// Those that the gateway was built with.
    pub fn embedded() -> Self {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        Self::new(
            include_str!("../../policies/schema.cedarschema").to_owned(),
            include_str!("../../policies/legal_bases.toml").to_owned(),
            [
                file("disclosures.cedar", include_str!("../../policies/disclosures.cedar")),
                file("notifications.cedar", include_str!("../../policies/notifications.cedar")),
                file("duties.cedar", include_str!("../../policies/duties.cedar")),
                file("guards.cedar", include_str!("../../policies/guards.cedar")),
                file("intake.cedar", include_str!("../../policies/intake.cedar")),
                file("involvements.cedar", include_str!("../../policies/involvements.cedar")),
                file("summaries.cedar", include_str!("../../policies/summaries.cedar")),
            ],
        )
    }

    /// The same with one more file.
    #[cfg(test)]
    pub(super) fn with_file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// The texts: the schema, the legal bases, and each policy file with its name, in the order of the names.
    pub fn texts(&self) -> (&str, &str, &[(String, String)]) {
        (&self.schema, &self.bases, &self.files)
    }

    /// The digest of schema, legal bases, file names and texts, each behind its length, files in the order of their names.
    pub fn digest(&self, digest: Digest) -> [u8; 32] {
        let texts: Vec<&str> = [self.schema.as_str(), self.bases.as_str()]
            .into_iter()
            .chain(self.files.iter().flat_map(|(name, text)| [name.as_str(), text.as_str()]))
            .collect();
        let lengths: Vec<[u8; 8]> = texts.iter().map(|text| (text.len() as u64).to_be_bytes()).collect();
        let parts: Vec<&[u8]> = lengths
            .iter()
            .zip(&texts)
            .flat_map(|(length, text)| [length.as_slice(), text.as_bytes()])
            .collect();
        digest(&parts)
    }
}

/// A set of policies that can be asked.
#[derive(Debug)]
pub struct Policy {
    pub(super) schema_text: String,
    pub(super) schema: Schema,
    pub(super) slices: Slices,
    pub(super) entities: Entities,
    pub(super) types: Types,
    pub(super) memo: Memo,
    pub(super) alarm: Alarm,
    /// Whether it answers everything with no: it stands for a set that cannot be loaded.
    pub(super) shut: bool,
    bases: Bases,
    digest: [u8; 32],
}

impl Policy {
    /// Loads a set, strictly: any error or warning refuses it, and so does a vocabulary that differs from the code's.
    pub fn load(sources: &Sources, digest: Digest) -> Result<Self, PolicyError> {
        let schema = read_schema(&sources.schema)?;
        let bases = Bases::read(&sources.bases)?;
        let set = read_policies(&sources.files)?;
        let validation =
            Validator::new(schema.clone()).validate_with_level(&set, ValidationMode::Strict, ENTITY_LEVEL);
        if !validation.validation_passed_without_warnings() {
            return Err(PolicyError::Invalid(said(
                validation.validation_errors().map(ToString::to_string),
                validation.validation_warnings().map(ToString::to_string),
            )));
        }
        // The schema's actions and their groups are the only entities.
        let entities =
            Entities::from_entities([], Some(&schema)).map_err(|e| PolicyError::Schema(e.to_string()))?;
        let types = Types::read()?;
        let slices = Slices::cut(set, &entities, &types);
        let digest = sources.digest(digest);
        let (memo, alarm) = (Memo::up_to(MEMO_LIMIT), Alarm::default());
        let schema_text = sources.schema.clone();
        let policy =
            Self { schema_text, schema, slices, entities, types, memo, alarm, shut: false, bases, digest };
        policy.check_vocabulary()?;
        Ok(policy)
    }

    /// Loads the set that the gateway was built with.
    pub fn embedded(digest: Digest) -> Result<Self, PolicyError> {
        Self::load(&Sources::embedded(), digest)
    }

    /// What stands for a set that cannot be loaded, by that set's digest: it answers every question with no.
    pub fn shut(digest_of: [u8; 32], digest: Digest) -> Result<Self, PolicyError> {
        Ok(Self { shut: true, digest: digest_of, ..Self::embedded(digest)? })
    }

    /// Whether it only stands for a set that cannot be loaded.
    pub const fn is_shut(&self) -> bool {
        self.shut
    }

    /// A policy in its own words, by its id.
    pub(super) fn text_of(&self, id: &str) -> Option<String> {
        self.slices.all().policy(&PolicyId::new(id)).map(ToString::to_string)
    }

    /// The legal bases of a purpose, as one line for the entry.
    pub fn legal_basis(&self, purpose: Purpose) -> &str {
        self.bases.of(purpose)
    }

    /// Names this set in audit entries: SHA-256 of schema, legal bases and policies.
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

fn read_schema(text: &str) -> Result<Schema, PolicyError> {
    let (schema, warnings) =
        Schema::from_cedarschema_str(text).map_err(|e| PolicyError::Schema(e.to_string()))?;
    let warnings: Vec<String> = warnings.map(|warning| warning.to_string()).collect();
    if warnings.is_empty() { Ok(schema) } else { Err(PolicyError::Schema(warnings.join("; "))) }
}

/// All files in one set, each policy under the id that its annotation gives.
fn read_policies(files: &[(String, String)]) -> Result<PolicySet, PolicyError> {
    let mut all = PolicySet::new();
    for (file, text) in files {
        let read = PolicySet::from_str(text)
            .map_err(|e| PolicyError::Syntax { file: file.clone(), cause: e.to_string() })?;
        if read.templates().next().is_some() {
            return Err(PolicyError::Template { file: file.clone() });
        }
        for policy in read.policies() {
            let id = policy.annotation("id").filter(|id| !id.is_empty());
            let id = id.ok_or_else(|| PolicyError::NoId { file: file.clone() })?;
            all.add(policy.new_id(PolicyId::new(id)))
                .map_err(|_| PolicyError::SameId { id: id.to_owned(), file: file.clone() })?;
        }
    }
    if all.is_empty() { Err(PolicyError::Empty) } else { Ok(all) }
}

fn said(errors: impl Iterator<Item = String>, warnings: impl Iterator<Item = String>) -> String {
    errors.chain(warnings).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enough of a digest to tell texts apart here; the real one is the caller's.
    fn checksum(parts: &[&[u8]]) -> [u8; 32] {
        let mut sum = [0_u8; 32];
        for (place, byte) in parts.concat().iter().enumerate() {
            sum[place % 32] = sum[place % 32].rotate_left(3).wrapping_add(*byte);
        }
        sum
    }

    fn load(sources: &Sources) -> Result<Policy, PolicyError> {
        Policy::load(sources, checksum)
    }

    /// The embedded set with one text replaced in one file, or in the schema.
    fn changed(file: &str, from: &str, to: &str) -> Sources {
        let mut sources = Sources::embedded();
        let text = match sources.files.iter_mut().find(|(name, _)| name == file) {
            Some((_, text)) => text,
            None => &mut sources.schema,
        };
        assert!(text.contains(from), "`{from}` no longer stands in {file}");
        *text = text.replacen(from, to, 1);
        sources
    }

    fn added(text: &str) -> Sources {
        Sources::embedded().with_file("zz.cedar", text)
    }

    #[test]
    fn the_embedded_set_loads_whole() {
        let policy = Policy::embedded(checksum).unwrap();
        let written: usize =
            Sources::embedded().files.iter().map(|(_, text)| text.matches("@id(").count()).sum();
        assert_eq!(policy.slices.all().policies().count(), written);
        assert!(written > 20, "{written}");
    }

    /// Each of these would be a rule that never matches, or one that errs; none may come into force.
    #[test]
    fn a_set_with_a_mistake_is_refused() {
        let permit = |when: &str| {
            added(&format!("@id(\"x\") permit (principal, action, resource) when {{ {when} }};"))
        };
        let cases = [
            (permit("context.nickname == Purpose::\"cme\""), "nickname"),
            (permit("context.purpose == Purpose::\"child_protecton\""), "child_protecton"),
            (permit("context.purpose == Role::\"dsl\""), ""),
            (permit("context.listed && false"), ""),
            (permit("principal.age == 3"), ""),
            (changed("summaries.cedar", "Role::\"social_worker\"", "Role::\"socialworker\""), "socialworker"),
            (changed("summaries.cedar", "read_headline", "read_headlin"), "read_headlin"),
            (changed("guards.cedar", "context.shielded", "context.sheilded"), "sheilded"),
        ];
        for (sources, named) in cases {
            let error = load(&sources).unwrap_err();
            assert!(matches!(error, PolicyError::Invalid(_)), "{error}");
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn a_set_that_does_not_read_is_refused() {
        let syntax = load(&added("permit (principal, action resource);"));
        assert!(matches!(syntax, Err(PolicyError::Syntax { file, .. }) if file == "zz.cedar"));
        let no_id = load(&added("forbid (principal, action, resource);"));
        assert!(matches!(no_id, Err(PolicyError::NoId { file }) if file == "zz.cedar"));
        let same = load(&added("@id(\"guard_shield\") forbid (principal, action, resource);"));
        assert!(matches!(same, Err(PolicyError::SameId { id, .. }) if id == "guard_shield"));
        let template = load(&added("@id(\"x\") permit (principal == ?principal, action, resource);"));
        assert!(matches!(template, Err(PolicyError::Template { .. })));
        let empty = load(&Sources::new(Sources::embedded().schema, Sources::embedded().bases, []));
        assert!(matches!(empty, Err(PolicyError::Empty)));
        let schema = load(&changed("schema", "entity Role enum", "entity Role enam"));
        assert!(matches!(schema, Err(PolicyError::Schema(_))));
    }

    #[test]
    fn a_set_without_the_legal_basis_of_a_purpose_is_refused() {
        let mut sources = Sources::embedded();
        sources.bases = sources.bases.replacen("[cme]", "[cm]", 1);
        assert!(matches!(load(&sources), Err(PolicyError::Bases(_))));
    }

    /// A schema that lacks a word of ours would turn each request with it into an error, at the worst moment.
    #[test]
    fn a_schema_without_our_words_is_refused() {
        for (from, to) in [
            ("\"designated_officer\", ", ""),
            (", \"vendor\"", ""),
            ("\"subject_access\"", "\"subject\""),
            ("\"predecessor_enrolment\"", "\"predecessor\""),
            ("withheld: Bool", "withheld: Long"),
            ("match_claims, retain,", "match_claims,"),
        ] {
            assert!(load(&changed("schema", from, to)).is_err(), "{from}");
        }
        let error = load(&changed("schema", ", \"vendor\"", "")).unwrap_err();
        assert!(matches!(&error, PolicyError::Vocabulary(text) if text.contains("vendor")), "{error}");
    }

    #[test]
    fn the_digest_names_every_byte_and_no_order() {
        let embedded = load(&Sources::embedded()).unwrap().digest();
        let comment = load(&changed("guards.cedar", "// What", "// WHat")).unwrap().digest();
        assert_ne!(embedded, comment);
        let sources = Sources::embedded();
        let turned = Sources::new(sources.schema, sources.bases, sources.files.into_iter().rev());
        assert_eq!(embedded, load(&turned).unwrap().digest());
        // A text moved from one part into the next is another set.
        let split = |schema: &str, bases: &str, name: &str| {
            Sources::new(schema.into(), bases.into(), [(name.into(), String::new())]).digest(checksum)
        };
        assert_ne!(split("ab", "", "c"), split("a", "", "bc"));
        assert_ne!(split("ab", "", "c"), split("a", "b", "c"));
    }
}
