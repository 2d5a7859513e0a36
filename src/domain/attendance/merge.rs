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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn arrive(marks: &[Mark]) -> (Option<Mark>, HashSet<Mark>) {
        let (mut current, mut history) = (None, HashSet::new());
        for mark in marks {
            let merged = merge(current, *mark);
            if merged.has_history() {
                history.extend(if merged.incoming_stands() { current } else { Some(*mark) });
            }
            if merged.incoming_stands() {
                current = Some(*mark);
            }
        }
        (current, history)
    }

    fn marks() -> impl Strategy<Value = (Vec<Mark>, Vec<Mark>)> {
        let mark =
            (1_u8..=43, 1_u32..4, prop::option::of(0_u16..3)).prop_map(|(byte, entered, minutes_late)| {
                Mark { code: Code::from_byte(byte).unwrap(), entered, minutes_late }
            });
        let few = prop::collection::vec(mark, 1..8);
        few.prop_flat_map(|marks| (Just(marks.clone()), Just(marks).prop_shuffle()))
    }

    proptest! {
        #[test]
        fn arrival_order_never_matters((sent, shuffled) in marks()) {
            prop_assert_eq!(arrive(&sent), arrive(&shuffled));
            let (current, history) = arrive(&sent);
            let latest = sent.iter().map(|m| m.entered).max();
            prop_assert_eq!(current.map(|m| m.entered), latest);
            let all: HashSet<_> = sent.iter().copied().collect();
            prop_assert_eq!(history.len() + 1, all.len(), "every other recording is kept, once");
            prop_assert_eq!(arrive(&[sent.clone(), shuffled].concat()).0, current, "sending all again changes nothing");
        }
    }

    #[test]
    fn each_outcome() {
        let mark = |text: &str, entered| {
            let code = Code::parse(text, crate::domain::attendance::NEW_CODES_FROM).unwrap();
            Mark { code, entered, minutes_late: None }
        };
        let rows = [
            (None, mark("N", 5), Merge::Set),
            (Some(mark("N", 5)), mark("N", 5), Merge::Unchanged),
            (Some(mark("N", 5)), mark("I", 9), Merge::Amended),
            (Some(mark("I", 9)), mark("N", 5), Merge::OlderKept),
            (Some(mark("N", 5)), mark("N", 9), Merge::Confirmed),
            (Some(mark("N", 5)), mark("O", 5), Merge::Amended),
            (Some(mark("O", 5)), mark("N", 5), Merge::OlderKept),
        ];
        for (current, incoming, expected) in rows {
            assert_eq!(merge(current, incoming), expected, "{current:?} {incoming:?}");
        }
        assert_eq!(merge_received(Some(mark("N", 5)), mark("N", 9)), Merge::Unchanged);
        assert_eq!(merge_received(Some(mark("N", 5)), mark("I", 9)), Merge::Amended);
    }

    #[test]
    fn times_are_whole_seconds_of_the_year() {
        let year = SchoolYear(2026);
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let entered = |text| Mark::new(year, Code::I, at(text), None).entered;
        assert_eq!(entered("2026-08-01T00:00:10.999999Z"), 10);
        assert_eq!(entered("2026-07-20T09:00:00Z"), 1, "leave agreed in July");
        let mark = Mark::new(year, Code::I, at("2026-11-20T13:20:00Z"), None);
        assert_eq!(mark.recorded_at(year), at("2026-11-20T13:20:00Z"));
    }
}
