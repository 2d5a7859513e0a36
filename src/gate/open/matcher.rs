//! Opening to ambiguous claims: for a person whom the own authority has marked as a data matcher, and nobody else.

use super::super::Gate;
use super::super::many::handles;
use super::super::permit::{OfMatching, Permit};
use super::{Asked, Refusal, holder};
use crate::audit::{Decision, Digest};
use crate::directory::Scope;
use crate::domain::identifiers::PupilId;
use crate::domain::staff::Mark;
use crate::policy::{Action, Relationship};
use crate::relationships::{self, Claimed};

impl Gate {
    /// Opens to the ambiguous claims of the caller's own area.
    pub fn open_matching(&self, asked: Asked) -> Result<Permit<OfMatching>, Refusal> {
        let marked = asked.by_mark(Mark::DataMatcher, None);
        let Asked { caller, trail } = asked;
        let relationship = if marked { Relationship::DataMatcher } else { Relationship::None };
        let has_scope = caller.system.scopes.contains(&Scope::Involvements);
        let facts = self.facts(&caller, relationship, has_scope);
        let decision = self.0.policy.decide(&facts, Action::MatchClaim, true);
        trail.note(|e| {
            e.action = Some(Action::MatchClaim.as_str().to_owned());
            e.policies = decision.determining.to_vec();
            e.policy_set = Some(Digest(self.0.policy.digest()));
        });
        if !decision.allowed {
            trail.refused(&Refusal::Forbidden);
            return Err(Refusal::Forbidden);
        }
        trail.note(|e| {
            e.decision = Decision::Allowed;
            e.legal_basis = Some(self.0.policy.legal_basis(caller.purpose).to_owned());
            e.relationship = Some(format!("mark {}", Mark::DataMatcher));
        });
        Ok(Permit { subject: OfMatching { candidates: Vec::new() }, holder: holder(&caller), trail })
    }

    /// Of the children whom a claim may be about those of the holder's area, whom the permit then reaches.
    pub async fn matching_candidates(
        &self,
        permit: &mut Permit<OfMatching>,
        claimed: Claimed<'_>,
    ) -> Result<Vec<PupilId>, Refusal> {
        let directory = self.directory().current();
        let here =
            |school| directory.school(school).is_some_and(|s| s.returns_to == Some(permit.organisation()));
        let all = relationships::candidates(self.db(), claimed).await?;
        let mut pupils: Vec<PupilId> = all.into_iter().filter(|c| here(c.school)).map(|c| c.pupil).collect();
        pupils.sort_unstable();
        pupils.dedup();
        permit.subject.candidates.extend(&pupils);
        Ok(pupils)
    }

    /// The candidate behind a handle of the holder's; anybody else is nobody. The entry names the child.
    pub async fn candidate_behind(
        &self,
        permit: &Permit<OfMatching>,
        handle: &str,
    ) -> Result<Option<PupilId>, Refusal> {
        let (system, organisation) = (permit.system(), permit.organisation());
        let resolved = handles::resolve_each(self.db(), system, organisation, [handle].into_iter()).await?;
        let found = resolved.values().copied().find(|pupil| permit.subject.candidates.contains(pupil));
        if found.is_some() {
            permit.trail.note(|e| e.child = found);
        }
        Ok(found)
    }
}
