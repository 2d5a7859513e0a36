//! The program itself, run as an operator would, and watched from outside.

use super::files::{CLIENT_ID, KEY};
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
        let begun = Instant::now();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_schoolgate"));
        command.args(["import", kind]).arg(file).args(["--as", CLIENT_ID, "--key"]).arg(&self.key);
        command.arg("--config").arg(&self.config).args(more).env("RUST_LOG", "schoolgate::cli=debug");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let watched = tokio::spawn(watch(child.id()));
        let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
        let took = begun.elapsed();
        let (busy, memory_kib) = watched.await?;
        let (said, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{kind}: {said}{log}");
        let micros = log.rsplit_once("longest_write_micros=").map_or("0", |(_, rest)| rest);
        let micros = micros.split_whitespace().next().unwrap_or("0").parse().unwrap_or(0);
        let said = said.lines().last().unwrap_or_default().to_owned();
        Ok(Ran { took, busy, memory_kib, longest_write: Duration::from_micros(micros), said })
    }
}

/// What the system tells of a process while it lives: its time on the processors and its greatest memory.
async fn watch(process: u32) -> (Duration, u64) {
    let mut seen = (Duration::ZERO, 0);
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    loop {
        ticks.tick().await;
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        // A process that has ended and not been waited for has no memory any more.
        let Some(memory) = line("VmHWM:") else { return seen };
        let memory = memory.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        seen = (busy(process).unwrap_or(seen.0).max(seen.0), memory);
    }
}

/// Time on the processors so far, threads that have ended included; the kernel counts in hundredths of a second.
fn busy(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}
