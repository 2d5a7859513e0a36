//! What could tell of single sessions, and what another register met: worked out before a section is written.

use crate::domain::attendance::summary::{Figures, Late, Spell, Weekdays};
use crate::domain::calendar::Session;

/// Weekdays and spells: what could tell of single sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Detail {
    pub(super) late_by_weekday: [Late; 7],
    pub(super) weekdays: Weekdays,
    pub(super) absences: Vec<Spell>,
    pub(super) illness: Vec<Spell>,
    /// Whether spells carry their dates.
    pub(super) dated: bool,
}

impl Detail {
    /// Of the whole window, with dates.
    pub(super) fn of(figures: &Figures) -> Self {
        Self { dated: true, ..Self::without_sessions(figures) }
    }

    /// For a role without `sessions`.
    pub(super) fn without_sessions(figures: &Figures) -> Self {
        Self {
            late_by_weekday: figures.punctuality.by_weekday,
            weekdays: figures.pattern.weekdays,
            absences: figures.pattern.spells.clone(),
            illness: figures.health.spells.clone(),
            dated: false,
        }
    }
}

/// What a D of this enrolment met in the other register.
#[derive(Clone, Debug, Default)]
pub(super) struct DualMet {
    /// The last D session for which the other school marked the child present.
    pub(super) last_met: Option<Session>,
    /// D sessions met there by absence or no mark.
    pub(super) unmet: Vec<Session>,
}
