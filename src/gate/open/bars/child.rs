//! Opening to set a bar on a child, or to lift one: for a proved person, through a tie to the child that serves it.

use super::super::super::permit::{OfBarred, Permit};
use super::super::super::{Gate, Trail};
use super::super::decide::Known;
use super::super::tie::{Tie, Tied, note_mark};
use super::super::{Asked, Refusal, holder};
use crate::audit::{Decision, Digest};
use crate::directory::Scope;
use crate::domain::bars::BarSort;
use crate::domain::identifiers::{OrganisationId, PupilId, SchoolId};
use crate::domain::staff::Mark;
use crate::identity::Caller;
use crate::policy::Action;
use crate::relationships;
use chrono::{DateTime, Utc};

/// A child that somebody may set a bar on.
struct Barred {
    pupil: PupilId,
    tied: Tied,
    /// The mark without which they might not.
    mark: Option<Mark>,
    school: Option<SchoolId>,
    schools: Vec<SchoolId>,
    flagged: bool,
}

impl Gate {
    /// Opens to do this to one child, by its handle; with a mark, only for a person who has it.
    pub async fn open_bar(
        &self,
        asked: Asked,
        (handle, case_reference): (&str, Option<&str>),
        action: Action,
    ) -> Result<Permit<OfBarred>, Refusal> {
        let Asked { caller, trail } = asked;
        trail.note(|e| e.action = Some(action.as_str().to_owned()));
        let opened = self.barred(&caller, &trail, (handle, case_reference), action).await;
        let Barred { pupil, tied, mark, school, schools, flagged } =
            opened.inspect_err(|refusal| trail.refused(refusal))?;
        let Some(person) = caller.person.as_ref().map(|person| person.key.to_string()) else {
            trail.refused(&Refusal::Forbidden);
            return Err(Refusal::Forbidden);
        };
        trail.note(|e| {
            tied.note(e);
            if let Some(mark) = mark {
                note_mark(e, mark, None);
            }
            e.decision = Decision::Allowed;
            e.legal_basis = Some(self.policy().legal_basis(caller.purpose).to_owned());
        });
        Ok(Permit {
            holder: holder(&caller),
            subject: OfBarred { pupil, caller, person, school, schools, flagged },
            trail,
        })
    }

    /// Refuses with 403 whoever could never do this to any child: asked before anything of the request is read.
    pub fn could_bar(&self, asked: &Asked, action: Action) -> Result<(), Refusal> {
        asked.trail.note(|e| e.action = Some(action.as_str().to_owned()));
        let possible = self.could_ever(&asked.caller, Scope::Summaries, &[action]);
        possible.inspect_err(|refusal| asked.trail.refused(refusal))
    }

    /// The organisations that were answered about a child, with when each was first given a handle for it.
    pub async fn holders_of(
        &self,
        permit: &Permit<OfBarred>,
    ) -> Result<Vec<(OrganisationId, DateTime<Utc>)>, Refusal> {
        Ok(relationships::holders_of(self.db(), permit.pupil()).await?)
    }

    async fn barred(
        &self,
        caller: &Caller,
        trail: &Trail,
        (handle, case_reference): (&str, Option<&str>),
        action: Action,
    ) -> Result<Barred, Refusal> {
        self.could_ever(caller, Scope::Summaries, &[action])?;
        let lowers = action == Action::LowerProtection;
        if !lowers && caller.purpose.is_a_case() && case_reference.is_none() {
            return Err(Refusal::CaseReferenceRequired);
        }
        let (pupil, known) = self.known_behind(caller, handle).await?.ok_or(Refusal::NotFound)?;
        trail.note(|e| e.child = Some(pupil));
        let ties = if lowers {
            vec![self.protecting(caller, &known)?]
        } else {
            self.ties(caller, &known, case_reference)?
        };
        let manager = caller.has_mark(Mark::Manager).then_some(Mark::Manager);
        for tied in ties {
            let decide = |marked| self.policy().decide(&self.tied_facts(caller, &tied), action, marked);
            let plain = decide(false);
            let (decision, mark) = match manager {
                Some(_) if !plain.allowed => (decide(true), manager),
                Some(_) | None => (plain, None),
            };
            trail.note(|e| {
                e.policies = decision.determining.to_vec();
                e.policy_set = Some(Digest(self.policy().digest()));
            });
            if decision.allowed {
                let school = match &tied.tie {
                    Tie::OwnSchool(own, _) => Some(*own),
                    Tie::Case(..) | Tie::Officer(_) | Tie::Emergency { .. } | Tie::Protecting => None,
                };
                let current = known.enrolled.iter().filter(|e| e.current);
                let schools = current.map(|e| e.school).filter(|at| school.is_none_or(|own| own == *at));
                let schools: Vec<SchoolId> = schools.collect();
                // A school that the child has left protects nobody's whereabouts: it does not know them.
                if action == Action::RaiseProtection && school.is_some() && schools.is_empty() {
                    return Err(Refusal::NotFound);
                }
                let flagged = known.enrolled.iter().any(|e| e.protected);
                return Ok(Barred { pupil, tied, mark, school, schools, flagged });
            }
        }
        Err(Refusal::NotFound)
    }

    /// The tie of one of those who protect a child.
    fn protecting(&self, caller: &Caller, known: &Known) -> Result<Tied, Refusal> {
        let mut tied = self.weighed(caller, known, Tie::Protecting);
        if self.protects(caller, None, &known.bars).is_some() {
            return Ok(tied);
        }
        let on_record = known.bars.iter().any(|bar| bar.sort == BarSort::Protects);
        if on_record || !self.leads_for(caller, &known.enrolled) {
            return Err(Refusal::NotFound);
        }
        tied.against.rest_on(Mark::EducationSafeguardingLead);
        Ok(tied)
    }
}
