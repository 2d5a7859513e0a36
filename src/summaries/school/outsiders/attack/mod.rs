//! The attack on published figures, by other means than the proof's: everything that an outsider can be told of seeded
//! small schools over two years is taken together, answer by answer, and searched for a sum or difference of figures
//! that is a figure of one to four pupils.

mod search;

use super::super::counted::{Cohort, Group};
use super::half_terms::{Cell, HalfTerm, Kept, cells};
use crate::config::Suppression;
use crate::domain::attendance::summary::Counts;
use crate::domain::calendar::SchoolYear;
use crate::domain::pupil::YearGroup;
use chrono::NaiveDate;
use search::Search;
use std::collections::BTreeMap;
use uuid::Uuid;

const LEAST: Suppression = Suppression { smallest_group_pupils: 10, smallest_count_pupils: 5 };
/// Nothing is suppressed: what the attack must find its way through.
const NONE: Suppression = Suppression { smallest_group_pupils: 1, smallest_count_pupils: 1 };
const SEEDS: u64 = 4;
const HALF_TERMS: i64 = 6;
const YEARS: [YearGroup; 4] = [YearGroup::Year3, YearGroup::Year4, YearGroup::Year5, YearGroup::Year6];

/// Numbers that look drawn and are the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

#[derive(Clone)]
struct Child {
    id: u128,
    year: usize,
    cohorts: Vec<Cohort>,
    left: bool,
    /// Sessions of a hundred missed.
    missing: u64,
}

impl Child {
    fn new(draw: &mut Draw, id: u128, year: usize) -> Self {
        let cohorts = Cohort::ALL.iter().copied().filter(|_| draw.one_in(3)).collect();
        let missing = [0, 2, 5, 9, 12, 30, 60][usize::try_from(draw.below(7)).unwrap()];
        Self { id, year, cohorts, left: false, missing }
    }

    fn groups(&self) -> u32 {
        let year = Group::Year(YEARS[self.year]).bit();
        self.cohorts.iter().fold(Group::School.bit() | year, |bits, c| bits | Group::Cohort(*c).bit())
    }

    fn counts(&self, draw: &mut Draw) -> Counts {
        let mut counts = Counts::default();
        if self.left {
            return counts;
        }
        for _ in 0..40 {
            match (draw.below(100) < self.missing, draw.one_in(4)) {
                (false, _) => counts.attended += 1,
                (true, false) => counts.authorised += 1,
                (true, true) => counts.unauthorised += 1,
            }
        }
        counts
    }
}

/// How a school's half terms are published.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// As they are.
    AsPublished(Suppression),
    /// With the groups taken anew each time and without a look at what has been told.
    Forgetful,
}

/// Two school years of a school: everything that an outsider can be told, with the pupils behind it.
fn school(seed: u64, manner: Manner) -> Vec<HalfTerm> {
    let mut draw = Draw(seed);
    let size = 14 + draw.below(40);
    let mut children: Vec<Child> =
        (0..size).map(|n| Child::new(&mut draw, u128::from(n), usize::try_from(n % 4).unwrap())).collect();
    let mut next = u128::from(size);
    let mut all: Vec<HalfTerm> = Vec::new();
    for year in [2025, 2026] {
        let mut own: Vec<HalfTerm> = Vec::new();
        let day = NaiveDate::from_ymd_opt(year, 9, 1).unwrap();
        for place in 1..=HALF_TERMS {
            let fresh = place == 1 || manner == Manner::Forgetful;
            let pupils: Vec<Kept> = if fresh {
                let here = children.iter().filter(|child| !child.left);
                here.map(|c| Kept {
                    enrolment: Uuid::from_u128(c.id),
                    groups: c.groups(),
                    counts: c.counts(&mut draw),
                })
                .collect()
            } else {
                let of =
                    |kept: &Kept| children.iter().find(|c| Uuid::from_u128(c.id) == kept.enrolment).unwrap();
                own[0]
                    .pupils
                    .iter()
                    .map(|kept| Kept { counts: of(kept).counts(&mut draw), ..*kept })
                    .collect()
            };
            let cells = match manner {
                Manner::AsPublished(least) => cells((&pupils, day), (&own, &all), least),
                Manner::Forgetful => cells((&pupils, day), (&[], &[]), LEAST),
            };
            let year = SchoolYear(year);
            own.push(HalfTerm { year, place, from: day, to: day, published: day, pupils, cells });
            // One comes, one goes, one changes cohort.
            children.push(Child::new(&mut draw, next, usize::try_from(next % 4).unwrap()));
            next += 1;
            let many = u64::try_from(children.len()).unwrap();
            let picked = usize::try_from(draw.below(many)).unwrap();
            children[picked].left |= draw.one_in(2);
            let picked = usize::try_from(draw.below(many)).unwrap();
            children[picked].cohorts = Cohort::ALL.iter().copied().filter(|_| draw.one_in(3)).collect();
        }
        all.extend(own);
        children.retain(|child| !child.left && child.year < 3);
        for child in &mut children {
            child.year += 1;
        }
        for _ in 0..size / 4 {
            children.push(Child::new(&mut draw, next, 0));
            next += 1;
        }
    }
    all
}

/// What a coefficient is of: sessions of a kind in a half term, or heads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Sessions(usize, u8),
    Heads,
}

/// A figure: which coefficients of which pupils it is the sum of.
type Figure = Vec<(Uuid, Of)>;

/// The figures that one answer gives: of the half term at `at` alone, or of the year to its end.
struct Answer {
    year: SchoolYear,
    sums: Vec<Figure>,
    heads: Vec<Figure>,
    /// Who is at the school and in which year group: told to the authority by name, pupil by pupil.
    told_by_name: Vec<Figure>,
}

fn answer(all: &[HalfTerm], at: usize, alone: bool, manner: Manner) -> Answer {
    let half_term = &all[at];
    let of_year = all.iter().position(|h| h.year == half_term.year).unwrap();
    let first = if manner == Manner::Forgetful { at } else { of_year };
    let span = if alone { at } else { first }..=at;
    let (mut sums, mut heads, mut told_by_name) = (Vec::new(), Vec::new(), Vec::new());
    for cells in &half_term.cells {
        let group = Group::parse(&cells.group).unwrap();
        let bit = group.bit();
        let cell = if alone { cells.half_term } else { cells.year_to_date };
        let members = |h: &HalfTerm| -> Vec<Kept> {
            h.pupils.iter().copied().filter(|p| p.groups & bit != 0).collect()
        };
        let sum = |kinds: &[u8]| -> Figure {
            let slices =
                span.clone().flat_map(|slice| members(&all[slice]).into_iter().map(move |p| (slice, p)));
            slices
                .flat_map(|(slice, p)| kinds.iter().map(move |kind| (slice, p, *kind)))
                .filter(|(_, p, kind)| {
                    [p.counts.attended, p.counts.authorised, p.counts.unauthorised][usize::from(*kind)] > 0
                })
                .map(|(slice, p, kind)| (p.enrolment, Of::Sessions(slice, kind)))
                .collect()
        };
        let parts: [(Option<u32>, u8); 3] =
            [(cell.attended, 0), (cell.authorised, 1), (cell.unauthorised, 2)];
        sums.extend(parts.iter().filter(|(given, _)| given.is_some()).map(|(_, kind)| sum(&[*kind])));
        // Of all three the possible ones are the sum.
        if cell.possible.is_some() && parts.iter().any(|(given, _)| given.is_none()) {
            sums.push(sum(&[0, 1, 2]));
        }
        let mut so_far: BTreeMap<Uuid, Counts> = BTreeMap::new();
        for p in (first..=at).flat_map(|slice| members(&all[slice])) {
            *so_far.entry(p.enrolment).or_default() += p.counts;
        }
        let absent = |measure: fn(&Counts, NaiveDate) -> bool| -> Figure {
            let absent = so_far.iter().filter(|(_, counts)| measure(counts, half_term.to));
            absent.map(|(enrolment, _)| (*enrolment, Of::Heads)).collect()
        };
        let given = [
            (cell.enrolments, members(half_term).iter().map(|p| (p.enrolment, Of::Heads)).collect()),
            (cell.persistent, absent(Counts::persistent_absence)),
            (cell.severe, absent(Counts::severe_absence)),
        ];
        for (at, (number, figure)) in given.into_iter().enumerate() {
            if let Some(number) = number {
                assert_eq!(usize::try_from(number).unwrap(), figure.len(), "what is given is true");
                let by_name = at == 0 && !matches!(group, Group::Cohort(_));
                if by_name { &mut told_by_name } else { &mut heads }.push(figure);
            }
        }
        hold_sums(&cell, &span.clone().flat_map(|slice| members(&all[slice])).collect::<Vec<_>>());
    }
    Answer { year: half_term.year, sums, heads, told_by_name }
}

fn hold_sums(cell: &Cell, members: &[Kept]) {
    let mut total = Counts::default();
    for member in members {
        total += member.counts;
    }
    for (given, truth) in [
        (cell.possible, total.possible()),
        (cell.attended, total.attended),
        (cell.authorised, total.authorised),
        (cell.unauthorised, total.unauthorised),
    ] {
        assert!(given.is_none_or(|given| given == truth), "what is given is true");
    }
}

/// Whether any two answers of a school together tell of one to four pupils.
fn attacked(all: &[HalfTerm], manner: Manner) -> bool {
    let answers: Vec<Answer> =
        (0..all.len()).flat_map(|at| [true, false].map(|alone| answer(all, at, alone, manner))).collect();
    let least = LEAST.smallest_count_pupils - 1;
    answers.iter().enumerate().any(|(at, one)| {
        answers.iter().skip(at).any(|other| {
            let heads = [&one.heads, &other.heads, &other.told_by_name];
            // Between two years the authority knows from each admission and deletion who came and went.
            let same = (one.year == other.year).then_some(&one.told_by_name);
            let heads: Vec<Figure> = heads.into_iter().chain(same).flatten().cloned().collect();
            // Two years have no session in common: what their sums tell together, one of them tells alone.
            let same = (one.year == other.year).then_some(&other.sums);
            let sums: Vec<Figure> = [&one.sums].into_iter().chain(same).flatten().cloned().collect();
            Search::found(&sums, least) || Search::found(&heads, least)
        })
    })
}

#[test]
fn no_two_answers_tell_of_one_to_four_pupils() {
    let manner = Manner::AsPublished(LEAST);
    let (mut groups, mut figures) = (0, 0);
    for seed in 0..SEEDS {
        let all = school(seed, manner);
        assert!(!attacked(&all, manner), "seed {seed}");
        groups += all.iter().map(|h| h.cells.len()).sum::<usize>();
        figures += (0..all.len()).map(|at| answer(&all, at, false, manner).heads.len()).sum::<usize>();
    }
    assert!(groups > 100 && figures > 100, "{groups} groups, {figures} numbers of pupils are given");
    println!("{SEEDS} schools: {groups} groups, {figures} numbers of pupils");
}

/// The attack finds its way where nothing is suppressed, and where what has been told is forgotten.
#[test]
fn the_attack_finds_what_is_not_suppressed() {
    let found = |manner| (0..4).filter(|seed| attacked(&school(*seed, manner), manner)).count();
    assert_eq!(found(Manner::AsPublished(NONE)), 4);
    assert_eq!(found(Manner::Forgetful), 4);
    let by_hand = |rows: &[&[u128]]| -> Vec<Figure> {
        rows.iter().map(|r| r.iter().map(|id| (Uuid::from_u128(*id), Of::Heads)).collect()).collect()
    };
    let all: Vec<u128> = (0..20).collect();
    assert!(Search::found(&by_hand(&[&all, &all[..17]]), 4), "three are left");
    assert!(!Search::found(&by_hand(&[&all, &all[..15]]), 4));
    assert!(Search::found(&by_hand(&[&all, &all[..9], &all[6..]]), 4), "three are in both");
    assert!(!Search::found(&by_hand(&[&all[..9], &all[6..]]), 4));
}

/// What was published stands whatever is amended, and a repeated question gives the same bytes.
#[test]
fn the_same_pupils_give_the_same_cells() {
    let all = school(3, Manner::AsPublished(LEAST));
    let (own, before) = (all.split_at(6).1, all.split_at(6).0);
    let again = cells((&own[2].pupils, own[2].to), (&own[..2], before), LEAST);
    assert_eq!(again, own[2].cells);
    assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&own[2].cells).unwrap());
}
