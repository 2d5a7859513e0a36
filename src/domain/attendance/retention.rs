//! How long an entry of a register is kept: six years beginning with the day on which it was made, each entry for
//! itself (SI 2024/208 reg 7(a)). Neither the pupil's leaving nor the end of a year starts the clock.

use super::{Entered, Mark, MinutesLate, PackedYear};
use crate::domain::calendar::{SchoolYear, london};
use chrono::{Months, NaiveDate};

/// Years for which an entry is kept.
pub const KEPT_YEARS: u32 = 6;

/// The last day whose entries have been kept for their six years when `today` begins.
pub fn kept_out(today: NaiveDate) -> NaiveDate {
    // Counted back from today, so that what was entered on 29 February keeps its whole last day.
    today.checked_sub_months(Months::new(12 * KEPT_YEARS)).unwrap_or(NaiveDate::MIN)
}

/// Takes out of a packed year the marks that were entered on or before `until`, and says how many. A mark whose time is
/// not known was entered, for this purpose, on `received`.
pub fn take_out(
    year: SchoolYear,
    (marks, entered, minutes): (&mut PackedYear, &mut Entered, &mut MinutesLate),
    received: NaiveDate,
    until: NaiveDate,
) -> u64 {
    let day = |index, code| {
        let at =
            entered.get(index).map(|entered| Mark { code, entered, minutes_late: None }.recorded_at(year));
        at.map_or(received, |at| london(at).date())
    };
    let past: Vec<usize> =
        marks.iter().filter(|(index, code)| day(*index, *code) <= until).map(|(index, _)| index).collect();
    let mut taken = 0;
    for index in past {
        marks.clear(index);
        entered.set(index, 0);
        minutes.set(index, None);
        taken += 1;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attendance::Code;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn six_years_begin_with_the_day_of_the_entry() {
        for (today, last) in [
            ("2026-11-20", "2020-11-20"),
            // Entered on 29 February 2020: kept to the end of 28 February 2026.
            ("2026-02-28", "2020-02-28"),
            ("2026-03-01", "2020-03-01"),
            ("2024-02-29", "2018-02-28"),
        ] {
            assert_eq!(kept_out(day(today)), day(last), "{today}");
        }
    }

    #[test]
    fn each_entry_goes_by_its_own_day_in_london() {
        let year = SchoolYear(2020);
        let (mut marks, mut entered, mut minutes) =
            (PackedYear::EMPTY, Entered::default(), MinutesLate::default());
        // Seconds since 1 August 2020, 00:00 UTC.
        let seconds = |text: &str| {
            let at = text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
            Mark::new(year, Code::L, at, None).entered
        };
        let rows = [
            (10, "2020-09-10T08:00:00Z", false),
            (11, "2020-09-10T22:59:59Z", false), // one second before midnight in London
            (12, "2020-09-10T23:00:00Z", true),  // the 11th in London
            (13, "2021-03-01T09:00:00Z", true),  // an old session, entered late
        ];
        for (index, at, _) in rows {
            marks.set(index, Code::L);
            entered.set(index, seconds(at));
            minutes.set(index, Some(5));
        }
        marks.set(14, Code::L);
        let until = day("2020-09-10");
        let packed = (&mut marks, &mut entered, &mut minutes);
        assert_eq!(take_out(year, packed, day("2020-09-11"), until), 2);
        for (index, at, kept) in rows {
            assert_eq!(marks.get(index).is_some(), kept, "{at}");
            assert_eq!(entered.get(index).is_some(), kept, "{at}");
            assert_eq!(minutes.get(index).is_some(), kept, "{at}");
        }
        let packed = (&mut marks, &mut entered, &mut minutes);
        assert_eq!(take_out(year, packed, until, until), 1, "a time not known counts from receipt");
        assert_eq!(marks.get(14), None);
    }
}
