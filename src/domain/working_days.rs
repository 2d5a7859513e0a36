//! Working days: Monday to Friday less the bank holidays of England.
//!
//! The dates are data (gov.uk bank holidays, England and Wales), built in for the years below; a deployment's
//! configuration adds years, and replaces them where a day is moved or proclaimed.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use std::collections::{BTreeMap, BTreeSet};

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

/// Fewest bank holidays that a year in England has: a list with fewer has been cut short.
pub const FEWEST_IN_A_YEAR: usize = 8;

/// The bank holidays of England, whole years at a time.
///
/// In a year that is not known every weekday counts as a working day. That is the safe side of every clock that runs on
/// them: the term of a case ends sooner, so that nobody sees a child for longer than allowed, and what is due is due
/// sooner, so that nobody is told too late. It is never more than the year's eight days too soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankHolidays(BTreeMap<i32, BTreeSet<NaiveDate>>);

impl Default for BankHolidays {
    /// Those that the gateway was built with.
    fn default() -> Self {
        let built_in = BANK_HOLIDAYS
            .iter()
            .filter_map(|(year, month, day)| NaiveDate::from_ymd_opt(*year, *month, *day));
        Self(BTreeMap::new()).with(built_in)
    }
}

impl BankHolidays {
    /// The same with other days: each year that has any of them has these and no others.
    #[must_use]
    pub fn with(mut self, days: impl IntoIterator<Item = NaiveDate>) -> Self {
        let mut years: BTreeMap<i32, BTreeSet<NaiveDate>> = BTreeMap::new();
        for day in days {
            years.entry(day.year()).or_default().insert(day);
        }
        self.0.extend(years);
        self
    }

    /// The last day up to which, from `today` on, every year is known; the day before this year where it is not.
    pub fn known_until(&self, today: NaiveDate) -> NaiveDate {
        let first_unknown = (today.year()..=2200).find(|year| !self.0.contains_key(year));
        let first_day = first_unknown.and_then(|year| NaiveDate::from_ymd_opt(year, 1, 1));
        first_day.and_then(|day| day.pred_opt()).unwrap_or(NaiveDate::MAX)
    }

    /// Whether a date is a working day.
    pub fn is_working_day(&self, day: NaiveDate) -> bool {
        let holiday = self.0.get(&day.year()).is_some_and(|days| days.contains(&day));
        !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && !holiday
    }

    /// The `count`th working day after a day, which itself does not count.
    pub fn working_days_after(&self, day: NaiveDate, count: u32) -> NaiveDate {
        let mut at = day;
        for _ in 0..count {
            at = next(at);
            while !self.is_working_day(at) {
                at = next(at);
            }
        }
        at
    }
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
            let after = BankHolidays::default().working_days_after(day(from), count);
            assert_eq!(after, day(to), "{count} after {from}");
        }
    }

    #[test]
    fn each_built_in_year_is_whole() {
        let built_in = BankHolidays::default();
        assert_eq!(built_in.0.keys().copied().collect::<Vec<_>>(), [2024, 2025, 2026, 2027, 2028]);
        for (year, days) in &built_in.0 {
            assert_eq!(days.len(), FEWEST_IN_A_YEAR, "{year}");
            let weekend = |day: &&NaiveDate| matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
            assert_eq!(days.iter().find(weekend), None, "a substitute day is a weekday");
        }
        assert_eq!(built_in.0.values().map(BTreeSet::len).sum::<usize>(), BANK_HOLIDAYS.len());
    }

    #[test]
    fn given_years_are_added_and_replaced_whole() {
        let given = ["2027-01-01", "2027-05-10", "2029-01-01", "2029-12-25"].map(day);
        let holidays = BankHolidays::default().with(given);
        for (date, working) in [
            ("2027-05-10", false), // proclaimed
            ("2027-05-03", true),  // of the list that was replaced
            ("2029-12-25", false),
            ("2028-12-25", false), // as built in
        ] {
            assert_eq!(holidays.is_working_day(day(date)), working, "{date}");
        }
        assert_eq!(holidays.known_until(day("2026-11-20")), day("2029-12-31"));
        let gap = BankHolidays::default().with([day("2031-01-01")]);
        assert_eq!(
            gap.known_until(day("2026-11-20")),
            day("2028-12-31"),
            "up to the first year that is not there"
        );
        assert_eq!(gap.known_until(day("2030-06-01")), day("2029-12-31"), "it is over");
    }

    /// Not knowing a holiday never makes a clock end later.
    #[test]
    fn in_a_year_that_is_not_known_clocks_end_sooner() {
        let known = BankHolidays::default();
        let unknown = BankHolidays(BTreeMap::new());
        for from in day("2027-01-01").iter_days().take(365) {
            for count in [1, 3, 15, 45] {
                let (early, late) =
                    (unknown.working_days_after(from, count), known.working_days_after(from, count));
                assert!(early <= late, "{count} after {from}");
            }
        }
        assert_eq!(unknown.working_days_after(day("2026-12-24"), 1), day("2026-12-25"));
    }
}
