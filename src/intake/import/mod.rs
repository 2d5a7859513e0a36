//! Taking in a file: read and checked whole, then applied school by school.
//!
//! A school's file that meets another upload of the same school is worked out again from what then stands; what was
//! gathered from the file is read again only if the roll or the calendar has changed.

mod file;
mod many;
mod read;
mod schools;
mod work;

pub use file::{Progress, Quiet, SentFile};
pub use many::{FileImport, SchoolImport, import_many};
pub use schools::Sender;
pub use work::{Stop, StopWhenDropped, Work};

use super::answer::{Refused, answer};
use super::history;
use super::parse::{Content, FileError, Format, Limits};
use super::report::{Reported, Wrong};
use super::staging::{self, Note, Plan};
use super::{ImportReport, UploadAnswer, calendars, marks, roll};
use crate::domain::calendar::SchoolYear;
use crate::domain::identifiers::ImportId;
use crate::domain::words;
use crate::gate::{Done, Gate, OfSchool, Permit, Refusal, Released};
use crate::http::RequestId;
use crate::registers;
use crate::store::StoreError;
use http::StatusCode;
use read::{Brought, OfFile, Unread};
use schools::Schools;
use std::sync::Arc;
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
    /// What the sender has been asked, and says is meant.
    pub confirmed: Confirmed,
}

/// What a file may only do once its sender says, in numbers, that it is meant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Confirmed {
    /// Pupils whose protection it raises.
    pub protected: Option<usize>,
    /// Marks whose sessions it closes.
    pub marks_without_session: Option<usize>,
    /// A year that ends before June.
    pub short_year: bool,
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
    /// Told to stop before anything of it was applied.
    #[error("stopped before anything of it was applied; run it again")]
    Stopped,
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Gate(error.into())
    }
}

/// A file on its way in.
#[derive(Clone)]
struct Job {
    gate: Gate,
    sent: Sent,
    file: SentFile,
    options: Options,
    progress: Arc<dyn Progress>,
    work: Work,
    /// Who sends a file of several schools.
    sender: Option<Sender>,
    /// The request that a refusal answers; none from the command line.
    request: Option<RequestId>,
}

/// A school's part of a file, worked out and written down.
struct Taken {
    released: Released<UploadAnswer>,
    /// Everything wrong in it, of which the report has the first.
    wrong: Wrong,
}

/// How often an upload is worked out again when another of the same school, or another that admits, came first.
const ATTEMPTS: usize = 10;

/// Applies a file to the registers of the permit's school and releases its report; of a file that is refused, why.
pub async fn import(
    gate: &Gate,
    (permit, request): (Permit<OfSchool>, Option<RequestId>),
    sent: Sent,
    file: SentFile,
    (options, work): (Options, Work),
) -> Result<Released<UploadAnswer>, ImportError> {
    let (gate, progress) = (gate.clone(), Arc::new(Quiet));
    let job = Job { gate, sent, file, options, progress, work, sender: None, request };
    job.gate.takes_no_condition(&permit)?;
    let digest = job.digest().await?;
    if let Some(done) = job.gate.done_before(&permit, &digest).await? {
        return told_again(&job.gate, permit, &done).await;
    }
    let of_file = match job.read_one(permit).await {
        Ok(of_file) => of_file,
        Err(Unread { error: ImportError::File(error), schools }) => {
            let permit = schools.into_iter().find_map(|school| school.opened.ok());
            return job.refuse(permit.ok_or(Refusal::Answer)?, digest, &error).await;
        }
        Err(unread) => return Err(unread.error),
    };
    Ok(job.apply(of_file, digest, false).await?.released)
}

/// Tells again what became of an upload that was sent before with the same key: its report, as it can be read now.
async fn told_again(
    gate: &Gate,
    permit: Permit<OfSchool>,
    done: &Done,
) -> Result<Released<UploadAnswer>, ImportError> {
    let id = done.id()?;
    let report = history::report(gate.db(), &permit, id).await?.ok_or(Refusal::NotFound)?;
    permit.note_record(format!("import {id}"));
    Ok(gate.release(permit, done.status, answer(report, None, None)).await?)
}

impl Job {
    async fn digest(&self) -> Result<[u8; 32], ImportError> {
        let file = self.file.clone();
        Ok(self.work.apart(move || file.digest()).await??)
    }

    /// Reads what the file brings for the one school of a permit.
    async fn read_one(&self, permit: Permit<OfSchool>) -> Result<OfFile, Unread> {
        let (job, at) = (self.clone(), self.gate.clock().school_now());
        let read = self.work.apart(move || {
            let schools = Schools::one(&job.gate, permit, job.sender.as_ref());
            read::read(&job, schools, at)
        });
        let mut schools = read.await.map_err(Unread::from)??.schools;
        schools.pop().ok_or_else(|| Refusal::Answer.into())
    }

    /// Writes a file that cannot be read by columns into the history of a school, with the reason.
    async fn refuse(
        &self,
        permit: Permit<OfSchool>,
        digest: [u8; 32],
        error: &FileError,
    ) -> Result<Released<UploadAnswer>, ImportError> {
        let refused = Refused::whole(error);
        let import = ImportId(Uuid::now_v7());
        permit.note_written_digest(format!("import {}", import.0), digest);
        permit.note_malformed(refused.word());
        let mut report = ImportReport::refused(self.sent.as_str(), refused.why.clone());
        report.import_id = import.0.to_string();
        let note = Note { import, digest, report: &report, errors: &[] };
        let tx = staging::only_note(&self.gate, &permit, note).await?;
        let status = refused.kind.status();
        let answer = answer(report, Some(refused), self.request.as_ref());
        Ok(self.gate.commit(permit, tx, status, answer).await?)
    }

    /// Applies what the file brings for a school, and releases its report, which names the rejected rows up to a limit. `refuse` applies nothing, since a row of the
    /// file was rejected that must not be.
    async fn apply(&self, of_file: OfFile, digest: [u8; 32], refuse: bool) -> Result<Taken, ImportError> {
        let (gate, mut permit, mut brought) = (&self.gate, of_file.opened?, of_file.brought);
        let mut rejected = of_file.rejected;
        let import = ImportId(Uuid::now_v7());
        permit.note_written_digest(format!("import {}", import.0), digest);
        permit.keeps(import.0);
        for _ in 0..ATTEMPTS {
            let at = gate.clock().school_now();
            let base = registers::newest(gate.db(), &permit).await?;
            let admissions = registers::admissions_generation(gate.db(), &permit).await?;
            let Some((plan, mut report)) = self.plan(&permit, &brought).await? else {
                let again = self.read_one(permit).await.map_err(|unread| unread.error)?;
                (permit, brought, rejected) = (again.opened?, again.brought, again.rejected);
                continue;
            };
            report.import_id = import.0.to_string();
            let wrong = report.wrong();
            let rows = match &rejected {
                Some(rows) => rows.clone(),
                None => self.rejected_rows(&wrong.errors).await?,
            };
            report.rows_left_out += rows.left_out;
            let errors = rows.file;
            let refused = Refused::of(&report, self.sent, (self.options.strict, refuse));
            note_what_is_asked(&permit, &report, refused.as_ref());
            if self.options.dry_run || refused.is_some() {
                report.refused = refused.as_ref().map(|refused| refused.why.clone());
                let status = refused.as_ref().map_or(StatusCode::OK, |refused| refused.kind.status());
                let note = Note { import, digest, report: &report, errors: &errors };
                let tx = staging::only_note(gate, &permit, note).await?;
                let answer = answer(report, refused, self.request.as_ref());
                return Ok(Taken { released: gate.commit(permit, tx, status, answer).await?, wrong });
            }
            report.applied = true;
            let upload = staging::stage(gate, &permit, &plan, import, (base, at)).await?;
            let note = Note { import, digest, report: &report, errors: &errors };
            match staging::switch(gate, &permit, &plan, upload, (admissions, note)).await? {
                Some(tx) => {
                    let raised = report.protection_raised;
                    let answer = answer(report, None, None);
                    let released = gate.commit(permit, tx, StatusCode::OK, answer).await?;
                    self.work.alarm(RAISED, raised);
                    return Ok(Taken { released, wrong });
                }
                None => staging::forget(gate, &permit, &plan, upload).await?,
            }
        }
        Err(Refusal::Conflict.into())
    }

    /// The rows that were rejected, as they were sent, with what to do about each.
    async fn rejected_rows(&self, errors: &[Reported]) -> Result<history::RejectedRows, ImportError> {
        if errors.is_empty() {
            return Ok(history::RejectedRows::default());
        }
        let (job, errors) = (self.clone(), [errors.to_vec()]);
        let what = (self.options.format, self.sent.content());
        let rows = self.work.apart(move || {
            let mut source = job.file.open(Arc::new(Quiet), job.work.stop.clone())?;
            history::rejected_rows_of(&mut *source, what, &job.options.limits, &errors)
        });
        Ok(rows.await??.pop().unwrap_or_default())
    }

    /// What the rows of a school change. `None` where they must be read again.
    async fn plan(
        &self,
        permit: &Permit<OfSchool>,
        brought: &Brought,
    ) -> Result<Option<(Plan, ImportReport)>, ImportError> {
        Ok(match brought {
            Brought::Calendar(file) => Some(
                calendars::plan(&self.gate, permit, file, (self.options.year, self.options.confirmed))
                    .await?,
            ),
            Brought::Pupils(file) => {
                Some(roll::plan(&self.gate, permit, file, self.options.confirmed).await?)
            }
            Brought::Marks(gathered, tally) => {
                marks::plan(&self.gate, permit, (gathered, tally), &self.work).await?
            }
            Brought::Nothing(tally) => {
                Some((Plan::default(), ImportReport::begin(self.sent.as_str(), tally)))
            }
        })
    }
}

/// The word of the entry, and of the alarm, of an upload that raised protection.
const RAISED: &str = "protection_raised";

/// Says in the entry what somebody should look at: what no file can take back, or why nothing was applied.
fn note_what_is_asked(permit: &Permit<OfSchool>, report: &ImportReport, refused: Option<&Refused>) {
    let raised = report.protection_raised;
    let import = &report.import_id;
    permit.note_record(if raised > 0 {
        format!("import {import}, whereabouts protection raised of {raised}")
    } else {
        format!("import {import}")
    });
    if let Some(refused) = refused {
        permit.note_malformed(refused.word());
    } else if raised > 0 {
        permit.note_reason(RAISED);
    }
}
