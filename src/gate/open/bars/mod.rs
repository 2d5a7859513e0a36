//! What stands between a caller and a child, and who may see it all the same.
//!
//! One place says whom a line names. What follows from it is policy, and how far a permit reaches.

mod child;
mod claims;
mod emergency;
mod person;
mod queue;

pub use claims::{Asker, Protector};
pub use queue::QueueOf;

use super::super::Gate;
use super::Refusal;
use super::decide::Known;
use super::tie::{Tie, Tied};
use crate::directory::Directory;
use crate::domain::bars::BarSort;
use crate::domain::identifiers::{SchoolId, TeamId};
use crate::domain::purpose::InvolvementKind;
use crate::domain::staff::Mark;
use crate::identity::Caller;
use crate::relationships::{Bar, Enrolled, Whom};

/// What stands against a tie, and what it is let see all the same.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and several may hold at once")]
pub(in super::super) struct Against {
    shielded: bool,
    conflict: bool,
    withheld: bool,
    /// Whether a caller who meets a shield knows of the child already: by a tie that was there before it.
    knows: bool,
    /// Whether the caller is one of those who protect the child, or was accepted by them.
    sees_protected: bool,
    /// Schools at which a shield of the whereabouts hides the child.
    hides: Vec<SchoolId>,
    /// The team that protects the child, by the shield.
    protector: Option<TeamId>,
}

impl Against {
    /// Whether a shield stands, or the caller is in conflict with the child.
    pub(super) fn is_shielded(&self) -> bool {
        self.shielded || self.conflict
    }

    /// Whether it was decided that the caller is not told.
    pub(super) fn is_withheld(&self) -> bool {
        self.withheld
    }

    /// Whether nothing but a shield stands, and the caller knows of the child already.
    pub(super) fn may_know(&self) -> bool {
        self.shielded && self.knows && !self.is_hidden()
    }

    /// Whether the child must look as if it were not there.
    pub(super) fn is_hidden(&self) -> bool {
        self.conflict || self.withheld || (self.shielded && !self.knows)
    }

    /// Whether protected enrolments are there too.
    pub(super) fn sees_protected(&self) -> bool {
        self.sees_protected
    }

    /// The schools at which the child is not there.
    pub(super) fn hides(&self) -> &[SchoolId] {
        &self.hides
    }

    /// Whether there is any enrolment that is there.
    pub(super) fn lets_any(&self, enrolled: &[Enrolled]) -> bool {
        enrolled.iter().any(|e| self.sees_protected || (!e.protected && !self.hides.contains(&e.school)))
    }
}

/// Live cases of these kinds are exempt from shields, of whichever authority; not from being named in conflict.
const EXEMPT: [InvolvementKind; 3] =
    [InvolvementKind::Section47Enquiry, InvolvementKind::Cp, InvolvementKind::Cla];

impl Gate {
    /// A tie with what stands against it.
    pub(super) fn weighed(&self, caller: &Caller, known: &Known, tie: Tie) -> Tied {
        let against = self.against(caller, known, &tie);
        Tied { tie, against, in_conflict: known.in_conflict }
    }

    /// The number of a team that protects a child from a shield's caller, as the directory has it.
    pub(super) fn to_ring(&self, tied: &Tied) -> Option<String> {
        let directory = self.directory().current();
        let team = directory.teams.get(&tied.against.protector?)?;
        Some(team.telephone.clone()).filter(|number| !number.is_empty())
    }

    fn against(&self, caller: &Caller, known: &Known, tie: &Tie) -> Against {
        if known.bars.is_empty() {
            return Against::default_of(tie);
        }
        let directory = self.directory().current();
        let of_tie = team_of(&directory, caller, tie);
        let named = |bar: &&Bar| names(&directory, caller, of_tie, &bar.whom);
        let mut against = Against::default_of(tie);
        against.sees_protected |= known
            .bars
            .iter()
            .any(|bar| bar.sort == BarSort::Protects && self.is_protecting(caller, of_tie, bar));
        let left = |shield: &Bar| {
            known
                .bars
                .iter()
                .filter(named)
                .any(|bar| bar.sort == BarSort::Sees && bar.source == shield.source)
        };
        let free = against.sees_protected || is_exempt(tie);
        let (mut shielded, mut whereabouts) = (None, false);
        for bar in known.bars.iter().filter(named) {
            match bar.sort {
                BarSort::Shield if !free && !left(bar) => shielded = Some(bar.source),
                BarSort::Whereabouts if !free && !left(bar) => whereabouts = true,
                BarSort::Conflict => against.conflict = true,
                BarSort::Withheld => against.withheld = true,
                BarSort::Shield | BarSort::Whereabouts | BarSort::Sees | BarSort::Protects => {}
            }
        }
        if whereabouts {
            against.hides = known.enrolled.iter().filter(|e| e.current).map(|e| e.school).collect();
        }
        against.shielded = shielded.is_some();
        against.protector = shielded.and_then(|source| {
            known.bars.iter().filter(|bar| bar.source == source && bar.sort == BarSort::Sees).find_map(
                |bar| match &bar.whom {
                    Whom::Team(team) => Some(*team),
                    Whom::Organisation(_) | Whom::Person(_) | Whom::Lead(_) => None,
                },
            )
        });
        against
    }

    /// Whether a caller is one of those whom a line names as protecting the child: a person of the team, or who leads on
    /// safeguarding for the authority; without a person, a case of the team.
    pub(super) fn is_protecting(&self, caller: &Caller, of_tie: Option<TeamId>, bar: &Bar) -> bool {
        let directory = self.directory().current();
        match &bar.whom {
            Whom::Team(team) => of_tie == Some(*team) || in_team(&directory, caller, *team),
            Whom::Lead(authority) => {
                caller.organisation.id == *authority && caller.has_mark(Mark::EducationSafeguardingLead)
            }
            Whom::Organisation(_) | Whom::Person(_) => false,
        }
    }
}

impl Gate {
    /// Whether a caller leads on safeguarding for the authority of a school that protects the child: who protects it where
    /// nothing but a file raised the flag.
    pub(super) fn leads_for(&self, caller: &Caller, enrolled: &[Enrolled]) -> bool {
        let directory = self.directory().current();
        let here =
            |school| directory.school(school).is_some_and(|s| s.returns_to == Some(caller.organisation.id));
        enrolled.iter().any(|e| e.protected && here(e.school))
            && caller.has_mark(Mark::EducationSafeguardingLead)
    }
}

/// An officer's tie without the schools at which the child is hidden; without any left there is nobody.
pub(super) fn officers(tied: Tied) -> Result<Tied, Refusal> {
    let Tied { tie: Tie::Officer(mut schools), against, in_conflict } = tied else { return Ok(tied) };
    schools.retain(|school| !against.hides.contains(school));
    if schools.is_empty() {
        return Err(Refusal::NotFound);
    }
    Ok(Tied { tie: Tie::Officer(schools), against, in_conflict })
}

impl Against {
    /// Before any line is looked at: of an emergency nobody knows of the child, of any other tie they do.
    fn default_of(tie: &Tie) -> Self {
        let (knows, sees_protected) = match tie {
            Tie::Case(case, _) => (true, case.accepted),
            Tie::Emergency { accepted, .. } => (false, *accepted),
            Tie::OwnSchool(..) | Tie::Officer(_) | Tie::Protecting => (true, false),
        };
        Self { knows, sees_protected, ..Self::default() }
    }
}

/// Whether a live case is of a kind that no shield stands against.
fn is_exempt(tie: &Tie) -> bool {
    matches!(tie, Tie::Case(case, _) if EXEMPT.contains(&case.kind))
}

/// The team whose case it is.
fn team_of(directory: &Directory, caller: &Caller, tie: &Tie) -> Option<TeamId> {
    match tie {
        Tie::Case(case, _) => directory.team(caller.organisation.id, &case.team).map(|team| team.id),
        Tie::OwnSchool(..) | Tie::Officer(_) | Tie::Emergency { .. } | Tie::Protecting => None,
    }
}

/// Whether the caller's person is in a team.
fn in_team(directory: &Directory, caller: &Caller, team: TeamId) -> bool {
    let own = caller.by.as_ref().map_or(caller.organisation.id, |own| own.id);
    caller.person.as_ref().is_some_and(|person| {
        person.teams.iter().any(|code| directory.team(own, code).is_some_and(|t| t.id == team))
    })
}

/// Whether a line names a caller, by whatever it is tied: its organisation, or the one that acts for it; a team that the
/// person is in, or whose case it is; the person.
fn names(directory: &Directory, caller: &Caller, of_tie: Option<TeamId>, whom: &Whom) -> bool {
    match whom {
        Whom::Organisation(id) => {
            caller.organisation.id == *id || caller.by.as_ref().is_some_and(|own| own.id == *id)
        }
        Whom::Team(team) => of_tie == Some(*team) || in_team(directory, caller, *team),
        Whom::Person(key) => caller.person.as_ref().is_some_and(|person| person.key.to_string() == *key),
        Whom::Lead(_) => false,
    }
}
