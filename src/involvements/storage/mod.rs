//! The tables of involvements, which only this slice writes.

mod days;
mod moved;
mod sending;
mod tries;
mod under;
mod waiting;

pub(super) use days::{
    day_is_done, end_lease, forget_ended, forget_staged, forget_terms, forget_tries, give_back, keep_lease,
    take_lease,
};
pub(super) use moved::{MovedCase, hold_moved, moved, stays};
pub(super) use sending::{Staged, clear_abandoned, stage, standing, switch_to};
pub(super) use tries::{Tried, count_tries, tries};
pub(super) use under::{Under, keep_under, under, under_now};
pub(super) use waiting::{
    Queue, Waiting, accept, hold, lapse, live_cases, looked_at, next_organisation, tie, waiting,
};

use super::http::{EndedAnswer, WithdrawnAnswer};
use crate::domain::identifiers::{OrganisationId, SystemId};
use crate::store::{Db, StoreError, Touched, Tx, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// Ends an involvement; ending one that is not there, or has ended, changes nothing and looks the same. Another system's
/// of the organisation goes on, and is told as that.
pub(super) async fn end(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    id: Uuid,
    at: DateTime<Utc>,
) -> Result<EndedAnswer, StoreError> {
    const END: &str = "UPDATE involvements SET ended_at = $3, queue = NULL, ended_because = 'ended' WHERE organisation_id = $1 AND id = $2 \
         AND system_id = $4 AND ended_at IS NULL";
    let ended = on!(tx, c => sqlx::query(END)
        .bind(organisation.0).bind(id).bind(at).bind(system.0).execute(c).await.map(|r| r.touched()))?;
    if ended > 0 {
        return Ok(EndedAnswer { ended, ..EndedAnswer::default() });
    }
    let others = is_anothers(tx, (organisation, system), id).await?;
    Ok(EndedAnswer { ended, unchanged: 1 - others, of_another_system: others })
}

/// Notes that a family has withdrawn its agreement, from a day on; where it had before, or gave none, nothing changes.
pub(super) async fn withdraw(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    id: Uuid,
    today: NaiveDate,
) -> Result<WithdrawnAnswer, StoreError> {
    const WITHDRAW: &str = "UPDATE involvements SET family_withdrawn_on = $3 WHERE organisation_id = $1 AND id = $2 \
         AND system_id = $4 AND family_agreed_by IS NOT NULL \
         AND (family_withdrawn_on IS NULL OR family_withdrawn_on > $3)";
    let withdrawn = on!(tx, c => sqlx::query(WITHDRAW)
        .bind(organisation.0).bind(id).bind(today).bind(system.0).execute(c).await.map(|r| r.touched()))?;
    let others = if withdrawn > 0 { 0 } else { is_anothers(tx, (organisation, system), id).await? };
    Ok(WithdrawnAnswer { withdrawn, unchanged: 1 - withdrawn - others, of_another_system: others })
}

/// Ends an involvement to which a young person has objected, of a kind that rests on their consent, and the term of its source
/// case: sent again it gives nothing.
pub(super) async fn object(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    id: Uuid,
    (at, today): (DateTime<Utc>, NaiveDate),
) -> Result<EndedAnswer, StoreError> {
    const END: &str = "UPDATE involvements SET ended_at = $3, queue = NULL, ended_because = 'objection' \
         WHERE organisation_id = $1 AND id = $2 AND system_id = $4 AND ended_at IS NULL \
         AND kind IN ('school_nursing', 'mental_health_support') RETURNING source_case_id, kind";
    const TERM: &str = "UPDATE involvement_terms SET last_day = $4 \
         WHERE organisation_id = $1 AND source_case_id = $2 AND kind = $3 AND last_day > $4";
    let ended: Option<(String, String)> = on!(tx, c => sqlx::query_as(END)
        .bind(organisation.0).bind(id).bind(at).bind(system.0).fetch_optional(c).await)?;
    let Some((case, kind)) = ended else {
        let others = is_anothers(tx, (organisation, system), id).await?;
        return Ok(EndedAnswer { ended: 0, unchanged: 1 - others, of_another_system: others });
    };
    let before = today.pred_opt().unwrap_or(today);
    on!(tx, c => sqlx::query(TERM).bind(organisation.0).bind(case).bind(kind).bind(before)
        .execute(c).await.map(|_| ()))?;
    Ok(EndedAnswer { ended: 1, ..EndedAnswer::default() })
}

/// 1 where an id is that of another system of the organisation, else 0.
async fn is_anothers(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    id: Uuid,
) -> Result<u64, StoreError> {
    const WHOSE: &str = "SELECT system_id FROM involvements WHERE organisation_id = $1 AND id = $2";
    let whose: Option<Uuid> = on!(tx, c => sqlx::query_scalar(WHOSE)
        .bind(organisation.0).bind(id).fetch_optional(c).await)?;
    Ok(u64::from(whose.is_some_and(|whose| whose != system.0)))
}

/// A line of an agency's own report.
#[derive(sqlx::FromRow)]
pub(super) struct ReportRow {
    pub(super) id: Uuid,
    pub(super) case_reference: String,
    pub(super) kind: String,
    pub(super) pupil_id: Option<Uuid>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) until_day: Option<NaiveDate>,
    pub(super) confirmed_at: Option<DateTime<Utc>>,
    claim_digest: Option<Vec<u8>>,
    family_withdrawn_on: Option<NaiveDate>,
}

impl ReportRow {
    /// It as it stands.
    pub(super) fn under(&self) -> Under {
        Under::of(self.claim_digest.clone(), self.family_withdrawn_on, self.ended_at)
    }
}

/// A page of a system's own involvements, by id.
pub(super) async fn page(
    db: &Db,
    (organisation, system): (OrganisationId, SystemId),
    after: Uuid,
    limit: i64,
) -> Result<Vec<ReportRow>, StoreError> {
    const PAGE: &str = "SELECT id, case_reference, kind, pupil_id, ended_at, until_day, confirmed_at, claim_digest, \
         family_withdrawn_on FROM involvements WHERE organisation_id = $1 AND system_id = $4 AND id > $2 ORDER BY id LIMIT $3";
    Ok(
        read!(db, c => sqlx::query_as(PAGE).bind(organisation.0).bind(after).bind(limit).bind(system.0).fetch_all(c).await)?,
    )
}
