//! Bytes into text: which encoding a file is in, proved over the whole file before any of it is read as text.
//!
//! A file is UTF-8, or it is Windows-1252 because it cannot be UTF-8; it is never a little of both. What is in neither
//! is refused. Nothing is replaced by a question mark: a name with one is another child's.

mod records;
mod survey;

pub(super) use records::{Lines, Record, Records};
pub(super) use survey::{Survey, survey};

use std::io::{self, Read, SeekFrom};

use super::Source;
use super::report::FileError;

/// The encoding that a file was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// Windows-1252: it is not UTF-8, and every byte is one of Windows-1252.
    Windows1252,
}

impl Encoding {
    /// Its name as a report gives it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Windows1252 => "windows-1252",
        }
    }
}

/// Bytes read at once.
const BLOCK_BYTES: usize = 256 * 1024;

/// The bytes of Windows-1252 that stand for no character.
const UNUSED: [u8; 5] = [0x81, 0x8D, 0x8F, 0x90, 0x9D];

/// The characters 0x80 to 0x9F of Windows-1252, where it differs from Latin-1 (Unicode's table `CP1252.TXT`).
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// A file's bytes as UTF-8, from its beginning and without its byte order mark.
pub(super) struct Decoded<'s> {
    source: &'s mut dyn Source,
    encoding: Encoding,
    raw: Vec<u8>,
    waiting: Vec<u8>,
    passed: usize,
}

impl<'s> Decoded<'s> {
    pub(super) fn new(source: &'s mut dyn Source, survey: &Survey) -> Result<Self, FileError> {
        let begin = if survey.marked { 3 } else { 0 };
        source.seek(SeekFrom::Start(begin)).map_err(|_| FileError::Unreadable)?;
        Ok(Self { source, encoding: survey.encoding, raw: Vec::new(), waiting: Vec::new(), passed: 0 })
    }

    fn refill(&mut self) -> io::Result<()> {
        self.raw.resize(BLOCK_BYTES / 4, 0);
        let read = self.source.read(&mut self.raw)?;
        (self.passed, self.waiting) = (0, std::mem::take(&mut self.waiting));
        self.waiting.clear();
        for byte in self.raw.iter().take(read) {
            let character = match byte {
                0x80..=0x9F => HIGH.get(usize::from(*byte) - 0x80).copied().unwrap_or_default(),
                _ => char::from(*byte),
            };
            self.waiting.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }
}

impl Read for Decoded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.encoding == Encoding::Utf8 {
            return self.source.read(buffer);
        }
        if self.passed >= self.waiting.len() {
            self.refill()?;
        }
        let mut rest = self.waiting.get(self.passed..).unwrap_or_default();
        let given = rest.read(buffer)?;
        self.passed += given;
        Ok(given)
    }
}
