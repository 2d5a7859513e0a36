//! Rows of a file as the school sent them, read once more so that what was wrong can be given back beside them.
//!
//! Comments are not given back: they are not kept anywhere.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::columns::{CALENDAR, MARKS_JSON, PUPILS, Table};
use super::formats::{Header, Opened, Taken, keys};
use super::report::FileError;
use super::rows::{Layout, Sheet};
use super::{Format, Limits, Source};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A calendar.
    Calendar,
    /// An admission register.
    Pupils,
    /// Marks in any layout.
    Marks,
}

/// Rows of a file, in its order, with the names of its columns.
#[derive(Clone, PartialEq, Eq)]
pub struct Originals {
    /// The names of the columns as given; of a wide file the date and half of each session in one; of NDJSON our own.
    pub header: Vec<String>,
    /// The line of each row, and its cells.
    pub rows: Vec<(u64, Vec<String>)>,
}

impl Content {
    fn table(self) -> &'static Table {
        match self {
            Self::Calendar => &CALENDAR,
            Self::Pupils => &PUPILS,
            Self::Marks => &MARKS_JSON,
        }
    }
}

/// Takes what is given back of a file, so that a long list need not be held.
pub(in crate::intake) trait TakeOriginals {
    /// The names of the columns, before any row.
    fn header(&mut self, names: Vec<String>);
    /// A row, with the line that it begins on; says whether more are wanted.
    fn row(&mut self, line: u64, cells: Vec<String>) -> bool;
}

/// Gives the rows that begin on these lines, up to `bytes_max` bytes of cells.
pub fn originals(
    source: &mut dyn Source,
    what: (Format, Content),
    limits: &Limits,
    lines: &BTreeSet<u64>,
    bytes_max: usize,
) -> Result<Originals, FileError> {
    let originals = Originals { header: Vec::new(), rows: Vec::new() };
    let mut held = Held { originals, bytes_left: bytes_max };
    each_original(source, what, limits, lines, &mut held)?;
    Ok(held.originals)
}

struct Held {
    originals: Originals,
    bytes_left: usize,
}

impl TakeOriginals for Held {
    fn header(&mut self, names: Vec<String>) {
        self.originals.header = names;
    }

    fn row(&mut self, line: u64, cells: Vec<String>) -> bool {
        let bytes: usize = cells.iter().map(|cell| cell.len() + 1).sum();
        self.bytes_left = match self.bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.originals.rows.push((line, cells));
                left
            }
            None => 0,
        };
        self.bytes_left > 0
    }
}

/// Gives the rows that begin on these lines one by one, as long as they are wanted.
pub(in crate::intake) fn each_original(
    source: &mut dyn Source,
    (format, content): (Format, Content),
    limits: &Limits,
    lines: &BTreeSet<u64>,
    take: &mut dyn TakeOriginals,
) -> Result<(), FileError> {
    if format != Format::Ndjson {
        return of_grid(source, (format, content), limits, (lines, take));
    }
    take.header(content.table().columns.iter().map(|column| column.name.to_owned()).collect());
    let (last, more) = (lines.last().copied().unwrap_or(0), Cell::new(true));
    let mut wanted = |line| (line <= last && more.get()).then(|| lines.contains(&line));
    keys(source, content.table(), limits.row_max_bytes, &mut wanted, &mut |line, cells| {
        more.set(take.row(line, cells));
    })
}

fn of_grid(
    source: &mut dyn Source,
    (format, content): (Format, Content),
    limits: &Limits,
    (lines, take): (&BTreeSet<u64>, &mut dyn TakeOriginals),
) -> Result<(), FileError> {
    let read = |first: &[String], second: &[String]| match content {
        Content::Marks => Sheet::recognise(first, second, limits),
        Content::Calendar | Content::Pupils => Sheet::of_list(first, content.table(), limits),
    };
    let mut opened = Opened::new(source, format)?;
    opened.choose_sheet(source, limits, &|first, second| read(first, second).is_ok())?;
    let head = opened.head(source, limits)?;
    let sheet = read(&head.first, &head.second)?;
    take.header(sheet.names(&head.first, &head.second));
    let mut rows = opened.rows(source, limits)?;
    let mut head_rows = sheet.head_rows;
    while let Some(taken) = rows.next()? {
        let line = match &taken {
            Taken::Row(row) if row.is_blank() => continue,
            Taken::Row(row) => row.line,
            Taken::Broken { line, .. } => *line,
        };
        if head_rows > 0 {
            head_rows -= 1;
            continue;
        }
        let past = lines.last().is_none_or(|last| *last < line);
        if past || (lines.contains(&line) && !take.row(line, cells(&taken, &sheet.header))) {
            break;
        }
    }
    Ok(())
}

/// The school's own cells of a row; none of what could not be taken apart.
fn cells(taken: &Taken<'_>, header: &Header) -> Vec<String> {
    let Taken::Row(row) = taken else { return vec![String::new(); header.own_width()] };
    let cell = |at| if header.is_comment(at) { "" } else { header.cell(row, at) };
    (0..header.own_width()).map(|at| cell(at).to_owned()).collect()
}

impl Sheet {
    /// A list, whose first row names its columns.
    fn of_list(first: &[String], table: &'static Table, limits: &Limits) -> Result<Self, FileError> {
        let header = Header::read(first, table, limits)?;
        Ok(Self { header, layout: Layout::Long, head_rows: 1, form: super::dates::DateForm::AsWritten })
    }
}
