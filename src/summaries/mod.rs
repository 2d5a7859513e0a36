//! An agency or a school asks how a child has attended.
//!
//! Figures come from the packed registers in one pass; the permit says which sections leave. Roles without `sessions`
//! see every figure as at the last published school week, so that nobody can rebuild a day from the difference of two
//! answers.

mod answer;
mod changes;
mod emergency;
mod figures;
mod http;
mod many;
mod school;
mod sections;
mod window;

#[cfg(test)]
mod polling;

pub use answer::{Found, SummaryAnswer};
pub use changes::{__path_list_changes, ChangesAnswer, FeedKey, expire_changes, list_changes};
pub use emergency::{__path_read_emergency_summary, read_emergency_summary};
pub use http::{__path_find_pupil, __path_read_attendance_summary, find_pupil, read_attendance_summary};
pub use many::{__path_read_many_summaries, LineBody, ManyAnswer, Streams, read_many_summaries};
pub use school::{__path_read_school_figures, SchoolFiguresAnswer, expire_half_terms, read_school_figures};
