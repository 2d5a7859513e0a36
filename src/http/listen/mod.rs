//! The listeners: TLS for systems, plain HTTP for the operator, and for both one loop with its places and limits.

mod places;
mod plain;
mod serve;
mod tls;

pub use plain::serve_plain;
pub use serve::{ConnectionEvents, ConnectionLimits, PeerAddress};
pub use tls::{LiveTls, TlsError, serve_tls, server_config};
