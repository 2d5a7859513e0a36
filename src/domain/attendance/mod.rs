//! Attendance: the codes of the register, marks packed by school year, and the arithmetic of a summary.
//!
//! SI 2024/208 reg 10 for the codes, the Department for Education's published method for the rates; everything is counted in sessions and in
//! integers. It must never classify from a rounded figure, nor count a session that nobody marked.

mod codes;
mod marks;
mod merge;
mod retention;
mod sets;
pub mod summary;

pub use codes::{Class, Code, CodeError, NEW_CODES_FROM};
pub use marks::{Entered, MarkPlaceError, MinutesLate, PackedYear, StoredMarksError, may_stand};
pub use merge::{Mark, Merge, merge, merge_received};
pub use retention::{KEPT_YEARS, kept_out, take_out};
