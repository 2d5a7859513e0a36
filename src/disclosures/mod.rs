//! Who saw what, why: a data protection officer reads the entries of its own organisation.
//!
//! Reading the audit is itself audited. Another organisation's entries are never here.

mod http;

pub use http::{EntriesAnswer, __path_list_audit_entries, list_audit_entries};
