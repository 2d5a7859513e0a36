//! What happened on a school's roll, for the duty that follows it and for nobody else.

use crate::domain::attendance::PackedYear;
use crate::domain::calendar::SchoolYear;
use crate::domain::identifiers::{EnrolmentId, PupilId, SchoolId};
use crate::gate::DutyPermit;
use crate::registers::RollEvent;
use crate::store::{Db, StoreError, read};
use uuid::Uuid;

/// An event with the enrolment as it now is.
#[derive(Debug, sqlx::FromRow)]
pub struct RollNews {
    /// Its place in the school's events.
    pub sequence: i64,
    enrolment_id: Uuid,
    pupil_id: Uuid,
    /// Paragraph of reg 9, once the name is deleted.
    pub removal_ground: Option<String>,
    marks: Option<Vec<u8>>,
}

impl RollNews {
    /// The enrolment.
    pub fn enrolment(&self) -> EnrolmentId {
        EnrolmentId(self.enrolment_id)
    }

    /// The child.
    pub fn pupil(&self) -> PupilId {
        PupilId(self.pupil_id)
    }

    /// The marks of the school year, where there are any.
    pub fn marks(&self) -> Result<Option<PackedYear>, StoreError> {
        let packed = self.marks.as_deref().map(PackedYear::from_bytes).transpose();
        packed.map_err(|_| StoreError::Corrupt("marks.marks"))
    }
}

/// The next `limit` events of a kind after a place that count now, with the marks of a school year.
pub async fn roll_news(
    db: &Db,
    _duty: &DutyPermit,
    (school, event, year): (SchoolId, RollEvent, SchoolYear),
    after: i64,
    limit: i64,
) -> Result<Vec<RollNews>, StoreError> {
    const NEWS: &str = "SELECT r.sequence, r.enrolment_id, e.pupil_id, e.removal_ground, m.marks FROM roll_events r \
         CROSS JOIN register_versions c CROSS JOIN enrolments e \
         LEFT JOIN marks m ON m.school_id = e.school_id AND m.enrolment_id = e.id AND m.school_year = $3 \
         AND m.version = (SELECT MAX(o.version) FROM marks o \
         JOIN register_versions u ON u.school_id = o.school_id AND u.version = o.version \
         WHERE o.school_id = e.school_id AND o.enrolment_id = e.id AND o.school_year = $3) \
         WHERE r.school_id = $1 AND r.sequence > $4 AND r.event = $2 AND c.school_id = r.school_id \
         AND c.version = r.version AND e.school_id = r.school_id AND e.id = r.enrolment_id \
         AND e.version = (SELECT MAX(n.version) FROM enrolments n \
         JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
         WHERE n.school_id = e.school_id AND n.id = e.id) ORDER BY r.sequence LIMIT $5";
    Ok(read!(db, c => sqlx::query_as(NEWS)
        .bind(school.0).bind(event.as_str()).bind(i64::from(year.0)).bind(after).bind(limit)
        .fetch_all(c).await)?)
}

/// The place of the newest event of a school that counts; 0 where there is none.
pub async fn newest_event(db: &Db, _duty: &DutyPermit, school: SchoolId) -> Result<i64, StoreError> {
    const NEWEST: &str = "SELECT COALESCE(MAX(r.sequence), 0) FROM roll_events r \
         JOIN register_versions c ON c.school_id = r.school_id AND c.version = r.version WHERE r.school_id = $1";
    Ok(read!(db, c => sqlx::query_scalar(NEWEST).bind(school.0).fetch_one(c).await)?)
}
