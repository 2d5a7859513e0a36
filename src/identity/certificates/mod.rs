//! Which client certificates are let in: the authorities, their revocation lists, and what a certificate must look like.
//!
//! A certificate that passes here is known to be of an authority that is trusted, and of its time. Whose it is, and whether
//! that system may do anything, is for the directory to say.

mod authorities;
mod fault;
mod files;
mod lists;
mod live;
mod profile;
mod trust;

pub use authorities::Authorities;
pub use fault::{CertificateFault, ChainFault};
pub use files::{CertificateFiles, ServerPair, Stamp};
pub use lists::RevocationLists;
pub use live::{Follow, LiveTrust};
pub use trust::Trust;
