//! Which children a caller may mean: exact matches among those it is already tied to.

use crate::domain::identifiers::{OrganisationId, PupilId, SchoolId};
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// Whom a search is for. At least one of the three is given, which the edge checks.
#[derive(Clone, Debug, Default)]
pub struct Sought {
    /// A stored case reference of the caller's own.
    pub case_reference: Option<String>,
    /// A UPN, permanent or temporary, as a school gave it.
    pub upn: Option<String>,
    /// Surname and forename as compared, and date of birth.
    pub name: Option<(String, String, NaiveDate)>,
}

/// Among whom to look.
#[derive(Clone, Copy, Debug)]
pub enum Among {
    /// Children with a live involvement of this organisation.
    Cases(OrganisationId),
    /// Children enrolled at this school.
    Roll(SchoolId),
}

// Both texts bind the same values. An empty text or a null matches nothing but "not asked".
const CASES: &str = "SELECT DISTINCT i.pupil_id FROM involvements i WHERE i.organisation_id = $1 \
     AND i.pupil_id IS NOT NULL AND i.opened_at <= $2 AND (i.ended_at IS NULL OR i.ended_at > $2) \
     AND (i.until_day IS NULL OR i.until_day >= $3) AND ($4 = '' OR i.case_reference = $4) \
     AND (($5 = '' AND $6 = '') OR EXISTS (SELECT 1 FROM enrolments e \
     JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
     WHERE e.pupil_id = i.pupil_id AND NOT e.whereabouts_protected AND ($5 = '' OR e.upn = $5) \
     AND ($6 = '' OR (e.surname_key = $6 AND e.forename_key = $7 AND e.date_of_birth = $8)))) LIMIT 3";
const ROLL: &str = "SELECT DISTINCT e.pupil_id FROM enrolments e \
     JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
     WHERE e.school_id = $1 AND $2 IS NOT NULL AND $3 IS NOT NULL AND $4 = '' \
     AND ($5 <> '' OR $6 <> '') AND ($5 = '' OR e.upn = $5) \
     AND ($6 = '' OR (e.surname_key = $6 AND e.forename_key = $7 AND e.date_of_birth = $8)) \
     AND e.version = (SELECT MAX(n.version) FROM enrolments n \
     JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
     WHERE n.school_id = e.school_id AND n.id = e.id) LIMIT 3";

/// The children that match, at most three: the caller needs to know only whether it is exactly one.
pub async fn sought(
    db: &Db,
    among: Among,
    sought: &Sought,
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<Vec<PupilId>, StoreError> {
    let (text, whose) = match among {
        Among::Cases(organisation) => (CASES, organisation.0),
        Among::Roll(school) => (ROLL, school.0),
    };
    let (surname, forename, born) = sought.name.clone().unwrap_or_default();
    let ids: Vec<Uuid> = read!(db, c => sqlx::query_scalar(text)
        .bind(whose).bind(now).bind(today)
        .bind(sought.case_reference.as_deref().unwrap_or(""))
        .bind(sought.upn.as_deref().unwrap_or(""))
        .bind(surname).bind(forename).bind(born)
        .fetch_all(c).await)?;
    Ok(ids.into_iter().map(PupilId).collect())
}
