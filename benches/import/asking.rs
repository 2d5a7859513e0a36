//! A social worker's system that asks for one child's summary, again and again with a pause between.

use anyhow::{Context as _, Result, ensure};
use schoolgate::demo::Standing;
use schoolgate::demo::run::{Client, Demo};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Between an answer and the next question: the gateway is asked, not pushed to its limit.
const PAUSE: Duration = Duration::from_millis(5);

/// The question.
pub struct Asking {
    client: Client,
    path: String,
    case_reference: String,
    told: AtomicBool,
}

/// How long answers took.
pub struct Answers {
    count: usize,
    p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
    longest: Duration,
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, p50, p99, longest } = self;
        write!(f, "{count} answers, p50 {p50:?}, p99 {p99:?}, longest {longest:?}")
    }
}

impl Asking {
    /// About a child on a child protection plan.
    pub async fn new(demo: &Demo) -> Result<Self> {
        let caller = demo.json.callers.iter().find(|c| c.name == "social_worker_cp");
        let caller = caller.context("the demonstration lacks its social worker")?;
        let child = caller.children.iter().find(|c| c.standing == Standing::Mine);
        let child = child.context("the social worker has no child")?;
        let handle = child.pupil_id.as_deref().context("the child has no handle")?;
        let asking = Self {
            client: Client::new(caller, &demo.dir, &demo.json.api)?,
            path: format!("/v1/pupils/{handle}/attendance-summary"),
            case_reference: child.case_reference.clone().context("the child has no case")?,
            told: AtomicBool::new(false),
        };
        asking.once().await?;
        Ok(asking)
    }

    /// Asks for so long.
    pub async fn for_time(&self, time: Duration) -> Result<Answers> {
        let begun = Instant::now();
        self.asked(|| begun.elapsed() < time).await
    }

    /// Asks until told to stop.
    pub async fn until_told(&self) -> Result<Answers> {
        self.asked(|| !self.told.load(Ordering::Relaxed)).await
    }

    /// Ends [`Self::until_told`].
    pub fn tell(&self) {
        self.told.store(true, Ordering::Relaxed);
    }

    async fn asked(&self, go_on: impl Fn() -> bool) -> Result<Answers> {
        let mut took = Vec::new();
        while go_on() {
            took.push(self.once().await?);
            tokio::time::sleep(PAUSE).await;
        }
        took.sort_unstable();
        let at =
            |part: usize| took.get(took.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
        Ok(Answers { count: took.len(), p50: at(50), p99: at(99), longest: at(100) })
    }

    async fn once(&self) -> Result<Duration> {
        let begun = Instant::now();
        let headers = [("case-reference", self.case_reference.as_str())];
        let answer = self.client.call(reqwest::Method::GET, &self.path, &headers, Vec::new()).await?;
        ensure!(answer.status == 200, "a summary was answered {}", answer.status);
        Ok(begun.elapsed())
    }
}
