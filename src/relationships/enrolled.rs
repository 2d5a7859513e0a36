//! Where a child is or was enrolled: schools only, no dates.

use crate::domain::identifiers::{PupilId, SchoolId};
use crate::store::{Db, StoreError, read};
use uuid::Uuid;

/// An enrolment of a child, as far as a decision needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The school.
    pub school: SchoolId,
    /// Whether the whereabouts are protected: for everyone barred this enrolment does not exist.
    pub protected: bool,
    /// Code of the home authority, where the school recorded one; an assumed one grants nothing.
    pub home_authority: Option<String>,
}

/// The enrolments of a child that count now, leavers' included.
pub async fn enrolled(db: &Db, pupil: PupilId) -> Result<Vec<Enrolled>, StoreError> {
    // Protection that was raised in any counted state of an enrolment holds for the whole of it.
    const OF_PUPIL: &str = "SELECT e.school_id, MAX(CASE WHEN e.whereabouts_protected THEN 1 ELSE 0 END) = 1, \
         (SELECT h.home_authority FROM enrolments h WHERE h.school_id = e.school_id AND h.id = e.id \
         AND NOT h.home_authority_assumed AND h.version = MAX(e.version)) FROM enrolments e JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
         WHERE e.pupil_id = $1 GROUP BY e.school_id, e.id ORDER BY e.school_id";
    let rows: Vec<(Uuid, bool, Option<String>)> =
        read!(db, c => sqlx::query_as(OF_PUPIL).bind(pupil.0).fetch_all(c).await)?;
    let one = |(school, protected, home_authority)| Enrolled { school: SchoolId(school), protected, home_authority };
    Ok(rows.into_iter().map(one).collect())
}
