//! When the school last marked the child present, and what has been unexplained since.
//!
//! Said as "marked present by the school", never "seen safe". Live: it reaches to the last session that is over, whatever
//! the window's last day.

use super::super::{Code, merge::entered_at};
use super::sessions::{Counted, YearOfMarks};
use super::spells::session_of;
use crate::domain::calendar::Session;
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

impl LastSeen {
    pub(super) fn add(&mut self, year: &YearOfMarks<'_>, counted: &Counted, in_window: bool) {
        let Some(code) = counted.code else { return };
        if code.seen_at_school() {
            let seconds = year.entered.and_then(|e| e.get(usize::from(counted.index)));
            let entered_at = seconds.map(|seconds| entered_at(year.calendar.year(), seconds));
            self.last_marked_present = Some(MarkedPresent { session: session_of(counted), entered_at });
        }
        if code.reported_elsewhere() {
            self.last_reported_elsewhere = Some(Elsewhere { session: session_of(counted), code });
        }
        if code == Code::D && in_window {
            self.dual.push(session_of(counted));
        }
        if code.ground_i() && code != Code::G {
            self.unexplained_run += 1;
        } else if !code.nobody_was_to_come() && code != Code::X {
            self.unexplained_run = 0;
        }
    }
}
