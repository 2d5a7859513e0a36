//! Unbroken runs: spells of absence, spells of sickness, the fifteen days of sickness, the ten days of absence.
//!
//! The regulations count school days and the register sessions, and no text says how half a day counts. Here a session
//! is half a day, or a whole one where the calendar has no other that day, so that no run is called longer than it was.
//! A session to which nobody was to come (Y4, `#`) neither lengthens nor breaks a run; one without a mark breaks it,
//! since nothing is known of it.

use super::super::Code;
use super::sessions::{Counted, Place, date_of};
use crate::domain::calendar::{Half, Session};

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
    /// Fifteen school days of I, in one run or in one school year, reached in the window. Age and the school's own view of
    /// what is to come, which the return needs too, are not looked at.
    pub sickness_flag: bool,
}

pub(super) fn session_of(counted: &Counted) -> Session {
    Session::new(date_of(counted.day), if counted.half == 0 { Half::Am } else { Half::Pm })
}

/// Collects runs for which `belongs` holds.
pub(super) struct Spells {
    belongs: fn(Code) -> bool,
    open: bool,
    pub(super) found: Vec<Spell>,
}

impl Spells {
    pub(super) const fn of(belongs: fn(Code) -> bool) -> Self {
        Self { belongs, open: false, found: Vec::new() }
    }

    pub(super) fn add(&mut self, counted: &Counted) {
        if counted.code.is_some_and(Code::nobody_was_to_come) {
            return;
        }
        let belongs = counted.code.is_some_and(self.belongs);
        if belongs {
            let session = session_of(counted);
            match self.found.last_mut().filter(|_| self.open) {
                Some(spell) => (spell.to, spell.sessions) = (session, spell.sessions + 1),
                None => self.found.push(Spell { from: session, to: session, sessions: 1 }),
            }
        }
        self.open = belongs;
    }
}

/// Length in half days of the run that is open now.
pub(super) struct Run {
    belongs: fn(Code) -> bool,
    pub(super) half_days: u32,
}

impl Run {
    pub(super) const fn of(belongs: fn(Code) -> bool) -> Self {
        Self { belongs, half_days: 0 }
    }

    pub(super) fn add(&mut self, counted: &Counted) {
        if counted.code.is_some_and(Code::nobody_was_to_come) {
            return;
        }
        let belongs = counted.code.is_some_and(self.belongs);
        self.half_days = if belongs { self.half_days + counted.half_days() } else { 0 };
    }
}

/// Watches for fifteen school days of sickness, in one run or in one school year. The year's total has no rule for half
/// days either: two sessions make a day.
pub(super) struct Sickness {
    run: Run,
    year: i32,
    half_days: u32,
    pub(super) flag: bool,
}

impl Sickness {
    pub(super) const fn new() -> Self {
        Self { run: Run::of(Code::illness), year: i32::MIN, half_days: 0, flag: false }
    }

    pub(super) fn add(&mut self, year: i32, counted: &Counted) {
        if self.year != year {
            (self.year, self.half_days) = (year, 0);
        }
        self.run.add(counted);
        if counted.code.is_some_and(Code::illness) {
            self.half_days += counted.half_days();
            let most = self.run.half_days.max(self.half_days);
            self.flag |= counted.place == Place::Inside && most >= SICKNESS_HALF_DAYS;
        }
    }
}
