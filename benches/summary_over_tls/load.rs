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
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {} | {:.0}", self.p50.as_micros(), self.p99.as_micros(), self.rate)
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
    pub async fn measure(self, in_flight: u32) -> Result<Measured> {
        self.ask_for(WARMED, in_flight).await?;
        let started = Instant::now();
        let mut taken = self.ask_for(MEASURED, in_flight).await?;
        let lasted = started.elapsed();
        taken.sort_unstable();
        let at = |hundredths: usize| taken.get(taken.len() * hundredths / 100).copied().unwrap_or_default();
        let rate = f64::from(u32::try_from(taken.len())?) / lasted.as_secs_f64();
        Ok(Measured { p50: at(50), p99: at(99), rate })
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
