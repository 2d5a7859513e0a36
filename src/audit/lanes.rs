//! How much the systems of an organisation read in a day without a proved person: counted in the transaction that makes
//! the entries durable, so that all gateways on a database count together and no read costs a write of its own.

use super::entry::{Decision, Entry};
use crate::domain::calendar::london;
use crate::domain::identifiers::OrganisationId;
use crate::domain::purpose::Purpose;
use crate::domain::words;
use crate::store::{Db, StoreError, Touched as _, Tx, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

words! {
    /// What is counted together.
    SystemLane {
        /// Children of the organisation's cases.
        Cases = "cases",
        /// Children of an authority's area, for its duty of attendance.
        Area = "area",
    }
}

/// Whose reads, and which.
pub(super) type Key = (Uuid, SystemLane);

/// What has been read on the last day that something was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneState {
    /// The day, London time of the log.
    pub day: Option<NaiveDate>,
    /// Children read on it, but for those that somebody let go on after.
    pub reads: u64,
    /// Since when nothing is given.
    pub stopped_at: Option<DateTime<Utc>>,
}

/// What this process knows of lanes: each as it stood when this process last counted or looked.
#[derive(Clone, Debug, Default)]
pub struct Lanes(Arc<Mutex<HashMap<Key, LaneState>>>);

impl Lanes {
    /// A lane as it is known; none where it was never looked at.
    pub fn known(&self, organisation: OrganisationId, lane: SystemLane) -> Option<LaneState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(organisation.0, lane)).copied()
    }

    pub(super) fn learn(&self, states: impl IntoIterator<Item = (Key, LaneState)>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(states);
    }

    /// Looks a lane up in the database.
    pub async fn look(
        &self,
        db: &Db,
        organisation: OrganisationId,
        lane: SystemLane,
    ) -> Result<LaneState, StoreError> {
        const LANE: &str = "SELECT day, reads, forgiven, stopped_at FROM system_lanes \
             WHERE organisation_id = $1 AND lane = $2";
        let row: Option<Row> = read!(db, c => sqlx::query_as(LANE)
            .bind(organisation.0).bind(lane.as_str()).fetch_optional(c).await)?;
        let state = row.map(LaneState::from).unwrap_or_default();
        self.learn([((organisation.0, lane), state)]);
        Ok(state)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    day: NaiveDate,
    reads: i64,
    forgiven: i64,
    stopped_at: Option<DateTime<Utc>>,
}

impl From<Row> for LaneState {
    fn from(row: Row) -> Self {
        let reads = (row.reads - row.forgiven).max(0).unsigned_abs();
        Self { day: Some(row.day), reads, stopped_at: row.stopped_at }
    }
}

/// The lane in which an entry counts: of a system that was given something of a child for an agency's purpose.
pub(super) fn counts(entry: &Entry) -> Option<Key> {
    let given = entry.decision == Decision::Allowed
        && entry.child.is_some()
        && entry.person.is_none()
        && !entry.sections_given.is_empty();
    let lane = match entry.purpose? {
        Purpose::OwnRecord => return None,
        Purpose::AttendanceDuty => SystemLane::Area,
        Purpose::Screening
        | Purpose::ChildInNeed
        | Purpose::ChildProtection
        | Purpose::LookedAfter
        | Purpose::EarlyHelp
        | Purpose::SchoolHealth
        | Purpose::YouthJustice
        | Purpose::ResidentConcern
        | Purpose::Cme
        | Purpose::RecordsTransfer
        | Purpose::Emergency
        | Purpose::AuditReview
        | Purpose::SubjectAccess => SystemLane::Cases,
    };
    given.then(|| entry.organisation().map(|o| (o.0, lane))).flatten()
}

/// Counts what a group of entries read, lane by lane, and says how each then stands.
pub(super) async fn count(
    tx: &mut Tx,
    counted: &BTreeMap<Key, (i64, DateTime<Utc>)>,
) -> Result<Vec<(Key, LaneState)>, StoreError> {
    const COUNT: &str = "INSERT INTO system_lanes (organisation_id, lane, day, reads) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (organisation_id, lane) DO UPDATE SET \
         reads = CASE WHEN system_lanes.day = excluded.day THEN system_lanes.reads + excluded.reads ELSE excluded.reads END, \
         forgiven = CASE WHEN system_lanes.day = excluded.day THEN system_lanes.forgiven ELSE 0 END, \
         day = excluded.day RETURNING day, reads, forgiven, stopped_at";
    let mut states = Vec::with_capacity(counted.len());
    for (key, (reads, last)) in counted {
        let row: Row = on!(tx, c => sqlx::query_as(COUNT)
            .bind(key.0).bind(key.1.as_str()).bind(london(*last).date()).bind(*reads).fetch_one(c).await)?;
        states.push((*key, row.into()));
    }
    Ok(states)
}

/// Stops a lane; says whether it was not stopped before.
pub async fn stop_lane(
    tx: &mut Tx,
    organisation: OrganisationId,
    lane: SystemLane,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const STOP: &str = "UPDATE system_lanes SET stopped_at = $3 WHERE organisation_id = $1 AND lane = $2 \
         AND stopped_at IS NULL";
    let stopped = on!(tx, c => sqlx::query(STOP).bind(organisation.0).bind(lane.as_str()).bind(at)
        .execute(c).await.map(|r| r.touched()))?;
    Ok(stopped == 1)
}

/// Lets the lanes of an organisation go on; what was read today until then counts no more. Says how many were stopped.
pub async fn let_lanes_go(tx: &mut Tx, organisation: OrganisationId) -> Result<u64, StoreError> {
    const GO: &str = "UPDATE system_lanes SET stopped_at = NULL, forgiven = reads \
         WHERE organisation_id = $1 AND stopped_at IS NOT NULL";
    Ok(on!(tx, c => sqlx::query(GO).bind(organisation.0).execute(c).await.map(|r| r.touched()))?)
}

/// A lane that stands still.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Stopped {
    organisation_id: Uuid,
    /// Which.
    pub lane: String,
    /// Since when, UTC.
    pub stopped_at: DateTime<Utc>,
}

impl Stopped {
    /// Whose.
    pub fn organisation(&self) -> OrganisationId {
        OrganisationId(self.organisation_id)
    }
}

/// Every lane that stands still.
pub async fn stopped_lanes(db: &Db) -> Result<Vec<Stopped>, StoreError> {
    const STOPPED: &str = "SELECT organisation_id, lane, stopped_at FROM system_lanes WHERE stopped_at IS NOT NULL \
         ORDER BY organisation_id, lane";
    Ok(read!(db, c => sqlx::query_as(STOPPED).fetch_all(c).await)?)
}
