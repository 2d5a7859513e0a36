//! The wire of both lists.

use super::storage::{self, NotTold, Seen};
use crate::directory::{Directory, Scope};
use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::domain::involvement::is_seen_by_school;
use crate::domain::purpose::InvolvementKind;
use crate::gate::{Answer, Asked, ChildRef, Gate, Refusal, Released};
use crate::http::{Error, Path};
use crate::policy::Action;
use crate::registers;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// The agencies that are involved with children on a school's roll.
#[derive(Debug, Serialize, ToSchema)]
pub struct SchoolInvolvementsAnswer {
    /// One an involvement, the newest first.
    involvements: Vec<SeenBody>,
}

/// That an involvement exists. Who works on it, and why, its agency says.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeenBody {
    /// The school's own handle of the child.
    #[schema(value_type = String)]
    pupil_id: ChildRef,
    /// Its kind.
    kind: String,
    /// Name of the agency.
    agency: String,
    /// Since when, London time.
    since: NaiveDate,
}

impl Answer for SchoolInvolvementsAnswer {
    fn children(&mut self) -> Vec<&mut ChildRef> {
        self.involvements.iter_mut().map(|one| &mut one.pupil_id).collect()
    }
}

/// Lists the involvements with children on the own roll that the school's safeguarding lead may know of.
#[utoipa::path(
    get, path = "/v1/schools/{urn}/involvements", tag = "involvements",
    params(("urn" = String, Path, description = "The own school")),
    responses((status = 200, body = SchoolInvolvementsAnswer), (status = 403, description = "Not the school's safeguarding lead"))
)]
pub async fn list_school_involvements(
    State(gate): State<Gate>,
    asked: Asked,
    Path(urn): Path<String>,
) -> Result<Released<SchoolInvolvementsAnswer>, Error> {
    let permit = gate.open_school(asked, &urn, Action::ReadSchoolInvolvements)?;
    if permit.only_sent_by().is_some() {
        // A supplier keeps the school's registers; what agencies do is not among them.
        permit.note_refused("mandate");
        return Err(Refusal::Forbidden.into());
    }
    let (now, today) = (gate.clock().school_now(), gate.clock().today());
    let roll = registers::school_roll(gate.db(), &permit).await.map_err(Refusal::from)?;
    let on_roll: BTreeSet<PupilId> = roll
        .iter()
        .filter(|e| e.last_day.is_none_or(|day| day >= today))
        .map(registers::Enrolment::pupil)
        .collect();
    let seen = storage::seen(gate.db(), &on_roll, (now, today)).await.map_err(Refusal::from)?;
    let directory = gate.directory().current();
    let shown =
        |one: &Seen| InvolvementKind::parse(&one.kind).is_some_and(|k| one.released || is_seen_by_school(k));
    let involvements = seen.into_iter().filter(shown).map(|one| seen_body(&directory, one)).collect();
    Ok(gate.release(permit, StatusCode::OK, SchoolInvolvementsAnswer { involvements }).await?)
}

fn seen_body(directory: &Directory, one: Seen) -> SeenBody {
    SeenBody {
        pupil_id: ChildRef::of(PupilId(one.pupil_id)),
        kind: one.kind,
        agency: name_of(directory, OrganisationId(one.organisation_id)),
        since: crate::domain::calendar::london(one.opened_at).date(),
    }
}

fn name_of(directory: &Directory, id: OrganisationId) -> String {
    directory.organisations.get(&id).map(|o| o.name.clone()).unwrap_or_default()
}

/// What no school is told of, in the authority's area.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotToldAnswer {
    /// One an involvement, those to be looked at soonest first.
    involvements: Vec<NotToldBody>,
}

/// An involvement of which no school is told.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotToldBody {
    /// The officer's own handle of the child.
    #[schema(value_type = String)]
    pupil_id: ChildRef,
    /// Numbers of the schools of the area that the child goes to, or went to.
    schools: Vec<String>,
    /// Name of the agency.
    agency: String,
    /// Code of its team.
    team: String,
    /// Its kind.
    kind: String,
    /// `allegation_against_staff`, `relative_on_staff` or `other`.
    category: String,
    /// When it was opened, UTC.
    opened_at: DateTime<Utc>,
    /// When it is to be looked at again.
    review_on: Option<NaiveDate>,
    /// Whether that day has come.
    due: bool,
}

impl Answer for NotToldAnswer {
    fn children(&mut self) -> Vec<&mut ChildRef> {
        self.involvements.iter_mut().map(|one| &mut one.pupil_id).collect()
    }
}

/// Lists the involvements of any agency that no school is told of, with children at the authority's schools: the
/// designated officer's list of each month.
#[utoipa::path(
    get, path = "/v1/involvements/not-told", tag = "involvements",
    responses((status = 200, body = NotToldAnswer), (status = 403, description = "Not an authority's designated officer"))
)]
pub async fn list_not_told(State(gate): State<Gate>, asked: Asked) -> Result<Released<NotToldAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Audit, Action::ReviewNotTold)?;
    let (now, today) = (gate.clock().school_now(), gate.clock().today());
    let all = storage::not_told(gate.db(), (now, today)).await.map_err(Refusal::from)?;
    let pupils = all.iter().map(|one| PupilId(one.pupil_id)).collect();
    let area = gate.own_area_of(&permit, pupils).await?;
    let directory = gate.directory().current();
    let body = |one: NotTold| {
        let schools = area.get(&PupilId(one.pupil_id))?;
        let number = |school| directory.school(school).and_then(|o| o.urn.clone());
        Some(NotToldBody {
            pupil_id: ChildRef::of(PupilId(one.pupil_id)),
            schools: schools.iter().filter_map(|school| number(*school)).collect(),
            agency: name_of(&directory, OrganisationId(one.organisation_id)),
            team: one.team,
            kind: one.kind,
            category: one.school_not_told,
            opened_at: one.opened_at,
            review_on: one.school_not_told_review,
            due: one.school_not_told_review.is_none_or(|day| day <= today),
        })
    };
    let involvements = all.into_iter().filter_map(body).collect();
    Ok(gate.release(permit, StatusCode::OK, NotToldAnswer { involvements }).await?)
}
