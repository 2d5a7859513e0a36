//! The unique pupil number: a check letter, the issuing authority (3), the establishment (4), the year (2) and the
//! serial (3), thirteen characters (`GovTalk`, Unique Pupil Number 2.0).
//!
//! The authority and establishment inside it say who issued it and never where the child is: nothing here gives them
//! out. A UPN is never guessed, padded or repaired.

use std::fmt;

use super::issuers;

/// A well-formed UPN. Shows its value by `Display` only; `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Upn([u8; 13]);

/// Why a text is not a UPN, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpnError {
    /// Not thirteen characters.
    #[error("a UPN has 13 characters; copy it whole from the school's system")]
    Length,
    /// The first character is not one of the 23 letters.
    #[error("a UPN begins with a capital letter other than I, O and S; copy it from the school's system")]
    CheckLetter,
    /// One of characters 2 to 12 is not a digit.
    #[error("characters 2 to 12 of a UPN are digits; copy it from the school's system")]
    Digits,
    /// The last character is neither a digit nor one of the 23 letters.
    #[error(
        "a UPN ends in a digit, or if temporary in a capital letter other than I, O and S; copy it from the school's system"
    )]
    Last,
    /// The check letter does not fit the other characters.
    #[error(
        "the first letter does not fit the rest, so a character is wrong; copy the UPN from the school's system"
    )]
    Check,
}

impl Upn {
    /// Reads a UPN as written, capital letters and no spaces. Any issuer is accepted: see [`Self::issuer_known`].
    pub fn parse(text: &str) -> Result<Self, UpnError> {
        if !(text.len() == 13 && text.is_ascii()) && text.chars().count() != 13 {
            return Err(UpnError::Length);
        }
        let [check, body @ ..] = text.as_bytes() else { return Err(UpnError::Length) };
        let [digits @ .., last] = body else { return Err(UpnError::Length) };
        let check = letter_value(*check).ok_or(UpnError::CheckLetter)?;
        let mut sum = 0;
        // Characters 2 to 13 weigh 2 to 13.
        for (digit, weight) in digits.iter().zip(2..) {
            sum += digit_value(*digit).ok_or(UpnError::Digits)? * weight;
        }
        sum += digit_value(*last).or_else(|| letter_value(*last)).ok_or(UpnError::Last)? * 13;
        let bytes = text.as_bytes().try_into().map_err(|_| UpnError::Length)?;
        if sum % 23 == check { Ok(Self(bytes)) } else { Err(UpnError::Check) }
    }

    /// The thirteen characters.
    pub fn as_str(&self) -> &str {
        // Each is a letter or digit of ASCII, or there would be no UPN.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether this is a temporary UPN: it ends in a letter. One such never matches a child at another school.
    pub fn is_temporary(&self) -> bool {
        self.0.last().is_some_and(u8::is_ascii_uppercase)
    }

    /// Whether the issuer is in our list of authorities; `false` is worth a second look, never a refusal.
    pub fn issuer_known(&self) -> bool {
        self.as_str().get(1..4).and_then(|code| code.parse().ok()).is_some_and(issuers::is_known)
    }
}

fn digit_value(byte: u8) -> Option<u32> {
    byte.is_ascii_digit().then(|| u32::from(byte - b'0'))
}

fn letter_value(byte: u8) -> Option<u32> {
    // The letters before it, less those that are left out: I, O and S.
    byte.is_ascii_uppercase().then(|| u32::from(byte - b'A')).and_then(|place| match byte {
        b'I' | b'O' | b'S' => None,
        b'A'..b'I' => Some(place),
        b'I'..b'O' => Some(place - 1),
        b'O'..b'S' => Some(place - 2),
        _ => Some(place - 3),
    })
}

impl fmt::Display for Upn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Upn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upn(hidden)")
    }
}

impl std::str::FromStr for Upn {
    type Err = UpnError;

    fn from_str(text: &str) -> Result<Self, UpnError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The letters of a UPN in the order of their values 0 to 22: I, O and S are left out as too like 1, 0 and 5.
    const LETTERS: &[u8; 23] = b"ABCDEFGHJKLMNPQRTUVWXYZ";

    #[test]
    fn letters_have_their_values() {
        for byte in 0..=u8::MAX {
            let value = LETTERS.iter().position(|letter| *letter == byte);
            assert_eq!(letter_value(byte), value.map(|value| u32::try_from(value).unwrap()), "{byte}");
        }
    }

    #[test]
    fn worked_numbers() {
        for (text, temporary) in [("B801200005001", false), ("P207000016049", false), ("M80120000500A", true)]
        {
            let upn = Upn::parse(text).unwrap();
            assert_eq!(
                (upn.to_string().as_str(), upn.is_temporary(), upn.issuer_known()),
                (text, temporary, true)
            );
        }
    }

    #[test]
    fn the_help_pages_wrong_letter_is_refused() {
        // Two vendors print Q207000016049 as their worked example, from a sum that is one too high.
        assert_eq!(Upn::parse("Q207000016049"), Err(UpnError::Check));
    }

    #[test]
    fn refusals() {
        for (text, error) in [
            ("", UpnError::Length),
            ("B", UpnError::Length),
            ("B80120000500", UpnError::Length),
            ("B8012000050011", UpnError::Length),
            (" B801200005001", UpnError::Length),
            ("I801200005001", UpnError::CheckLetter),
            ("O801200005001", UpnError::CheckLetter),
            ("S801200005001", UpnError::CheckLetter),
            ("b801200005001", UpnError::CheckLetter),
            ("1801200005001", UpnError::CheckLetter),
            ("B80120000A001", UpnError::Digits),
            ("B80120000500O", UpnError::Last),
            ("B80120000500é", UpnError::Digits),
            ("B801200005002", UpnError::Check),
        ] {
            assert_eq!(Upn::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn an_unknown_issuer_is_accepted() {
        // 9 × 2 + 9 × 3 + 9 × 4 = 81 = 3 × 23 + 12: the letter of value 12 is N.
        let upn = Upn::parse("N999000000000").unwrap();
        assert!(!upn.issuer_known());
    }

    #[test]
    fn debug_hides_the_number() {
        assert_eq!(format!("{:?}", Upn::parse("B801200005001").unwrap()), "Upn(hidden)");
    }

    /// Any well-formed UPN: twelve characters, then the one check letter out of 23 that is accepted.
    fn any_upn() -> impl Strategy<Value = String> {
        ("[0-9]{11}[0-9A-HJ-NP-RT-Z]").prop_map(|body| {
            let fitting: Vec<String> = LETTERS
                .iter()
                .map(|letter| format!("{}{body}", char::from(*letter)))
                .filter(|text| Upn::parse(text).is_ok())
                .collect();
            assert_eq!(fitting.len(), 1, "{body}");
            fitting[0].clone()
        })
    }

    proptest! {
        #[test]
        fn a_parsed_one_prints_itself(text in any_upn()) {
            prop_assert_eq!(Upn::parse(&text).unwrap().to_string(), text);
        }

        /// Every weight is prime to 23, so a wrong digit is always found; only the last place, which may be a digit or
        /// the letter of the same value, can change and still be a (different) UPN.
        #[test]
        fn one_wrong_character_is_refused_or_another_number(text in any_upn(), at in 0usize..13, with in "[0-9A-Za-z]") {
            let mut changed = text.clone();
            changed.replace_range(at..=at, &with);
            prop_assume!(changed != text);
            match Upn::parse(&changed) {
                Err(_) => {}
                Ok(other) => {
                    prop_assert_eq!(at, 12);
                    prop_assert!(other != Upn::parse(&text).unwrap());
                    prop_assert!(other.is_temporary() != Upn::parse(&text).unwrap().is_temporary());
                }
            }
        }

        #[test]
        fn any_text_is_answered(text in ".*") {
            if let Ok(upn) = Upn::parse(&text) {
                prop_assert_eq!(upn.as_str(), text);
            }
        }
    }
}
