//! When a week's figures become public to roles that do not see single sessions: Monday, 06:00, in London.
//!
//! Until then the whole week stays out, late marks and amendments included, so that asking every hour shows no more than
//! asking every week.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::Europe::London;

/// The hour of Monday at which the week before is published, in Europe/London.
pub const PUBLICATION_HOUR: u32 = 6;

/// The wall clock in London.
pub fn london(now: DateTime<Utc>) -> NaiveDateTime {
    now.with_timezone(&London).naive_local()
}

/// When a day in London has ended: the first moment of the next. Clocks change at 01:00 UTC, so that midnight is once.
pub fn end_of(day: NaiveDate) -> DateTime<Utc> {
    let local = day.checked_add_days(Days::new(1)).unwrap_or(day).and_time(NaiveTime::MIN);
    London.from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |t| t.with_timezone(&Utc))
}

/// The Sunday that ends the last published week, at a wall-clock time in London.
pub fn last_complete_week(london_now: NaiveDateTime) -> NaiveDate {
    let this_monday = super::monday_of(london_now.date());
    let published = london_now.date() > this_monday || london_now.hour() >= PUBLICATION_HOUR;
    let days = if published { 1 } else { 8 };
    this_monday.checked_sub_days(Days::new(days)).unwrap_or(this_monday)
}

/// The instant at which the week ending on that Sunday is published. 06:00 happens once on every day in London: clocks
/// change at 01:00 UTC.
pub fn published_at(sunday: NaiveDate) -> DateTime<Utc> {
    let monday = super::monday_of(sunday).checked_add_days(Days::new(7)).unwrap_or(sunday);
    let time = NaiveTime::from_hms_opt(PUBLICATION_HOUR, 0, 0).unwrap_or(NaiveTime::MIN);
    let local = monday.and_time(time);
    London.from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |t| t.with_timezone(&Utc))
}
