//! What of the registers ends, and when: each entry six years after the day on which it was made (SI 2024/208 reg 7(a)),
//! school by school and in small steps, for the duty that ends what is past its retention and for nobody else.
//!
//! An entry of the admission register that was overtaken ends when what overtook it has had its six years; one that
//! stands ends with the enrolment, six years after the last day on roll and the last entry, once no mark or amendment is
//! left that is read by it. What says that a child's whereabouts are protected ends last of all that is held of the child.

mod enrolments;

pub use enrolments::{end_some_enrolments, end_some_protected};

use super::roll_events::PLACES;
use crate::domain::calendar::SchoolYear;
use crate::domain::identifiers::SchoolId;
use crate::gate::DutyPermit;
use crate::store::{Db, StoreError, Touched, Tx, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// The register of one school, with the day whose entries have had their time.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Whose register.
    pub school: SchoolId,
    /// The last day whose entries end.
    pub until: NaiveDate,
    /// When that day had ended.
    pub before: DateTime<Utc>,
    /// The newest version that counted by then: what it overtook has been overtaken for six years. None: nothing is as old.
    pub version: Option<i64>,
}

/// The register of the next school after `after`, by its id.
pub async fn next_ended(
    db: &Db,
    _duty: &DutyPermit,
    after: Uuid,
    (until, before): (NaiveDate, DateTime<Utc>),
) -> Result<Option<Ended>, StoreError> {
    const NEXT: &str = "SELECT school_id FROM register_state WHERE school_id > $1 ORDER BY school_id LIMIT 1";
    const VERSION: &str =
        "SELECT MAX(version) FROM register_versions WHERE school_id = $1 AND committed_at < $2";
    let next: Option<Uuid> = read!(db, c => sqlx::query_scalar(NEXT).bind(after).fetch_optional(c).await)?;
    let Some(school) = next else { return Ok(None) };
    let version: Option<i64> =
        read!(db, c => sqlx::query_scalar(VERSION).bind(school).bind(before).fetch_one(c).await)?;
    Ok(Some(Ended { school: SchoolId(school), until, before, version }))
}

/// Deletes amendments made on or before the day; at most `limit`, as each of these does, saying how many.
pub async fn end_some_amendments(tx: &mut Tx, ended: &Ended, limit: i64) -> Result<u64, StoreError> {
    const DELETE: &str = "DELETE FROM amendments WHERE (school_id, id) IN (SELECT school_id, id FROM amendments \
         WHERE school_id = $1 AND amended_on <= $2 ORDER BY amended_on LIMIT $3)";
    Ok(on!(tx, c => sqlx::query(DELETE)
        .bind(ended.school.0).bind(ended.until).bind(limit).execute(c).await.map(|r| r.touched()))?)
}

/// Deletes recordings of on or before the day. One stands as long as the one after it: what that one amended is one of
/// the five things to be kept of it (reg 6(1)).
pub async fn end_some_recordings(tx: &mut Tx, ended: &Ended, limit: i64) -> Result<u64, StoreError> {
    const DELETE: &str = "DELETE FROM recordings \
         WHERE (school_id, enrolment_id, session_date, half, recorded_at, code, version) IN \
         (SELECT r.school_id, r.enrolment_id, r.session_date, r.half, r.recorded_at, r.code, r.version \
         FROM recordings r WHERE r.school_id = $1 AND r.recorded_at < $2 AND NOT EXISTS (SELECT 1 FROM recordings n \
         WHERE n.school_id = r.school_id AND n.enrolment_id = r.enrolment_id AND n.session_date = r.session_date \
         AND n.half = r.half AND n.recorded_at >= $2) ORDER BY r.recorded_at LIMIT $3)";
    Ok(on!(tx, c => sqlx::query(DELETE)
        .bind(ended.school.0).bind(ended.before).bind(limit).execute(c).await.map(|r| r.touched()))?)
}

/// Deletes roll events of on or before the day.
pub async fn end_some_roll_events(tx: &mut Tx, ended: &Ended, limit: i64) -> Result<u64, StoreError> {
    const DELETE: &str = "DELETE FROM roll_events WHERE (school_id, sequence) IN \
         (SELECT school_id, sequence FROM roll_events WHERE school_id = $1 AND sequence < $2 \
         ORDER BY sequence LIMIT $3)";
    let Some(version) = ended.version else { return Ok(0) };
    Ok(on!(tx, c => sqlx::query(DELETE)
        .bind(ended.school.0).bind((version + 1) * PLACES).bind(limit).execute(c).await.map(|r| r.touched()))?)
}

/// Deletes calendars that were sent on or before the day, and that another one overtook by then or whose year had ended
/// by then and has no mark left.
pub async fn end_some_calendars(tx: &mut Tx, ended: &Ended, limit: i64) -> Result<u64, StoreError> {
    const DELETE: &str = "DELETE FROM calendars WHERE (school_id, school_year, version) IN \
         (SELECT c.school_id, c.school_year, c.version FROM calendars c \
         JOIN register_versions v ON v.school_id = c.school_id AND v.version = c.version \
         WHERE c.school_id = $1 AND c.version <= $2 AND (EXISTS (SELECT 1 FROM calendars n \
         JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
         WHERE n.school_id = c.school_id AND n.school_year = c.school_year AND n.version > c.version \
         AND n.version <= $2) \
         OR (c.school_year < $3 AND NOT EXISTS (SELECT 1 FROM marks m WHERE m.school_id = c.school_id \
         AND m.school_year = c.school_year))) ORDER BY c.school_year, c.version LIMIT $4)";
    let Some(version) = ended.version else { return Ok(0) };
    // A year has ended by the day if the next day is of a later one.
    let next = ended.until.succ_opt().map_or(0, |day| SchoolYear::of(day).0);
    Ok(on!(tx, c => sqlx::query(DELETE)
        .bind(ended.school.0).bind(version).bind(i64::from(next)).bind(limit)
        .execute(c).await.map(|r| r.touched()))?)
}

/// Deletes states of the admission register that another state overtook on or before the day. Those of a child whose
/// whereabouts are protected stay with the enrolment: in which order they came says which schools must not tell.
pub async fn end_some_overtaken(tx: &mut Tx, ended: &Ended, limit: i64) -> Result<u64, StoreError> {
    const OVERTAKEN: &str = "SELECT e.id, e.version FROM enrolments e \
         JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
         WHERE e.school_id = $1 AND e.version < $2 AND EXISTS (SELECT 1 FROM enrolments n \
         JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
         WHERE n.school_id = e.school_id AND n.id = e.id AND n.version > e.version AND n.version <= $2) \
         AND NOT EXISTS (SELECT 1 FROM enrolments f WHERE f.pupil_id = e.pupil_id AND f.whereabouts_protected) \
         ORDER BY e.id, e.version LIMIT $3";
    const STATE: &str = "DELETE FROM enrolments WHERE school_id = $1 AND id = $2 AND version = $3";
    const FIELDS: &str =
        "DELETE FROM admission_entries WHERE school_id = $1 AND enrolment_id = $2 AND version = $3";
    let Some(version) = ended.version else { return Ok(0) };
    let rows: Vec<(Uuid, i64)> = on!(tx, c => sqlx::query_as(OVERTAKEN)
        .bind(ended.school.0).bind(version).bind(limit).fetch_all(c).await)?;
    let mut gone = 0;
    for (id, version) in rows {
        on!(tx, c => sqlx::query(FIELDS)
            .bind(ended.school.0).bind(id).bind(version).execute(c).await.map(|_| ()))?;
        // Another gateway may have had the same duty at the same time: then nothing is left to touch.
        gone += on!(tx, c => sqlx::query(STATE)
            .bind(ended.school.0).bind(id).bind(version).execute(c).await.map(|r| r.touched()))?;
    }
    Ok(gone)
}
