//! Where a child is or was enrolled: schools only, no dates.

use crate::domain::identifiers::{EnrolmentId, PupilId, SchoolId};
use crate::domain::roll::{EnrolmentState, EnrolmentStatus, protected_enrolments};
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// An enrolment of a child, as far as a decision needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The enrolment.
    pub id: EnrolmentId,
    /// The school.
    pub school: SchoolId,
    /// Whether the whereabouts are protected: for everyone barred this enrolment does not exist.
    pub protected: bool,
    /// Code of the home authority, where the school recorded one; an assumed one grants nothing.
    pub home_authority: Option<String>,
    /// Whether it goes on, or is to begin.
    pub current: bool,
    /// Its place in a dual registration, while it is live.
    pub dual: Option<DualPlace>,
}

/// A live enrolment that is one of the two of a dual registration, as this school recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DualPlace {
    /// `main`, or else subsidiary.
    pub main: bool,
    /// URN of the other school.
    pub other_school: String,
}

#[derive(sqlx::FromRow)]
pub(super) struct State {
    pub school_id: Uuid,
    pub id: Uuid,
    pub committed_at: DateTime<Utc>,
    pub whereabouts_protected: bool,
    pub home_authority: Option<String>,
    pub home_authority_assumed: bool,
    pub other_school_urn: Option<String>,
    pub starting_day: NaiveDate,
    pub last_day: Option<NaiveDate>,
    pub status: String,
}

impl State {
    /// The place in a dual registration that this state says, on a day.
    fn dual_on(&self, today: NaiveDate) -> Option<DualPlace> {
        let live = self.starting_day <= today && self.last_day.is_none_or(|last| last >= today);
        let main = match EnrolmentStatus::parse(&self.status)? {
            EnrolmentStatus::Main => true,
            EnrolmentStatus::Subsidiary => false,
            EnrolmentStatus::Single | EnrolmentStatus::Guest => return None,
        };
        let other_school = self.other_school_urn.clone().filter(|_| live)?;
        Some(DualPlace { main, other_school })
    }
}

/// The enrolments of a child that count now, leavers' included.
pub async fn enrolled(db: &Db, pupil: PupilId, today: NaiveDate) -> Result<Vec<Enrolled>, StoreError> {
    const OF_PUPIL: &str = "SELECT e.school_id, e.id, v.committed_at, e.whereabouts_protected, e.home_authority, \
         e.home_authority_assumed, e.starting_day, e.last_day, e.status, e.other_school_urn FROM enrolments e \
         JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
         WHERE e.pupil_id = $1 ORDER BY e.school_id, e.id, e.version";
    let states: Vec<State> = read!(db, c => sqlx::query_as(OF_PUPIL).bind(pupil.0).fetch_all(c).await)?;
    Ok(fold(states, today))
}

/// Enrolments from their states, which come in the order of school, enrolment and version.
pub(super) fn fold(states: Vec<State>, today: NaiveDate) -> Vec<Enrolled> {
    let all_states: Vec<EnrolmentState> = states.iter().map(State::for_protection).collect();
    let protected = protected_enrolments(&all_states);
    let mut all: Vec<Enrolled> = Vec::new();
    for state in states {
        // A school that the child has left says nothing of where it lives now.
        let live = state.last_day.is_none_or(|last| last >= today);
        let dual = state.dual_on(today);
        let home_authority = state.home_authority.filter(|_| live && !state.home_authority_assumed);
        let id = EnrolmentId(state.id);
        if let Some(enrolled) = all.last_mut().filter(|enrolled| enrolled.id == id) {
            (enrolled.home_authority, enrolled.dual, enrolled.current) = (home_authority, dual, live);
        } else {
            let school = SchoolId(state.school_id);
            let protected = protected.contains(&id);
            all.push(Enrolled { id, school, protected, home_authority, current: live, dual });
        }
    }
    all
}

impl State {
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
