//! What is counted: packed years varied by a fixed sequence, so that two runs, and two programs, count the same.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use schoolgate::domain::attendance::PackedYear;
use schoolgate::domain::attendance::summary::{Counts, Enrolment, Register, Window, YearOfMarks};
use schoolgate::domain::calendar::{CalendarRow, Half, SESSIONS, SchoolCalendar, SchoolYear, Session};

/// Pupils of the authority.
pub const PUPILS: usize = 60_000;
/// The year counted.
pub const YEAR: SchoolYear = SchoolYear(2025);
/// School days in it: two sessions each.
const SCHOOL_DAYS: usize = 190;
/// Absences come in spells of one code: L, M, C2, C, I, E, G, N, O, U, or no mark, as bytes of a packed year.
const BYTES: [u8; 16] = [3, 3, 10, 10, 14, 16, 19, 19, 19, 19, 28, 29, 30, 31, 32, 0];

/// A calendar of 190 school days in three terms.
pub fn calendar() -> Option<SchoolCalendar> {
    let term = |date: NaiveDate| match date.month() {
        9..=12 => Some("autumn"),
        1..=3 => Some("spring"),
        5..=7 => Some("summer"),
        _ => None,
    };
    let days = (0..366).filter_map(|day| YEAR.first_day().checked_add_days(Days::new(day)));
    let rows = days.filter(|d| *d <= YEAR.last_day() && !matches!(d.weekday(), Weekday::Sat | Weekday::Sun));
    let rows = rows.filter_map(|date| term(date).map(|term| (date, term))).take(SCHOOL_DAYS);
    let row = |(date, term)| CalendarRow { date, am: "open", pm: "open", term, note: "" };
    SchoolCalendar::from_rows(YEAR, rows.map(row)).ok()
}

/// Stored rows: a linear congruential sequence begins a spell of 1 to 8 sessions at one session in 64, so that about
/// seven in a hundred are something other than present.
pub fn packed() -> Vec<[u8; SESSIONS]> {
    let mut state = 1_u64;
    let mut spell = (0_u64, 0_u8);
    let mut next = |place: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if spell.0 == 0 && state >> 58 == 0 {
            let code = usize::try_from(state >> 40 & 15).unwrap_or(0);
            spell = ((state >> 50 & 7) + 1, BYTES.get(code).copied().unwrap_or(0));
        }
        let present = if place.is_multiple_of(2) { 1 } else { 2 };
        let byte = if spell.0 > 0 { spell.1 } else { present };
        spell.0 = spell.0.saturating_sub(1);
        byte
    };
    (0..PUPILS).map(|_| std::array::from_fn(&mut next)).collect()
}

/// Asks one pupil's register of the whole year, read from its stored bytes as a request would.
pub fn ask<T>(calendar: &SchoolCalendar, row: &[u8], question: impl Fn(&Register<'_>) -> T) -> T {
    let marks = PackedYear::from_bytes(row).unwrap_or(PackedYear::EMPTY);
    let years = [YearOfMarks { calendar, marks: &marks, entered: None, minutes_late: None }];
    let enrolment = Enrolment {
        starting_day: YEAR.first_day(),
        last_day: None,
        boarder: false,
        part_time: false,
        dual_registered: false,
    };
    let last_due = Session::new(YEAR.last_day(), Half::Pm);
    let window = Window { from: YEAR.first_day(), to: YEAR.last_day(), last_due, live_to: last_due };
    question(&Register { enrolment, years: &years, window })
}

/// What is held against DuckDB: pupils, and their sums of sessions possible, attended, authorised and unauthorised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums(pub [u64; 5]);

impl Sums {
    /// With one more pupil.
    #[must_use]
    pub fn and(self, counts: &Counts) -> Self {
        let Self([pupils, possible, attended, authorised, unauthorised]) = self;
        Self([
            pupils + 1,
            possible + u64::from(counts.possible()),
            attended + u64::from(counts.attended),
            authorised + u64::from(counts.authorised),
            unauthorised + u64::from(counts.unauthorised),
        ])
    }

    /// Those of two halves together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0.get(at).zip(other.0.get(at)).map_or(0, |(a, b)| a + b)))
    }
}
