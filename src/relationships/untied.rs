//! Handles whose holders have no relationship left that could speak for them.

use crate::domain::identifiers::{OrganisationId, SystemId};
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// A handle of a holder without a relationship to the child behind it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Untied {
    system_id: Uuid,
    organisation_id: Uuid,
    /// The handle's 16 bytes.
    pub handle: Vec<u8>,
}

impl Untied {
    /// The system that holds it.
    pub fn system(&self) -> SystemId {
        SystemId(self.system_id)
    }

    /// The organisation that the system acts for.
    pub fn organisation(&self) -> OrganisationId {
        OrganisationId(self.organisation_id)
    }
}

/// At most `limit` handles in use whose organisation has had no involvement with the child since `since` (a time, and
/// the same as a day), and has neither enrolled the child nor, through an officer's system, the duty of attendance at a
/// school that has. An enrolment that has ended counts: the register is kept, and with it who may ask about it. A system
/// that reads the audit keeps its handles: there they stand for whom an entry is about, which no relationship ends, and
/// where tomorrow's stood for the same child the two could not be laid beside each other.
pub async fn untied_handles(
    db: &Db,
    since: (DateTime<Utc>, NaiveDate),
    limit: i64,
) -> Result<Vec<Untied>, StoreError> {
    const UNTIED: &str = "SELECT h.system_id, h.organisation_id, h.handle FROM handles h \
         WHERE h.retired_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM systems y WHERE y.id = h.system_id \
         AND ' ' || y.scopes || ' ' LIKE '% audit %') \
         AND NOT EXISTS (SELECT 1 FROM involvements i WHERE i.pupil_id = h.pupil_id \
         AND i.organisation_id = h.organisation_id AND (i.ended_at IS NULL OR i.ended_at > $1) \
         AND (i.until_day IS NULL OR i.until_day >= $2)) \
         AND NOT EXISTS (SELECT 1 FROM enrolments e \
         JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
         JOIN organisations o ON o.id = e.school_id WHERE e.pupil_id = h.pupil_id \
         AND (o.id = h.organisation_id OR (o.returns_to = h.organisation_id AND EXISTS (SELECT 1 \
         FROM officer_authorisations a WHERE a.system_id = h.system_id)))) \
         ORDER BY h.system_id, h.organisation_id, h.handle LIMIT $3";
    Ok(read!(db, c => sqlx::query_as(UNTIED).bind(since.0).bind(since.1).bind(limit).fetch_all(c).await)?)
}
