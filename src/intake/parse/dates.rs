//! Dates as schools' systems write them, and none of them guessed.
//!
//! `2026-09-03` and `3 September 2026` are one day each. `03/09/2026` is two, and is taken only in a column where the
//! whole file proves that the day comes first: every date of the column can be read so, at least one cannot be read the
//! other way, and none is written in another form. A column in two forms is what a spreadsheet leaves behind that has
//! read some of its dates the wrong way round, so there nothing is proved.

use chrono::{Datelike, NaiveDate, Weekday};

use super::cells::Fault;

/// How the dates of one column may be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DateForm {
    /// Only dates that are one day however they are read.
    #[default]
    AsWritten,
    /// Also day/month/year: the file proves it.
    DayFirst,
}

impl DateForm {
    /// The form as a report says it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::AsWritten => "yyyy-mm-dd",
            Self::DayFirst => "dd/mm/yyyy",
        }
    }
}

/// What a text says as a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// One day, however it is read.
    Day(NaiveDate),
    /// Numbers with the year last: the day if the day comes first, and if the month does.
    Numbers { day_first: Option<NaiveDate>, month_first: Option<NaiveDate> },
    /// A year of two digits.
    ShortYear,
    /// Day and month, and no year.
    NoYear,
    /// The weekday beside it is another.
    OtherWeekday,
    /// In the form of a date, and no day of the calendar.
    NoSuchDay,
    /// No date.
    Not,
}

/// Whether a column's dates prove that the day comes first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Proof {
    certain: bool,
    decided: bool,
    contradicted: bool,
}

impl Proof {
    /// Looks at one more cell.
    pub(super) fn see(&mut self, cell: &str) {
        // Every row of a file in this form comes here.
        let found = quick_numbers(cell).unwrap_or_else(|| written(cell));
        match found {
            Written::Day(_) => self.certain = true,
            Written::Numbers { day_first, month_first } => {
                self.decided |= month_first.is_none();
                self.contradicted |= day_first.is_none();
            }
            // An error of its own row, whatever the column is.
            Written::ShortYear
            | Written::NoYear
            | Written::OtherWeekday
            | Written::NoSuchDay
            | Written::Not => {}
        }
    }

    /// Whether nothing more can change the answer.
    pub(super) fn is_settled(self) -> bool {
        self.certain || self.contradicted
    }

    /// The answer, once every cell has been seen.
    pub(super) fn form(self) -> DateForm {
        if self.decided && !self.is_settled() { DateForm::DayFirst } else { DateForm::AsWritten }
    }
}

/// Reads a date in the form of its column.
pub(super) fn date(cell: &str, form: DateForm) -> Result<NaiveDate, Fault> {
    match written(cell) {
        Written::Day(day) => Ok(day),
        Written::Numbers { day_first: Some(day), .. } if form == DateForm::DayFirst => Ok(day),
        Written::Numbers { day_first: Some(day), month_first: Some(other) } if day == other => Ok(day),
        Written::Numbers { day_first: Some(day), month_first: Some(other) } => Err(format!(
            "could be two different days; {cell} is {} or {}: write {day} or {other}",
            named(day),
            named(other)
        )
        .into()),
        Written::Numbers { day_first: Some(day), month_first: None } => Err(format!(
            "is not a date as YYYY-MM-DD, and its column has dates in other forms; write it as YYYY-MM-DD: {day}"
        )
        .into()),
        Written::Numbers { day_first: None, month_first: Some(day) } => Err(format!(
            "is not a date as YYYY-MM-DD: its month comes first; write it as YYYY-MM-DD: {day}, and check the others of its column"
        )
        .into()),
        Written::Numbers { day_first: None, month_first: None } | Written::NoSuchDay => {
            Err("is a day that is not in the calendar; check year, month and day".into())
        }
        Written::ShortYear => {
            Err("has a year of two digits; write all four, as YYYY-MM-DD, such as `2026-09-01`".into())
        }
        Written::OtherWeekday => {
            Err("has a weekday that is not that of its date; check both, or leave the weekday out".into())
        }
        Written::NoYear | Written::Not => {
            Err("is not a date as YYYY-MM-DD; write it so, such as `2026-09-01`".into())
        }
    }
}

/// The two forms of a long file, read without looking at anything else; `None` sends the cell to [`date`].
pub(super) fn quick(cell: &str, form: DateForm) -> Option<NaiveDate> {
    let (year, month, day) = match *cell.as_bytes() {
        [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] => ([y1, y2, y3, y4], [m1, m2], [d1, d2]),
        [d1, d2, b'/', m1, m2, b'/', y1, y2, y3, y4] if form == DateForm::DayFirst => {
            ([y1, y2, y3, y4], [m1, m2], [d1, d2])
        }
        _ => return None,
    };
    let year = i32::try_from(number(&year)?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&month)?, number(&day)?).filter(|day| in_range(*day))
}

/// The form `03/09/2026`, read as [`written`] reads it.
fn quick_numbers(cell: &str) -> Option<Written> {
    let [a1, a2, b'/', b1, b2, b'/', y1, y2, y3, y4] = *cell.as_bytes() else { return None };
    let (a, b) = (number(&[a1, a2])?, number(&[b1, b2])?);
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    let day = |month, day| NaiveDate::from_ymd_opt(year, month, day).filter(|day| in_range(*day));
    Some(match (day(b, a), day(a, b)) {
        (None, None) => Written::NoSuchDay,
        (day_first, month_first) => Written::Numbers { day_first, month_first },
    })
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| value * 10 + u32::from(digit))
    })
}

/// Children's records reach from the 1900s to dates agreed for later; a year beyond is a slip of the hand.
fn in_range(day: NaiveDate) -> bool {
    (1900..=2199).contains(&day.year())
}

/// What a text says as a date, in every form that is known.
pub(super) fn written(text: &str) -> Written {
    if let [_, _, _, _, b'-', _, _, b'-', _, _] = text.as_bytes()
        && text.bytes().filter(u8::is_ascii_digit).count() == 8
    {
        return quick(text, DateForm::AsWritten).map_or(Written::NoSuchDay, Written::Day);
    }
    let (weekday, rest) = weekday(text);
    let found = numbers(rest).or_else(|| month_named(rest)).unwrap_or(Written::Not);
    let fits = |day: &NaiveDate| weekday.is_none_or(|weekday| day.weekday() == weekday);
    match found {
        Written::Day(day) if !fits(&day) => Written::OtherWeekday,
        Written::Numbers { day_first, month_first } if weekday.is_some() => {
            match (day_first.filter(fits), month_first.filter(fits)) {
                (None, None) => Written::OtherWeekday,
                (day_first, month_first) => Written::Numbers { day_first, month_first },
            }
        }
        Written::Day(_)
        | Written::Numbers { .. }
        | Written::ShortYear
        | Written::NoYear
        | Written::OtherWeekday
        | Written::NoSuchDay
        | Written::Not => found,
    }
}

/// Day, month and year in numbers, by strokes, full stops or hyphens.
fn numbers(text: &str) -> Option<Written> {
    let by = text.chars().find(|c| !c.is_ascii_digit()).filter(|c| matches!(c, '/' | '.' | '-'))?;
    let parts: Vec<&str> = text.split(by).collect();
    let numeric =
        |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
    if !parts.iter().all(numeric) {
        return None;
    }
    match *parts.as_slice() {
        [a, b] if a.len() <= 2 && b.len() <= 2 => Some(Written::NoYear),
        [a, b, year] if a.len() <= 2 && b.len() <= 2 && year.len() == 4 => {
            let year = year.parse().ok()?;
            let day = |month: &str, day: &str| {
                NaiveDate::from_ymd_opt(year, month.parse().ok()?, day.parse().ok()?)
                    .filter(|day| in_range(*day))
            };
            Some(match (day(b, a), day(a, b)) {
                (None, None) => Written::NoSuchDay,
                (day_first, month_first) => Written::Numbers { day_first, month_first },
            })
        }
        [a, b, year] if a.len() <= 2 && b.len() <= 2 && year.len() == 2 => Some(Written::ShortYear),
        _ => None,
    }
}

/// Day, month by name, year: `3 September 2026`, `03-Sep-2026`.
fn month_named(text: &str) -> Option<Written> {
    let mut parts = text.split([' ', '-', '/', ',']).filter(|part| !part.is_empty());
    let day = parts.next()?;
    let day = ["st", "nd", "rd", "th"].iter().find_map(|ending| day.strip_suffix(ending)).unwrap_or(day);
    let month = parts.next()?;
    let numeric = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let short = month.get(..3)?;
    let place =
        MONTHS.iter().position(|(name, _)| name.get(..3).is_some_and(|n| n.eq_ignore_ascii_case(short)))?;
    let (name, number) = MONTHS.get(place)?;
    let known = month.len() == 3 || month.eq_ignore_ascii_case(name) || month.eq_ignore_ascii_case("sept");
    if !known || day.is_empty() || day.len() > 2 || !numeric(day) {
        return None;
    }
    let year = parts.next();
    if parts.next().is_some() {
        return None;
    }
    match year {
        None => Some(Written::NoYear),
        Some(year) if numeric(year) && year.len() == 2 => Some(Written::ShortYear),
        Some(year) if numeric(year) && year.len() == 4 => {
            let day = NaiveDate::from_ymd_opt(year.parse().ok()?, *number, day.parse().ok()?)
                .filter(|day| in_range(*day));
            Some(day.map_or(Written::NoSuchDay, Written::Day))
        }
        Some(_) => None,
    }
}

/// The weekday that a text begins with, and the rest.
fn weekday(text: &str) -> (Option<Weekday>, &str) {
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    let Some(rest) = text.strip_prefix(word.as_str()).filter(|rest| rest.starts_with([' ', ','])) else {
        return (None, text);
    };
    // Three letters or the whole name; `Tues` and `Thurs` are known to the parser too.
    match word.parse::<Weekday>() {
        Ok(weekday) => (Some(weekday), rest.trim_start_matches([' ', ','])),
        Err(_) => match word.to_ascii_lowercase().as_str() {
            "tues" => (Some(Weekday::Tue), rest.trim_start_matches([' ', ','])),
            "wednes" | "weds" => (Some(Weekday::Wed), rest.trim_start_matches([' ', ','])),
            "thurs" | "thur" => (Some(Weekday::Thu), rest.trim_start_matches([' ', ','])),
            _ => (None, text),
        },
    }
}

const MONTHS: [(&str, u32); 12] = [
    ("January", 1),
    ("February", 2),
    ("March", 3),
    ("April", 4),
    ("May", 5),
    ("June", 6),
    ("July", 7),
    ("August", 8),
    ("September", 9),
    ("October", 10),
    ("November", 11),
    ("December", 12),
];

/// A day as people say it, without its year.
fn named(day: NaiveDate) -> String {
    let month = MONTHS.iter().find(|(_, number)| *number == day.month()).map_or("", |(name, _)| *name);
    format!("{} {month}", day.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn forms() {
        let september = Written::Day(day("2026-09-03"));
        let numbers = |a: Option<&str>, b: Option<&str>| Written::Numbers {
            day_first: a.map(day),
            month_first: b.map(day),
        };
        for (text, expected) in [
            ("2026-09-03", september),
            ("3 September 2026", september),
            ("03 Sep 2026", september),
            ("03-Sep-2026", september),
            ("3rd Sept 2026", september),
            ("Thu 03 Sep 2026", september),
            ("Thursday, 3 September 2026", september),
            ("Fri 03 Sep 2026", Written::OtherWeekday),
            ("03/09/2026", numbers(Some("2026-09-03"), Some("2026-03-09"))),
            ("3.9.2026", numbers(Some("2026-09-03"), Some("2026-03-09"))),
            ("03-09-2026", numbers(Some("2026-09-03"), Some("2026-03-09"))),
            // The weekday decides: 9 March 2026 was a Monday.
            ("Thu 03/09/2026", numbers(Some("2026-09-03"), None)),
            ("Mon 03/09/2026", numbers(None, Some("2026-03-09"))),
            ("Tue 03/09/2026", Written::OtherWeekday),
            ("25/09/2026", numbers(Some("2026-09-25"), None)),
            ("09/25/2026", numbers(None, Some("2026-09-25"))),
            ("31/02/2026", Written::NoSuchDay),
            ("2026-02-30", Written::NoSuchDay),
            ("1899-12-31", Written::NoSuchDay),
            ("9999-01-01", Written::NoSuchDay),
            ("03/09/26", Written::ShortYear),
            ("3 Sep 26", Written::ShortYear),
            ("03/09", Written::NoYear),
            ("Thu 03 Sep", Written::NoYear),
            ("2024-2-29", Written::Not),
            ("20240229", Written::Not),
            ("+024-02-29", Written::Not),
            ("2024-02-2９", Written::Not),
            ("3 Septembre 2026", Written::Not),
            ("/", Written::Not),
            ("12", Written::Not),
            ("", Written::Not),
            ("46268", Written::Not),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    #[test]
    fn a_column_proves_its_form_or_nothing() {
        for (cells, expected) in [
            (&["03/09/2026", "25/09/2026"][..], DateForm::DayFirst),
            (&["25/09/2026"], DateForm::DayFirst),
            (&["03/09/2026", "04/09/2026"], DateForm::AsWritten),
            (&["03/09/2026", "25/09/2026", "09/25/2026"], DateForm::AsWritten),
            (&["09/25/2026"], DateForm::AsWritten),
            (&["25/09/2026", "2026-09-03"], DateForm::AsWritten),
            (&["25/09/2026", "3 September 2026"], DateForm::AsWritten),
            (&["25/09/2026", "03/09/26", "nonsense", "31/02/2026"], DateForm::DayFirst),
            (&["2026-09-03"], DateForm::AsWritten),
            (&[], DateForm::AsWritten),
        ] {
            let mut proof = Proof::default();
            for cell in cells {
                proof.see(cell);
            }
            assert_eq!(proof.form(), expected, "{cells:?}");
        }
    }

    #[test]
    fn both_readings_are_shown() {
        let fault = date("03/09/2026", DateForm::AsWritten).unwrap_err();
        assert_eq!(
            fault,
            "could be two different days; 03/09/2026 is 3 September or 9 March: write 2026-09-03 or 2026-03-09"
        );
        assert_eq!(date("03/09/2026", DateForm::DayFirst), Ok(day("2026-09-03")));
        assert_eq!(date("03/03/2026", DateForm::AsWritten), Ok(day("2026-03-03")));
        for (cell, word) in [
            ("25/09/2026", "YYYY-MM-DD: 2026-09-25"),
            ("09/25/2026", "month comes first"),
            ("31/02/2026", "not in the calendar"),
            ("03/09/26", "two digits"),
            ("Fri 2026", "not a date"),
        ] {
            assert!(date(cell, DateForm::AsWritten).unwrap_err().contains(word), "{cell}");
        }
        assert!(date("09/25/2026", DateForm::DayFirst).is_err());
    }

    proptest! {
        #[test]
        fn the_quick_way_agrees(text in "[0-9]{2}[/-][0-9]{2}[/-][0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2}|.{0,12}") {
            for form in [DateForm::AsWritten, DateForm::DayFirst] {
                if let Some(day) = quick(&text, form) {
                    prop_assert_eq!(date(&text, form), Ok(day));
                }
            }
            if let Some(found) = quick_numbers(&text) {
                prop_assert_eq!(found, written(&text));
            }
        }

        #[test]
        fn every_day_is_read_as_it_is_written(days in 0_i64..100_000) {
            let day = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap() + chrono::TimeDelta::days(days);
            for form in ["%Y-%m-%d", "%d %B %Y", "%a %d %b %Y", "%d-%b-%Y"] {
                prop_assert_eq!(date(&day.format(form).to_string(), DateForm::AsWritten), Ok(day));
            }
            for form in ["%d/%m/%Y", "%a %d/%m/%Y", "%-d/%-m/%Y"] {
                prop_assert_eq!(date(&day.format(form).to_string(), DateForm::DayFirst), Ok(day));
            }
        }

        #[test]
        fn any_text_is_answered(text in ".*") {
            let _ = date(&text, DateForm::AsWritten);
        }
    }
}
