//! Who takes part: organisations, their systems and certificates, teams, sharing agreements, officers' authorisations.
//!
//! Small reference data. It is read whole into a [`Directory`], which requests use without touching the database; a
//! polled version row makes a change seen by every running gateway within a second. It must never hold a child.

mod apply;
mod file;
mod live;
mod load;
mod model;

pub use apply::apply;
pub use file::{
    CertificateEntry, DirectoryFile, OfficerAuthorisationEntry, OrganisationEntry, SharingAgreementEntry,
    SystemEntry, TeamEntry,
};
pub use live::LiveDirectory;
pub use load::load;
pub use model::{
    Contact, Credential, Directory, LaneException, OfficerAuthorisation, Organisation, Scope,
    SharingAgreement, System, Team,
};
