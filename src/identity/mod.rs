//! Who is calling: the certificate of the connection, the system it belongs to, the token bound to it, and where one is
//! proved the person behind the system.
//!
//! It proves and refuses; it decides nothing about a child. A certificate alone is never enough for a request about a
//! child, and neither is a token alone.

mod assertion;
mod authenticate;
mod caller;
mod certificates;
mod fault;
mod peer;
mod person;
mod replay;
mod token;

pub use assertion::{AssertionFault, client_assertion};
pub use authenticate::{authenticate, local, may_act, still, system_of};
pub use caller::{Caller, Lane, Noted};
pub use certificates::{
    Authorities, CertificateFault, CertificateFiles, ChainFault, Follow, LiveTrust, RevocationLists,
    ServerPair, Stamp, Trust,
};
pub use fault::Unauthenticated;
pub use peer::{Peer, PeerError};
pub use person::{
    Asking, Outside, OutsideError, Person, ProvedSubject, ProviderKeys, REFRESH_SECONDS, SubjectFault,
    SubjectKind, is_formed, prove,
};
pub use replay::{Once, use_once};
pub use token::{Grant, Held, Issued, TOKEN_SECONDS, TokenFault, TokenKeys};

#[cfg(test)]
pub(crate) mod testing;
