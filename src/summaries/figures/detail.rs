//! What could tell of single sessions: weekdays and spells, worked out before a section is written.

use crate::domain::attendance::summary::{Figures, Late, Spell, Weekdays};
use chrono::NaiveDate;

/// Weekdays and spells of one enrolment, or of all together.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Detail {
    pub(in super::super) late_by_weekday: [Late; 7],
    pub(in super::super) weekdays: Weekdays,
    pub(in super::super) absences: Vec<Spell>,
    pub(in super::super) illness: Vec<Spell>,
    /// Whether spells carry their dates.
    pub(in super::super) dated: bool,
    /// The days that they are of, where those are not the answer's own.
    pub(in super::super) window: Option<(NaiveDate, NaiveDate)>,
}

impl Detail {
    /// Of the whole window, with dates.
    pub(super) fn of(figures: &Figures) -> Self {
        Self { dated: true, ..Self::within(figures, None) }
    }

    /// For a role without `sessions`: without dates, of half terms that have ended.
    pub(super) fn within(figures: &Figures, window: Option<(NaiveDate, NaiveDate)>) -> Self {
        Self {
            late_by_weekday: figures.punctuality.by_weekday,
            weekdays: figures.pattern.weekdays,
            absences: figures.pattern.spells.clone(),
            illness: figures.health.spells.clone(),
            dated: false,
            window,
        }
    }

    /// Several enrolments as one: weekdays add up, spells are all of them. Where they carry no dates, they stand in the
    /// order of the enrolments, so that the order tells nothing more.
    pub(super) fn joined(all: &[Self]) -> Self {
        let mut sum = Self { dated: all.iter().any(|one| one.dated), ..Self::default() };
        for one in all {
            sum.late_by_weekday.iter_mut().zip(one.late_by_weekday).for_each(|(sum, late)| *sum += late);
            let slots = sum.weekdays.as_flattened_mut().iter_mut().zip(one.weekdays.as_flattened());
            slots.for_each(|(sum, slot)| *sum += *slot);
            sum.absences.extend(&one.absences);
            sum.illness.extend(&one.illness);
            sum.window = match (sum.window, one.window) {
                (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                (a, b) => a.or(b),
            };
        }
        if sum.dated {
            sum.absences.sort_by_key(|spell| spell.from);
            sum.illness.sort_by_key(|spell| spell.from);
        }
        sum
    }
}
