//! The uploads of a school, as they were taken: what each was, by whom, what came of it, and for 30 days the rows that
//! were rejected.

mod errors;
mod http;
mod storage;

pub(super) use errors::{RejectedRows, rejected_rows_of};
pub use errors::{RejectedRowsError, write_rejected_rows};
pub use http::{
    __path_list_imports, __path_read_import, __path_read_import_errors, list_imports, read_import,
    read_import_errors,
};
pub(super) use storage::{Noted, expire_errors, expire_imports, note_import, report};
