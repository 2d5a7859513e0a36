//! Time on the processors by what a thread does, as the kernel tells of each thread of this process.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// The name of the thread that asks and reads.
pub const CLIENT: &str = "client";

/// Nanoseconds of each thread that there is, by its number; threads that end meanwhile are not counted.
pub struct Threads(HashMap<String, (String, u64)>);

/// Time on the processors, by what the thread is for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Busy {
    /// The gateway's own threads.
    pub gateway: Duration,
    /// Those of the driver of `SQLite`, on which its statements run.
    pub sqlite: Duration,
    /// The client's one thread.
    pub client: Duration,
}

impl Threads {
    /// As they are now.
    pub fn now() -> Self {
        let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let of = |task: fs::DirEntry| {
            let name = fs::read_to_string(task.path().join("comm")).ok()?;
            let times = fs::read_to_string(task.path().join("schedstat")).ok()?;
            let ran = times.split_whitespace().next()?.parse().ok()?;
            Some((task.file_name().to_string_lossy().into_owned(), (name.trim().to_owned(), ran)))
        };
        Self(tasks.filter_map(of).collect())
    }

    /// What they have done since.
    pub fn since(&self) -> Busy {
        let mut busy = Busy::default();
        for (number, (name, ran)) in Self::now().0 {
            let before = self.0.get(&number).map_or(0, |(_, ran)| *ran);
            let ran = Duration::from_nanos(ran.saturating_sub(before));
            match name.as_str() {
                CLIENT => busy.client += ran,
                name if name.starts_with("sqlx-sqlite") => busy.sqlite += ran,
                _ => busy.gateway += ran,
            }
        }
        busy
    }
}
