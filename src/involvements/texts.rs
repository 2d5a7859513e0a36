//! Free texts of what persons set and claim: of a length, and nothing in them that no database and no log line takes.

use crate::http::{Error, ProblemKind};

/// Characters of a telephone number at most.
const NUMBER: usize = 40;
/// Digits of one at least.
const DIGITS: usize = 5;

/// A text of so many characters, at least and at most, without control characters but line ends.
pub(super) fn checked(name: &str, text: &str, (least, most): (usize, usize)) -> Result<String, Error> {
    let text = text.trim();
    let length = text.chars().count();
    let odd = text.chars().any(|c| c.is_control() && c != '\n');
    if length < least || length > most || odd {
        let detail =
            format!("`{name}` must be {least} to {most} characters, none of them a control character");
        return Err(Error::problem(ProblemKind::BadRequest, detail));
    }
    Ok(text.to_owned())
}

/// A telephone number: digits, and what people write between them.
pub(super) fn telephone(name: &str, text: &str) -> Result<String, Error> {
    let text = text.trim();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let fits = |c: char| c.is_ascii_digit() || " +-()".contains(c) || c.is_ascii_alphabetic();
    if digits < DIGITS || text.chars().count() > NUMBER || !text.chars().all(fits) {
        let detail = format!("`{name}` must be a telephone number of at least {DIGITS} digits");
        return Err(Error::problem(ProblemKind::BadRequest, detail));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_a_length_and_no_control_characters() {
        for (text, taken) in
            [("just", true), (" a ", false), ("two\nlines", true), ("nul\u{0}", false), ("", false)]
        {
            assert_eq!(checked("text", text, (2, 10)).is_ok(), taken, "{text:?}");
        }
        for (text, taken) in [
            ("01632 960555", true),
            ("+44 (0)1632 960555 ext 3", true),
            ("ring me", false),
            ("960555; 1", false),
        ] {
            assert_eq!(telephone("number", text).is_ok(), taken, "{text:?}");
        }
    }
}
