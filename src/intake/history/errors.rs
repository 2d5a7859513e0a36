//! The file of errors: the rows that were rejected, as the school sent them, with what is wrong and what to do behind
//! each, so that an office can mend them in a spreadsheet and send the same file again.
//!
//! One line for each row, however much is wrong with it: two lines of one row would contradict each other once one of
//! them is mended. A cell that a spreadsheet would take for a formula gets an apostrophe before it, which the readers
//! take off again in such a file and in no other.

use super::super::parse::{
    Content, ERROR_COLUMNS, FileError, Format, Limits, Originals, Source, may_compute, originals,
};
use super::super::report::Reported;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Between what is said of several cells of one row.
const AND: &str = " | ";

/// Bytes of cells that a file of errors holds at most.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Reads the rows that were rejected once more, and writes the file of errors of them; empty where none was.
pub fn rejected_rows(
    source: &mut dyn Source,
    what: (Format, Content),
    limits: &Limits,
    errors: &[Reported],
) -> Result<Vec<u8>, FileError> {
    if errors.is_empty() {
        return Ok(Vec::new());
    }
    let lines = errors.iter().map(|error| error.line).collect();
    let originals = originals(source, what, limits, &lines, BYTES_MAX)?;
    // Writing into memory cannot fail.
    error_file(&originals, errors).map_err(|_| FileError::Unreadable)
}

/// The same for the errors of several schools of one file, which is read once: a file of errors for each, with its own
/// rows only.
pub(in crate::intake) fn rejected_rows_of(
    source: &mut dyn Source,
    what: (Format, Content),
    limits: &Limits,
    errors: &[Vec<Reported>],
) -> Result<Vec<Vec<u8>>, FileError> {
    let lines = errors.iter().flatten().map(|error| error.line).collect();
    let Originals { header, rows } = originals(source, what, limits, &lines, BYTES_MAX)?;
    let of_school = |errors: &Vec<Reported>| {
        if errors.is_empty() {
            return Ok(Vec::new());
        }
        let own: BTreeSet<u64> = errors.iter().map(|error| error.line).collect();
        let rows = rows.iter().filter(|(line, _)| own.contains(line)).cloned().collect();
        error_file(&Originals { header: header.clone(), rows }, errors).map_err(|_| FileError::Unreadable)
    };
    errors.iter().map(of_school).collect()
}

/// Writes the file of errors of one upload: UTF-8 with its byte order mark, without which spreadsheets take it for
/// another encoding.
fn error_file(originals: &Originals, errors: &[Reported]) -> Result<Vec<u8>, csv::Error> {
    let mut of_line: BTreeMap<u64, Vec<&Reported>> = BTreeMap::new();
    for error in errors {
        of_line.entry(error.line).or_default().push(error);
    }
    let mut file = csv::Writer::from_writer(b"\xEF\xBB\xBF".to_vec());
    let header = originals.header.iter().map(String::as_str).chain(ERROR_COLUMNS);
    file.write_record(header.map(|cell| guarded(cell).into_owned()))?;
    for (line, cells) in &originals.rows {
        let errors = of_line.get(line).map(Vec::as_slice).unwrap_or_default();
        let all = |part: fn(&Reported) -> &str| errors.iter().map(|e| part(e)).collect::<Vec<_>>().join(AND);
        let number = line.to_string();
        let added = [
            all(|error| &error.column),
            all(|error| &error.value),
            all(|error| &error.what),
            all(|error| &error.what_to_do),
        ];
        let own = (0..originals.header.len()).map(|at| cells.get(at).map_or("", String::as_str));
        let record = own.chain([number.as_str()]).chain(added.iter().map(String::as_str));
        file.write_record(record.map(|cell| guarded(cell).into_owned()))?;
    }
    file.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// A cell that no spreadsheet takes for a formula.
fn guarded(cell: &str) -> Cow<'_, str> {
    if may_compute(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

#[cfg(test)]
mod tests {
    use super::super::super::parse::read_pupils;
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
        let originals = Originals {
            header: vec!["Adno".to_owned(), "-Note".to_owned(), "Date".to_owned()],
            rows: vec![
                (4, vec!["=1+1".to_owned(), String::new(), "'@x".to_owned()]),
                (7, vec!["a, b".to_owned()]),
            ],
        };
        let errors =
            [reported(4, "date", "is wrong"), reported(4, "code", "is empty"), reported(9, "row", "is lost")];
        let file = String::from_utf8(error_file(&originals, &errors).unwrap()).unwrap();
        assert_eq!(
            file,
            "\u{FEFF}Adno,'-Note,Date,line,column,value,what is wrong,what to do\n\
             '=1+1,,''@x,4,date | code,'=x | =x,is wrong | is empty,correct it | correct it\n\
             \"a, b\",,,7,,,,\n"
        );
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
                read_pupils(&mut Cursor::new(bytes), Format::Csv, &Limits::default(), today).unwrap()
            };
            let given = originals(
                &mut Cursor::new(&sent[..]), (Format::Csv, Content::Pupils), &Limits::default(), &[2].into(), 1_000,
            ).unwrap();
            let back = error_file(&given, &[reported(2, "sex", "is wrong")]).unwrap();
            let (first, second) = (read(&sent), read(&back));
            prop_assert_eq!(&first.rows, &second.rows);
            prop_assert_eq!(first.tally.errors, second.tally.errors);
        }
    }
}
