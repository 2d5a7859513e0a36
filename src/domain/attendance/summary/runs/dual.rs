//! What the other registers of a child say of the sessions that one register marks D.
//!
//! D says that the child was expected at the other school; whether it came is that school's to record
//! (SI 2024/208 reg 10, Table 3). Where both registers are here, a D that nobody met is seen in the same session.

use super::super::super::Code;
use super::super::sessions::Register;
use crate::domain::calendar::{SchoolYear, Session};

/// What became of the sessions marked D.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DualMet {
    /// The last one for which another school marked the child present.
    pub last_met: Option<Session>,
    /// Those of the window and since that were met there by absence, by no mark, or by a D there too, in order.
    pub unmet: Vec<Session>,
}

impl Register<'_> {
    /// The mark of a session that counts here: `None` where the school did not meet, the session is neither over nor one of
    /// today's that is marked already, or the pupil was not on roll or has no attendance register; `Some(None)` where it is
    /// over and nothing is marked.
    pub fn mark(&self, at: Session) -> Option<Option<Code>> {
        let enrolment = self.enrolment;
        let on_roll =
            enrolment.starting_day <= at.date && enrolment.last_day.is_none_or(|last| at.date <= last);
        let year = self.years.iter().find(|y| y.calendar.year() == SchoolYear::of(at.date))?;
        let counts = on_roll && !enrolment.boarder && year.calendar.is_open(at);
        let mark = counts.then(|| year.marks.get(year.calendar.year().session_index(at)?))?;
        let (over, marked) = (at <= self.window.last_due, at <= self.window.live_to && mark.is_some());
        (over || marked).then_some(mark)
    }

    /// What `others`, the child's other registers, say of the sessions that this one marks D.
    pub fn dual_met(&self, dual: &[Session], others: &[Register<'_>]) -> DualMet {
        let mut met = DualMet::default();
        for at in dual.iter().copied().filter(|at| self.mark(*at).is_some()) {
            let marks: Vec<Option<Code>> = others.iter().filter_map(|other| other.mark(at)).collect();
            // U counts as absence, and yet the child came.
            let attended = |mark: &Option<Code>| {
                mark.is_some_and(|code| code.class().attended() || code.seen_at_school())
            };
            // A session that was not required there was not missed.
            let missed =
                |mark: &Option<Code>| mark.is_none_or(|code| code.class().missed() || code == Code::D);
            if marks.iter().any(attended) {
                met.last_met = met.last_met.max(Some(at));
            } else if at.date >= self.window.from && marks.iter().any(missed) {
                met.unmet.push(at);
            }
        }
        met
    }
}
