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
    /// Whether a case of a team of one organisation is that of a person, and how. The person's teams are codes of their own
    /// organisation's, which is another where it acts for the first: a team of the same code there is not theirs.
    ///
    /// The one place that says so. A team covers another at the hours that the directory records, London time.
    pub fn by_team(
        &self,
        (organisation, team): (OrganisationId, &str),
        (own, teams): (OrganisationId, &[String]),
        at: DateTime<Utc>,
    ) -> Option<ByTeam> {
        let case = self.team(organisation, team)?.id;
        let mine = || teams.iter().filter_map(|code| self.team(own, code)).filter(|mine| !mine.ended);
        if mine().any(|mine| mine.id == case) {
            return Some(ByTeam::Own);
        }
        let mut covered = mine().flat_map(|mine| self.covered_teams(mine.id, london(at)));
        covered.any(|(covered, _)| covered == case).then_some(ByTeam::Cover)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Cover, Team};
    use crate::domain::identifiers::TeamId;
    use crate::domain::staff::{CoverKind, Hours};
    use uuid::Uuid;

    #[test]
    fn a_team_of_the_same_code_elsewhere_is_another_team() {
        let (authority, night) = (OrganisationId(Uuid::from_u128(1)), OrganisationId(Uuid::from_u128(2)));
        let mut directory = Directory::default();
        for (id, organisation, code) in [(1, authority, "duty"), (2, night, "duty"), (3, night, "late")] {
            let (id, code, name) = (TeamId(Uuid::from_u128(id)), code.to_owned(), code.to_owned());
            directory
                .teams
                .insert(id, Team { id, organisation, code, name, ended: false, telephone: String::new() });
        }
        let at = "2026-11-20T12:00:00Z".parse().unwrap();
        let by = |directory: &Directory, own, team: &str| {
            directory.by_team((authority, "duty"), (own, &[team.to_owned()]), at)
        };
        assert_eq!(by(&directory, authority, "duty"), Some(ByTeam::Own));
        assert_eq!(by(&directory, night, "duty"), None, "the same word, and another team");
        let day = |text: &str| text.parse().unwrap();
        directory.covers.push(Cover {
            team: TeamId(Uuid::from_u128(3)),
            covered: TeamId(Uuid::from_u128(1)),
            kind: CoverKind::OutOfHours,
            hours: Hours::parse("always").unwrap(),
            hours_text: "always".to_owned(),
            valid_from: day("2026-01-01"),
            valid_until: day("2026-12-31"),
        });
        assert_eq!(by(&directory, night, "late"), Some(ByTeam::Cover));
        assert_eq!(by(&directory, night, "duty"), None);
        directory.teams.get_mut(&TeamId(Uuid::from_u128(3))).unwrap().ended = true;
        assert_eq!(by(&directory, night, "late"), None, "a team that has ended covers nobody");
    }
}
