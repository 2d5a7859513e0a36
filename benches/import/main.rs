//! A whole authority's year through `schoolgate import`: marks a second, memory, and what others notice of it.
//!
//! `cargo bench --bench import`. It starts the demonstration in this process, registers 150 further schools with one
//! supplier's system, and imports their calendars, rolls and marks with the program itself, as a process of its own on
//! the same database, first alone and then while a social worker's system asks this process for a summary again and
//! again. `BENCH_PUPILS` and `BENCH_SCHOOLS` make it smaller, `BENCH_DATABASE_URL` names an empty PostgreSQL database.
//! The files (1.7 GB a year) are made once, from a seed, under `target/bench-import`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod asking;
mod command;
mod files;
#[path = "../common/process.rs"]
mod process;

use anyhow::{Context as _, Result};
use asking::Asking;
use command::{Command, Ran};
use files::{Authority, Files};
use schoolgate::demo::run::{Demo, DemoArgs, start};
use schoolgate::intake::parse::{Format, Limits, of_one_school, read_marks};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// As in the program itself: the gateway that answers meanwhile runs in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bars for two cores; printed beside what was measured.
const FIRST_LOAD: f64 = 1_000_000.0;
const AGAIN: f64 = 300_000.0;
const P99_TIMES: f64 = 5.0;
const LONGEST: Duration = Duration::from_millis(50);
/// Memory that 2 GB of rows may take: marks are packed by pupil and year, and errors are kept up to a limit.
const RIGHT_MIB: u64 = 1024;
const WRONG_MIB: u64 = 256;
/// The exit code where rows were rejected.
const SOME_REJECTED: i32 = 3;

#[tokio::main]
async fn main() -> Result<()> {
    let number = |name: &str, usual: usize| -> Result<usize> {
        std::env::var(name).map_or(Ok(usual), |text| text.parse().context("not a number"))
    };
    let authority =
        Authority { pupils: number("BENCH_PUPILS", 60_000)?, schools: number("BENCH_SCHOOLS", 150)? };
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench-import");
    let files = Files::make(&authority, &dir, true)?;
    println!("load average before: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!("{} pupils, {} schools, {} marks a year", authority.pupils, authority.schools, files.rows);
    read_only(&files)?;
    let folder = tempfile::tempdir_in(&dir)?;
    let demo = start(&demo_args(folder.path())).await?;
    demo.add_to_directory(&authority.directory(folder.path())?).await?;
    let measured = measure(&demo, &files, folder.path()).await;
    demo.running.stop().await;
    println!("load average after: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    measured
}

fn demo_args(folder: &Path) -> DemoArgs {
    DemoArgs {
        dir: Some(folder.join("demo")),
        ready_file: None,
        pupils: 180,
        schools: 3,
        seed: 1,
        identity_provider: None,
        identity_provider_ca: None,
        database: std::env::var("BENCH_DATABASE_URL").ok(),
        today: None,
    }
}

/// Reading and checking the form of every row, and nothing else, in this process.
fn read_only(files: &Files) -> Result<()> {
    let begun = Instant::now();
    let limits = Limits { rows_max: usize::MAX, ..Limits::default() };
    let mut rows = 0_u32;
    let tally = read_marks(
        &mut File::open(&files.year_a)?,
        Format::Csv,
        (&limits, &mut of_one_school),
        &mut |_, _| {
            rows += 1;
            Ok(())
        },
    )?;
    anyhow::ensure!(tally.rejected.rows == 0 && usize::try_from(rows)? == files.rows, "rows were rejected");
    let took = begun.elapsed();
    println!("| reading alone | {:.2} s | {:.0} marks/s | |", took.as_secs_f64(), rate(files.rows, took));
    Ok(())
}

fn rate(rows: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(rows).unwrap_or(u32::MAX)) / took.as_secs_f64()
}

async fn measure(demo: &Demo, files: &Files, folder: &Path) -> Result<()> {
    let command = Command::new(&demo.dir.join("schoolgate.toml"), folder);
    let [of_b, of_a] = &files.calendars;
    for (kind, file) in [("calendar", of_b), ("calendar", of_a), ("pupils", &files.rolls)] {
        row(kind, &command.run(kind, file, &[]).await?, None);
    }
    let marks = "attendance";
    row("dry run", &command.run(marks, &files.year_a, &["--dry-run"]).await?, None);
    row("first load", &command.run(marks, &files.year_a, &[]).await?, Some((FIRST_LOAD, files.rows)));
    row("the same again", &command.run(marks, &files.year_a, &[]).await?, None);
    row("again, 2% changed", &command.run(marks, &files.changed, &[]).await?, Some((AGAIN, files.rows)));
    let asking = Asking::new(demo).await?;
    let rest = asking.for_time(Duration::from_secs(20)).await?;
    println!("a summary at rest: {rest}");
    let loading = async {
        let loaded = command.run(marks, &files.year_b, &[]).await;
        asking.tell();
        loaded
    };
    let (loaded, busy) = tokio::join!(loading, asking.until_told());
    let (loaded, busy) = (loaded?, busy?);
    row("first load of another year, summaries meanwhile", &loaded, Some((FIRST_LOAD, files.rows)));
    let times = busy.p99.as_secs_f64() / rest.p99.as_secs_f64();
    println!("a summary meanwhile: {busy}; p99 {times:.1} times that at rest (bar: under {P99_TIMES})");
    println!(
        "longest write transaction: {:?} in the importing process, {:?} in the gateway (bar: under {LONGEST:?})",
        loaded.longest_write,
        schoolgate::store::longest_write()
    );
    long(&command, files).await
}

/// 2 GB through the command line, once of rows that stand and once of rows that are wrong, every one: memory grows with
/// neither.
async fn long(command: &Command, files: &Files) -> Result<()> {
    let right = command.run("attendance", &files.long, &[]).await?;
    row("2 GB of rows, all known", &right, None);
    let wrong = command.ends_with(SOME_REJECTED, "attendance", &files.wrong, &[]).await?;
    row("2 GB of rows, all wrong", &wrong, None);
    for (ran, most) in [(right, RIGHT_MIB), (wrong, WRONG_MIB)] {
        anyhow::ensure!(ran.memory_kib / 1024 < most, "it took {} KiB, over {most} MiB", ran.memory_kib);
    }
    Ok(())
}

fn row(what: &str, ran: &Ran, bar: Option<(f64, usize)>) {
    let Ran { took, busy, memory_kib, longest_write, said } = ran;
    let against = bar.map_or_else(String::new, |(bar, rows)| {
        format!(
            "{:.0} marks/s (bar: {bar:.0}), {:.0} a second of processor time; ",
            rate(rows, *took),
            rate(rows, *busy)
        )
    });
    println!(
        "| {what} | {:.2} s, {:.2} s of processor time | {against}at most {} MiB, longest write {longest_write:?} | {said} |",
        took.as_secs_f64(),
        busy.as_secs_f64(),
        memory_kib / 1024
    );
}
