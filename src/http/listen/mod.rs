//! The listeners: TLS for systems, plain HTTP for the operator, and for both one loop with its places and limits.

mod certificates;
mod places;
mod plain;
mod serve;
mod tls;
mod verifier;

pub use certificates::{Certificates, Unusable};
pub use plain::serve_plain;
pub use serve::{ConnectionEvents, ConnectionLimits, PeerAddress};
pub use tls::serve_tls;
