//! Takes a file apart into rows of cells, in every format; what the cells mean is not known here.

mod csv_file;
mod header;
mod json_lines;
mod xlsx;

pub(super) use header::Header;
pub use header::HeaderError;
pub(in crate::intake) use header::{ADDED_COLUMNS, may_compute};
pub(super) use json_lines::{keys, read as read_ndjson};

use csv_file::CsvGrid;
use xlsx::Book;

use super::report::FileError;
use super::text::{Decoded, Survey, survey};
use super::{Format, Limits, Source};

/// One row of cells.
pub(super) struct GridRow<'r> {
    /// The line that it begins on, or the row of a sheet, from 1.
    pub(super) line: u64,
    pub(super) text: &'r str,
    /// Where the cells stand in the text.
    pub(super) spans: &'r [(usize, usize)],
    /// Cells that cannot be taken whatever they are for, by their place, with what is wrong.
    pub(super) faults: &'r [(usize, &'static str)],
    /// Whether a line ends within one of its cells.
    pub(super) over_lines: bool,
    /// Whether empty cells at its end may be left out.
    pub(super) may_be_short: bool,
}

impl<'r> GridRow<'r> {
    /// The cell at a place, from 0, without the space around it; empty if there is none.
    pub(super) fn cell(&self, at: usize) -> &'r str {
        let cell = self.spans.get(at).and_then(|(from, to)| self.text.get(*from..*to)).unwrap_or_default();
        let plain = |byte: &u8| (b'!'..=b'~').contains(byte);
        let bytes = cell.as_bytes();
        // Nearly every cell begins and ends in a plain character.
        if bytes.first().is_none_or(plain) && bytes.last().is_none_or(plain) { cell } else { cell.trim() }
    }

    /// Whether no cell has anything in it.
    pub(super) fn is_blank(&self) -> bool {
        self.faults.is_empty() && (0..self.spans.len()).all(|at| self.cell(at).is_empty())
    }

    /// Its cells without the space around them.
    pub(super) fn cells(&self) -> impl Iterator<Item = &'r str> + '_ {
        (0..self.spans.len()).map(|at| self.cell(at))
    }
}

/// The first two rows of a file that are not blank, which name its columns.
#[derive(Default)]
pub(super) struct Head {
    pub(super) first: Vec<String>,
    pub(super) second: Vec<String>,
    /// Cells of each that cannot be taken, with what is wrong.
    faults: [Vec<(usize, &'static str)>; 2],
}

impl Head {
    /// Refuses names that cannot be taken, such as one that a formula makes: a column under another name than the
    /// file's own would be another's, or marks missing.
    pub(super) fn check(&self, rows: usize) -> Result<(), FileError> {
        match self.faults.iter().take(rows).flatten().next() {
            Some((at, what)) => Err(FileError::HeaderCell { column: at + 1, what }),
            None => Ok(()),
        }
    }
}

/// What comes next of a file.
pub(super) enum Taken<'r> {
    /// A row.
    Row(GridRow<'r>),
    /// A row that could not be taken apart.
    Broken { line: u64, what: &'static str },
}

/// Rows one after the other, each borrowed until the next.
pub(super) trait Grid {
    fn next(&mut self) -> Result<Option<Taken<'_>>, FileError>;
}

/// A CSV file or spreadsheet that has been looked through and can be read, as often as is needed.
pub(super) enum Opened {
    Text(Survey),
    Book(Box<Book>),
}

impl Opened {
    pub(super) fn new(source: &mut dyn Source, format: Format) -> Result<Self, FileError> {
        match format {
            Format::Xlsx => Ok(Self::Book(Box::new(Book::open(source)?))),
            Format::Csv | Format::Ndjson => Ok(Self::Text(survey(source)?)),
        }
    }

    /// Its rows from the first.
    pub(super) fn rows<'s>(
        &'s self,
        source: &'s mut dyn Source,
        limits: &Limits,
    ) -> Result<Box<dyn Grid + 's>, FileError> {
        match self {
            Self::Text(survey) => {
                Ok(Box::new(CsvGrid::new(Decoded::new(source, survey)?, limits.row_max_bytes)))
            }
            Self::Book(book) => Ok(Box::new(book.rows(source, limits)?)),
        }
    }

    /// The first row that is not blank, and the one after it.
    pub(super) fn head(&self, source: &mut dyn Source, limits: &Limits) -> Result<Head, FileError> {
        let mut rows = self.rows(source, limits)?;
        let mut next = || loop {
            match rows.next()? {
                None => return Ok(None),
                Some(Taken::Broken { .. }) => return Err(FileError::LongHeader),
                Some(Taken::Row(row)) if row.is_blank() => {}
                Some(Taken::Row(row)) => {
                    let cells: Vec<String> = row.cells().map(str::to_owned).collect();
                    return Ok(Some((cells, row.faults.to_vec())));
                }
            }
        };
        let (first, of_first) = next()?.ok_or(FileError::Empty)?;
        // What is behind a header is data, and an error of its own row.
        let (second, of_second) = next().unwrap_or_default().unwrap_or_default();
        Ok(Head { first, second, faults: [of_first, of_second] })
    }

    /// Chooses the one visible sheet whose first rows are as wanted, where there are several.
    pub(super) fn choose_sheet(
        &mut self,
        source: &mut dyn Source,
        limits: &Limits,
        wanted: &dyn Fn(&[String], &[String]) -> bool,
    ) -> Result<(), FileError> {
        let sheets = match self {
            Self::Text(_) => return Ok(()),
            Self::Book(book) => book.visible_sheets(),
        };
        let mut found = Vec::new();
        for sheet in &sheets {
            self.set_sheet(*sheet);
            match self.head(source, limits) {
                Ok(head) if wanted(&head.first, &head.second) => found.push(*sheet),
                Ok(_) | Err(FileError::Empty | FileError::LongHeader) => {}
                Err(error) => return Err(error),
            }
        }
        self.set_sheet(xlsx::chosen(&sheets, &found)?);
        Ok(())
    }

    fn set_sheet(&mut self, sheet: usize) {
        if let Self::Book(book) = self {
            book.set_sheet(sheet);
        }
    }

    /// Whether the file's quotation marks pair up.
    pub(super) fn is_paired(&self) -> bool {
        match self {
            Self::Text(survey) => survey.paired,
            Self::Book(_) => true,
        }
    }

    /// How many comments of cells it has beside its cells.
    pub(super) fn comments(&self) -> usize {
        match self {
            Self::Text(_) => 0,
            Self::Book(book) => book.comments(),
        }
    }

    /// The encoding as a report says it.
    pub(super) fn encoding(&self) -> &'static str {
        match self {
            Self::Text(survey) => survey.encoding.as_str(),
            Self::Book(_) => "xlsx",
        }
    }
}
