//! The directory as it stands, in the records in which changes are written.

use super::plan::{Edit, Records};
use super::record::Record;
use super::valid::Fault;
use crate::crypto::{from_hex, to_hex};
use crate::directory::file::{
    ActsForEntry, CertificateEntry, CoverEntry, FormerNumbersEntry, MandateEntry, OfficerAuthorisationEntry,
    OfficerEntry, OperatorEntry, OrganisationEntry, PersonEntry, PersonMarkEntry, SharingAgreementEntry,
    SystemEntry, TeamEntry,
};
use crate::directory::{
    Contact, Directory, IdentityProviderEntry, KeyEntry, Mfa, MfaEntry, Organisation, System, Team,
};
use crate::domain::identifiers::{OrganisationId, SystemId, TeamId};
use crate::domain::organisation::Standing;
use std::collections::HashSet;

impl Directory {
    /// Every record of it. Certificates and keys that have been revoked are none.
    pub fn records(&self) -> Records {
        let organisations =
            self.organisations.values().map(|o| Record::Organisation(self.organisation_entry(o)));
        let systems = self.systems.values().map(|s| Record::System(self.system_entry(s)));
        let teams = self.teams.values().map(|t| Record::Team(self.team_entry(t)));
        let operators = self.operators.iter().map(|o| {
            let public_key = to_hex(&o.public_key);
            Record::Operator(OperatorEntry { name: o.name.clone(), public_key, ended: o.ended_at.is_some() })
        });
        let persons = self.proofs.suspended.iter().map(|(person, of)| {
            Record::Person(PersonEntry {
                organisation: self.code(*of),
                issuer: person.issuer.clone(),
                tenant: person.tenant.clone(),
                subject: person.subject.clone(),
                suspended: true,
            })
        });
        let all = organisations.chain(systems).chain(teams).chain(operators).chain(persons);
        let policies = self.policies.iter().map(|set| Record::PolicySet((**set).clone()));
        let all = all.chain(self.grants()).chain(policies);
        all.map(Record::normal).map(|record| (record.key(), record)).collect()
    }

    /// Refuses a new certificate whose key stands in the directory already, for this system or another, live or not: who has
    /// a key that was given up, or another's, would be let in by it.
    pub fn key_known(&self, edits: &[Edit]) -> Result<(), Fault> {
        let bytes = |hex: &str| <[u8; 32]>::try_from(from_hex(hex)?).ok();
        // Those that are held, and then those that the change adds.
        let mut known: HashSet<[u8; 32]> = self.credentials.values().map(|held| held.key_digest).collect();
        for edit in edits {
            let Record::System(s) = &edit.put else { continue };
            for c in &s.certificates {
                let (Some(thumbprint), Some(key)) = (bytes(&c.thumbprint), bytes(&c.key_digest)) else {
                    continue;
                };
                if self.credentials.contains_key(&thumbprint) {
                    continue;
                }
                if !known.insert(key) {
                    return Err(Fault::KeyKnown(s.client_id.clone()));
                }
            }
        }
        Ok(())
    }

    /// Refuses a system with a certificate or key that was revoked, or that stands otherwise: what is held is revoked or
    /// kept, never changed, so that such a change would be said to be in force and not be.
    pub fn take_back(&self, edits: &[Edit]) -> Result<(), Fault> {
        let systems =
            edits.iter().filter_map(|edit| if let Record::System(s) = &edit.put { Some(s) } else { None });
        for s in systems {
            let id = self.system_by_client_id(&s.client_id).map(|system| system.id);
            let certificates = s.certificates.iter().filter_map(|c| {
                let thumbprint = from_hex(&c.thumbprint)?.try_into().ok()?;
                Some((c, self.credentials.get::<[u8; 32]>(&thumbprint)?))
            });
            let mut other_certificates = certificates.filter(|(c, held)| {
                let days = (held.valid_from, held.valid_until) == (c.valid_from, c.valid_until);
                Some(held.system) != id || held.revoked_at.is_some() || !days
            });
            let held = id.and_then(|id| self.proofs.keys.get(&id));
            let keys = s.keys.iter().filter_map(|key| Some((key, held?.iter().find(|h| h.kid == key.kid)?)));
            let mut other_keys = keys.filter(|(key, held)| {
                let days = (held.valid_from, held.valid_until) == (key.valid_from, key.valid_until);
                held.jwk != key.jwk || held.revoked_at.is_some() || !days
            });
            if other_certificates.next().is_some() || other_keys.next().is_some() {
                return Err(Fault::TakenBack(s.client_id.clone()));
            }
        }
        Ok(())
    }

    /// What is given from a day to a day.
    fn grants(&self) -> impl Iterator<Item = Record> {
        let agreements = self.agreements.iter().map(|a| {
            Record::SharingAgreement(SharingAgreementEntry {
                organisation: self.code(a.organisation),
                purposes: words(&a.purposes),
                exceptions: words(&a.exceptions),
                valid_from: a.valid_from,
                valid_until: a.valid_until,
                version: a.version.clone(),
                document_digest: a.document_digest.clone(),
                suspended: a.suspended,
            })
        });
        let authorisations = self.authorisations.iter().map(|a| {
            Record::OfficerAuthorisation(OfficerAuthorisationEntry {
                organisation: self.code(a.organisation),
                client_id: self.client_id(a.system),
                officer: a.officer.clone(),
                document: a.document.clone(),
                valid_from: a.valid_from,
                valid_until: a.valid_until,
                person: a.person.as_ref().map(|person| OfficerEntry {
                    issuer: person.issuer.clone(),
                    tenant: person.tenant.clone(),
                    subject: person.subject.clone(),
                }),
            })
        });
        let mandates = self.mandates.iter().flat_map(|((system, school), all)| {
            all.iter().map(|m| {
                Record::Mandate(MandateEntry {
                    client_id: self.client_id(*system),
                    school: self.code(OrganisationId(school.0)),
                    scopes: words(&m.scopes),
                    sections: m.sections.iter().map(|section| section.as_str().to_owned()).collect(),
                    valid_from: m.valid_from,
                    valid_until: m.valid_until,
                })
            })
        });
        let acts = self.acts_for.iter().map(|a| {
            Record::ActsFor(ActsForEntry {
                organisation: self.code(a.organisation),
                acted_for: self.code(a.acted_for),
                roles: words(&a.roles),
                valid_from: a.valid_from,
                valid_until: a.valid_until,
            })
        });
        agreements.chain(authorisations).chain(mandates).chain(acts).chain(self.of_staff())
    }

    fn of_staff(&self) -> impl Iterator<Item = Record> {
        let covers = self.covers.iter().map(|c| {
            let ((organisation, team), (covered_organisation, covered_team)) =
                (self.team_codes(c.team), self.team_codes(c.covered));
            Record::Cover(CoverEntry {
                organisation,
                team,
                covered_organisation,
                covered_team,
                kind: c.kind.as_str().to_owned(),
                hours: c.hours_text.clone(),
                valid_from: c.valid_from,
                valid_until: c.valid_until,
            })
        });
        let marks = self.marks.iter().map(|m| {
            Record::PersonMark(PersonMarkEntry {
                organisation: self.code(m.organisation),
                issuer: m.issuer.clone(),
                tenant: m.tenant.clone(),
                subject: m.subject.clone(),
                mark: m.mark.as_str().to_owned(),
                team: m.team.map(|team| self.team_codes(team).1),
                valid_from: m.valid_from,
                valid_until: m.valid_until,
            })
        });
        covers.chain(marks).chain(self.providers_held())
    }

    fn providers_held(&self) -> impl Iterator<Item = Record> {
        let all = self.proofs.providers.iter();
        all.flat_map(|(organisation, all)| all.iter().map(|p| (*organisation, p))).map(|(organisation, p)| {
            let mfa = match &p.mfa {
                Mfa::Claim { name, values } => {
                    MfaEntry { claim: Some(name.clone()), values: values.clone(), ..MfaEntry::default() }
                }
                Mfa::Attested { evidence, on } => MfaEntry {
                    evidence: Some(evidence.clone()),
                    evidence_on: Some(*on),
                    ..MfaEntry::default()
                },
            };
            Record::IdentityProvider(IdentityProviderEntry {
                organisation: self.code(organisation),
                issuer: p.issuer.clone(),
                tenant: (!p.tenant.is_empty()).then(|| p.tenant.clone()),
                tenant_claim: p.tenant_claim.clone(),
                algorithms: p.algorithms.clone(),
                keys_url: p.keys_url.clone(),
                clients: p.clients.iter().map(|(s, there)| (self.client_id(*s), there.clone())).collect(),
                role_claim: p.role_claim.clone(),
                roles: p.roles.iter().map(|(value, roles)| (value.clone(), words(roles))).collect(),
                group_claim: p.group_claim.clone(),
                teams: p.teams.clone().into_iter().collect(),
                mark_claim: p.mark_claim.clone(),
                marks: p.marks.iter().map(|(value, marks)| (value.clone(), words(marks))).collect(),
                mfa,
                suspended: p.suspended,
            })
        })
    }

    fn organisation_entry(&self, o: &Organisation) -> OrganisationEntry {
        let former = o.former_numbers.iter().cloned();
        let former = former.map(|n| FormerNumbersEntry { urn: n.urn, laestab: n.laestab, until: n.until });
        OrganisationEntry {
            code: o.code.clone(),
            kind: o.kind.as_str().to_owned(),
            name: o.name.clone(),
            urn: o.urn.clone(),
            laestab: o.laestab.clone(),
            la_code: o.la_code.clone(),
            phase: o.phase.clone(),
            returns_to: o.returns_to.map(|authority| self.code(authority)),
            attendance_lead: contact(&o.attendance_lead),
            dsl: contact(&o.dsl),
            suspended: o.standing == Standing::Suspended,
            predecessor: o.predecessor.map(|school| self.code(school)),
            former_numbers: former.collect(),
            area: o.area.clone(),
        }
    }

    fn system_entry(&self, s: &System) -> SystemEntry {
        let live = self.credentials.values().filter(|c| c.system == s.id && c.revoked_at.is_none());
        let certificates = live.map(|c| CertificateEntry {
            thumbprint: to_hex(&c.thumbprint),
            key_digest: to_hex(&c.key_digest),
            valid_from: c.valid_from,
            valid_until: c.valid_until,
            by_system: c.by_system,
        });
        let keys = self.proofs.keys.get(&s.id).into_iter().flatten().filter(|key| key.revoked_at.is_none());
        let keys = keys.map(|key| KeyEntry {
            kid: key.kid.clone(),
            jwk: key.jwk.clone(),
            valid_from: key.valid_from,
            valid_until: key.valid_until,
        });
        SystemEntry {
            organisation: self.code(s.organisation),
            code: s.code.clone(),
            client_id: s.client_id.clone(),
            roles: words(&s.roles),
            scopes: words(&s.scopes),
            sections_without_person: s
                .sections_without_person
                .iter()
                .map(|x| x.as_str().to_owned())
                .collect(),
            requests_per_minute: s.requests_per_minute,
            certificates: certificates.collect(),
            keys: keys.collect(),
            suspended: s.suspended,
        }
    }

    fn team_entry(&self, t: &Team) -> TeamEntry {
        let organisation = self.code(t.organisation);
        TeamEntry {
            organisation,
            code: t.code.clone(),
            name: t.name.clone(),
            ended: t.ended,
            telephone: t.telephone.clone(),
        }
    }

    fn code(&self, organisation: OrganisationId) -> String {
        self.organisations.get(&organisation).map(|o| o.code.clone()).unwrap_or_default()
    }

    fn client_id(&self, system: SystemId) -> String {
        self.systems.get(&system).map(|s| s.client_id.clone()).unwrap_or_default()
    }

    fn team_codes(&self, team: TeamId) -> (String, String) {
        let found = self.teams.get(&team).map(|t| (self.code(t.organisation), t.code.clone()));
        found.unwrap_or_default()
    }
}

fn words<T: std::fmt::Display>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn contact(contact: &Contact) -> Option<(String, String)> {
    let there = !contact.name.is_empty() || !contact.telephone.is_empty();
    there.then(|| (contact.name.clone(), contact.telephone.clone()))
}
