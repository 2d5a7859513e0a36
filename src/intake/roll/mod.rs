//! Working out an upload of the admission register.
//!
//! Within one school a row belongs to the enrolment with the same `school_pupil_id`, else the same permanent UPN and
//! date of birth; a changed name or UPN there is an amendment, never a new child. A new enrolment joins a child only on
//! the same permanent UPN **and** date of birth **and** surname.

mod standing;

use super::ImportReport;
use super::parse::{File, PupilRow};
use super::staging::Plan;
use crate::domain::identifiers::{EnrolmentId, PupilId};
use crate::domain::pupil::match_key;
use crate::gate::{Gate, OfSchool, Permit};
use crate::registers::{self, Amendment, Enrolment, NOT_GIVEN, Register, RollEvent};
use crate::store::StoreError;
use chrono::{DateTime, NaiveDate};
use standing::{Belongs, Roll, permanent};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Works out what an admission register file changes.
pub(super) async fn plan(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    file: &File<PupilRow>,
) -> Result<(Plan, ImportReport), StoreError> {
    let mut report = ImportReport::begin("pupils", &file.tally);
    let unknown = |row: &PupilRow| row.upn.as_ref().is_some_and(|upn| !upn.issuer_known());
    report.upn_issuer_unknown = file.rows.iter().filter(|(_, row)| unknown(row)).count();
    let mut plan = Plan::default();
    let enrolments = registers::school_roll(gate.db(), permit).await?;
    let entries = registers::school_admission_entries(gate.db(), permit).await?;
    let fields_of = entries.into_iter().map(|(enrolment, fields)| (enrolment.0, fields)).collect();
    let mut roll = Roll::new(enrolments, fields_of);
    let directory = gate.directory().current();
    let own_authority = directory
        .school(permit.school())
        .and_then(|school| directory.organisations.get(&school.returns_to?)?.la_code.clone());
    let today = gate.clock().today();
    for (line, row) in &file.rows {
        let belongs = match roll.belongs(row) {
            Ok(belongs) => belongs,
            Err((column, message)) => {
                let upn = row.upn.as_ref().map(ToString::to_string).unwrap_or_default();
                let value = if column == "upn" { &upn } else { &row.school_pupil_id };
                report.reject(*line, column, value, message);
                continue;
            }
        };
        let (same, pupil) = match belongs {
            Belongs::To(same) => (Some(same), PupilId(same.pupil_id)),
            Belongs::Again(ended) => (None, PupilId(ended.pupil_id)),
            Belongs::New => (None, join(gate, permit, row, &roll, &mut plan).await?),
        };
        let flagged = roll.is_protected(pupil.0);
        let new = (state(permit, row, (pupil, flagged), same, own_authority.as_deref()), fields(row));
        let old = (same, same.and_then(|e| roll.fields(e)));
        if same.is_some_and(|e| roll.is_told(e)) {
            if is_known(old, (&new.0, &new.1)) {
                report.unchanged += 1;
            } else {
                let message = "is in the file twice for the same stay; keep one row for each enrolment";
                report.reject(*line, "school_pupil_id", &row.school_pupil_id, message);
            }
            continue;
        }
        note((&mut plan, &mut report), old, new.clone(), &Told::of(row, today));
        roll.put(new.0, new.1);
    }
    Ok((plan, report))
}

/// The child that a new enrolment is of: another school's pupil on all three keys, or one not known before.
async fn join(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    row: &PupilRow,
    roll: &Roll,
    plan: &mut Plan,
) -> Result<PupilId, StoreError> {
    let key = match_key(row.surname.as_str());
    if let Some(upn) = permanent(row) {
        let keys = (upn.as_str(), row.date_of_birth, key.as_str());
        let found = registers::pupils_matching(gate.db(), permit, keys).await?;
        // Two children of this very school with one UPN are a fault of its file, not one child.
        if let [pupil] = found.as_slice()
            && !roll.has(pupil.0)
        {
            return Ok(*pupil);
        }
    }
    let pupil = PupilId(Uuid::now_v7());
    plan.pupils.push(pupil);
    if let Some(upn) = permanent(row) {
        plan.keys.push((upn.to_string(), row.date_of_birth, key));
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

/// What a row tells of the amendments that it makes; SI 2024/208 reg 6(1)(c) to (e).
struct Told {
    reason: String,
    on: NaiveDate,
    by: String,
    whole: bool,
}

impl Told {
    /// Of a row without a day, the amendment is of the day on which it came.
    fn of(row: &PupilRow, today: NaiveDate) -> Self {
        let given = |text: &Option<String>| text.clone().unwrap_or_else(|| NOT_GIVEN.to_owned());
        Self {
            reason: given(&row.reason),
            on: row.amended_on.unwrap_or(today),
            by: given(&row.amended_by),
            whole: row.reason.is_some() && row.amended_by.is_some(),
        }
    }
}

/// Whether a row says what stands.
fn is_known(
    (old, old_fields): (Option<&Enrolment>, Option<&String>),
    (new, fields): (&Enrolment, &String),
) -> bool {
    old == Some(new) && old_fields == Some(fields)
}

/// Adds what is new to the plan, with an amendment for each field that changed, and counts it.
fn note(
    (plan, report): (&mut Plan, &mut ImportReport),
    (old, old_fields): (Option<&Enrolment>, Option<&String>),
    (new, fields): (Enrolment, String),
    told: &Told,
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
    if is_known((Some(old), old_fields), (&new, &fields)) {
        report.unchanged += 1;
        return;
    }
    let changes = changed(old, &new, old_fields.map_or("", String::as_str), &fields);
    report.accepted += 1;
    report.amended += 1;
    report.amended_without_reason_or_name += usize::from(!told.whole);
    for (field, original, amended) in changes {
        plan.amendments.push(Amendment {
            enrolment,
            register: Register::Admission,
            field: field.to_owned(),
            session_date: None,
            original,
            amended,
            reason: told.reason.clone(),
            amended_on: told.on,
            amended_by: told.by.clone(),
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
