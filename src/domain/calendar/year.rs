//! The year by which marks are packed: 1 August to 31 July, as in the census.
//!
//! The school year in law runs from the first term after July (SI 1999/3181 reg 2); this one only has to contain it, so
//! that a date always has one place, whatever the school's terms turn out to be.

use super::{Half, Session};
use chrono::{Datelike, Days, NaiveDate};

/// Days for which a packed year has room; the last one is used only when the year holds a 29 February.
pub const DAYS: usize = 366;
/// Sessions for which a packed year has room: two a day.
pub const SESSIONS: usize = 2 * DAYS;

/// A packing year, named by the calendar year in which it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchoolYear(pub i32);

impl SchoolYear {
    /// The year that holds `date`.
    pub fn of(date: NaiveDate) -> Self {
        Self(if date.month() >= 8 { date.year() } else { date.year() - 1 })
    }

    /// 1 August. A year that the calendar cannot express gives the earliest date there is.
    pub fn first_day(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.0, 8, 1).unwrap_or(NaiveDate::MIN)
    }

    /// 31 July of the next calendar year.
    pub fn last_day(self) -> NaiveDate {
        self.0.checked_add(1).and_then(|y| NaiveDate::from_ymd_opt(y, 7, 31)).unwrap_or(NaiveDate::MAX)
    }

    /// The day's place, 0 for 1 August; `None` outside the year.
    pub fn index(self, date: NaiveDate) -> Option<usize> {
        usize::try_from((date - self.first_day()).num_days()).ok().filter(|_| date <= self.last_day())
    }

    /// The date at a place; `None` past 31 July.
    pub fn date(self, index: usize) -> Option<NaiveDate> {
        let date = self.first_day().checked_add_days(Days::new(u64::try_from(index).ok()?))?;
        (date <= self.last_day()).then_some(date)
    }

    /// The session's place in a packed year, 0..[`SESSIONS`]; `None` outside the year.
    pub fn session_index(self, session: Session) -> Option<usize> {
        self.index(session.date).map(|day| 2 * day + session.half.index())
    }

    /// The session at a place of a packed year.
    pub fn session(self, index: usize) -> Option<Session> {
        let half = if index.is_multiple_of(2) { Half::Am } else { Half::Pm };
        self.date(index / 2).map(|date| Session { date, half })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn holds_365_days_or_366() {
        // 2023/24 holds 29 February 2024; 2024/25 none.
        assert_eq!(SchoolYear(2023).date(365), NaiveDate::from_ymd_opt(2024, 7, 31));
        assert_eq!(SchoolYear(2024).date(365), None);
        assert_eq!(SchoolYear(2024).date(364), NaiveDate::from_ymd_opt(2025, 7, 31));
    }

    proptest! {
        #[test]
        fn every_date_has_one_place(days in 700_000_i32..760_000, pm: bool) {
            let date = NaiveDate::from_num_days_from_ce_opt(days).unwrap();
            let session = Session::new(date, if pm { Half::Pm } else { Half::Am });
            let year = SchoolYear::of(date);
            let index = year.session_index(session).unwrap();
            prop_assert!(index < SESSIONS);
            prop_assert_eq!(year.session(index), Some(session));
            prop_assert_eq!(SchoolYear(year.0 + 1).index(date), None);
            prop_assert_eq!(SchoolYear(year.0 - 1).index(date), None);
        }
    }
}
