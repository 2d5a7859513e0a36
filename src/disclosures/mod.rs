//! Who saw what, why: a data protection officer reads the entries of its own organisation.
//!
//! Reading the audit is itself audited. Another organisation's entries are never here.

mod http;

pub use http::{__path_list_audit_entries, EntriesAnswer, list_audit_entries};
