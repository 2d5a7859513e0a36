//! Thresholds of enforcement: the worst ten school weeks, and ten school days without a break.
//!
//! SI 2007/1867 reg 9A: ten sessions of G, N, O or U in any ten consecutive school weeks, at whatever schools; holidays
//! drop out, and absence before 19 August 2024 is ignored. An N may yet be explained, so that a threshold can clear
//! again. Both look back before the window's first day: a run that began in July counts whole in September.

use super::super::super::NEW_CODES_FROM;
use super::super::super::sets::Sets;
use super::super::rules::Flag;
use super::super::sessions::{Counted, Place, monday_of_week};
use super::{Run, TEN_DAY_HALF_DAYS, half_days_asked};
use chrono::{Datelike, NaiveDate};
use std::cmp::Ordering;
use std::ops::Range;

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
    /// Whether a session of a register that it is made of is one of those counted.
    pub(in super::super) fn counts(&self, session: &Counted) -> bool {
        session.place != Place::After
            && session.sets.any(Sets::PENALTY)
            && (self.from..=self.to).contains(&session.date)
    }

    /// Whether a penalty notice must be considered.
    pub const fn threshold_met(&self) -> bool {
        self.unauthorised >= PENALTY_SESSIONS
    }
}

/// Unauthorised absence against the two thresholds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enforcement {
    /// The window with most unauthorised sessions among those that end in the asked-for days, the latest of equals; `None`
    /// where there was none.
    pub worst_window: Option<WorstWindow>,
    /// Ten school days or more, without a break, of nothing but G, N, O and U, reached in the asked-for days.
    pub ten_day_absence: bool,
    /// Every school week of the pupil since 19 August 2024, in order: what windows over several schools are made of.
    pub weeks: Vec<SchoolWeek>,
}

impl Enforcement {
    /// Several registers of one child as one: a school week of any is a school week of the child, and sessions add up.
    /// What one register reaches in its own school weeks is reached, though another met in its holidays. The ten days are
    /// each register's own.
    pub fn over<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::over_which(all).0
    }

    /// The same, with the registers whose sessions make the worst window, by their places in `all`: one that reached it
    /// alone, or the first few together.
    pub fn over_which<'a>(all: impl IntoIterator<Item = &'a Self>) -> (Self, Range<usize>) {
        let (mut sum, mut made_by) = (Self::default(), 0..0);
        for (place, one) in all.into_iter().enumerate() {
            let (joined, whose) = joined(&sum, one);
            made_by = match whose {
                Whose::First => made_by,
                Whose::Other => place..place + 1,
                Whose::Both => 0..place + 1,
            };
            sum = joined;
        }
        (sum, made_by)
    }
}

/// A week, Monday to Sunday, in which the pupil's school met for at least one session (SI 2007/1867 reg 9A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchoolWeek {
    /// The number of the week, from day 1 of the common era, which was a Monday.
    week: i32,
    last_day: NaiveDate,
    unauthorised: u32,
    ends_inside: bool,
}

pub(in super::super) struct EnforcementSums {
    weeks: Vec<SchoolWeek>,
    run: Run,
    ten_day_absence: bool,
    ten_days: (u32, i32),
    new_codes: i32,
}

impl EnforcementSums {
    /// By the rules of the day `on`.
    pub(in super::super) fn new(on: NaiveDate) -> Self {
        Self {
            weeks: Vec::new(),
            run: Run::of(Sets::TEN_DAY, Sets::NOBODY),
            ten_day_absence: false,
            ten_days: half_days_asked(Flag::TenDayAbsence, on, TEN_DAY_HALF_DAYS),
            new_codes: NEW_CODES_FROM.num_days_from_ce(),
        }
    }

    pub(in super::super) fn add(&mut self, session: &Counted) {
        self.run.add(session.sets, session.half_days);
        let (asked, holds_from) = self.ten_days;
        // Reached in the asked-for days, or gone on with in them: a session that neither lengthens nor breaks it is no part.
        let part = session.place == Place::Inside && session.sets.any(Sets::TEN_DAY);
        self.ten_day_absence |= part && self.run.half_days >= asked && session.day >= holds_from;
        self.add_week(session);
    }

    /// Two sessions of a day, both present.
    pub(in super::super) fn add_present_day(&mut self, session: &Counted) {
        self.run.half_days = 0;
        self.add_week(session);
    }

    fn add_week(&mut self, session: &Counted) {
        // A week in which every session was cancelled is not one in which the school met.
        if session.day < self.new_codes || session.sets.any(Sets::NOBODY) {
            return;
        }
        let (week, last_day) = (session.week, session.date);
        if self.weeks.last().is_none_or(|w| w.week != week) {
            self.weeks.push(SchoolWeek { week, last_day, unauthorised: 0, ends_inside: false });
        }
        if let Some(week) = self.weeks.last_mut() {
            week.last_day = last_day;
            week.ends_inside = session.place == Place::Inside;
            week.unauthorised += u32::from(session.sets.any(Sets::PENALTY));
        }
    }

    pub(in super::super) fn finish(self) -> Enforcement {
        Enforcement {
            worst_window: worst(&self.weeks),
            ten_day_absence: self.ten_day_absence,
            weeks: self.weeks,
        }
    }
}

/// The worst ten school weeks that end in the asked-for days.
fn worst(weeks: &[SchoolWeek]) -> Option<WorstWindow> {
    let ends = (1..=weeks.len()).filter_map(|end| weeks.get(end.saturating_sub(PENALTY_WEEKS)..end));
    let windows = ends.filter_map(|weeks| {
        let (first, last) = (weeks.first()?, weeks.last()?);
        let unauthorised = weeks.iter().map(|w| w.unauthorised).sum();
        let window = WorstWindow { from: monday_of_week(first.week), to: last.last_day, unauthorised };
        (last.ends_inside && unauthorised > 0).then_some(window)
    });
    // `max_by_key` gives the last of equals.
    windows.max_by_key(|w| w.unauthorised)
}

/// Whose school weeks a window of two registers is made of.
#[derive(Clone, Copy)]
enum Whose {
    First,
    Other,
    Both,
}

fn joined(one: &Enforcement, other: &Enforcement) -> (Enforcement, Whose) {
    let (mut left, mut right) = (one.weeks.iter().peekable(), other.weeks.iter().peekable());
    let mut weeks = Vec::with_capacity(one.weeks.len() + other.weeks.len());
    while let (Some(a), Some(b)) = (left.peek().copied(), right.peek().copied()) {
        let order = a.week.cmp(&b.week);
        weeks.push(match order {
            Ordering::Less => *a,
            Ordering::Greater => *b,
            Ordering::Equal => SchoolWeek {
                week: a.week,
                last_day: a.last_day.max(b.last_day),
                unauthorised: a.unauthorised + b.unauthorised,
                ends_inside: a.ends_inside | b.ends_inside,
            },
        });
        if order.is_le() {
            left.next();
        }
        if order.is_ge() {
            right.next();
        }
    }
    weeks.extend(left.chain(right));
    // The last of equals: the one over both.
    let windows =
        [(one.worst_window, Whose::First), (other.worst_window, Whose::Other), (worst(&weeks), Whose::Both)];
    let known = windows.into_iter().filter_map(|(window, whose)| Some((window?, whose)));
    let worst = known.max_by_key(|(window, _)| window.unauthorised);
    let ten_day_absence = one.ten_day_absence | other.ten_day_absence;
    let worst_window = worst.map(|(window, _)| window);
    (Enforcement { worst_window, ten_day_absence, weeks }, worst.map_or(Whose::First, |(_, whose)| whose))
}
