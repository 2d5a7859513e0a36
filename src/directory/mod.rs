//! Who takes part: organisations, their systems with certificates and keys, teams, sharing agreements, officers'
//! authorisations, mandates by which a system acts for a school that is not its own organisation, and the identity
//! providers whose tokens prove an organisation's people.
//!
//! Small reference data. It is read whole into a [`Directory`], which requests use without touching the database; a
//! polled version row makes a change seen by every running gateway within a second. It must never hold a child.

mod apply;
mod file;
mod live;
mod load;
mod mandates;
mod model;
mod proof;

pub use apply::apply;
pub use file::{
    CertificateEntry, DirectoryFile, MandateEntry, OfficerAuthorisationEntry, OrganisationEntry,
    SharingAgreementEntry, SystemEntry, TeamEntry,
};
pub use live::LiveDirectory;
pub use load::load;
pub use mandates::{Mandate, NoMandate};
pub use model::{
    Contact, Credential, Directory, LaneException, OfficerAuthorisation, Organisation, Scope,
    SharingAgreement, System, Team,
};
pub use proof::{
    ByTeam, IdentityProvider, IdentityProviderEntry, KeyEntry, Mfa, MfaEntry, NotOurs, PersonKey, Proofs,
    ProviderId, SeenPerson, SystemKey, revoke_token, seen_person, suspend_person,
};
