//! Full handshakes of TLS 1.3 with a client certificate, beside nginx in the same run, by each way to agree on keys.
//!
//! `cargo bench --bench handshake -- [--connections N] [--seconds N]`, and the same with `--features pq`. It starts the
//! demonstration in this process, and a client of its own in another: each request is a connection with a handshake of its
//! own, no tickets and no resumption on either side, and the client offers one way to agree on keys and sees that it was
//! taken. The gateway answers `/openapi.json`, which has no entry, and with a token a feed, whose entry is durable before the
//! answer leaves; nginx answers a file. The same certificates and client. Without `pq` that is X25519; with it the hybrid
//! X25519MLKEM768 as well, which Debian 12's nginx does not have.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod client;
#[path = "../summary_over_tls/nginx.rs"]
mod nginx;
#[path = "../common/process.rs"]
mod process;

use anyhow::{Context as _, Result, bail};
use client::{Found, Question};
use nginx::Nginx;
use schoolgate::demo::DemoCaller;
use schoolgate::demo::run::{Client, Demo, DemoArgs, start};
use std::time::Duration;
use tokio::runtime::Builder;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What everybody has.
const USUAL: &str = "X25519";
/// Where an answer has an entry of its own: the organisation's feed.
const FEED: &str = "/v1/notifications";

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
    if std::env::args().nth(1).is_some_and(|word| word == client::WORD) {
        println!("{}", serde_json::to_string(&client::run()?)?);
        return Ok(());
    }
    let args = Args::read()?;
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
    let measured = Nginx::start(&demo.dir, folder.path()).and_then(|nginx| {
        let caller = demo.json.callers.iter().find(|caller| caller.name == "social_worker_cin");
        let caller = caller.context("the demonstration lacks its social worker")?;
        let token =
            gateway.block_on(async { Client::new(caller, &demo.dir, &demo.json.api)?.token().await })?;
        Measure { args: &args, demo: &demo, caller, nginx: &nginx, token }.all()
    });
    gateway.block_on(demo.running.stop());
    measured
}

/// Who is asked by whom.
struct Measure<'a> {
    args: &'a Args,
    demo: &'a Demo,
    caller: &'a DemoCaller,
    nginx: &'a Nginx,
    token: String,
}

impl Measure<'_> {
    /// nginx before and after the gateway: the ratio is to the mean of the two.
    fn all(&self) -> Result<()> {
        let Args { connections, seconds } = self.args;
        println!("{connections} connections at a time, {seconds} s each, one handshake a request");
        println!("| server | keys agreed on by | handshakes/s | p50 ms | p99 ms | server's CPU µs each |");
        println!("|--------|-------------------|-------------:|-------:|-------:|---------------------:|");
        let before = self.nginx("nginx, a file")?;
        let mut ours = Vec::new();
        for group in client::groups() {
            let group = client::name(group);
            let plain = self.gateway("gateway, no entry", "/openapi.json", &group)?;
            let recorded = self.gateway("gateway, an entry each", FEED, &group)?;
            ours.extend([
                (format!("{group}, no entry"), plain),
                (format!("{group}, an entry each"), recorded),
            ]);
        }
        let theirs = f64::midpoint(before, self.nginx("nginx, a file, again")?);
        for (what, rate) in ours {
            println!("gateway, {what}: {:.3} of nginx by {USUAL}", rate / theirs);
        }
        let seen = process::now(std::process::id()).unwrap_or_default();
        println!("gateway: {} MiB at its most", seen.memory_kib / 1024);
        Ok(())
    }

    fn nginx(&self, what: &str) -> Result<f64> {
        let question = self.question(&self.nginx.address(), "", USUAL)?;
        row(what, &question, &self.nginx.processes())
    }

    fn gateway(&self, what: &str, path: &str, group: &str) -> Result<f64> {
        let question = self.question(&self.demo.json.api, path, group)?;
        row(what, &question, &[std::process::id()])
    }

    fn question(&self, base: &str, path: &str, group: &str) -> Result<Question> {
        let rest = base.strip_prefix("https://").context("an address of https")?;
        let (address, own) = rest.split_once('/').unwrap_or((rest, ""));
        let file = |name: &str| self.demo.dir.join(name);
        Ok(Question {
            address: address.parse()?,
            path: format!("/{own}{}", path.trim_start_matches('/')),
            token: (path == FEED).then(|| self.token.clone()),
            group: group.to_owned(),
            connections: self.args.connections,
            seconds: self.args.seconds,
            files: [file(&self.demo.json.ca), file(&self.caller.certificate), file(&self.caller.key)],
        })
    }
}

/// Asks for as long as is said, prints what was found, and gives handshakes a second.
fn row(what: &str, question: &Question, server: &[u32]) -> Result<f64> {
    let busy = || server.iter().filter_map(|id| process::now(*id)).map(|seen| seen.busy).sum::<Duration>();
    let before = busy();
    let Found { handshakes, seconds, p50, p99 } = question.asked()?;
    let each = busy().saturating_sub(before).checked_div(handshakes).unwrap_or_default();
    let rate = f64::from(handshakes) / seconds;
    let (group, each) = (&question.group, each.as_micros());
    println!("| {what} | {group} | {rate:.0} | {p50:.1} | {p99:.1} | {each} |");
    Ok(rate)
}
