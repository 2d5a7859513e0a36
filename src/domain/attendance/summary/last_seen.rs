//! When the school last marked the child present, and what has been unexplained since.
//!
//! Said as "marked present by the school", never "seen safe". Live: it reaches to the last session that is over, whatever
//! the window's last day.

use super::super::{Code, merge::entered_at};
use super::sessions::{Counted, Place, YearOfMarks};
use super::spells::session_of;
use crate::domain::calendar::{SchoolYear, Session};
use chrono::{DateTime, Utc};

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
    /// Every session marked D since the window's first day: the child was expected at the other school.
    pub dual: Vec<Session>,
}

/// What the walk keeps; dates and times of entry are looked up once, at its end.
#[derive(Default)]
pub(super) struct Sightings {
    present: Option<Counted>,
    elsewhere: Option<(Counted, Code)>,
    unexplained_run: u32,
    dual: Vec<Session>,
}

impl Sightings {
    pub(super) fn add(&mut self, counted: &Counted) {
        let Some(code) = counted.code else { return };
        if code.seen_at_school() {
            self.present = Some(*counted);
        }
        if code.reported_elsewhere() {
            self.elsewhere = Some((*counted, code));
        }
        if code == Code::D && counted.place != Place::Before {
            self.dual.push(session_of(counted));
        }
        if code.ground_i() && code != Code::G {
            self.unexplained_run += 1;
        } else if !code.nobody_was_to_come() && code != Code::X {
            self.unexplained_run = 0;
        }
    }

    pub(super) fn finish(self, years: &[YearOfMarks<'_>]) -> LastSeen {
        let entered = |counted: &Counted| {
            let year = SchoolYear::of(session_of(counted).date);
            let marks = years.iter().find(|y| y.calendar.year() == year)?;
            let seconds = marks.entered?.get(usize::from(counted.index))?;
            Some(entered_at(year, seconds))
        };
        let present = |c: Counted| MarkedPresent { session: session_of(&c), entered_at: entered(&c) };
        LastSeen {
            last_marked_present: self.present.map(present),
            last_reported_elsewhere: self
                .elsewhere
                .map(|(c, code)| Elsewhere { session: session_of(&c), code }),
            unexplained_run: self.unexplained_run,
            dual: self.dual,
        }
    }
}
