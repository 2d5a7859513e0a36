//! One pass over a whole file that takes nothing from it: what it is, how it is encoded, whether its quotation marks
//! pair up.

use std::io::SeekFrom;

use super::super::Source;
use super::super::report::FileError;
use super::{BLOCK_BYTES, Encoding, UNUSED};

/// What a file was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Survey {
    pub(in super::super) encoding: Encoding,
    /// Whether it begins with the byte order mark of UTF-8.
    pub(in super::super) marked: bool,
    /// Whether its quotation marks pair up.
    pub(in super::super) paired: bool,
    /// The first line that is not UTF-8, from 1; 0 if there is none.
    pub(in super::super) first_other: u64,
}

/// Looks through a file of text.
pub(in super::super) fn survey(source: &mut dyn Source) -> Result<Survey, FileError> {
    source.seek(SeekFrom::Start(0)).map_err(|_| FileError::Unreadable)?;
    let mut block = vec![0; BLOCK_BYTES];
    let mut counting = Counting { blank: true, ..Counting::default() };
    let (mut kept, mut begun) = (0, false);
    loop {
        let free = block.get_mut(kept..).unwrap_or_default();
        let wanted = free.len();
        let read = fill(source, free)?;
        let ends = read < wanted;
        let mut bytes = block.get(..kept + read).unwrap_or_default();
        if !std::mem::replace(&mut begun, true) {
            refuse_other_kinds(bytes)?;
            if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
                (counting.marked, bytes) = (true, rest);
            }
        }
        kept = counting.take(bytes, ends);
        if ends {
            return counting.judge();
        }
        block.copy_within(BLOCK_BYTES - kept.., 0);
    }
}

/// Reads until the buffer is full or the source has ended.
fn fill(source: &mut dyn Source, mut buffer: &mut [u8]) -> Result<usize, FileError> {
    let mut total = 0;
    while !buffer.is_empty() {
        let read = match source.read(buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(FileError::Unreadable),
        };
        total += read;
        buffer = buffer.get_mut(read..).unwrap_or_default();
    }
    Ok(total)
}

/// Refuses what is no text at all, by how it begins, with what to do about each.
fn refuse_other_kinds(bytes: &[u8]) -> Result<(), FileError> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(FileError::Utf16);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(FileError::SpreadsheetAsText);
    }
    if bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) {
        return Err(FileError::OldSpreadsheet);
    }
    Ok(())
}

/// Lines on which something was seen.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    lines: u64,
    first: u64,
    last: u64,
}

impl Seen {
    fn on(&mut self, line: u64) {
        if self.lines == 0 {
            self.first = line;
        }
        if self.lines == 0 || self.last != line {
            self.lines += 1;
            self.last = line;
        }
    }
}

#[derive(Debug, Default)]
struct Counting {
    marked: bool,
    blank: bool,
    ended: u64,
    after_return: bool,
    quotes: u64,
    /// Characters of several bytes in UTF-8.
    utf8: Seen,
    /// Bytes that are no UTF-8.
    other: Seen,
    /// Bytes that are neither UTF-8 nor Windows-1252.
    neither: Seen,
}

impl Counting {
    /// Takes the next bytes; says how many at their end are the beginning of a character and have to come again.
    fn take(&mut self, bytes: &[u8], ends: bool) -> usize {
        self.blank = self.blank && bytes.iter().all(u8::is_ascii_whitespace);
        if bytes.is_ascii() && !bytes.contains(&b'\r') && !self.after_return {
            self.quotes += count(bytes, b'"');
            self.ended += count(bytes, b'\n');
            return 0;
        }
        let mut passed = 0;
        for chunk in bytes.utf8_chunks() {
            passed += chunk.valid().len() + chunk.invalid().len();
            self.text(chunk.valid());
            let invalid = chunk.invalid();
            let cut = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if cut && !ends && passed == bytes.len() {
                return invalid.len();
            }
            for byte in invalid {
                self.after_return = false;
                self.other.on(self.ended + 1);
                if UNUSED.contains(byte) {
                    self.neither.on(self.ended + 1);
                }
            }
        }
        0
    }

    fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'\n' if self.after_return => {}
                b'\n' | b'\r' => self.ended += 1,
                b'"' => self.quotes += 1,
                0x80.. => self.utf8.on(self.ended + 1),
                _ => {}
            }
            self.after_return = byte == b'\r';
        }
    }

    fn judge(&self) -> Result<Survey, FileError> {
        if self.blank {
            return Err(FileError::Empty);
        }
        let found = |encoding| Survey {
            encoding,
            marked: self.marked,
            paired: self.quotes.is_multiple_of(2),
            first_other: self.other.first,
        };
        if self.other.lines == 0 {
            return Ok(found(Encoding::Utf8));
        }
        if self.marked || self.utf8.lines > 0 {
            // What most lines are is what the file is; the others came in from somewhere else.
            let mostly_utf8 = self.marked || self.utf8.lines >= self.other.lines;
            let (line, otherwise) =
                if mostly_utf8 { (self.other.first, "UTF-8") } else { (self.utf8.first, "Windows-1252") };
            return Err(FileError::MixedEncodings { line, otherwise });
        }
        if self.neither.lines > 0 {
            return Err(FileError::NoKnownEncoding { line: self.neither.first });
        }
        Ok(found(Encoding::Windows1252))
    }
}

fn count(bytes: &[u8], wanted: u8) -> u64 {
    // No more at a time than a byte can count, which lets the machine count many at once.
    let counts = bytes.chunks(255).map(|some| some.iter().map(|byte| u8::from(*byte == wanted)).sum::<u8>());
    counts.map(u64::from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn judged(bytes: &[u8]) -> Result<Survey, FileError> {
        survey(&mut Cursor::new(bytes))
    }

    #[test]
    fn encodings() {
        let utf8 = Survey { encoding: Encoding::Utf8, marked: false, paired: true, first_other: 0 };
        let windows = Survey { encoding: Encoding::Windows1252, first_other: 2, ..utf8 };
        for (bytes, expected) in [
            (&b"plain\n"[..], Ok(utf8)),
            ("a\nZoë\n".as_bytes(), Ok(utf8)),
            (b"\xEF\xBB\xBFa\nZo\xC3\xAB\n", Ok(Survey { marked: true, ..utf8 })),
            (b"a\nZo\xEB\n", Ok(windows)),
            (b"a\n\x80 \x93\x94\n", Ok(windows)),
            (b"a,\"b\n", Ok(Survey { paired: false, ..utf8 })),
            // UTF-8 with one line that came in from a file in Windows-1252, and the other way round.
            (
                b"Zo\xC3\xAB\nSiobh\xC3\xA1n\nRen\xE9e\n",
                Err(FileError::MixedEncodings { line: 3, otherwise: "UTF-8" }),
            ),
            (
                b"Zo\xEB\r\nRen\xE9e\r\nSiobh\xC3\xA1n\r\n",
                Err(FileError::MixedEncodings { line: 3, otherwise: "Windows-1252" }),
            ),
            (
                b"\xEF\xBB\xBFa\rRen\xE9e\rZo\xEB",
                Err(FileError::MixedEncodings { line: 2, otherwise: "UTF-8" }),
            ),
            (b"a\nb\x81\n", Err(FileError::NoKnownEncoding { line: 2 })),
            (b"cut\nZo\xC3", Ok(windows)),
            (b" \r\n ", Err(FileError::Empty)),
            (b"PK\x03\x04....", Err(FileError::SpreadsheetAsText)),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", Err(FileError::OldSpreadsheet)),
        ] {
            assert_eq!(judged(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_character_cut_by_a_block_is_whole() {
        for before in BLOCK_BYTES - 3..=BLOCK_BYTES {
            let text = format!("{}王\nZoë\n", "x".repeat(before));
            assert_eq!(judged(text.as_bytes()).map(|s| s.encoding), Ok(Encoding::Utf8), "{before}");
            let mixed = [text.as_bytes(), b"\xE9\n"].concat();
            assert_eq!(
                judged(&mixed),
                Err(FileError::MixedEncodings { line: 3, otherwise: "UTF-8" }),
                "{before}"
            );
        }
    }
}
