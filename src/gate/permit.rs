//! Permits: proof that the gate was opened, for whom and how far. Only this module's parent can make one.

use super::trail::Trail;
use crate::domain::identifiers::{OrganisationId, PupilId, SchoolId, SystemId};
use crate::domain::purpose::{InvolvementKind, Purpose, Role, SectionSet};
use crate::domain::staff::Mark;
use crate::identity::Caller;

/// Proof that the gate was opened, once, for one subject. Consumed by the release of the answer.
#[derive(Debug)]
pub struct Permit<S> {
    pub(super) subject: S,
    pub(super) holder: Holder,
    pub(super) trail: Trail,
}

/// Who holds a permit.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) organisation: OrganisationId,
    pub(super) system: SystemId,
    pub(super) role: Role,
    pub(super) purpose: Purpose,
    /// The handle by which a child was asked about, as it resolved in this request, with the child.
    pub(super) handle: Option<(PupilId, String)>,
}

/// A permit about one child.
#[derive(Debug)]
pub struct OfChild {
    pub(super) pupil: PupilId,
    pub(super) reach: Reach,
    pub(super) sections: SectionSet,
    pub(super) asked: SectionSet,
    /// What a shield alone keeps from the holder, and where it can ring.
    pub(super) not_given: SectionSet,
    pub(super) ring: Option<String>,
}

/// Which of a child's enrolments a permit reaches.
#[derive(Clone, Debug)]
pub(super) enum Reach {
    /// Every enrolment that is not protected, but those at these schools: an agency's relationship is with the child, and a
    /// shield may hide where it is now.
    NotAt(Vec<SchoolId>),
    /// Every enrolment, protected ones too: of those who protect the child, and whom they accept.
    Whole,
    /// None.
    Nothing,
    /// The enrolment at this school, protected or not: its own register.
    At(SchoolId),
    /// The same, and as far as `sections` go the other school of a dual registration.
    Dual {
        /// The own school.
        own: SchoolId,
        /// The other, whose enrolment is live and not protected, and which has recorded the own school as the own has it.
        other: SchoolId,
        /// What may be told of the other's register.
        sections: SectionSet,
    },
    /// Enrolments at these schools that are not protected: an authority's attendance duty.
    Among(Vec<SchoolId>),
}

impl Reach {
    /// Whether an enrolment at this school, protected or not, is within it.
    pub(super) fn covers(&self, school: SchoolId, protected: bool) -> bool {
        match self {
            Self::NotAt(hidden) => !protected && !hidden.contains(&school),
            Self::Whole => true,
            Self::Nothing => false,
            Self::At(own) | Self::Dual { own, .. } => *own == school,
            Self::Among(schools) => !protected && schools.contains(&school),
        }
    }
}

/// A permit to ask about many children, and about none of them yet: each is decided when its line is due.
#[derive(Debug)]
pub struct OfMany {
    pub(super) caller: Caller,
    pub(super) sections: SectionSet,
}

/// A permit about a school's own registers.
#[derive(Debug)]
pub struct OfSchool {
    pub(super) school: SchoolId,
    pub(super) sent_by: Option<SystemId>,
}

/// A permit to a school's figures, and to no child of it.
#[derive(Debug)]
pub struct OfFigures {
    pub(super) school: SchoolId,
    pub(super) outside: bool,
    pub(super) social_worker: bool,
}

/// A permit about the caller's own organisation, and no child.
#[derive(Debug)]
pub struct OfOrganisation {
    pub(super) kinds: Vec<InvolvementKind>,
}

/// A permit of a data matcher, to the children whom ambiguous claims may be about.
#[derive(Debug)]
pub struct OfMatching {
    pub(super) candidates: Vec<PupilId>,
}

/// A permit of a proved person about their own organisation, and no child.
#[derive(Debug)]
pub struct OfPerson {
    pub(super) caller: Caller,
    pub(super) person: String,
}

/// A permit of a proved person to set a bar on one child, or to lift it, and to none of its data.
#[derive(Debug)]
pub struct OfBarred {
    pub(super) pupil: PupilId,
    pub(super) caller: Caller,
    pub(super) person: String,
    pub(super) school: Option<SchoolId>,
    pub(super) schools: Vec<SchoolId>,
    pub(super) flagged: bool,
}

/// A permit about the caller's own system's certificates, and no data.
#[derive(Debug)]
pub struct OfOwnSystem;

/// A permit to be told of changes, and to no child yet: each is opened by itself.
#[derive(Debug)]
pub struct OfFollowed {
    pub(super) caller: Caller,
}

impl<S> Permit<S> {
    /// The organisation that holds the permit.
    pub fn organisation(&self) -> OrganisationId {
        self.holder.organisation
    }

    /// The system through which it acts.
    pub fn system(&self) -> SystemId {
        self.holder.system
    }

    /// The role in which it acts.
    pub fn role(&self) -> Role {
        self.holder.role
    }

    /// The purpose for which it acts.
    pub fn purpose(&self) -> Purpose {
        self.holder.purpose
    }
}

impl<S> Permit<S> {
    /// The person who acts, as the entry names them; empty where only a system is known.
    pub fn asserted_person(&self) -> String {
        self.trail.look(|e| e.person.clone()).unwrap_or_default()
    }

    /// Notes in the request's entry which record it is about, where that is no child.
    pub fn note_record(&self, record: String) {
        self.trail.note(|e| e.record = Some(record));
    }

    /// Notes in the request's entry which record is written, and the digest of what was sent for it.
    pub fn note_written(&self, record: String, sent: &[u8]) {
        self.note_written_digest(record, crate::crypto::sha256(&[sent]));
    }

    /// Says in the entry, as one word of ours, what somebody should look at.
    pub fn note_reason(&self, reason: &'static str) {
        self.trail.note(|e| e.reason = Some(reason.to_owned()));
    }

    /// Says in the entry, as one word of ours, that nothing is given after all, and why: the same for every child.
    pub fn note_refused(&self, reason: &'static str) {
        self.note_reason(reason);
        self.trail.note(|e| e.decision = crate::audit::Decision::Refused);
    }

    /// Says in the entry, as one word of ours, why nothing was done: what was sent is at fault.
    pub fn note_malformed(&self, reason: &'static str) {
        self.note_reason(reason);
        self.trail.note(|e| e.decision = crate::audit::Decision::Malformed);
    }

    /// The same as [`Self::note_written`] where the digest is at hand: SHA-256 of what was sent.
    pub fn note_written_digest(&self, record: String, sent: [u8; 32]) {
        self.trail.note(|e| (e.record, e.written) = (Some(record), Some(crate::audit::Digest(sent))));
    }
}

impl Permit<OfChild> {
    /// The child; internal, for readers below the gate.
    pub fn pupil(&self) -> PupilId {
        self.subject.pupil
    }

    /// The sections to give: permitted, and asked for.
    pub fn sections(&self) -> SectionSet {
        self.subject.sections.and(self.subject.asked)
    }

    /// The sections that the holder is entitled to, whatever was asked for: who holds `sessions` sees figures live.
    pub fn entitled(&self) -> SectionSet {
        self.subject.sections
    }

    /// The sections asked for that a shield alone keeps from the holder, who is tied to the child and knows of it.
    pub fn not_given(&self) -> SectionSet {
        self.subject.not_given
    }

    /// Where the holder can ring instead, where there is such a number.
    pub fn ring(&self) -> Option<&str> {
        self.subject.ring.as_deref()
    }

    /// Whether an enrolment of the child is within the permit, with all its sections.
    pub fn reaches(&self, school: SchoolId, protected: bool) -> bool {
        self.subject.reach.covers(school, protected)
    }

    /// The other school of a dual registration, of whose register the permit gives [`Self::counterpart_sections`].
    pub fn counterpart(&self) -> Option<SchoolId> {
        match &self.subject.reach {
            Reach::Dual { other, .. } => Some(*other),
            Reach::NotAt(_) | Reach::Whole | Reach::Nothing | Reach::At(_) | Reach::Among(_) => None,
        }
    }

    /// The sections that may be told of the other school's register; of `sessions` only those that the own register
    /// marks D.
    pub fn counterpart_sections(&self) -> SectionSet {
        match &self.subject.reach {
            Reach::Dual { sections, .. } => *sections,
            Reach::NotAt(_) | Reach::Whole | Reach::Nothing | Reach::At(_) | Reach::Among(_) => {
                SectionSet::EMPTY
            }
        }
    }

    /// Whether the holder is anybody but the child's own school: then every answer carries the caution.
    pub fn is_an_agency(&self) -> bool {
        !matches!(self.subject.reach, Reach::At(_) | Reach::Dual { .. })
    }
}

impl Permit<OfOrganisation> {
    /// The kinds of involvement that the holder's system may feed.
    pub fn kinds(&self) -> &[InvolvementKind] {
        &self.subject.kinds
    }
}

impl Permit<OfMatching> {
    /// The children whom the permit reaches: candidates for claims that were looked at under it.
    pub fn candidates(&self) -> &[PupilId] {
        &self.subject.candidates
    }
}

impl Permit<OfPerson> {
    /// The person, as entries write them.
    pub fn person(&self) -> &str {
        &self.subject.person
    }

    /// The organisation whose person it is: of another that acts for the holder, that one.
    pub fn own_organisation(&self) -> OrganisationId {
        let caller = &self.subject.caller;
        caller.by.as_ref().map_or(caller.organisation.id, |own| own.id)
    }

    /// Codes of the person's teams.
    pub fn teams(&self) -> &[String] {
        self.subject.caller.person.as_ref().map_or(&[], |person| &person.teams)
    }

    /// Notes in the request's entry a mark of the person's, on which what is asked rests.
    pub fn note_mark(&self, mark: Mark) {
        self.trail.note(|e| super::open::note_mark(e, mark, None));
    }

    /// Notes in the request's entry which child it turned out to be about.
    pub fn note_child(&self, pupil: PupilId) {
        self.trail.note(|e| e.child = Some(pupil));
    }
}

impl Permit<OfBarred> {
    /// The child; internal, for what is written about it.
    pub fn pupil(&self) -> PupilId {
        self.subject.pupil
    }

    /// The person, as entries write them.
    pub fn person(&self) -> &str {
        &self.subject.person
    }

    /// The organisation whose person it is: of another that acts for the holder, that one.
    pub fn own_organisation(&self) -> OrganisationId {
        let caller = &self.subject.caller;
        caller.by.as_ref().map_or(caller.organisation.id, |own| own.id)
    }

    /// The schools at which the child's enrolment goes on: to a safeguarding lead, the own.
    pub fn schools(&self) -> &[SchoolId] {
        &self.subject.schools
    }

    /// Whether any of the child's enrolments is protected already.
    pub fn is_flagged(&self) -> bool {
        self.subject.flagged
    }

    /// The school whose safeguarding lead it is, where it is one's.
    pub fn school(&self) -> Option<SchoolId> {
        self.subject.school
    }
}

impl Permit<OfFigures> {
    /// The school whose figures the permit is about.
    pub fn school(&self) -> SchoolId {
        self.subject.school
    }

    /// Whether the holder is anybody but the school itself: then only what has been published for outsiders is given.
    pub fn is_outside(&self) -> bool {
        self.subject.outside
    }

    /// Whether the holder sees the cohort of children with a social worker as it is.
    pub fn sees_social_worker(&self) -> bool {
        self.subject.social_worker
    }
}

impl Permit<OfSchool> {
    /// The school whose registers the permit is about.
    pub fn school(&self) -> SchoolId {
        self.subject.school
    }

    /// The system whose own uploads are all that may be read: whoever acts under a mandate learns of no other.
    pub fn only_sent_by(&self) -> Option<SystemId> {
        self.subject.sent_by
    }
}
