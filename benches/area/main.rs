//! An authority's own area, streamed over mutual TLS: how long it takes, when its first line is there, and what memory
//! it costs.
//!
//! `cargo bench --bench area`. It starts the demonstration in this process, registers 150 further schools whose returns
//! come to its authority, imports two years of 60,000 pupils with the program itself, and asks as the attendance officer's
//! system, twice: the first time every child is given a handle. Gateway and client share this process, so that its memory
//! is that of both, and what each takes of the processors is told by its threads, µs a child. `BENCH_PUPILS` and `BENCH_SCHOOLS` make it smaller; with `BENCH_DATABASE_URL`, an empty PostgreSQL
//! database, all is done there as well. The files are those of `cargo bench --bench import`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod asking;
#[path = "../import/command.rs"]
#[expect(dead_code, reason = "shared with the benchmark of imports, which prints more of it")]
mod command;
#[path = "../import/files.rs"]
#[expect(dead_code, reason = "shared with the benchmark of imports, which uses more of it")]
mod files;
#[path = "../common/process.rs"]
mod process;
mod threads;

use anyhow::{Context as _, Result};
use asking::Asking;
use chrono::NaiveDate;
use command::Command;
use files::{Authority, Files};
use schoolgate::demo::run::{DemoArgs, start};
use schoolgate::store::{Db, Tx};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use threads::CLIENT;
use tokio::runtime::Builder;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bars for two cores; printed beside what was measured.
const ON_SQLITE: Duration = Duration::from_secs(4);
const ON_POSTGRESQL: Duration = Duration::from_secs(6);
/// The gateway's own "today": the end of the second year, so that its window is the whole of it.
const TODAY: Option<NaiveDate> = NaiveDate::from_ymd_opt(2025, 7, 18);

#[tokio::main]
async fn main() -> Result<()> {
    let number = |name: &str, usual: usize| -> Result<usize> {
        std::env::var(name).map_or(Ok(usual), |text| text.parse().context("not a number"))
    };
    let authority =
        Authority { pupils: number("BENCH_PUPILS", 60_000)?, schools: number("BENCH_SCHOOLS", 150)? };
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench-import");
    let files = Files::make(&authority, &dir, false)?;
    println!("load average before: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!(
        "| database | asked | lines | MiB | first line | whole | growth | gateway µs | SQLite µs | client µs |"
    );
    println!(
        "|----------|-------|------:|----:|-----------:|------:|-------:|-----------:|----------:|----------:|"
    );
    measure(&authority, &files, &dir, None, ON_SQLITE).await?;
    match std::env::var("BENCH_DATABASE_URL") {
        Ok(url) => measure(&authority, &files, &dir, Some(url), ON_POSTGRESQL).await?,
        Err(_) => println!("BENCH_DATABASE_URL is not set: nothing was measured on PostgreSQL"),
    }
    println!("load average after: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    Ok(())
}

async fn measure(
    authority: &Authority,
    files: &Files,
    dir: &Path,
    database: Option<String>,
    bar: Duration,
) -> Result<()> {
    let name = if database.is_some() { "PostgreSQL" } else { "SQLite" };
    let folder = tempfile::tempdir_in(dir)?;
    let args = DemoArgs {
        dir: Some(folder.path().join("demo")),
        ready_file: None,
        pupils: 120,
        schools: 2,
        seed: 1,
        identity_provider: None,
        identity_provider_ca: None,
        database,
        today: TODAY,
    };
    let demo = start(&args).await?;
    demo.add_to_directory(&authority.directory(folder.path())?).await?;
    let gate = &demo.running.gate;
    returning_here(gate.db()).await?;
    gate.directory().refresh(gate.db()).await?;
    let command = Command::new(&demo.dir.join("schoolgate.toml"), folder.path());
    let [of_b, of_a] = &files.calendars;
    for (kind, file) in [
        ("calendar", of_b),
        ("calendar", of_a),
        ("pupils", &files.rolls),
        ("attendance", &files.year_b),
        ("attendance", &files.year_a),
    ] {
        command.run(kind, file, &[]).await?;
    }
    // On a thread of its own, so that what it takes is told apart.
    let client = Builder::new_multi_thread().worker_threads(1).thread_name(CLIENT).enable_all().build()?;
    let asking = Arc::new(Asking::new(&demo)?);
    for asked in ["first", "again", "once more"] {
        let asking = Arc::clone(&asking);
        let answered = client.spawn(async move { asking.once().await }).await;
        match answered.map_err(anyhow::Error::from).flatten() {
            Ok(answered) => println!("| {name} | {asked} | {answered} |"),
            Err(error) => {
                // What asks is not to be dropped where it would have to wait.
                client.shutdown_background();
                return Err(error);
            }
        }
    }
    client.shutdown_background();
    println!("bars: {bar:?} whole, 500 ms to the first line, 32 MiB");
    demo.running.stop().await;
    Ok(())
}

/// Has the returns of the schools come to the demonstration's authority, which a directory file of its own cannot name.
async fn returning_here(db: &Db) -> Result<()> {
    const RETURNS: &str = "UPDATE organisations SET returns_to = (SELECT a.id FROM organisations a \
         WHERE a.code = 'exampleshire') WHERE code LIKE 'bench-%' AND kind = 'school'";
    const MOVED: &str = "UPDATE directory_version SET version = version + 1 WHERE id = 1";
    let mut tx = db.begin().await?;
    for text in [RETURNS, MOVED] {
        match &mut tx {
            Tx::Sqlite(open) => sqlx::query(text).execute(&mut **open).await.map(|_| ())?,
            Tx::Postgres(open) => sqlx::query(text).execute(&mut **open).await.map(|_| ())?,
        }
    }
    Ok(tx.commit().await?)
}
