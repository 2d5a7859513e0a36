//! The table of ambiguous claims.

use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::domain::purpose::InvolvementKind;
use crate::gate::Claimed;
use crate::involvements::storage::Waiting;
use crate::store::{Db, StoreError, Touched as _, Tx, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// Puts a claim before the data matchers of an authority; once, unless it was sent with other details since.
pub(in crate::involvements) async fn ask(
    tx: &mut Tx,
    claim: &Waiting,
    authority: OrganisationId,
) -> Result<u64, StoreError> {
    const ASK: &str = "INSERT INTO ambiguous_claims (authority_id, item_id, organisation_id, id, received_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organisation_id, id, authority_id) DO UPDATE \
         SET item_id = excluded.item_id, received_at = excluded.received_at, decided_at = NULL, decided_by = NULL, \
         decision = NULL WHERE ambiguous_claims.received_at <> excluded.received_at";
    let (organisation, id) = claim.key();
    Ok(on!(tx, c => sqlx::query(ASK).bind(authority.0).bind(Uuid::new_v4()).bind(organisation.0).bind(id)
        .bind(claim.received_at).execute(c).await.map(|r| r.touched()))?)
}

/// A claim before a data matcher.
#[expect(clippy::struct_field_names, reason = "as the columns are named")]
#[derive(sqlx::FromRow)]
pub(super) struct Item {
    pub(super) item_id: Uuid,
    organisation_id: Uuid,
    id: Uuid,
    received_at: DateTime<Utc>,
    claim_upn: Option<String>,
    pub(super) claim_date_of_birth: NaiveDate,
    claim_surname: String,
    claim_forename: String,
    team: String,
    kind: String,
}

impl Item {
    /// What the claim says of its child.
    pub(super) fn claimed(&self) -> Claimed<'_> {
        Claimed {
            upn: self.claim_upn.as_deref(),
            date_of_birth: self.claim_date_of_birth,
            surname_key: &self.claim_surname,
            forename_key: &self.claim_forename,
            by_name: true,
        }
    }

    /// Whose claim it is, and the code of the team whose case it is.
    pub(super) fn claimant(&self) -> (OrganisationId, &String) {
        (OrganisationId(self.organisation_id), &self.team)
    }

    /// Under which id the agency has it.
    pub(super) fn claim_id(&self) -> Uuid {
        self.id
    }

    /// Whether it is an enquiry under section 47.
    pub(super) fn is_enquiry(&self) -> bool {
        self.kind == InvolvementKind::Section47Enquiry.as_str()
    }

    /// The claim's name, as compared.
    pub(super) fn name(&self) -> (&str, &str) {
        (&self.claim_surname, &self.claim_forename)
    }
}

/// Claims that wait for the data matchers of an authority, the oldest first; one that was matched, ended, changed or
/// lapsed meanwhile waits no more.
pub(super) async fn items(
    db: &Db,
    authority: OrganisationId,
    only: Option<Uuid>,
    (sent_since, limit): (DateTime<Utc>, i64),
) -> Result<Vec<Item>, StoreError> {
    const ITEMS: &str = "SELECT a.item_id, a.organisation_id, a.id, a.received_at, i.claim_upn, \
         i.claim_date_of_birth, i.claim_surname, i.claim_forename, i.team, i.kind FROM ambiguous_claims a \
         JOIN involvements i ON i.organisation_id = a.organisation_id AND i.id = a.id \
         WHERE a.authority_id = $1 AND (a.item_id = $2 OR $3) AND a.decided_at IS NULL AND i.pupil_id IS NULL \
         AND i.ended_at IS NULL AND i.queue IS NOT NULL AND i.received_at = a.received_at AND i.confirmed_at >= $4 \
         ORDER BY a.received_at, a.item_id LIMIT $5";
    Ok(read!(db, c => sqlx::query_as(ITEMS)
        .bind(authority.0).bind(only.unwrap_or_default()).bind(only.is_none()).bind(sent_since).bind(limit)
        .fetch_all(c).await)?)
}

/// Notes a decision; none where another was quicker.
pub(super) async fn decide(
    tx: &mut Tx,
    authority: OrganisationId,
    item: &Item,
    (matched, by, at): (bool, &str, DateTime<Utc>),
) -> Result<u64, StoreError> {
    const DECIDE: &str = "UPDATE ambiguous_claims SET decided_at = $3, decided_by = $4, decision = $5 \
         WHERE authority_id = $1 AND item_id = $2 AND decided_at IS NULL";
    let decision = if matched { "matched" } else { "nobody" };
    Ok(on!(tx, c => sqlx::query(DECIDE).bind(authority.0).bind(item.item_id).bind(at).bind(by).bind(decision)
        .execute(c).await.map(|r| r.touched()))?)
}

/// Ties the claim to the child that was decided on, at a time of school; none where it has changed, ended or been tied meanwhile.
pub(super) async fn tie(
    tx: &mut Tx,
    item: &Item,
    pupil: PupilId,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const TIE: &str = "UPDATE involvements SET pupil_id = $3, matched_at = $4, queue = NULL \
         WHERE organisation_id = $1 AND id = $2 AND pupil_id IS NULL AND ended_at IS NULL AND received_at = $5";
    Ok(on!(tx, c => sqlx::query(TIE).bind(item.organisation_id).bind(item.id).bind(pupil.0).bind(at)
        .bind(item.received_at).execute(c).await.map(|r| r.touched()))?)
}

/// Deletes at most `limit` of those whose claim is gone.
pub(in crate::involvements) async fn forget(tx: &mut Tx, limit: i64) -> Result<u64, StoreError> {
    const FORGET: &str = "DELETE FROM ambiguous_claims WHERE (authority_id, item_id) IN \
         (SELECT a.authority_id, a.item_id FROM ambiguous_claims a WHERE NOT EXISTS \
         (SELECT 1 FROM involvements i WHERE i.organisation_id = a.organisation_id AND i.id = a.id) LIMIT $1)";
    Ok(on!(tx, c => sqlx::query(FORGET).bind(limit).execute(c).await.map(|r| r.touched()))?)
}
