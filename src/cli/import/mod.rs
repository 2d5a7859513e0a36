//! `schoolgate import`: a system, proved by its key, imports a file of one or many schools straight into the database.
//!
//! It opens the same gate and leaves the same entries as uploads over the API, one for each school. It prints counts,
//! line, column and rule; values go only into the error file that it writes beside the input.

mod error_file;
mod told;

use super::serve::ServeArgs;
use crate::app;
use crate::audit::{Class, Decision, Entry, EventId};
use crate::clock::Clock;
use crate::crypto;
use crate::domain::calendar::SchoolYear;
use crate::domain::purpose::{Purpose, Role};
use crate::gate::{Gate, Trail};
use crate::identity;
use crate::intake::parse::{Format, Limits};
use crate::intake::{self, Confirmed, Options, Sender, Sent, SentFile, Stop};
use crate::policy::Action;
use crate::store;
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use http::StatusCode;
use std::path::PathBuf;
use std::sync::Arc;
use told::Bar;

/// How much less urgent an import is than what else runs on the machine, in steps of `nice`. Whoever waits for a gateway's
/// answer would otherwise wait for the slices of time of an import beside it.
const LESS_URGENT: i32 = 10;

/// Lowers the priority of this thread and of those that it begins from now on. An import without it is only less polite.
pub fn let_others_go_first() {
    if let Err(error) = rustix::process::nice(LESS_URGENT) {
        tracing::debug!(%error, "the priority stays as it is");
    }
}

/// Arguments of `schoolgate import`.
#[derive(Clone, Debug, clap::Args)]
pub struct ImportArgs {
    /// What the file holds
    pub kind: Kind,
    /// The file: .csv, .xlsx or .ndjson; a column `school` (URN or LAESTAB) says whose each row is
    pub file: PathBuf,
    /// Client identifier of the school's system, or of one that a mandate lets act for the schools in the file
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
    /// Apply nothing, at any school, if any row is rejected
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// Print the counts as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

/// What an import asked about, and is meant.
#[derive(Clone, Copy, Debug, clap::Args)]
struct ConfirmArgs {
    /// Protect the whereabouts of this many pupils of a school: the number that an import told
    #[arg(long = "confirm-protected", value_name = "N")]
    protected: Option<usize>,
    /// Shut sessions on which this many marks of a school stand: the number that an import told
    #[arg(long = "confirm-marks-without-session", value_name = "N")]
    marks_without_session: Option<usize>,
    /// Take a calendar that ends before June
    #[arg(long = "confirm-short-year")]
    short_year: bool,
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

/// Errors that the error file has at most: enough for a hundred schools with a thousand each.
const ERRORS_MAX: usize = 100_000;
/// Some rows were rejected.
const SOME_REJECTED: u8 = 3;
/// The system is not who it says, or may not do this.
const NOT_AUTHORISED: u8 = 4;
/// Something else was in the way; the same command may go through later.
const TRY_AGAIN: u8 = 5;

/// Imports a file; gives the exit code. With `--json` whatever is in the way is told as JSON too.
pub(super) async fn import(args: &ImportArgs) -> Result<u8> {
    super::serve::log_to_stderr("warn");
    match opened(args).await {
        Err(error) if args.json => {
            super::say(&told::failed(args, &format!("{error:#}")))?;
            Ok(super::FAILED)
        }
        outcome => outcome,
    }
}

async fn opened(args: &ImportArgs) -> Result<u8> {
    let extension = args.file.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let format = match extension.as_deref() {
        Some("csv") => Format::Csv,
        Some("ndjson" | "jsonl") => Format::Ndjson,
        Some("xlsx") => Format::Xlsx,
        _ => bail!("`{}` is neither .csv, .xlsx nor .ndjson; name the file by its form", args.file.display()),
    };
    let file =
        SentFile::on_disk(&args.file).with_context(|| format!("cannot read `{}`", args.file.display()))?;
    let config = args.serve.load()?;
    let opened = app::open_beside(&config.database.url, Clock::machine()).await?;
    let options = Options {
        format,
        dry_run: args.dry_run,
        strict: args.strict,
        year: args.year.map(SchoolYear),
        limits: Limits { errors_max: ERRORS_MAX, ..Limits::default() },
        confirmed: Confirmed {
            protected: args.confirm.protected,
            marks_without_session: args.confirm.marks_without_session,
            short_year: args.confirm.short_year,
        },
    };
    let outcome = take(&opened.gate, args, file, options).await;
    opened.close().await;
    outcome
}

async fn take(gate: &Gate, args: &ImportArgs, file: SentFile, options: Options) -> Result<u8> {
    let key = crypto::read_private(&args.key)?;
    let directory = gate.directory().current();
    let role = Role::SchoolAttendanceOfficer;
    let proved =
        identity::local(&directory, &args.system, &key, role, Purpose::OwnRecord, gate.clock().now());
    let caller = match proved {
        Ok(caller) => caller,
        Err(fault) => {
            let entry = Entry::new(EventId::new(), gate.clock().now(), Class::Access, Decision::Refused);
            let trail = Trail::new(entry);
            trail.note(|e| {
                e.route = Some(COMMAND.to_owned());
                e.reason = Some(fault.why().to_owned());
            });
            gate.record(&trail, StatusCode::UNAUTHORIZED, b"").await?;
            super::say(&told::failed(args, &format!("not authorised: {fault}")))?;
            return Ok(NOT_AUTHORISED);
        }
    };
    let (sent, action) = match args.kind {
        Kind::Attendance => (Sent::Attendance, Action::SendMarks),
        Kind::Pupils => (Sent::Pupils, Action::SendRoll),
        Kind::Calendar => (Sent::Calendar, Action::SendCalendar),
    };
    let sender = Sender { caller, action, command: COMMAND };
    let bar = Arc::new(Bar::new(file.length(), args.json)?);
    let progress: Arc<dyn intake::Progress> = Arc::clone(&bar) as Arc<dyn intake::Progress>;
    let stop = Stop::default();
    let interrupt = tokio::spawn(stop_at_interrupt(stop.clone()));
    let outcome = intake::import_many(gate, sender, sent, file.clone(), (options, progress, stop)).await;
    interrupt.abort();
    bar.end();
    let micros = u64::try_from(store::longest_write().as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(longest_write_micros = micros, "imported");
    told::tell(args, &file, (options, sent), outcome)
}

/// Ctrl-C: the schools that are being applied are ended, so that each is whole or not there at all.
async fn stop_at_interrupt(stop: Stop) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.stop();
    }
}

/// The command, as audit entries name it.
const COMMAND: &str = "schoolgate import";
