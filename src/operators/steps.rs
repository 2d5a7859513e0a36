//! The two steps of a change: proposed by one operator, decided on by another.

use super::tell::{self, Telling};
use super::{OperatorFault, policies};
use crate::crypto::{Ed25519Key, sha256, to_hex, verify_ed25519};
use crate::directory::changes::{
    self, Does, Edit, Fault, Kept, Missing, Record, Records, Signed, Signer, State,
};
use crate::directory::{self, Directory, DirectoryFile, PersonKey};
use crate::gate::{Gate, OperatorAct};
use crate::outbox::NoticeKind;
use crate::store::Tx;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// The most records of one change.
const EDITS_MAX: usize = 20_000;
/// The most changes that wait at one time.
const WAITING_MAX: i64 = 100;
/// Of those the most of one operator.
const WAITING_OWN_MAX: i64 = 50;
/// How often a step is judged again because the directory has changed while it was.
const TRIES: usize = 8;
/// Days after which a change that waits can only be refused.
const WAITING_DAYS: i64 = 28;

/// A step that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The change.
    pub change: Uuid,
    /// How far it has come.
    pub state: State,
    /// Records of it.
    pub records: usize,
    /// Index of its entry in the log.
    pub entry: u64,
}

/// Registers the operators for whom a gateway was made, where it has none yet; says whether it did.
pub async fn first_operators(gate: &Gate, operators: &[(String, [u8; 32])]) -> Result<bool, OperatorFault> {
    if !gate.directory().current().operators.is_empty() || operators.is_empty() {
        return Ok(false);
    }
    let mut tx = gate.db().begin().await?;
    changes::moves(&mut tx).await?;
    // Another process of the same gateway may have come first.
    if !directory::load(gate.db()).await?.operators.is_empty() {
        return Ok(false);
    }
    changes::first_operators(&mut tx, operators, gate.clock().now()).await?;
    let act =
        OperatorAct { action: "register_first_operators", operator: None, change: None, document: None };
    gate.commit_change(act, tx).await?;
    gate.directory().refresh(gate.db()).await?;
    Ok(true)
}

/// The live operator of a private key; that it is nobody's is recorded.
pub async fn signer<'a>(
    gate: &Gate,
    key: &'a Ed25519Key,
    gateway: &'a str,
) -> Result<Signer<'a>, OperatorFault> {
    let directory = gate.directory().current();
    let signer = Signer::new(&directory, key, gateway, gate.clock().now());
    if let Err(fault) = &signer {
        let act = OperatorAct { action: "sign_change", operator: None, change: None, document: None };
        let why = OperatorFault::from(fault.clone()).word().unwrap_or("unknown_operator");
        gate.refuse_change(act, why).await?;
    }
    Ok(signer?)
}

/// The edits that lead from the directory as it stands to a file.
pub fn planned(gate: &Gate, file: &DirectoryFile, missing: Missing) -> Result<Vec<Edit>, OperatorFault> {
    let stands = gate.directory().current().records();
    let at = (gate.clock().today(), gate.clock().now());
    Ok(changes::plan(&stands, changes::records(file)?, missing, at)?)
}

/// Takes a signed change in: it takes effect at once if it only narrows, and else waits for a second operator.
pub async fn propose(gate: &Gate, gateway: &str, signed: &Signed) -> Result<Done, OperatorFault> {
    let outcome = proposed(gate, gateway, signed).await;
    refused(gate, "propose_change", signed, &outcome).await?;
    let done = outcome?;
    gate.directory().refresh(gate.db()).await?;
    Ok(done)
}

/// Takes a signed decision on a waiting change.
pub async fn decide(gate: &Gate, gateway: &str, signed: &Signed) -> Result<Done, OperatorFault> {
    let outcome = decided(gate, gateway, signed).await;
    refused(gate, "decide_change", signed, &outcome).await?;
    let done = outcome?;
    gate.directory().refresh(gate.db()).await?;
    Ok(done)
}

/// A refusal has its entry too.
async fn refused(
    gate: &Gate,
    action: &str,
    signed: &Signed,
    outcome: &Result<Done, OperatorFault>,
) -> Result<(), OperatorFault> {
    if let Some(why) = outcome.as_ref().err().and_then(OperatorFault::word) {
        let act = OperatorAct { action, operator: None, change: None, document: Some(&signed.bytes) };
        gate.refuse_change(act, why).await?;
    }
    Ok(())
}

/// A transaction in which nobody else changes the directory, where it still stands as it was read. It is read before: who
/// holds the writer holds up every school's upload.
async fn alone(gate: &Gate, read: &Directory) -> Result<Option<Tx>, OperatorFault> {
    let mut tx = gate.db().begin().await?;
    Ok(changes::moves_on(&mut tx, read.version).await?.then_some(tx))
}

async fn proposed(gate: &Gate, gateway: &str, signed: &Signed) -> Result<Done, OperatorFault> {
    for _ in 0..TRIES {
        let directory = directory::load(gate.db()).await?;
        if let Some(done) = proposed_on(gate, &directory, gateway, signed).await? {
            return Ok(done);
        }
    }
    Err(OperatorFault::Overtaken)
}

/// None where the directory has changed since it was read.
async fn proposed_on(
    gate: &Gate,
    directory: &Directory,
    gateway: &str,
    signed: &Signed,
) -> Result<Option<Done>, OperatorFault> {
    let now = gate.clock().now();
    let (change, operator) = signed.change(directory, gateway, now)?;
    if changes::change(gate.db(), change.id).await?.is_some() {
        return Err(OperatorFault::Replayed);
    }
    if change.edits.is_empty() {
        return Err(OperatorFault::Nothing);
    }
    if change.edits.len() > EDITS_MAX {
        return Err(OperatorFault::TooLarge(EDITS_MAX));
    }
    let stands = directory.records();
    fits(directory, &stands, &change.edits, now)?;
    of_their_own(gate, directory, &change.edits).await?;
    policies::held(directory, &change.edits).await?;
    let widens = change.edits.iter().any(|edit| changes::does(&stands, edit) != Does::Narrows);
    let state = if widens { State::Waiting } else { State::Effective };
    if widens {
        room(gate, &operator).await?;
    }
    let Some(mut tx) = alone(gate, directory).await? else { return Ok(None) };
    changes::keep(&mut tx, (change.id, signed), (&operator, now), (widens, state)).await?;
    let kind = if widens { NoticeKind::ChangePending } else { NoticeKind::ChangeEffective };
    if !widens {
        changes::write(&mut tx, directory, (change.id, &change.edits), now).await?;
    }
    let telling = Telling { directory, stands: &stands, change: change.id, edits: &change.edits, at: now };
    tell::tell(&mut tx, telling, kind, (&operator, None)).await?;
    let act = OperatorAct {
        action: if widens { "propose_change" } else { "narrow_directory" },
        operator: Some(&operator),
        change: Some(change.id),
        document: Some(&signed.bytes),
    };
    let entry = committed(gate, act, &change.edits, tx).await?;
    Ok(Some(Done { change: change.id, state, records: change.edits.len(), entry }))
}

/// Commits a step with its entry, which names the set of policies that it is about.
async fn committed(gate: &Gate, act: OperatorAct<'_>, edits: &[Edit], tx: Tx) -> Result<u64, OperatorFault> {
    let receipt = match policies::digest_of(edits) {
        Some(digest) => gate.commit_policies(act, digest, tx).await?,
        None => gate.commit_change(act, tx).await?,
    };
    Ok(receipt.index)
}

/// Refuses one more change that waits, where too many do: one operator's leave room for the others'.
async fn room(gate: &Gate, operator: &str) -> Result<(), OperatorFault> {
    if changes::waiting_of(gate.db(), operator).await? >= WAITING_OWN_MAX {
        return Err(OperatorFault::TooManyOwn(WAITING_OWN_MAX, operator.to_owned()));
    }
    if changes::waiting(gate.db()).await? >= WAITING_MAX {
        return Err(OperatorFault::TooMany(WAITING_MAX));
    }
    Ok(())
}

async fn decided(gate: &Gate, gateway: &str, signed: &Signed) -> Result<Done, OperatorFault> {
    for _ in 0..TRIES {
        let directory = directory::load(gate.db()).await?;
        if let Some(done) = decided_on(gate, &directory, gateway, signed).await? {
            return Ok(done);
        }
    }
    Err(OperatorFault::Overtaken)
}

/// None where the directory has changed since it was read.
async fn decided_on(
    gate: &Gate,
    directory: &Directory,
    gateway: &str,
    signed: &Signed,
) -> Result<Option<Done>, OperatorFault> {
    let now = gate.clock().now();
    let (decision, operator) = signed.decision(directory, gateway, now)?;
    let kept = changes::change(gate.db(), decision.change).await?.ok_or(OperatorFault::Unknown)?;
    if kept.state != State::Waiting {
        return Err(OperatorFault::NotWaiting(kept.state));
    }
    if to_hex(&sha256(&[&kept.signed.bytes])) != decision.digest {
        return Err(OperatorFault::OtherDocument);
    }
    let edits = &kept.change.edits;
    let stands = directory.records();
    let (state, kind) = if decision.approve {
        approvable(&kept, directory, &operator, now)?;
        fits(directory, &stands, edits, now)?;
        of_their_own(gate, directory, edits).await?;
        policies::held(directory, edits).await?;
        (State::Effective, NoticeKind::ChangeEffective)
    } else {
        (State::Refused, NoticeKind::ChangeRefused)
    };
    let Some(mut tx) = alone(gate, directory).await? else { return Ok(None) };
    if decision.approve {
        changes::write(&mut tx, directory, (kept.id, edits), now).await?;
    }
    changes::decide(&mut tx, (kept.id, state), signed, (&operator, now)).await?;
    let telling = Telling { directory, stands: &stands, change: kept.id, edits, at: now };
    tell::tell(&mut tx, telling, kind, (&kept.proposed_by, Some(&operator))).await?;
    let act = OperatorAct {
        action: if decision.approve { "approve_change" } else { "refuse_change" },
        operator: Some(&operator),
        change: Some(kept.id),
        document: Some(&signed.bytes),
    };
    let entry = committed(gate, act, edits, tx).await?;
    Ok(Some(Done { change: kept.id, state, records: edits.len(), entry }))
}

/// Who proposed a change may take it back, and never let it through; nor does anybody once it has waited too long.
fn approvable(
    kept: &Kept,
    directory: &Directory,
    operator: &str,
    now: DateTime<Utc>,
) -> Result<(), OperatorFault> {
    if operator == kept.proposed_by || same_key(directory, operator, &kept.proposed_by) {
        return Err(OperatorFault::SameOperator(operator.to_owned()));
    }
    if now - kept.proposed_at > TimeDelta::days(WAITING_DAYS) {
        return Err(OperatorFault::TooOld(WAITING_DAYS));
    }
    still_proposed(directory, kept)
}

/// Refuses a change whose proposer has ended since, or whose bytes are not the ones that they signed: whoever can write the
/// database is no operator.
fn still_proposed(directory: &Directory, kept: &Kept) -> Result<(), OperatorFault> {
    let proposer = directory.operators.iter().find(|o| o.name == kept.proposed_by && o.ended_at.is_none());
    let holds =
        proposer.is_some_and(|o| verify_ed25519(&o.public_key, &kept.signed.bytes, &kept.signed.signature));
    if holds { Ok(()) } else { Err(OperatorFault::NotProposed(kept.proposed_by.clone())) }
}

/// Whether two names are of one key: an operator who was renamed is not a second one.
fn same_key(directory: &Directory, one: &str, other: &str) -> bool {
    let key = |name: &str| directory.operators.iter().find(|o| o.name == name).map(|o| &o.public_key);
    key(one) == key(other)
}

/// Refuses to suspend or let back a person whom another organisation's provider proved.
async fn of_their_own(gate: &Gate, directory: &Directory, edits: &[Edit]) -> Result<(), OperatorFault> {
    for edit in edits {
        let Record::Person(p) = &edit.put else { continue };
        let Some(organisation) = directory.organisation_by_code(&p.organisation) else { continue };
        let key =
            PersonKey { issuer: p.issuer.clone(), tenant: p.tenant.clone(), subject: p.subject.clone() };
        if directory::known_elsewhere(gate.db(), organisation.id, &key).await? {
            return Err(Fault::PersonElsewhere(edit.put.key().to_string()).into());
        }
    }
    Ok(())
}

/// Refuses edits that do not fit what stands, or leave fewer than two operators.
fn fits(
    directory: &Directory,
    stands: &Records,
    edits: &[Edit],
    now: DateTime<Utc>,
) -> Result<(), OperatorFault> {
    directory.take_back(edits)?;
    directory.key_known(edits)?;
    let after = changes::fitting(stands, edits, now)?;
    let touches = edits.iter().any(|edit| matches!(edit.put, Record::Operator(_)));
    let live = after.values().filter(|r| matches!(r, Record::Operator(o) if !o.ended)).count();
    if touches && live < 2 {
        return Err(Fault::Operators.into());
    }
    Ok(())
}
