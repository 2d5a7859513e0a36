//! The table of renewals.

use crate::domain::bars::Opening;
use crate::store::{Db, StoreError, Touched as _, Tx, must_touch, on, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A renewal of a claim, as it stands.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(super) struct Renewal {
    pub(super) number: i64,
    pub(super) opens_at: DateTime<Utc>,
    pub(super) closes_at: DateTime<Utc>,
    waits: bool,
    answered_at: Option<DateTime<Utc>>,
    refused: bool,
}

impl Renewal {
    /// Whether a manager still has to answer it: nobody has, and it has not opened by itself.
    pub(super) fn waits(&self, now: DateTime<Utc>) -> bool {
        self.waits && self.answered_at.is_none() && (now < self.opens_at || self.opens_at == self.closes_at)
    }

    /// Whether it is open.
    pub(super) fn is_open(&self, now: DateTime<Utc>) -> bool {
        Opening { from: self.opens_at, until: self.closes_at }.holds(now)
    }

    /// Whether a manager has refused this one or an earlier one.
    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }
}

/// The newest renewal of a claim. It holds other renewals of the claim back until the transaction ends.
pub(super) async fn newest(tx: &mut Tx, id: Uuid) -> Result<Option<Renewal>, StoreError> {
    const ALONE: &str = "UPDATE emergencies SET claimed_at = claimed_at WHERE id = $1";
    const NEWEST: &str = "SELECT number, opens_at, closes_at, waits, answered_at, EXISTS (SELECT 1 FROM emergency_renewals r \
         WHERE r.emergency_id = $1 AND r.answered_at IS NOT NULL AND NOT r.allowed) AS refused \
         FROM emergency_renewals WHERE emergency_id = $1 ORDER BY number DESC LIMIT 1";
    on!(tx, c => sqlx::query(ALONE).bind(id).execute(c).await.map(|_| ()))?;
    Ok(on!(tx, c => sqlx::query_as(NEWEST).bind(id).fetch_optional(c).await)?)
}

/// The renewal of a number.
pub(super) async fn one(db: &Db, id: Uuid, number: i64) -> Result<Option<Renewal>, StoreError> {
    const ONE: &str = "SELECT number, opens_at, closes_at, waits, answered_at, \
         answered_at IS NOT NULL AND NOT allowed AS refused FROM emergency_renewals \
         WHERE emergency_id = $1 AND number = $2";
    Ok(read!(db, c => sqlx::query_as(ONE).bind(id).bind(number).fetch_optional(c).await)?)
}

/// Writes a renewal.
pub(super) async fn renew(
    tx: &mut Tx,
    (id, number): (Uuid, i64),
    reason: &str,
    (opening, waits): (Opening, bool),
    asked_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    const RENEW: &str = "INSERT INTO emergency_renewals (emergency_id, number, reason, asked_at, opens_at, closes_at, \
         waits) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    on!(tx, c => {
        let r = sqlx::query(RENEW)
            .bind(id).bind(number).bind(reason).bind(asked_at).bind(opening.from).bind(opening.until).bind(waits)
            .execute(c).await?;
        must_touch("a renewal", &r, 1)
    })
}

/// Writes what a manager said of a renewal that waits: allowed it opens now, else never. Says whether it still waited.
pub(super) async fn answer(
    tx: &mut Tx,
    (id, number): (Uuid, i64),
    (manager, allowed): (&str, bool),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const ANSWER: &str = "UPDATE emergency_renewals SET answered_at = $3, answered_by = $4, allowed = $5, \
         opens_at = $6, closes_at = $7 WHERE emergency_id = $1 AND number = $2 AND waits AND answered_at IS NULL \
         AND (opens_at = closes_at OR opens_at > $3)";
    let opening = if allowed { Opening::from(now) } else { Opening { from: now, until: now } };
    let touched = on!(tx, c => sqlx::query(ANSWER)
        .bind(id).bind(number).bind(now).bind(manager).bind(allowed).bind(opening.from).bind(opening.until)
        .execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// Renewals that waited for a manager since before a moment and opened by themselves, and of which nobody was told; the rows
/// are marked as told.
pub(in crate::involvements) async fn waiting_renewals(
    tx: &mut Tx,
    before: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<Vec<(Uuid, Uuid, i64)>, StoreError> {
    const TELL: &str = "UPDATE emergency_renewals SET told_at = $2 WHERE waits AND answered_at IS NULL \
         AND told_at IS NULL AND asked_at <= $1 AND opens_at < closes_at RETURNING emergency_id, number";
    const WHOSE: &str = "SELECT organisation_id FROM emergencies WHERE id = $1";
    let told: Vec<(Uuid, i64)> = on!(tx, c => sqlx::query_as(TELL).bind(before).bind(at).fetch_all(c).await)?;
    let mut all = Vec::with_capacity(told.len());
    for (id, number) in told {
        let organisation: Uuid = on!(tx, c => sqlx::query_scalar(WHOSE).bind(id).fetch_one(c).await)?;
        all.push((organisation, id, number));
    }
    Ok(all)
}
