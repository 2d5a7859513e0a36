//! One request on its way in and its answer on the way out.

mod asked;
mod audited;
mod body;
mod case_reference;
mod flooded;
mod guarded;
mod metrics;
mod request_id;

pub use audited::{AuditLayer, OLDEST_DIRECTORY, audited};
pub use body::{Body, Path, Query, json};
pub use case_reference::case_reference;
pub use guarded::{Guarded, GuardedRouter};
pub use metrics::Metrics;
pub use request_id::{RequestId, request_id};
