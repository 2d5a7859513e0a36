//! Brings what is published of a school up to the last publication: half terms that have ended since somebody last
//! asked are counted as at that Monday, six in the morning, and become what outsiders get from then on. What is published
//! stands, so that a register which is still being loaded is waited for.

use super::counted::{Group, Pupil, expected, possible};
use super::outsiders::half_terms::{HalfTerm, Kept, cells};
use super::storage;
use crate::config::Suppression;
use crate::domain::attendance::summary::{Counts, Window};
use crate::domain::calendar::{
    Half, SchoolCalendar, SchoolYear, Session, last_complete_week, london, published_at,
};
use crate::gate::{Duty, Gate, OfFigures, Permit, Refusal};
use crate::registers;
use crate::store::{Db, StoreError};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::HashMap;
use uuid::Uuid;

/// What is published of a school, and what of it must still be written before it may be told.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// Everything that may be told, in order; without the pupils behind it where it was read.
    pub(super) all: Vec<HalfTerm>,
    /// What of it is not yet written.
    pub(super) new: Vec<HalfTerm>,
}

/// A half term waits while more than one in this many of its sessions has no mark.
const MISSING_ONE_IN: u64 = 10;
/// How long a half term waits for its marks; then it is published as it is, for a school may never send them.
const WAITS: TimeDelta = TimeDelta::days(28);

/// A half term that has ended: its place in the year, first and last day.
type Ended = (i64, NaiveDate, NaiveDate);

/// Everything that outsiders may be told of the permit's school at a moment.
pub(super) async fn published(
    db: &Db,
    permit: &Permit<OfFigures>,
    least: Suppression,
    now: DateTime<Utc>,
) -> Result<Published, StoreError> {
    let sunday = last_complete_week(london(now));
    let this = SchoolYear::of(sunday);
    let mut all = storage::given(db, permit).await?;
    let Some(first_marks) = registers::first_marks(db, permit).await? else {
        return Ok(Published { all, new: Vec::new() });
    };
    // Who joined since the publication is seen as the first marks found it, as a child's own figures are.
    let moment = published_at(sunday).max(first_marks);
    let calendars = registers::figures_calendars(db, permit, (SchoolYear(this.0 - 1), this), moment).await?;
    // Before the first half term of a year has ended, the year before it is what there is.
    let ended = calendars.iter().rev().map(|calendar| (calendar, ended(calendar, sunday)));
    let Some((calendar, ended)) = ended.into_iter().find(|(_, ended)| !ended.is_empty()) else {
        return Ok(Published { all, new: Vec::new() });
    };
    let year = calendar.year();
    let due = due(ended, &all, year);
    if due.is_empty() {
        return Ok(Published { all, new: Vec::new() });
    }
    let register = registers::school_pupils(db, permit, (year, year), moment).await?;
    let before = storage::of_year(db, permit, SchoolYear(year.0 - 1)).await?;
    let mut earlier = storage::of_year(db, permit, year).await?;
    let stored = earlier.len();
    for (place, from, to) in due {
        let until = Session::new(to, Half::Pm);
        let window = Window { from, to, last_due: until, live_to: until };
        // For outsiders a protected enrolment does not exist: what a total told of it could be had by taking away the rest.
        let seen = register.iter().filter(|pupil| !pupil.protected);
        let expected = expected(seen, std::slice::from_ref(calendar), window);
        if incomplete(&expected) && now < waited(to, first_marks) {
            break;
        }
        let counted = possible(expected);
        let pupils = match earlier.first() {
            Some(first) => followed(&first.pupils, &counted),
            None => taken(&counted),
        };
        let cells = cells((&pupils, to), (&earlier, &before), least);
        earlier.push(HalfTerm { year, place, from, to, published: sunday, pupils, cells });
    }
    let new = earlier.split_off(stored);
    all.extend(new.iter().cloned());
    Ok(Published { all, new })
}

/// Whether too many of the sessions have no mark to be published for good.
fn incomplete(expected: &[Pupil]) -> bool {
    let sum = |of: fn(&Counts) -> u32| expected.iter().map(|pupil| u64::from(of(&pupil.counts))).sum::<u64>();
    let missing = sum(|counts| counts.without_mark);
    MISSING_ONE_IN * missing > missing + sum(Counts::possible)
}

/// When a half term has been waited for long enough: from its end, or from the school's first marks where these are later.
fn waited(to: NaiveDate, first_marks: DateTime<Utc>) -> DateTime<Utc> {
    published_at(to).max(first_marks) + WAITS
}

/// Half terms ended in one transaction, each with a row for every pupil in it.
const STEP: i64 = 50;

/// Deletes half terms of every school that have been kept for their years, and says how many; one entry a step.
pub async fn expire_half_terms(gate: &Gate) -> Result<u64, Refusal> {
    let year = SchoolYear::of(gate.clock().today());
    let mut total = 0;
    loop {
        let duty = gate.open_duty(Duty::Retain).await?;
        let mut tx = gate.db().begin().await?;
        let gone = storage::end_some(&mut tx, year, STEP).await?;
        if gone == 0 {
            return Ok(total);
        }
        gate.commit_duty(duty, tx, gone).await?;
        total += gone;
    }
}

/// The half terms of a year that have ended by the Sunday.
fn ended(calendar: &SchoolCalendar, sunday: NaiveDate) -> Vec<Ended> {
    let ended = calendar.half_terms().into_iter().filter(|half_term| half_term.to <= sunday);
    (1..).zip(ended).map(|(place, half_term)| (place, half_term.from, half_term.to)).collect()
}

/// Those of them that are not published yet. A calendar that was changed since takes no day that was: what is published
/// stands, and the next half term begins after it.
fn due(ended: Vec<Ended>, all: &[HalfTerm], year: SchoolYear) -> Vec<Ended> {
    let last = all.iter().rfind(|half_term| half_term.year == year);
    let (place, day) = last.map_or((0, NaiveDate::MIN), |last| (last.place, last.to));
    let later = ended.into_iter().filter(|(at, _, to)| *at > place && *to > day);
    (place + 1..)
        .zip(later)
        .map(|(place, (_, from, to))| (place, from.max(day.succ_opt().unwrap_or(day)), to))
        .collect()
}

/// The enrolments of the year's first half term, with their groups, which they keep for the year.
fn taken(counted: &[Pupil]) -> Vec<Kept> {
    let bits = |groups: &[Group]| groups.iter().fold(0, |bits, group| bits | group.bit());
    let kept = |pupil: &Pupil| Kept {
        enrolment: pupil.enrolment,
        groups: bits(&pupil.groups),
        counts: without_gaps(pupil.counts),
    };
    counted.iter().map(kept).collect()
}

/// The same enrolments, with their sessions of a later half term; none where they have left, or are protected now.
fn followed(first: &[Kept], counted: &[Pupil]) -> Vec<Kept> {
    let by_enrolment: HashMap<Uuid, Counts> =
        counted.iter().map(|pupil| (pupil.enrolment, without_gaps(pupil.counts))).collect();
    let counts = |pupil: &Kept| by_enrolment.get(&pupil.enrolment).copied().unwrap_or_default();
    first.iter().map(|pupil| Kept { counts: counts(pupil), ..*pupil }).collect()
}

/// Sessions without a mark are in no figure, and are not kept.
fn without_gaps(counts: Counts) -> Counts {
    Counts { without_mark: 0, ..counts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pupil(attended: u32, without_mark: u32) -> Pupil {
        let counts = Counts { attended, without_mark, ..Counts::default() };
        Pupil { enrolment: Uuid::from_u128(1), groups: Vec::new(), counts }
    }

    #[test]
    fn a_tenth_without_marks_is_few_enough() {
        for (pupils, expected) in [
            (vec![pupil(90, 10)], false),
            (vec![pupil(89, 11)], true),
            (vec![pupil(100, 0), pupil(0, 11)], false),
            (vec![pupil(0, 1)], true),
            (vec![], false),
        ] {
            assert_eq!(incomplete(&pupils), expected, "{pupils:?}");
        }
    }

    #[test]
    fn nobody_waits_for_ever() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (early, late) = (at("2026-09-02T09:00:00Z"), at("2026-11-20T18:00:00Z"));
        assert_eq!(waited(day("2026-10-23"), early), at("2026-11-23T06:00:00Z"));
        assert_eq!(waited(day("2026-10-23"), late), at("2026-12-18T18:00:00Z"));
    }
}
