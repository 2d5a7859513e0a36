//! A calendar as bytes for one database column: a version, the slots, then labels and notes.
//!
//! The first byte is the version, so that an older row stays readable for as long as marks must be kept (six years).

use super::rows::{TERM_LIMIT, TEXT_LIMIT};
use super::{DAYS, DaySlot, SchoolCalendar, SchoolYear};

const VERSION: u8 = 1;

/// Why stored bytes are not a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoredCalendarError {
    /// Another version than this program reads.
    #[error(
        "the stored calendar has version {0}, which this version of the program does not read; upgrade it"
    )]
    Version(u8),
    /// Cut short, too long, or with values that were never written.
    #[error("the stored calendar is damaged; send the school's calendar again")]
    Damaged,
}

impl SchoolCalendar {
    /// The bytes to store: about 740, plus labels and notes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend(self.year.0.to_le_bytes());
        out.extend(self.slots.iter().map(|[am, pm]| slot_byte(*am) | slot_byte(*pm) << 4));
        out.extend(self.term_of);
        put_count(&mut out, self.terms.len());
        self.terms.iter().for_each(|label| put_text(&mut out, label));
        put_count(&mut out, self.notes.len());
        for (day, note) in &self.notes {
            out.extend(day.to_le_bytes());
            put_text(&mut out, note);
        }
        out
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, StoredCalendarError> {
        let (version, rest) = bytes.split_first().ok_or(StoredCalendarError::Damaged)?;
        if *version != VERSION {
            return Err(StoredCalendarError::Version(*version));
        }
        let mut reader = Reader(rest);
        let calendar = reader.calendar().filter(|_| reader.0.is_empty());
        calendar.ok_or(StoredCalendarError::Damaged)
    }
}

const fn slot_byte(slot: DaySlot) -> u8 {
    match slot {
        DaySlot::None => 0,
        DaySlot::Open => 1,
        DaySlot::Closed => 2,
        DaySlot::Inset => 3,
        DaySlot::Holiday => 4,
    }
}

fn slot_from(byte: u8) -> Option<DaySlot> {
    DaySlot::ALL.iter().copied().find(|slot| slot_byte(*slot) == byte)
}

/// Counts are at most 366 and texts at most 200 bytes by construction, so that nothing saturates.
fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend(u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend(text.as_bytes());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn count(&mut self) -> Option<usize> {
        self.array().map(|bytes| usize::from(u16::from_le_bytes(bytes)))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.count().filter(|length| *length <= TEXT_LIMIT)?;
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(head.to_vec()).ok()
    }

    fn calendar(&mut self) -> Option<SchoolCalendar> {
        let mut calendar = SchoolCalendar::empty(SchoolYear(i32::from_le_bytes(self.array()?)));
        for (slots, byte) in calendar.slots.iter_mut().zip(self.array::<DAYS>()?) {
            *slots = [slot_from(byte & 0x0F)?, slot_from(byte >> 4)?];
        }
        calendar.term_of = self.array()?;
        let terms = self.count().filter(|count| *count <= TERM_LIMIT)?;
        calendar.terms = (0..terms).map(|_| self.text()).collect::<Option<_>>()?;
        let notes = self.count().filter(|count| *count <= DAYS)?;
        let note = |_| Some((u16::from_le_bytes(self.array()?), self.text()?));
        calendar.notes = (0..notes).map(note).collect::<Option<_>>()?;
        calendar.derive_shut();
        calendar.term_of.iter().all(|number| usize::from(*number) <= terms).then_some(calendar)
    }
}
