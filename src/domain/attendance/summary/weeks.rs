//! Trend by school week, and what happens on which weekday: late arrivals and absences.

use super::super::Code;
use super::counts::Counts;
use super::sessions::{Counted, monday_of_week};
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

impl AddAssign for Punctuality {
    fn add_assign(&mut self, other: Self) {
        let pairs = self.by_weekday.iter_mut().zip(other.by_weekday).chain([(&mut self.late, other.late)]);
        for (sum, late) in pairs {
            sum.before_close += late.before_close;
            sum.after_close += late.after_close;
        }
        if let Some(minutes) = other.minutes_late {
            *self.minutes_late.get_or_insert(0) += minutes;
        }
    }
}

/// Missed of possible in one half of one weekday.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absences {
    /// Sessions missed.
    pub missed: u32,
    /// Sessions possible.
    pub possible: u32,
}

/// Absences by weekday (Monday first) and half (morning first).
pub type Weekdays = [[Absences; 2]; 7];

#[derive(Default)]
pub(super) struct WeekSums {
    pub(super) trend: Vec<Week>,
    week: Option<i32>,
    pub(super) punctuality: Punctuality,
    pub(super) weekdays: Weekdays,
}

impl WeekSums {
    pub(super) fn add(&mut self, session: &Counted, minutes_late: Option<u16>) {
        if self.week.replace(session.week()) != Some(session.week()) {
            self.trend.push(Week { monday: monday_of_week(session.week()), counts: Counts::default() });
        }
        if let Some(week) = self.trend.last_mut() {
            week.counts.add(session.code);
        }
        let Some(code) = session.code else { return };
        if code.class().possible()
            && let Some(slot) = self.weekdays.get_mut(session.weekday()).and_then(|d| d.get_mut(session.half))
        {
            slot.possible += 1;
            slot.missed += u32::from(code.class().missed());
        }
        if let (Code::L | Code::U, Some(day)) = (code, self.punctuality.by_weekday.get_mut(session.weekday()))
        {
            for late in [day, &mut self.punctuality.late] {
                late.before_close += u32::from(code == Code::L);
                late.after_close += u32::from(code == Code::U);
            }
            if let Some(minutes) = minutes_late {
                *self.punctuality.minutes_late.get_or_insert(0) += u32::from(minutes);
            }
        }
    }
}
