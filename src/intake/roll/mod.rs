//! Working out an upload of the admission register.
//!
//! Within one school a row belongs to the enrolment with the same `school_pupil_id`, else the same permanent UPN and
//! date of birth; a changed name or UPN there is an amendment, never a new child. A new enrolment joins a child only on
//! the same permanent UPN **and** date of birth **and** surname.

mod standing;
mod state;

use super::parse::{File, PupilRow, columns_left};
use super::staging::Plan;
use super::{Confirmed, ImportReport};
use crate::domain::identifiers::{EnrolmentId, PupilId};
use crate::domain::pupil::match_key;
use crate::gate::{Gate, OfSchool, Permit};
use crate::registers::{self, Amendment, Enrolment, NOT_GIVEN, Register, RollEvent};
use crate::store::StoreError;
use chrono::NaiveDate;
use standing::{Belongs, Roll, permanent};
use uuid::Uuid;

/// Works out what an admission register file changes.
pub(super) async fn plan(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    file: &File<PupilRow>,
    confirmed: Confirmed,
) -> Result<(Plan, ImportReport), StoreError> {
    let mut report = ImportReport::begin("pupils", &file.tally);
    let unknown = |row: &PupilRow| row.upn.as_ref().is_some_and(|upn| !upn.issuer_known());
    report.upn_issuer_unknown = file.rows.iter().filter(|(_, row)| unknown(row)).count();
    report.columns_left =
        columns_left(file.rows.iter().map(|(_, row)| row)).into_iter().map(str::to_owned).collect();
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
        let old = (same, same.and_then(|e| roll.fields(e)));
        let stays = (permit.school(), pupil, flagged);
        let new = (state::of(row, same, stays, own_authority.as_deref()), state::fields(row, old.1)?);
        if same.is_some_and(|e| roll.is_told(e)) {
            if is_known(old, (&new.0, &new.1)) {
                report.unchanged += 1;
            } else {
                let message = "is in the file twice for the same stay; keep one row for each enrolment";
                report.reject(*line, "school_pupil_id", &row.school_pupil_id, message);
            }
            continue;
        }
        report.protection_raised += usize::from(row.whereabouts_protected && !flagged);
        note((&mut plan, &mut report), old, new.clone(), &Told::of(row, today));
        roll.put(new.0, new.1);
    }
    ask_of_protection(&mut report, confirmed);
    Ok((plan, report))
}

/// Pupils whose protection one file raises without being asked about it.
const RAISED_UNASKED: usize = 3;
/// The same, for the rows of a large school: one in so many.
const RAISED_ONE_IN: usize = 100;

/// A wrong column would hide a whole school from everybody, and no file can take it back.
fn ask_of_protection(report: &mut ImportReport, confirmed: Confirmed) {
    let raised = report.protection_raised;
    let many = raised > RAISED_UNASKED && raised > report.received / RAISED_ONE_IN;
    if many && confirmed.protected != Some(raised) {
        report.to_confirm.push(format!(
            "the file protects the whereabouts of {raised} pupils who were not protected here, which hides them from \
             every agency and which no file can take back; check the column `whereabouts_protected`, and if all are \
             meant, send the file with confirm_protected={raised}"
        ));
    }
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
