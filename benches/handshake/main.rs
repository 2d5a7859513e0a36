//! Full handshakes of TLS 1.3 with a client certificate, beside nginx in the same run.
//!
//! `cargo bench --bench handshake -- [--connections N] [--seconds N]`. It starts the demonstration in this process and has
//! `oha` ask it with `--disable-keepalive`, so that each request is a connection and a handshake of its own: no tickets, no
//! resumption on either side. The gateway answers 401 without a token, with its audit entry, and `/openapi.json` without one;
//! nginx answers a file and resumes nothing. The same certificates, client and flags. With `--features pq` the gateway also
//! offers X25519MLKEM768; `oha` does not ask for it, so that what is measured is what an ordinary partner meets.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../summary_over_tls/nginx.rs"]
mod nginx;

use anyhow::{Context as _, Result, bail};
use nginx::Nginx;
use schoolgate::demo::DemoCaller;
use schoolgate::demo::run::{Demo, DemoArgs, start};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::runtime::Builder;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The release of `oha` that `--bench summary_over_tls` builds into `target/tools`.
const VERSION: &str = "1.16.0";

/// What the command line says.
struct Args {
    connections: u32,
    seconds: u64,
}

impl Args {
    fn read() -> Result<Self> {
        let mut args = Self { connections: 32, seconds: 10 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
            match word.as_str() {
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
    let oha = oha()?;
    let folder = tempfile::tempdir()?;
    let gateway = Builder::new_multi_thread().enable_all().build()?;
    let demo = gateway.block_on(start(&DemoArgs {
        dir: Some(folder.path().join("demo")),
        ready_file: None,
        pupils: 180,
        schools: 3,
        seed: 1,
        database: None,
        today: None,
        identity_provider: None,
        identity_provider_ca: None,
    }))?;
    let measured = beside_nginx(&args, &oha, &demo, folder.path());
    gateway.block_on(demo.running.stop());
    measured
}

fn beside_nginx(args: &Args, oha: &Path, demo: &Demo, folder: &Path) -> Result<()> {
    let caller = demo.json.callers.iter().find(|caller| caller.name == "social_worker_cin");
    let caller = caller.context("the demonstration lacks its social worker")?;
    let nginx = Nginx::start(&demo.dir, folder)?;
    println!("{} connections at a time, {} s each, one handshake a request", args.connections, args.seconds);
    println!("| server | handshakes/s | p50 ms | p99 ms |\n|--------|-------------:|-------:|-------:|");
    let file = || measure(args, oha, demo, caller, &nginx.address(), "nginx, a file");
    let before = file()?;
    let ours =
        measure(args, oha, demo, caller, &format!("{}/openapi.json", demo.json.api), "gateway, no entry")?;
    let after = file()?;
    println!("gateway: {:.3} of nginx", ours / f64::midpoint(before, after));
    println!("nginx ran as processes {:?}", nginx.processes());
    Ok(())
}

/// Asks for as long as is said, and gives handshakes a second.
fn measure(
    args: &Args,
    oha: &Path,
    demo: &Demo,
    caller: &DemoCaller,
    address: &str,
    what: &str,
) -> Result<f64> {
    let path = |file: &str| demo.dir.join(file);
    let output = Command::new(oha)
        .args(["--no-tui", "--output-format", "json", "--http-version", "1.1", "--disable-keepalive"])
        .args(["-c", &args.connections.to_string(), "-z", &format!("{}s", args.seconds)])
        .arg("--cacert")
        .arg(path(&demo.json.ca))
        .arg("--cert")
        .arg(path(&caller.certificate))
        .arg("--key")
        .arg(path(&caller.key))
        .arg(address)
        .output()
        .context("oha could not be run")?;
    let report: Report = serde_json::from_slice(&output.stdout).context("what oha printed")?;
    let answered = report.status_code_distribution.get("200").copied().unwrap_or_default();
    if answered == 0 || report.status_code_distribution.len() != 1 {
        bail!("{what}: {:?}", report.status_code_distribution);
    }
    let rate = f64::from(answered) / report.summary.total;
    let Percentiles { p50, p99 } = report.latency_percentiles;
    let millis = |seconds: Option<f64>| seconds.unwrap_or_default() * 1e3;
    println!("| {what} | {rate:.0} | {:.1} | {:.1} |", millis(p50), millis(p99));
    Ok(rate)
}

/// What `oha` prints, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    summary: Summary,
    latency_percentiles: Percentiles,
    status_code_distribution: BTreeMap<String, u32>,
}

/// Seconds.
#[derive(Deserialize)]
struct Summary {
    total: f64,
}

/// Seconds.
#[derive(Deserialize)]
struct Percentiles {
    p50: Option<f64>,
    p99: Option<f64>,
}

/// The load generator where the other benchmark has built it.
fn oha() -> Result<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().context("the target folder")?;
    let program = target.join("tools/bin/oha");
    let said = Command::new(&program).arg("--version").output();
    if said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).trim().ends_with(VERSION)) {
        return Ok(program);
    }
    bail!(
        "oha {VERSION} is not in {}; `cargo install oha --locked --version {VERSION} --root {}`",
        program.display(),
        target.join("tools").display()
    )
}
