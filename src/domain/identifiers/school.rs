//! The numbers of schools and authorities: URN, LAESTAB (the number of an establishment) and the authority's code.
//!
//! A school that becomes an academy gets a new URN, and often a new LAESTAB: neither is a key for the school, only a
//! name it has at a time. The directory holds the history.

use std::fmt;

/// A unique reference number of a school in England: six digits, the first 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Urn(u32);

/// Why a text is not a URN, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a URN is six digits, the first 1; look the school up in the register of schools")]
pub struct UrnError;

/// The three digits of a local authority in the department's lists, 001 to 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalAuthorityCode(u16);

/// Why a text is not an authority's code, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an authority's code is three digits, 001 to 999; look it up in the register of schools")]
pub struct LocalAuthorityCodeError;

/// An authority's code and the number of an establishment: seven digits. Its ranges by phase are advisory, so they are
/// not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Laestab {
    authority: LocalAuthorityCode,
    establishment: u16,
}

/// Why a text is not a LAESTAB, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a LAESTAB is seven digits, together or as 3/4; look the school up in the register of schools")]
pub struct LaestabError;

impl Urn {
    /// Reads exactly six digits.
    pub fn parse(text: &str) -> Result<Self, UrnError> {
        let number = digits(text, 6).ok_or(UrnError)?;
        if number / 100_000 == 1 { Ok(Self(number)) } else { Err(UrnError) }
    }
}

impl LocalAuthorityCode {
    /// Reads exactly three digits.
    pub fn parse(text: &str) -> Result<Self, LocalAuthorityCodeError> {
        let code =
            digits(text, 3).and_then(|code| u16::try_from(code).ok()).ok_or(LocalAuthorityCodeError)?;
        if code == 0 { Err(LocalAuthorityCodeError) } else { Ok(Self(code)) }
    }
}

impl Laestab {
    /// Reads `9994001` or `999/4001`; prints the first.
    pub fn parse(text: &str) -> Result<Self, LaestabError> {
        let (authority, establishment) = match text.split_once('/') {
            Some(parts) => parts,
            None => text.split_at_checked(3).ok_or(LaestabError)?,
        };
        let authority = LocalAuthorityCode::parse(authority).map_err(|_| LaestabError)?;
        let establishment =
            digits(establishment, 4).and_then(|number| u16::try_from(number).ok()).ok_or(LaestabError)?;
        Ok(Self { authority, establishment })
    }

    /// The authority's part.
    pub fn authority(self) -> LocalAuthorityCode {
        self.authority
    }

    /// The establishment's part, 0 to 9999.
    pub fn establishment(self) -> u16 {
        self.establishment
    }
}

/// The number that `text` is, if it is exactly `length` ASCII digits.
fn digits(text: &str, length: usize) -> Option<u32> {
    if text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

impl fmt::Display for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for LocalAuthorityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

impl fmt::Display for Laestab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:04}", self.authority, self.establishment)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn school_numbers() {
        assert_eq!(Urn::parse("100000").unwrap().to_string(), "100000");
        for text in ["", "10000", "1000000", "200000", "099999", "10000a", "+10000", " 100000", "１00000"] {
            assert_eq!(Urn::parse(text), Err(UrnError), "{text}");
        }
    }

    #[test]
    fn authority_codes() {
        assert_eq!(LocalAuthorityCode::parse("001").unwrap().to_string(), "001");
        for text in ["", "1", "000", "1000", "+01", "99a"] {
            assert_eq!(LocalAuthorityCode::parse(text), Err(LocalAuthorityCodeError), "{text}");
        }
    }

    #[test]
    fn establishment_numbers() {
        for text in ["9994001", "999/4001"] {
            let laestab = Laestab::parse(text).unwrap();
            assert_eq!((laestab.to_string().as_str(), laestab.establishment()), ("9994001", 4001));
            assert_eq!(laestab.authority().to_string(), "999");
        }
        for text in [
            "",
            "999",
            "999400",
            "99940011",
            "999/400",
            "99/94001",
            "999-4001",
            "0004001",
            "9é94001",
            "999//4001",
        ] {
            assert_eq!(Laestab::parse(text), Err(LaestabError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsed_ones_print_themselves(urn in "1[0-9]{5}", laestab in "[1-9][0-9]{6}") {
            prop_assert_eq!(Urn::parse(&urn).unwrap().to_string(), urn);
            prop_assert_eq!(Laestab::parse(&laestab).unwrap().to_string(), laestab);
        }
    }
}
