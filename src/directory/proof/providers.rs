//! Identity providers: whose tokens prove an organisation's people, and what their claims stand for here.

use super::super::Directory;
use super::super::load::list;
use super::entries::{IdentityProviderEntry, MfaEntry};
use crate::crypto::jws_algorithm;
use crate::domain::identifiers::{OrganisationId, SystemId};
use crate::domain::purpose::Role;
use crate::domain::staff::{Mark, Marked};
use crate::store::{Db, StoreError, read};
use chrono::NaiveDate;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// Identifier of an identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProviderId(pub Uuid);

/// An organisation's identity provider.
#[derive(Clone, Debug)]
pub struct IdentityProvider {
    /// Internal identifier.
    pub id: ProviderId,
    /// `iss` of its tokens.
    pub issuer: String,
    /// Value of its tenant claim; empty where it has one tenant only.
    pub tenant: String,
    /// Name of that claim.
    pub tenant_claim: String,
    /// Names of the algorithms that its tokens may be signed with.
    pub algorithms: Vec<String>,
    /// Where its keys are; none: its discovery document says.
    pub keys_url: Option<String>,
    /// Its client identifier for each system.
    pub clients: HashMap<SystemId, String>,
    /// The claim that roles are mapped from.
    pub role_claim: String,
    /// What its values stand for.
    pub roles: HashMap<String, Vec<Role>>,
    /// The claim that teams are mapped from.
    pub group_claim: Option<String>,
    /// Codes of the teams that its values stand for.
    pub teams: HashMap<String, Vec<String>>,
    /// The claim that marks on persons are mapped from.
    pub mark_claim: Option<String>,
    /// The marks that its values stand for.
    pub marks: HashMap<String, Vec<Marked>>,
    /// What shows a second factor.
    pub mfa: Mfa,
    /// It proves nobody while it is.
    pub suspended: bool,
}

/// What shows that a person signed in with more than one factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mfa {
    /// A claim with any of these values.
    Claim {
        /// Its name.
        name: String,
        /// What counts.
        values: Vec<String>,
    },
    /// Nothing in the token: written evidence of a day says that the provider requires it of everybody.
    Attested {
        /// Reference of the evidence.
        evidence: String,
        /// Its day.
        on: NaiveDate,
    },
}

impl Directory {
    /// The identity providers of an organisation that are not suspended.
    pub fn providers(&self, organisation: OrganisationId) -> impl Iterator<Item = &Arc<IdentityProvider>> {
        self.proofs.providers.get(&organisation).into_iter().flatten().filter(|provider| !provider.suspended)
    }
}

impl IdentityProviderEntry {
    /// What makes it prove nobody, or leaves open what it proves, as far as the entry itself shows.
    pub fn fault(&self) -> Option<&'static str> {
        let url = |text: &str| {
            let address = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            address.is_some_and(|a| !a.is_empty())
                && text.len() <= 500
                && text.chars().all(|c| c.is_ascii_graphic())
        };
        let plain = |value: &String| !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic());
        if !url(&self.issuer) || !self.keys_url.as_deref().is_none_or(url) {
            return Some("`issuer` and `keys_url` must be addresses that begin with https://");
        }
        if !self.tenant.as_ref().is_none_or(plain) {
            return Some("`tenant` must be its claim's value, or left out");
        }
        if self.algorithms.is_empty() || self.role_claim.is_empty() || self.tenant_claim.is_empty() {
            return Some("`algorithms`, `role_claim` and `tenant_claim` must not be empty");
        }
        if self.group_claim.is_none() && !self.teams.is_empty() {
            return Some("`teams` needs `group_claim`");
        }
        if self.mark_claim.is_none() && !self.marks.is_empty() {
            return Some("`marks` needs `mark_claim`");
        }
        // No two systems the same client there, or a token for one would prove the person to the other.
        let there: HashSet<&String> = self.clients.values().filter(|there| !there.is_empty()).collect();
        if there.len() != self.clients.len() {
            return Some("`clients` must be another client there for each system");
        }
        match &self.mfa {
            MfaEntry { claim: Some(name), values, evidence: None, evidence_on: None } => {
                let holds = !name.is_empty() && !values.is_empty() && values.iter().all(plain);
                (!holds).then_some("`mfa` must name a claim and the values of it that show a second factor")
            }
            MfaEntry { claim: None, values, evidence: Some(evidence), evidence_on: Some(_) } => {
                let holds = !evidence.is_empty() && values.is_empty();
                (!holds).then_some("`mfa.evidence` must be a reference, without values")
            }
            MfaEntry { .. } => Some("`mfa` must have a claim with values, or evidence with its day"),
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    organisation_id: Uuid,
    issuer: String,
    tenant: String,
    tenant_claim: String,
    algorithms: String,
    keys_url: Option<String>,
    role_claim: String,
    group_claim: Option<String>,
    mark_claim: Option<String>,
    mfa_claim: Option<String>,
    mfa_values: String,
    mfa_evidence: Option<String>,
    mfa_evidence_on: Option<NaiveDate>,
    suspended: bool,
}

pub(super) async fn load(db: &Db) -> Result<HashMap<OrganisationId, Vec<Arc<IdentityProvider>>>, StoreError> {
    const ALL: &str = "SELECT id, organisation_id, issuer, tenant, tenant_claim, algorithms, keys_url, role_claim, \
         group_claim, mark_claim, mfa_claim, mfa_values, mfa_evidence, mfa_evidence_on, suspended FROM identity_providers ORDER BY id";
    const CLIENTS: &str = "SELECT provider_id, system_id, client_id FROM identity_provider_clients";
    const ROLES: &str = "SELECT provider_id, claim_value, role FROM identity_provider_roles";
    const TEAMS: &str = "SELECT m.provider_id, m.claim_value, t.code FROM identity_provider_teams m \
         JOIN teams t ON t.id = m.team_id";
    const MARKS: &str = "SELECT m.provider_id, m.claim_value, m.mark, t.code FROM identity_provider_marks m \
         LEFT JOIN teams t ON t.id = m.team_id";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    let clients: Vec<(Uuid, Uuid, String)> = read!(db, c => sqlx::query_as(CLIENTS).fetch_all(c).await)?;
    let roles: Vec<(Uuid, String, String)> = read!(db, c => sqlx::query_as(ROLES).fetch_all(c).await)?;
    let teams: Vec<(Uuid, String, String)> = read!(db, c => sqlx::query_as(TEAMS).fetch_all(c).await)?;
    let marks: Vec<(Uuid, String, String, Option<String>)> =
        read!(db, c => sqlx::query_as(MARKS).fetch_all(c).await)?;
    let mut all: HashMap<_, Vec<Arc<IdentityProvider>>> = HashMap::new();
    for row in rows {
        let (organisation, mut provider) = provider(row)?;
        let id = provider.id.0;
        let own = clients.iter().filter(|(of, _, _)| *of == id);
        provider.clients = own.map(|(_, system, client)| (SystemId(*system), client.clone())).collect();
        for (_, value, word) in roles.iter().filter(|(of, _, _)| *of == id) {
            let role = Role::parse(word).ok_or(StoreError::Corrupt("identity_provider_roles.role"))?;
            provider.roles.entry(value.clone()).or_default().push(role);
        }
        for (_, value, team) in teams.iter().filter(|(of, _, _)| *of == id) {
            provider.teams.entry(value.clone()).or_default().push(team.clone());
        }
        for (_, value, word, team) in marks.iter().filter(|(of, ..)| *of == id) {
            let mark = Mark::parse(word).ok_or(StoreError::Corrupt("identity_provider_marks.mark"))?;
            let marked = Marked { mark, team: team.clone() };
            provider.marks.entry(value.clone()).or_default().push(marked);
        }
        all.entry(organisation).or_default().push(Arc::new(provider));
    }
    Ok(all)
}

fn provider(row: Row) -> Result<(OrganisationId, IdentityProvider), StoreError> {
    let known = |name: &str| jws_algorithm(name).map(|_| name.to_owned());
    let mfa = match (row.mfa_claim, row.mfa_evidence, row.mfa_evidence_on) {
        (Some(name), None, None) => {
            Mfa::Claim { name, values: row.mfa_values.split_whitespace().map(str::to_owned).collect() }
        }
        (None, Some(evidence), Some(on)) => Mfa::Attested { evidence, on },
        _ => return Err(StoreError::Corrupt("identity_providers.mfa_claim")),
    };
    let provider = IdentityProvider {
        id: ProviderId(row.id),
        issuer: row.issuer,
        tenant: row.tenant,
        tenant_claim: row.tenant_claim,
        algorithms: list(&row.algorithms, known, "identity_providers.algorithms")?,
        keys_url: row.keys_url,
        clients: HashMap::new(),
        role_claim: row.role_claim,
        roles: HashMap::new(),
        group_claim: row.group_claim,
        teams: HashMap::new(),
        mark_claim: row.mark_claim,
        marks: HashMap::new(),
        mfa,
        suspended: row.suspended,
    };
    Ok((OrganisationId(row.organisation_id), provider))
}
