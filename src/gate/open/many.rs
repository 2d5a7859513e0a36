//! Opening about many children: the request once, and then each child as if it were asked about alone.
//!
//! What ties a caller to a child is decided by the very functions that decide it for one; only the facts are read for
//! many at once. Every step is held to the directory as it then is, so that whoever loses access in the middle of a long
//! answer gets no more of it.

use super::super::many::handles;
use super::super::permit::{OfChild, OfMany, Permit};
use super::super::{Gate, Trail};
use super::decide::{Known, in_conflict};
use super::{Asked, Refusal, holder};
use crate::audit::{Class, Decision, Digest, Entry, EventId};
use crate::crypto;
use crate::directory::Scope;
use crate::domain::identifiers::PupilId;
use crate::domain::purpose::{Purpose, Section, SectionSet};
use crate::identity::{self, Caller};
use crate::policy::Action;
use crate::relationships;
use std::collections::{BTreeSet, HashMap};

/// A child as a line of a request names it.
#[derive(Clone, Debug)]
pub struct Named {
    /// The caller's own handle for the child, or anything that is none.
    pub handle: String,
    /// The case that it is asked under.
    pub case_reference: Option<String>,
}

/// Whom a request asks about, in the order of its answer.
#[derive(Debug)]
pub struct Children(pub(in super::super) Whom);

#[derive(Debug)]
pub(in super::super) enum Whom {
    /// Whom the lines of the request name.
    Named(Vec<Named>),
    /// Everybody of the caller's own area.
    Area(Vec<PupilId>),
}

impl Children {
    /// Those whom the lines of a request name.
    pub fn named(lines: Vec<Named>) -> Self {
        Self(Whom::Named(lines))
    }
}

/// One child of a step, decided.
#[derive(Debug)]
pub(in super::super) struct Decided {
    pub(in super::super) trail: Trail,
    pub(in super::super) permit: Option<Permit<OfChild>>,
    /// The handle under which it was asked about.
    pub(in super::super) handle: Option<String>,
}

impl Gate {
    /// Opens for a request about many children. A school reads its own register child by child.
    pub async fn open_many(&self, asked: Asked, sections: SectionSet) -> Result<Permit<OfMany>, Refusal> {
        let Asked { caller, trail } = asked;
        trail.note(|e| {
            e.action = Some("read_summaries".to_owned());
            e.sections_asked = sections;
            e.policy_set = Some(Digest(self.0.policy.digest()));
        });
        self.could_be_many(&caller).inspect_err(|refusal| trail.refused(refusal))?;
        self.lane_goes(&caller).await.inspect_err(|refusal| trail.refused(refusal))?;
        trail.note(|e| e.decision = Decision::Allowed);
        Ok(Permit { holder: holder(&caller), subject: OfMany { caller, sections }, trail })
    }

    fn could_be_many(&self, caller: &Caller) -> Result<(), Refusal> {
        if caller.purpose == Purpose::OwnRecord {
            return Err(Refusal::Forbidden);
        }
        let sections: Vec<Action> = Section::ALL.iter().map(|section| Action::Read(*section)).collect();
        self.could_ever(caller, Scope::Summaries, &sections)?;
        self.officer_authorised(caller)
    }

    /// Everybody of the caller's own area, in an order that tells nothing: an officer's, authorised in writing, is who is or
    /// was on the roll of a school whose returns come to the authority. No other role has one. Whether the officer may
    /// read a child of it is decided when its line is due.
    pub async fn own_area(&self, permit: &Permit<OfMany>) -> Result<Children, Refusal> {
        let caller = &permit.subject.caller;
        let directory = self.directory().current();
        if caller.purpose != Purpose::AttendanceDuty {
            permit.trail.refused(&Refusal::NoArea);
            return Err(Refusal::NoArea);
        }
        self.officer_authorised(caller).inspect_err(|refusal| permit.trail.refused(refusal))?;
        let schools = directory.schools_returning_to(caller.organisation.id);
        let pupils = relationships::enrolled_at(self.db(), schools).await?;
        // By their own identifiers they would stand in the order in which they came to the gateway.
        let key: [u8; 16] = crypto::random().ok_or(Refusal::Answer)?;
        let mut drawn: Vec<(u64, PupilId)> =
            pupils.into_iter().map(|pupil| (place(&key, pupil), pupil)).collect();
        drawn.sort_unstable();
        Ok(Children(Whom::Area(drawn.into_iter().map(|(_, pupil)| pupil).collect())))
    }

    /// Decides about the children whom lines name, one for each, in their order.
    pub(in super::super) async fn decide_named(
        &self,
        permit: &Permit<OfMany>,
        lines: &[Named],
    ) -> Result<Vec<Decided>, Refusal> {
        let caller = self.renewed(permit)?;
        self.lane_goes(&caller).await?;
        let handles = lines.iter().map(|line| line.handle.as_str());
        let resolved =
            handles::resolve_each(self.db(), caller.system.id, caller.organisation.id, handles).await?;
        let known = self.known_each(&caller, resolved.values().copied().collect()).await?;
        let nobody = Known::default();
        let mut decided = Vec::with_capacity(lines.len());
        for line in lines {
            let handle = line.handle.to_ascii_lowercase();
            let trail = self.child_trail(permit);
            let found = resolved.get(&handle).copied();
            let known = found.and_then(|pupil| known.get(&pupil)).unwrap_or(&nobody);
            let reference = line.case_reference.as_deref();
            let permit = self.decide_one(&caller, permit, (&trail, found, known), reference)?;
            decided.push(Decided { trail, permit, handle: Some(handle) });
        }
        Ok(decided)
    }

    /// Decides about children of the caller's own area; those that are not the caller's are left out, as if they were not
    /// there, since nobody has asked about them.
    pub(in super::super) async fn decide_area(
        &self,
        permit: &Permit<OfMany>,
        pupils: &[PupilId],
    ) -> Result<Vec<Decided>, Refusal> {
        let caller = self.renewed(permit)?;
        self.lane_goes(&caller).await?;
        let known = self.known_each(&caller, pupils.iter().copied().collect()).await?;
        let nobody = Known::default();
        let mut decided = Vec::with_capacity(pupils.len());
        for pupil in pupils {
            let trail = self.child_trail(permit);
            let known = known.get(pupil).unwrap_or(&nobody);
            if let Some(permit) = self.decide_one(&caller, permit, (&trail, Some(*pupil), known), None)? {
                decided.push(Decided { trail, permit: Some(permit), handle: None });
            }
        }
        Ok(decided)
    }

    /// The caller as the directory now knows it, if it could still be told about any child.
    fn renewed(&self, permit: &Permit<OfMany>) -> Result<Caller, Refusal> {
        self.still_decides()?;
        let proved = &permit.subject.caller;
        let directory = self.directory().current();
        let caller = identity::still(&directory, proved, self.clock().now())
            .and_then(|caller| caller.acting(&directory, self.clock().today()))
            .map_err(|_| Refusal::Forbidden)?;
        self.could_be_many(&caller)?;
        Ok(caller)
    }

    /// What the database says of a caller and each of these children.
    async fn known_each(
        &self,
        caller: &Caller,
        pupils: BTreeSet<PupilId>,
    ) -> Result<HashMap<PupilId, Known>, Refusal> {
        let pupils: Vec<PupilId> = pupils.into_iter().collect();
        let moment = (self.clock().school_now(), self.clock().today());
        let conflicts = self.conflicts(caller).await?;
        let cases = async {
            if caller.purpose.is_a_case() {
                relationships::cases_of_each(self.db(), caller.organisation.id, &pupils, moment).await
            } else {
                Ok(HashMap::new())
            }
        };
        let (mut enrolled, mut cases, mut bars) = tokio::try_join!(
            relationships::enrolled_of_each(self.db(), &pupils, moment.1),
            cases,
            relationships::bars_on_each(self.db(), &pupils, moment.0),
        )?;
        let mut known = |pupil: &PupilId| {
            let enrolled = enrolled.remove(pupil).unwrap_or_default();
            let in_conflict = in_conflict(&conflicts, *pupil, &enrolled);
            let (cases, former) = cases.remove(pupil).unwrap_or_default();
            let bars = bars.remove(pupil).unwrap_or_default();
            Known { enrolled, cases: self.callers(caller, cases), former, in_conflict, bars }
        };
        Ok(pupils.iter().map(|pupil| (*pupil, known(pupil))).collect())
    }

    /// The trail of one child's entry, which begins with what the request's own says.
    fn child_trail(&self, permit: &Permit<OfMany>) -> Trail {
        let request = permit.trail.entry();
        Trail::new(Entry {
            event: EventId::new(),
            time: self.clock().now(),
            class: Class::Disclosure,
            decision: Decision::Refused,
            action: Some("read_summary".to_owned()),
            record: None,
            ..request
        })
    }

    /// Decides about one child by its facts, as [`Gate::open_child`] does; a refusal that depends on the child is noted in
    /// its entry and is no permit.
    fn decide_one(
        &self,
        caller: &Caller,
        permit: &Permit<OfMany>,
        (trail, found, known): (&Trail, Option<PupilId>, &Known),
        reference: Option<&str>,
    ) -> Result<Option<Permit<OfChild>>, Refusal> {
        let opened = || {
            let pupil = found.ok_or(Refusal::NotFound)?;
            trail.note(|e| e.child = Some(pupil));
            if caller.purpose.is_a_case() && reference.is_none() {
                return Err(Refusal::CaseReferenceRequired);
            }
            let ties = self.ties(caller, known, reference)?;
            self.permit_child(caller, trail.clone(), (pupil, ties), permit.subject.sections)
        };
        match opened() {
            Ok(opened) => Ok(Some(opened)),
            Err(
                refusal @ (Refusal::NotFound
                | Refusal::Former
                | Refusal::CaseReferenceRequired
                | Refusal::CaseReferenceMismatch),
            ) => {
                trail.refused(&refusal);
                Ok(None)
            }
            Err(refusal) => Err(refusal),
        }
    }
}

/// A child's place in an order that is drawn with the key.
fn place(key: &[u8; 16], pupil: PupilId) -> u64 {
    let drawn = crypto::sha256(&[key, pupil.0.as_bytes()]);
    drawn.first_chunk().copied().map_or(0, u64::from_be_bytes)
}
