//! Who counts in a school's figures, in which groups, and with how many sessions.
//!
//! As the Department for Education counts: the unit is the enrolment, boarders and guests are left out, and so is
//! whoever had no possible session. Sums are sums of sessions; no rate is ever a mean of rates.

use crate::domain::attendance::PackedYear;
use crate::domain::attendance::summary::{Counts, Enrolment as OnRoll, Register, Window, YearOfMarks};
use crate::domain::calendar::SchoolCalendar;
use crate::domain::pupil::YearGroup;
use crate::domain::roll::EnrolmentStatus;
use crate::domain::words;
use crate::registers::SchoolPupil;
use chrono::NaiveDate;
use std::collections::BTreeMap;
use uuid::Uuid;

words! {
    /// A cohort of which schools may send marks.
    Cohort {
        /// Special educational needs, support within school.
        SenSupport = "sen_support",
        /// An education, health and care plan.
        SenPlan = "sen_plan",
        /// Eligible for free school meals.
        FreeMeals = "free_meals",
        /// Has a social worker.
        SocialWorker = "social_worker",
    }
}

/// Whose figures stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    /// Everybody.
    School,
    /// A national curriculum year, as the school gave it.
    Year(YearGroup),
    /// A cohort.
    Cohort(Cohort),
}

impl Group {
    /// Every group that there can be.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let years = YearGroup::ALL.iter().copied().map(Self::Year);
        [Self::School].into_iter().chain(years).chain(Cohort::ALL.iter().copied().map(Self::Cohort))
    }

    /// The bit that stands for it in what is stored, so that neither a year group nor a cohort may change its place.
    pub(super) fn bit(self) -> u32 {
        let place = |at: Option<usize>| at.and_then(|at| u32::try_from(at).ok()).unwrap_or(31);
        match self {
            Self::School => 1,
            Self::Year(year) => 2 << place(YearGroup::ALL.iter().position(|known| *known == year)).min(22),
            Self::Cohort(cohort) => {
                1 << (24 + place(Cohort::ALL.iter().position(|known| *known == cohort)).min(7))
            }
        }
    }

    /// The word by which what is published is stored.
    pub(super) fn word(self) -> String {
        match self {
            Self::School => "school".to_owned(),
            Self::Year(year) => format!("year {year}"),
            Self::Cohort(cohort) => cohort.as_str().to_owned(),
        }
    }

    /// Reads the word.
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word.strip_prefix("year ") {
            Some(year) => YearGroup::parse(year).map(Self::Year),
            None if word == "school" => Some(Self::School),
            None => Cohort::parse(word).map(Self::Cohort),
        }
    }
}

/// One enrolment that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pupil {
    /// The enrolment.
    pub(super) enrolment: Uuid,
    /// Its groups, the whole school among them.
    pub(super) groups: Vec<Group>,
    /// Its sessions.
    pub(super) counts: Counts,
}

/// The enrolments that have a session in the window, as far as it is over, with or without its mark.
pub(super) fn expected<'a>(
    register: impl Iterator<Item = &'a SchoolPupil>,
    calendars: &[SchoolCalendar],
    window: Window,
) -> Vec<Pupil> {
    let all = register.filter(|pupil| counts_at_all(pupil)).map(|pupil| Pupil {
        enrolment: pupil.enrolment.id,
        groups: groups(pupil),
        counts: counts(calendars, pupil, window),
    });
    all.filter(|pupil| pupil.counts.possible() + pupil.counts.without_mark > 0).collect()
}

/// Those of them with a possible session: the others are in no figure.
pub(super) fn possible(mut expected: Vec<Pupil>) -> Vec<Pupil> {
    expected.retain(|pupil| pupil.counts.possible() > 0);
    expected
}

fn counts_at_all(pupil: &SchoolPupil) -> bool {
    !pupil.enrolment.boarder && pupil.enrolment.status != EnrolmentStatus::Guest.as_str()
}

fn groups(pupil: &SchoolPupil) -> Vec<Group> {
    let year = pupil.enrolment.year_group.as_deref().and_then(YearGroup::parse).map(Group::Year);
    let fields: BTreeMap<String, String> =
        pupil.fields.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let said = |field: &str, value: &str| fields.get(field).is_some_and(|given| given == value);
    let belongs = |cohort: &Cohort| match cohort {
        Cohort::SenSupport => said("sen", "support"),
        Cohort::SenPlan => said("sen", "plan"),
        Cohort::FreeMeals => said("free_meals", "true"),
        Cohort::SocialWorker => said("social_worker", "true"),
    };
    let cohorts = Cohort::ALL.iter().copied().filter(belongs).map(Group::Cohort);
    [Group::School].into_iter().chain(year).chain(cohorts).collect()
}

fn counts(calendars: &[SchoolCalendar], pupil: &SchoolPupil, window: Window) -> Counts {
    let years: Vec<YearOfMarks<'_>> = calendars
        .iter()
        .map(|calendar| YearOfMarks {
            calendar,
            marks: pupil
                .marks
                .iter()
                .find(|(year, _)| *year == calendar.year())
                .map_or(&PackedYear::EMPTY, |(_, marks)| marks),
            entered: None,
            minutes_late: None,
        })
        .collect();
    let enrolment = OnRoll {
        starting_day: pupil.enrolment.starting_day,
        last_day: pupil.enrolment.last_day,
        boarder: pupil.enrolment.boarder,
        part_time: pupil.enrolment.part_time,
        dual_registered: false,
    };
    Register { enrolment, years: &years, window }.counts()
}

/// Sums over enrolments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Enrolments.
    pub(super) enrolments: u32,
    /// Their sessions.
    pub(super) counts: Counts,
    /// Those that are persistently absent, each by its own possible sessions.
    pub(super) persistent: u32,
    /// Those that are severely absent.
    pub(super) severe: u32,
}

impl Tally {
    /// Adds one enrolment; its flags are decided by the rules of the day.
    pub(super) fn add(&mut self, counts: Counts, on: NaiveDate) {
        self.enrolments += 1;
        self.counts += counts;
        self.persistent += u32::from(counts.persistent_absence(on));
        self.severe += u32::from(counts.severe_absence(on));
    }
}

/// The sums of each group that has anybody, with flags by the rules of the day.
pub(super) fn tallies(pupils: &[Pupil], on: NaiveDate) -> BTreeMap<Group, Tally> {
    let mut all: BTreeMap<Group, Tally> = BTreeMap::new();
    for pupil in pupils {
        for group in &pupil.groups {
            all.entry(*group).or_default().add(pupil.counts, on);
        }
    }
    all
}
