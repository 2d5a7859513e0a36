//! The notation of the worked cases in `cases/*.txt`: a register as a head teacher would write it on paper.
//!
//! ```text
//! case  a name, once
//! cites the paragraph that the expected figures follow from
//! why   how they were worked out (optional)
//! from  2026-09-07                 the Monday of the first week
//! week  /\ /\ UU /- ..             Monday on: two codes a day, `-` no mark, `.` no session; days left out have none
//! week  3x full                    three weeks of five days present; `all I` five days of one code; `holiday` none
//! week  /,C2 Y4,Y4                 codes of two letters with a comma
//! roll  2026-09-09..2026-10-02     first and last day on roll; either may be left out
//! is    boarder part-time dual
//! mark  2026-09-07 am O            what stands after a later recording; `-` takes it away
//! slot  2026-09-07 pm closed       the calendar as corrected afterwards: no mark moves
//! minutes 2026-09-07 am 12
//! school                           from here on the child's next register
//! at    2026-09-09 am              the last session that is over (default: the last session written)
//! window 2026-09-07..2026-09-11    the days asked for (default: all that is written)
//! reading days_with_any half_day
//! expect possible=10 attended=8    figures of the one register; `expect2` of the second, `together` of all
//! ```

use super::super::{
    Enrolment, PartCancelledDay, Reading, Register, SicknessTotal, Window, YearOfMarks, combine,
};
use super::super::{Figures, Spell};
use crate::domain::attendance::{Code, MinutesLate, PackedYear};
use crate::domain::calendar::{CalendarRow, Half, SchoolCalendar, SchoolYear, Session};
use chrono::{Days, NaiveDate};
use std::collections::{BTreeMap, BTreeSet};

/// A case as written.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) cites: String,
    pub(super) registers: Vec<Given>,
    pub(super) expects: Vec<(Whose, String)>,
    at: Option<Session>,
    live: Option<Session>,
    window: Option<(NaiveDate, NaiveDate)>,
    pub(super) reading: Reading,
}

/// Whose figures are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Register(usize),
    Together,
}

/// One register as written: for each date the words of the calendar and the marks.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    next: Option<NaiveDate>,
    days: BTreeMap<NaiveDate, [(String, Option<Code>); 2]>,
    minutes: Vec<(Session, u16)>,
    first_day: Option<NaiveDate>,
    last_day: Option<NaiveDate>,
    is: BTreeSet<String>,
}

/// The same packed, as it is stored.
pub(super) struct Built {
    years: Vec<(SchoolCalendar, PackedYear, MinutesLate)>,
    enrolment: Enrolment,
    window: Window,
}

pub(super) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no date"))
}

fn session(date_text: &str, half: &str) -> Session {
    Session::new(date(date_text), Half::parse(half).unwrap_or_else(|| panic!("`{half}` is no half")))
}

/// Reads a file of cases.
pub(super) fn read(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (word, rest) = line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim()));
        if word == "case" {
            let registers = vec![Given::default()];
            cases.push(Case { name: rest.to_owned(), registers, ..Case::default() });
            continue;
        }
        let case = cases.last_mut().expect("a file begins with `case`");
        case.line(word, rest);
    }
    cases
}

impl Case {
    fn line(&mut self, word: &str, rest: &str) {
        let words: Vec<&str> = rest.split_whitespace().collect();
        match (word, words.as_slice()) {
            ("cites", _) => rest.clone_into(&mut self.cites),
            ("why", _) => {}
            ("school", []) => self.registers.push(Given::default()),
            ("at", [day, half]) => self.at = Some(session(day, half)),
            ("live", [day, half]) => self.live = Some(session(day, half)),
            ("window", [days]) => {
                let (from, to) = days.split_once("..").expect("a window is `from..to`");
                self.window = Some((date(from), date(to)));
            }
            ("reading", choices) => choices.iter().for_each(|choice| self.choose(choice)),
            ("together", figures) => self.expect(Whose::Together, figures),
            (word, figures) if word.starts_with("expect") => {
                let number = word.trim_start_matches("expect");
                let number: usize = if number.is_empty() { 1 } else { number.parse().unwrap() };
                self.expect(Whose::Register(number - 1), figures);
            }
            (word, words) => self.registers.last_mut().unwrap().line(word, words),
        }
    }

    fn choose(&mut self, choice: &str) {
        if let Some(total) = SicknessTotal::parse(choice) {
            self.reading.sickness_total = total;
        } else {
            self.reading.part_cancelled_day = PartCancelledDay::parse(choice).expect("a reading");
        }
    }

    fn expect(&mut self, whose: Whose, figures: &[&str]) {
        self.expects.extend(figures.iter().map(|figure| (whose, (*figure).to_owned())));
    }

    /// The registers packed.
    pub(super) fn build(&self) -> Vec<Built> {
        let dates = || self.registers.iter().flat_map(|given| given.days.keys().copied());
        let (first, last) = (dates().min().expect("a week"), dates().max().expect("a week"));
        let at = self.at.unwrap_or(Session::new(last, Half::Pm));
        let (from, to) = self.window.unwrap_or((first, at.date));
        let window = Window { from, to, last_due: at, live_to: self.live.unwrap_or(at) };
        self.registers.iter().map(|given| given.build(window)).collect()
    }
}

impl Given {
    fn line(&mut self, word: &str, words: &[&str]) {
        match (word, words) {
            ("from", [monday]) => self.next = Some(date(monday)),
            ("week", tokens) => self.weeks(tokens),
            ("roll", [days]) => {
                let (from, to) = days.split_once("..").expect("a roll is `from..to`");
                self.first_day = (!from.is_empty()).then(|| date(from));
                self.last_day = (!to.is_empty()).then(|| date(to));
            }
            ("is", words) => self.is.extend(words.iter().map(|word| (*word).to_owned())),
            ("mark", [day, half, code]) => self.slot_of(day, half).1 = mark(code, date(day)),
            ("slot", [day, half, word]) => (*word).clone_into(&mut self.slot_of(day, half).0),
            ("minutes", [day, half, minutes]) => {
                self.minutes.push((session(day, half), minutes.parse().unwrap()));
            }
            _ => panic!("`{word} {}` is not in the notation", words.join(" ")),
        }
    }

    fn slot_of(&mut self, day: &str, half: &str) -> &mut (String, Option<Code>) {
        let at = session(day, half);
        &mut self.days.entry(at.date).or_default()[at.half.index()]
    }

    fn weeks(&mut self, tokens: &[&str]) {
        let (times, tokens) = match tokens {
            [first, rest @ ..]
                if first.ends_with('x') && first.len() > 1 && first.as_bytes()[0].is_ascii_digit() =>
            {
                (first.trim_end_matches('x').parse().unwrap(), rest)
            }
            all => (1, all),
        };
        let days: Vec<String> = match tokens {
            ["full"] => vec!["/\\".to_owned(); 5],
            ["holiday"] => Vec::new(),
            ["all", code] => vec![format!("{code},{code}"); 5],
            days => days.iter().map(|day| (*day).to_owned()).collect(),
        };
        for _ in 0..times {
            let monday = self.next.expect("`from` stands before the first week");
            assert_eq!(monday.format("%a").to_string(), "Mon", "{monday} is no Monday");
            for (after, day) in (0..).zip(&days) {
                let day_of_week = monday + Days::new(after);
                self.days.insert(day_of_week, halves(day, day_of_week));
            }
            self.next = Some(monday + Days::new(7));
        }
    }

    fn build(&self, window: Window) -> Built {
        let years: BTreeSet<SchoolYear> = self.days.keys().map(|day| SchoolYear::of(*day)).collect();
        let built = years.into_iter().filter_map(|year| self.year(year)).collect();
        let enrolment = Enrolment {
            starting_day: self.first_day.or(self.days.keys().next().copied()).expect("a week"),
            last_day: self.last_day,
            boarder: self.is.contains("boarder"),
            part_time: self.is.contains("part-time"),
            dual_registered: self.is.contains("dual"),
        };
        Built { years: built, enrolment, window }
    }

    /// One packed year; none where the school never met in it.
    fn year(&self, year: SchoolYear) -> Option<(SchoolCalendar, PackedYear, MinutesLate)> {
        let (mut marks, mut minutes) = (PackedYear::EMPTY, MinutesLate::default());
        let days = || self.days.iter().filter(|(day, _)| SchoolYear::of(**day) == year);
        for (day, halves) in days() {
            for (half, (_, code)) in [Half::Am, Half::Pm].into_iter().zip(halves) {
                let place = year.session_index(Session::new(*day, half)).unwrap();
                if let Some(code) = code {
                    assert!(marks.set(place, *code));
                }
            }
        }
        for (at, late) in self.minutes.iter().filter(|(at, _)| SchoolYear::of(at.date) == year) {
            minutes.set(year.session_index(*at).unwrap(), Some(*late));
        }
        let row = |(day, [am, pm]): (&NaiveDate, &'_ [(String, Option<Code>); 2])| {
            (*day, am.0.clone(), pm.0.clone())
        };
        let words: Vec<_> = days().map(row).collect();
        let rows = words.iter().map(|(date, am, pm)| CalendarRow { date: *date, am, pm, term: "", note: "" });
        SchoolCalendar::from_rows(year, rows).ok().map(|calendar| (calendar, marks, minutes))
    }
}

/// A day as written: two codes, each with its word of the calendar.
fn halves(text: &str, day: NaiveDate) -> [(String, Option<Code>); 2] {
    let parts: Vec<String> = match text.split_once(',') {
        Some((am, pm)) => vec![am.to_owned(), pm.to_owned()],
        None => text.chars().map(String::from).collect(),
    };
    let [am, pm] = parts.as_slice() else { panic!("`{text}` is not two sessions") };
    [am, pm].map(|part| match part.as_str() {
        "." => (String::new(), None),
        code => ("open".to_owned(), mark(code, day)),
    })
}

/// A code valid on that day; `-` is no mark.
fn mark(text: &str, day: NaiveDate) -> Option<Code> {
    (text != "-").then(|| Code::parse(text, day).unwrap_or_else(|error| panic!("{text} on {day}: {error}")))
}

impl Built {
    /// Asks the register something.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Register<'_>) -> T) -> T {
        let years = self.years();
        question(&Register { enrolment: self.enrolment, years: &years, window: self.window })
    }

    fn years(&self) -> Vec<YearOfMarks<'_>> {
        let year = |(calendar, marks, minutes)| YearOfMarks {
            calendar,
            marks,
            entered: None,
            minutes_late: Some(minutes),
        };
        self.years.iter().map(|(calendar, marks, minutes)| year((calendar, marks, minutes))).collect()
    }

    /// What became of this register's D in the others.
    pub(super) fn dual_met(&self, figures: &Figures, others: &[&Self]) -> super::super::DualMet {
        let years: Vec<Vec<YearOfMarks<'_>>> = others.iter().map(|other| other.years()).collect();
        let others: Vec<Register<'_>> = others
            .iter()
            .zip(&years)
            .map(|(other, years)| Register { enrolment: other.enrolment, years, window: other.window })
            .collect();
        self.ask(|register| register.dual_met(&figures.last_seen.dual, &others))
    }
}

/// The figures of each register, and of all together.
pub(super) fn figures(case: &Case, built: &[Built]) -> (Vec<Figures>, Figures) {
    let each: Vec<Figures> = built.iter().map(|one| one.ask(|r| r.figures_by(case.reading))).collect();
    let together = combine(&each);
    (each, together)
}

fn yes(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_owned()
}

fn at(session: Session) -> String {
    format!("{}{}", session.date, session.half)
}

fn rate(tenths: Option<u32>) -> String {
    tenths.map_or("none".to_owned(), |t| format!("{}.{}", t / 10, t % 10))
}

fn spells(spells: &[Spell]) -> String {
    let one = |s: &Spell| format!("{}..{}:{}", at(s.from), at(s.to), s.sessions);
    list(spells.iter().map(one))
}

fn list(parts: impl Iterator<Item = String>) -> String {
    let all = parts.collect::<Vec<_>>().join(",");
    if all.is_empty() { "none".to_owned() } else { all }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// One figure in the words of the notation.
pub(super) fn figure(key: &str, f: &Figures) -> String {
    let c = &f.counts;
    match key {
        "recorded" => yes(f.recorded),
        "possible" => c.possible().to_string(),
        "attended" => c.attended.to_string(),
        "missed" => c.missed().to_string(),
        "authorised" => c.authorised.to_string(),
        "unauthorised" => c.unauthorised.to_string(),
        "unmarked" => f.completeness.sessions_without_mark.to_string(),
        "stale" => f.completeness.no_reason_yet_over_five_days.to_string(),
        "complete" => f.completeness.last_complete_session.map_or("none".to_owned(), at),
        "attendance" => rate(c.attendance_rate()),
        "absence" => rate(c.absence_rate()),
        "persistent" => yes(c.persistent_absence(NaiveDate::MAX)),
        "severe" => yes(c.severe_absence(NaiveDate::MAX)),
        "late" => f.punctuality.late.before_close.to_string(),
        "after" => f.punctuality.late.after_close.to_string(),
        "minutes" => f.punctuality.minutes_late.map_or("none".to_owned(), |m| m.to_string()),
        "illness" => f.health.illness.to_string(),
        "medical" => f.health.medical.to_string(),
        "sick" => yes(f.health.sickness_flag),
        "sickspells" => spells(&f.health.spells),
        "spells" => spells(&f.pattern.spells),
        "suspended" => f.suspension.to_string(),
        "ten" => yes(f.enforcement.ten_day_absence),
        "worst" => f
            .enforcement
            .worst_window
            .map_or("none".to_owned(), |w| format!("{}..{}:{}", w.from, w.to, w.unauthorised)),
        "notice" => yes(f.enforcement.worst_window.is_some_and(|w| w.threshold_met())),
        "run" => f.last_seen.unexplained_run.to_string(),
        "seen" => f.last_seen.last_marked_present.map_or("never".to_owned(), |s| at(s.session)),
        "elsewhere" => f
            .last_seen
            .last_reported_elsewhere
            .map_or("never".to_owned(), |e| format!("{}:{}", at(e.session), e.code.as_str())),
        "dual" => yes(f.placement.dual_registration),
        "part" => yes(f.placement.part_time),
        "codes" => list(f.codes.iter().map(|(code, count)| format!("{}{count}", code.as_str()))),
        "weeks" => {
            let week = |w: &super::super::Week| {
                format!("{}:{}/{}/{}", w.monday, w.counts.possible(), w.counts.attended, w.counts.missed())
            };
            list(f.trend.iter().map(week))
        }
        "days" => list(
            f.sessions
                .iter()
                .map(|day| day.shown.map(|shown| shown.map_or("~", |shown| shown.as_str())).concat()),
        ),
        key => weekday(key, f),
    }
}

/// `mon-am` missed of possible of held; `late-mon` before and after the close.
fn weekday(key: &str, f: &Figures) -> String {
    let day = |name: &str| DAYS.iter().position(|d| *d == name);
    match key.split_once('-') {
        Some(("late", name)) if day(name).is_some() => {
            let late = f.punctuality.by_weekday[day(name).unwrap()];
            format!("{}/{}", late.before_close, late.after_close)
        }
        Some((name, half)) if day(name).is_some() => {
            let slot = f.pattern.weekdays[day(name).unwrap()][Half::parse(half).unwrap().index()];
            format!("{}/{}/{}", slot.missed, slot.possible, slot.held)
        }
        _ => panic!("`{key}` is no figure of the notation"),
    }
}
