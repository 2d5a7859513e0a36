//! The first line of a file, understood: which of its columns is which.
//!
//! A file of errors that comes back from a school's office has the columns that were added to it at its end: they are
//! passed over, and the apostrophes that kept its cells from being formulas are taken off again.

use super::super::Limits;
use super::super::columns::{self, Column, Table};
use super::super::report::{FileError, RowError, quoted};
use super::super::taking::Taking;
use super::GridRow;
use std::fmt;

const UNPAIRED: &str = "runs over several lines and the file's quotation marks do not pair up; close or double the mark and export again";
const NOT_AS_WIDE: &str =
    "has not as many cells as the first line; check for a comma in a cell without quotation marks";

/// The columns that a file of errors has behind the school's own.
pub(in crate::intake) const ADDED_COLUMNS: [&str; 5] =
    ["line", "column", "value", "what is wrong", "what to do"];

/// A first line, understood.
#[derive(Debug)]
pub(in super::super) struct Header {
    /// Columns that are taken: their place in the file and in the table.
    known: Vec<(usize, usize)>,
    /// Columns that are not: their place in the file, and whether they are comments.
    others: Vec<(usize, bool)>,
    width: usize,
    /// Whether it is a file of errors that came back.
    returned: bool,
    /// The names of columns that are not known.
    pub(in super::super) unknown: Vec<String>,
}

impl Header {
    /// Reads a header of a list.
    pub(in super::super) fn read(
        cells: &[String],
        table: &'static Table,
        limits: &Limits,
    ) -> Result<Self, FileError> {
        Self::read_beside(cells, &[], table, limits)
    }

    /// Reads a header, some columns of which are known otherwise.
    pub(in super::super) fn read_beside(
        cells: &[String],
        otherwise: &[usize],
        table: &'static Table,
        limits: &Limits,
    ) -> Result<Self, FileError> {
        check_form(cells, limits)?;
        let returned = is_returned(cells);
        let own = cells.len() - if returned { ADDED_COLUMNS.len() } else { 0 };
        let (mut known, mut others, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for (at, cell) in cells.iter().enumerate().take(own).filter(|(at, _)| !otherwise.contains(at)) {
            let name = if returned { unguarded(cell) } else { cell };
            if let Some(place) = table.resolve(name) {
                known.push((at, place));
            } else {
                others.push((at, columns::is_comment(name)));
                unknown.extend((!name.is_empty()).then(|| quoted(name)));
            }
        }
        check_columns(cells, &known, table)?;
        Ok(Self { known, others, width: cells.len(), returned, unknown })
    }

    /// The columns that are taken: their place in the file and in the table.
    pub(in super::super) fn known(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.known.iter().copied()
    }

    /// Whether a row can be taken apart by the header at all.
    pub(in super::super) fn whole(&self, row: &GridRow<'_>, paired: bool) -> Result<(), &'static str> {
        if row.over_lines && !paired {
            return Err(UNPAIRED);
        }
        if row.spans.len() == self.width {
            return Ok(());
        }
        // Spreadsheets leave empty cells behind the last column; anything in one is a row out of place.
        let short = row.spans.len() < self.width && !row.may_be_short;
        if short || row.cells().skip(self.width).any(|cell| !cell.is_empty()) {
            return Err(NOT_AS_WIDE);
        }
        Ok(())
    }

    /// Puts a row's cells into the places of the table, counts those that are not taken, and gives the errors of cells
    /// that cannot be taken at all.
    pub(in super::super) fn values<'r>(
        &self,
        row: &GridRow<'r>,
        table: &'static Table,
        values: &mut [&'r str],
        taking: &mut Taking<'_>,
    ) -> Vec<RowError> {
        for (at, place) in &self.known {
            if let Some(value) = values.get_mut(*place) {
                *value = self.cell(row, *at);
            }
        }
        for (at, is_comment) in &self.others {
            if !row.cell(*at).is_empty() {
                taking.pass_over(*is_comment);
            }
        }
        let mut errors = Vec::new();
        for (at, what) in row.faults {
            let place = self.known.iter().find(|(known, _)| known == at).map(|(_, place)| *place);
            if let Some(column) = place.and_then(|place| table.columns.get(place)) {
                errors.push(RowError::of_cell(row.line, column.name, row.cell(*at), what));
            }
        }
        errors
    }

    /// A cell of a row, as the school gave it.
    pub(in super::super) fn cell<'r>(&self, row: &GridRow<'r>, at: usize) -> &'r str {
        let cell = row.cell(at);
        if self.returned { unguarded(cell) } else { cell }
    }

    /// The name of a column, as the school gave it.
    pub(in super::super) fn name<'n>(&self, name: &'n str) -> &'n str {
        if self.returned { unguarded(name) } else { name }
    }

    /// How many columns are the school's own.
    pub(in super::super) fn own_width(&self) -> usize {
        self.width - if self.returned { ADDED_COLUMNS.len() } else { 0 }
    }

    /// Whether a column holds comments, which are not carried anywhere.
    pub(in super::super) fn is_comment(&self, at: usize) -> bool {
        self.others.contains(&(at, true))
    }
}

/// Whether a header is that of a file of errors.
fn is_returned(cells: &[String]) -> bool {
    let begin = cells.len().saturating_sub(ADDED_COLUMNS.len());
    cells.get(begin..).is_some_and(|last| last.iter().map(String::as_str).eq(ADDED_COLUMNS))
}

/// A cell without the apostrophe that keeps it from being a formula.
pub(in super::super) fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if may_compute(rest) => rest,
        Some(_) | None => cell,
    }
}

/// Whether a spreadsheet may take a cell for a formula: by its first sign, in full width too, whatever space and
/// apostrophes it passes over before that.
pub(in crate::intake) fn may_compute(cell: &str) -> bool {
    let formula =
        |c: char| matches!(c, '=' | '+' | '-' | '@' | '\u{FF1D}' | '\u{FF0B}' | '\u{FF0D}' | '\u{FF20}');
    let passed_over = |c: char| c == '\'' || c.is_whitespace() || c.is_control();
    let bare = cell.trim_start_matches('\'');
    bare.starts_with(['\t', '\r', '\n']) || bare.trim_start_matches(passed_over).starts_with(formula)
}

fn check_form(cells: &[String], limits: &Limits) -> Result<(), FileError> {
    if cells.len() > limits.columns_max {
        return Err(FileError::TooManyColumns { max: limits.columns_max });
    }
    match cells {
        [only] if only.contains([';', '\t']) => Err(FileError::Separator),
        _ => Ok(()),
    }
}

/// Whether each column that is needed is there once, and none twice.
fn check_columns(cells: &[String], known: &[(usize, usize)], table: &'static Table) -> Result<(), FileError> {
    let times = |column: &Column| {
        known.iter().filter(|(_, place)| table.position(column.name) == Some(*place)).count()
    };
    let one_of = || table.columns.iter().filter(|column| table.one_of.contains(&column.name));
    let missing: Vec<_> = table.columns.iter().filter(|column| column.needed && times(column) == 0).collect();
    let missing_one_of: Vec<_> =
        if one_of().any(|column| times(column) > 0) { Vec::new() } else { one_of().collect() };
    let named = |wanted: &dyn Fn(usize) -> bool| {
        let named = table.columns.iter().filter(|column| wanted(times(column)));
        named.map(|column| column.name).collect::<Vec<_>>()
    };
    let twice = named(&|times| times > 1);
    if missing.is_empty() && missing_one_of.is_empty() && twice.is_empty() {
        return Ok(());
    }
    Err(FileError::Header(Box::new(HeaderError {
        missing: HeaderError::names(&missing),
        missing_one_of: HeaderError::names(&missing_one_of),
        twice,
        recognised: named(&|times| times > 0),
        of_marks: table.one_of.contains(&"upn"),
        found: cells.iter().map(|cell| quoted(cell)).collect(),
    })))
}

/// The layouts of marks that are taken, for whoever sent another.
const LAYOUTS: &str = "marks are taken with a row for each session (`date`, `session`, `code`), a row for each day (`date`, `am`, `pm`), \
     or a row for each pupil with a column for each session, named such as `2026-09-03 AM` or with the date in the first row \
     and `AM` or `PM` in the second; each with `school_pupil_id` or `upn`";

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
    /// Whether it is a file of marks, which may have several layouts.
    pub of_marks: bool,
    /// The first line's cells as given, each at most 80 characters. Where the header is missing they are a child's row,
    /// so they are for the school's report only and not in the message.
    pub found: Vec<String>,
}

impl HeaderError {
    fn names(columns: &[&'static Column]) -> Vec<(&'static str, &'static [&'static str])> {
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
        )?;
        if self.of_marks { write!(f, "; {LAYOUTS}") } else { Ok(()) }
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
