//! The flag that protects where a child is: raised by a school's safeguarding lead or by social care with a live case, and
//! lowered by nobody but two of those who protect the child.

use super::people::{TeamBody, team};
use super::storage::{self, NewProtection};
use crate::directory::Directory;
use crate::domain::bars::ItemKind;
use crate::domain::identifiers::{OrganisationId, TeamId};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::InvolvementKind;
use crate::gate::{Answer, Asked, Gate, OfBarred, Permit, Protector, Refusal, Released};
use crate::http::{Body, Error, Path, ProblemKind, case_reference};
use crate::involvements::protecting::{self, Ask};
use crate::involvements::storage as cases;
use crate::involvements::texts::checked;
use crate::policy::Action;
use crate::registers;
use crate::store::Tx;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;
use uuid::Uuid;

/// The flag as it is to be.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProtectionBody {
    /// `true` raises it, `false` lowers it, which takes two of those who protect the child.
    protected: bool,
    /// With `true`: the team that is asked to protect the child.
    #[serde(default)]
    team: Option<TeamBody>,
    /// Why: 10 to 1,000 characters.
    reason: String,
}

impl fmt::Debug for ProtectionBody {
    /// Without why.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("ProtectionBody").field("protected", &self.protected).finish_non_exhaustive()
    }
}

/// The flag as it now is. Raising one that stands looks like raising it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProtectionAnswer {
    /// Whether the child's whereabouts are protected.
    protected: bool,
    /// When lowering: how many of two persons have asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_to_lower: Option<u8>,
    /// For social care that raises it: which organisations had been answered about the child before.
    #[serde(skip_serializing_if = "Option::is_none")]
    already_read: Option<Vec<AlreadyReadBody>>,
}

/// An organisation that was answered about a child.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlreadyReadBody {
    /// Code of the organisation.
    organisation: String,
    /// When it was first given a handle for the child, UTC.
    since: DateTime<Utc>,
}

impl Answer for ProtectionAnswer {}

/// Raises or lowers the flag that protects where a child is.
#[utoipa::path(
    put, path = "/v1/pupils/{pupil_id}/whereabouts-protection", tag = "involvements",
    params(("pupil_id" = String, Path, description = "The caller's own handle for the child"),
           ("Case-Reference" = Option<String>, Header, description = "Required where the purpose is a case, to raise it")),
    request_body = ProtectionBody,
    responses((status = 200, body = ProtectionAnswer),
              (status = 403, description = "Not a proved person who may"),
              (status = 404, description = "No child of the caller's own, or to lower: not one of those who protect it"),
              (status = 409, description = "To lower: the second person must be another than the first"))
)]
pub async fn protect_whereabouts(
    State(gate): State<Gate>,
    asked: Asked,
    Path(pupil_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Released<ProtectionAnswer>, Error> {
    // Which of the two it is stands in the body: who may do neither is refused before it is read.
    if gate.could_bar(&asked, Action::LowerProtection).is_err() {
        gate.could_bar(&asked, Action::RaiseProtection)?;
    }
    let bytes = body.read().await?;
    let sent: ProtectionBody = crate::http::json(&bytes)?;
    let reference = case_reference(&headers)?;
    let reason = checked("reason", &sent.reason, (10, 1_000))?;
    let action = if sent.protected { Action::RaiseProtection } else { Action::LowerProtection };
    let permit = gate.open_bar(asked, (&pupil_id, reference), action).await?;
    if sent.protected {
        raise(&gate, permit, (&sent, &reason), &bytes).await
    } else {
        lower(&gate, permit, &reason, &bytes).await
    }
}

async fn raise(
    gate: &Gate,
    permit: Permit<OfBarred>,
    (sent, reason): (&ProtectionBody, &str),
    bytes: &[u8],
) -> Result<Released<ProtectionAnswer>, Error> {
    let directory = gate.directory().current();
    let named = sent.team.as_ref().ok_or_else(|| {
        Error::problem(
            ProblemKind::BadRequest,
            "`team` must name the team that is asked to protect the child",
        )
    })?;
    let team = team(&directory, &named.organisation, &named.team)?;
    let of = directory.organisations.get(&team.organisation).map(|o| o.kind);
    if of != Some(OrganisationKind::LocalAuthority) {
        let detail = "`team` must be a team of a local authority";
        return Err(Error::problem(ProblemKind::BadRequest, detail));
    }
    let authority = authority(&directory, &permit);
    let already_read = already_read(gate, &directory, &permit).await?;
    // Once it has the writer: what others wrote while it waited was there before it.
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let (id, now, today) = (Uuid::now_v7(), gate.clock().school_now(), gate.clock().today());
    let new = NewProtection { id, reason, raised_at: now, team: Some(team.id.0), authority };
    // Where a file has raised the flag the authority's lead protects the child, and no agency puts a team in that place.
    let may_ask = permit.school().is_some() || !permit.is_flagged();
    let raised = may_ask && storage::protect(&mut tx, &permit, &new).await.map_err(Refusal::from)?;
    if permit.school().is_some() || raised {
        // Another school may have put its own flag on record before: this one's enrolment is flagged all the same.
        registers::raise_protection(&mut tx, &permit, today).await.map_err(Refusal::from)?;
    }
    if raised {
        ask(gate, &mut tx, &permit, (id, team.id), authority).await?;
        permit.note_written(format!("whereabouts protection {id}"), bytes);
    }
    let already_read = already_read.filter(|_| raised);
    let answer = ProtectionAnswer { protected: true, asked_to_lower: None, already_read };
    Ok(gate.commit(permit, tx, StatusCode::OK, answer).await?)
}

/// Asks the named team to protect the child, and tells the lead who does so until it has accepted; every case that was live
/// before waits for whoever protects the child to let it go on.
async fn ask(
    gate: &Gate,
    tx: &mut Tx,
    permit: &Permit<OfBarred>,
    (id, team): (Uuid, TeamId),
    authority: OrganisationId,
) -> Result<(), Refusal> {
    let directory = gate.directory().current();
    let organisation = directory.teams.get(&team).map_or(authority, |team| team.organisation);
    let (asked, lead) =
        (Protector { organisation, team: Some(team) }, Protector { organisation: authority, team: None });
    let request = Ask {
        kind: ItemKind::Protection,
        subject: (permit.organisation(), id),
        pupil: permit.pupil(),
        asker: (permit.own_organisation(), ""),
        urgent: true,
        call_back: None,
    };
    protecting::ask(gate, tx, request, &[asked, lead]).await?;
    for case in cases::live_cases(tx, permit.pupil(), gate.clock().school_now(), gate.clock().today()).await?
    {
        if directory.team(case.organisation(), &case.team).is_some_and(|own| own.id == team) {
            continue;
        }
        let request = Ask {
            kind: ItemKind::Claim,
            subject: (case.organisation(), case.id),
            asker: (case.organisation(), &case.team),
            urgent: case.kind == InvolvementKind::Section47Enquiry.as_str(),
            ..request
        };
        protecting::ask(gate, tx, request, &[asked, lead]).await?;
    }
    Ok(())
}

/// The authority of the school that admitted the child; where the directory has none, the raiser's own organisation.
fn authority(directory: &Directory, permit: &Permit<OfBarred>) -> OrganisationId {
    let mut schools = permit.schools().iter().filter_map(|school| directory.school(*school));
    schools.find_map(|school| school.returns_to).unwrap_or_else(|| permit.organisation())
}

/// Which organisations were answered about the child before: for social care only, since a school is not told which
/// agencies know a child.
async fn already_read(
    gate: &Gate,
    directory: &Directory,
    permit: &Permit<OfBarred>,
) -> Result<Option<Vec<AlreadyReadBody>>, Refusal> {
    let holders = gate.holders_of(permit).await?;
    if permit.school().is_some() {
        return Ok(None);
    }
    // A school among them would say where the child is.
    let agency =
        |id: &OrganisationId| directory.organisations.get(id).filter(|o| o.kind != OrganisationKind::School);
    let body = |(id, since): (OrganisationId, DateTime<Utc>)| {
        let organisation = agency(&id)?.code.clone();
        Some(AlreadyReadBody { organisation, since })
    };
    Ok(Some(holders.into_iter().filter(|(id, _)| *id != permit.organisation()).filter_map(body).collect()))
}

async fn lower(
    gate: &Gate,
    permit: Permit<OfBarred>,
    reason: &str,
    bytes: &[u8],
) -> Result<Released<ProtectionAnswer>, Error> {
    let now = gate.clock().school_now();
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let standing = storage::protection(&mut tx, permit.pupil()).await.map_err(Refusal::from)?;
    let (id, first) = if let Some(standing) = standing {
        (standing.id, standing.first(now))
    } else {
        // A file raised it: it is put on record now, so that the two who lower it are.
        let (id, authority) = (Uuid::now_v7(), permit.organisation());
        let new = NewProtection { id, reason: "raised by a file", raised_at: now, team: None, authority };
        storage::protect(&mut tx, &permit, &new).await.map_err(Refusal::from)?;
        (id, None)
    };
    permit.note_written(format!("whereabouts protection {id}"), bytes);
    let answer =
        |protected, asked| ProtectionAnswer { protected, asked_to_lower: Some(asked), already_read: None };
    let Some(first) = first else {
        let asked = storage::ask_to_lower(&mut tx, id, (permit.person(), reason), now).await;
        asked.map_err(Refusal::from)?;
        return Ok(gate.commit(permit, tx, StatusCode::OK, answer(true, 1)).await?);
    };
    if first == permit.person()
        || !storage::lower(&mut tx, id, permit.person(), now).await.map_err(Refusal::from)?
    {
        let detail = "another of those who protect the child must be the second";
        return Err(Error::problem(ProblemKind::Conflict, detail));
    }
    registers::lower_protection(&mut tx, &permit).await.map_err(Refusal::from)?;
    Ok(gate.commit(permit, tx, StatusCode::OK, answer(false, 2)).await?)
}
