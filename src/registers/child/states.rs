//! The states of a child's enrolments, as far as figures are worked out from them: no name, number or date of birth.

use crate::domain::identifiers::{EnrolmentId, PupilId, SchoolId};
use crate::domain::roll::{EnrolmentState, EnrolmentStatus, protected_enrolments};
use crate::gate::{OfChild, Permit};
use crate::registers::Versioned;
use crate::store::{self, Db, SetSql, StoreError, Together, over_ids, read_group, read_many};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;
use uuid::Uuid;

/// One state of an enrolment, as far as figures need it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RollState {
    pub(in crate::registers) school_id: Uuid,
    pub(in crate::registers) id: Uuid,
    pub(in crate::registers) version: i64,
    pub(in crate::registers) committed_at: DateTime<Utc>,
    pub(in crate::registers) pupil_id: Uuid,
    /// `single`, `main`, `subsidiary` or `guest`.
    pub status: String,
    /// Starting day, reg 8(2)(h).
    pub starting_day: NaiveDate,
    /// Last day on roll.
    pub last_day: Option<NaiveDate>,
    /// Whether the pupil boards: no attendance marks.
    pub boarder: bool,
    /// Whether a part-time timetable is agreed.
    pub part_time: bool,
    pub(in crate::registers) whereabouts_protected: bool,
}

impl Versioned for RollState {
    fn version(&self) -> i64 {
        self.version
    }
    fn committed_at(&self) -> DateTime<Utc> {
        self.committed_at
    }
}

impl RollState {
    /// The school.
    pub fn school(&self) -> SchoolId {
        SchoolId(self.school_id)
    }

    fn for_protection(&self) -> EnrolmentState {
        EnrolmentState {
            enrolment: EnrolmentId(self.id),
            counted_from: self.committed_at,
            starting_day: self.starting_day,
            last_day: self.last_day,
            single: self.status == EnrolmentStatus::Single.as_str(),
            whereabouts_protected: self.whereabouts_protected,
        }
    }
}

const OF_PUPILS: SetSql = over_ids!(
    "SELECT s.n, e.school_id, e.id, e.version, v.committed_at, e.pupil_id, e.status, e.starting_day, \
     e.last_day, e.boarder, e.part_time, e.whereabouts_protected FROM ",
    " CROSS JOIN enrolments e CROSS JOIN register_versions v WHERE e.pupil_id = s.id \
     AND v.school_id = e.school_id AND v.version = e.version"
);

/// Every state of every enrolment of the permit's child that the permit reaches.
pub(super) async fn of_child(db: &Db, permit: &Permit<OfChild>) -> Result<Vec<RollState>, StoreError> {
    reached(db, permit, |school, protected| permit.reaches(school, protected)).await
}

/// Every state of the child's enrolments at the other school of a dual registration, of which the permit gives no more
/// than its [`Permit::counterpart_sections`].
pub(super) async fn at_counterpart(db: &Db, permit: &Permit<OfChild>) -> Result<Vec<RollState>, StoreError> {
    reached(db, permit, |school, protected| !protected && permit.counterpart() == Some(school)).await
}

async fn reached(
    db: &Db,
    permit: &Permit<OfChild>,
    reaches: impl Fn(SchoolId, bool) -> bool,
) -> Result<Vec<RollState>, StoreError> {
    Ok(within(db.together(StatesAsked(permit.pupil())).await?, reaches))
}

/// Asks for every state of a child's enrolments.
#[derive(Clone, Debug)]
struct StatesAsked(PupilId);

/// A state with the place of the question that it answers.
#[derive(sqlx::FromRow)]
struct Placed {
    n: i64,
    #[sqlx(flatten)]
    state: RollState,
}

impl Together for StatesAsked {
    type Answer = Vec<RollState>;

    async fn answer_all(db: &Db, asked: &[Self]) -> Result<Vec<Vec<RollState>>, StoreError> {
        let set = store::ids(asked.iter().map(|Self(pupil)| pupil.0));
        let rows: Vec<Placed> = read_group!(db, asked.len(), c => sqlx::query_as(OF_PUPILS.of(db))
            .bind(set).fetch_all(c).await)?;
        store::by_question(asked.len(), rows.into_iter().map(|row| (row.n, row.state)))
    }
}

/// Those of all states of a child's enrolments that somebody reaches.
fn within(all: Vec<RollState>, reaches: impl Fn(SchoolId, bool) -> bool) -> Vec<RollState> {
    let states: Vec<EnrolmentState> = all.iter().map(RollState::for_protection).collect();
    let protected = protected_enrolments(&states);
    all.into_iter().filter(|e| reaches(e.school(), protected.contains(&EnrolmentId(e.id)))).collect()
}

/// The same as [`of_child`] for each of these permits.
pub(super) async fn of_each_child(
    db: &Db,
    permits: &[&Permit<OfChild>],
) -> Result<HashMap<PupilId, Vec<RollState>>, StoreError> {
    let reaching: HashMap<PupilId, &Permit<OfChild>> =
        permits.iter().map(|permit| (permit.pupil(), *permit)).collect();
    let set = store::ids(reaching.keys().map(|pupil| pupil.0));
    let all: Vec<RollState> =
        read_many!(db, c => sqlx::query_as(OF_PUPILS.of(db)).bind(set).fetch_all(c).await)?;
    let mut by_child: HashMap<PupilId, Vec<RollState>> = HashMap::with_capacity(reaching.len());
    for state in all {
        by_child.entry(PupilId(state.pupil_id)).or_default().push(state);
    }
    let reached = by_child.into_iter().filter_map(|(pupil, states)| {
        let permit = reaching.get(&pupil)?;
        Some((pupil, within(states, |school, protected| permit.reaches(school, protected))))
    });
    Ok(reached.collect())
}
