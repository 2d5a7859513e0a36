//! `schoolgate policy apply`, `list` and `show`: sets of policies as operators put them in force, and reading any of them by a
//! word that names it.

use super::super::serve::ServeArgs;
use super::super::{DONE, policy as rules, say};
use super::args::{ListArgs, SignArgs};
use super::build::of;
use super::run;
use crate::crypto::{from_hex, sha256, to_hex};
use crate::directory::changes::{self, Record};
use crate::directory::{self, Cases, InForce, PolicySetEntry, PolicyTexts};
use crate::gate::policy_sources;
use crate::operators::{self, OperatorFault, Weighed};
use crate::policy::{Policy, Sources};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Arguments of `schoolgate policy apply`.
#[derive(Clone, Debug, Args)]
pub struct PolicyApplyArgs {
    /// Folder with `schema.cedarschema`, `legal_bases.toml` and the policy files
    pub folder: PathBuf,
    #[command(flatten)]
    pub sign: SignArgs,
}

/// Arguments of `schoolgate policy show`.
#[derive(Clone, Debug, Args)]
pub struct PolicyShowArgs {
    /// `in-force`, `built-in`, a digest as entries name it, the id of a change, or a folder
    pub set: String,
    /// Write its files into this folder, which must not be there yet, and print only what was written
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// Proposes the set of a folder.
pub async fn apply(args: &PolicyApplyArgs) -> Result<u8> {
    let sources = rules::sources_of(&args.folder)
        .with_context(|| format!("cannot read `{}`", args.folder.display()))?;
    run::change_by(&args.sign, async |directory| {
        let weighed = operators::weigh(directory.policies.clone(), sources).await;
        let Weighed { set, difference } = weighed.map_err(OperatorFault::from)?;
        if directory.policies.as_ref().is_some_and(|stands| stands.digest == set.digest) {
            return Ok((of([]), format!("the set {} is in force already\n", set.digest)));
        }
        let told = match difference {
            Some(difference) => rules::told(&difference),
            None => "the set in force cannot be loaded, so that nothing is held against it\n".to_owned(),
        };
        let told = format!("set {} against {}\n{told}\n", set.digest, set.replaces);
        Ok((of([Record::PolicySet(set)]), told))
    })
    .await
}

/// Lists which sets were in force, the newest first.
pub async fn list(args: &ListArgs) -> Result<u8> {
    super::super::serve::log_to_stderr("warn");
    let (_, opened) = run::open(&args.serve).await?;
    let sets = directory::policy_sets(opened.gate.db()).await;
    opened.close().await;
    let mut sets = sets?;
    let in_force = in_force(&sets).map(|set| set.number);
    sets.reverse();
    if args.json {
        let all = sets.iter().map(|set| as_json(set, in_force)).collect();
        say(&format!("{}\n", Value::Array(all)))?;
        return Ok(DONE);
    }
    let mut text = String::new();
    for set in &sets {
        let by = match (&set.change, &set.program) {
            (Some(change), _) => format!("by change {change}{}", counted(set.cases)),
            (None, program) => {
                format!("built into version {}, while none was approved", program.as_deref().unwrap_or("?"))
            }
        };
        let now = if Some(set.number) == in_force { ", in force" } else { "" };
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{} since {} {by}{now}", to_hex(&set.digest), set.since);
    }
    let _ = writeln!(text, "{} listed", sets.len());
    say(&text)?;
    Ok(DONE)
}

/// The last that operators put in force; before there is one, the last that was built in.
fn in_force(sets: &[InForce]) -> Option<&InForce> {
    sets.iter().rev().find(|set| set.change.is_some()).or_else(|| sets.last())
}

fn counted(cases: Option<Cases>) -> String {
    cases.map_or_else(String::new, |c| format!(", {} cases gained, {} lost", c.gained, c.lost))
}

fn as_json(set: &InForce, in_force: Option<i64>) -> Value {
    json!({
        "number": set.number,
        "digest": to_hex(&set.digest),
        "since": set.since,
        "change_id": set.change,
        "program": set.program,
        "replaces": set.replaces.map(|digest| to_hex(&digest)),
        "cases_gained": set.cases.map(|cases| cases.gained),
        "cases_lost": set.cases.map(|cases| cases.lost),
        "in_force": Some(set.number) == in_force,
    })
}

/// Prints the texts of a set, or writes them into a folder.
pub async fn show(args: &PolicyShowArgs) -> Result<u8> {
    let sources = sources(&args.set, &args.serve).await?;
    let digest = to_hex(&sources.digest(sha256));
    let PolicyTexts { schema, legal_bases, files } = operators::texts_of(&sources);
    let own = [(rules::SCHEMA.to_owned(), schema), (rules::LEGAL_BASES.to_owned(), legal_bases)];
    let all: Vec<(String, String)> = own.into_iter().chain(files).collect();
    let Some(folder) = &args.into else {
        let mut text = format!("set {digest}\n");
        for (name, body) in &all {
            let _ = write!(text, "\n==> {name} <==\n{body}");
        }
        say(&text)?;
        return Ok(DONE);
    };
    std::fs::create_dir(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    for (name, body) in &all {
        let path = folder.join(name);
        std::fs::write(&path, body).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    say(&format!("wrote {} files of set {digest} into {}\n", all.len(), folder.display()))?;
    Ok(DONE)
}

/// The set that a word names, loaded.
pub async fn set_of(word: &str, serve: &ServeArgs) -> Result<Policy> {
    let sources = sources(word, serve).await?;
    Policy::load(&sources, sha256).with_context(|| format!("`{word}`"))
}

/// The texts of the set that a word names. The database is asked only where it must be.
async fn sources(word: &str, serve: &ServeArgs) -> Result<Sources> {
    let digest: Option<[u8; 32]> = from_hex(word).and_then(|bytes| bytes.try_into().ok());
    let change = Uuid::try_parse(word).ok();
    if word == "built-in" {
        return Ok(Sources::embedded());
    }
    if word != "in-force" && digest.is_none() && change.is_none() {
        let folder = Path::new(word);
        return rules::sources_of(folder).with_context(|| {
            format!("`{word}` is no digest, change, `in-force` or `built-in`, and cannot be read as a folder")
        });
    }
    super::super::serve::log_to_stderr("warn");
    let (_, opened) = run::open(serve).await?;
    let (db, directory) = (opened.gate.db(), opened.gate.directory().current());
    let found = async {
        if let Some(id) = change {
            let kept = changes::change(db, id).await?.ok_or(OperatorFault::Unknown)?;
            let set = kept.change.edits.iter().find_map(|edit| edit.put.policy_set());
            return Ok(set.map(|set| policy_sources(&set.texts)));
        }
        let Some(digest) = digest else {
            let set = directory.policies.as_ref();
            return Ok(Some(set.map_or_else(Sources::embedded, |set| policy_sources(&set.texts))));
        };
        let texts = directory::policy_set(db, &digest).await?;
        Ok::<_, anyhow::Error>(texts.as_ref().map(policy_sources))
    };
    let found = found.await;
    opened.close().await;
    let Some(sources) = found? else {
        bail!(
            "no set of policies is named by `{word}`; `schoolgate policy list` has those that were in force"
        )
    };
    Ok(sources)
}

/// A set as `change show` tells it: which it is, what it was held against, and who gains and who loses by it, worked out now.
pub(super) async fn shown(stands: Option<&PolicySetEntry>, set: &PolicySetEntry) -> Value {
    let in_force = stands.cloned().map(std::sync::Arc::new);
    let weighed = operators::weigh(in_force, policy_sources(&set.texts)).await;
    let (difference, fault) = match weighed {
        Ok(weighed) => (weighed.difference.map(|d| d.text), None),
        Err(fault) => (None, Some(fault.to_string())),
    };
    json!({
        "digest": set.digest,
        "replaces": set.replaces,
        "cases_gained": set.cases.map(|cases| cases.gained),
        "cases_lost": set.cases.map(|cases| cases.lost),
        "difference": difference.map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()),
        "fault": fault,
        "files_changed": files_changed(stands, set),
    })
}

/// The files that a set changes, as they stand and as they would, whole: two sets that give the same may say it otherwise,
/// and whoever approves one reads it.
fn files_changed(stands: Option<&PolicySetEntry>, set: &PolicySetEntry) -> Value {
    let embedded = Sources::embedded();
    let of = |texts: &PolicyTexts| {
        let mut all = texts.files.clone();
        all.insert("schema.cedarschema".to_owned(), texts.schema.clone());
        all.insert("legal_bases.toml".to_owned(), texts.legal_bases.clone());
        all
    };
    let was = stands.map_or_else(|| of(&operators::texts_of(&embedded)), |set| of(&set.texts));
    let is = of(&set.texts);
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let changed = names.into_iter().filter(|name| was.get(*name) != is.get(*name));
    let both = |name: &String| (name.clone(), json!({"was": was.get(name), "is": is.get(name)}));
    Value::Object(changed.map(both).collect())
}
