//! One child's figures: each enrolment from its packed rows, then the sums.

mod decode;
mod derived;
mod detail;
mod missing;
mod other_school;

pub(super) use derived::{CombinedDerivationBody, DerivationBody};
pub(super) use detail::Detail;
pub(super) use other_school::OtherSchoolBody;

use super::answer::{Combined, EnrolmentBody, SchoolBody, SummaryAnswer, WindowBody};
use super::sections::{Sections, Told};
use super::window::Span;
use crate::directory::{Directory, Organisation};
use crate::domain::attendance::summary::{DualMet, Enforcement, Figures, LastSeen, Window, combine};
use crate::domain::calendar::SchoolYear;
use crate::domain::purpose::{Section, SectionSet};
use crate::gate::{ChildRef, OfChild, Permit};
use crate::registers::{ChildRecord, EnrolmentRecord};
use crate::store::StoreError;
use chrono::NaiveDate;
use decode::{Decoded, Held};
use serde::Serialize;

/// What an answer is worked out from.
pub(super) struct Records<'a> {
    child: &'a ChildRecord,
    /// The child's enrolments at the other school of a dual registration, for a school whose permit carries it.
    counterparts: &'a [EnrolmentRecord],
}

impl<'a> From<&'a ChildRecord> for Records<'a> {
    fn from(child: &'a ChildRecord) -> Self {
        Self { child, counterparts: &[] }
    }
}

impl<'a> From<(&'a ChildRecord, &'a Vec<EnrolmentRecord>)> for Records<'a> {
    fn from((child, counterparts): (&'a ChildRecord, &'a Vec<EnrolmentRecord>)) -> Self {
        Self { child, counterparts }
    }
}

/// Works out the whole answer about a child, from its record alone or with its counterparts beside it.
pub(super) fn answer<'a>(
    permit: &Permit<OfChild>,
    records: impl Into<Records<'a>>,
    span: Span,
    directory: &Directory,
    caution: String,
) -> Result<SummaryAnswer, StoreError> {
    let entitled = Entitled { sections: permit.sections(), counterpart: permit.counterpart_sections() };
    let body = body(entitled, records, span, directory)?;
    Ok(SummaryAnswer {
        pupil_id: ChildRef::of(permit.pupil()),
        role: permit.role().as_str().to_owned(),
        purpose: permit.purpose().as_str().to_owned(),
        as_of: span.as_of,
        window: body.window,
        enrolments: body.enrolments,
        combined: body.combined,
        not_given: permit.not_given().iter().map(|section| section.as_str().to_owned()).collect(),
        ring: permit.ring().map(str::to_owned),
        caution: permit.is_an_agency().then_some(caution),
    })
}

/// The sections that an answer may have, and those of the other school of a dual registration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entitled {
    pub(super) sections: SectionSet,
    pub(super) counterpart: SectionSet,
}

/// What an answer says of a child, whoever asks.
#[derive(Debug, Serialize)]
pub(super) struct Body {
    pub(super) window: WindowBody,
    pub(super) enrolments: Vec<EnrolmentBody>,
    pub(super) combined: Combined,
}

/// Works out what an answer says of a child. For a span that is bound to published weeks it is a function of what
/// counted at the publication, of the window and of the sections, and of nothing else but for `last_seen`.
pub(super) fn body<'a>(
    entitled: Entitled,
    records: impl Into<Records<'a>>,
    span: Span,
    directory: &Directory,
) -> Result<Body, StoreError> {
    let Records { child: record, counterparts } = records.into();
    let held: Vec<Held> = record
        .0
        .iter()
        .filter_map(|one| Held::of(one, (span.moment, span.seen)).transpose())
        .collect::<Result<_, _>>()?;
    let others: Vec<Decoded> = counterparts
        .iter()
        .filter_map(|one| Decoded::at(one, span.seen).transpose())
        .collect::<Result<_, _>>()?;
    let (from, span) = resolve(&held, span);
    let asked = Asking {
        entitled,
        given: entitled.sections.and(span.shown),
        window: Window { from, to: span.to, last_due: span.last_due, live_to: span.live_to },
        span,
        directory,
    };
    let counted: Vec<Counted<'_>> = held.iter().filter_map(|one| asked.count(one)).collect();
    let duals: Vec<DualMet> = counted.iter().map(|one| asked.dual_met(one, &held, &others)).collect();
    let enrolments = counted.iter().zip(&duals).map(|(one, dual)| asked.enrolment(one, dual, &others));
    Ok(Body {
        window: WindowBody { from, to: span.to },
        enrolments: enrolments.collect(),
        combined: asked.combined(&counted, &duals, &held),
    })
}

/// The default window: from the first session of the school's year to its last complete one. In August that is still the
/// year that has ended; where schools differ, the earliest first session and the latest last one.
fn resolve(all: &[Held], span: Span) -> (NaiveDate, Span) {
    if let Some(from) = span.from {
        return (from, span);
    }
    let years = || all.iter().flat_map(|one| &one.then.years);
    let until = span.to.min(span.last_due.date);
    let last = years().filter_map(|y| y.calendar.last_session_until(until)).map(|s| s.date).max();
    let Some(last) = last else { return (span.to, span) };
    let year = SchoolYear::of(last);
    let firsts = years().filter(|y| y.calendar.year() == year).filter_map(|y| y.calendar.first_session());
    let from = firsts.map(|s| s.date).min().unwrap_or(last);
    // Whoever sees whole weeks is told the end of the week; whoever sees sessions the day of the last one.
    (from, if !span.bound && !span.to_given { Span { to: last, ..span } } else { span })
}

/// What one answer is worked out with.
struct Asking<'a> {
    entitled: Entitled,
    /// Sections to write.
    given: SectionSet,
    window: Window,
    span: Span,
    directory: &'a Directory,
}

/// One enrolment, counted.
struct Counted<'a> {
    held: &'a Held,
    school: &'a Organisation,
    figures: Figures,
    /// Live, whatever the figures' moment.
    last_seen: LastSeen,
    detail: Detail,
}

/// Sections that need no more than sums of sessions.
const BRIEF: SectionSet =
    SectionSet::EMPTY.with(Section::Headline).with(Section::Split).with(Section::SchoolContact);
/// Whether sections need no more than sums of sessions, unless the sessions behind each are asked for too.
pub(super) fn are_counts(sections: SectionSet) -> bool {
    sections.and(BRIEF) == sections
}

/// Sections with weekdays or spells.
const DETAILED: SectionSet =
    SectionSet::EMPTY.with(Section::Punctuality).with(Section::Pattern).with(Section::Health);
/// Sections that stand in the sums over enrolments: all but those that belong to one school's register.
const COMBINED: SectionSet = SectionSet::EMPTY
    .with(Section::Headline)
    .with(Section::Trend)
    .with(Section::Split)
    .with(Section::Punctuality)
    .with(Section::Pattern)
    .with(Section::Health)
    .with(Section::Suspension)
    .with(Section::Enforcement)
    .with(Section::LastSeen)
    .with(Section::Placement)
    .with(Section::Codes);

impl<'a> Asking<'a> {
    /// Counts an enrolment of the window at a school that the directory knows.
    fn count(&self, held: &'a Held) -> Option<Counted<'a>> {
        let one = &held.then;
        if !one.in_window(self.window.from, self.span) {
            return None;
        }
        let school = self.directory.school(one.enrolment.school())?;
        let derives = self.derives();
        let figures = if are_counts(self.given) && !derives {
            #[expect(
                clippy::redundant_closure_for_method_calls,
                reason = "the method by its name is not general enough over the register's lifetime"
            )]
            let (counts, completeness) = one.ask(self.window, |register| register.headline());
            let recorded = one.ask(self.window, |r| !r.enrolment.boarder);
            Figures { recorded, counts, completeness, ..Figures::default() }
        } else {
            one.figures(self.window, self.span)
        };
        // One walk gives every figure: last sightings are told as at now, so they need one more only where the rest is not.
        let last_seen = match held.changed().filter(|_| self.given.has(Section::LastSeen)) {
            Some(now) => now.figures(self.window, self.span).last_seen,
            None => figures.last_seen.clone(),
        };
        let detail = if self.span.bound { self.finished_half_terms(one) } else { Detail::of(&figures) };
        Some(Counted { held, school, figures, last_seen, detail })
    }

    /// Whether the sessions behind each count are given too.
    fn derives(&self) -> bool {
        self.span.derivation && self.entitled.sections.has(Section::Sessions)
    }

    /// Weekdays and spells for a role that sees published weeks: of half terms that have ended and lie whole in the
    /// window, so that the difference of two answers is never less than a half term.
    fn finished_half_terms(&self, one: &Decoded) -> Detail {
        if self.given.and(DETAILED).is_empty() {
            return Detail::default();
        }
        let (from, to) = (self.window.from, self.window.to);
        let ended = one.years.iter().flat_map(|y| y.calendar.half_terms()).filter(|h| h.to <= to);
        let whole: Vec<(NaiveDate, NaiveDate)> =
            ended.filter(|h| h.from >= from).map(|h| (h.from, h.to)).collect();
        let (first, last) = (whole.iter().map(|h| h.0).min(), whole.iter().map(|h| h.1).max());
        let (Some(from), Some(to)) = (first, last) else { return Detail::default() };
        let figures = one.figures(Window { from, to, ..self.window }, self.span);
        Detail::within(&figures, Some((from, to)))
    }

    /// What became of the sessions that an enrolment marks D, and for a school also of those that the other marks D.
    fn dual_met(&self, one: &Counted<'a>, held: &[Held], others: &[Decoded]) -> DualMet {
        if !self.given.has(Section::LastSeen) {
            return DualMet::default();
        }
        let own = one.held.live();
        let mut around: Vec<&Decoded> = held.iter().map(Held::live).collect();
        around.retain(|other| !std::ptr::eq(*other, own));
        around.extend(others);
        let mut met = own.dual_met(self.window, &one.last_seen.dual, &around);
        met.unmet.extend(self.unmet_of(one, others));
        met.unmet.sort_unstable();
        met.unmet.dedup();
        met
    }

    fn enrolment(&self, one: &Counted<'a>, dual: &DualMet, others: &[Decoded]) -> EnrolmentBody {
        let Counted { held, school, figures, .. } = one;
        EnrolmentBody {
            school: SchoolBody::of(school),
            status: held.then.enrolment.status.clone(),
            completeness: self.completeness(&held.then, figures),
            sections: Sections::of(&self.told(one, dual), school),
            derivation: self.derivation(one),
            other_school: self.other_school(one, dual, others),
        }
    }

    fn told<'b>(&self, one: &'b Counted<'_>, dual: &'b DualMet) -> Told<'b> {
        Told {
            figures: &one.figures,
            last_seen: &one.last_seen,
            dual,
            detail: &one.detail,
            given: self.given,
            flags_of: "enrolment",
            reading: self.span.reading,
            on: self.on(),
        }
    }

    /// The day whose rules decide the flags: the window's last that is over.
    fn on(&self) -> NaiveDate {
        self.window.to.min(self.window.last_due.date)
    }

    /// The sums over the enrolments of the window. Only the penalty window looks further: at schools that the child has
    /// left before it.
    fn combined(&self, counted: &[Counted<'a>], duals: &[DualMet], held: &'a [Held]) -> Combined {
        let all: Vec<Figures> = counted.iter().map(|one| one.figures.clone()).collect();
        let mut figures = combine(&all);
        let mut derivation = None;
        if self.given.has(Section::Enforcement) {
            let earlier = self.earlier(held);
            let around = earlier.iter().map(|(_, figures)| &figures.enforcement);
            let (over, made_by) =
                Enforcement::over_which(all.iter().map(|one| &one.enforcement).chain(around));
            figures.enforcement = over;
            let own = counted.iter().map(|one| (one.held, one.school));
            let registers: Vec<_> = own.chain(earlier.iter().map(|(register, _)| *register)).collect();
            let made_by = registers.get(made_by).unwrap_or_default();
            let recorded = figures.recorded.then_some(figures.enforcement.worst_window);
            derivation = recorded.and_then(|worst| self.combined_derivation(worst, made_by));
        }
        let recorded = || counted.iter().filter(|one| one.figures.recorded);
        let details: Vec<Detail> = recorded().map(|one| one.detail.clone()).collect();
        let mut dual = DualMet {
            last_met: duals.iter().filter_map(|one| one.last_met).max(),
            unmet: duals.iter().flat_map(|one| one.unmet.iter().copied()).collect(),
        };
        dual.unmet.sort_unstable();
        dual.unmet.dedup();
        let sections = Sections::combined(&Told {
            figures: &figures,
            last_seen: &LastSeen::latest(recorded().map(|one| &one.last_seen)),
            dual: &dual,
            detail: &Detail::joined(&details),
            given: self.given.and(COMBINED),
            flags_of: "combined_sum",
            reading: self.span.reading,
            on: self.on(),
        });
        Combined { sections, derivation }
    }

    /// The enrolments that are not of the window, at schools that the directory knows, with their figures.
    fn earlier(&self, held: &'a [Held]) -> Vec<((&'a Held, &'a Organisation), Figures)> {
        let others = held.iter().filter(|one| !one.then.in_window(self.window.from, self.span));
        others
            .filter_map(|one| {
                let school = self.directory.school(one.then.enrolment.school())?;
                Some(((one, school), one.then.figures(self.window, self.span)))
            })
            .collect()
    }
}
