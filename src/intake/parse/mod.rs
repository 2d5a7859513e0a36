//! Reads the files that a school sends (calendar, pupils, attendance by session) into typed rows.
//!
//! Pure functions over bytes: no clock, database or network, so that anything a stranger can write can be tried in a
//! test. A bad row is reported with its line, column, cell and what to do, and the rest is read on; a file that cannot
//! be read by columns at all is refused whole. Nothing here may panic, guess a value, or put one column's cell into the
//! report of another. The report quotes cells: it goes back to the school that sent the file and nowhere else.

mod cells;
mod columns;
mod formats;
mod report;
mod rows;

pub use report::{CellFault, File, FileError, HeaderError, RowError, Tally};
pub use rows::{
    CalendarRow, CalendarWord, MarkRow, PupilRow, SessionHalf, SpecialNeeds, TakeMark, read_calendar,
    read_marks, read_pupils,
};

use std::borrow::Cow;
use std::io::{Read, Seek, SeekFrom};

use cells::Row;
use columns::Table;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, the first line naming the columns.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// What one file may hold at most. The size of the whole file is the caller's to limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows of one file; more refuses the file.
    pub rows_max: usize,
    /// Columns of one file, or keys of one object.
    pub columns_max: usize,
    /// Bytes of one row.
    pub row_max_bytes: usize,
    /// Characters of one cell.
    pub cell_max_chars: usize,
    /// Row errors kept in the report; those beyond are only counted.
    pub errors_max: usize,
}

impl Default for Limits {
    /// A school's year of marks with room to spare: 2,000 pupils have about 760,000 sessions.
    fn default() -> Self {
        Self {
            rows_max: 1_000_000,
            columns_max: 256,
            row_max_bytes: 64 * 1024,
            cell_max_chars: 1_000,
            errors_max: 10_000,
        }
    }
}

/// Where a file's bytes come from: a body in memory or a file on disk. It is read more than once.
pub trait Source: Read + Seek {}

impl<S: Read + Seek + ?Sized> Source for S {}

/// Reads every row into a list by `read`, which gives `None` only after it has put an error into the row.
fn read_file<R>(
    source: &mut dyn Source,
    format: Format,
    table: &'static Table,
    limits: &Limits,
    read: &dyn Fn(&mut Row<'_>) -> Option<R>,
) -> Result<File<R>, FileError> {
    let mut rows = Vec::new();
    let tally = read_rows(source, format, table, limits, &mut |line, row| {
        if let Some(read) = read(row).filter(|_| !row.has_errors()) {
            rows.push((line, read));
        }
    })?;
    Ok(File { rows, tally })
}

/// Gives every row, in either format, to `each`, which puts an error into the row if it cannot stand.
fn read_rows(
    source: &mut dyn Source,
    format: Format,
    table: &'static Table,
    limits: &Limits,
    each: &mut dyn FnMut(u64, &mut Row<'_>),
) -> Result<Tally, FileError> {
    let mut bytes = Vec::new();
    source
        .seek(SeekFrom::Start(0))
        .and_then(|_| source.read_to_end(&mut bytes))
        .map_err(|_| FileError::Unreadable)?;
    let text = utf8(&bytes)?;
    let mut taking = Taking { tally: Tally::default(), table, limits, each };
    match format {
        Format::Csv => formats::read_csv(text, &mut taking)?,
        Format::Ndjson => formats::read_ndjson(text, &mut taking)?,
    }
    Ok(taking.tally)
}

/// The text of a file in UTF-8, without its byte order mark.
fn utf8(bytes: &[u8]) -> Result<&str, FileError> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(FileError::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.iter().take(error.valid_up_to());
        FileError::NotUtf8 { line: line_after(before.filter(|byte| **byte == b'\n').count()) }
    })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.trim().is_empty() { Err(FileError::Empty) } else { Ok(text) }
}

/// The number, from 1, of the line that follows `ended` whole ones.
fn line_after(ended: usize) -> u64 {
    u64::try_from(ended).unwrap_or(u64::MAX).saturating_add(1)
}

/// A file on its way in: what both formats hand their rows to.
struct Taking<'t> {
    tally: Tally,
    table: &'static Table,
    limits: &'t Limits,
    each: &'t mut dyn FnMut(u64, &mut Row<'_>),
}

impl Taking<'_> {
    /// Counts a row that has arrived, unless the file has too many.
    fn count(&mut self) -> Result<(), FileError> {
        if self.tally.received >= self.limits.rows_max {
            return Err(FileError::TooManyRows { max: self.limits.rows_max });
        }
        self.tally.received += 1;
        Ok(())
    }

    /// Takes one row: `values` stand in the order of the table's columns, empty where not given.
    fn row(&mut self, line: u64, values: &[Cow<'_, str>], errors: Vec<RowError>) {
        let mut row = Row::new(line, self.table, values, self.limits.cell_max_chars, errors);
        (self.each)(line, &mut row);
        if row.has_errors() {
            let school = row.cell("school");
            let mut errors = row.into_errors();
            if !school.is_empty() {
                errors.iter_mut().for_each(|error| error.school = Some(school.to_owned()));
                *self.tally.rejected_of.entry(school.to_owned()).or_default() += 1;
            }
            self.reject(errors);
        }
    }

    /// Takes a row that could not be taken apart into cells.
    fn broken(&mut self, line: u64, what: &str) {
        self.reject(vec![RowError::of_row(line, what)]);
    }

    fn reject(&mut self, errors: Vec<RowError>) {
        self.tally.rejected += 1;
        for error in errors {
            if self.tally.errors.len() < self.limits.errors_max {
                self.tally.errors.push(error);
            } else {
                self.tally.errors_left_out += 1;
            }
        }
    }

    /// Counts a value in a column that is not taken.
    fn pass_over(&mut self, header: &str) {
        if columns::is_comment(header) {
            self.tally.comments_dropped += 1;
        } else {
            self.tally.values_ignored += 1;
        }
    }
}

#[cfg(test)]
mod tests;
