//! One row taken apart by column, and the reading of single cells. Errors gather in the row, so that a school sees all
//! that is wrong with a row at once.
//!
//! Space around a cell never counts, an empty cell is one that is not given, and a cell that a spreadsheet would take
//! for a formula is just text.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, Utc};

use super::columns::Table;
use super::report::RowError;

/// What is wrong with a cell and what to do, as `what; what to do`.
pub(super) type Fault = Cow<'static, str>;

/// One row of a file.
pub(super) struct Row<'r> {
    line: u64,
    table: &'static Table,
    values: &'r [Cow<'r, str>],
    cell_max_chars: usize,
    errors: Vec<RowError>,
}

impl<'r> Row<'r> {
    pub(super) fn new(
        line: u64,
        table: &'static Table,
        values: &'r [Cow<'r, str>],
        cell_max_chars: usize,
        errors: Vec<RowError>,
    ) -> Self {
        Self { line, table, values, cell_max_chars, errors }
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
        self.errors.push(RowError::of_cell(self.line, column, self.cell(column), message));
    }
}

/// A date as `YYYY-MM-DD` and in no other form: `03/04/2026` means two days.
pub(super) fn date(cell: &str) -> Result<NaiveDate, Fault> {
    let shaped = cell.len() == 10
        && cell
            .bytes()
            .zip(0..)
            .all(|(byte, at)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    if !shaped {
        return Err("is not a date as YYYY-MM-DD; write it so, such as `2026-09-01`".into());
    }
    match NaiveDate::parse_from_str(cell, "%Y-%m-%d") {
        Ok(date) if (1900..=2199).contains(&date.year()) => Ok(date),
        Ok(_) | Err(_) => Err("is a day that is not in the calendar; check year, month and day".into()),
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
    fn dates() {
        assert_eq!(date("2024-02-29").unwrap().to_string(), "2024-02-29");
        for cell in [
            "29/02/2024",
            "2024-2-29",
            "2023-02-29",
            "2024-13-01",
            "1899-12-31",
            "9999-01-01",
            "20240229",
            "+024-02-29",
            "2024-02-2９",
        ] {
            assert!(date(cell).is_err(), "{cell}");
        }
    }

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
    }
}
