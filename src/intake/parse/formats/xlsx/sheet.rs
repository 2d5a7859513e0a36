//! The cells of one sheet, row by row, as the texts that a CSV file of the same cells would have.
//!
//! A cell with a formula is never taken: what it shows was computed at some other time, perhaps out of cells that are
//! not in the file, and a register must be what was written down.

use std::fmt::Write as _;

use chrono::{NaiveDate, TimeDelta};

use super::super::super::Limits;
use super::super::super::report::{FileError, SpreadsheetError};
use super::super::{Grid, GridRow, Taken};
use super::archive::Part;
use super::part::{Tag, Token, Xml};
use super::workbook::{Kind, Workbook};

const TOO_LONG: &str = "has more bytes than a row may; check that the right sheet and columns are sent";
const FORMULA: &str =
    "holds a formula, not a value; copy the cells and paste them as values, then send the file again";
const ERROR: &str = "holds an error of the spreadsheet; write the cell again as it is in the school's system";
/// Rows that a sheet can have.
const ROWS_MAX: u64 = 1_048_576;

/// The rows of a sheet.
pub(in super::super) struct SheetGrid<'s> {
    xml: Xml<'s>,
    row: RowBeing<'s>,
    ended: bool,
}

/// A row on its way in.
struct RowBeing<'s> {
    book: &'s Workbook,
    columns_max: usize,
    row_max_bytes: usize,
    sheet_max_bytes: usize,
    number: u64,
    text: String,
    /// Whether it has more than a row may; what is beyond is not copied.
    too_long: bool,
    /// Bytes of the rows so far.
    taken: usize,
    spans: Vec<(usize, usize)>,
    faults: Vec<(usize, &'static str)>,
    cell: Cell,
}

/// A cell on its way in.
#[derive(Default)]
struct Cell {
    /// Its column, from 0.
    at: usize,
    kind: String,
    style: usize,
    value: String,
    formula: bool,
    taken: bool,
    aside: bool,
}

impl<'s> SheetGrid<'s> {
    pub(super) fn new(part: Part<'s>, book: &'s Workbook, limits: &Limits) -> Self {
        let row = RowBeing {
            book,
            columns_max: limits.columns_max,
            row_max_bytes: limits.row_max_bytes,
            sheet_max_bytes: limits.sheet_max_bytes,
            number: 0,
            text: String::new(),
            too_long: false,
            taken: 0,
            spans: Vec::new(),
            faults: Vec::new(),
            cell: Cell::default(),
        };
        Self { xml: Xml::new(part), row, ended: false }
    }
}

impl Grid for SheetGrid<'_> {
    fn next(&mut self) -> Result<Option<Taken<'_>>, FileError> {
        while !self.ended {
            match self.xml.next()? {
                Token::Open(tag) => self.row.open(&tag)?,
                Token::Text(text) => self.row.take(&text),
                Token::Close(name) => match name.as_str() {
                    "row" => return Ok(Some(self.row.taken()?)),
                    "sheetData" => self.ended = true,
                    name => self.row.close(name)?,
                },
                // A sheet that is cut short would be a register with days missing.
                Token::Ended => return Err(SpreadsheetError::Broken.into()),
                Token::Nothing => {}
            }
        }
        Ok(None)
    }
}

impl RowBeing<'_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<(), SpreadsheetError> {
        match tag.name() {
            "row" => {
                let number = match tag.attribute("r")? {
                    Some(number) => number.parse().map_err(|_| SpreadsheetError::Broken)?,
                    None => self.number + 1,
                };
                if number <= self.number || number > ROWS_MAX {
                    return Err(SpreadsheetError::Broken);
                }
                self.number = number;
                self.text.clear();
                self.too_long = false;
                self.spans.clear();
                self.faults.clear();
            }
            "c" => {
                let at = match tag.attribute("r")? {
                    Some(reference) => column_of(&reference).ok_or(SpreadsheetError::Broken)?,
                    None => self.spans.len(),
                };
                // One beyond the limit is kept as such, so that whoever counts columns sees it.
                let at = at.min(self.columns_max);
                if at < self.spans.len() && at < self.columns_max {
                    return Err(SpreadsheetError::Broken);
                }
                let style = tag.attribute("s")?.and_then(|style| style.parse().ok()).unwrap_or(0);
                let kind = tag.attribute("t")?.unwrap_or_default();
                self.cell = Cell { at, kind, style, ..Cell::default() };
            }
            "f" => self.cell.formula = true,
            "v" | "t" => self.cell.taken = !self.cell.aside,
            "rPh" => self.cell.aside = true,
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, text: &str) {
        // Only so much is kept as makes the row too long.
        if self.cell.taken && self.cell.value.len() <= self.row_max_bytes {
            self.cell.value.push_str(text);
        }
    }

    fn close(&mut self, name: &str) -> Result<(), SpreadsheetError> {
        match name {
            "v" | "t" => self.cell.taken = false,
            "rPh" => self.cell.aside = false,
            "c" => self.cell_ends()?,
            _ => {}
        }
        Ok(())
    }

    fn cell_ends(&mut self) -> Result<(), SpreadsheetError> {
        let cell = std::mem::take(&mut self.cell);
        if cell.at < self.spans.len() {
            return Ok(());
        }
        let begin = self.text.len();
        while self.spans.len() < cell.at {
            self.spans.push((begin, begin));
        }
        if cell.formula {
            self.faults.push((cell.at, FORMULA));
        }
        if !self.too_long {
            self.write(&cell)?;
        }
        self.spans.push((begin, self.text.len()));
        Ok(())
    }

    /// Writes a cell's text behind those of its row.
    fn write(&mut self, cell: &Cell) -> Result<(), SpreadsheetError> {
        let value = cell.value.as_str();
        if value.trim().is_empty() {
            return Ok(());
        }
        match cell.kind.as_str() {
            "s" => {
                let place = value.trim().parse().map_err(|_| SpreadsheetError::Broken)?;
                self.put(self.book.text(place).ok_or(SpreadsheetError::Broken)?);
            }
            "inlineStr" | "str" | "d" => self.put(value),
            "b" => self.put(if value.trim() == "1" { "TRUE" } else { "FALSE" }),
            "e" => {
                self.faults.push((cell.at, ERROR));
                self.put(value);
            }
            "n" | "" => {
                let number: f64 = value.trim().parse().map_err(|_| SpreadsheetError::Broken)?;
                let kind = self.book.styles.get(cell.style).copied().unwrap_or(Kind::Number);
                write_number(&mut self.text, number, kind, self.book.from_1904);
            }
            _ => return Err(SpreadsheetError::Broken),
        }
        Ok(())
    }

    /// Adds a cell's text while the row has room for it.
    fn put(&mut self, text: &str) {
        self.too_long = self.text.len() + text.len() > self.row_max_bytes;
        if !self.too_long {
            self.text.push_str(text);
        }
    }

    /// The row as far as it has come, which is the whole of it.
    fn taken(&mut self) -> Result<Taken<'_>, SpreadsheetError> {
        let line = self.number;
        if self.too_long {
            return Ok(Taken::Broken { line, what: TOO_LONG });
        }
        self.taken += self.text.len();
        if self.taken > self.sheet_max_bytes {
            return Err(SpreadsheetError::TooLarge);
        }
        Ok(Taken::Row(GridRow {
            line,
            text: &self.text,
            spans: &self.spans,
            faults: &self.faults,
            over_lines: false,
            may_be_short: true,
        }))
    }
}

/// The column of a cell's reference, from 0: `B7` is 1.
fn column_of(reference: &str) -> Option<usize> {
    let letters = reference.bytes().take_while(u8::is_ascii_alphabetic);
    let column = letters.clone().count();
    if column == 0 || column > 3 {
        return None;
    }
    letters
        .fold(0, |column, letter| column * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1)
        .checked_sub(1)
}

/// Writes a number as its cell shows it: whole numbers without a point, dates as YYYY-MM-DD.
fn write_number(text: &mut String, number: f64, kind: Kind, from_1904: bool) {
    // Writing into a String cannot fail.
    let _ = match (kind, moment(number, from_1904)) {
        (Kind::Date, Some((day, 0))) => write!(text, "{day}"),
        (Kind::Date, Some((day, seconds))) => {
            write!(text, "{day}T{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
        }
        (Kind::Date | Kind::Time | Kind::Number, _) => write!(text, "{number}"),
    };
}

/// The day and second that a number of days stands for, where it is one that spreadsheets agree on.
fn moment(number: f64, from_1904: bool) -> Option<(NaiveDate, u32)> {
    // Before March 1900 the count has a day that never was; no register has a date from then.
    let first = if from_1904 { 0.0 } else { 61.0 };
    if !(first..3_000_000.0).contains(&number) {
        return None;
    }
    let epoch =
        if from_1904 { NaiveDate::from_ymd_opt(1904, 1, 1)? } else { NaiveDate::from_ymd_opt(1899, 12, 30)? };
    // The nearest second: a time is stored as a fraction of a day, hardly ever exact.
    let seconds = TimeDelta::try_milliseconds(milliseconds(number)?)?.num_seconds();
    let moment = epoch.and_hms_opt(0, 0, 0)?.checked_add_signed(TimeDelta::try_seconds(seconds)?)?;
    let second = chrono::Timelike::num_seconds_from_midnight(&moment);
    Some((moment.date(), second))
}

/// The milliseconds of so many days, rounded up to the half second, for a number of at most seven digits before its point.
fn milliseconds(days: f64) -> Option<i64> {
    format!("{:.0}", days * 86_400_000.0 + 500.0).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        for (reference, column) in [
            ("A1", Some(0)),
            ("z9", Some(25)),
            ("AA10", Some(26)),
            ("XFD1048576", Some(16_383)),
            ("1", None),
            ("ABCD1", None),
        ] {
            assert_eq!(column_of(reference), column, "{reference}");
        }
    }

    #[test]
    fn numbers_as_they_are_shown() {
        for (number, kind, from_1904, expected) in [
            (46_268.0, Kind::Date, false, "2026-09-03"),
            (44_806.0, Kind::Date, true, "2026-09-03"),
            (61.0, Kind::Date, false, "1900-03-01"),
            (60.0, Kind::Date, false, "60"),
            (46_268.371_527_777_78, Kind::Date, false, "2026-09-03T08:55:00"),
            (46_268.0, Kind::Number, false, "46268"),
            (0.5, Kind::Time, false, "0.5"),
            (1_234_567.0, Kind::Number, false, "1234567"),
            (1e300, Kind::Date, false, "1"),
            (f64::NAN, Kind::Date, false, "NaN"),
            (1.25, Kind::Number, false, "1.25"),
        ] {
            let mut text = String::new();
            write_number(&mut text, number, kind, from_1904);
            assert!(
                text.starts_with(expected) && (number > 1e9 || text.len() == expected.len()),
                "{number}: {text}"
            );
        }
    }
}
