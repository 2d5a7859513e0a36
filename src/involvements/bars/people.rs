//! Whom a bar names, as it is sent, and held against the directory: nothing here depends on any child.

use super::lines::Line;
use crate::directory::{Directory, Organisation, PersonKey, Team};
use crate::domain::bars::{BarSort, WhomKind};
use crate::domain::organisation::OrganisationKind;
use crate::http::{Error, ProblemKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An organisation of the directory, or one team or one person of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhomBody {
    /// Code of the organisation.
    pub(super) organisation: String,
    /// Code of one of its teams.
    #[serde(default)]
    pub(super) team: Option<String>,
    /// One of its persons.
    #[serde(default)]
    pub(super) person: Option<PersonBody>,
}

/// A person, as their identity provider names them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonBody {
    /// `iss` of the provider's tokens.
    issuer: String,
    /// Of the provider; empty where it has one only.
    #[serde(default)]
    tenant: String,
    /// `sub` of the provider's tokens.
    subject: String,
}

impl PersonBody {
    /// As entries write them.
    pub(super) fn key(&self) -> PersonKey {
        PersonKey { issuer: self.issuer.clone(), tenant: self.tenant.clone(), subject: self.subject.clone() }
    }
}

/// A team of an organisation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamBody {
    /// Code of the organisation.
    pub(super) organisation: String,
    /// Code of the team.
    pub(super) team: String,
}

/// Entries of a bar at most.
const MOST: usize = 50;

fn bad(detail: impl Into<String>) -> Error {
    Error::problem(ProblemKind::BadRequest, detail)
}

/// The lines of whom a bar names. Never social care as a kind: of an authority, and of whoever does its social work, only
/// teams and persons; and from a school none of either.
pub(super) fn named(
    directory: &Directory,
    (whom, sort): (&[WhomBody], BarSort),
    by_school: bool,
) -> Result<Vec<Line>, Error> {
    if whom.is_empty() || whom.len() > MOST {
        return Err(bad("name 1 to 50 organisations, teams or persons"));
    }
    whom.iter().map(|one| line(directory, one, sort, by_school)).collect()
}

fn line(directory: &Directory, one: &WhomBody, sort: BarSort, by_school: bool) -> Result<Line, Error> {
    let organisation = directory.organisation_by_code(&one.organisation);
    let organisation = organisation.ok_or_else(|| bad("`organisation` is not one of the directory"))?;
    let social_care = does_social_care(directory, organisation);
    if social_care && by_school {
        let detail = "a school sets no bar against an authority, nor against whoever acts for one";
        return Err(Error::problem(ProblemKind::Forbidden, detail));
    }
    match (&one.team, &one.person) {
        (Some(_), Some(_)) => Err(bad("name a team or a person, and not both in one")),
        (Some(code), None) => {
            let team = team(directory, &one.organisation, code)?;
            Ok(Line { sort, kind: WhomKind::Team, whom: team.id.0.to_string(), of: None })
        }
        (None, Some(person)) => {
            let key = person.key().to_string();
            if person.subject.is_empty() || key.chars().count() > 500 || key.chars().any(char::is_control) {
                return Err(bad("`person` must have an issuer and a subject"));
            }
            Ok(Line { sort, kind: WhomKind::Person, whom: key, of: Some(organisation.id) })
        }
        (None, None) if social_care => {
            Err(bad("of an authority, and of whoever acts for one, name teams or persons, never the whole"))
        }
        (None, None) => {
            let whom = organisation.id.0.to_string();
            Ok(Line { sort, kind: WhomKind::Organisation, whom, of: None })
        }
    }
}

fn does_social_care(directory: &Directory, organisation: &Organisation) -> bool {
    let authority =
        |id| directory.organisations.get(&id).is_some_and(|o| o.kind == OrganisationKind::LocalAuthority);
    authority(organisation.id)
        || directory.acts_for.iter().any(|a| a.organisation == organisation.id && authority(a.acted_for))
}

/// A team of the directory that takes cases.
pub(super) fn team<'a>(directory: &'a Directory, organisation: &str, code: &str) -> Result<&'a Team, Error> {
    let organisation = directory.organisation_by_code(organisation);
    let team = organisation.and_then(|o| directory.team(o.id, code));
    team.ok_or_else(|| bad("`team` is not a team of that organisation in the directory"))
}

/// The lines of the teams that a shield leaves, of which there is at least one.
pub(super) fn protecting(directory: &Directory, teams: &[TeamBody]) -> Result<Vec<Line>, Error> {
    if teams.is_empty() || teams.len() > MOST {
        return Err(bad("`protecting_teams` must name at least one team that still sees the child"));
    }
    let line = |one: &TeamBody| {
        let team = team(directory, &one.organisation, &one.team)?;
        Ok(Line { sort: BarSort::Sees, kind: WhomKind::Team, whom: team.id.0.to_string(), of: None })
    };
    teams.iter().map(line).collect()
}
