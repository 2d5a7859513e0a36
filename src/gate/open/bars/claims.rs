//! What the duty that matches claims must know of bars: whether one stands before who claims, and whom to ask.

use super::super::super::{DutyPermit, Gate};
use super::super::Refusal;
use super::weighing::{Since, standing};
use crate::directory::{ActsFor, Directory};
use crate::domain::bars::BarSort;
use crate::domain::identifiers::{OrganisationId, PupilId, TeamId};
use crate::policy::Duty;
use crate::relationships::{self, Fit, NamedChild, Whom};
use uuid::Uuid;

/// Who claims to be working with a child.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The organisation that is acted for.
    pub organisation: OrganisationId,
    /// Whose the teams are: the same, unless a person of another acts for it.
    pub own: OrganisationId,
    /// Codes of the teams: the case's, or the person's.
    pub teams: &'a [String],
    /// The person, where one claims.
    pub person: Option<&'a str>,
}

/// One of those who protect a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Protector {
    /// Whose team or lead.
    pub organisation: OrganisationId,
    /// The team; none: the education safeguarding lead.
    pub team: Option<TeamId>,
}

impl Gate {
    /// Whom the claim of an emergency fits, for the duty that matches claims and for no other.
    pub async fn fitting_named(&self, permit: &DutyPermit, named: &NamedChild) -> Result<Fit, Refusal> {
        matches_claims(permit)?;
        Ok(relationships::fitting_named(self.db(), named).await?)
    }

    /// Whether a claim may count for a child: not where a shield names who claims, unless they are of those who protect
    /// the child, and not where its whereabouts are protected, unless the same. As many statements whoever was fitted.
    pub async fn may_count(
        &self,
        permit: &DutyPermit,
        asker: Asker<'_>,
        fit: Fit,
    ) -> Result<Result<Option<PupilId>, PupilId>, Refusal> {
        matches_claims(permit)?;
        let (found, protected) = match fit {
            Fit::One(pupil) => (Some(pupil), false),
            Fit::Protected(pupil) => (Some(pupil), true),
            Fit::Nobody | Fit::Several => (None, false),
        };
        let nobody_or_found = found.unwrap_or(PupilId(Uuid::nil()));
        let bars = relationships::bars_on(self.db(), nobody_or_found, self.clock().school_now()).await?;
        let directory = self.directory().current();
        let named = |whom: &Whom| names(&directory, asker, whom);
        let says = |sort| bars.iter().any(|bar| bar.sort == sort && named(&bar.whom));
        let protects = says(BarSort::Protects);
        let shielded = !protects && !standing(&bars, &named, Since::default()).is_empty();
        let barred =
            (protected && !protects) || shielded || says(BarSort::Conflict) || says(BarSort::Withheld);
        Ok(match found {
            Some(pupil) if barred => Err(pupil),
            found => Ok(found),
        })
    }

    /// The same of a claim that is tied to a child already, and whose case another team has taken over since.
    pub async fn may_go_on(
        &self,
        permit: &DutyPermit,
        asker: Asker<'_>,
        pupil: PupilId,
    ) -> Result<bool, Refusal> {
        matches_claims(permit)?;
        let fit = self.known_fit(pupil).await?;
        Ok(self.may_count(permit, asker, fit).await?.is_ok())
    }

    /// The fit of a claim whose child somebody has said.
    pub async fn fit_of(&self, permit: &DutyPermit, pupil: PupilId) -> Result<Fit, Refusal> {
        matches_claims(permit)?;
        self.known_fit(pupil).await
    }

    async fn known_fit(&self, pupil: PupilId) -> Result<Fit, Refusal> {
        let enrolled = relationships::enrolled(self.db(), pupil, self.clock().today()).await?;
        let protected = enrolled.iter().any(|e| e.protected);
        Ok(if protected { Fit::Protected(pupil) } else { Fit::One(pupil) })
    }

    /// Those who protect a child: the teams and leads that stand so on record; where none does, the lead of the authority
    /// of each school that protects it; where none does either, the teams that its shields leave.
    pub async fn protectors(&self, permit: &DutyPermit, pupil: PupilId) -> Result<Vec<Protector>, Refusal> {
        matches_claims(permit)?;
        let (now, today) = (self.clock().school_now(), self.clock().today());
        let bars = relationships::bars_on(self.db(), pupil, now).await?;
        let enrolled = relationships::enrolled(self.db(), pupil, today).await?;
        let directory = self.directory().current();
        let on_record = |sort| {
            bars.iter().filter(move |bar| bar.sort == sort).filter_map(|bar| match &bar.whom {
                Whom::Team(team) => {
                    let organisation = directory.teams.get(team)?.organisation;
                    Some(Protector { organisation, team: Some(*team) })
                }
                Whom::Lead(authority) => Some(Protector { organisation: *authority, team: None }),
                Whom::Organisation(_) | Whom::Person { .. } => None,
            })
        };
        let mut found: Vec<Protector> = on_record(BarSort::Protects).collect();
        if found.is_empty() {
            let schools = enrolled.iter().filter(|e| e.protected).filter_map(|e| directory.school(e.school));
            found.extend(
                schools
                    .filter_map(|s| s.returns_to)
                    .map(|organisation| Protector { organisation, team: None }),
            );
        }
        if found.is_empty() {
            found.extend(on_record(BarSort::Sees));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

/// Whether a line names who claims. Where a team claims, a person of that organisation, or of one that acts for it, may be
/// in the team: nobody here knows who is.
fn names(directory: &Directory, asker: Asker<'_>, whom: &Whom) -> bool {
    match whom {
        Whom::Organisation(id) => [asker.organisation, asker.own].contains(id),
        Whom::Team(team) => asker
            .teams
            .iter()
            .any(|code| directory.team(asker.own, code).is_some_and(|known| known.id == *team)),
        Whom::Person { key, organisation } => match (asker.person, organisation) {
            (Some(person), _) => person == key,
            (None, Some(of)) => {
                let acts = |a: &ActsFor| a.organisation == *of && a.acted_for == asker.organisation;
                *of == asker.organisation || directory.acts_for.iter().any(acts)
            }
            (None, None) => false,
        },
        Whom::Lead(_) => false,
    }
}

fn matches_claims(permit: &DutyPermit) -> Result<(), Refusal> {
    if permit.is_for(Duty::MatchClaims) { Ok(()) } else { Err(Refusal::Forbidden) }
}
