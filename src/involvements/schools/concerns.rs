//! Resident concerns of other authorities with children at the schools of this one: that each exists, and no more.

use super::storage::{self, Concern};
use crate::domain::calendar::london;
use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::domain::purpose::Purpose;
use crate::gate::{Answer, Asked, ChildRef, Gate, Refusal, Released};
use crate::http::Error;
use axum::extract::State;
use chrono::NaiveDate;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// Concerns of home authorities about children at the authority's schools.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConcernsAnswer {
    /// One a concern, the newest first.
    concerns: Vec<ConcernBody>,
}

/// That a concern exists. What it is about its authority says.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConcernBody {
    /// The caller's own handle of the child.
    #[schema(value_type = String)]
    pupil_id: ChildRef,
    /// Name of the home authority.
    authority: String,
    /// Since when, London time.
    since: NaiveDate,
}

impl Answer for ConcernsAnswer {
    fn children(&mut self) -> Vec<&mut ChildRef> {
        self.concerns.iter_mut().map(|one| &mut one.pupil_id).collect()
    }
}

/// Lists the resident concerns of other authorities about children at the schools whose returns come to this one: of those
/// children alone that the officer may read.
#[utoipa::path(
    get, path = "/v1/involvements/resident-concerns", tag = "involvements",
    responses((status = 200, body = ConcernsAnswer), (status = 403, description = "Not under an authority's duty of attendance"))
)]
pub async fn list_resident_concerns(
    State(gate): State<Gate>,
    asked: Asked,
) -> Result<Released<ConcernsAnswer>, Error> {
    let permit = gate.open_followed(asked)?;
    if permit.purpose() != Purpose::AttendanceDuty {
        permit.note_refused("forbidden_for_role");
        return Err(Refusal::Forbidden.into());
    }
    let (now, today) = (gate.clock().school_now(), gate.clock().today());
    let all =
        storage::concerns(gate.db(), permit.organisation(), (now, today)).await.map_err(Refusal::from)?;
    let directory = gate.directory().current();
    let mut concerns = Vec::new();
    for Concern { pupil_id, organisation_id, opened_at } in all {
        let pupil = PupilId(pupil_id);
        // Who is at no school of the area, is protected, or barred from the officer is as if not there.
        if gate.open_followed_child(&permit, pupil).await?.is_none() {
            continue;
        }
        let authority = directory.organisations.get(&OrganisationId(organisation_id));
        concerns.push(ConcernBody {
            pupil_id: ChildRef::of(pupil),
            authority: authority.map(|o| o.name.clone()).unwrap_or_default(),
            since: london(opened_at).date(),
        });
    }
    permit.note_record(format!("{} resident concerns", concerns.len()));
    Ok(gate.release(permit, StatusCode::OK, ConcernsAnswer { concerns }).await?)
}
