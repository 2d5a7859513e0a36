//! What stands between a caller and a child, and who may see it all the same.
//!
//! One place says whom a line names. What follows from it is policy, and how far a permit reaches.

mod child;
mod claims;
mod emergency;
mod person;
mod queue;
mod telling;
mod weighing;

pub use claims::{Asker, Protector};
pub use queue::QueueOf;
pub use telling::OpenCase;

use self::weighing::{Since, standing};
use super::super::Gate;
use super::Refusal;
use super::decide::Known;
use super::tie::{Tie, Tied};
use crate::directory::Directory;
use crate::domain::bars::BarSort;
use crate::domain::identifiers::{SchoolId, TeamId};
use crate::domain::staff::Mark;
use crate::identity::Caller;
use crate::relationships::{Bar, Enrolled, Whom};
use uuid::Uuid;

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
    /// The mark without which the caller would not be one of those who protect the child.
    by_mark: Option<Mark>,
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
        enrolled.iter().any(|e| (self.sees_protected || !e.protected) && !self.hides.contains(&e.school))
    }

    /// Says on which mark it rests that the caller protects the child.
    fn rest_on(&mut self, mark: Mark) {
        self.by_mark = Some(mark);
    }

    /// The mark without which the caller would not be one of those who protect the child.
    pub(super) fn by_mark(&self) -> Option<Mark> {
        self.by_mark
    }
}

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
        let mut against = Against::default_of(tie);
        if known.bars.is_empty() {
            return against;
        }
        let directory = self.directory().current();
        let of_tie = team_of(&directory, caller, tie);
        let named = |whom: &Whom| names(&directory, caller, of_tie, whom);
        let protects = self.protects(caller, of_tie, &known.bars);
        if let Some(by) = protects {
            against.by_mark = by.mark().filter(|_| !against.sees_protected);
            against.sees_protected = true;
        }
        let since = Since::of(tie);
        if protects.is_none() {
            let shields = standing(&known.bars, &named, since);
            let mut whole = shields.iter().filter(|bar| bar.sort == BarSort::Shield);
            // Who came to the child only after a shield knows nothing of it.
            against.knows &= !matches!(tie, Tie::Case(..)) || whole.clone().all(|bar| since.is_before(bar));
            let shielded = whole.next_back().map(|bar| bar.source);
            against.shielded = shielded.is_some();
            against.protector = shielded.and_then(|source| seeing(&known.bars, source));
            if shields.iter().any(|bar| bar.sort == BarSort::Whereabouts) {
                against.hides = known.enrolled.iter().filter(|e| e.current).map(|e| e.school).collect();
            }
        }
        let says = |sort| known.bars.iter().any(|bar| bar.sort == sort && named(&bar.whom));
        against.conflict = says(BarSort::Conflict);
        against.withheld = says(BarSort::Withheld);
        against
    }

    /// Whether a caller is one of those who protect a child by what stands on record, and how: a person of the team, or who
    /// leads on safeguarding for the authority; without a person, a case of the team.
    pub(super) fn protects(&self, caller: &Caller, of_tie: Option<TeamId>, bars: &[Bar]) -> Option<Protects> {
        let directory = self.directory().current();
        let by = |bar: &Bar| match &bar.whom {
            Whom::Team(team) if of_tie == Some(*team) || in_team(&directory, caller, *team) => {
                Some(Protects::OfTeam)
            }
            Whom::Lead(authority)
                if caller.organisation.id == *authority
                    && caller.has_mark(Mark::EducationSafeguardingLead) =>
            {
                Some(Protects::AsLead)
            }
            Whom::Team(_) | Whom::Lead(_) | Whom::Organisation(_) | Whom::Person { .. } => None,
        };
        // By the team, where both hold: then nothing rests on the mark.
        bars.iter().filter(|bar| bar.sort == BarSort::Protects).filter_map(by).min()
    }
}

/// How a caller is one of those who protect a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protects {
    /// By the team.
    OfTeam,
    /// By the mark of the authority's education safeguarding lead.
    AsLead,
}

impl Protects {
    /// The mark on which it rests.
    pub(super) fn mark(self) -> Option<Mark> {
        match self {
            Self::OfTeam => None,
            Self::AsLead => Some(Mark::EducationSafeguardingLead),
        }
    }
}

/// The first team that a shield leaves.
fn seeing(bars: &[Bar], source: Uuid) -> Option<TeamId> {
    bars.iter().filter(|bar| bar.source == source && bar.sort == BarSort::Sees).find_map(|bar| {
        match &bar.whom {
            Whom::Team(team) => Some(*team),
            Whom::Organisation(_) | Whom::Person { .. } | Whom::Lead(_) => None,
        }
    })
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
            Tie::Case(case, _) => (true, case.accepted_at.is_some()),
            Tie::Emergency { accepted_at, .. } => (false, accepted_at.is_some()),
            Tie::OwnSchool(..) | Tie::Officer(_) | Tie::Protecting => (true, false),
        };
        Self { knows, sees_protected, ..Self::default() }
    }
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
        Whom::Person { key, .. } => {
            caller.person.as_ref().is_some_and(|person| person.key.to_string() == *key)
        }
        Whom::Lead(_) => false,
    }
}
