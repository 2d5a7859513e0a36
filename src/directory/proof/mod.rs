//! What proves callers beside their certificates: systems' public keys, organisations' identity providers, and the people
//! whom those prove; and what is taken back before its end.
//!
//! Providers and keys are written by operators' changes. A person is made by the first token that proves them, never by
//! a request's word. It decides nothing: what a token proves is `identity`'s to say.

pub(super) mod entries;
mod keys;
mod persons;
mod providers;
mod revoked;
mod teams;

pub use entries::{IdentityProviderEntry, KeyEntry, MfaEntry};
pub use keys::SystemKey;
pub use persons::{NotOurs, PersonKey, SeenPerson, known_elsewhere, seen_person};
pub use providers::{IdentityProvider, Mfa, ProviderId};
pub use revoked::revoke_token;
pub(super) use revoked::revoked;
pub use teams::ByTeam;

use crate::domain::identifiers::{OrganisationId, SystemId};
use crate::store::{Db, StoreError};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What proves callers, at one version of the directory.
#[derive(Clone, Debug, Default)]
pub struct Proofs {
    /// Public keys of systems, revoked and ended ones too.
    pub keys: HashMap<SystemId, Vec<SystemKey>>,
    /// Identity providers of each organisation.
    pub providers: HashMap<OrganisationId, Vec<Arc<IdentityProvider>>>,
    /// Persons who may not be served, each with whose person it is.
    pub suspended: HashMap<PersonKey, OrganisationId>,
    /// Identifiers of access tokens that were taken back and have not ended.
    pub revoked: Arc<HashSet<String>>,
}

/// Reads all of it.
pub(super) async fn load(db: &Db) -> Result<Proofs, StoreError> {
    Ok(Proofs {
        keys: keys::load(db).await?,
        providers: providers::load(db).await?,
        suspended: persons::load_suspended(db).await?,
        revoked: Arc::new(revoked(db).await?),
    })
}
