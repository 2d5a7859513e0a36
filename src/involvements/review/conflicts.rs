//! The wire of conflicts of interest: whom a person of the agency is not to see.

use super::storage::{self, Kept};
use crate::directory::Scope;
use crate::domain::identifiers::SchoolId;
use crate::gate::{Answer, Asked, Gate, Refusal, Released};
use crate::http::{Body, Error, Path, ProblemKind, json};
use crate::involvements::http::uuid;
use crate::policy::Action;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A conflict of interest of one person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConflictBody {
    /// `iss` of the tokens of the person's identity provider.
    issuer: String,
    /// Its tenant, where it has several.
    #[serde(default)]
    tenant: String,
    /// `sub` of the person's tokens.
    subject: String,
    /// With the child of this involvement of the agency's, or
    #[serde(default)]
    involvement_id: Option<Uuid>,
    /// with every child of the school with this number.
    #[serde(default)]
    school_urn: Option<String>,
    /// `own_family`, `own_childs_school` or `other`.
    category: String,
}

impl std::fmt::Debug for ConflictBody {
    /// Without whom it is about.
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("ConflictBody").field("category", &self.category).finish_non_exhaustive()
    }
}

/// Whether anything changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConflictAnswer {
    /// `recorded`, `ended` or `unchanged`.
    state: &'static str,
}

impl Answer for ConflictAnswer {}

/// Longest of the person's identifiers, in characters.
const LONGEST: usize = 200;

/// Records a conflict of interest: the person is given nothing of the child from the next request on.
#[utoipa::path(
    put, path = "/v1/conflicts/{id}", tag = "involvements",
    params(("id" = String, Path, description = "A UUID of the client's own")),
    request_body = ConflictBody,
    responses((status = 200, body = ConflictAnswer), (status = 400, description = "The conflict cannot be read"),
              (status = 403, description = "Not the privacy officer in person"))
)]
pub async fn record_conflict(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Result<Released<ConflictAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Audit, Action::RecordConflict)?;
    let id = uuid(&id)?;
    let body = body.read().await?;
    let sent: ConflictBody = json(&body)?;
    let organisation = permit.organisation();
    if let Some(involvement) = sent.involvement_id
        && !storage::is_own(gate.db(), organisation, involvement).await.map_err(Refusal::from)?
    {
        return Err(wrong("`involvement_id` is not an involvement of this organisation"));
    }
    let school = school_of(&gate, &sent)?;
    let kept = Kept {
        id,
        person: (&sent.issuer, &sent.tenant, &sent.subject),
        involvement: sent.involvement_id,
        school,
        category: &sent.category,
        by: &permit.asserted_person(),
    };
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    storage::record(&mut tx, organisation, &kept, gate.clock().now()).await.map_err(Refusal::from)?;
    permit.note_written(format!("conflict {id}"), &body);
    Ok(gate.commit(permit, tx, StatusCode::OK, ConflictAnswer { state: "recorded" }).await?)
}

/// The school of a conflict, once everything else of it reads.
fn school_of(gate: &Gate, sent: &ConflictBody) -> Result<Option<SchoolId>, Error> {
    let names = [&sent.issuer, &sent.tenant, &sent.subject];
    let too_long = |text: &&&String| text.chars().count() > LONGEST || text.chars().any(char::is_control);
    if names.iter().any(|text| too_long(&text)) || sent.issuer.is_empty() || sent.subject.is_empty() {
        return Err(wrong("`issuer` and `subject` must name a person, in at most 200 characters each"));
    }
    if !["own_family", "own_childs_school", "other"].contains(&sent.category.as_str()) {
        return Err(wrong("`category` must be own_family, own_childs_school or other"));
    }
    match (&sent.involvement_id, sent.school_urn.as_deref()) {
        (Some(_), None) => Ok(None),
        (None, Some(urn)) => {
            let school = gate.directory().current().school_by_urn(urn).map(|(school, _)| school);
            school.map(Some).ok_or_else(|| wrong("`school_urn` is not the number of a school here"))
        }
        (Some(_), Some(_)) | (None, None) => {
            Err(wrong("give either `involvement_id` or `school_urn`: with whom the conflict is"))
        }
    }
}

fn wrong(detail: &str) -> Error {
    Error::problem(ProblemKind::BadRequest, detail)
}

/// Ends a conflict of interest. One that is not there looks like one that had ended.
#[utoipa::path(
    delete, path = "/v1/conflicts/{id}", tag = "involvements",
    params(("id" = String, Path, description = "The UUID under which it was recorded")),
    responses((status = 200, body = ConflictAnswer), (status = 403, description = "Not the privacy officer in person"))
)]
pub async fn end_conflict(
    State(gate): State<Gate>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Released<ConflictAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Audit, Action::RecordConflict)?;
    let id = uuid(&id)?;
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let at = gate.clock().now();
    let ended = storage::end(&mut tx, permit.organisation(), id, at).await.map_err(Refusal::from)?;
    if ended > 0 {
        permit.note_written(format!("conflict {id}"), b"");
    }
    let state = if ended > 0 { "ended" } else { "unchanged" };
    Ok(gate.commit(permit, tx, StatusCode::OK, ConflictAnswer { state }).await?)
}
