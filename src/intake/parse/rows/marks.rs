//! Attendance in the long layout: one row a session. Whether a code was in use on its date, and whether the school met,
//! is not known here.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};

use super::super::cells::{Fault, Row, date, fault, folded, text, time};
use super::super::{CellFault, FileError, Format, Limits, Source, Tally, columns, read_rows};
use crate::domain::identifiers::{Laestab, Upn, Urn};

/// The half of a school day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SessionHalf {
    /// The morning session.
    Am,
    /// The afternoon session.
    Pm,
}

/// One mark as read; borrows the reader's buffer, so that a long file takes no allocation per row.
#[derive(Clone, PartialEq, Eq)]
pub struct MarkRow<'a> {
    /// The school, by URN or LAESTAB as given, in a file of several schools.
    pub school: Option<&'a str>,
    /// The school's own number of the pupil; at least one of this and `upn` is given.
    pub school_pupil_id: Option<&'a str>,
    /// The UPN.
    pub upn: Option<Upn>,
    /// The date of the session.
    pub date: NaiveDate,
    /// Which session of the date.
    pub half: SessionHalf,
    /// The code as given, 1 to 3 characters, not yet held against the set of its date.
    pub code: &'a str,
    /// Minutes late, 0 to 600.
    pub minutes_late: Option<u16>,
    /// When the school recorded the mark, to the microsecond.
    pub recorded_at: Option<DateTime<Utc>>,
    /// The code that this one replaces (SI 2024/208 reg 6(1)), as given, 1 to 3 characters.
    pub amended_from: Option<&'a str>,
    /// Why it was amended, at most 200 characters.
    pub reason: Option<&'a str>,
    /// The name of the person who amended it, at most 100 characters.
    pub amended_by: Option<&'a str>,
}

impl fmt::Debug for MarkRow<'_> {
    /// Hides the row: it is about a child.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MarkRow(hidden)")
    }
}

/// What is told of each mark that was read, with the line it begins on: whether it can stand, and if not, why.
pub type TakeMark<'t> = dyn FnMut(u64, &MarkRow<'_>) -> Result<(), CellFault> + 't;

/// Reads every mark, giving each that is well-formed to `take`, which answers with the fault of a cell where it cannot
/// stand; the tally counts and keeps what was wrong. Two marks for one session are both given, in the order of the file.
/// A file that turns out to be unreadable halfway is an error, and then what was taken counts for nothing.
pub fn read_marks(
    source: &mut dyn Source,
    format: Format,
    limits: &Limits,
    take: &mut TakeMark<'_>,
) -> Result<Tally, FileError> {
    read_rows(source, format, &columns::MARKS, limits, &mut |line, row| {
        if let Some(mark) = read_row(row).filter(|_| !row.has_errors())
            && let Err(fault) = take(line, &mark)
        {
            row.fault(fault.column, &fault.message);
        }
    })
}

fn read_row<'r>(row: &mut Row<'r>) -> Option<MarkRow<'r>> {
    let absent = |column| row.cell(column).is_empty() && !row.is_wrong(column);
    if absent("school_pupil_id") && absent("upn") {
        row.fault("school_pupil_id", "is empty and so is the UPN; give at least one of them");
    }
    let school = row.optional("school", school);
    let school_pupil_id = row.optional("school_pupil_id", school_pupil_id);
    let upn = row.optional("upn", |cell| Upn::parse(cell).map_err(fault));
    let date = row.needed("date", date);
    let half = row.needed("session", half);
    let code = row.needed("code", code_as_given);
    let minutes_late = row.optional("minutes_late", minutes);
    let recorded_at = row.optional("recorded_at", time);
    let amended_from = row.optional("amended_from", code_as_given);
    let reason = row.optional("reason", |cell| text(cell, 200));
    let amended_by = row.optional("amended_by", |cell| text(cell, 100));
    Some(MarkRow {
        school,
        school_pupil_id,
        upn,
        date: date?,
        half: half?,
        code: code?,
        minutes_late,
        recorded_at,
        amended_from,
        reason,
        amended_by,
    })
}

/// A school's number: a URN, or a LAESTAB with or without its stroke.
pub(super) fn school(cell: &str) -> Result<&str, Fault> {
    if Urn::parse(cell).is_ok() || Laestab::parse(cell).is_ok() {
        return Ok(cell);
    }
    Err("is neither a URN of six digits nor a LAESTAB of seven; look the school up in the register of schools".into())
}

/// The school's own number of a pupil: text, since leading zeros count.
pub(super) fn school_pupil_id(cell: &str) -> Result<&str, Fault> {
    text(cell, 64)
}

fn half(cell: &str) -> Result<SessionHalf, Fault> {
    match folded(cell).as_str() {
        "am" | "morning" => Ok(SessionHalf::Am),
        "pm" | "afternoon" => Ok(SessionHalf::Pm),
        _ => Err("is not a session; write `am` or `pm`".into()),
    }
}

fn code_as_given(cell: &str) -> Result<&str, Fault> {
    text(cell, 3)
        .map_err(|_| "is not an attendance code; write the code alone, one to three characters".into())
}

fn minutes(cell: &str) -> Result<u16, Fault> {
    let digits = cell.bytes().all(|byte| byte.is_ascii_digit());
    match cell.parse() {
        Ok(minutes) if digits && minutes <= 600 => Ok(minutes),
        Ok(_) | Err(_) => Err("is not a number of minutes from 0 to 600; write whole minutes".into()),
    }
}
