//! `schoolgate import`: a school's own system, proved by its key, imports a file straight into the database.
//!
//! It opens the same gate and leaves the same entry as an upload over the API. It prints counts, line, column and rule;
//! values go only into the error file that it writes beside the input.

use super::serve::ServeArgs;
use crate::app;
use crate::audit::{Class, Decision, Entry, EventId};
use crate::clock::Clock;
use crate::domain::calendar::SchoolYear;
use crate::domain::purpose::{Purpose, Role};
use crate::gate::{Asked, Gate, Refusal, Trail};
use crate::identity;
use crate::intake::parse::{Format, Limits};
use crate::intake::{self, ImportError, ImportReport, Options, Sent};
use crate::policy::Action;
use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use clap::ValueEnum;
use http::StatusCode;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Arguments of `schoolgate import`.
#[derive(Clone, Debug, clap::Args)]
pub struct ImportArgs {
    /// What the file holds
    pub kind: Kind,
    /// The file: .csv, .xlsx or .ndjson
    pub file: PathBuf,
    /// Client identifier of the school's system
    #[arg(long = "as", value_name = "SYSTEM")]
    pub system: String,
    /// The system's private key, PEM
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Start year of a calendar [default: the year of its first date]
    #[arg(long, value_parser = clap::value_parser!(i32).range(2000..2100))]
    pub year: Option<i32>,
    /// Check and report, but change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Apply nothing if any row is rejected
    #[arg(long)]
    pub strict: bool,
    /// Print the counts as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A row a session.
    Attendance,
    /// The admission register.
    Pupils,
    /// The sessions of a school year.
    Calendar,
}

impl Kind {
    fn sent(self) -> Sent {
        match self {
            Self::Attendance => Sent::Attendance,
            Self::Pupils => Sent::Pupils,
            Self::Calendar => Sent::Calendar,
        }
    }
}

/// Some rows were rejected.
const SOME_REJECTED: u8 = 3;
/// The system is not who it says, or may not do this.
const NOT_AUTHORISED: u8 = 4;
/// Something else was in the way; the same command may go through later.
const TRY_AGAIN: u8 = 5;

/// Imports a file; gives the exit code.
pub(super) async fn import(args: &ImportArgs) -> Result<u8> {
    let format = match args.file.extension().and_then(|e| e.to_str()) {
        Some("csv") => Format::Csv,
        Some("ndjson" | "jsonl") => Format::Ndjson,
        Some("xlsx") => Format::Xlsx,
        _ => bail!("`{}` is neither .csv, .xlsx nor .ndjson; name the file by its form", args.file.display()),
    };
    let bytes =
        std::fs::read(&args.file).with_context(|| format!("cannot read `{}`", args.file.display()))?;
    let config = args.serve.load()?;
    let opened = app::open(&config.database.url, Clock::machine()).await?;
    let bar =
        ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {msg} {elapsed}")?);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar.set_message(format!("checking and applying {} bytes", bytes.len()));
    let options = Options {
        format,
        dry_run: args.dry_run,
        strict: args.strict,
        year: args.year.map(SchoolYear),
        limits: Limits::default(),
    };
    let outcome = take(&opened.gate, args, bytes.into(), options).await;
    bar.finish_and_clear();
    opened.close().await;
    outcome
}

async fn take(gate: &Gate, args: &ImportArgs, bytes: Bytes, options: Options) -> Result<u8> {
    let key = std::fs::read(&args.key).with_context(|| format!("cannot read `{}`", args.key.display()))?;
    let trail = Trail::new(Entry::new(EventId::new(), gate.clock().now(), Class::Access, Decision::Refused));
    trail.note(|e| e.route = Some("schoolgate import".to_owned()));
    let directory = gate.directory().current();
    let role = Role::SchoolAttendanceOfficer;
    let proved =
        identity::local(&directory, &args.system, &key, role, Purpose::OwnRecord, gate.clock().now());
    let caller = match proved {
        Ok(caller) => caller,
        Err(fault) => {
            trail.note(|e| e.reason = Some(fault.why().to_owned()));
            gate.record(&trail, StatusCode::UNAUTHORIZED, b"").await?;
            super::say(&format!("not authorised: {fault}\n"))?;
            return Ok(NOT_AUTHORISED);
        }
    };
    trail.caller(&caller);
    let action = match args.kind {
        Kind::Attendance => Action::SendMarks,
        Kind::Pupils => Action::SendRoll,
        Kind::Calendar => Action::SendCalendar,
    };
    let sent_bytes = bytes.clone();
    let asked = Asked { caller, trail: trail.clone() };
    let outcome = match gate.open_own_school(asked, action) {
        Ok(permit) => intake::import(gate, permit, args.kind.sent(), bytes, options).await,
        Err(refusal) => Err(refusal.into()),
    };
    match outcome {
        Ok(released) => report(args, (&sent_bytes, options), released.body()),
        Err(error) => refuse(gate, &trail, &error).await,
    }
}

/// Records and tells why nothing was taken.
async fn refuse(gate: &Gate, trail: &Trail, error: &ImportError) -> Result<u8> {
    if trail.recorded().is_none() {
        let (decision, status) = match error {
            ImportError::File(_) => (Decision::Malformed, StatusCode::UNPROCESSABLE_ENTITY),
            ImportError::Gate(Refusal::Forbidden) => (Decision::Refused, StatusCode::FORBIDDEN),
            ImportError::Gate(_) => (Decision::Failed, StatusCode::SERVICE_UNAVAILABLE),
        };
        trail.note(|e| e.decision = decision);
        gate.record(trail, status, b"").await?;
    }
    super::say(&format!("nothing was taken: {error}\n"))?;
    Ok(match error {
        ImportError::File(_) => super::FAILED,
        ImportError::Gate(Refusal::Forbidden) => NOT_AUTHORISED,
        ImportError::Gate(_) => TRY_AGAIN,
    })
}

/// Prints counts, and writes the rows that were rejected, with their cells, into a file of their own.
fn report(args: &ImportArgs, (bytes, options): (&Bytes, Options), body: &[u8]) -> Result<u8> {
    let report: ImportReport = serde_json::from_slice(body)?;
    let path = args.file.with_extension("errors.csv");
    if !report.errors.is_empty() {
        let what = (options.format, args.kind.sent().content());
        let rows = intake::rejected_rows(&mut Cursor::new(bytes), what, &options.limits, &report.errors)?;
        write_private(&path, &rows)?;
    }
    if args.json {
        let mut counts = report.clone();
        counts.errors.clear();
        super::say(&(serde_json::to_string(&counts)? + "\n"))?;
    } else {
        super::say(&text(&report))?;
        if !report.errors.is_empty() {
            super::say(&format!("the rejected rows and what to do are in {}\n", path.display()))?;
        }
    }
    Ok(if report.rejected > 0 { SOME_REJECTED } else { super::DONE })
}

fn text(report: &ImportReport) -> String {
    let applied = if report.applied { "applied" } else { "not applied" };
    let mut text = format!(
        "{applied}: {} rows received, {} accepted, {} unchanged, {} amended, {} kept as history, {} rejected\n",
        report.received,
        report.accepted,
        report.unchanged,
        report.amended,
        report.kept_as_history,
        report.rejected
    );
    for error in report.errors.iter().take(20) {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "line {}, {}: {}", error.line, error.column, error.what);
    }
    if report.errors.len() > 20 {
        let _ = writeln!(text, "and {} more", report.errors.len() - 20);
    }
    text
}

/// It quotes cells of children's records: for its owner only.
fn write_private(path: &Path, rows: &[u8]) -> Result<()> {
    let opened = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path);
    let mut file = opened.with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(file.write_all(rows)?)
}
