//! Worked cases, each with the paragraph it comes from, and properties that hold for every register.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method path is not general over the register's lifetime"
)]

use super::*;
use crate::domain::attendance::{Code, Entered, Mark, MinutesLate, PackedYear};
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
        let window = Window { from: date("2026-09-01"), to: date("2026-11-20"), last_due };
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

    fn unmark(&mut self, at: &str) {
        let place = SchoolYear(2026).session_index(session(at)).unwrap();
        let mut bytes = self.marks[1].as_bytes().to_vec();
        bytes[place] = 0;
        self.marks[1] = PackedYear::from_bytes(&bytes).unwrap();
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

fn headline(f: &Figures) -> String {
    let c = f.counts;
    format!(
        "{}/{} auth {} unauth {} none {}",
        c.attended,
        c.possible(),
        c.authorised,
        c.unauthorised,
        c.without_mark
    )
}

fn worst(f: &Figures) -> String {
    f.enforcement
        .worst_window
        .map_or("none".into(), |w| format!("{}..{} {} {}", w.from, w.to, w.unauthorised, w.threshold_met()))
}

fn stale(f: &Figures) -> String {
    f.completeness.no_reason_yet_over_five_days.to_string()
}

fn ten(f: &Figures) -> String {
    f.enforcement.ten_day_absence.to_string()
}

fn sick(f: &Figures) -> String {
    format!("{} {}", f.health.illness, f.health.sickness_flag)
}

fn run(f: &Figures) -> String {
    f.last_seen.unexplained_run.to_string()
}

fn seen(f: &Figures) -> String {
    f.last_seen
        .last_marked_present
        .map_or("never".into(), |m| format!("{} {}", m.session.date, m.session.half))
}

fn flags(f: &Figures) -> String {
    format!("{:?} {} {}", f.counts.absence_rate(), f.counts.persistent_absence(), f.counts.severe_absence())
}

fn spells(f: &Figures) -> String {
    let one =
        |s: &Spell| format!("{} {}..{} {} {}", s.from.date, s.from.half, s.to.date, s.to.half, s.sessions);
    f.pattern.spells.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn placement(f: &Figures) -> String {
    let p = &f.placement;
    let elsewhere: Vec<_> = p.elsewhere.iter().map(|(code, n)| format!("{}{n}", code.as_str())).collect();
    format!("dual {} part-time {} {}", p.dual_registration, p.part_time, elsewhere.join(" "))
}

type Case = (&'static str, fn(&mut Child), fn(&Figures) -> String, &'static str);

/// 105 possible sessions: 39 days to 23 October less one afternoon, 14 days from 3 November.
const CASES: &[Case] = &[
    ("reg 10: present throughout", |_| {}, headline, "105/105 auth 0 unauth 0 none 0"),
    (
        "Table 1: L is attendance",
        |c| {
            c.put("2026-09-07", "L");
        },
        headline,
        "105/105 auth 0 unauth 0 none 0",
    ),
    (
        "Table 2: K, V, P, W, B attend",
        |c| {
            c.put("2026-09-07 am", "K")
                .put("2026-09-07 pm", "V")
                .put("2026-09-08 am", "P")
                .put("2026-09-08 pm", "W")
                .put("2026-09-09", "B");
        },
        headline,
        "105/105 auth 0 unauth 0 none 0",
    ),
    (
        "Table 2: where else",
        |c| {
            c.put("2026-09-07 am", "K").put("2026-09-09", "B");
        },
        placement,
        "dual false part-time false K1 B2",
    ),
    (
        "Table 3: I authorised",
        |c| {
            c.put("2026-09-07", "I");
        },
        headline,
        "103/105 auth 2 unauth 0 none 0",
    ),
    (
        "Table 3: J1 is authorised absence",
        |c| {
            c.put("2026-09-07 am", "J1");
        },
        headline,
        "104/105 auth 1 unauth 0 none 0",
    ),
    (
        "Table 3: E authorised",
        |c| {
            c.put("2026-09-07", "E");
        },
        |f| format!("{} {}", f.suspension, headline(f)),
        "2 103/105 auth 2 unauth 0 none 0",
    ),
    (
        "Table 3: G, N, O unauthorised",
        |c| {
            c.put("2026-09-07", "G").put("2026-09-08", "N").put("2026-09-09", "O");
        },
        headline,
        "99/105 auth 0 unauth 6 none 0",
    ),
    (
        "reg 10(8)(b): U misses the whole session",
        |c| {
            c.put("2026-09-07 am", "U");
        },
        headline,
        "104/105 auth 0 unauth 1 none 0",
    ),
    (
        "Table 3: D is not possible here",
        |c| {
            c.put("2026-09-07..2026-09-08", "D");
        },
        headline,
        "101/101 auth 0 unauth 0 none 0",
    ),
    (
        "Table 3: D shows dual registration",
        |c| {
            c.put("2026-09-07..2026-09-08", "D");
        },
        |f| format!("{} {}", placement(f), f.last_seen.dual.len()),
        "dual true part-time false  4",
    ),
    (
        "status main, no D yet",
        |c| c.enrolment.dual_registered = true,
        placement,
        "dual true part-time false ",
    ),
    (
        "Table 3: C2 is authorised, part-time",
        |c| {
            c.put("2026-09-07 pm", "C2");
        },
        |f| format!("{} {}", headline(f), placement(f)),
        "104/105 auth 1 unauth 0 none 0 dual false part-time true ",
    ),
    (
        "Table 3: X is not possible",
        |c| {
            c.put("2026-09-07 pm", "X");
        },
        headline,
        "104/104 auth 0 unauth 0 none 0",
    ),
    (
        "reg 10(10): Y4 closure is not possible",
        |c| {
            c.put("2026-09-07", "Y4");
        },
        headline,
        "103/103 auth 0 unauth 0 none 0",
    ),
    (
        "Y5 shows no code",
        |c| {
            c.put("2026-09-01", "Y5");
        },
        |f| f.sessions[0].shown.map(|s| s.unwrap().as_str()).concat(),
        "··",
    ),
    (
        "R, T and E show as A",
        |c| {
            c.put("2026-09-01 am", "R").put("2026-09-01 pm", "T");
        },
        |f| f.sessions[0].shown.map(|s| s.unwrap().as_str()).concat(),
        "AA",
    ),
    (
        "a day of one session",
        |_| {},
        |f| {
            f.sessions
                .iter()
                .find(|d| d.date == date("2026-09-18"))
                .unwrap()
                .shown
                .map(|s| s.unwrap().as_str())
                .concat()
        },
        "P·",
    ),
    (
        "INSET is no school day",
        |_| {},
        |f| f.sessions.iter().any(|d| d.date == date("2026-11-02")).to_string(),
        "false",
    ),
    (
        "# on an open session is not collected",
        |c| {
            c.put("2026-09-07", "#");
        },
        headline,
        "103/103 auth 0 unauth 0 none 0",
    ),
    (
        "joined: counts from the starting day (reg 8(2)(h))",
        |c| c.enrolment.starting_day = date("2026-11-16"),
        headline,
        "10/10 auth 0 unauth 0 none 0",
    ),
    (
        "left: counts to the last day",
        |c| c.enrolment.last_day = Some(date("2026-09-04")),
        headline,
        "8/8 auth 0 unauth 0 none 0",
    ),
    (
        "boarder: not recorded (reg 10(1))",
        |c| {
            c.enrolment.boarder = true;
            c.marks[1] = PackedYear::EMPTY;
        },
        |f| format!("{} {} {:?}", f.recorded, headline(f), f.counts.attendance_rate()),
        "false 0/0 auth 0 unauth 0 none 0 None",
    ),
    (
        "a session without a mark is in no other figure",
        |c| c.unmark("2026-09-07 pm"),
        headline,
        "104/104 auth 0 unauth 0 none 1",
    ),
    (
        "nothing possible: no rate, no flag",
        |c| {
            c.put("2026-09-01..2026-11-20", "D");
        },
        flags,
        "None false false",
    ),
    (
        "the afternoon is not over",
        |c| c.window.last_due = session("2026-11-20 am"),
        |f| format!("{} {:?}", headline(f), f.sessions.last().unwrap().shown),
        "104/104 auth 0 unauth 0 none 0 [Some(Present), None]",
    ),
    (
        "PA: exactly 10% (10 of 100)",
        |c| {
            c.window.to = date("2026-11-18");
            c.put("2026-09-07..2026-09-11", "I").put("2026-11-18 pm", "D");
        },
        flags,
        "Some(100) true false",
    ),
    (
        "SA: half or more",
        |c| {
            c.put("2026-09-01..2026-10-09", "I");
        },
        flags,
        "Some(543) true true",
    ),
    (
        "N five school days old is in time (reg 10(7))",
        |c| {
            c.put("2026-11-13", "N");
        },
        stale,
        "0",
    ),
    (
        "N older than five school days",
        |c| {
            c.put("2026-11-12", "N");
        },
        stale,
        "2",
    ),
    (
        "N over half term: only school days age it",
        |c| {
            c.put("2026-10-23", "N");
            c.window.to = date("2026-11-09");
        },
        stale,
        "0",
    ),
    (
        "N over half term, six school days on",
        |c| {
            c.put("2026-10-23", "N");
            c.window.to = date("2026-11-10");
        },
        stale,
        "2",
    ),
    (
        "N: a day counts when it is over",
        |c| {
            c.put("2026-10-23", "N");
            c.window.last_due = session("2026-11-10 am");
        },
        stale,
        "0",
    ),
    (
        "reg 9A: ten sessions in ten school weeks, over half term",
        |c| {
            c.put("2026-09-09..2026-09-11", "G").put("2026-11-19..2026-11-20", "U");
        },
        worst,
        "2026-09-07..2026-11-20 10 true",
    ),
    (
        "reg 9A: eleven school weeks apart",
        |c| {
            c.put("2026-09-01..2026-09-03", "G").put("2026-11-19..2026-11-20", "O");
        },
        worst,
        "2026-08-31..2026-11-13 6 false",
    ),
    (
        "reg 9A: a window over the summer",
        |c| {
            c.put("2026-07-15..2026-07-17", "G").put("2026-09-01..2026-09-02", "O");
            c.window.to = date("2026-09-25");
        },
        worst,
        "2026-06-08..2026-09-25 10 true",
    ),
    (
        "reg 9A: I and E never count",
        |c| {
            c.put("2026-09-07..2026-09-18", "I").put("2026-09-21", "E");
        },
        worst,
        "none",
    ),
    (
        "reg 13(7)(b): ten school days",
        |c| {
            c.put("2026-09-21..2026-10-02", "O");
        },
        ten,
        "true",
    ),
    (
        "reg 13(7)(b): nineteen half days",
        |c| {
            c.put("2026-09-21..2026-10-02", "O").put("2026-09-21 am", "/");
        },
        ten,
        "false",
    ),
    (
        "reg 13(7)(b): U keeps the run",
        |c| {
            c.put("2026-09-21..2026-10-02", "N").put("2026-09-23 am", "U");
        },
        ten,
        "true",
    ),
    (
        "reg 13(7)(b): Y4 is passed over",
        |c| {
            c.put("2026-09-21..2026-10-05", "N").put("2026-09-23", "Y4");
        },
        ten,
        "true",
    ),
    (
        "reg 13(7)(b): Y3 breaks it",
        |c| {
            c.put("2026-09-21..2026-10-05", "N").put("2026-09-23", "Y3");
        },
        ten,
        "false",
    ),
    (
        "reg 13(7)(b): the holiday drops out",
        |c| {
            c.put("2026-10-19..2026-11-09", "O");
        },
        ten,
        "true",
    ),
    (
        "reg 13(9): fifteen days in one run",
        |c| {
            c.put("2026-09-21..2026-10-09", "I");
        },
        sick,
        "30 true",
    ),
    (
        "reg 13(9): fourteen and a half",
        |c| {
            c.put("2026-09-21..2026-10-09", "I").put("2026-10-01 am", "M");
        },
        sick,
        "29 false",
    ),
    (
        "reg 13(9): a total in the year, in pieces",
        |c| {
            c.put("2026-09-07..2026-09-11", "I")
                .put("2026-09-21..2026-09-25", "I")
                .put("2026-11-09..2026-11-13", "I");
        },
        sick,
        "30 true",
    ),
    (
        "reg 13(9): the day of one session is a day",
        |c| {
            c.put("2026-09-14..2026-10-02", "I");
        },
        sick,
        "29 true",
    ),
    (
        "last seen: U was seen",
        |c| {
            c.put("2026-11-18..2026-11-20", "O").put("2026-11-18 pm", "U");
        },
        seen,
        "2026-11-18 pm",
    ),
    ("last seen is live past the window", |c| c.window.to = date("2026-09-04"), seen, "2026-11-20 pm"),
    (
        "last seen reaches back before the window",
        |c| {
            c.put("2026-09-01..2026-11-20", "N");
        },
        seen,
        "2026-07-17 pm",
    ),
    (
        "reg 10(9): N and O run on, over X and a missing mark",
        |c| {
            c.put("2026-11-16..2026-11-20", "N").put("2026-11-16", "O").put("2026-11-18 am", "X");
            c.unmark("2026-11-20 pm");
        },
        run,
        "8",
    ),
    (
        "the run ends with a reason",
        |c| {
            c.put("2026-11-16..2026-11-19", "N").put("2026-11-20 pm", "I");
        },
        run,
        "0",
    ),
    (
        "spells cross the weekend and the holiday",
        |c| {
            c.put("2026-10-22..2026-11-03", "I").put("2026-09-07 pm", "O");
        },
        spells,
        "2026-09-07 pm..2026-09-07 pm 1, 2026-10-22 am..2026-11-03 pm 6",
    ),
    (
        "a day back between two spells",
        |c| {
            c.put("2026-09-07", "I").put("2026-09-08 pm", "I");
        },
        spells,
        "2026-09-07 am..2026-09-07 pm 2, 2026-09-08 pm..2026-09-08 pm 1",
    ),
];

#[test]
fn worked_cases() {
    for (paragraph, set, read, expected) in CASES {
        let mut child = Child::new();
        set(&mut child);
        let figures = child.figures();
        assert_eq!(read(&figures), *expected, "{paragraph}");
        assert_eq!(child.ask(|r| r.counts()), figures.counts, "headline alone: {paragraph}");
    }
}

#[test]
fn codes_before_19_august_2024_count_by_their_own_set() {
    // J was an approved activity, H authorised, Y not possible; unauthorised absence then is no ground for a notice now.
    let calendar = calendar(2023, &[("2024-06-03", "2024-07-19")], &[]);
    let mut marks = PackedYear::EMPTY;
    for (at, code) in
        [("2024-06-03 am", "J"), ("2024-06-03 pm", "H"), ("2024-06-04 am", "Y"), ("2024-06-04 pm", "O")]
    {
        let place = SchoolYear(2023).session_index(session(at)).unwrap();
        marks.set(place, Code::parse(code, session(at).date).unwrap());
    }
    let years = [YearOfMarks { calendar: &calendar, marks: &marks, entered: None, minutes_late: None }];
    let enrolment = Enrolment { starting_day: date("2023-09-04"), ..Child::new().enrolment };
    let last_due = session("2024-06-04 pm");
    let window = Window { from: date("2024-06-03"), to: date("2024-06-04"), last_due };
    let figures = Register { enrolment, years: &years, window }.figures();
    assert_eq!(headline(&figures), "1/3 auth 1 unauth 1 none 0");
    assert_eq!(figures.enforcement.worst_window, None, "SI 2007/1867 reg 9A: ignored before 19 August 2024");
}

#[test]
fn flags_follow_the_exact_rate() {
    // Department for Education: persistent is decided on the exact rate; 25 of 251 is 9.96%, shown as 10.0%, and is not persistent.
    let counts = |attended, unauthorised| Counts { attended, unauthorised, ..Counts::default() };
    let rows =
        [(226, 25, Some(100), false, false), (9, 1, Some(100), true, false), (1, 1, Some(500), true, true)];
    for (attended, missed, rate, persistent, severe) in rows {
        let c = counts(attended, missed);
        assert_eq!(
            (c.absence_rate(), c.persistent_absence(), c.severe_absence()),
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
fn combining_sums_sessions_and_never_averages_rates() {
    let (mut mover, mut stayer) = (Child::new(), Child::new());
    mover.enrolment.last_day = Some(date("2026-09-04"));
    mover.put("2026-09-01..2026-09-02", "O");
    stayer.put("2026-11-16 am", "I");
    let both = [mover.figures(), stayer.figures()];
    let total = combine(&both);
    assert_eq!(headline(&total), "108/113 auth 1 unauth 4 none 0");
    assert_eq!(total.counts.absence_rate(), Some(44), "5 of 113; the mean of 50.0 and 1.0 would be 25.5");
    assert_eq!(total.trend.iter().map(|w| w.counts.possible()).sum::<u32>(), 113);
    assert!(total.trend.is_sorted_by_key(|w| w.monday) && total.codes.get(Code::O) == 4);
}

proptest! {
    #[test]
    fn sums_agree(bytes in prop::collection::vec(0_u8..=43, 1464), from in 0_u64..180, length in 0_u64..180, due in 0_u64..180,
                  start in 0_u64..120, end in prop::option::of(0_u64..180), pm: bool) {
        let mut child = Child::new();
        let day = |n| date("2026-06-01") + chrono::Days::new(n);
        for (marks, bytes) in child.marks.iter_mut().zip(bytes.chunks(732)) {
            *marks = PackedYear::from_bytes(bytes).unwrap();
        }
        child.enrolment.starting_day = day(start);
        child.enrolment.last_day = end.map(day);
        let last_due = Session::new(day(due), if pm { Half::Pm } else { Half::Am });
        child.window = Window { from: day(from), to: day(from + length), last_due };
        let (f, counts) = child.ask(|r| (r.figures(), r.counts()));
        prop_assert_eq!(f.counts, counts);
        prop_assert_eq!(counts.possible(), counts.attended + counts.missed());
        prop_assert_eq!(counts.missed(), counts.authorised + counts.unauthorised);
        let mut weeks = Counts::default();
        f.trend.iter().for_each(|w| weeks += w.counts);
        prop_assert_eq!(weeks, counts);
        let slots = f.pattern.weekdays.as_flattened();
        prop_assert_eq!(slots.iter().map(|s| s.possible).sum::<u32>(), counts.possible());
        prop_assert_eq!(slots.iter().map(|s| s.missed).sum::<u32>(), counts.missed());
        prop_assert_eq!(f.pattern.spells.iter().map(|s| s.sessions).sum::<u32>(), counts.missed());
        prop_assert_eq!(f.health.spells.iter().map(|s| s.sessions).sum::<u32>(), f.health.illness);
        let by_code = |keep: fn(crate::domain::attendance::Class) -> bool| f.codes.iter().filter(|(c, _)| keep(c.class())).map(|(_, n)| n).sum::<u32>();
        prop_assert_eq!(by_code(crate::domain::attendance::Class::possible), counts.possible());
        prop_assert_eq!(by_code(crate::domain::attendance::Class::attended), counts.attended);
        let shown = |what: &[Shown]| f.sessions.iter().flat_map(|d| d.shown).filter(|s| s.is_some_and(|s| what.contains(&s))).count();
        prop_assert_eq!(shown(&[Shown::Present, Shown::Late]), counts.attended as usize);
        prop_assert_eq!(shown(&[Shown::Authorised]), counts.authorised as usize);
        prop_assert_eq!(shown(&[Shown::Unauthorised]), counts.unauthorised as usize);
        prop_assert_eq!(shown(&[Shown::NoMark]), counts.without_mark as usize);
    }
}
