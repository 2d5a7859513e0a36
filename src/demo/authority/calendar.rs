//! School years as a maintained school in England lays them out: terms, half terms, INSET days, bank holidays and one
//! day on which the school could not open.

use chrono::{Datelike, Days, NaiveDate, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::Europe::London;

/// One of the two sessions of a school day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Session {
    /// Morning.
    Am,
    /// Afternoon.
    Pm,
}

impl Session {
    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Am => "am",
            Self::Pm => "pm",
        }
    }
}

/// A weekday of a school year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// The date.
    pub date: NaiveDate,
    /// `open`, `inset`, `holiday`, or `closed` for a bank holiday; the same for both sessions.
    pub slot: &'static str,
    /// The half term, such as `autumn 1`.
    pub term: &'static str,
    /// What the school wrote beside it.
    pub note: &'static str,
    /// The school was open by its calendar and could not open: every pupil has Y4, SI 2024/208 reg 10(10).
    pub cancelled: bool,
    /// Minutes that London is ahead of UTC on that day.
    pub offset: u32,
}

/// One school's year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The calendar year in which it starts.
    pub start_year: i32,
    /// Every weekday from the first to the last, in order.
    pub days: Vec<Day>,
}

/// A half term: its label, first and last day.
type Term = (&'static str, NaiveDate, NaiveDate);

impl Calendar {
    /// The year that starts in September of `start_year`, with small differences between schools by `variant`.
    pub fn generate(start_year: i32, variant: usize) -> Self {
        let terms = terms(start_year);
        let inset = inset_days(&terms, variant);
        let cancelled = cancelled_day(start_year, &terms, variant);
        let (first, last) = match (terms.first(), terms.last()) {
            (Some(first), Some(last)) => (first.1, last.2),
            _ => return Self { start_year, days: Vec::new() },
        };
        let days = first
            .iter_days()
            .take_while(|date| *date <= last)
            .filter(|date| !is_weekend(*date))
            .map(|date| {
                let term = terms.iter().rev().find(|term| term.1 <= date).map_or("", |term| term.0);
                let in_term = terms.iter().any(|term| term.1 <= date && date <= term.2);
                let (slot, note) = if is_bank_holiday(date) {
                    ("closed", "bank holiday")
                } else if !in_term {
                    ("holiday", "")
                } else if inset.contains(&date) {
                    ("inset", "staff training")
                } else if date == cancelled {
                    ("open", "could not open: boiler failure")
                } else {
                    ("open", "")
                };
                Day { date, slot, term, note, cancelled: date == cancelled, offset: offset_minutes(date) }
            })
            .collect();
        Self { start_year, days }
    }

    /// Days on which sessions were due, those that could not be held included.
    pub fn open_days(&self) -> impl DoubleEndedIterator<Item = &Day> {
        self.days.iter().filter(|day| day.slot == "open")
    }

    /// The first open day.
    pub fn first_open(&self) -> Option<NaiveDate> {
        self.open_days().next().map(|day| day.date)
    }

    /// The last open day.
    pub fn last_open(&self) -> Option<NaiveDate> {
        self.open_days().next_back().map(|day| day.date)
    }
}

/// The start year of the school year that a day belongs to, counted from August.
pub fn school_year_of(date: NaiveDate) -> i32 {
    if date.month() >= 8 { date.year() } else { date.year() - 1 }
}

/// Half terms of an ordinary English year: a week at the end of October, in mid February and at the end of May, two
/// weeks at Christmas and two from the Monday before Good Friday.
fn terms(start_year: i32) -> Vec<Term> {
    let next = start_year + 1;
    let start = on_or_after(date(start_year, 9, 1), &[0, 1, 2, 3, 4]);
    let october = on_or_before(date(start_year, 10, 31), &[0]);
    let christmas = on_or_before(date(start_year, 12, 21), &[4]);
    let january = on_or_after(date(next, 1, 4), &[0]);
    let february = on_or_after(date(next, 2, 14), &[0]);
    let easter_break = easter(next) - Days::new(6);
    let may = on_or_before(date(next, 5, 31), &[0]);
    let july = on_or_before(date(next, 7, 22), &[2]);
    let before = |monday: NaiveDate| monday - Days::new(3);
    vec![
        ("autumn 1", start, before(october)),
        ("autumn 2", october + Days::new(7), christmas),
        ("spring 1", january, before(february)),
        ("spring 2", february + Days::new(7), before(easter_break)),
        ("summer 1", easter_break + Days::new(14), before(may)),
        ("summer 2", may + Days::new(7), july),
    ]
}

/// Five training days: the first of the year for every school but one in three, then Mondays after holidays.
fn inset_days(terms: &[Term], variant: usize) -> Vec<NaiveDate> {
    let starts: Vec<NaiveDate> = terms.iter().map(|term| term.1).collect();
    let keep = variant % 3;
    let mut days: Vec<NaiveDate> =
        starts.iter().enumerate().filter(|(index, _)| *index != keep).map(|(_, start)| *start).collect();
    days.truncate(5);
    days
}

/// One winter's day of the second autumn half term, not the same for every school; one that is over by mid November,
/// so that a demonstration in late autumn shows it.
fn cancelled_day(start_year: i32, terms: &[Term], variant: usize) -> NaiveDate {
    let start = terms.get(1).map_or(date(start_year, 11, 2), |term| term.1);
    let days = match variant % 3 {
        0 => 3,
        1 => 8,
        _ => 2,
    };
    start + Days::new(days)
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

fn on_or_after(date: NaiveDate, weekdays: &[u32]) -> NaiveDate {
    date.iter_days().find(|d| weekdays.contains(&d.weekday().num_days_from_monday())).unwrap_or(date)
}

fn on_or_before(date: NaiveDate, weekdays: &[u32]) -> NaiveDate {
    on_or_after(date - Days::new(6), weekdays)
}

/// Easter Sunday, by the anonymous Gregorian computus.
#[expect(clippy::many_single_char_names, reason = "the letters of the published computus")]
fn easter(year: i32) -> NaiveDate {
    let a = year % 19;
    let (b, c) = (year / 100, year % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    date(year, u32::try_from(n / 31).unwrap_or(4), u32::try_from(n % 31 + 1).unwrap_or(1))
}

/// Bank holidays of England on weekdays within school years, without the substitutes at Christmas, which fall in the holiday.
fn is_bank_holiday(day: NaiveDate) -> bool {
    let (year, easter) = (day.year(), easter(day.year()));
    day == easter - Days::new(2)
        || day == easter + Days::new(1)
        || day == on_or_after(date(year, 5, 1), &[0])
        || day == on_or_before(date(year, 5, 31), &[0])
        || day == date(year, 12, 25)
        || day == date(year, 12, 26)
        || day == date(year, 1, 1)
}

/// Minutes that London is ahead of UTC at nine in the morning.
fn offset_minutes(date: NaiveDate) -> u32 {
    let utc = date.and_hms_opt(9, 0, 0).map(|at| Utc.from_utc_datetime(&at));
    utc.map_or(0, |at| at.with_timezone(&London).hour().saturating_sub(9) * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_is_where_the_almanac_has_it() {
        for (year, month, day) in [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25)] {
            assert_eq!(easter(year), date(year, month, day));
        }
    }

    #[test]
    fn a_year_is_as_long_as_a_school_year_and_has_its_parts() {
        for year in 2020..2035 {
            for variant in 0..3 {
                let calendar = Calendar::generate(year, variant);
                let open = calendar.open_days().count();
                // 190 days of 195 is the maintained school's usual year; layouts differ by a few.
                assert!((183..=196).contains(&open), "{year} {variant}: {open}");
                assert_eq!(calendar.days.iter().filter(|d| d.slot == "inset").count(), 5);
                assert_eq!(calendar.days.iter().filter(|d| d.cancelled && d.slot == "open").count(), 1);
                assert!(calendar.days.iter().all(|d| !is_weekend(d.date)));
                assert!(calendar.open_days().all(|d| !is_bank_holiday(d.date)));
                assert!(calendar.days.is_sorted_by(|a, b| a.date < b.date));
            }
        }
    }

    #[test]
    fn autumn_2026_has_its_half_term_in_the_last_week_of_october() {
        let calendar = Calendar::generate(2026, 0);
        let slot = |d| calendar.days.iter().find(|day| day.date == d).map(|day| (day.slot, day.term));
        assert_eq!(slot(date(2026, 9, 1)), Some(("open", "autumn 1")));
        assert_eq!(slot(date(2026, 10, 23)), Some(("open", "autumn 1")));
        assert_eq!(slot(date(2026, 10, 28)), Some(("holiday", "autumn 1")));
        assert_eq!(slot(date(2026, 11, 2)), Some(("inset", "autumn 2")));
        assert_eq!(slot(date(2027, 3, 26)), Some(("closed", "spring 2")));
        assert_eq!(slot(date(2027, 5, 3)), Some(("closed", "summer 1")));
        assert_eq!((offset_minutes(date(2026, 9, 1)), offset_minutes(date(2026, 11, 20))), (60, 0));
    }
}
