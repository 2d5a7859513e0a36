//! Matching claims to children, off the request path.
//!
//! UPN, date of birth and surname with exactly one child count at once, and so does a name and date of birth for a
//! section 47 enquiry; everything else is looked at once a day, for everybody alike. A claim that fits a child whose
//! whereabouts are protected stays pending whatever its kind.

use super::storage;
use crate::domain::purpose::InvolvementKind;
use crate::gate::{Duty, Gate, Refusal};
use chrono::{NaiveDate, TimeDelta};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Unmatched claims lapse after this many days.
const LAPSE_DAYS: i64 = 28;
/// How often the matcher looks whether the daily run is due, and picks up what another gateway accepted.
const LOOK: Duration = Duration::from_secs(10);

/// Matches what waits: the claims that count at once, or on the daily run all. Says how many found their child.
pub async fn match_claims(gate: &Gate, daily: bool) -> Result<u64, Refusal> {
    let at = gate.clock().now();
    let waiting = storage::waiting(gate.db(), daily, at - TimeDelta::days(LAPSE_DAYS)).await?;
    let mut found = Vec::new();
    for claim in waiting {
        // Without a UPN only a section 47 enquiry is matched by name before the daily run.
        if !daily && claim.claim_upn.is_none() && claim.kind != InvolvementKind::Section47Enquiry.as_str() {
            continue;
        }
        if let [(pupil, false)] = storage::fitting(gate.db(), &claim).await?.as_slice() {
            found.push((claim, *pupil));
        }
    }
    if found.is_empty() {
        return Ok(0);
    }
    let permit = gate.open_duty(Duty::MatchClaims);
    let mut tx = gate.db().begin().await?;
    let mut tied = 0;
    for (claim, pupil) in &found {
        tied += storage::tie(&mut tx, claim, *pupil, at).await?;
    }
    gate.commit_duty(permit, tx, tied).await?;
    Ok(tied)
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
        let mut last_daily: Option<NaiveDate> = None;
        loop {
            let today = gate.clock().today();
            let daily = last_daily != Some(today);
            match match_claims(&gate, daily).await {
                Ok(_) if daily => last_daily = Some(today),
                Ok(_) => {}
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
