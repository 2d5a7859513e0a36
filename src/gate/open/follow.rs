//! Opening to be told which of a caller's own children have changed: the feed as a whole, then each child by itself.

use super::super::Gate;
use super::super::permit::{OfChild, OfFollowed, Permit};
use super::{Asked, Refusal, holder};
use crate::audit::{Decision, Digest};
use crate::directory::Scope;
use crate::domain::identifiers::PupilId;
use crate::domain::purpose::{Purpose, SectionSet};
use crate::policy::{Action, Facts, Relationship};
use crate::relationships::{self, TiedBy};

/// What ties a caller to whom it is told of, as an entry says it: the feed has one entry, and each child its own tie.
const EACH: &str = "live with each child told of, for the purpose";

impl Gate {
    /// Opens to be told of changes. The refusal is the same for every child: this role, purpose or scope never may. An
    /// agreement that has ended refuses child by child, so that each that was told of before is told to be gone.
    pub fn open_followed(&self, asked: Asked) -> Result<Permit<OfFollowed>, Refusal> {
        let Asked { caller, trail } = asked;
        trail.note(|e| e.action = Some(Action::FollowChild.as_str().to_owned()));
        let has_scope = caller.system.scopes.contains(&Scope::Summaries);
        let facts = Facts { agreement_live: true, ..self.facts(&caller, Relationship::None, has_scope) };
        let none = caller.sections == Some(SectionSet::EMPTY);
        if none || !self.0.policy.ever_allowed(&facts, Action::FollowChild, true) {
            trail.refused(&Refusal::Forbidden);
            return Err(Refusal::Forbidden);
        }
        trail.note(|e| {
            e.decision = Decision::Allowed;
            e.legal_basis = Some(self.0.policy.legal_basis(caller.purpose).to_owned());
            e.policy_set = Some(Digest(self.0.policy.digest()));
            e.relationship = Some(EACH.to_owned());
        });
        Ok(Permit { holder: holder(&caller), subject: OfFollowed { caller }, trail })
    }

    /// The next `limit` children after one to whom the holder may be tied, in an order that is always the same: everyone
    /// whom [`Self::open_followed_child`] opens is among them.
    pub async fn next_followed(
        &self,
        permit: &Permit<OfFollowed>,
        after: PupilId,
        limit: i64,
    ) -> Result<Vec<PupilId>, Refusal> {
        let caller = &permit.subject.caller;
        let organisation = caller.organisation.id;
        let by = match caller.purpose {
            Purpose::AttendanceDuty => TiedBy::Returns(organisation),
            Purpose::Screening
            | Purpose::ChildInNeed
            | Purpose::ChildProtection
            | Purpose::LookedAfter
            | Purpose::EarlyHelp
            | Purpose::SchoolHealth
            | Purpose::YouthJustice
            | Purpose::ResidentConcern
            | Purpose::Cme
            | Purpose::OwnRecord
            | Purpose::RecordsTransfer
            | Purpose::Emergency
            | Purpose::AuditReview
            | Purpose::SubjectAccess => TiedBy::Cases { organisation, purpose: caller.purpose },
        };
        let moment = (self.clock().school_now(), self.clock().today());
        Ok(relationships::next_tied(self.db(), by, after, limit, moment).await?)
    }

    /// Opens one child of those, where the holder may follow it now and read any section of it; as many statements for
    /// every child, whatever is protected. The permit is for seeing whether what may be read has changed.
    pub async fn open_followed_child(
        &self,
        permit: &Permit<OfFollowed>,
        pupil: PupilId,
    ) -> Result<Option<Permit<OfChild>>, Refusal> {
        let caller = &permit.subject.caller;
        let known = self.known(caller, pupil).await?;
        let ties = match self.ties(caller, &known, None) {
            Ok(ties) => ties,
            // A case of another kind only, a child that is protected, and no child at all are one.
            Err(Refusal::NotFound | Refusal::Former | Refusal::CaseReferenceMismatch) => return Ok(None),
            Err(refusal) => return Err(refusal),
        };
        for tie in ties {
            let facts = self.tied_facts(caller, &tie);
            let follows = self.0.policy.decide(&facts, Action::FollowChild, true);
            let given = self.given(caller, &facts, self.listed(caller));
            if !follows.allowed || given.permitted.is_empty() {
                continue;
            }
            permit.trail.note(|e| {
                e.policies.extend(follows.determining.iter().cloned());
                e.policies.sort_unstable();
                e.policies.dedup();
            });
            let (reach, _) = self.reach(caller, &tie);
            let subject = OfChild {
                pupil,
                reach,
                sections: given.permitted,
                asked: SectionSet::EMPTY,
                not_given: SectionSet::EMPTY,
                ring: None,
            };
            return Ok(Some(Permit { subject, holder: permit.holder.clone(), trail: permit.trail.clone() }));
        }
        Ok(None)
    }
}
