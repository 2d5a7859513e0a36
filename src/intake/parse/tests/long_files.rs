//! Files longer than anybody would hold in memory: rows are made as they are read, and what is kept does not grow with them.

use super::*;
use std::io::{Read, Result, Seek, SeekFrom};

/// A file of rows of one length, made from their number when they are read.
struct Endless<F> {
    header: &'static str,
    rows: u64,
    row: F,
    row_bytes: u64,
    at: u64,
    /// The most bytes asked for at once, which is what a reader has room for.
    largest: usize,
}

impl<F: Fn(u64) -> String> Endless<F> {
    fn new(header: &'static str, rows: u64, row: F) -> Self {
        let row_bytes = row(0).len() as u64;
        Self { header, rows, row, row_bytes, at: 0, largest: 0 }
    }

    fn length(&self) -> u64 {
        self.header.len() as u64 + self.rows * self.row_bytes
    }

    /// What stands from a place on, to the end of the header or of a row.
    fn piece(&self, at: u64) -> Vec<u8> {
        let header = self.header.len() as u64;
        let (text, from) = match at.checked_sub(header) {
            None => (self.header.to_owned(), at),
            Some(at) => ((self.row)(at / self.row_bytes), at % self.row_bytes),
        };
        assert!(at < header || text.len() as u64 == self.row_bytes, "rows are of one length: {text}");
        text.as_bytes()[usize::try_from(from).unwrap()..].to_vec()
    }
}

impl<F: Fn(u64) -> String> Read for Endless<F> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.largest = self.largest.max(buffer.len());
        let mut filled = 0;
        while filled < buffer.len() && self.at < self.length() {
            let piece = self.piece(self.at);
            let taken = piece.len().min(buffer.len() - filled);
            buffer[filled..filled + taken].copy_from_slice(&piece[..taken]);
            filled += taken;
            self.at += taken as u64;
        }
        Ok(filled)
    }
}

impl<F: Fn(u64) -> String> Seek for Endless<F> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let from = |base: u64, by: i64| base.checked_add_signed(by).ok_or(std::io::ErrorKind::InvalidInput);
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => from(self.at, by)?,
            SeekFrom::End(by) => from(self.length(), by)?,
        };
        Ok(self.at)
    }
}

const HEADER: &str =
    "Admission Number,Date,Session,Mark,Recorded At,Amended From,Reason,Amended By,Tutor Group\n";
/// So much text in each row that tens of megabytes are read quickly; a column that is not known has no limit but its cell's.
const FILLING: usize = 900;
/// What a reader may have room for, whatever the length of the file.
const ROOM_BYTES: usize = 1024 * 1024;

fn row(number: u64, code: &str) -> String {
    let (day, session) = (number % 28 + 1, if number.is_multiple_of(2) { "am" } else { "pm" });
    let filling = "x".repeat(FILLING);
    format!(
        "{number:09},2026-02-{day:02},{session},{code},2026-03-01T09:00:00Z,N,was ill,A Clerk,{filling}\n"
    )
}

/// Reads a file of so many rows, of which each is wrong for which that is said.
fn read_long(rows: u64, limits: &Limits, is_wrong: fn(u64) -> bool) -> (Tally, u64) {
    let made = move |number| row(number, if is_wrong(number) { "%%%%" } else { "I" });
    let mut source = Endless::new(HEADER, rows, |number| {
        let text = made(number);
        // A code that cannot be one is longer than one that can; the filling makes up for it.
        if is_wrong(number) { text.replacen('x', "", 3) } else { text }
    });
    let mut next = 0;
    let tally = read_marks(&mut source, Format::Csv, (limits, &mut of_one_school), &mut |line,
                                                                                         mark: &MarkRow<
        '_,
    >| {
        let number: u64 = mark.school_pupil_id.unwrap().parse().unwrap();
        assert_eq!(line, number + 2, "its line");
        assert!(number >= next && !is_wrong(number), "in order, and none that is wrong");
        next = number + 1;
        Ok(())
    })
    .unwrap();
    assert!(source.largest <= ROOM_BYTES, "{} bytes at once", source.largest);
    assert!(source.length() > 20 * ROOM_BYTES as u64, "{} bytes are not long", source.length());
    (tally, next)
}

const ROWS: u64 = 30_000;

#[test]
fn a_long_file_of_good_rows_is_read_whole_and_nothing_of_it_kept() {
    let (tally, next) = read_long(ROWS, &Limits::default(), |_| false);
    assert_eq!((tally.received as u64, next), (ROWS, ROWS));
    assert_eq!((tally.rejected.rows, tally.rejected.errors.len(), tally.rejected_of.len()), (0, 0, 0));
    assert_eq!((tally.layout, tally.encoding), ("long", "utf-8"));
}

#[test]
fn of_a_long_file_of_wrong_rows_so_many_errors_are_kept_and_all_counted() {
    let limits = Limits { errors_max: 100, ..Limits::default() };
    for rows in [ROWS, 2 * ROWS] {
        let (tally, taken) = read_long(rows, &limits, |_| true);
        let rejected = &tally.rejected;
        assert_eq!((tally.received as u64, rejected.rows as u64, taken), (rows, rows, 0));
        assert_eq!(
            (rejected.errors.len(), rejected.errors.capacity() <= 256),
            (100, true),
            "twice as long, no more kept"
        );
        assert_eq!(rejected.errors_left_out as u64, rows - 100);
        assert_eq!(rejected.lines_left_out as u64, rows - 100);
        let lines: Vec<u64> = rejected.errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, (2..102).collect::<Vec<_>>(), "the first of them");
        assert!(rejected.errors.iter().all(|error| error.value == "%%%%" && !error.what_to_do.is_empty()));
    }
}

#[test]
fn a_wrong_row_far_into_a_long_file_is_found_by_its_line() {
    let (tally, next) = read_long(ROWS, &Limits::default(), |number| number == 29_876);
    assert_eq!((tally.received as u64, next, tally.rejected.rows), (ROWS, ROWS, 1));
    let lines: Vec<u64> = tally.rejected.errors.iter().map(|error| error.line).collect();
    assert_eq!((lines, tally.rejected.errors_left_out), (vec![29_878], 0));
}
