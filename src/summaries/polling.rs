//! What polling tells a role without `sessions`: whole published weeks, and nothing else but `last_seen`.
//!
//! Two registers that agree on what each whole week is made up of, and differ in which of its sessions are which, are
//! asked the same questions over a seeded school year. The answers are functions of the publication and the window
//! (`figures::body` is given nothing else), so each pair of these is asked once; that an answer does not change from one hour to
//! the next is asked at every hour of the year.

use super::figures::{Entitled, body};
use super::window::{self, Span};
use crate::directory::{Directory, Organisation};
use crate::domain::attendance::summary::Reading;
use crate::domain::attendance::{Code, MinutesLate, PackedYear};
use crate::domain::calendar::{
    CalendarRow, Half, SchoolCalendar, SchoolYear, Session, monday_of, published_at,
};
use crate::domain::identifiers::OrganisationId;
use crate::domain::organisation::{OrganisationKind, Standing};
use crate::domain::purpose::{Section, SectionSet};
use crate::registers::ChildRecord;
use crate::registers::testing::{Made, MadeMarks, child};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc, Weekday};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

pub(super) const YEAR: SchoolYear = SchoolYear(2026);
const SCHOOL: Uuid = Uuid::from_u128(7);
/// First and last day of each half term; what lies between is a holiday.
const HALF_TERMS: [(&str, &str); 6] = [
    ("2026-09-01", "2026-10-23"),
    ("2026-11-02", "2026-12-18"),
    ("2027-01-04", "2027-02-12"),
    ("2027-02-22", "2027-03-25"),
    ("2027-04-12", "2027-05-28"),
    ("2027-06-07", "2027-07-21"),
];
/// What is drawn, the common ones more often.
const CODES: [&str; 20] =
    ["/", "/", "/", "/", "/", "/", "/", "L", "L", "U", "I", "I", "M", "O", "N", "E", "C", "K", "X", "D"];

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn calendar() -> SchoolCalendar {
    let labels = ["autumn 1", "autumn 2", "spring 1", "spring 2", "summer 1", "summer 2"];
    let mut rows = Vec::new();
    for ((from, to), term) in HALF_TERMS.iter().zip(labels) {
        for date in day(from).iter_days().take_while(|date| *date <= day(to)) {
            let (am, pm) = match date.to_string().as_str() {
                "2026-11-02" | "2027-05-03" => ("inset", "inset"),
                "2026-09-18" => ("open", ""),
                _ => ("open", "open"),
            };
            if !matches!(date.weekday(), Weekday::Sat | Weekday::Sun) {
                rows.push(CalendarRow { date, am, pm, term, note: "" });
            }
        }
    }
    SchoolCalendar::from_rows(YEAR, rows).unwrap()
}

pub(super) fn directory() -> Directory {
    let id = OrganisationId(SCHOOL);
    let school = Organisation {
        id,
        code: "school".to_owned(),
        kind: OrganisationKind::School,
        name: "Example School".to_owned(),
        standing: Standing::Live,
        urn: Some("100000".to_owned()),
        laestab: None,
        la_code: None,
        phase: None,
        returns_to: None,
        attendance_lead: crate::directory::Contact::default(),
        dsl: crate::directory::Contact::default(),
        predecessor: None,
        former_numbers: Vec::new(),
        area: Vec::new(),
    };
    Directory { organisations: [(id, school)].into(), ..Directory::default() }
}

/// Numbers that look drawn and are the same each time.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// What stands on each session: a code, and minutes late; some have no mark.
pub(super) type Marks = BTreeMap<Session, Option<(Code, Option<u16>)>>;

pub(super) fn drawn(calendar: &SchoolCalendar, draw: &mut Draw) -> Marks {
    let code = |word: &str| Code::ALL.iter().copied().find(|code| code.as_str() == word).unwrap();
    let mut marks = Marks::new();
    for session in calendar.sessions() {
        let word = CODES[draw.below(CODES.len())];
        let minutes = matches!(word, "L" | "U").then(|| u16::try_from(5 + draw.below(40)).unwrap());
        let mark = (draw.below(40) > 0).then(|| (code(word), minutes));
        marks.insert(session, mark);
    }
    marks
}

/// The same weeks with their sessions exchanged, of the days that `which` picks. A session that is its day's only one
/// stays, since it counts as a whole day.
pub(super) fn exchanged(
    calendar: &SchoolCalendar,
    marks: &Marks,
    draw: &mut Draw,
    which: impl Fn(NaiveDate) -> bool,
) -> Marks {
    let mut weeks: BTreeMap<NaiveDate, Vec<Session>> = BTreeMap::new();
    for session in marks.keys().copied().filter(|session| which(session.date)) {
        let other = Session::new(session.date, if session.half == Half::Am { Half::Pm } else { Half::Am });
        if calendar.is_open(other) {
            weeks.entry(monday_of(session.date)).or_default().push(session);
        }
    }
    let mut all = marks.clone();
    for sessions in weeks.values() {
        let mut order = sessions.clone();
        for last in (1..order.len()).rev() {
            order.swap(last, draw.below(last + 1));
        }
        for (to, from) in sessions.iter().zip(order) {
            all.insert(*to, marks[&from]);
        }
    }
    all
}

/// A version of the register that counts from a moment on, with the sessions that `held` picks.
pub(super) fn version(marks: &Marks, at: DateTime<Utc>, held: impl Fn(Session) -> bool) -> MadeMarks {
    let (mut packed, mut late) = (PackedYear::EMPTY, MinutesLate::default());
    for (session, mark) in marks.iter().filter(|(session, _)| held(**session)) {
        let place = YEAR.session_index(*session).unwrap();
        if let Some((code, minutes)) = mark {
            packed.set(place, *code);
            late.set(place, *minutes);
        }
    }
    (at, YEAR, packed, late)
}

pub(super) fn record(calendar: &SchoolCalendar, marks: Vec<MadeMarks>) -> ChildRecord {
    child(Made { school: SCHOOL, starting_day: day("2026-09-01"), calendars: vec![calendar.clone()], marks })
}

/// The whole year in one version, there from its start.
fn whole(calendar: &SchoolCalendar, marks: &Marks) -> ChildRecord {
    record(calendar, vec![version(marks, published_at(day("2026-08-30")), |_| true)])
}

/// Sections that some role without `sessions` has by the matrix.
pub(super) fn without_sessions() -> SectionSet {
    let with = [Section::Sessions, Section::Codes, Section::Enforcement];
    Section::ALL.iter().copied().filter(|section| !with.contains(section)).collect()
}

pub(super) fn without(sections: SectionSet, gone: &[Section]) -> SectionSet {
    sections.iter().filter(|section| !gone.contains(section)).collect()
}

/// The bytes of an answer, all that depends on the child.
fn bytes(record: &ChildRecord, span: Span, given: SectionSet, directory: &Directory) -> Vec<u8> {
    let entitled = Entitled { sections: given, counterpart: SectionSet::EMPTY };
    serde_json::to_vec(&body(entitled, record, span, directory).unwrap()).unwrap()
}

/// The Sundays of the year's weeks, from the first that holds a session to one after the last.
fn sundays() -> Vec<NaiveDate> {
    let first = day("2026-09-06");
    first.iter_days().step_by(7).take_while(|sunday| *sunday <= day("2027-08-01")).collect()
}

type Dates = (Option<NaiveDate>, Option<NaiveDate>);

fn at(sunday: NaiveDate, dates: Dates) -> Span {
    span(dates, published_at(sunday))
}

/// As a role without `sessions` asks.
fn span(dates: Dates, now: DateTime<Utc>) -> Span {
    window::span(dates, false, now, Reading::default()).unwrap()
}

/// Windows of whole weeks: at each publication those that end with it, and at the last one every pair of weeks. An
/// earlier publication's other windows are those of the one before it: nothing in them moves with the publication but
/// when marks came, which both registers agree on.
fn asked() -> Vec<(NaiveDate, Dates)> {
    let sundays = sundays();
    let monday = |sunday: &NaiveDate| *sunday - Days::new(6);
    let last = *sundays.last().unwrap();
    let mut all: Vec<(NaiveDate, Dates)> = Vec::new();
    for (at, to) in sundays.iter().enumerate() {
        all.push((*to, (None, None)));
        for from in &sundays[..=at] {
            all.push((*to, (Some(monday(from)), Some(*to))));
            all.push((last, (Some(monday(from)), Some(*to))));
        }
    }
    all
}

/// Takes out what may come for whole half terms only: weekdays, and spells.
fn without_detail(bytes: &[u8]) -> Value {
    let mut body: Value = serde_json::from_slice(bytes).unwrap();
    let combined = body["combined"].take();
    let parts = body["enrolments"].as_array_mut().unwrap();
    parts.push(combined);
    for part in parts {
        let sections = part["sections"].as_object_mut().unwrap();
        sections.remove("pattern");
        sections.get_mut("punctuality").map(|late| late["by_weekday"].take());
        sections.get_mut("health").map(|health| health["spells"].take());
    }
    body
}

#[test]
fn registers_that_agree_on_every_week_give_the_same_bytes() {
    let (calendar, directory) = (calendar(), directory());
    let given = without(without_sessions(), &[Section::LastSeen]);
    let weekly = without(given, &[Section::Punctuality, Section::Pattern, Section::Health]);
    let mut draw = Draw(1);
    let (mut compared, mut detail_differs) = (0, false);
    let one = drawn(&calendar, &mut draw);
    let other = exchanged(&calendar, &one, &mut draw, |_| true);
    let differ = one.iter().filter(|(session, mark)| other[session] != **mark).count();
    assert!(differ > 150, "{differ} sessions differ");
    let (one, other) = (whole(&calendar, &one), whole(&calendar, &other));
    for (sunday, dates) in asked() {
        let span = at(sunday, dates);
        let [a, b] = [&one, &other].map(|record| bytes(record, span, given, &directory));
        assert_eq!(without_detail(&a), without_detail(&b), "{sunday} {dates:?}");
        detail_differs |= a != b;
        let [a, b] = [&one, &other].map(|record| bytes(record, span, weekly, &directory));
        assert_eq!(a, b, "{sunday} {dates:?}");
        compared += 1;
    }
    assert!(detail_differs, "half terms that have ended tell their weekdays");
    println!("{compared} pairs of publication and window");
}

/// Until a half term has ended, its weekdays and spells are not told either: two registers that differ in that half term
/// give the same bytes, all of them.
#[test]
fn registers_that_differ_in_the_half_term_that_is_running_give_the_same_bytes() {
    let (calendar, directory) = (calendar(), directory());
    let given = without(without_sessions(), &[Section::LastSeen]);
    let mut draw = Draw(2);
    for (from, to) in HALF_TERMS {
        let (from, to) = (day(from), day(to));
        let marks = drawn(&calendar, &mut draw);
        let other = exchanged(&calendar, &marks, &mut draw, |date| from <= date && date <= to);
        let (one, other) = (whole(&calendar, &marks), whole(&calendar, &other));
        for (sunday, dates) in asked().into_iter().filter(|(sunday, _)| from <= *sunday && *sunday < to) {
            let span = at(sunday, dates);
            let [a, b] = [&one, &other].map(|record| bytes(record, span, given, &directory));
            assert_eq!(a, b, "{sunday} {dates:?}");
        }
        let ended = at(monday_of(to) + Days::new(6), (Some(from), Some(to)));
        let [a, b] = [&one, &other].map(|record| bytes(record, ended, given, &directory));
        assert_ne!(a, b, "once it has ended, {from} to {to} is told");
    }
}

/// Marks arrive every afternoon, some corrected days later; somebody asks at every hour of the year. Answers change on
/// Mondays at six, in London, and at no other hour; `last_seen` alone is live, and changes nothing else.
#[test]
fn asking_every_hour_tells_what_asking_on_mondays_tells() {
    let (calendar, directory) = (calendar(), directory());
    let (given, all) = (without(without_sessions(), &[Section::LastSeen]), without_sessions());
    let mut draw = Draw(3);
    let marks = drawn(&calendar, &mut draw);
    let late = exchanged(&calendar, &marks, &mut draw, |_| true);
    let afternoon = |date: NaiveDate| date.and_hms_opt(16, 30, 0).unwrap().and_utc();
    // The day's own marks, and those of the week before as they were corrected.
    let uploads: Vec<MadeMarks> = calendar
        .school_days()
        .map(|today| {
            let mut known = marks.clone();
            known.extend(late.iter().filter(|(s, _)| s.date + Days::new(7) < today).map(|(s, m)| (*s, *m)));
            version(&known, afternoon(today), |session| session.date <= today)
        })
        .collect();
    let start = day("2026-09-02").and_hms_opt(0, 0, 0).unwrap().and_utc();
    let questions: [Dates; 3] =
        [(None, None), (Some(day("2026-09-09")), Some(day("2026-09-17"))), (Some(day("2027-01-13")), None)];
    let mut last: Option<(DateTime<Utc>, Vec<Vec<u8>>)> = None;
    let (mut seen, mut hours, mut changes) = (Vec::new(), 0, 0);
    for hour in 0..8_760 {
        let now = start + TimeDelta::hours(hour);
        let moment = span((None, None), now).moment.unwrap();
        // As the database holds it: what counted at the publication, and what has come since.
        let kept = uploads.iter().rposition(|upload| upload.0 <= moment).unwrap_or(0);
        let held = uploads[kept..].iter().filter(|upload| upload.0 <= now);
        let held = record(&calendar, held.cloned().collect());
        let spans = questions.map(|dates| span(dates, now));
        let at_once = last.as_ref().is_none_or(|(published, _)| *published != moment);
        // The first question at every hour, the others at every seventh and at every publication.
        let asked = if at_once || hour % 7 == 0 { &spans[..] } else { &spans[..1] };
        let answers: Vec<Vec<u8>> = asked.iter().map(|span| bytes(&held, *span, given, &directory)).collect();
        if let Some((_, before)) = last.as_ref().filter(|_| !at_once) {
            assert_eq!(answers, before[..answers.len()], "{now}");
        } else {
            changes += usize::from(last.as_ref().is_some_and(|(_, before)| before[0] != answers[0]));
            last = Some((moment, answers));
        }
        if hour % 24 == 17 {
            let body: Value = serde_json::from_slice(&bytes(&held, spans[0], all, &directory)).unwrap();
            seen.push(body["enrolments"][0]["sections"]["last_seen"].to_string());
        }
        hours += 1;
    }
    seen.dedup();
    assert_eq!(hours, 8_760);
    assert!((30..=53).contains(&changes), "{changes} answers, one for each week with marks at most");
    assert!(seen.len() > 100, "last_seen is live: {}", seen.len());
}

/// The hours around every change: the clock in London decides, in summer and in winter.
#[test]
fn the_span_moves_on_mondays_at_six_in_london_only() {
    let mut moved = Vec::new();
    let mut last = None;
    for hour in 0..8_760 {
        let now = day("2026-09-01").and_hms_opt(0, 0, 0).unwrap().and_utc() + TimeDelta::hours(hour);
        let of = |dates| {
            let span = span(dates, now);
            (span.from, span.to, span.moment, span.as_of, span.last_start())
        };
        let monday = Some(day("2026-10-19"));
        let spans =
            [of((None, None)), of((monday, None)), of((monday, monday)), of((None, Some(day("2027-07-31"))))];
        if last.replace(spans).is_some_and(|before| before != spans) {
            moved.push(now.to_string());
        }
    }
    assert_eq!(moved.len(), 52);
    assert!(
        moved.contains(&"2026-10-19 05:00:00 UTC".to_owned())
            && moved.contains(&"2026-10-26 06:00:00 UTC".to_owned())
    );
    assert!(
        moved.contains(&"2027-03-22 06:00:00 UTC".to_owned())
            && moved.contains(&"2027-03-29 05:00:00 UTC".to_owned())
    );
}
