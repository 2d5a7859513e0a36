//! Who takes part: organisations, their systems with certificates and keys, teams, sharing agreements, officers'
//! authorisations, who acts for whom, cover, the identity providers whose tokens prove an organisation's people, and the
//! operators whose signed changes are the only way in which any of it is written.
//!
//! Small reference data. It is read whole into a [`Directory`], which requests use without touching the database; a
//! polled version row makes a change seen by every running gateway within a second. It must never hold a child.

mod acting;
pub mod changes;
mod cover;
mod credentials;
mod file;
mod live;
mod load;
mod model;
mod numbers;
mod policies;
mod proof;

pub use acting::mandates::{Mandate, NoMandate};
pub use acting::{ActsFor, NotActing, Within};
pub use changes::Operator;
pub use cover::{Cover, PersonMark};
pub use credentials::{NewCertificate, Registered, add_certificate, retire_certificate};
pub use file::{
    ActsForEntry, CertificateEntry, CoverEntry, DirectoryFile, FormerNumbersEntry, MandateEntry,
    OfficerAuthorisationEntry, OfficerEntry, OperatorEntry, OrganisationEntry, PersonEntry, PersonMarkEntry,
    SharingAgreementEntry, SystemEntry, TeamEntry,
};
pub use live::LiveDirectory;
pub use load::load;
pub use model::{
    Contact, Credential, Directory, FormerNumbers, LaneException, OfficerAuthorisation, Organisation, Scope,
    SharingAgreement, System, Team,
};
pub use policies::{Cases, InForce, PolicySetEntry, PolicyTexts, policy_set, policy_sets, record_built_in};
pub use proof::{
    ByTeam, IdentityProvider, IdentityProviderEntry, KeyEntry, Mfa, MfaEntry, NotOurs, PersonKey, Proofs,
    ProviderId, SeenPerson, SystemKey, known_elsewhere, revoke_token, seen_person,
};
