//! The school's calendar: one row a date, with what is on in the morning and in the afternoon.

use chrono::NaiveDate;

use super::super::cells::{Fault, Row, folded, text};
use super::super::taking::read_file;
use super::super::{File, FileError, Format, Limits, Source, WhoseRow, columns};
use super::mark_cells::school_number;
use crate::domain::words;

words! {
    /// What a calendar says of one session.
    CalendarWord {
        /// The school meets.
        Open = "open",
        /// Closed though it should have met, for example for snow.
        Closed = "closed",
        /// A day for staff training.
        Inset = "inset",
        /// Holiday, weekend, or half term.
        Holiday = "holiday",
    }
}

/// One date of a school's calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarRow {
    /// The school, by URN or LAESTAB as given, in a file of several schools.
    pub school: Option<String>,
    /// The date.
    pub date: NaiveDate,
    /// The morning.
    pub am: CalendarWord,
    /// The afternoon.
    pub pm: CalendarWord,
    /// The term's name as the school gives it, at most 60 characters.
    pub term: Option<String>,
    /// A note on the day, such as why the school was closed; about no child. At most 200 characters.
    pub note: Option<String>,
}

/// Reads a calendar. Whether its dates belong to one school year, or come twice, is for the caller to see.
pub fn read_calendar(
    source: &mut dyn Source,
    format: Format,
    (limits, whose): (&Limits, &mut WhoseRow<'_>),
) -> Result<File<CalendarRow>, FileError> {
    read_file(source, format, &columns::CALENDAR, (limits, whose), &read_row)
}

fn read_row(row: &mut Row<'_>) -> Option<CalendarRow> {
    let school = row.optional("school", |cell| school_number(cell).map(str::to_owned));
    let date = row.needed_date("date");
    let am = row.needed("am", word);
    let pm = row.needed("pm", word);
    let term = row.optional("term", |cell| text(cell, 60).map(str::to_owned));
    let note = row.optional("note", |cell| text(cell, 200).map(str::to_owned));
    Some(CalendarRow { school, date: date?, am: am?, pm: pm?, term, note })
}

fn word(cell: &str) -> Result<CalendarWord, Fault> {
    CalendarWord::parse(&folded(cell))
        .ok_or_else(|| "is not a word of the calendar; write `open`, `closed`, `inset` or `holiday`".into())
}
