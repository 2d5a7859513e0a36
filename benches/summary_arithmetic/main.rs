//! How long the arithmetic of a summary takes over 60,000 pupil-years of 380 sessions: the four sums alone beside DuckDB
//! with a row for each mark, every section, and the four sums with their rows read out of `SQLite`.
//!
//! `cargo bench --bench summary_arithmetic`. Each figure is the best of several; every way must count the same.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod duckdb;
mod rows;
mod sqlite;

use anyhow::{Context as _, Result, ensure};
use rows::{Sums, ask, calendar, packed};
use schoolgate::domain::attendance::summary::{Counts, Register};
use schoolgate::domain::calendar::{SESSIONS, SchoolCalendar};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How often each is timed.
const TIMES: usize = 10;
/// What is owed: so many times as fast as DuckDB, and so long out of `SQLite`.
const TIMES_DUCKDB: f64 = 10.0;
const OUT_OF_SQLITE: Duration = Duration::from_millis(400);

fn main() -> Result<()> {
    let calendar = Arc::new(calendar().context("the calendar")?);
    let packed = packed();
    println!("{} pupils, {} sessions each", packed.len(), calendar.sessions().count());
    println!("| what | ms, best | |\n|------|---------:|---|");
    let headline = |register: &Register<'_>| register.counts();
    let everything = |register: &Register<'_>| register.figures().counts;
    let (one, sums) = best(1, &calendar, &packed, headline);
    row("four sums, packed rows in memory, one thread", one, "");
    let (two, _) = best(2, &calendar, &packed, headline);
    row("four sums, packed rows in memory, two threads", two, "");
    for threads in [1, 2] {
        let (all, same) = best(threads, &calendar, &packed, everything);
        ensure!(same == sums, "every section counts {same:?}, the headline {sums:?}");
        row(&format!("every section, {threads} thread(s)"), all, "");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (read, same) = runtime.block_on(sqlite::measure(&calendar, &packed))?;
    ensure!(same == sums, "out of SQLite we count {same:?}, in memory {sums:?}");
    row("four sums, out of SQLite, two reading connections", read, &format!("bar: under {OUT_OF_SQLITE:?}"));
    let theirs = duckdb::measure(&calendar, &packed, sums)?;
    for (threads, ours) in [("one thread", one), ("two threads", two)] {
        let times = theirs.as_secs_f64() / ours.as_secs_f64();
        println!("packed rows, {threads}: {times:.1} times as fast as DuckDB (bar: {TIMES_DUCKDB})");
    }
    Ok(())
}

fn row(what: &str, taken: Duration, beside: &str) {
    println!("| {what} | {:.1} | {beside} |", taken.as_secs_f64() * 1e3);
}

/// The best time of counting every pupil with so many threads, and what was counted.
fn best(
    threads: usize,
    calendar: &SchoolCalendar,
    packed: &[[u8; SESSIONS]],
    question: impl Fn(&Register<'_>) -> Counts + Sync,
) -> (Duration, Sums) {
    let (mut best, mut sums) = (Duration::MAX, Sums::default());
    for _ in 0..TIMES {
        let begun = Instant::now();
        let count = |rows: &[[u8; SESSIONS]]| {
            rows.iter().fold(Sums::default(), |sums, row| sums.and(&ask(calendar, row, &question)))
        };
        sums = thread::scope(|scope| {
            let parts: Vec<_> = packed
                .chunks(packed.len().div_ceil(threads))
                .map(|rows| scope.spawn(move || count(rows)))
                .collect();
            parts.into_iter().filter_map(|part| part.join().ok()).fold(Sums::default(), Sums::with)
        });
        best = best.min(begun.elapsed());
    }
    (best, sums)
}
