//! Which children a caller may mean: exact matches among those it is already tied to.

use crate::domain::identifiers::{OrganisationId, PupilId, SchoolId};
use crate::domain::purpose::{InvolvementKind, Purpose};
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
    /// Children with a live involvement of this organisation, of a kind that has this purpose.
    Cases {
        /// Whose.
        organisation: OrganisationId,
        /// Which.
        purpose: Purpose,
    },
    /// Children enrolled at this school; protected enrolments only for the school itself.
    Roll {
        /// The school.
        school: SchoolId,
        /// Whether protected enrolments count.
        protected: bool,
    },
}

// All bind the same values: whose, now, today, reference, UPN, surname, forename, date of birth, and two more. An empty
// text is "not asked". Only the newest state of an enrolment matches, and protection in any of its states holds.
const CASES: &str = "SELECT DISTINCT i.pupil_id FROM involvements i WHERE i.organisation_id = $1 \
     AND i.pupil_id IS NOT NULL AND i.opened_at <= $2 AND (i.ended_at IS NULL OR i.ended_at > $2) \
     AND (i.until_day IS NULL OR i.until_day >= $3) AND i.kind IN ($9, $10) AND ($4 = '' OR i.case_reference = $4) \
     AND EXISTS (SELECT 1 FROM enrolments e \
     JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
     WHERE e.pupil_id = i.pupil_id AND NOT EXISTS (SELECT 1 FROM enrolments p \
     JOIN register_versions q ON q.school_id = p.school_id AND q.version = p.version \
     WHERE p.school_id = e.school_id AND p.id = e.id AND p.whereabouts_protected) AND ($5 = '' OR e.upn = $5) \
     AND ($6 = '' OR (e.surname_key = $6 AND e.forename_key = $7 AND e.date_of_birth = $8)) \
     AND e.version = (SELECT MAX(n.version) FROM enrolments n \
     JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
     WHERE n.school_id = e.school_id AND n.id = e.id)) LIMIT 3";
const ROLL: &str = "SELECT DISTINCT e.pupil_id FROM enrolments e \
     JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
     WHERE e.school_id = $1 AND $2 IS NOT NULL AND $3 IS NOT NULL AND $4 = '' \
     AND ($9 = 'protected' OR NOT EXISTS (SELECT 1 FROM enrolments p \
     JOIN register_versions q ON q.school_id = p.school_id AND q.version = p.version \
     WHERE p.school_id = e.school_id AND p.id = e.id AND p.whereabouts_protected)) AND $10 = '' \
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
    let (text, whose, (first, second)) = match among {
        Among::Cases { organisation, purpose } => (CASES, organisation.0, kinds_of(purpose)),
        Among::Roll { school, protected } => (ROLL, school.0, (if protected { "protected" } else { "" }, "")),
    };
    let (surname, forename, born) = sought.name.clone().unwrap_or_default();
    let ids: Vec<Uuid> = read!(db, c => sqlx::query_scalar(text)
        .bind(whose).bind(now).bind(today)
        .bind(sought.case_reference.as_deref().unwrap_or(""))
        .bind(sought.upn.as_deref().unwrap_or(""))
        .bind(surname).bind(forename).bind(born).bind(first).bind(second)
        .fetch_all(c).await)?;
    Ok(ids.into_iter().map(PupilId).collect())
}

/// The kinds that have a purpose; none has more than two.
fn kinds_of(purpose: Purpose) -> (&'static str, &'static str) {
    let mut kinds =
        InvolvementKind::ALL.iter().filter(|kind| kind.purpose() == purpose).map(|kind| kind.as_str());
    let first = kinds.next().unwrap_or("");
    (first, kinds.next().unwrap_or(first))
}
