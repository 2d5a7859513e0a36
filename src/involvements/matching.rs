//! Matching claims to children, off the request path.
//!
//! UPN, date of birth and surname with exactly one child count at once, and so does a name and date of birth for a
//! section 47 enquiry; everything else is looked at once a day, for everybody alike. A claim that fits a child whose
//! whereabouts are protected stays pending whatever its kind.

use super::storage::{self, Waiting};
use crate::domain::purpose::InvolvementKind;
use crate::gate::{Duty, Gate, Refusal};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Unmatched claims lapse after this many days.
pub(super) const LAPSE_DAYS: i64 = 28;
/// How often the matcher looks whether the daily run is due, and picks up what another gateway accepted.
const LOOK: Duration = Duration::from_secs(10);

/// Claims looked at in one step.
const STEP: i64 = 500;

/// Matches what waits: the claims that count at once, or on the daily run all. Says how many found their child.
pub async fn match_claims(gate: &Gate, daily: bool) -> Result<u64, Refusal> {
    let at = gate.clock().now();
    let mut place = (at - TimeDelta::days(LAPSE_DAYS), Uuid::nil());
    let mut tied = 0;
    loop {
        let page = storage::waiting(gate.db(), daily, place, STEP).await?;
        let Some(last) = page.last() else { return Ok(tied) };
        place = (last.received_at, last.id);
        tied += match_page(gate, &page, daily, at).await?;
    }
}

async fn match_page(gate: &Gate, page: &[Waiting], daily: bool, at: DateTime<Utc>) -> Result<u64, Refusal> {
    let mut found = Vec::new();
    for claim in page {
        // Without a UPN only a section 47 enquiry is matched by name before the daily run.
        if !daily && claim.claim_upn.is_none() && claim.kind != InvolvementKind::Section47Enquiry.as_str() {
            continue;
        }
        if let [(pupil, false)] = storage::fitting(gate.db(), claim).await?.as_slice() {
            found.push((claim, *pupil));
        }
    }
    if found.is_empty() {
        return Ok(0);
    }
    let permit = gate.open_duty(Duty::MatchClaims).await?;
    let mut tx = gate.db().begin().await?;
    let mut tied = 0;
    for (claim, pupil) in found {
        tied += storage::tie(&mut tx, claim, pupil, at).await?;
    }
    gate.commit_duty(permit, tx, tied).await?;
    Ok(tied)
}

/// Runs the day's matching for everybody, if no gateway on this database has claimed the day.
async fn match_daily(gate: &Gate) -> Result<(), Refusal> {
    let permit = gate.open_duty(Duty::MatchClaims).await?;
    let mut tx = gate.db().begin().await?;
    if storage::claim_day(&mut tx, gate.clock().today()).await? {
        gate.commit_duty(permit, tx, 0).await?;
        match_claims(gate, true).await?;
    }
    Ok(())
}

/// The task that matches: woken by every accepted claim, and once a day for everybody.
#[derive(Clone, Debug, Default)]
pub struct Matcher(Arc<Notify>);

impl Matcher {
    /// Says that a claim was accepted; the answer to it does not wait.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Runs until stopped.
    pub async fn run(self, gate: Gate, stop: CancellationToken) {
        let mut looked: Option<NaiveDate> = None;
        loop {
            let today = gate.clock().today();
            let mut done = match_claims(&gate, false).await.map(|_| ());
            if looked != Some(today) && done.is_ok() {
                done = match_daily(&gate).await;
            }
            match done {
                Ok(()) => looked = Some(today),
                Err(error) => tracing::warn!(%error, "claims could not be matched; trying again"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}
