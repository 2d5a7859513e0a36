//! Sample callers, one for each row of the disclosure matrix whose relationship exists, and those who must get nothing.

use super::super::authority::{Authority, Enrolment, School};
use super::super::pki::SystemName;
use super::involvements::{DemoInvolvement, Draw, involvements};
use super::{
    AUTHORITY, DESIGNATED_SYSTEM, MINDS, NURSING, PRIVACY_SYSTEM, SCHOOL_SYSTEM, STRANGER, client_id,
};
use crate::domain::purpose::InvolvementKind::{
    Assessment, Cin, Cla, Cp, EarlyHelp, FamilySupport, FrontDoor, MentalHealthSupport, ResidentConcern,
    SchoolNursing, Section47Enquiry, YouthJustice,
};
use crate::domain::purpose::{InvolvementKind, Purpose, Role};
use serde::{Deserialize, Serialize};

/// What a sample child is to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A live relationship for the caller's purpose.
    Mine,
    /// No relationship; for `attendance_duty`, which reaches every school here, a number that no child has.
    NotMine,
    /// A shield stands between them, or a decision to withhold.
    Shielded,
    /// Whereabouts protected, so that the caller's claim is pending.
    Protected,
    /// The relationship has ended.
    Ended,
    /// A live case of the same organisation, for another purpose.
    OtherCaseKind,
}

/// A sample child of a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoChild {
    /// The caller's handle; found by the runner, or made up where the child is not the caller's.
    pub pupil_id: Option<String>,
    /// Who is meant.
    pub upn: String,
    /// For purposes that are a case.
    pub case_reference: Option<String>,
    /// What the child is to the caller.
    pub standing: Standing,
}

/// A sample caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoCaller {
    /// Unique; says role and relationship.
    pub name: String,
    /// Code of the organisation.
    pub organisation: String,
    /// `system`, until people can sign in.
    pub lane: String,
    /// The role to ask for.
    pub role: String,
    /// The purpose to ask for.
    pub purpose: String,
    /// Path of the certificate.
    pub certificate: String,
    /// Path of the private key.
    pub key: String,
    /// OAuth client identifier.
    pub client_id: String,
    /// Path of a token for the person, in the user lane.
    pub subject_token: Option<String>,
    /// Sample children.
    pub children: Vec<DemoChild>,
}

/// A case worker's row: name, organisation, system, role, kinds whose children are the caller's.
struct Row(&'static str, &'static str, &'static str, Role, &'static [InvolvementKind]);

const ROWS: &[Row] = &[
    Row("social_worker_screening", AUTHORITY, "social-care", Role::SocialWorker, &[FrontDoor]),
    Row("social_worker_cin", AUTHORITY, "social-care", Role::SocialWorker, &[Cin, Assessment]),
    Row("family_help_practitioner_cin", AUTHORITY, "family-help", Role::FamilyHelpPractitioner, &[Cin]),
    Row("social_worker_cp", AUTHORITY, "social-care", Role::SocialWorker, &[Cp]),
    Row("social_worker_s47", AUTHORITY, "social-care", Role::SocialWorker, &[Section47Enquiry]),
    Row("social_worker_cla", AUTHORITY, "social-care", Role::SocialWorker, &[Cla]),
    Row("virtual_school_cla", AUTHORITY, "virtual-school", Role::VirtualSchool, &[Cla]),
    Row("early_help_worker", AUTHORITY, "early-help", Role::EarlyHelpWorker, &[EarlyHelp, FamilySupport]),
    Row(
        "family_help_practitioner_early_help",
        AUTHORITY,
        "family-help",
        Role::FamilyHelpPractitioner,
        &[EarlyHelp],
    ),
    Row("school_nurse", NURSING, "school-nursing", Role::SchoolNurse, &[SchoolNursing]),
    Row(
        "mental_health_practitioner",
        MINDS,
        "support",
        Role::MentalHealthPractitioner,
        &[MentalHealthSupport],
    ),
    Row("youth_justice_worker", AUTHORITY, "youth-justice", Role::YouthJusticeWorker, &[YouthJustice]),
    Row(
        "attendance_officer_la_resident",
        AUTHORITY,
        "attendance",
        Role::AttendanceOfficerLa,
        &[ResidentConcern],
    ),
];

/// Every sample caller; handles of children are not known yet.
pub fn callers(authority: &Authority) -> Vec<DemoCaller> {
    let cases = involvements(authority);
    let known: Vec<&str> = cases.iter().map(|case| case.upn.as_str()).collect();
    let mut draw = Draw::new(authority);
    let strangers: Vec<&Enrolment> = std::iter::from_fn(|| draw.child(0))
        .filter(|e| !known.contains(&e.child.upn.as_str()))
        .take(2)
        .collect();
    let mut all: Vec<DemoCaller> = ROWS.iter().map(|row| case_worker(row, &cases, &strangers)).collect();
    all.push(attendance_officer(authority, &strangers));
    for (index, school) in authority.schools.iter().enumerate() {
        let other = authority.schools.get((index + 1) % authority.schools.len());
        for role in [Role::SchoolAttendanceOfficer, Role::Dsl] {
            all.push(school_staff(authority, index, school, other, role));
        }
    }
    all.push(stranger(&cases, &strangers));
    let office = |name: String, organisation: &str| {
        let system = SystemName::new(organisation, PRIVACY_SYSTEM);
        caller(name, &system, Role::DataProtectionOfficer, Purpose::AuditReview, Vec::new())
    };
    all.push(office("data_protection_officer_agency".to_owned(), AUTHORITY));
    let designated = SystemName::new(AUTHORITY, DESIGNATED_SYSTEM);
    let (role, purpose) = (Role::DesignatedOfficer, Purpose::AuditReview);
    all.push(caller("designated_officer".to_owned(), &designated, role, purpose, Vec::new()));
    all.extend(
        authority.schools.iter().map(|s| office(format!("data_protection_officer_{}", s.urn), &s.code)),
    );
    all
}

fn caller(
    name: String,
    system: &SystemName,
    role: Role,
    purpose: Purpose,
    children: Vec<DemoChild>,
) -> DemoCaller {
    DemoCaller {
        name,
        organisation: system.organisation.clone(),
        lane: "system".to_owned(),
        role: role.as_str().to_owned(),
        purpose: purpose.as_str().to_owned(),
        certificate: system.certificate(),
        key: system.key(),
        client_id: client_id(system),
        subject_token: None,
        children,
    }
}

fn child(upn: &str, case_reference: Option<&str>, standing: Standing) -> DemoChild {
    DemoChild {
        pupil_id: None,
        upn: upn.to_owned(),
        case_reference: case_reference.map(str::to_owned),
        standing,
    }
}

fn case_worker(row: &Row, cases: &[DemoInvolvement], strangers: &[&Enrolment]) -> DemoCaller {
    let Row(name, organisation, system, role, kinds) = row;
    let purpose = kinds.first().map_or(Purpose::Screening, |kind| kind.purpose());
    let mut children: Vec<DemoChild> = cases
        .iter()
        .filter(|case| kinds.contains(&case.kind))
        .map(|case| {
            let standing = match (case.until, case.protected) {
                _ if case.barred.is_some() => Standing::Shielded,
                (Some(_), _) => Standing::Ended,
                (None, true) => Standing::Protected,
                (None, false) => Standing::Mine,
            };
            child(&case.upn, Some(&case.case_reference), standing)
        })
        .collect();
    // The reference is the other case's own, so that only its kind is wrong; a health organisation holds one kind only.
    let other = if purpose == Purpose::ChildInNeed { Cla } else { Cin };
    let other = cases.iter().find(|case| case.kind == other && case.case_reference.ends_with('2'));
    if let Some(other) = other.filter(|_| *organisation == AUTHORITY) {
        children.push(child(&other.upn, Some(&other.case_reference), Standing::OtherCaseKind));
    }
    let reference =
        cases.iter().find(|case| kinds.contains(&case.kind)).map(|case| case.case_reference.as_str());
    children.extend(strangers.iter().map(|e| child(&e.child.upn, reference, Standing::NotMine)));
    caller((*name).to_owned(), &SystemName::new(organisation, system), *role, purpose, children)
}

/// An officer authorised under reg 12 reaches every enrolment at the schools of the authority, and no case.
fn attendance_officer(authority: &Authority, some: &[&Enrolment]) -> DemoCaller {
    let mut children: Vec<DemoChild> =
        some.iter().map(|e| child(&e.child.upn, None, Standing::Mine)).collect();
    if let Some(severe) = authority.enrolment(authority.cast.severe) {
        children.push(child(&severe.child.upn, None, Standing::Mine));
    }
    children.push(child(NOBODY, None, Standing::NotMine));
    let system = SystemName::new(AUTHORITY, "attendance");
    caller(
        "attendance_officer_la".to_owned(),
        &system,
        Role::AttendanceOfficerLa,
        Purpose::AttendanceDuty,
        children,
    )
}

/// A well-formed number of the documentation of python-stdnum; no child here has it.
const NOBODY: &str = "B801200005001";

fn school_staff(
    authority: &Authority,
    index: usize,
    school: &School,
    other: Option<&School>,
    role: Role,
) -> DemoCaller {
    let cast = &authority.cast;
    let awkward = [
        cast.dual_main,
        cast.dual_subsidiary,
        cast.part_time,
        cast.joined,
        cast.boarder,
        cast.no_marks,
        cast.stale_n,
        cast.severe,
        cast.persistent,
        cast.protected,
        cast.temporary_upn,
        cast.apostrophe,
    ];
    let awkward =
        awkward.iter().filter(|place| place.school == index).filter_map(|place| authority.enrolment(*place));
    let here = |e: &&Enrolment| e.last_day.is_none() && e.status == "single";
    let own = school.enrolments.iter().filter(here).take(2).chain(awkward);
    let mut children: Vec<DemoChild> = Vec::new();
    for e in own {
        if children.iter().all(|known| known.upn != e.child.upn) {
            children.push(child(&e.child.upn, None, Standing::Mine));
        }
    }
    let all_here = |upn: &str| school.enrolments.iter().any(|e| e.child.upn == upn);
    let elsewhere = other.and_then(|o| o.enrolments.iter().filter(here).find(|e| !all_here(&e.child.upn)));
    children.extend(elsewhere.map(|e| child(&e.child.upn, None, Standing::NotMine)));
    let name = format!("{role}_{}", school.urn);
    caller(name, &SystemName::new(&school.code, SCHOOL_SYSTEM), role, Purpose::OwnRecord, children)
}

/// Another authority's social worker: not even the reference of a real case opens anything.
fn stranger(cases: &[DemoInvolvement], strangers: &[&Enrolment]) -> DemoCaller {
    let case = cases.iter().find(|case| case.kind == Cp);
    let mut children: Vec<DemoChild> = Vec::new();
    children.extend(case.map(|c| child(&c.upn, Some(&c.case_reference), Standing::NotMine)));
    children.extend(strangers.iter().map(|e| child(&e.child.upn, Some("CP-0001"), Standing::NotMine)));
    let system = SystemName::new(STRANGER, "social-care");
    caller("stranger".to_owned(), &system, Role::SocialWorker, Purpose::ChildProtection, children)
}
