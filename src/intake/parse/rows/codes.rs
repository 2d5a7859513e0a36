//! The cell of a code, as schools' systems and the tools between write it.
//!
//! `/` is present in the morning and `\` in the afternoon (SI 2024/208 reg 10, Table 1). Both strokes are what careless
//! tools double, turn round, widen or escape; since either is present, and the session says which of the two it has to
//! be, every such form is mended, and counted. Nothing else is: what a spreadsheet has made of a code is gone.

use super::super::cells::{Fault, folded, text};
use super::super::dates::{Written, written};

/// The half of a school day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SessionHalf {
    /// The morning session.
    Am,
    /// The afternoon session.
    Pm,
}

impl SessionHalf {
    /// The code of a pupil who was there.
    pub(super) fn present(self) -> &'static str {
        match self {
            Self::Am => "/",
            Self::Pm => "\\",
        }
    }

    /// The half that a word or header stands for.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        match word {
            "am" | "AM" => return Some(Self::Am),
            "pm" | "PM" => return Some(Self::Pm),
            _ => {}
        }
        match folded(word).as_str() {
            "am" | "morning" => Some(Self::Am),
            "pm" | "afternoon" => Some(Self::Pm),
            _ => None,
        }
    }
}

/// What tools make of either stroke.
const STROKES: &[&str] = &[
    "/", "\\", "//", "\\\\", "\\/", "/\\", "'/", "'\\", "\u{FF0F}", "\u{FF3C}", "\u{2044}", "\u{2215}",
    "\u{2216}", "\u{29F5}", "\u{29F8}", "&#47;", "&#x2F;", "&#92;", "&#x5C;", "&sol;", "&bsol;", "%2F",
    "%5C",
];

/// Whether a text is one of the strokes that stand for a pupil who was there, mangled or not.
pub(in crate::intake) fn is_present(cell: &str) -> bool {
    STROKES.iter().any(|stroke| stroke.eq_ignore_ascii_case(cell))
}

/// A code as it is taken, and whether it was mended.
pub(super) type Taken<'r> = (&'r str, bool);

/// The codes that need no second look; `None` sends the cell to [`code`].
pub(super) fn quick(cell: &str, half: SessionHalf) -> Option<Taken<'_>> {
    match *cell.as_bytes() {
        [b'/'] => Some((half.present(), half == SessionHalf::Pm)),
        [b'\\'] => Some((half.present(), half == SessionHalf::Am)),
        [b'#' | b'A'..=b'Z'] | [b'A'..=b'Z', b'0'..=b'9'] => Some((cell, false)),
        _ => None,
    }
}

/// Reads the cell of a code: 1 to 3 characters, not yet held against the set of its date.
pub(super) fn code(cell: &str, half: SessionHalf) -> Result<Taken<'_>, Fault> {
    let (present, words) = match half {
        SessionHalf::Am => ("/", "presentam"),
        SessionHalf::Pm => ("\\", "presentpm"),
    };
    // The names of the two codes say their session; the other one's contradicts this one.
    if is_present(cell) || folded(cell) == words {
        return Ok((present, cell != present));
    }
    if cell.len() > 1 && cell.starts_with('#') {
        return Err(
            "is a spreadsheet's error and not a code; write the code again as it is in the school's system"
                .into(),
        );
    }
    match written(cell) {
        Written::Not => {}
        Written::Day(_)
        | Written::Numbers { .. }
        | Written::ShortYear
        | Written::NoYear
        | Written::OtherWeekday
        | Written::NoSuchDay => {
            return Err("was a code before a spreadsheet made a date of it; set the column to text and write the code again".into());
        }
    }
    text(cell, 3)
        .map(|cell| (cell, false))
        .map_err(|_| "is not an attendance code; write the code alone, one to three characters".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strokes_are_what_their_session_makes_them() {
        for stroke in STROKES {
            assert_eq!(code(stroke, SessionHalf::Am), Ok(("/", *stroke != "/")), "{stroke}");
            assert_eq!(code(stroke, SessionHalf::Pm), Ok(("\\", *stroke != "\\")), "{stroke}");
        }
        for (cell, half, expected) in [
            ("%2f", SessionHalf::Am, Ok(("/", true))),
            ("Present (AM)", SessionHalf::Am, Ok(("/", true))),
            ("Present (PM)", SessionHalf::Pm, Ok(("\\", true))),
            ("Present (AM)", SessionHalf::Pm, Err("not an attendance code")),
            ("Present", SessionHalf::Am, Err("not an attendance code")),
            ("///", SessionHalf::Am, Ok(("///", false))),
        ] {
            match (code(cell, half), expected) {
                (Ok(taken), Ok(expected)) => assert_eq!(taken, expected, "{cell}"),
                (Err(fault), Err(word)) => assert!(fault.contains(word), "{cell}: {fault}"),
                (taken, _) => panic!("{cell}: {taken:?}"),
            }
        }
    }

    #[test]
    fn what_a_spreadsheet_has_eaten_is_not_guessed() {
        for (cell, word) in [
            ("#N/A", "spreadsheet's error"),
            ("#NAME?", "spreadsheet's error"),
            ("##", "spreadsheet's error"),
            ("01-Jan", "made a date of it"),
            ("2026-01-01", "made a date of it"),
            ("1/2", "made a date of it"),
            ("Sept 3 2026", "not an attendance code"),
            ("46023", "not an attendance code"),
            ("LATE", "not an attendance code"),
            ("L\u{0}", "not an attendance code"),
        ] {
            let fault = code(cell, SessionHalf::Am).unwrap_err();
            assert!(fault.contains(word) && fault.contains("; "), "{cell}: {fault}");
        }
        for cell in ["#", "L", "C1", "Y7", "HO", "é"] {
            assert_eq!(code(cell, SessionHalf::Pm), Ok((cell, false)));
        }
    }

    proptest! {
        #[test]
        fn the_quick_way_agrees(cell in "[/\\\\#A-Z][0-9]?|.{1,3}") {
            for half in [SessionHalf::Am, SessionHalf::Pm] {
                if let Some(taken) = quick(&cell, half) {
                    prop_assert_eq!(code(&cell, half), Ok(taken));
                }
            }
        }
    }
}
