//! `schoolgate policy`: what the rules say, for people.
//!
//! It reads policies and nothing else: the database only where a set is named that stands there, and nothing about a child.

use super::directory::policies::set_of;
use super::serve::ServeArgs;
use crate::crypto::{sha256, to_hex};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{Purpose, Role};
use crate::policy::{
    self, Action, Asked, Difference, Facts, Lane, Policy, Relationship, Sources, never_broken,
};
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
    /// The set that is in force: `in-force`, `built-in`, a digest as entries name it, the id of a change, or a folder
    pub old: String,
    /// The set that is to take its place, named likewise
    pub new: String,
    /// Where the database is: asked only for a set that stands there
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// Arguments of `schoolgate policy matrix`.
#[derive(Clone, Debug, clap::Args)]
pub struct MatrixArgs {
    /// The set: `in-force`, `built-in`, a digest as entries name it, the id of a change, or a folder
    #[arg(long, value_name = "SET", default_value = "built-in")]
    pub set: String,
    /// Where the database is: asked only for a set that stands there
    #[command(flatten)]
    pub serve: ServeArgs,
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
    /// The emergency that was claimed is over
    #[arg(long)]
    pub emergency_over: bool,
    /// The set: `in-force`, `built-in`, a digest as entries name it, the id of a change, or a folder
    #[arg(long, value_name = "SET", default_value = "built-in")]
    pub policies: String,
    /// Where the database is: asked only for a set that stands there
    #[command(flatten)]
    pub serve: ServeArgs,
}

impl WhyArgs {
    fn asked(&self) -> Result<Asked> {
        let unknown =
            |what: &str, word: &str| format!("`{word}` is not a {what}; `policy matrix` prints the words");
        let named = |relationship: &Relationship| relationship.as_str() == self.relationship;
        let relationship = Relationship::all()
            .filter(named)
            .find(|r| {
                r.family_agreement() != self.no_family_agreement && r.emergency_live() != self.emergency_over
            })
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

/// What every folder of policies has beside its policy files.
pub const SCHEMA: &str = "schema.cedarschema";
/// Likewise.
pub const LEGAL_BASES: &str = "legal_bases.toml";

/// The text that `schoolgate policy matrix` prints, of a set.
pub async fn matrix_of(args: &MatrixArgs) -> Result<String> {
    Ok(policy::matrix(&set_of(&args.set, &args.serve).await?))
}

/// Says whether a folder of policies could be taken into force, and which set it is.
pub fn check(args: &FolderArgs) -> Result<String> {
    let policy = read(&args.folder)?;
    never_broken(&policy, &Policy::embedded(sha256)?)
        .with_context(|| format!("`{}`", args.folder.display()))?;
    Ok(format!("holds: {}\n", to_hex(&policy.digest())))
}

/// Who gains and who loses what when one set of policies takes the place of another.
pub async fn diff(args: &DiffArgs) -> Result<String> {
    let (old, new) = (set_of(&args.old, &args.serve).await?, set_of(&args.new, &args.serve).await?);
    Ok(told(&policy::difference(&old, &new)))
}

/// A difference in words, with its counts at the end.
pub(super) fn told(difference: &Difference) -> String {
    let Difference { text, gained, lost } = difference;
    let separator = if text.is_empty() { "" } else { "\n" };
    format!("{text}{separator}{gained} cases gained, {lost} lost\n")
}

/// Why a question with these facts is answered as it is.
pub async fn why(args: &WhyArgs) -> Result<String> {
    let policy = set_of(&args.policies, &args.serve).await?;
    Ok(policy::why(&policy, args.asked()?))
}

fn read(folder: &Path) -> Result<Policy> {
    let sources = sources_of(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    Policy::load(&sources, sha256).with_context(|| format!("`{}`", folder.display()))
}

/// Reads `schema.cedarschema`, `legal_bases.toml` and every `*.cedar` of a folder, for a deployment that keeps its own set.
pub fn sources_of(folder: &Path) -> io::Result<Sources> {
    let schema = std::fs::read_to_string(folder.join(SCHEMA))?;
    let bases = std::fs::read_to_string(folder.join(LEGAL_BASES))?;
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

    async fn asked(more: &[&str]) -> Result<String> {
        let always = ["--role", "early_help_worker", "--purpose", "early_help"];
        asked_of(&[&always[..], more].concat()).await
    }

    async fn asked_of(more: &[&str]) -> Result<String> {
        #[derive(clap::Parser)]
        struct Only {
            #[command(flatten)]
            why: WhyArgs,
        }
        why(&<Only as clap::Parser>::parse_from(["why"].iter().chain(more)).why).await
    }

    #[tokio::test]
    async fn why_tells_what_decided() {
        let asked = async |more: &[&str]| asked(more).await.unwrap();
        let early_help = ["--relationship", "early_help", "--action", "headline"];
        let text = asked(&[&early_help[..], &["--listed"]].concat()).await;
        assert!(text.contains("permitted by summaries_early_help_early_help_worker"), "{text}");
        let text = asked(&[&early_help[..], &["--listed", "--no-family-agreement"]].concat()).await;
        assert!(text.contains("refused by guard_family_agreement"), "{text}");
        let text = asked(&["--action", "find_child"]).await;
        assert!(text.contains("permitted with relationship early_help (with family_agreement)"), "{text}");
    }

    #[tokio::test]
    async fn an_emergency_gives_while_it_lasts() {
        let emergency = [
            "--role",
            "social_worker",
            "--purpose",
            "emergency",
            "--relationship",
            "emergency",
            "--person",
            "--action",
            "headline",
        ];
        let asked = async |more: &[&str]| asked_of(&[&emergency[..], more].concat()).await.unwrap();
        let text = asked(&[]).await;
        assert!(text.starts_with("read_headline: permitted\n"), "{text}");
        let text = asked(&["--emergency-over"]).await;
        assert!(text.contains("refused by guard_emergency_over"), "{text}");
    }

    #[tokio::test]
    async fn a_word_that_is_none_says_where_the_words_are() {
        let refused = asked(&["--action", "everything"]).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`everything` is not a section or action; `policy matrix` prints the words"
        );
    }

    #[tokio::test]
    async fn a_folder_that_does_not_hold_is_named() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let holds = check(&FolderArgs { folder: folder.clone() }).unwrap();
        assert!(holds.starts_with("holds: ") && holds.len() == 72, "{holds}");
        let serve = ServeArgs { config: PathBuf::from("schoolgate.toml") };
        let (old, new) = ("built-in".to_owned(), folder.display().to_string());
        let same = diff(&DiffArgs { old, new, serve }).await.unwrap();
        assert_eq!(same, "0 cases gained, 0 lost\n");
        let empty = tempfile::tempdir().unwrap();
        let refused = check(&FolderArgs { folder: empty.path().to_owned() }).unwrap_err();
        assert!(format!("{refused:#}").contains("cannot read"), "{refused:#}");
    }

    /// What is reviewed in the folder is what is built in: no policy file is forgotten in the list of embedded ones.
    #[test]
    fn the_folder_and_the_embedded_set_are_one() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let read = Policy::load(&sources_of(&folder).unwrap(), sha256).unwrap();
        assert_eq!(read.digest(), Policy::embedded(sha256).unwrap().digest());
    }
}
