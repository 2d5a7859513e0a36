//! Who takes part: organisations, their systems and certificates, teams, sharing agreements, officers' authorisations,
//! and mandates by which a system acts for a school that is not its own organisation.
//!
//! Small reference data. It is read whole into a [`Directory`], which requests use without touching the database; a
//! polled version row makes a change seen by every running gateway within a second. It must never hold a child.

mod apply;
mod file;
mod live;
mod load;
mod mandates;
mod model;

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
