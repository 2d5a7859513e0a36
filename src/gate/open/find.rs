//! Finding a child among those that the caller already has a live relationship with: at most one.

use super::super::Gate;
use super::super::permit::{OfChild, Permit};
use super::{Asked, Refusal};
use crate::directory::{LaneException, Scope};
use crate::domain::identifiers::{PupilId, SchoolId};
use crate::domain::purpose::{Purpose, SectionSet};
use crate::identity::Caller;
use crate::policy::Action;
use crate::relationships::{self, Among, Sought};

/// Whom a caller is looking for.
#[derive(Clone, Debug, Default)]
pub struct Search(pub Sought);

impl Gate {
    /// Opens about the one child that matches and that the policy lets this caller find.
    pub async fn open_found(&self, asked: Asked, search: Search) -> Result<Permit<OfChild>, Refusal> {
        let Asked { caller, trail } = asked;
        let by_name = search.0.name.is_some();
        let action = if by_name { Action::FindChildByName } else { Action::FindChild };
        trail.note(|e| e.action = Some(action.as_str().to_owned()));
        let reference = search.0.case_reference.clone();
        let found = self.found(&caller, search, action, by_name).await;
        let (pupil, tie) = match found {
            Ok(pupil) => match self.tie(&caller, pupil, reference.as_deref()).await {
                Ok(tie) => (pupil, tie),
                // In a search nothing tells a child whose case is of another kind from no child at all.
                Err(Refusal::CaseReferenceMismatch) => return Err(refused(&trail, Refusal::NotFound)),
                Err(refusal) => return Err(refused(&trail, refusal)),
            },
            Err(refusal) => return Err(refused(&trail, refusal)),
        };
        trail.note(|e| e.child = Some(pupil));
        let facts = self.facts(&caller, tie.relationship(), true);
        if !self.0.policy.decide(&facts, action, self.search_listed(&caller, by_name)).allowed {
            return Err(refused(&trail, Refusal::NotFound));
        }
        self.permit_child(&caller, trail, (pupil, tie), SectionSet::EMPTY)
    }

    async fn found(
        &self,
        caller: &Caller,
        search: Search,
        action: Action,
        by_name: bool,
    ) -> Result<PupilId, Refusal> {
        self.could_ever(caller, Scope::Summaries, &[action])?;
        if by_name && !self.search_listed(caller, true) && caller.purpose != Purpose::OwnRecord {
            return Err(Refusal::Forbidden);
        }
        let moment = (self.clock().school_now(), self.clock().today());
        let candidates = match caller.purpose {
            Purpose::OwnRecord => {
                let own = Among::Roll { school: SchoolId(caller.organisation.id.0), protected: true };
                relationships::sought(self.db(), own, &search.0, moment).await?
            }
            Purpose::AttendanceDuty => {
                let directory = self.directory().current();
                // Without a written authorisation a search tells nothing, not even that two children match.
                if directory.authorised_officer(caller.system.id, self.clock().today()).is_none() {
                    return Err(Refusal::NotFound);
                }
                let mut all = Vec::new();
                for school in directory.schools_returning_to(caller.organisation.id) {
                    let roll = Among::Roll { school, protected: false };
                    all.extend(relationships::sought(self.db(), roll, &search.0, moment).await?);
                }
                all.sort_unstable();
                all.dedup();
                all
            }
            Purpose::Screening
            | Purpose::ChildInNeed
            | Purpose::ChildProtection
            | Purpose::LookedAfter
            | Purpose::EarlyHelp
            | Purpose::SchoolHealth
            | Purpose::YouthJustice
            | Purpose::ResidentConcern
            | Purpose::Cme
            | Purpose::RecordsTransfer
            | Purpose::Emergency
            | Purpose::AuditReview
            | Purpose::SubjectAccess => {
                let cases = Among::Cases { organisation: caller.organisation.id, purpose: caller.purpose };
                relationships::sought(self.db(), cases, &search.0, moment).await?
            }
        };
        match candidates.as_slice() {
            [] => Err(Refusal::NotFound),
            [one] => Ok(*one),
            _ => Err(Refusal::Ambiguous),
        }
    }

    fn search_listed(&self, caller: &Caller, by_name: bool) -> bool {
        let directory = self.directory().current();
        let agreement = directory.agreement(caller.organisation.id, caller.purpose, self.clock().today());
        !by_name || agreement.is_some_and(|a| a.exceptions.contains(&LaneException::SearchByName))
    }
}

fn refused(trail: &super::Trail, refusal: Refusal) -> Refusal {
    trail.refused(&refusal);
    refusal
}
