//! CSV: commas, quotation marks doubled inside quoted cells, the first line naming the columns.

use super::super::report::FileError;
use super::super::text::{Decoded, Record, Records};
use super::{Grid, GridRow, Taken};

const TOO_LONG: &str = "has more bytes than a row may; check that quotation marks are closed";

/// The rows of a CSV file.
pub(super) struct CsvGrid<'s>(Records<'s>);

impl<'s> CsvGrid<'s> {
    pub(super) fn new(source: Decoded<'s>, row_max_bytes: usize) -> Self {
        Self(Records::new(source, row_max_bytes))
    }
}

impl Grid for CsvGrid<'_> {
    fn next(&mut self) -> Result<Option<Taken<'_>>, FileError> {
        Ok(self.0.next()?.map(|record| match record {
            Record::Cells { line, text, spans, over_lines } => {
                Taken::Row(GridRow { line, text, spans, faults: &[], over_lines, may_be_short: false })
            }
            Record::TooLong { line } => Taken::Broken { line, what: TOO_LONG },
        }))
    }
}
