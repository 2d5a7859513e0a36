//! A person behind a system: proved by a token from their organisation's identity provider, given in exchange for ours.
//!
//! A provider's token proves a person once, to the one system that it was made for, and only with what the directory
//! registers for that provider. Its keys are fetched beside the request's path and never because of what a token says
//! of itself.

mod claims;
mod fault;
mod keys;
mod outside;
mod rules;
mod subject;

pub use fault::SubjectFault;
pub use keys::{ProviderKeys, REFRESH_SECONDS};
pub use outside::{Outside, OutsideError};
pub use subject::{Asking, ProvedSubject, SubjectKind, is_formed, prove};

use crate::directory::PersonKey;
use crate::domain::staff::Marked;

/// A person, proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who it is.
    pub key: PersonKey,
    /// Codes of the organisation's teams that they are in.
    pub teams: Vec<String>,
    /// Marks on them, as their provider's claim says and the directory maps it.
    pub marks: Vec<Marked>,
    /// Whether nothing but their provider's word says that they signed in with a second factor.
    pub attested: bool,
}
