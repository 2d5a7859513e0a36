//! The figures of a summary, section by section, in one pass over an enrolment's packed years.
//!
//! Every section is computed from the same walk over the sessions that count, so that their sums agree. Which of them an
//! answer may carry is not decided here.

mod counts;
mod enforcement;
mod last_seen;
mod sessions;
mod spells;
mod weeks;

#[cfg(test)]
mod tests;

pub use counts::Counts;
pub use enforcement::{Enforcement, PENALTY_SESSIONS, PENALTY_WEEKS, WorstWindow};
pub use last_seen::{Elsewhere, LastSeen, MarkedPresent};
pub use sessions::{Completeness, Enrolment, NO_REASON_SCHOOL_DAYS, Register, Window, YearOfMarks};
pub use spells::{Health, SICKNESS_HALF_DAYS, Spell, TEN_DAY_HALF_DAYS};
pub use weeks::{Absences, Late, Punctuality, Week, Weekdays};

use super::{Class, Code};
use chrono::NaiveDate;
use enforcement::EnforcementSums;
use last_seen::Sightings;
use sessions::{Counted, Place, date_of};
use spells::{Sickness, Spells, session_of};
use weeks::WeekSums;

/// A session by class of our own, so that no code shows: E, R and T look like any authorised absence, Y5 like any session
/// that was not required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// `P`: present, on time, at school or in an approved activity.
    Present,
    /// `L`: present, late before the register closed.
    Late,
    /// `A`: authorised absence.
    Authorised,
    /// `U`: unauthorised absence.
    Unauthorised,
    /// `·`: nobody was required, or the school did not meet.
    NotRequired,
    /// `?`: no mark.
    NoMark,
}

impl Shown {
    /// The one character that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "P",
            Self::Late => "L",
            Self::Authorised => "A",
            Self::Unauthorised => "U",
            Self::NotRequired => "·",
            Self::NoMark => "?",
        }
    }

    const fn of(code: Option<Code>) -> Self {
        let Some(code) = code else { return Self::NoMark };
        match code.class() {
            Class::Present | Class::ApprovedActivity => Self::Present,
            Class::Late => Self::Late,
            Class::Authorised => Self::Authorised,
            Class::Unauthorised => Self::Unauthorised,
            Class::NotPossible | Class::NotCollected => Self::NotRequired,
        }
    }
}

/// A school day of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// The date.
    pub date: NaiveDate,
    /// Morning and afternoon; `None` for a session that is not over yet.
    pub shown: [Option<Shown>; 2],
}

/// Absences by weekday and half, and the spells of absence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Missed and possible by weekday (Monday first) and half.
    pub weekdays: Weekdays,
    /// Unbroken runs of missed sessions, cut at the window's first day.
    pub spells: Vec<Spell>,
}

/// Where else the pupil is taught.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// On another school's roll (status main or subsidiary), or D was used.
    pub dual_registration: bool,
    /// Part-time by the admission register, or C2 was used.
    pub part_time: bool,
    /// Sessions coded D.
    pub dual_sessions: u32,
    /// Sessions coded C2.
    pub part_time_sessions: u32,
    /// Sessions coded B, K, P, V and W, those used only, by code.
    pub elsewhere: Vec<(Code, u32)>,
}

/// How often each code stands in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeCounts([u32; Code::ALL.len()]);

impl CodeCounts {
    fn add(&mut self, code: Code) {
        // Bytes run from 1 without a gap.
        if let Some(count) = self.0.get_mut(usize::from(code.byte()) - 1) {
            *count += 1;
        }
    }

    /// Sessions with that code.
    pub fn get(&self, code: Code) -> u32 {
        self.0.get(usize::from(code.byte()) - 1).copied().unwrap_or(0)
    }

    /// The codes that occur, by stored byte.
    pub fn iter(&self) -> impl Iterator<Item = (Code, u32)> + '_ {
        Code::ALL.iter().copied().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

impl Default for CodeCounts {
    fn default() -> Self {
        Self([0; Code::ALL.len()])
    }
}

/// All figures of one enrolment in one window. Counts are sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Whether there is an attendance register at all: not for boarders, whose figures are empty and mean nothing.
    pub recorded: bool,
    /// Headline and split.
    pub counts: Counts,
    /// The same for each school week on roll.
    pub trend: Vec<Week>,
    /// Late arrivals.
    pub punctuality: Punctuality,
    /// Absences by weekday, and spells.
    pub pattern: Pattern,
    /// Sickness and appointments.
    pub health: Health,
    /// Sessions coded E.
    pub suspension: u32,
    /// The thresholds of enforcement.
    pub enforcement: Enforcement,
    /// The last sightings.
    pub last_seen: LastSeen,
    /// Where else the pupil is taught.
    pub placement: Placement,
    /// Every school day by class.
    pub sessions: Vec<Day>,
    /// Exact counts of codes.
    pub codes: CodeCounts,
    /// What is missing.
    pub completeness: Completeness,
}

impl Register<'_> {
    /// Every section. For the headline alone, [`Register::counts`] is faster and allocates nothing.
    pub fn figures(&self) -> Figures {
        let mut sums = Sums::new(self.stale_before());
        self.walk(|year, session| sums.add(year, &session));
        sums.finish(self)
    }
}

/// The figures of several enrolments of one child, or of several children, as one: sums of sessions, never means of
/// rates. Weeks, weekdays and codes add up; runs, windows and last sightings belong to one enrolment and are left empty.
pub fn combine(figures: &[Figures]) -> Figures {
    let mut total = Figures::default();
    for one in figures {
        total.recorded |= one.recorded;
        total.counts += one.counts;
        total.suspension += one.suspension;
        total.health.illness += one.health.illness;
        total.health.medical += one.health.medical;
        total.completeness.sessions_without_mark += one.completeness.sessions_without_mark;
        total.completeness.no_reason_yet_over_five_days += one.completeness.no_reason_yet_over_five_days;
        total.punctuality += one.punctuality;
        for week in &one.trend {
            match total.trend.binary_search_by_key(&week.monday, |w| w.monday) {
                Ok(at) => total.trend.iter_mut().skip(at).take(1).for_each(|w| w.counts += week.counts),
                Err(at) => total.trend.insert(at, *week),
            }
        }
        let slots = total.pattern.weekdays.as_flattened_mut();
        for (sum, slot) in slots.iter_mut().zip(one.pattern.weekdays.as_flattened()) {
            sum.missed += slot.missed;
            sum.possible += slot.possible;
        }
        total.codes.0.iter_mut().zip(one.codes.0).for_each(|(sum, count)| *sum += count);
    }
    total
}

struct Sums {
    figures: Figures,
    stale_before: Option<i32>,
    weeks: WeekSums,
    enforcement: EnforcementSums,
    absence: Spells,
    illness: Spells,
    sickness: Sickness,
    sightings: Sightings,
    last_day: Option<i32>,
    last_marked: Option<Counted>,
}

impl Sums {
    fn new(stale_before: Option<i32>) -> Self {
        Self {
            figures: Figures::default(),
            stale_before,
            weeks: WeekSums::default(),
            enforcement: EnforcementSums::new(),
            absence: Spells::of(|code| code.class().missed()),
            illness: Spells::of(Code::illness),
            sickness: Sickness::new(),
            sightings: Sightings::default(),
            last_day: None,
            last_marked: None,
        }
    }

    fn add(&mut self, year: &YearOfMarks<'_>, session: &Counted) {
        self.sightings.add(session);
        if session.place == Place::After {
            return;
        }
        self.enforcement.add(session);
        self.sickness.add(year.calendar.year().0, session);
        if session.place == Place::Inside {
            self.add_inside(year, session);
        }
    }

    fn add_inside(&mut self, year: &YearOfMarks<'_>, session: &Counted) {
        let minutes = year.minutes_late.and_then(|m| m.get(usize::from(session.index)));
        self.weeks.add(session, minutes);
        self.absence.add(session);
        self.illness.add(session);
        let figures = &mut self.figures;
        figures.counts.add(session.code);
        if self.last_day.replace(session.day) != Some(session.day) {
            let date = date_of(session.day);
            let other = session.alone.then_some(Shown::NotRequired);
            figures.sessions.push(Day { date, shown: [other; 2] });
        }
        if let Some(shown) = figures.sessions.last_mut().and_then(|day| day.shown.get_mut(session.half)) {
            *shown = Some(Shown::of(session.code));
        }
        let Some(code) = session.code else { return };
        figures.codes.add(code);
        self.last_marked = Some(*session);
        let stale = code == Code::N && self.stale_before.is_some_and(|before| session.day < before);
        figures.completeness.no_reason_yet_over_five_days += u32::from(stale);
    }

    fn finish(self, register: &Register<'_>) -> Figures {
        let enrolment = register.enrolment;
        let mut figures = self.figures;
        let codes = figures.codes;
        let dual_sessions = codes.get(Code::D);
        let part_time_sessions = codes.get(Code::C2);
        figures.recorded = !enrolment.boarder;
        figures.last_seen = self.sightings.finish(register.years);
        figures.trend = self.weeks.trend;
        figures.punctuality = self.weeks.punctuality;
        figures.pattern = Pattern { weekdays: self.weeks.weekdays, spells: self.absence.found };
        figures.health = Health {
            illness: codes.iter().filter(|(code, _)| code.illness()).map(|(_, count)| count).sum(),
            medical: codes.get(Code::M),
            spells: self.illness.found,
            sickness_flag: self.sickness.flag,
        };
        figures.suspension = codes.get(Code::E);
        figures.enforcement = self.enforcement.finish();
        figures.placement = Placement {
            dual_registration: enrolment.dual_registered || dual_sessions > 0,
            part_time: enrolment.part_time || part_time_sessions > 0,
            dual_sessions,
            part_time_sessions,
            elsewhere: codes.iter().filter(|(code, _)| code.reported_elsewhere()).collect(),
        };
        figures.completeness.last_complete_session = self.last_marked.as_ref().map(session_of);
        figures.completeness.sessions_without_mark = figures.counts.without_mark;
        figures
    }
}
