//! Working out an upload of marks: each against its roll, its calendar and the code set of its date, then merged.
//!
//! For one session the mark with the later `recorded_at` stands and the other stays as its history; a mark absent from
//! a later file is left as it is. A file is gathered once; holding it against what stands can be done again.

mod gathered;
mod merge;
mod place;

pub(super) use gathered::Gathered;
pub(super) use place::Placing;

use super::import::Work;
use super::parse::Tally;
use super::staging::Plan;
use super::{ImportReport, staging::MarksOfYear};
use crate::domain::calendar::SchoolYear;
use crate::domain::identifiers::EnrolmentId;
use crate::gate::{Gate, OfSchool, Permit, Refusal};
use crate::registers::{self, MarksRow, Recording, RecordingKey, RollEvent};
use crate::store::StoreError;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What stands, by enrolment and school year.
type Standing = HashMap<(EnrolmentId, SchoolYear), MarksRow>;

/// Whether marks were held against the roll and calendars that the school still has.
pub(super) async fn are_held(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    gathered: &Gathered,
) -> Result<bool, StoreError> {
    Ok(registers::roll_version(gate.db(), permit).await? == gathered.placing.version())
}

/// Works out what gathered marks change. `None` where the school's roll or calendar is another than they were held
/// against: then they must be gathered anew.
pub(super) async fn plan(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    (gathered, tally): (&Arc<Gathered>, &Tally),
    work: &Work,
) -> Result<Option<(Plan, ImportReport)>, Refusal> {
    if !are_held(gate, permit, gathered).await? {
        return Ok(None);
    }
    let years: BTreeSet<SchoolYear> = gathered.pupils.iter().flatten().map(|brought| brought.year).collect();
    let mut standing = Standing::new();
    for year in &years {
        let rows = registers::school_marks(gate.db(), permit, *year).await?;
        standing.extend(rows.into_iter().map(|row| ((row.enrolment(), *year), row)));
    }
    let report = ImportReport::begin("attendance", tally);
    let of_file = Arc::clone(gathered);
    let merged = work.apart(move || merge::merge(&of_file, standing, report)).await??;
    let merge::Merged { changed, recordings, told_again, mut report } = merged;
    let (recordings, dropped) = new_to(gate, permit, recordings, &years).await?;
    report.comments_dropped += dropped;
    let completed = recordings.iter().filter(|recording| told_again.contains(&recording.key)).count();
    report.accepted += completed;
    report.unchanged -= completed;
    let told: BTreeSet<EnrolmentId> = changed.iter().map(|year| year.enrolment).collect();
    let plan = Plan {
        events: told.into_iter().map(|enrolment| (enrolment, RollEvent::MarkChanged)).collect(),
        marks: changed,
        recordings,
        ..Plan::default()
    };
    Ok(Some((plan, report)))
}

/// The recordings of which anything is not yet known, and how many cells of free text were dropped.
async fn new_to(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    brought: BTreeMap<RecordingKey, Recording>,
    years: &BTreeSet<SchoolYear>,
) -> Result<(Vec<Recording>, usize), StoreError> {
    let (Some(first), Some(last), false) = (years.first(), years.last(), brought.is_empty()) else {
        return Ok((Vec::new(), 0));
    };
    let within = (first.first_day(), last.last_day());
    let known = registers::recordings_within(gate.db(), permit, within).await?;
    Ok(registers::worth_keeping(brought, &known))
}
