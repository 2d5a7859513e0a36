//! How long the arithmetic of a summary takes over 60,000 pupil-years: the headline alone, and every section.
//!
//! The rows are varied by a fixed sequence, so that two runs measure the same work; each year is read from its stored
//! bytes, as a request would.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use schoolgate::domain::attendance::PackedYear;
use schoolgate::domain::attendance::summary::{Enrolment, Register, Window, YearOfMarks};
use schoolgate::domain::calendar::{CalendarRow, Half, SESSIONS, SchoolCalendar, SchoolYear, Session};
use std::hint::black_box;

const PUPILS: usize = 60_000;
/// Absences come in spells of one code: L, M, C2, C, I, E, G, N, O, U, or no mark, as bytes of a packed year.
const BYTES: [u8; 16] = [3, 3, 10, 10, 14, 16, 19, 19, 19, 19, 28, 29, 30, 31, 32, 0];

fn calendar(year: SchoolYear) -> Option<SchoolCalendar> {
    let term = |date: NaiveDate| match date.month() {
        9..=12 => Some("autumn"),
        1..=3 => Some("spring"),
        5..=7 => Some("summer"),
        _ => None,
    };
    let days = (0..366).filter_map(|day| year.first_day().checked_add_days(Days::new(day)));
    let rows = days.filter(|d| *d <= year.last_day() && !matches!(d.weekday(), Weekday::Sat | Weekday::Sun));
    let rows = rows.filter_map(|date| term(date).map(|term| (date, term)));
    SchoolCalendar::from_rows(
        year,
        rows.map(|(date, term)| CalendarRow { date, am: "open", pm: "open", term, note: "" }),
    )
    .ok()
}

/// Stored rows: a linear congruential sequence begins a spell of 1 to 8 sessions at one session in 64, so that about
/// seven in a hundred are something other than present.
fn rows() -> Vec<[u8; SESSIONS]> {
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

fn summaries(criterion: &mut Criterion) {
    let year = SchoolYear(2025);
    let Some(calendar) = calendar(year) else { return };
    let rows = rows();
    let enrolment = Enrolment {
        starting_day: year.first_day(),
        last_day: None,
        boarder: false,
        part_time: false,
        dual_registered: false,
    };
    let last_due = Session::new(year.last_day(), Half::Pm);
    let window = Window { from: year.first_day(), to: year.last_day(), last_due };
    let each = |read: &dyn Fn(&Register<'_>) -> u32| {
        let one = |row: &[u8; SESSIONS]| {
            let marks = PackedYear::from_bytes(row).unwrap_or(PackedYear::EMPTY);
            let years =
                [YearOfMarks { calendar: &calendar, marks: &marks, entered: None, minutes_late: None }];
            read(&Register { enrolment, years: &years, window })
        };
        rows.iter().map(one).fold(0, u32::wrapping_add)
    };
    let mut group = criterion.benchmark_group("summary_arithmetic");
    group.sample_size(10).throughput(Throughput::Elements(60_000));
    group.bench_function("headline", |b| b.iter(|| each(&|r| black_box(r.counts()).missed())));
    group.bench_function("all_sections", |b| b.iter(|| each(&|r| black_box(r.figures()).counts.missed())));
    group.finish();
}

criterion_group!(benches, summaries);
criterion_main!(benches);
