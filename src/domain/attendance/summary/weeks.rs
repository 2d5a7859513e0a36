//! Trend by school week, and what happens on which weekday: late arrivals and absences.

use super::super::Code;
use super::super::sets::Sets;
use super::counts::Counts;
use super::sessions::{Counted, YearOfMarks, monday_of_week};
use chrono::NaiveDate;
use std::ops::AddAssign;

/// One school week of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week {
    /// Its Monday.
    pub monday: NaiveDate,
    /// Its sessions.
    pub counts: Counts,
}

/// Late arrivals of one weekday.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Late {
    /// L: before the register closed. Attended.
    pub before_close: u32,
    /// U: after it. Unauthorised absence for the whole session.
    pub after_close: u32,
}

/// Late arrivals; there is no official rate of punctuality, so L and U stand side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Punctuality {
    /// The window's late arrivals.
    pub late: Late,
    /// Minutes late, summed over the L and U sessions for which they were sent; `None` when none was.
    pub minutes_late: Option<u32>,
    /// By weekday, Monday first.
    pub by_weekday: [Late; 7],
}

impl AddAssign for Late {
    fn add_assign(&mut self, other: Self) {
        self.before_close += other.before_close;
        self.after_close += other.after_close;
    }
}

impl AddAssign for Punctuality {
    fn add_assign(&mut self, other: Self) {
        self.late += other.late;
        self.by_weekday.iter_mut().zip(other.by_weekday).for_each(|(sum, late)| *sum += late);
        if let Some(minutes) = other.minutes_late {
            *self.minutes_late.get_or_insert(0) += minutes;
        }
    }
}

/// Missed of possible in one half of one weekday, beside what the school held there: its own weekday shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absences {
    /// Sessions missed.
    pub missed: u32,
    /// Sessions possible.
    pub possible: u32,
    /// Sessions that the school held while the pupil was on roll, whatever stands in its register.
    pub held: u32,
}

impl AddAssign for Absences {
    fn add_assign(&mut self, other: Self) {
        self.missed += other.missed;
        self.possible += other.possible;
        self.held += other.held;
    }
}

/// Absences by weekday (Monday first) and half (morning first).
pub type Weekdays = [[Absences; 2]; 7];

/// School weeks of a school year, for which room is made at once.
const WEEKS: usize = 40;

#[derive(Default)]
pub(super) struct WeekSums {
    pub(super) trend: Vec<Week>,
    week: Option<i32>,
    pub(super) punctuality: Punctuality,
    pub(super) weekdays: Weekdays,
}

impl WeekSums {
    pub(super) fn add(&mut self, year: &YearOfMarks<'_>, session: &Counted) {
        if let Some(week) = self.week_of(session) {
            week.counts.add(session.code);
        }
        if let Some(slot) = self.weekdays.get_mut(session.weekday).and_then(|day| day.get_mut(session.half)) {
            slot.held += u32::from(!session.sets.any(Sets::NOBODY));
            slot.possible += u32::from(session.sets.any(Sets::POSSIBLE));
            slot.missed += u32::from(session.sets.any(Sets::MISSED));
        }
        if session.sets.any(Sets::LATE) {
            self.add_late(year, session);
        }
    }

    /// Two sessions of a day, both present.
    pub(super) fn add_present_day(&mut self, session: &Counted) {
        if let Some(week) = self.week_of(session) {
            week.counts.attended += 2;
        }
        if let Some([am, pm]) = self.weekdays.get_mut(session.weekday) {
            (am.held, am.possible) = (am.held + 1, am.possible + 1);
            (pm.held, pm.possible) = (pm.held + 1, pm.possible + 1);
        }
    }

    fn week_of(&mut self, session: &Counted) -> Option<&mut Week> {
        if self.week.replace(session.week) != Some(session.week) {
            if self.trend.is_empty() {
                self.trend.reserve(WEEKS);
            }
            self.trend.push(Week { monday: monday_of_week(session.week), counts: Counts::default() });
        }
        self.trend.last_mut()
    }

    fn add_late(&mut self, year: &YearOfMarks<'_>, session: &Counted) {
        let before = session.code == Some(Code::L);
        if let Some(day) = self.punctuality.by_weekday.get_mut(session.weekday) {
            for late in [day, &mut self.punctuality.late] {
                late.before_close += u32::from(before);
                late.after_close += u32::from(!before);
            }
        }
        if let Some(minutes) = year.minutes_late.and_then(|m| m.get(usize::from(session.index))) {
            *self.punctuality.minutes_late.get_or_insert(0) += u32::from(minutes);
        }
    }
}
