//! The demonstration's folder that is served, and the program that makes and serves it.

use super::process;
use anyhow::{Context as _, Result, ensure};
use chrono::{Days, NaiveDate};
use schoolgate::clock::Clock;
use schoolgate::demo::DemoJson;
use schoolgate::demo::run::Client;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A demonstration is made anew after this long; its certificates are good for thirty days.
const KEPT_DAYS: i64 = 14;

/// The program, ended when this is dropped.
pub struct Program(Child);

impl Program {
    /// Starts it with arguments, the last of them a path.
    pub fn start(arguments: &[&str], path: &Path) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_schoolgate"));
        command.args(arguments).arg(path).env_remove("SCHOOLGATE_CONFIG").env("RUST_LOG", "warn");
        Ok(Self(command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_none())
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.id().to_string()]).status()?;
        while self.is_running()? {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A demonstration that was made and stopped.
pub struct Made {
    dir: PathBuf,
    pub json: DemoJson,
}

impl Made {
    /// Makes it, unless the one of an earlier run still serves.
    pub async fn make() -> Result<Self> {
        let number = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
        let (pupils, schools) = (number("BENCH_PUPILS", "60000"), number("BENCH_SCHOOLS", "150"));
        let database = std::env::var("BENCH_DATABASE_URL").ok();
        let engine = if database.is_some() { "postgresql" } else { "sqlite" };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-serve");
        let dir = root.join(format!("{engine}-{pupils}-{schools}"));
        // The day before, so that all of its registers lie behind the machine's hour.
        let today = Clock::machine().today() - Days::new(1);
        let fresh = |made: &NaiveDate| (today - *made).num_days() < KEPT_DAYS;
        if let Ok(made) = Self::read(&dir)
            && database.is_none()
            && fresh(&made.json.today)
        {
            println!("{pupils} pupils, {schools} schools, made by an earlier run in `{}`", dir.display());
            return Ok(made);
        }
        std::fs::create_dir_all(&root)?;
        let (begun, ready, today) = (Instant::now(), dir.with_extension("ready"), today.to_string());
        let mut arguments =
            vec!["demo", "--pupils", &pupils, "--schools", &schools, "--seed", "1", "--today", &today];
        if let Some(url) = &database {
            arguments.extend(["--database", url]);
        }
        let path = ready.display().to_string();
        arguments.extend(["--ready-file", &path, "--dir"]);
        let mut program = Program::start(&arguments, &dir)?;
        let mut seen = process::Watched::default();
        while !ready.exists() {
            ensure!(program.is_running()?, "the demonstration was not made");
            seen = process::now(program.id()).unwrap_or(seen);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!(
            "{pupils} pupils, {schools} schools, {engine}: demonstration made in {:.1} s, {:.1} s of processor time, at \
             most {} MiB resident",
            begun.elapsed().as_secs_f64(),
            seen.busy.as_secs_f64(),
            seen.memory_kib / 1024
        );
        program.stop().await?;
        Self::read(&dir)
    }

    fn read(dir: &Path) -> Result<Self> {
        let json = serde_json::from_slice(&std::fs::read(dir.join("demo.json"))?)?;
        Ok(Self { dir: dir.to_owned(), json })
    }

    /// Its configuration.
    pub fn config(&self) -> PathBuf {
        self.dir.join("schoolgate.toml")
    }

    /// So many pupils on roll, shared out among all schools, each with a client of its own school's system.
    pub fn pupils(&self, count: usize) -> Result<Vec<(Arc<Client>, String)>> {
        let schools = &self.json.schools;
        let each = count.div_ceil(schools.len().max(1));
        let mut all = Vec::with_capacity(count + each);
        for school in schools {
            let name = format!("school_attendance_officer_{}", school.urn);
            let caller = self.json.callers.iter().find(|caller| caller.name == name);
            let client =
                Client::new(caller.context("a school lacks its system")?, &self.dir, &self.json.api)?;
            let client = Arc::new(client);
            let mut rows = csv::Reader::from_path(self.dir.join(&school.pupils))?;
            let header = rows.headers()?.clone();
            let at = |name: &str| header.iter().position(|column| column == name).context("no such column");
            let (upn, last_day) = (at("upn")?, at("last_day")?);
            let cell = |row: &csv::StringRecord, at: usize| row.get(at).unwrap_or_default().to_owned();
            let on_roll = rows.records().filter_map(Result::ok).filter(|row| cell(row, last_day).is_empty());
            all.extend(on_roll.map(|row| (Arc::clone(&client), cell(&row, upn))).take(each));
        }
        all.truncate(count);
        Ok(all)
    }
}
