//! One child as the permit reaches it: every enrolment with its calendars and packed marks.

mod candidates;
mod followed;
mod many;
mod states;

pub use candidates::{CandidateEntry, candidate_entries};
pub use followed::{RollNews, newest_event, roll_news};
pub use many::child_records;
pub use states::RollState;

use super::{CalendarRow, MarksRow, Versioned, as_of};
use crate::domain::calendar::SchoolYear;
use crate::gate::{OfChild, Permit};
use crate::store::{self, Db, SetSql, StoreError, Together, over_years, read_group};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// An enrolment with what its figures are computed from, in every state that readers still need.
#[derive(Clone, Debug)]
pub struct EnrolmentRecord {
    pub(super) states: Vec<RollState>,
    /// The school's: the same for all its children that are read at once.
    pub(super) calendars: Arc<[CalendarRow]>,
    pub(super) marks: Vec<MarksRow>,
}

/// A child's enrolments, in the order in which they began.
#[derive(Clone, Debug)]
pub struct ChildRecord(pub Vec<EnrolmentRecord>);

impl EnrolmentRecord {
    /// The enrolment as it counts now.
    pub fn now(&self) -> Option<&RollState> {
        as_of(self.states.iter(), None)
    }

    /// The enrolment as it counted at a moment of publication.
    pub fn at(&self, moment: Option<DateTime<Utc>>) -> Option<&RollState> {
        as_of(self.states.iter(), moment)
    }

    /// Whether the school marked the child present in any of the years read, as they count now.
    fn is_seen(&self) -> bool {
        self.marks_at(None).into_iter().any(MarksRow::is_seen)
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

/// A school and an enrolment there.
type Place = (Uuid, Uuid);

/// Reads the permit's child for the school years `first..=last`, and for all years where it was marked present in none of
/// these.
pub async fn child_record(
    db: &Db,
    permit: &Permit<OfChild>,
    years: (SchoolYear, SchoolYear),
) -> Result<ChildRecord, StoreError> {
    let states = states::of_child(db, permit).await?;
    Ok(in_order(records(db, states, years).await?))
}

/// The school year back to which is to be read where the children of these enrolments were nowhere marked present in the
/// years from `first`: when they were last seen has no other end than the first day on roll.
fn unseen_since<'a>(
    all: impl Iterator<Item = &'a EnrolmentRecord> + Clone,
    first: SchoolYear,
) -> Option<SchoolYear> {
    if all.clone().any(EnrolmentRecord::is_seen) {
        return None;
    }
    let begun = all.flat_map(|one| &one.states).map(|state| SchoolYear::of(state.starting_day)).min()?;
    (begun < first).then_some(begun)
}

/// A child's record, from its enrolments in the order of their schools.
fn in_order(mut records: Vec<EnrolmentRecord>) -> ChildRecord {
    records.sort_by_key(|r| r.now().map(|e| (e.starting_day, e.id)));
    ChildRecord(records)
}

/// States by school and enrolment.
fn by_enrolment(states: Vec<RollState>) -> BTreeMap<Place, Vec<RollState>> {
    let mut all: BTreeMap<Place, Vec<RollState>> = BTreeMap::new();
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
    let states = states::at_counterpart(db, permit).await?;
    records(db, states, years).await
}

async fn records(
    db: &Db,
    states: Vec<RollState>,
    years: (SchoolYear, SchoolYear),
) -> Result<Vec<EnrolmentRecord>, StoreError> {
    let by_enrolment = by_enrolment(states);
    if by_enrolment.is_empty() {
        return Ok(Vec::new());
    }
    let read = of_years(db, by_enrolment, years).await?;
    let Some(first) = unseen_since(read.iter(), years.0) else { return Ok(read) };
    let states = read.into_iter().flat_map(|one| one.states).collect();
    of_years(db, self::by_enrolment(states), (first, years.1)).await
}

async fn of_years(
    db: &Db,
    by_enrolment: BTreeMap<Place, Vec<RollState>>,
    years: (SchoolYear, SchoolYear),
) -> Result<Vec<EnrolmentRecord>, StoreError> {
    let places = by_enrolment.keys().copied().collect();
    let of_each = db.together(YearsAsked { places, years }).await?;
    let record = |(states, (calendars, marks)): (Vec<RollState>, YearsOfOne)| EnrolmentRecord {
        states,
        calendars: calendars.into(),
        marks,
    };
    Ok(by_enrolment.into_values().zip(of_each).map(record).collect())
}

/// A state of an enrolment's marks, or of a calendar of its school.
#[derive(sqlx::FromRow)]
struct YearRow {
    n: i64,
    enrolment_id: Option<Uuid>,
    school_year: i64,
    version: i64,
    committed_at: DateTime<Utc>,
    packed: Vec<u8>,
    entered: Option<Vec<u8>>,
    minutes: Option<Vec<u8>>,
    received_at: Option<DateTime<Utc>>,
}

/// Asks for what one child's enrolments, of one school each, hold for the years from the first to the last.
#[derive(Clone, Debug)]
struct YearsAsked {
    places: Vec<Place>,
    years: (SchoolYear, SchoolYear),
}

/// Every retained state of the calendars of one enrolment's school, and of its marks.
type YearsOfOne = (Vec<CalendarRow>, Vec<MarksRow>);

const YEARS: SetSql = over_years!(
    "WITH asked AS (SELECT s.n, s.school, s.enrolment, s.first, s.last FROM ",
    ") SELECT s.n, r.enrolment_id, r.school_year, r.version, v.committed_at, r.marks AS packed, r.entered, \
     r.minutes, r.received_at FROM asked s CROSS JOIN marks r CROSS JOIN register_versions v \
     WHERE r.school_id = s.school AND r.enrolment_id = s.enrolment AND r.school_year BETWEEN s.first AND s.last \
     AND v.school_id = r.school_id AND v.version = r.version \
     UNION ALL SELECT s.n, NULL, r.school_year, r.version, v.committed_at, r.calendar, NULL, NULL, NULL \
     FROM asked s CROSS JOIN calendars r CROSS JOIN register_versions v \
     WHERE r.school_id = s.school AND r.school_year BETWEEN s.first AND s.last \
     AND v.school_id = r.school_id AND v.version = r.version"
);

impl Together for YearsAsked {
    type Answer = Vec<YearsOfOne>;

    async fn answer_all(db: &Db, asked: &[Self]) -> Result<Vec<Vec<YearsOfOne>>, StoreError> {
        let enrolments: Vec<Place> = asked.iter().flat_map(|a| a.places.iter().copied()).collect();
        let set = store::listed(asked.iter().flat_map(Self::written));
        let rows: Vec<YearRow> = read_group!(db, enrolments.len(), c => sqlx::query_as(YEARS.of(db))
            .bind(set).fetch_all(c).await)?;
        let each = store::by_question(enrolments.len(), rows.into_iter().map(|row| (row.n, row)))?;
        let mut each = each.into_iter().zip(enrolments).map(|(rows, (school, _))| years_of(school, rows));
        Ok(asked.iter().map(|a| each.by_ref().take(a.places.len()).collect()).collect())
    }
}

impl YearsAsked {
    fn written(&self) -> impl Iterator<Item = String> {
        let (first, last) = self.years;
        let place = move |(school, enrolment): &Place| {
            format!("{}{}{:04}{:04}", school.simple(), enrolment.simple(), first.0, last.0)
        };
        self.places.iter().map(place)
    }
}

fn years_of(school_id: Uuid, rows: Vec<YearRow>) -> YearsOfOne {
    let (mut calendars, mut marks) = (Vec::new(), Vec::new());
    for row in rows {
        let YearRow { school_year, version, committed_at, packed, .. } = row;
        match (row.enrolment_id, row.entered, row.minutes, row.received_at) {
            (Some(enrolment_id), Some(entered), Some(minutes), Some(received_at)) => marks.push(MarksRow {
                school_id,
                enrolment_id,
                school_year,
                version,
                committed_at,
                marks: packed,
                entered,
                minutes,
                received_at,
                counts_only: false,
            }),
            _ => calendars.push(CalendarRow {
                school_id,
                school_year,
                version,
                committed_at,
                calendar: packed,
                decoded: OnceLock::new(),
            }),
        }
    }
    (calendars, marks)
}
