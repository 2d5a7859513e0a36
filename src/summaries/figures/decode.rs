//! From stored rows to registers that the domain can walk: each enrolment as it counted at a moment, and as it counts now.

use super::super::window::Span;
use crate::domain::attendance::summary::{
    DualMet, Enrolment as OnRoll, Figures, Register, Window, YearOfMarks,
};
use crate::domain::attendance::{Entered, MinutesLate, PackedYear};
use crate::domain::calendar::{SchoolCalendar, Session};
use crate::domain::roll::EnrolmentStatus;
use crate::registers::{EnrolmentRecord, MarksRow, RollState};
use crate::store::StoreError;
use chrono::{DateTime, NaiveDate, Utc};
use std::sync::Arc;

/// One school year, decoded; without times and minutes late where only counts were read.
pub(super) struct Year {
    pub(super) calendar: Arc<SchoolCalendar>,
    marks: PackedYear,
    entered: Option<Entered>,
    minutes: Option<MinutesLate>,
}

impl Year {
    fn of(calendar: Arc<SchoolCalendar>, packed: Option<&MarksRow>) -> Result<Self, StoreError> {
        let Some(packed) = packed else {
            let (entered, minutes) = (Entered::default(), MinutesLate::default());
            return Ok(Self {
                calendar,
                marks: PackedYear::EMPTY,
                entered: Some(entered),
                minutes: Some(minutes),
            });
        };
        let whole = !packed.is_counts_only();
        Ok(Self {
            calendar,
            marks: packed.marks()?,
            entered: whole.then(|| packed.entered()).transpose()?,
            minutes: whole.then(|| packed.minutes()).transpose()?,
        })
    }

    fn borrowed(&self) -> YearOfMarks<'_> {
        let Self { calendar, marks, entered, minutes } = self;
        YearOfMarks { calendar, marks, entered: entered.as_ref(), minutes_late: minutes.as_ref() }
    }
}

/// One enrolment, decoded as it counted at one moment.
pub(super) struct Decoded {
    pub(super) enrolment: RollState,
    pub(super) years: Vec<Year>,
    pub(super) received_at: Option<DateTime<Utc>>,
    status: EnrolmentStatus,
}

/// One enrolment as its figures are given, and as it is seen now where that differs.
pub(super) struct Held {
    pub(super) then: Decoded,
    now: Option<Decoded>,
}

impl Held {
    /// Decodes a record as at the moment (none: now), and once more, as at the moment of last sightings, only if something
    /// has changed in between.
    pub(super) fn of(
        record: &EnrolmentRecord,
        (moment, seen): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    ) -> Result<Option<Self>, StoreError> {
        let Some(then) = Decoded::at(record, moment)? else { return Ok(None) };
        let same = moment == seen || is_unchanged(record, [moment, seen]);
        let now = if same { None } else { Decoded::at(record, seen)? };
        Ok(Some(Self { then, now }))
    }

    /// As it counts now.
    pub(super) fn live(&self) -> &Decoded {
        self.now.as_ref().unwrap_or(&self.then)
    }

    /// As it counts now, where that is not as it counted then.
    pub(super) fn changed(&self) -> Option<&Decoded> {
        self.now.as_ref()
    }
}

/// Whether what counted at one moment is what counted at the other: the very same rows.
fn is_unchanged(record: &EnrolmentRecord, moments: [Option<DateTime<Utc>>; 2]) -> bool {
    fn same<T>([then, now]: [Vec<&T>; 2]) -> bool {
        then.len() == now.len() && then.iter().zip(now).all(|(a, b)| std::ptr::eq(*a, b))
    }
    same(moments.map(|at| record.at(at).into_iter().collect()))
        && same(moments.map(|at| record.calendars_at(at)))
        && same(moments.map(|at| record.marks_at(at)))
}

impl Decoded {
    /// Decodes what counted at a moment (none: now).
    pub(super) fn at(
        record: &EnrolmentRecord,
        moment: Option<DateTime<Utc>>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(enrolment) = record.at(moment).cloned() else { return Ok(None) };
        let status =
            EnrolmentStatus::parse(&enrolment.status).ok_or(StoreError::Corrupt("enrolments.status"))?;
        let marks = record.marks_at(moment);
        let mut years = Vec::new();
        for row in record.calendars_at(moment) {
            let (year, calendar) = (row.year()?, row.shared()?);
            let packed = marks.iter().find(|packed| packed.year().is_ok_and(|of| of == year));
            years.push(Year::of(calendar, packed.copied())?);
        }
        years.sort_by_key(|y| y.calendar.year());
        let received_at = marks.iter().map(|m| m.received_at).max();
        Ok(Some(Self { enrolment, years, received_at, status }))
    }

    /// Whether it was live on any day of the window, or is since.
    pub(super) fn in_window(&self, from: NaiveDate, span: Span) -> bool {
        let enrolment = &self.enrolment;
        enrolment.starting_day <= span.last_start() && enrolment.last_day.is_none_or(|last| last >= from)
    }

    /// Whether it is one of the two places of a dual registration, and live on a day.
    pub(super) fn is_dual_on(&self, day: NaiveDate) -> bool {
        let enrolment = &self.enrolment;
        self.is_dual() && enrolment.starting_day <= day && enrolment.last_day.is_none_or(|last| last >= day)
    }

    fn is_dual(&self) -> bool {
        matches!(self.status, EnrolmentStatus::Main | EnrolmentStatus::Subsidiary)
    }

    fn on_roll(&self) -> OnRoll {
        OnRoll {
            starting_day: self.enrolment.starting_day,
            last_day: self.enrolment.last_day,
            // A guest is on no roll, and so in no register either: kept out of every figure.
            boarder: self.enrolment.boarder || self.status == EnrolmentStatus::Guest,
            part_time: self.enrolment.part_time,
            dual_registered: self.is_dual(),
        }
    }

    fn years(&self) -> Vec<YearOfMarks<'_>> {
        self.years.iter().map(Year::borrowed).collect()
    }

    /// Asks the register something.
    pub(super) fn ask<T>(&self, window: Window, question: impl FnOnce(&Register<'_>) -> T) -> T {
        question(&Register { enrolment: self.on_roll(), years: &self.years(), window })
    }

    /// Every figure of the window.
    pub(super) fn figures(&self, window: Window, span: Span) -> Figures {
        self.ask(window, |register| register.figures_by(span.reading))
    }

    /// What the other registers say of the sessions that this one marks D; nothing where no other is here.
    pub(super) fn dual_met(&self, window: Window, dual: &[Session], others: &[&Self]) -> DualMet {
        if dual.is_empty() || others.is_empty() {
            return DualMet::default();
        }
        let years: Vec<Vec<YearOfMarks<'_>>> = others.iter().map(|other| other.years()).collect();
        let registers: Vec<Register<'_>> = others
            .iter()
            .zip(&years)
            .map(|(other, years)| Register { enrolment: other.on_roll(), years, window })
            .collect();
        self.ask(window, |register| register.dual_met(dual, &registers))
    }
}
