//! What a data matcher sees of the children whom an ambiguous claim may be about: name, date of birth, school, postcode.

use crate::gate::{OfMatching, Permit};
use crate::store::{self, Db, SetSql, StoreError, over_ids, read_many};
use chrono::NaiveDate;
use uuid::Uuid;

/// An entry of a candidate at one school, as it counts now.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CandidateEntry {
    /// The child.
    pub pupil_id: Uuid,
    /// The school.
    pub school_id: Uuid,
    /// As the school gave it.
    pub surname: String,
    /// As the school gave it.
    pub forename: String,
    /// Date of birth.
    pub date_of_birth: NaiveDate,
    /// The other entries of the admission register, JSON.
    pub fields: Option<String>,
}

const ENTRIES: SetSql = over_ids!(
    "SELECT e.pupil_id, e.school_id, e.surname, e.forename, e.date_of_birth, a.fields FROM ",
    " CROSS JOIN enrolments e CROSS JOIN register_versions v \
     LEFT JOIN admission_entries a ON a.school_id = e.school_id AND a.enrolment_id = e.id \
     AND a.version = (SELECT MAX(m.version) FROM admission_entries m \
     JOIN register_versions u ON u.school_id = m.school_id AND u.version = m.version \
     WHERE m.school_id = e.school_id AND m.enrolment_id = e.id) \
     WHERE e.pupil_id = s.id AND v.school_id = e.school_id AND v.version = e.version \
     AND e.version = (SELECT MAX(n.version) FROM enrolments n \
     JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
     WHERE n.school_id = e.school_id AND n.id = e.id) ORDER BY e.pupil_id, e.school_id, e.id"
);

/// The entries of the permit's candidates, at whichever school.
pub async fn candidate_entries(
    db: &Db,
    permit: &Permit<OfMatching>,
) -> Result<Vec<CandidateEntry>, StoreError> {
    let mut pupils: Vec<Uuid> = permit.candidates().iter().map(|pupil| pupil.0).collect();
    pupils.sort_unstable();
    pupils.dedup();
    let set = store::ids(pupils);
    Ok(read_many!(db, c => sqlx::query_as(ENTRIES.of(db)).bind(set).fetch_all(c).await)?)
}
