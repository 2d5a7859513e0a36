//! One child as the permit reaches it: every enrolment with its calendars and packed marks.

mod many;

pub use many::child_records;

use super::{CalendarRow, Enrolment, MarksRow, Versioned, as_of, calendars, enrolments, marks};
use crate::domain::calendar::SchoolYear;
use crate::gate::{OfChild, Permit};
use crate::store::{Db, StoreError};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// An enrolment with what its figures are computed from, in every state that readers still need.
#[derive(Clone, Debug)]
pub struct EnrolmentRecord {
    pub(super) states: Vec<Enrolment>,
    /// The school's: the same for all its children that are read at once.
    pub(super) calendars: Arc<[CalendarRow]>,
    pub(super) marks: Vec<MarksRow>,
}

/// A child's enrolments, in the order in which they began.
#[derive(Clone, Debug)]
pub struct ChildRecord(pub Vec<EnrolmentRecord>);

impl EnrolmentRecord {
    /// The enrolment as it counts now.
    pub fn now(&self) -> Option<&Enrolment> {
        as_of(self.states.iter(), None)
    }

    /// The enrolment as it counted at a moment of publication.
    pub fn at(&self, moment: Option<DateTime<Utc>>) -> Option<&Enrolment> {
        as_of(self.states.iter(), moment)
    }

    /// The calendars, one per school year, as they counted at the moment (none: now).
    pub fn calendars_at(&self, moment: Option<DateTime<Utc>>) -> Vec<&CalendarRow> {
        per_year(&self.calendars, |row| row.school_year, moment)
    }

    /// The marks, one row per school year, as they counted at the moment (none: now).
    pub fn marks_at(&self, moment: Option<DateTime<Utc>>) -> Vec<&MarksRow> {
        per_year(&self.marks, |row| row.school_year, moment)
    }
}

fn per_year<T: Versioned>(rows: &[T], year: impl Fn(&T) -> i64, moment: Option<DateTime<Utc>>) -> Vec<&T> {
    let years: BTreeSet<i64> = rows.iter().map(&year).collect();
    years
        .into_iter()
        .filter_map(|wanted| as_of(rows.iter().filter(|row| year(row) == wanted), moment))
        .collect()
}

/// Reads the permit's child for the school years `first..=last`.
pub async fn child_record(
    db: &Db,
    permit: &Permit<OfChild>,
    years: (SchoolYear, SchoolYear),
) -> Result<ChildRecord, StoreError> {
    let states = enrolments::of_child(db, permit).await?;
    Ok(in_order(records(db, states, years).await?))
}

/// A child's record, from its enrolments in the order of their schools.
fn in_order(mut records: Vec<EnrolmentRecord>) -> ChildRecord {
    records.sort_by_key(|r| r.now().map(|e| (e.starting_day, e.id)));
    ChildRecord(records)
}

/// States by school and enrolment.
fn by_enrolment(states: Vec<Enrolment>) -> BTreeMap<(Uuid, Uuid), Vec<Enrolment>> {
    let mut all: BTreeMap<(Uuid, Uuid), Vec<Enrolment>> = BTreeMap::new();
    for state in states {
        all.entry((state.school_id, state.id)).or_default().push(state);
    }
    all
}

/// Reads the child's enrolments at the other school of a dual registration, where the permit carries one: of them only
/// its [`Permit::counterpart_sections`] may be told.
pub async fn counterparts(
    db: &Db,
    permit: &Permit<OfChild>,
    years: (SchoolYear, SchoolYear),
) -> Result<Vec<EnrolmentRecord>, StoreError> {
    if permit.counterpart().is_none() {
        return Ok(Vec::new());
    }
    let states = enrolments::at_counterpart(db, permit).await?;
    records(db, states, years).await
}

async fn records(
    db: &Db,
    states: Vec<Enrolment>,
    (first, last): (SchoolYear, SchoolYear),
) -> Result<Vec<EnrolmentRecord>, StoreError> {
    let by_enrolment = by_enrolment(states);
    let (first, last) = (i64::from(first.0), i64::from(last.0));
    let mut records = Vec::with_capacity(by_enrolment.len());
    for ((school, _), states) in by_enrolment {
        let Some(enrolment) = states.first().map(|e| (e.school(), e.enrolment())) else { continue };
        records.push(EnrolmentRecord {
            calendars: calendars::between(db, school, first, last).await?.into(),
            marks: marks::between(db, enrolment.0, enrolment.1, first, last).await?,
            states,
        });
    }
    Ok(records)
}
