//! The columns of a wide file that are sessions, from its first line or its first two.
//!
//! A column is a session where its date and its half are both named: `2026-09-03 AM` in one cell, or the date in the
//! first row (over both of its columns, or in the first of them, as merged cells are exported) and `AM` or `PM` in the
//! second. A date without its year is not enough: a register is kept for six.

use chrono::NaiveDate;

use super::super::columns::{WIDE_MARKS, is_comment};
use super::super::dates::{DateForm, Proof, Written, date, written};
use super::super::report::{SessionsError, quoted};
use super::codes::SessionHalf;

/// A column that is a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct SessionColumn {
    /// Its place in the file, from 0.
    pub(super) at: usize,
    /// Its date as YYYY-MM-DD.
    pub(super) date: String,
    pub(super) half: SessionHalf,
    /// Its name, as the report gives it.
    pub(super) name: String,
}

/// Columns whose names are those of sessions, each with the text of its date.
type Found = Vec<(usize, String, SessionHalf)>;

/// The sessions that the first rows name, how their dates are read, and how many rows it takes to name them; none if
/// they name none.
pub(super) fn sessions(
    first: &[String],
    second: &[String],
) -> Result<Option<(Vec<SessionColumn>, DateForm, usize)>, SessionsError> {
    let (found, rows) = match in_one_row(first) {
        found if !found.is_empty() => (found, 1),
        _ => (in_two_rows(first, second), 2),
    };
    if found.is_empty() {
        return Ok(None);
    }
    // A register with a column of marks passed over would be one with marks missing.
    let without = if rows == 1 { without_half(first, &found) } else { without_half_below(first, second) };
    if let Some(at) = without {
        return Err(SessionsError::NoHalf { column: at + 1 });
    }
    let mut proof = Proof::default();
    for (_, text, _) in &found {
        proof.see(text);
    }
    let form = proof.form();
    let mut columns: Vec<SessionColumn> = Vec::new();
    for (at, text, half) in found {
        let day = day(at, &text, form)?;
        let column = SessionColumn { at, date: day.to_string(), half, name: name(&text, half) };
        if let Some(other) = columns.iter().find(|other| other.date == column.date && other.half == half) {
            return Err(SessionsError::Twice { first: other.at + 1, second: at + 1 });
        }
        columns.push(column);
    }
    Ok(Some((columns, form, rows)))
}

fn name(text: &str, half: SessionHalf) -> String {
    let half = match half {
        SessionHalf::Am => "AM",
        SessionHalf::Pm => "PM",
    };
    format!("{} {half}", quoted(text))
}

/// Whether a text is meant as a date, whatever it says.
fn is_a_date(text: &str) -> bool {
    written(text) != Written::Not
}

/// Cells that name both: the half is the last word, in brackets or not.
fn in_one_row(first: &[String]) -> Found {
    let both = |cell: &String| {
        let bare = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '-' | '_' | ':' | ',');
        let cell = cell.trim_end_matches(bare);
        let begin = cell.rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
        let half = SessionHalf::of_word(cell.get(begin..)?)?;
        let date = cell.get(..begin)?.trim_end_matches(bare);
        is_a_date(date).then(|| (date.to_owned(), half))
    };
    let cells = first.iter().enumerate();
    cells.filter_map(|(at, cell)| both(cell).map(|(date, half)| (at, date, half))).collect()
}

/// A date in the first row, with its half under it; a date reaches over the empty cells behind it.
fn in_two_rows(first: &[String], second: &[String]) -> Found {
    let mut found = Found::new();
    let mut date: Option<&str> = None;
    for (at, half) in second.iter().enumerate() {
        match first.get(at).map_or("", String::as_str) {
            "" => {}
            text => date = Some(text).filter(|text| is_a_date(text)),
        }
        if let (Some(date), Some(half)) = (date, SessionHalf::of_word(half)) {
            found.push((at, date.to_owned(), half));
        }
    }
    found
}

/// The first column of one row of names that has a date and no half that can be read.
fn without_half(first: &[String], found: &Found) -> Option<usize> {
    let begins_with_date = |cell: &str| {
        let ends = cell.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at);
        ends.chain([cell.len()]).any(|end| cell.get(..end).is_some_and(is_a_date))
    };
    let known = |at: usize| found.iter().any(|(known, ..)| *known == at);
    let names = first.iter().enumerate().filter(|(at, cell)| !known(*at) && !is_comment(cell));
    names.filter(|(_, cell)| begins_with_date(cell)).map(|(at, _)| at).next()
}

/// The first column of two rows of names that has a date over it and no half that can be read.
fn without_half_below(first: &[String], second: &[String]) -> Option<usize> {
    let mut under_date = false;
    for at in 0..first.len().max(second.len()) {
        let [over, below] = [first, second].map(|row| row.get(at).map_or("", String::as_str));
        if !over.is_empty() {
            under_date = is_a_date(over);
        }
        let is_named = WIDE_MARKS.resolve(below).is_some() || is_comment(below);
        let is_empty = below.is_empty() && over.is_empty();
        if under_date && !is_named && !is_empty && SessionHalf::of_word(below).is_none() {
            return Some(at);
        }
    }
    None
}

fn day(at: usize, text: &str, form: DateForm) -> Result<NaiveDate, SessionsError> {
    let column = at + 1;
    date(text, form).map_err(|_| match written(text) {
        Written::Numbers { day_first: Some(day_first), month_first: Some(month_first) } => {
            SessionsError::TwoDays { column, day_first, month_first }
        }
        Written::ShortYear | Written::NoYear => SessionsError::NoYear { column },
        Written::Day(_)
        | Written::Numbers { .. }
        | Written::OtherWeekday
        | Written::NoSuchDay
        | Written::Not => SessionsError::NoDate { column },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(first: &[&str], second: &[&str]) -> Result<Vec<(usize, String)>, SessionsError> {
        let own = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let found = sessions(&own(first), &own(second))?;
        Ok(found.map_or(Vec::new(), |(columns, ..)| {
            columns.into_iter().map(|c| (c.at, format!("{} {:?}", c.date, c.half))).collect()
        }))
    }

    #[test]
    fn forms_of_headers() {
        let both = vec![(1, "2026-09-03 Am".to_owned()), (2, "2026-09-03 Pm".to_owned())];
        for (first, second) in [
            (&["UPN", "2026-09-03 AM", "2026-09-03 PM"][..], &[][..]),
            (&["UPN", "2026-09-03 am", "2026-09-03 Afternoon"], &[]),
            (&["UPN", "3 September 2026 AM", "3 September 2026 PM"], &[]),
            (&["UPN", "Thu 03 Sep 2026 AM", "Thu 03 Sep 2026 (PM)"], &[]),
            (&["UPN", "Thu 03/09/2026 AM", "Thu 03/09/2026 PM"], &[]),
            (&["UPN", "2026-09-03-AM", "2026-09-03_PM"], &[]),
            (&["UPN", "2026-09-03", ""], &["", "AM", "PM"]),
            (&["UPN", "2026-09-03", "2026-09-03"], &["", "AM", "PM"]),
            (&["", "Thu 03 Sep 2026", ""], &["UPN", "AM", "PM"]),
            (&["UPN", "2026-09-03 AM", "2026-09-03 PM", "Year 7", "Note 2026-09-03", ""], &[]),
            (&["", "2026-09-03", "", "", ""], &["Form", "AM", "PM", "UPN", ""]),
        ] {
            assert_eq!(named(first, second), Ok(both.clone()), "{first:?} {second:?}");
        }
        let proved = named(&["UPN", "03/09/2026 AM", "25/09/2026 PM"], &[]);
        assert_eq!(proved, Ok(vec![(1, "2026-09-03 Am".to_owned()), (2, "2026-09-25 Pm".to_owned())]));
        assert_eq!(
            named(&["UPN", "date", "session", "code"], &["1", "2026-09-03", "AM", "/"]),
            Ok(Vec::new())
        );
        assert_eq!(named(&["1", "2012-01-01"], &["2", "2013-01-01"]), Ok(Vec::new()));
    }

    #[test]
    fn headers_that_are_not_one_day_each() {
        let day = |text: &str| text.parse().unwrap();
        for (first, second, error) in [
            (
                &["UPN", "03/09/2026 AM"][..],
                &[][..],
                SessionsError::TwoDays {
                    column: 2,
                    day_first: day("2026-09-03"),
                    month_first: day("2026-03-09"),
                },
            ),
            (&["UPN", "Thu 03 Sep AM"], &[], SessionsError::NoYear { column: 2 }),
            (&["UPN", "03/09/26"], &["", "AM"], SessionsError::NoYear { column: 2 }),
            (&["UPN", "Fri 03 Sep 2026 AM"], &[], SessionsError::NoDate { column: 2 }),
            (&["UPN", "09/25/2026 AM"], &[], SessionsError::NoDate { column: 2 }),
            (
                &["UPN", "2026-09-03 AM", "3 September 2026 AM"],
                &[],
                SessionsError::Twice { first: 2, second: 3 },
            ),
            (&["UPN", "2026-09-03", ""], &["", "AM", "AM"], SessionsError::Twice { first: 2, second: 3 }),
            // A date without a half that can be read would be marks passed over.
            (&["UPN", "2026-09-03 AM", "2026-09-03"], &[], SessionsError::NoHalf { column: 3 }),
            (&["UPN", "2026-09-03 AM", "2026-09-03 P.M."], &[], SessionsError::NoHalf { column: 3 }),
            (
                &["UPN", "2026-09-03 AM", "Thu 3 Sep 2026 second half"],
                &[],
                SessionsError::NoHalf { column: 3 },
            ),
            (&["UPN", "2026-09-03 AM", "03 Sep"], &[], SessionsError::NoHalf { column: 3 }),
            (&["UPN", "2026-09-03", ""], &["", "AM", "lunch"], SessionsError::NoHalf { column: 3 }),
            (&["UPN", "2026-09-03", "2026-09-04"], &["", "AM", ""], SessionsError::NoHalf { column: 3 }),
        ] {
            assert_eq!(named(first, second), Err(error), "{first:?}");
            assert!(error.to_string().contains("; "));
        }
    }
}
