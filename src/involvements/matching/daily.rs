//! The day's run for everybody, by one gateway of all on a database.
//!
//! The day is marked done only when the run has ended. Until then the gateway that runs it holds a lease that it renews
//! at every turn: when it stops, or fails, another takes over.

use super::LAPSE_DAYS;
use super::step::{How, Matched, Places, round};
use crate::gate::{Duty, Gate, Refusal};
use crate::involvements::matchers;
use crate::involvements::sending::ABANDONED;
use crate::involvements::storage::{self, Queue};
use chrono::{Days, TimeDelta};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a gateway may be silent before another takes over: longer than any turn, and than clocks differ.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// Rows that one transaction ends.
const STEP: i64 = 500;
/// Days after its end for which an involvement and the term of its case are kept: longer than any rest after which a case
/// begins anew, and so long that what an agency's system goes on sending stays ended.
const KEPT_DAYS: u64 = 365;
/// Days for which it is kept how often a case was tried.
const TRIED_DAYS: u64 = 28;

/// Runs the day's matching unless it is done or another gateway is at it. Says whether the day is done.
pub async fn match_daily(gate: &Gate, stop: &CancellationToken) -> Result<bool, Refusal> {
    Ok(match_day(gate, stop).await?.1)
}

/// The same, with what was done.
pub(super) async fn match_day(gate: &Gate, stop: &CancellationToken) -> Result<(Matched, bool), Refusal> {
    let (today, holder) = (gate.clock().today(), Uuid::now_v7());
    if storage::day_is_done(gate.db(), today).await? {
        return Ok((Matched::default(), true));
    }
    let permit = gate.open_duty(Duty::MatchClaims).await?;
    let mut tx = gate.db().begin().await?;
    let now = gate.clock().now();
    if !storage::take_lease(&mut tx, (today, holder), (now, now + LEASE)).await? {
        return Ok((Matched::default(), false));
    }
    gate.commit_progress(&permit, tx).await?;
    match run(gate, holder, stop).await {
        // Not one could be looked at: that is no run.
        Ok(Some(done)) if done.failed > 0 && done.failed >= done.looked_at => {
            give_back(gate, holder).await.map(|()| (done, false))
        }
        Ok(Some(done)) => {
            let mut tx = gate.db().begin().await?;
            let ended = storage::end_lease(&mut tx, (today, holder)).await?;
            if ended {
                gate.commit_duty(permit, tx, done.tied).await?;
            }
            Ok((done, ended))
        }
        Ok(None) => give_back(gate, holder).await.map(|()| (Matched::default(), false)),
        Err(refusal) => {
            // Where even this fails, the lease runs out by itself.
            if let Err(error) = give_back(gate, holder).await {
                tracing::warn!(%error, "the day's matching could not be given back");
            }
            Err(refusal)
        }
    }
}

/// The run itself; none where it was stopped or another has taken it over.
async fn run(gate: &Gate, holder: Uuid, stop: &CancellationToken) -> Result<Option<Matched>, Refusal> {
    forget(gate).await?;
    let mut done = Matched::default();
    for queue in [Queue::NewEnquiry, Queue::New, Queue::Again, Queue::Daily, Queue::Crowded] {
        lapse(gate, queue).await?;
        if queue == Queue::Crowded {
            continue;
        }
        let mut places = Places::once();
        loop {
            if stop.is_cancelled() || !keep(gate, holder).await? {
                return Ok(None);
            }
            let turn = round(gate, queue, &mut places, How::ByName).await?;
            done += turn;
            if turn.looked_at == 0 {
                break;
            }
        }
    }
    Ok(Some(done))
}

async fn keep(gate: &Gate, holder: Uuid) -> Result<bool, Refusal> {
    let permit = gate.open_duty(Duty::MatchClaims).await?;
    let mut tx = gate.db().begin().await?;
    let kept = storage::keep_lease(&mut tx, holder, gate.clock().now() + LEASE).await?;
    gate.commit_progress(&permit, tx).await?;
    Ok(kept)
}

async fn give_back(gate: &Gate, holder: Uuid) -> Result<(), Refusal> {
    let permit = gate.open_duty(Duty::MatchClaims).await?;
    let mut tx = gate.db().begin().await?;
    storage::give_back(&mut tx, holder).await?;
    gate.commit_progress(&permit, tx).await?;
    Ok(())
}

/// Takes claims that have waited too long out of a queue.
async fn lapse(gate: &Gate, queue: Queue) -> Result<(), Refusal> {
    let since = gate.clock().now() - TimeDelta::days(LAPSE_DAYS);
    let mut organisation = Uuid::nil();
    while let Some(next) = storage::next_organisation(gate.db(), queue, organisation).await? {
        organisation = next;
        loop {
            let permit = gate.open_duty(Duty::MatchClaims).await?.because("lapsed");
            let mut tx = gate.db().begin().await?;
            let lapsed = storage::lapse(&mut tx, (queue, next), since, STEP).await?;
            if lapsed == 0 {
                break;
            }
            gate.commit_duty(permit, tx, lapsed).await?;
        }
    }
    Ok(())
}

/// Deletes involvements, terms and counts of tries whose time is over, and what abandoned caseloads put aside.
async fn forget(gate: &Gate) -> Result<(), Refusal> {
    let today = gate.clock().today();
    let kept = Days::new(KEPT_DAYS);
    let terms = today.checked_sub_days(kept).unwrap_or(today);
    let now = gate.clock().now();
    let ended = now.checked_sub_days(kept).unwrap_or(now);
    let lapsed = ended - TimeDelta::days(LAPSE_DAYS);
    let tries = today.checked_sub_days(Days::new(TRIED_DAYS)).unwrap_or(today);
    loop {
        let permit = gate.open_duty(Duty::Retain).await?;
        let mut tx = gate.db().begin().await?;
        let gone = storage::forget_terms(&mut tx, terms, STEP).await?
            + storage::forget_ended(&mut tx, (ended, terms), lapsed, STEP).await?
            + matchers::forget(&mut tx, STEP).await?
            + storage::forget_tries(&mut tx, tries, STEP).await?
            + storage::forget_staged(&mut tx, gate.clock().now() - ABANDONED, STEP).await?;
        if gone == 0 {
            return Ok(());
        }
        gate.commit_duty(permit, tx, gone).await?;
    }
}
