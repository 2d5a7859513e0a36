//! Answers about many children: decided step by step, each step durable in the log before its first byte leaves.
//!
//! An answer goes through four hands, and none can be passed over: [`Steps`] decides, [`PermitSet::write`] writes,
//! [`Lines::record`] makes the entries durable, and [`Lines::push`] lets go. What is cut short has no trailer.

pub(super) mod handles;
mod lines;

pub use lines::{Cut, Lines, RecordedLines, StreamLimits};

use super::Gate;
use super::handles::ChildRef;
use super::open::{Children, Decided, Refusal, Whom};
use super::permit::{OfChild, OfMany, Permit};
use super::release::{Answer, Released};
use crate::audit::{Batch, Digest};
use crate::crypto;
use crate::domain::identifiers::PupilId;
use crate::store::StoreError;
use http::StatusCode;
use serde::Serialize;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Children of one step at most. Of up to six steps something is in memory at once; more children cost little time.
const STEP: usize = 200;
/// Children of the first step: few, so that the first line is soon there.
const FIRST: usize = 100;
/// How long a decision may lie before its entry is written: whoever loses access has lost it within a second.
const FRESH: Duration = Duration::from_millis(500);

// One step's entries are one batch.
const _: () = assert!(STEP <= Batch::MOST);

/// Decides about the children of one request, some at a time.
pub struct Steps {
    gate: Gate,
    permit: Arc<Permit<OfMany>>,
    children: Children,
    next: AtomicUsize,
}

/// The children of one step, each with its permit where there is one.
#[derive(Debug)]
pub struct PermitSet {
    decided: Vec<Decided>,
    step: Range<usize>,
    at: Instant,
}

/// The handles under which the caller knows those children of one step whom it did not name by any.
pub struct Handles(HashMap<PupilId, String>);

/// The lines of one step, written and not yet recorded; nobody can read them.
pub struct Written {
    bytes: Vec<u8>,
    lines: u64,
    entries: Batch,
    step: Range<usize>,
    decided: Instant,
}

impl Steps {
    /// Decides about the next children, by what is so now; none when there are no more.
    pub async fn next(&self) -> Result<Option<PermitSet>, Refusal> {
        let all = match &self.children.0 {
            Whom::Named(lines) => lines.len(),
            Whom::Area(pupils) => pupils.len(),
        };
        let begin = self.next.load(Ordering::Relaxed);
        let size = if begin == 0 { FIRST } else { STEP };
        let end = (begin + size).min(all);
        self.next.store(end, Ordering::Relaxed);
        if begin == end { Ok(None) } else { self.decide(begin..end).await.map(Some) }
    }

    /// Decides anew about the children of a step whose lines have lain too long.
    pub async fn again(&self, stale: &Written) -> Result<PermitSet, Refusal> {
        self.decide(stale.step.clone()).await
    }

    async fn decide(&self, step: Range<usize>) -> Result<PermitSet, Refusal> {
        let at = Instant::now();
        let decided = match &self.children.0 {
            Whom::Named(lines) => {
                let lines = lines.get(step.clone()).unwrap_or_default();
                self.gate.decide_named(&self.permit, lines).await?
            }
            Whom::Area(pupils) => {
                let pupils = pupils.get(step.clone()).unwrap_or_default();
                self.gate.decide_area(&self.permit, pupils).await?
            }
        };
        Ok(PermitSet { decided, step, at })
    }

    /// Finds the handles of those of a step who were asked about without one; a child that has none yet is given one.
    pub async fn handles(&self, set: &PermitSet) -> Result<Handles, Refusal> {
        let without = set.decided.iter().filter(|one| one.handle.is_none());
        let pupils: Vec<PupilId> = without.filter_map(|one| Some(one.permit.as_ref()?.pupil())).collect();
        if pupils.is_empty() {
            return Ok(Handles(HashMap::new()));
        }
        let (gate, holder) = (&self.gate, &self.permit.holder);
        let mut held = handles::held_each(gate.db(), holder, &pupils).await?;
        let new: Vec<PupilId> = pupils.iter().copied().filter(|pupil| !held.contains_key(pupil)).collect();
        if !new.is_empty() {
            let mut tx = gate.db().begin().await?;
            let issued = handles::issue_each(&mut tx, holder, &new, gate.clock().now()).await?;
            tx.commit().await?;
            match issued {
                Some(issued) => held.extend(issued),
                None => held = handles::held_each(gate.db(), holder, &pupils).await?,
            }
        }
        Ok(Handles(held))
    }
}

impl PermitSet {
    /// The permits of those whom the caller may be told of.
    pub fn permits(&self) -> impl Iterator<Item = &Permit<OfChild>> {
        self.decided.iter().filter_map(|one| one.permit.as_ref())
    }

    /// Writes the lines of a step: for each child that may be told of what `answer` says of it, byte for byte what it would
    /// be alone; for every other the one line of `nobody`. It waits for nothing, and so may have a thread to itself.
    pub fn write<T: Answer>(
        self,
        handles: &Handles,
        nobody: &impl Serialize,
        mut answer: impl FnMut(&Permit<OfChild>) -> Result<T, StoreError>,
    ) -> Result<Written, Refusal> {
        let Self { decided, step, at } = self;
        let nobody = serde_json::to_vec(nobody).map_err(|_| Refusal::Answer)?;
        let mut written =
            Written { bytes: Vec::new(), lines: 0, entries: Batch::default(), step, decided: at };
        for one in &decided {
            let begin = written.bytes.len();
            match &one.permit {
                Some(permit) => {
                    let mut body = answer(permit)?;
                    for child in body.children() {
                        put_handle(child, one, handles)?;
                    }
                    serde_json::to_writer(&mut written.bytes, &body).map_err(|_| Refusal::Answer)?;
                }
                None => written.bytes.extend_from_slice(&nobody),
            }
            let line = written.bytes.get(begin..).unwrap_or_default();
            let digest = Digest(crypto::sha256(&[line]));
            one.trail.note(|e| (e.status, e.answer) = (Some(StatusCode::OK.as_u16()), Some(digest)));
            one.trail.look(|entry| written.entries.add(entry));
            written.bytes.push(b'\n');
            written.lines += 1;
        }
        Ok(written)
    }
}

impl Written {
    /// Whether it was decided so long ago that it must be decided anew.
    pub fn is_stale(&self) -> bool {
        self.decided.elapsed() > FRESH
    }
}

impl Gate {
    /// Begins an answer about many children: the request's own entry is durable when this returns, and says how many are
    /// asked about.
    pub async fn begin_lines<T>(
        &self,
        permit: Permit<OfMany>,
        children: Children,
        limits: StreamLimits,
    ) -> Result<(Released<T>, Steps, Lines), Refusal> {
        let record = match &children.0 {
            Whom::Named(lines) => format!("{} children", lines.len()),
            Whom::Area(pupils) => format!("own area, {} children", pupils.len()),
        };
        let trail = &permit.trail;
        trail.note(|e| (e.record, e.status) = (Some(record), Some(StatusCode::OK.as_u16())));
        if !trail.hand_over() {
            return Err(Refusal::Unrecorded);
        }
        let receipt = self.journal().record(&trail.entry()).await.map_err(|_| Refusal::Unrecorded)?;
        trail.set_recorded(receipt);
        let (lines, body) = Lines::new(self.clone(), limits);
        let released = Released::of_lines(body, receipt);
        let steps =
            Steps { gate: self.clone(), permit: Arc::new(permit), children, next: AtomicUsize::new(0) };
        Ok((released, steps, lines))
    }
}

fn put_handle(child: &mut ChildRef, one: &Decided, handles: &Handles) -> Result<(), Refusal> {
    let Some(pupil) = child.internal() else { return Ok(()) };
    // A line is about the one child of its permit.
    let own = one.permit.as_ref().is_some_and(|permit| permit.pupil() == pupil);
    let handle = one.handle.as_ref().or_else(|| handles.0.get(&pupil)).filter(|_| own);
    child.put(handle.ok_or(Refusal::Answer)?.clone());
    Ok(())
}
