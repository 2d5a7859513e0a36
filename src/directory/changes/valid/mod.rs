//! Whether records make a directory: every code known, every word of its vocabulary, nothing twice. Pure.

mod fault;

pub use fault::Fault;

use super::plan::Records;
use super::record::Record;
use crate::crypto::{from_hex, jws_algorithm};
use crate::directory::file::{
    ActsForEntry, CoverEntry, MandateEntry, OrganisationEntry, PersonEntry, PersonMarkEntry, SystemEntry,
};
use crate::directory::{IdentityProviderEntry, KeyEntry, LaneException, Scope};
use crate::domain::identifiers::{Laestab, LocalAuthorityCode, Urn};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{Purpose, Role, Section};
use crate::domain::staff::{CoverKind, Hours, Mark, Marked};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};

/// Refuses records that make no directory.
pub(super) fn valid(records: &Records, now: DateTime<Utc>) -> Result<(), Fault> {
    let known = Known::of(records);
    unique(records)?;
    for (key, record) in records {
        match record {
            Record::Organisation(o) => known.organisation(o)?,
            Record::System(s) => known.system(s, now)?,
            Record::Team(t) => {
                known.there(&t.organisation)?;
                code(&t.code, &key.to_string())?;
                text(&t.name, &key.to_string())?;
                if !t.telephone.is_empty() {
                    text(&t.telephone, &key.to_string())?;
                }
            }
            Record::SharingAgreement(a) => {
                known.there(&a.organisation)?;
                words(&a.purposes, Purpose::parse, "purpose")?;
                words(&a.exceptions, LaneException::parse, "exception of a sharing agreement")?;
                text(&a.version, &key.to_string())?;
            }
            Record::OfficerAuthorisation(a) => {
                known.there(&a.organisation)?;
                known.holder(&a.client_id)?;
                text(&a.document, &key.to_string())?;
                if let Some(p) = &a.person {
                    known.named_by((&a.organisation, &p.issuer, &p.tenant), &p.subject)?;
                }
            }
            Record::Mandate(m) => known.mandate(m)?,
            Record::ActsFor(a) => known.acting(a)?,
            Record::Cover(c) => known.cover(c)?,
            Record::PersonMark(m) => known.mark(m)?,
            Record::IdentityProvider(p) => known.provider(p)?,
            Record::Person(p) => known.person(p)?,
            Record::PolicySet(p) => {
                p.fault().map_or(Ok(()), |why| Err(Fault::Text(p.digest.clone(), key.to_string(), why)))?;
            }
            Record::Operator(o) => {
                code(&o.name, &key.to_string())?;
                if from_hex(&o.public_key).is_none_or(|key| key.len() != 32) {
                    let why = "a public key is 64 hexadecimal digits";
                    return Err(Fault::Text(o.public_key.clone(), key.to_string(), why));
                }
            }
        }
    }
    Ok(())
}

/// What records may name.
#[derive(Default)]
struct Known<'a> {
    kinds: HashMap<&'a str, Option<OrganisationKind>>,
    systems: HashMap<&'a str, &'a str>,
    teams: HashSet<(&'a str, &'a str)>,
    providers: HashSet<(&'a str, &'a str, &'a str)>,
}

impl<'a> Known<'a> {
    fn of(records: &'a Records) -> Self {
        let mut known = Self::default();
        for record in records.values() {
            match record {
                Record::Organisation(o) => {
                    known.kinds.insert(&o.code, OrganisationKind::parse(&o.kind));
                }
                Record::System(s) => {
                    known.systems.insert(&s.client_id, &s.organisation);
                }
                Record::Team(t) => {
                    known.teams.insert((&t.organisation, &t.code));
                }
                Record::IdentityProvider(p) => {
                    let tenant = p.tenant.as_deref().unwrap_or_default();
                    known.providers.insert((&p.organisation, &p.issuer, tenant));
                }
                Record::SharingAgreement(_)
                | Record::OfficerAuthorisation(_)
                | Record::Mandate(_)
                | Record::ActsFor(_)
                | Record::Cover(_)
                | Record::PersonMark(_)
                | Record::Operator(_)
                | Record::Person(_)
                | Record::PolicySet(_) => {}
            }
        }
        known
    }

    fn kind(&self, code: &str) -> Option<OrganisationKind> {
        self.kinds.get(code).copied().flatten()
    }

    fn there(&self, code: &str) -> Result<(), Fault> {
        if self.kinds.contains_key(code) { Ok(()) } else { Err(Fault::Unknown(code.to_owned())) }
    }

    /// The organisation of a system.
    fn holder(&self, client_id: &str) -> Result<&'a str, Fault> {
        self.systems.get(client_id).copied().ok_or_else(|| Fault::Unknown(client_id.to_owned()))
    }

    fn team(&self, organisation: &str, code: &str) -> Result<(), Fault> {
        let there = self.teams.contains(&(organisation, code));
        if there { Ok(()) } else { Err(Fault::Unknown(format!("{organisation} {code}"))) }
    }

    fn organisation(&self, o: &OrganisationEntry) -> Result<(), Fault> {
        let of = format!("organisation {}", o.code);
        code(&o.code, &of)?;
        text(&o.name, &of)?;
        words(std::slice::from_ref(&o.kind), OrganisationKind::parse, "kind of organisation")?;
        let numbers = o.former_numbers.iter().flat_map(|n| [(&n.urn, &n.laestab)]);
        for (urn, laestab) in numbers.chain([(&o.urn, &o.laestab)]) {
            number(urn.as_ref(), &of, "a URN is six digits, the first 1", |t| Urn::parse(t).is_ok())?;
            number(laestab.as_ref(), &of, "a LAESTAB is seven digits", |t| {
                Laestab::parse(t).is_ok_and(|l| l.to_string() == t)
            })?;
        }
        number(o.la_code.as_ref(), &of, "an authority's code is three digits", |t| {
            LocalAuthorityCode::parse(t).is_ok()
        })?;
        o.returns_to.iter().try_for_each(|authority| self.there(authority))?;
        for authority in &o.area {
            self.there(authority)?;
            if self.kind(authority) != Some(OrganisationKind::LocalAuthority) {
                return Err(Fault::Text(authority.clone(), of, "an area is of local authorities"));
            }
        }
        if let Some(predecessor) = &o.predecessor {
            self.there(predecessor)?;
            if self.kind(predecessor) != Some(OrganisationKind::School) || *predecessor == o.code {
                let why = "a predecessor is another school";
                return Err(Fault::Text(predecessor.clone(), of, why));
            }
        }
        Ok(())
    }

    fn system(&self, s: &SystemEntry, now: DateTime<Utc>) -> Result<(), Fault> {
        let of = format!("system {}", s.client_id);
        self.there(&s.organisation)?;
        code(&s.code, &of)?;
        code(&s.client_id, &of)?;
        words(&s.roles, Role::parse, "role")?;
        words(&s.scopes, Scope::parse, "scope")?;
        words(&s.sections_without_person, Section::parse, "section")?;
        if s.certificates.iter().filter(|certificate| certificate.valid_until > now).count() > 2 {
            return Err(Fault::Certificates(s.code.clone()));
        }
        let digests = s.certificates.iter().flat_map(|c| [&c.thumbprint, &c.key_digest]);
        for digest in digests {
            if from_hex(digest).is_none_or(|d| d.len() != 32) {
                return Err(Fault::Digest(s.code.clone()));
            }
        }
        if s.keys.iter().filter(|key| key.valid_until > now).count() > 2 {
            return Err(Fault::Keys(s.code.clone()));
        }
        if s.keys.iter().all(KeyEntry::is_public) { Ok(()) } else { Err(Fault::Key(s.code.clone())) }
    }

    /// Its clients are systems, and its teams teams, of its own organisation.
    fn provider(&self, p: &IdentityProviderEntry) -> Result<(), Fault> {
        self.there(&p.organisation)?;
        if let Some(why) = p.fault() {
            return Err(Fault::Provider(p.issuer.clone(), why));
        }
        words(&p.algorithms, jws_algorithm, "signature algorithm")?;
        for system in p.clients.keys() {
            if self.holder(system)? != p.organisation {
                let why = "`clients` must be systems of its own organisation";
                return Err(Fault::Provider(p.issuer.clone(), why));
            }
        }
        p.roles.values().try_for_each(|roles| words(roles, Role::parse, "role"))?;
        p.teams.values().flatten().try_for_each(|code| self.team(&p.organisation, code))?;
        p.marks.values().try_for_each(|marks| words(marks, Marked::parse, "mark on a person"))?;
        let teams = p.marks.values().flatten().filter_map(|mark| Marked::parse(mark)?.team);
        teams.into_iter().try_for_each(|code| self.team(&p.organisation, &code))
    }

    fn mandate(&self, m: &MandateEntry) -> Result<(), Fault> {
        let holder = self.holder(&m.client_id)?;
        self.there(&m.school)?;
        let may_hold = self.kind(holder).is_some_and(OrganisationKind::may_hold_mandates);
        if !may_hold || self.kind(&m.school) != Some(OrganisationKind::School) {
            return Err(Fault::Mandate(m.client_id.clone(), m.school.clone()));
        }
        words(&m.scopes, Scope::parse, "scope")?;
        words(&m.sections, Section::parse, "section")
    }

    fn acting(&self, a: &ActsForEntry) -> Result<(), Fault> {
        self.there(&a.organisation)?;
        self.there(&a.acted_for)?;
        words(&a.roles, Role::parse, "role")?;
        let kinds = self.kind(&a.organisation).zip(self.kind(&a.acted_for));
        let may = kinds.is_some_and(|(who, whom)| who.may_act_for(whom)) && a.organisation != a.acted_for;
        if may { Ok(()) } else { Err(Fault::ActsFor(a.organisation.clone(), a.acted_for.clone())) }
    }

    fn cover(&self, c: &CoverEntry) -> Result<(), Fault> {
        self.team(&c.organisation, &c.team)?;
        self.team(&c.covered_organisation, &c.covered_team)?;
        words(std::slice::from_ref(&c.kind), CoverKind::parse, "kind of cover")?;
        words(std::slice::from_ref(&c.hours), Hours::parse, "span of hours")
    }

    fn person(&self, p: &PersonEntry) -> Result<(), Fault> {
        self.there(&p.organisation)?;
        self.named_by((&p.organisation, &p.issuer, &p.tenant), &p.subject)
    }

    /// A person whom a provider of the organisation names: of another one nobody would be meant.
    fn named_by(
        &self,
        (organisation, issuer, tenant): (&str, &str, &str),
        subject: &str,
    ) -> Result<(), Fault> {
        if !self.providers.contains(&(organisation, issuer, tenant)) {
            return Err(Fault::Unknown(format!("{organisation} {issuer} {tenant}").trim_end().to_owned()));
        }
        text(subject, "a person")
    }

    fn mark(&self, m: &PersonMarkEntry) -> Result<(), Fault> {
        let of = "a mark on a person".to_owned();
        self.there(&m.organisation)?;
        text(&m.issuer, &of)?;
        text(&m.subject, &of)?;
        words(std::slice::from_ref(&m.mark), Mark::parse, "mark on a person")?;
        match (&m.team, m.mark == Mark::Manager.as_str()) {
            (Some(team), true) => self.team(&m.organisation, team),
            (None, false) => Ok(()),
            (_, _) => Err(Fault::Text(m.mark.clone(), of, "a manager is of a team, and nobody else is")),
        }
    }
}

/// Numbers, names of systems and certificates that only one may have.
fn unique(records: &Records) -> Result<(), Fault> {
    let mut all: HashSet<(&'static str, String)> = HashSet::new();
    let mut providers: HashMap<(&str, &str), &str> = HashMap::new();
    let mut add = |what: &'static str, own: String| {
        let twice = Fault::Twice(format!("{what} `{own}`"));
        if all.insert((what, own)) { Ok(()) } else { Err(twice) }
    };
    for record in records.values() {
        match record {
            Record::Organisation(o) => {
                o.urn.iter().try_for_each(|urn| add("URN", urn.clone()))?;
                o.laestab.iter().try_for_each(|laestab| add("LAESTAB", laestab.clone()))?;
                o.la_code.iter().try_for_each(|la| add("authority code", la.clone()))?;
                o.predecessor.iter().try_for_each(|p| add("predecessor", p.clone()))?;
            }
            Record::System(s) => {
                add("system", format!("{} {}", s.organisation, s.code))?;
                s.certificates.iter().try_for_each(|c| add("certificate", c.thumbprint.clone()))?;
                let key = |kid: &str| format!("{kid} of {}", s.client_id);
                s.keys.iter().try_for_each(|k| add("key", key(&k.kid)))?;
            }
            Record::Operator(o) => add("operator's key", o.public_key.clone())?,
            // Of an issuer with tenants each is named: else a tenant that is suspended is served as none.
            Record::IdentityProvider(p) => {
                let tenant = p.tenant.as_ref().map_or("none", |_| "one");
                providers.entry((&p.organisation, &p.issuer)).or_insert(tenant);
                if providers.get(&(&p.organisation, &p.issuer)) != Some(&tenant) {
                    let why = "an issuer stands either with tenants or without";
                    return Err(Fault::Provider(p.issuer.clone(), why));
                }
            }
            Record::Team(_)
            | Record::SharingAgreement(_)
            | Record::OfficerAuthorisation(_)
            | Record::Mandate(_)
            | Record::ActsFor(_)
            | Record::Cover(_)
            | Record::PersonMark(_)
            | Record::Person(_)
            | Record::PolicySet(_) => {}
        }
    }
    Ok(())
}

/// The longest code, name or other text of a record, bytes.
const TEXT_MAX: usize = 300;

/// A code: it stands in certificates, lists and commands.
fn code(text: &str, of: &str) -> Result<(), Fault> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !text.is_empty() && text.len() <= 100 && text.chars().all(plain) {
        Ok(())
    } else {
        let why = "a code has letters, digits and - _ . only, at most 100";
        Err(Fault::Text(text.to_owned(), of.to_owned(), why))
    }
}

fn text(text: &str, of: &str) -> Result<(), Fault> {
    if !text.trim().is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        let why = "a text is not empty, has no control characters and at most 300 bytes";
        Err(Fault::Text(text.to_owned(), of.to_owned(), why))
    }
}

fn number(
    number: Option<&String>,
    of: &str,
    why: &'static str,
    is: impl Fn(&str) -> bool,
) -> Result<(), Fault> {
    match number {
        Some(text) if !is(text) => Err(Fault::Text(text.clone(), of.to_owned(), why)),
        Some(_) | None => Ok(()),
    }
}

/// Refuses words that are not of their vocabulary.
fn words<T>(
    list: &[String],
    parse: impl Fn(&str) -> Option<T>,
    vocabulary: &'static str,
) -> Result<(), Fault> {
    match list.iter().find(|word| parse(word).is_none()) {
        Some(word) => Err(Fault::Word { word: word.clone(), vocabulary }),
        None => Ok(()),
    }
}
