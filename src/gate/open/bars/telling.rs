//! Of whom the teams of open cases may be told, for the duty that follows rolls.

use super::super::super::{DutyPermit, Gate};
use super::super::Refusal;
use super::weighing::{Since, standing};
use crate::domain::bars::BarSort;
use crate::domain::identifiers::{EnrolmentId, OrganisationId, PupilId};
use crate::domain::purpose::InvolvementKind;
use crate::policy::Duty;
use crate::relationships::{self, Whom};
use chrono::{DateTime, Utc};

/// An open case with a child, whose team may be to be told of it.
#[derive(Clone, Copy, Debug)]
pub struct OpenCase<'a> {
    /// Whose.
    pub organisation: OrganisationId,
    /// Code of its team.
    pub team: &'a str,
    /// Which.
    pub kind: InvolvementKind,
    /// When it came to count, and when those who protect the child accepted it, school time.
    pub since: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
}

impl Gate {
    /// Of each of these cases with a child, whether its team may be told of an enrolment: of a protected one nobody is, since
    /// for them it does not exist; nor whoever a bar names, the whole organisation or the team, by the rules of a read.
    pub async fn may_tell_of(
        &self,
        permit: &DutyPermit,
        (pupil, enrolment): (PupilId, EnrolmentId),
        cases: &[OpenCase<'_>],
    ) -> Result<Vec<bool>, Refusal> {
        if !permit.is_for(Duty::FollowRoll) {
            return Err(Refusal::Forbidden);
        }
        let enrolled = relationships::enrolled(self.db(), pupil, self.clock().today()).await?;
        let there = enrolled.iter().any(|e| e.id == enrolment && !e.protected);
        let bars = relationships::bars_on(self.db(), pupil, self.clock().school_now()).await?;
        let directory = self.directory().current();
        let may = |case: &OpenCase<'_>| {
            let team = directory.team(case.organisation, case.team).map(|team| team.id);
            // Who of a team a line names in person is told by no notice: it is the team's.
            let named = |whom: &Whom| match whom {
                Whom::Organisation(id) => *id == case.organisation,
                Whom::Team(id) => team == Some(*id),
                Whom::Person { .. } | Whom::Lead(_) => false,
            };
            let says = |sort| bars.iter().any(|bar| bar.sort == sort && named(&bar.whom));
            let since = Since::case(case.kind, case.since);
            let shielded = !says(BarSort::Protects) && !standing(&bars, &named, since).is_empty();
            there && !shielded && !says(BarSort::Conflict) && !says(BarSort::Withheld)
        };
        Ok(cases.iter().map(may).collect())
    }
}
