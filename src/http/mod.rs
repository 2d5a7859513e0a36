//! How it is spoken: problem documents, request ids, limits, and the listeners.
//!
//! Nothing here knows a child. An answer of this module never quotes what the caller sent.

mod limits;
mod plain;
mod problem;
mod request;
mod senders;
mod serve;
mod tls;

pub use limits::SystemLimits;
pub use plain::serve_plain;
pub use problem::{Error, Fault, Problem, ProblemKind};
pub use request::{
    AuditLayer, Body, Guarded, GuardedRouter, Metrics, Path, Query, RequestId, audited, json, request_id,
};
pub use senders::Senders;
pub use serve::{ConnectionLimits, OnRefused, PeerAddress};
pub use tls::{LiveTls, TlsError, serve_tls, server_config};
