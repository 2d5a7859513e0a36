//! People, as their organisation's identity provider names them: made by the first token that proves one.

use crate::domain::identifiers::OrganisationId;
use crate::store::{Db, StoreError, Tx, on, read};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::fmt;
use uuid::Uuid;

/// Who a person is: the provider's word for them, and which provider and tenant it is the word of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersonKey {
    /// `iss` of the provider's tokens.
    pub issuer: String,
    /// Of the provider; empty where it has one only.
    pub tenant: String,
    /// `sub` of the provider's tokens.
    pub subject: String,
}

impl fmt::Display for PersonKey {
    /// Issuer, tenant (`-` where there is none) and subject with a space between them; the first two have none.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenant = if self.tenant.is_empty() { "-" } else { &self.tenant };
        write!(to, "{} {tenant} {}", self.issuer, self.subject)
    }
}

/// A person whom a token has proved.
#[derive(Clone, Copy, Debug)]
pub struct SeenPerson<'a> {
    /// Whose person it is.
    pub organisation: OrganisationId,
    /// Who it is.
    pub key: &'a PersonKey,
    /// As the token says; empty where it says none.
    pub display_name: &'a str,
    /// Codes of the teams mapped from the token.
    pub teams: &'a [String],
}

/// Why a person whom a token proves is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOurs {
    /// Known as another organisation's.
    Elsewhere,
    /// Suspended.
    Suspended,
}

/// Writes what a token says of a person, whom it makes known the first time; says why they are not served, if so.
pub async fn seen_person(
    tx: &mut Tx,
    seen: &SeenPerson<'_>,
    now: DateTime<Utc>,
) -> Result<Result<(), NotOurs>, StoreError> {
    const SEEN: &str = "INSERT INTO persons (id, organisation_id, issuer, tenant, subject, display_name, teams, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (issuer, tenant, subject) \
         DO UPDATE SET display_name = excluded.display_name, teams = excluded.teams \
         WHERE persons.organisation_id = excluded.organisation_id RETURNING suspended_at";
    let SeenPerson { organisation, key, display_name, teams } = seen;
    let row: Option<(Option<DateTime<Utc>>,)> = on!(tx, c => sqlx::query_as(SEEN)
        .bind(Uuid::now_v7()).bind(organisation.0).bind(&key.issuer).bind(&key.tenant).bind(&key.subject)
        .bind(*display_name).bind(teams.join(" ")).bind(now).fetch_optional(c).await)?;
    Ok(match row {
        None => Err(NotOurs::Elsewhere),
        Some((Some(_),)) => Err(NotOurs::Suspended),
        Some((None,)) => Ok(()),
    })
}

/// Whether a person is known as another organisation's than this one.
pub async fn known_elsewhere(
    db: &Db,
    organisation: OrganisationId,
    key: &PersonKey,
) -> Result<bool, StoreError> {
    const OF: &str = "SELECT organisation_id FROM persons WHERE issuer = $1 AND tenant = $2 AND subject = $3";
    let of: Option<Uuid> = read!(db, c => sqlx::query_scalar(OF)
        .bind(&key.issuer).bind(&key.tenant).bind(&key.subject).fetch_optional(c).await)?;
    Ok(of.is_some_and(|of| of != organisation.0))
}

/// Reads who is suspended, and whose person each is.
pub(super) async fn load_suspended(db: &Db) -> Result<HashMap<PersonKey, OrganisationId>, StoreError> {
    const SUSPENDED: &str =
        "SELECT issuer, tenant, subject, organisation_id FROM persons WHERE suspended_at IS NOT NULL";
    let rows: Vec<(String, String, String, Uuid)> =
        read!(db, c => sqlx::query_as(SUSPENDED).fetch_all(c).await)?;
    let person = |(issuer, tenant, subject, of)| (PersonKey { issuer, tenant, subject }, OrganisationId(of));
    Ok(rows.into_iter().map(person).collect())
}
