//! Counting over calendars: school days forward and back, school weeks, half terms.
//!
//! A school week is seven days from Monday in which the school meets for at least one session (SI 2007/1867 reg 9A); a
//! school day is one on which it meets at all (EA 1996 s.579). Holidays drop out of both, so counts span them.

use super::{Half, SchoolCalendar, Session};
use chrono::{Datelike, Days, NaiveDate};

/// School weeks that a half term has at least: real ones have five to eight, and weekday tables of four weeks do not say
/// which Monday a child was absent on.
pub const HALF_TERM_WEEKS: usize = 4;

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

    /// The half terms, by date: weeks in a row under one label, and no two with a day in common.
    ///
    /// Figures are given of whole half terms so that nobody can tell single weeks by them; a school's labels must not undo
    /// that. So a week belongs whole to the label of its first day that has one, and a half term of fewer than
    /// [`HALF_TERM_WEEKS`] weeks is part of the next one, or of the one before where it is the year's last.
    pub fn half_terms(&self) -> Vec<HalfTerm<'_>> {
        let mut found: Vec<(HalfTerm<'_>, usize)> = Vec::new();
        for run in self.labelled_weeks() {
            match found.last_mut() {
                Some((last, weeks)) if *weeks < HALF_TERM_WEEKS => {
                    last.to = run.0.to;
                    *weeks += run.1;
                }
                Some(_) | None => found.push(run),
            }
        }
        if let Some((short, _)) = found.pop_if(|(_, weeks)| *weeks < HALF_TERM_WEEKS)
            && let Some((before, _)) = found.last_mut()
        {
            before.to = short.to;
        }
        found.into_iter().map(|(half_term, _)| half_term).collect()
    }

    /// Weeks in a row under one label, with how many they are.
    fn labelled_weeks(&self) -> Vec<(HalfTerm<'_>, usize)> {
        let mut weeks: Vec<(NaiveDate, HalfTerm<'_>)> = Vec::new();
        for day in self.school_days() {
            let (monday, label) = (monday_of(day), self.term(day).unwrap_or(""));
            match weeks.last_mut() {
                Some((known, week)) if *known == monday => {
                    week.to = day;
                    week.label = if week.label.is_empty() { label } else { week.label };
                }
                Some(_) | None => weeks.push((monday, HalfTerm { label, from: day, to: day })),
            }
        }
        let mut runs: Vec<(HalfTerm<'_>, usize)> = Vec::new();
        for (_, week) in weeks.into_iter().filter(|(_, week)| !week.label.is_empty()) {
            match runs.last_mut() {
                Some((run, count)) if run.label == week.label => {
                    run.to = week.to;
                    *count += 1;
                }
                Some(_) | None => runs.push((week, 1)),
            }
        }
        runs
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
