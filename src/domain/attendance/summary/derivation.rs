//! Which sessions make each count: the figures taken apart again, for whoever may see sessions.
//!
//! Most counts are made of classes, which show no code. A count that is made of one code (sickness, suspension) would
//! tell which session had it: it is for those only who may see codes.

use super::super::Code;
use super::super::sets::Sets;
use super::rules::Reading;
use super::runs::{WorstWindow, session_of};
use super::sessions::{Counted, Place, Register, Walker, YearOfMarks};
use super::{Figures, Shown};
use crate::domain::calendar::Session;
use crate::domain::purpose::Section;

/// The sessions behind the figures of one enrolment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derivation {
    /// Every session of the window that is over, on roll and open, with its mark, in order.
    pub sessions: Vec<(Session, Option<Code>)>,
    /// The N of the window that are over five school days old.
    pub stale: Vec<Session>,
    /// The unauthorised sessions of the worst ten school weeks, which may begin before the window.
    pub worst_window: Vec<Session>,
    /// The current run of unexplained absence, live.
    pub unexplained: Vec<Session>,
}

/// What makes a count.
#[derive(Clone, Copy, Debug)]
pub enum Made {
    /// All sessions of these classes.
    Of(&'static [Shown]),
    /// All sessions with one of these codes.
    Coded(&'static [Code]),
    /// A list of its own, made of codes.
    Listed(fn(&Derivation) -> &[Session]),
}

/// One count of a summary.
#[derive(Clone, Copy, Debug)]
pub struct CountMade {
    /// The section that it stands in; `None`: completeness, which stands beside every section.
    pub section: Option<Section>,
    /// Its path in the answer, such as `headline.possible`.
    pub name: &'static str,
    /// What makes it.
    pub made: Made,
    /// The figure that the sessions must come to.
    pub figure: fn(&Figures) -> u32,
}

const fn count(section: Section, name: &'static str, made: Made, figure: fn(&Figures) -> u32) -> CountMade {
    CountMade { section: Some(section), name, made, figure }
}

/// Every count that is a number of sessions.
pub static COUNTS: &[CountMade] = &[
    CountMade {
        section: None,
        name: "completeness.sessions_without_mark",
        made: Made::Of(&[Shown::NoMark]),
        figure: |f| f.completeness.sessions_without_mark,
    },
    CountMade {
        section: None,
        name: "completeness.no_reason_yet_over_five_days",
        made: Made::Listed(|d| &d.stale),
        figure: |f| f.completeness.no_reason_yet_over_five_days,
    },
    count(
        Section::Headline,
        "headline.possible",
        Made::Of(&[Shown::Present, Shown::Late, Shown::Authorised, Shown::Unauthorised]),
        |f| f.counts.possible(),
    ),
    count(Section::Headline, "headline.attended", Made::Of(&[Shown::Present, Shown::Late]), |f| {
        f.counts.attended
    }),
    count(Section::Headline, "headline.missed", Made::Of(&[Shown::Authorised, Shown::Unauthorised]), |f| {
        f.counts.missed()
    }),
    count(Section::Split, "split.authorised", Made::Of(&[Shown::Authorised]), |f| f.counts.authorised),
    count(Section::Split, "split.unauthorised", Made::Of(&[Shown::Unauthorised]), |f| f.counts.unauthorised),
    count(Section::Punctuality, "punctuality.late_before_close", Made::Of(&[Shown::Late]), |f| {
        f.punctuality.late.before_close
    }),
    count(Section::Punctuality, "punctuality.late_after_close", Made::Coded(&[Code::U]), |f| {
        f.punctuality.late.after_close
    }),
    count(Section::Health, "health.illness", Made::Coded(&[Code::I, Code::I01, Code::I02]), |f| {
        f.health.illness
    }),
    count(Section::Health, "health.medical", Made::Coded(&[Code::M]), |f| f.health.medical),
    count(Section::Suspension, "suspension.sessions", Made::Coded(&[Code::E]), |f| f.suspension),
    count(
        Section::Enforcement,
        "enforcement.worst_window.unauthorised",
        Made::Listed(|d| &d.worst_window),
        |f| f.enforcement.worst_window.map_or(0, |window| window.unauthorised),
    ),
    count(Section::LastSeen, "last_seen.unexplained_run", Made::Listed(|d| &d.unexplained), |f| {
        f.last_seen.unexplained_run
    }),
    count(Section::Placement, "placement.elsewhere.arranged_by_authority", Made::Coded(&[Code::K]), |f| {
        f.codes.get(Code::K)
    }),
];

impl Made {
    /// Whether it tells which code a session has.
    pub const fn tells_codes(self) -> bool {
        !matches!(self, Self::Of(_))
    }
}

impl Derivation {
    /// The sessions of the window that are of a class.
    pub fn of_class(&self, class: Shown) -> impl Iterator<Item = Session> + '_ {
        self.sessions.iter().filter(move |(_, code)| Shown::of(*code) == class).map(|(at, _)| *at)
    }

    /// The sessions of the window that have a code.
    pub fn of_code(&self, code: Code) -> impl Iterator<Item = Session> + '_ {
        self.sessions.iter().filter(move |(_, marked)| *marked == Some(code)).map(|(at, _)| *at)
    }

    /// How many sessions make a count.
    pub fn count(&self, made: Made) -> usize {
        match made {
            Made::Of(classes) => classes.iter().map(|class| self.of_class(*class).count()).sum(),
            Made::Coded(codes) => codes.iter().map(|code| self.of_code(*code).count()).sum(),
            Made::Listed(list) => list(self).len(),
        }
    }
}

impl Register<'_> {
    /// Which sessions make the figures, which are those of this register by the same reading.
    pub fn derivation(&self, reading: Reading, figures: &Figures) -> Derivation {
        let stale_before = self.stale_before();
        let worst = figures.enforcement.worst_window;
        let mut walker = Deriving { derived: Derivation::default(), stale_before, worst };
        self.walk(reading, &mut walker);
        walker.derived
    }

    /// The unauthorised sessions of this register in a window of school weeks, which may be one over several registers.
    pub fn unauthorised_in(&self, reading: Reading, window: WorstWindow) -> Vec<Session> {
        let mut walker = Unauthorised { window, found: Vec::new() };
        self.walk(reading, &mut walker);
        walker.found
    }
}

struct Unauthorised {
    window: WorstWindow,
    found: Vec<Session>,
}

impl Walker for Unauthorised {
    fn session(&mut self, _year: &YearOfMarks<'_>, counted: &Counted) {
        if self.window.counts(counted) {
            self.found.push(session_of(counted));
        }
    }
}

struct Deriving {
    derived: Derivation,
    stale_before: Option<i32>,
    worst: Option<WorstWindow>,
}

impl Walker for Deriving {
    fn session(&mut self, _year: &YearOfMarks<'_>, counted: &Counted) {
        let (at, sets, derived) = (session_of(counted), counted.sets, &mut self.derived);
        if sets.any(Sets::UNEXPLAINED) {
            derived.unexplained.push(at);
        } else if counted.code.is_some() && !sets.any(Sets::NOT_TO_COME) {
            derived.unexplained.clear();
        }
        if counted.place == Place::After {
            return;
        }
        if self.worst.is_some_and(|window| window.counts(counted)) {
            derived.worst_window.push(at);
        }
        if counted.place == Place::Inside {
            derived.sessions.push((at, counted.code));
            if counted.code == Some(Code::N) && self.stale_before.is_some_and(|day| counted.day < day) {
                derived.stale.push(at);
            }
        }
    }
}
