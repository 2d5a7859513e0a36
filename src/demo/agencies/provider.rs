//! The authority's identity provider, where the demonstration is given one: its claims name roles and teams by our words.

use super::{AGENCIES, AUTHORITY, TEAMS, client_id};
use crate::demo::pki::SystemName;
use crate::directory::{IdentityProviderEntry, MfaEntry};
use crate::domain::purpose::Role;
use crate::domain::staff::Mark;
use std::collections::BTreeMap;

/// The provider with this issuer: each system of the authority is a client of its own identifier there, `roles`,
/// `groups` and `marks` name roles, teams and marks, and `amr` shows a second factor.
pub fn identity_provider(issuer: &str) -> IdentityProviderEntry {
    let systems = AGENCIES.iter().filter(|agency| agency.0 == AUTHORITY);
    let clients = systems.map(|agency| client_id(&SystemName::new(agency.0, agency.1)));
    let teams = TEAMS.iter().filter(|(organisation, ..)| *organisation == AUTHORITY);
    let own = |word: &str| (word.to_owned(), vec![word.to_owned()]);
    IdentityProviderEntry {
        organisation: AUTHORITY.to_owned(),
        issuer: issuer.to_owned(),
        tenant: None,
        tenant_claim: "tid".to_owned(),
        algorithms: ["ES256", "ES384", "EdDSA", "PS256", "RS256"].map(str::to_owned).to_vec(),
        keys_url: None,
        clients: clients.map(|client| (client.clone(), client)).collect(),
        role_claim: "roles".to_owned(),
        roles: Role::ALL.iter().map(|role| own(role.as_str())).collect(),
        group_claim: Some("groups".to_owned()),
        teams: teams.map(|(_, code, ..)| own(code)).collect(),
        mark_claim: Some("marks".to_owned()),
        marks: marks(),
        mfa: MfaEntry {
            claim: Some("amr".to_owned()),
            values: vec!["mfa".to_owned()],
            ..MfaEntry::default()
        },
        suspended: false,
    }
}

/// Each mark by its own word, a manager's of each team of the authority as `manager:TEAM`.
fn marks() -> BTreeMap<String, Vec<String>> {
    let teams = TEAMS.iter().filter(|(organisation, ..)| *organisation == AUTHORITY);
    let managers = teams.map(|(_, code, ..)| format!("{}:{code}", Mark::Manager));
    let others = Mark::ALL.iter().filter(|mark| **mark != Mark::Manager).map(ToString::to_string);
    managers.chain(others).map(|word| (word.clone(), vec![word])).collect()
}
