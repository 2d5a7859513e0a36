//! The wire of a school's own codes: the whole map is read, and the whole map is replaced.

use super::storage::{StoredMap, read_map, write_map};
use super::{LocalCode, check_map};
use crate::directory::Directory;
use crate::domain::identifiers::SystemId;
use crate::gate::{Answer, Asked, Gate, OfSchool, Permit, Refusal, Released};
use crate::http::{Body, Error, Path, ProblemKind};
use crate::policy::Action;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A school's own codes, whole.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalCodesBody {
    /// Every code, at most 500; an empty list takes all of them back.
    codes: Vec<LocalCodeBody>,
}

/// One code of a school's own.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalCodeBody {
    /// As the school's system writes it, one to three characters.
    local_code: String,
    /// The code of the regulations that it stands for.
    code: String,
    /// The first date on which it does; `null` is always.
    #[serde(default)]
    from: Option<NaiveDate>,
    /// The last; `null` is no end.
    #[serde(default)]
    until: Option<NaiveDate>,
}

/// The codes in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LocalCodesAnswer {
    /// Number of the map, from 1; 0 where none has been set.
    version: i64,
    /// When it was set; `null` where none has been.
    set_at: Option<DateTime<Utc>>,
    /// Client identifier of the system that set it.
    system: Option<String>,
    /// Every code.
    codes: Vec<LocalCodeBody>,
}

impl Answer for LocalCodesAnswer {}

/// Replaces the codes of the caller's own school, whole. Marks that are there already stay as they are.
#[utoipa::path(
    put, path = "/v1/schools/{urn}/local-codes", tag = "intake",
    params(("urn" = String, Path, description = "Unique reference number of the caller's own school")),
    request_body = LocalCodesBody,
    responses((status = 200, body = LocalCodesAnswer), (status = 400, description = "The map cannot stand"),
              (status = 409, description = "Another map was set in the same moment"))
)]
pub async fn set_local_codes(
    State(gate): State<Gate>,
    asked: Asked,
    Path(urn): Path<String>,
    body: Body,
) -> Result<Released<LocalCodesAnswer>, Error> {
    let permit = gate.open_school(asked, &urn, Action::SendMarks)?;
    let body = body.read().await?;
    permit.note_written("local codes".to_owned(), &body);
    let codes = codes(crate::http::json(&body)?);
    check_map(&codes).map_err(|error| Error::problem(ProblemKind::BadRequest, error.to_string()))?;
    let before = if gate.is_conditional(&permit) { Some(held_to(&gate, &permit).await?) } else { None };
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let written = write_map(&mut tx, &permit, codes, gate.clock().now()).await.map_err(Refusal::from)?;
    let written = written.ok_or(Refusal::Conflict)?;
    // Another map was set since the one was looked at of which the request speaks.
    if before.is_some_and(|version| version + 1 != written.version) {
        return Err(gate.changed(&permit).into());
    }
    let answer = answer(&gate.directory().current(), Some(written));
    Ok(gate.commit(permit, tx, StatusCode::OK, answer).await?)
}

/// Holds an update to what its sender says of the map in force, as it is read; says its number.
async fn held_to(gate: &Gate, permit: &Permit<OfSchool>) -> Result<i64, Error> {
    let map = read_map(gate.db(), permit).await.map_err(Refusal::from)?;
    let version = map.as_ref().map_or(0, |map| map.version);
    let state = serde_json::to_vec(&answer(&gate.directory().current(), map)).map_err(|_| Error::Internal)?;
    gate.holds_to(permit, None, Some(&state))?;
    Ok(version)
}

/// Gives the codes of the caller's own school; under a mandate, those that the same system set.
#[utoipa::path(
    get, path = "/v1/schools/{urn}/local-codes", tag = "intake",
    params(("urn" = String, Path, description = "Unique reference number of the caller's own school")),
    responses((status = 200, body = LocalCodesAnswer),
              (status = 403, description = "Under a mandate: another system set the codes in force"))
)]
pub async fn read_local_codes(
    State(gate): State<Gate>,
    asked: Asked,
    Path(urn): Path<String>,
) -> Result<Released<LocalCodesAnswer>, Error> {
    let permit = gate.open_school(asked, &urn, Action::ReadImport)?;
    let map = read_map(gate.db(), &permit).await.map_err(Refusal::from)?;
    let another = |system: SystemId| map.as_ref().is_some_and(|map| map.system != system.0);
    if permit.only_sent_by().is_some_and(another) {
        let detail =
            "another system set the codes in force; under a mandate a system reads those that it set itself";
        return Err(Error::problem(ProblemKind::Forbidden, detail));
    }
    let answer = answer(&gate.directory().current(), map);
    Ok(gate.release(permit, StatusCode::OK, answer).await?)
}

fn codes(body: LocalCodesBody) -> Vec<LocalCode> {
    body.codes
        .into_iter()
        .map(|LocalCodeBody { local_code, code, from, until }| LocalCode {
            written: local_code,
            code,
            from,
            until,
        })
        .collect()
}

fn answer(directory: &Directory, map: Option<StoredMap>) -> LocalCodesAnswer {
    let Some(map) = map else {
        return LocalCodesAnswer { version: 0, set_at: None, system: None, codes: Vec::new() };
    };
    LocalCodesAnswer {
        version: map.version,
        set_at: Some(map.set_at),
        system: directory.systems.get(&SystemId(map.system)).map(|system| system.client_id.clone()),
        codes: map
            .codes
            .into_iter()
            .map(|LocalCode { written, code, from, until }| LocalCodeBody {
                local_code: written,
                code,
                from,
                until,
            })
            .collect(),
    }
}
