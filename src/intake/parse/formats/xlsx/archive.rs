//! The ZIP archive that a spreadsheet is: its directory, and its parts unpacked within limits.
//!
//! The directory says where a part begins, and nothing else in it is believed: a part ends where its packed stream ends
//! or its limit is reached. Every part is unpacked once to be counted before any of it is read.

use std::io::{self, Read, SeekFrom, Take};

use flate2::read::DeflateDecoder;

use super::super::super::Source;
use super::super::super::report::{FileError, SpreadsheetError};

/// Parts of one spreadsheet. A workbook with fifty sheets, drawings and comments has about 300.
const PARTS_MAX: u16 = 1_000;
/// Bytes of its directory.
const DIRECTORY_MAX_BYTES: u32 = 1024 * 1024;
/// Bytes of all parts, unpacked: a sheet of a million rows and ten columns of marks has about 300 MiB.
const UNPACKED_MAX_BYTES: u64 = 512 * 1024 * 1024;
/// How many times its packed size a part may have unpacked. Sheets have 5 to 30; what is packed to be a bomb has 1,000.
const RATIO_MAX: u64 = 200;
/// Unpacked bytes below which the ratio of a part does not count: small parts can be all repetition.
const RATIO_FREE_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes, unpacked, of a part that describes the others: a workbook of 256 sheets has about 100 KiB of each.
const DESCRIBING_MAX_BYTES: u64 = 4 * 1024 * 1024;
/// The parts that are read into memory by the element.
const DESCRIBING: [&str; 4] =
    ["[content_types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"];

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The directory of an archive.
pub(super) struct Archive {
    entries: Vec<Entry>,
}

struct Entry {
    /// In lower case, as the names of parts are compared.
    name: String,
    method: u16,
    encrypted: bool,
    packed_bytes: u64,
    header_at: u64,
}

/// Refuses what is no archive by how it begins: the old format, and what a password makes of the new one, are alike.
pub(super) fn check_kind(source: &mut dyn Source) -> Result<(), FileError> {
    let mut begin = [0; 8];
    let read = source
        .seek(SeekFrom::Start(0))
        .and_then(|_| Read::take(&mut *source, 8).read(&mut begin))
        .map_err(|_| FileError::Unreadable)?;
    if read == 0 {
        return Err(FileError::Empty);
    }
    if begin == [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1] {
        return Err(FileError::OldSpreadsheet);
    }
    Ok(())
}

impl Archive {
    /// Reads the directory.
    pub(super) fn open(source: &mut dyn Source) -> Result<Self, SpreadsheetError> {
        let broken = |_: io::Error| SpreadsheetError::Broken;
        let length = source.seek(SeekFrom::End(0)).map_err(broken)?;
        // The end record has 22 bytes and a comment of at most 65,535.
        let begin = length.saturating_sub(22 + 65_535);
        let end = bytes_at(source, begin, length - begin)?;
        let at = end.windows(4).rposition(|four| four == b"PK\x05\x06").ok_or(SpreadsheetError::Broken)?;
        let record = end.get(at..).filter(|record| record.len() >= 22).ok_or(SpreadsheetError::Broken)?;
        let (parts, size, directory_at) = (u16_at(record, 10)?, u32_at(record, 12)?, u32_at(record, 16)?);
        // Archives beyond 4 GiB or 65,535 parts mark these fields; no spreadsheet of registers is one.
        if parts > PARTS_MAX || size > DIRECTORY_MAX_BYTES {
            return Err(SpreadsheetError::TooLarge);
        }
        let directory = bytes_at(source, u64::from(directory_at), u64::from(size))?;
        let mut rest = directory.as_slice();
        let mut entries = Vec::new();
        for _ in 0..parts {
            let (entry, length) = entry(rest)?;
            entries.push(entry);
            rest = rest.get(length..).ok_or(SpreadsheetError::Broken)?;
        }
        Ok(Self { entries })
    }

    /// Refuses a spreadsheet for what it has in it besides cells.
    pub(super) fn refuse_contents(&self, source: &mut dyn Source) -> Result<(), SpreadsheetError> {
        let any = |begin: &str| self.entries.iter().any(|entry| entry.name.starts_with(begin));
        if self.entries.iter().any(|entry| entry.encrypted) {
            return Err(SpreadsheetError::Password);
        }
        let macros = self.entries.iter().any(|entry| entry.name.ends_with("vbaproject.bin"));
        if macros || any("xl/macrosheets/") || any("xl/vba") {
            return Err(SpreadsheetError::Macros);
        }
        if ["xl/externallinks/", "xl/connections", "xl/querytables/", "xl/model/"].into_iter().any(any) {
            return Err(SpreadsheetError::ExternalLinks);
        }
        if ["xl/embeddings/", "xl/activex/", "xl/ctrlprops/"].into_iter().any(any) {
            return Err(SpreadsheetError::Embedded);
        }
        if self.find("xl/workbook.xml").is_none() {
            return Err(SpreadsheetError::NoWorkbook);
        }
        // A workbook that says that it may have macros is one with macros, whether they are there or not.
        let mut types = String::new();
        let part = self.part(source, "[Content_Types].xml")?;
        Read::take(part, DESCRIBING_MAX_BYTES)
            .read_to_string(&mut types)
            .map_err(|_| SpreadsheetError::Broken)?;
        if types.to_ascii_lowercase().contains("macroenabled") {
            return Err(SpreadsheetError::Macros);
        }
        Ok(())
    }

    /// Unpacks every part to nowhere, and stops at the first that is too much.
    pub(super) fn check_sizes(&self, source: &mut dyn Source) -> Result<(), SpreadsheetError> {
        let mut total = 0;
        let mut block = vec![0; 64 * 1024];
        for entry in &self.entries {
            let mut part = unpack(source, entry)?;
            let mut unpacked = 0;
            let most = if DESCRIBING.contains(&entry.name.as_str()) {
                DESCRIBING_MAX_BYTES
            } else {
                UNPACKED_MAX_BYTES
            };
            loop {
                let read = part.read(&mut block).map_err(|_| SpreadsheetError::Broken)?;
                if read == 0 {
                    break;
                }
                let read = u64::try_from(read).unwrap_or(u64::MAX);
                (unpacked, total) = (unpacked + read, total + read);
                let packed = part.packed().max(1);
                if total > UNPACKED_MAX_BYTES
                    || unpacked > most
                    || (unpacked > RATIO_FREE_BYTES && unpacked / packed > RATIO_MAX)
                {
                    return Err(SpreadsheetError::TooLarge);
                }
            }
        }
        Ok(())
    }

    /// Whether there is a part of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The names of the parts that begin so, in lower case.
    pub(super) fn names<'a>(&'a self, begin: &'a str) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|entry| entry.name.as_str()).filter(move |name| name.starts_with(begin))
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// A part, unpacked as it is read.
    pub(super) fn part<'s>(
        &self,
        source: &'s mut dyn Source,
        name: &str,
    ) -> Result<Part<'s>, SpreadsheetError> {
        unpack(source, self.find(name).ok_or(SpreadsheetError::Broken)?)
    }
}

/// Opens a part where its packed bytes begin.
fn unpack<'s>(source: &'s mut dyn Source, entry: &Entry) -> Result<Part<'s>, SpreadsheetError> {
    let header = bytes_at(source, entry.header_at, 30)?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(SpreadsheetError::Broken);
    }
    let data_at = entry.header_at + 30 + u64::from(u16_at(&header, 26)?) + u64::from(u16_at(&header, 28)?);
    source.seek(SeekFrom::Start(data_at)).map_err(|_| SpreadsheetError::Broken)?;
    let packed = match entry.method {
        STORED => Packed::Stored(Read::take(source, entry.packed_bytes), 0),
        DEFLATED => Packed::Deflated(DeflateDecoder::new(source)),
        _ => return Err(SpreadsheetError::Broken),
    };
    Ok(Part { packed, left: UNPACKED_MAX_BYTES })
}

/// A part's bytes.
pub(super) struct Part<'s> {
    packed: Packed<'s>,
    left: u64,
}

enum Packed<'s> {
    Stored(Take<&'s mut dyn Source>, u64),
    Deflated(DeflateDecoder<&'s mut dyn Source>),
}

impl Part<'_> {
    /// Packed bytes taken so far.
    fn packed(&self) -> u64 {
        match &self.packed {
            Packed::Stored(_, taken) => *taken,
            Packed::Deflated(decoder) => decoder.total_in(),
        }
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.packed {
            Packed::Stored(stored, taken) => {
                let read = stored.read(buffer)?;
                *taken += u64::try_from(read).unwrap_or(u64::MAX);
                read
            }
            Packed::Deflated(decoder) => decoder.read(buffer)?,
        };
        let left = u64::try_from(read).ok().and_then(|read| self.left.checked_sub(read));
        self.left = left.ok_or_else(|| io::Error::other("the part is too large"))?;
        Ok(read)
    }
}

/// One entry of the directory, and how many bytes it has there.
fn entry(bytes: &[u8]) -> Result<(Entry, usize), SpreadsheetError> {
    if !bytes.starts_with(b"PK\x01\x02") {
        return Err(SpreadsheetError::Broken);
    }
    let name_length = usize::from(u16_at(bytes, 28)?);
    let name = bytes.get(46..46 + name_length).ok_or(SpreadsheetError::Broken)?;
    let length = 46 + name_length + usize::from(u16_at(bytes, 30)?) + usize::from(u16_at(bytes, 32)?);
    let entry = Entry {
        name: String::from_utf8_lossy(name).to_ascii_lowercase().replace('\\', "/"),
        method: u16_at(bytes, 10)?,
        encrypted: u16_at(bytes, 8)? & 1 == 1,
        packed_bytes: u64::from(u32_at(bytes, 20)?),
        header_at: u64::from(u32_at(bytes, 42)?),
    };
    Ok((entry, length))
}

/// Bytes of the source; fewer than asked for is a broken archive.
fn bytes_at(source: &mut dyn Source, at: u64, length: u64) -> Result<Vec<u8>, SpreadsheetError> {
    let mut bytes = Vec::new();
    source
        .seek(SeekFrom::Start(at))
        .and_then(|_| Read::take(&mut *source, length).read_to_end(&mut bytes))
        .map_err(|_| SpreadsheetError::Broken)?;
    if u64::try_from(bytes.len()) == Ok(length) { Ok(bytes) } else { Err(SpreadsheetError::Broken) }
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, SpreadsheetError> {
    let two = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(SpreadsheetError::Broken)?;
    Ok(u16::from_le_bytes(*two))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, SpreadsheetError> {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(SpreadsheetError::Broken)?;
    Ok(u32::from_le_bytes(*four))
}
