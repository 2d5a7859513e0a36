//! Reads the files that a school sends (calendar, pupils, attendance by session) into typed rows.
//!
//! Pure functions over bytes: no clock, database or network, so that anything a stranger can write can be tried in a
//! test. A bad row is reported with its line, column, cell and what to do, and the rest is read on; a file that cannot
//! be read by columns at all is refused whole. Nothing here may panic, guess a value, or put one column's cell into the
//! report of another. The report quotes cells: it goes back to the school that sent the file and nowhere else.

mod cells;
mod columns;
mod dates;
mod formats;
mod kept;
mod originals;
mod report;
mod rows;
mod taking;
mod text;

pub use formats::HeaderError;
pub(in crate::intake) use formats::{ADDED_COLUMNS as ERROR_COLUMNS, may_compute};
pub(in crate::intake) use kept::Kept;
pub use originals::{Content, Originals, originals};
pub(in crate::intake) use originals::{TakeOriginals, each_original};
pub use report::{CellFault, File, FileError, Rejected, RowError, SessionsError, SpreadsheetError, Tally};
pub(in crate::intake) use rows::is_present;
pub use rows::{
    CalendarRow, CalendarWord, MarkRow, PupilRow, SessionHalf, SpecialNeeds, TakeMark, columns_left,
    read_calendar, read_marks, read_pupils,
};

use crate::domain::identifiers::SchoolId;
use std::io::{Read, Seek};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, the first line naming the columns.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// A spreadsheet as Excel saves it since 2007.
    Xlsx,
}

/// What one file may hold at most. The size of the whole file is the caller's to limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows of one file; more refuses the file. A calendar or roll has at most a million whatever is said here.
    pub rows_max: usize,
    /// Columns of one file, or keys of one object.
    pub columns_max: usize,
    /// Bytes of one row.
    pub row_max_bytes: usize,
    /// Characters of one cell.
    pub cell_max_chars: usize,
    /// Bytes of a spreadsheet's cells, all rows together. Cells share texts, so that a small file can have any number of long
    /// rows.
    pub sheet_max_bytes: usize,
    /// Bytes of the rows of a roll or calendar, which are held until the whole file is read.
    pub list_max_bytes: usize,
    /// Row errors kept; those beyond are only counted. Of a file of many schools each has at least an equal share.
    pub errors_max: usize,
}

impl Default for Limits {
    /// Any number of rows, as a file from the command line may have; what comes over the wire is limited in bytes. A wide
    /// file of a year has 380 columns for the sessions, and 730 if it has a pair for every day.
    fn default() -> Self {
        Self {
            rows_max: usize::MAX,
            columns_max: 1_024,
            row_max_bytes: 64 * 1024,
            cell_max_chars: 1_000,
            sheet_max_bytes: 1024 * 1024 * 1024,
            list_max_bytes: 256 * 1024 * 1024,
            errors_max: 10_000,
        }
    }
}

/// The school that a row names, by its number as given, empty where it names none: what is wrong is kept and counted for
/// each school apart. None where that is of no school that can be told.
pub type WhoseRow<'w> = dyn FnMut(&str) -> Option<SchoolId> + 'w;

/// Whose rows those of a file are that is all of one school.
pub fn of_one_school(_number: &str) -> Option<SchoolId> {
    None
}

/// Where a file's bytes come from: a body in memory or a file on disk. It is read more than once.
pub trait Source: Read + Seek {}

impl<S: Read + Seek + ?Sized> Source for S {}

#[cfg(test)]
mod tests;
