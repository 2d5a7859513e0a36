//! Applying an upload: worked out whole, staged in short transactions, switched to in one more.

use super::history::{self, Noted};
use super::parse::{Content, FileError, Format, Limits};
use super::{ImportReport, calendars, marks, roll};
use crate::domain::attendance::{Entered, MinutesLate, PackedYear};
use crate::domain::calendar::{SchoolCalendar, SchoolYear, last_complete_week, london, published_at};
use crate::domain::identifiers::{EnrolmentId, ImportId, PupilId};
use crate::domain::words;
use crate::gate::{Gate, OfSchool, Permit, Refusal, Released};
use crate::registers::{self, Amendment, Enrolment, Recording, RollEvent, Upload};
use crate::store::StoreError;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use http::StatusCode;
use uuid::Uuid;

words! {
    /// What a file holds.
    Sent {
        /// A school year's calendar.
        Calendar = "calendar",
        /// The roll.
        Pupils = "pupils",
        /// Marks.
        Attendance = "attendance",
    }
}

impl Sent {
    /// What its rows are.
    pub fn content(self) -> Content {
        match self {
            Self::Calendar => Content::Calendar,
            Self::Pupils => Content::Pupils,
            Self::Attendance => Content::Marks,
        }
    }
}

/// How a file is to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How it is written.
    pub format: Format,
    /// Work everything out and report, but change nothing.
    pub dry_run: bool,
    /// Apply nothing if any row is rejected.
    pub strict: bool,
    /// The school year that a calendar is for.
    pub year: Option<SchoolYear>,
    /// What the file may hold at most.
    pub limits: Limits,
}

/// Why an upload was refused whole.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read by columns.
    #[error("{0}")]
    File(#[from] FileError),
    /// The gate.
    #[error(transparent)]
    Gate(#[from] Refusal),
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Gate(error.into())
    }
}

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
    pub(super) changed: bool,
}

impl Plan {
    /// Whether it enters a name that was not on this school's roll.
    fn admits(&self) -> bool {
        self.events.iter().any(|(_, event)| *event == RollEvent::Admitted)
    }

    /// Takes back a pupil that was to be added, with the keys by which others would join it.
    pub(super) fn forget_new(&mut self, pupil: PupilId) {
        if self.pupils.last() == Some(&pupil) {
            self.pupils.pop();
            self.keys.pop();
        }
    }

    fn is_empty(&self) -> bool {
        self.calendar.is_none()
            && self.enrolments.is_empty()
            && self.marks.is_empty()
            && self.amendments.is_empty()
            && self.recordings.is_empty()
    }
}

/// How often an upload is worked out again when another of the same school, or another that admits, came first.
const ATTEMPTS: usize = 10;
/// Rows staged in one transaction, so that none holds the one writer for long.
const STEP: usize = 100;

/// Applies a file to the registers of the permit's school and releases its report.
pub async fn import(
    gate: &Gate,
    permit: Permit<OfSchool>,
    sent: Sent,
    file: Bytes,
    options: Options,
) -> Result<Released<ImportReport>, ImportError> {
    let import = ImportId(Uuid::now_v7());
    permit.note_written(format!("import {}", import.0), &file);
    for _ in 0..ATTEMPTS {
        let at = gate.clock().school_now();
        let base = registers::newest(gate.db(), &permit).await?;
        let admissions = registers::admissions_generation(gate.db(), &permit).await?;
        let (plan, mut report) = work_out(gate, &permit, sent, &file, options, at).await?;
        report.import_id = import.0.to_string();
        let errors = rejected(sent, &file, options, &report).await?;
        let refused = options.strict && report.rejected > 0;
        if options.dry_run || refused {
            let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            let mut tx = gate.db().begin().await?;
            let digest = crate::crypto::sha256(&[&file]);
            let at = gate.clock().now();
            let noted = Noted { import, version: None, digest, report: &report, errors: &errors, at };
            history::note_import(&mut tx, &permit, noted).await?;
            return Ok(gate.commit(permit, tx, status, report).await?);
        }
        report.applied = true;
        let upload = stage(gate, &permit, &plan, import, (base, at)).await?;
        let mut tx = gate.db().begin().await?;
        let admitted = !plan.admits() || registers::admit(&mut tx, admissions, &plan.keys).await?;
        let switched = match upload {
            // The time at which it begins to count, not at which it was begun: what is published stays as it was.
            Some(upload) if admitted => upload.switch_to(&mut tx, gate.clock().school_now()).await?,
            Some(_) | None => admitted,
        };
        if !switched {
            drop(tx);
            forget(gate, &permit, &plan.pupils).await?;
            continue;
        }
        let (version, digest) = (upload.map(|u| u.version), crate::crypto::sha256(&[&file]));
        let noted =
            Noted { import, version, digest, report: &report, errors: &errors, at: gate.clock().now() };
        history::note_import(&mut tx, &permit, noted).await?;
        return Ok(gate.commit(permit, tx, StatusCode::OK, report).await?);
    }
    Err(Refusal::Conflict.into())
}

/// The rows that were rejected, as the school sent them, with what to do about each.
async fn rejected(
    sent: Sent,
    file: &Bytes,
    options: Options,
    report: &ImportReport,
) -> Result<Vec<u8>, ImportError> {
    let (mut source, errors) = (std::io::Cursor::new(file.clone()), report.all_errors());
    let what = (options.format, sent.content());
    Ok(apart(move || history::rejected_rows(&mut source, what, &options.limits, &errors)).await??)
}

async fn work_out(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    sent: Sent,
    file: &Bytes,
    options: Options,
    at: DateTime<Utc>,
) -> Result<(Plan, ImportReport), ImportError> {
    let (limits, format, today) = (options.limits, options.format, gate.clock().today());
    let mut source = std::io::Cursor::new(file.clone());
    match sent {
        Sent::Calendar => {
            let file = apart(move || super::parse::read_calendar(&mut source, format, &limits)).await??;
            Ok(calendars::plan(gate, permit, &file, options.year).await?)
        }
        Sent::Pupils => {
            let file =
                apart(move || super::parse::read_pupils(&mut source, format, &limits, today)).await??;
            Ok(roll::plan(gate, permit, &file).await?)
        }
        Sent::Attendance => {
            let file = apart(move || marks::kept(&mut source, format, &limits)).await??;
            Ok(marks::plan(gate, permit, file, at).await?)
        }
    }
}

/// Runs what takes long without waiting on threads of its own, so that answers to others are not held up.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Answer)
}

/// Writes the rows of a plan under a new version, which counts for nobody yet. An empty plan needs none.
async fn stage(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    plan: &Plan,
    import: ImportId,
    (base, at): (i64, DateTime<Utc>),
) -> Result<Option<Upload>, StoreError> {
    if plan.is_empty() {
        return Ok(None);
    }
    let mut tx = gate.db().begin().await?;
    let upload = Upload::begin(&mut tx, permit, base).await?;
    Upload::clear_abandoned(&mut tx, permit).await?;
    if let Some(calendar) = &plan.calendar {
        registers::add_calendar(&mut tx, &upload, calendar.year(), calendar).await?;
    }
    gate.put_aside(permit, tx).await?;
    for pupils in plan.pupils.chunks(STEP) {
        let mut tx = gate.db().begin().await?;
        for pupil in pupils {
            registers::add_pupil(&mut tx, *pupil, gate.clock().now()).await?;
        }
        gate.put_aside(permit, tx).await?;
    }
    for enrolments in plan.enrolments.chunks(STEP) {
        let mut tx = gate.db().begin().await?;
        for (enrolment, fields) in enrolments {
            registers::add_enrolment(&mut tx, &upload, enrolment).await?;
            registers::add_admission_entry(&mut tx, &upload, enrolment.enrolment(), fields).await?;
        }
        gate.put_aside(permit, tx).await?;
    }
    let published = published_at(last_complete_week(london(at)));
    for years in plan.marks.chunks(STEP) {
        let mut tx = gate.db().begin().await?;
        for y in years {
            registers::tidy_marks(&mut tx, &upload, y.enrolment, y.year, published).await?;
            let packed = (&y.marks, &y.entered, &y.minutes);
            registers::add_marks(&mut tx, &upload, y.enrolment, y.year, packed, at).await?;
        }
        gate.put_aside(permit, tx).await?;
    }
    stage_history(gate, permit, plan, import, &upload).await?;
    Ok(Some(upload))
}

async fn stage_history(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    plan: &Plan,
    import: ImportId,
    upload: &Upload,
) -> Result<(), StoreError> {
    for amendments in plan.amendments.chunks(STEP) {
        let mut tx = gate.db().begin().await?;
        for amendment in amendments {
            registers::add_amendment(&mut tx, upload, import, amendment).await?;
        }
        gate.put_aside(permit, tx).await?;
    }
    for recordings in plan.recordings.chunks(STEP) {
        let mut tx = gate.db().begin().await?;
        for recording in recordings {
            registers::add_recording(&mut tx, upload, import, recording).await?;
        }
        gate.put_aside(permit, tx).await?;
    }
    let mut place = 0;
    for events in plan.events.chunks(STEP) {
        let mut tx = gate.db().begin().await?;
        for (enrolment, event) in events {
            place += 1;
            registers::add_roll_event(&mut tx, upload, place, *enrolment, *event).await?;
        }
        gate.put_aside(permit, tx).await?;
    }
    Ok(())
}

/// Takes back the children that an abandoned attempt added; its other rows go with the next upload of the school.
async fn forget(gate: &Gate, permit: &Permit<OfSchool>, pupils: &[PupilId]) -> Result<(), StoreError> {
    for pupils in pupils.chunks(STEP) {
        let mut tx = gate.db().begin().await?;
        for pupil in pupils {
            registers::remove_pupil(&mut tx, *pupil).await?;
        }
        gate.put_aside(permit, tx).await?;
    }
    Ok(())
}
