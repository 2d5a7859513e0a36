//! Opening for a proved person: what a system alone may never do, and what takes a mark on the person.

use super::super::super::Gate;
use super::super::super::permit::{OfPerson, Permit};
use super::super::{Asked, Refusal, holder};
use crate::audit::{Decision, Digest};
use crate::directory::Scope;
use crate::domain::purpose::{Section, SectionSet};
use crate::domain::staff::Mark;
use crate::policy::{Action, Relationship};

impl Gate {
    /// Opens for a proved person about their own organisation, and no child; with a mark, only where they have it. The
    /// refusal is the same for every child.
    pub fn open_as_person(
        &self,
        asked: Asked,
        action: Action,
        mark: Option<Mark>,
    ) -> Result<Permit<OfPerson>, Refusal> {
        let marked = mark.is_some_and(|mark| asked.by_mark(mark, None));
        let Asked { caller, trail } = asked;
        trail.note(|e| e.action = Some(action.as_str().to_owned()));
        let scope = caller.system.scopes.contains(&Scope::Summaries);
        let facts = self.facts(&caller, Relationship::Organisation, scope);
        let decision = self.policy().decide(&facts, action, marked);
        trail.note(|e| {
            e.policies = decision.determining.to_vec();
            e.policy_set = Some(Digest(self.policy().digest()));
        });
        let person = caller.person.as_ref().map(|person| person.key.to_string());
        let Some(person) = person.filter(|_| decision.allowed) else {
            trail.refused(&Refusal::Forbidden);
            return Err(Refusal::Forbidden);
        };
        trail.note(|e| {
            e.decision = Decision::Allowed;
            e.legal_basis = Some(self.policy().legal_basis(caller.purpose).to_owned());
            let by = mark.map(|mark| format!(", as {mark}")).unwrap_or_default();
            e.relationship = Some(format!("own organisation{by}"));
        });
        Ok(Permit { holder: holder(&caller), subject: OfPerson { caller, person }, trail })
    }

    /// The same for whoever claims an emergency: where its summary could never be read, no claim is taken either, so that
    /// nobody relies on one.
    pub fn open_emergency_claim(&self, asked: Asked) -> Result<Permit<OfPerson>, Refusal> {
        let reads: Vec<Action> = Section::ALL.iter().map(|section| Action::Read(*section)).collect();
        let possible = self.could_ever(&asked.caller, Scope::Summaries, &reads);
        possible.inspect_err(|refusal| asked.trail.refused(refusal))?;
        self.open_as_person(asked, Action::ClaimEmergency, None)
    }

    /// The teams that the person of a permit manages, by their codes.
    pub fn managed_teams(&self, permit: &Permit<OfPerson>) -> Vec<String> {
        permit.subject.caller.managed_teams()
    }

    /// Of the sections that a claim of an emergency can give, all.
    pub fn emergency_sections() -> SectionSet {
        [Section::Headline, Section::LastSeen, Section::Placement, Section::SchoolContact]
            .into_iter()
            .collect()
    }
}
