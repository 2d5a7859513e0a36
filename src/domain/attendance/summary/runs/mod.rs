//! Unbroken runs: spells of absence, spells of sickness, the fifteen days of sickness, the ten days of absence.
//!
//! The regulations count school days and the register sessions, and no text says how half a day counts. Here a session
//! is half a day, or a whole one where no other session was held that day (none in the calendar, or cancelled), so that
//! a closure counts alike whether calendar or marks tell it. A session to which nobody was to come (Y4, `#`) neither
//! lengthens nor breaks a run, and of sickness neither does one at which this pupil was not expected here (C2, X, D); one
//! without a mark breaks it, since nothing is known of it.

mod dual;
mod enforcement;
mod last_seen;

pub use dual::DualMet;
pub(super) use enforcement::EnforcementSums;
pub use enforcement::{Enforcement, PENALTY_SESSIONS, PENALTY_WEEKS, SchoolWeek, WorstWindow};
pub(super) use last_seen::Sightings;
pub use last_seen::{Elsewhere, LastSeen, MarkedPresent};

use super::super::sets::Sets;
use super::rules::{Flag, Reading, SicknessTotal};
use super::sessions::{Counted, Place};
use crate::domain::calendar::{Half, Session};
use chrono::{Datelike, NaiveDate};

/// Half days of sickness from which the sickness return is due: 15 school days (SI 2024/208 reg 13(9)).
pub const SICKNESS_HALF_DAYS: u32 = 30;
/// Half days of absence from which the attendance return is due: 10 school days (reg 13(7)(b)).
pub const TEN_DAY_HALF_DAYS: u32 = 20;

/// An unbroken run of sessions of one sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// Its first session.
    pub from: Session,
    /// Its last session.
    pub to: Session,
    /// How many sessions.
    pub sessions: u32,
}

/// Sickness and appointments in the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Sessions coded I.
    pub illness: u32,
    /// Sessions coded M.
    pub medical: u32,
    /// Runs of I.
    pub spells: Vec<Spell>,
    /// Fifteen school days of I, in one run or in one school year, reached in the window on a day on which the rule held.
    /// Age and the school's own view of what is to come, which the return needs too, are not looked at.
    pub sickness_flag: bool,
}

pub(super) fn session_of(counted: &Counted) -> Session {
    Session::new(counted.date, if counted.half == 0 { Half::Am } else { Half::Pm })
}

/// Collects runs of sessions that are in a set.
pub(super) struct Spells {
    of: Sets,
    passes: Sets,
    open: bool,
    pub(super) found: Vec<Spell>,
}

impl Spells {
    /// Of the sessions in one set; those in `passes` do not break them.
    pub(super) const fn of(of: Sets, passes: Sets) -> Self {
        Self { of, passes, open: false, found: Vec::new() }
    }

    pub(super) fn add(&mut self, counted: &Counted) {
        if counted.sets.any(self.of) {
            let session = session_of(counted);
            match self.found.last_mut().filter(|_| self.open) {
                Some(spell) => (spell.to, spell.sessions) = (session, spell.sessions + 1),
                None => self.found.push(Spell { from: session, to: session, sessions: 1 }),
            }
            self.open = true;
        } else {
            self.open &= counted.sets.any(self.passes);
        }
    }

    /// The run that is open, if one is, has ended.
    pub(super) const fn end(&mut self) {
        self.open = false;
    }
}

/// Length in half days of the run that is open now.
pub(super) struct Run {
    of: Sets,
    passes: Sets,
    pub(super) half_days: u32,
}

impl Run {
    /// Of the sessions in one set; those in `passes` do not break it.
    pub(super) const fn of(of: Sets, passes: Sets) -> Self {
        Self { of, passes, half_days: 0 }
    }

    /// A session that stands for so many half days.
    pub(super) const fn add(&mut self, sets: Sets, half_days: u32) {
        if sets.any(self.of) {
            self.half_days += half_days;
        } else if !sets.any(self.passes) {
            self.half_days = 0;
        }
    }
}

/// The half days that a flag's rule of that day asks for, and the first day on which any version of it holds.
pub(super) fn half_days_asked(flag: Flag, on: NaiveDate, usual: u32) -> (u32, i32) {
    (flag.rule_on(on).map_or(usual, |rule| 2 * rule.threshold), flag.first_day().num_days_from_ce())
}

/// Watches for fifteen school days of sickness, in one run or in one school year.
pub(super) struct Sickness {
    run: Run,
    asked: u32,
    holds_from: i32,
    days_with_any: bool,
    year: i32,
    last_day: i32,
    half_days: u32,
    pub(super) flag: bool,
}

impl Sickness {
    /// By the rule of the day `on`.
    pub(super) fn new(reading: Reading, on: NaiveDate) -> Self {
        let (asked, holds_from) = half_days_asked(Flag::Sickness, on, SICKNESS_HALF_DAYS);
        let days_with_any = reading.sickness_total == SicknessTotal::DaysWithAny;
        let (year, last_day) = (i32::MIN, i32::MIN);
        Self {
            run: Run::of(Sets::ILLNESS, Sets::NOT_EXPECTED),
            asked,
            holds_from,
            days_with_any,
            year,
            last_day,
            half_days: 0,
            flag: false,
        }
    }

    /// The run that is open, if one is, has ended.
    pub(super) const fn end(&mut self) {
        self.run.half_days = 0;
    }

    pub(super) fn add(&mut self, year: i32, counted: &Counted) {
        self.run.add(counted.sets, counted.half_days_of_sickness);
        if !counted.sets.any(Sets::ILLNESS) {
            return;
        }
        if self.year != year {
            (self.year, self.half_days) = (year, 0);
        }
        self.half_days += match (self.days_with_any, self.last_day == counted.day) {
            (false, _) => counted.half_days,
            (true, false) => 2,
            (true, true) => 0,
        };
        self.last_day = counted.day;
        let reached = self.run.half_days.max(self.half_days) >= self.asked;
        self.flag |= reached && counted.place == Place::Inside && counted.day >= self.holds_from;
    }
}
