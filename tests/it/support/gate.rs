//! A whole gateway under test: real TLS, real certificates, real files, callers by name.
//!
//! It is the demonstration itself, small, on the trial's own database; so what tests call is what partners call.

use super::provider::Provider;
use schoolgate::clock::Clock;
use schoolgate::demo::run::{Client, Demo, DemoArgs, start_on};
use schoolgate::demo::{DemoCaller, DemoChild, Standing};
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

/// The gateway's own day in every test.
pub const TODAY: &str = "2026-11-20";

/// A running gateway with a small authority: two schools, 130 pupils.
pub struct TestGate {
    /// The demonstration that runs.
    pub demo: Demo,
    _dir: TempDir,
}

impl TestGate {
    /// Starts one on an empty database.
    pub async fn start(url: &str) -> Self {
        Self::start_on(url, Clock::on(TODAY.parse().unwrap())).await
    }

    /// Starts one on an empty database, whose authority's people this provider proves.
    pub async fn with_provider(url: &str, provider: &Provider) -> Self {
        Self::begin(url, Clock::on(TODAY.parse().unwrap()), Some(provider)).await
    }

    /// The same on a clock of the test's own.
    pub async fn with_provider_on(url: &str, clock: Clock, provider: &Provider) -> Self {
        Self::begin(url, clock, Some(provider)).await
    }

    /// Starts one on an empty database and a clock of the test's own.
    pub async fn start_on(url: &str, clock: Clock) -> Self {
        Self::begin(url, clock, None).await
    }

    async fn begin(url: &str, clock: Clock, provider: Option<&Provider>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let args = DemoArgs {
            dir: Some(dir.path().join("demo")),
            ready_file: None,
            pupils: 130,
            schools: 2,
            seed: 1,
            identity_provider: provider.map(|provider| provider.issuer.clone()),
            identity_provider_ca: provider.map(|provider| provider.authority.clone()),
            database: Some(url.to_owned()),
            today: None,
        };
        Self { demo: start_on(&args, clock).await.unwrap(), _dir: dir }
    }

    /// Its folder of certificates, keys and exports.
    pub fn dir(&self) -> PathBuf {
        self.demo.dir.clone()
    }

    /// A sample caller by its name, such as `social_worker_cp`.
    pub fn caller(&self, name: &str) -> &DemoCaller {
        self.demo.json.callers.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no caller {name}"))
    }

    /// A client of that caller.
    pub fn client(&self, name: &str) -> Client {
        Client::new(self.caller(name), &self.demo.dir, &self.demo.json.api).unwrap()
    }

    /// A caller's first child of a standing.
    pub fn child(&self, name: &str, standing: Standing) -> &DemoChild {
        let of = |c: &&DemoChild| c.standing == standing;
        self.caller(name).children.iter().find(of).unwrap_or_else(|| panic!("{name} has no such child"))
    }

    /// Stops it; what was under way ends first.
    pub async fn stop(self) {
        self.demo.running.stop().await;
    }
}

/// The names of the sections in an enrolment or the combined part of a summary, in the order of the answer.
pub fn sections(part: &Value) -> Vec<&str> {
    part["sections"].as_object().unwrap().keys().map(String::as_str).collect()
}
