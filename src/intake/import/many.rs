//! A file of many schools: each applied for itself, so that what fails at one leaves the others as they are.

use super::read::{self, Brought, OfFile, Unread};
use super::schools::{Schools, Sender};
use super::{ImportError, Job, Options, Progress, Sent, SentFile, Stop, UploadAnswer, Work};
use crate::gate::{Gate, Refusal, Released, Trail};
use crate::intake::parse::{Kept, Tally};
use crate::intake::report::{Reported, Wrong};
use futures_util::StreamExt as _;
use http::StatusCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What became of a school's part of a file.
pub struct SchoolImport {
    /// The school's unique reference number.
    pub urn: String,
    /// Rows of it in the file.
    pub received: usize,
    /// Its report, or why nothing of it was taken.
    pub outcome: Result<Released<UploadAnswer>, ImportError>,
}

/// What became of a file.
pub struct FileImport {
    /// Its schools, in the order in which the file names them.
    pub schools: Vec<SchoolImport>,
    /// Rows that are of no school that could be told.
    pub of_no_school: Tally,
    /// What was wrong in rows of all of them, by lines; each school has at least an equal share of the most that is kept.
    pub errors: Vec<Reported>,
    /// Errors that were only counted.
    pub errors_left_out: usize,
    /// Rows, by lines, that have no other.
    pub rows_left_out: usize,
}

/// Schools worked on at once: while one is written the next is worked out, and there is one writer.
const AT_ONCE: usize = 2;

/// Applies a file to the registers of every school that it names and that opens to the sender. Every school has an entry
/// of its own, and so has a file that cannot be read. Told to stop, it ends the schools that it has begun to apply, and
/// begins no other.
pub async fn import_many(
    gate: &Gate,
    sender: Sender,
    sent: Sent,
    file: SentFile,
    (options, progress, stop): (Options, Arc<dyn Progress>, Stop),
) -> Result<FileImport, ImportError> {
    let work = Work::new(stop.clone());
    let who = Some(sender.clone());
    let job = Job { gate: gate.clone(), sent, file, options, progress, work, sender: who, request: None };
    let (digest, read) = tokio::join!(job.digest(), job.read_all(sender.clone()));
    let (digest, read) = match (digest, read) {
        (Ok(digest), Ok(read)) => (digest, read),
        (Ok(digest), Err(unread)) => return Err(job.unread(&sender, unread, digest).await),
        (Err(error), _) => return Err(recorded(gate, &job.trail(&sender), error).await),
    };
    if read.schools.is_empty() {
        let trail = job.trail(&sender);
        gate.record_failure(&trail, StatusCode::UNPROCESSABLE_ENTITY).await?;
    }
    let job = Job { work: job.work.to_the_end(), ..job };
    let refuse = options.strict && job.any_rejected(&read).await?;
    job.progress.checked(read.schools.iter().map(|school| school.brought.tally().received).sum());
    let done = AtomicUsize::new(0);
    let mut applied = futures_util::stream::iter(read.schools)
        .map(|school| {
            let (job, done, stop) = (&job, &done, &stop);
            async move {
                let (imported, wrong) = job.school(school, digest, (refuse, stop)).await;
                let rows = done.fetch_add(imported.received, Ordering::Relaxed) + imported.received;
                job.progress.applied(rows);
                (imported, wrong)
            }
        })
        .buffered(AT_ONCE);
    let mut imported = FileImport::of_no_school(read.of_no_school);
    let mut kept = Kept::new(options.limits.errors_max);
    keep(&mut kept, None, imported.of_no_school.rejected.errors.iter().map(Reported::from).collect());
    while let Some((school, wrong)) = applied.next().await {
        keep(&mut kept, Some(imported.schools.len()), wrong.errors);
        imported.errors_left_out += wrong.errors_left_out;
        imported.rows_left_out += wrong.rows_left_out;
        imported.schools.push(school);
    }
    imported.have(kept);
    Ok(imported)
}

impl FileImport {
    fn of_no_school(tally: Tally) -> Self {
        let (errors_left_out, rows_left_out) =
            (tally.rejected.errors_left_out, tally.rejected.lines_left_out);
        Self { schools: Vec::new(), of_no_school: tally, errors: Vec::new(), errors_left_out, rows_left_out }
    }

    fn have(&mut self, kept: Kept<Option<usize>, Reported>) {
        for one in kept.into_parts().into_values() {
            self.errors_left_out += one.errors_left_out;
            self.rows_left_out += one.rows_left_out;
            self.errors.extend(one.into_errors());
        }
        self.errors.sort_by_key(|error| error.line);
    }
}

/// Keeps what was wrong in a school's rows, row by row.
fn keep(kept: &mut Kept<Option<usize>, Reported>, school: Option<usize>, mut errors: Vec<Reported>) {
    errors.sort_by_key(|error| error.line);
    for row in errors.chunk_by(|one, next| one.line == next.line) {
        kept.keep(school, row.to_vec());
    }
}

impl Job {
    /// The trail of a file from which no school was opened.
    fn trail(&self, sender: &Sender) -> Trail {
        let trail = Trail::of_command(sender.command, &sender.caller, self.gate.clock().now());
        trail.note(|e| e.action = Some(sender.action.as_str().to_owned()));
        trail
    }

    /// Writes down a file that could not be read: in the history of every school that it had named, and where it had
    /// named none in an entry of the sender.
    async fn unread(&self, sender: &Sender, unread: Unread, digest: [u8; 32]) -> ImportError {
        let Unread { error, schools } = unread;
        let ImportError::File(wrong) = &error else {
            return recorded(&self.gate, &self.trail(sender), error).await;
        };
        if schools.is_empty() {
            return recorded(&self.gate, &self.trail(sender), error).await;
        }
        for school in schools {
            let refused = match school.opened {
                Ok(permit) => self.refuse(permit, digest, wrong).await.map(|_| ()),
                Err(refusal) => Err(refusal.into()),
            };
            if let (Err(refusal), Some(trail)) = (refused, &school.trail) {
                recorded(&self.gate, trail, refusal).await;
            }
        }
        error
    }

    async fn read_all(&self, sender: Sender) -> Result<read::ReadFile, Unread> {
        let (job, at) = (self.clone(), self.gate.clock().school_now());
        let read = self.work.apart(move || read::read(&job, Schools::named(&job.gate, sender), at));
        read.await.map_err(Unread::from)?
    }

    /// Whether any row of the file cannot stand, or is of a school that is shut: then `strict` applies none of it.
    async fn any_rejected(&self, read: &read::ReadFile) -> Result<bool, ImportError> {
        if read.of_no_school.rejected.rows > 0 {
            return Ok(true);
        }
        for school in &read.schools {
            let Ok(permit) = &school.opened else { return Ok(true) };
            if school.brought.tally().rejected.rows > 0 {
                return Ok(true);
            }
            // Marks were held against their school as they were read; a roll or a calendar is only now.
            let planned = match &school.brought {
                Brought::Marks(..) | Brought::Nothing(_) => None,
                Brought::Calendar(_) | Brought::Pupils(_) => self.plan(permit, &school.brought).await?,
            };
            if planned.is_some_and(|(_, report)| report.rejected > 0 || !report.to_confirm.is_empty()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Applies one school's part, and writes the entry of one that was not taken.
    async fn school(
        &self,
        school: OfFile,
        digest: [u8; 32],
        (refuse, stop): (bool, &Stop),
    ) -> (SchoolImport, Wrong) {
        let (urn, received, trail) =
            (school.urn.clone(), school.brought.tally().received, school.trail.clone());
        let applied = if stop.is_stopped() {
            Err(ImportError::Stopped)
        } else {
            self.apply(school, digest, refuse).await
        };
        let (outcome, wrong) = match (applied, trail) {
            (Ok(taken), _) => (Ok(taken.released), taken.wrong),
            (Err(error), Some(trail)) => (Err(recorded(&self.gate, &trail, error).await), Wrong::default()),
            (Err(error), None) => (Err(error), Wrong::default()),
        };
        (SchoolImport { urn, received, outcome }, wrong)
    }
}

/// Writes the entry of what was not taken. Where that cannot be written either, that is what is told.
async fn recorded(gate: &Gate, trail: &Trail, error: ImportError) -> ImportError {
    if trail.recorded().is_some() {
        return error;
    }
    let status = match &error {
        ImportError::File(_) => StatusCode::UNPROCESSABLE_ENTITY,
        ImportError::Gate(Refusal::Forbidden | Refusal::NoMandate(_)) => StatusCode::FORBIDDEN,
        ImportError::Gate(Refusal::Conflict) => StatusCode::CONFLICT,
        ImportError::Gate(_) | ImportError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
    };
    match gate.record_failure(trail, status).await {
        Ok(_) => error,
        Err(refusal) => refusal.into(),
    }
}
