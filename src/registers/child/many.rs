//! Many children at once, each as its own permit reaches it: one statement for each table.

use super::{ChildRecord, EnrolmentRecord, Place, RollState, by_enrolment, in_order, states, unseen_since};
use crate::domain::calendar::SchoolYear;
use crate::domain::identifiers::PupilId;
use crate::gate::{OfChild, Permit};
use crate::registers::{CalendarRow, MarksRow, calendars, marks};
use crate::store::{Db, StoreError};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// Reads the children of these permits for the school years `first..=last`, each as [`super::child_record`] reads one.
/// `counts_only` leaves out what only other figures than counts of sessions need.
pub async fn child_records(
    db: &Db,
    permits: &[&Permit<OfChild>],
    years: (SchoolYear, SchoolYear),
    counts_only: bool,
) -> Result<HashMap<PupilId, ChildRecord>, StoreError> {
    let mut all = of_years(db, permits, years, counts_only).await?;
    // Counts are of the days asked for: when the child was last seen is not among them.
    if counts_only {
        return Ok(all);
    }
    let unseen = |permit: &Permit<OfChild>| unseen_since(all.get(&permit.pupil())?.0.iter(), years.0);
    let further: Vec<_> = permits.iter().filter_map(|one| Some((*one, unseen(one)?))).collect();
    if let Some(first) = further.iter().map(|(_, first)| *first).min() {
        let permits: Vec<&Permit<OfChild>> = further.into_iter().map(|(permit, _)| permit).collect();
        all.extend(of_years(db, &permits, (first, years.1), false).await?);
    }
    Ok(all)
}

async fn of_years(
    db: &Db,
    permits: &[&Permit<OfChild>],
    (first, last): (SchoolYear, SchoolYear),
    counts_only: bool,
) -> Result<HashMap<PupilId, ChildRecord>, StoreError> {
    let years = (i64::from(first.0), i64::from(last.0));
    let children: HashMap<PupilId, BTreeMap<Place, Vec<RollState>>> = states::of_each_child(db, permits)
        .await?
        .into_iter()
        .map(|(pupil, states)| (pupil, by_enrolment(states)))
        .collect();
    let places: BTreeSet<Place> = children.values().flat_map(BTreeMap::keys).copied().collect();
    let schools: BTreeSet<Uuid> = places.iter().map(|(school, _)| *school).collect();
    let calendars = by_school(calendars::between_each(db, schools, years.0, years.1).await?);
    let mut marks = by_place(marks::between_each(db, places, years, counts_only).await?);
    let mut record = |(place, states): (Place, Vec<RollState>)| EnrolmentRecord {
        states,
        calendars: calendars.get(&place.0).map_or_else(|| Arc::from([]), Arc::clone),
        marks: marks.remove(&place).unwrap_or_default(),
    };
    let records = children.into_iter().map(|(pupil, enrolments)| {
        let records: Vec<EnrolmentRecord> = enrolments.into_iter().map(&mut record).collect();
        (pupil, in_order(records))
    });
    Ok(records.collect())
}

fn by_school(rows: Vec<CalendarRow>) -> HashMap<Uuid, Arc<[CalendarRow]>> {
    let mut all: HashMap<Uuid, Vec<CalendarRow>> = HashMap::new();
    for row in rows {
        all.entry(row.school_id).or_default().push(row);
    }
    all.into_iter().map(|(school, rows)| (school, rows.into())).collect()
}

fn by_place(rows: Vec<MarksRow>) -> HashMap<Place, Vec<MarksRow>> {
    let mut all: HashMap<Place, Vec<MarksRow>> = HashMap::with_capacity(rows.len());
    for row in rows {
        all.entry((row.school_id, row.enrolment().0)).or_default().push(row);
    }
    all
}
