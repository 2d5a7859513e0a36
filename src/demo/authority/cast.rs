//! The awkward, each findable by name: children whose records go wrong in real systems.

use super::roll::{Enrolment, Pattern};
use super::schools::School;
use crate::demo::chance::Chance;
use crate::demo::upn;
use chrono::{Datelike, NaiveDate};
use std::collections::{HashMap, HashSet};

/// An enrolment by its place: school, then position on its roll.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// Index of the school.
    pub school: usize,
    /// Index of the enrolment.
    pub position: usize,
}

/// Who is who.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    /// Dual registered, main school.
    pub dual_main: Place,
    /// The same child at the subsidiary school.
    pub dual_subsidiary: Place,
    /// On a part-time timetable (C2).
    pub part_time: Place,
    /// Joined in the middle of a year.
    pub joined: Place,
    /// Left in the middle of a year to be educated otherwise, reg 9(1)(f).
    pub left: Place,
    /// Boards; no attendance is recorded.
    pub boarder: Place,
    /// On roll without a single mark.
    pub no_marks: Place,
    /// Two days of N, never resolved.
    pub stale_n: Place,
    /// Moved school: the enrolment that ended.
    pub moved_from: Place,
    /// Moved school: the enrolment that followed.
    pub moved_to: Place,
    /// Whereabouts protected.
    pub protected: Place,
    /// Misses half of all sessions or more.
    pub severe: Place,
    /// Misses a tenth or more.
    pub persistent: Place,
    /// Has a temporary UPN.
    pub temporary_upn: Place,
    /// An apostrophe in the name.
    pub apostrophe: Place,
    /// A hyphen in the name.
    pub hyphen: Place,
    /// Names with letters outside Latin-1, in Cyrillic and in Han characters.
    pub scripts: [Place; 3],
    /// Two children of one family.
    pub siblings: [Place; 2],
}

/// Casts the awkward from the ordinary, changing their enrolments.
pub fn cast(schools: &mut [School], seed: u64, today: NaiveDate) -> Cast {
    let mut stage = Stage::new(schools, seed, today);
    let mut cast = Cast::default();
    // Two schools that share year groups: a secondary and an all-through, or with two schools a primary.
    let (a, b) = if schools.len() > 2 { (1, 2) } else { (0, 1) };
    cast.siblings = siblings(schools);
    stage.used.extend(cast.siblings);
    cast.severe = stage.pick(schools, a, |e| e.share_missed >= 500);
    cast.persistent = stage.pick(schools, a, |e| (120..300).contains(&e.share_missed));
    dual(schools, &mut stage, &mut cast, a, b);
    moved(schools, &mut stage, &mut cast, a, b);
    unusual_marks(schools, &mut stage, &mut cast, a, b);
    comings_and_goings(schools, &mut stage, &mut cast, a);
    names(schools, &mut stage, &mut cast);
    cast
}

/// Remembers who already has a part.
struct Stage {
    chance: Chance,
    today: NaiveDate,
    used: HashSet<Place>,
    alone: HashSet<String>,
}

impl Stage {
    fn new(schools: &[School], seed: u64, today: NaiveDate) -> Self {
        let mut homes: HashMap<&str, usize> = HashMap::new();
        for enrolment in schools.iter().flat_map(|s| &s.enrolments) {
            *homes.entry(&enrolment.child.address).or_default() += 1;
        }
        let alone = homes.into_iter().filter(|(_, n)| *n == 1).map(|(home, _)| home.to_owned()).collect();
        Self { chance: Chance::new(seed, "cast"), today, used: HashSet::new(), alone }
    }

    /// An unused ordinary enrolment of a school that fits, and else any unused one that is still on roll.
    fn pick(&mut self, schools: &[School], school: usize, fits: impl Fn(&Enrolment) -> bool) -> Place {
        let Some(found) = schools.get(school) else { return Place::default() };
        let settled = found.calendars[0].first_open().unwrap_or_default();
        let free = |position: &usize, e: &Enrolment| {
            e.last_day.is_none() && !self.used.contains(&Place { school, position: *position })
        };
        let suits = |e: &Enrolment| {
            e.pattern == Pattern::Ordinary
                && e.starting_day <= settled
                && self.alone.contains(&e.child.address)
        };
        let all = || found.enrolments.iter().enumerate().filter(|(position, e)| free(position, e));
        let fitting: Vec<usize> = all().filter(|(_, e)| suits(e) && fits(e)).map(|(p, _)| p).collect();
        let any: Vec<usize> = all().map(|(p, _)| p).collect();
        let choice = if fitting.is_empty() { &any } else { &fitting };
        let position = self.chance.pick(choice).copied();
        let place = Place { school, position: position.unwrap_or(0) };
        self.used.insert(place);
        place
    }
}

/// Attends like most.
fn well(e: &Enrolment) -> bool {
    e.share_missed < 60
}

/// Two on roll with the same home and surname.
fn siblings(schools: &[School]) -> [Place; 2] {
    let mut homes: HashMap<(&str, &str), Place> = HashMap::new();
    for (school, found) in schools.iter().enumerate() {
        for (position, e) in found.enrolments.iter().enumerate().filter(|(_, e)| e.last_day.is_none()) {
            let place = Place { school, position };
            let home = (e.child.address.as_str(), e.child.surname.as_str());
            if let Some(first) = homes.insert(home, place) {
                return [first, place];
            }
        }
    }
    [Place::default(); 2]
}

fn change(schools: &mut [School], place: Place, change: impl FnOnce(&mut Enrolment)) {
    if let Some(e) = schools.get_mut(place.school).and_then(|s| s.enrolments.get_mut(place.position)) {
        change(e);
    }
}

/// Puts the child of an enrolment on a second roll; the same child, number and name.
fn second(schools: &mut [School], stage: &mut Stage, from: Place, to: usize, since: NaiveDate) -> Place {
    let Some(mut e) = schools.get(from.school).and_then(|s| s.enrolments.get(from.position)).cloned() else {
        return from;
    };
    let last_school = schools.get(from.school).map(|s| s.name.clone()).unwrap_or_default();
    let Some(school) = schools.get_mut(to) else { return from };
    let place = Place { school: to, position: school.enrolments.len() };
    e.school_pupil_id = format!("{}{:05}", 100 + to, place.position + 1);
    (e.starting_day, e.last_day, e.ground, e.last_school) = (since, None, None, last_school);
    school.enrolments.push(e);
    stage.used.insert(place);
    place
}

fn name(schools: &[School], school: usize) -> Option<String> {
    schools.get(school).map(|s| s.name.clone())
}

/// The oldest first year of two schools, and one more: a year group that both have.
fn common_year(schools: &[School], a: usize, b: usize) -> i32 {
    [a, b].iter().filter_map(|i| schools.get(*i)).map(|s| s.first_year).max().unwrap_or(0) + 1
}

fn dual(schools: &mut [School], stage: &mut Stage, cast: &mut Cast, a: usize, b: usize) {
    let year = common_year(schools, a, b);
    let main = stage.pick(schools, a, |e| e.year_group == year && well(e));
    let since = schools.get(b).map_or(stage.today, |s| s.days_ago(stage.today, 60));
    let subsidiary = second(schools, stage, main, b, since);
    let (name_a, name_b) = (name(schools, a), name(schools, b));
    change(schools, main, |e| {
        (e.status, e.pattern, e.since, e.other_school) = ("main", Pattern::Main, since, name_b);
    });
    change(schools, subsidiary, |e| {
        (e.status, e.pattern, e.since, e.other_school) = ("subsidiary", Pattern::Subsidiary, since, name_a);
    });
    (cast.dual_main, cast.dual_subsidiary) = (main, subsidiary);
}

fn moved(schools: &mut [School], stage: &mut Stage, cast: &mut Cast, a: usize, b: usize) {
    let year = common_year(schools, a, b) + 1;
    let from = stage.pick(schools, a, |e| e.year_group == year && well(e));
    let last = schools.get(a).map_or(stage.today, |s| s.days_ago(stage.today, 36));
    let days = schools.get(b).map(|s| s.open_days(stage.today)).unwrap_or_default();
    let first = days.iter().map(|d| d.date).find(|d| *d > last).unwrap_or(stage.today);
    let to = second(schools, stage, from, b, first);
    change(schools, from, |e| (e.last_day, e.ground) = (Some(last), Some("9(1)(a)")));
    (cast.moved_from, cast.moved_to) = (from, to);
}

fn unusual_marks(schools: &mut [School], stage: &mut Stage, cast: &mut Cast, a: usize, b: usize) {
    let ago = |schools: &[School], stage: &Stage, back| {
        schools.get(a).map_or(stage.today, |s| s.days_ago(stage.today, back))
    };
    cast.part_time = stage.pick(schools, a, well);
    let since = ago(schools, stage, 20);
    change(schools, cast.part_time, |e| {
        (e.part_time, e.pattern, e.since) = (true, Pattern::PartTime, since);
    });
    cast.stale_n = stage.pick(schools, a, well);
    let since = ago(schools, stage, 12);
    change(schools, cast.stale_n, |e| (e.pattern, e.since) = (Pattern::StaleN, since));
    cast.boarder = stage.pick(schools, b, well);
    change(schools, cast.boarder, |e| (e.boarder, e.pattern) = (true, Pattern::Unmarked));
    cast.no_marks = stage.pick(schools, b, well);
    change(schools, cast.no_marks, |e| e.pattern = Pattern::Unmarked);
}

fn comings_and_goings(schools: &mut [School], stage: &mut Stage, cast: &mut Cast, a: usize) {
    let ago = |schools: &[School], stage: &Stage, back| {
        schools.get(a).map_or(stage.today, |s| s.days_ago(stage.today, back))
    };
    cast.joined = stage.pick(schools, a, well);
    let day = ago(schools, stage, 30);
    change(schools, cast.joined, |e| {
        (e.starting_day, e.last_school) = (day, "a school in another county".to_owned());
    });
    cast.left = stage.pick(schools, a, well);
    let day = ago(schools, stage, 25);
    change(schools, cast.left, |e| (e.last_day, e.ground) = (Some(day), Some("9(1)(f)")));
}

fn names(schools: &mut [School], stage: &mut Stage, cast: &mut Cast) {
    let named = |schools: &mut [School], place: Place, forename: &str, surname: &str| {
        change(schools, place, |e| {
            (e.child.forename, e.child.surname) = (forename.to_owned(), surname.to_owned());
        });
    };
    cast.protected = stage.pick(schools, 0, well);
    change(schools, cast.protected, |e| {
        (e.whereabouts_protected, e.child.address) = (true, "care of the school".to_owned());
    });
    cast.temporary_upn = stage.pick(schools, 0, well);
    change(schools, cast.temporary_upn, |e| e.child.upn = upn::temporary(2000, e.starting_day.year(), 7));
    cast.apostrophe = stage.pick(schools, 0, well);
    named(schools, cast.apostrophe, "Aoife", "O'Neill");
    cast.hyphen = stage.pick(schools, 0, well);
    named(schools, cast.hyphen, "Ella-Mae", "D'Souza-Whitaker");
    for (index, (forename, surname)) in
        [("Łukasz", "Żółkiewski"), ("Зоя", "Шевченко"), ("明", "李")].iter().enumerate()
    {
        let place = stage.pick(schools, index % schools.len(), well);
        named(schools, place, forename, surname);
        if let Some(part) = cast.scripts.get_mut(index) {
            *part = place;
        }
    }
}
