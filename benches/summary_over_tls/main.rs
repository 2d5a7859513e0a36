//! One audited summary over mutual TLS, beside nginx serving a file of the same bytes, and where its microseconds go.
//!
//! `cargo bench --bench summary_over_tls`. It starts the demonstration in this process, asks it over warm connections with
//! a client certificate and a token that is at hand, and asks an nginx of the PATH in the same way with the same
//! certificates. The client has one thread of its own, the same for both; nginx is another process, the gateway is not.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod load;
mod nginx;
mod parts;

use anyhow::{Context as _, Result};
use chrono::NaiveDate;
use load::{Asking, Http, Server};
use nginx::Nginx;
use schoolgate::demo::run::{Client, Demo, DemoArgs, start};
use schoolgate::demo::{DemoCaller, Standing};
use std::path::Path;
use tokio::runtime::{Builder, Runtime};

/// Requests outstanding at once.
const IN_FLIGHT: [u32; 3] = [1, 16, 64];
/// The gateway's own "today": a Friday evening in term, so that two runs measure the same work.
const TODAY: Option<NaiveDate> = NaiveDate::from_ymd_opt(2026, 11, 20);
/// A path without a route: TLS, HTTP and our layers, and neither a token, a database nor an entry.
const NOWHERE: &str = "/.well-known/nothing";

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

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let gateway = Builder::new_multi_thread().enable_all().build()?;
    let client = Builder::new_current_thread().enable_all().build()?;
    println!("load average before: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    let args = DemoArgs {
        dir: Some(folder.path().join("demo")),
        ready_file: None,
        pupils: 180,
        schools: 3,
        seed: 1,
        database: None,
        today: TODAY,
    };
    let demo = gateway.block_on(start(&args))?;
    let measured = measure(&demo, &gateway, &client, folder.path());
    gateway.block_on(demo.running.stop());
    println!("load average after: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    measured
}

fn measure(demo: &Demo, gateway: &Runtime, client: &Runtime, folder: &Path) -> Result<()> {
    let sample = client.block_on(sample(demo))?;
    let asking = |http| Asking::summary(demo, &sample, http);
    let body = client.block_on(async { asking(Http::Two)?.once().await })?;
    println!("the answer: {} bytes", body.len());
    let nginx = Nginx::start(&demo.dir, folder, &body)?;
    if nginx.is_none() {
        println!("nginx is not on the PATH: its half is left out");
    }
    println!(
        "| HTTP | in flight | server | p50 µs | p99 µs | requests/s | server's CPU µs a request | gateway : nginx |"
    );
    println!(
        "|------|----------:|--------|-------:|-------:|-----------:|--------------------------:|----------------:|"
    );
    for http in [Http::Two, Http::One] {
        for in_flight in IN_FLIGHT {
            let ours = client.block_on(asking(http)?.measure(in_flight, Server::Gateway))?;
            println!("| {http:?} | {in_flight} | gateway | {ours} | |");
            if let Some(nginx) = &nginx {
                let address = nginx.address();
                let theirs = client.block_on(
                    Asking::plain(demo, &sample, &address, 200, http)?
                        .measure(in_flight, Server::Other(nginx.process())),
                )?;
                let ratio = format!("{:.3} of its rate", ours.rate / theirs.rate);
                println!("| {http:?} | {in_flight} | nginx | {theirs} | {ratio} |");
            }
        }
        let address = format!("{}{NOWHERE}", demo.json.api);
        let nowhere = client
            .block_on(Asking::plain(demo, &sample, &address, 404, http)?.measure(1, Server::Gateway))?;
        println!("| {http:?} | 1 | gateway, no route, no entry | {nowhere} | |");
    }
    drop(nginx);
    println!("\n| part | µs, median |\n|------|-----------:|");
    gateway.block_on(parts::print(demo, &sample, &body))
}

/// The demonstration's social worker with a child on a child protection plan: its role has no `sessions`, so that its
/// answer is worked out twice, as at the last published week and as at now, which is the dearer kind.
async fn sample(demo: &Demo) -> Result<Sample> {
    let caller = demo.json.callers.iter().find(|c| c.name == "social_worker_cp");
    let caller = caller.context("the demonstration lacks its social worker")?.clone();
    let child = caller.children.iter().find(|c| matches!(c.standing, Standing::Mine));
    let child = child.context("the social worker has no child")?;
    let handle = child.pupil_id.clone().context("the child has no handle")?;
    let case_reference = child.case_reference.clone().context("the child has no case")?;
    let token = Client::new(&caller, &demo.dir, &demo.json.api)?.token().await?;
    Ok(Sample { caller, handle, case_reference, token })
}
