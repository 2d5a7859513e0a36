//! The attendance officer's system, which reads its area line by line and keeps none.

use super::threads::{Busy, Threads};
use anyhow::{Context as _, Result, ensure};
use reqwest::{Certificate, Identity};
use schoolgate::crypto::{Sha256, to_hex};
use schoolgate::demo::DemoCaller;
use schoolgate::demo::run::{Client, Demo};
use std::fmt;
use std::time::{Duration, Instant};

/// The sections asked for.
const PATH: &str = "/v1/attendance-summaries?sections=headline,split";

/// The question.
pub struct Asking {
    http: reqwest::Client,
    tokens: Client,
    address: String,
}

/// One answer.
pub struct Answered {
    lines: u64,
    bytes: usize,
    first_line: Duration,
    whole: Duration,
    growth_kib: u64,
    busy: Busy,
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, bytes, first_line, whole, growth_kib, busy } = self;
        let (mebibytes, growth) = (bytes >> 20, growth_kib / 1024);
        let children = u32::try_from(*lines).unwrap_or(u32::MAX).max(1);
        let micros = |all: Duration| (all / children).as_secs_f64() * 1e6;
        write!(
            f,
            "{lines} | {mebibytes} | {} ms | {:.2} s | {growth} MiB | {:.0} | {:.0} | {:.0}",
            first_line.as_millis(),
            whole.as_secs_f64(),
            micros(busy.gateway),
            micros(busy.sqlite),
            micros(busy.client),
        )
    }
}

impl Asking {
    /// As the officer of the demonstration.
    pub fn new(demo: &Demo) -> Result<Self> {
        let caller: &DemoCaller = demo
            .json
            .callers
            .iter()
            .find(|c| c.name == "attendance_officer_la")
            .context("the demonstration lacks its officer")?;
        let read =
            |path: &str| std::fs::read(demo.dir.join(path)).with_context(|| format!("cannot read `{path}`"));
        let mut identity = read(&caller.certificate)?;
        identity.extend(read(&caller.key)?);
        let http = reqwest::Client::builder()
            .tls_certs_only([Certificate::from_pem(&read(&demo.json.ca)?)?])
            .identity(Identity::from_pem(&identity)?)
            .build()?;
        let tokens = Client::new(caller, &demo.dir, &demo.json.api)?;
        Ok(Self { http, tokens, address: format!("{}{PATH}", demo.json.api) })
    }

    /// Asks once, reads to the end, and holds the trailer to what came before it.
    pub async fn once(&self) -> Result<Answered> {
        let token = self.tokens.token().await?;
        // The peak is counted from here on.
        std::fs::write("/proc/self/clear_refs", "5")?;
        let before = memory_kib("VmRSS:")?;
        let threads = Threads::now();
        let begun = Instant::now();
        let body = "{\"area\": \"own\"}\n";
        let mut answer = self.http.post(&self.address).bearer_auth(token).body(body).send().await?;
        ensure!(answer.status() == 200, "answered {}", answer.status());
        let (mut first_line, mut whole) = (None, Read::default());
        while let Some(piece) = answer.chunk().await? {
            whole.take(&piece);
            if whole.lines > 0 && first_line.is_none() {
                first_line = Some(begun.elapsed());
            }
        }
        let took = begun.elapsed();
        let busy = threads.since();
        let lines = whole.lines;
        let bytes = whole.bytes;
        whole.hold()?;
        Ok(Answered {
            lines: lines - 1,
            bytes,
            first_line: first_line.context("no line came")?,
            whole: took,
            growth_kib: memory_kib("VmHWM:")?.saturating_sub(before),
            busy,
        })
    }
}

/// What has been read so far: all but the line that is still coming has gone into the digest.
#[derive(Default)]
struct Read {
    digest: Sha256,
    last: Vec<u8>,
    lines: u64,
    bytes: usize,
}

impl Read {
    /// Takes a piece. A line goes into the digest once another has begun, since the last is the trailer.
    fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.last.last() == Some(&b'\n') {
                self.digest.update(&self.last);
                self.last.clear();
            }
            self.last.extend_from_slice(part);
            self.lines += u64::from(part.ends_with(b"\n"));
        }
    }

    fn hold(self) -> Result<()> {
        let trailer: serde_json::Value = serde_json::from_slice(&self.last)?;
        let of =
            |name: &str| trailer.get("trailer").and_then(|sums| sums.get(name)).cloned().unwrap_or_default();
        ensure!(of("count") == self.lines - 1, "the trailer counts {}", of("count"));
        ensure!(of("digest") == to_hex(&self.digest.finish()), "the trailer's digest is another");
        Ok(())
    }
}

fn memory_kib(line: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let found = status.lines().find_map(|text| text.strip_prefix(line)).context("no such line")?;
    Ok(found.trim().trim_end_matches(" kB").parse()?)
}
