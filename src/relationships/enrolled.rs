//! Where a child is or was enrolled: schools only, no dates.

use crate::domain::identifiers::{PupilId, SchoolId};
use crate::store::{Db, StoreError, read};
use uuid::Uuid;

/// An enrolment of a child, as far as a decision needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The school.
    pub school: SchoolId,
    /// Whether the whereabouts are protected: for everyone barred this enrolment does not exist.
    pub protected: bool,
}

/// The enrolments of a child that count now, leavers' included.
pub async fn enrolled(db: &Db, pupil: PupilId) -> Result<Vec<Enrolled>, StoreError> {
    // Protection that was raised in any counted state of an enrolment holds for the whole of it.
    const OF_PUPIL: &str = "SELECT e.school_id, MAX(CASE WHEN e.whereabouts_protected THEN 1 ELSE 0 END) = 1 \
         FROM enrolments e JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
         WHERE e.pupil_id = $1 GROUP BY e.school_id, e.id ORDER BY e.school_id";
    let rows: Vec<(Uuid, bool)> = read!(db, c => sqlx::query_as(OF_PUPIL).bind(pupil.0).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(school, protected)| Enrolled { school: SchoolId(school), protected }).collect())
}
