//! How a session shows by class of our own, where else a pupil is taught, and how often each code stands.

use super::super::{Class, Code};
use chrono::NaiveDate;

/// A session by class of our own, so that no code shows: E, R and T look like any authorised absence, Y5 like any session
/// that was not required.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shown {
    /// `P`: present, on time, at school or in an approved activity.
    Present,
    /// `L`: present, late before the register closed.
    Late,
    /// `A`: authorised absence.
    Authorised,
    /// `U`: unauthorised absence.
    Unauthorised,
    /// `·`: nobody was required, or the school did not meet.
    NotRequired,
    /// `?`: no mark.
    NoMark,
}

impl Shown {
    /// Every class.
    pub const ALL: &'static [Self] =
        &[Self::Present, Self::Late, Self::Authorised, Self::Unauthorised, Self::NotRequired, Self::NoMark];

    /// The one character that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "P",
            Self::Late => "L",
            Self::Authorised => "A",
            Self::Unauthorised => "U",
            Self::NotRequired => "·",
            Self::NoMark => "?",
        }
    }

    /// The class of a mark, or of none.
    pub const fn of(code: Option<Code>) -> Self {
        let Some(code) = code else { return Self::NoMark };
        match code.class() {
            Class::Present | Class::ApprovedActivity => Self::Present,
            Class::Late => Self::Late,
            Class::Authorised => Self::Authorised,
            Class::Unauthorised => Self::Unauthorised,
            Class::NotPossible | Class::NotCollected => Self::NotRequired,
        }
    }
}

/// A school day of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// The date.
    pub date: NaiveDate,
    /// Morning and afternoon; `None` for a session that is not over yet.
    pub shown: [Option<Shown>; 2],
}

/// Where else the pupil is taught.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// On another school's roll (status main or subsidiary), or D was used.
    pub dual_registration: bool,
    /// Part-time by the admission register, or C2 was used.
    pub part_time: bool,
    /// Sessions coded D.
    pub dual_sessions: u32,
    /// Sessions coded C2.
    pub part_time_sessions: u32,
    /// Sessions coded B, K, P, V and W, those used only, by code.
    pub elsewhere: Vec<(Code, u32)>,
}

/// How often each code stands in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeCounts([u32; Code::ALL.len()]);

impl CodeCounts {
    pub(super) fn add(&mut self, code: Code) {
        // Bytes run from 1 without a gap.
        if let Some(count) = self.0.get_mut(usize::from(code.byte()) - 1) {
            *count += 1;
        }
    }

    /// `/` and `\\`, once each.
    pub(super) fn add_present_day(&mut self) {
        self.add(Code::PresentAm);
        self.add(Code::PresentPm);
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }

    /// Sessions with that code.
    pub fn get(&self, code: Code) -> u32 {
        self.0.get(usize::from(code.byte()) - 1).copied().unwrap_or(0)
    }

    /// The codes that occur, by stored byte.
    pub fn iter(&self) -> impl Iterator<Item = (Code, u32)> + '_ {
        Code::ALL.iter().copied().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

impl Default for CodeCounts {
    fn default() -> Self {
        Self([0; Code::ALL.len()])
    }
}
