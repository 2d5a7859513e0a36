//! What a school's own staff see of their school: every group as it is, to the last session that is over.

use super::super::answer::WindowBody;
use super::super::window::Span;
use super::answer::{FiguresBody, Groups};
use super::counted::{Cohort, Group, expected, possible, tallies};
use crate::domain::attendance::summary::Window;
use crate::domain::calendar::{SchoolCalendar, SchoolYear};
use crate::gate::{OfFigures, Permit};
use crate::registers;
use crate::store::{Db, StoreError};
use chrono::{DateTime, Utc};

/// The figures of the permit's school in the window, and which days that is; the cohort of children with a social worker
/// only where the permit shows it.
pub(super) async fn live(
    db: &Db,
    permit: &Permit<OfFigures>,
    span: Span,
    now: DateTime<Utc>,
) -> Result<(WindowBody, Groups), StoreError> {
    let calendars = registers::figures_calendars(db, permit, span.years(), now).await?;
    let window = window(&calendars, span);
    let years = (SchoolYear::of(window.from), SchoolYear::of(window.to));
    let register = registers::school_pupils(db, permit, years, now).await?;
    let (last_due, live_to) = (span.last_due, span.last_due);
    let due = Window { from: window.from, to: window.to, last_due, live_to };
    let mut groups = Groups::default();
    for (group, tally) in &tallies(&possible(expected(register.iter(), &calendars, due)), window.to) {
        if *group != Group::Cohort(Cohort::SocialWorker) || permit.sees_social_worker() {
            groups.add(*group, FiguresBody::from(tally));
        }
    }
    Ok((window, groups))
}

/// The days asked for; else the school year so far, to its last session that is over.
fn window(calendars: &[SchoolCalendar], span: Span) -> WindowBody {
    let due = |calendar: &SchoolCalendar| {
        calendar.sessions().rev().map(|session| session.date).find(|date| *date <= span.last_due.date)
    };
    let last = calendars.iter().filter_map(due).filter(|date| *date <= span.to).max().unwrap_or(span.to);
    let to = if span.to_given { span.to } else { last };
    let year = SchoolYear::of(last.min(to));
    let first =
        calendars.iter().find(|calendar| calendar.year() == year).and_then(SchoolCalendar::first_session);
    let from = span.from.or(first.map(|session| session.date)).unwrap_or(to);
    WindowBody { from: from.min(to), to }
}
