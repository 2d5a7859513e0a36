//! CSV as RFC 4180 has it: commas, quotation marks doubled inside quoted cells, the first line naming the columns.
//!
//! A quotation mark that is not closed makes the reader take the following rows for one cell, so rows could vanish
//! without an error: where the quotation marks of a file do not pair up, no row that runs over several lines is believed.

use std::borrow::Cow;

use csv::{Position, ReaderBuilder, StringRecord};

use super::super::Taking;
use super::super::columns::{Column, Table};
use super::super::report::{FileError, HeaderError, quoted};

const UNPAIRED: &str = "runs over several lines and the file's quotation marks do not pair up; close or double the mark and export again";
const UNREADABLE: &str = "cannot be taken apart into cells; check its quotation marks and export again";
const NOT_AS_WIDE: &str =
    "has not as many cells as the first line; check for a comma in a cell without quotation marks";
const TOO_LONG: &str = "has more bytes than a row may; check that quotation marks are closed";

/// Reads a whole file into `taking`; blank rows are passed over.
pub(in super::super) fn read(text: &str, taking: &mut Taking<'_>) -> Result<(), FileError> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records().filter(|record| !record.as_ref().is_ok_and(is_blank));
    let Some(Ok(first)) = records.next() else { return Err(FileError::Empty) };
    let header = Header::read(&first, taking.table, taking.limits.columns_max)?;
    taking.tally.columns_ignored.clone_from(&header.unknown);

    let unpaired = text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
    let mut lines = Lines { bytes: text.as_bytes(), passed: 0, line: 1 };
    for record in records {
        taking.count()?;
        let Ok(record) = record else {
            taking.broken(lines.at(None), UNREADABLE);
            continue;
        };
        let line = lines.at(record.position());
        match whole(&record, &header, unpaired, taking.limits.row_max_bytes) {
            Ok(()) => take(&record, line, &header, taking),
            Err(what) => taking.broken(line, what),
        }
    }
    Ok(())
}

/// Whether a record can be taken apart by the header at all.
fn whole(
    record: &StringRecord,
    header: &Header,
    unpaired: bool,
    max_bytes: usize,
) -> Result<(), &'static str> {
    if record.as_slice().len() > max_bytes {
        return Err(TOO_LONG);
    }
    if unpaired && record.as_slice().contains(['\n', '\r']) {
        return Err(UNPAIRED);
    }
    // Spreadsheets leave empty cells behind the last column; anything in one is a row out of place.
    let width = header.places.len();
    if record.len() < width || record.iter().skip(width).any(|cell| !cell.trim().is_empty()) {
        return Err(NOT_AS_WIDE);
    }
    Ok(())
}

fn take(record: &StringRecord, line: u64, header: &Header, taking: &mut Taking<'_>) {
    let mut values = vec![Cow::Borrowed(""); taking.table.columns.len()];
    for (cell, (place, name)) in record.iter().zip(&header.places) {
        match place.and_then(|at| values.get_mut(at)) {
            Some(value) => *value = Cow::Borrowed(cell),
            None if cell.trim().is_empty() => {}
            None => taking.pass_over(name),
        }
    }
    taking.row(line, &values, Vec::new());
}

/// Finds the line that a record begins on. The reader's own count stays behind where lines end in a carriage return, and
/// takes the blank lines before a record for its first.
struct Lines<'t> {
    bytes: &'t [u8],
    passed: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line, from 1, of the record that the reader says begins at `position`; positions only ever go up.
    fn at(&mut self, position: Option<&Position>) -> u64 {
        let begins =
            position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(self.passed);
        while let Some(byte) = self.bytes.get(self.passed) {
            let ends_a_line = match byte {
                b'\n' => true,
                b'\r' => self.bytes.get(self.passed + 1) != Some(&b'\n'),
                _ if self.passed >= begins => break,
                _ => false,
            };
            self.line += u64::from(ends_a_line);
            self.passed += 1;
        }
        self.line
    }
}

fn is_blank(record: &StringRecord) -> bool {
    record.iter().all(|cell| cell.trim().is_empty())
}

/// The first line, understood.
struct Header {
    /// For each of the file's columns, its place in the table if it is known, and its name as given.
    places: Vec<(Option<usize>, String)>,
    unknown: Vec<String>,
}

impl Header {
    fn read(record: &StringRecord, table: &'static Table, columns_max: usize) -> Result<Self, FileError> {
        if record.len() > columns_max {
            return Err(FileError::TooManyColumns { max: columns_max });
        }
        if record.len() == 1 && record.as_slice().contains([';', '\t']) {
            return Err(FileError::Separator);
        }
        let places: Vec<_> = record.iter().map(|name| (table.resolve(name), quoted(name.trim()))).collect();
        let times = |column: &Column| {
            places
                .iter()
                .filter(|(place, _)| place.is_some() && *place == table.position(column.name))
                .count()
        };
        let one_of = || table.columns.iter().filter(|column| table.one_of.contains(&column.name));
        let missing: Vec<_> =
            table.columns.iter().filter(|column| column.needed && times(column) == 0).collect();
        let missing_one_of: Vec<_> =
            if one_of().any(|column| times(column) > 0) { Vec::new() } else { one_of().collect() };
        let named = |wanted: &dyn Fn(usize) -> bool| {
            table
                .columns
                .iter()
                .filter(|column| wanted(times(column)))
                .map(|column| column.name)
                .collect::<Vec<_>>()
        };
        let twice = named(&|times| times > 1);
        if missing.is_empty() && missing_one_of.is_empty() && twice.is_empty() {
            let unknown = places.iter().filter(|(place, name)| place.is_none() && !name.is_empty());
            let unknown = unknown.map(|(_, name)| name.clone()).collect();
            return Ok(Self { places, unknown });
        }
        Err(FileError::Header(HeaderError {
            missing: HeaderError::names(&missing),
            missing_one_of: HeaderError::names(&missing_one_of),
            twice,
            recognised: named(&|times| times > 0),
            found: places.into_iter().map(|(_, name)| name).collect(),
        }))
    }
}
