//! How it is spoken: problem documents, request ids, limits, and the listeners.
//!
//! Nothing here knows a child. An answer of this module never quotes what the caller sent.

mod limits;
mod openapi;
mod plain;
mod problem;
mod request;
mod serve;
mod tls;

pub use limits::{Senders, SystemLimits};
pub use openapi::Described;
pub use plain::serve_plain;
pub use problem::{Error, Fault, Problem, ProblemKind};
pub use request::{
    AuditLayer, Body, Guarded, GuardedRouter, Metrics, OLDEST_DIRECTORY, Path, Query, RequestId, audited,
    json, request_id,
};
pub use serve::{ConnectionEvents, ConnectionLimits, PeerAddress};
pub use tls::{LiveTls, TlsError, serve_tls, server_config};
