//! Opening the gate for a caller: about a child, about a school's registers, or about its own organisation.

mod bars;
mod decide;
mod find;
mod follow;
mod many;
mod matcher;
mod school;
mod tie;

pub use bars::{Asker, OpenCase, Protector, QueueOf};
pub use find::Search;
pub use many::{Children, Named};
pub(super) use many::{Decided, Whom};

pub(super) use self::tie::note_mark;
use self::tie::{Judged, Tied};
use super::conditions::Unmet;
use super::permit::{Holder, OfChild, OfOrganisation, OfOwnSystem, Permit};
use super::{Gate, Trail, handles};
use crate::audit::{Decision, Digest};
use crate::crypto;
use crate::directory::{NoMandate, Scope};
use crate::domain::identifiers::PupilId;
use crate::domain::purpose::{Section, SectionSet};
use crate::domain::staff::Mark;
use crate::identity::Caller;
use crate::policy::{Action, Relationship};
use crate::store::StoreError;

/// A proved caller with the trail of its request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who is calling.
    pub caller: Caller,
    /// What the request's entry will say.
    pub trail: Trail,
}

impl Asked {
    /// Whether the person behind the request has a mark on which what is asked rests, a manager's of the team named; if so
    /// the request's entry names it.
    pub fn by_mark(&self, mark: Mark, team: Option<&str>) -> bool {
        let has = team.map_or_else(|| self.caller.has_mark(mark), |team| self.caller.manages(team));
        if has {
            self.trail.note(|e| note_mark(e, mark, team));
        }
        has
    }
}

/// Why the gate stayed shut. What depends on the child is always [`Refusal::NotFound`].
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such child, not the caller's, shielded: one and the same.
    #[error("no such child for this caller")]
    NotFound,
    /// The same to whoever asks: a child whose case has ended. The entry says so, since it is not forgotten.
    #[error("no such child for this caller any more")]
    Former,
    /// The same for every child: this role, purpose or scope never may.
    #[error("this role and purpose may not do this for any child")]
    Forbidden,
    /// Another's school, or none: which there are is public.
    #[error("the figures of this school are not this caller's")]
    OtherSchool,
    /// The same for every child: this role has no area to ask about as a whole.
    #[error("this role and purpose have no area")]
    NoArea,
    /// The same for every child: the officer's written authorisation is not on record, or not in force (SI 2024/208 reg 12).
    #[error(
        "no written authorisation of an attendance officer is in force for this person, or without one this system"
    )]
    NotAuthorised,
    /// The same for every child: the organisation's systems have read far more than its caseload.
    #[error("the systems of this organisation have read far more than its caseload")]
    LaneStopped,
    /// The relationship is a case and no `Case-Reference` was sent.
    #[error("no case reference was sent")]
    CaseReferenceRequired,
    /// The system belongs to another organisation than the school, and no mandate lets it act for that school.
    #[error(transparent)]
    NoMandate(#[from] NoMandate),
    /// The caller has a live case for this child, but not under this reference for this purpose.
    #[error("the case reference is not that of a live case of this purpose for this child")]
    CaseReferenceMismatch,
    /// More than one of the caller's own children match.
    #[error("more than one child matches")]
    Ambiguous,
    /// Another upload of the same school was switched to while this one was worked out, again and again.
    #[error("another upload of this school came in between")]
    Conflict,
    /// The set of policies that this was to be decided by cannot be loaded, or is not in force any more.
    #[error("the policies that this was to be decided by are not in force")]
    NotInForce,
    /// What the request says of what its sender has, or of having been sent before, does not hold.
    #[error(transparent)]
    Unmet(#[from] Unmet),
    /// The database could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry could not be made durable: nothing is said.
    #[error("the audit entry could not be written")]
    Unrecorded,
    /// The answer could not be written.
    #[error("the answer could not be written")]
    Answer,
}

impl Refusal {
    /// The word by which the audit entry tells refusals apart.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NotFound => "no_relationship",
            // As long as the other, so that neither entry is longer.
            Self::Former => "ex_relationship",
            Self::Forbidden => "forbidden_for_role",
            Self::OtherSchool => "other_school",
            Self::NoArea => "no_area",
            Self::NotAuthorised => "officer_not_authorised",
            Self::NoMandate(fault) => fault.word(),
            Self::LaneStopped => "lane_stopped",
            Self::CaseReferenceRequired => "case_reference_required",
            Self::CaseReferenceMismatch => "case_reference_mismatch",
            Self::Ambiguous => "ambiguous",
            Self::Conflict => "conflict",
            Self::NotInForce => "policies_not_in_force",
            Self::Unmet(unmet) => unmet.word(),
            Self::Store(_) => "database",
            Self::Unrecorded => "unrecorded",
            Self::Answer => "answer",
        }
    }
}

impl Gate {
    /// Opens about one child, by its handle, for a set of sections.
    pub async fn open_child(
        &self,
        asked: Asked,
        handle: &str,
        case_reference: Option<&str>,
        sections: SectionSet,
    ) -> Result<Permit<OfChild>, Refusal> {
        let Asked { caller, trail } = asked;
        trail.note(|e| {
            e.action = Some("read_summary".to_owned());
            e.sections_asked = sections;
        });
        let opened = self.child(&caller, &trail, handle, case_reference).await;
        let (pupil, ties) = opened.inspect_err(|refusal| trail.refused(refusal))?;
        let mut permit = self.permit_child(&caller, trail, (pupil, ties), sections)?;
        // It resolved in this request: the answer carries the same one, and need not ask for it again.
        permit.holder.handle = Some((pupil, crypto::to_hex(&handles::bytes_of(handle))));
        Ok(permit)
    }

    /// Everything that may refuse before a section is looked at, in an order that tells nothing of the child.
    async fn child(
        &self,
        caller: &Caller,
        trail: &Trail,
        handle: &str,
        case_reference: Option<&str>,
    ) -> Result<(PupilId, Vec<Tied>), Refusal> {
        let sections: Vec<Action> = Section::ALL.iter().map(|section| Action::Read(*section)).collect();
        self.could_ever(caller, Scope::Summaries, &sections)?;
        self.officer_authorised(caller)?;
        self.lane_goes(caller).await?;
        if caller.purpose.is_a_case() && case_reference.is_none() {
            return Err(Refusal::CaseReferenceRequired);
        }
        let (pupil, known) = self.known_behind(caller, handle).await?.ok_or(Refusal::NotFound)?;
        trail.note(|e| e.child = Some(pupil));
        Ok((pupil, self.ties(caller, &known, case_reference)?))
    }

    /// Asks the policy for each section under each tie in turn, and hands out the permit for the first that gives any.
    fn permit_child(
        &self,
        caller: &Caller,
        trail: Trail,
        (pupil, ties): (PupilId, Vec<Tied>),
        asked: SectionSet,
    ) -> Result<Permit<OfChild>, Refusal> {
        let judged = self.judged(caller, ties).ok_or(Refusal::NotFound);
        let Judged { tied, given, not_given } = judged.inspect_err(|refusal| trail.refused(refusal))?;
        let (reach, determining) = self.reach(caller, &tied);
        trail.note(|e| {
            tied.note(e);
            e.policies = given.determining.iter().chain(&determining).cloned().collect();
            e.policies.sort_unstable();
            e.policies.dedup();
            e.policy_set = Some(Digest(self.0.policy.digest()));
        });
        if given.permitted.is_empty() && not_given.is_empty() {
            trail.refused(&Refusal::NotFound);
            return Err(Refusal::NotFound);
        }
        let sections = given.permitted;
        let ring = if not_given.is_empty() { None } else { self.to_ring(&tied) };
        trail.note(|e| {
            if !not_given.is_empty() {
                e.reason = Some("shielded".to_owned());
            }
            e.decision = Decision::Allowed;
            e.legal_basis = Some(self.0.policy.legal_basis(caller.purpose).to_owned());
            e.sections_given = sections.and(asked);
        });
        let subject = OfChild { pupil, reach, sections, asked, not_given: not_given.and(asked), ring };
        Ok(Permit { subject, holder: holder(caller), trail })
    }

    /// Opens about the caller's own organisation: its involvements, its audit entries.
    pub fn open_organisation(
        &self,
        asked: Asked,
        scope: Scope,
        action: Action,
    ) -> Result<Permit<OfOrganisation>, Refusal> {
        let Asked { caller, trail } = asked;
        trail.note(|e| e.action = Some(action.as_str().to_owned()));
        if !self.allowed(&caller, scope, action, &trail) {
            trail.refused(&Refusal::Forbidden);
            return Err(Refusal::Forbidden);
        }
        Ok(Permit {
            subject: OfOrganisation { kinds: self.kinds_within(&caller) },
            holder: holder(&caller),
            trail,
        })
    }

    /// Opens about the caller's own system's certificates. Nothing is disclosed and nothing widened by them, whatever the
    /// role, so that no policy is asked: who the caller is has been proved, and that is all there is to decide.
    pub fn open_own_system(&self, asked: Asked, action: &'static str) -> Permit<OfOwnSystem> {
        let Asked { caller, trail } = asked;
        trail.note(|e| {
            e.action = Some(action.to_owned());
            e.decision = Decision::Allowed;
            e.relationship = Some("own system".to_owned());
        });
        Permit { subject: OfOwnSystem, holder: holder(&caller), trail }
    }

    /// The policy's answer to an action about no child; the entry gets its reasons.
    pub(super) fn allowed(&self, caller: &Caller, scope: Scope, action: Action, trail: &Trail) -> bool {
        let has_scope = caller.system.scopes.contains(&scope);
        let facts = self.facts(caller, Relationship::Organisation, has_scope);
        let decision = self.0.policy.decide(&facts, action, true);
        trail.note(|e| {
            e.policies = decision.determining.to_vec();
            e.policy_set = Some(Digest(self.0.policy.digest()));
            if decision.allowed {
                e.decision = Decision::Allowed;
                e.legal_basis = Some(self.0.policy.legal_basis(caller.purpose).to_owned());
                e.relationship = Some("own organisation".to_owned());
            }
        });
        decision.allowed
    }
}

pub(super) fn holder(caller: &Caller) -> Holder {
    Holder {
        organisation: caller.organisation.id,
        system: caller.system.id,
        role: caller.role,
        purpose: caller.purpose,
        handle: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Class, Entry, EventId};
    use crate::identity::testing::{caller_marked, now};

    #[test]
    fn what_rests_on_a_mark_names_it_in_the_entry() {
        let entry = Entry::new(EventId::new(), now(), Class::Access, Decision::Refused);
        let caller = caller_marked(&["data_matcher", "manager:duty"]);
        let asked = Asked { caller, trail: Trail::new(entry) };
        assert!(!asked.by_mark(Mark::SeniorOfficer, None) && !asked.by_mark(Mark::Manager, Some("night")));
        assert_eq!(asked.trail.entry().marks, Vec::<String>::new(), "what was not there was not relied on");
        for _ in 0..2 {
            assert!(asked.by_mark(Mark::DataMatcher, None) && asked.by_mark(Mark::Manager, Some("duty")));
        }
        assert_eq!(asked.trail.entry().marks, ["data_matcher", "manager:duty"]);
    }
}
