//! How a caller is tied to a child, and what stands against it: what the policy's question is made from.

use super::bars::Against;
use crate::audit::Entry;
use crate::directory::ByTeam;
use crate::domain::identifiers::SchoolId;
use crate::domain::purpose::{InvolvementKind, SectionSet};
use crate::domain::staff::{Mark, Marked};
use crate::identity::Caller;
use crate::policy::{Relationship, Sections};
use crate::relationships::Case;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How a caller is tied to a child, now.
#[derive(Clone, Debug)]
pub(super) enum Tie {
    /// By a live involvement, selected by its case reference; in the user lane of a team of the person's, or one that it
    /// covers.
    Case(Case, ByTeam),
    /// By an enrolment at the caller's own school; and the other school of a dual registration that both have recorded.
    OwnSchool(SchoolId, Option<SchoolId>),
    /// By enrolments at schools whose returns come to the caller, with a written authorisation on record.
    Officer(Vec<SchoolId>),
    /// By the person's own claim of an emergency; whether it is open, and whether those who protect the child released it.
    Emergency {
        /// The claim.
        id: Uuid,
        /// Whether it is within its thirty minutes.
        live: bool,
        /// When those who protect the child released it.
        accepted_at: Option<DateTime<Utc>>,
    },
    /// By being one of those who protect the child.
    Protecting,
}

/// A tie, with what stands against it.
#[derive(Clone, Debug)]
pub(super) struct Tied {
    pub(super) tie: Tie,
    pub(super) against: Against,
    /// Whether the person who asks is in conflict with the child.
    pub(super) in_conflict: bool,
}

/// What the policy says under a tie.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) tied: Tied,
    pub(super) given: Sections,
    /// What a shield alone keeps from a caller who is tied to the child already, and so may know of it.
    pub(super) not_given: SectionSet,
}

impl Tie {
    pub(super) fn relationship(&self) -> Relationship {
        match self {
            Self::Case(case, _) => Relationship::Involvement(case.kind, case.family_agreement),
            Self::OwnSchool(..) => Relationship::Enrolment,
            Self::Officer(_) => Relationship::AuthorisedOfficer,
            Self::Emergency { live, .. } => Relationship::Emergency(*live),
            Self::Protecting => Relationship::ProtectingTeam,
        }
    }

    /// Writes the relationship fact that the decision used into the entry.
    pub(super) fn note(&self, entry: &mut Entry) {
        match self {
            Self::Case(case, by) => {
                entry.by_cover = *by == ByTeam::Cover;
                entry.relationship = Some(format!("involvement {}", case.kind));
                entry.involvement = Some(case.id);
                entry.case_reference = Some(case.case_reference.clone());
            }
            Self::OwnSchool(_, None) => entry.relationship = Some("enrolment at own school".to_owned()),
            Self::OwnSchool(_, Some(_)) => {
                entry.relationship =
                    Some("enrolment at own school, dual registration that both schools recorded".to_owned());
            }
            Self::Officer(_) => {
                entry.relationship = Some("enrolment, officer authorised under reg 12".to_owned());
            }
            Self::Emergency { id, live, accepted_at } => {
                let state = if *live { "open" } else { "over" };
                let by = if accepted_at.is_some() { ", released by those who protect the child" } else { "" };
                entry.relationship = Some(format!("emergency, {state}{by}"));
                entry.record = Some(format!("emergency {id}"));
            }
            Self::Protecting => entry.relationship = Some("protects the child".to_owned()),
        }
    }
}

impl Tied {
    /// Writes the tie, and the mark that it rests on where it does on one, into the entry.
    pub(super) fn note(&self, entry: &mut Entry) {
        self.tie.note(entry);
        if let Some(mark) = self.against.by_mark() {
            note_mark(entry, mark, None);
        }
    }

    /// The kind of the case, where it is one.
    pub(super) fn kind(&self) -> Option<InvolvementKind> {
        match &self.tie {
            Tie::Case(case, _) => Some(case.kind),
            Tie::OwnSchool(..) | Tie::Officer(_) | Tie::Emergency { .. } | Tie::Protecting => None,
        }
    }

    /// Whether it is a case of the caller's purpose that the reference selects: several kinds of case may stand under one
    /// number, and one that the caller's role may not use must not hide one that it may.
    pub(super) fn matches(&self, caller: &Caller, reference: Option<&str>) -> bool {
        match &self.tie {
            Tie::Case(case, _) => {
                case.kind.purpose() == caller.purpose && reference.is_none_or(|r| r == case.case_reference)
            }
            Tie::OwnSchool(..) | Tie::Officer(_) | Tie::Emergency { .. } | Tie::Protecting => false,
        }
    }
}

/// Names a mark in an entry, on which what was asked rests; a manager's of a team with that.
pub(in super::super) fn note_mark(entry: &mut Entry, mark: Mark, team: Option<&str>) {
    let relied = Marked { mark, team: team.map(str::to_owned) }.to_string();
    if !entry.marks.contains(&relied) {
        entry.marks.push(relied);
    }
}
