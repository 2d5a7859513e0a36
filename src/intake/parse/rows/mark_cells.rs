//! The cells of one mark, read in the two ways that agree: quickly, as exports write them, and by every form that is
//! known, which says what is wrong.

use super::super::cells::{Fault, Row, fault, is_plain, quick_time, text, time};
use super::super::dates::{self, DateForm};
use super::codes::{self, SessionHalf};
use super::marks::{MarkRow, Values};
use crate::domain::identifiers::{Laestab, Upn, Urn};

/// A mark written as exports write it, and whether its code was mended; `None` sends it to [`read_row`].
pub(super) fn quick<'r>(values: &Values<'r>, form: DateForm) -> Option<(MarkRow<'r>, bool)> {
    let [school, id, upn, date, session, code, minutes, recorded, from, reason, by] = *values;
    if (id.is_empty() && upn.is_empty()) || !is_plain(id, 64) {
        return None;
    }
    let half = match session {
        "am" | "AM" => SessionHalf::Am,
        "pm" | "PM" => SessionHalf::Pm,
        _ => return None,
    };
    let date = dates::quick(date, form)?;
    let (code, mended) = codes::quick(code, half)?;
    // What is rare goes the longer way as a whole.
    if !(from.is_empty() && reason.is_empty() && by.is_empty()) {
        return None;
    }
    let given = |text: &'r str| (!text.is_empty()).then_some(text);
    let mark = MarkRow {
        school: given(school).map(school_number).transpose().ok()?,
        school_pupil_id: given(id),
        upn: given(upn).map(Upn::parse).transpose().ok()?,
        date,
        half,
        code,
        minutes_late: given(minutes).map(self::minutes).transpose().ok()?,
        recorded_at: match recorded {
            "" => None,
            recorded => Some(quick_time(recorded)?),
        },
        amended_from: None,
        reason: None,
        amended_by: None,
    };
    Some((mark, mended))
}

/// Reads a mark by every form that is known; what is wrong is then in the row.
pub(super) fn read_row<'r>(row: &mut Row<'r>) -> Option<(MarkRow<'r>, bool)> {
    let absent = |column| row.cell(column).is_empty() && !row.is_wrong(column);
    if absent("school_pupil_id") && absent("upn") {
        row.fault("school_pupil_id", "is empty and so is the UPN; give at least one of them");
    }
    let school = row.optional("school", school_number);
    let school_pupil_id = row.optional("school_pupil_id", school_pupil_id);
    let upn = row.optional("upn", |cell| Upn::parse(cell).map_err(fault));
    let date = row.needed_date("date");
    let half = row.needed("session", half);
    // Without its session a code is only looked at.
    let in_half = half.unwrap_or(SessionHalf::Am);
    let code =
        if row.is_wrong("code") { None } else { row.needed("code", |cell| codes::code(cell, in_half)) };
    let minutes_late = row.optional("minutes_late", minutes);
    let recorded_at = row.optional("recorded_at", time);
    let amended_from = row.optional("amended_from", |cell| codes::code(cell, in_half));
    let reason = row.optional("reason", |cell| text(cell, 200));
    let amended_by = row.optional("amended_by", |cell| text(cell, 100));
    let (code, mended) = code?;
    let mark = MarkRow {
        school,
        school_pupil_id,
        upn,
        date: date?,
        half: half?,
        code,
        minutes_late,
        recorded_at,
        amended_from: amended_from.map(|(code, _)| code),
        reason,
        amended_by,
    };
    Some((mark, mended))
}

/// A school's number: a URN, or a LAESTAB with or without its stroke.
pub(super) fn school_number(cell: &str) -> Result<&str, Fault> {
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
    SessionHalf::of_word(cell).ok_or_else(|| "is not a session; write `am` or `pm`".into())
}

fn minutes(cell: &str) -> Result<u16, Fault> {
    let digits = cell.bytes().all(|byte| byte.is_ascii_digit());
    match cell.parse() {
        Ok(minutes) if digits && minutes <= 600 => Ok(minutes),
        Ok(_) | Err(_) => Err("is not a number of minutes from 0 to 600; write whole minutes".into()),
    }
}
