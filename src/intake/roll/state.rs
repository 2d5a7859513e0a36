//! What an enrolment is by a row of a roll, over what stands.
//!
//! An export may be short of columns. What the file has no column for is left as it stands, as a mark is that a later
//! file does not have: only an empty cell in a column that is there clears. A leaver whose last day the file has no
//! column for must stay one.

use super::super::parse::PupilRow;
use crate::domain::identifiers::{PupilId, SchoolId};
use crate::domain::pupil::match_key;
use crate::registers::Enrolment;
use crate::store::StoreError;
use chrono::DateTime;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The state of an enrolment by a row, over the one that stands: none for a stay that is new. Whose it is: the school,
/// the child, and whether the child's whereabouts are protected already.
pub(super) fn of(
    row: &PupilRow,
    same: Option<&Enrolment>,
    (school, pupil, flagged): (SchoolId, PupilId, bool),
    own_authority: Option<&str>,
) -> Enrolment {
    let (upn, upn_permanent) = left(row, same, "upn").map_or_else(
        || (row.upn.as_ref().map(ToString::to_string), row.upn.as_ref().is_some_and(|u| !u.is_temporary())),
        |e| (e.upn.clone(), e.upn_permanent),
    );
    // What ends a stay is left as a whole: the ground holds only with the day.
    let (last_day, removal_ground) = left(row, same, "last_day").map_or_else(
        || (row.stay.last_day(), row.stay.removal_ground().map(|ground| ground.as_str().to_owned())),
        |e| (e.last_day, e.removal_ground.clone()),
    );
    // One that was assumed says nothing that could be left.
    let home_authority = left(row, same, "home_authority")
        .filter(|e| !e.home_authority_assumed)
        .map_or_else(|| row.home_authority.as_ref().map(ToString::to_string), |e| e.home_authority.clone());
    Enrolment {
        school_id: school.0,
        id: same.map_or_else(Uuid::now_v7, |e| e.id),
        version: same.map_or(0, |e| e.version),
        committed_at: same.map_or(DateTime::UNIX_EPOCH, |e| e.committed_at),
        pupil_id: pupil.0,
        school_pupil_id: Some(row.school_pupil_id.clone()),
        upn,
        upn_permanent,
        surname: row.surname.as_str().to_owned(),
        surname_key: match_key(row.surname.as_str()),
        forename: row.forename.as_str().to_owned(),
        forename_key: match_key(row.forename.as_str()),
        date_of_birth: row.date_of_birth,
        sex: Some(row.sex.as_str().to_owned()),
        year_group: left(row, same, "year_group")
            .map_or_else(|| row.year_group.map(|year| year.as_str().to_owned()), |e| e.year_group.clone()),
        status: row.enrolment_status.as_str().to_owned(),
        starting_day: row.stay.starting_day(),
        last_day,
        removal_ground,
        boarder: left(row, same, "boarder").map_or(row.boarder, |e| e.boarder),
        part_time: left(row, same, "part_time").map_or(row.part_time, |e| e.part_time),
        home_authority_assumed: home_authority.is_none(),
        home_authority: home_authority.or_else(|| own_authority.map(ToOwned::to_owned)),
        // A file can raise protection, never lower it.
        whereabouts_protected: row.whereabouts_protected || flagged,
        other_school_urn: left(row, same, "other_school_urn")
            .map_or_else(|| row.other_school_urn.map(|urn| urn.to_string()), |e| e.other_school_urn.clone()),
    }
}

/// What stands, where the row has no such column.
fn left<'e>(row: &PupilRow, same: Option<&'e Enrolment>, column: &str) -> Option<&'e Enrolment> {
    same.filter(|_| !row.has(column))
}

/// The further entries of the admission register and the cohort marks by a row, over those that stand: one JSON object
/// in a fixed order.
pub(super) fn fields(row: &PupilRow, standing: Option<&String>) -> Result<String, StoreError> {
    let corrupt = |_| StoreError::Corrupt("admission_entries.fields");
    let mut all: BTreeMap<String, String> =
        standing.map_or_else(|| Ok(BTreeMap::new()), |json| serde_json::from_str(json)).map_err(corrupt)?;
    for (column, value) in row.further().filter(|(column, _)| row.has(column)) {
        match value {
            Some(value) => all.insert(column.to_owned(), value),
            None => all.remove(column),
        };
    }
    // A map of texts can always be written.
    Ok(serde_json::to_string(&all).unwrap_or_default())
}
