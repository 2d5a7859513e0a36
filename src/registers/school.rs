//! A whole school as a permit to its figures reaches it: everybody ever on its roll with cohort marks and packed marks,
//! and its calendars, as the register counted at one moment.

use super::{CalendarRow, Enrolment, Versioned, calendars};
use crate::domain::attendance::PackedYear;
use crate::domain::calendar::{SchoolCalendar, SchoolYear};
use crate::domain::identifiers::EnrolmentId;
use crate::domain::roll::protected_enrolments;
use crate::gate::{OfFigures, Permit};
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// One enrolment of a school.
#[derive(Clone, Debug)]
pub struct SchoolPupil {
    /// The enrolment itself.
    pub enrolment: Enrolment,
    /// Whether a flag of protected whereabouts holds for it, whichever school raised it and however late.
    pub protected: bool,
    /// The other entries of the admission register and the cohort marks, JSON.
    pub fields: Option<String>,
    /// The marks by school year.
    pub marks: Vec<(SchoolYear, PackedYear)>,
}

const ROLL: &str = "SELECT e.*, v.committed_at FROM enrolments e \
     JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
     WHERE e.school_id = $1 AND e.version = (SELECT MAX(n.version) FROM enrolments n \
     JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
     WHERE n.school_id = e.school_id AND n.id = e.id AND w.committed_at <= $2) ORDER BY e.id";
/// Every state of every enrolment, at whichever school, of the school's pupils whom any school has flagged.
const FLAGGED: &str = "SELECT e.*, v.committed_at FROM enrolments e \
     JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
     WHERE e.pupil_id IN (SELECT n.pupil_id FROM enrolments n WHERE n.school_id = $1) \
     AND EXISTS (SELECT 1 FROM enrolments f \
     JOIN register_versions w ON w.school_id = f.school_id AND w.version = f.version \
     WHERE f.pupil_id = e.pupil_id AND f.whereabouts_protected) ORDER BY e.pupil_id";
const ENTRIES: &str = "SELECT a.enrolment_id, a.fields FROM admission_entries a \
     WHERE a.school_id = $1 AND a.version = (SELECT MAX(n.version) FROM admission_entries n \
     JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
     WHERE n.school_id = a.school_id AND n.enrolment_id = a.enrolment_id AND w.committed_at <= $2)";
const MARKS: &str = "SELECT r.enrolment_id, r.school_year, r.marks FROM marks r \
     WHERE r.school_id = $1 AND r.school_year BETWEEN $3 AND $4 AND r.version = (SELECT MAX(n.version) FROM marks n \
     JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
     WHERE n.school_id = r.school_id AND n.enrolment_id = r.enrolment_id AND n.school_year = r.school_year \
     AND w.committed_at <= $2)";

/// Reads everybody ever on the roll of the permit's school, leavers included, with the marks of the school years
/// `first..=last`, as the register counted at `moment`; in the order of their identifiers.
pub async fn school_pupils(
    db: &Db,
    permit: &Permit<OfFigures>,
    (first, last): (SchoolYear, SchoolYear),
    moment: DateTime<Utc>,
) -> Result<Vec<SchoolPupil>, StoreError> {
    let school = permit.school().0;
    let roll: Vec<Enrolment> =
        read!(db, c => sqlx::query_as(ROLL).bind(school).bind(moment).fetch_all(c).await)?;
    let flagged: Vec<Enrolment> = read!(db, c => sqlx::query_as(FLAGGED).bind(school).fetch_all(c).await)?;
    let entries: Vec<(Uuid, String)> =
        read!(db, c => sqlx::query_as(ENTRIES).bind(school).bind(moment).fetch_all(c).await)?;
    let marks: Vec<(Uuid, i64, Vec<u8>)> = read!(db, c => sqlx::query_as(MARKS)
        .bind(school).bind(moment).bind(i64::from(first.0)).bind(i64::from(last.0)).fetch_all(c).await)?;
    let protected: HashSet<EnrolmentId> = flagged
        .chunk_by(|one, next| one.pupil() == next.pupil())
        .flat_map(|states| {
            protected_enrolments(&states.iter().map(Enrolment::for_protection).collect::<Vec<_>>())
        })
        .collect();
    let mut entries: HashMap<Uuid, String> = entries.into_iter().collect();
    let mut by_enrolment: HashMap<Uuid, Vec<(SchoolYear, PackedYear)>> = HashMap::new();
    for (enrolment, year, packed) in marks {
        let year = i32::try_from(year).map_err(|_| StoreError::Corrupt("marks.school_year"))?;
        let packed = PackedYear::from_bytes(&packed).map_err(|_| StoreError::Corrupt("marks.marks"))?;
        by_enrolment.entry(enrolment).or_default().push((SchoolYear(year), packed));
    }
    let pupil = |enrolment: Enrolment| SchoolPupil {
        protected: protected.contains(&enrolment.enrolment()),
        fields: entries.remove(&enrolment.id),
        marks: by_enrolment.remove(&enrolment.id).unwrap_or_default(),
        enrolment,
    };
    Ok(roll.into_iter().map(pupil).collect())
}

/// When the first marks of the permit's school that are held began to count (school time); none before them.
pub async fn first_marks(db: &Db, permit: &Permit<OfFigures>) -> Result<Option<DateTime<Utc>>, StoreError> {
    const FIRST: &str = "SELECT MIN(v.committed_at) FROM marks m \
         JOIN register_versions v ON v.school_id = m.school_id AND v.version = m.version WHERE m.school_id = $1";
    Ok(read!(db, c => sqlx::query_scalar(FIRST).bind(permit.school().0).fetch_one(c).await)?)
}

/// Reads the calendars of the permit's school for the school years `first..=last`, earliest first, as they counted at
/// `moment`.
pub async fn figures_calendars(
    db: &Db,
    permit: &Permit<OfFigures>,
    (first, last): (SchoolYear, SchoolYear),
    moment: DateTime<Utc>,
) -> Result<Vec<SchoolCalendar>, StoreError> {
    let (first, last) = (i64::from(first.0), i64::from(last.0));
    counting(&calendars::between(db, permit.school().0, first, last).await?, moment)
}

/// The calendar of each year that counted at the moment.
fn counting(rows: &[CalendarRow], moment: DateTime<Utc>) -> Result<Vec<SchoolCalendar>, StoreError> {
    let mut newest: Vec<&CalendarRow> = Vec::new();
    for row in rows.iter().filter(|row| row.committed_at() <= moment) {
        match newest.iter_mut().find(|known| known.school_year == row.school_year) {
            Some(known) if known.version() < row.version() => *known = row,
            Some(_) => {}
            None => newest.push(row),
        }
    }
    newest.sort_by_key(|row| row.school_year);
    newest.into_iter().map(CalendarRow::calendar).collect()
}
