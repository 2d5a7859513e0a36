//! Calendars: each school's sessions, per school year, as that school gave them.

use super::{Upload, Versioned};
use crate::domain::calendar::{SchoolCalendar, SchoolYear};
use crate::gate::{OfSchool, Permit};
use crate::store::{self, Db, SetSql, StoreError, Tx, must_touch, on, over_ids, read, read_many};
use chrono::{DateTime, Utc};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// A calendar as it counted from some version on.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CalendarRow {
    /// The school.
    pub school_id: Uuid,
    /// Start year of 1 August to 31 July.
    pub school_year: i64,
    /// The upload that brought it.
    pub version: i64,
    /// When it began to count, school time.
    pub committed_at: DateTime<Utc>,
    pub(super) calendar: Vec<u8>,
    /// Decoded once for all the children of one reading.
    #[sqlx(skip)]
    pub(super) decoded: OnceLock<Arc<SchoolCalendar>>,
}

impl Versioned for CalendarRow {
    fn version(&self) -> i64 {
        self.version
    }
    fn committed_at(&self) -> DateTime<Utc> {
        self.committed_at
    }
}

#[cfg(test)]
impl CalendarRow {
    /// The first version of a calendar.
    pub(super) fn made(school_id: Uuid, calendar: &SchoolCalendar) -> Self {
        let (school_year, committed_at) = (i64::from(calendar.year().0), DateTime::UNIX_EPOCH);
        let (calendar, decoded) = (calendar.encode(), OnceLock::new());
        Self { school_id, school_year, version: 1, committed_at, calendar, decoded }
    }
}

impl CalendarRow {
    /// The calendar itself.
    pub fn calendar(&self) -> Result<SchoolCalendar, StoreError> {
        SchoolCalendar::decode(&self.calendar).map_err(|_| StoreError::Corrupt("calendars.calendar"))
    }

    /// The calendar itself, decoded when it is first asked for.
    pub fn shared(&self) -> Result<Arc<SchoolCalendar>, StoreError> {
        if let Some(calendar) = self.decoded.get() {
            return Ok(Arc::clone(calendar));
        }
        let calendar = Arc::new(self.calendar()?);
        Ok(Arc::clone(self.decoded.get_or_init(|| calendar)))
    }

    /// The school year that it is for.
    pub fn year(&self) -> Result<SchoolYear, StoreError> {
        i32::try_from(self.school_year)
            .map(SchoolYear)
            .map_err(|_| StoreError::Corrupt("calendars.school_year"))
    }
}

const OF_SCHOOL: &str = "SELECT r.school_id, r.school_year, r.version, v.committed_at, r.calendar FROM calendars r \
     JOIN register_versions v ON v.school_id = r.school_id AND v.version = r.version \
     WHERE r.school_id = $1 AND r.school_year BETWEEN $2 AND $3";

const OF_SCHOOLS: SetSql = over_ids!(
    "SELECT r.school_id, r.school_year, r.version, v.committed_at, r.calendar FROM ",
    " CROSS JOIN calendars r CROSS JOIN register_versions v WHERE r.school_id = s.id \
     AND r.school_year BETWEEN $2 AND $3 AND v.school_id = r.school_id AND v.version = r.version"
);

/// Every state of the calendars of the permit's school.
pub async fn school_calendars(db: &Db, permit: &Permit<OfSchool>) -> Result<Vec<CalendarRow>, StoreError> {
    between(db, permit.school().0, 0, i64::from(i32::MAX)).await
}

/// Every state of one school's calendars for the years `first..=last`.
pub(super) async fn between(
    db: &Db,
    school: Uuid,
    first: i64,
    last: i64,
) -> Result<Vec<CalendarRow>, StoreError> {
    Ok(read!(db, c => sqlx::query_as(OF_SCHOOL).bind(school).bind(first).bind(last).fetch_all(c).await)?)
}

/// The same of several schools; the reader of many children calls it once.
pub(super) async fn between_each(
    db: &Db,
    schools: impl IntoIterator<Item = Uuid>,
    first: i64,
    last: i64,
) -> Result<Vec<CalendarRow>, StoreError> {
    let set = store::ids(schools);
    Ok(
        read_many!(db, c => sqlx::query_as(OF_SCHOOLS.of(db)).bind(set).bind(first).bind(last).fetch_all(c).await)?,
    )
}

/// Stages a calendar under an upload.
pub async fn add_calendar(
    tx: &mut Tx,
    upload: &Upload,
    year: SchoolYear,
    calendar: &SchoolCalendar,
) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO calendars (school_id, school_year, version, calendar) VALUES ($1, $2, $3, $4)";
    on!(tx, c => {
        let r = sqlx::query(INSERT).bind(upload.school.0).bind(i64::from(year.0)).bind(upload.version)
            .bind(calendar.encode()).execute(c).await?;
        must_touch("calendar", &r, 1)
    })
}
