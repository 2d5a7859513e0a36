//! `schoolgate serve` on a whole authority's database: how soon it is ready, and what memory it takes after ten thousand
//! summaries.
//!
//! `cargo bench --bench serve`. The database is the demonstration's, made by the program itself as it would be by hand
//! (its time and memory are printed) and kept under `target/bench-serve` for the next run; `BENCH_PUPILS` and
//! `BENCH_SCHOOLS` make it smaller, `BENCH_DATABASE_URL` names an empty PostgreSQL database to make it in. Each summary is
//! of another child, where there are enough: every school's system finds its own pupils by UPN and asks for their figures.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod made;
#[path = "../common/process.rs"]
mod process;

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _};
use made::{Made, Program};
use schoolgate::demo::run::Client;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bars for two cores, printed beside what was measured.
const READY: Duration = Duration::from_secs(1);
const MEMORY_MB: f64 = 150.0;
const SUMMARIES: usize = 10_000;
/// Times that it is started, the last time to be asked.
const STARTS: usize = 5;
/// Questions outstanding at once.
const AT_ONCE: usize = 16;

#[tokio::main]
async fn main() -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    println!("load average before: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    let made = Made::make().await?;
    println!("| | figure | bar |\n|---|---|---|");
    for start in 1..=STARTS {
        let (program, took) = ready(&made).await?;
        println!("| start {start}: ready after | {:.0} ms | under {READY:?} |", took.as_secs_f64() * 1000.0);
        if start == STARTS {
            asked(&made, &program).await?;
        }
        program.stop().await?;
    }
    println!("load average after: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    Ok(())
}

/// Starts it and waits until it says that it is ready.
async fn ready(made: &Made) -> Result<(Program, Duration)> {
    let begun = Instant::now();
    let mut program = Program::start(&["serve", "--config"], &made.config())?;
    let http = reqwest::Client::new();
    let url = format!("{}/readyz", made.json.admin);
    loop {
        let answer = http.get(&url).timeout(Duration::from_secs(1)).send().await;
        if answer.is_ok_and(|answer| answer.status() == 200) {
            return Ok((program, begun.elapsed()));
        }
        ensure!(program.is_running()?, "it ended before it was ready");
        ensure!(begun.elapsed() < Duration::from_mins(1), "it was never ready");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Asks for the summaries, and prints what memory the program then has.
async fn asked(made: &Made, program: &Program) -> Result<()> {
    let mb = |name: &str| -> Result<f64> {
        let kib = process::kib(program.id(), name).context("the program has ended")?;
        Ok(f64::from(u32::try_from(kib)?) * 1024.0 / 1e6)
    };
    let at_rest = mb("VmRSS:")?;
    let pupils = made.pupils(SUMMARIES)?;
    let begun = Instant::now();
    let bytes: usize = futures_util::stream::iter(pupils.into_iter().cycle().take(SUMMARIES))
        .map(|(client, upn)| async move { one(&client, &upn).await })
        .buffer_unordered(AT_ONCE)
        .try_fold(0, |all, bytes| async move { Ok(all + bytes) })
        .await?;
    let took = begun.elapsed();
    println!("| resident before the first question | {at_rest:.1} MB | |");
    println!("| {SUMMARIES} pupils found and summed up, {bytes} bytes | {:.1} s | |", took.as_secs_f64());
    println!("| resident afterwards | {:.1} MB | under {MEMORY_MB} MB |", mb("VmRSS:")?);
    println!("| the most that was resident | {:.1} MB | |", mb("VmHWM:")?);
    Ok(())
}

/// Finds a pupil and asks for its figures.
async fn one(client: &Arc<Client>, upn: &str) -> Result<usize> {
    let handle = client.find(upn).await?.context("a school does not find its own pupil")?;
    let path = format!("/v1/pupils/{handle}/attendance-summary");
    let answer = client.call(reqwest::Method::GET, &path, &[], Vec::new()).await?;
    ensure!(answer.status == 200, "a summary was answered {}", answer.status);
    Ok(answer.bytes.len())
}
