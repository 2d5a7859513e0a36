//! What is missing from an enrolment's figures. Where these end with published weeks, so does this: the last complete session
//! is told by its week, a missing reason counts once its whole week is old, and when marks came is told by the
//! publication that they were in.

use super::super::answer::CompletenessBody;
use super::super::sections::session;
use super::Asking;
use super::decode::Decoded;
use crate::domain::attendance::Code;
use crate::domain::attendance::summary::{Figures, NO_REASON_SCHOOL_DAYS, Window};
use crate::domain::calendar::{
    Calendars, SchoolCalendar, Session, london, monday_of, published_at, widen_to_weeks,
};
use chrono::{DateTime, Utc};

impl Asking<'_> {
    /// What is missing from the figures of one enrolment.
    pub(super) fn completeness(&self, one: &Decoded, figures: &Figures) -> CompletenessBody {
        let missing = figures.completeness;
        let (bound, last) = (self.span.bound, missing.last_complete_session);
        let received = |at: DateTime<Utc>| if bound { self.published(at) } else { at };
        CompletenessBody {
            recorded: figures.recorded,
            marks_received_at: one.received_at.map(received),
            last_complete_session: last.map(|at| session(if bound { last_of_week(one, at) } else { at })),
            sessions_without_mark: missing.sessions_without_mark,
            no_reason_yet_over_five_days: if bound && missing.no_reason_yet_over_five_days > 0 {
                self.stale_by_week(one)
            } else {
                missing.no_reason_yet_over_five_days
            },
        }
    }

    /// The publication that what came at a moment was in; a role that sees published weeks is not told of a later one.
    fn published(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        published_at(london(at).date()).min(self.span.moment.unwrap_or(at))
    }

    /// Sessions without a reason for longer than five school days, by whole weeks: those of the weeks before the one that
    /// holds the sixth school day back.
    fn stale_by_week(&self, one: &Decoded) -> u32 {
        let calendars: Vec<&SchoolCalendar> = one.years.iter().map(|y| &*y.calendar).collect();
        let after = self.window.to.succ_opt().unwrap_or(self.window.to);
        let sixth = Calendars(&calendars).school_days_before(after, NO_REASON_SCHOOL_DAYS + 1);
        let before = sixth.and_then(|day| monday_of(day).pred_opt()).filter(|last| self.window.from <= *last);
        before.map_or(0, |to| one.figures(Window { to, ..self.window }, self.span).codes.get(Code::N))
    }
}

/// The last session of a session's week that the enrolment was on roll for.
fn last_of_week(one: &Decoded, at: Session) -> Session {
    let (_, sunday) = widen_to_weeks(at.date, at.date);
    let last = one.enrolment.last_day.map_or(sunday, |last| last.min(sunday));
    let latest = one.years.iter().filter_map(|y| y.calendar.last_session_until(last)).max();
    latest.map_or(at, |latest| latest.max(at))
}
