//! The codes that a school's own system uses beside those of the regulations, and what each stands for.
//!
//! A school says so itself, for dates. A code of the regulations always means what the regulations say: none can be
//! given another meaning on a date on which it is in force, and neither can a stroke, mangled or not.

mod http;
mod storage;

pub use http::{__path_read_local_codes, __path_set_local_codes, read_local_codes, set_local_codes};
pub(in crate::intake) use storage::read_codes;

use super::parse::is_present;
use crate::domain::attendance::{Code, CodeError, NEW_CODES_FROM};
use chrono::NaiveDate;
use std::collections::HashMap;

/// Codes that one map holds at most.
const CODES_MAX: usize = 500;
/// Characters of a code of a school's own, as of any code in a file.
const CODE_MAX_CHARS: usize = 3;

/// One code of a school's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalCode {
    /// As the school writes it.
    pub(super) written: String,
    /// The code that it stands for.
    pub(super) code: String,
    /// The first date on which it does; none: always.
    pub(super) from: Option<NaiveDate>,
    /// The last; none: no end.
    pub(super) until: Option<NaiveDate>,
}

/// Why a map cannot stand. Entries are named by their place, from 1; codes are not quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MapError {
    /// More than a map holds.
    #[error("the map has more than {CODES_MAX} codes; send only those that the school uses")]
    TooMany,
    /// Empty, too long, or with space or control characters.
    #[error(
        "the local code of entry {0} is not one to three characters without spaces; write it as the files have it"
    )]
    NotACode(usize),
    /// A code of the regulations at some date of the entry.
    #[error(
        "the local code of entry {0} is a code of the regulations on some of its dates, or a stroke for a pupil who was \
         present, and cannot stand for another; leave it out, or give the dates on which it is not"
    )]
    Statutory(usize),
    /// What it stands for is no code on its dates.
    #[error(
        "what entry {0} stands for is not a code of the regulations on all of its dates; give one, and the dates of each"
    )]
    NotStatutory(usize),
    /// Ends before it begins.
    #[error("the dates of entry {0} are reversed; write the first date as `from` and the last as `until`")]
    Reversed(usize),
    /// Two entries for one code on one date.
    #[error(
        "entries {0} and {1} give one local code two meanings on the same dates; end the first before the second begins"
    )]
    Overlap(usize, usize),
}

/// Every code that a file of one school may have.
#[derive(Clone, Debug, Default)]
pub(super) struct Codes {
    own: HashMap<String, Vec<LocalCode>>,
}

impl Codes {
    pub(super) fn new(codes: Vec<LocalCode>) -> Self {
        let mut own: HashMap<String, Vec<LocalCode>> = HashMap::new();
        for code in codes {
            own.entry(code.written.clone()).or_default().push(code);
        }
        Self { own }
    }

    /// The code that a cell means on a date; the error says what is wrong and what to do.
    pub(super) fn read(&self, cell: &str, date: NaiveDate) -> Result<Code, String> {
        let error = match Code::parse(cell, date) {
            Ok(code) => return Ok(code),
            Err(error) => error,
        };
        let meant = self.own.get(cell).into_iter().flatten().find(|code| code.holds_on(date));
        match (meant.map(|own| Code::parse(&own.code, date)), error) {
            (Some(Ok(code)), _) => Ok(code),
            (None | Some(Err(_)), CodeError::Unknown) => Err(
                "is not an attendance code of the regulations, nor one of the school's own on this date; correct it, or \
                 map it with PUT /v1/schools/{urn}/local-codes and send the row again"
                    .to_owned(),
            ),
            (None | Some(Err(_)), CodeError::NotYet(_) | CodeError::Withdrawn(..)) => Err(error.to_string()),
        }
    }
}

impl LocalCode {
    fn holds_on(&self, date: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= date) && self.until.is_none_or(|until| date <= until)
    }

    fn first(&self) -> NaiveDate {
        self.from.unwrap_or(NaiveDate::MIN)
    }

    fn last(&self) -> NaiveDate {
        self.until.unwrap_or(NaiveDate::MAX)
    }

    /// A date of each set of codes that its dates reach into.
    fn dates_of_sets(&self) -> impl Iterator<Item = NaiveDate> {
        let (first, last) = (self.first(), self.last());
        [first, NEW_CODES_FROM, last].into_iter().filter(move |date| first <= *date && *date <= last)
    }
}

/// Holds a map to its rules.
pub(super) fn check_map(codes: &[LocalCode]) -> Result<(), MapError> {
    if codes.len() > CODES_MAX {
        return Err(MapError::TooMany);
    }
    for (number, own) in (1..).zip(codes) {
        let characters = own.written.chars();
        if !(1..=CODE_MAX_CHARS).contains(&characters.clone().count())
            || characters.clone().any(|c| c.is_control() || c.is_whitespace())
        {
            return Err(MapError::NotACode(number));
        }
        if own.first() > own.last() {
            return Err(MapError::Reversed(number));
        }
        let statutory = |date| Code::parse(&own.written, date).is_ok();
        if is_present(&own.written) || own.dates_of_sets().any(statutory) {
            return Err(MapError::Statutory(number));
        }
        if own.dates_of_sets().any(|date| Code::parse(&own.code, date).is_err()) {
            return Err(MapError::NotStatutory(number));
        }
        let overlaps = |other: &LocalCode| {
            other.written == own.written && other.first() <= own.last() && own.first() <= other.last()
        };
        if let Some((before, _)) = (1..).zip(codes).take(number - 1).find(|(_, other)| overlaps(other)) {
            return Err(MapError::Overlap(before, number));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn own(written: &str, code: &str, from: Option<&str>, until: Option<&str>) -> LocalCode {
        LocalCode {
            written: written.to_owned(),
            code: code.to_owned(),
            from: from.map(day),
            until: until.map(day),
        }
    }

    #[test]
    fn maps_are_held_to_their_rules() {
        let since = Some("2024-08-19");
        for (codes, expected) in [
            (vec![own("HO", "G", since, None), own("1", "C", None, None)], Ok(())),
            // Withdrawn on 19 August 2024, so that a school may use it for something of its own from then on.
            (vec![own("H", "G", since, None)], Ok(())),
            (vec![own("H", "G", Some("2024-08-18"), None)], Err(MapError::Statutory(1))),
            (vec![own("H", "G", None, None)], Err(MapError::Statutory(1))),
            (vec![own("L", "U", None, None)], Err(MapError::Statutory(1))),
            (vec![own("#", "Y4", since, None)], Err(MapError::Statutory(1))),
            (vec![own("//", "N", None, None)], Err(MapError::Statutory(1))),
            (vec![own("Y7", "C", None, Some("2024-08-18"))], Ok(())),
            (vec![own("Y7", "C", None, Some("2024-08-19"))], Err(MapError::Statutory(1))),
            // K began then.
            (vec![own("a", "K", None, None)], Err(MapError::NotStatutory(1))),
            (vec![own("a", "K", since, None)], Ok(())),
            (vec![own("a", "b", None, None)], Err(MapError::NotStatutory(1))),
            (vec![own("abcd", "C", None, None)], Err(MapError::NotACode(1))),
            (vec![own("", "C", None, None)], Err(MapError::NotACode(1))),
            (vec![own("a b", "C", None, None)], Err(MapError::NotACode(1))),
            (vec![own("a", "C", Some("2026-09-02"), Some("2026-09-01"))], Err(MapError::Reversed(1))),
            (vec![own("a", "C", None, Some("2026-09-01")), own("a", "G", Some("2026-09-02"), None)], Ok(())),
            (
                vec![
                    own("b", "C", None, None),
                    own("a", "C", None, Some("2026-09-01")),
                    own("a", "G", Some("2026-09-01"), None),
                ],
                Err(MapError::Overlap(2, 3)),
            ),
            (vec![own("a", "C", None, None); 501], Err(MapError::TooMany)),
        ] {
            assert_eq!(check_map(&codes), expected, "{:?}", codes.first());
            if let Err(error) = expected {
                assert!(error.to_string().contains("; "), "{error}");
            }
        }
    }

    #[test]
    fn cells_are_read_by_the_regulations_first() {
        let codes = Codes::new(vec![
            own("HO", "G", Some("2026-09-01"), Some("2026-12-31")),
            own("HO", "C", Some("2027-01-01"), None),
            own("H", "C", Some("2024-08-19"), None),
        ]);
        for (cell, date, expected) in [
            ("HO", "2026-09-01", Some(Code::G)),
            ("HO", "2027-01-01", Some(Code::C)),
            ("HO", "2026-08-31", None),
            ("H", "2026-09-01", Some(Code::C)),
            ("H", "2024-07-01", Some(Code::H)),
            ("L", "2026-09-01", Some(Code::L)),
            ("%", "2026-09-01", None),
        ] {
            assert_eq!(codes.read(cell, day(date)).ok(), expected, "{cell} {date}");
        }
        let unmapped = codes.read("%", day("2026-09-01")).unwrap_err();
        assert!(
            unmapped.contains("PUT /v1/schools/{urn}/local-codes") && !unmapped.contains('%'),
            "{unmapped}"
        );
        let withdrawn = Codes::default().read("H", day("2026-09-01")).unwrap_err();
        assert!(withdrawn.contains("withdrawn"), "{withdrawn}");
    }
}
