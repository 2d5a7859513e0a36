//! One turn: a share of each organisation's claims in a queue, looked at and written.

use super::LAPSE_DAYS;
use crate::domain::bars::ItemKind;
use crate::domain::identifiers::PupilId;
use crate::gate::{Asker, Duty, DutyPermit, Fit, Gate, Refusal};
use crate::involvements::matchers;
use crate::involvements::protecting::{self, Ask};
use crate::involvements::storage::{self, Queue, Waiting};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use uuid::Uuid;

/// Claims of one organisation in one turn. Each takes one or two look-ups, so that a turn of one organisation is over in
/// some tens of milliseconds and a claim of another waits no longer than that for each that is before it.
const SHARE: i64 = 100;
/// After so many claims in a row that the database could not be asked about, it is the database.
const FAILURES: u32 = 5;

/// How far each organisation has got in a queue.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Time and id of the last claim looked at.
    at: HashMap<Uuid, (DateTime<Utc>, Uuid)>,
    /// Whether whoever has come to the end begins anew.
    endless: bool,
}

impl Places {
    /// From the first claim to the last, each once.
    pub(super) fn once() -> Self {
        Self::default()
    }

    /// Round and round.
    pub(super) fn endless() -> Self {
        Self { endless: true, ..Self::default() }
    }
}

/// What a claim is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The UPN; a name only for an enquiry under section 47.
    AtOnce,
    /// The UPN, else the name.
    ByName,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// Claims looked at.
    pub looked_at: u64,
    /// Claims that found their child.
    pub tied: u64,
    /// Claims found for the first time to fit a child whose whereabouts are protected.
    pub held: u64,
    /// Enquiries under section 47 among those.
    pub held_enquiries: u64,
    /// Claims that could not be looked at or written, and were left out.
    pub failed: u64,
}

impl std::ops::AddAssign for Matched {
    fn add_assign(&mut self, other: Self) {
        self.looked_at += other.looked_at;
        self.tied += other.tied;
        self.held += other.held;
        self.held_enquiries += other.held_enquiries;
        self.failed += other.failed;
    }
}

/// Gives every organisation with claims in a queue one turn, from where it has got.
pub(super) async fn round(
    gate: &Gate,
    queue: Queue,
    places: &mut Places,
    how: How,
) -> Result<Matched, Refusal> {
    let since = gate.clock().now() - TimeDelta::days(LAPSE_DAYS);
    let (mut done, mut organisation) = (Matched::default(), Uuid::nil());
    while let Some(next) = storage::next_organisation(gate.db(), queue, organisation).await? {
        organisation = next;
        let from = places.at.get(&next).copied().unwrap_or((DateTime::UNIX_EPOCH, Uuid::nil()));
        let page = storage::waiting(gate.db(), (queue, next), from, since, SHARE).await?;
        if let Some(last) = page.last() {
            places.at.insert(next, (last.received_at, last.id));
        } else if places.endless {
            places.at.remove(&next);
        }
        done += match_page(gate, &page, how).await?;
    }
    Ok(done)
}

async fn match_page(gate: &Gate, page: &[Waiting], how: How) -> Result<Matched, Refusal> {
    let (mut found, mut held, mut doubtful) = (Vec::new(), Vec::new(), Vec::new());
    let mut done = Matched { looked_at: page.len() as u64, ..Matched::default() };
    let mut in_a_row = 0;
    if page.is_empty() {
        return Ok(done);
    }
    let permit = gate.open_duty(Duty::MatchClaims).await?;
    for claim in page {
        let claimed = claim.claimed(how == How::ByName || claim.is_enquiry());
        match gate.fitting(&permit, claimed).await {
            Ok(Fit::Several) => doubtful.push(claim),
            // Nobody yet, or one whose details nearly fit: seen on the day's run.
            Ok(Fit::Nobody) if how == How::ByName => doubtful.push(claim),
            Ok(fit) => match counts(gate, &permit, claim, fit).await? {
                Ok(Some(pupil)) => found.push((claim, pupil)),
                Err(pupil) if !claim.is_held() => held.push((claim, pupil)),
                Ok(None) | Err(_) => {}
            },
            Err(Refusal::Store(error)) => {
                in_a_row += 1;
                done.failed += 1;
                if in_a_row >= FAILURES {
                    return Err(error.into());
                }
                tracing::warn!(%error, "a claim could not be looked at; going on without it");
                continue;
            }
            Err(refusal) => return Err(refusal),
        }
        in_a_row = 0;
    }
    let (tied, failed) = settle(gate, page, &found).await?;
    done.tied = tied;
    done.failed += failed;
    (done.held, done.held_enquiries) = hold(gate, &held).await?;
    ask(gate, &doubtful).await?;
    Ok(done)
}

/// Whether a claim may count for whom it fits: asked only where it fits somebody.
async fn counts(
    gate: &Gate,
    permit: &DutyPermit,
    claim: &Waiting,
    fit: Fit,
) -> Result<Result<Option<PupilId>, PupilId>, Refusal> {
    if matches!(fit, Fit::Nobody | Fit::Several) {
        return Ok(Ok(None));
    }
    let teams = std::slice::from_ref(claim.team());
    let organisation = claim.key().0;
    let asker = Asker { organisation, own: organisation, teams, person: None };
    gate.may_count(permit, asker, fit).await
}

/// Writes what became of a page, in one transaction; where that fails, claim by claim, so that one that cannot be written
/// keeps no other back. Says how many were tied, and how many left out.
async fn settle(gate: &Gate, page: &[Waiting], found: &[(&Waiting, PupilId)]) -> Result<(u64, u64), Refusal> {
    match write(gate, page, found).await {
        Ok(tied) => return Ok((tied, 0)),
        Err(Refusal::Store(error)) => tracing::warn!(%error, "a page of claims; writing them one by one"),
        Err(refusal) => return Err(refusal),
    }
    let (mut tied, mut failed, mut in_a_row) = (0, 0, 0);
    for claim in page {
        let own: Vec<(&Waiting, PupilId)> = found.iter().filter(|(c, _)| c.id == claim.id).copied().collect();
        match write(gate, std::slice::from_ref(claim), &own).await {
            Ok(count) => (tied, in_a_row) = (tied + count, 0),
            Err(Refusal::Store(error)) if in_a_row + 1 < FAILURES => {
                (failed, in_a_row) = (failed + 1, in_a_row + 1);
                tracing::warn!(%error, "a claim could not be written; going on without it");
            }
            Err(refusal) => return Err(refusal),
        }
    }
    Ok((tied, failed))
}

async fn write(gate: &Gate, page: &[Waiting], found: &[(&Waiting, PupilId)]) -> Result<u64, Refusal> {
    if found.is_empty() && !page.iter().any(Waiting::is_new) {
        return Ok(0);
    }
    let permit = gate.open_duty(Duty::MatchClaims).await?;
    let mut tx = gate.db().begin().await?;
    let (mut tied, at) = (0, gate.clock().school_now());
    for (claim, pupil) in found {
        tied += storage::tie(&mut tx, claim, *pupil, at).await?;
    }
    for claim in page.iter().filter(|claim| claim.is_new()) {
        storage::looked_at(&mut tx, claim).await?;
    }
    if tied > 0 {
        gate.commit_duty(permit, tx, tied).await?;
    } else {
        gate.commit_progress(&permit, tx).await?;
    }
    Ok(tied)
}

/// Puts claims that fit more than one child, or nearly one, before the data matchers of the schools' authorities.
async fn ask(gate: &Gate, doubtful: &[&Waiting]) -> Result<(), Refusal> {
    let mut asked = Vec::new();
    let permit = gate.open_duty(Duty::MatchClaims).await?.because("ambiguous");
    for claim in doubtful {
        let authorities = gate.matching_authorities(&permit, claim.claimed(true)).await?;
        asked.extend(authorities.into_iter().map(|authority| (*claim, authority)));
    }
    if asked.is_empty() {
        return Ok(());
    }
    let mut tx = gate.db().begin().await?;
    let mut count = 0;
    for (claim, authority) in asked {
        count += matchers::ask(&mut tx, claim, authority).await?;
    }
    if count > 0 {
        gate.commit_duty(permit, tx, count).await?;
    }
    Ok(())
}

/// Notes the claims that fit a child that is protected, or shielded from who claims, once each, with an entry that counts
/// them, and puts them into the queue of those who protect it. Says how many there are, and how many under section 47.
async fn hold(gate: &Gate, held: &[(&Waiting, PupilId)]) -> Result<(u64, u64), Refusal> {
    if held.is_empty() {
        return Ok((0, 0));
    }
    let permit = gate.open_duty(Duty::MatchClaims).await?.because("claim_fits_protected_child");
    let mut asked = Vec::with_capacity(held.len());
    for (claim, pupil) in held {
        asked.push((*claim, *pupil, gate.protectors(&permit, *pupil).await?));
    }
    let mut tx = gate.db().begin().await?;
    let (mut count, mut enquiries) = (0, 0);
    for (claim, pupil, protectors) in asked {
        let noted = storage::hold(&mut tx, claim.key(), pupil, gate.clock().now()).await?;
        count += noted;
        if noted > 0 {
            let ask = Ask {
                kind: ItemKind::Claim,
                subject: claim.key(),
                pupil,
                asker: (claim.key().0, claim.team()),
                urgent: claim.is_enquiry(),
                call_back: None,
            };
            protecting::ask(gate, &mut tx, ask, &protectors).await?;
        }
        enquiries += if claim.is_enquiry() { noted } else { 0 };
    }
    if count > 0 {
        gate.commit_duty(permit, tx, count).await?;
        tracing::warn!(
            claims = count,
            section_47 = enquiries,
            "claims wait: a child's whereabouts are protected"
        );
    }
    Ok((count, enquiries))
}
