//! The system lane's day: systems without a proved person read no more than a multiple of their organisation's caseload.
//!
//! Past that nothing is given to them, whichever child they ask about, until the organisation's privacy officer lets it go
//! on. How much was read is counted with the entries; here it is only held against the caseload, which is counted anew
//! each minute while it matters.

use super::{Gate, OfOrganisation, Permit, Refusal};
use crate::audit::{self, Stopped, SystemLane};
use crate::domain::calendar::london;
use crate::domain::purpose::Purpose;
use crate::identity::Caller;
use crate::policy::Duty;
use crate::relationships;
use crate::store::{StoreError, Tx};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use uuid::Uuid;

/// How much systems may read in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneLimits {
    /// So many times the open caseload,
    pub caseload_multiple: u32,
    /// and in any case so many children.
    pub least_reads: u32,
}

impl Default for LaneLimits {
    fn default() -> Self {
        Self { caseload_multiple: 4, least_reads: 1_000 }
    }
}

/// For how long a caseload is taken to be as it was counted.
const COUNTED_FOR: TimeDelta = TimeDelta::minutes(1);

/// A caseload, and when it was counted.
type Counted = (DateTime<Utc>, u64);

/// The limits, and the caseloads that were counted.
#[derive(Debug, Default)]
pub(super) struct Caseloads {
    limits: OnceLock<LaneLimits>,
    counted: Mutex<HashMap<(Uuid, SystemLane), Counted>>,
}

impl Gate {
    /// Sets how much systems may read in a day; the first word counts.
    pub fn limit_lanes(&self, limits: LaneLimits) {
        if self.0.caseloads.limits.set(limits).is_err() {
            tracing::warn!("the limits of system lanes are set already");
        }
    }

    /// Refuses a system whose lane stands still, and stops one that has read too much. The same for every child.
    pub(super) async fn lane_goes(&self, caller: &Caller) -> Result<(), Refusal> {
        let Some(lane) = lane_of(caller) else { return Ok(()) };
        let organisation = caller.organisation.id;
        let lanes = self.journal().lanes();
        let state = match lanes.known(organisation, lane) {
            // Whoever stands still is looked up each time: it goes on in the moment in which somebody says so.
            Some(state) if state.stopped_at.is_none() => state,
            Some(_) | None => lanes.look(self.db(), organisation, lane).await?,
        };
        if state.stopped_at.is_some() {
            return Err(Refusal::LaneStopped);
        }
        let limits = self.0.caseloads.limits.get().copied().unwrap_or_default();
        let read_today = state.day == Some(london(self.clock().now()).date());
        if !read_today || state.reads < u64::from(limits.least_reads) {
            return Ok(());
        }
        let most = self.caseload(caller, lane).await?.saturating_mul(u64::from(limits.caseload_multiple));
        if state.reads < most {
            return Ok(());
        }
        self.stop_lane(caller, lane).await?;
        Err(Refusal::LaneStopped)
    }

    async fn caseload(&self, caller: &Caller, lane: SystemLane) -> Result<u64, Refusal> {
        let (organisation, now) = (caller.organisation.id, self.clock().now());
        let counted = &self.0.caseloads.counted;
        let known =
            counted.lock().unwrap_or_else(PoisonError::into_inner).get(&(organisation.0, lane)).copied();
        if let Some((_, count)) = known.filter(|(at, _)| now - *at < COUNTED_FOR) {
            return Ok(count);
        }
        let moment = (self.clock().school_now(), self.clock().today());
        let count = match lane {
            SystemLane::Cases => relationships::caseload(self.db(), organisation, moment).await?,
            SystemLane::Area => {
                let directory = self.directory().current();
                let schools = directory.schools_returning_to(organisation);
                relationships::enrolled_at(self.db(), schools).await?.len() as u64
            }
        };
        counted.lock().unwrap_or_else(PoisonError::into_inner).insert((organisation.0, lane), (now, count));
        Ok(count)
    }

    async fn stop_lane(&self, caller: &Caller, lane: SystemLane) -> Result<(), Refusal> {
        let organisation = caller.organisation.id;
        let permit = self.open_duty(Duty::StopLane).await?.because("reads_beyond_caseload");
        let mut tx = self.db().begin().await?;
        if audit::stop_lane(&mut tx, organisation, lane, self.clock().now()).await? {
            self.commit_duty(permit, tx, 1).await?;
            tracing::warn!(
                lane = lane.as_str(),
                "a system lane has read far more than its caseload and is stopped"
            );
        }
        self.journal().lanes().look(self.db(), organisation, lane).await?;
        Ok(())
    }

    /// Lets the lanes of the holder's organisation go on, in the transaction of the request; says how many stood still.
    pub async fn let_lanes_go(
        &self,
        permit: &Permit<OfOrganisation>,
        tx: &mut Tx,
    ) -> Result<u64, StoreError> {
        audit::let_lanes_go(tx, permit.organisation()).await
    }

    /// Every lane that stands still, for those who are to be told.
    pub async fn stopped_lanes(&self) -> Result<Vec<Stopped>, StoreError> {
        audit::stopped_lanes(self.db()).await
    }
}

/// The lane of a caller, where it is a system's and limited. A school reads its own register as it likes.
fn lane_of(caller: &Caller) -> Option<SystemLane> {
    match (&caller.person, caller.purpose) {
        (Some(_), _) | (None, Purpose::OwnRecord) => None,
        (None, Purpose::AttendanceDuty) => Some(SystemLane::Area),
        (None, _) => Some(SystemLane::Cases),
    }
}
