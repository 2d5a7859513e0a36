//! Two marks for one session: which one stands, and which becomes history.
//!
//! The later recording wins; at the same second a fixed order of the content decides, so that the order in which files
//! arrive never matters. Times are whole seconds from the year's 1 August, as they are stored: comparing anything finer
//! would decide differently before and after storage.

use super::Code;
use crate::domain::calendar::SchoolYear;
use chrono::{DateTime, TimeDelta, Utc};

/// A mark as recorded once for one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The code.
    pub code: Code,
    /// When it was recorded: seconds since 1 August 00:00 UTC of the session's school year, at least 1.
    pub entered: u32,
    /// Minutes late, where sent.
    pub minutes_late: Option<u16>,
}

impl Mark {
    /// A mark of a session of `year`. A time before 1 August (leave agreed in July) becomes its first second.
    pub fn new(year: SchoolYear, code: Code, recorded_at: DateTime<Utc>, minutes_late: Option<u16>) -> Self {
        let seconds =
            (recorded_at - year.first_day().and_time(chrono::NaiveTime::MIN).and_utc()).num_seconds();
        let entered = u32::try_from(seconds.max(1)).unwrap_or(u32::MAX);
        Self { code, entered, minutes_late }
    }

    /// When it was recorded, to the second.
    pub fn recorded_at(&self, year: SchoolYear) -> DateTime<Utc> {
        entered_at(year, self.entered)
    }

    fn content(&self) -> (u8, Option<u16>) {
        (self.code.byte(), self.minutes_late)
    }

    fn rank(&self) -> (u32, u8, Option<u16>) {
        (self.entered, self.code.byte(), self.minutes_late)
    }
}

/// The instant of stored seconds.
pub(super) fn entered_at(year: SchoolYear, seconds: u32) -> DateTime<Utc> {
    year.first_day().and_time(chrono::NaiveTime::MIN).and_utc() + TimeDelta::seconds(i64::from(seconds))
}

/// What becomes of an incoming mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The same recording again: nothing to write.
    Unchanged,
    /// The session had no mark: it stands.
    Set,
    /// The same code and minutes, recorded again later: the later time stands, the earlier recording is history.
    Confirmed,
    /// It stands, and what stood is history: an amendment (SI 2024/208 reg 6).
    Amended,
    /// What stands is newer: the incoming one is history only.
    OlderKept,
}

impl Merge {
    /// Whether the incoming mark is the one that stands after it.
    pub const fn incoming_stands(self) -> bool {
        matches!(self, Self::Set | Self::Confirmed | Self::Amended)
    }

    /// Whether one of the two goes into the history.
    pub const fn has_history(self) -> bool {
        matches!(self, Self::Confirmed | Self::Amended | Self::OlderKept)
    }
}

/// Decides between what stands and what comes in, both with a time of recording given by the source.
pub fn merge(current: Option<Mark>, incoming: Mark) -> Merge {
    match current {
        None => Merge::Set,
        Some(current) if current == incoming => Merge::Unchanged,
        Some(current) if current.rank() > incoming.rank() => Merge::OlderKept,
        Some(current) if current.content() == incoming.content() => Merge::Confirmed,
        Some(_) => Merge::Amended,
    }
}

/// Decides for a mark without a time of its own, whose time is that of receipt: the same content sent again is unchanged,
/// so that importing a file twice writes nothing.
pub fn merge_received(current: Option<Mark>, incoming: Mark) -> Merge {
    match current {
        Some(current) if current.content() == incoming.content() => Merge::Unchanged,
        Some(_) | None => merge(current, incoming),
    }
}
