//! Where a child is or was enrolled: schools only, no dates.

use crate::domain::identifiers::{PupilId, SchoolId};
use crate::store::{Db, StoreError, read};
use chrono::NaiveDate;
use uuid::Uuid;

/// An enrolment of a child, as far as a decision needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The school.
    pub school: SchoolId,
    /// Whether the whereabouts are protected: for everyone barred this enrolment does not exist.
    pub protected: bool,
    /// Code of the home authority, where the school recorded one; an assumed one grants nothing.
    pub home_authority: Option<String>,
}

#[derive(sqlx::FromRow)]
struct State {
    school_id: Uuid,
    id: Uuid,
    whereabouts_protected: bool,
    home_authority: Option<String>,
    home_authority_assumed: bool,
    last_day: Option<NaiveDate>,
}

/// The enrolments of a child that count now, leavers' included.
pub async fn enrolled(db: &Db, pupil: PupilId, today: NaiveDate) -> Result<Vec<Enrolled>, StoreError> {
    const OF_PUPIL: &str = "SELECT e.school_id, e.id, e.whereabouts_protected, e.home_authority, \
         e.home_authority_assumed, e.last_day FROM enrolments e \
         JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
         WHERE e.pupil_id = $1 ORDER BY e.school_id, e.id, e.version";
    let states: Vec<State> = read!(db, c => sqlx::query_as(OF_PUPIL).bind(pupil.0).fetch_all(c).await)?;
    let mut all: Vec<(Uuid, Enrolled)> = Vec::new();
    for state in states {
        // A school that the child has left says nothing of where it lives now.
        let live = state.last_day.is_none_or(|last| last >= today);
        let home_authority = state.home_authority.filter(|_| live && !state.home_authority_assumed);
        if let Some((_, enrolled)) = all.last_mut().filter(|(id, _)| *id == state.id) {
            // Protection that was raised in any counted state of an enrolment holds for the whole of it.
            enrolled.protected |= state.whereabouts_protected;
            enrolled.home_authority = home_authority;
        } else {
            let protected = state.whereabouts_protected;
            all.push((state.id, Enrolled { school: SchoolId(state.school_id), protected, home_authority }));
        }
    }
    Ok(all.into_iter().map(|(_, enrolled)| enrolled).collect())
}
