//! Writing a directory file into an empty or existing directory, in one transaction.

use super::{DirectoryFile, LaneException, Scope};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{Purpose, Role, Section};
use crate::store::{StoreError, Tx, must_touch, on};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use uuid::Uuid;

/// Why a directory file was refused; nothing of it is applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A record names a code that the file does not define.
    #[error("`{0}` is named but not defined; add it to the file")]
    Unknown(String),
    /// A word outside its vocabulary.
    #[error("`{word}` is not a {vocabulary}; see docs/directory.md for the words")]
    Word {
        /// What stands in the file.
        word: String,
        /// The vocabulary it should come from.
        vocabulary: &'static str,
    },
    /// More than two live certificates for a system.
    #[error("system `{0}` has more than two certificates that have not expired; remove the oldest")]
    Certificates(String),
    /// A digest that is not 64 hexadecimal digits.
    #[error("a certificate digest of system `{0}` is not 64 hexadecimal digits")]
    Digest(String),
    /// More than two live keys of a system.
    #[error("system `{0}` has more than two keys that have not expired; remove the oldest")]
    Keys(String),
    /// What is no public key for signatures, or has another identifier than its entry.
    #[error(
        "a key of system `{0}` is not a public JWK for signatures with its entry's `kid`; take out private members"
    )]
    Key(String),
    /// An identity provider that cannot be used as it is entered.
    #[error("the identity provider `{0}` cannot be used: {1}")]
    Provider(String, &'static str),
    /// A mandate for a system that can hold none, or for what is no school.
    #[error(
        "the mandate of `{0}` for `{1}` is not of a supplier's, trust's or authority's system for a school"
    )]
    Mandate(String, String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ApplyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Adds every record of the file to the directory and moves its version, so that running gateways see it in a second.
/// Certificates that have expired by `now` are not counted.
pub async fn apply(tx: &mut Tx, file: &DirectoryFile, now: DateTime<Utc>) -> Result<(), ApplyError> {
    const BUMP: &str = "UPDATE directory_version SET version = version + 1 WHERE id = 1";
    let organisations = organisations(tx, file).await?;
    let systems = systems(tx, file, &organisations).await?;
    certificates(tx, file, &systems, now).await?;
    let teams = teams(tx, file, &organisations).await?;
    agreements(tx, file, &organisations).await?;
    authorisations(tx, file, &organisations, &systems).await?;
    super::mandates::apply(tx, file, &organisations, &systems).await?;
    super::proof::apply(tx, file, &organisations, &systems, &teams, now).await?;
    let touched =
        on!(tx, c => { let r = sqlx::query(BUMP).execute(c).await?; must_touch("directory version", &r, 1) });
    Ok(touched?)
}

pub(super) type Ids = HashMap<String, Uuid>;

pub(super) fn id_of(ids: &Ids, code: &str) -> Result<Uuid, ApplyError> {
    ids.get(code).copied().ok_or_else(|| ApplyError::Unknown(code.to_owned()))
}

/// Joins words into a stored list once each is known to be in its vocabulary.
pub(super) fn words<T>(
    list: &[String],
    parse: impl Fn(&str) -> Option<T>,
    vocabulary: &'static str,
) -> Result<String, ApplyError> {
    for word in list {
        if parse(word).is_none() {
            return Err(ApplyError::Word { word: word.clone(), vocabulary });
        }
    }
    Ok(list.join(" "))
}

async fn organisations(tx: &mut Tx, file: &DirectoryFile) -> Result<Ids, ApplyError> {
    const INSERT: &str = "INSERT INTO organisations (id, code, kind, name, standing, urn, laestab, la_code, phase, \
         returns_to, attendance_lead_name, attendance_lead_telephone, dsl_name, dsl_telephone) \
         VALUES ($1, $2, $3, $4, 'live', $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let ids: Ids = file.organisations.iter().map(|o| (o.code.clone(), Uuid::now_v7())).collect();
    for o in &file.organisations {
        if OrganisationKind::parse(&o.kind).is_none() {
            return Err(ApplyError::Word { word: o.kind.clone(), vocabulary: "kind of organisation" });
        }
        let id = id_of(&ids, &o.code)?;
        let returns_to = o.returns_to.as_deref().map(|code| id_of(&ids, code)).transpose()?;
        let (lead, dsl) = (o.attendance_lead.clone().unzip(), o.dsl.clone().unzip());
        on!(tx, c => sqlx::query(INSERT)
            .bind(id).bind(&o.code).bind(&o.kind).bind(&o.name).bind(&o.urn).bind(&o.laestab).bind(&o.la_code)
            .bind(&o.phase).bind(returns_to).bind(lead.0).bind(lead.1).bind(dsl.0).bind(dsl.1)
            .execute(c).await.map(|_| ()))?;
    }
    Ok(ids)
}

async fn systems(tx: &mut Tx, file: &DirectoryFile, organisations: &Ids) -> Result<Ids, ApplyError> {
    const INSERT: &str = "INSERT INTO systems (id, organisation_id, code, client_id, roles, scopes, \
         sections_without_person, requests_per_minute) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let mut ids = Ids::new();
    for s in &file.systems {
        let id = Uuid::now_v7();
        let organisation = id_of(organisations, &s.organisation)?;
        let roles = words(&s.roles, Role::parse, "role")?;
        let scopes = words(&s.scopes, Scope::parse, "scope")?;
        let sections = words(&s.sections_without_person, Section::parse, "section")?;
        on!(tx, c => sqlx::query(INSERT)
            .bind(id).bind(organisation).bind(&s.code).bind(&s.client_id).bind(roles).bind(scopes).bind(sections)
            .bind(i64::from(s.requests_per_minute))
            .execute(c).await.map(|_| ()))?;
        ids.insert(s.client_id.clone(), id);
    }
    Ok(ids)
}

async fn certificates(
    tx: &mut Tx,
    file: &DirectoryFile,
    systems: &Ids,
    now: DateTime<Utc>,
) -> Result<(), ApplyError> {
    const INSERT: &str = "INSERT INTO credentials (id, system_id, thumbprint, key_digest, valid_from, valid_until) \
         VALUES ($1, $2, $3, $4, $5, $6)";
    for s in &file.systems {
        if s.certificates.iter().filter(|certificate| certificate.valid_until > now).count() > 2 {
            return Err(ApplyError::Certificates(s.code.clone()));
        }
        let system = id_of(systems, &s.client_id)?;
        for certificate in &s.certificates {
            let digest = |hex: &str| {
                crate::crypto::from_hex(hex)
                    .filter(|d| d.len() == 32)
                    .ok_or_else(|| ApplyError::Digest(s.code.clone()))
            };
            let (thumbprint, key) = (digest(&certificate.thumbprint)?, digest(&certificate.key_digest)?);
            on!(tx, c => sqlx::query(INSERT)
                .bind(Uuid::now_v7()).bind(system).bind(thumbprint).bind(key)
                .bind(certificate.valid_from).bind(certificate.valid_until)
                .execute(c).await.map(|_| ()))?;
        }
    }
    Ok(())
}

/// Adds the file's teams; gives their identifiers by organisation and code.
async fn teams(
    tx: &mut Tx,
    file: &DirectoryFile,
    organisations: &Ids,
) -> Result<HashMap<(String, String), Uuid>, ApplyError> {
    const INSERT: &str = "INSERT INTO teams (id, organisation_id, code, name) VALUES ($1, $2, $3, $4)";
    let mut ids = HashMap::new();
    for t in &file.teams {
        let (id, organisation) = (Uuid::now_v7(), id_of(organisations, &t.organisation)?);
        ids.insert((t.organisation.clone(), t.code.clone()), id);
        on!(tx, c => sqlx::query(INSERT)
            .bind(id).bind(organisation).bind(&t.code).bind(&t.name)
            .execute(c).await.map(|_| ()))?;
    }
    Ok(ids)
}

async fn agreements(tx: &mut Tx, file: &DirectoryFile, organisations: &Ids) -> Result<(), ApplyError> {
    const INSERT: &str = "INSERT INTO sharing_agreements (id, organisation_id, purposes, exceptions, valid_from, \
         valid_until, suspended, version, document_digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    for a in &file.sharing_agreements {
        let organisation = id_of(organisations, &a.organisation)?;
        let purposes = words(&a.purposes, Purpose::parse, "purpose")?;
        let exceptions = words(&a.exceptions, LaneException::parse, "exception of a sharing agreement")?;
        on!(tx, c => sqlx::query(INSERT)
            .bind(Uuid::now_v7()).bind(organisation).bind(purposes).bind(exceptions)
            .bind(a.valid_from).bind(a.valid_until).bind(false).bind(&a.version).bind(&a.document_digest)
            .execute(c).await.map(|_| ()))?;
    }
    Ok(())
}

async fn authorisations(
    tx: &mut Tx,
    file: &DirectoryFile,
    organisations: &Ids,
    systems: &Ids,
) -> Result<(), ApplyError> {
    const INSERT: &str = "INSERT INTO officer_authorisations (id, organisation_id, system_id, officer, document, \
         valid_from, valid_until) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    for a in &file.officer_authorisations {
        let (organisation, system) = (id_of(organisations, &a.organisation)?, id_of(systems, &a.client_id)?);
        on!(tx, c => sqlx::query(INSERT)
            .bind(Uuid::now_v7()).bind(organisation).bind(system).bind(&a.officer).bind(&a.document)
            .bind(a.valid_from).bind(a.valid_until)
            .execute(c).await.map(|_| ()))?;
    }
    Ok(())
}
