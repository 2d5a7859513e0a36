//! One audited summary over mutual TLS beside nginx with a static file, and where its microseconds go.
//!
//! `cargo bench --bench summary_over_tls -- [--database URL] [--connections N] [--seconds N]`. It starts the demonstration
//! in this process, on `SQLite` unless an empty PostgreSQL database is named, and has `oha` ask it for one child's summary
//! over warm HTTP/1.1 connections with a client certificate and a token at hand. The same `oha` asks an nginx of the PATH
//! in the same way with the same certificates. Both answer on this machine, one after the other, with `oha` beside them.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod load;
mod nginx;
mod parts;

use anyhow::{Context as _, Result, bail};
use chrono::NaiveDate;
use load::{Measured, Oha, Question, Server};
use nginx::Nginx;
use schoolgate::demo::run::{Client, Demo, DemoArgs, start};
use schoolgate::demo::{DemoCaller, Standing};
use schoolgate::gate::Gate;
use schoolgate::store::Tx;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Builder;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The gateway's own "today": a Friday evening in term, so that two runs measure the same work.
const TODAY: Option<NaiveDate> = NaiveDate::from_ymd_opt(2026, 11, 20);
/// What is asked for: everything that the role may have, and a part of it about as long as the file.
const QUERIES: [(&str, &str); 2] =
    [("gateway, every permitted section", ""), ("gateway, headline", "?sections=headline")];

/// The caller and the child that are asked about.
pub struct Sample {
    /// A social worker's system.
    pub caller: DemoCaller,
    /// Its own handle of the child.
    pub handle: String,
    /// The reference of its case.
    pub case_reference: String,
    /// A token at hand; it holds for five minutes.
    pub token: String,
}

/// What the command line says.
struct Args {
    database: Option<String>,
    connections: u32,
    seconds: u64,
}

impl Args {
    fn read() -> Result<Self> {
        let mut args = Self { database: None, connections: 256, seconds: 10 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
            match word.as_str() {
                "--database" => args.database = Some(value()?),
                "--connections" => args.connections = value()?.parse()?,
                "--seconds" => args.seconds = value()?.parse()?,
                // What cargo adds.
                "--bench" => {}
                _ => bail!("`{word}` is not known"),
            }
        }
        Ok(args)
    }
}

fn main() -> Result<()> {
    let args = Args::read()?;
    let oha = Oha::ready()?;
    let folder = tempfile::tempdir()?;
    let gateway = Builder::new_multi_thread().enable_all().build()?;
    println!("load average before: {}", load_average());
    let demo = gateway.block_on(start(&DemoArgs {
        dir: Some(folder.path().join("demo")),
        ready_file: None,
        pupils: 180,
        schools: 3,
        seed: 1,
        identity_provider: None,
        identity_provider_ca: None,
        database: args.database.clone(),
        today: TODAY,
    }))?;
    gateway.block_on(allow_any_number(&demo.running.gate))?;
    let measured = gateway.block_on(sample(&demo)).and_then(|sample| {
        beside_nginx(&args, &oha, &demo, &sample, folder.path())?;
        println!("\n| part | µs, median |\n|------|-----------:|");
        gateway.block_on(parts::print(&demo, &sample))
    });
    gateway.block_on(demo.running.stop());
    println!("load average after: {}", load_average());
    measured
}

/// Lifts the allowance of each system, which a minute of this is beyond; all else stays as it is.
async fn allow_any_number(gate: &Gate) -> Result<()> {
    const ALLOWED: &str = "UPDATE systems SET requests_per_minute = 1000000000";
    const MOVED: &str = "UPDATE directory_version SET version = version + 1 WHERE id = 1";
    let mut tx = gate.db().begin().await?;
    for text in [ALLOWED, MOVED] {
        match &mut tx {
            Tx::Sqlite(open) => sqlx::query(text).execute(&mut **open).await.map(|_| ())?,
            Tx::Postgres(open) => sqlx::query(text).execute(&mut **open).await.map(|_| ())?,
        }
    }
    tx.commit().await?;
    gate.directory().refresh(gate.db()).await?;
    Ok(())
}

fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}

/// Both servers, one after the other, nginx before and after the gateway: the ratio is to the mean of the two.
fn beside_nginx(args: &Args, oha: &Oha, demo: &Demo, sample: &Sample, folder: &Path) -> Result<()> {
    let lasting = Duration::from_secs(args.seconds);
    let nginx = Nginx::start(&demo.dir, folder)?;
    let file = || -> Result<Measured> {
        let question = Question::plain(demo, sample, nginx.address());
        let found = oha.measure(&question, args.connections, lasting, &Server(nginx.processes()))?;
        println!("| nginx, a file of {} bytes | {found} | |", nginx::BYTES);
        Ok(found)
    };
    println!("{} connections, HTTP/1.1, {} s each", args.connections, args.seconds);
    println!("| server | answers/s | p50 ms | p99 ms | server's CPU µs an answer | of nginx's rate |");
    println!("|--------|----------:|-------:|-------:|--------------------------:|----------------:|");
    let before = file()?;
    let mut ours = Vec::new();
    for (what, query) in QUERIES {
        let question = Question::summary(demo, sample, query);
        let server = Server(vec![std::process::id()]);
        let found = oha.measure(&question, args.connections, lasting, &server)?;
        println!("| {what} | {found} | {:.3} |", found.rate / before.rate);
        ours.push((what, found));
    }
    let after = file()?;
    let theirs = f64::midpoint(before.rate, after.rate);
    for (what, found) in ours {
        println!("{what}: {:.3} of nginx", found.rate / theirs);
    }
    Ok(())
}

/// The demonstration's social worker with a child in need: its purpose has no `sessions`, so that its answer is worked out
/// as at the last published week and, for when the child was last seen, as at now, which is the dearer kind.
async fn sample(demo: &Demo) -> Result<Sample> {
    let caller = demo.json.callers.iter().find(|c| c.name == "social_worker_cin");
    let caller = caller.context("the demonstration lacks its social worker")?.clone();
    let child = caller.children.iter().find(|c| matches!(c.standing, Standing::Mine));
    let child = child.context("the social worker has no child")?;
    let handle = child.pupil_id.clone().context("the child has no handle")?;
    let case_reference = child.case_reference.clone().context("the child has no case")?;
    let token = Client::new(&caller, &demo.dir, &demo.json.api)?.token().await?;
    Ok(Sample { caller, handle, case_reference, token })
}
