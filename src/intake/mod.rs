//! A school's system sends its calendar, roll and marks.
//!
//! A file is read and checked whole before anything is applied; rows that cannot stand are reported with line, column
//! and what to do, the others are staged in short transactions and switched to in one more. The row report quotes
//! cells, so it goes back to the school that sent the file and to nobody else.

mod answer;
mod calendars;
mod history;
mod http;
mod import;
mod local_codes;
mod marks;
pub mod parse;
mod places;
mod report;
mod retention;
mod roll;
mod staging;

pub use answer::{RefusedUpload, UploadAnswer};
pub use history::{
    __path_list_imports, __path_read_import, __path_read_import_errors, RejectedRowsError, list_imports,
    read_import, read_import_errors, write_rejected_rows,
};
pub use http::{
    __path_send_attendance, __path_send_calendar, __path_send_pupils, __path_send_register, Uploads,
    send_attendance, send_calendar, send_pupils, send_register,
};
pub use import::{
    Confirmed, FileImport, ImportError, Options, Progress, Quiet, SchoolImport, Sender, Sent, SentFile, Stop,
    StopWhenDropped, Work, import, import_many,
};
pub use local_codes::{__path_read_local_codes, __path_set_local_codes, read_local_codes, set_local_codes};
pub use places::Places;
pub use report::{ImportReport, Reported};
pub use retention::expire_entries;
