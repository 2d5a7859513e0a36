//! Whether the time of the one 404 tells why: refused questions of every reason, one after the other and in turn, over one
//! warm connection with mutual TLS.
//!
//! `cargo bench --bench not_found -- [--each N]`. The demonstration runs in this process on `SQLite`. For every reason the
//! median is held against that of a handle that nobody has, with Welch's t; the bar is 5 hundredths and 50 µs. Nothing in
//! the gateway waits or draws to make them alike.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use anyhow::{Context as _, Result, bail, ensure};
use chrono::NaiveDate;
use reqwest::Method;
use schoolgate::crypto::{random, to_hex};
use schoolgate::demo::run::{Client, Demo, DemoArgs, start};
use schoolgate::demo::{DemoCaller, Standing};
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TODAY: Option<NaiveDate> = NaiveDate::from_ymd_opt(2026, 11, 20);
/// Questions of each reason.
const EACH: usize = 20_000;
/// Questions of each reason before it is measured.
const WARM: usize = 500;

/// A reason for the one 404, and what is asked.
struct Reason {
    what: &'static str,
    handle: Handle,
    took: Vec<f64>,
}

/// Whose handle is shown.
enum Handle {
    /// One that is drawn anew each time and that nobody has.
    Drawn,
    /// One that stands for a child, though not here or not any more.
    Standing(String),
}

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let each = match (words.next().as_deref(), words.next()) {
        (None, _) => EACH,
        (Some("--each"), Some(many)) => many.parse()?,
        _ => bail!("`--each N` is all that is known"),
    };
    let folder = tempfile::tempdir()?;
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let demo = runtime.block_on(start(&DemoArgs {
        dir: Some(folder.path().join("demo")),
        ready_file: None,
        pupils: 180,
        schools: 3,
        seed: 1,
        identity_provider: None,
        identity_provider_ca: None,
        database: None,
        today: TODAY,
    }))?;
    let measured = runtime.block_on(measure(&demo, each));
    runtime.block_on(demo.running.stop());
    measured
}

/// Every reason in turn, so that what slows the machine slows all of them alike.
async fn measure(demo: &Demo, each: usize) -> Result<()> {
    let worker = caller(demo, "social_worker_cp")?;
    let client = Client::new(worker, &demo.dir, &demo.json.api)?;
    let reference = child(worker, Standing::Mine)?.1;
    let mut reasons = reasons(demo)?;
    let mut token = (client.token().await?, Instant::now());
    for turn in 0..each + WARM {
        if token.1.elapsed() > Duration::from_mins(4) {
            token = (client.token().await?, Instant::now());
        }
        for reason in &mut reasons {
            let handle = match &reason.handle {
                Handle::Drawn => to_hex(&random::<16>().context("no chance")?),
                Handle::Standing(handle) => handle.clone(),
            };
            let path = format!("/v1/pupils/{handle}/attendance-summary");
            let headers = [("case-reference", reference.as_str())];
            let begun = Instant::now();
            let answer = client.call_with(&token.0, Method::GET, &path, &headers, Vec::new()).await?;
            let took = begun.elapsed().as_secs_f64() * 1e6;
            ensure!(answer.status == 404, "{} was answered {}", reason.what, answer.status);
            if turn >= WARM {
                reason.took.push(took);
            }
        }
    }
    tell(&mut reasons)
}

fn tell(reasons: &mut [Reason]) -> Result<()> {
    for reason in reasons.iter_mut() {
        reason.took.sort_unstable_by(f64::total_cmp);
    }
    let first = reasons.first().context("no reason")?;
    println!("| reason | answers | median µs | beside the first, µs | ratio | Welch's t |");
    println!("|--------|--------:|----------:|---------------------:|------:|----------:|");
    let mut holds = true;
    for reason in reasons.iter() {
        let (ours, theirs) = (median(&reason.took), median(&first.took));
        let (apart, ratio) = (ours - theirs, ours / theirs);
        holds &= apart.abs() <= 50.0 && (ratio - 1.0).abs() <= 0.05;
        let t = welch(&reason.took, &first.took);
        let many = reason.took.len();
        println!("| {} | {many} | {ours:.1} | {apart:+.1} | {ratio:.4} | {t:+.2} |", reason.what);
    }
    println!("medians within 5 hundredths and 50 µs: {}", if holds { "yes" } else { "NO" });
    Ok(())
}

fn reasons(demo: &Demo) -> Result<Vec<Reason>> {
    let worker = caller(demo, "social_worker_cp")?;
    let of = |what, handle| Reason { what, handle, took: Vec::new() };
    let mut all = vec![
        of("a handle that nobody has", Handle::Drawn),
        of("the same again, beside itself", Handle::Drawn),
        of(
            "another system's handle of its own child",
            Handle::Standing(child(caller(demo, "school_nurse")?, Standing::Mine)?.0),
        ),
    ];
    for (what, standing) in [
        ("a case that has ended", Standing::Ended),
        ("a child whose whereabouts are protected", Standing::Protected),
        ("a shielded child", Standing::Shielded),
        ("a child of nobody's here", Standing::NotMine),
    ] {
        // Not every standing is in every demonstration.
        if let Ok((handle, _)) = child(worker, standing) {
            all.push(of(what, Handle::Standing(handle)));
        }
    }
    Ok(all)
}

fn caller<'a>(demo: &'a Demo, name: &str) -> Result<&'a DemoCaller> {
    demo.json.callers.iter().find(|c| c.name == name).with_context(|| format!("no caller {name}"))
}

/// Handle and reference of a caller's first child of a standing.
fn child(caller: &DemoCaller, standing: Standing) -> Result<(String, String)> {
    let found = caller.children.iter().find(|child| child.standing == standing);
    let found = found.with_context(|| format!("{} has no such child", caller.name))?;
    let handle = found.pupil_id.clone().context("the child has no handle")?;
    Ok((handle, found.case_reference.clone().unwrap_or_default()))
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Welch's t of two means, for samples whose variances differ.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let ((a, va), (b, vb)) = (moments(one), moments(other));
    let spread = (va / count(one) + vb / count(other)).sqrt();
    if spread > 0.0 { (a - b) / spread } else { 0.0 }
}

/// Mean, and variance of a sample.
fn moments(of: &[f64]) -> (f64, f64) {
    let mean = of.iter().sum::<f64>() / count(of);
    let squares: f64 = of.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, squares / (count(of) - 1.0).max(1.0))
}

fn count(of: &[f64]) -> f64 {
    u32::try_from(of.len()).map_or(f64::INFINITY, f64::from)
}
