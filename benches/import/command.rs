//! The program itself, run as an operator would, and watched from outside.

use super::files::{CLIENT_ID, KEY};
use super::process::{self, Watched};
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// `schoolgate import` on one database.
pub struct Command {
    config: PathBuf,
    key: PathBuf,
}

/// What a run took.
pub struct Ran {
    /// From its start to its end.
    pub took: Duration,
    /// Time on a processor, user and system, all threads.
    pub busy: Duration,
    /// The most memory that was resident.
    pub memory_kib: u64,
    /// The longest that one of its transactions held the writer.
    pub longest_write: Duration,
    /// Its last line.
    pub said: String,
}

impl Command {
    /// With a configuration, and the supplier's key in a folder.
    pub fn new(config: &Path, folder: &Path) -> Self {
        Self { config: config.to_owned(), key: folder.join(KEY) }
    }

    /// Imports a file and holds it to having been taken whole.
    pub async fn run(&self, kind: &str, file: &Path, more: &[&str]) -> Result<Ran> {
        self.ends_with(0, kind, file, more).await
    }

    /// The same, and holds it to another exit code.
    pub async fn ends_with(&self, code: i32, kind: &str, file: &Path, more: &[&str]) -> Result<Ran> {
        let begun = Instant::now();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_schoolgate"));
        command.args(["import", kind]).arg(file).args(["--as", CLIENT_ID, "--key"]).arg(&self.key);
        command.arg("--config").arg(&self.config).args(more).env("RUST_LOG", "schoolgate::cli=debug");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let watched = tokio::spawn(watch(child.id()));
        let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
        let took = begun.elapsed();
        let Watched { busy, memory_kib } = watched.await?;
        let (said, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.code() == Some(code), "{kind}: {said}{log}");
        let micros = log.rsplit_once("longest_write_micros=").map_or("0", |(_, rest)| rest);
        let micros = micros.split_whitespace().next().unwrap_or("0").parse().unwrap_or(0);
        let said = said.lines().last().unwrap_or_default().to_owned();
        Ok(Ran { took, busy, memory_kib, longest_write: Duration::from_micros(micros), said })
    }
}

/// Watches a process until it has ended.
async fn watch(process: u32) -> Watched {
    let mut seen = Watched::default();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    loop {
        ticks.tick().await;
        // A process that has ended and not been waited for has no memory any more.
        let Some(now) = process::now(process) else { return seen };
        seen = Watched { busy: now.busy.max(seen.busy), memory_kib: now.memory_kib };
    }
}
