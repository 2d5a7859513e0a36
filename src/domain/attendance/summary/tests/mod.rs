//! Worked cases, each with the paragraph it comes from, and properties that hold for every register.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method path is not general over the register's lifetime"
)]

mod cases;
mod notation;

use super::*;
use crate::domain::attendance::{Class, Code, Entered, Mark, MinutesLate, PackedYear};
use crate::domain::calendar::{CalendarRow, Half, SchoolCalendar, SchoolYear, Session};
use chrono::{Datelike, NaiveDate, Weekday};
use proptest::prelude::*;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn session(text: &str) -> Session {
    let (day, half) = text.split_once(' ').unwrap();
    Session::new(date(day), Half::parse(half).unwrap())
}

/// Monday to Friday between the given dates; INSET and single sessions by name.
fn calendar(year: i32, terms: &[(&str, &str)], other: &[(&str, &str, &str)]) -> SchoolCalendar {
    let mut rows = Vec::new();
    for (number, (from, to)) in terms.iter().enumerate() {
        for day in date(from).iter_days().take_while(|d| *d <= date(to)) {
            let special = other.iter().find(|o| date(o.0) == day);
            let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
            let (am, pm) = special.map_or(("open", "open"), |o| (o.1, o.2));
            if !weekend {
                rows.push(CalendarRow { date: day, am, pm, term: ["one", "two", "three"][number], note: "" });
            }
        }
    }
    SchoolCalendar::from_rows(SchoolYear(year), rows).unwrap()
}

/// One child, present at every session of a school that broke up on 17 July and again from 23 to 31 October 2026, with an
/// INSET day on 2 November and a morning-only day on 18 September.
#[derive(Debug)]
struct Child {
    calendars: [SchoolCalendar; 2],
    marks: [PackedYear; 2],
    entered: [Entered; 2],
    minutes: [MinutesLate; 2],
    enrolment: Enrolment,
    window: Window,
}

impl Child {
    fn new() -> Self {
        let before = calendar(2025, &[("2026-06-01", "2026-07-17")], &[]);
        let special = [("2026-11-02", "inset", "inset"), ("2026-09-18", "open", "")];
        let now = calendar(2026, &[("2026-09-01", "2026-10-23"), ("2026-11-02", "2026-12-18")], &special);
        let enrolment = Enrolment {
            starting_day: date("2026-06-01"),
            last_day: None,
            boarder: false,
            part_time: false,
            dual_registered: false,
        };
        let last_due = session("2026-11-20 pm");
        let window = Window { from: date("2026-09-01"), to: date("2026-11-20"), last_due, live_to: last_due };
        let mut child = Self {
            calendars: [before, now],
            marks: [PackedYear::EMPTY, PackedYear::EMPTY],
            entered: [Entered::default(), Entered::default()],
            minutes: [MinutesLate::default(), MinutesLate::default()],
            enrolment,
            window,
        };
        child.put("2026-06-01..2026-12-18", "/");
        child
    }

    /// Puts a code on every open session of `from..to`, a date, or `date am`.
    fn put(&mut self, span: &str, code: &str) -> &mut Self {
        let half = span.split_once(' ').map(|(_, half)| Half::parse(half).unwrap());
        let days = span.split(' ').next().unwrap();
        let (from, to) = days.split_once("..").unwrap_or((days, days));
        for (calendar, marks) in self.calendars.iter().zip(&mut self.marks) {
            for session in calendar.sessions().filter(|s| s.date >= date(from) && s.date <= date(to)) {
                if half.is_none_or(|half| half == session.half) {
                    let place = calendar.year().session_index(session).unwrap();
                    assert!(marks.set(place, Code::parse(code, session.date).unwrap()));
                }
            }
        }
        self
    }

    fn figures(&self) -> Figures {
        self.ask(|register| register.figures())
    }

    fn ask<T>(&self, question: impl FnOnce(&Register<'_>) -> T) -> T {
        let years = [0, 1].map(|i| YearOfMarks {
            calendar: &self.calendars[i],
            marks: &self.marks[i],
            entered: Some(&self.entered[i]),
            minutes_late: Some(&self.minutes[i]),
        });
        question(&Register { enrolment: self.enrolment, years: &years, window: self.window })
    }
}

#[test]
fn flags_follow_the_exact_rate() {
    // Department for Education: persistent is decided on the exact rate; 25 of 251 is 9.96%, shown as 10.0%, and is not persistent.
    let counts = |attended, unauthorised| Counts { attended, unauthorised, ..Counts::default() };
    let rows =
        [(226, 25, Some(100), false, false), (9, 1, Some(100), true, false), (1, 1, Some(500), true, true)];
    let on = "2026-11-20".parse().unwrap();
    for (attended, missed, rate, persistent, severe) in rows {
        let c = counts(attended, missed);
        assert_eq!(
            (c.absence_rate(), c.persistent_absence(on), c.severe_absence(on)),
            (rate, persistent, severe)
        );
    }
    assert_eq!(counts(94, 13).attendance_rate(), Some(879));
    assert_eq!(counts(1999, 1).absence_rate(), Some(1), "0.05% rounds half up to 0.1%");
}

#[test]
fn punctuality_sums_minutes_where_they_were_sent() {
    let mut child = Child::new();
    child.put("2026-09-07 am", "L").put("2026-09-14 am", "U").put("2026-09-15 am", "L");
    let place = |at| SchoolYear(2026).session_index(session(at)).unwrap();
    child.minutes[1].set(place("2026-09-07 am"), Some(12));
    child.minutes[1].set(place("2026-09-14 am"), Some(40));
    let found = child.figures().punctuality;
    assert_eq!((found.late.before_close, found.late.after_close, found.minutes_late), (2, 1, Some(52)));
    assert_eq!(found.by_weekday[0], Late { before_close: 1, after_close: 1 });
    assert_eq!(Child::new().figures().punctuality.minutes_late, None, "none sent is not none late");
}

#[test]
fn last_seen_says_when_the_mark_was_entered() {
    let mut child = Child::new();
    let (year, at) = (SchoolYear(2026), "2026-11-20T13:20:00Z".parse().unwrap());
    let place = year.session_index(session("2026-11-20 pm")).unwrap();
    child.entered[1].set(place, Mark::new(year, Code::PresentPm, at, None).entered);
    assert_eq!(child.figures().last_seen.last_marked_present.unwrap().entered_at, Some(at));
}

#[test]
fn combining_nothing_is_nothing() {
    assert_eq!(combine(&[]), Figures::default());
    let alone = Child::new().figures();
    let mut combined = combine(std::slice::from_ref(&alone));
    assert!(combined.sessions.is_empty() && combined.completeness.last_complete_session.is_none());
    combined.sessions.clone_from(&alone.sessions);
    combined.completeness = alone.completeness;
    assert_eq!(combined, alone, "one enrolment is its own sum");
}

/// Any register whatever: two years of any bytes, any days on roll, any window.
fn any_child() -> impl Strategy<Value = Child> {
    // Most days of real registers are present; each of the others has two codes of any kind, or none.
    let day = prop_oneof![3 => Just([1_u8, 2]), 2 => [0_u8..=43, 0_u8..=43], 1 => (0_u8..=43).prop_map(|one| [one; 2])];
    let bytes = prop::collection::vec(day, 732);
    let days = (0_u64..180, 0_u64..180, 0_u64..180, 0_u64..120, prop::option::of(0_u64..180));
    (bytes, days, any::<[bool; 2]>()).prop_map(|(bytes, (from, length, due, start, end), [pm, live])| {
        let mut child = Child::new();
        let day = |n| date("2026-06-01") + chrono::Days::new(n);
        for (marks, bytes) in child.marks.iter_mut().zip(bytes.chunks(366)) {
            *marks = PackedYear::from_bytes(bytes.as_flattened()).unwrap();
        }
        child.enrolment.starting_day = day(start);
        child.enrolment.last_day = end.map(day);
        let last_due = Session::new(day(due), if pm { Half::Pm } else { Half::Am });
        let live_to = if live { Session::new(day(due + 1), Half::Pm) } else { last_due };
        child.window = Window { from: day(from), to: day(from + length), last_due, live_to };
        child
    })
}

/// The sums without their short cut for days present.
struct OneByOne(Sums);

impl Walker for OneByOne {
    fn session(&mut self, year: &YearOfMarks<'_>, session: &Counted) {
        self.0.session(year, session);
    }
}

fn any_reading() -> impl Strategy<Value = Reading> {
    (any::<bool>(), any::<bool>()).prop_map(|(days, half)| Reading {
        sickness_total: if days { SicknessTotal::DaysWithAny } else { SicknessTotal::HalfDays },
        part_cancelled_day: if half { PartCancelledDay::HalfDay } else { PartCancelledDay::WholeDay },
    })
}

proptest! {
    #[test]
    fn sums_agree(child in any_child()) {
        let (f, counts) = child.ask(|r| (r.figures(), r.counts()));
        prop_assert_eq!(f.counts, counts);
        prop_assert_eq!(child.ask(|r| r.headline()), (f.counts, f.completeness));
        prop_assert_eq!(counts.possible(), counts.attended + counts.authorised + counts.unauthorised);
        prop_assert_eq!(counts.missed(), counts.authorised + counts.unauthorised);
        let mut weeks = Counts::default();
        f.trend.iter().for_each(|w| weeks += w.counts);
        prop_assert_eq!(weeks, counts);
        let slots = f.pattern.weekdays.as_flattened();
        prop_assert_eq!(slots.iter().map(|s| s.possible).sum::<u32>(), counts.possible());
        prop_assert_eq!(slots.iter().map(|s| s.missed).sum::<u32>(), counts.missed());
        prop_assert!(slots.iter().all(|s| s.missed <= s.possible && s.possible <= s.held));
        let mut late = Late::default();
        f.punctuality.by_weekday.iter().for_each(|day| late += *day);
        prop_assert_eq!(late, f.punctuality.late);
        prop_assert_eq!(f.pattern.spells.iter().map(|s| s.sessions).sum::<u32>(), counts.missed());
        prop_assert_eq!(f.health.spells.iter().map(|s| s.sessions).sum::<u32>(), f.health.illness);
        let by_code = |keep: fn(Class) -> bool| f.codes.iter().filter(|(c, _)| keep(c.class())).map(|(_, n)| n).sum::<u32>();
        prop_assert_eq!(by_code(Class::possible), counts.possible());
        prop_assert_eq!(by_code(Class::attended), counts.attended);
        let shown = |what: &[Shown]| f.sessions.iter().flat_map(|d| d.shown).filter(|s| s.is_some_and(|s| what.contains(&s))).count();
        prop_assert_eq!(shown(&[Shown::Present, Shown::Late]), counts.attended as usize);
        prop_assert_eq!(shown(&[Shown::Authorised]), counts.authorised as usize);
        prop_assert_eq!(shown(&[Shown::Unauthorised]), counts.unauthorised as usize);
        prop_assert_eq!(shown(&[Shown::NoMark]), counts.without_mark as usize);
    }

    #[test]
    fn a_present_day_told_faster_is_told_the_same(child in any_child(), reading in any_reading()) {
        let slow = child.ask(|r| {
            let mut walker = OneByOne(Sums::new(r, reading));
            r.walk(reading, &mut walker);
            walker.0.finish(r)
        });
        prop_assert_eq!(child.ask(|r| r.figures_by(reading)), slow);
    }

    #[test]
    fn every_count_is_made_of_its_sessions(child in any_child(), reading in any_reading()) {
        let figures = child.ask(|r| r.figures_by(reading));
        let derived = child.ask(|r| r.derivation(reading, &figures));
        for count in COUNTS {
            prop_assert_eq!(derived.count(count.made), (count.figure)(&figures) as usize, "{}", count.name);
        }
        // By class and by code the same sessions, each once.
        let by_class: usize = Shown::ALL.iter().map(|class| derived.of_class(*class).count()).sum();
        prop_assert_eq!(by_class, derived.sessions.len());
        for (code, count) in figures.codes.iter() {
            prop_assert_eq!(derived.of_code(code).count(), count as usize);
        }
        prop_assert!(derived.sessions.is_sorted_by(|a, b| a.0 < b.0));
        for list in [&derived.stale, &derived.worst_window, &derived.unexplained] {
            prop_assert!(list.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn enrolments_add_up_in_any_order(children in prop::collection::vec(any_child(), 1..4)) {
        let due = children[0].window;
        let children: Vec<Child> = children.into_iter().map(|mut child| { child.window = due; child }).collect();
        let each: Vec<Figures> = children.iter().map(|child| child.figures()).collect();
        let total = combine(&each);
        let (over, made_by) = Enforcement::over_which(each.iter().map(|f| &f.enforcement));
        prop_assert_eq!(over.worst_window, total.enforcement.worst_window);
        if let Some(window) = over.worst_window {
            let of = |child: &Child| child.ask(|r| r.unauthorised_in(Reading::default(), window)).len();
            prop_assert_eq!(children[made_by].iter().map(of).sum::<usize>(), window.unauthorised as usize);
        }
        let sum = |of: &dyn Fn(&Figures) -> u32| each.iter().map(of).sum::<u32>();
        for count in COUNTS.iter().filter(|count| !count.name.contains("worst_window") && !count.name.contains("run")) {
            prop_assert_eq!((count.figure)(&total), sum(&|f| (count.figure)(f)), "{}", count.name);
        }
        prop_assert_eq!(total.trend.iter().map(|w| w.counts.possible()).sum::<u32>(), total.counts.possible());
        prop_assert!(total.trend.is_sorted_by(|a, b| a.monday < b.monday));
        let worst = |f: &Figures| f.enforcement.worst_window.map_or(0, |w| w.unauthorised);
        prop_assert!(each.iter().all(|f| worst(f) <= worst(&total)), "one register's threshold stays met");
        let seen = |f: &Figures| f.last_seen.last_marked_present.map(|s| s.session);
        prop_assert_eq!(seen(&total), each.iter().filter_map(seen).max());
        let mut turned = each.clone();
        turned.reverse();
        let other = combine(&turned);
        prop_assert_eq!(other.counts, total.counts);
        prop_assert_eq!(&other.trend, &total.trend);
        prop_assert_eq!(other.enforcement.worst_window, total.enforcement.worst_window);
        prop_assert_eq!((other.health.sickness_flag, other.last_seen.unexplained_run), (total.health.sickness_flag, total.last_seen.unexplained_run));
    }
}
