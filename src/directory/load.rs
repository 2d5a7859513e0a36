//! Reading the whole directory into memory.

use super::{
    Contact, Credential, Directory, OfficerAuthorisation, Organisation, PersonKey, SharingAgreement, System,
    Team, acting, acting::mandates, changes, cover, numbers, policies, proof,
};
use crate::domain::identifiers::{OrganisationId, SystemId, TeamId};
use crate::domain::organisation::{OrganisationKind, Standing};
use crate::domain::purpose::Section;
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

const VERSION: &str = "SELECT version, revocations FROM directory_version WHERE id = 1";
const ORGANISATIONS: &str = "SELECT id, code, kind, name, standing, urn, laestab, la_code, phase, returns_to, \
     attendance_lead_name, attendance_lead_telephone, dsl_name, dsl_telephone, predecessor_id, area FROM organisations";
const SYSTEMS: &str = "SELECT id, organisation_id, code, client_id, roles, scopes, sections_without_person, \
     requests_per_minute, suspended FROM systems";
const CREDENTIALS: &str = "SELECT id, system_id, thumbprint, key_digest, valid_from, valid_until, revoked_at, by_system \
     FROM credentials ORDER BY id";
const TEAMS: &str = "SELECT id, organisation_id, code, name, ended, telephone FROM teams";
const AGREEMENTS: &str = "SELECT organisation_id, purposes, exceptions, valid_from, valid_until, suspended, version, \
     document_digest FROM sharing_agreements ORDER BY valid_from DESC, id DESC";
const AUTHORISATIONS: &str = "SELECT organisation_id, system_id, officer, document, valid_from, valid_until, \
     issuer, tenant, subject FROM officer_authorisations";

#[derive(sqlx::FromRow)]
struct OrganisationRow {
    id: Uuid,
    code: String,
    kind: String,
    name: String,
    standing: String,
    urn: Option<String>,
    laestab: Option<String>,
    la_code: Option<String>,
    phase: Option<String>,
    returns_to: Option<Uuid>,
    attendance_lead_name: Option<String>,
    attendance_lead_telephone: Option<String>,
    dsl_name: Option<String>,
    dsl_telephone: Option<String>,
    predecessor_id: Option<Uuid>,
    area: String,
}

#[derive(sqlx::FromRow)]
struct SystemRow {
    id: Uuid,
    organisation_id: Uuid,
    code: String,
    client_id: String,
    roles: String,
    scopes: String,
    sections_without_person: String,
    requests_per_minute: i64,
    suspended: bool,
}

#[derive(sqlx::FromRow)]
struct CredentialRow {
    id: Uuid,
    system_id: Uuid,
    thumbprint: Vec<u8>,
    key_digest: Vec<u8>,
    valid_from: DateTime<Utc>,
    valid_until: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
    by_system: bool,
}

#[derive(sqlx::FromRow)]
struct TeamRow {
    id: Uuid,
    organisation_id: Uuid,
    code: String,
    name: String,
    ended: bool,
    telephone: String,
}

#[derive(sqlx::FromRow)]
struct AgreementRow {
    organisation_id: Uuid,
    purposes: String,
    exceptions: String,
    valid_from: NaiveDate,
    valid_until: NaiveDate,
    suspended: bool,
    version: String,
    document_digest: String,
}

#[derive(sqlx::FromRow)]
struct AuthorisationRow {
    organisation_id: Uuid,
    system_id: Uuid,
    officer: String,
    document: String,
    valid_from: NaiveDate,
    valid_until: NaiveDate,
    issuer: Option<String>,
    tenant: Option<String>,
    subject: Option<String>,
}

/// Reads the directory; a value that no version of this program writes is an error, never skipped.
pub async fn load(db: &Db) -> Result<Directory, StoreError> {
    // The version first: a change that lands between the reads makes the next poll read everything again.
    let (version, revocations): (i64, i64) = read!(db, c => sqlx::query_as(VERSION).fetch_one(c).await)?;
    let organisations: Vec<OrganisationRow> =
        read!(db, c => sqlx::query_as(ORGANISATIONS).fetch_all(c).await)?;
    let systems: Vec<SystemRow> = read!(db, c => sqlx::query_as(SYSTEMS).fetch_all(c).await)?;
    let credentials: Vec<CredentialRow> = read!(db, c => sqlx::query_as(CREDENTIALS).fetch_all(c).await)?;
    let teams: Vec<TeamRow> = read!(db, c => sqlx::query_as(TEAMS).fetch_all(c).await)?;
    let agreements: Vec<AgreementRow> = read!(db, c => sqlx::query_as(AGREEMENTS).fetch_all(c).await)?;
    let authorisations: Vec<AuthorisationRow> =
        read!(db, c => sqlx::query_as(AUTHORISATIONS).fetch_all(c).await)?;
    let mut organisations: HashMap<OrganisationId, Organisation> =
        organisations.into_iter().map(organisation).collect::<Result<_, _>>()?;
    numbers::load_into(db, &mut organisations).await?;
    Ok(Directory {
        version,
        revocations,
        organisations,
        systems: systems.into_iter().map(system).collect::<Result<_, _>>()?,
        credentials: two_at_a_time(credentials).into_iter().map(credential).collect::<Result<_, _>>()?,
        teams: teams.into_iter().map(team).collect(),
        agreements: agreements.into_iter().map(agreement).collect::<Result<_, _>>()?,
        authorisations: authorisations.into_iter().map(authorisation).collect::<Result<_, _>>()?,
        mandates: mandates::load(db).await?,
        proofs: proof::load(db).await?,
        acts_for: acting::load(db).await?,
        covers: cover::load(db).await?,
        marks: cover::load_marks(db).await?,
        operators: changes::operators(db).await?,
        policies: policies::in_force(db).await?.map(Arc::new),
    })
}

/// Reads a space-separated list of one vocabulary.
pub(super) fn list<T>(
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
    what: &'static str,
) -> Result<Vec<T>, StoreError> {
    text.split_whitespace().map(|word| parse(word).ok_or(StoreError::Corrupt(what))).collect()
}

fn organisation(row: OrganisationRow) -> Result<(OrganisationId, Organisation), StoreError> {
    let id = OrganisationId(row.id);
    let contact = |name: Option<String>, telephone: Option<String>| Contact {
        name: name.unwrap_or_default(),
        telephone: telephone.unwrap_or_default(),
    };
    let organisation = Organisation {
        id,
        code: row.code,
        kind: OrganisationKind::parse(&row.kind).ok_or(StoreError::Corrupt("organisations.kind"))?,
        name: row.name,
        standing: Standing::parse(&row.standing).ok_or(StoreError::Corrupt("organisations.standing"))?,
        urn: row.urn,
        laestab: row.laestab,
        la_code: row.la_code,
        phase: row.phase,
        returns_to: row.returns_to.map(OrganisationId),
        attendance_lead: contact(row.attendance_lead_name, row.attendance_lead_telephone),
        dsl: contact(row.dsl_name, row.dsl_telephone),
        predecessor: row.predecessor_id.map(OrganisationId),
        former_numbers: Vec::new(),
        area: row.area.split_whitespace().map(str::to_owned).collect(),
    };
    Ok((id, organisation))
}

fn system(row: SystemRow) -> Result<(SystemId, System), StoreError> {
    let id = SystemId(row.id);
    let system = System {
        id,
        organisation: OrganisationId(row.organisation_id),
        code: row.code,
        client_id: row.client_id,
        roles: list(&row.roles, crate::domain::purpose::Role::parse, "systems.roles")?,
        scopes: list(&row.scopes, super::Scope::parse, "systems.scopes")?,
        sections_without_person: list(
            &row.sections_without_person,
            Section::parse,
            "systems.sections_without_person",
        )?
        .into_iter()
        .collect(),
        requests_per_minute: u32::try_from(row.requests_per_minute)
            .map_err(|_| StoreError::Corrupt("systems.requests_per_minute"))?,
        suspended: row.suspended,
    };
    Ok((id, system))
}

/// How far two gateways' clocks may be apart: one retires a certificate, and the other registers the next.
const APART: TimeDelta = TimeDelta::minutes(1);

/// Of each system at most two certificates hold at a time, those that were registered first: a third proves nobody, however
/// it came into the table.
fn two_at_a_time(rows: Vec<CredentialRow>) -> Vec<CredentialRow> {
    let begin = |row: &CredentialRow| {
        // Its id is of the moment at which it was registered: it held at no time before.
        let registered = row.id.get_timestamp().and_then(|at| {
            let (seconds, nanos) = at.to_unix();
            DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
        });
        registered.map_or(row.valid_from, |at| row.valid_from.max(at + APART))
    };
    let end = |row: &CredentialRow| row.revoked_at.map_or(row.valid_until, |at| at.min(row.valid_until));
    let meet =
        |rows: [&CredentialRow; 3]| rows.into_iter().map(begin).max() < rows.into_iter().map(end).min();
    let mut kept: HashMap<Uuid, Vec<CredentialRow>> = HashMap::new();
    for row in rows {
        let own = kept.entry(row.system_id).or_default();
        let third = own
            .iter()
            .enumerate()
            .any(|(place, one)| own.iter().skip(place + 1).any(|two| meet([one, two, &row])));
        if third {
            tracing::error!("a system has a third certificate at a time in the directory; it is not gone by");
        } else {
            own.push(row);
        }
    }
    kept.into_values().flatten().collect()
}

fn credential(row: CredentialRow) -> Result<([u8; 32], Credential), StoreError> {
    let digest = |bytes: Vec<u8>, what| <[u8; 32]>::try_from(bytes).map_err(|_| StoreError::Corrupt(what));
    let thumbprint = digest(row.thumbprint, "credentials.thumbprint")?;
    let credential = Credential {
        system: SystemId(row.system_id),
        thumbprint,
        key_digest: digest(row.key_digest, "credentials.key_digest")?,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        revoked_at: row.revoked_at,
        by_system: row.by_system,
    };
    Ok((thumbprint, credential))
}

fn team(row: TeamRow) -> (TeamId, Team) {
    let id = TeamId(row.id);
    let organisation = OrganisationId(row.organisation_id);
    (
        id,
        Team { id, organisation, code: row.code, name: row.name, ended: row.ended, telephone: row.telephone },
    )
}

fn agreement(row: AgreementRow) -> Result<SharingAgreement, StoreError> {
    Ok(SharingAgreement {
        organisation: OrganisationId(row.organisation_id),
        purposes: list(&row.purposes, crate::domain::purpose::Purpose::parse, "sharing_agreements.purposes")?,
        exceptions: list(&row.exceptions, super::LaneException::parse, "sharing_agreements.exceptions")?,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        suspended: row.suspended,
        version: row.version,
        document_digest: row.document_digest,
    })
}

fn authorisation(row: AuthorisationRow) -> Result<OfficerAuthorisation, StoreError> {
    let person = match (row.issuer, row.tenant, row.subject) {
        (None, None, None) => None,
        (Some(issuer), Some(tenant), Some(subject)) => Some(PersonKey { issuer, tenant, subject }),
        _ => return Err(StoreError::Corrupt("officer_authorisations.subject")),
    };
    Ok(OfficerAuthorisation {
        person,
        organisation: OrganisationId(row.organisation_id),
        system: SystemId(row.system_id),
        officer: row.officer,
        document: row.document,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
    })
}
