//! The work behind an answer for many, step by step: while the log takes one, the next is written, the one after it is read
//! and the one after that decided, so that database and processors wait for one another as little as can be.

use super::super::answer::SummaryAnswer;
use super::super::figures;
use super::super::window::Span;
use crate::domain::identifiers::PupilId;
use crate::domain::purpose::Section;
use crate::gate::{Cut, Gate, Handles, Lines, OfChild, Permit, PermitSet, Refusal, Steps, Written};
use crate::registers::{self, ChildRecord};
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

/// Steps that are read at the same time.
const READ_AT_ONCE: usize = 2;

/// What is asked of each child.
pub(super) struct Question {
    pub(super) gate: Gate,
    /// The days, for who is not entitled to `sessions` and for who is.
    pub(super) spans: [Span; 2],
    pub(super) caution: String,
}

/// The one line for every child that the caller is not told of.
#[derive(Serialize)]
struct Nobody<'a> {
    no_answer: bool,
    caution: &'a str,
}

/// Whether figures of somebody are as at now.
fn is_live(permit: &Permit<OfChild>) -> bool {
    permit.entitled().has(Section::Sessions)
}

/// A step with what its lines are written from.
struct Read {
    set: PermitSet,
    handles: Handles,
    /// The records of those whose figures are as at the last publication, and of those whose are live.
    records: [HashMap<PupilId, ChildRecord>; 2],
}

/// A step on its way from one hand to the next, or why there is none.
type Handed<T> = Result<T, Refusal>;

/// Answers to the end, or until something cuts it short.
pub(super) async fn answer(question: Question, steps: Steps, lines: Lines) {
    // A place is taken before the work for it begins: of what is read, no more than six steps are held at a time.
    let (decided, to_read) = mpsc::channel(1);
    let ((read, to_write), (written, to_send)) = (mpsc::channel(1), mpsc::channel(1));
    let (question, steps) = (Arc::new(question), Arc::new(steps));
    let ((), (), (), sent) = tokio::join!(
        decide_all(&steps, decided),
        question.read_all(&steps, to_read, read),
        question.write_all(to_write, written),
        question.send_all(&steps, to_send, lines),
    );
    match sent {
        Ok(()) => {}
        Err(Cut::Gone) => tracing::debug!("the reader of an answer for many went away"),
        Err(cut) => tracing::warn!(%cut, "an answer for many was cut short"),
    }
}

async fn decide_all(steps: &Steps, decided: Sender<Handed<PermitSet>>) {
    while let Ok(place) = decided.reserve().await {
        let Some(step) = steps.next().await.transpose() else { return };
        let over = step.is_err();
        place.send(step);
        if over {
            return;
        }
    }
}

impl Question {
    /// Reads two steps at a time, each over a connection of its own, and hands them on in their order. Each is a task: what
    /// gives children their handles must not stand still with the database's writer in hand while the reader is slow.
    async fn read_all(
        self: &Arc<Self>,
        steps: &Arc<Steps>,
        decided: Receiver<Handed<PermitSet>>,
        read: Sender<Handed<Read>>,
    ) {
        let decided = stream::unfold(decided, async |mut decided| Some((decided.recv().await?, decided)));
        let mut reads = pin!(decided.map(|step| self.begin(steps, step)).buffered(READ_AT_ONCE));
        while let Ok(place) = read.reserve().await {
            let Some(step) = reads.next().await else { return };
            place.send(step.unwrap_or(Err(Refusal::Answer)));
        }
    }

    fn begin(self: &Arc<Self>, steps: &Arc<Steps>, step: Handed<PermitSet>) -> JoinHandle<Handed<Read>> {
        let (question, steps) = (Arc::clone(self), Arc::clone(steps));
        tokio::spawn(async move { question.read(&steps, step?).await })
    }

    async fn write_all(self: &Arc<Self>, mut read: Receiver<Handed<Read>>, written: Sender<Handed<Written>>) {
        while let Ok(place) = written.reserve().await {
            let Some(step) = read.recv().await else { return };
            place.send(match step {
                Ok(step) => self.write(step).await,
                Err(refusal) => Err(refusal),
            });
        }
    }

    async fn send_all(
        self: &Arc<Self>,
        steps: &Steps,
        mut written: Receiver<Handed<Written>>,
        mut lines: Lines,
    ) -> Result<(), Cut> {
        while let Some(step) = written.recv().await {
            let mut step = step?;
            if step.is_stale() {
                // The reader has kept us waiting, and what was decided meanwhile may no longer hold.
                step = self.write(self.read(steps, steps.again(&step).await?).await?).await?;
            }
            let recorded = lines.record(step).await?;
            lines.push(recorded).await?;
        }
        lines.finish().await
    }

    async fn read(&self, steps: &Steps, set: PermitSet) -> Handed<Read> {
        let (handles, behind, live) =
            tokio::try_join!(steps.handles(&set), self.records(&set, false), self.records(&set, true))?;
        Ok(Read { set, handles, records: [behind, live] })
    }

    /// Writes on a thread for work that keeps a processor busy, so that nobody else's request waits behind it.
    async fn write(self: &Arc<Self>, step: Read) -> Handed<Written> {
        let question = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || question.lines_of(step)).await;
        written.unwrap_or(Err(Refusal::Answer))
    }

    fn lines_of(&self, Read { set, handles, records }: Read) -> Handed<Written> {
        let directory = self.gate.directory().current();
        let nobody = Nobody { no_answer: true, caution: &self.caution };
        set.write(&handles, &nobody, |permit: &Permit<OfChild>| -> Result<SummaryAnswer, _> {
            let [behind, live] = &records;
            let [span_behind, span_live] = self.spans;
            let (records, span) = if is_live(permit) { (live, span_live) } else { (behind, span_behind) };
            let nothing = ChildRecord(Vec::new());
            let record = records.get(&permit.pupil()).unwrap_or(&nothing);
            figures::answer(permit, record, span, &directory, self.caution.clone())
        })
    }

    /// The records of those whose figures are live, or of the others: their days may differ.
    async fn records(&self, set: &PermitSet, live: bool) -> Handed<HashMap<PupilId, ChildRecord>> {
        let permits: Vec<&Permit<OfChild>> = set.permits().filter(|permit| is_live(permit) == live).collect();
        if permits.is_empty() {
            return Ok(HashMap::new());
        }
        let [behind, now] = &self.spans;
        let years = if live { now.years() } else { behind.years() };
        let counts_only = permits.iter().all(|permit| figures::are_counts(permit.sections()));
        Ok(registers::child_records(self.gate.db(), &permits, years, counts_only).await?)
    }
}
