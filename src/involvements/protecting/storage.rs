//! The table of what waits for those who protect children.

use super::asking::Ask;
use crate::domain::bars::ItemState;
use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::domain::staff::Mark;
use crate::gate::{Protector, QueueOf};
use crate::store::{self, Db, SetSql, StoreError, Touched as _, Tx, must_touch, on, over_ids, read};
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
         organisation_id, asker_team, urgent, call_back, created_at, asker_organisation_id, state) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'open')";
    on!(tx, c => {
        let r = sqlx::query(INSERT)
            .bind(id).bind(ask.kind.as_str()).bind(ask.subject.1).bind(ask.subject.0.0).bind(ask.pupil.0)
            .bind(of.team.map(|team| team.0)).bind(of.organisation.0).bind(ask.asker.1).bind(ask.urgent)
            .bind(ask.call_back).bind(at).bind(ask.asker.0.0).execute(c).await?;
        must_touch("a protecting item", &r, 1)
    })
}

/// Closes what was asked of the same claim for another team, which does not have the case any more.
pub(super) async fn overtake(tx: &mut Tx, ask: &Ask<'_>, at: DateTime<Utc>) -> Result<u64, StoreError> {
    const OVERTAKE: &str = "UPDATE protecting_items SET state = 'overtaken', decided_at = $3 WHERE subject_id = $1 \
         AND subject_organisation_id = $2 AND asker_team <> $4 AND state IN ('open', 'calling_back')";
    Ok(on!(tx, c => sqlx::query(OVERTAKE)
        .bind(ask.subject.1).bind(ask.subject.0.0).bind(at).bind(ask.asker.1)
        .execute(c).await.map(|r| r.touched()))?)
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
    pub(super) asker_organisation_id: Uuid,
    pub(super) urgent: bool,
    pub(super) call_back: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) state: String,
    pub(super) escalated_at: Option<DateTime<Utc>>,
}

impl Item {
    /// How it comes to be in a person's queue; none: it is not.
    pub(super) fn through(&self, queue: &QueueOf) -> Option<Through> {
        let here = queue.organisations.contains(&OrganisationId(self.organisation_id));
        let late = queue.senior && self.escalated_at.is_some();
        match self.team_id {
            Some(team) if queue.teams.iter().any(|own| own.0 == team) => Some(Through::Team),
            None if here && queue.leads => Some(Through::Mark(Mark::EducationSafeguardingLead)),
            Some(_) | None => (here && late).then_some(Through::Mark(Mark::SeniorOfficer)),
        }
    }

    /// Whose team asks.
    pub(super) fn asker(&self) -> OrganisationId {
        OrganisationId(self.asker_organisation_id)
    }

    pub(super) fn pupil(&self) -> PupilId {
        PupilId(self.pupil_id)
    }
}

/// How an item comes to be in a person's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Through {
    /// By a team of theirs, or one that it covers.
    Team,
    /// By a mark.
    Mark(Mark),
}

const OPEN: SetSql = over_ids!(
    "SELECT i.id, i.kind, i.subject_id, i.subject_organisation_id, i.pupil_id, i.team_id, i.organisation_id, i.asker_team, \
     COALESCE(i.asker_organisation_id, i.subject_organisation_id) AS asker_organisation_id, i.urgent, i.call_back, \
     i.created_at, i.state, i.escalated_at FROM ",
    " CROSS JOIN protecting_items i WHERE i.organisation_id = s.id AND i.id > $2 \
     AND i.state IN ('open', 'calling_back') ORDER BY i.id LIMIT $3"
);
const ONE: &str = "SELECT id, kind, subject_id, subject_organisation_id, pupil_id, team_id, organisation_id, \
     asker_team, COALESCE(asker_organisation_id, subject_organisation_id) AS asker_organisation_id, urgent, call_back, \
     created_at, state, escalated_at FROM protecting_items WHERE id = $1";

/// What waits in these organisations after an item, the oldest first, whoever's it is. Identifiers are in the order of time.
pub(super) async fn open(
    db: &Db,
    organisations: &[OrganisationId],
    after: Uuid,
    limit: i64,
) -> Result<Vec<Item>, StoreError> {
    let set = store::ids(organisations.iter().map(|organisation| organisation.0));
    Ok(read!(db, c => sqlx::query_as(OPEN.of(db)).bind(set).bind(after).bind(limit).fetch_all(c).await)?)
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

/// Has the senior officer see urgent items that nobody decided since before a moment, though somebody may be ringing back.
/// Says how many.
pub(super) async fn escalate(
    tx: &mut Tx,
    before: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const ESCALATE: &str = "UPDATE protecting_items SET escalated_at = $2 WHERE urgent AND escalated_at IS NULL \
         AND state IN ('open', 'calling_back') AND created_at <= $1";
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

/// Deletes at most `limit` items that were decided before a time, and those that nobody decided and whose claim, emergency or
/// flag is over.
pub(in crate::involvements) async fn forget(
    tx: &mut Tx,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    const DECIDED: &str = "DELETE FROM protecting_items WHERE id IN (SELECT id FROM protecting_items \
         WHERE decided_at < $1 AND state IN ('accepted', 'declined', 'overtaken') LIMIT $2)";
    const OVER: &str = "DELETE FROM protecting_items WHERE id IN (SELECT p.id FROM protecting_items p \
         WHERE p.created_at < $1 AND p.state IN ('open', 'calling_back') \
         AND NOT EXISTS (SELECT 1 FROM involvements i WHERE i.organisation_id = p.subject_organisation_id \
         AND i.id = p.subject_id AND i.ended_at IS NULL) \
         AND NOT EXISTS (SELECT 1 FROM whereabouts_protections w WHERE w.id = p.subject_id AND w.lowered_at IS NULL) \
         LIMIT $2)";
    let decided =
        on!(tx, c => sqlx::query(DECIDED).bind(before).bind(limit).execute(c).await.map(|r| r.touched()))?;
    let over =
        on!(tx, c => sqlx::query(OVER).bind(before).bind(limit).execute(c).await.map(|r| r.touched()))?;
    Ok(decided + over)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plan_of;

    #[tokio::test]
    async fn what_waits_is_found_by_an_index() {
        let steps = plan_of(OPEN.sqlite).await;
        let wanted = "SEARCH i USING INDEX protecting_items_open (organisation_id=? AND id>?)";
        assert!(steps.iter().any(|step| step == wanted), "{steps:#?}");
    }
}
