//! What comes out of reading a file: its rows, and what was wrong, in words that say what to do.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use super::columns::Column;

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
    /// What was wrong with the rows that were rejected; a row may have several.
    pub errors: Vec<RowError>,
    /// Errors beyond the limit, which were only counted.
    pub errors_left_out: usize,
    /// Rows in the file, without the header and blank lines.
    pub received: usize,
    /// Rows with at least one error.
    pub rejected: usize,
    /// The same by the school that the row names, as given; a row that names none is in none of them.
    pub rejected_of: HashMap<String, usize>,
    /// Cells of free-text comments, which are dropped unread: the gateway does not carry them.
    pub comments_dropped: usize,
    /// Values in columns, or under keys, that are not known.
    pub values_ignored: usize,
    /// The names of columns that are not known, as given; a misspelt optional column shows up here. CSV only.
    pub columns_ignored: Vec<String>,
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
#[derive(Clone, PartialEq, Eq)]
pub struct RowError {
    /// The line that the row begins on, from 1.
    pub line: u64,
    /// The school that the row names, as given; none where it names none.
    pub school: Option<String>,
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
            school: None,
            column: column.into(),
            value: quoted(value),
            what: what.to_owned(),
            what_to_do: what_to_do.to_owned(),
        }
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
    /// Bytes that are not UTF-8.
    #[error(
        "line {line} is not UTF-8, so the file is probably Windows-1252; export or save it as `CSV UTF-8`"
    )]
    NotUtf8 {
        /// The first such line, from 1.
        line: u64,
    },
    /// A byte order mark of UTF-16.
    #[error("the file is UTF-16; export or save it as `CSV UTF-8`")]
    Utf16,
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
    /// The first line does not name the columns that are needed, or names one twice.
    #[error("{0}")]
    Header(HeaderError),
}

impl fmt::Debug for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileError({self})")
    }
}

/// What is wrong with the first line of a CSV file.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderError {
    /// Columns that are needed and not there: canonical name and the other names accepted.
    pub missing: Vec<(&'static str, &'static [&'static str])>,
    /// Columns of which at least one is needed and none is there; empty otherwise.
    pub missing_one_of: Vec<(&'static str, &'static [&'static str])>,
    /// Canonical names that two or more columns stand for.
    pub twice: Vec<&'static str>,
    /// Canonical names that were found.
    pub recognised: Vec<&'static str>,
    /// The first line's cells as given, each at most 80 characters. Where the header is missing they are a child's row,
    /// so they are for the school's report only and not in the message.
    pub found: Vec<String>,
}

impl HeaderError {
    pub(super) fn names(columns: &[&'static Column]) -> Vec<(&'static str, &'static [&'static str])> {
        columns.iter().map(|column| (column.name, column.aliases)).collect()
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (name, aliases) in &self.missing {
            parts.push(format!("column `{name}` is missing (also accepted: {})", listed(aliases)));
        }
        if !self.missing_one_of.is_empty() {
            let names: Vec<String> = self
                .missing_one_of
                .iter()
                .map(|(name, aliases)| format!("`{name}` (also accepted: {})", listed(aliases)))
                .collect();
            parts.push(format!("one of these columns is needed: {}", names.join(", ")));
        }
        for name in &self.twice {
            parts.push(format!("more than one column stands for `{name}`"));
        }
        let recognised =
            if self.recognised.is_empty() { "none".to_owned() } else { listed(&self.recognised) };
        write!(
            f,
            "the first line does not name the columns as needed: {}; of its {} names these were recognised: {recognised}; \
             rename or remove columns so that each needed one is there once, and send the file again",
            parts.join(", "),
            self.found.len()
        )
    }
}

impl fmt::Debug for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderError({self})")
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
