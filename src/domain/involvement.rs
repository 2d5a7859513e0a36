//! How long an involvement of each kind lasts, and what its reference may look like.

use super::purpose::InvolvementKind;
use super::working_days::working_days_after;
use chrono::{Months, NaiveDate};

/// The last day on which an involvement opened on `opened` counts, by its kind alone; none until it is closed.
///
/// Front door 3 working days, assessment 45, section 47 enquiry 15 (the dates by which each must have become something
/// else); school nursing and mental health support 12 months; a resident concern six months.
pub fn last_day(kind: InvolvementKind, opened: NaiveDate) -> Option<NaiveDate> {
    match kind {
        InvolvementKind::FrontDoor => Some(working_days_after(opened, 3)),
        InvolvementKind::Assessment => Some(working_days_after(opened, 45)),
        InvolvementKind::Section47Enquiry => Some(working_days_after(opened, 15)),
        InvolvementKind::SchoolNursing | InvolvementKind::MentalHealthSupport => {
            opened.checked_add_months(Months::new(12))
        }
        InvolvementKind::ResidentConcern => opened.checked_add_months(Months::new(6)),
        InvolvementKind::Cin
        | InvolvementKind::Cp
        | InvolvementKind::Cla
        | InvolvementKind::EarlyHelp
        | InvolvementKind::FamilySupport
        | InvolvementKind::YouthJustice => None,
    }
}

/// Longest case reference, in characters.
const LONGEST_REFERENCE: usize = 64;

/// Whether a text can be a case's reference at all: 1 to 64 visible ASCII characters, so that it fits a header.
pub fn is_case_reference(text: &str) -> bool {
    (1..=LONGEST_REFERENCE).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_visible_ascii_of_a_header() {
        let (longest, too_long) = ("x".repeat(64), "x".repeat(65));
        for (text, expected) in [
            ("CP-0001", true),
            ("!~", true),
            (longest.as_str(), true),
            (&too_long, false),
            ("", false),
            ("CP 0001", false),
            ("CP-0001\u{0}", false),
            ("CP-é", false),
        ] {
            assert_eq!(is_case_reference(text), expected, "{text:?}");
        }
    }

    #[test]
    fn each_kind_has_its_term() {
        let opened: NaiveDate = "2026-11-20".parse().unwrap();
        let expected = |kind| match kind {
            InvolvementKind::FrontDoor => Some("2026-11-25"),
            InvolvementKind::Assessment => Some("2027-01-27"),
            InvolvementKind::Section47Enquiry => Some("2026-12-11"),
            InvolvementKind::SchoolNursing | InvolvementKind::MentalHealthSupport => Some("2027-11-20"),
            InvolvementKind::ResidentConcern => Some("2027-05-20"),
            InvolvementKind::Cin
            | InvolvementKind::Cp
            | InvolvementKind::Cla
            | InvolvementKind::EarlyHelp
            | InvolvementKind::FamilySupport
            | InvolvementKind::YouthJustice => None,
        };
        for kind in InvolvementKind::ALL {
            let day = last_day(*kind, opened).map(|d| d.to_string());
            assert_eq!(day.as_deref(), expected(*kind), "{kind}");
        }
    }
}
