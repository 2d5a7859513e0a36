//! The load: `oha` over warm HTTP/1.1 connections, the same program and the same flags for either server.
//!
//! The version is fixed; where it is not there yet it is built into `target/tools`, once.

use super::Sample;
use anyhow::{Context as _, Result, bail};
use schoolgate::demo::run::Demo;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The release of `oha` that is used.
const VERSION: &str = "1.16.0";

/// The load generator, ready to run.
pub struct Oha(PathBuf);

impl Oha {
    /// Finds it in `target/tools`, or builds it there.
    pub fn ready() -> Result<Self> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().context("the target folder")?;
        let root = target.join("tools");
        let program = root.join("bin/oha");
        let said = Command::new(&program).arg("--version").output();
        if said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).trim().ends_with(VERSION)) {
            return Ok(Self(program));
        }
        println!("building oha {VERSION} into {}", root.display());
        let built = Command::new(env!("CARGO"))
            .args(["install", "oha", "--locked", "--version", VERSION, "--root"])
            .arg(&root)
            .env("CARGO_TARGET_DIR", root.join("build"))
            .status()
            .context("cargo could not be run")?;
        if !built.success() {
            bail!("oha {VERSION} could not be built");
        }
        Ok(Self(program))
    }

    /// Asks `question` over so many connections at once: a second to warm them, then for as long as is measured.
    pub fn measure(
        &self,
        question: &Question,
        connections: u32,
        lasting: Duration,
        server: &Server,
    ) -> Result<Measured> {
        self.run(question, connections, Duration::from_secs(1))?;
        let (started, before) = (Instant::now(), server.busy());
        let report = self.run(question, connections, lasting)?;
        let (lasted, after) = (started.elapsed(), server.busy());
        let answers: u32 = report.status_code_distribution.values().sum();
        // What was outstanding at the end is given up and is no fault; anything else is.
        let faults: BTreeMap<_, _> =
            report.error_distribution.iter().filter(|(what, _)| !what.contains("deadline")).collect();
        let only_ok = report.status_code_distribution.keys().all(|status| status == "200");
        if answers == 0 || !only_ok || !faults.is_empty() {
            bail!("{} answered {:?}, and {faults:?}", question.address, report.status_code_distribution);
        }
        Ok(Measured {
            rate: f64::from(answers) / lasted.as_secs_f64(),
            p50: report.latency_percentiles.p50.context("no p50")?,
            p99: report.latency_percentiles.p99.context("no p99")?,
            busy: before.zip(after).and_then(|(a, b)| b.checked_sub(a)?.checked_div(answers)),
        })
    }

    fn run(&self, question: &Question, connections: u32, lasting: Duration) -> Result<Report> {
        let mut oha = Command::new(&self.0);
        oha.args(["--no-tui", "--output-format", "json", "--http-version", "1.1", "--disable-compression"])
            .args(["-c", &connections.to_string(), "-z", &format!("{}s", lasting.as_secs())])
            .arg("--cacert")
            .arg(&question.ca)
            .arg("--cert")
            .arg(&question.certificate)
            .arg("--key")
            .arg(&question.key);
        for (name, value) in &question.headers {
            oha.arg("-H").arg(format!("{name}: {value}"));
        }
        let output = oha.arg(&question.address).output().context("oha could not be run")?;
        if !output.status.success() {
            bail!("oha: {}", String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout).context("what oha printed")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    latency_percentiles: Percentiles,
    status_code_distribution: BTreeMap<String, u32>,
    error_distribution: BTreeMap<String, u32>,
}

/// Seconds.
#[derive(Deserialize)]
struct Percentiles {
    p50: Option<f64>,
    p99: Option<f64>,
}

/// One question to one server.
pub struct Question {
    address: String,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    headers: Vec<(&'static str, String)>,
}

impl Question {
    /// A question without a token, with the caller's certificate.
    pub fn plain(demo: &Demo, sample: &Sample, address: String) -> Self {
        let path = |file: &str| demo.dir.join(file);
        Self {
            address,
            ca: path(&demo.json.ca),
            certificate: path(&sample.caller.certificate),
            key: path(&sample.caller.key),
            headers: Vec::new(),
        }
    }

    /// The question for a child's summary, as its own system asks it; `query` says which part.
    pub fn summary(demo: &Demo, sample: &Sample, query: &str) -> Self {
        let address = format!("{}/v1/pupils/{}/attendance-summary{query}", demo.json.api, sample.handle);
        let headers = vec![
            ("authorization", format!("Bearer {}", sample.token)),
            ("case-reference", sample.case_reference.clone()),
        ];
        Self { headers, ..Self::plain(demo, sample, address) }
    }
}

/// What one measurement found.
pub struct Measured {
    /// Answers a second.
    pub rate: f64,
    /// Seconds that half of the requests did not exceed.
    p50: f64,
    /// Seconds that all but one in a hundred did not exceed.
    p99: f64,
    /// Time on a processor that the server spent for one request, user and system; where the system tells it.
    busy: Option<Duration>,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let busy = self.busy.map_or_else(|| "?".to_owned(), |busy| busy.as_micros().to_string());
        write!(f, "{:.0} | {:.1} | {:.1} | {busy}", self.rate, self.p50 * 1e3, self.p99 * 1e3)
    }
}

/// Whose time on the processors is counted.
pub struct Server(pub Vec<u32>);

impl Server {
    /// Time on a processor so far, of all threads that live.
    fn busy(&self) -> Option<Duration> {
        let mut sum = 0;
        for process in &self.0 {
            for thread in std::fs::read_dir(format!("/proc/{process}/task")).ok()? {
                let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
                sum += text.split(' ').next()?.parse::<u64>().ok()?;
            }
        }
        Some(Duration::from_nanos(sum))
    }
}
