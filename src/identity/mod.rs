//! Who is calling: the certificate of the connection, the system it belongs to, the token bound to it.
//!
//! It proves and refuses; it decides nothing about a child. A certificate alone is never enough for a request about a
//! child, and neither is a token alone.

mod authenticate;
mod caller;
mod fault;
mod peer;
mod token;

pub use authenticate::{authenticate, local, may_act, still, system_of};
pub use caller::{Caller, Lane, Noted};
pub use fault::Unauthenticated;
pub use peer::{Peer, PeerError};
pub use token::{Grant, Issued, TOKEN_SECONDS, TokenFault, TokenKeys};

#[cfg(test)]
pub(crate) mod testing;
