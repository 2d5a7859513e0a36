//! How long an involvement of each kind lasts.

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

#[cfg(test)]
mod tests {
    use super::*;

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
