//! Who saw what, why: a data protection officer reads the entries of its own organisation.
//!
//! Reading the audit is itself audited. Another organisation's entries are never here.

mod http;
mod lane;

pub use http::{
    __path_list_audit_entries, __path_list_reads_by_cover, EntriesAnswer, list_audit_entries,
    list_reads_by_cover,
};
pub use lane::{__path_release_system_lane, LaneAnswer, release_system_lane, tell_stopped};
