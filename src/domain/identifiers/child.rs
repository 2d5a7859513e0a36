//! The unique learner number and the NHS number: ten digits, the last a check digit of weight modulo 11.
//!
//! Neither is a key for matching between agencies here; they are parsed so that a wrong one is refused at the edge.

use std::fmt;

/// A well-formed unique learner number. Shows its value by `Display` only; `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uln(String);

/// Why a text is not a ULN, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UlnError {
    /// Not ten digits.
    #[error("a ULN is 10 digits without spaces; copy it from the learning records service")]
    Digits,
    /// The check digit does not fit.
    #[error(
        "the last digit does not fit the rest, so a digit is wrong; copy the ULN from the learning records service"
    )]
    Check,
}

/// A well-formed NHS number. Shows its value by `Display` only; `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NhsNumber(String);

/// Why a text is not an NHS number, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NhsNumberError {
    /// Not ten digits, together or spaced 3-3-4.
    #[error("an NHS number is 10 digits, together or as 3, 3 and 4; copy it from the health record")]
    Digits,
    /// The check digit does not fit.
    #[error(
        "the last digit does not fit the rest, so a digit is wrong; copy the NHS number from the health record"
    )]
    Check,
    /// One digit ten times, which fits the check but is only ever a stand-in for a number that is not known.
    #[error("one digit ten times stands for an unknown number; leave it out instead")]
    StandIn,
}

impl Uln {
    /// Reads ten digits: weights 10 to 2 on the first nine, check = 10 - (sum mod 11), a remainder of 0 is invalid.
    pub fn parse(text: &str) -> Result<Self, UlnError> {
        let (sum, check) = weighed(text).ok_or(UlnError::Digits)?;
        let remainder = sum % 11;
        if remainder != 0 && 10 - remainder == check {
            Ok(Self(text.to_owned()))
        } else {
            Err(UlnError::Check)
        }
    }

    /// The ten digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NhsNumber {
    /// Reads ten digits, also spaced 3-3-4: weights 10 to 2, check = 11 - (sum mod 11), 11 is 0 and 10 is invalid.
    /// Prints without spaces.
    pub fn parse(text: &str) -> Result<Self, NhsNumberError> {
        let joined = match text.split(' ').collect::<Vec<_>>().as_slice() {
            [whole] => (*whole).to_owned(),
            [first, second, third] if (first.len(), second.len()) == (3, 3) => {
                [*first, *second, *third].concat()
            }
            [..] => return Err(NhsNumberError::Digits),
        };
        let (sum, check) = weighed(&joined).ok_or(NhsNumberError::Digits)?;
        if (11 - sum % 11) % 11 != check {
            return Err(NhsNumberError::Check);
        }
        let mut digits = joined.bytes();
        let first = digits.next();
        if digits.all(|digit| Some(digit) == first) {
            return Err(NhsNumberError::StandIn);
        }
        Ok(Self(joined))
    }

    /// The ten digits, without spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The sum of the first nine of ten digits weighed 10 to 2, and the tenth; `None` unless there are exactly ten digits.
fn weighed(text: &str) -> Option<(u32, u32)> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(10)).collect::<Option<_>>()?;
    let [body @ .., check] = digits.as_slice() else { return None };
    if body.len() != 9 {
        return None;
    }
    Some((body.iter().zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum(), *check))
}

impl fmt::Display for Uln {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Uln {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uln(hidden)")
    }
}

impl fmt::Display for NhsNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NhsNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NhsNumber(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn learner_numbers() {
        // 1000102504: sum 39, remainder 6, check 4.
        assert_eq!(Uln::parse("1000102504").unwrap().to_string(), "1000102504");
        for (text, error) in [
            ("1000102505", UlnError::Check),
            ("0000000000", UlnError::Check), // remainder 0
            ("100010250", UlnError::Digits),
            ("10001025044", UlnError::Digits),
            ("100 010 2504", UlnError::Digits),
            ("١000102504", UlnError::Digits),
            ("", UlnError::Digits),
        ] {
            assert_eq!(Uln::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn health_numbers() {
        // 9434765919: sum 299, remainder 2, check 9. 6541003238: sum 168, remainder 3, check 8.
        for (text, printed) in
            [("9434765919", "9434765919"), ("6541003238", "6541003238"), ("943 476 5919", "9434765919")]
        {
            assert_eq!(NhsNumber::parse(text).unwrap().to_string(), printed);
        }
        for (text, error) in [
            ("9434765918", NhsNumberError::Check),
            ("0000000000", NhsNumberError::StandIn),
            ("9999999999", NhsNumberError::StandIn),
            ("94 3476 5919", NhsNumberError::Digits),
            ("943 476 5919 ", NhsNumberError::Digits),
            ("", NhsNumberError::Digits),
        ] {
            assert_eq!(NhsNumber::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_health_number_whose_check_would_be_ten_is_refused_for_every_last_digit() {
        // 100000001: 1 × 10 + 1 × 2 = 12, remainder 1, so the check would be 10.
        for last in 0..10 {
            assert_eq!(NhsNumber::parse(&format!("100000001{last}")), Err(NhsNumberError::Check));
        }
    }

    #[test]
    fn debug_hides_the_numbers() {
        assert_eq!(format!("{:?}", Uln::parse("1000102504")), "Ok(Uln(hidden))");
        assert_eq!(format!("{:?}", NhsNumber::parse("9434765919")), "Ok(NhsNumber(hidden))");
    }

    proptest! {
        #[test]
        fn at_most_one_check_digit_fits(body in "[0-9]{9}") {
            let fits = |parse: &dyn Fn(&str) -> Option<String>| {
                (0..10).filter_map(|last| parse(&format!("{body}{last}"))).collect::<Vec<_>>()
            };
            let learner = fits(&|text| Uln::parse(text).ok().map(|uln| uln.to_string()));
            let health = fits(&|text| NhsNumber::parse(text).ok().map(|number| number.to_string()));
            prop_assert!(learner.len() <= 1 && health.len() <= 1);
            prop_assert!(learner.iter().chain(&health).all(|text| text.starts_with(&body)));
        }

        #[test]
        fn one_wrong_digit_is_refused(body in "[0-9]{9}", at in 0usize..10, with in "[0-9]") {
            for last in 0..10 {
                let text = format!("{body}{last}");
                let mut changed = text.clone();
                changed.replace_range(at..=at, &with);
                if changed != text {
                    prop_assert!(NhsNumber::parse(&text).is_err() || NhsNumber::parse(&changed).is_err());
                    // A learner number's remainder 0 is the same as 11 - 1 elsewhere, never a second valid number.
                    prop_assert!(Uln::parse(&text).is_err() || Uln::parse(&changed).is_err());
                }
            }
        }
    }
}
