//! Which layout a file of marks has, from its first rows.

use super::super::Limits;
use super::super::columns::{DAY_MARKS, MARKS, Table, WIDE_MARKS};
use super::super::dates::DateForm;
use super::super::formats::Header;
use super::super::report::FileError;
use super::sessions::{SessionColumn, sessions};

/// A layout of marks.
#[derive(Debug)]
pub(in super::super) enum Layout {
    /// A row for each session.
    Long,
    /// A row for each pupil and day.
    Day,
    /// A row for each pupil and a column for each session.
    Wide(Vec<SessionColumn>),
}

/// A file of marks, understood.
#[derive(Debug)]
pub(in super::super) struct Sheet {
    pub(in super::super) header: Header,
    pub(in super::super) layout: Layout,
    /// How many rows it takes to name the columns.
    pub(in super::super) head_rows: usize,
    /// How the dates of a wide file's columns were read.
    pub(in super::super) form: DateForm,
}

impl Layout {
    /// The layout as a report says it.
    pub(in super::super) fn as_str(&self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Day => "day",
            Self::Wide(_) => "wide",
        }
    }

    /// The table of its columns, without those that are sessions.
    pub(in super::super) fn table(&self) -> &'static Table {
        match self {
            Self::Long => &MARKS,
            Self::Day => &DAY_MARKS,
            Self::Wide(_) => &WIDE_MARKS,
        }
    }
}

impl Sheet {
    /// Understands the first two rows of a file; the second is only a header where it has the halves of days.
    pub(in super::super) fn recognise(
        first: &[String],
        second: &[String],
        limits: &Limits,
    ) -> Result<Self, FileError> {
        let names = |table: &'static Table, name: &str| {
            first
                .iter()
                .any(|cell| table.resolve(cell).is_some() && table.resolve(cell) == table.position(name))
        };
        let one_row = |layout: Layout| {
            let header = Header::read(first, layout.table(), limits)?;
            Ok(Self { header, layout, head_rows: 1, form: DateForm::AsWritten })
        };
        if names(&MARKS, "session") || names(&MARKS, "code") {
            return one_row(Layout::Long);
        }
        if names(&DAY_MARKS, "am") || names(&DAY_MARKS, "pm") {
            return one_row(Layout::Day);
        }
        // A register with few columns is told from one that is too wide before its columns are looked at.
        if first.len() > limits.columns_max {
            return Err(FileError::TooManyColumns { max: limits.columns_max });
        }
        let Some((columns, form, head_rows)) = sessions(first, second).map_err(FileError::Sessions)? else {
            return one_row(Layout::Long);
        };
        let otherwise: Vec<usize> = columns.iter().map(|column| column.at).collect();
        let head = if head_rows == 1 { first.to_vec() } else { over_one_another(first, second) };
        let header = Header::read_beside(&head, &otherwise, &WIDE_MARKS, limits)?;
        Ok(Self { header, layout: Layout::Wide(columns), head_rows, form })
    }
}

impl Sheet {
    /// The names of the school's own columns, each in one cell, as they may be sent again.
    pub(in super::super) fn names(&self, first: &[String], second: &[String]) -> Vec<String> {
        let mut names = if self.head_rows == 1 { first.to_vec() } else { over_one_another(first, second) };
        names.resize(self.header.own_width(), String::new());
        if let (Layout::Wide(columns), 2) = (&self.layout, self.head_rows) {
            for column in columns {
                if let Some(name) = names.get_mut(column.at) {
                    name.clone_from(&column.name);
                }
            }
        }
        names.iter().map(|name| self.header.name(name).to_owned()).collect()
    }
}

/// Two rows of names as one: a name stands in either.
fn over_one_another(first: &[String], second: &[String]) -> Vec<String> {
    let width = first.len().max(second.len());
    let name = |at: usize| {
        let at_of = |row: &[String]| row.get(at).filter(|cell| !cell.is_empty()).cloned();
        at_of(first).or_else(|| at_of(second)).unwrap_or_default()
    };
    (0..width).map(name).collect()
}
