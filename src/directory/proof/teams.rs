//! Which teams' cases are a person's: those of the teams that they are in, and of those that these cover.

use super::super::Directory;
use crate::domain::calendar::london;
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
    /// The one place that says so. A team covers another at the hours that the directory records, London time.
    pub fn by_team(
        &self,
        organisation: OrganisationId,
        own: &[String],
        team: &str,
        at: DateTime<Utc>,
    ) -> Option<ByTeam> {
        let case = self.team(organisation, team)?;
        if own.iter().any(|code| code == team) {
            return Some(ByTeam::Own);
        }
        let mine = own.iter().filter_map(|code| self.team(organisation, code)).filter(|mine| !mine.ended);
        let mut covered = mine.flat_map(|mine| self.covered_teams(mine.id, london(at)));
        covered.any(|(covered, _)| covered == case.id).then_some(ByTeam::Cover)
    }
}
