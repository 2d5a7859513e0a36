//! When a school meets: sessions, school years, weeks, half terms, and when a week's figures are published.
//!
//! Every count of school days and school weeks in the regulations is a count over **that** school's calendar, so the
//! calendar comes in as a value and nothing here knows of another. It must never assume a bank holiday or a term date.

mod counting;
mod publication;
mod rows;
mod stored;
mod year;

#[cfg(test)]
mod tests;

pub use counting::{Calendars, HALF_TERM_WEEKS, HalfTerm, monday_of, widen_to_weeks};
pub use publication::{PUBLICATION_HOUR, end_of, last_complete_week, london, published_at};
pub use rows::{CalendarError, CalendarRow, DaySlot, SchoolCalendar};
pub use stored::StoredCalendarError;
pub use year::{DAYS, SESSIONS, SchoolYear};

use super::words;
use chrono::NaiveDate;

words! {
    /// Half a school day: two sessions with a break between them (SI 1999/3181 reg 3).
    Half {
        /// The morning session.
        Am = "am",
        /// The afternoon session.
        Pm = "pm",
    }
}

impl Half {
    /// 0 for the morning, 1 for the afternoon: the place within a day of the packed year.
    pub const fn index(self) -> usize {
        match self {
            Self::Am => 0,
            Self::Pm => 1,
        }
    }
}

/// One session: a date and the half of it. Ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Session {
    /// The day, in Europe/London.
    pub date: NaiveDate,
    /// Morning or afternoon.
    pub half: Half,
}

impl Session {
    /// The session of that date and half.
    pub const fn new(date: NaiveDate, half: Half) -> Self {
        Self { date, half }
    }
}
