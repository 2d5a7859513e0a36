//! Opening about a school's registers: for the school's own system, or for one that a mandate lets act for the school.
//!
//! Whoever acts under a mandate acts as the school: its kind, its standing and its purpose decide, and the entry is the
//! school's. It never reaches further than the mandate and the system's own registration both go.

mod figures;

use super::super::Gate;
use super::super::permit::{OfSchool, Permit};
use super::{Asked, Refusal, holder};
use crate::audit::ActedFor;
use crate::directory::{NoMandate, Organisation, Scope};
use crate::domain::identifiers::{OrganisationId, SchoolId};
use crate::domain::organisation::OrganisationKind;
use crate::identity::Caller;
use crate::policy::Action;

impl Gate {
    /// Opens about the registers of the school with this unique reference number.
    pub fn open_school(&self, asked: Asked, urn: &str, action: Action) -> Result<Permit<OfSchool>, Refusal> {
        let school = self.directory().current().school_by_urn(urn).map(|(school, _)| school);
        self.open_registers(asked, school, action)
    }

    /// Opens about the registers of the caller's own school, whichever that is.
    pub fn open_own_school(&self, asked: Asked, action: Action) -> Result<Permit<OfSchool>, Refusal> {
        let own = SchoolId(asked.caller.organisation.id.0);
        self.open_registers(asked, Some(own), action)
    }

    /// Opens about a school's registers; `None` is a school that the directory does not know.
    pub fn open_registers(
        &self,
        asked: Asked,
        school: Option<SchoolId>,
        action: Action,
    ) -> Result<Permit<OfSchool>, Refusal> {
        let Asked { caller, trail } = asked;
        trail.note(|e| e.action = Some(action.as_str().to_owned()));
        // Which schools exist is public, so another's is a plain 403, the same for every child.
        let mut sent_by = None;
        let opened = self.acting(&caller, school).and_then(|(school, acting)| {
            let mandated = acting.organisation.id != caller.organisation.id;
            if mandated {
                trail.note(|e| e.acted_for = Some(acted_for(&acting.organisation)));
            }
            if !self.allowed(&acting, Scope::Registers, action, &trail) {
                return Err(Refusal::Forbidden);
            }
            if mandated {
                trail.note(|e| e.relationship = Some("mandate of the school".to_owned()));
            }
            // Whoever acts under a mandate learns of no other's uploads, whether its token names the school or not.
            if mandated || caller.sections.is_some() {
                sent_by = Some(caller.system.id);
            }
            Ok((school, holder(&acting)))
        });
        let (school, holder) = opened.inspect_err(|refusal| trail.refused(refusal))?;
        Ok(Permit { subject: OfSchool { school, sent_by }, holder, trail })
    }

    /// The caller as the organisation that it acts as: its own school, or the school of a mandate.
    fn acting(&self, caller: &Caller, school: Option<SchoolId>) -> Result<(SchoolId, Caller), Refusal> {
        let kind = caller.organisation.kind;
        let own = SchoolId(caller.organisation.id.0);
        if kind == OrganisationKind::School && school == Some(own) {
            return Ok((own, caller.clone()));
        }
        if !kind.may_hold_mandates() {
            return Err(Refusal::Forbidden);
        }
        let directory = self.directory().current();
        let school = school.ok_or(NoMandate::Missing)?;
        directory.mandate(caller.system.id, school, Scope::Registers, self.clock().today())?;
        let organisation = directory.school(school).ok_or(NoMandate::Missing)?.clone();
        Ok((school, caller.standing_as(organisation)))
    }
}

fn acted_for(school: &Organisation) -> ActedFor {
    ActedFor { organisation_id: OrganisationId(school.id.0), organisation: school.code.clone() }
}
