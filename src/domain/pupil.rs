//! What is true of a pupil whoever holds the register: names, date of birth, sex and compulsory school age.
//!
//! Names are kept exactly as the school gave them. The year group is never derived from the date of birth, since
//! pupils are placed out of their year; so it is not here.

use std::fmt;

use chrono::{Datelike, NaiveDate, Weekday};

use super::words;

/// The longest name kept, in characters; the longest recorded names in England are well below it.
pub const NAME_MAX_CHARS: usize = 100;

words! {
    /// Sex as the admission register records it (SI 2024/208 reg 8(2)(c)).
    Sex {
        /// Female.
        Female = "female",
        /// Male.
        Male = "male",
        /// Not recorded by the school, or recorded as unknown.
        Unknown = "unknown",
    }
}

words! {
    /// National curriculum year, as common transfer files write it; stored as the school says and never derived.
    YearGroup {
        /// First nursery year.
        Nursery1 = "N1",
        /// Second nursery year.
        Nursery2 = "N2",
        /// Reception.
        Reception = "R",
        /// Year 1.
        Year1 = "1",
        /// Year 2.
        Year2 = "2",
        /// Year 3.
        Year3 = "3",
        /// Year 4.
        Year4 = "4",
        /// Year 5.
        Year5 = "5",
        /// Year 6.
        Year6 = "6",
        /// Year 7.
        Year7 = "7",
        /// Year 8.
        Year8 = "8",
        /// Year 9.
        Year9 = "9",
        /// Year 10.
        Year10 = "10",
        /// Year 11.
        Year11 = "11",
        /// Year 12.
        Year12 = "12",
        /// Year 13.
        Year13 = "13",
        /// Year 14.
        Year14 = "14",
        /// Does not follow the years of the national curriculum.
        NotFollowed = "X",
    }
}

/// A surname or forename as the school gave it: any script, apostrophes and all. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// Why a text is not a name, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but space.
    #[error("a name is needed; if the child has only one, give it in both places")]
    Empty,
    /// More than [`NAME_MAX_CHARS`] characters.
    #[error("a name has at most 100 characters; check that the columns are in their places")]
    Long,
    /// Line breaks and other control characters, or marks that turn the direction of writing and so disguise a text.
    #[error("a name has no line breaks or control characters; remove them in the school's system")]
    Control,
}

/// Why a date cannot be a pupil's date of birth, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DateOfBirthError {
    /// After the day it is held against.
    #[error("the date of birth is in the future; check the year, and that day and month are in their places")]
    Future,
    /// Older than any pupil.
    #[error("the date of birth is too long ago for a pupil; check the year")]
    TooOld,
}

impl Name {
    /// Keeps `text` as given, less space around it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.chars().count() > NAME_MAX_CHARS {
            return Err(NameError::Long);
        }
        if text.chars().any(|c| c.is_control() || turns_direction(c)) {
            return Err(NameError::Control);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Embeddings, overrides and isolates (U+202A to U+202E, U+2066 to U+2069). The plain marks and joiners that Arabic,
/// Hebrew and Indic names need are not among them.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(hidden)")
    }
}

/// The form of a surname in which two writings of it are compared: lower case, with everything dropped that is neither
/// letter nor digit, so that `O'Neill`, `O’NEILL` and `O Neill` agree, and `Smith-Jones` and `Smith Jones`.
///
/// Accents stay: `Muñoz` and `Munoz` do not agree, and composed and decomposed accents do not either, since a wrong join
/// of two children is worse than a missed one. A name that has no letter or digit gives the empty key: never match on it.
pub fn match_key(surname: &str) -> String {
    surname.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// Checks that a child born on `born` can be a pupil on `on`: already born, and not yet `below_age` years old.
///
/// Registers in England hold pupils to 19, and to 25 with an education, health and care plan; `below_age` of 26 takes all.
pub fn check_date_of_birth(born: NaiveDate, on: NaiveDate, below_age: u8) -> Result<(), DateOfBirthError> {
    if born > on {
        return Err(DateOfBirthError::Future);
    }
    if age_on(born, on) >= i32::from(below_age) { Err(DateOfBirthError::TooOld) } else { Ok(()) }
}

/// Age in whole years on `on`. One born on 29 February comes of age on 1 March of a common year.
pub fn age_on(born: NaiveDate, on: NaiveDate) -> i32 {
    let had_birthday = (on.month(), on.day()) >= (born.month(), born.day());
    on.year() - born.year() - i32::from(!had_birthday)
}

/// Compulsory school age, in England (Education Act 1996 s.8).
///
/// `None` is for dates of birth at the edge of the calendar that chrono can count, which no pupil has.
pub mod compulsory_school_age {
    use super::{Datelike, NaiveDate, Weekday, age_on};

    /// The first day of compulsory school age: the fifth birthday if it is 31 March, 31 August or 31 December, else the
    /// next of those days (s.8(2); SI 1998/1607).
    pub fn begins(born: NaiveDate) -> Option<NaiveDate> {
        let year = born.year().checked_add(5)?;
        let day = match (born.month(), born.day()) {
            (1..=3, _) => (3, 31),
            (4..=8, _) => (8, 31),
            (_, _) => (12, 31),
        };
        NaiveDate::from_ymd_opt(year, day.0, day.1)
    }

    /// The last day of compulsory school age, to its end: the last Friday in June of the school year in which the pupil
    /// becomes 16 (s.8(3); SI 1997/1970).
    ///
    /// The law counts to the start of the school's next year. A school year begins with the first term after July, so
    /// a birthday in August may fall either side of it at one school; as local authorities do, this takes the
    /// 1 September to 31 August year.
    pub fn ends(born: NaiveDate) -> Option<NaiveDate> {
        let sixteen = born.year().checked_add(16)?;
        let year = if born.month() >= 9 { sixteen.checked_add(1)? } else { sixteen };
        last_friday_in_june(year)
    }

    /// Whether one born on `born` is of compulsory school age on `on`; both edges are within.
    pub fn is_compulsory(born: NaiveDate, on: NaiveDate) -> bool {
        // Without the edges' dates (no real child) the age decides, on the side that keeps duties in force.
        match (begins(born), ends(born)) {
            (Some(first), Some(last)) => first <= on && on <= last,
            (None, _) | (_, None) => (5..=16).contains(&age_on(born, on)),
        }
    }

    /// The last Friday in June of `year`.
    pub fn last_friday_in_june(year: i32) -> Option<NaiveDate> {
        let end_of_june = NaiveDate::from_ymd_opt(year, 6, 30)?;
        let past_friday = end_of_june.weekday().days_since(Weekday::Fri);
        end_of_june.checked_sub_days(chrono::Days::new(u64::from(past_friday)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::compulsory_school_age::{begins, ends, is_compulsory, last_friday_in_june};
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn names_stay_as_given() {
        for name in
            ["O'Neill", "D’Arcy-Smith", "Nguyễn", "Ó Súilleabháin", "محمد", "王", "=SUM(A1)", "van der Berg"]
        {
            assert_eq!(Name::parse(name).unwrap().as_str(), name);
        }
        assert_eq!(Name::parse("  Ann Marie ").unwrap().to_string(), "Ann Marie");
        assert_eq!(format!("{:?}", Name::parse("Ann").unwrap()), "Name(hidden)");
    }

    #[test]
    fn texts_that_are_no_names() {
        for (text, error) in [
            ("", NameError::Empty),
            (" \t ", NameError::Empty),
            ("Ann\nMarie", NameError::Control),
            ("Ann\u{0}", NameError::Control),
            ("Ann\u{202E}eiraM", NameError::Control),
        ] {
            assert_eq!(Name::parse(text), Err(error), "{text:?}");
        }
        assert!(Name::parse(&"é".repeat(100)).is_ok());
        assert_eq!(Name::parse(&"é".repeat(101)), Err(NameError::Long));
    }

    #[test]
    fn surnames_that_agree_and_that_do_not() {
        for (one, other, agree) in [
            ("O'Neill", "O’NEILL", true),
            ("Smith-Jones", "smith jones", true),
            ("ÖZTÜRK", "öztürk", true),
            ("Muñoz", "Munoz", false),
            ("Ann", "Anne", false),
            ("محمد", "محمد ", true),
        ] {
            assert_eq!(match_key(one) == match_key(other), agree, "{one} {other}");
        }
        assert_eq!(match_key("'-"), "");
    }

    #[test]
    fn dates_of_birth() {
        let on = day("2026-11-23");
        for (born, result) in [
            ("2026-11-24", Err(DateOfBirthError::Future)),
            ("2026-11-23", Ok(())),
            ("2000-11-24", Ok(())),
            ("2000-11-23", Err(DateOfBirthError::TooOld)),
            ("1926-11-23", Err(DateOfBirthError::TooOld)),
        ] {
            assert_eq!(check_date_of_birth(day(born), on, 26), result, "{born}");
        }
    }

    #[test]
    fn ages() {
        for (born, on, age) in [
            ("2020-02-29", "2025-02-28", 4),
            ("2020-02-29", "2025-03-01", 5),
            ("2021-08-31", "2026-08-30", 4),
            ("2021-08-31", "2026-08-31", 5),
        ] {
            assert_eq!(age_on(day(born), day(on)), age, "{born} {on}");
        }
    }

    #[test]
    fn compulsory_age_begins() {
        // Education Act 1996 s.8(2), SI 1998/1607: the fifth birthday on one of the three days, else the next of them.
        for (born, first) in [
            ("2021-03-31", "2026-03-31"),
            ("2021-04-01", "2026-08-31"),
            ("2021-08-31", "2026-08-31"),
            ("2021-09-01", "2026-12-31"),
            ("2021-12-31", "2026-12-31"),
            ("2022-01-01", "2027-03-31"),
            ("2020-02-29", "2025-03-31"),
        ] {
            let first = day(first);
            assert_eq!(begins(day(born)), Some(first), "{born}");
            assert!(is_compulsory(day(born), first));
            assert!(!is_compulsory(day(born), first.pred_opt().unwrap()));
        }
    }

    #[test]
    fn compulsory_age_ends() {
        // Education Act 1996 s.8(3), SI 1997/1970: 16 by the last Friday in June, or before the next school year.
        for (born, last) in [
            ("2010-06-26", "2026-06-26"),
            ("2010-06-27", "2026-06-26"),
            ("2010-08-31", "2026-06-26"),
            ("2010-09-01", "2027-06-25"),
            ("2009-09-01", "2026-06-26"),
            ("2009-08-31", "2025-06-27"),
            ("2008-02-29", "2024-06-28"),
        ] {
            let last = day(last);
            assert_eq!(ends(day(born)), Some(last), "{born}");
            assert!(is_compulsory(day(born), last));
            assert!(!is_compulsory(day(born), last.succ_opt().unwrap()));
        }
    }

    #[test]
    fn last_fridays_in_june() {
        for (year, last) in [(2026, "2026-06-26"), (2027, "2027-06-25"), (2023, "2023-06-30")] {
            assert_eq!(last_friday_in_june(year), Some(day(last)));
        }
    }

    proptest! {
        #[test]
        fn compulsory_age_runs_from_age_five_to_a_friday_in_june_at_fifteen_or_sixteen(days in 0u64..40_000) {
            let born = day("1950-01-01") + chrono::Days::new(days);
            let (first, last) = (begins(born).unwrap(), ends(born).unwrap());
            prop_assert!(age_on(born, first) == 5);
            prop_assert!((15..=16).contains(&age_on(born, last)));
            prop_assert_eq!(last.weekday(), Weekday::Fri);
            prop_assert!(last.month() == 6 && last.day() > 23);
        }

        #[test]
        fn a_key_is_its_own_key(surname in ".{0,30}") {
            let key = match_key(&surname);
            prop_assert_eq!(match_key(&key), key);
        }
    }
}
