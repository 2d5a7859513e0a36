//! Which teams' cases are a person's: those of the teams that they are in.

use super::super::Directory;
use crate::domain::identifiers::OrganisationId;
use chrono::{DateTime, Utc};

/// How a case of a team comes to be a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByTeam {
    /// They are in the team.
    Own,
    /// They are in a team that covers it.
    Cover,
}

impl Directory {
    /// Whether a case of this team is one of a person in these teams, and how; codes of one organisation's teams.
    ///
    /// The one place that says so. No team covers another here: that takes a record of who covers whom, and in which hours.
    pub fn by_team(
        &self,
        organisation: OrganisationId,
        own: &[String],
        team: &str,
        _at: DateTime<Utc>,
    ) -> Option<ByTeam> {
        let is_own = own.iter().any(|code| code == team) && self.team(organisation, team).is_some();
        is_own.then_some(ByTeam::Own)
    }
}
