//! When the school last marked the child present, and what has been unexplained since.
//!
//! Said as "marked present by the school", never "seen safe". Live: it reaches to the last session that is over, whatever
//! the window's last day, and to marks of today's that are there already: a mark says that the register was taken.

use super::super::super::sets::Sets;
use super::super::super::{Code, merge::entered_at};
use super::super::sessions::{Counted, Register, YearOfMarks};
use super::session_of;
use crate::domain::calendar::{SchoolYear, Session};
use chrono::{DateTime, NaiveDate, Utc};

/// A session marked present by the school.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkedPresent {
    /// The session.
    pub session: Session,
    /// When the mark was recorded, where that has been read.
    pub entered_at: Option<DateTime<Utc>>,
}

/// A session for which another place reported the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The session.
    pub session: Session,
    /// B, K, P, V or W. K hints at health or special needs: show it only with `placement`.
    pub code: Code,
}

/// The last sightings, and what is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastSeen {
    /// The last session marked `/`, `\`, L or U.
    pub last_marked_present: Option<MarkedPresent>,
    /// The last session marked B, K, P, V or W. A D that the other register met is the caller's to add.
    pub last_reported_elsewhere: Option<Elsewhere>,
    /// Sessions of the current run of unexplained absence, which is of N and O: O is what an N must become when its
    /// circumstances stay unknown (reg 10(9)), and a run of N alone would shrink as the school did its duty. Sessions not
    /// required (X, Y4, `#`) and sessions without a mark yet neither count nor break it; any other code does, D included.
    pub unexplained_run: u32,
    /// Every session marked D, whatever the window's first day: the child was expected at the other school.
    pub dual: Vec<Session>,
    /// The last day on roll, where that is over: whoever has left has no current run.
    pub left: Option<NaiveDate>,
}

impl LastSeen {
    /// The last sightings of one child at several schools: the latest of each sort. The run is the longest of the
    /// schools where the child is on roll, or of the one that it left last.
    pub fn latest<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let left = all.clone().map(|one| one.left.unwrap_or(NaiveDate::MAX)).max();
        let still = all.clone().filter(|one| one.left.unwrap_or(NaiveDate::MAX) == left.unwrap_or_default());
        let mut dual: Vec<Session> = all.clone().flat_map(|one| one.dual.iter().copied()).collect();
        dual.sort_unstable();
        dual.dedup();
        Self {
            last_marked_present: all
                .clone()
                .filter_map(|one| one.last_marked_present)
                .max_by_key(|seen| seen.session),
            last_reported_elsewhere: all
                .filter_map(|one| one.last_reported_elsewhere)
                .max_by_key(|seen| seen.session),
            unexplained_run: still.map(|one| one.unexplained_run).max().unwrap_or(0),
            dual,
            left: left.filter(|day| *day != NaiveDate::MAX),
        }
    }
}

/// What the walk keeps; dates and times of entry are looked up once, at its end.
#[derive(Default)]
pub(in super::super) struct Sightings {
    present: Option<Counted>,
    elsewhere: Option<(Counted, Code)>,
    unexplained_run: u32,
    dual: Vec<Session>,
}

impl Sightings {
    pub(in super::super) fn add(&mut self, counted: &Counted) {
        let Some(code) = counted.code else { return };
        if counted.sets.any(Sets::SEEN) {
            self.present = Some(*counted);
        } else if counted.sets.any(Sets::ELSEWHERE) {
            self.elsewhere = Some((*counted, code));
        } else if code == Code::D {
            self.dual.push(session_of(counted));
        }
        if counted.sets.any(Sets::UNEXPLAINED) {
            self.unexplained_run += 1;
        } else if !counted.sets.any(Sets::NOT_TO_COME) {
            self.unexplained_run = 0;
        }
    }

    /// Two sessions of a day, both present.
    pub(in super::super) const fn add_present_day(&mut self, counted: &Counted) {
        self.present = Some(*counted);
        self.unexplained_run = 0;
    }

    pub(in super::super) fn finish(self, register: &Register<'_>) -> LastSeen {
        let present =
            |c: Counted| MarkedPresent { session: session_of(&c), entered_at: entered(register.years, &c) };
        let elsewhere = |(c, code): (Counted, Code)| Elsewhere { session: session_of(&c), code };
        LastSeen {
            last_marked_present: self.present.map(present),
            last_reported_elsewhere: self.elsewhere.map(elsewhere),
            unexplained_run: self.unexplained_run,
            dual: self.dual,
            left: register.enrolment.last_day.filter(|day| *day < register.window.last_due.date),
        }
    }
}

fn entered(years: &[YearOfMarks<'_>], counted: &Counted) -> Option<DateTime<Utc>> {
    let year = SchoolYear::of(session_of(counted).date);
    let marks = years.iter().find(|y| y.calendar.year() == year)?;
    let seconds = marks.entered?.get(usize::from(counted.index))?;
    Some(entered_at(year, seconds))
}
