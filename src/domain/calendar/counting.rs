//! Counting over calendars: school days forward and back, school weeks, half terms.
//!
//! A school week is seven days from Monday in which the school meets for at least one session (SI 2007/1867 reg 9A); a
//! school day is one on which it meets at all (EA 1996 s.579). Holidays drop out of both, so counts span them.

use super::{Half, SchoolCalendar, Session};
use chrono::{Datelike, Days, NaiveDate};

/// A half term, by the label that the school gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HalfTerm<'a> {
    /// The school's label.
    pub label: &'a str,
    /// Its first school day.
    pub from: NaiveDate,
    /// Its last school day.
    pub to: NaiveDate,
}

/// The Monday of the date's week.
pub fn monday_of(date: NaiveDate) -> NaiveDate {
    date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday()))).unwrap_or(date)
}

/// The window widened to whole weeks: Monday of the first, Sunday of the last.
pub fn widen_to_weeks(from: NaiveDate, to: NaiveDate) -> (NaiveDate, NaiveDate) {
    (monday_of(from), monday_of(to).checked_add_days(Days::new(6)).unwrap_or(to))
}

impl SchoolCalendar {
    /// Every school day, in order.
    pub fn school_days(&self) -> impl Iterator<Item = NaiveDate> + '_ {
        let mut last = None;
        self.sessions().map(|s| s.date).filter(move |date| last.replace(*date) != Some(*date))
    }

    /// The Monday of every school week, in order.
    pub fn school_weeks(&self) -> impl Iterator<Item = NaiveDate> + '_ {
        let mut last = None;
        self.sessions()
            .map(|s| monday_of(s.date))
            .filter(move |monday| last.replace(*monday) != Some(*monday))
    }

    /// The half terms that have at least one school day, by date.
    pub fn half_terms(&self) -> Vec<HalfTerm<'_>> {
        let mut found: Vec<HalfTerm<'_>> = Vec::new();
        for day in self.school_days() {
            let Some(label) = self.term(day) else { continue };
            match found.iter_mut().find(|t| t.label == label) {
                Some(term) => term.to = day,
                None => found.push(HalfTerm { label, from: day, to: day }),
            }
        }
        found
    }

    /// The half term that the window covers whole, once it is widened to whole weeks; `None` when it is any other window.
    pub fn whole_half_term(&self, from: NaiveDate, to: NaiveDate) -> Option<HalfTerm<'_>> {
        let asked = widen_to_weeks(from, to);
        self.half_terms().into_iter().find(|term| widen_to_weeks(term.from, term.to) == asked)
    }
}

/// One school's calendars, one a year, for counts that cross a summer.
#[derive(Clone, Copy, Debug)]
pub struct Calendars<'a>(pub &'a [&'a SchoolCalendar]);

impl Calendars<'_> {
    /// Whether the school meets on that date.
    pub fn school_day(&self, date: NaiveDate) -> bool {
        self.0.iter().any(|c| c.school_day(date))
    }

    /// The `count`th school day after `date`; `None` when the calendars end before it.
    pub fn school_days_after(&self, date: NaiveDate, count: usize) -> Option<NaiveDate> {
        let last = self.0.iter().map(|c| c.year().last_day()).max()?;
        let days = date.iter_days().skip(1).take_while(|d| *d <= last);
        days.filter(|d| self.school_day(*d)).nth(count.checked_sub(1)?)
    }

    /// The `count`th school day before `date`; `None` when the calendars begin after it.
    pub fn school_days_before(&self, date: NaiveDate, count: usize) -> Option<NaiveDate> {
        let first = self.0.iter().map(|c| c.year().first_day()).min()?;
        let days = std::iter::successors(date.pred_opt(), NaiveDate::pred_opt).take_while(|d| *d >= first);
        days.filter(|d| self.school_day(*d)).nth(count.checked_sub(1)?)
    }

    /// How many school days lie after `from`, up to and including `to`.
    pub fn school_days_between(&self, from: NaiveDate, to: NaiveDate) -> usize {
        from.iter_days().skip(1).take_while(|d| *d <= to).filter(|d| self.school_day(*d)).count()
    }

    /// Whether every session of that school day is over at the end of `as_of`.
    pub fn day_is_over(&self, date: NaiveDate, as_of: Session) -> bool {
        let afternoon = Session::new(date, Half::Pm);
        date < as_of.date
            || (date == as_of.date && (as_of >= afternoon || !self.0.iter().any(|c| c.is_open(afternoon))))
    }
}
