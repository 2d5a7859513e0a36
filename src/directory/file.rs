//! The directory as a file: what `demo` writes and an operator reviews.

use super::{IdentityProviderEntry, KeyEntry};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// The whole directory, as JSON. Records name each other by `code`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryFile {
    /// Organisations of every kind.
    pub organisations: Vec<OrganisationEntry>,
    /// Their systems.
    pub systems: Vec<SystemEntry>,
    /// Their teams.
    pub teams: Vec<TeamEntry>,
    /// What may be received by whom.
    pub sharing_agreements: Vec<SharingAgreementEntry>,
    /// Officers authorised in writing, SI 2024/208 reg 12.
    pub officer_authorisations: Vec<OfficerAuthorisationEntry>,
    /// Which systems may act for which schools.
    #[serde(default)]
    pub mandates: Vec<MandateEntry>,
    /// Whose tokens prove an organisation's people.
    #[serde(default)]
    pub identity_providers: Vec<IdentityProviderEntry>,
}

/// An organisation; fields as in [`super::Organisation`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrganisationEntry {
    /// Short name, unique.
    pub code: String,
    /// `school`, `trust`, `local_authority`, `health_provider`, `partner` or `vendor`.
    pub kind: String,
    /// As published.
    pub name: String,
    /// Schools: six digits.
    pub urn: Option<String>,
    /// Schools: seven digits.
    pub laestab: Option<String>,
    /// Authorities: three digits.
    pub la_code: Option<String>,
    /// Schools: phase.
    pub phase: Option<String>,
    /// Schools: code of the authority that receives returns.
    pub returns_to: Option<String>,
    /// Schools: attendance lead, name and telephone.
    pub attendance_lead: Option<(String, String)>,
    /// Schools: designated safeguarding lead, name and telephone.
    pub dsl: Option<(String, String)>,
}

/// A system with its certificates.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SystemEntry {
    /// Code of its organisation.
    pub organisation: String,
    /// Short name, unique in its organisation.
    pub code: String,
    /// OAuth client identifier, unique.
    pub client_id: String,
    /// Roles that it may carry.
    pub roles: Vec<String>,
    /// `registers`, `involvements`, `summaries`, `audit`.
    pub scopes: Vec<String>,
    /// Sections given without a person.
    pub sections_without_person: Vec<String>,
    /// Requests a minute.
    pub requests_per_minute: u32,
    /// At most two live certificates.
    pub certificates: Vec<CertificateEntry>,
    /// At most two live public keys, for `private_key_jwt`.
    pub keys: Vec<KeyEntry>,
}

impl Default for SystemEntry {
    /// Without a person a system gets `headline`, `trend`, `split`, `last_seen` and `school_contact`, unless its
    /// entry says more.
    fn default() -> Self {
        let sections = ["headline", "trend", "split", "last_seen", "school_contact"];
        Self {
            organisation: String::new(),
            code: String::new(),
            client_id: String::new(),
            roles: Vec::new(),
            scopes: Vec::new(),
            sections_without_person: sections.map(str::to_owned).to_vec(),
            requests_per_minute: 600,
            certificates: Vec::new(),
            keys: Vec::new(),
        }
    }
}

/// A certificate, by its digests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateEntry {
    /// SHA-256 of the certificate in DER, lower-case hex.
    pub thumbprint: String,
    /// SHA-256 of its `SubjectPublicKeyInfo` in DER, lower-case hex.
    pub key_digest: String,
    /// Start of validity.
    pub valid_from: DateTime<Utc>,
    /// End of validity.
    pub valid_until: DateTime<Utc>,
}

/// A team.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamEntry {
    /// Code of its organisation.
    pub organisation: String,
    /// Short name, unique in its organisation.
    pub code: String,
    /// As shown.
    pub name: String,
}

/// A sharing agreement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharingAgreementEntry {
    /// Code of the organisation that receives under it.
    pub organisation: String,
    /// Purposes that it covers.
    pub purposes: Vec<String>,
    /// Of `health`, `sessions`, `suspension`, `search_by_name`: given without a person.
    pub exceptions: Vec<String>,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
    /// Version of the document.
    pub version: String,
    /// SHA-256 of the signed document, hex.
    pub document_digest: String,
}

/// An officer's written authorisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerAuthorisationEntry {
    /// Code of the authority.
    pub organisation: String,
    /// Client identifier of the system through which the officer acts.
    pub client_id: String,
    /// The officer's name.
    pub officer: String,
    /// Reference of the written authorisation.
    pub document: String,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
}

/// A mandate: a system of a supplier, trust or authority may act for a school.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MandateEntry {
    /// Client identifier of the system that may act.
    pub client_id: String,
    /// Code of the school.
    pub school: String,
    /// What it may call for the school: `registers`.
    pub scopes: Vec<String>,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
}
