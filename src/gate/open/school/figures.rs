//! Opening to a school's figures: for its own staff, and for the authority to which its returns come.

use super::super::super::Gate;
use super::super::super::permit::{OfFigures, Permit};
use super::super::{Asked, Refusal, holder};
use crate::audit::{Decision, Digest};
use crate::directory::Scope;
use crate::domain::identifiers::SchoolId;
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::Section;
use crate::identity::Caller;
use crate::policy::{Action, Relationship};

/// What ties an authority to a school, as an entry says it.
const RETURNS_COME_HERE: &str = "school whose returns come here, officer authorised under reg 12";

impl Gate {
    /// Opens to the figures of one school, by its unique reference number. Which schools exist, and to whom their returns
    /// go, is public: every refusal is a plain 403.
    pub fn open_figures(&self, asked: Asked, urn: &str) -> Result<Permit<OfFigures>, Refusal> {
        let Asked { caller, trail } = asked;
        let outside = caller.organisation.kind != OrganisationKind::School;
        let action = if outside { Action::ReadPublishedFigures } else { Action::ReadSchoolFigures };
        trail.note(|e| e.action = Some(action.as_str().to_owned()));
        let tied = self.tied(&caller, urn);
        // Figures of a school are headlines of its children together.
        let headline = caller.sections.is_none_or(|left| left.has(Section::Headline));
        let has_scope = caller.system.scopes.contains(&Scope::Summaries) && headline;
        let relationship = tied.map_or(Relationship::None, |(_, relationship)| relationship);
        let facts = self.facts(&caller, relationship, has_scope);
        let decision = self.0.policy.decide(&facts, action, true);
        trail.note(|e| {
            e.policies = decision.determining.to_vec();
            e.policy_set = Some(Digest(self.0.policy.digest()));
        });
        let Some((school, relationship)) = tied.filter(|_| decision.allowed) else {
            // What no school would change is said first.
            let refusal = if self.0.policy.ever_allowed(&facts, action, true) {
                self.officer_authorised(&caller).err().unwrap_or(Refusal::OtherSchool)
            } else {
                Refusal::Forbidden
            };
            trail.refused(&refusal);
            return Err(refusal);
        };
        trail.note(|e| {
            e.decision = Decision::Allowed;
            e.legal_basis = Some(self.0.policy.legal_basis(caller.purpose).to_owned());
            e.record = Some(format!("school {urn}"));
            let officer = relationship == Relationship::AuthorisedOfficer;
            let fact = if officer { RETURNS_COME_HERE } else { "own organisation" };
            e.relationship = Some(fact.to_owned());
        });
        let social_worker = self.0.policy.decide(&facts, Action::ReadSocialWorkerCohort, true).allowed;
        Ok(Permit { subject: OfFigures { school, outside, social_worker }, holder: holder(&caller), trail })
    }

    /// The school with this number and what ties the caller to it: its own, or one whose returns come to it while the
    /// written authorisation of its officer is on record.
    fn tied(&self, caller: &Caller, urn: &str) -> Option<(SchoolId, Relationship)> {
        let directory = self.directory().current();
        let (school, organisation) = directory.school_by_urn(urn)?;
        if organisation.id == caller.organisation.id {
            return Some((school, Relationship::Organisation));
        }
        let returns_here = organisation.returns_to == Some(caller.organisation.id);
        (returns_here && self.officer_authorised(caller).is_ok())
            .then_some((school, Relationship::AuthorisedOfficer))
    }
}
