//! How long an involvement of each kind lasts, and what its reference may look like.

use super::purpose::InvolvementKind;
use super::working_days::BankHolidays;
use chrono::{Days, Months, NaiveDate};

/// The last day on which an involvement opened on `opened` counts, by its kind alone; none until it is closed.
///
/// Front door 3 working days, assessment 45, section 47 enquiry 15 (the dates by which each must have become something
/// else); school nursing and mental health support 12 months; a resident concern six months.
pub fn last_day(kind: InvolvementKind, opened: NaiveDate, holidays: &BankHolidays) -> Option<NaiveDate> {
    match kind {
        InvolvementKind::FrontDoor => Some(holidays.working_days_after(opened, 3)),
        InvolvementKind::Assessment => Some(holidays.working_days_after(opened, 45)),
        InvolvementKind::Section47Enquiry => Some(holidays.working_days_after(opened, 15)),
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

/// Whether the school's safeguarding lead sees that an involvement of this kind exists without its agency's releasing it.
/// An enquiry under section 47 that ended with no further action is so never seen as child protection afterwards.
pub const fn is_seen_by_school(kind: InvolvementKind) -> bool {
    match kind {
        InvolvementKind::Cin
        | InvolvementKind::Cp
        | InvolvementKind::Cla
        | InvolvementKind::EarlyHelp
        | InvolvementKind::FamilySupport
        | InvolvementKind::ResidentConcern => true,
        InvolvementKind::FrontDoor
        | InvolvementKind::Assessment
        | InvolvementKind::Section47Enquiry
        | InvolvementKind::SchoolNursing
        | InvolvementKind::MentalHealthSupport
        | InvolvementKind::YouthJustice => false,
    }
}

/// Days after the last one of a term from which an opening under the same source case is a new beginning.
pub const REST_DAYS: u64 = 28;

/// What one source case has been allowed under one kind: kept, so that sending it again with a later opening does not
/// renew it for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// When it was first opened.
    pub first_opened: NaiveDate,
    /// The latest opening that was granted.
    pub last_opened: NaiveDate,
    /// How often it was renewed.
    pub renewals: i64,
    /// The last day on which it counts.
    pub last_day: NaiveDate,
}

/// What a claim is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Its own last day.
    pub until: NaiveDate,
    /// What stands of its source case and kind from now on.
    pub term: Term,
    /// Whether it asked for more than its kind has.
    pub beyond: bool,
}

/// What a claim of a kind that has a term is granted, `standing` being what its source case has been; none for a kind
/// that counts until closed.
///
/// A later opening renews: a front door once, a section 47 enquiry where a manager renewed it, every other kind never.
/// More than that is stored as sent and gives nothing beyond the term that stands. An opening more than [`REST_DAYS`]
/// days after the term has ended begins anew, and so does one whose own term had ended as long before this one.
pub fn granted(
    kind: InvolvementKind,
    standing: Option<Term>,
    opened: NaiveDate,
    by_manager: bool,
    holidays: &BankHolidays,
) -> Option<Granted> {
    let own_last = last_day(kind, opened, holidays)?;
    let fresh = Term { first_opened: opened, last_opened: opened, renewals: 0, last_day: own_last };
    let rested = |last: NaiveDate, next: NaiveDate| {
        last.checked_add_days(Days::new(REST_DAYS)).is_some_and(|rested| next > rested)
    };
    let Some(term) = standing.filter(|term| !rested(term.last_day, opened)) else {
        return Some(Granted { until: own_last, term: fresh, beyond: false });
    };
    if rested(own_last, term.first_opened) {
        return Some(Granted { until: own_last, term, beyond: false });
    }
    if opened <= term.last_opened {
        // Opened earlier than was said: the term of one that was never renewed begins there.
        let earlier = opened < term.first_opened && term.renewals == 0;
        let term = if earlier { Term { last_opened: term.last_opened, ..fresh } } else { term };
        return Some(Granted { until: term.last_day, term, beyond: false });
    }
    let renewable = match kind {
        InvolvementKind::FrontDoor => term.renewals < 1,
        InvolvementKind::Section47Enquiry => by_manager,
        InvolvementKind::Assessment
        | InvolvementKind::SchoolNursing
        | InvolvementKind::MentalHealthSupport
        | InvolvementKind::ResidentConcern
        | InvolvementKind::Cin
        | InvolvementKind::Cp
        | InvolvementKind::Cla
        | InvolvementKind::EarlyHelp
        | InvolvementKind::FamilySupport
        | InvolvementKind::YouthJustice => false,
    };
    if !renewable {
        return Some(Granted { until: term.last_day, term, beyond: true });
    }
    let term = Term { last_opened: opened, renewals: term.renewals + 1, last_day: own_last, ..term };
    Some(Granted { until: own_last, term, beyond: false })
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
            let day = last_day(*kind, opened, &BankHolidays::default()).map(|d| d.to_string());
            assert_eq!(day.as_deref(), expected(*kind), "{kind}");
        }
    }

    /// What each of a row of openings is granted, one after the other: its last day, and `!` where it asked for more.
    fn grants(kind: InvolvementKind, openings: &[&str]) -> String {
        let mut standing = None;
        let mut told = Vec::new();
        for opening in openings {
            let (date, by_manager) =
                opening.strip_suffix(" manager").map_or((*opening, false), |d| (d, true));
            let holidays = BankHolidays::default();
            let granted = granted(kind, standing, date.parse().unwrap(), by_manager, &holidays).unwrap();
            standing = Some(granted.term);
            told.push(format!("{}{}", granted.until, if granted.beyond { "!" } else { "" }));
        }
        told.join(" ")
    }

    #[test]
    fn a_term_is_renewed_as_often_as_its_kind_may_be() {
        use InvolvementKind::{Assessment, FrontDoor, Section47Enquiry};
        for (what, kind, openings, expected) in [
            ("sent again", FrontDoor, &["2026-11-16", "2026-11-16"][..], "2026-11-19 2026-11-19"),
            ("renewed once", FrontDoor, &["2026-11-16", "2026-11-19"], "2026-11-19 2026-11-24"),
            (
                "and no more",
                FrontDoor,
                &["2026-11-16", "2026-11-19", "2026-11-24", "2026-12-01", "2026-11-19"],
                "2026-11-19 2026-11-24 2026-11-24! 2026-11-24! 2026-11-24",
            ),
            (
                "28 days after the end of a renewed one",
                FrontDoor,
                &["2026-10-01", "2026-10-02", "2026-11-04"],
                "2026-10-06 2026-10-07 2026-10-07!",
            ),
            (
                "29 days after it begins anew",
                FrontDoor,
                &["2026-10-01", "2026-10-02", "2026-11-05", "2026-11-06"],
                "2026-10-06 2026-10-07 2026-11-10 2026-11-11",
            ),
            ("opened earlier than said", FrontDoor, &["2026-11-18", "2026-11-16"], "2026-11-23 2026-11-19"),
            (
                "last year's, sent again",
                FrontDoor,
                &["2026-11-18", "2025-11-17", "2026-11-18"],
                "2026-11-23 2025-11-20 2026-11-23",
            ),
            (
                "not by a system alone",
                Section47Enquiry,
                &["2026-10-01", "2026-10-20"],
                "2026-10-22 2026-10-22!",
            ),
            (
                "by a manager",
                Section47Enquiry,
                &["2026-10-01", "2026-10-20 manager", "2026-11-09 manager", "2026-11-20"],
                "2026-10-22 2026-11-10 2026-11-30 2026-11-30!",
            ),
            ("never", Assessment, &["2026-09-01", "2026-10-01"], "2026-11-03 2026-11-03!"),
        ] {
            assert_eq!(grants(kind, openings), expected, "{what}");
        }
        assert_eq!(
            granted(
                InvolvementKind::Cp,
                None,
                "2026-11-20".parse().unwrap(),
                false,
                &BankHolidays::default()
            ),
            None
        );
    }
}
