//! Attendance in every layout, mark by mark. Whether a code was in use on its date, and whether the school met, is not
//! known here.
//!
//! A row that is written as exports write it is read without looking twice at it; every other goes the longer way, which
//! knows all forms and says what is wrong. The two agree, which is held by a test.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};

use super::super::cells::Row;
use super::super::columns::{Given, MARKS, MARKS_JSON};
use super::super::dates::DateForm;
use super::super::formats::{GridRow, Opened, Taken, read_ndjson};
use super::super::report::{CellFault, FileError, RowError, Tally};
use super::super::taking::{Taking, prove};
use super::super::{Format, Limits, Source, WhoseRow};
use super::codes::SessionHalf;
use super::layout::{Layout, Sheet};
use super::mark_cells::{quick, read_row};
use super::sessions::SessionColumn;
use crate::domain::identifiers::Upn;

/// One mark as read; borrows the reader's buffer, so that a long file takes no allocation per row.
#[derive(Clone, PartialEq, Eq)]
pub struct MarkRow<'a> {
    /// The school, by URN or LAESTAB as given, in a file of several schools.
    pub school: Option<&'a str>,
    /// The school's own number of the pupil; at least one of this and `upn` is given.
    pub school_pupil_id: Option<&'a str>,
    /// The UPN.
    pub upn: Option<Upn>,
    /// The date of the session.
    pub date: NaiveDate,
    /// Which session of the date.
    pub half: SessionHalf,
    /// The code, 1 to 3 characters, not yet held against the set of its date; a mangled stroke is already mended.
    pub code: &'a str,
    /// Minutes late, 0 to 600.
    pub minutes_late: Option<u16>,
    /// When the school recorded the mark, to the microsecond.
    pub recorded_at: Option<DateTime<Utc>>,
    /// The code that this one replaces (SI 2024/208 reg 6(1)), as given, 1 to 3 characters.
    pub amended_from: Option<&'a str>,
    /// Why it was amended, at most 200 characters.
    pub reason: Option<&'a str>,
    /// The name of the person who amended it, at most 100 characters.
    pub amended_by: Option<&'a str>,
}

impl fmt::Debug for MarkRow<'_> {
    /// Hides the row: it is about a child.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MarkRow(hidden)")
    }
}

/// What is told of each mark that was read, with the line it begins on: whether it can stand, and if not, why.
pub type TakeMark<'t> = dyn FnMut(u64, &MarkRow<'_>) -> Result<(), CellFault> + 't;

/// The columns of [`MARKS`], whose cells stand in this order.
const COLUMNS: usize = 11;
pub(super) type Values<'r> = [&'r str; COLUMNS];

/// Reads every mark, giving each that is well-formed to `take`, which answers with the fault of a cell where it cannot
/// stand; the tally counts and keeps what was wrong. Two marks for one session are both given, in the order of the file.
/// A file that turns out to be unreadable halfway is an error, and then what was taken counts for nothing.
pub fn read_marks(
    source: &mut dyn Source,
    format: Format,
    (limits, whose): (&Limits, &mut WhoseRow<'_>),
    take: &mut TakeMark<'_>,
) -> Result<Tally, FileError> {
    let mut taking = Taking::new(limits, whose);
    let mut marks = Marks { take, form: DateForm::AsWritten };
    match format {
        Format::Ndjson => {
            (taking.tally.encoding, taking.tally.layout) = ("utf-8", "long");
            taking.tally.dates = DateForm::AsWritten.as_str();
            read_ndjson(source, &MARKS_JSON, &mut taking, &mut |taking, line, (values, _), errors| {
                marks.object(taking, line, values, errors);
            })?;
        }
        Format::Csv | Format::Xlsx => read_grid(source, format, &mut taking, &mut marks)?,
    }
    Ok(taking.ended())
}

fn read_grid(
    source: &mut dyn Source,
    format: Format,
    taking: &mut Taking<'_>,
    marks: &mut Marks<'_>,
) -> Result<(), FileError> {
    let limits = taking.limits;
    let mut opened = Opened::new(source, format)?;
    opened.choose_sheet(source, limits, &|first, second| Sheet::recognise(first, second, limits).is_ok())?;
    let head = opened.head(source, limits)?;
    head.check(1)?;
    let sheet = Sheet::recognise(&head.first, &head.second, limits)?;
    head.check(sheet.head_rows)?;
    let table = sheet.layout.table();
    marks.form = match table.position("date") {
        Some(place) if !table.dates.is_empty() => {
            let forms = prove(&mut *opened.rows(source, limits)?, &sheet.header, table)?;
            forms.get(place).copied().unwrap_or_default()
        }
        Some(_) | None => sheet.form,
    };
    taking.tally.layout = sheet.layout.as_str();
    (taking.tally.encoding, taking.tally.dates) = (opened.encoding(), marks.form.as_str());
    taking.tally.comments_dropped = opened.comments();
    taking.tally.columns_ignored.clone_from(&sheet.header.unknown);
    // The dates of a wide file's columns have been read already.
    if matches!(sheet.layout, Layout::Wide(_)) {
        marks.form = DateForm::AsWritten;
    }
    let mut rows = opened.rows(source, limits)?;
    let mut head_rows = sheet.head_rows;
    while let Some(taken) = rows.next()? {
        let row = match taken {
            Taken::Row(row) if row.is_blank() => continue,
            _ if head_rows > 0 => {
                head_rows -= 1;
                continue;
            }
            Taken::Row(row) => row,
            Taken::Broken { line, what } => {
                taking.count_row()?;
                taking.broken(line, what);
                continue;
            }
        };
        taking.count_row()?;
        match sheet.header.whole(&row, opened.is_paired()) {
            Ok(()) => marks.row(taking, &sheet, &row),
            Err(what) => taking.broken(row.line, what),
        }
    }
    Ok(())
}

/// What takes the marks, and how their dates are read.
struct Marks<'t> {
    take: &'t mut TakeMark<'t>,
    form: DateForm,
}

impl Marks<'_> {
    /// Takes a row of a grid in any layout.
    fn row(&mut self, taking: &mut Taking<'_>, sheet: &Sheet, row: &GridRow<'_>) {
        let line = row.line;
        match &sheet.layout {
            Layout::Long => {
                let mut values: Values<'_> = [""; COLUMNS];
                let errors = sheet.header.values(row, &MARKS, &mut values, taking);
                self.one(taking, line, &values, errors);
            }
            Layout::Day => {
                let mut values = [""; 7];
                let errors = sheet.header.values(row, sheet.layout.table(), &mut values, taking);
                let [school, id, upn, date, am, pm, recorded] = values;
                let values = [school, id, upn, date, "", "", "", recorded, "", "", ""];
                self.day(taking, line, (values, am, pm), errors);
            }
            Layout::Wide(columns) => {
                let mut values = [""; 3];
                let errors = sheet.header.values(row, sheet.layout.table(), &mut values, taking);
                let [school, id, upn] = values;
                let values = [school, id, upn, "", "", "", "", "", "", "", ""];
                self.wide(taking, (row, sheet, columns), values, &errors);
            }
        }
    }

    /// Takes an object: a session, or a day where it has `am` or `pm`.
    fn object(&mut self, taking: &mut Taking<'_>, line: u64, values: &[&str], mut errors: Vec<RowError>) {
        let Some((values, days)) = values.split_first_chunk::<COLUMNS>() else { return };
        let (am, pm) = match days {
            [am, pm] => (am.trim(), pm.trim()),
            _ => ("", ""),
        };
        let [.., session, code, _, _, _, _, _] = values;
        let of_days = errors.iter().any(|error| error.column == "am" || error.column == "pm");
        if am.is_empty() && pm.is_empty() && !of_days {
            self.one(taking, line, values, errors);
            return;
        }
        if !session.is_empty() || !code.is_empty() {
            errors.push(RowError::of_row(
                line,
                "is a session and a day at once; give `session` and `code`, or `am` and `pm`",
            ));
        }
        taking.tally.layout = "day";
        self.day(taking, line, (*values, am, pm), errors);
    }

    /// Takes the one mark of a line.
    fn one(&mut self, taking: &mut Taking<'_>, line: u64, values: &Values<'_>, mut errors: Vec<RowError>) {
        let [school, ..] = values;
        let full = taking.is_full(school);
        if !self.mark(taking, line, (values, full), &mut errors) {
            taking.reject(school, 1, errors);
        }
    }

    /// Takes both sessions of a day; where the row itself is wrong, neither.
    fn day(
        &mut self,
        taking: &mut Taking<'_>,
        line: u64,
        (values, am, pm): (Values<'_>, &str, &str),
        errors: Vec<RowError>,
    ) {
        let (of_cells, of_row): (Vec<_>, Vec<_>) =
            errors.into_iter().partition(|error| error.column == "am" || error.column == "pm");
        let (mut all, mut seen, mut rejected) = (Vec::new(), HashSet::new(), 0);
        let received = taking.tally.received;
        let [school, ..] = values;
        let full = taking.is_full(school);
        for (column, half, code) in [("am", "am", am), ("pm", "pm", pm)] {
            let own = of_cells.iter().filter(|error| error.column == column);
            if code.is_empty() && own.clone().next().is_none() {
                continue;
            }
            // For the time of its reading it is the code of a session like any other.
            let own = own.map(|error| RowError { column: "code".into(), ..error.clone() });
            let mut errors: Vec<RowError> = of_row.iter().cloned().chain(own).collect();
            let mut values = values;
            let [_, _, _, _, session, cell, ..] = &mut values;
            (*session, *cell) = (half, code);
            rejected += usize::from(!self.mark(taking, line, (&values, full), &mut errors));
            rename(&mut errors, column, None);
            merge(&mut all, &mut seen, errors);
        }
        if taking.tally.received == received && !of_row.is_empty() {
            taking.tally.received += 1;
            (all, rejected) = (of_row, 1);
        }
        if rejected > 0 {
            taking.reject(school, rejected, all);
        }
    }

    /// Takes every session of a row of the wide layout.
    fn wide(
        &mut self,
        taking: &mut Taking<'_>,
        (row, sheet, columns): (&GridRow<'_>, &Sheet, &[SessionColumn]),
        values: Values<'_>,
        of_row: &[RowError],
    ) {
        let (mut all, mut seen, mut rejected) = (Vec::new(), HashSet::new(), 0);
        // What is wrong with every row of a long file must not be made of each of its cells again.
        let [school, ..] = values;
        let full = taking.is_full(school);
        let mut counted = Counted::of(of_row);
        for column in columns {
            let code = sheet.header.cell(row, column.at);
            let fault = row.faults.iter().find(|(at, _)| *at == column.at);
            if code.is_empty() && fault.is_none() {
                continue;
            }
            let mut values = values;
            let [_, _, _, date, session, cell, ..] = &mut values;
            *date = column.date.as_str();
            *session = if column.half == SessionHalf::Am { "am" } else { "pm" };
            *cell = code;
            let mut errors = of_row.to_vec();
            errors.extend(fault.map(|(_, what)| RowError::of_cell(row.line, "code", code, what)));
            rejected += usize::from(!self.mark(taking, row.line, (&values, full), &mut errors));
            if full {
                counted.count(&errors);
            } else if !errors.is_empty() {
                rename(&mut errors, &column.name, Some(&column.name));
                merge(&mut all, &mut seen, errors);
            }
        }
        match (rejected, full) {
            (0, _) => {}
            (_, true) => taking.reject_counted(school, rejected, counted.errors),
            (_, false) => taking.reject(school, rejected, all),
        }
    }

    /// Takes one mark, whose cells are those of [`MARKS`], and says whether it stands; what is wrong with it comes behind
    /// `errors`, without a word of it where the report is `full`.
    fn mark(
        &mut self,
        taking: &mut Taking<'_>,
        line: u64,
        (values, full): (&Values<'_>, bool),
        errors: &mut Vec<RowError>,
    ) -> bool {
        taking.tally.received += 1;
        let quick = if errors.is_empty() { quick(values, self.form) } else { None };
        let told = if let Some((mark, mended)) = quick {
            (self.take)(line, &mark).map(|()| mended)
        } else {
            let forms = [self.form; COLUMNS];
            let found = std::mem::take(errors);
            let mut row = Row::new(
                line,
                &MARKS,
                (values, Given::default(), &forms),
                (taking.limits.cell_max_chars, full),
                found,
            );
            let read = read_row(&mut row);
            *errors = row.into_errors();
            match read {
                Some((mark, mended)) if errors.is_empty() => (self.take)(line, &mark).map(|()| mended),
                Some(_) | None => Ok(false),
            }
        };
        match told {
            Ok(mended) => taking.tally.codes_mended += usize::from(mended),
            Err(fault) => {
                let value = MARKS.position(fault.column).and_then(|at| values.get(at)).copied().unwrap_or("");
                errors.push(if full {
                    RowError::counted(line, fault.column)
                } else {
                    RowError::of_cell(line, fault.column, value, &fault.message)
                });
            }
        }
        errors.is_empty()
    }
}

/// Gives errors of a mark the names of the columns that a layout has for it.
fn rename(errors: &mut [RowError], code: &str, date: Option<&str>) {
    for error in errors {
        if error.column == "code" || error.column == "session" {
            error.column = code.to_owned().into();
        } else if error.column == "date"
            && let Some(date) = date
        {
            error.column = date.to_owned().into();
        }
    }
}

/// Errors of one row that are only counted, as many as [`merge`] would leave of them.
struct Counted {
    errors: usize,
    /// Columns that are the row's, and not one session's.
    shared: Vec<Cow<'static, str>>,
}

impl Counted {
    fn of(of_row: &[RowError]) -> Self {
        let mut counted = Self { errors: 0, shared: Vec::new() };
        counted.count(of_row);
        counted
    }

    fn count(&mut self, errors: &[RowError]) {
        for error in errors {
            if matches!(&*error.column, "code" | "session" | "date") {
                self.errors += 1;
            } else if !self.shared.contains(&error.column) {
                self.errors += 1;
                self.shared.push(error.column.clone());
            }
        }
    }
}

/// Adds errors of one mark to those of its row, each once: what is wrong with the pupil is so for every session.
fn merge(all: &mut Vec<RowError>, seen: &mut HashSet<RowError>, errors: Vec<RowError>) {
    for error in errors {
        if seen.insert(error.clone()) {
            all.push(error);
        }
    }
}
