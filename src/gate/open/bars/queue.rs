//! Whose queue a person works through: of their teams, of those that these cover now, and by their marks.

use super::super::super::Gate;
use super::super::super::permit::{OfPerson, Permit};
use crate::domain::calendar::london;
use crate::domain::identifiers::{OrganisationId, TeamId};
use crate::domain::staff::Mark;

/// Whose items a person may see and decide.
#[derive(Clone, Debug)]
pub struct QueueOf {
    /// The organisations that they act for and are of.
    pub organisations: Vec<OrganisationId>,
    /// Teams.
    pub teams: Vec<TeamId>,
    /// Whether they lead on safeguarding in education, and so see what waits for no team.
    pub leads: bool,
    /// Whether they are a senior officer, and so see what nobody answered in time.
    pub senior: bool,
}

impl Gate {
    /// Whose queue the person of a permit works through now.
    pub fn queue_of(&self, permit: &Permit<OfPerson>) -> QueueOf {
        let caller = &permit.subject.caller;
        let directory = self.directory().current();
        let own = caller.by.as_ref().map_or(caller.organisation.id, |own| own.id);
        let codes = caller.person.iter().flat_map(|person| &person.teams);
        let mut teams: Vec<TeamId> =
            codes.filter_map(|code| directory.team(own, code)).map(|t| t.id).collect();
        let now = london(self.clock().now());
        let covered: Vec<TeamId> =
            teams.iter().flat_map(|team| directory.covered_teams(*team, now)).map(|(team, _)| team).collect();
        teams.extend(covered);
        QueueOf {
            organisations: vec![caller.organisation.id, own],
            teams,
            leads: caller.has_mark(Mark::EducationSafeguardingLead),
            senior: caller.has_mark(Mark::SeniorOfficer),
        }
    }
}
