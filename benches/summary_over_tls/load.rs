//! The client: one question, asked again and again with so many outstanding.

use super::Sample;
use anyhow::{Context as _, Result, bail};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Identity, Version};
use schoolgate::demo::run::Demo;
use std::fmt;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long each figure is measured.
const MEASURED: Duration = Duration::from_secs(3);
/// How long connections are warmed before.
const WARMED: Duration = Duration::from_millis(500);

/// The protocol over TLS: one connection for all with `Two`, one for each outstanding request with `One`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// HTTP/2.
    Two,
    /// HTTP/1.1.
    One,
}

/// One question to one server.
#[derive(Clone)]
pub struct Asking {
    client: reqwest::Client,
    address: String,
    headers: HeaderMap,
    status: u16,
    version: Version,
}

/// What one measurement found.
pub struct Measured {
    /// Half of the requests took no longer.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
    /// Requests a second.
    pub rate: f64,
    /// Time on a processor that the server spent for one request, user and system; where the system tells it.
    pub busy: Option<Duration>,
}

/// Whose time on the processors is counted: unlike the other figures it hardly depends on what else the machine does.
#[derive(Clone, Copy, Debug)]
pub enum Server {
    /// This process without its first thread, which is the client's.
    Gateway,
    /// The process with this number.
    Other(u32),
}

impl Server {
    /// Time on a processor so far, all threads that live.
    fn busy(self) -> Option<Duration> {
        let (process, without) = match self {
            Self::Gateway => (std::process::id(), Some(std::process::id())),
            Self::Other(process) => (process, None),
        };
        let mut sum = 0;
        for thread in std::fs::read_dir(format!("/proc/{process}/task")).ok()? {
            let thread = thread.ok()?;
            if thread.file_name().to_str() != without.map(|id| id.to_string()).as_deref() {
                let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
                sum += text.split(' ').next()?.parse::<u64>().ok()?;
            }
        }
        Some(Duration::from_nanos(sum))
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let busy = self.busy.map_or_else(|| "?".to_owned(), |busy| busy.as_micros().to_string());
        write!(f, "{} | {} | {:.0} | {busy}", self.p50.as_micros(), self.p99.as_micros(), self.rate)
    }
}

impl Asking {
    /// The question for a child's summary, as its own system asks it.
    pub fn summary(demo: &Demo, sample: &Sample, http: Http) -> Result<Self> {
        let address = format!("{}/v1/pupils/{}/attendance-summary", demo.json.api, sample.handle);
        let mut asking = Self::plain(demo, sample, &address, 200, http)?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", sample.token))?;
        asking.headers.insert(AUTHORIZATION, bearer);
        let reference = HeaderValue::from_str(&sample.case_reference)?;
        asking.headers.insert(HeaderName::from_static("case-reference"), reference);
        Ok(asking)
    }

    /// A question without a token, with the caller's certificate, that must be answered with `status`.
    pub fn plain(demo: &Demo, sample: &Sample, address: &str, status: u16, http: Http) -> Result<Self> {
        let read =
            |path: &str| std::fs::read(demo.dir.join(path)).with_context(|| format!("cannot read `{path}`"));
        let mut identity = read(&sample.caller.certificate)?;
        identity.extend(read(&sample.caller.key)?);
        let builder = reqwest::Client::builder()
            .tls_certs_only([Certificate::from_pem(&read(&demo.json.ca)?)?])
            .identity(Identity::from_pem(&identity)?);
        let (client, version) = match http {
            Http::Two => (builder.http2_prior_knowledge().build()?, Version::HTTP_2),
            Http::One => (builder.http1_only().build()?, Version::HTTP_11),
        };
        Ok(Self { client, address: address.to_owned(), headers: HeaderMap::new(), status, version })
    }

    /// Asks once and gives the body; another status or another HTTP than was meant is an error.
    pub async fn once(&self) -> Result<Vec<u8>> {
        let answer = self.client.get(&self.address).headers(self.headers.clone()).send().await?;
        if answer.status().as_u16() != self.status || answer.version() != self.version {
            bail!("{} answered {} over {:?}", self.address, answer.status(), answer.version());
        }
        Ok(answer.bytes().await?.to_vec())
    }

    /// Keeps `in_flight` requests outstanding, on connections that are warm.
    pub async fn measure(self, in_flight: u32, server: Server) -> Result<Measured> {
        self.ask_for(WARMED, in_flight).await?;
        let (started, before) = (Instant::now(), server.busy());
        let mut taken = self.ask_for(MEASURED, in_flight).await?;
        let (lasted, after) = (started.elapsed(), server.busy());
        let requests = u32::try_from(taken.len())?;
        let busy =
            before.zip(after).and_then(|(before, after)| after.checked_sub(before)?.checked_div(requests));
        taken.sort_unstable();
        let at = |hundredths: usize| taken.get(taken.len() * hundredths / 100).copied().unwrap_or_default();
        Ok(Measured { p50: at(50), p99: at(99), rate: f64::from(requests) / lasted.as_secs_f64(), busy })
    }

    /// How long each request took.
    async fn ask_for(&self, lasting: Duration, in_flight: u32) -> Result<Vec<Duration>> {
        let started = Instant::now();
        let mut tasks: JoinSet<Result<Vec<Duration>>> = JoinSet::new();
        for _ in 0..in_flight {
            let asking = self.clone();
            tasks.spawn(async move {
                let mut taken = Vec::new();
                while started.elapsed() < lasting {
                    let asked = Instant::now();
                    asking.once().await?;
                    taken.push(asked.elapsed());
                }
                Ok(taken)
            });
        }
        let mut all = Vec::new();
        while let Some(done) = tasks.join_next().await {
            all.extend(done.context("a client's task")??);
        }
        Ok(all)
    }
}
