//! The figures of a summary, section by section, in one pass over an enrolment's packed years.
//!
//! Every section is computed from the same walk over the sessions that count, so that their sums agree. Which of them an
//! answer may carry is not decided here.

mod combine;
mod counts;
mod derivation;
mod rules;
mod runs;
mod sessions;
mod shown;
mod weeks;

#[cfg(test)]
mod tests;

pub use combine::combine;
pub use counts::Counts;
pub use derivation::{COUNTS, CountMade, Derivation, Made};
pub use rules::{Flag, PartCancelledDay, RULES, Reading, Rule, SicknessTotal};
pub use runs::{
    DualMet, Elsewhere, Enforcement, Health, LastSeen, MarkedPresent, PENALTY_SESSIONS, PENALTY_WEEKS,
    SICKNESS_HALF_DAYS, SchoolWeek, Spell, TEN_DAY_HALF_DAYS, WorstWindow,
};
pub use sessions::{Completeness, Enrolment, NO_REASON_SCHOOL_DAYS, Register, Window, YearOfMarks};
pub use shown::{CodeCounts, Day, Placement, Shown};
pub use weeks::{Absences, Late, Punctuality, Week, Weekdays};

use super::Code;
use super::sets::Sets;
use runs::{EnforcementSums, Sickness, Sightings, Spells, session_of};
use sessions::{Counted, Place, Walker};
use weeks::WeekSums;

/// Absences by weekday and half, and the spells of absence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Missed and possible by weekday (Monday first) and half.
    pub weekdays: Weekdays,
    /// Unbroken runs of missed sessions, cut at the window's first day.
    pub spells: Vec<Spell>,
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
    /// Every section, by the default reading of half days. For the headline alone, [`Register::counts`] is faster and
    /// allocates nothing.
    pub fn figures(&self) -> Figures {
        self.figures_by(Reading::default())
    }

    /// Every section.
    pub fn figures_by(&self, reading: Reading) -> Figures {
        let mut sums = Sums::new(self, reading);
        self.walk(reading, &mut sums);
        sums.finish(self)
    }
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
    last_marked: Option<Counted>,
}

/// School days of a school year, for which room is made at once.
const SCHOOL_DAYS: usize = 200;

impl Sums {
    fn new(register: &Register<'_>, reading: Reading) -> Self {
        let on = register.as_of().date;
        Self {
            figures: Figures::default(),
            stale_before: register.stale_before(),
            weeks: WeekSums::default(),
            enforcement: EnforcementSums::new(on),
            absence: Spells::of(Sets::MISSED, Sets::NOBODY),
            illness: Spells::of(Sets::ILLNESS, Sets::NOT_EXPECTED),
            sickness: Sickness::new(reading, on),
            sightings: Sightings::default(),
            last_marked: None,
        }
    }
}

impl Walker for Sums {
    fn session(&mut self, year: &YearOfMarks<'_>, session: &Counted) {
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

    fn present_day(&mut self, _year: &YearOfMarks<'_>, [_, pm]: [&Counted; 2]) {
        self.sightings.add_present_day(pm);
        if pm.place == Place::After {
            return;
        }
        self.enforcement.add_present_day(pm);
        self.sickness.end();
        if pm.place == Place::Inside {
            self.weeks.add_present_day(pm);
            self.absence.end();
            self.illness.end();
            self.figures.counts.attended += 2;
            self.figures.codes.add_present_day();
            if let Some(day) = self.day_of(pm) {
                day.shown = [Some(Shown::Present); 2];
            }
            self.last_marked = Some(*pm);
        }
    }
}

impl Sums {
    fn add_inside(&mut self, year: &YearOfMarks<'_>, session: &Counted) {
        self.weeks.add(year, session);
        self.absence.add(session);
        self.illness.add(session);
        self.figures.counts.add(session.code);
        if let Some(shown) = self.day_of(session).and_then(|day| day.shown.get_mut(session.half)) {
            *shown = Some(Shown::of(session.code));
        }
        let Some(code) = session.code else { return };
        let figures = &mut self.figures;
        figures.codes.add(code);
        self.last_marked = Some(*session);
        let stale = code == Code::N && self.stale_before.is_some_and(|before| session.day < before);
        figures.completeness.no_reason_yet_over_five_days += u32::from(stale);
    }

    /// The place of the session's day in `sessions`, made when it is new.
    fn day_of(&mut self, session: &Counted) -> Option<&mut Day> {
        let days = &mut self.figures.sessions;
        if days.last().is_none_or(|day| day.date != session.date) {
            if days.is_empty() {
                days.reserve(SCHOOL_DAYS);
            }
            let other = session.alone.then_some(Shown::NotRequired);
            days.push(Day { date: session.date, shown: [other; 2] });
        }
        days.last_mut()
    }

    fn finish(self, register: &Register<'_>) -> Figures {
        let enrolment = register.enrolment;
        let mut figures = self.figures;
        let codes = figures.codes;
        let dual_sessions = codes.get(Code::D);
        let part_time_sessions = codes.get(Code::C2);
        figures.recorded = !enrolment.boarder;
        figures.last_seen = self.sightings.finish(register);
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
