//! The tables of bars.

use crate::domain::bars::{BarSort, LOWERING_WAITS, WhomKind};
use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::gate::{OfBarred, Permit};
use crate::store::{StoreError, Touched as _, Tx, on};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::lines::{self, Line};

/// A shield to be set.
#[derive(Debug)]
pub(super) struct NewShield<'a> {
    pub(super) id: Uuid,
    /// Category, sections and reason.
    pub(super) sent: (&'a str, &'a str, &'a str),
    pub(super) decided_by: Option<String>,
    pub(super) digest: [u8; 32],
    pub(super) set_at: DateTime<Utc>,
    pub(super) review_on: NaiveDate,
    pub(super) authority: Option<OrganisationId>,
    pub(super) lapses_on: Option<NaiveDate>,
}

/// Sets a shield; `false` where one stands or stood under its id.
pub(super) async fn set_shield(
    tx: &mut Tx,
    permit: &Permit<OfBarred>,
    new: &NewShield<'_>,
) -> Result<bool, StoreError> {
    const SET: &str = "INSERT INTO shields (id, organisation_id, system_id, person, pupil_id, category, sections, reason, \
         conflict_decided_by, digest, set_at, review_on, authority_id, lapses_on) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (id) DO NOTHING";
    let (category, sections, reason) = new.sent;
    let touched = on!(tx, c => sqlx::query(SET)
        .bind(new.id).bind(permit.organisation().0).bind(permit.system().0).bind(permit.person())
        .bind(permit.pupil().0).bind(category).bind(sections).bind(reason).bind(&new.decided_by)
        .bind(new.digest.as_slice()).bind(new.set_at).bind(new.review_on).bind(new.authority.map(|a| a.0))
        .bind(new.lapses_on).execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// A shield as it stands.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Shield {
    pub(super) organisation_id: Uuid,
    pupil_id: Uuid,
    pub(super) digest: Vec<u8>,
    pub(super) authority_id: Option<Uuid>,
    lapses_on: Option<NaiveDate>,
    confirmed_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
}

impl Shield {
    pub(super) fn pupil(&self) -> PupilId {
        PupilId(self.pupil_id)
    }

    pub(super) fn organisation(&self) -> OrganisationId {
        OrganisationId(self.organisation_id)
    }

    /// Whether it stands on a day.
    pub(super) fn stands(&self, today: NaiveDate) -> bool {
        let lapsed = self.confirmed_at.is_none() && self.lapses_on.is_some_and(|day| day < today);
        self.ended_at.is_none() && !lapsed
    }
}

/// The shield under an id.
pub(super) async fn shield(tx: &mut Tx, id: Uuid) -> Result<Option<Shield>, StoreError> {
    const ONE: &str = "SELECT organisation_id, pupil_id, digest, authority_id, lapses_on, confirmed_at, ended_at \
         FROM shields WHERE id = $1";
    Ok(on!(tx, c => sqlx::query_as(ONE).bind(id).fetch_optional(c).await)?)
}

/// Confirms a school's shield; `false` where it was.
pub(super) async fn confirm(
    tx: &mut Tx,
    id: Uuid,
    person: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const CONFIRM: &str = "UPDATE shields SET confirmed_at = $2, confirmed_by = $3 \
         WHERE id = $1 AND confirmed_at IS NULL AND ended_at IS NULL";
    let touched = on!(tx, c => sqlx::query(CONFIRM)
        .bind(id).bind(at).bind(person).execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// Ends a shield; `false` where it had.
pub(super) async fn end_shield(
    tx: &mut Tx,
    id: Uuid,
    (person, at): (&str, DateTime<Utc>),
) -> Result<bool, StoreError> {
    const END: &str = "UPDATE shields SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL";
    let touched = on!(tx, c => sqlx::query(END)
        .bind(id).bind(at).bind(person).execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// A decision to withhold, to be written.
#[derive(Debug)]
pub(super) struct NewDecision<'a> {
    pub(super) id: Uuid,
    pub(super) ground: &'a str,
    pub(super) digest: [u8; 32],
    pub(super) decided_at: DateTime<Utc>,
    pub(super) review_on: NaiveDate,
}

/// Writes a decision; `false` where one stands or stood under its id.
pub(super) async fn withhold(
    tx: &mut Tx,
    permit: &Permit<OfBarred>,
    new: &NewDecision<'_>,
) -> Result<bool, StoreError> {
    const SET: &str = "INSERT INTO withheld_decisions (id, organisation_id, system_id, person, pupil_id, ground, digest, \
         decided_at, review_on) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";
    let touched = on!(tx, c => sqlx::query(SET)
        .bind(new.id).bind(permit.organisation().0).bind(permit.system().0).bind(permit.person())
        .bind(permit.pupil().0).bind(new.ground).bind(new.digest.as_slice()).bind(new.decided_at)
        .bind(new.review_on).execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// A decision as it stands.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Decision {
    pub(super) organisation_id: Uuid,
    pub(super) pupil_id: Uuid,
    pub(super) digest: Vec<u8>,
}

/// The decision under an id.
pub(super) async fn decision(tx: &mut Tx, id: Uuid) -> Result<Option<Decision>, StoreError> {
    const ONE: &str = "SELECT organisation_id, pupil_id, digest FROM withheld_decisions WHERE id = $1";
    Ok(on!(tx, c => sqlx::query_as(ONE).bind(id).fetch_optional(c).await)?)
}

/// Ends a decision; `false` where it had.
pub(super) async fn end_decision(
    tx: &mut Tx,
    id: Uuid,
    (person, at): (&str, DateTime<Utc>),
) -> Result<bool, StoreError> {
    const END: &str =
        "UPDATE withheld_decisions SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL";
    let touched = on!(tx, c => sqlx::query(END)
        .bind(id).bind(at).bind(person).execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// The flag on a child, as it stands.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Protection {
    pub(super) id: Uuid,
    lower_asked_by: Option<String>,
    lower_asked_at: Option<DateTime<Utc>>,
}

impl Protection {
    /// The first of two persons who lower it, while that one waits for the second.
    pub(super) fn first(self, now: DateTime<Utc>) -> Option<String> {
        self.lower_asked_by.filter(|_| self.lower_asked_at.is_some_and(|at| now < at + LOWERING_WAITS))
    }
}

/// The flag that stands on a child on record; none where nothing but a file raised one.
pub(super) async fn protection(tx: &mut Tx, pupil: PupilId) -> Result<Option<Protection>, StoreError> {
    const ONE: &str = "SELECT id, lower_asked_by, lower_asked_at FROM whereabouts_protections \
         WHERE pupil_id = $1 AND lowered_at IS NULL";
    Ok(on!(tx, c => sqlx::query_as(ONE).bind(pupil.0).fetch_optional(c).await)?)
}

/// A flag to be put on record.
#[derive(Debug)]
pub(super) struct NewProtection<'a> {
    pub(super) id: Uuid,
    pub(super) reason: &'a str,
    pub(super) raised_at: DateTime<Utc>,
    pub(super) team: Option<Uuid>,
    pub(super) authority: OrganisationId,
}

/// Puts a flag on record, with the authority's lead as who protects the child until a team has accepted; `false` where one
/// stands.
pub(super) async fn protect(
    tx: &mut Tx,
    permit: &Permit<OfBarred>,
    new: &NewProtection<'_>,
) -> Result<bool, StoreError> {
    const RAISE: &str = "INSERT INTO whereabouts_protections (id, pupil_id, organisation_id, person, reason, raised_at, \
         team_id, authority_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (pupil_id) WHERE lowered_at IS NULL DO NOTHING";
    let touched = on!(tx, c => sqlx::query(RAISE)
        .bind(new.id).bind(permit.pupil().0).bind(permit.organisation().0).bind(permit.person())
        .bind(new.reason).bind(new.raised_at).bind(new.team).bind(new.authority.0)
        .execute(c).await.map(|r| r.touched()))?;
    if touched == 0 {
        return Ok(false);
    }
    let lead =
        Line { sort: BarSort::Protects, kind: WhomKind::Lead, whom: new.authority.0.to_string(), of: None };
    lines::put(tx, (permit.pupil(), new.id), &[lead], (new.raised_at, None)).await?;
    Ok(true)
}

/// Has the team that was asked protect the child from now on. Says how many flags that changed.
pub(in crate::involvements) async fn accept_protection(
    tx: &mut Tx,
    id: Uuid,
    person: &str,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const ACCEPT: &str = "UPDATE whereabouts_protections SET accepted_at = $2, accepted_by = $3 \
         WHERE id = $1 AND accepted_at IS NULL AND lowered_at IS NULL AND team_id IS NOT NULL RETURNING pupil_id, team_id";
    let row: Option<(Uuid, Uuid)> =
        on!(tx, c => sqlx::query_as(ACCEPT).bind(id).bind(now).bind(person).fetch_optional(c).await)?;
    let Some((pupil, team)) = row else { return Ok(0) };
    let line = Line { sort: BarSort::Protects, kind: WhomKind::Team, whom: team.to_string(), of: None };
    lines::put(tx, (PupilId(pupil), id), &[line], (now, None)).await?;
    Ok(1)
}

/// Notes the first of two persons who lower a flag; `false` where somebody was first and still waits for the second.
pub(super) async fn ask_to_lower(
    tx: &mut Tx,
    id: Uuid,
    (person, reason): (&str, &str),
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const ASK: &str = "UPDATE whereabouts_protections SET lower_asked_at = $2, lower_asked_by = $3, lower_reason = $4 \
         WHERE id = $1 AND (lower_asked_at IS NULL OR lower_asked_at <= $5) AND lowered_at IS NULL";
    let touched = on!(tx, c => sqlx::query(ASK)
        .bind(id).bind(at).bind(person).bind(reason).bind(at - LOWERING_WAITS).execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// Lowers a flag by the second person, who is not the first.
pub(super) async fn lower(
    tx: &mut Tx,
    id: Uuid,
    person: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const LOWER: &str = "UPDATE whereabouts_protections SET lowered_at = $2, lowered_by = $3 \
         WHERE id = $1 AND lowered_at IS NULL AND lower_asked_by IS NOT NULL AND lower_asked_by <> $3 \
         AND lower_asked_at > $4";
    let touched = on!(tx, c => sqlx::query(LOWER)
        .bind(id).bind(at).bind(person).bind(at - LOWERING_WAITS).execute(c).await.map(|r| r.touched()))?;
    if touched == 1 {
        lines::end(tx, id, Some(at)).await?;
    }
    Ok(touched == 1)
}
