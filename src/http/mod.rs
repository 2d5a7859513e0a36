//! How it is spoken: problem documents, request ids, limits, and the listeners.
//!
//! Nothing here knows a child. An answer of this module never quotes what the caller sent.

mod limits;
mod listen;
mod openapi;
mod problem;
mod request;

pub use limits::{Senders, SystemLimits};
pub use listen::{
    ConnectionEvents, ConnectionLimits, LiveTls, PeerAddress, TlsError, serve_plain, serve_tls, server_config,
};
pub use openapi::Described;
pub use problem::{Error, Fault, Problem, ProblemKind};
pub use request::{
    AuditLayer, Body, Guarded, GuardedRouter, Metrics, OLDEST_DIRECTORY, Path, Query, RequestId, audited,
    json, request_id,
};
