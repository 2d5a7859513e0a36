//! One record of the directory, whatever its kind: what names it, whom it is about, and whether another version of it
//! gives less.

use super::super::file::{
    ActsForEntry, CertificateEntry, CoverEntry, MandateEntry, OfficerAuthorisationEntry, OperatorEntry,
    OrganisationEntry, PersonEntry, PersonMarkEntry, SharingAgreementEntry, SystemEntry, TeamEntry,
};
use crate::crypto::{sha256, to_hex};
use crate::directory::{IdentityProviderEntry, PolicySetEntry};
use chrono::{NaiveDate, SubsecRound as _};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A record, as a change writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An organisation.
    Organisation(OrganisationEntry),
    /// A system with its certificates.
    System(SystemEntry),
    /// A team.
    Team(TeamEntry),
    /// A sharing agreement.
    SharingAgreement(SharingAgreementEntry),
    /// An officer's written authorisation.
    OfficerAuthorisation(OfficerAuthorisationEntry),
    /// A mandate.
    Mandate(MandateEntry),
    /// Who acts for whom.
    ActsFor(ActsForEntry),
    /// Which team covers which.
    Cover(CoverEntry),
    /// A mark on a person.
    PersonMark(PersonMarkEntry),
    /// An identity provider.
    IdentityProvider(IdentityProviderEntry),
    /// An operator.
    Operator(OperatorEntry),
    /// A person who is suspended, or let back.
    Person(PersonEntry),
    /// The set of policies in force.
    PolicySet(PolicySetEntry),
}

/// What names a record: its kind, in the order in which records are written, and its own words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    order: u8,
    kind: &'static str,
    words: String,
}

impl Key {
    /// The kind of record.
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.words)
    }
}

impl Record {
    /// What names it.
    pub fn key(&self) -> Key {
        let (order, kind, words) = match self {
            Self::Organisation(o) => (0, "organisation", o.code.clone()),
            Self::System(s) => (1, "system", s.client_id.clone()),
            Self::Team(t) => (2, "team", format!("{} {}", t.organisation, t.code)),
            Self::SharingAgreement(a) => {
                (3, "sharing agreement", format!("{} {}", a.organisation, a.version))
            }
            Self::OfficerAuthorisation(a) => {
                let person = a.person.as_ref().map(|p| short(&p.issuer, &p.tenant, &p.subject));
                let person = person.map(|person| format!(" of person {person}")).unwrap_or_default();
                let words = format!("{} {} {}{person}", a.organisation, a.client_id, a.document);
                (4, "officer authorisation", words)
            }
            Self::Mandate(m) => (5, "mandate", format!("{} {} {}", m.client_id, m.school, m.valid_from)),
            Self::ActsFor(a) => {
                (6, "acting", format!("{} for {} {}", a.organisation, a.acted_for, a.valid_from))
            }
            Self::Cover(c) => {
                let (team, covered) = (&c.team, &c.covered_team);
                let words = format!("{} {team} of {} {covered}", c.organisation, c.covered_organisation);
                (7, "cover", format!("{words} {} {}", c.kind, c.valid_from))
            }
            Self::PersonMark(m) => {
                let person = short(&m.issuer, &m.tenant, &m.subject);
                let team = m.team.as_deref().unwrap_or("-");
                let words = format!("{} {} {team} of person {person}", m.organisation, m.mark);
                (8, "mark", format!("{words} {}", m.valid_from))
            }
            Self::IdentityProvider(p) => {
                let tenant = p.tenant.as_deref().unwrap_or("-");
                (9, "identity provider", format!("{} {} {tenant}", p.organisation, p.issuer))
            }
            Self::Operator(o) => (10, "operator", o.name.clone()),
            Self::Person(p) => {
                let person = short(&p.issuer, &p.tenant, &p.subject);
                (11, "person", format!("{} {person}", p.organisation))
            }
            Self::PolicySet(_) => (12, "policy set", "in force".to_owned()),
        };
        Key { order, kind, words }
    }

    /// The one form of it: lists of words in the order of the words, each once, as they stand in the directory.
    #[must_use]
    pub fn normal(mut self) -> Self {
        match &mut self {
            Self::System(s) => {
                for words in [&mut s.roles, &mut s.scopes, &mut s.sections_without_person] {
                    in_order(words);
                }
                for certificate in &mut s.certificates {
                    certificate.thumbprint.make_ascii_lowercase();
                    certificate.key_digest.make_ascii_lowercase();
                    certificate.valid_from = certificate.valid_from.trunc_subsecs(6);
                    certificate.valid_until = certificate.valid_until.trunc_subsecs(6);
                }
                let of = |c: &CertificateEntry| (c.valid_from, c.thumbprint.clone());
                s.certificates.sort_by_key(of);
                s.certificates.dedup();
                for key in &mut s.keys {
                    key.valid_from = key.valid_from.trunc_subsecs(6);
                    key.valid_until = key.valid_until.trunc_subsecs(6);
                }
                s.keys.sort_by_key(|key| (key.valid_from, key.kid.clone()));
                s.keys.dedup();
            }
            Self::SharingAgreement(a) => {
                in_order(&mut a.purposes);
                in_order(&mut a.exceptions);
            }
            Self::Mandate(m) => {
                in_order(&mut m.scopes);
                in_order(&mut m.sections);
            }
            Self::ActsFor(a) => in_order(&mut a.roles),
            Self::Organisation(o) => {
                o.former_numbers.sort();
                o.former_numbers.dedup();
            }
            Self::IdentityProvider(p) => {
                for words in [&mut p.algorithms, &mut p.mfa.values] {
                    in_order(words);
                }
                let maps = p.roles.values_mut().chain(p.teams.values_mut());
                maps.chain(p.marks.values_mut()).for_each(in_order);
                p.roles.retain(|_, roles| !roles.is_empty());
                p.teams.retain(|_, teams| !teams.is_empty());
                p.marks.retain(|_, marks| !marks.is_empty());
            }
            Self::Operator(o) => o.public_key.make_ascii_lowercase(),
            Self::Team(_)
            | Self::OfficerAuthorisation(_)
            | Self::Cover(_)
            | Self::PersonMark(_)
            | Self::Person(_)
            | Self::PolicySet(_) => {}
        }
        self
    }

    /// Its canonical JSON, and the digest by which a change says what it replaces.
    pub fn digest(&self) -> String {
        // A record has texts, numbers and lists: writing it into memory cannot fail.
        to_hex(&sha256(&[serde_json::to_string(&as_value(self)).unwrap_or_default().as_bytes()]))
    }

    /// Codes of the organisations that it is about.
    pub fn about(&self) -> Vec<&str> {
        match self {
            Self::Organisation(o) => vec![&o.code],
            Self::System(s) => vec![&s.organisation],
            Self::Team(t) => vec![&t.organisation],
            Self::SharingAgreement(a) => vec![&a.organisation],
            Self::OfficerAuthorisation(a) => vec![&a.organisation],
            // The holder's organisation is known by its system: whoever tells adds it.
            Self::Mandate(m) => vec![&m.school],
            Self::ActsFor(a) => vec![&a.organisation, &a.acted_for],
            Self::Cover(c) => vec![&c.organisation, &c.covered_organisation],
            Self::PersonMark(m) => vec![&m.organisation],
            Self::IdentityProvider(p) => vec![&p.organisation],
            Self::Person(p) => vec![&p.organisation],
            // A set of policies is about everybody: whoever tells knows them.
            Self::Operator(_) | Self::PolicySet(_) => Vec::new(),
        }
    }

    /// The client identifier of the system that it is about, where it is about another organisation's.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::Mandate(m) => Some(&m.client_id),
            Self::Organisation(_)
            | Self::System(_)
            | Self::Team(_)
            | Self::SharingAgreement(_)
            | Self::OfficerAuthorisation(_)
            | Self::ActsFor(_)
            | Self::Cover(_)
            | Self::PersonMark(_)
            | Self::IdentityProvider(_)
            | Self::Operator(_)
            | Self::Person(_)
            | Self::PolicySet(_) => None,
        }
    }

    /// The same record giving nothing from today on; none where it gives nothing already, or has no end of its own.
    pub fn ended(&self, today: NaiveDate) -> Option<Self> {
        let yesterday = today.pred_opt()?;
        let mut ended = self.clone();
        match &mut ended {
            Self::Organisation(o) => o.suspended = true,
            Self::System(s) => s.suspended = true,
            Self::Team(t) => t.ended = true,
            Self::SharingAgreement(a) => a.suspended = true,
            Self::OfficerAuthorisation(a) => a.valid_until = a.valid_until.min(yesterday),
            Self::Mandate(m) => m.valid_until = m.valid_until.min(yesterday),
            Self::ActsFor(a) => a.valid_until = a.valid_until.min(yesterday),
            Self::Cover(c) => c.valid_until = c.valid_until.min(yesterday),
            Self::PersonMark(m) => m.valid_until = m.valid_until.min(yesterday),
            Self::IdentityProvider(p) => p.suspended = true,
            Self::Operator(o) => o.ended = true,
            Self::Person(p) => p.suspended = true,
            // Another takes its place; without any there is nothing to decide by.
            Self::PolicySet(_) => {}
        }
        (ended != *self).then_some(ended)
    }

    /// First and last day, where it has them.
    pub fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        match self {
            Self::SharingAgreement(a) => Some((a.valid_from, a.valid_until)),
            Self::OfficerAuthorisation(a) => Some((a.valid_from, a.valid_until)),
            Self::Mandate(m) => Some((m.valid_from, m.valid_until)),
            Self::ActsFor(a) => Some((a.valid_from, a.valid_until)),
            Self::Cover(c) => Some((c.valid_from, c.valid_until)),
            Self::PersonMark(m) => Some((m.valid_from, m.valid_until)),
            Self::Organisation(_)
            | Self::System(_)
            | Self::Team(_)
            | Self::IdentityProvider(_)
            | Self::Operator(_)
            | Self::Person(_)
            | Self::PolicySet(_) => None,
        }
    }

    /// Whether it says nothing unless another stands: of persons those who are not suspended stand nowhere.
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Person(PersonEntry { suspended: false, .. }))
    }

    /// Whether it takes away where nothing stood before it.
    pub const fn only_takes_away(&self) -> bool {
        matches!(self, Self::Person(PersonEntry { suspended: true, .. }))
    }

    /// Whether this version gives nothing that the one before it did not: then it takes effect at once. Whatever is not
    /// plainly less is more, a telephone number included: somebody would ring it.
    pub fn narrows(&self, before: &Self) -> bool {
        match (before, self) {
            (Self::Organisation(old), Self::Organisation(new)) => {
                new.suspended >= old.suspended
                    && *new == OrganisationEntry { suspended: new.suspended, ..old.clone() }
            }
            (Self::System(old), Self::System(new)) => narrower_system(old, new),
            (Self::Team(old), Self::Team(new)) => {
                new.ended >= old.ended && *new == TeamEntry { ended: new.ended, ..old.clone() }
            }
            (Self::SharingAgreement(old), Self::SharingAgreement(new)) => {
                // One that ends, or covers less, lets an older and wider one count again, or one beside it that it bars
                // while it is suspended: only fewer exceptions and a suspension give less whatever else stands.
                let within = SharingAgreementEntry {
                    exceptions: new.exceptions.clone(),
                    suspended: new.suspended,
                    ..old.clone()
                };
                *new == within && subset(&new.exceptions, &old.exceptions) && new.suspended >= old.suspended
            }
            (Self::Mandate(old), Self::Mandate(new)) => {
                subset(&new.scopes, &old.scopes)
                    && subset(&new.sections, &old.sections)
                    && shorter(self, before)
            }
            (Self::ActsFor(old), Self::ActsFor(new)) => {
                subset(&new.roles, &old.roles) && shorter(self, before)
            }
            (Self::OfficerAuthorisation(old), Self::OfficerAuthorisation(new)) => {
                new.officer == old.officer && new.person == old.person && shorter(self, before)
            }
            (Self::Cover(old), Self::Cover(new)) => new.hours == old.hours && shorter(self, before),
            (Self::PersonMark(old), Self::PersonMark(new)) => {
                let person = |m: &PersonMarkEntry| (m.issuer.clone(), m.tenant.clone(), m.subject.clone());
                person(old) == person(new) && shorter(self, before)
            }
            (Self::IdentityProvider(old), Self::IdentityProvider(new)) => narrower_provider(old, new),
            (Self::Operator(old), Self::Operator(new)) => {
                new.public_key == old.public_key && new.ended >= old.ended
            }
            (Self::Person(old), Self::Person(new)) => {
                new.suspended && *new == PersonEntry { suspended: true, ..old.clone() }
            }
            (_, _) => false,
        }
    }
}

/// As JSON whose members are in the order of their names: the canonical form.
pub(super) fn as_value(of: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// Texts as one line of bytes that no other texts make.
fn line(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| [text.as_bytes(), b"\n"].concat()).collect()
}

/// A person in what is printed or told: their name at the provider is in the change, and in nothing else.
fn short(issuer: &str, tenant: &str, subject: &str) -> String {
    to_hex(&sha256(&[&line(&[issuer, tenant, subject])])).chars().take(16).collect()
}

fn narrower_system(old: &SystemEntry, new: &SystemEntry) -> bool {
    let same = SystemEntry {
        roles: new.roles.clone(),
        scopes: new.scopes.clone(),
        sections_without_person: new.sections_without_person.clone(),
        requests_per_minute: new.requests_per_minute,
        certificates: new.certificates.clone(),
        keys: new.keys.clone(),
        suspended: new.suspended,
        ..old.clone()
    };
    *new == same
        && subset(&new.roles, &old.roles)
        && subset(&new.scopes, &old.scopes)
        && subset(&new.sections_without_person, &old.sections_without_person)
        && subset(&new.certificates, &old.certificates)
        && subset(&new.keys, &old.keys)
        && new.requests_per_minute <= old.requests_per_minute
        && new.suspended >= old.suspended
}

/// Fewer clients, roles, teams, algorithms or values that show a second factor, or none at all for now.
fn narrower_provider(old: &IdentityProviderEntry, new: &IdentityProviderEntry) -> bool {
    let same = IdentityProviderEntry {
        algorithms: new.algorithms.clone(),
        clients: new.clients.clone(),
        roles: new.roles.clone(),
        teams: new.teams.clone(),
        marks: new.marks.clone(),
        suspended: new.suspended,
        ..old.clone()
    };
    let fewer = |new: &BTreeMap<String, Vec<String>>, old: &BTreeMap<String, Vec<String>>| {
        new.iter().all(|(value, words)| old.get(value).is_some_and(|old| subset(words, old)))
    };
    *new == same
        && subset(&new.algorithms, &old.algorithms)
        && new.clients.iter().all(|(system, there)| old.clients.get(system) == Some(there))
        && fewer(&new.roles, &old.roles)
        && fewer(&new.teams, &old.teams)
        && fewer(&new.marks, &old.marks)
        && new.suspended >= old.suspended
}

fn in_order(words: &mut Vec<String>) {
    words.sort();
    words.dedup();
}

fn subset<T: PartialEq>(new: &[T], old: &[T]) -> bool {
    new.iter().all(|one| old.contains(one))
}

/// Whether the key is the same and the days are among those of before.
fn shorter(new: &Record, old: &Record) -> bool {
    let days = new.days().zip(old.days());
    new.key() == old.key() && days.is_some_and(|(new, old)| old.0 <= new.0 && new.1 <= old.1)
}
