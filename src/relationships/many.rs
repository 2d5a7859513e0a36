//! The same of many children at once: one statement for each kind of fact, whatever is found.
//!
//! The rows are those of a single child's and are read by the same code, so that nobody is judged by other facts in a list
//! than alone.

use super::cases::{Case, Row};
use super::enrolled::{Enrolled, State, fold};
use crate::domain::identifiers::{OrganisationId, PupilId, SchoolId};
use crate::store::{self, Db, SetSql, StoreError, over_ids, read, read_many};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;
use uuid::Uuid;

/// A row with the child that it is of.
#[derive(sqlx::FromRow)]
struct Of<T> {
    pupil_id: Uuid,
    #[sqlx(flatten)]
    row: T,
}

// CROSS JOIN keeps SQLite to the order written, which begins with the set; to PostgreSQL it is any other join.
const ENROLLED: SetSql = over_ids!(
    "SELECT e.pupil_id, e.school_id, e.id, v.committed_at, e.whereabouts_protected, e.home_authority, \
     e.home_authority_assumed, e.starting_day, e.last_day, e.status, e.other_school_urn FROM ",
    " CROSS JOIN enrolments e CROSS JOIN register_versions v WHERE e.pupil_id = s.id \
     AND v.school_id = e.school_id AND v.version = e.version ORDER BY e.pupil_id, e.school_id, e.id, e.version"
);
const CASES: SetSql = over_ids!(
    "SELECT i.pupil_id, i.id, i.kind, i.case_reference, i.team, i.family_agreed_by, i.family_agreed_until, \
     i.family_withdrawn_on, i.former_team, i.former_team_until, \
     (i.ended_at IS NULL OR i.ended_at > $3) AND (i.until_day IS NULL OR i.until_day >= $4) AS live, i.matched_at, \
     i.accepted_at FROM ",
    " CROSS JOIN involvements i WHERE i.pupil_id = s.id AND i.organisation_id = $2 AND i.opened_at <= $3 \
     ORDER BY i.pupil_id, i.id"
);
const AT: SetSql = over_ids!(
    "SELECT DISTINCT e.pupil_id FROM ",
    " CROSS JOIN enrolments e CROSS JOIN register_versions v WHERE e.school_id = s.id \
     AND v.school_id = e.school_id AND v.version = e.version"
);

/// The enrolments of each of these children that count now, leavers' included, as [`super::enrolled`] reads one's.
pub async fn enrolled_of_each(
    db: &Db,
    pupils: &[PupilId],
    today: NaiveDate,
) -> Result<HashMap<PupilId, Vec<Enrolled>>, StoreError> {
    let set = store::ids(pupils.iter().map(|pupil| pupil.0));
    let rows: Vec<Of<State>> =
        read_many!(db, c => sqlx::query_as(ENROLLED.of(db)).bind(set).fetch_all(c).await)?;
    Ok(by_child(rows).into_iter().map(|(pupil, states)| (pupil, fold(states, today))).collect())
}

/// The live involvements of an organisation with each of these children, as [`super::cases_of`] reads one's, and whether
/// there is one that has ended.
pub async fn cases_of_each(
    db: &Db,
    organisation: OrganisationId,
    pupils: &[PupilId],
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<HashMap<PupilId, (Vec<Case>, bool)>, StoreError> {
    let set = store::ids(pupils.iter().map(|pupil| pupil.0));
    let rows: Vec<Of<Row>> = read_many!(db, c => sqlx::query_as(CASES.of(db))
        .bind(set).bind(organisation.0).bind(now).bind(today).fetch_all(c).await)?;
    by_child(rows).into_iter().map(|(pupil, rows)| Ok((pupil, Row::split(rows, today)?))).collect()
}

/// The children that are or were on the roll of any of these schools, in no order.
pub async fn enrolled_at(
    db: &Db,
    schools: impl IntoIterator<Item = SchoolId>,
) -> Result<Vec<PupilId>, StoreError> {
    let set = store::ids(schools.into_iter().map(|school| school.0));
    let ids: Vec<Uuid> = read_many!(db, c => sqlx::query_scalar(AT.of(db)).bind(set).fetch_all(c).await)?;
    Ok(ids.into_iter().map(PupilId).collect())
}

/// How many children an organisation has a live case with.
pub async fn caseload(
    db: &Db,
    organisation: OrganisationId,
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<u64, StoreError> {
    const COUNT: &str = "SELECT COUNT(DISTINCT pupil_id) FROM involvements WHERE organisation_id = $1 \
         AND matched_at IS NOT NULL AND opened_at <= $2 AND (ended_at IS NULL OR ended_at > $2) \
         AND (until_day IS NULL OR until_day >= $3)";
    let count: i64 = read!(db, c => sqlx::query_scalar(COUNT).bind(organisation.0).bind(now).bind(today).fetch_one(c).await)?;
    Ok(count.unsigned_abs())
}

/// How many children are on a roll today.
pub async fn on_roll(db: &Db, today: NaiveDate) -> Result<u64, StoreError> {
    const COUNT: &str = "SELECT COUNT(DISTINCT e.pupil_id) FROM enrolments e \
         JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
         WHERE e.starting_day <= $1 AND (e.last_day IS NULL OR e.last_day >= $1)";
    let count: i64 = read!(db, c => sqlx::query_scalar(COUNT).bind(today).fetch_one(c).await)?;
    Ok(count.unsigned_abs())
}

const ON_ROLLS: SetSql = over_ids!(
    "SELECT COUNT(DISTINCT e.pupil_id) FROM ",
    " CROSS JOIN enrolments e CROSS JOIN register_versions v WHERE e.school_id = s.id \
     AND v.school_id = e.school_id AND v.version = e.version \
     AND e.starting_day <= $2 AND (e.last_day IS NULL OR e.last_day >= $2)"
);

/// The same on a roll of any of these schools.
pub async fn on_rolls_of(
    db: &Db,
    schools: impl IntoIterator<Item = SchoolId>,
    today: NaiveDate,
) -> Result<u64, StoreError> {
    let set = store::ids(schools.into_iter().map(|school| school.0));
    let count: i64 =
        read!(db, c => sqlx::query_scalar(ON_ROLLS.of(db)).bind(set).bind(today).fetch_one(c).await)?;
    Ok(count.unsigned_abs())
}

/// Rows by their child, each child's in the order in which they came.
fn by_child<T>(rows: Vec<Of<T>>) -> HashMap<PupilId, Vec<T>> {
    let mut all: HashMap<PupilId, Vec<T>> = HashMap::new();
    for Of { pupil_id, row } in rows {
        all.entry(PupilId(pupil_id)).or_default().push(row);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plan_of;

    #[tokio::test]
    async fn every_set_goes_by_an_index() {
        for (text, index) in [
            (ENROLLED, "SEARCH e USING INDEX enrolments_pupil (pupil_id=?)"),
            (CASES, "SEARCH i USING INDEX involvements_pupil (pupil_id=? AND organisation_id=?)"),
            (AT, "SEARCH e USING INDEX sqlite_autoindex_enrolments_1 (school_id=?)"),
            (ON_ROLLS, "SEARCH e USING INDEX sqlite_autoindex_enrolments_1 (school_id=?)"),
        ] {
            let steps = plan_of(text.sqlite).await;
            assert!(steps.iter().any(|step| step == index), "{steps:#?}");
            assert!(
                steps.iter().all(|step| !step.starts_with("SCAN") || step.contains("json_each")),
                "{steps:#?}"
            );
        }
    }
}
