//! Working days: Monday to Friday less the bank holidays of England.
//!
//! The dates are data (gov.uk bank holidays, England and Wales); past their end every weekday counts, until the
//! list is renewed.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// Bank holidays of England, year, month, day; 2024 to 2028.
const BANK_HOLIDAYS: &[(i32, u32, u32)] = &[
    (2024, 1, 1),
    (2024, 3, 29),
    (2024, 4, 1),
    (2024, 5, 6),
    (2024, 5, 27),
    (2024, 8, 26),
    (2024, 12, 25),
    (2024, 12, 26),
    (2025, 1, 1),
    (2025, 4, 18),
    (2025, 4, 21),
    (2025, 5, 5),
    (2025, 5, 26),
    (2025, 8, 25),
    (2025, 12, 25),
    (2025, 12, 26),
    (2026, 1, 1),
    (2026, 4, 3),
    (2026, 4, 6),
    (2026, 5, 4),
    (2026, 5, 25),
    (2026, 8, 31),
    (2026, 12, 25),
    (2026, 12, 28),
    (2027, 1, 1),
    (2027, 3, 26),
    (2027, 3, 29),
    (2027, 5, 3),
    (2027, 5, 31),
    (2027, 8, 30),
    (2027, 12, 27),
    (2027, 12, 28),
    (2028, 1, 3),
    (2028, 4, 14),
    (2028, 4, 17),
    (2028, 5, 1),
    (2028, 5, 29),
    (2028, 8, 28),
    (2028, 12, 25),
    (2028, 12, 26),
];

/// The last day that the list covers; past it every weekday counts as a working day.
pub fn known_until() -> NaiveDate {
    NaiveDate::from_ymd_opt(2028, 12, 31).unwrap_or(NaiveDate::MAX)
}

/// Whether a date is a bank holiday of England.
pub fn is_bank_holiday(day: NaiveDate) -> bool {
    BANK_HOLIDAYS.contains(&(day.year(), day.month(), day.day()))
}

/// Whether a date is a working day.
pub fn is_working_day(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && !is_bank_holiday(day)
}

/// The `count`th working day after a day, which itself does not count.
pub fn working_days_after(day: NaiveDate, count: u32) -> NaiveDate {
    let mut at = day;
    for _ in 0..count {
        at = next(at);
        while !is_working_day(at) {
            at = next(at);
        }
    }
    at
}

fn next(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn weekends_and_bank_holidays_are_skipped() {
        for (from, count, to) in [
            ("2026-11-20", 1, "2026-11-23"), // Friday to Monday
            ("2026-11-20", 3, "2026-11-25"),
            ("2026-12-24", 1, "2026-12-29"), // Christmas Day, the weekend, and Monday in lieu of Boxing Day
            ("2027-03-25", 1, "2027-03-30"), // Good Friday and Easter Monday
            ("2026-11-21", 0, "2026-11-21"),
        ] {
            assert_eq!(working_days_after(day(from), count), day(to), "{count} after {from}");
        }
    }
}
