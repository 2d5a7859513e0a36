//! Calendars: what is refused, what is stored, and the counts that the regulations ask for.

use super::*;
use chrono::{Datelike, Weekday};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn row<'a>(at: &str, am: &'a str, pm: &'a str) -> CalendarRow<'a> {
    CalendarRow { date: date(at), am, pm, term: "", note: "" }
}

/// 1 September to 23 October and 2 November to 18 December 2026, Monday to Friday; INSET on 2 November; a closed day.
fn autumn() -> SchoolCalendar {
    let half_term = |d: NaiveDate| d > date("2026-10-23") && d < date("2026-11-02");
    let days = date("2026-09-01").iter_days().take_while(|d| *d <= date("2026-12-18"));
    let days = days.filter(|d| !matches!(d.weekday(), Weekday::Sat | Weekday::Sun) && !half_term(*d));
    let rows = days.map(|date| {
        let (slot, note) = match (date.month(), date.day()) {
            (11, 2) => ("inset", "staff training"),
            (11, 12) => ("closed", "boiler"),
            _ => ("open", ""),
        };
        let term = if date.month() < 11 { "Autumn 1" } else { "Autumn 2" };
        CalendarRow { date, am: slot, pm: slot, term, note }
    });
    SchoolCalendar::from_rows(SchoolYear(2026), rows).unwrap()
}

#[test]
fn refuses_precisely() {
    let open = row("2026-09-01", "open", "open");
    let rows: [(&[CalendarRow<'_>], &str); 5] = [
        (&[open, open], "2026-09-01 is listed twice"),
        (&[row("2027-08-01", "open", "")], "2027-08-01 is not between 2026-08-01 and 2027-07-31"),
        (&[open, row("2026-09-02", "open", "Open")], "`Open` on 2026-09-02 (pm) is not known"),
        (&[row("2026-09-01", "inset", "holiday")], "no session of the year is open"),
        (&[], "no session of the year is open"),
    ];
    for (rows, expected) in rows {
        let error =
            SchoolCalendar::from_rows(SchoolYear(2026), rows.iter().copied()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let long = "x".repeat(201);
    let long = CalendarRow { note: &long, ..open };
    let refused = SchoolCalendar::from_rows(SchoolYear(2026), [long]);
    assert_eq!(refused.unwrap_err(), CalendarError::TextTooLong(open.date, 200));
}

#[test]
fn stored_bytes_are_read_back_and_damage_is_refused() {
    let calendar = autumn();
    let bytes = calendar.encode();
    assert_eq!(SchoolCalendar::decode(&bytes).unwrap(), calendar);
    assert_eq!(SchoolCalendar::decode(&[]), Err(StoredCalendarError::Damaged));
    for end in 1..bytes.len() {
        assert_eq!(SchoolCalendar::decode(&bytes[..end]), Err(StoredCalendarError::Damaged));
    }
    assert_eq!(SchoolCalendar::decode(&[&bytes[..], &[0]].concat()), Err(StoredCalendarError::Damaged));
    assert_eq!(SchoolCalendar::decode(&[2; 800]), Err(StoredCalendarError::Version(2)));
}

#[test]
fn knows_its_sessions_and_terms() {
    let c = autumn();
    assert_eq!(c.first_session(), Some(Session::new(date("2026-09-01"), Half::Am)));
    assert_eq!(c.last_session(), Some(Session::new(date("2026-12-18"), Half::Pm)));
    assert_eq!(c.slot(Session::new(date("2026-11-02"), Half::Am)), DaySlot::Inset);
    assert_eq!(c.slot(Session::new(date("2026-10-28"), Half::Am)), DaySlot::None);
    assert_eq!((c.term(date("2026-11-03")), c.note(date("2026-11-12"))), (Some("Autumn 2"), Some("boiler")));
    assert!(!c.school_day(date("2026-11-12")) && c.school_day(date("2026-11-13")));
    let terms: Vec<_> =
        c.half_terms().iter().map(|t| (t.label, t.from.to_string(), t.to.to_string())).collect();
    let expected = [("Autumn 1", "2026-09-01", "2026-10-23"), ("Autumn 2", "2026-11-03", "2026-12-18")];
    assert_eq!(terms, expected.map(|(l, f, t)| (l, f.to_owned(), t.to_owned())));
    // Sept 1 to Oct 23 is eight weeks; November 2 to December 18 seven: SI 2007/1867 reg 9A, the week of half term drops out.
    assert_eq!(c.school_weeks().count(), 15);
    assert!(!c.school_weeks().any(|monday| monday == date("2026-10-26")));
}

#[test]
fn the_last_session_until_a_day_is_the_last_of_all_up_to_it() {
    let calendar = autumn();
    for day in date("2026-07-25").iter_days().take_while(|day| *day <= date("2027-08-05")) {
        let expected = calendar.sessions().rfind(|session| session.date <= day);
        assert_eq!(calendar.last_session_until(day), expected, "{day}");
    }
}

#[test]
fn windows_are_whole_weeks() {
    assert_eq!(
        widen_to_weeks(date("2026-09-03"), date("2026-09-14")),
        (date("2026-08-31"), date("2026-09-20"))
    );
}

/// First and last weeks.
type Weeks = Vec<(u64, u64)>;

/// A year's weekdays from 7 September, `label` naming each by its week and day.
fn labelled(weeks: u64, label: &dyn Fn(u64, u64) -> &'static str) -> SchoolCalendar {
    let rows = (0..weeks).flat_map(|week| (0..5).map(move |day| (week, day))).map(|(week, day)| {
        let date = date("2026-09-07") + chrono::Days::new(7 * week + day);
        CalendarRow { date, am: "open", pm: "open", term: label(week, day), note: "" }
    });
    SchoolCalendar::from_rows(SchoolYear(2026), rows).unwrap()
}

#[test]
fn no_label_makes_a_half_term_of_a_few_weeks() {
    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
    let name = |n: u64| NAMES[usize::try_from(n % 5).unwrap()];
    let told = |weeks, label: &dyn Fn(u64, u64) -> &'static str| -> Weeks {
        let c = labelled(weeks, label);
        let week = |day: NaiveDate| u64::try_from((day - date("2026-09-07")).num_days()).unwrap() / 7;
        c.half_terms().iter().map(|t| (week(t.from), week(t.to))).collect()
    };
    let cases: &[(&str, Weeks, Weeks)] = &[
        ("as it should be", told(12, &|week, _| if week < 7 { "a" } else { "b" }), vec![(0, 6), (7, 11)]),
        ("a label a week", told(14, &|week, _| name(week)), vec![(0, 3), (4, 7), (8, 13)]),
        ("a label a weekday", told(12, &|_, day| name(day)), vec![(0, 11)]),
        (
            "changed in the middle of a week",
            told(12, &|week, day| if 5 * week + day < 32 { "a" } else { "b" }),
            vec![(0, 6), (7, 11)],
        ),
        (
            "one week of its own",
            told(12, &|week, _| if week == 6 { "b" } else { "a" }),
            vec![(0, 5), (6, 11)],
        ),
        ("a short end", told(10, &|week, _| if week < 8 { "a" } else { "b" }), vec![(0, 9)]),
        ("a short beginning", told(10, &|week, _| if week < 2 { "a" } else { "b" }), vec![(0, 9)]),
        ("a week without a label", told(12, &|week, _| if week == 3 { "" } else { "a" }), vec![(0, 11)]),
        ("a day without one", told(8, &|_, day| if day == 0 { "" } else { "a" }), vec![(0, 7)]),
        ("hardly a year", told(3, &|_, _| "a"), vec![]),
        ("no labels", told(12, &|_, _| ""), vec![]),
    ];
    for (what, told, expected) in cases {
        assert_eq!(told, expected, "{what}");
    }
}

#[test]
fn school_days_pass_over_everything_else() {
    let c = autumn();
    let calendars = [&c];
    let count = Calendars(&calendars);
    // From the Friday before half term: INSET on 2 November is no school day.
    assert_eq!(count.school_days_after(date("2026-10-23"), 1), Some(date("2026-11-03")));
    assert_eq!(count.school_days_after(date("2026-10-23"), 5), Some(date("2026-11-09")));
    assert_eq!(count.school_days_before(date("2026-11-03"), 1), Some(date("2026-10-23")));
    assert_eq!(count.school_days_between(date("2026-10-23"), date("2026-11-13")), 8);
    assert_eq!(count.school_days_after(date("2026-12-18"), 1), None);
    assert!(!count.day_is_over(date("2026-11-20"), Session::new(date("2026-11-20"), Half::Am)));
    assert!(count.day_is_over(date("2026-11-20"), Session::new(date("2026-11-20"), Half::Pm)));
}

#[test]
fn a_week_is_published_on_monday_at_six_in_london() {
    let rows = [
        ("2026-11-23T05:59:59Z", "2026-11-15"),
        ("2026-11-23T06:00:00Z", "2026-11-22"),
        ("2026-11-29T23:59:59Z", "2026-11-22"),
        // British Summer Time: 06:00 in London is 05:00 UTC.
        ("2026-06-08T04:59:59Z", "2026-05-31"),
        ("2026-06-08T05:00:00Z", "2026-06-07"),
        // The Sunday on which clocks go back, and the Monday after it.
        ("2026-10-25T23:30:00Z", "2026-10-18"),
        ("2026-10-26T05:59:59Z", "2026-10-18"),
        ("2026-10-26T06:00:00Z", "2026-10-25"),
    ];
    for (now, sunday) in rows {
        let now = now.parse().unwrap();
        let last = last_complete_week(london(now));
        assert_eq!(last, date(sunday), "{now}");
        assert!(published_at(last) <= now && published_at(last + chrono::Days::new(7)) > now, "{now}");
    }
    assert_eq!(published_at(date("2026-06-07")).to_rfc3339(), "2026-06-08T05:00:00+00:00");
}
