//! A person's own claim of an emergency, and when it is open.

use crate::domain::bars::Opening;
use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A claim of an emergency.
#[derive(Clone, Debug)]
pub struct EmergencyClaim {
    /// The child, where one was found.
    pub pupil: Option<PupilId>,
    /// When those who protect the child released it, school time.
    pub accepted_at: Option<DateTime<Utc>>,
    /// When it is open; of several the order says nothing.
    pub openings: Vec<Opening>,
}

impl EmergencyClaim {
    /// Whether it is open at a moment, school time.
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        self.openings.iter().any(|opening| opening.holds(at))
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    pupil_id: Option<Uuid>,
    accepted_at: Option<DateTime<Utc>>,
    opens_at: DateTime<Utc>,
    closes_at: DateTime<Utc>,
}

/// The claim of this person of this organisation under an id; anybody else's, and one that opens nothing, is none.
pub async fn emergency(
    db: &Db,
    (organisation, person): (OrganisationId, &str),
    id: Uuid,
) -> Result<Option<EmergencyClaim>, StoreError> {
    // A renewal that a manager did not allow ends before it begins.
    const OWN: &str = "SELECT e.pupil_id, e.accepted_at, e.opens_at, e.closes_at FROM emergencies e \
         WHERE e.id = $1 AND e.organisation_id = $2 AND e.person = $3 AND e.not_opened IS NULL \
         UNION ALL SELECT e.pupil_id, e.accepted_at, r.opens_at, r.closes_at FROM emergencies e \
         JOIN emergency_renewals r ON r.emergency_id = e.id \
         WHERE e.id = $1 AND e.organisation_id = $2 AND e.person = $3 AND e.not_opened IS NULL";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(OWN)
        .bind(id).bind(organisation.0).bind(person).fetch_all(c).await)?;
    let Some(first) = rows.first() else { return Ok(None) };
    Ok(Some(EmergencyClaim {
        pupil: first.pupil_id.map(PupilId),
        accepted_at: first.accepted_at,
        openings: rows.iter().map(|row| Opening { from: row.opens_at, until: row.closes_at }).collect(),
    }))
}
