//! Matching claims to children, off the request path.
//!
//! UPN, date of birth and surname with exactly one child count at once, and so does a name and date of birth for a
//! section 47 enquiry; everything else is looked at once a day, for everybody alike. A claim that fits a child whose
//! whereabouts are protected stays pending whatever its kind.
//!
//! Organisations take turns, a share of each at a time, so that none waits for another's caseload. A claim that cannot be
//! looked at or written is left out and counted; it keeps nobody back.

mod daily;
mod moved;
mod step;

pub use daily::match_daily;
pub use step::Matched;

use self::step::{How, Places, round};
use super::emergencies::{hand_on_emergencies, look_at_emergencies};
use super::protecting::tell_what_is_late;
use super::storage::Queue;
use crate::gate::{Gate, Refusal};
use crate::http::Metrics;
use chrono::NaiveDate;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Unmatched claims lapse so many days after they were last sent.
pub(super) const LAPSE_DAYS: i64 = 28;
/// How often claims that were looked at before get another share of looks, and it is seen whether the daily run is due.
const LOOK: Duration = Duration::from_secs(10);

/// One turn of every organisation with new claims that count at once, enquiries under section 47 first.
pub async fn match_step(gate: &Gate) -> Result<Matched, Refusal> {
    match_new(gate, &mut [Places::once(), Places::once()]).await
}

async fn match_new(gate: &Gate, places: &mut [Places; 2]) -> Result<Matched, Refusal> {
    let [enquiries, others] = places;
    let mut done = round(gate, Queue::NewEnquiry, enquiries, How::AtOnce).await?;
    done += round(gate, Queue::New, others, How::AtOnce).await?;
    Ok(done)
}

/// Looks at whatever waits, once: the claims that count at once, or as on the daily run all. Says how many found their
/// child.
pub async fn match_claims(gate: &Gate, daily: bool) -> Result<u64, Refusal> {
    let (queues, how): (&[Queue], How) = if daily {
        (&[Queue::NewEnquiry, Queue::New, Queue::Again, Queue::Daily], How::ByName)
    } else {
        (&[Queue::NewEnquiry, Queue::New, Queue::Again], How::AtOnce)
    };
    let mut done = Matched::default();
    moved::look_at_moved(gate).await?;
    for queue in queues {
        let mut places = Places::once();
        loop {
            let turn = round(gate, *queue, &mut places, how).await?;
            done += turn;
            if turn.looked_at == 0 {
                break;
            }
        }
    }
    Ok(done.tied)
}

/// The task that matches: woken by every accepted claim, and once a day for everybody.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    woken: Arc<Notify>,
    metrics: Metrics,
}

impl Matcher {
    /// One that counts what somebody should look at.
    pub fn new(metrics: Metrics) -> Self {
        Self { woken: Arc::default(), metrics }
    }

    /// Says that a claim was accepted; the answer to it does not wait.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Counts something that somebody should look at.
    pub(super) fn alarm(&self, reason: &'static str, count: u64) {
        (0..count).for_each(|_| self.metrics.alarm(reason));
    }

    /// Runs until stopped.
    pub async fn run(self, gate: Gate, stop: CancellationToken) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut again, mut looked): (Places, Option<NaiveDate>) = (Places::endless(), None);
        loop {
            let ticked = tokio::select! {
                () = stop.cancelled() => return,
                () = self.woken.notified() => false,
                _ = ticks.tick() => true,
            };
            // Each for itself: what fails at one place must not keep the other from being done.
            let emergencies = self.match_emergencies(&gate).await;
            let new = self.match_whatever_is_new(&gate, &stop).await;
            let moved = self.match_moved(&gate).await;
            let mut done = vec![emergencies, new, moved];
            if ticked {
                done.push(self.tell_late(&gate).await);
                done.push(self.match_again(&gate, &mut again).await);
                done.push(self.match_day(&gate, &stop, &mut looked).await);
            }
            for error in done.into_iter().filter_map(Result::err) {
                tracing::warn!(%error, "claims could not be matched; trying again");
            }
        }
    }

    /// Emergencies, before anything else.
    async fn match_emergencies(&self, gate: &Gate) -> Result<(), Refusal> {
        look_at_emergencies(gate).await?;
        let (held, nobody) = hand_on_emergencies(gate).await?;
        self.alarm("emergency_fits_protected_child", held);
        self.alarm("protected_child_without_protector", nobody);
        Ok(())
    }

    /// Cases that another team has taken over.
    async fn match_moved(&self, gate: &Gate) -> Result<(), Refusal> {
        self.alarm("claim_fits_protected_child", moved::look_at_moved(gate).await?);
        Ok(())
    }

    /// What nobody has answered in time.
    async fn tell_late(&self, gate: &Gate) -> Result<(), Refusal> {
        for (reason, count) in tell_what_is_late(gate).await? {
            self.alarm(reason, count);
        }
        Ok(())
    }

    async fn match_whatever_is_new(&self, gate: &Gate, stop: &CancellationToken) -> Result<(), Refusal> {
        let mut places = [Places::once(), Places::once()];
        while !stop.is_cancelled() {
            let turn = match_new(gate, &mut places).await?;
            self.tell(turn);
            if turn.looked_at == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn match_again(&self, gate: &Gate, places: &mut Places) -> Result<(), Refusal> {
        self.tell(round(gate, Queue::Again, places, How::AtOnce).await?);
        Ok(())
    }

    async fn match_day(
        &self,
        gate: &Gate,
        stop: &CancellationToken,
        looked: &mut Option<NaiveDate>,
    ) -> Result<(), Refusal> {
        let today = gate.clock().today();
        if *looked != Some(today) {
            let (turn, done) = daily::match_day(gate, stop).await?;
            self.tell(turn);
            *looked = done.then_some(today);
        }
        Ok(())
    }

    fn tell(&self, turn: Matched) {
        self.alarm("claim_fits_protected_child", turn.held);
        self.alarm("section_47_fits_protected_child", turn.held_enquiries);
        self.alarm("claim_not_matched", turn.failed);
    }
}
