//! The directory as a file: what `demo` writes and an operator reviews.

use super::{IdentityProviderEntry, KeyEntry};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// The whole directory, as JSON. Records name each other by `code`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Which organisations act for which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts_for: Vec<ActsForEntry>,
    /// Which teams cover which, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<CoverEntry>,
    /// What persons may do beyond their role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub person_marks: Vec<PersonMarkEntry>,
    /// Persons who are suspended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub persons: Vec<PersonEntry>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn not(flag: &bool) -> bool {
    !flag
}

/// An organisation; fields as in [`super::Organisation`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether it is served nothing for now.
    #[serde(skip_serializing_if = "not")]
    pub suspended: bool,
    /// Schools: code of the one that it took over from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<String>,
    /// Schools: numbers that it had before; those of a file are added to those that are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub former_numbers: Vec<FormerNumbersEntry>,
    /// Providers: codes of the authorities whose children they serve; none: every child here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub area: Vec<String>,
}

/// Numbers that a school had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormerNumbersEntry {
    /// Six digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urn: Option<String>,
    /// Seven digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub laestab: Option<String>,
    /// The last day on which it had them.
    pub until: NaiveDate,
}

/// A system with its certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether it is let in nowhere for now.
    #[serde(skip_serializing_if = "not")]
    pub suspended: bool,
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
            suspended: false,
        }
    }
}

/// A certificate, by its digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether the system registered it itself, after the one before it: no file takes it back by not having it.
    #[serde(default, skip_serializing_if = "not")]
    pub by_system: bool,
}

/// A team.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamEntry {
    /// Code of its organisation.
    pub organisation: String,
    /// Short name, unique in its organisation.
    pub code: String,
    /// As shown.
    pub name: String,
    /// Whether it takes no new case any more.
    #[serde(default, skip_serializing_if = "not")]
    pub ended: bool,
    /// Where it is rung back, and nowhere else; empty where none is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub telephone: String,
}

/// A sharing agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether nothing is received under it for now.
    #[serde(default, skip_serializing_if = "not")]
    pub suspended: bool,
}

/// An officer's written authorisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Who the officer is at the authority's identity provider; without, it is the system's where nobody is proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<OfficerEntry>,
}

/// An officer, as the authority's identity provider names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerEntry {
    /// The provider's `iss`.
    pub issuer: String,
    /// Its tenant, where it has several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// The person, as the provider names them.
    pub subject: String,
}

/// A mandate: a system of a supplier, trust or authority may act for a school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MandateEntry {
    /// Client identifier of the system that may act.
    pub client_id: String,
    /// Code of the school.
    pub school: String,
    /// What it may call for the school: `registers`, `summaries`.
    pub scopes: Vec<String>,
    /// Sections of a summary that it may be given for the school; none unless named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<String>,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
}

/// An organisation acts for another: a trust for a school that it runs, a children's trust for an authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActsForEntry {
    /// Code of the organisation that acts.
    pub organisation: String,
    /// Code of the one that it acts for.
    #[serde(rename = "for")]
    pub acted_for: String,
    /// In which roles.
    pub roles: Vec<String>,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
}

/// A team covers another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverEntry {
    /// Code of the organisation of the team that covers.
    pub organisation: String,
    /// Code of that team.
    pub team: String,
    /// Code of the organisation of the team that is covered.
    pub covered_organisation: String,
    /// Code of that team.
    pub covered_team: String,
    /// `duty`, `out_of_hours`, `reviewing` or `management`.
    pub kind: String,
    /// When, London time: `always`, or spans such as `mon-fri 17:00-09:00; sat-sun 00:00-24:00`.
    pub hours: String,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
}

/// A mark on a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonMarkEntry {
    /// Code of the organisation whose staff it is.
    pub organisation: String,
    /// The identity provider that names the person.
    pub issuer: String,
    /// Its tenant, where it has several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// The person, as the provider names them.
    pub subject: String,
    /// `manager`, `senior_officer`, `data_matcher`, `protected_returns_officer` or `education_safeguarding_lead`.
    pub mark: String,
    /// Code of the team of which a manager is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
}

/// A person who is not served, whatever their provider says. Persons stand in the directory while they are suspended only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonEntry {
    /// Code of the organisation whose provider proves them.
    pub organisation: String,
    /// The identity provider that names the person.
    pub issuer: String,
    /// Its tenant, where it has several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// The person, as the provider names them.
    pub subject: String,
    /// Whether they are served nothing; else they are let back.
    pub suspended: bool,
}

/// An operator. Operators stand in no file: each is a change of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorEntry {
    /// As shown, and as changes name who signed them.
    pub name: String,
    /// Ed25519 public key, hex.
    pub public_key: String,
    /// Whether nothing is signed with it any more.
    #[serde(default, skip_serializing_if = "not")]
    pub ended: bool,
}
