//! Opening through the claim of an emergency: the claimant's own, while it lasts, and nobody else's.

use super::super::super::permit::{OfChild, Permit};
use super::super::super::{Gate, Trail};
use super::super::tie::{Tie, Tied};
use super::super::{Asked, Refusal};
use crate::directory::Scope;
use crate::domain::identifiers::PupilId;
use crate::domain::purpose::{Section, SectionSet};
use crate::identity::Caller;
use crate::policy::Action;
use crate::relationships;
use uuid::Uuid;

impl Gate {
    /// Opens about the child of a claim of an emergency, for a set of sections. No claim, somebody else's, one that fits
    /// nobody, one whose child is shielded or protected, and one that is over are the one refusal.
    pub async fn open_emergency(
        &self,
        asked: Asked,
        id: Uuid,
        sections: SectionSet,
    ) -> Result<Permit<OfChild>, Refusal> {
        let Asked { caller, trail } = asked;
        trail.note(|e| {
            e.action = Some("read_emergency_summary".to_owned());
            e.sections_asked = sections;
        });
        let opened = self.emergency(&caller, &trail, id).await;
        let opened = opened.inspect_err(|refusal| trail.refused(refusal))?;
        self.permit_child(&caller, trail, opened, sections)
    }

    /// As many statements whatever is found.
    async fn emergency(
        &self,
        caller: &Caller,
        trail: &Trail,
        id: Uuid,
    ) -> Result<(PupilId, Vec<Tied>), Refusal> {
        let sections: Vec<Action> = Section::ALL.iter().map(|section| Action::Read(*section)).collect();
        self.could_ever(caller, Scope::Summaries, &sections)?;
        let person = caller.person.as_ref().ok_or(Refusal::Forbidden)?.key.to_string();
        let claim = relationships::emergency(self.db(), (caller.organisation.id, &person), id).await?;
        let found = claim.as_ref().and_then(|claim| claim.pupil);
        let known = self.known(caller, found.unwrap_or(PupilId(Uuid::nil()))).await?;
        let (claim, pupil) = claim.zip(found).ok_or(Refusal::NotFound)?;
        trail.note(|e| e.child = Some(pupil));
        let live = claim.is_open(self.clock().school_now());
        let tied = self.weighed(caller, &known, Tie::Emergency { id, live, accepted_at: claim.accepted_at });
        if !tied.against.lets_any(&known.enrolled) {
            return Err(Refusal::NotFound);
        }
        Ok((pupil, vec![tied]))
    }
}
