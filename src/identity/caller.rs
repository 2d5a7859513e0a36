//! The proved caller of one request, and what is noted about a request for a token.

use super::{Person, Unauthenticated};
use crate::directory::{Directory, Organisation, System};
use crate::domain::identifiers::OrganisationId;
use crate::domain::purpose::{Purpose, Role, SectionSet};
use crate::domain::staff::{Mark, Marked};
use crate::domain::words;
use chrono::NaiveDate;
use std::sync::Arc;

words! {
    /// How the caller came to be proved.
    Lane {
        /// A system without a proved person.
        System = "system",
        /// A system that acts for a proved person.
        Person = "person",
    }
}

/// Who asks, proved: a system of an organisation, in one role, for one purpose.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The organisation that counts, live: the one acted for, else the system's own.
    pub organisation: Arc<Organisation>,
    /// The organisation whose system it is, where that acts for another.
    pub by: Option<Arc<Organisation>>,
    /// Sections that a mandate leaves of what the organisation acted for may see; without a mandate none is taken away.
    pub sections: Option<SectionSet>,
    /// Code of the organisation that the token was asked for; [`Caller::acting`] holds it against the directory.
    pub(super) token_for: Option<String>,
    /// Its system.
    pub system: Arc<System>,
    /// The one role of this request.
    pub role: Role,
    /// The one purpose of this request.
    pub purpose: Purpose,
    /// The person for whom the system acts; none: not asserted.
    pub person: Option<Arc<Person>>,
    /// Marks on that person in their own organisation, by their provider's claim or the directory's entry.
    pub(super) marks: Vec<Marked>,
    /// Identifier of the token (`jti`); of no token, when the command line acts.
    pub token_id: Option<String>,
    /// SHA-256 of the certificate of the connection or, on the command line, of the credential whose key was shown.
    pub thumbprint: [u8; 32],
}

impl Caller {
    /// How it came to be proved.
    pub const fn lane(&self) -> Lane {
        if self.person.is_some() { Lane::Person } else { Lane::System }
    }

    /// A person whom the process itself vouches for: the demonstration's, which nobody can sign in to.
    pub fn of_person(
        (organisation, system): (&Organisation, &System),
        (role, purpose): (Role, Purpose),
        person: Arc<Person>,
        thumbprint: [u8; 32],
    ) -> Self {
        Self {
            organisation: Arc::new(organisation.clone()),
            by: None,
            sections: None,
            token_for: None,
            system: Arc::new(system.clone()),
            role,
            purpose,
            person: Some(person),
            marks: Vec::new(),
            token_id: None,
            thumbprint,
        }
    }

    /// The organisation acted for, where that is another than the system's own.
    pub fn acting_for(&self) -> Option<&Organisation> {
        self.by.as_ref().map(|_| &*self.organisation)
    }

    /// The caller with another organisation in the place of the one that counts: a school, under its mandate.
    #[must_use]
    pub fn standing_as(&self, organisation: Organisation) -> Self {
        Self { organisation: Arc::new(organisation), ..self.clone() }
    }

    /// Of the sections of a summary those that a mandate, if the caller acts under one, leaves.
    pub fn within(&self, sections: SectionSet) -> SectionSet {
        self.sections.map_or(sections, |left| sections.and(left))
    }

    /// Whether the person has a mark, a manager's of any team. Whoever relies on it asks [`crate::gate::Asked::by_mark`],
    /// so that the entry names it.
    pub fn has_mark(&self, mark: Mark) -> bool {
        self.marks.iter().any(|marked| marked.mark == mark)
    }

    /// Whether the person manages a team of their own organisation, by its code.
    pub fn manages(&self, team: &str) -> bool {
        self.marks.iter().any(|m| m.mark == Mark::Manager && m.team.as_deref() == Some(team))
    }

    /// Codes of the teams of their own organisation that the person manages.
    pub fn managed_teams(&self) -> Vec<String> {
        let managed = self.marks.iter().filter(|m| m.mark == Mark::Manager);
        managed.filter_map(|m| m.team.clone()).collect()
    }

    /// Adds the marks that the directory itself has on the person today.
    fn with_entered_marks(&mut self, directory: &Directory, today: NaiveDate) {
        let Some(person) = &self.person else { return };
        let (key, own) = (&person.key, self.organisation.id);
        let entered = directory.marks_on((&key.issuer, &key.tenant, &key.subject), today);
        let entered = entered.filter(|entered| entered.organisation == own).map(|entered| Marked {
            mark: entered.mark,
            team: entered.team.and_then(|team| directory.teams.get(&team)).map(|team| team.code.clone()),
        });
        self.marks.extend(entered);
        self.marks.sort_unstable();
        self.marks.dedup();
    }

    /// The caller with today's marks, as the organisation that its token names, if the directory still lets it act for that one today.
    pub fn acting(mut self, directory: &Directory, today: NaiveDate) -> Result<Self, Unauthenticated> {
        self.with_entered_marks(directory, today);
        let Some(code) = self.token_for.as_deref() else { return Ok(self) };
        let acting = directory.acting(&self.system, code, self.role, today);
        let (organisation, within) = acting.map_err(|_| Unauthenticated::ActingWithdrawn)?;
        // In each of its roles it may act for the other only where the directory lets it in that one.
        let mut system = (*self.system).clone();
        system.roles.retain(|role| directory.acting(&self.system, code, *role, today).is_ok());
        if let Some(within) = within {
            system.scopes = within.scopes;
            self.sections = Some(within.sections);
        }
        self.system = Arc::new(system);
        self.by = Some(std::mem::replace(&mut self.organisation, Arc::new(organisation.clone())));
        // What marks its own organisation gives somebody is not for another's children: that one enters its own.
        self.marks.clear();
        self.with_entered_marks(directory, today);
        Ok(self)
    }
}

/// What the answer to a request for a token notes for the audit; every such answer carries it as an extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// SHA-256 of the certificate of the connection.
    pub thumbprint: Option<[u8; 32]>,
    /// Short name of the organisation, once known.
    pub organisation_code: Option<String>,
    /// The organisation, once known.
    pub organisation_id: Option<OrganisationId>,
    /// Short name of the system, once known.
    pub system_code: Option<String>,
    /// The other organisation that the token is for, once it is known that it may be.
    pub acted_for: Option<(OrganisationId, String)>,
    /// The role asked for, once read.
    pub role: Option<Role>,
    /// The purpose asked for, once read.
    pub purpose: Option<Purpose>,
    /// The person, once a token has proved them.
    pub person: Option<String>,
    /// Marks that the token given carries.
    pub marks: Vec<String>,
    /// What was asked for: `issue_token` or `revoke_token`.
    pub action: &'static str,
    /// `given` or `refused`.
    pub decision: &'static str,
    /// Why, in one fixed word.
    pub why: &'static str,
}

impl Noted {
    /// Whether what was asked for was given.
    pub fn given(&self) -> bool {
        self.decision == "given"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{ActsFor, IdentityProvider, Mfa, PersonKey, PersonMark, ProviderId, Team};
    use crate::domain::identifiers::TeamId;
    use crate::identity::testing::{World, now};
    use crate::identity::{Grant, authenticate};
    use std::collections::HashMap;
    use uuid::Uuid;

    const PROVIDER: &str = "https://login.example";

    fn marked(texts: &[&str]) -> Vec<Marked> {
        texts.iter().map(|text| Marked::parse(text).unwrap()).collect()
    }

    fn person(marks: &[&str]) -> Person {
        let (issuer, subject) = (PROVIDER.to_owned(), "sw-17".to_owned());
        let key = PersonKey { issuer, tenant: String::new(), subject };
        Person { key, teams: Vec::new(), marks: marked(marks), attested: false }
    }

    fn council(world: &World) -> OrganisationId {
        world.directory.system_by_client_id("council-cases").unwrap().organisation
    }

    /// Whose provider gives these marks by a claim.
    fn world(given: &[&str]) -> World {
        let mut world = World::new();
        let provider = IdentityProvider {
            id: ProviderId(Uuid::now_v7()),
            issuer: PROVIDER.to_owned(),
            tenant: String::new(),
            tenant_claim: "tid".to_owned(),
            algorithms: Vec::new(),
            keys_url: None,
            clients: HashMap::new(),
            role_claim: "roles".to_owned(),
            roles: HashMap::from([("sw".to_owned(), vec![Role::SocialWorker])]),
            group_claim: None,
            teams: HashMap::new(),
            mark_claim: Some("marks".to_owned()),
            marks: HashMap::from([("value".to_owned(), marked(given))]),
            mfa: Mfa::Claim { name: "amr".to_owned(), values: vec!["mfa".to_owned()] },
            suspended: false,
        };
        let own = council(&world);
        world.directory.proofs.providers.insert(own, vec![Arc::new(provider)]);
        world
    }

    fn caller(world: &World, person: Option<&Person>) -> Caller {
        let grant = Grant {
            client_id: "council-cases",
            role: Role::SocialWorker,
            purpose: Purpose::ChildProtection,
            organisation: None,
            thumbprint: world.peer.thumbprint,
            person,
            until: None,
        };
        let header = format!("Bearer {}", world.keys.issue(&grant, now()).unwrap().token);
        let caller = authenticate(&world.directory, &world.keys, Some(&world.peer), Some(&header), now());
        caller.unwrap().acting(&world.directory, now().date_naive()).unwrap()
    }

    #[test]
    fn a_mark_counts_while_provider_and_directory_give_it() {
        let mut world = world(&["data_matcher", "manager:duty"]);
        let anna = person(&["data_matcher", "manager:duty", "senior_officer"]);
        let seen = caller(&world, Some(&anna));
        assert_eq!(seen.marks, marked(&["manager:duty", "data_matcher"]), "as the directory maps them today");
        assert!(seen.has_mark(Mark::Manager) && seen.manages("duty") && !seen.manages("night"));
        assert!(!seen.has_mark(Mark::SeniorOfficer));
        let (own, id) = (council(&world), TeamId(Uuid::now_v7()));
        let team = Team {
            id,
            organisation: own,
            code: "night".to_owned(),
            name: String::new(),
            ended: false,
            telephone: String::new(),
        };
        world.directory.teams.insert(id, team);
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let entered = |mark, team, organisation, until: &str| PersonMark {
            organisation,
            issuer: PROVIDER.to_owned(),
            tenant: String::new(),
            subject: "sw-17".to_owned(),
            mark,
            team,
            valid_from: day("2026-09-01"),
            valid_until: day(until),
        };
        let elsewhere = OrganisationId(Uuid::now_v7());
        world.directory.marks = vec![
            entered(Mark::Manager, Some(id), own, "2026-11-20"),
            entered(Mark::SeniorOfficer, None, own, "2026-11-19"),
            entered(Mark::ProtectedReturnsOfficer, None, elsewhere, "2026-11-20"),
        ];
        let seen = caller(&world, Some(&anna));
        assert_eq!(seen.marks, marked(&["manager:duty", "manager:night", "data_matcher"]));
        assert!(caller(&world, None).marks.is_empty(), "a system has none");
    }

    #[test]
    fn a_system_acts_for_another_in_those_of_its_roles_alone_in_which_it_may() {
        let mut world = World::new();
        let own = council(&world);
        let other = OrganisationId(Uuid::now_v7());
        let mut north = world.directory.organisations[&own].clone();
        (north.id, north.code) = (other, "north".to_owned());
        world.directory.organisations.insert(other, north);
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        world.directory.acts_for = vec![ActsFor {
            organisation: own,
            acted_for: other,
            roles: vec![Role::SocialWorker],
            valid_from: day("2026-09-01"),
            valid_until: day("2026-11-20"),
        }];
        let plain = caller(&world, None);
        assert_eq!(plain.system.roles, [Role::SocialWorker, Role::CmeOfficer]);
        let of_token = Caller { token_for: Some("north".to_owned()), ..plain };
        let acting = of_token.clone().acting(&world.directory, day("2026-11-20")).unwrap();
        assert_eq!(
            acting.system.roles,
            [Role::SocialWorker],
            "not in the other role that its registration has"
        );
        assert_eq!(
            (acting.organisation.code.as_str(), acting.by.unwrap().code.as_str()),
            ("north", "council")
        );
        let ended = of_token.acting(&world.directory, day("2026-11-21")).unwrap_err();
        assert_eq!(ended, Unauthenticated::ActingWithdrawn);
    }
}
