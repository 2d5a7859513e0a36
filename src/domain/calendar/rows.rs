//! One school's calendar for one year, built from the rows that the school sends.
//!
//! It must never guess: a date that no row names has no session, and a row that it cannot read refuses the whole year.

use super::{DAYS, Half, SESSIONS, SchoolYear, Session};
use crate::domain::words;
use chrono::NaiveDate;

words! {
    /// What one half of a date is at this school.
    DaySlot {
        /// No session was planned, or no row names the date.
        None = "",
        /// The school meets.
        Open = "open",
        /// A closure: a session that was planned and did not take place.
        Closed = "closed",
        /// In-service training: staff only.
        Inset = "inset",
        /// Holiday.
        Holiday = "holiday",
    }
}

/// One row of a calendar file, in the words of that file.
#[derive(Clone, Copy, Debug)]
pub struct CalendarRow<'a> {
    /// The date.
    pub date: NaiveDate,
    /// `open`, `closed`, `inset`, `holiday`, or nothing.
    pub am: &'a str,
    /// As `am`.
    pub pm: &'a str,
    /// The half term's label, as the school writes it; may be empty.
    pub term: &'a str,
    /// A note about the date; may be empty.
    pub note: &'a str,
}

/// Why a calendar was refused. Dates, labels and notes are about the school, so that they may be quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Two rows for one date.
    #[error("{0} is listed twice; keep one row for each date")]
    DateTwice(NaiveDate),
    /// A date of another year.
    #[error("{0} is not between {1} and {2}; send it with the calendar of its own school year")]
    OutsideYear(NaiveDate, NaiveDate, NaiveDate),
    /// A word that is not in the vocabulary.
    #[error(
        "`{word}` on {date} ({half}) is not known; write open, closed, inset, holiday, or leave it empty"
    )]
    UnknownWord {
        /// The row's date.
        date: NaiveDate,
        /// The column.
        half: Half,
        /// What was written.
        word: String,
    },
    /// A label or note that is too long.
    #[error("the term or note on {0} is longer than {1} bytes; shorten it")]
    TextTooLong(NaiveDate, usize),
    /// More labels than a year can have.
    #[error("there are more than {0} different terms; use one label for each half term")]
    TooManyTerms(usize),
    /// Nothing open in the whole year.
    #[error("no session of the year is open; mark the sessions on which the school meets as open")]
    NoSession,
}

/// The longest label or note, in bytes of UTF-8.
pub(super) const TEXT_LIMIT: usize = 200;
/// Half terms are six; staggered years and extra labels leave room.
pub(super) const TERM_LIMIT: usize = 60;

/// The sessions of one school in one year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchoolCalendar {
    pub(super) year: SchoolYear,
    pub(super) slots: [[DaySlot; 2]; DAYS],
    /// Index into `terms` plus one; 0 is none.
    pub(super) term_of: [u8; DAYS],
    pub(super) terms: Vec<String>,
    pub(super) notes: Vec<(u16, String)>,
    /// 0x00 where the session is open, 0xFF elsewhere: `mark | shut` leaves marks of open sessions as they are.
    shut: [u8; SESSIONS],
}

impl SchoolCalendar {
    /// Reads the rows of one year, in any order.
    pub fn from_rows<'a>(
        year: SchoolYear,
        rows: impl IntoIterator<Item = CalendarRow<'a>>,
    ) -> Result<Self, CalendarError> {
        let mut calendar = Self::empty(year);
        let mut seen = [false; DAYS];
        for row in rows {
            let outside = CalendarError::OutsideYear(row.date, year.first_day(), year.last_day());
            let day = year.index(row.date).ok_or(outside)?;
            match seen.get_mut(day) {
                Some(seen) if !*seen => *seen = true,
                Some(_) | None => return Err(CalendarError::DateTwice(row.date)),
            }
            calendar.put(day, row)?;
        }
        calendar.notes.sort_unstable();
        calendar.derive_shut();
        if calendar.first_session().is_none() {
            return Err(CalendarError::NoSession);
        }
        Ok(calendar)
    }

    pub(super) fn empty(year: SchoolYear) -> Self {
        Self {
            year,
            slots: [[DaySlot::None; 2]; DAYS],
            term_of: [0; DAYS],
            terms: Vec::new(),
            notes: Vec::new(),
            shut: [u8::MAX; SESSIONS],
        }
    }

    pub(super) fn derive_shut(&mut self) {
        for (shut, slot) in self.shut.iter_mut().zip(self.slots.as_flattened()) {
            *shut = if *slot == DaySlot::Open { 0 } else { u8::MAX };
        }
    }

    fn put(&mut self, day: usize, row: CalendarRow<'_>) -> Result<(), CalendarError> {
        let read = |half, word: &str| {
            let unknown = || CalendarError::UnknownWord { date: row.date, half, word: word.to_owned() };
            DaySlot::parse(word).ok_or_else(unknown)
        };
        if row.term.len().max(row.note.len()) > TEXT_LIMIT {
            return Err(CalendarError::TextTooLong(row.date, TEXT_LIMIT));
        }
        let both = [read(Half::Am, row.am)?, read(Half::Pm, row.pm)?];
        let term = self.term_number(row.term)?;
        if let (Some(slots), Some(term_of)) = (self.slots.get_mut(day), self.term_of.get_mut(day)) {
            *slots = both;
            *term_of = term;
        }
        if let (false, Ok(day)) = (row.note.is_empty(), u16::try_from(day)) {
            self.notes.push((day, row.note.to_owned()));
        }
        Ok(())
    }

    fn term_number(&mut self, label: &str) -> Result<u8, CalendarError> {
        if label.is_empty() {
            return Ok(0);
        }
        let place = self.terms.iter().position(|t| t == label).unwrap_or_else(|| {
            self.terms.push(label.to_owned());
            self.terms.len() - 1
        });
        if place >= TERM_LIMIT {
            return Err(CalendarError::TooManyTerms(TERM_LIMIT));
        }
        u8::try_from(place + 1).map_err(|_| CalendarError::TooManyTerms(TERM_LIMIT))
    }

    /// The year that this calendar covers.
    pub const fn year(&self) -> SchoolYear {
        self.year
    }

    /// What that half of that date is; `DaySlot::None` outside the year.
    pub fn slot(&self, session: Session) -> DaySlot {
        let place = self.year.session_index(session);
        place.and_then(|i| self.slots.as_flattened().get(i)).copied().unwrap_or(DaySlot::None)
    }

    /// Whether the school meets in that session.
    pub fn is_open(&self, session: Session) -> bool {
        self.slot(session) == DaySlot::Open
    }

    /// Whether the school meets on that date at all (EA 1996 s.579).
    pub fn school_day(&self, date: NaiveDate) -> bool {
        self.is_open(Session::new(date, Half::Am)) || self.is_open(Session::new(date, Half::Pm))
    }

    /// The label of the half term that the date belongs to.
    pub fn term(&self, date: NaiveDate) -> Option<&str> {
        let number = self.year.index(date).and_then(|day| self.term_of.get(day))?;
        self.terms.get(usize::from(number.checked_sub(1)?)).map(String::as_str)
    }

    /// The note on a date.
    pub fn note(&self, date: NaiveDate) -> Option<&str> {
        let day = u16::try_from(self.year.index(date)?).ok()?;
        self.notes.iter().find(|(d, _)| *d == day).map(|(_, note)| note.as_str())
    }

    /// Every open session, in order.
    pub fn sessions(&self) -> impl DoubleEndedIterator<Item = Session> + '_ {
        self.shut.iter().enumerate().filter(|(_, shut)| **shut == 0).filter_map(|(i, _)| self.year.session(i))
    }

    /// The first open session of the year.
    pub fn first_session(&self) -> Option<Session> {
        self.sessions().next()
    }

    /// The last open session of the year.
    pub fn last_session(&self) -> Option<Session> {
        self.sessions().next_back()
    }

    /// The last open session up to the end of a day, of this year.
    pub fn last_session_until(&self, day: NaiveDate) -> Option<Session> {
        let days = if day > self.year.last_day() { SESSIONS / 2 } else { self.year.index(day)? + 1 };
        let place = self.shut.get(..2 * days)?.iter().rposition(|shut| *shut == 0)?;
        self.year.session(place)
    }

    /// For the summary's pass: 0x00 where the session is open, 0xFF elsewhere, by place in the packed year.
    pub(in crate::domain) const fn shut(&self) -> &[u8; SESSIONS] {
        &self.shut
    }
}
