//! Unique pupil numbers for children who do not exist, issued by authority 999.

/// The 23 check letters in the order of their values.
const ALPHABET: [char; 23] = [
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'T', 'U', 'V', 'W', 'X',
    'Y', 'Z',
];

/// The permanent number with this serial among those that one issuing school gave in one year.
///
/// `year` is the year of allocation, of which the last two digits are used; serials of 1000 and more move on to the
/// next issuing school, so that a large authority has no number twice.
pub fn permanent(establishment: usize, year: i32, serial: usize) -> String {
    with_check_letter(&format!(
        "999{:04}{:02}{:03}",
        (establishment + serial / 1000) % 10_000,
        year.rem_euclid(100),
        serial % 1000
    ))
}

/// A temporary number: the last character is a letter.
pub fn temporary(establishment: usize, year: i32, serial: usize) -> String {
    with_check_letter(&format!(
        "999{:04}{:02}{:02}A",
        establishment % 10_000,
        year.rem_euclid(100),
        serial % 100
    ))
}

/// Puts the check letter before the twelve characters: weights 2 to 13, modulo 23.
fn with_check_letter(body: &str) -> String {
    let value = |c: char| {
        c.to_digit(10).and_then(|d| usize::try_from(d).ok()).or_else(|| ALPHABET.iter().position(|a| *a == c))
    };
    let sum: usize = body.chars().zip(2..).map(|(c, weight)| weight * value(c).unwrap_or(0)).sum();
    let letter = ALPHABET.get(sum % 23).copied().unwrap_or('A');
    format!("{letter}{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_letters_are_those_of_known_numbers() {
        // The first is the documentation's of python-stdnum; the third is temporary.
        for (body, upn) in [
            ("801200005001", "B801200005001"),
            ("207000016049", "P207000016049"),
            ("80120000500A", "M80120000500A"),
        ] {
            assert_eq!(with_check_letter(body), upn);
        }
    }

    #[test]
    fn serials_past_a_thousand_stay_apart() {
        assert_ne!(permanent(4001, 2020, 5), permanent(4001, 2020, 1005));
        assert_eq!(permanent(4001, 2020, 5).len(), 13);
        assert_eq!(temporary(4001, 2026, 7).len(), 13);
    }
}
