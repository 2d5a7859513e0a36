//! Rows of a file as the school sent them, read once more so that what was wrong can be given back beside them.
//!
//! Comments are not given back: they are not kept anywhere.

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

/// Gives the rows that begin on these lines, up to `bytes_max` bytes of cells.
pub fn originals(
    source: &mut dyn Source,
    (format, content): (Format, Content),
    limits: &Limits,
    lines: &BTreeSet<u64>,
    bytes_max: usize,
) -> Result<Originals, FileError> {
    let mut kept = Kept { lines, rows: Vec::new(), bytes_left: bytes_max };
    let header = match format {
        Format::Ndjson => {
            let last = lines.last().copied().unwrap_or(0);
            let mut rows = Vec::new();
            let mut wanted = |line| (line <= last).then(|| lines.contains(&line));
            keys(source, content.table(), limits.row_max_bytes, &mut wanted, &mut |line, cells| {
                rows.push((line, cells));
            })?;
            for (line, cells) in rows {
                kept.keep(line, cells);
            }
            content.table().columns.iter().map(|column| column.name.to_owned()).collect()
        }
        Format::Csv | Format::Xlsx => of_grid(source, (format, content), limits, &mut kept)?,
    };
    Ok(Originals { header, rows: kept.rows })
}

struct Kept<'l> {
    lines: &'l BTreeSet<u64>,
    rows: Vec<(u64, Vec<String>)>,
    bytes_left: usize,
}

impl Kept<'_> {
    fn wants(&self, line: u64) -> bool {
        self.lines.contains(&line)
    }

    fn is_done(&self, line: u64) -> bool {
        self.bytes_left == 0 || self.lines.last().is_none_or(|last| *last < line)
    }

    fn keep(&mut self, line: u64, cells: Vec<String>) {
        let bytes: usize = cells.iter().map(|cell| cell.len() + 1).sum();
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.bytes_left = left;
                self.rows.push((line, cells));
            }
            None => self.bytes_left = 0,
        }
    }
}

/// Keeps the rows of a grid, and gives the names of its columns.
fn of_grid(
    source: &mut dyn Source,
    (format, content): (Format, Content),
    limits: &Limits,
    kept: &mut Kept<'_>,
) -> Result<Vec<String>, FileError> {
    let read = |first: &[String], second: &[String]| match content {
        Content::Marks => Sheet::recognise(first, second, limits),
        Content::Calendar | Content::Pupils => Sheet::of_list(first, content.table(), limits),
    };
    let mut opened = Opened::new(source, format)?;
    opened.choose_sheet(source, limits, &|first, second| read(first, second).is_ok())?;
    let (first, second) = opened.head(source, limits)?;
    let sheet = read(&first, &second)?;
    let names = sheet.names(&first, &second);
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
        if kept.is_done(line) {
            break;
        }
        if kept.wants(line) {
            kept.keep(line, cells(&taken, &sheet.header));
        }
    }
    Ok(names)
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
