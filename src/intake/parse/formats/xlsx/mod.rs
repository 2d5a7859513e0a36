//! Spreadsheets as Excel saves them since 2007: an archive of XML parts, of which this reads the cells of one sheet, as
//! a stream.
//!
//! Written out, because what comes here is written by strangers: the reader that is usual for this reserves memory by
//! counts that stand in the file. Nothing in a file is believed: sizes are found out by unpacking within limits, and what
//! could compute, fetch or hide (macros, links to other files, embedded objects) is refused, never ignored.

mod archive;
mod part;
mod sheet;
mod workbook;

use super::super::report::{FileError, SpreadsheetError};
use super::super::{Limits, Source};
use archive::Archive;
use sheet::SheetGrid;
use workbook::Workbook;

/// A spreadsheet that has been looked through.
pub(in super::super) struct Book {
    archive: Archive,
    workbook: Workbook,
    chosen: usize,
}

impl Book {
    /// Looks through a spreadsheet, and refuses it if it is not one that is taken.
    pub(super) fn open(source: &mut dyn Source) -> Result<Self, FileError> {
        archive::check_kind(source)?;
        let archive = Archive::open(source)?;
        archive.refuse_contents(source)?;
        archive.check_sizes(source)?;
        let workbook = Workbook::read(&archive, source)?;
        Ok(Self { archive, workbook, chosen: 0 })
    }

    /// The sheets that a person sees, by their places among all.
    pub(super) fn visible_sheets(&self) -> Vec<usize> {
        self.workbook.sheets.iter().enumerate().filter(|(_, sheet)| sheet.visible).map(|(at, _)| at).collect()
    }

    pub(super) fn set_sheet(&mut self, sheet: usize) {
        self.chosen = sheet;
    }

    /// The rows of the chosen sheet.
    pub(super) fn rows<'s>(
        &'s self,
        source: &'s mut dyn Source,
        limits: &Limits,
    ) -> Result<SheetGrid<'s>, FileError> {
        let sheet = self.workbook.sheets.get(self.chosen).ok_or(SpreadsheetError::NoSheet)?;
        Ok(SheetGrid::new(self.archive.part(source, &sheet.part)?, &self.workbook, limits))
    }

    /// How many comments of cells it has, none of which is read.
    pub(super) fn comments(&self) -> usize {
        self.workbook.comments
    }
}

/// The sheet to be taken: the only one, or the only one that names the columns that are needed.
pub(super) fn chosen(visible: &[usize], found: &[usize]) -> Result<usize, FileError> {
    let place = |sheet: &usize| visible.iter().position(|visible| visible == sheet).map_or(0, |at| at + 1);
    match (visible, found) {
        ([], _) => Err(SpreadsheetError::NoSheet.into()),
        // Its header says what is wrong with it.
        ([only], _) | (_, [only]) => Ok(*only),
        (_, []) => Err(SpreadsheetError::NoneOfTheSheets { sheets: visible.len() }.into()),
        (_, [first, second, ..]) => {
            Err(SpreadsheetError::SeveralSheets { first: place(first), second: place(second) }.into())
        }
    }
}
