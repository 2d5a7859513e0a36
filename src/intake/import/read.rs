//! Reading a file whole, by school: every row is read and held against its school before anything is applied.

use super::super::history;
use super::super::marks::{Gathered, Placing};
use super::super::parse::{self, CalendarRow, CellFault, File, MarkRow, PupilRow, Rejected, RowError, Tally};
use super::super::report::Reported;
use super::file::Quiet;
use super::schools::{SchoolInFile, Schools};
use super::{ImportError, Job, Sent};
use crate::domain::identifiers::SchoolId;
use crate::gate::{OfSchool, Permit, Refusal, Trail};
use crate::store::StoreError;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::runtime::Handle;

/// What a file brings for one school.
pub(super) enum Brought {
    Calendar(File<CalendarRow>),
    Pupils(File<PupilRow>),
    Marks(Arc<Gathered>, Tally),
    /// The gate stayed shut for the school: its rows were only counted.
    Nothing(Tally),
}

/// A school of the file with what the file brings for it.
pub(super) struct OfFile {
    pub(super) urn: String,
    pub(super) opened: Result<Permit<OfSchool>, Refusal>,
    pub(super) trail: Option<Trail>,
    pub(super) brought: Brought,
    /// The rows of the school that were rejected, where they are known already and the file was read for all of them.
    pub(super) rejected: Option<history::RejectedRows>,
}

impl Brought {
    /// What was counted, and wrong, in the school's rows.
    pub(super) fn tally(&self) -> &Tally {
        match self {
            Self::Calendar(file) => &file.tally,
            Self::Pupils(file) => &file.tally,
            Self::Marks(_, tally) | Self::Nothing(tally) => tally,
        }
    }
}

/// A file as read: its schools, and what was wrong in rows that are of none of them.
pub(super) struct ReadFile {
    pub(super) schools: Vec<OfFile>,
    pub(super) of_no_school: Tally,
}

/// A file that could not be read, and the schools that it had named by then: it stands in the history of each.
pub(super) struct Unread {
    pub(super) error: ImportError,
    pub(super) schools: Vec<SchoolInFile>,
}

impl From<Refusal> for Unread {
    fn from(refusal: Refusal) -> Self {
        Self { error: refusal.into(), schools: Vec::new() }
    }
}

/// Reads the whole file on the thread that it is called on, which it blocks until it has, or is to stop.
pub(super) fn read(job: &Job, mut schools: Schools, at: DateTime<Utc>) -> Result<ReadFile, Unread> {
    let read = read_all(job, &mut schools, at);
    let read = if job.work.stop.is_stopped() { Err(ImportError::Stopped) } else { read };
    read.map_err(|error| {
        if schools.all.is_empty() {
            // Nothing of it says whose it is: then it is the sender's own school's, if there is one.
            schools.open_default();
        }
        Unread { error, schools: schools.all }
    })
}

fn read_all(job: &Job, schools: &mut Schools, at: DateTime<Utc>) -> Result<ReadFile, ImportError> {
    let mut source = job.file.open(Arc::clone(&job.progress), job.work.stop.clone())?;
    let mut whose = schools.whose();
    let (format, limits) =
        (job.options.format, (&job.options.limits, &mut whose as &mut parse::WhoseRow<'_>));
    match job.sent {
        Sent::Calendar => {
            let file = parse::read_calendar(&mut *source, format, limits)?;
            Ok(by_school(job, file, schools, |row: &CalendarRow| row.school.as_deref(), Brought::Calendar))
        }
        Sent::Pupils => {
            let file = parse::read_pupils(&mut *source, format, limits, job.gate.clock().today())?;
            Ok(by_school(job, file, schools, |row: &PupilRow| row.school.as_deref(), Brought::Pupils))
        }
        Sent::Attendance => {
            let mut taking = TakingMarks::new(job, schools, at);
            let mut failed = None;
            let tally = parse::read_marks(&mut *source, format, limits, &mut |_, row| {
                if failed.is_some() {
                    return Ok(());
                }
                taking.take(row).unwrap_or_else(|error| {
                    failed = Some(error);
                    Ok(())
                })
            })?;
            match failed {
                Some(error) => Err(error.into()),
                None => with_rejected(job, taking.end(tally)),
            }
        }
    }
}

/// Reads the rejected rows of every school at once: a long file is not read again for each of them.
fn with_rejected(job: &Job, mut read: ReadFile) -> Result<ReadFile, ImportError> {
    let errors = |tally: &Tally| tally.rejected.errors.iter().map(Reported::from).collect::<Vec<_>>();
    let of_schools: Vec<Vec<Reported>> = read.schools.iter().map(|s| errors(s.brought.tally())).collect();
    if of_schools.iter().all(Vec::is_empty) {
        read.schools.iter_mut().for_each(|school| school.rejected = Some(history::RejectedRows::default()));
        return Ok(read);
    }
    let mut source = job.file.open(Arc::new(Quiet), job.work.stop.clone())?;
    let what = (job.options.format, job.sent.content());
    let files = history::rejected_rows_of(&mut *source, what, &job.options.limits, &of_schools)?;
    for (school, file) in read.schools.iter_mut().zip(files) {
        school.rejected = Some(file);
    }
    Ok(read)
}

/// Marks on their way into what is gathered for each school.
struct TakingMarks<'j> {
    job: &'j Job,
    schools: &'j mut Schools,
    at: DateTime<Utc>,
    /// By the place of the school, with the rows that were taken or were of a school that is shut.
    gathered: Vec<(Option<Gathered>, usize)>,
    details: Arc<AtomicUsize>,
}

impl<'j> TakingMarks<'j> {
    fn new(job: &'j Job, schools: &'j mut Schools, at: DateTime<Utc>) -> Self {
        Self { job, schools, at, gathered: Vec::new(), details: Arc::default() }
    }

    /// Takes one row; the outer error ends the reading.
    fn take(&mut self, row: &MarkRow<'_>) -> Result<Result<(), CellFault>, StoreError> {
        let place = match self.schools.of(row.school) {
            Ok(place) => place,
            Err(_) if self.schools.pass_over_others() => return Ok(Ok(())),
            Err(fault) => return Ok(Err(fault)),
        };
        while self.gathered.len() <= place {
            let next = self.begin(self.gathered.len())?;
            self.gathered.push((next, 0));
        }
        let Some((gathered, taken)) = self.gathered.get_mut(place) else { return Ok(Ok(())) };
        let stands = gathered.as_mut().map_or(Ok(()), |gathered| gathered.take(row));
        *taken += usize::from(stands.is_ok());
        Ok(stands)
    }

    /// Reads the roll and calendars of a school that the file has just named; nothing of one that is shut.
    fn begin(&self, place: usize) -> Result<Option<Gathered>, StoreError> {
        let Some(Ok(permit)) = self.schools.all.get(place).map(|school| &school.opened) else {
            return Ok(None);
        };
        let placing = Handle::current().block_on(Placing::read(&self.job.gate, permit, self.at))?;
        Ok(Some(Gathered::new(placing, Arc::clone(&self.details))))
    }

    fn end(self, tally: Tally) -> ReadFile {
        let mut tallies = share(tally, self.schools);
        let mut gathered = self.gathered.into_iter();
        let all = std::mem::take(&mut self.schools.all).into_iter().map(|school| {
            let mut tally = tallies.of.remove(&school.school).unwrap_or_default();
            let (gathered, taken) = gathered.next().unwrap_or_default();
            tally.received = taken + tally.rejected.rows;
            let brought = match gathered {
                Some(gathered) => Brought::Marks(Arc::new(gathered), tally),
                None => Brought::Nothing(tally),
            };
            OfFile { urn: school.urn, opened: school.opened, trail: school.trail, brought, rejected: None }
        });
        ReadFile { schools: all.collect(), of_no_school: tallies.rest }
    }
}

/// Shares a list of rows out among its schools.
fn by_school<R>(
    job: &Job,
    file: File<R>,
    schools: &mut Schools,
    named: impl Fn(&R) -> Option<&str>,
    brought: impl Fn(File<R>) -> Brought,
) -> ReadFile {
    let File { rows, mut tally } = file;
    let mut of: Vec<Vec<(u64, R)>> = Vec::new();
    for (line, row) in rows {
        match schools.of(named(&row)) {
            Ok(place) => {
                while of.len() <= place {
                    of.push(Vec::new());
                }
                if let Some(rows) = of.get_mut(place) {
                    rows.push((line, row));
                }
            }
            Err(fault) => {
                let cell = named(&row).unwrap_or_default();
                let error = || RowError::of_cell(line, fault.column, cell, &fault.message);
                tally.rejected.add(error, job.options.limits.errors_max);
            }
        }
    }
    tally.rejected.errors.sort_by_key(|error| error.line);
    let mut tallies = share(tally, schools);
    let mut of = of.into_iter();
    let all = std::mem::take(&mut schools.all).into_iter().map(|school| {
        let mut tally = tallies.of.remove(&school.school).unwrap_or_default();
        let rows = of.next().unwrap_or_default();
        tally.received = rows.len() + tally.rejected.rows;
        let brought = match &school.opened {
            Ok(_) => brought(File { rows, tally }),
            Err(_) => Brought::Nothing(tally),
        };
        OfFile { urn: school.urn, opened: school.opened, trail: school.trail, brought, rejected: None }
    });
    ReadFile { schools: all.collect(), of_no_school: tallies.rest }
}

/// What was counted and wrong, by the school whose rows it was in.
struct Tallies {
    of: HashMap<SchoolId, Tally>,
    rest: Tally,
}

/// Gives each school the errors of its own rows: a report quotes cells and goes to one school only.
fn share(mut tally: Tally, schools: &mut Schools) -> Tallies {
    if schools.all.is_empty() {
        // A school's own file without a row is that school's all the same.
        schools.open_default();
    }
    // Sent for one school, all of it is that school's, rows that cannot be taken apart included.
    if let (false, [one]) = (schools.are_many(), schools.all.as_slice()) {
        return Tallies { of: HashMap::from([(one.school, tally)]), rest: Tally::default() };
    }
    let rejected_of = std::mem::take(&mut tally.rejected_of);
    // A school of which every row was rejected is named by the file all the same.
    for school in rejected_of.keys() {
        schools.open_known(*school);
    }
    // What is of the file is of each of its schools.
    let of_file = |rejected: Rejected| Tally {
        layout: tally.layout,
        encoding: tally.encoding,
        dates: tally.dates,
        columns_ignored: tally.columns_ignored.clone(),
        rejected,
        ..Tally::default()
    };
    let mut of: HashMap<SchoolId, Tally> =
        rejected_of.into_iter().map(|(school, rejected)| (school, of_file(rejected))).collect();
    for school in &schools.all {
        of.entry(school.school).or_insert_with(|| of_file(Rejected::default()));
    }
    tally.received = tally.rejected.rows;
    Tallies { of, rest: tally }
}
