//! Admission registers: children in families, their year groups, and who came and went at the turn of the year.

use super::calendar::school_year_of;
use super::names::{HERITAGES, Heritage, STREETS, TOWNS};
use super::schools::School;
use crate::demo::chance::Chance;
use crate::demo::upn;
use chrono::{Datelike, Days, NaiveDate, Weekday};

/// A child, as its family and its issuing school made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Unique pupil number; temporary for one child.
    pub upn: String,
    /// Family name.
    pub surname: String,
    /// Given name.
    pub forename: String,
    /// Day of birth.
    pub date_of_birth: NaiveDate,
    /// `F` or `M`.
    pub sex: &'static str,
    /// Where the child lives.
    pub address: String,
    /// A parent with whom the child lives.
    pub parent: String,
    /// That parent's telephone.
    pub telephone: String,
}

/// What is unusual about an enrolment's marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Nothing.
    Ordinary,
    /// Dual registration, main school: D on Thursdays and Fridays from `since`.
    Main,
    /// Dual registration, subsidiary school: D from Monday to Wednesday, and the last day expected here was missed.
    Subsidiary,
    /// A part-time timetable: C2 every afternoon from `since`.
    PartTime,
    /// An absence of two days whose reason was never found out, on `since` and the day after.
    StaleN,
    /// No mark at all.
    Unmarked,
    /// A mobile child: long spells of T, SI 2024/208 reg 10.
    Travelling,
    /// Provision arranged by the authority on Thursdays.
    OffSite,
}

/// A child at a school.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own in the register's export")]
pub struct Enrolment {
    /// The school's own number.
    pub school_pupil_id: String,
    /// Who.
    pub child: Child,
    /// Year group, this year or in the last year on roll; 0 is reception.
    pub year_group: i32,
    /// `single`, `main` or `subsidiary`.
    pub status: &'static str,
    /// First day on roll.
    pub starting_day: NaiveDate,
    /// Last day on roll.
    pub last_day: Option<NaiveDate>,
    /// Ground of removal, SI 2024/208 reg 9.
    pub ground: Option<&'static str>,
    /// Boards at the school, which then records no attendance for the pupil.
    pub boarder: bool,
    /// Has a part-time timetable.
    pub part_time: bool,
    /// Three digits, as recorded.
    pub home_authority: &'static str,
    /// Where the child is must not be found out.
    pub whereabouts_protected: bool,
    /// Last school, if any.
    pub last_school: String,
    /// Name of the other school of a dual registration, reg 8(4).
    pub other_school: Option<String>,
    /// Support for special educational needs.
    pub sen: bool,
    /// Free school meals.
    pub free_meals: bool,
    /// Known to have a social worker.
    pub social_worker: bool,
    /// What is unusual.
    pub pattern: Pattern,
    /// From when the pattern holds.
    pub since: NaiveDate,
    /// Sessions missed of a thousand, as drawn.
    pub share_missed: usize,
}

impl Enrolment {
    /// Whether the child is on roll on a day.
    pub fn on_roll(&self, day: NaiveDate) -> bool {
        self.starting_day <= day && self.last_day.is_none_or(|last| day <= last)
    }
}

struct Family {
    heritage: &'static Heritage,
    surname: &'static str,
    address: String,
    parent: String,
    telephone: String,
    children: Vec<(NaiveDate, &'static str)>,
}

/// Fills the rolls of schools one after the other.
pub struct Roll {
    chance: Chance,
    today: NaiveDate,
    families: Vec<Family>,
    leavers: Vec<Child>,
    enrolled: usize,
}

impl Roll {
    /// An authority without children yet.
    pub fn new(seed: u64, today: NaiveDate) -> Self {
        Self {
            chance: Chance::new(seed, "roll"),
            today,
            families: Vec::new(),
            leavers: Vec::new(),
            enrolled: 0,
        }
    }

    /// Puts `size` children on the roll of a school, and those who left it at the end of last year.
    pub fn fill(&mut self, school: &mut School, index: usize, size: usize) {
        let groups = school.last_year - school.first_year + 1;
        let groups_size = usize::try_from(groups).unwrap_or(1).max(1);
        let mut years: Vec<i32> =
            (0..size).map(|n| school.first_year + i32::try_from(n % groups_size).unwrap_or(0)).collect();
        years.sort_unstable();
        for year_group in years {
            self.enrol(school, index, year_group, false);
        }
        for _ in 0..size / groups_size {
            self.enrol(school, index, school.last_year, true);
        }
    }

    fn enrol(&mut self, school: &mut School, index: usize, year_group: i32, left: bool) {
        let this_year = school_year_of(self.today);
        let cohort_start = this_year - i32::from(left) - 5 - year_group;
        let new_here = year_group == school.first_year && !left;
        let moves_up = if new_here && school.first_year > 0 { self.leavers.pop() } else { None };
        let came_from_primary = moves_up.is_some();
        let child = moves_up.unwrap_or_else(|| self.child(school, index, cohort_start));
        let ends = left.then(|| school.calendars[0].last_open()).flatten();
        // Over compulsory school age when the school next meets, reg 9(1)(l), or at the next school, reg 9(1)(a).
        let ground = if school.last_year >= 11 { "9(1)(l)" } else { "9(1)(a)" };
        if left && school.last_year < 11 {
            self.leavers.push(child.clone());
        }
        let enrolment = Enrolment {
            school_pupil_id: format!("{}{:05}", 100 + index, school.enrolments.len() + 1),
            year_group,
            status: "single",
            starting_day: starting_day(
                school,
                this_year - i32::from(left) - (year_group - school.first_year),
            ),
            last_day: ends,
            ground: ends.map(|_| ground),
            boarder: false,
            part_time: false,
            home_authority: "999",
            whereabouts_protected: false,
            last_school: if came_from_primary {
                "a primary school of Exampleshire".to_owned()
            } else {
                String::new()
            },
            other_school: None,
            sen: school.phase == "special" || self.chance.per_mille(150),
            free_meals: self.chance.per_mille(240),
            social_worker: self.chance.per_mille(30),
            pattern: self.pattern(year_group),
            since: self.today,
            share_missed: share_missed(school.phase, self.enrolled),
            child,
        };
        self.enrolled += 1;
        school.enrolments.push(enrolment);
    }

    fn pattern(&mut self, year_group: i32) -> Pattern {
        if year_group >= 9 && self.chance.per_mille(20) {
            Pattern::OffSite
        } else if self.chance.per_mille(5) {
            Pattern::Travelling
        } else {
            Pattern::Ordinary
        }
    }

    /// A new child born in the cohort that starts on 1 September of a year; in three of ten cases a sibling.
    fn child(&mut self, school: &School, index: usize, cohort_start: i32) -> Child {
        let cohort = NaiveDate::from_ymd_opt(cohort_start, 9, 1).unwrap_or_default();
        let born = cohort + Days::new(u64::try_from(self.chance.below(365)).unwrap_or(0));
        let family = self.family(born);
        let girl = self.chance.below(2) == 0;
        let serial = school.enrolments.len();
        let Some(family) = self.families.get_mut(family) else {
            return nobody(born);
        };
        let names = if girl { family.heritage.girls } else { family.heritage.boys };
        let free: Vec<&'static str> =
            names.iter().copied().filter(|n| family.children.iter().all(|c| c.1 != *n)).collect();
        let forename = self.chance.word(&free);
        family.children.push((born, forename));
        Child {
            // Issued in the year the child turned five, by a school that need not be this one.
            upn: upn::permanent(2000 + index * 20, cohort_start + 5, serial),
            surname: family.surname.to_owned(),
            forename: forename.to_owned(),
            date_of_birth: born,
            sex: if girl { "F" } else { "M" },
            address: family.address.clone(),
            parent: family.parent.clone(),
            telephone: family.telephone.clone(),
        }
    }

    /// The place of a family that a child born on a day can belong to: a recent one, or a new one.
    fn family(&mut self, born: NaiveDate) -> usize {
        let place = self.chance.below(self.families.len());
        let joins = self.chance.per_mille(300);
        let fits = self.families.get(place).is_some_and(|family| {
            family.children.len() < 4
                && family.children.iter().all(|c| (c.0 - born).num_days().unsigned_abs() > 300)
        });
        if joins && fits {
            return place;
        }
        let weights: Vec<usize> = HERITAGES.iter().map(|h| h.weight).collect();
        let Some(heritage) = HERITAGES.get(self.chance.weighted(&weights)) else {
            return place;
        };
        let surname = self.chance.word(heritage.surnames);
        let (town, outward) = self.chance.pick(TOWNS).copied().unwrap_or_default();
        let (house, street) = (self.chance.below(180) + 1, self.chance.word(STREETS));
        // A postcode of its own for each family keeps addresses apart; the area XE is in no use.
        let inward = self.families.len() % 9000;
        self.families.push(Family {
            heritage,
            surname,
            address: format!("{house} {street}, {town}, {outward} {inward}XX"),
            parent: format!("{} {surname}", self.chance.word(heritage.girls)),
            telephone: format!("07700 900{:03}", self.chance.below(1000)),
            children: Vec::new(),
        });
        self.families.len() - 1
    }
}

/// Stands where the list of families is empty, which [`Roll::family`] prevents.
fn nobody(born: NaiveDate) -> Child {
    Child {
        upn: String::new(),
        surname: String::new(),
        forename: String::new(),
        date_of_birth: born,
        sex: "F",
        address: String::new(),
        parent: String::new(),
        telephone: String::new(),
    }
}

/// The first day of a pupil who came in September of a year.
fn starting_day(school: &School, year: i32) -> NaiveDate {
    let known = school.calendars.iter().find(|c| c.start_year == year).and_then(super::Calendar::first_open);
    let fourth = NaiveDate::from_ymd_opt(year, 9, 4).unwrap_or_default();
    let weekday = match fourth.weekday() {
        Weekday::Sat => fourth + Days::new(2),
        Weekday::Sun => fourth + Days::new(1),
        Weekday::Mon | Weekday::Tue | Weekday::Wed | Weekday::Thu | Weekday::Fri => fourth,
    };
    known.unwrap_or(weekday)
}

/// Sessions missed of a thousand, spread over pupils so that any run of them has the phase's share of persistent and
/// severe absence: steps of the golden ratio leave no cluster and no gap.
fn share_missed(phase: &str, place: usize) -> usize {
    let turn = u64::try_from(place).unwrap_or(0).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let rank = usize::try_from((turn * 1000) >> 32).unwrap_or(0);
    // Of a thousand pupils: severely absent; persistently absent, those included. National shape, rounded.
    let (severe, persistent) = match phase {
        "primary" => (12, 140),
        "secondary" => (27, 215),
        "special" => (30, 300),
        _ => (20, 175),
    };
    let along = |from: usize, to: usize| (rank - from) * 1000 / (to - from);
    if rank < severe {
        505 + along(0, severe) * 245 / 1000
    } else if rank < persistent {
        let t = along(severe, persistent);
        108 + 230 * t / 1000 * t / 1000 * t / 1000
    } else {
        let t = along(persistent, 1000);
        4 + 85 * t / 1000 * t / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_pupils_has_its_phases_share_of_persistent_absence() {
        for (phase, low, high) in [("primary", 12, 16), ("secondary", 19, 24), ("all_through", 15, 20)] {
            for start in [0, 170, 999] {
                let missed = (start..start + 100).map(|place| share_missed(phase, place));
                let persistent = missed.filter(|share| *share >= 100).count();
                assert!((low..=high).contains(&persistent), "{phase} {start}: {persistent}");
            }
        }
    }
}
