//! Applying what an upload changes: staged in short transactions, switched to in one more.
//!
//! Nobody but this upload reads what is staged. Each transaction is committed once it has held the writer for
//! [`Db::step`](crate::store::Db::step), whatever it holds, so that others wait milliseconds however large the upload is.

use super::ImportReport;
use super::history::{self, Noted};
use crate::domain::attendance::{Entered, MinutesLate, PackedYear};
use crate::domain::calendar::{SchoolCalendar, SchoolYear, last_complete_week, london, published_at};
use crate::domain::identifiers::{EnrolmentId, ImportId, PupilId};
use crate::gate::{Gate, OfSchool, Permit, Refusal};
use crate::registers::{self, Amendment, Enrolment, RECORDINGS_AT_ONCE, Recording, RollEvent, Upload};
use crate::store::{StoreError, Tx};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// Everything that an upload changes.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) calendar: Option<SchoolCalendar>,
    pub(super) pupils: Vec<PupilId>,
    /// Permanent UPN, date of birth and surname of the children in `pupils`, where they have all three.
    pub(super) keys: Vec<(String, NaiveDate, String)>,
    pub(super) enrolments: Vec<(Enrolment, String)>,
    pub(super) marks: Vec<MarksOfYear>,
    pub(super) amendments: Vec<Amendment>,
    pub(super) recordings: Vec<Recording>,
    pub(super) events: Vec<(EnrolmentId, RollEvent)>,
}

/// One enrolment's packed year as it will stand.
#[derive(Clone, Debug)]
pub(super) struct MarksOfYear {
    pub(super) enrolment: EnrolmentId,
    pub(super) year: SchoolYear,
    pub(super) marks: PackedYear,
    pub(super) entered: Entered,
    pub(super) minutes: MinutesLate,
    /// Whether there is an earlier state, which may be of no use to any reader now.
    pub(super) replaces: bool,
}

impl Plan {
    /// Whether it enters a name that was not on this school's roll.
    pub(super) fn admits(&self) -> bool {
        self.events.iter().any(|(_, event)| *event == RollEvent::Admitted)
    }

    fn is_empty(&self) -> bool {
        self.calendar.is_none()
            && self.enrolments.is_empty()
            && self.marks.is_empty()
            && self.amendments.is_empty()
            && self.recordings.is_empty()
    }
}

/// Runs what takes long without waiting on threads of its own, so that answers to others are not held up.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Answer)
}

/// Writes in transactions that are committed as soon as they have held the writer long enough.
struct Steps<'g> {
    gate: &'g Gate,
    permit: &'g Permit<OfSchool>,
    open: Option<Tx>,
}

impl<'g> Steps<'g> {
    fn new(gate: &'g Gate, permit: &'g Permit<OfSchool>) -> Self {
        Self { gate, permit, open: None }
    }

    /// A transaction for the next row.
    async fn next(&mut self) -> Result<&mut Tx, StoreError> {
        if self.open.as_ref().is_some_and(|tx| tx.held() >= self.gate.db().step()) {
            self.end().await?;
            self.gate.db().give_way().await;
        }
        match &mut self.open {
            Some(tx) => Ok(tx),
            none @ None => Ok(none.insert(self.gate.db().begin().await?)),
        }
    }

    /// Commits what is open.
    async fn end(&mut self) -> Result<(), StoreError> {
        match self.open.take() {
            Some(tx) => self.gate.put_aside(self.permit, tx).await,
            None => Ok(()),
        }
    }
}

/// Writes the rows of a plan under a new version, which counts for nobody yet. An empty plan needs none.
pub(super) async fn stage(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    plan: &Plan,
    import: ImportId,
    (base, at): (i64, DateTime<Utc>),
) -> Result<Option<Upload>, StoreError> {
    if plan.is_empty() {
        return Ok(None);
    }
    clear_abandoned(gate, permit).await?;
    let mut steps = Steps::new(gate, permit);
    let upload = Upload::begin(steps.next().await?, permit, base, gate.clock().now()).await?;
    // From here on its rows have a version by which they are found again, should this process end.
    steps.end().await?;
    if let Some(calendar) = &plan.calendar {
        registers::add_calendar(steps.next().await?, &upload, calendar.year(), calendar).await?;
    }
    for pupil in &plan.pupils {
        registers::add_pupil(steps.next().await?, &upload, *pupil, gate.clock().now()).await?;
    }
    for (enrolment, fields) in &plan.enrolments {
        let tx = steps.next().await?;
        registers::add_enrolment(tx, &upload, enrolment).await?;
        registers::add_admission_entry(tx, &upload, enrolment.enrolment(), fields).await?;
    }
    let published = published_at(last_complete_week(london(at)));
    for y in &plan.marks {
        let tx = steps.next().await?;
        if y.replaces {
            registers::tidy_marks(tx, &upload, y.enrolment, y.year, published).await?;
        }
        let packed = (&y.marks, &y.entered, &y.minutes);
        registers::add_marks(tx, &upload, y.enrolment, y.year, packed, at).await?;
    }
    stage_history(&mut steps, plan, import, &upload).await?;
    steps.end().await?;
    Ok(Some(upload))
}

async fn stage_history(
    steps: &mut Steps<'_>,
    plan: &Plan,
    import: ImportId,
    upload: &Upload,
) -> Result<(), StoreError> {
    for amendment in &plan.amendments {
        registers::add_amendment(steps.next().await?, upload, import, amendment).await?;
    }
    for some in plan.recordings.chunks(RECORDINGS_AT_ONCE) {
        registers::add_recordings(steps.next().await?, upload, import, some).await?;
    }
    for (place, (enrolment, event)) in (1..).zip(&plan.events) {
        registers::add_roll_event(steps.next().await?, upload, place, *enrolment, *event).await?;
    }
    Ok(())
}

/// How often the generation of admissions may move between looking and switching.
const LOOKS: usize = 10;

/// Switches the school to a staged upload and writes it down, in the transaction that the caller then commits with its
/// entry. `None` when something came first, so that it must be worked out again.
pub(super) async fn switch(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    plan: &Plan,
    upload: Option<Upload>,
    (mut admissions, note): (i64, Note<'_>),
) -> Result<Option<Tx>, StoreError> {
    for _ in 0..LOOKS {
        let mut tx = gate.db().begin().await?;
        if plan.admits() && !registers::admit(&mut tx, permit, admissions).await? {
            drop(tx);
            admissions = registers::admissions_generation(gate.db(), permit).await?;
            if registers::any_entered(gate.db(), permit, &plan.keys).await? {
                return Ok(None);
            }
            continue;
        }
        // The time at which it begins to count, not at which it was begun: what is published stays as it was.
        let at = gate.clock().school_now();
        if let Some(upload) = upload
            && !upload.switch_to(&mut tx, at).await?
        {
            return Ok(None);
        }
        let version = upload.map(|u| u.version);
        note_down(gate, permit, &mut tx, version, note).await?;
        return Ok(Some(tx));
    }
    Ok(None)
}

/// Writes down an upload that changes nothing, since it was not to or must not.
pub(super) async fn only_note(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    note: Note<'_>,
) -> Result<Tx, StoreError> {
    let mut tx = gate.db().begin().await?;
    note_down(gate, permit, &mut tx, None, note).await?;
    Ok(tx)
}

async fn note_down(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    tx: &mut Tx,
    version: Option<i64>,
    note: Note<'_>,
) -> Result<(), StoreError> {
    let Note { import, digest, report, errors } = note;
    let noted = Noted { import, version, digest, report, errors, at: gate.clock().now() };
    history::note_import(tx, permit, noted).await
}

/// What is written down of an upload beside what it changes.
#[derive(Clone, Copy)]
pub(super) struct Note<'r> {
    pub(super) import: ImportId,
    /// SHA-256 of what was sent.
    pub(super) digest: [u8; 32],
    pub(super) report: &'r ImportReport,
    /// The rejected rows with what to do about each, CSV.
    pub(super) errors: &'r [u8],
}

/// Takes back what an attempt staged that is not switched to: its rows, and the children that it added.
pub(super) async fn forget(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    plan: &Plan,
    upload: Option<Upload>,
) -> Result<(), StoreError> {
    let mut steps = Steps::new(gate, permit);
    for pupil in &plan.pupils {
        registers::remove_pupil(steps.next().await?, permit, *pupil).await?;
    }
    steps.end().await?;
    match upload {
        Some(upload) => clear(gate, permit, upload).await,
        None => Ok(()),
    }
}

async fn clear(gate: &Gate, permit: &Permit<OfSchool>, upload: Upload) -> Result<(), StoreError> {
    let mut steps = Steps::new(gate, permit);
    while upload.clear_some(steps.next().await?).await? > 0 {}
    steps.end().await
}

/// After this long without having been switched to, an upload that was overtaken has no writer any more.
const ABANDONED: TimeDelta = TimeDelta::hours(1);

/// Clears what uploads of this school left behind whose process ended.
async fn clear_abandoned(gate: &Gate, permit: &Permit<OfSchool>) -> Result<(), StoreError> {
    let before = gate.clock().now() - ABANDONED;
    for upload in Upload::abandoned(gate.db(), permit, before).await? {
        clear(gate, permit, upload).await?;
    }
    Ok(())
}
