//! Claims that wait for a match, organisation by organisation, and what becomes of each.

use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::domain::purpose::InvolvementKind;
use crate::gate::Claimed;
use crate::store::{Db, StoreError, Touched, Tx, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// Where a claim waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::involvements) enum Queue {
    /// A new section 47 enquiry.
    NewEnquiry,
    /// Another new claim that counts at once.
    New,
    /// One that counts at once and was looked at before.
    Again,
    /// One that is looked at once a day.
    Daily,
    /// One more of its source case, name or day than are looked at.
    Crowded,
}

impl Queue {
    /// Its number in the table.
    pub(in crate::involvements) const fn number(self) -> i64 {
        match self {
            Self::NewEnquiry => 1,
            Self::New => 2,
            Self::Again => 3,
            Self::Daily => 4,
            Self::Crowded => 5,
        }
    }
}

/// A claim that waits for a match.
#[derive(sqlx::FromRow)]
pub(in crate::involvements) struct Waiting {
    organisation_id: Uuid,
    pub(in crate::involvements) id: Uuid,
    kind: String,
    claim_upn: Option<String>,
    claim_date_of_birth: NaiveDate,
    claim_surname: String,
    claim_forename: String,
    pub(in crate::involvements) received_at: DateTime<Utc>,
    queue: Option<i64>,
    held_at: Option<DateTime<Utc>>,
    team: String,
}

impl Waiting {
    /// Whether it has not been looked at before.
    pub(in crate::involvements) fn is_new(&self) -> bool {
        [Queue::NewEnquiry, Queue::New].iter().any(|queue| self.queue == Some(queue.number()))
    }

    /// Whether it is an enquiry under section 47, which a name alone matches at once.
    pub(in crate::involvements) fn is_enquiry(&self) -> bool {
        self.kind == InvolvementKind::Section47Enquiry.as_str()
    }

    /// What it says of its child.
    pub(in crate::involvements) fn claimed(&self, by_name: bool) -> Claimed<'_> {
        Claimed {
            upn: self.claim_upn.as_deref(),
            date_of_birth: self.claim_date_of_birth,
            surname_key: &self.claim_surname,
            forename_key: &self.claim_forename,
            by_name,
        }
    }

    /// Whose it is, and under which id.
    pub(in crate::involvements) fn key(&self) -> (OrganisationId, Uuid) {
        (OrganisationId(self.organisation_id), self.id)
    }

    /// Code of the team whose case it is.
    pub(in crate::involvements) fn team(&self) -> &String {
        &self.team
    }

    /// Whether it was found before to fit a child whose whereabouts are protected.
    pub(in crate::involvements) fn is_held(&self) -> bool {
        self.held_at.is_some()
    }
}

const NEXT: &str = "SELECT organisation_id FROM involvements WHERE queue = $1 AND organisation_id > $2 \
     ORDER BY organisation_id LIMIT 1";
const WAITING: &str = "SELECT organisation_id, id, kind, claim_upn, claim_date_of_birth, claim_surname, \
     claim_forename, received_at, queue, held_at, team FROM involvements WHERE queue = $1 AND organisation_id = $2 \
     AND (received_at, id) > ($3, $4) AND confirmed_at >= $6 ORDER BY received_at, id LIMIT $5";

/// The next organisation with a claim in a queue, by id.
pub(in crate::involvements) async fn next_organisation(
    db: &Db,
    queue: Queue,
    after: Uuid,
) -> Result<Option<Uuid>, StoreError> {
    Ok(read!(db, c => sqlx::query_scalar(NEXT).bind(queue.number()).bind(after).fetch_optional(c).await)?)
}

/// An organisation's claims in a queue after a place in their order that were sent since a time, at most `limit`.
pub(in crate::involvements) async fn waiting(
    db: &Db,
    (queue, organisation): (Queue, Uuid),
    (received, after): (DateTime<Utc>, Uuid),
    sent_since: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Waiting>, StoreError> {
    Ok(read!(db, c => sqlx::query_as(WAITING)
        .bind(queue.number()).bind(organisation).bind(received).bind(after).bind(limit).bind(sent_since).fetch_all(c).await)?)
}

/// Ties a waiting claim to its child at a time, school time; none where it has changed, ended or been tied meanwhile.
pub(in crate::involvements) async fn tie(
    tx: &mut Tx,
    claim: &Waiting,
    pupil: PupilId,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const TIE: &str = "UPDATE involvements SET pupil_id = $3, matched_at = $4, queue = NULL \
         WHERE organisation_id = $1 AND id = $2 AND pupil_id IS NULL AND ended_at IS NULL \
         AND claim_date_of_birth = $5 AND claim_surname = $6 AND claim_forename = $7 \
         AND claim_upn IS NOT DISTINCT FROM $8 AND kind = $9 AND received_at = $10";
    Ok(on!(tx, c => sqlx::query(TIE)
        .bind(claim.organisation_id).bind(claim.id).bind(pupil.0).bind(at)
        .bind(claim.claim_date_of_birth).bind(&claim.claim_surname).bind(&claim.claim_forename)
        .bind(&claim.claim_upn).bind(&claim.kind).bind(claim.received_at)
        .execute(c).await.map(|r| r.touched()))?)
}

/// Takes a claim that was looked at for the first time out of the new ones; one that has changed meanwhile stays new.
pub(in crate::involvements) async fn looked_at(tx: &mut Tx, claim: &Waiting) -> Result<u64, StoreError> {
    const LOOKED: &str = "UPDATE involvements SET queue = 3 WHERE organisation_id = $1 AND id = $2 AND queue = $3 \
         AND received_at = $4 AND claim_date_of_birth = $5 AND claim_forename = $6";
    Ok(on!(tx, c => sqlx::query(LOOKED)
        .bind(claim.organisation_id).bind(claim.id).bind(claim.queue).bind(claim.received_at)
        .bind(claim.claim_date_of_birth).bind(&claim.claim_forename)
        .execute(c).await.map(|r| r.touched()))?)
}

/// Notes that a claim fits a child whose whereabouts are protected; none where that was noted before.
pub(in crate::involvements) async fn hold(
    tx: &mut Tx,
    (organisation, id): (OrganisationId, Uuid),
    pupil: PupilId,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const HOLD: &str = "UPDATE involvements SET held_at = $3, held_pupil_id = $4 WHERE organisation_id = $1 AND id = $2 \
         AND held_at IS NULL AND pupil_id IS NULL AND ended_at IS NULL";
    Ok(on!(tx, c => sqlx::query(HOLD)
        .bind(organisation.0).bind(id).bind(at).bind(pupil.0)
        .execute(c).await.map(|r| r.touched()))?)
}

/// Has a claim count for a child once those who protect it have accepted: one that waits for them, or one that was tied to
/// the child before it was protected. Says how many were; none where it has changed or ended, or another team has it. School
/// time.
pub(in crate::involvements) async fn accept(
    tx: &mut Tx,
    (organisation, id, team): (Uuid, Uuid, &str),
    pupil: PupilId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const ACCEPT: &str = "UPDATE involvements SET pupil_id = $3, accepted_at = $4, queue = NULL, moved_at = NULL, \
         matched_at = CASE WHEN pupil_id IS NULL THEN $4 ELSE COALESCE(matched_at, $4) END \
         WHERE organisation_id = $1 AND id = $2 AND team = $5 AND ended_at IS NULL \
         AND (pupil_id = $3 OR (pupil_id IS NULL AND held_at IS NOT NULL AND held_pupil_id = $3))";
    Ok(on!(tx, c => sqlx::query(ACCEPT)
        .bind(organisation).bind(id).bind(pupil.0).bind(now).bind(team).execute(c).await.map(|r| r.touched()))?)
}

/// A live case of any agency with a child.
#[derive(sqlx::FromRow)]
pub(in crate::involvements) struct LiveCase {
    organisation_id: Uuid,
    pub(in crate::involvements) id: Uuid,
    pub(in crate::involvements) kind: String,
    pub(in crate::involvements) team: String,
}

impl LiveCase {
    /// Whose it is.
    pub(in crate::involvements) fn organisation(&self) -> OrganisationId {
        OrganisationId(self.organisation_id)
    }
}

/// Those of a child, at most 100. Whoever was accepted for it is not any more: the child is protected anew, and whoever
/// protects it now is asked.
pub(in crate::involvements) async fn live_cases(
    tx: &mut Tx,
    pupil: PupilId,
    now: DateTime<Utc>,
    today: NaiveDate,
) -> Result<Vec<LiveCase>, StoreError> {
    const ANEW: &str =
        "UPDATE involvements SET accepted_at = NULL WHERE pupil_id = $1 AND accepted_at IS NOT NULL";
    const LIVE: &str = "SELECT organisation_id, id, kind, team FROM involvements WHERE pupil_id = $1 \
         AND opened_at <= $2 AND (ended_at IS NULL OR ended_at > $2) \
         AND (until_day IS NULL OR until_day >= $3) ORDER BY organisation_id, id LIMIT 100";
    on!(tx, c => sqlx::query(ANEW).bind(pupil.0).execute(c).await.map(|_| ()))?;
    Ok(on!(tx, c => sqlx::query_as(LIVE).bind(pupil.0).bind(now).bind(today).fetch_all(c).await)?)
}

/// Takes an organisation's claims that were last sent before `since` out of a queue, at most `limit`.
pub(in crate::involvements) async fn lapse(
    tx: &mut Tx,
    (queue, organisation): (Queue, Uuid),
    since: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    const LAPSE: &str = "UPDATE involvements SET queue = NULL WHERE (organisation_id, id) IN \
         (SELECT organisation_id, id FROM involvements WHERE queue = $1 AND organisation_id = $2 \
         AND received_at < $3 AND confirmed_at < $3 ORDER BY received_at, id LIMIT $4)";
    Ok(on!(tx, c => sqlx::query(LAPSE)
        .bind(queue.number()).bind(organisation).bind(since).bind(limit)
        .execute(c).await.map(|r| r.touched()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plan_of;

    #[tokio::test]
    async fn what_waits_is_found_by_an_index() {
        for (text, expected) in [
            (
                NEXT,
                "SEARCH involvements USING COVERING INDEX involvements_queue (queue=? AND organisation_id>?)",
            ),
            (
                WAITING,
                "SEARCH involvements USING INDEX involvements_queue (queue=? AND organisation_id=? AND (received_at,id)>(?,?))",
            ),
        ] {
            let steps = plan_of(text).await;
            assert_eq!(steps.first().map(String::as_str), Some(expected), "{text}: {steps:#?}");
            let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY"));
            assert!(!sorts && !steps.iter().any(|step| step.starts_with("SCAN")), "{text}: {steps:#?}");
        }
    }
}
