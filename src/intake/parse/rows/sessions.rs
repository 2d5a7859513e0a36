//! The columns of a wide file that are sessions, from its first line or its first two.
//!
//! A column is a session where its date and its half are both named: `2026-09-03 AM` in one cell, or the date in the
//! first row (over both of its columns, or in the first of them, as merged cells are exported) and `AM` or `PM` in the
//! second. A date without its year is not enough: a register is kept for six.

use chrono::NaiveDate;

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
        ] {
            assert_eq!(named(first, second), Err(error), "{first:?}");
            assert!(error.to_string().contains("; "));
        }
    }
}
