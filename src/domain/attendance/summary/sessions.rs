//! What a summary is computed from, and the walk over the sessions that count.
//!
//! A session counts when the calendar has it open, the enrolment is on roll on its date, and it is over. All else is
//! passed over here, once, so that no section has its own idea of it. A boarder has no attendance register
//! (SI 2024/208 reg 10(1)): nothing of theirs is walked.

use super::super::{Code, Entered, MinutesLate, PackedYear};
use super::counts::{Counts, Lanes};
use crate::domain::calendar::{DAYS, Half, SchoolCalendar, Session};
use chrono::{Datelike, NaiveDate};

/// The facts of an enrolment that decide what counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The first day on roll (reg 8(2)(h)).
    pub starting_day: NaiveDate,
    /// The last day on roll, if it has one.
    pub last_day: Option<NaiveDate>,
    /// Boarders have no marks: recorded nowhere, never counted as missing.
    pub boarder: bool,
    /// The admission register says part-time.
    pub part_time: bool,
    /// Status main or subsidiary: on another school's roll too.
    pub dual_registered: bool,
}

/// One school year of an enrolment.
#[derive(Clone, Copy, Debug)]
pub struct YearOfMarks<'a> {
    /// The school's calendar of that year.
    pub calendar: &'a SchoolCalendar,
    /// The enrolment's marks.
    pub marks: &'a PackedYear,
    /// When each was recorded, where the caller has read it.
    pub entered: Option<&'a Entered>,
    /// Minutes late, where the caller has read them.
    pub minutes_late: Option<&'a MinutesLate>,
}

/// What was asked for, and how far time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First day of the figures.
    pub from: NaiveDate,
    /// Last day of the figures: already cut to the last published week where the role has no `sessions`.
    pub to: NaiveDate,
    /// The last session that is over; nothing later counts anywhere. `last_seen` reaches this far even where `to` is earlier.
    pub last_due: Session,
}

/// Everything a summary of one enrolment is computed from.
#[derive(Clone, Copy, Debug)]
pub struct Register<'a> {
    /// The enrolment.
    pub enrolment: Enrolment,
    /// Its school years, earliest first, one each. For `enforcement`, spells and last seen to reach back over a summer, the
    /// year before the window must be among them.
    pub years: &'a [YearOfMarks<'a>],
    /// The window.
    pub window: Window,
}

/// A session that counts, as the walk hands it on. Days are counted from the common era, so that weeks and weekdays are
/// divisions: day 1 was a Monday.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub index: u16,
    pub day: i32,
    pub half: usize,
    pub code: Option<Code>,
    /// Whether it is the only session of its day.
    pub alone: bool,
    /// In the window (`from`..=`to`); before it only what reaches back looks, after it only `last_seen`.
    pub place: Place,
}

/// School days within which the school must put a reason, or O, for N (SI 2024/208 reg 10(7)).
pub const NO_REASON_SCHOOL_DAYS: usize = 5;

/// What is missing from the window's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Sessions that are over, on roll, open, and without a mark.
    pub sessions_without_mark: u32,
    /// Sessions coded N with more than five whole school days after theirs.
    pub no_reason_yet_over_five_days: u32,
    /// The last session of the window that has a mark: of one enrolment no more can be known.
    pub last_complete_session: Option<Session>,
}

/// Where a session lies to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Before,
    Inside,
    After,
}

impl Counted {
    /// 0 on Monday.
    pub(super) const fn weekday(&self) -> usize {
        // The remainder is 0..=6.
        (self.day - 1).rem_euclid(7).unsigned_abs() as usize
    }

    /// The number of the Monday-based week.
    pub(super) const fn week(&self) -> i32 {
        (self.day - 1).div_euclid(7)
    }

    /// Half days that the session stands for: a whole day when it is its day's only one.
    pub(super) const fn half_days(&self) -> u32 {
        if self.alone { 2 } else { 1 }
    }
}

/// The date of a day number; numbers come from dates, so that it always exists.
pub(super) fn date_of(day: i32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(day).unwrap_or(NaiveDate::MIN)
}

/// The Monday of a week number.
pub(super) fn monday_of_week(week: i32) -> NaiveDate {
    date_of(7 * week + 1)
}

impl Register<'_> {
    /// First and last day in which sessions are looked at, from `from` on; `None` where there is none.
    fn days(&self, from: NaiveDate, to: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        let from = from.max(self.enrolment.starting_day);
        let to = to.min(self.window.last_due.date).min(self.enrolment.last_day.unwrap_or(NaiveDate::MAX));
        (from <= to && !self.enrolment.boarder).then_some((from, to))
    }

    /// The headline of the window: no allocation, one addition a session.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        let Some(days) = self.days(self.window.from, self.window.to) else { return counts };
        for year in self.years {
            if let Some((lo, hi)) = self.places(year, days)
                && let (Some(marks), Some(shut)) =
                    (year.marks.as_bytes().get(lo..hi), year.calendar.shut().get(lo..hi))
            {
                counts += Lanes::sum(marks, shut).counts();
            }
        }
        counts
    }

    /// The half-open range of places of a year between two days, cut at the last session that is over.
    fn places(&self, year: &YearOfMarks<'_>, (from, to): (NaiveDate, NaiveDate)) -> Option<(usize, usize)> {
        let packed = year.calendar.year();
        let (from, to) = (from.max(packed.first_day()), to.min(packed.last_day()));
        if from > to {
            return None;
        }
        let end = 2 * packed.index(to)? + 2;
        let due = packed.session_index(self.window.last_due).map_or(end, |place| place + 1);
        Some((2 * packed.index(from)?, end.min(due)))
    }

    /// The last session that the window's figures hold.
    pub(super) fn as_of(&self) -> Session {
        self.window.last_due.min(Session::new(self.window.to, Half::Pm))
    }

    /// The date before which an N is over [`NO_REASON_SCHOOL_DAYS`] school days old: that of the sixth school day, counted
    /// back over those that are wholly over. `None` where there have been fewer.
    pub(super) fn stale_before(&self) -> Option<i32> {
        let as_of = self.as_of();
        let mut left = NO_REASON_SCHOOL_DAYS;
        for year in self.years.iter().rev() {
            let packed = year.calendar.year();
            let (days, _) = year.calendar.shut().as_chunks::<2>();
            let started = as_of.date >= packed.first_day();
            let until = packed.index(as_of.date).map_or(DAYS, |day| day + 1);
            for (index, shut) in days.iter().enumerate().take(if started { until } else { 0 }).rev() {
                let Some(date) = packed.date(index) else { continue };
                let [_, afternoon_shut] = shut;
                let goes_on = date == as_of.date && as_of.half == Half::Am && *afternoon_shut == 0;
                if *shut == [u8::MAX; 2] || goes_on {
                    continue;
                }
                if left == 0 {
                    return Some(date.num_days_from_ce());
                }
                left -= 1;
            }
        }
        None
    }

    /// Calls `each` for every session that counts, in order, from the first day on roll to the last session that is over,
    /// with the year it lies in.
    pub(super) fn walk(&self, mut each: impl FnMut(&YearOfMarks<'_>, Counted)) {
        let Some(days) = self.days(NaiveDate::MIN, NaiveDate::MAX) else { return };
        let (from, to) = (self.window.from.num_days_from_ce(), self.window.to.num_days_from_ce());
        for year in self.years {
            let Some((lo, hi)) = self.places(year, days) else { continue };
            let first = year.calendar.year().first_day().num_days_from_ce();
            let (marks, _) = year.marks.as_bytes().as_chunks::<2>();
            let (shut, _) = year.calendar.shut().as_chunks::<2>();
            for (index, (marks, shut)) in (0_u16..).zip(marks.iter().zip(shut)) {
                let day = first + i32::from(index);
                let place = if day < from {
                    Place::Before
                } else if day <= to {
                    Place::Inside
                } else {
                    Place::After
                };
                for (half, (mark, closed)) in marks.iter().zip(shut).enumerate() {
                    let place_in_year = 2 * index + u16::from(half == 1);
                    if *closed == 0 && (lo..hi).contains(&usize::from(place_in_year)) {
                        let (code, alone) = (Code::from_byte(*mark), *shut != [0, 0]);
                        each(year, Counted { index: place_in_year, day, half, code, alone, place });
                    }
                }
            }
        }
    }
}
