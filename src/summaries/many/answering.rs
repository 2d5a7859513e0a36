//! The work behind an answer for many: step by step, the next one worked out while the log takes the last.

use super::super::answer::SummaryAnswer;
use super::super::figures;
use super::super::window::Span;
use crate::domain::identifiers::PupilId;
use crate::domain::purpose::Section;
use crate::gate::{Cut, Gate, Lines, OfChild, Permit, PermitSet, Refusal, Steps, Written};
use crate::registers::{self, ChildRecord};
use serde::Serialize;
use std::collections::HashMap;

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

/// Answers to the end, or until something cuts it short.
pub(super) async fn answer(question: Question, steps: Steps, lines: Lines) {
    match question.go_through(steps, lines).await {
        Ok(()) => {}
        Err(Cut::Gone) => tracing::debug!("the reader of an answer for many went away"),
        Err(cut) => tracing::warn!(%cut, "an answer for many was cut short"),
    }
}

impl Question {
    async fn go_through(&self, mut steps: Steps, mut lines: Lines) -> Result<(), Cut> {
        let mut ready = self.next(&mut steps).await?;
        while let Some(mut written) = ready {
            if written.is_stale() {
                // The reader has kept us waiting, and what was decided meanwhile may no longer hold.
                written = self.written(steps.again().await?).await?;
            }
            let (recorded, next) = tokio::join!(lines.record(written), self.next(&mut steps));
            lines.push(recorded?).await?;
            ready = next?;
        }
        lines.finish().await
    }

    async fn next(&self, steps: &mut Steps) -> Result<Option<Written>, Refusal> {
        match steps.next().await? {
            Some(set) => self.written(set).await.map(Some),
            None => Ok(None),
        }
    }

    async fn written(&self, set: PermitSet) -> Result<Written, Refusal> {
        let records = [self.records(&set, false).await?, self.records(&set, true).await?];
        let directory = self.gate.directory().current();
        let nobody = Nobody { no_answer: true, caution: &self.caution };
        let of = |permit: &Permit<OfChild>| -> Result<SummaryAnswer, _> {
            let [behind, live] = &records;
            let [span_behind, span_live] = self.spans;
            let (records, span) = if is_live(permit) { (live, span_live) } else { (behind, span_behind) };
            let nothing = ChildRecord(Vec::new());
            let record = records.get(&permit.pupil()).unwrap_or(&nothing);
            figures::answer(permit, record, span, &directory, self.caution.clone())
        };
        self.gate.write_lines(set, &nobody, of).await
    }

    /// The records of those whose figures are live, or of the others: their days may differ.
    async fn records(&self, set: &PermitSet, live: bool) -> Result<HashMap<PupilId, ChildRecord>, Refusal> {
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
