//! The typed rows of the three kinds of file.

mod calendar;
mod marks;
mod pupils;

pub use calendar::{CalendarRow, CalendarWord, read_calendar};
pub use marks::{MarkRow, SessionHalf, TakeMark, read_marks};
pub use pupils::{PupilRow, SpecialNeeds, read_pupils};
