//! A set of policies that operators want in force: whether it holds, and who gains and who loses what by it.
//!
//! What a change says of its set is worked out again when it is proposed and when it is approved, and never taken on trust. A
//! set always waits for a second operator, also one that only takes away.

use super::OperatorFault;
use crate::crypto::{from_hex, sha256, to_hex};
use crate::directory::changes::{self, Edit, Record};
use crate::directory::{self, Cases, Directory, PolicySetEntry, PolicyTexts};
use crate::gate::{Gate, OperatorAct, policy_sources};
use crate::policy::{self, Broken, Difference, Policy, PolicyError, Sources};
use std::sync::Arc;

/// Why a set of policies is not put in force.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFault {
    /// It does not load.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// It gives what no set may give.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The texts are other ones.
    #[error("the texts of the change are not those of its digest; make it again")]
    Digest,
    /// It was held against another set.
    #[error(
        "another set of policies is in force than the one that this was held against; refuse the change and make it again"
    )]
    Replaced,
    /// The difference is another one.
    #[error(
        "this program counts other cases that are gained or lost than the change says; use the same version for both steps"
    )]
    Cases,
    /// It could not be worked out.
    #[error("the set could not be checked; try again")]
    Unchecked,
}

/// A set that holds, with what changes by it.
#[derive(Debug)]
pub struct Weighed {
    /// As a change writes it.
    pub set: PolicySetEntry,
    /// Against the set in force; none where that one cannot be loaded.
    pub difference: Option<Difference>,
}

/// Loads a set strictly, holds it to what none may give, and against the one in force, `None` being the built-in one. It
/// takes seconds where a guard differs, and so has a thread to itself.
pub async fn weigh(in_force: Option<Arc<PolicySetEntry>>, sources: Sources) -> Result<Weighed, PolicyFault> {
    let weighing = tokio::task::spawn_blocking(move || weighed(in_force.as_deref(), &sources));
    weighing.await.unwrap_or(Err(PolicyFault::Unchecked))
}

fn weighed(in_force: Option<&PolicySetEntry>, sources: &Sources) -> Result<Weighed, PolicyFault> {
    let new = Policy::load(sources, sha256)?;
    let built_in = Policy::embedded(sha256)?;
    policy::never_broken(&new, &built_in)?;
    let (replaces, old) = match in_force {
        None => (to_hex(&built_in.digest()), Some(built_in)),
        Some(set) => (set.digest.clone(), Policy::load(&policy_sources(&set.texts), sha256).ok()),
    };
    let difference = old.map(|old| policy::difference(&old, &new));
    let count = |cases: usize| u32::try_from(cases).unwrap_or(u32::MAX);
    let cases = difference.as_ref().map(|d| Cases { gained: count(d.gained), lost: count(d.lost) });
    let set = PolicySetEntry { digest: to_hex(&new.digest()), texts: texts_of(sources), replaces, cases };
    Ok(Weighed { set, difference })
}

/// The texts of a set, as they are kept.
pub fn texts_of(sources: &Sources) -> PolicyTexts {
    let (schema, legal_bases, files) = sources.texts();
    PolicyTexts {
        schema: schema.to_owned(),
        legal_bases: legal_bases.to_owned(),
        files: files.iter().cloned().collect(),
    }
}

/// Refuses a change whose set of policies does not hold, or is not what the change says of it.
pub(super) async fn held(directory: &Directory, edits: &[Edit]) -> Result<(), OperatorFault> {
    for edit in edits {
        let Record::PolicySet(set) = &edit.put else { continue };
        if directory.policies.as_ref().is_some_and(|stands| stands.digest == set.digest) {
            return Err(OperatorFault::Nothing);
        }
        let weighed = weigh(directory.policies.clone(), policy_sources(&set.texts)).await?;
        if weighed.set.digest != set.digest || weighed.set.texts != set.texts {
            return Err(PolicyFault::Digest.into());
        }
        if weighed.set.replaces != set.replaces {
            return Err(PolicyFault::Replaced.into());
        }
        if weighed.set.cases != set.cases {
            return Err(PolicyFault::Cases.into());
        }
    }
    Ok(())
}

/// The set of policies that a change is about.
pub(super) fn set_of(edits: &[Edit]) -> Option<&PolicySetEntry> {
    edits.iter().find_map(|edit| edit.put.policy_set())
}

/// Its digest.
pub(super) fn digest_of(edits: &[Edit]) -> Option<[u8; 32]> {
    set_of(edits).and_then(|set| from_hex(&set.digest)?.try_into().ok())
}

/// Records the set that is built into this program as in force, while operators have put none in force and it is not recorded
/// yet; says whether it did. So the set of every entry can be read.
pub async fn record_built_in(gate: &Gate) -> Result<bool, OperatorFault> {
    let sources = Sources::embedded();
    let digest = sources.digest(sha256);
    let recorded = async || {
        let known = directory::policy_sets(gate.db()).await?;
        let put = known.iter().any(|set| set.change.is_some() || set.digest == digest);
        Ok::<_, OperatorFault>(put)
    };
    if recorded().await? {
        return Ok(false);
    }
    let mut tx = gate.db().begin().await?;
    changes::moves(&mut tx).await?;
    // Another process of the same gateway may have come first.
    if recorded().await? {
        return Ok(false);
    }
    let (texts, program) = (texts_of(&sources), env!("CARGO_PKG_VERSION"));
    directory::record_built_in(&mut tx, (&digest, &texts), program, gate.clock().now()).await?;
    let act = OperatorAct { action: "use_built_in_policies", operator: None, change: None, document: None };
    gate.commit_policies(act, digest, tx).await?;
    gate.directory().refresh(gate.db()).await?;
    Ok(true)
}
