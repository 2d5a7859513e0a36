//! Keys and identity providers as a directory file names them.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A public key of a system, for `private_key_jwt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// Its identifier, as in the header of assertions.
    pub kid: String,
    /// The key itself, RFC 7517.
    pub jwk: serde_json::Value,
    /// Start of validity.
    pub valid_from: DateTime<Utc>,
    /// End of validity.
    pub valid_until: DateTime<Utc>,
}

/// An organisation's identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProviderEntry {
    /// Code of the organisation.
    pub organisation: String,
    /// `iss` of its tokens, to the letter.
    pub issuer: String,
    /// Where the provider has several: the tenant, as its claim names it.
    #[serde(default)]
    pub tenant: Option<String>,
    /// The claim that names the tenant; `tid` unless it says otherwise.
    #[serde(default = "tid")]
    pub tenant_claim: String,
    /// Of `ES256`, `ES384`, `PS256`, `RS256` and `EdDSA`.
    pub algorithms: Vec<String>,
    /// Where its keys are; without, its discovery document says.
    #[serde(default)]
    pub keys_url: Option<String>,
    /// For each of the organisation's systems, by its client identifier here, the client identifier there.
    pub clients: BTreeMap<String, String>,
    /// The claim that roles are mapped from.
    pub role_claim: String,
    /// For each value of it the roles that it stands for.
    pub roles: BTreeMap<String, Vec<String>>,
    /// The claim that teams are mapped from.
    #[serde(default)]
    pub group_claim: Option<String>,
    /// For each value of it the teams that it stands for, by their codes.
    #[serde(default)]
    pub teams: BTreeMap<String, Vec<String>>,
    /// The claim that marks on persons are mapped from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_claim: Option<String>,
    /// For each value of it the marks that it stands for; a manager's as `manager:TEAM`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub marks: BTreeMap<String, Vec<String>>,
    /// What shows a second factor.
    pub mfa: MfaEntry,
    /// Whether it proves nobody for now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
}

fn tid() -> String {
    "tid".to_owned()
}

/// What shows that a person signed in with more than one factor: a claim with values, or the provider's dated word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MfaEntry {
    /// The claim: `acr`, `amr`, or one of authentication contexts such as `acrs`.
    pub claim: Option<String>,
    /// Any of these shows it.
    pub values: Vec<String>,
    /// Without a claim: reference of the written evidence that the provider requires a second factor of everybody.
    pub evidence: Option<String>,
    /// Without a claim: the day of that evidence; it counts for a year.
    pub evidence_on: Option<NaiveDate>,
}
