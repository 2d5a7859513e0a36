//! The organisations around Exampleshire's children, their systems, and the directory that registers them.

mod callers;
mod involvements;
mod provider;

pub use callers::{DemoCaller, DemoChild, Standing, callers};
pub use involvements::{DemoBar, DemoInvolvement, FamilyAgreement, involvements};
pub use provider::identity_provider;

use super::authority::{Authority, School};
use super::pki::{Pki, SystemName};
use crate::crypto::{sha256, to_hex};
use crate::directory::{
    ActsForEntry, CertificateEntry, CoverEntry, DirectoryFile, LaneException, MandateEntry,
    OfficerAuthorisationEntry, OrganisationEntry, PersonMarkEntry, SharingAgreementEntry, SystemEntry,
    TeamEntry,
};
use crate::domain::purpose::Section;
use chrono::Days;

/// The authority's code in the directory.
pub const AUTHORITY: &str = "exampleshire";
/// The school nursing trust's.
pub const NURSING: &str = "exampleshire-nursing";
/// The partner's that supports mental health.
pub const MINDS: &str = "exampleshire-minds";
/// An authority that has nothing to do with these children.
pub const STRANGER: &str = "northmarch";

/// The supplier whose system may send every school's registers, as registers kept in one place are sent.
pub const SUPPLIER: &str = "registers-together";

/// A supplier that reads summaries for two schools, and learns of neither what it learns of the other.
pub const ANALYST: &str = "attendance-insight";
/// The trust that runs two of the schools.
pub const TRUST: &str = "exampleshire-learning";
/// The children's trust that does the authority's social work.
pub const CHILDREN: &str = "exampleshire-children";

/// Who would prove the authority's people, were they to sign in; nobody answers there.
pub const PEOPLE: &str = "https://people.exampleshire.example";
/// A manager of its social care, who sets the demonstration's bars.
pub const MANAGER: &str = "manager-1";

/// A system of an agency: organisation, system, role, scopes.
struct Agency(&'static str, &'static str, &'static str, &'static [&'static str]);

const AGENCIES: &[Agency] = &[
    Agency(AUTHORITY, "social-care", "social_worker", &["involvements", "summaries"]),
    Agency(AUTHORITY, "family-help", "family_help_practitioner", &["summaries"]),
    Agency(AUTHORITY, "early-help", "early_help_worker", &["involvements", "summaries"]),
    Agency(AUTHORITY, "virtual-school", "virtual_school", &["summaries"]),
    Agency(AUTHORITY, "youth-justice", "youth_justice_worker", &["involvements", "summaries"]),
    Agency(AUTHORITY, "attendance", "attendance_officer_la", &["involvements", "summaries"]),
    Agency(AUTHORITY, "privacy", "data_protection_officer", &["audit"]),
    Agency(AUTHORITY, DESIGNATED_SYSTEM, "designated_officer", &["audit"]),
    Agency(NURSING, "school-nursing", "school_nurse", &["involvements", "summaries"]),
    Agency(MINDS, "support", "mental_health_practitioner", &["involvements", "summaries"]),
    Agency(STRANGER, "social-care", "social_worker", &["involvements", "summaries"]),
    Agency(SUPPLIER, SUPPLIER_SYSTEM, "school_attendance_officer", &["registers"]),
    Agency(ANALYST, ANALYST_SYSTEM, "school_attendance_officer", &["registers", "summaries"]),
    Agency(TRUST, TRUST_SYSTEM, "school_attendance_officer", &["registers", "summaries"]),
    Agency(CHILDREN, CHILDREN_SYSTEM, "social_worker", &["involvements", "summaries"]),
];

/// An organisation's code, kind, name, authority number, and the purposes of its sharing agreement.
struct Organisation(&'static str, &'static str, &'static str, Option<&'static str>, &'static [&'static str]);

/// The stranger has an agreement too: what keeps it out is that it has no relationship with any child here.
const ORGANISATIONS: &[Organisation] = &[
    Organisation(
        AUTHORITY,
        "local_authority",
        "Exampleshire County Council",
        Some("999"),
        &[
            "screening",
            "child_in_need",
            "child_protection",
            "looked_after",
            "early_help",
            "youth_justice",
            "attendance_duty",
            "resident_concern",
            "emergency",
            "audit_review",
        ],
    ),
    Organisation(NURSING, "health_provider", "Exampleshire Community Health Trust", None, &["school_health"]),
    Organisation(MINDS, "partner", "Exampleshire Young Minds Partnership", None, &["school_health"]),
    Organisation(
        STRANGER,
        "local_authority",
        "Northmarch Borough Council",
        Some("998"),
        &["screening", "child_in_need", "child_protection", "looked_after"],
    ),
];

/// Teams that hold cases: organisation, code, name, and the number on which they are rung back.
const TEAMS: &[(&str, &str, &str, &str)] = &[
    (AUTHORITY, "front-door", "Front Door", "01632 960101"),
    (AUTHORITY, "family-help-east", "Family Help East", "01632 960102"),
    (AUTHORITY, "child-protection", "Child Protection", "01632 960103"),
    (AUTHORITY, "looked-after", "Children in Care", "01632 960104"),
    (AUTHORITY, "early-help", "Early Help", "01632 960105"),
    (AUTHORITY, "youth-justice", "Youth Justice Service", "01632 960106"),
    (AUTHORITY, "attendance", "School Attendance Support", "01632 960107"),
    (NURSING, "school-nurses", "School Nursing", "01632 960108"),
    (MINDS, "support", "School Mental Health Support", "01632 960109"),
    (STRANGER, "child-protection", "Child Protection", "01632 960110"),
];

/// The supplier's system.
pub const SUPPLIER_SYSTEM: &str = "sync";
/// The other supplier's system.
pub const ANALYST_SYSTEM: &str = "reports";
/// The trust's system.
pub const TRUST_SYSTEM: &str = "mis";
/// The children's trust's system.
pub const CHILDREN_SYSTEM: &str = "social-care";
/// The school's own register system.
pub const SCHOOL_SYSTEM: &str = "mis";
/// The system of an organisation's data protection officer.
pub const PRIVACY_SYSTEM: &str = "privacy";

/// The system of the authority's designated officer.
pub const DESIGNATED_SYSTEM: &str = "designated-officer";

/// The OAuth client identifier of a system.
pub fn client_id(system: &SystemName) -> String {
    system.file_name()
}

/// Every system that needs a certificate, agencies first.
pub fn system_names(authority: &Authority) -> Vec<SystemName> {
    let agencies = AGENCIES.iter().map(|agency| SystemName::new(agency.0, agency.1));
    let schools = authority.schools.iter().flat_map(|school| {
        [SCHOOL_SYSTEM, PRIVACY_SYSTEM].map(|system| SystemName::new(&school.code, system))
    });
    agencies.chain(schools).collect()
}

/// The directory of the demonstration, with the certificates that were made for it.
pub fn directory_file(authority: &Authority, pki: &Pki) -> DirectoryFile {
    let agencies = ORGANISATIONS.iter().map(|o| OrganisationEntry {
        code: o.0.to_owned(),
        kind: o.1.to_owned(),
        name: o.2.to_owned(),
        la_code: o.3.map(str::to_owned),
        ..OrganisationEntry::default()
    });
    DirectoryFile {
        organisations: agencies
            .chain(OTHERS.iter().map(other_entry))
            .chain(authority.schools.iter().map(school_entry))
            .collect(),
        systems: systems(authority, pki),
        teams: TEAMS
            .iter()
            .map(|(organisation, code, name, telephone)| TeamEntry {
                organisation: (*organisation).to_owned(),
                code: (*code).to_owned(),
                name: (*name).to_owned(),
                ended: false,
                telephone: (*telephone).to_owned(),
            })
            .collect(),
        sharing_agreements: ORGANISATIONS.iter().map(|o| agreement(authority, o)).collect(),
        officer_authorisations: vec![OfficerAuthorisationEntry {
            organisation: AUTHORITY.to_owned(),
            client_id: client_id(&SystemName::new(AUTHORITY, "attendance")),
            officer: "Ruth Calloway".to_owned(),
            document: "EX/ATT/AUTH/014".to_owned(),
            valid_from: authority.options.today - Days::new(400),
            valid_until: authority.options.today + Days::new(400),
            person: None,
        }],
        mandates: mandates(authority),
        acts_for: acts_for(authority),
        covers: covers(authority),
        person_marks: vec![PersonMarkEntry {
            organisation: AUTHORITY.to_owned(),
            issuer: PEOPLE.to_owned(),
            tenant: String::new(),
            subject: MANAGER.to_owned(),
            mark: "manager".to_owned(),
            team: Some("child-protection".to_owned()),
            valid_from: authority.options.today - Days::new(400),
            valid_until: authority.options.today + Days::new(400),
        }],
        persons: Vec::new(),
        identity_providers: Vec::new(),
    }
}

/// Organisations that receive nothing in their own name: code, kind, name.
const OTHERS: &[(&str, &str, &str)] = &[
    (SUPPLIER, "vendor", "Registers Together Ltd"),
    (ANALYST, "vendor", "Attendance Insight Ltd"),
    (TRUST, "trust", "Exampleshire Learning Trust"),
    (CHILDREN, "partner", "Exampleshire Children's Trust"),
];

fn other_entry((code, kind, name): &(&str, &str, &str)) -> OrganisationEntry {
    OrganisationEntry {
        code: (*code).to_owned(),
        kind: (*kind).to_owned(),
        name: (*name).to_owned(),
        ..OrganisationEntry::default()
    }
}

/// The first supplier sends every school's registers; the other reads two schools' summaries, of each by its own mandate.
fn mandates(authority: &Authority) -> Vec<MandateEntry> {
    let mandate =
        |(supplier, system): (&str, &str), school: &School, scope: &str, sections: &[&str]| MandateEntry {
            client_id: client_id(&SystemName::new(supplier, system)),
            school: school.code.clone(),
            scopes: vec![scope.to_owned()],
            sections: sections.iter().map(|section| (*section).to_owned()).collect(),
            valid_from: authority.options.today - Days::new(400),
            valid_until: authority.options.today + Days::new(400),
        };
    let sends = authority.schools.iter().map(|s| mandate((SUPPLIER, SUPPLIER_SYSTEM), s, "registers", &[]));
    let reads = authority
        .schools
        .iter()
        .take(2)
        .map(|school| mandate((ANALYST, ANALYST_SYSTEM), school, "summaries", &["headline", "trend"]));
    sends.chain(reads).collect()
}

/// The trust runs two of the schools; the children's trust does the authority's social work.
fn acts_for(authority: &Authority) -> Vec<ActsForEntry> {
    let acts = |organisation: &str, acted_for: &str, roles: &[&str]| ActsForEntry {
        organisation: organisation.to_owned(),
        acted_for: acted_for.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        valid_from: authority.options.today - Days::new(400),
        valid_until: authority.options.today + Days::new(400),
    };
    let run = authority.schools.iter().take(2).map(|s| acts(TRUST, &s.code, &["school_attendance_officer"]));
    run.chain([acts(CHILDREN, AUTHORITY, &["social_worker"])]).collect()
}

/// The front door covers the teams of the authority at night and at weekends.
fn covers(authority: &Authority) -> Vec<CoverEntry> {
    let covered = ["family-help-east", "child-protection", "looked-after"];
    let cover = |team: &str| CoverEntry {
        organisation: AUTHORITY.to_owned(),
        team: "front-door".to_owned(),
        covered_organisation: AUTHORITY.to_owned(),
        covered_team: team.to_owned(),
        kind: "out_of_hours".to_owned(),
        hours: "mon-fri 17:00-09:00; sat-sun 00:00-24:00".to_owned(),
        valid_from: authority.options.today - Days::new(400),
        valid_until: authority.options.today + Days::new(400),
    };
    covered.map(cover).to_vec()
}

fn school_entry(school: &School) -> OrganisationEntry {
    OrganisationEntry {
        code: school.code.clone(),
        kind: "school".to_owned(),
        name: school.name.clone(),
        urn: Some(school.urn.clone()),
        laestab: Some(school.laestab.clone()),
        la_code: None,
        phase: Some(school.phase.to_owned()),
        returns_to: Some(AUTHORITY.to_owned()),
        attendance_lead: Some(school.attendance_lead.clone()),
        dsl: Some(school.dsl.clone()),
        ..OrganisationEntry::default()
    }
}

fn systems(authority: &Authority, pki: &Pki) -> Vec<SystemEntry> {
    let agencies = AGENCIES.iter().map(|a| system(pki, &SystemName::new(a.0, a.1), &[a.2], a.3));
    let schools = authority.schools.iter().flat_map(|school| {
        let name = |code| SystemName::new(&school.code, code);
        [
            system(
                pki,
                &name(SCHOOL_SYSTEM),
                &["school_attendance_officer", "dsl"],
                &["registers", "summaries"],
            ),
            system(pki, &name(PRIVACY_SYSTEM), &["data_protection_officer"], &["audit"]),
        ]
    });
    agencies.chain(schools).collect()
}

fn system(pki: &Pki, name: &SystemName, roles: &[&str], scopes: &[&str]) -> SystemEntry {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    SystemEntry {
        organisation: name.organisation.clone(),
        code: name.system.clone(),
        client_id: client_id(name),
        roles: words(roles),
        // Every system hears what its organisation is told.
        scopes: words(&[scopes, &["notifications"]].concat()),
        // The demonstration's callers are systems without people, and show what each role's row of the matrix gives: so every
        // section is registered here, and what policy does not give to a role stays out all the same. A deployment
        // begins with headline, trend, split, last_seen and school_contact.
        sections_without_person: Section::ALL.iter().map(|section| section.as_str().to_owned()).collect(),
        requests_per_minute: 60_000,
        certificates: pki.entries.get(name).cloned().into_iter().collect::<Vec<CertificateEntry>>(),
        // The certificate's own key signs assertions too: one file for each system is enough to try either way.
        keys: pki.keys.get(name).cloned().into_iter().collect(),
        suspended: false,
    }
}

/// An organisation's agreement, with all four exceptions in sight: health, sessions, suspension and search by name are
/// given without a proved person here, and nowhere unless an agreement says so.
fn agreement(authority: &Authority, organisation: &Organisation) -> SharingAgreementEntry {
    let document = format!("Sharing agreement of {} with {}, version 1", organisation.2, authority.name);
    SharingAgreementEntry {
        organisation: organisation.0.to_owned(),
        purposes: organisation.4.iter().map(|purpose| (*purpose).to_owned()).collect(),
        exceptions: LaneException::ALL.iter().map(|exception| exception.as_str().to_owned()).collect(),
        valid_from: authority.options.today - Days::new(400),
        valid_until: authority.options.today + Days::new(400),
        version: "1".to_owned(),
        document_digest: to_hex(&sha256(&[document.as_bytes()])),
        suspended: false,
    }
}

#[cfg(test)]
mod tests;
