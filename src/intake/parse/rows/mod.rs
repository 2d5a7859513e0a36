//! The typed rows of the three kinds of file.

mod calendar;
mod codes;
mod layout;
mod mark_cells;
mod marks;
mod pupils;
mod sessions;

pub use calendar::{CalendarRow, CalendarWord, read_calendar};
pub use codes::SessionHalf;
pub(in crate::intake) use codes::is_present;
pub(super) use layout::{Layout, Sheet};
pub use marks::{MarkRow, TakeMark, read_marks};
pub use pupils::{PupilRow, SpecialNeeds, columns_left, read_pupils};
