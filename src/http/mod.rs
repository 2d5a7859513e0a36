//! How it is spoken: problem documents, request ids, limits, and the listeners.
//!
//! Nothing here knows a child. An answer of this module never quotes what the caller sent.

mod conditions;
mod limits;
mod listen;
mod openapi;
mod problem;
mod request;
mod tls_provider;

pub use limits::{Senders, SystemLimits};
pub use listen::{
    Certificates, ConnectionEvents, ConnectionLimits, PeerAddress, Unusable, serve_plain, serve_tls,
};
pub use openapi::Described;
pub use problem::{Error, Fault, Problem, ProblemKind};
pub use request::{
    AuditLayer, Body, Guarded, GuardedRouter, Metrics, OLDEST_DIRECTORY, Path, Query, RequestId, audited,
    case_reference, json, request_id,
};
