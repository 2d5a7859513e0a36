//! What outsiders get of a school: its half terms that have ended, each published once, and the year to date at the end
//! of each.
//!
//! A half term's figures are made once and stand: whatever is amended later, whoever joins or leaves a cohort, asking
//! again gives the same. The groups are those of the school year's first published half term for the whole year, so
//! that no two answers of a year differ by a child. And before a figure is given it is proved that no sum or difference
//! of what has been given, this figure included, is a figure of a small group ([`super::proof`]). What is not given is
//! `None`, whether it is small itself or would give a small one away.

use super::super::counted::Group;
use super::proof::Sums;
use crate::config::Suppression;
use crate::domain::attendance::summary::Counts;
use crate::domain::calendar::SchoolYear;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// An enrolment of the school year's groups, with its sessions of one half term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::summaries::school) struct Kept {
    /// The enrolment.
    pub(in crate::summaries::school) enrolment: Uuid,
    /// Its groups, a bit each.
    pub(in crate::summaries::school) groups: u32,
    /// Its sessions; none once it has left.
    pub(in crate::summaries::school) counts: Counts,
}

/// A published half term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::summaries::school) struct HalfTerm {
    /// The school year.
    pub(in crate::summaries::school) year: SchoolYear,
    /// Its place in the year, from 1.
    pub(in crate::summaries::school) place: i64,
    /// First day.
    pub(in crate::summaries::school) from: NaiveDate,
    /// Last day.
    pub(in crate::summaries::school) to: NaiveDate,
    /// The Sunday of the week as at whose publication it was made.
    pub(in crate::summaries::school) published: NaiveDate,
    /// The enrolments of the year's groups, in the order of their identifiers; the same in every half term of a year.
    pub(in crate::summaries::school) pupils: Vec<Kept>,
    /// What is given, group by group; a group that is not there is not shown.
    pub(in crate::summaries::school) cells: Vec<Cells>,
}

/// What is given of one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::summaries::school) struct Cells {
    /// [`Group::word`].
    pub(in crate::summaries::school) group: String,
    /// The half term itself.
    pub(in crate::summaries::school) half_term: Cell,
    /// The school year up to its end.
    pub(in crate::summaries::school) year_to_date: Cell,
}

/// Figures of one group in one window; `None` is not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::summaries::school) struct Cell {
    pub(in crate::summaries::school) enrolments: Option<u32>,
    pub(in crate::summaries::school) possible: Option<u32>,
    pub(in crate::summaries::school) attended: Option<u32>,
    pub(in crate::summaries::school) authorised: Option<u32>,
    pub(in crate::summaries::school) unauthorised: Option<u32>,
    pub(in crate::summaries::school) persistent: Option<u32>,
    pub(in crate::summaries::school) severe: Option<u32>,
}

impl HalfTerm {
    /// What is given of a group, if it is shown.
    pub(in crate::summaries::school) fn cells_of(&self, group: Group) -> Option<&Cells> {
        self.cells.iter().find(|cells| cells.group == group.word())
    }
}

/// Whether an enrolment is one of those that are counted, by the rules of a day.
type Measure = fn(&Counts, NaiveDate) -> bool;

const ANYBODY: Measure = |_, _| true;

/// Works out what is given of a half term that ends on a day. `earlier` are those of the same school year and `before` those
/// of the year before it, in order.
pub(in crate::summaries::school) fn cells(
    (pupils, to): (&[Kept], NaiveDate),
    (earlier, before): (&[HalfTerm], &[HalfTerm]),
    least: Suppression,
) -> Vec<Cells> {
    let groups = shown(pupils, earlier.first(), least);
    let of_half_term = sessions(pupils, &groups, least);
    let to_date = to_date(pupils, earlier);
    let heads = heads((&to_date, to), &groups, (earlier, before), least);
    let cells = groups.iter().zip(of_half_term).zip(heads);
    cells
        .map(|((group, sessions), heads)| {
            let half_term = Cell { enrolments: heads.enrolments, ..sessions };
            let so_far = earlier.iter().map(|e| e.cells_of(*group).map(|c| c.half_term).unwrap_or_default());
            let sum = so_far.fold(half_term, |sum, cell| Cell {
                possible: plus(sum.possible, cell.possible),
                attended: plus(sum.attended, cell.attended),
                authorised: plus(sum.authorised, cell.authorised),
                unauthorised: plus(sum.unauthorised, cell.unauthorised),
                ..sum
            });
            let year_to_date = Cell { persistent: heads.persistent, severe: heads.severe, ..sum };
            Cells { group: group.word(), half_term, year_to_date }
        })
        .collect()
}

/// Nothing is given of a sum of which a part is not.
fn plus(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    Some(a? + b?)
}

fn row(pupils: &[Kept], belongs: impl Fn(&Kept) -> bool) -> Vec<u8> {
    pupils.iter().map(|pupil| u8::from(belongs(pupil))).collect()
}

/// The groups that are shown in a school year: of at least the least number, and so that no sum or difference of them is
/// of fewer. Larger ones come first, the school before its year groups and these before cohorts, so that the next
/// smallest goes with a small one.
fn shown(pupils: &[Kept], first: Option<&HalfTerm>, least: Suppression) -> Vec<Group> {
    let size = |group: Group| pupils.iter().filter(|pupil| pupil.groups & group.bit() != 0).count();
    let kind = |group: Group| match group {
        Group::School => 0,
        Group::Year(_) => 1,
        Group::Cohort(_) => 2,
    };
    let mut groups: Vec<Group> = Group::all().filter(|group| size(*group) > 0).collect();
    groups.sort_by_key(|group| (kind(*group), std::cmp::Reverse(size(*group)), *group));
    if let Some(first) = first {
        groups.retain(|group| first.cells_of(*group).is_some());
        return groups;
    }
    groups.retain(|group| size(*group) >= least.smallest_group_pupils);
    let rows: Vec<Vec<u8>> =
        groups.iter().map(|group| row(pupils, |pupil| pupil.groups & group.bit() != 0)).collect();
    kept(groups, &Sums::of_width(1).accept(&rows, least.smallest_group_pupils))
}

fn kept<T>(all: Vec<T>, accepted: &[bool]) -> Vec<T> {
    all.into_iter().zip(accepted).filter_map(|(one, accepted)| accepted.then_some(one)).collect()
}

/// The sums of sessions of each group. A sum to which few contribute is a figure of these few; so is one that is left
/// when others are taken from it. Half terms have no session in common, so that each is proved by itself.
fn sessions(pupils: &[Kept], groups: &[Group], least: Suppression) -> Vec<Cell> {
    let group_least = least.smallest_group_pupils;
    let present = |pupil: &Kept, group: Group| pupil.groups & group.bit() != 0 && pupil.counts.possible() > 0;
    let large = |group: &Group| pupils.iter().filter(|p| present(p, *group)).count() >= group_least;
    let mut all: Vec<Group> = groups.iter().copied().filter(large).collect();
    let rows: Vec<Vec<u8>> = all.iter().map(|group| row(pupils, |p| present(p, *group))).collect();
    all = kept(all, &Sums::of_width(1).accept(&rows, group_least));
    let attended = |group: &Group| row(pupils, |p| present(p, *group) && p.counts.attended > 0);
    let rows: Vec<Vec<u8>> = all.iter().map(attended).collect();
    all = kept(all, &Sums::of_width(1).accept(&rows, least.smallest_count_pupils));
    // Two figures of each pupil, absences with and without leave: missed sessions are both, and so the attended ones are
    // what is left of the possible ones.
    let missed = |group: &Group, with_leave: bool| -> Vec<u8> {
        let authorised = |p: &Kept| u8::from(with_leave && present(p, *group) && p.counts.authorised > 0);
        let unauthorised = |p: &Kept| u8::from(present(p, *group) && p.counts.unauthorised > 0);
        pupils.iter().flat_map(|pupil| [authorised(pupil), unauthorised(pupil)]).collect()
    };
    let mut sums = Sums::of_width(2);
    let rows: Vec<Vec<u8>> = all.iter().map(|group| missed(group, true)).collect();
    all = kept(all, &sums.accept(&rows, least.smallest_count_pupils));
    let rows: Vec<Vec<u8>> = all.iter().map(|group| missed(group, false)).collect();
    let split = kept(all.clone(), &sums.accept(&rows, least.smallest_count_pupils));
    groups
        .iter()
        .map(|group| {
            let mut total = Counts::default();
            pupils.iter().filter(|p| present(p, *group)).for_each(|p| total += p.counts);
            let given = |condition: bool, figure: u32| condition.then_some(figure);
            let (whole, split) = (all.contains(group), split.contains(group));
            Cell {
                possible: given(whole, total.possible()),
                attended: given(whole, total.attended),
                authorised: given(split, total.authorised),
                unauthorised: given(split, total.unauthorised),
                ..Cell::default()
            }
        })
        .collect()
}

/// The enrolments with their sessions of the year so far.
fn to_date(pupils: &[Kept], earlier: &[HalfTerm]) -> Vec<Kept> {
    let mut all = pupils.to_vec();
    for half_term in earlier {
        for (sum, pupil) in all.iter_mut().zip(&half_term.pupils) {
            sum.counts += pupil.counts;
        }
    }
    all
}

/// The numbers of enrolments of each group: all, persistently and severely absent. Everything that was given of this
/// year and the one before is proved together with it. Left out are the numbers of the year before for the school and its
/// year groups: who joins and who leaves is told to the authority by name (SI 2024/208 reg 13).
fn heads(
    (to_date, to): (&[Kept], NaiveDate),
    groups: &[Group],
    (earlier, before): (&[HalfTerm], &[HalfTerm]),
    least: Suppression,
) -> Vec<Cell> {
    let everybody = before.iter().flat_map(|half_term| &half_term.pupils).chain(to_date);
    let mut places: BTreeMap<Uuid, usize> = everybody.map(|pupil| (pupil.enrolment, 0)).collect();
    places.values_mut().enumerate().for_each(|(place, value)| *value = place);
    let row = |pupils: &[Kept], belongs: &dyn Fn(&Kept) -> bool| -> Vec<u8> {
        let mut row = vec![0; places.len()];
        for pupil in pupils.iter().filter(|pupil| belongs(pupil)) {
            let place = places.get(&pupil.enrolment).copied().unwrap_or(usize::MAX);
            row.iter_mut().skip(place).take(1).for_each(|cell| *cell = 1);
        }
        row
    };
    let mut sums = Sums::of_width(1);
    for (year, own) in [(before, false), (earlier, true)] {
        for row in told(year, own, &row) {
            sums.told(row);
        }
    }
    let least = least.smallest_count_pupils;
    let of = |measure: Measure| -> Vec<Vec<u8>> {
        groups.iter().map(|g| row(to_date, &|p| p.groups & g.bit() != 0 && measure(&p.counts, to))).collect()
    };
    let all = match earlier.first() {
        Some(first) => groups
            .iter()
            .map(|group| first.cells_of(*group).is_some_and(|cells| cells.year_to_date.enrolments.is_some()))
            .collect(),
        None => sums.accept(&of(ANYBODY), least),
    };
    let persistent = sums.accept(&of(Counts::persistent_absence), least);
    let severe = sums.accept(&of(Counts::severe_absence), least);
    let number = |group: Group, measure: Measure| {
        let found = to_date.iter().filter(|p| p.groups & group.bit() != 0 && measure(&p.counts, to)).count();
        u32::try_from(found).unwrap_or(u32::MAX)
    };
    groups
        .iter()
        .zip(all)
        .zip(persistent)
        .zip(severe)
        .map(|(((group, all), persistent), severe)| Cell {
            enrolments: all.then(|| number(*group, ANYBODY)),
            persistent: persistent.then(|| number(*group, Counts::persistent_absence)),
            severe: severe.then(|| number(*group, Counts::severe_absence)),
            ..Cell::default()
        })
        .collect()
}

/// The row of those pupils for whom something holds.
type RowOf<'a> = dyn Fn(&[Kept], &dyn Fn(&Kept) -> bool) -> Vec<u8> + 'a;

/// The numbers that have been given of a school year; of another year than the `own` one those of cohorts only, and the
/// absent of every group.
fn told(year: &[HalfTerm], own: bool, row: &RowOf<'_>) -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    for (at, half_term) in year.iter().enumerate() {
        let so_far = to_date(&half_term.pupils, year.get(..at).unwrap_or_default());
        for cells in &half_term.cells {
            let Some(group) = Group::parse(&cells.group) else { continue };
            let cell = cells.year_to_date;
            let of = |measure: Measure| {
                row(&so_far, &|p| p.groups & group.bit() != 0 && measure(&p.counts, half_term.to))
            };
            if at == 0 && cell.enrolments.is_some() && (own || matches!(group, Group::Cohort(_))) {
                rows.push(of(ANYBODY));
            }
            if cell.persistent.is_some() {
                rows.push(of(Counts::persistent_absence));
            }
            if cell.severe.is_some() {
                rows.push(of(Counts::severe_absence));
            }
        }
    }
    rows
}
