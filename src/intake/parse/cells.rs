//! One row taken apart by column, and the reading of single cells. Errors gather in the row, so that a school sees all
//! that is wrong with a row at once.
//!
//! Space around a cell never counts, an empty cell is one that is not given, and a cell that a spreadsheet would take
//! for a formula is just text.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, Utc};

use super::columns::{Given, Table};
use super::dates::{self, DateForm};
use super::report::RowError;

/// What is wrong with a cell and what to do, as `what; what to do`.
pub(super) type Fault = Cow<'static, str>;

/// One row of a file.
pub(super) struct Row<'r> {
    line: u64,
    table: &'static Table,
    values: &'r [&'r str],
    given: Given,
    forms: &'r [DateForm],
    cell_max_chars: usize,
    full: bool,
    errors: Vec<RowError>,
}

impl<'r> Row<'r> {
    /// `values` stand in the order of the table's columns, empty where not given, and so do `forms` where they are known;
    /// `given` says of which columns there was a cell or key at all. Where the report is `full`, errors are only counted.
    pub(super) fn new(
        line: u64,
        table: &'static Table,
        (values, given, forms): (&'r [&'r str], Given, &'r [DateForm]),
        (cell_max_chars, full): (usize, bool),
        errors: Vec<RowError>,
    ) -> Self {
        Self { line, table, values, given, forms, cell_max_chars, full, errors }
    }

    /// Which columns there are, empty or not.
    pub(super) fn given(&self) -> Given {
        self.given
    }

    pub(super) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    pub(super) fn into_errors(self) -> Vec<RowError> {
        self.errors
    }

    /// The cell of `column` without the space around it; empty if not given.
    pub(super) fn cell(&self, column: &'static str) -> &'r str {
        self.table.position(column).and_then(|at| self.values.get(at)).map_or("", |value| value.trim())
    }

    /// How the dates of `column` may be read.
    fn form(&self, column: &'static str) -> DateForm {
        self.table.position(column).and_then(|at| self.forms.get(at)).copied().unwrap_or_default()
    }

    /// Reads a date that must be given.
    pub(super) fn needed_date(&mut self, column: &'static str) -> Option<NaiveDate> {
        let form = self.form(column);
        self.needed(column, |cell| dates::date(cell, form))
    }

    /// Reads a date that may be empty.
    pub(super) fn optional_date(&mut self, column: &'static str) -> Option<NaiveDate> {
        let form = self.form(column);
        self.optional(column, |cell| dates::date(cell, form))
    }

    /// Reads a cell that must be given.
    pub(super) fn needed<T>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&'r str) -> Result<T, Fault>,
    ) -> Option<T> {
        // A wrong type was reported when the row was taken apart; "is empty" on top would be untrue.
        if self.cell(column).is_empty() && !self.is_wrong(column) {
            self.fault(column, "is empty; fill it in in the school's system and export again");
        }
        self.optional(column, read)
    }

    /// Reads a cell that may be empty; `None` if it is, or if it is wrong, which is then among the errors.
    pub(super) fn optional<T>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&'r str) -> Result<T, Fault>,
    ) -> Option<T> {
        let cell = self.cell(column);
        if cell.is_empty() {
            return None;
        }
        if cell.chars().count() > self.cell_max_chars {
            self.fault(
                column,
                "is too long; check that quotation marks are closed and columns are in their places",
            );
            return None;
        }
        read(cell).map_err(|fault| self.fault(column, &fault)).ok()
    }

    /// Whether `column` already has an error.
    pub(super) fn is_wrong(&self, column: &'static str) -> bool {
        self.errors.iter().any(|error| error.column == column)
    }

    /// Adds an error of `column` to the row.
    pub(super) fn fault(&mut self, column: &'static str, message: &str) {
        self.errors.push(if self.full {
            RowError::counted(self.line, column)
        } else {
            RowError::of_cell(self.line, column, self.cell(column), message)
        });
    }
}

/// A time in RFC 3339 with its offset, to the microsecond, which is what is held.
pub(super) fn time(cell: &str) -> Result<DateTime<Utc>, Fault> {
    match DateTime::parse_from_rfc3339(cell) {
        Ok(time) if (1900..=2199).contains(&time.year()) => Ok(time.with_timezone(&Utc).trunc_subsecs(6)),
        Ok(_) | Err(_) => {
            Err("is not a time in RFC 3339; write it with its offset, such as `2026-09-01T08:55:00Z`".into())
        }
    }
}

/// The one form of a time that exports of long files have, `2026-09-01T08:55:00Z`; `None` sends the cell to [`time`].
pub(super) fn quick_time(cell: &str) -> Option<DateTime<Utc>> {
    let (day, clock) = cell.strip_suffix('Z')?.split_once('T')?;
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *clock.as_bytes() else { return None };
    let two = |tens: u8, ones: u8| {
        let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
        (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
    };
    let day = dates::quick(day, DateForm::AsWritten)?;
    // A second of 60 is left to the longer way.
    Some(day.and_hms_opt(two(h1, h2)?, two(m1, m2)?, two(s1, s2)?)?.and_utc())
}

/// Yes or no, in the words that exports use.
pub(super) fn flag(cell: &str) -> Result<bool, Fault> {
    match folded(cell).as_str() {
        "true" | "yes" | "y" | "t" | "1" => Ok(true),
        "false" | "no" | "n" | "f" | "0" => Ok(false),
        _ => Err("is neither yes nor no; write `true` or `false`".into()),
    }
}

/// Text on one line, kept as given, at most `max` characters.
pub(super) fn text(cell: &str, max: usize) -> Result<&str, Fault> {
    if cell.chars().any(char::is_control) {
        return Err("has a line break or control character; remove it in the school's system".into());
    }
    bounded(cell, max)
}

/// Whether a cell is text on one line that every limit on characters lets through, seen by its bytes alone.
pub(super) fn is_plain(cell: &str, max: usize) -> bool {
    cell.len() <= max && cell.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Text that may run over lines, as addresses do; other control characters are refused.
pub(super) fn lines(cell: &str, max: usize) -> Result<&str, Fault> {
    if cell.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("has a control character; remove it in the school's system".into());
    }
    bounded(cell, max)
}

fn bounded(cell: &str, max: usize) -> Result<&str, Fault> {
    if cell.chars().count() > max {
        Err(format!(
            "has more than {max} characters; shorten it, or check that the columns are in their places"
        )
        .into())
    } else {
        Ok(cell)
    }
}

/// A word of a closed list, whatever its case, spaces and hyphens: how headers and words are compared.
pub(super) fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Turns an error of the domain into the fault of a cell.
pub(super) fn fault(error: impl std::error::Error) -> Fault {
    error.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(
            time("2026-09-01T09:55:00.1234567+01:00").unwrap().to_rfc3339(),
            "2026-09-01T08:55:00.123456+00:00"
        );
        for cell in
            ["2026-09-01T08:55:00", "2026-09-01", "08:55", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z"]
        {
            assert!(time(cell).is_err(), "{cell}");
            assert_eq!(quick_time(cell), None, "{cell}");
        }
        for cell in ["2026-09-01T08:55:07Z", "2026-02-28T00:00:00Z", "1900-01-01T23:59:59Z"] {
            assert_eq!(quick_time(cell), time(cell).ok(), "{cell}");
            assert!(quick_time(cell).is_some());
        }
        for cell in
            ["2026-09-01T24:00:00Z", "2026-09-01T08:60:00Z", "2026-09-31T08:00:00Z", "2026-09-01T08:55:60Z"]
        {
            assert_eq!(quick_time(cell), None, "{cell}");
        }
    }

    #[test]
    fn flags() {
        for (cell, expected) in
            [("TRUE", Some(true)), ("n", Some(false)), ("0", Some(false)), ("maybe", None)]
        {
            assert_eq!(flag(cell).ok(), expected, "{cell}");
        }
    }

    #[test]
    fn texts() {
        assert!(text("=1+1", 10).is_ok() && text("a\u{0}", 10).is_err() && text("a\nb", 10).is_err());
        assert!(
            lines("1 High Street\nTown", 30).is_ok()
                && lines("a\u{0}", 10).is_err()
                && lines("abc", 2).is_err()
        );
        assert!(is_plain("a 1~", 4) && !is_plain("abc", 2) && !is_plain("é", 9) && !is_plain("a\tb", 9));
    }
}
