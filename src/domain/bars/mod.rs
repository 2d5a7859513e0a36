//! Bars and exceptions: the words for what stands between a child and who asks, and how long what opens without a case is
//! open.

use super::words;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Europe::London;

words! {
    /// What kind of emergency is claimed.
    EmergencyCategory {
        /// A child is missing, or in unknown hands.
        Missing = "missing",
        /// Harm that is happening or about to.
        ImmediateHarm = "immediate_harm",
        /// A child is in hospital, or an ambulance has been called.
        Medical = "medical",
        /// The police have taken a child into their protection.
        PoliceProtection = "police_protection",
        /// Anything else; the text says what.
        Other = "other",
    }
}

words! {
    /// Why a claim of an emergency opens nothing: always a limit of the claimant's own, never anything of a child.
    NotOpened {
        /// The person has claimed three times today.
        ThreeToday = "three_today",
        /// The person has claimed the same child within a week.
        SameChildThisWeek = "same_child_this_week",
        /// An earlier claim of the person's was not countersigned in time.
        NotCountersigned = "not_countersigned",
    }
}

words! {
    /// Why a child is shielded.
    ShieldCategory {
        /// The child lives in a refuge, or in flight.
        Refuge = "refuge",
        /// The child is adopted, or about to be.
        Adoption = "adoption",
        /// The child, or somebody close, is a witness.
        Witness = "witness",
        /// Somebody's own family, friends or neighbours.
        Conflict = "conflict",
        /// Anything else; the reason says what.
        Other = "other",
    }
}

words! {
    /// How far a shield goes.
    ShieldedSections {
        /// Everything about the child.
        All = "all",
        /// Where it goes to school: enrolments that still run, whole.
        Whereabouts = "whereabouts",
    }
}

words! {
    /// What a line about a child and somebody says.
    BarSort {
        /// A shield stands between them.
        Shield = "shield",
        /// A shield hides from them where the child is.
        Whereabouts = "whereabouts",
        /// They are in conflict with the child; no exemption counts.
        Conflict = "conflict",
        /// It was decided that they are not told.
        Withheld = "withheld",
        /// They are of a team that a shield leaves: it does not stand against them.
        Sees = "sees",
        /// They protect where the child is: they see it, and two of them lower the flag.
        Protects = "protects",
    }
}

words! {
    /// Whom such a line names.
    WhomKind {
        /// A whole organisation.
        Organisation = "organisation",
        /// One team.
        Team = "team",
        /// One person.
        Person = "person",
        /// The education safeguarding lead of an authority.
        Lead = "lead",
    }
}

words! {
    /// What waits for those who protect a child.
    ItemKind {
        /// An agency's claim fits the child.
        Claim = "claim",
        /// So does a claim of an emergency.
        Emergency = "emergency",
        /// A team is asked to protect the child.
        Protection = "protection",
    }
}

words! {
    /// What has become of it.
    ItemState {
        /// Nobody has said anything.
        Open = "open",
        /// Somebody is ringing back.
        CallingBack = "calling_back",
        /// Accepted: it counts from now on.
        Accepted = "accepted",
        /// Declined: whoever asked goes on waiting and is told nothing.
        Declined = "declined",
        /// Asked anew for another team, which has taken the case over.
        Overtaken = "overtaken",
    }
}

/// How long an emergency is open at a time.
pub const EMERGENCY_OPEN: TimeDelta = TimeDelta::minutes(30);
/// How long after the claim it can be opened once more.
pub const EMERGENCY_RENEWABLE: TimeDelta = TimeDelta::hours(72);
/// How long a manager on call has to answer, before it opens with an alarm.
pub const MANAGER_ANSWERS: TimeDelta = TimeDelta::minutes(10);
/// How long after a claim the same person may not claim the same child again.
pub const SAME_CHILD: TimeDelta = TimeDelta::days(7);
/// Claims of a person a day that open anything.
pub const CLAIMS_A_DAY: i64 = 3;
/// How long an urgent item may lie before the senior officer is told.
pub const URGENT_ANSWERED: TimeDelta = TimeDelta::minutes(30);
/// Working days for which a school's shield stands unconfirmed.
pub const SCHOOLS_SHIELD_DAYS: u32 = 5;
/// How long the first of two persons who lower a flag waits for the second; after that the next who asks is the first.
pub const LOWERING_WAITS: TimeDelta = TimeDelta::days(7);

/// When something is open: from the first moment up to the last, which is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
}

impl Opening {
    /// Thirty minutes from a moment on.
    pub fn from(at: DateTime<Utc>) -> Self {
        Self { from: at, until: at + EMERGENCY_OPEN }
    }

    /// Whether it is open at a moment.
    pub fn holds(self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.until
    }
}

/// The moment at which a day in London is over.
pub fn end_of(day: NaiveDate) -> DateTime<Utc> {
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day).and_time(NaiveTime::MIN);
    London.from_local_datetime(&next).earliest().map_or_else(|| next.and_utc(), |t| t.with_timezone(&Utc))
}

/// When the `number`th renewal of a claim opens that is asked for now, and whether a manager on call is asked first: the first
/// at once; any other once one says so, or has said nothing for ten minutes. After a manager has said no, only once one says
/// so.
pub fn renewed(number: i64, asked: DateTime<Utc>, refused: bool) -> (Opening, bool) {
    match (refused, number > 1) {
        (true, _) => (Opening { from: asked, until: asked }, true),
        (false, true) => (Opening::from(asked + MANAGER_ANSWERS), true),
        (false, false) => (Opening::from(asked), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_in_london() {
        for (day, end) in [("2026-11-27", "2026-11-28T00:00:00Z"), ("2026-07-01", "2026-07-01T23:00:00Z")] {
            assert_eq!(end_of(day.parse().unwrap()), end.parse::<DateTime<Utc>>().unwrap());
        }
    }

    #[test]
    fn an_opening_holds_from_its_first_moment_to_before_its_last() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let claimed = at("2026-11-20T18:00:00Z");
        let (first, waits) = renewed(1, claimed, false);
        assert!(!waits && first.holds(claimed) && first.holds(at("2026-11-20T18:29:59.999999Z")));
        assert!(!first.holds(at("2026-11-20T18:30:00Z")) && !first.holds(at("2026-11-20T17:59:59Z")));
        let (second, waits) = renewed(2, claimed, false);
        assert!(waits && !second.holds(at("2026-11-20T18:09:59Z")));
        assert!(second.holds(at("2026-11-20T18:10:00Z")) && !second.holds(at("2026-11-20T18:40:00Z")));
        let (never, waits) = renewed(3, claimed, true);
        assert!(waits && !never.holds(claimed) && !never.holds(at("2026-11-20T18:10:00Z")), "refused before");
    }
}
