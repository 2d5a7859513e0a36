//! The authority and pseudo-authority codes that may stand in a UPN as its issuer.
//!
//! Data, and advisory: authorities are founded and merged faster than lists are printed, so a code that is not here
//! never refuses a UPN. The ranges up to 938 are those vendors publish; 940 to 943 are authorities founded since.

/// Inclusive ranges of known issuers, ascending and apart.
const ISSUERS: &[(u16, u16)] = &[
    (1, 5),
    (201, 213),
    (301, 320),
    (330, 336),
    (340, 344),
    (350, 359),
    (370, 373),
    (380, 384),
    (390, 394),
    (420, 420),
    (660, 681),
    (701, 708),
    (800, 803),
    (805, 808),
    (810, 813),
    (815, 816),
    (820, 823),
    (825, 826),
    (830, 831),
    (835, 837),
    (840, 841),
    (845, 846),
    (850, 852),
    (855, 857),
    (860, 861),
    (865, 896),
    (908, 909),
    (916, 916),
    (919, 919),
    (921, 921),
    (925, 926),
    (928, 929),
    (931, 931),
    (933, 933),
    (935, 938),
    (940, 943),
];

/// Whether `code` is in the list of issuers.
pub(super) fn is_known(code: u16) -> bool {
    ISSUERS.iter().any(|&(first, last)| (first..=last).contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_are_ascending_and_apart() {
        for pair in ISSUERS.windows(2) {
            assert!(pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0, "{pair:?}");
        }
    }

    #[test]
    fn edges_of_ranges() {
        for (code, known) in
            [(0, false), (1, true), (5, true), (6, false), (420, true), (938, true), (939, false)]
        {
            assert_eq!(is_known(code), known, "{code}");
        }
    }
}
