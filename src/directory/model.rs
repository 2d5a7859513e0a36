//! The directory in memory: plain records and the lookups that requests make.

use super::{ActsFor, Cover, Mandate, Operator, PersonKey, PersonMark, PolicySetEntry, Proofs};
use crate::domain::identifiers::{OrganisationId, SchoolId, SystemId, TeamId};
use crate::domain::organisation::{OrganisationKind, Standing};
use crate::domain::purpose::{Purpose, Role, SectionSet};
use crate::domain::words;
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;
use std::sync::Arc;

words! {
    /// A part of the API that a system may call at all.
    Scope {
        /// Send calendar, roll and marks.
        Registers = "registers",
        /// Open, change and end involvements.
        Involvements = "involvements",
        /// Find children and ask for summaries.
        Summaries = "summaries",
        /// Read its own organisation's audit entries.
        Audit = "audit",
        /// Read what its own organisation is told.
        Notifications = "notifications",
    }
}

words! {
    /// What a sharing agreement may list to be given without a proved person.
    LaneException {
        /// The section `health`.
        Health = "health",
        /// The section `sessions`.
        Sessions = "sessions",
        /// The section `suspension`.
        Suspension = "suspension",
        /// Finding a child by name and date of birth, without a UPN.
        SearchByName = "search_by_name",
    }
}

/// A person's name and telephone number, as the school publishes them to agencies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// As shown.
    pub name: String,
    /// As dialled.
    pub telephone: String,
}

/// An organisation that takes part.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Internal identifier; for a school also its `SchoolId`.
    pub id: OrganisationId,
    /// Short name, as in certificates.
    pub code: String,
    /// What kind it is; some roles belong to some kinds only.
    pub kind: OrganisationKind,
    /// As published.
    pub name: String,
    /// Whether it may be served.
    pub standing: Standing,
    /// Schools: six digits.
    pub urn: Option<String>,
    /// Schools: seven digits.
    pub laestab: Option<String>,
    /// Authorities: three digits.
    pub la_code: Option<String>,
    /// Schools: phase, as in the national list.
    pub phase: Option<String>,
    /// Schools: the authority that receives returns, SI 2024/208 reg 3(1).
    pub returns_to: Option<OrganisationId>,
    /// Schools: attendance lead.
    pub attendance_lead: Contact,
    /// Schools: designated safeguarding lead.
    pub dsl: Contact,
    /// Schools: the one that it took over from.
    pub predecessor: Option<OrganisationId>,
    /// Schools: numbers that it had before, the oldest first.
    pub former_numbers: Vec<FormerNumbers>,
    /// Providers: codes of the authorities whose children they serve; none: every child here.
    pub area: Vec<String>,
}

/// Numbers that a school had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerNumbers {
    /// Six digits.
    pub urn: Option<String>,
    /// Seven digits.
    pub laestab: Option<String>,
    /// The last day on which it had them.
    pub until: NaiveDate,
}

/// A system of an organisation: what a certificate belongs to.
#[derive(Clone, Debug)]
pub struct System {
    /// Internal identifier.
    pub id: SystemId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Short name, as in certificates.
    pub code: String,
    /// OAuth client identifier.
    pub client_id: String,
    /// Roles that it may carry.
    pub roles: Vec<Role>,
    /// Parts of the API that it may call.
    pub scopes: Vec<Scope>,
    /// Sections given to it without a person.
    pub sections_without_person: SectionSet,
    /// Requests a minute.
    pub requests_per_minute: u32,
    /// Whether it is let in nowhere for now.
    pub suspended: bool,
}

/// A certificate of a system.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Whose it is.
    pub system: SystemId,
    /// SHA-256 of the certificate, DER.
    pub thumbprint: [u8; 32],
    /// SHA-256 of its public key, `SubjectPublicKeyInfo`, DER.
    pub key_digest: [u8; 32],
    /// Start of validity.
    pub valid_from: DateTime<Utc>,
    /// End of validity.
    pub valid_until: DateTime<Utc>,
    /// Refused from then on.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Whether the system registered it itself.
    pub by_system: bool,
}

/// A team of an organisation; cases belong to teams.
#[derive(Clone, Debug)]
pub struct Team {
    /// Internal identifier.
    pub id: TeamId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Short name, as in involvement feeds.
    pub code: String,
    /// As shown.
    pub name: String,
    /// Whether it takes no new case any more.
    pub ended: bool,
    /// Where it is rung back, and nowhere else; empty where none is known.
    pub telephone: String,
}

/// What an organisation may receive, for which purposes, from when to when.
#[derive(Clone, Debug)]
pub struct SharingAgreement {
    /// Who receives under it.
    pub organisation: OrganisationId,
    /// Purposes that it covers.
    pub purposes: Vec<Purpose>,
    /// What it gives without a proved person.
    pub exceptions: Vec<LaneException>,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Version of the document.
    pub version: String,
    /// SHA-256 of the signed document, hex.
    pub document_digest: String,
}

/// An officer's written authorisation to examine registers, SI 2024/208 reg 12.
#[derive(Clone, Debug)]
pub struct OfficerAuthorisation {
    /// The authority.
    pub organisation: OrganisationId,
    /// The system through which the officer acts.
    pub system: SystemId,
    /// The officer, where their provider proves them; none: the system's own, where nobody is proved behind it.
    pub person: Option<PersonKey>,
    /// The officer's name.
    pub officer: String,
    /// Reference of the written authorisation.
    pub document: String,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
}

/// Everything in the directory at one version.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// The version that this was read at.
    pub version: i64,
    /// Tokens that had been taken back, ever, when this was read.
    pub revocations: i64,
    /// By internal identifier.
    pub organisations: HashMap<OrganisationId, Organisation>,
    /// By internal identifier.
    pub systems: HashMap<SystemId, System>,
    /// By thumbprint.
    pub credentials: HashMap<[u8; 32], Credential>,
    /// By internal identifier.
    pub teams: HashMap<TeamId, Team>,
    /// All of them, the newest first.
    pub agreements: Vec<SharingAgreement>,
    /// All of them.
    pub authorisations: Vec<OfficerAuthorisation>,
    /// By system and school; several may follow one another.
    pub mandates: HashMap<(SystemId, SchoolId), Vec<Mandate>>,
    /// Keys, identity providers and people: what proves callers beside certificates.
    pub proofs: Proofs,
    /// All of them.
    pub acts_for: Vec<ActsFor>,
    /// All of them.
    pub covers: Vec<Cover>,
    /// All of them.
    pub marks: Vec<PersonMark>,
    /// All of them, those that have ended too.
    pub operators: Vec<Operator>,
    /// The set of policies that operators have put in force; none: the one that is built into the program.
    pub policies: Option<Arc<PolicySetEntry>>,
}

impl Directory {
    /// The system registered under an OAuth client identifier.
    pub fn system_by_client_id(&self, client_id: &str) -> Option<&System> {
        self.systems.values().find(|s| s.client_id == client_id)
    }

    /// The system whose live, unrevoked certificate has this thumbprint at this time.
    pub fn system_by_thumbprint(&self, thumbprint: &[u8; 32], now: DateTime<Utc>) -> Option<&System> {
        let credential = self.credentials.get(thumbprint)?;
        let live = credential.valid_from <= now && now < credential.valid_until;
        let revoked = credential.revoked_at.is_some_and(|at| at <= now);
        let system = self.systems.get(&credential.system).filter(|system| !system.suspended);
        if live && !revoked { system } else { None }
    }

    /// The organisation that a system belongs to.
    pub fn organisation_of(&self, system: &System) -> Option<&Organisation> {
        self.organisations.get(&system.organisation)
    }

    /// The `SAN` URI that a system's certificates must carry.
    pub fn san_uri(&self, system: &System) -> Option<String> {
        let organisation = self.organisation_of(system)?;
        Some(format!("urn:schoolgate:org:{}:system:{}", organisation.code, system.code))
    }

    /// The schools whose returns come to an authority, SI 2024/208 reg 3(1).
    pub fn schools_returning_to(&self, authority: OrganisationId) -> impl Iterator<Item = SchoolId> {
        self.organisations.values().filter(move |o| o.returns_to == Some(authority)).map(|o| SchoolId(o.id.0))
    }

    /// A school's organisation.
    pub fn school(&self, school: SchoolId) -> Option<&Organisation> {
        self.organisations.get(&OrganisationId(school.0))
    }

    /// An organisation by its short name.
    pub fn organisation_by_code(&self, code: &str) -> Option<&Organisation> {
        self.organisations.values().find(|o| o.code == code)
    }

    /// A team of an organisation by its short name, if it takes cases.
    pub fn team(&self, organisation: OrganisationId, code: &str) -> Option<&Team> {
        self.teams.values().find(|t| t.organisation == organisation && t.code == code && !t.ended)
    }

    /// The agreement under which an organisation receives for a purpose on a day, if one is live: of several the newest.
    /// One that is suspended bars, whichever others stand beside it: who suspends means the receiving to end.
    pub fn agreement(
        &self,
        organisation: OrganisationId,
        purpose: Purpose,
        day: NaiveDate,
    ) -> Option<&SharingAgreement> {
        let mut live = self.agreements.iter().filter(|a| {
            a.organisation == organisation
                && a.valid_from <= day
                && day <= a.valid_until
                && a.purposes.contains(&purpose)
        });
        let newest = live.next()?;
        (!newest.suspended && live.all(|a| !a.suspended)).then_some(newest)
    }

    /// Whether a written authorisation under reg 12, by the authority that is acted for, is on record on a day: of a person
    /// who is proved their own and no other, and without one the system's.
    pub fn authorised_officer(
        &self,
        authority: OrganisationId,
        (system, person): (SystemId, Option<&PersonKey>),
        day: NaiveDate,
    ) -> Option<&OfficerAuthorisation> {
        let mut of_system =
            self.authorisations.iter().filter(|a| a.system == system && a.person.as_ref() == person);
        of_system.find(|a| a.organisation == authority && a.valid_from <= day && day <= a.valid_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn an_authorisation_is_of_the_authority_that_gave_it() {
        let ids = [1, 2].map(|n| OrganisationId(Uuid::from_u128(n)));
        let (system, day) = (SystemId(Uuid::from_u128(9)), |text: &str| text.parse::<NaiveDate>().unwrap());
        let ruth = PersonKey {
            issuer: "https://id.example".to_owned(),
            tenant: String::new(),
            subject: "ruth".to_owned(),
        };
        let sam = PersonKey { subject: "sam".to_owned(), ..ruth.clone() };
        let authorisation = OfficerAuthorisation {
            organisation: ids[0],
            system,
            person: None,
            officer: "A. Officer".to_owned(),
            document: "R12/1".to_owned(),
            valid_from: day("2026-09-01"),
            valid_until: day("2027-08-31"),
        };
        let mut directory = Directory { authorisations: vec![authorisation], ..Directory::default() };
        let check = |directory: &Directory, authority, person, on: &str, expected| {
            let found = directory.authorised_officer(authority, (system, person), day(on)).is_some();
            assert_eq!(found, expected, "{person:?} on {on}");
        };
        check(&directory, ids[0], None, "2026-11-20", true);
        check(&directory, ids[1], None, "2026-11-20", false);
        check(&directory, ids[0], None, "2027-09-01", false);
        check(&directory, ids[0], Some(&ruth), "2026-11-20", false);
        directory.authorisations[0].person = Some(ruth.clone());
        check(&directory, ids[0], Some(&ruth), "2026-11-20", true);
        check(&directory, ids[0], Some(&ruth), "2027-09-01", false);
        check(&directory, ids[1], Some(&ruth), "2026-11-20", false);
        check(&directory, ids[0], Some(&sam), "2026-11-20", false);
        check(&directory, ids[0], None, "2026-11-20", false);
    }

    #[test]
    fn of_agreements_that_overlap_the_newest_counts_and_a_suspended_one_bars() {
        let (agency, day) =
            (OrganisationId(Uuid::from_u128(1)), |text: &str| text.parse::<NaiveDate>().unwrap());
        let agreement = |version: &str, from: &str, suspended| SharingAgreement {
            organisation: agency,
            purposes: vec![Purpose::ChildProtection],
            exceptions: Vec::new(),
            valid_from: day(from),
            valid_until: day("2027-08-31"),
            suspended,
            version: version.to_owned(),
            document_digest: String::new(),
        };
        let live = |newer, older, on: &str, purpose| {
            let agreements = vec![agreement("2", "2026-10-01", newer), agreement("1", "2026-09-01", older)];
            let directory = Directory { agreements, ..Directory::default() };
            directory.agreement(agency, purpose, day(on)).map(|a| a.version.clone())
        };
        let asked = |newer, older, on| live(newer, older, on, Purpose::ChildProtection);
        assert_eq!(asked(false, false, "2026-11-20").as_deref(), Some("2"));
        assert_eq!(asked(true, false, "2026-11-20"), None);
        assert_eq!(asked(false, true, "2026-11-20"), None);
        // Before it begins, a suspended one bars nothing.
        assert_eq!(asked(true, false, "2026-09-15").as_deref(), Some("1"));
        assert_eq!(asked(false, false, "2026-08-31"), None);
        assert_eq!(live(false, false, "2026-11-20", Purpose::EarlyHelp), None);
    }
}
