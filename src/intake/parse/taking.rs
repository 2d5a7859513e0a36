//! A file on its way in: what is counted and kept whatever its form, and the reading of files that are lists of rows.

use super::cells::Row;
use super::columns::{Given, Table};
use super::dates::{DateForm, Proof};
use super::formats::{Grid, Header, Opened, Taken, read_ndjson};
use super::kept::Kept;
use super::report::{FileError, RowError, Tally};
use super::{File, Format, Limits, Source, WhoseRow};
use crate::domain::identifiers::SchoolId;

/// Rows of a file that is kept as a list: more than any roll or calendar has.
const LIST_ROWS_MAX: usize = 1_000_000;

/// What is counted on the way.
pub(super) struct Taking<'t> {
    pub(super) tally: Tally,
    pub(super) limits: &'t Limits,
    rows: usize,
    /// Bytes of the rows that are held.
    held: usize,
    whose: &'t mut WhoseRow<'t>,
    kept: Kept<Option<SchoolId>, RowError>,
}

impl<'t> Taking<'t> {
    pub(super) fn new(limits: &'t Limits, whose: &'t mut WhoseRow<'t>) -> Self {
        Self { tally: Tally::default(), limits, rows: 0, held: 0, whose, kept: Kept::new(limits.errors_max) }
    }

    /// What was counted, with what was wrong for each school.
    pub(super) fn ended(self) -> Tally {
        let mut tally = self.tally;
        for (school, one) in self.kept.into_parts() {
            let rejected = match school {
                Some(school) => tally.rejected_of.entry(school).or_default(),
                None => &mut tally.rejected,
            };
            (rejected.errors_left_out, rejected.lines_left_out) = (one.errors_left_out, one.rows_left_out);
            rejected.errors = one.into_errors();
        }
        tally
    }

    /// Counts a row that has arrived, unless the file has too many, or what is held of those before it is too much.
    pub(super) fn count_row(&mut self) -> Result<(), FileError> {
        if self.held > self.limits.list_max_bytes {
            return Err(FileError::TooMuch { max: self.limits.list_max_bytes });
        }
        if self.rows >= self.limits.rows_max {
            return Err(FileError::TooManyRows { max: self.limits.rows_max });
        }
        self.rows += 1;
        Ok(())
    }

    /// Takes a row that could not be taken apart into cells.
    pub(super) fn broken(&mut self, line: u64, what: &str) {
        self.tally.received += 1;
        self.reject("", 1, vec![RowError::of_row(line, what)]);
    }

    /// Whether no more is kept of the rows of a school: further errors are counted, and never made.
    pub(super) fn is_full(&mut self, school: &str) -> bool {
        !self.kept.has_room() && !self.kept.takes((self.whose)(school))
    }

    /// Counts what is rejected in one line, by the school that it names, and keeps what was wrong as far as there is room.
    pub(super) fn reject(&mut self, school: &str, rows: usize, errors: Vec<RowError>) {
        let school = self.count_rejected(school, rows);
        self.kept.keep(school, errors);
    }

    /// The same of a line of whose errors none is made.
    pub(super) fn reject_counted(&mut self, school: &str, rows: usize, errors: usize) {
        let school = self.count_rejected(school, rows);
        self.kept.count(school, 1, errors);
    }

    fn count_rejected(&mut self, school: &str, rows: usize) -> Option<SchoolId> {
        let school = (self.whose)(school);
        match school {
            Some(school) => self.tally.rejected_of.entry(school).or_default().rows += rows,
            None => self.tally.rejected.rows += rows,
        }
        school
    }

    /// Counts a value in a column that is not taken.
    pub(super) fn pass_over(&mut self, is_comment: bool) {
        if is_comment {
            self.tally.comments_dropped += 1;
        } else {
            self.tally.values_ignored += 1;
        }
    }
}

/// Reads every row of a list by `read`, which gives `None` only after it has put an error into the row.
pub(super) fn read_file<R>(
    source: &mut dyn Source,
    format: Format,
    table: &'static Table,
    (limits, whose): (&Limits, &mut WhoseRow<'_>),
    read: &dyn Fn(&mut Row<'_>) -> Option<R>,
) -> Result<File<R>, FileError> {
    let limits = Limits { rows_max: limits.rows_max.min(LIST_ROWS_MAX), ..*limits };
    let mut list = List { taking: Taking::new(&limits, whose), table, read, rows: Vec::new() };
    list.taking.tally.layout = "rows";
    match format {
        Format::Ndjson => list.ndjson(source)?,
        Format::Csv | Format::Xlsx => list.grid(source, format)?,
    }
    Ok(File { rows: list.rows, tally: list.taking.ended() })
}

struct List<'t, R> {
    taking: Taking<'t>,
    table: &'static Table,
    read: &'t dyn Fn(&mut Row<'_>) -> Option<R>,
    rows: Vec<(u64, R)>,
}

impl<R> List<'_, R> {
    fn ndjson(&mut self, source: &mut dyn Source) -> Result<(), FileError> {
        (self.taking.tally.encoding, self.taking.tally.dates) = ("utf-8", DateForm::AsWritten.as_str());
        // Both the reader and the rows it gives count: the reader what it passes over, the list what it takes.
        let (table, read, rows) = (self.table, self.read, &mut self.rows);
        read_ndjson(source, table, &mut self.taking, &mut |taking, line, (values, given), errors| {
            take(taking, (table, read, &mut *rows), line, (values, given, &[]), errors);
        })
    }

    fn grid(&mut self, source: &mut dyn Source, format: Format) -> Result<(), FileError> {
        let limits = self.taking.limits;
        let mut opened = Opened::new(source, format)?;
        opened.choose_sheet(source, limits, &|first, _| Header::read(first, self.table, limits).is_ok())?;
        let head = opened.head(source, limits)?;
        head.check(1)?;
        let header = Header::read(&head.first, self.table, limits)?;
        let forms = prove(&mut *opened.rows(source, limits)?, &header, self.table)?;
        self.taking.tally.encoding = opened.encoding();
        self.taking.tally.comments_dropped = opened.comments();
        self.taking.tally.dates =
            forms.iter().copied().find(|form| *form == DateForm::DayFirst).unwrap_or_default().as_str();
        self.taking.tally.columns_ignored.clone_from(&header.unknown);
        let mut rows = opened.rows(source, limits)?;
        let given = Given::of(header.known().map(|(_, place)| place));
        let mut past_header = false;
        while let Some(taken) = rows.next()? {
            let row = match taken {
                Taken::Row(row) if row.is_blank() => continue,
                _ if !std::mem::replace(&mut past_header, true) => continue,
                Taken::Row(row) => row,
                Taken::Broken { line, what } => {
                    self.taking.count_row()?;
                    self.taking.broken(line, what);
                    continue;
                }
            };
            self.taking.count_row()?;
            if let Err(what) = header.whole(&row, opened.is_paired()) {
                self.taking.broken(row.line, what);
                continue;
            }
            let mut values = vec![""; self.table.columns.len()];
            let errors = header.values(&row, self.table, &mut values, &mut self.taking);
            take(
                &mut self.taking,
                (self.table, self.read, &mut self.rows),
                row.line,
                (&values, given, &forms),
                errors,
            );
        }
        Ok(())
    }
}

/// How a list's rows are read: by which columns, by what, and to where.
type Reading<'a, R> = (&'static Table, &'a dyn Fn(&mut Row<'_>) -> Option<R>, &'a mut Vec<(u64, R)>);

/// Takes one row of a list.
fn take<R>(
    taking: &mut Taking<'_>,
    (table, read, rows): Reading<'_, R>,
    line: u64,
    (values, given, forms): (&[&str], Given, &[DateForm]),
    errors: Vec<RowError>,
) {
    taking.tally.received += 1;
    let school = table.position("school").and_then(|at| values.get(at)).map_or("", |cell| cell.trim());
    // Nearly every row stands, and whose it is matters only once what is kept has no room.
    let most = (taking.limits.cell_max_chars, taking.is_full(school));
    let mut row = Row::new(line, table, (values, given, forms), most, errors);
    match read(&mut row) {
        Some(read) if !row.has_errors() => {
            taking.held += size_of::<R>() + values.iter().map(|value| value.len()).sum::<usize>();
            rows.push((line, read));
        }
        Some(_) | None => taking.reject(school, 1, row.into_errors()),
    }
}

/// How the dates of each column may be read, found out over the whole file; columns in the order of the table.
pub(super) fn prove(
    rows: &mut dyn Grid,
    header: &Header,
    table: &'static Table,
) -> Result<Vec<DateForm>, FileError> {
    let mut forms = vec![DateForm::AsWritten; table.columns.len()];
    let mut open: Vec<(usize, usize, Proof)> = header
        .known()
        .filter(|(_, place)| {
            table.columns.get(*place).is_some_and(|column| table.dates.contains(&column.name))
        })
        .map(|(at, place)| (at, place, Proof::default()))
        .collect();
    let mut past_header = false;
    while let Some(taken) = rows.next()? {
        if open.iter().all(|(.., proof)| proof.is_settled()) {
            return Ok(forms);
        }
        let Taken::Row(row) = taken else { continue };
        if row.is_blank() || !std::mem::replace(&mut past_header, true) {
            continue;
        }
        for (at, _, proof) in &mut open {
            match row.cell(*at) {
                "" => {}
                cell => proof.see(cell),
            }
        }
    }
    for (_, place, proof) in open {
        if let Some(form) = forms.get_mut(place) {
            *form = proof.form();
        }
    }
    Ok(forms)
}
