//! `schoolgate policy`: what the rules say, for people.
//!
//! It reads policies and nothing else: no database, no network, nothing about a child.

use crate::crypto::{sha256, to_hex};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{Purpose, Role};
use crate::policy::{self, Action, Asked, Facts, Lane, Policy, PolicyError, Relationship, Sources};
use anyhow::{Context as _, Result};
use std::io;
use std::path::{Path, PathBuf};

/// Arguments of `schoolgate policy check`.
#[derive(Clone, Debug, clap::Args)]
pub struct FolderArgs {
    /// Folder with `schema.cedarschema`, `legal_bases.toml` and the policy files
    pub folder: PathBuf,
}

/// Arguments of `schoolgate policy diff`.
#[derive(Clone, Debug, clap::Args)]
pub struct DiffArgs {
    /// Folder of the policies that are in force
    pub old: PathBuf,
    /// Folder of those that are to take their place
    pub new: PathBuf,
}

/// Arguments of `schoolgate policy why`: the facts of a decision, as an audit entry names them.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own on the command line")]
pub struct WhyArgs {
    /// Role, such as `social_worker`
    #[arg(long)]
    pub role: String,
    /// Purpose, such as `child_protection`
    #[arg(long)]
    pub purpose: String,
    /// Kind of organisation that the answer goes to
    #[arg(long, default_value = "local_authority")]
    pub kind: String,
    /// What ties it to the child: a kind of involvement, enrolment, `authorised_officer`, organisation or none
    #[arg(long, default_value = "none")]
    pub relationship: String,
    /// A section, such as `health`, or another action, such as `find_child`
    #[arg(long)]
    pub action: String,
    /// A person is proved, not a system alone
    #[arg(long)]
    pub person: bool,
    /// The system is given this without a person
    #[arg(long)]
    pub listed: bool,
    /// The family's agreement is not recorded, or was withdrawn
    #[arg(long)]
    pub no_family_agreement: bool,
    /// The organisation is suspended
    #[arg(long)]
    pub suspended: bool,
    /// The system's registration lacks the scope
    #[arg(long)]
    pub no_scope: bool,
    /// No sharing agreement is live
    #[arg(long)]
    pub no_agreement: bool,
    /// The child is shielded from the caller
    #[arg(long)]
    pub shielded: bool,
    /// It was decided to withhold the child from the caller
    #[arg(long)]
    pub withheld: bool,
    /// The person who asks is in conflict with the child
    #[arg(long)]
    pub in_conflict: bool,
    /// Folder of policies [default: those that the gateway was built with]
    #[arg(long)]
    pub policies: Option<PathBuf>,
}

impl WhyArgs {
    fn asked(&self) -> Result<Asked> {
        let unknown =
            |what: &str, word: &str| format!("`{word}` is not a {what}; `policy matrix` prints the words");
        let named = |relationship: &Relationship| relationship.as_str() == self.relationship;
        let relationship = Relationship::all()
            .filter(named)
            .find(|r| r.family_agreement() != self.no_family_agreement)
            .or_else(|| Relationship::all().find(named))
            .with_context(|| unknown("relationship", &self.relationship))?;
        let word = self.action.as_str();
        let action = Action::all()
            .find(|action| action.as_str() == word || action.as_str().strip_prefix("read_") == Some(word))
            .with_context(|| unknown("section or action", word))?;
        let facts = Facts {
            role: Role::parse(&self.role).with_context(|| unknown("role", &self.role))?,
            purpose: Purpose::parse(&self.purpose).with_context(|| unknown("purpose", &self.purpose))?,
            organisation_kind: OrganisationKind::parse(&self.kind)
                .with_context(|| unknown("kind of organisation", &self.kind))?,
            organisation_live: !self.suspended,
            lane: if self.person { Lane::Person } else { Lane::System },
            agreement_live: !self.no_agreement,
            relationship,
            scope: !self.no_scope,
            shielded: self.shielded,
            withheld: self.withheld,
            in_conflict: self.in_conflict,
        };
        Ok(Asked { facts, action, listed: self.listed })
    }
}

/// The text that `schoolgate policy matrix` prints, from the policies that the gateway was built with.
pub fn matrix() -> std::result::Result<String, PolicyError> {
    Ok(policy::matrix(&Policy::embedded(sha256)?))
}

/// Says whether a folder of policies could be taken into force, and which set it is.
pub fn check(args: &FolderArgs) -> Result<String> {
    let policy = read(&args.folder)?;
    Ok(format!("holds: {}\n", to_hex(&policy.digest())))
}

/// Who gains and who loses what when one folder's policies take the place of another's.
pub fn diff(args: &DiffArgs) -> Result<String> {
    let told = policy::difference(&read(&args.old)?, &read(&args.new)?);
    let separator = if told.text.is_empty() { "" } else { "\n" };
    Ok(format!("{}{separator}{} cases gained, {} lost\n", told.text, told.gained, told.lost))
}

/// Why a question with these facts is answered as it is.
pub fn why(args: &WhyArgs) -> Result<String> {
    let policy = match &args.policies {
        Some(folder) => read(folder)?,
        None => Policy::embedded(sha256)?,
    };
    Ok(policy::why(&policy, args.asked()?))
}

fn read(folder: &Path) -> Result<Policy> {
    let sources = sources_of(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    Policy::load(&sources, sha256).with_context(|| format!("`{}`", folder.display()))
}

/// Reads `schema.cedarschema`, `legal_bases.toml` and every `*.cedar` of a folder, for a deployment that keeps its own set.
pub fn sources_of(folder: &Path) -> io::Result<Sources> {
    let schema = std::fs::read_to_string(folder.join("schema.cedarschema"))?;
    let bases = std::fs::read_to_string(folder.join("legal_bases.toml"))?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "cedar") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(&path)?));
        }
    }
    Ok(Sources::new(schema, bases, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is reviewed in the folder is what is built in: no policy file is forgotten in the list of embedded ones.
    fn asked(more: &[&str]) -> Result<String> {
        #[derive(clap::Parser)]
        struct Only {
            #[command(flatten)]
            why: WhyArgs,
        }
        let always = ["why", "--role", "early_help_worker", "--purpose", "early_help"];
        why(&<Only as clap::Parser>::parse_from(always.iter().chain(more)).why)
    }

    #[test]
    fn why_tells_what_decided() {
        let asked = |more: &[&str]| asked(more).unwrap();
        let early_help = ["--relationship", "early_help", "--action", "headline"];
        let text = asked(&[&early_help[..], &["--listed"]].concat());
        assert!(text.contains("permitted by summaries_early_help_early_help_worker"), "{text}");
        let text = asked(&[&early_help[..], &["--listed", "--no-family-agreement"]].concat());
        assert!(text.contains("refused by guard_family_agreement"), "{text}");
        let text = asked(&["--action", "find_child"]);
        assert!(text.contains("permitted with relationship early_help (with family_agreement)"), "{text}");
    }

    #[test]
    fn a_word_that_is_none_says_where_the_words_are() {
        let refused = asked(&["--action", "everything"]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`everything` is not a section or action; `policy matrix` prints the words"
        );
    }

    #[test]
    fn a_folder_that_does_not_hold_is_named() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let holds = check(&FolderArgs { folder: folder.clone() }).unwrap();
        assert!(holds.starts_with("holds: ") && holds.len() == 72, "{holds}");
        let same = diff(&DiffArgs { old: folder.clone(), new: folder }).unwrap();
        assert_eq!(same, "0 cases gained, 0 lost\n");
        let empty = tempfile::tempdir().unwrap();
        let refused = check(&FolderArgs { folder: empty.path().to_owned() }).unwrap_err();
        assert!(format!("{refused:#}").contains("cannot read"), "{refused:#}");
    }

    #[test]
    fn the_folder_and_the_embedded_set_are_one() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let read = Policy::load(&sources_of(&folder).unwrap(), sha256).unwrap();
        assert_eq!(read.digest(), Policy::embedded(sha256).unwrap().digest());
    }
}
