//! Working out an upload of the admission register.
//!
//! Within one school a row belongs to the enrolment with the same `school_pupil_id`, else the same permanent UPN and
//! date of birth; a changed name or UPN there is an amendment, never a new child. A new enrolment joins a child only on
//! the same permanent UPN **and** date of birth **and** surname.

use super::ImportReport;
use super::parse::{File, PupilRow};
use super::staging::Plan;
use crate::domain::identifiers::{EnrolmentId, PupilId};
use crate::domain::pupil::match_key;
use crate::gate::{Gate, OfSchool, Permit};
use crate::registers::{self, Amendment, Enrolment, NOT_GIVEN, Register, RollEvent};
use crate::store::StoreError;
use chrono::{DateTime, NaiveDate};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// Works out what an admission register file changes.
pub(super) async fn plan(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    file: &File<PupilRow>,
) -> Result<(Plan, ImportReport), StoreError> {
    let mut report = ImportReport::begin("pupils", file);
    let mut plan = Plan::default();
    let mut roll = registers::school_roll(gate.db(), permit).await?;
    let entries: HashMap<Uuid, String> = registers::school_admission_entries(gate.db(), permit)
        .await?
        .into_iter()
        .map(|(enrolment, fields)| (enrolment.0, fields))
        .collect();
    let directory = gate.directory().current();
    let own_authority = directory
        .school(permit.school())
        .and_then(|school| directory.organisations.get(&school.returns_to?)?.la_code.clone());
    let (mut touched, today) = (HashSet::new(), gate.clock().today());
    for (line, row) in &file.rows {
        let standing = find(&roll, row);
        if standing.is_some_and(|e| !is_same_pupil(e, row)) {
            let message = "is another pupil's number: neither date of birth, name nor UPN are the same; \
                           give this pupil a number of its own";
            report.reject(*line, "school_pupil_id", &row.school_pupil_id, message);
            continue;
        }
        let same = standing.filter(|e| !admitted_again(e, row));
        if same.is_some_and(|e| touched.contains(&e.id)) {
            let message = "is in the file twice for the same stay; keep one row for each enrolment";
            report.reject(*line, "school_pupil_id", &row.school_pupil_id, message);
            continue;
        }
        let pupil = match standing {
            Some(enrolment) => PupilId(enrolment.pupil_id),
            None => join(gate, permit, row, &roll, &mut plan).await?,
        };
        // The flag is the child's: it holds for a later stay at this school as for the one in which it was raised.
        let flagged = roll.iter().any(|e| e.pupil_id == pupil.0 && e.whereabouts_protected);
        let new = state(permit, row, (pupil, flagged), same, own_authority.as_deref());
        let old_fields = same.and_then(|e| entries.get(&e.id));
        note(&mut plan, &mut report, (same, old_fields), (new.clone(), fields(row)), today);
        touched.insert(new.id);
        // Later rows of the file see what this one makes of the roll.
        match roll.iter_mut().find(|e| e.id == new.id) {
            Some(standing) => *standing = new,
            None => roll.push(new),
        }
    }
    Ok((plan, report))
}

/// The enrolment that a row belongs to: the latest with the school's own number, else with permanent UPN and birth date.
fn find<'a>(roll: &'a [Enrolment], row: &PupilRow) -> Option<&'a Enrolment> {
    let upn = row.upn.as_ref().filter(|upn| !upn.is_temporary()).map(ToString::to_string);
    let numbered = roll.iter().filter(|e| e.school_pupil_id.as_deref() == Some(row.school_pupil_id.as_str()));
    let keyed = roll
        .iter()
        .filter(|e| upn.is_some() && e.upn_permanent && e.upn == upn && e.date_of_birth == row.date_of_birth);
    let latest = |e: &&Enrolment| (e.starting_day == row.stay.starting_day(), e.starting_day);
    numbered.max_by_key(latest).or_else(|| keyed.max_by_key(latest))
}

/// Whether a row can be of the pupil that has its number: schools give numbers again, and a new child must never come
/// to stand under an old one's handle. A changed name, date of birth or UPN alone is an amendment.
fn is_same_pupil(standing: &Enrolment, row: &PupilRow) -> bool {
    let upn = row.upn.as_ref().filter(|upn| !upn.is_temporary()).map(ToString::to_string);
    let same_upn = upn.is_some() && standing.upn_permanent && standing.upn == upn;
    let same_born = standing.date_of_birth == row.date_of_birth;
    let same_surname = standing.surname_key == match_key(row.surname.as_str());
    let same_forename = standing.forename_key == match_key(row.forename.as_str());
    same_upn || (same_born && (same_surname || same_forename)) || (same_surname && same_forename)
}

/// Whether a row is a later stay of a pupil whose earlier one has ended.
fn admitted_again(standing: &Enrolment, row: &PupilRow) -> bool {
    standing.last_day.is_some_and(|last| row.stay.starting_day() > last)
}

/// The child that a new enrolment is of: another school's pupil on all three keys, or one not known before.
async fn join(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    row: &PupilRow,
    roll: &[Enrolment],
    plan: &mut Plan,
) -> Result<PupilId, StoreError> {
    if let Some(upn) = row.upn.as_ref().filter(|upn| !upn.is_temporary()).map(ToString::to_string) {
        let key = match_key(row.surname.as_str());
        let found = registers::pupils_matching(gate.db(), permit, (&upn, row.date_of_birth, &key)).await?;
        // Two children of this very school with one UPN are a fault of its file, not one child.
        if let [pupil] = found.as_slice()
            && !roll.iter().any(|e| e.pupil_id == pupil.0)
        {
            return Ok(*pupil);
        }
    }
    let pupil = PupilId(Uuid::now_v7());
    plan.pupils.push(pupil);
    if let Some(upn) = row.upn.as_ref().filter(|upn| !upn.is_temporary()) {
        plan.keys.push((upn.to_string(), row.date_of_birth, match_key(row.surname.as_str())));
    }
    Ok(pupil)
}

fn state(
    permit: &Permit<OfSchool>,
    row: &PupilRow,
    (pupil, flagged): (PupilId, bool),
    same: Option<&Enrolment>,
    own_authority: Option<&str>,
) -> Enrolment {
    let given = row.home_authority.as_ref().map(ToString::to_string);
    Enrolment {
        school_id: permit.school().0,
        id: same.map_or_else(Uuid::now_v7, |e| e.id),
        version: same.map_or(0, |e| e.version),
        committed_at: same.map_or(DateTime::UNIX_EPOCH, |e| e.committed_at),
        pupil_id: pupil.0,
        school_pupil_id: Some(row.school_pupil_id.clone()),
        upn: row.upn.as_ref().map(ToString::to_string),
        upn_permanent: row.upn.as_ref().is_some_and(|upn| !upn.is_temporary()),
        surname: row.surname.as_str().to_owned(),
        surname_key: match_key(row.surname.as_str()),
        forename: row.forename.as_str().to_owned(),
        forename_key: match_key(row.forename.as_str()),
        date_of_birth: row.date_of_birth,
        sex: Some(row.sex.as_str().to_owned()),
        year_group: row.year_group.map(|year| year.as_str().to_owned()),
        status: row.enrolment_status.as_str().to_owned(),
        starting_day: row.stay.starting_day(),
        last_day: row.stay.last_day(),
        removal_ground: row.stay.removal_ground().map(|ground| ground.as_str().to_owned()),
        boarder: row.boarder,
        part_time: row.part_time,
        home_authority_assumed: given.is_none(),
        home_authority: given.or_else(|| own_authority.map(ToOwned::to_owned)),
        // A file can raise protection, never lower it.
        whereabouts_protected: row.whereabouts_protected || flagged,
        other_school_urn: row.other_school_urn.map(|urn| urn.to_string()),
    }
}

/// The further entries of the admission register and the cohort marks, as one JSON object in a fixed order.
fn fields(row: &PupilRow) -> String {
    let mut all: BTreeMap<&str, String> = row.register.clone();
    if let Some(sen) = row.sen {
        all.insert("sen", sen.as_str().to_owned());
    }
    if let Some(free_meals) = row.free_meals {
        all.insert("free_meals", free_meals.to_string());
    }
    if let Some(social_worker) = row.social_worker {
        all.insert("social_worker", social_worker.to_string());
    }
    // A map of texts can always be written.
    serde_json::to_string(&all).unwrap_or_default()
}

/// Adds what is new to the plan, with an amendment for each field that changed, and counts it.
fn note(
    plan: &mut Plan,
    report: &mut ImportReport,
    (old, old_fields): (Option<&Enrolment>, Option<&String>),
    (new, fields): (Enrolment, String),
    today: NaiveDate,
) {
    let enrolment = EnrolmentId(new.id);
    let Some(old) = old else {
        report.accepted += 1;
        plan.events.push((enrolment, RollEvent::Admitted));
        if new.last_day.is_some() {
            plan.events.push((enrolment, left(&new)));
        }
        plan.enrolments.push((new, fields));
        return;
    };
    if *old == new && old_fields == Some(&fields) {
        report.unchanged += 1;
        return;
    }
    let changes = changed(old, &new, old_fields.map_or("", String::as_str), &fields);
    report.accepted += 1;
    report.amended += 1;
    report.amended_without_reason_or_name += 1;
    for (field, original, amended) in changes {
        plan.amendments.push(Amendment {
            enrolment,
            register: Register::Admission,
            field: field.to_owned(),
            session_date: None,
            original,
            amended,
            reason: NOT_GIVEN.to_owned(),
            amended_on: today,
            amended_by: NOT_GIVEN.to_owned(),
        });
    }
    let event =
        if old.last_day.is_none() && new.last_day.is_some() { left(&new) } else { RollEvent::Amended };
    plan.events.push((enrolment, event));
    plan.enrolments.push((new, fields));
}

fn left(enrolment: &Enrolment) -> RollEvent {
    if enrolment.removal_ground.is_some() { RollEvent::Deleted } else { RollEvent::Left }
}

/// The fields that differ, each with what stood and what stands.
fn changed(
    old: &Enrolment,
    new: &Enrolment,
    old_fields: &str,
    fields: &str,
) -> Vec<(&'static str, String, String)> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let day = |value: Option<NaiveDate>| value.map(|d| d.to_string()).unwrap_or_default();
    [
        ("school_pupil_id", text(&old.school_pupil_id), text(&new.school_pupil_id)),
        ("upn", text(&old.upn), text(&new.upn)),
        ("surname", old.surname.clone(), new.surname.clone()),
        ("forename", old.forename.clone(), new.forename.clone()),
        ("date_of_birth", old.date_of_birth.to_string(), new.date_of_birth.to_string()),
        ("sex", text(&old.sex), text(&new.sex)),
        ("year_group", text(&old.year_group), text(&new.year_group)),
        ("enrolment_status", old.status.clone(), new.status.clone()),
        ("starting_day", old.starting_day.to_string(), new.starting_day.to_string()),
        ("last_day", day(old.last_day), day(new.last_day)),
        ("removal_ground", text(&old.removal_ground), text(&new.removal_ground)),
        ("boarder", old.boarder.to_string(), new.boarder.to_string()),
        ("part_time", old.part_time.to_string(), new.part_time.to_string()),
        ("home_authority", text(&old.home_authority), text(&new.home_authority)),
        (
            "whereabouts_protected",
            old.whereabouts_protected.to_string(),
            new.whereabouts_protected.to_string(),
        ),
        ("other_school_urn", text(&old.other_school_urn), text(&new.other_school_urn)),
        ("register", old_fields.to_owned(), fields.to_owned()),
    ]
    .into_iter()
    .filter(|(_, old, new)| old != new)
    .collect()
}
