//! The table of what waits for those who protect children.

use super::asking::Ask;
use crate::domain::bars::ItemState;
use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::gate::{Protector, QueueOf};
use crate::store::{Db, StoreError, Touched as _, Tx, must_touch, on, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Puts an item into a queue.
pub(super) async fn insert(
    tx: &mut Tx,
    id: Uuid,
    ask: &Ask<'_>,
    of: Protector,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO protecting_items (id, kind, subject_id, subject_organisation_id, pupil_id, team_id, \
         organisation_id, asker_team, urgent, call_back, created_at, state) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'open')";
    on!(tx, c => {
        let r = sqlx::query(INSERT)
            .bind(id).bind(ask.kind.as_str()).bind(ask.subject.1).bind(ask.subject.0.0).bind(ask.pupil.0)
            .bind(of.team.map(|team| team.0)).bind(of.organisation.0).bind(ask.team).bind(ask.urgent)
            .bind(ask.call_back).bind(at).execute(c).await?;
        must_touch("a protecting item", &r, 1)
    })
}

/// An item.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Item {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) subject_id: Uuid,
    pub(super) subject_organisation_id: Uuid,
    pub(super) pupil_id: Uuid,
    pub(super) team_id: Option<Uuid>,
    pub(super) organisation_id: Uuid,
    pub(super) asker_team: String,
    pub(super) urgent: bool,
    pub(super) call_back: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) state: String,
    pub(super) escalated_at: Option<DateTime<Utc>>,
}

impl Item {
    /// Whether it is in a person's queue.
    pub(super) fn is_of(&self, queue: &QueueOf) -> bool {
        let here = queue.organisations.contains(&OrganisationId(self.organisation_id));
        match self.team_id {
            Some(team) if queue.teams.iter().any(|own| own.0 == team) => true,
            Some(_) => here && queue.senior && self.escalated_at.is_some(),
            None => here && (queue.leads || (queue.senior && self.escalated_at.is_some())),
        }
    }

    pub(super) fn pupil(&self) -> PupilId {
        PupilId(self.pupil_id)
    }
}

const OPEN: &str = "SELECT id, kind, subject_id, subject_organisation_id, pupil_id, team_id, organisation_id, \
     asker_team, urgent, call_back, created_at, state, escalated_at FROM protecting_items \
     WHERE organisation_id = $1 AND state IN ('open', 'calling_back') ORDER BY created_at, id LIMIT $2";
const ONE: &str = "SELECT id, kind, subject_id, subject_organisation_id, pupil_id, team_id, organisation_id, \
     asker_team, urgent, call_back, created_at, state, escalated_at FROM protecting_items WHERE id = $1";

/// What waits in an organisation, the oldest first.
pub(super) async fn open(db: &Db, organisation: OrganisationId, limit: i64) -> Result<Vec<Item>, StoreError> {
    Ok(read!(db, c => sqlx::query_as(OPEN).bind(organisation.0).bind(limit).fetch_all(c).await)?)
}

/// One item.
pub(super) async fn one(db: &Db, id: Uuid) -> Result<Option<Item>, StoreError> {
    Ok(read!(db, c => sqlx::query_as(ONE).bind(id).fetch_optional(c).await)?)
}

/// Writes what was decided of an item that waits, and of every other that asks the same of others. Says whether it waited.
pub(super) async fn decide(
    tx: &mut Tx,
    item: &Item,
    (state, person): (ItemState, &str),
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const DECIDE: &str = "UPDATE protecting_items SET state = $2, decided_at = $3, decided_by = $4 \
         WHERE id = $1 AND state IN ('open', 'calling_back')";
    const OTHERS: &str = "UPDATE protecting_items SET state = $2, decided_at = $3, decided_by = $4 \
         WHERE subject_id = $1 AND subject_organisation_id = $5 AND state IN ('open', 'calling_back')";
    let touched = on!(tx, c => sqlx::query(DECIDE)
        .bind(item.id).bind(state.as_str()).bind(at).bind(person).execute(c).await.map(|r| r.touched()))?;
    if touched == 1 && state == ItemState::Accepted {
        on!(tx, c => sqlx::query(OTHERS)
            .bind(item.subject_id).bind(state.as_str()).bind(at).bind(person).bind(item.subject_organisation_id)
            .execute(c).await.map(|_| ()))?;
    }
    Ok(touched == 1)
}

/// Has the senior officer see urgent items that nobody answered since before a moment. Says how many.
pub(super) async fn escalate(
    tx: &mut Tx,
    before: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const ESCALATE: &str = "UPDATE protecting_items SET escalated_at = $2 WHERE urgent AND escalated_at IS NULL \
         AND state = 'open' AND created_at <= $1";
    Ok(on!(tx, c => sqlx::query(ESCALATE).bind(before).bind(at).execute(c).await.map(|r| r.touched()))?)
}

/// Who claimed an emergency.
pub(super) async fn claimant(db: &Db, emergency: Uuid) -> Result<Option<String>, StoreError> {
    const WHO: &str = "SELECT person FROM emergencies WHERE id = $1";
    Ok(read!(db, c => sqlx::query_scalar(WHO).bind(emergency).fetch_optional(c).await)?)
}

/// Who raised a flag.
pub(super) async fn raiser(db: &Db, protection: Uuid) -> Result<Option<String>, StoreError> {
    const WHO: &str = "SELECT person FROM whereabouts_protections WHERE id = $1";
    Ok(read!(db, c => sqlx::query_scalar(WHO).bind(protection).fetch_optional(c).await)?)
}
