//! The file of errors: the rows that were rejected, as the school sent them, with what is wrong and what to do behind
//! each, so that an office can mend them in a spreadsheet and send the same file again.
//!
//! One line for each row, however much is wrong with it: two lines of one row would contradict each other once one of
//! them is mended. A cell that a spreadsheet would take for a formula gets an apostrophe before it, which the readers
//! take off again in such a file and in no other.

use super::super::parse::{
    Content, ERROR_COLUMNS, FileError, Format, Limits, Source, TakeOriginals, each_original, may_compute,
};
use super::super::report::Reported;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

/// Between what is said of several cells of one row.
const AND: &str = " | ";

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Bytes of rows that the file of errors of one upload holds at most, as it is kept.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why rejected rows cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum RejectedRowsError {
    /// The file that they are in cannot be read again.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is written to cannot be.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The file of errors of one upload.
#[derive(Clone, Debug, Default)]
pub(in crate::intake) struct RejectedRows {
    /// CSV; empty where no row was rejected.
    pub(in crate::intake) file: Vec<u8>,
    /// Rejected rows that are not in it, since it would be too long.
    pub(in crate::intake) left_out: usize,
}

/// Reads the rows that were rejected once more, and writes the file of errors of them, each as it is read.
pub fn write_rejected_rows(
    source: &mut dyn Source,
    what: (Format, Content),
    limits: &Limits,
    errors: &[Reported],
    into: &mut dyn Write,
) -> Result<(), RejectedRowsError> {
    let lines = errors.iter().map(|error| error.line).collect();
    let mut rows = ErrorRows::new(errors, into, usize::MAX);
    each_original(source, what, limits, &lines, &mut rows)?;
    rows.ended()?;
    Ok(())
}

/// The same for the errors of several schools of one file, which is read once: a file of errors for each, with its own
/// rows only.
pub(in crate::intake) fn rejected_rows_of(
    source: &mut dyn Source,
    what: (Format, Content),
    limits: &Limits,
    errors: &[Vec<Reported>],
) -> Result<Vec<RejectedRows>, FileError> {
    let lines: BTreeSet<u64> = errors.iter().flatten().map(|error| error.line).collect();
    let rows = errors.iter().map(|errors| ErrorRows::new(errors, Vec::new(), BYTES_MAX));
    let mut of_schools = OfSchools { rows: rows.collect(), school_of: HashMap::new() };
    for (school, errors) in errors.iter().enumerate() {
        of_schools.school_of.extend(errors.iter().map(|error| (error.line, school)));
    }
    if !lines.is_empty() {
        each_original(source, what, limits, &lines, &mut of_schools)?;
    }
    let file = |rows: ErrorRows<'_, Vec<u8>>| {
        let left_out = rows.left_out;
        // Writing into memory cannot fail.
        let file = rows.ended().map_err(|_| FileError::Unreadable)?;
        Ok(RejectedRows { file, left_out })
    };
    of_schools.rows.into_iter().map(file).collect()
}

/// The rows of several schools on their way, each into the file of its own.
struct OfSchools<'e> {
    rows: Vec<ErrorRows<'e, Vec<u8>>>,
    school_of: HashMap<u64, usize>,
}

impl TakeOriginals for OfSchools<'_> {
    fn header(&mut self, names: Vec<String>) {
        for rows in self.rows.iter_mut().filter(|rows| !rows.of_line.is_empty()) {
            rows.header(names.clone());
        }
    }

    fn row(&mut self, line: u64, cells: Vec<String>) -> bool {
        if let Some(rows) = self.school_of.get(&line).and_then(|school| self.rows.get_mut(*school)) {
            rows.row(line, cells);
        }
        true
    }
}

/// Rejected rows on their way into a file of errors: UTF-8 with its byte order mark, without which spreadsheets take it
/// for another encoding.
struct ErrorRows<'e, W: Write> {
    of_line: BTreeMap<u64, Vec<&'e Reported>>,
    into: csv::Writer<W>,
    bytes_left: usize,
    width: usize,
    left_out: usize,
    failed: Option<io::Error>,
}

impl<'e, W: Write> ErrorRows<'e, W> {
    fn new(errors: &'e [Reported], mut into: W, bytes_max: usize) -> Self {
        let mut of_line: BTreeMap<u64, Vec<&Reported>> = BTreeMap::new();
        for error in errors {
            of_line.entry(error.line).or_default().push(error);
        }
        // Where nothing is wrong there is no file.
        let failed = if errors.is_empty() { None } else { into.write_all(BYTE_ORDER_MARK).err() };
        let (bytes_left, width) = (bytes_max, 0);
        Self { of_line, into: csv::Writer::from_writer(into), bytes_left, width, left_out: 0, failed }
    }

    fn write<'c>(&mut self, cells: impl Iterator<Item = &'c str>) -> bool {
        if self.failed.is_none() {
            let cells = cells.map(|cell| guarded(cell).into_owned());
            self.failed = self.into.write_record(cells).err().map(io::Error::from);
        }
        self.failed.is_none()
    }

    fn ended(self) -> io::Result<W> {
        match self.failed {
            Some(error) => Err(error),
            None => self.into.into_inner().map_err(|error| io::Error::other(error.error().to_string())),
        }
    }
}

impl<W: Write> TakeOriginals for ErrorRows<'_, W> {
    fn header(&mut self, names: Vec<String>) {
        self.width = names.len();
        self.write(names.iter().map(String::as_str).chain(ERROR_COLUMNS));
    }

    fn row(&mut self, line: u64, cells: Vec<String>) -> bool {
        let errors = self.of_line.get(&line).map(Vec::as_slice).unwrap_or_default();
        let all = |part: fn(&Reported) -> &str| errors.iter().map(|e| part(e)).collect::<Vec<_>>().join(AND);
        let number = line.to_string();
        let added = [
            all(|error| &error.column),
            all(|error| &error.value),
            all(|error| &error.what),
            all(|error| &error.what_to_do),
        ];
        let own = (0..self.width).map(|at| cells.get(at).map_or("", String::as_str));
        let record = own.chain([number.as_str()]).chain(added.iter().map(String::as_str));
        let bytes = record.clone().map(|cell| guarded(cell).len() + 1).sum();
        if let Some(left) = self.bytes_left.checked_sub(bytes) {
            self.bytes_left = left;
            self.write(record)
        } else {
            // What comes behind is left out too, so that what is there has no gaps.
            (self.bytes_left, self.left_out) = (0, self.left_out + 1);
            true
        }
    }
}

/// A cell that no spreadsheet takes for a formula.
fn guarded(cell: &str) -> Cow<'_, str> {
    if may_compute(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

#[cfg(test)]
mod tests {
    use super::super::super::parse::{of_one_school, read_pupils};
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn reported(line: u64, column: &str, what: &str) -> Reported {
        Reported {
            line,
            column: column.to_owned(),
            value: "=x".to_owned(),
            what: what.to_owned(),
            what_to_do: "correct it".to_owned(),
        }
    }

    #[test]
    fn one_line_for_each_row_with_formulas_made_harmless() {
        let errors =
            [reported(4, "date", "is wrong"), reported(4, "code", "is empty"), reported(9, "row", "is lost")];
        let mut rows = ErrorRows::new(&errors, Vec::new(), usize::MAX);
        rows.header(vec!["Adno".to_owned(), "-Note".to_owned(), "Date".to_owned()]);
        rows.row(4, vec!["=1+1".to_owned(), String::new(), "'@x".to_owned()]);
        rows.row(7, vec!["a, b".to_owned()]);
        assert_eq!(
            String::from_utf8(rows.ended().unwrap()).unwrap(),
            "\u{FEFF}Adno,'-Note,Date,line,column,value,what is wrong,what to do\n\
             '=1+1,,''@x,4,date | code,'=x | =x,is wrong | is empty,correct it | correct it\n\
             \"a, b\",,,7,,,,\n"
        );
    }

    #[test]
    fn each_school_has_its_own_rows_up_to_their_bytes() {
        let row = |id: &str| format!("{id},{}\n", "x".repeat(1_000));
        let sent = "date,note\n".to_owned() + &row("a").repeat(5_000) + &row("b").repeat(2);
        let wrong =
            |lines: std::ops::Range<u64>| lines.map(|l| reported(l, "date", "is wrong")).collect::<Vec<_>>();
        let limits = Limits::default();
        let what = (Format::Csv, Content::Calendar);
        let calendar = sent.replace("date,note", "date,am,pm,address").replace(",x", ",open,open,x");
        let errors = [wrong(2..5_002), Vec::new(), wrong(5_002..5_004)];
        let files = rejected_rows_of(&mut Cursor::new(calendar), what, &limits, &errors).unwrap();
        let lines = |file: &RejectedRows| String::from_utf8(file.file.clone()).unwrap().lines().count();
        assert!(files[0].file.len() < BYTES_MAX + 200 && files[0].left_out > 0);
        assert_eq!(lines(&files[0]) - 1 + files[0].left_out, 5_000);
        assert_eq!((files[1].file.len(), files[1].left_out), (0, 0));
        assert_eq!((lines(&files[2]), files[2].left_out), (3, 0), "the other's rows take none of its room");
        assert!(!String::from_utf8_lossy(&files[2].file).contains("\na,"));
    }

    #[test]
    fn a_formula_is_known_behind_space_and_in_full_width() {
        for cell in
            ["=1", "\n=1", " +1", "\u{A0}-1", "\u{0}@x", "' =1", "\u{FF1D}1", " \u{FF20}x", "\tx", "\nx"]
        {
            assert_eq!(guarded(cell), format!("'{cell}"), "{cell:?}");
        }
        for cell in ["", "1=1", "'x", " x - y", "#N/A", "2026-09-03"] {
            assert_eq!(guarded(cell), cell, "{cell:?}");
        }
    }

    proptest! {
        /// What a school's office sends back untouched is what the school sent.
        #[test]
        fn a_file_of_errors_comes_back_as_it_was(surname in "['=+@\t-]{0,3}[a-z\u{e9}]{1,5}", address in "[-'=+@\u{ff1d} a,\"\n]{0,12}") {
            let header = "school_pupil_id,surname,forename,date_of_birth,sex,starting_day,enrolment_status,address";
            let mut sent = csv::Writer::from_writer(Vec::new());
            sent.write_record(header.split(',')).unwrap();
            sent.write_record(["7", &surname, "B", "2012-02-01", "f", "2024-09-03", "single", &address]).unwrap();
            let sent = sent.into_inner().unwrap();
            let read = |bytes: &[u8]| {
                let today = "2026-11-20".parse().unwrap();
                let of_one = (&Limits::default(), &mut of_one_school as &mut _);
                read_pupils(&mut Cursor::new(bytes), Format::Csv, of_one, today).unwrap()
            };
            let (what, limits) = ((Format::Csv, Content::Pupils), Limits::default());
            let wrong = [vec![reported(2, "sex", "is wrong")]];
            let back = rejected_rows_of(&mut Cursor::new(&sent[..]), what, &limits, &wrong).unwrap();
            let back = back[0].file.clone();
            let (first, second) = (read(&sent), read(&back));
            prop_assert_eq!(&first.rows, &second.rows);
            prop_assert_eq!(first.tally.rejected, second.tally.rejected);
        }
    }
}
