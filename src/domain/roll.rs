//! A pupil's place on a school's roll: the kind of enrolment, its first and last day, and the grounds on which a name
//! is removed from the admission register.
//!
//! A name must go when a ground applies and must not go otherwise (Education Act 1996 s.434(3)). Whether a ground applies
//! is the school's decision; here are its words and what can be told from dates alone.

use chrono::{DateTime, NaiveDate, Utc};
use std::collections::BTreeMap;

use super::calendar::london;
use super::identifiers::EnrolmentId;
use super::words;

words! {
    /// How a pupil is enrolled. A pupil at two schools is `main` at one and `subsidiary` at the other.
    EnrolmentStatus {
        /// The only enrolment.
        Single = "single",
        /// The first of two schools.
        Main = "main",
        /// The second of two schools.
        Subsidiary = "subsidiary",
        /// On the premises without being on the roll; kept out of every statistic.
        Guest = "guest",
    }
}

words! {
    /// A ground for removing a name: SI 2024/208 reg 9(1) for a pupil of compulsory school age, reg 9(3) for one who is
    /// not. The words are the paragraphs as a return cites them.
    RemovalGround {
        /// reg 9(1)(a).
        OtherSchool = "9(1)(a)",
        /// reg 9(1)(b).
        NurseryEnded = "9(1)(b)",
        /// reg 9(1)(c).
        LeavesDualRegistration = "9(1)(c)",
        /// reg 9(1)(d).
        AttendanceOrderAmended = "9(1)(d)",
        /// reg 9(1)(e).
        AttendanceOrderRevoked = "9(1)(e)",
        /// reg 9(1)(f).
        EducatedOtherwise = "9(1)(f)",
        /// reg 9(1)(g).
        MovedAway = "9(1)(g)",
        /// reg 9(1)(h).
        NotBackAfterLeave = "9(1)(h)",
        /// reg 9(1)(i).
        TwentyDaysAbsent = "9(1)(i)",
        /// reg 9(1)(j).
        Detained = "9(1)(j)",
        /// reg 9(1)(k).
        Died = "9(1)(k)",
        /// reg 9(1)(l).
        OverCompulsoryAge = "9(1)(l)",
        /// reg 9(1)(m).
        BoardingUnpaid = "9(1)(m)",
        /// reg 9(1)(n).
        LeftIndependentSchool = "9(1)(n)",
        /// reg 9(1)(o).
        Excluded = "9(1)(o)",
        /// reg 9(3)(a).
        NotCompulsoryLeft = "9(3)(a)",
        /// reg 9(3)(b).
        NotCompulsoryBoarderLeft = "9(3)(b)",
        /// reg 9(3)(c).
        NotCompulsoryTwentyDaysAbsent = "9(3)(c)",
        /// reg 9(3)(d).
        NotCompulsoryDied = "9(3)(d)",
        /// reg 9(3)(e).
        NotCompulsoryExcluded = "9(3)(e)",
    }
}

impl RemovalGround {
    /// Whether the ground is for a pupil of compulsory school age, reg 9(1), rather than reg 9(3).
    pub fn for_compulsory_age(self) -> bool {
        self < Self::NotCompulsoryLeft
    }

    /// Whether school and authority must first have looked for the pupil together: reg 9(1)(h) and (i) only.
    pub fn needs_joint_enquiries(self) -> bool {
        self == Self::NotBackAfterLeave || self == Self::TwentyDaysAbsent
    }

    /// The ground in plain words, shortened; the conditions in full are in the regulation.
    pub const fn description(self) -> &'static str {
        match self {
            Self::OtherSchool => "registered at another school, and not agreed to stay on both rolls",
            Self::NurseryEnded => "admitted for nursery, which has ended, and not going on to reception",
            Self::LeavesDualRegistration => {
                "on more than one roll and leaving this one, with every other school's consent"
            }
            Self::AttendanceOrderAmended => {
                "a school attendance order now names another school in place of this one"
            }
            Self::AttendanceOrderRevoked => {
                "a school attendance order was revoked because suitable education was arranged elsewhere than at school"
            }
            Self::EducatedOtherwise => {
                "a parent wrote that the pupil would be educated otherwise than at school after a day, now past"
            }
            Self::MovedAway => {
                "no longer normally lives within reasonable distance, does not board, and is not expected back"
            }
            Self::NotBackAfterLeave => {
                "did not come back within 10 school days of the end of leave, after joint enquiries with the authority"
            }
            Self::TwentyDaysAbsent => {
                "absent without leave for 20 school days or more, after joint enquiries with the authority"
            }
            Self::Detained => "detained under a sentence, and not expected back after release",
            Self::Died | Self::NotCompulsoryDied => "has died",
            Self::OverCompulsoryAge => {
                "will be over compulsory school age when the school next meets, and is leaving or not entitled to stay"
            }
            Self::BoardingUnpaid => "a boarder whose boarding charges were unpaid at the end of the term",
            Self::LeftIndependentSchool => {
                "no longer a pupil of a school that is neither maintained nor an academy"
            }
            Self::Excluded => "permanently excluded, and the exclusion has taken effect",
            Self::NotCompulsoryLeft => {
                "not of compulsory school age, does not board, and is not expected back"
            }
            Self::NotCompulsoryBoarderLeft => {
                "not of compulsory school age, boarded, and is no longer a pupil"
            }
            Self::NotCompulsoryTwentyDaysAbsent => {
                "not of compulsory school age, absent without leave for 20 school days or more, after the school's enquiries"
            }
            Self::NotCompulsoryExcluded => "not of compulsory school age, and permanently excluded",
        }
    }
}

/// A stay on the roll: its first day, and its last day with the ground once it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    starting_day: NaiveDate,
    end: Option<(NaiveDate, RemovalGround)>,
}

/// Why days and ground do not make a stay, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StayError {
    /// The last day is before the starting day.
    #[error("the last day is before the starting day; check both, and that they are in their columns")]
    Reversed,
    /// A last day without a ground.
    #[error("a last day needs the ground of removal; give its paragraph, such as `9(1)(a)`")]
    GroundMissing,
    /// A ground without a last day.
    #[error("a ground of removal needs the last day; give the day, or leave the ground out while on roll")]
    LastDayMissing,
}

impl Stay {
    /// Puts a stay together: the last day is on or after the first, and comes with its ground or not at all.
    ///
    /// A last day in the future is a stay too: it is how a school says beforehand that a pupil will leave.
    pub fn new(
        starting_day: NaiveDate,
        last_day: Option<NaiveDate>,
        ground: Option<RemovalGround>,
    ) -> Result<Self, StayError> {
        let end = match (last_day, ground) {
            (None, None) => None,
            (Some(last), Some(ground)) => Some((last, ground)),
            (Some(_), None) => return Err(StayError::GroundMissing),
            (None, Some(_)) => return Err(StayError::LastDayMissing),
        };
        if end.is_some_and(|(last, _)| last < starting_day) {
            return Err(StayError::Reversed);
        }
        Ok(Self { starting_day, end })
    }

    /// The first day on roll (SI 2024/208 reg 3(3) to (5)).
    pub fn starting_day(self) -> NaiveDate {
        self.starting_day
    }

    /// The last day on roll, within the stay.
    pub fn last_day(self) -> Option<NaiveDate> {
        self.end.map(|(last, _)| last)
    }

    /// The ground of removal.
    pub fn removal_ground(self) -> Option<RemovalGround> {
        self.end.map(|(_, ground)| ground)
    }

    /// Whether the pupil is on roll on `day`; the first and the last day are within.
    pub fn includes(self, day: NaiveDate) -> bool {
        self.starting_day <= day && self.last_day().is_none_or(|last| day <= last)
    }
}

/// One counted state of an enrolment of a child, as far as protection needs it.
#[derive(Clone, Copy, Debug)]
pub struct EnrolmentState {
    /// The enrolment.
    pub enrolment: EnrolmentId,
    /// When this state began to count here, school time.
    pub counted_from: DateTime<Utc>,
    /// First day on roll.
    pub starting_day: NaiveDate,
    /// Last day on roll, if it is given.
    pub last_day: Option<NaiveDate>,
    /// Whether it is the child's only enrolment as this school sees it.
    pub single: bool,
    /// Whether the flag of protected whereabouts stands.
    pub whereabouts_protected: bool,
}

/// The enrolments of one child that do not exist for whoever is barred, from every counted state of every enrolment.
///
/// The flag is the child's, so one that any school raised holds for the enrolment in which it was raised, and for every
/// other one that says where the child went: one that began on or after the day on which the flagged one began, one that
/// came to be known after the flag, and the other half of a dual registration; the latter two unless they had ended
/// before the flag was raised. An earlier enrolment at the school that was left stays as it was: a flagged admission must
/// change no byte of what that school and its agencies see, or the change would tell them of it.
pub fn protected_enrolments(states: &[EnrolmentState]) -> Vec<EnrolmentId> {
    struct Place {
        newest: EnrolmentState,
        known: DateTime<Utc>,
        raised: Option<DateTime<Utc>>,
    }
    let mut places: BTreeMap<EnrolmentId, Place> = BTreeMap::new();
    for state in states {
        let from = state.counted_from;
        let place =
            places.entry(state.enrolment).or_insert(Place { newest: *state, known: from, raised: None });
        if place.newest.counted_from <= from {
            place.newest = *state;
        }
        place.known = place.known.min(from);
        if state.whereabouts_protected {
            place.raised = Some(place.raised.map_or(from, |at| at.min(from)));
        }
    }
    let tells = |place: &Place, flagged: &Place, raised: DateTime<Utc>| {
        let (here, there) = (&place.newest, &flagged.newest);
        let goes_on = here.last_day.is_none_or(|last| last >= london(raised).date());
        here.enrolment == there.enrolment
            || here.starting_day >= there.starting_day
            || (goes_on && (place.known >= raised || (!here.single && !there.single)))
    };
    let protected = |place: &Place| {
        places.values().any(|flagged| flagged.raised.is_some_and(|at| tells(place, flagged, at)))
    };
    places.iter().filter(|(_, place)| protected(place)).map(|(id, _)| *id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_grounds_are_all_the_paragraphs_in_order() {
        let cited: Vec<String> = RemovalGround::ALL.iter().map(ToString::to_string).collect();
        let paragraphs = ('a'..='o').map(|letter| format!("9(1)({letter})"));
        let expected: Vec<String> =
            paragraphs.chain(('a'..='e').map(|letter| format!("9(3)({letter})"))).collect();
        assert_eq!(cited, expected);
    }

    #[test]
    fn grounds_by_age_and_enquiries() {
        for ground in RemovalGround::ALL {
            assert_eq!(ground.for_compulsory_age(), ground.as_str().starts_with("9(1)"), "{ground}");
            assert_eq!(
                ground.needs_joint_enquiries(),
                ["9(1)(h)", "9(1)(i)"].contains(&ground.as_str()),
                "{ground}"
            );
            assert_eq!(RemovalGround::parse(ground.as_str()), Some(*ground));
        }
        // Letters of the regulations of 2006, which meant other things.
        for old in ["8(1)(f)", "9(1)(p)", "9(3)(f)", "a", ""] {
            assert_eq!(RemovalGround::parse(old), None, "{old}");
        }
    }

    #[test]
    fn stays() {
        let (first, last) = (day("2025-09-03"), day("2026-07-21"));
        let ground = RemovalGround::OtherSchool;
        let stay = Stay::new(first, Some(last), Some(ground)).unwrap();
        assert_eq!((stay.last_day(), stay.removal_ground()), (Some(last), Some(ground)));
        for (on, within) in
            [("2025-09-02", false), ("2025-09-03", true), ("2026-07-21", true), ("2026-07-22", false)]
        {
            assert_eq!(stay.includes(day(on)), within, "{on}");
        }
        assert!(Stay::new(first, None, None).unwrap().includes(day("2036-01-01")));
        assert!(Stay::new(first, Some(first), Some(ground)).unwrap().includes(first));
        assert_eq!(Stay::new(last, Some(first), Some(ground)), Err(StayError::Reversed));
        assert_eq!(Stay::new(first, Some(last), None), Err(StayError::GroundMissing));
        assert_eq!(Stay::new(first, None, Some(ground)), Err(StayError::LastDayMissing));
    }

    /// An enrolment's state: number, counted from, first day, last day (`-` none), `single` or not, flagged or not.
    fn state(text: &str) -> EnrolmentState {
        let words: Vec<&str> = text.split_whitespace().collect();
        EnrolmentState {
            enrolment: EnrolmentId(Uuid::from_u128(words[0].parse().unwrap())),
            counted_from: format!("{}T09:00:00Z", words[1]).parse().unwrap(),
            starting_day: day(words[2]),
            last_day: (words[3] != "-").then(|| day(words[3])),
            single: words[4] == "single",
            whereabouts_protected: words[5] == "flagged",
        }
    }

    #[test]
    fn a_flag_covers_where_the_child_went_and_not_where_it_was() {
        for (what, states, protected) in [
            ("no flag", &["1 2026-09-01 2024-09-02 - single open"][..], &[][..]),
            (
                "the old school raised it; the new one admits without it",
                &[
                    "1 2026-09-01 2024-09-02 - single flagged",
                    "2 2026-11-02 2026-11-02 - single open",
                    "3 2026-11-09 2026-11-09 - single open",
                ],
                &[1, 2, 3],
            ),
            (
                "raised late, after the child had gone",
                &[
                    "1 2026-09-01 2024-09-02 - single open",
                    "2 2026-11-02 2026-11-02 - single open",
                    "1 2026-11-10 2024-09-02 2026-10-30 single flagged",
                ],
                &[1, 2],
            ),
            (
                "lowered in a later state: a file never lowers it",
                &[
                    "1 2026-09-01 2024-09-02 - single flagged",
                    "1 2026-10-01 2024-09-02 - single open",
                    "2 2026-11-02 2026-11-02 - single open",
                ],
                &[1, 2],
            ),
            (
                "the new school admits with the flag: the old one is as it was",
                &["1 2026-09-01 2024-09-02 - single open", "2 2026-11-02 2026-11-02 - single flagged"],
                &[2],
            ),
            (
                "the new school says an earlier first day than the flagged one's",
                &["1 2026-10-01 2026-10-05 - single flagged", "2 2026-11-02 2026-09-02 - single open"],
                &[1, 2],
            ),
            (
                "an old school that takes part only now, of a stay long over",
                &[
                    "1 2026-10-01 2026-10-05 - single flagged",
                    "2 2026-11-02 2020-09-02 2026-07-21 single open",
                ],
                &[1],
            ),
            (
                "two schools of one dual registration",
                &["1 2026-09-01 2024-09-02 - main open", "2 2026-10-01 2026-10-05 - subsidiary flagged"],
                &[1, 2],
            ),
            (
                "a dual registration that had ended before",
                &[
                    "1 2026-09-01 2024-09-02 2026-07-21 main open",
                    "2 2026-10-01 2026-10-05 - subsidiary flagged",
                ],
                &[2],
            ),
        ] {
            let states: Vec<EnrolmentState> = states.iter().map(|text| state(text)).collect();
            let expected: Vec<EnrolmentId> =
                protected.iter().map(|n| EnrolmentId(Uuid::from_u128(*n))).collect();
            assert_eq!(protected_enrolments(&states), expected, "{what}");
        }
    }
}
