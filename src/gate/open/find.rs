//! Finding a child among those that the caller already has a live relationship with: at most one.

use super::super::permit::{OfChild, Permit};
use super::super::{Gate, Trail};
use super::decide::Known;
use super::tie::Tied;
use super::{Asked, Refusal};
use crate::directory::{LaneException, Scope};
use crate::domain::identifiers::{EnrolmentId, PupilId};
use crate::domain::purpose::{Purpose, SectionSet};
use crate::identity::{Caller, Lane};
use crate::policy::Action;
use crate::relationships::{self, Among, Enrolled, Sought};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Whom a caller is looking for.
#[derive(Clone, Debug, Default)]
pub struct Search(pub Sought);

/// Whom a search may mean, and the enrolments that it met; none where a case reference alone met the child.
type Candidates = BTreeMap<PupilId, Vec<EnrolmentId>>;

impl Gate {
    /// Opens about the one child that matches and that the policy lets this caller find.
    pub async fn open_found(&self, asked: Asked, search: Search) -> Result<Permit<OfChild>, Refusal> {
        let Asked { caller, trail } = asked;
        let action = if search.0.name.is_some() { Action::FindChildByName } else { Action::FindChild };
        trail.note(|e| e.action = Some(action.as_str().to_owned()));
        let found = self.found(&caller, &trail, &search.0, action).await;
        let found = found.inspect_err(|refusal| trail.refused(refusal))?;
        trail.note(|e| e.child = Some(found.0));
        self.permit_child(&caller, trail, found, SectionSet::EMPTY)
    }

    /// The one child, with every tie that lets this caller find it. Children that it may not find are as if they were
    /// not there: they neither take another's place nor make the search ambiguous.
    async fn found(
        &self,
        caller: &Caller,
        trail: &Trail,
        search: &Sought,
        action: Action,
    ) -> Result<(PupilId, Vec<Tied>), Refusal> {
        let candidates = self.candidates(caller, search, action).await?;
        if let [(only, _)] = candidates.iter().collect::<Vec<_>>().as_slice() {
            trail.note(|e| e.child = Some(**only));
        }
        if candidates.is_empty() {
            // Nobody takes the same reads as one whom the caller may not find: neither is told from the other by its time.
            self.known(caller, PupilId(Uuid::nil())).await?;
        }
        let mut found = None;
        for (pupil, met) in candidates {
            let known = self.known(caller, pupil).await?;
            let ties = match self.ties(caller, &known, search.case_reference.as_deref()) {
                Ok(ties) => self.findable(caller, (&known, &met), ties, action),
                // In a search nothing tells a child whose case is of another kind from no child at all.
                Err(Refusal::NotFound | Refusal::Former | Refusal::CaseReferenceMismatch) => continue,
                Err(refusal) => return Err(refusal),
            };
            if ties.is_empty() {
                continue;
            }
            if found.is_some() {
                return Err(Refusal::Ambiguous);
            }
            found = Some((pupil, ties));
        }
        found.ok_or(Refusal::NotFound)
    }

    /// The ties by which the policy lets the caller find a child and gives it any section, and which reach what was met.
    fn findable(
        &self,
        caller: &Caller,
        (known, met): (&Known, &[EnrolmentId]),
        ties: Vec<Tied>,
        action: Action,
    ) -> Vec<Tied> {
        let listed = self.search_listed(caller, action);
        let reaches = |tie: &Tied| {
            let (reach, _) = self.reach(caller, tie);
            let met_here = |e: &&Enrolled| met.is_empty() || met.contains(&e.id);
            known.enrolled.iter().filter(met_here).any(|e| reach.covers(e.school, e.protected))
        };
        let allowed = |tie: &Tied| {
            let facts = self.tied_facts(caller, tie);
            let sections = self.given(caller, &facts, self.listed(caller));
            self.0.policy.decide(&facts, action, listed).allowed && !sections.permitted.is_empty()
        };
        ties.into_iter().filter(|tie| reaches(tie) && allowed(tie)).collect()
    }

    async fn candidates(
        &self,
        caller: &Caller,
        search: &Sought,
        action: Action,
    ) -> Result<Candidates, Refusal> {
        self.could_ever(caller, Scope::Summaries, &[action])?;
        if !self.search_listed(caller, action) && caller.purpose != Purpose::OwnRecord {
            return Err(Refusal::Forbidden);
        }
        // Without it a search tells nothing, not even that two children match.
        self.officer_authorised(caller)?;
        let moment = (self.clock().school_now(), self.clock().today());
        let rolls = Among::Rolls { organisation: caller.organisation.id };
        let among = match caller.purpose {
            Purpose::OwnRecord | Purpose::AttendanceDuty => rolls,
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
                Among::Cases { organisation: caller.organisation.id, purpose: caller.purpose }
            }
        };
        let hits = relationships::sought(self.db(), among, search, moment).await?;
        let mut candidates = Candidates::new();
        for hit in hits {
            candidates.entry(hit.pupil).or_default().extend(hit.enrolment.map(|(_, enrolment)| enrolment));
        }
        Ok(candidates)
    }

    /// Whether the caller may search so: with a proved person, or because an agreement lists it without one.
    fn search_listed(&self, caller: &Caller, action: Action) -> bool {
        let directory = self.directory().current();
        let agreement = directory.agreement(caller.organisation.id, caller.purpose, self.clock().today());
        action != Action::FindChildByName
            || caller.lane() == Lane::Person
            || agreement.is_some_and(|a| a.exceptions.contains(&LaneException::SearchByName))
    }
}
