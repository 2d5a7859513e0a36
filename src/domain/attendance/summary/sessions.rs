//! What a summary is computed from, and the walk over the sessions that count.
//!
//! A session counts when the calendar has it open, the enrolment is on roll on its date, and it is over. All else is
//! passed over here, once, so that no section has its own idea of it. A boarder has no attendance register
//! (SI 2024/208 reg 10(1)): nothing of theirs is walked.

use super::super::sets::Sets;
use super::super::{Code, Entered, MinutesLate, PackedYear};
use super::counts::{self, Counts};
use super::rules::{PartCancelledDay, Reading};
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
    /// The last session whose mark, once it is there, tells where the child is, though the session is not over: today's.
    /// No mark tells nothing before it is over.
    pub live_to: Session,
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

/// A session that counts, as the walk hands it on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub index: u16,
    pub date: NaiveDate,
    /// The day's number from the common era, of which day 1 was a Monday.
    pub day: i32,
    /// The number of the Monday-based week.
    pub week: i32,
    /// 0 on Monday.
    pub weekday: usize,
    pub half: usize,
    pub code: Option<Code>,
    /// The sets that the code is in.
    pub sets: Sets,
    /// Whether the calendar has no other session that day.
    pub alone: bool,
    /// Half days that the session stands for: a whole day when no other session of its day was held.
    pub half_days: u32,
    /// The same in a run of sickness: a whole day too when the pupil was not expected at the other one.
    pub half_days_of_sickness: u32,
    /// In the window (`from`..=`to`); before it only what reaches back looks, after it, and at what is not over, only
    /// `last_seen`.
    pub place: Place,
}

/// Who is told of the sessions that count, in order.
pub(super) trait Walker {
    /// A session.
    fn session(&mut self, year: &YearOfMarks<'_>, session: &Counted);

    /// A day of two sessions marked `/` and `\`, which most days are: to be told faster, never otherwise.
    fn present_day(&mut self, year: &YearOfMarks<'_>, [am, pm]: [&Counted; 2]) {
        self.session(year, am);
        self.session(year, pm);
    }
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

/// The Monday of a week number; numbers come from dates, so that it always exists.
pub(super) fn monday_of_week(week: i32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(7 * week + 1).unwrap_or(NaiveDate::MIN)
}

impl Register<'_> {
    /// First and last day in which sessions are looked at, from `from` on; `None` where there is none.
    fn days(&self, from: NaiveDate, to: NaiveDate, until: Session) -> Option<(NaiveDate, NaiveDate)> {
        let from = from.max(self.enrolment.starting_day);
        let to = to.min(until.date).min(self.enrolment.last_day.unwrap_or(NaiveDate::MAX));
        (from <= to && !self.enrolment.boarder).then_some((from, to))
    }

    /// The headline of the window: no allocation, one addition a session.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        let due = self.window.last_due;
        let Some(days) = self.days(self.window.from, self.window.to, due) else { return counts };
        for year in self.years {
            if let Some((lo, hi)) = Self::places(year, days, due)
                && let (Some(marks), Some(shut)) =
                    (year.marks.as_bytes().get(lo..hi), year.calendar.shut().get(lo..hi))
            {
                counts += counts::sum(marks, shut);
            }
        }
        counts
    }

    /// The headline of the window with its completeness, as [`Register::figures`] gives them: a pass of additions, and a
    /// look back for the last mark and for N that nobody explained.
    pub fn headline(&self) -> (Counts, Completeness) {
        let counts = self.counts();
        let mut complete =
            Completeness { sessions_without_mark: counts.without_mark, ..Completeness::default() };
        let due = self.window.last_due;
        let Some(days) = self.days(self.window.from, self.window.to, due) else { return (counts, complete) };
        let mut stale_before = None;
        for year in self.years.iter().rev() {
            let Some((lo, hi)) = Self::places(year, days, due) else { continue };
            let (Some(marks), Some(shut)) =
                (year.marks.as_bytes().get(lo..hi), year.calendar.shut().get(lo..hi))
            else {
                continue;
            };
            let packed = year.calendar.year();
            let mut slots = (0..hi - lo).zip(marks.iter().zip(shut));
            if complete.last_complete_session.is_none() {
                let last = slots.clone().rev().find(|(_, (mark, shut))| **shut == 0 && **mark != 0);
                complete.last_complete_session = last.and_then(|(place, _)| packed.session(lo + place));
            }
            if counts.unauthorised == 0 {
                continue;
            }
            while let Some((place, _)) = slots.find(|(_, (mark, shut))| (*mark | *shut) == Code::N.byte()) {
                let before = *stale_before.get_or_insert_with(|| self.stale_before());
                let day = packed.date(usize::midpoint(lo, place)).map(|date| date.num_days_from_ce());
                complete.no_reason_yet_over_five_days += u32::from(before.is_some() && day < before);
            }
        }
        (counts, complete)
    }

    /// The half-open range of places of a year between two days, cut after a session.
    fn places(
        year: &YearOfMarks<'_>,
        (from, to): (NaiveDate, NaiveDate),
        until: Session,
    ) -> Option<(usize, usize)> {
        let packed = year.calendar.year();
        let (from, to) = (from.max(packed.first_day()), to.min(packed.last_day()));
        if from > to {
            return None;
        }
        let end = 2 * packed.index(to)? + 2;
        let due = packed.session_index(until).map_or(end, |place| place + 1);
        Some((2 * packed.index(from)?, end.min(due)))
    }

    /// The last session that the window's figures hold.
    pub(super) fn as_of(&self) -> Session {
        self.window.last_due.min(Session::new(self.window.to, Half::Pm))
    }

    /// The date before which an N is over [`NO_REASON_SCHOOL_DAYS`] school days old: that of the sixth school day, counted
    /// back over those of which a session is over: with the first of the sixth day the five have passed. A day that was
    /// cancelled for everybody is none. `None` where there have been fewer.
    pub(super) fn stale_before(&self) -> Option<i32> {
        let as_of = self.as_of();
        let mut left = NO_REASON_SCHOOL_DAYS;
        for year in self.years.iter().rev() {
            let packed = year.calendar.year();
            let (days, _) = year.calendar.shut().as_chunks::<2>();
            let (marks, _) = year.marks.as_bytes().as_chunks::<2>();
            let started = as_of.date >= packed.first_day();
            let until = if started { packed.index(as_of.date).map_or(DAYS, |day| day + 1) } else { 0 };
            for (index, (shut, marks)) in days.iter().zip(marks).enumerate().take(until).rev() {
                let Some(date) = packed.date(index) else { continue };
                let over = if date == as_of.date && as_of.half == Half::Am { 1 } else { 2 };
                let halves = || shut.iter().zip(marks).take(over);
                if !halves().any(|(s, m)| *s == 0 && !Sets::of_byte(*m).any(Sets::NOBODY)) {
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

    /// Tells a walker of every session that counts, in order, from the first day on roll to the last session that is over,
    /// with the year it lies in; and of those after it that have a mark already, as after the window.
    pub(super) fn walk(&self, reading: Reading, walker: &mut impl Walker) {
        let due = self.window.last_due;
        let until = due.max(self.window.live_to);
        let Some(days) = self.days(NaiveDate::MIN, NaiveDate::MAX, until) else { return };
        // The first day that is not wholly over.
        let open_day = due.date.num_days_from_ce() + i32::from(due.half == Half::Pm);
        let joined = reading.part_cancelled_day == PartCancelledDay::WholeDay;
        for year in self.years {
            let Some((lo, hi)) = Self::places(year, days, until) else { continue };
            let Some(first) = year.calendar.year().date(lo / 2) else { continue };
            let (marks, _) = year.marks.as_bytes().as_chunks::<2>();
            let (shut, _) = year.calendar.shut().as_chunks::<2>();
            let on_roll = (0_u16..).zip(marks.iter().zip(shut)).take(hi.div_ceil(2)).skip(lo / 2);
            // Counted along: telling the number of each date anew takes as long as the rest.
            let days = (first.num_days_from_ce()..).zip(first.iter_days());
            for ((index, (marks, shut)), day) in on_roll.zip(days) {
                if *shut == [u8::MAX; 2] {
                    continue;
                }
                let (am, sets) = self.morning(2 * index, day, (marks, shut), joined);
                let [am_code, pm_code] = marks.map(Code::from_byte);
                let [am_sets, pm_sets] = sets;
                let pm_counts = usize::from(am.index) + 1 < hi;
                let am = Counted { code: am_code, sets: am_sets, ..am };
                let pm = Counted { index: am.index + 1, half: 1, code: pm_code, sets: pm_sets, ..am };
                if am.day >= open_day {
                    let over = am.day == due.date.num_days_from_ce();
                    for ((session, over), shut) in [(am, over), (pm, false)].into_iter().zip(*shut) {
                        let told = over || (session.code.is_some() && usize::from(session.index) < hi);
                        let place = if over { session.place } else { Place::After };
                        if shut == 0 && told {
                            walker.session(year, &Counted { place, ..session });
                        }
                    }
                    continue;
                }
                if *marks == PRESENT && *shut == [0; 2] && pm_counts {
                    walker.present_day(year, [&am, &pm]);
                    continue;
                }
                let [am_shut, pm_shut] = *shut;
                if am_shut == 0 {
                    walker.session(year, &am);
                }
                if pm_shut == 0 && pm_counts {
                    walker.session(year, &pm);
                }
            }
        }
    }

    /// What both sessions of a day have in common, as its morning without its mark; and the sets of both marks.
    fn morning(
        &self,
        index: u16,
        (day, date): (i32, NaiveDate),
        (marks, shut): (&[u8; 2], &[u8; 2]),
        joined: bool,
    ) -> (Counted, [Sets; 2]) {
        let place = if date < self.window.from {
            Place::Before
        } else if date <= self.window.to {
            Place::Inside
        } else {
            Place::After
        };
        let (alone, sets) = (*shut != [0, 0], marks.map(Sets::of_byte));
        let holds = |set: Sets| joined && sets.iter().any(|sets| sets.any(set));
        let whole = |day: bool| if alone || day { 2 } else { 1 };
        let morning = Counted {
            index,
            date,
            day,
            week: (day - 1).div_euclid(7),
            // The remainder is 0..=6.
            weekday: (day - 1).rem_euclid(7).unsigned_abs() as usize,
            half: 0,
            code: None,
            sets: Sets::NONE,
            alone,
            half_days: whole(holds(Sets::NOBODY)),
            half_days_of_sickness: whole(holds(Sets::NOT_EXPECTED)),
            place,
        };
        (morning, sets)
    }
}

/// The bytes of a day of `/` and `\`.
const PRESENT: [u8; 2] = [Code::PresentAm.byte(), Code::PresentPm.byte()];
