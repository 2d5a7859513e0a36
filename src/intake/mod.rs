//! A school's system sends its calendar, roll and marks.
//!
//! A file is read and checked whole before anything is applied; rows that cannot stand are reported with line, column
//! and what to do, the others are staged in short transactions and switched to in one more. The row report quotes
//! cells, so it goes back to the school that sent the file and to nobody else.

mod calendars;
mod http;
mod marks;
pub mod parse;
mod report;
mod retention;
mod roll;
mod staging;

pub use http::{
    __path_read_import, __path_send_attendance, __path_send_calendar, __path_send_pupils,
    __path_send_register, Places, read_import, send_attendance, send_calendar, send_pupils, send_register,
};
pub use report::{ImportReport, Reported};
pub use retention::expire_entries;
pub use staging::{ImportError, Options, Sent, import};
