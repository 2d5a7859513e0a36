//! What operators' commands are given.

use super::super::serve::ServeArgs;
use chrono::NaiveDate;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use uuid::Uuid;

/// Who signs, and how it is told.
#[derive(Clone, Debug, Args)]
pub struct SignArgs {
    /// The operator's private key, from `schoolgate operator key`
    #[arg(long = "as", value_name = "KEY_FILE")]
    pub key: PathBuf,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// Listing.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// By its code.
#[derive(Clone, Debug, Args)]
pub struct CodeArgs {
    /// Code of the organisation
    pub code: String,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// Add an organisation, or change what is given of one; one that was suspended is live again
    Add(OrgAddArgs),
    /// List organisations
    List(ListArgs),
    /// Serve an organisation nothing from now on
    Suspend(CodeArgs),
}

#[derive(Clone, Debug, Args)]
pub struct OrgAddArgs {
    #[command(flatten)]
    pub organisation: OrganisationArgs,
    #[command(flatten)]
    pub sign: SignArgs,
}

/// An organisation of any kind.
#[derive(Clone, Debug, Args)]
pub struct OrganisationArgs {
    /// Short name, unique; as in certificates
    #[arg(long)]
    pub code: String,
    /// As published
    #[arg(long)]
    pub name: Option<String>,
    /// `trust`, `local_authority`, `health_provider`, `partner`, `vendor` or `school`
    #[arg(long)]
    pub kind: Option<String>,
    /// An authority's three digits
    #[arg(long)]
    pub la_code: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum SchoolCommand {
    /// Add a school, or change what is given of one; one that was suspended is live again
    Add(Box<SchoolAddArgs>),
    /// List schools
    List(ListArgs),
    /// Serve a school nothing from now on
    Suspend(CodeArgs),
}

#[derive(Clone, Debug, Args)]
pub struct SchoolAddArgs {
    #[command(flatten)]
    pub organisation: OrganisationArgs,
    #[command(flatten)]
    pub numbers: SchoolArgs,
    #[command(flatten)]
    pub sign: SignArgs,
}

/// What only schools have.
#[derive(Clone, Debug, Args)]
pub struct SchoolArgs {
    /// Six digits; the one that it has now is kept as a former one
    #[arg(long)]
    pub urn: Option<String>,
    /// Seven digits; likewise
    #[arg(long)]
    pub laestab: Option<String>,
    /// nursery, primary, secondary, `all_through`, special or alternative
    #[arg(long)]
    pub phase: Option<String>,
    /// Code of the authority that receives its returns
    #[arg(long, value_name = "CODE")]
    pub returns_to: Option<String>,
    /// Code of the school that it took over from
    #[arg(long, value_name = "CODE")]
    pub predecessor: Option<String>,
    /// Name and telephone of the attendance lead
    #[arg(long, num_args = 2, value_names = ["NAME", "TELEPHONE"])]
    pub attendance_lead: Option<Vec<String>>,
    /// Name and telephone of the designated safeguarding lead
    #[arg(long, num_args = 2, value_names = ["NAME", "TELEPHONE"])]
    pub dsl: Option<Vec<String>>,
}

#[derive(Debug, Subcommand)]
pub enum SystemCommand {
    /// Add a system, or change what is given of one; certificates are added to those that it has
    Add(SystemAddArgs),
    /// List systems
    List(ListArgs),
    /// Let a system in nowhere from now on, or revoke one of its certificates
    Suspend(SystemSuspendArgs),
}

#[derive(Clone, Debug, Args)]
pub struct SystemAddArgs {
    /// OAuth client identifier, unique
    #[arg(long)]
    pub client_id: String,
    /// Code of its organisation
    #[arg(long)]
    pub organisation: Option<String>,
    /// Short name, unique in its organisation
    #[arg(long)]
    pub code: Option<String>,
    /// A role that it may carry; given once for each
    #[arg(long = "role")]
    pub roles: Vec<String>,
    /// registers, involvements, summaries, notifications or audit; given once for each
    #[arg(long = "scope")]
    pub scopes: Vec<String>,
    /// A section given without a person; given once for each
    #[arg(long = "section")]
    pub sections: Vec<String>,
    /// Requests a minute
    #[arg(long, value_name = "N")]
    pub requests_per_minute: Option<u32>,
    /// A certificate of it, PEM; at most two live ones
    #[arg(long = "certificate", value_name = "FILE")]
    pub certificates: Vec<PathBuf>,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Clone, Debug, Args)]
pub struct SystemSuspendArgs {
    /// OAuth client identifier
    pub client_id: String,
    /// Revoke the certificate with this SHA-256, hex, and leave the system as it is
    #[arg(long, value_name = "SHA256")]
    pub certificate: Option<String>,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Debug, Subcommand)]
pub enum SharingAgreementCommand {
    /// Add an agreement, or another form of one of the same version
    Add(AgreementAddArgs),
    /// List agreements
    List(ListArgs),
    /// Receive nothing under an agreement from now on
    Suspend(AgreementSuspendArgs),
}

#[derive(Clone, Debug, Args)]
pub struct AgreementAddArgs {
    /// Code of the organisation that receives under it
    #[arg(long)]
    pub organisation: String,
    /// Version of the document
    #[arg(long, value_name = "VERSION")]
    pub document_version: String,
    /// The signed document; its SHA-256 is kept, not the document
    #[arg(long, value_name = "FILE")]
    pub document: PathBuf,
    /// A purpose that it covers; given once for each
    #[arg(long = "purpose", required = true)]
    pub purposes: Vec<String>,
    /// health, sessions, suspension or `search_by_name`: given without a proved person; given once for each
    #[arg(long = "exception")]
    pub exceptions: Vec<String>,
    /// First day
    #[arg(long, value_name = "DATE")]
    pub from: NaiveDate,
    /// Last day
    #[arg(long, value_name = "DATE")]
    pub until: NaiveDate,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Clone, Debug, Args)]
pub struct AgreementSuspendArgs {
    /// Code of the organisation that receives under it
    pub organisation: String,
    /// Version of the document
    pub document_version: String,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Debug, Subcommand)]
pub enum IdpCommand {
    /// Add an organisation's identity provider, or change it
    Add(IdpAddArgs),
    /// List identity providers
    List(ListArgs),
    /// Have a provider prove nobody from now on
    Suspend(IdpSuspendArgs),
}

#[derive(Clone, Debug, Args)]
pub struct IdpAddArgs {
    /// The provider as a JSON file, one entry of `identity_providers` in a directory file
    pub file: PathBuf,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Clone, Debug, Args)]
pub struct IdpSuspendArgs {
    /// Code of the organisation whose people it proves
    pub organisation: String,
    /// The provider's `iss`
    pub issuer: String,
    /// Its tenant, where it has several
    #[arg(long)]
    pub tenant: Option<String>,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Debug, Subcommand)]
pub enum MandateCommand {
    /// Let a system of a supplier, trust or authority act for a school
    Add(MandateAddArgs),
    /// List mandates
    List(ListArgs),
    /// End every mandate of a system for a school that has not ended
    Suspend(MandateSuspendArgs),
}

#[derive(Clone, Debug, Args)]
pub struct MandateAddArgs {
    /// Client identifier of the system
    #[arg(long, value_name = "CLIENT_ID")]
    pub system: String,
    /// Code of the school
    #[arg(long, value_name = "CODE")]
    pub school: String,
    /// registers or summaries; given once for each
    #[arg(long = "scope", required = true)]
    pub scopes: Vec<String>,
    /// A section of a summary that it may be given; given once for each
    #[arg(long = "section")]
    pub sections: Vec<String>,
    /// First day
    #[arg(long, value_name = "DATE")]
    pub from: NaiveDate,
    /// Last day
    #[arg(long, value_name = "DATE")]
    pub until: NaiveDate,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Clone, Debug, Args)]
pub struct MandateSuspendArgs {
    /// Client identifier of the system
    pub system: String,
    /// Code of the school
    pub school: String,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Clone, Debug, Args)]
pub struct OperatorAddArgs {
    /// Public key, from `schoolgate operator key`
    pub file: PathBuf,
    /// Name of the operator, as changes show who signed them
    #[arg(long)]
    pub name: String,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Clone, Debug, Args)]
pub struct OperatorSuspendArgs {
    /// Name of the operator
    pub name: String,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Debug, Subcommand)]
pub enum DirectoryCommand {
    /// Make the directory what a file says, as one change: what the file does not have ends
    Apply(ApplyArgs),
    /// Print the directory as a file
    Show(ListArgs),
}

#[derive(Clone, Debug, Args)]
pub struct ApplyArgs {
    /// A directory file (.json), or the register's list of establishments (.csv), which adds and corrects schools only
    pub file: PathBuf,
    /// Leave what the file does not have as it is
    #[arg(long)]
    pub only_these: bool,
    #[command(flatten)]
    pub sign: SignArgs,
}

#[derive(Debug, Subcommand)]
pub enum ChangeCommand {
    /// List changes, the newest first
    List(ChangeListArgs),
    /// Print a change, record by record as it stands and as it would stand, and the digest of its document
    Show(ChangeShowArgs),
    /// Approve a change that another operator proposed: it takes effect at once
    Approve(DecideArgs),
    /// Refuse a change that waits: it never takes effect
    Refuse(DecideArgs),
}

#[derive(Clone, Debug, Args)]
pub struct ChangeListArgs {
    /// Only those that wait
    #[arg(long)]
    pub waiting: bool,
    #[command(flatten)]
    pub list: ListArgs,
}

#[derive(Clone, Debug, Args)]
pub struct ChangeShowArgs {
    /// The change
    pub id: Uuid,
    #[command(flatten)]
    pub serve: ServeArgs,
}

#[derive(Clone, Debug, Args)]
pub struct DecideArgs {
    /// The change
    pub id: Uuid,
    /// Digest of what was looked at, as `change show` prints it; an approval needs it
    #[arg(long, value_name = "SHA256")]
    pub digest: Option<String>,
    /// The operator's private key, from `schoolgate operator key`
    #[arg(long = "as", value_name = "KEY_FILE")]
    pub key: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub serve: ServeArgs,
}
