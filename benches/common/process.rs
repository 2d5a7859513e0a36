//! What the system tells of a process: its time on the processors and its memory.

use std::time::Duration;

/// Watched from outside, every 20 ms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watched {
    /// Time on a processor, user and system, all threads.
    pub busy: Duration,
    /// The most memory that was resident.
    pub memory_kib: u64,
}

/// What a process has taken so far; `None` once it has ended.
pub fn now(process: u32) -> Option<Watched> {
    Some(Watched { memory_kib: kib(process, "VmHWM:")?, busy: busy(process).unwrap_or_default() })
}

/// A line of `/proc/PID/status` that counts KiB: `VmRSS:` is what is resident now, `VmHWM:` the most that ever was.
pub fn kib(process: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Time on the processors so far, threads that have ended included; the kernel counts in hundredths of a second.
fn busy(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}
