//! DuckDB beside the packed rows: the Python script next to this file, in an environment of its own under `target/tools`.

use super::rows::{PUPILS, Sums};
use anyhow::{Context as _, Result, bail, ensure};
use schoolgate::domain::attendance::{Class, Code};
use schoolgate::domain::calendar::{SESSIONS, SchoolCalendar};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The releases from PyPI that are used.
const PACKAGES: [&str; 2] = ["duckdb==2.0.1", "numpy==2.3.5"];
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/summary_arithmetic/duckdb_rows.py");
/// How often each way of asking is timed.
const TIMES: &str = "7";

/// What the script prints.
#[derive(Deserialize)]
struct Told {
    version: String,
    rows: u64,
    best: BTreeMap<String, f64>,
    sums: [u64; 5],
}

/// Times the same sums over a row for each mark with two threads, and gives the best time of all ways to ask.
pub fn measure(calendar: &SchoolCalendar, packed: &[[u8; SESSIONS]], expected: Sums) -> Result<Duration> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("packed"), packed.concat())?;
    let mut shut = [255_u8; SESSIONS];
    for session in calendar.sessions() {
        let place = calendar.year().session_index(session).and_then(|place| shut.get_mut(place));
        *place.context("a session outside the year")? = 0;
    }
    std::fs::write(folder.path().join("shut"), shut)?;
    let classes = [
        ("attended", class(Class::attended)),
        ("authorised", class(|c| c == Class::Authorised)),
        ("unauthorised", class(|c| c == Class::Unauthorised)),
    ];
    let classes = classes.iter().map(|(name, codes)| format!("{name}={}", codes.join(",")));
    let mut script = Command::new(python()?);
    let told = script.arg(SCRIPT).arg(folder.path()).args(classes).arg(TIMES).output()?;
    if !told.status.success() {
        bail!("the script: {}", String::from_utf8_lossy(&told.stderr));
    }
    let told: Told = serde_json::from_slice(&told.stdout).context("what the script printed")?;
    ensure!(told.sums == expected.0, "DuckDB counts {:?}, we {:?}", told.sums, expected.0);
    println!("DuckDB {}, two threads, {} rows of {PUPILS} pupils: the same sums", told.version, told.rows);
    for (way, seconds) in &told.best {
        println!("| DuckDB, a row per mark, {way} | {:.1} | |", seconds * 1e3);
    }
    let best = told.best.values().copied().reduce(f64::min).context("no time")?;
    Ok(Duration::from_secs_f64(best))
}

/// The stored bytes of the codes of a class.
fn class(of: impl Fn(Class) -> bool) -> Vec<String> {
    Code::ALL.iter().filter(|code| of(code.class())).map(|code| code.byte().to_string()).collect()
}

/// The interpreter of the environment, which is made the first time.
fn python() -> Result<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().context("the target folder")?;
    let environment = target.join("tools/python");
    let python = environment.join("bin/python");
    let run = |command: &mut Command| -> Result<()> {
        ensure!(command.status()?.success(), "{command:?} failed");
        Ok(())
    };
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    Ok(python)
}
