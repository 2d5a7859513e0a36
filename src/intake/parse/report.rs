//! What comes out of reading a file: its rows, and what was wrong, in words that say what to do.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;

use super::formats::HeaderError;
use crate::domain::identifiers::SchoolId;

/// The most characters of a cell that a report quotes.
const QUOTED_MAX_CHARS: usize = 80;

/// A file as read. Every row received is either in `rows` or counted in the tally's `rejected`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File<R> {
    /// The rows that were read, each with the line it begins on, from 1.
    pub rows: Vec<(u64, R)>,
    /// What was counted and found on the way.
    pub tally: Tally,
}

/// What reading a file counted, and what was wrong in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows in the file, without the header and blank lines; in the day and wide layouts, marks.
    pub received: usize,
    /// Of these, the ones with at least one error, of no school that the reader was told of.
    pub rejected: Rejected,
    /// The same of each school that it was told of.
    pub rejected_of: BTreeMap<SchoolId, Rejected>,
    /// Cells of free-text comments, which are dropped unread: the gateway does not carry them.
    pub comments_dropped: usize,
    /// Values in columns, or under keys, that are not known.
    pub values_ignored: usize,
    /// The names of columns that are not known, as given; a misspelt optional column shows up here. Not for NDJSON.
    pub columns_ignored: Vec<String>,
    /// Present marks whose stroke a tool had mangled or turned the wrong way, taken as what their session makes them.
    pub codes_mended: usize,
    /// `long`, `day` or `wide` for marks; `rows` for other files.
    pub layout: &'static str,
    /// `utf-8` or `windows-1252`; `xlsx` for a spreadsheet.
    pub encoding: &'static str,
    /// How its dates were read: `yyyy-mm-dd` (and dates with the month's name), or `dd/mm/yyyy` where the file proves it.
    pub dates: &'static str,
}

/// The rows of one school that were rejected, and what was wrong with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// How many; in the day and wide layouts, marks.
    pub rows: usize,
    /// What was wrong, in the order of the file; a row may have several.
    pub errors: Vec<RowError>,
    /// Errors beyond the limit, which were only counted.
    pub errors_left_out: usize,
    /// Lines of the file of which nothing is among the errors.
    pub lines_left_out: usize,
}

impl Rejected {
    /// Adds a row with one error, which is only made where no more than so many are kept.
    pub(in crate::intake) fn add(&mut self, error: impl FnOnce() -> RowError, errors_max: usize) {
        self.rows += 1;
        if self.errors.len() < errors_max {
            self.errors.push(error());
        } else {
            (self.errors_left_out, self.lines_left_out) = (self.errors_left_out + 1, self.lines_left_out + 1);
        }
    }
}

/// Why a mark that can be read cannot stand: said by whoever holds it against roll, calendar and codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellFault {
    /// The canonical column of the long layout at fault, whatever the layout of the file.
    pub column: &'static str,
    /// `what is wrong; what to do`, without anything of the row in it.
    pub message: Cow<'static, str>,
}

impl CellFault {
    /// A fault of a column.
    pub fn new(column: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { column, message: message.into() }
    }
}

/// One thing wrong with one row. For the school that sent the file only: `value` is the cell as it gave it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RowError {
    /// The line that the row begins on, from 1.
    pub line: u64,
    /// The canonical name of the column, or `row` where it is the whole row.
    pub column: Cow<'static, str>,
    /// The cell as given, at most 80 characters; empty for a whole row.
    pub value: String,
    /// What is wrong. Never has anything of the row in it.
    pub what: String,
    /// What to do about it.
    pub what_to_do: String,
}

impl RowError {
    /// An error of one cell. `message` is `what is wrong; what to do`, as all our errors of input are.
    pub(in crate::intake) fn of_cell(
        line: u64,
        column: impl Into<Cow<'static, str>>,
        value: &str,
        message: &str,
    ) -> Self {
        let (what, what_to_do) =
            message.split_once("; ").unwrap_or((message, "correct it and send the row again"));
        Self {
            line,
            column: column.into(),
            value: quoted(value),
            what: what.to_owned(),
            what_to_do: what_to_do.to_owned(),
        }
    }

    /// One of more errors than are kept: it is only counted, so that nothing is made of it.
    pub(super) fn counted(line: u64, column: impl Into<Cow<'static, str>>) -> Self {
        let (value, what, what_to_do) = (String::new(), String::new(), String::new());
        Self { line, column: column.into(), value, what, what_to_do }
    }

    /// An error of a whole row, which is not quoted.
    pub(super) fn of_row(line: u64, message: &str) -> Self {
        Self::of_cell(line, "row", "", message)
    }
}

impl fmt::Debug for RowError {
    /// Hides the cell, which may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowError(line {}, {}: {})", self.line, self.column, self.what)
    }
}

/// The beginning of a text that came from a file, short enough for a report.
pub(super) fn quoted(value: &str) -> String {
    value.chars().take(QUOTED_MAX_CHARS).collect()
}

/// Why a file is refused whole. The messages have nothing in them that came from the file.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing in it.
    #[error("the file is empty; check that the export finished and send it again")]
    Empty,
    /// The source failed while it was read.
    #[error("the file could not be read to its end; check that it is whole and send it again")]
    Unreadable,
    /// The file is another than the one that was checked.
    #[error("the file was changed while it was read; send it again once it is whole")]
    Changed,
    /// JSON that is not UTF-8.
    #[error("line {line} is not UTF-8; JSON is always UTF-8: export it so")]
    NotUtf8 {
        /// The first such line, from 1.
        line: u64,
    },
    /// Text in one encoding with lines in another.
    #[error(
        "line {line} is not {otherwise}, as the file is otherwise: parts of it were put together from files in two \
         encodings; export it again whole, or save each part as `CSV UTF-8` before putting them together"
    )]
    MixedEncodings {
        /// The first such line, from 1.
        line: u64,
        /// What most of the file's lines are.
        otherwise: &'static str,
    },
    /// Bytes that are neither UTF-8 nor Windows-1252.
    #[error(
        "line {line} is in an encoding that is neither UTF-8 nor Windows-1252; save the file as `CSV UTF-8`"
    )]
    NoKnownEncoding {
        /// The first such line, from 1.
        line: u64,
    },
    /// A byte order mark of UTF-16.
    #[error("the file is UTF-16; export or save it as `CSV UTF-8`")]
    Utf16,
    /// A spreadsheet under the name of text.
    #[error(
        "the file is a spreadsheet, not text; name it `.xlsx`, or send it with its own content type, or save it as `CSV UTF-8`"
    )]
    SpreadsheetAsText,
    /// A spreadsheet of before 2007, or one with a password: both are stored alike.
    #[error(
        "the file is an old spreadsheet (.xls) or has a password; save it as an Excel workbook (.xlsx) without a password"
    )]
    OldSpreadsheet,
    /// A spreadsheet that is not taken as it is.
    #[error("{0}")]
    Spreadsheet(#[from] SpreadsheetError),
    /// The first line has more bytes than a row may.
    #[error("the first line is too long to name columns; check that the file's lines end as they should")]
    LongHeader,
    /// The first lines name sessions by date in a way that is not one day each.
    #[error("{0}")]
    Sessions(#[from] SessionsError),
    /// A cell of the first line that cannot be taken, such as a formula.
    #[error("the name of column {column} {what}")]
    HeaderCell {
        /// The column, from 1.
        column: usize,
        /// What is wrong with it and what to do.
        what: &'static str,
    },
    /// One column whose name has semicolons or tabs in it.
    #[error("the columns are not separated by commas; export or save the file as comma-separated")]
    Separator,
    /// More columns than the limit.
    #[error("the file has more than {max} columns; export only the columns that are needed")]
    TooManyColumns {
        /// The limit.
        max: usize,
    },
    /// More rows than the limit.
    #[error("the file has more than {max} rows; send it in several files")]
    TooManyRows {
        /// The limit.
        max: usize,
    },
    /// More bytes of rows that must be held than the limit.
    #[error("the rows of the file come to more than {max} bytes; send it in several files")]
    TooMuch {
        /// The limit.
        max: usize,
    },
    /// The first line does not name the columns that are needed, or names one twice.
    #[error("{0}")]
    Header(Box<HeaderError>),
}

impl fmt::Debug for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileError({self})")
    }
}

/// Why a spreadsheet is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpreadsheetError {
    /// Not a ZIP archive, or one that is cut short or inconsistent.
    #[error(
        "the spreadsheet cannot be opened; open it in the spreadsheet program, save it as .xlsx again and send that"
    )]
    Broken,
    /// An archive without a workbook in it.
    #[error("the file is an archive and no .xlsx workbook; save the workbook as .xlsx and send that alone")]
    NoWorkbook,
    /// Macros.
    #[error("the spreadsheet has macros; save it as an Excel workbook without macros (.xlsx)")]
    Macros,
    /// Links to other workbooks, or queries.
    #[error(
        "the spreadsheet draws on other files or queries; copy its cells and paste them as values into a new workbook"
    )]
    ExternalLinks,
    /// Embedded objects or controls.
    #[error("the spreadsheet has objects embedded in it; copy its cells as values into a new workbook")]
    Embedded,
    /// Encrypted entries.
    #[error("the spreadsheet has a password; save it without one")]
    Password,
    /// More entries, bytes or a higher ratio than a spreadsheet of marks has.
    #[error(
        "the spreadsheet unpacks to more than a spreadsheet of registers can hold; export less at a time, or send it as CSV"
    )]
    TooLarge,
    /// No visible sheet.
    #[error("the spreadsheet has no visible sheet with cells; unhide the sheet to be taken")]
    NoSheet,
    /// Several sheets, none of which names columns as needed.
    #[error(
        "none of the {sheets} visible sheets names the columns that are needed in its first row; keep the names in row 1 of one sheet"
    )]
    NoneOfTheSheets {
        /// How many sheets are visible.
        sheets: usize,
    },
    /// More than one sheet that could be meant.
    #[error(
        "sheets {first} and {second} both name the columns that are needed; keep one of them, and send the other as a file of its own"
    )]
    SeveralSheets {
        /// The first of them, from 1 in the order of their tabs.
        first: usize,
        /// The second.
        second: usize,
    },
}

/// What is wrong with the sessions that a wide file's first lines name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionsError {
    /// Dates that could be two days.
    #[error(
        "column {column} names a date that could be {day_first} or {month_first}; write the dates of the first line as \
         YYYY-MM-DD, such as `{day_first} AM`"
    )]
    TwoDays {
        /// The column, from 1.
        column: usize,
        /// The date if its day comes first.
        day_first: NaiveDate,
        /// The date if its month comes first.
        month_first: NaiveDate,
    },
    /// A date without its year, or with two digits of it.
    #[error(
        "column {column} names a date without its whole year; write the dates of the first line as YYYY-MM-DD"
    )]
    NoYear {
        /// The column, from 1.
        column: usize,
    },
    /// A date that is none, contradicts its weekday or has its month first.
    #[error(
        "column {column} names a date that cannot be taken; write the dates of the first line as YYYY-MM-DD"
    )]
    NoDate {
        /// The column, from 1.
        column: usize,
    },
    /// A date without a session of it.
    #[error(
        "column {column} names a date and no session that can be read; write `AM` or `PM` with each date, or leave the column out"
    )]
    NoHalf {
        /// The column, from 1.
        column: usize,
    },
    /// Two columns for one session.
    #[error("columns {first} and {second} name the same session; keep one of them")]
    Twice {
        /// The first, from 1.
        first: usize,
        /// The second.
        second: usize,
    },
}
