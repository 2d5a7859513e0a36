//! Thresholds of enforcement: the worst ten school weeks, and ten school days without a break.
//!
//! SI 2007/1867 reg 9A: ten sessions of G, N, O or U in any ten consecutive school weeks; holidays drop out, and absence
//! before 19 August 2024 is ignored. An N may yet be explained, so that a threshold can clear again. Both look back before
//! the window's first day: a run that began in July counts whole in September.

use super::super::{Code, NEW_CODES_FROM};
use super::sessions::{Counted, Place, date_of, monday_of_week};
use super::spells::{Run, TEN_DAY_HALF_DAYS};
use chrono::{Datelike, NaiveDate};

/// School weeks of a penalty-notice window.
pub const PENALTY_WEEKS: usize = 10;
/// Unauthorised sessions in it from which a notice must be considered.
pub const PENALTY_SESSIONS: u32 = 10;

/// Ten consecutive school weeks (fewer where the pupil has been on roll for fewer) and what was missed in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorstWindow {
    /// The Monday of its first school week.
    pub from: NaiveDate,
    /// The last school day counted in its last one.
    pub to: NaiveDate,
    /// Sessions coded G, N, O or U.
    pub unauthorised: u32,
}

impl WorstWindow {
    /// Whether a penalty notice must be considered.
    pub const fn threshold_met(&self) -> bool {
        self.unauthorised >= PENALTY_SESSIONS
    }
}

/// Unauthorised absence against the two thresholds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enforcement {
    /// The window with most unauthorised sessions among those that end in the asked-for days, the latest of equals; `None`
    /// where there was none.
    pub worst_window: Option<WorstWindow>,
    /// Ten school days or more, without a break, of nothing but G, N, O and U, reached in the asked-for days.
    pub ten_day_absence: bool,
}

struct SchoolWeek {
    week: i32,
    last_day: i32,
    unauthorised: u32,
    ends_inside: bool,
}

pub(super) struct EnforcementSums {
    weeks: Vec<SchoolWeek>,
    run: Run,
    ten_day_absence: bool,
    new_codes: i32,
}

impl EnforcementSums {
    pub(super) fn new() -> Self {
        let new_codes = NEW_CODES_FROM.num_days_from_ce();
        Self { weeks: Vec::new(), run: Run::of(Code::ten_day_return), ten_day_absence: false, new_codes }
    }

    pub(super) fn add(&mut self, session: &Counted) {
        self.run.add(session);
        self.ten_day_absence |= session.place == Place::Inside && self.run.half_days >= TEN_DAY_HALF_DAYS;
        if session.day < self.new_codes {
            return;
        }
        if self.weeks.last().is_none_or(|w| w.week != session.week()) {
            let week = session.week();
            self.weeks.push(SchoolWeek { week, last_day: session.day, unauthorised: 0, ends_inside: false });
        }
        if let Some(week) = self.weeks.last_mut() {
            week.last_day = session.day;
            week.ends_inside = session.place == Place::Inside;
            week.unauthorised += u32::from(session.code.is_some_and(Code::penalty_notice));
        }
    }

    pub(super) fn finish(&self) -> Enforcement {
        let ends =
            (1..=self.weeks.len()).filter_map(|end| self.weeks.get(end.saturating_sub(PENALTY_WEEKS)..end));
        let windows = ends.filter_map(|weeks| {
            let (first, last) = (weeks.first()?, weeks.last()?);
            let unauthorised = weeks.iter().map(|w| w.unauthorised).sum();
            let window =
                WorstWindow { from: monday_of_week(first.week), to: date_of(last.last_day), unauthorised };
            (last.ends_inside && unauthorised > 0).then_some(window)
        });
        // `max_by_key` gives the last of equals.
        Enforcement {
            worst_window: windows.max_by_key(|w| w.unauthorised),
            ten_day_absence: self.ten_day_absence,
        }
    }
}
