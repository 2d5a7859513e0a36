//! Attendance in the long layout: one row a session. Whether a code was in use on its date, and whether the school met,
//! is not known here.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};

use super::super::cells::{Fault, Row, date, fault, folded, text, time};
use super::super::{File, FileError, Format, Limits, columns, read_file};
use crate::domain::identifiers::Upn;

/// The half of a school day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SessionHalf {
    /// The morning session.
    Am,
    /// The afternoon session.
    Pm,
}

/// One mark.
#[derive(Clone, PartialEq, Eq)]
pub struct MarkRow {
    /// The school's own number of the pupil; at least one of this and `upn` is given.
    pub school_pupil_id: Option<String>,
    /// The UPN.
    pub upn: Option<Upn>,
    /// The date of the session.
    pub date: NaiveDate,
    /// Which session of the date.
    pub half: SessionHalf,
    /// The code as given, 1 to 3 characters, not yet held against the set of its date.
    pub code: String,
    /// Minutes late, 0 to 600.
    pub minutes_late: Option<u16>,
    /// When the school recorded the mark, to the microsecond.
    pub recorded_at: Option<DateTime<Utc>>,
    /// The code that this one replaces (SI 2024/208 reg 6(1)), as given, 1 to 3 characters.
    pub amended_from: Option<String>,
    /// Why it was amended, at most 200 characters.
    pub reason: Option<String>,
    /// The name of the person who amended it, at most 100 characters.
    pub amended_by: Option<String>,
}

impl fmt::Debug for MarkRow {
    /// Hides the row: it is about a child.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MarkRow(hidden)")
    }
}

/// Reads marks in the long layout. Two rows for one session are both given, in the order of the file.
pub fn read_marks(bytes: &[u8], format: Format, limits: &Limits) -> Result<File<MarkRow>, FileError> {
    read_file(bytes, format, &columns::MARKS, limits, &read_row)
}

fn read_row(row: &mut Row<'_>) -> Option<MarkRow> {
    let absent = |column| row.cell(column).is_empty() && !row.is_wrong(column);
    if absent("school_pupil_id") && absent("upn") {
        row.fault("school_pupil_id", "is empty and so is the UPN; give at least one of them");
    }
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

/// The school's own number of a pupil: text, since leading zeros count.
pub(super) fn school_pupil_id(cell: &str) -> Result<String, Fault> {
    text(cell, 64)
}

fn half(cell: &str) -> Result<SessionHalf, Fault> {
    match folded(cell).as_str() {
        "am" | "morning" => Ok(SessionHalf::Am),
        "pm" | "afternoon" => Ok(SessionHalf::Pm),
        _ => Err("is not a session; write `am` or `pm`".into()),
    }
}

fn code_as_given(cell: &str) -> Result<String, Fault> {
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
