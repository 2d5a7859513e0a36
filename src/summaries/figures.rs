//! One child's figures: each enrolment from its packed rows, then the sums.

use super::answer::{Combined, CompletenessBody, EnrolmentBody, SchoolBody, SummaryAnswer, WindowBody};
use super::detail::{Detail, DualMet};
use super::sections::{Sections, session};
use super::window::Span;
use crate::directory::Directory;
use crate::domain::attendance::summary::{
    Enrolment as OnRoll, Figures, NO_REASON_SCHOOL_DAYS, Register, Window, YearOfMarks, combine,
};
use crate::domain::attendance::{Code, Entered, MinutesLate, PackedYear};
use crate::domain::calendar::{
    Calendars, SchoolCalendar, SchoolYear, Session, london, monday_of, published_at, widen_to_weeks,
};
use crate::domain::purpose::SectionSet;
use crate::domain::roll::EnrolmentStatus;
use crate::gate::{ChildRef, OfChild, Permit};
use crate::registers::{ChildRecord, Enrolment, EnrolmentRecord};
use crate::store::StoreError;
use chrono::{DateTime, NaiveDate, Utc};

/// One school year, decoded.
struct Year {
    calendar: SchoolCalendar,
    marks: PackedYear,
    entered: Entered,
    minutes: MinutesLate,
}

/// One enrolment, decoded as it counted at one moment.
struct Decoded {
    enrolment: Enrolment,
    years: Vec<Year>,
    received_at: Option<DateTime<Utc>>,
}

/// Works out the whole answer about a child.
pub(super) fn answer(
    permit: &Permit<OfChild>,
    record: &ChildRecord,
    span: Span,
    directory: &Directory,
    caution: String,
) -> Result<SummaryAnswer, StoreError> {
    let told = told(record, span, permit.sections(), directory)?;
    Ok(SummaryAnswer {
        pupil_id: ChildRef::of(permit.pupil()),
        role: permit.role().as_str().to_owned(),
        purpose: permit.purpose().as_str().to_owned(),
        as_of: span.as_of,
        window: told.window,
        enrolments: told.enrolments,
        combined: told.combined,
        not_given: Vec::new(),
        caution: permit.is_an_agency().then_some(caution),
    })
}

/// What is told of a child, whoever asks.
pub(super) struct Told {
    pub(super) window: WindowBody,
    pub(super) enrolments: Vec<EnrolmentBody>,
    pub(super) combined: Combined,
}

/// What is told of a child: for a span bound to published weeks a function of what counted at the publication, of the
/// window and of the sections, and of nothing else but for `last_seen`.
pub(super) fn told(
    record: &ChildRecord,
    span: Span,
    given: SectionSet,
    directory: &Directory,
) -> Result<Told, StoreError> {
    let then = decode_all(record, span.moment)?;
    let apart = span.moment != span.seen;
    let now = if apart { decode_all(record, span.seen)? } else { Vec::new() };
    let live = if apart { &now } else { &then };
    let (from, span) = resolve(&then, span);
    let counted = Span { last_due: span.counted_due(), ..span };
    let mut enrolments = Vec::with_capacity(then.len());
    let mut all = Vec::with_capacity(then.len());
    for one in &then {
        if !in_window(&one.enrolment, from, span) {
            continue;
        }
        let Some(school) = directory.school(one.enrolment.school()) else { continue };
        let figures = register(one, from, counted)?;
        let seen = live.iter().find(|l| l.enrolment.id == one.enrolment.id);
        // One walk gives every figure: last sightings are told as at now, so they need one more only where the rest is not.
        let last_seen = match seen.filter(|_| apart) {
            Some(seen) => register(seen, from, span)?.last_seen,
            None => figures.last_seen.clone(),
        };
        let dual = seen.map(|seen| dual_met(seen, live, &last_seen.dual)).unwrap_or_default();
        let detail = if span.bound { finished_half_terms(one, from, counted)? } else { Detail::of(&figures) };
        enrolments.push(EnrolmentBody {
            school: SchoolBody { urn: school.urn.clone().unwrap_or_default(), name: school.name.clone() },
            status: one.enrolment.status.clone(),
            completeness: completeness(one, &figures, (from, counted))?,
            sections: Sections::of(&figures, &last_seen, &dual, school, (given, &detail)),
        });
        all.push(figures);
    }
    let combined = Combined { sections: Sections::combined(&combine(&all), given) };
    Ok(Told { window: WindowBody { from, to: span.to }, enrolments, combined })
}

/// What is missing. Where figures end with published weeks, so does this: the last complete session is told by its week,
/// a missing reason counts once its whole week is old, and when marks came is told by the publication that they were in.
fn completeness(
    one: &Decoded,
    figures: &Figures,
    (from, span): (NaiveDate, Span),
) -> Result<CompletenessBody, StoreError> {
    let missing = figures.completeness;
    let body = CompletenessBody {
        recorded: figures.recorded,
        marks_received_at: one.received_at,
        last_complete_session: missing.last_complete_session.map(session),
        sessions_without_mark: missing.sessions_without_mark,
        no_reason_yet_over_five_days: missing.no_reason_yet_over_five_days,
    };
    if !span.bound {
        return Ok(body);
    }
    let published = |at: DateTime<Utc>| published_at(london(at).date()).min(span.moment.unwrap_or(at));
    Ok(CompletenessBody {
        marks_received_at: one.received_at.map(published),
        last_complete_session: missing.last_complete_session.map(|s| session(last_of_week(one, s))),
        no_reason_yet_over_five_days: stale_by_week(one, figures, (from, span))?,
        ..body
    })
}

/// The last session of the week that the enrolment was on roll for.
fn last_of_week(one: &Decoded, at: Session) -> Session {
    let (_, sunday) = widen_to_weeks(at.date, at.date);
    let sessions = one.years.iter().flat_map(|y| y.calendar.sessions());
    let of_week = sessions.filter(|s| at <= *s && s.date <= sunday && on_roll(&one.enrolment, s.date));
    of_week.max().unwrap_or(at)
}

/// Sessions without a reason for longer than five school days, by whole weeks: those of the weeks before the one that
/// holds the sixth school day back.
fn stale_by_week(
    one: &Decoded,
    figures: &Figures,
    (from, span): (NaiveDate, Span),
) -> Result<u32, StoreError> {
    let calendars: Vec<&SchoolCalendar> = one.years.iter().map(|y| &y.calendar).collect();
    let after = span.to.succ_opt().unwrap_or(span.to);
    let sixth = Calendars(&calendars).school_days_before(after, NO_REASON_SCHOOL_DAYS + 1);
    let before = sixth.and_then(|day| monday_of(day).pred_opt()).filter(|last| from <= *last);
    match before {
        Some(to) if figures.codes.get(Code::N) > 0 => {
            Ok(register(one, from, Span { to, ..span })?.codes.get(Code::N))
        }
        Some(_) | None => Ok(0),
    }
}

fn decode_all(record: &ChildRecord, moment: Option<DateTime<Utc>>) -> Result<Vec<Decoded>, StoreError> {
    record.0.iter().filter_map(|one| decode(one, moment).transpose()).collect()
}

fn decode(record: &EnrolmentRecord, moment: Option<DateTime<Utc>>) -> Result<Option<Decoded>, StoreError> {
    let Some(enrolment) = record.at(moment).cloned() else { return Ok(None) };
    let marks = record.marks_at(moment);
    let mut years = Vec::new();
    for row in record.calendars_at(moment) {
        let year = row.year()?;
        let mut decoded = Year {
            calendar: row.calendar()?,
            marks: PackedYear::EMPTY,
            entered: Entered::default(),
            minutes: MinutesLate::default(),
        };
        for packed in &marks {
            if packed.year()? == year {
                decoded.marks = packed.marks()?;
                decoded.entered = packed.entered()?;
                decoded.minutes = packed.minutes()?;
            }
        }
        years.push(decoded);
    }
    years.sort_by_key(|y| y.calendar.year());
    let received_at = marks.iter().map(|m| m.received_at).max();
    Ok(Some(Decoded { enrolment, years, received_at }))
}

/// The default window: from the first session of the school's year to its last complete one. In August that is still the
/// year that has ended; where schools differ, the earliest first session and the latest last one.
fn resolve(all: &[Decoded], span: Span) -> (NaiveDate, Span) {
    if let Some(from) = span.from {
        return (from, span);
    }
    let years = || all.iter().flat_map(|one| &one.years);
    let held = |date: NaiveDate| date <= span.to && date <= span.last_due.date;
    let last =
        years().filter_map(|y| y.calendar.sessions().rev().find(|s| held(s.date))).map(|s| s.date).max();
    let Some(last) = last else { return (span.to, span) };
    let year = SchoolYear::of(last);
    let firsts = years().filter(|y| y.calendar.year() == year).filter_map(|y| y.calendar.first_session());
    let from = firsts.map(|s| s.date).min().unwrap_or(last);
    // Whoever sees whole weeks is told the end of the week; whoever sees sessions the day of the last one.
    (from, if !span.bound && !span.to_given { Span { to: last, ..span } } else { span })
}

/// Whether an enrolment was live on any day of the window, or is since.
fn in_window(enrolment: &Enrolment, from: NaiveDate, span: Span) -> bool {
    enrolment.starting_day <= span.last_start() && enrolment.last_day.is_none_or(|last| last >= from)
}

fn register(one: &Decoded, from: NaiveDate, span: Span) -> Result<Figures, StoreError> {
    let years: Vec<YearOfMarks<'_>> = one
        .years
        .iter()
        .map(|y| YearOfMarks {
            calendar: &y.calendar,
            marks: &y.marks,
            entered: Some(&y.entered),
            minutes_late: Some(&y.minutes),
        })
        .collect();
    let status =
        EnrolmentStatus::parse(&one.enrolment.status).ok_or(StoreError::Corrupt("enrolments.status"))?;
    let register = Register {
        enrolment: OnRoll {
            starting_day: one.enrolment.starting_day,
            last_day: one.enrolment.last_day,
            boarder: one.enrolment.boarder,
            part_time: one.enrolment.part_time,
            dual_registered: matches!(status, EnrolmentStatus::Main | EnrolmentStatus::Subsidiary),
        },
        years: &years,
        window: Window { from, to: span.to, last_due: span.last_due },
    };
    Ok(register.figures())
}

/// Weekdays and spells for a role that sees published weeks: of half terms that have ended and lie whole in the window,
/// so that the difference of two answers is never less than a half term.
fn finished_half_terms(one: &Decoded, from: NaiveDate, span: Span) -> Result<Detail, StoreError> {
    let ended = one
        .years
        .iter()
        .flat_map(|y| y.calendar.half_terms())
        .filter(|h| h.from <= span.to && h.to <= span.to);
    let whole: Vec<(NaiveDate, NaiveDate)> =
        ended.filter(|h| h.from >= from).map(|h| (h.from, h.to)).collect();
    let (Some(first), Some(last)) = (whole.iter().map(|h| h.0).min(), whole.iter().map(|h| h.1).max()) else {
        return Ok(Detail::default());
    };
    Ok(Detail::without_sessions(&register(one, first, Span { to: last, ..span })?))
}

/// What the other registers of this child say of the sessions that this one marks D; only where both are here.
fn dual_met(one: &Decoded, all: &[Decoded], dual: &[Session]) -> DualMet {
    let others: Vec<&Decoded> = all.iter().filter(|o| o.enrolment.id != one.enrolment.id).collect();
    let mut met = DualMet::default();
    for at in dual.iter().copied() {
        let there = others.iter().filter(|o| on_roll(&o.enrolment, at.date) && is_open(o, at));
        let marks: Vec<Option<Code>> = there.map(|o| mark(o, at)).collect();
        if marks.iter().any(|m| m.is_some_and(|code| code.class().attended())) {
            met.last_met = met.last_met.max(Some(at));
        } else if marks.iter().any(|m| m.is_none_or(|code| code.class().missed() || code == Code::D)) {
            // Met by absence, by no mark, or by a D there too; a session not required there was not missed.
            met.unmet.push(at);
        }
    }
    met
}

fn on_roll(enrolment: &Enrolment, day: NaiveDate) -> bool {
    enrolment.starting_day <= day && enrolment.last_day.is_none_or(|last| day <= last)
}

fn is_open(one: &Decoded, at: Session) -> bool {
    one.years.iter().any(|y| y.calendar.is_open(at))
}

fn mark(one: &Decoded, at: Session) -> Option<Code> {
    let year = one.years.iter().find(|y| y.calendar.year() == SchoolYear::of(at.date))?;
    year.marks.get(year.calendar.year().session_index(at)?)
}
