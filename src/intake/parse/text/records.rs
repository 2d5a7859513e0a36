//! Takes text apart into records and cells without an allocation for each: RFC 4180, and lines.
//!
//! It reads as the `csv` crate does, which is held by a test: commas, quotation marks doubled inside quoted cells, any
//! of the three ends of a line. It is written out because a year of a whole authority is 23 million rows, because the
//! line that a record begins on must be right whatever ends the lines, and because one unclosed quotation mark must not
//! bring a whole file into memory.

use std::io::Read as _;

use super::super::report::FileError;
use super::{BLOCK_BYTES, Decoded};

/// One record.
#[derive(Debug)]
pub(in super::super) enum Record<'r> {
    /// Its line, its text, and where its cells stand in the text.
    Cells {
        line: u64,
        text: &'r str,
        spans: &'r [(usize, usize)],
        /// Whether a line ends within one of its cells.
        over_lines: bool,
    },
    /// It has more bytes than a row may.
    TooLong { line: u64 },
}

/// Bytes of text that have been read and not yet taken.
struct Blocks<'s> {
    source: Decoded<'s>,
    block: Vec<u8>,
    begin: usize,
    filled: usize,
    ended: bool,
    /// Lines that have ended.
    lines: u64,
    after_return: bool,
}

impl<'s> Blocks<'s> {
    fn new(source: Decoded<'s>) -> Self {
        Self {
            source,
            block: vec![0; BLOCK_BYTES],
            begin: 0,
            filled: 0,
            ended: false,
            lines: 0,
            after_return: false,
        }
    }

    fn waiting(&self) -> &[u8] {
        self.block.get(self.begin..self.filled).unwrap_or_default()
    }

    /// Reads on behind what is waiting.
    fn more(&mut self) -> Result<(), FileError> {
        self.block.copy_within(self.begin..self.filled, 0);
        (self.begin, self.filled) = (0, self.filled - self.begin);
        if self.filled == self.block.len() {
            self.block.resize(self.filled * 2, 0);
        }
        loop {
            match self.source.read(self.block.get_mut(self.filled..).unwrap_or_default()) {
                Ok(read) => {
                    self.filled += read;
                    self.ended = read == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Err(FileError::Unreadable),
            }
        }
    }

    /// Passes over line ends, counting them; says whether anything is left.
    fn pass_blank(&mut self) -> Result<bool, FileError> {
        loop {
            let Some(byte) = self.waiting().first().copied() else {
                if self.ended {
                    return Ok(false);
                }
                self.more()?;
                continue;
            };
            match byte {
                b'\n' if self.after_return => {}
                b'\n' | b'\r' => self.lines += 1,
                _ => {
                    self.after_return = false;
                    return Ok(true);
                }
            }
            self.after_return = byte == b'\r';
            self.begin += 1;
        }
    }

    /// Passes over `length` bytes of a record, within which `breaks` lines ended, and over the line end behind it.
    fn pass(&mut self, length: usize, breaks: u64) {
        self.begin += length;
        self.lines += breaks;
        if let Some(byte) = self.waiting().first().copied() {
            self.begin += 1;
            self.lines += 1;
            self.after_return = byte == b'\r';
        }
    }
}

/// The records of a CSV file.
pub(in super::super) struct Records<'s> {
    blocks: Blocks<'s>,
    row_max_bytes: usize,
    spans: Vec<(usize, usize)>,
    unquoted: Vec<u8>,
}

enum Scanned {
    /// Its length in bytes; its text is the bytes themselves.
    Plain(usize),
    /// Its length, and the line ends within it; its text is in `unquoted`.
    Quoted(usize, u64),
    /// It does not end within what has been read.
    Open,
}

impl<'s> Records<'s> {
    pub(in super::super) fn new(source: Decoded<'s>, row_max_bytes: usize) -> Self {
        Self { blocks: Blocks::new(source), row_max_bytes, spans: Vec::new(), unquoted: Vec::new() }
    }

    /// The next record; blank lines are passed over.
    pub(in super::super) fn next(&mut self) -> Result<Option<Record<'_>>, FileError> {
        if !self.blocks.pass_blank()? {
            return Ok(None);
        }
        let line = self.blocks.lines + 1;
        let scanned = loop {
            match self.scan() {
                Scanned::Open if self.blocks.waiting().len() > self.row_max_bytes => {
                    self.pass_over()?;
                    return Ok(Some(Record::TooLong { line }));
                }
                Scanned::Open => self.blocks.more()?,
                scanned @ (Scanned::Plain(_) | Scanned::Quoted(..)) => break scanned,
            }
        };
        let begin = self.blocks.begin;
        let (length, breaks, plain) = match scanned {
            Scanned::Plain(length) => (length, 0, true),
            Scanned::Quoted(length, breaks) => (length, breaks, false),
            Scanned::Open => return Err(FileError::Unreadable),
        };
        self.blocks.pass(length, breaks);
        if length > self.row_max_bytes {
            return Ok(Some(Record::TooLong { line }));
        }
        let bytes = if plain {
            self.blocks.block.get(begin..begin + length).unwrap_or_default()
        } else {
            self.unquoted.as_slice()
        };
        // The survey found the whole file to be text, so that only a file changed meanwhile fails here.
        let text = std::str::from_utf8(bytes).map_err(|_| FileError::Unreadable)?;
        Ok(Some(Record::Cells { line, text, spans: &self.spans, over_lines: breaks > 0 }))
    }

    fn scan(&mut self) -> Scanned {
        self.spans.clear();
        let bytes = self.blocks.waiting();
        let mut start = 0;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b',' => {
                    self.spans.push((start, at));
                    start = at + 1;
                }
                b'\n' | b'\r' => {
                    self.spans.push((start, at));
                    return Scanned::Plain(at);
                }
                // A quotation mark within a cell is a character like any other.
                b'"' if at == start => return self.scan_quoted(),
                _ => {}
            }
        }
        if self.blocks.ended {
            let length = bytes.len();
            self.spans.push((start, length));
            return Scanned::Plain(length);
        }
        Scanned::Open
    }

    fn scan_quoted(&mut self) -> Scanned {
        self.spans.clear();
        self.unquoted.clear();
        let (mut state, mut start) = (Place::default(), 0);
        let bytes = self.blocks.block.get(self.blocks.begin..self.blocks.filled).unwrap_or_default();
        for (at, byte) in bytes.iter().enumerate() {
            match state.step(*byte) {
                Step::Keep => self.unquoted.push(*byte),
                Step::Drop => {}
                Step::CellEnds => {
                    self.spans.push((start, self.unquoted.len()));
                    start = self.unquoted.len();
                }
                Step::RecordEnds => {
                    self.spans.push((start, self.unquoted.len()));
                    return Scanned::Quoted(at, state.breaks);
                }
            }
        }
        if self.blocks.ended {
            self.spans.push((start, self.unquoted.len()));
            return Scanned::Quoted(bytes.len(), state.breaks);
        }
        Scanned::Open
    }

    /// Passes over a record that is too long, however long it is.
    fn pass_over(&mut self) -> Result<(), FileError> {
        let mut state = Place::default();
        loop {
            let bytes = self.blocks.waiting();
            if let Some(length) = bytes.iter().position(|byte| matches!(state.step(*byte), Step::RecordEnds))
            {
                self.blocks.pass(length, state.breaks);
                return Ok(());
            }
            self.blocks.begin = self.blocks.filled;
            if self.blocks.ended {
                self.blocks.lines += state.breaks;
                return Ok(());
            }
            self.blocks.more()?;
        }
    }
}

/// Where in a record with quotation marks a byte stands.
#[derive(Default)]
struct Place {
    at: At,
    breaks: u64,
    after_return: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    Start,
    Plain,
    Quoted,
    /// Behind a quotation mark in a quoted cell: its end, or the first of two.
    Mark,
}

enum Step {
    Keep,
    Drop,
    CellEnds,
    RecordEnds,
}

impl Place {
    fn step(&mut self, byte: u8) -> Step {
        let (next, step) = match (self.at, byte) {
            (At::Quoted, b'"') => (At::Mark, Step::Drop),
            (At::Quoted, _) => {
                let ends = byte == b'\r' || (byte == b'\n' && !self.after_return);
                self.breaks += u64::from(ends);
                self.after_return = byte == b'\r';
                (At::Quoted, Step::Keep)
            }
            (At::Start, b'"') => (At::Quoted, Step::Drop),
            (At::Mark, b'"') => (At::Quoted, Step::Keep),
            (_, b',') => (At::Start, Step::CellEnds),
            (_, b'\n' | b'\r') => (At::Start, Step::RecordEnds),
            (_, _) => (At::Plain, Step::Keep),
        };
        if next != At::Quoted || self.at != At::Quoted {
            self.after_return = false;
        }
        self.at = next;
        step
    }
}

/// The lines of a file, ended by a line feed.
pub(in super::super) struct Lines<'s> {
    blocks: Blocks<'s>,
    row_max_bytes: usize,
}

impl<'s> Lines<'s> {
    pub(in super::super) fn new(source: Decoded<'s>, row_max_bytes: usize) -> Self {
        Self { blocks: Blocks::new(source), row_max_bytes }
    }

    /// The next line with its number from 1; `None` for its text if it has more bytes than a row may.
    pub(in super::super) fn next(&mut self) -> Result<Option<(u64, Option<&str>)>, FileError> {
        let mut too_long = false;
        let (begin, length) = loop {
            let waiting = self.blocks.waiting();
            if let Some(length) = waiting.iter().position(|byte| *byte == b'\n') {
                let begin = self.blocks.begin;
                self.blocks.begin += length + 1;
                break (begin, length);
            }
            if self.blocks.ended {
                if waiting.is_empty() && !too_long {
                    return Ok(None);
                }
                let found = (self.blocks.begin, waiting.len());
                self.blocks.begin = self.blocks.filled;
                break found;
            }
            // A line that never ends is not brought into memory.
            if waiting.len() > self.row_max_bytes {
                too_long = true;
                self.blocks.begin = self.blocks.filled;
            }
            self.blocks.more()?;
        };
        self.blocks.lines += 1;
        let line = self.blocks.lines;
        if too_long || length > self.row_max_bytes {
            return Ok(Some((line, None)));
        }
        let bytes = self.blocks.block.get(begin..begin + length).unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|_| FileError::Unreadable)?;
        Ok(Some((line, Some(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encoding, Survey};
    use super::*;
    use proptest::prelude::*;
    use std::io::{Cursor, Read, Seek, SeekFrom};

    const PLAIN: Survey = Survey { encoding: Encoding::Utf8, marked: false, paired: true, first_other: 0 };

    /// Gives a few bytes at a time, so that every end of a block falls somewhere awkward.
    struct Slowly(Cursor<Vec<u8>>, usize);

    impl Read for Slowly {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = buffer.len().min(self.1);
            self.0.read(&mut buffer[..most])
        }
    }

    impl Seek for Slowly {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.0.seek(to)
        }
    }

    fn ours(text: &str, step: usize, row_max_bytes: usize) -> Vec<(u64, Option<Vec<String>>)> {
        let mut source = Slowly(Cursor::new(text.as_bytes().to_vec()), step);
        let mut records = Records::new(Decoded::new(&mut source, &PLAIN).unwrap(), row_max_bytes);
        let mut all = Vec::new();
        while let Some(record) = records.next().unwrap() {
            all.push(match record {
                Record::Cells { line, text, spans, .. } => (
                    line,
                    Some(spans.iter().map(|(from, to)| text.get(*from..*to).unwrap().to_owned()).collect()),
                ),
                Record::TooLong { line } => (line, None),
            });
        }
        all
    }

    #[test]
    fn lines_and_cells() {
        for (text, expected) in [
            (
                "a,b\n\"c\nd\",\"e\"\"f\"\r\n\r\ng",
                vec![(1, vec!["a", "b"]), (2, vec!["c\nd", "e\"f"]), (5, vec!["g"])],
            ),
            (
                "a\r\r\"b\r\nc\"\rd\"e,\"f\"g\r",
                vec![(1, vec!["a"]), (3, vec!["b\r\nc"]), (5, vec!["d\"e", "fg"])],
            ),
            ("\n\n,\n", vec![(3, vec!["", ""])]),
            ("\"open\nfor ever", vec![(1, vec!["open\nfor ever"])]),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(line, cells)| (line, Some(cells.into_iter().map(str::to_owned).collect::<Vec<_>>())))
                .collect();
            for step in [1, 2, 7, 100] {
                assert_eq!(ours(text, step, 1_000), expected, "{text:?} by {step}");
            }
        }
    }

    #[test]
    fn long_records_are_passed_over_and_never_kept() {
        let long = "y".repeat(2 * BLOCK_BYTES);
        let text = format!("a\n{long}\n\"{long}\n\n\"\"{long}\"\nb\n");
        assert_eq!(
            ours(&text, usize::MAX, 100),
            [(1, Some(vec!["a".to_owned()])), (2, None), (3, None), (6, Some(vec!["b".to_owned()]))]
        );
        let mut source = Cursor::new(text.into_bytes());
        let mut records = Records::new(Decoded::new(&mut source, &PLAIN).unwrap(), 100);
        while records.next().unwrap().is_some() {}
        assert_eq!(records.blocks.block.len(), BLOCK_BYTES);
    }

    proptest! {
        /// The `csv` crate is the judge of what a record is.
        #[test]
        fn records_are_those_of_the_csv_crate(
            pieces in prop::collection::vec(prop::sample::select(vec![",", "\n", "\r\n", "\r", "\"", "\"\"", "a", " ", "é", "b,c", "\"d\"", ",\"", "\",", "\"\n"]), 0..40),
            step in 1_usize..9,
        ) {
            let text = pieces.concat();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let theirs: Vec<Vec<String>> =
                reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
            let ours: Vec<Vec<String>> = ours(&text, step, 1_000).into_iter().map(|(_, cells)| cells.unwrap()).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
