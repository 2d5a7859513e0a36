//! Durable audit entries a second, by how many are outstanding, beside one sync per entry on the same disk.
//!
//! `cargo bench --bench journal`; on PostgreSQL with `BENCH_DATABASE_URL`. It writes into that database: give it an empty one.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use anyhow::Context as _;
use schoolgate::audit::{Class, Decision, Entry, EventId, Journal, Options, verify};
use schoolgate::clock::Clock;
use schoolgate::store::{Db, migrate};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long each figure is measured.
const MEASURED: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let url = std::env::var("BENCH_DATABASE_URL")
        .unwrap_or_else(|_| format!("sqlite:{}", folder.path().join("journal.db").display()));
    let db = Db::open(&url).await?;
    migrate(&db).await?;
    let (journal, task) = Journal::start(db.clone(), Options::default());
    let mut alone = None;
    for outstanding in [1_u32, 64, 256, 1024] {
        let rate = entries_a_second(&journal, outstanding).await?;
        let ratio = rate / *alone.get_or_insert(rate);
        println!(
            "{outstanding:>5} outstanding: {rate:>9.0} durable entries/s, {ratio:>6.1} times one at a time"
        );
    }
    drop(journal);
    task.await?;
    let started = Instant::now();
    let verified = verify(&db).await?;
    let rate = f64::from(u32::try_from(verified.size)?) / started.elapsed().as_secs_f64();
    println!("verify: {} entries, {rate:.0} entries/s", verified.size);
    Ok(())
}

async fn entries_a_second(journal: &Journal, outstanding: u32) -> anyhow::Result<f64> {
    let clock = Clock::machine();
    let started = Instant::now();
    let mut tasks: JoinSet<anyhow::Result<u32>> = JoinSet::new();
    for _ in 0..outstanding {
        let (journal, clock) = (journal.clone(), clock.clone());
        tasks.spawn(async move {
            let mut written = 0;
            while started.elapsed() < MEASURED {
                let entry = Entry {
                    request: Some("01920000-0000-7000-8000-000000000001".to_owned()),
                    route: Some("/v1/pupils/{pupil_id}/attendance-summary".to_owned()),
                    status: Some(200),
                    ..Entry::new(EventId::new(), clock.now(), Class::Access, Decision::Allowed)
                };
                journal.record(&entry).await?;
                written += 1;
            }
            Ok(written)
        });
    }
    let mut total = 0;
    while let Some(done) = tasks.join_next().await {
        total += done.context("a writer")??;
    }
    Ok(f64::from(total) / started.elapsed().as_secs_f64())
}
