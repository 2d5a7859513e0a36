//! What stands under the id of an involvement, as its own system knows it.

use crate::domain::identifiers::{OrganisationId, SystemId};
use crate::store::{Db, StoreError, Tx, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// An involvement of a system's own, live or ended.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::involvements) struct Under {
    claim_digest: Option<Vec<u8>>,
    family_withdrawn_on: Option<NaiveDate>,
    ended_at: Option<DateTime<Utc>>,
    times_confirmed: i64,
}

/// The one of an id.
pub(in crate::involvements) async fn under(
    db: &Db,
    (organisation, system): (OrganisationId, SystemId),
    id: Uuid,
) -> Result<Option<Under>, StoreError> {
    Ok(read!(db, c => sqlx::query_as(UNDER)
        .bind(organisation.0).bind(id).bind(system.0).fetch_optional(c).await)?)
}

/// The same in a transaction.
pub(in crate::involvements) async fn under_now(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    id: Uuid,
) -> Result<Option<Under>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(UNDER)
        .bind(organisation.0).bind(id).bind(system.0).fetch_optional(c).await)?)
}

/// The same, and nobody else changes it until the transaction ends.
pub(in crate::involvements) async fn keep_under(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    id: Uuid,
) -> Result<Option<Under>, StoreError> {
    // A write that changes nothing holds the row on either database.
    const KEEP: &str = "UPDATE involvements SET times_confirmed = times_confirmed \
         WHERE organisation_id = $1 AND id = $2 AND system_id = $3 \
         RETURNING claim_digest, family_withdrawn_on, ended_at, times_confirmed";
    Ok(on!(tx, c => sqlx::query_as(KEEP)
        .bind(organisation.0).bind(id).bind(system.0).fetch_optional(c).await)?)
}

const UNDER: &str = "SELECT claim_digest, family_withdrawn_on, ended_at, times_confirmed FROM involvements \
     WHERE organisation_id = $1 AND id = $2 AND system_id = $3";

impl Under {
    /// Of a row of a report.
    pub(super) fn of(
        claim_digest: Option<Vec<u8>>,
        family_withdrawn_on: Option<NaiveDate>,
        ended_at: Option<DateTime<Utc>>,
    ) -> Self {
        Self { claim_digest, family_withdrawn_on, ended_at, times_confirmed: 0 }
    }

    /// Whether it stands as it stood.
    pub(in crate::involvements) fn is_as(&self, before: &Self) -> bool {
        self.ended_at == before.ended_at && self.state() == before.state()
    }

    /// Whether it was written for the first time.
    pub(in crate::involvements) fn is_new(&self) -> bool {
        self.times_confirmed == 0
    }

    /// What it is known by: what was sent, what was granted of that, and that the family has withdrawn; none once it has
    /// ended. Nothing of it depends on the child.
    pub(in crate::involvements) fn state(&self) -> Option<Vec<u8>> {
        let mut state = self.claim_digest.clone().filter(|_| self.ended_at.is_none())?;
        state.extend(self.family_withdrawn_on.map(|day| day.to_string()).unwrap_or_default().into_bytes());
        Some(state)
    }
}
