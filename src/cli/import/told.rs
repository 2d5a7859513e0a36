//! What `schoolgate import` tells while it works and at its end. Never a value of a row: those go into the error file.

use super::super::{DONE, FAILED, complain, say};
use super::{ERRORS_MAX, ImportArgs, NOT_AUTHORISED, SOME_REJECTED, TRY_AGAIN, error_file};
use crate::gate::Refusal;
use crate::intake::{
    self, FileImport, ImportError, ImportReport, Options, Progress, Reported, SchoolImport, Sent, SentFile,
};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// A bar with a total: bytes while the file is read and checked, then rows while they are applied.
pub(super) struct Bar(ProgressBar);

const READING: &str = "checking {bar:40} {bytes} of {total_bytes} {elapsed}";
const APPLYING: &str = "applying {bar:40} {human_pos} of {human_len} rows {elapsed}";

impl Bar {
    /// A bar over so many bytes; none where nobody looks at a terminal, or only the result is wanted.
    pub(super) fn new(bytes: u64, quiet: bool) -> Result<Self> {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(bytes), target);
        bar.set_style(ProgressStyle::with_template(READING)?);
        bar.enable_steady_tick(Duration::from_millis(200));
        Ok(Self(bar))
    }

    /// Takes it off the terminal.
    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn read(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    fn checked(&self, rows: usize) {
        if let Ok(style) = ProgressStyle::with_template(APPLYING) {
            self.0.set_style(style);
        }
        self.0.set_length(u64::try_from(rows).unwrap_or(u64::MAX));
        self.0.set_position(0);
    }

    fn applied(&self, rows: usize) {
        self.0.set_position(u64::try_from(rows).unwrap_or(u64::MAX));
    }
}

/// A school's line: its report without its errors, or why nothing of it was taken.
#[derive(Serialize)]
struct OfSchool {
    urn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_taken: Option<String>,
    #[serde(flatten)]
    report: ImportReport,
    #[serde(skip)]
    exit: u8,
}

/// The sums over all schools, and each of them.
#[derive(Serialize)]
struct OfFile {
    #[serde(flatten)]
    total: ImportReport,
    schools: Vec<OfSchool>,
}

/// Prints what became of a file, then writes the error file, or takes away that of an earlier run, and gives the exit code.
pub(super) fn tell(
    args: &ImportArgs,
    file: &SentFile,
    (options, sent): (Options, Sent),
    outcome: Result<FileImport, ImportError>,
) -> Result<u8> {
    let imported = match outcome {
        Ok(imported) => imported,
        Err(error) => {
            say(&failed(args, &format!("nothing was taken: {error}")))?;
            return Ok(exit(&error));
        }
    };
    let errors = imported.errors;
    let mut schools = Vec::with_capacity(imported.schools.len());
    for school in imported.schools {
        schools.push(of_school(school)?);
    }
    let mut total = sum(&schools);
    total.received += imported.of_no_school.received;
    total.rejected += imported.of_no_school.rejected.rows;
    total.comments_dropped += imported.of_no_school.comments_dropped;
    total.codes_mended += imported.of_no_school.codes_mended;
    (total.errors_left_out, total.rows_left_out) = (imported.errors_left_out, imported.rows_left_out);
    let code = code(&schools, &total);
    let whole = schools.iter().all(|school| school.not_taken.is_none());
    // What was done is told before anything else can be in the way.
    if args.json {
        say(&(serde_json::to_string(&OfFile { total, schools })? + "\n"))?;
    } else {
        say(&text(&schools, &total, &errors))?;
    }
    let path = error_file::path_of(&args.file);
    let written = if errors.is_empty() {
        if whole { error_file::remove(&path) } else { Ok(()) }
    } else {
        write_errors(file, (options, sent), &errors, &path)
    };
    if let Err(error) = written {
        complain(&error);
        return Ok(FAILED);
    }
    if !args.json && !errors.is_empty() {
        say(&format!("the rejected rows and what to do are in {}\n", path.display()))?;
    }
    Ok(code)
}

fn write_errors(
    file: &SentFile,
    (options, sent): (Options, Sent),
    errors: &[Reported],
    path: &Path,
) -> Result<()> {
    // The lines of another file would stand beside errors that are not theirs.
    let mut source = file.again()?;
    let what = (options.format, sent.content());
    error_file::write(path, |into| {
        Ok(intake::write_rejected_rows(&mut source, what, &options.limits, errors, into)?)
    })
}

/// What is printed where there is nothing to count.
pub(super) fn failed(args: &ImportArgs, why: &str) -> String {
    if args.json { format!("{}\n", serde_json::json!({ "error": why })) } else { format!("{why}\n") }
}

fn of_school(school: SchoolImport) -> Result<OfSchool> {
    let SchoolImport { urn, received, outcome } = school;
    Ok(match outcome {
        Ok(released) => {
            let mut report: ImportReport = serde_json::from_slice(released.body())?;
            // Values are for the error file alone.
            report.errors.clear();
            let left = report.rejected > 0 || report.refused.is_some();
            let exit = if left { SOME_REJECTED } else { DONE };
            OfSchool { urn, not_taken: None, report, exit }
        }
        Err(error) => {
            let mut report = ImportReport::default();
            report.received = received;
            OfSchool { urn, not_taken: Some(error.to_string()), report, exit: exit(&error) }
        }
    })
}

fn exit(error: &ImportError) -> u8 {
    match error {
        ImportError::File(_) => FAILED,
        ImportError::Gate(Refusal::Forbidden | Refusal::NoMandate(_)) => NOT_AUTHORISED,
        ImportError::Gate(_) | ImportError::Stopped => TRY_AGAIN,
    }
}

/// The code that says most: what nobody may do before what may go through later, before rows that need correcting.
fn code(schools: &[OfSchool], total: &ImportReport) -> u8 {
    let any = |code: u8| schools.iter().any(|school| school.exit == code).then_some(code);
    let rejected = (total.rejected > 0).then_some(SOME_REJECTED).or_else(|| any(SOME_REJECTED));
    any(NOT_AUTHORISED).or_else(|| any(TRY_AGAIN)).or_else(|| any(FAILED)).or(rejected).unwrap_or(DONE)
}

fn sum(schools: &[OfSchool]) -> ImportReport {
    let mut total = ImportReport::default();
    for OfSchool { report, .. } in schools {
        total.kind.clone_from(&report.kind);
        total.received += report.received;
        total.accepted += report.accepted;
        total.unchanged += report.unchanged;
        total.amended += report.amended;
        total.amended_without_reason_or_name += report.amended_without_reason_or_name;
        total.kept_as_history += report.kept_as_history;
        total.rejected += report.rejected;
        total.comments_dropped += report.comments_dropped;
        total.codes_mended += report.codes_mended;
        total.upn_issuer_unknown += report.upn_issuer_unknown;
        total.protection_raised += report.protection_raised;
        total.marks_without_session += report.marks_without_session;
    }
    total.applied = !schools.is_empty() && schools.iter().all(|school| school.report.applied);
    if let [one] = schools {
        total.import_id.clone_from(&one.report.import_id);
        total.columns_ignored.clone_from(&one.report.columns_ignored);
        total.columns_left.clone_from(&one.report.columns_left);
        total.to_confirm.clone_from(&one.report.to_confirm);
        total.refused.clone_from(&one.report.refused);
    }
    total
}

/// Errors that are printed; the file has them all.
const PRINTED: usize = 20;

fn text(schools: &[OfSchool], total: &ImportReport, errors: &[Reported]) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    if let [one] = schools {
        let _ = writeln!(text, "{}", line(one));
    } else {
        for school in schools {
            let _ = writeln!(text, "{} {}", school.urn, line(school));
        }
        let applied = schools.iter().filter(|school| school.report.applied).count();
        let _ = writeln!(text, "{applied} of {} schools applied: {}", schools.len(), counts(total));
    }
    for school in schools {
        if let Some(why) = &school.report.refused {
            let _ = writeln!(text, "{} refused: {why}", school.urn);
        }
    }
    let left: BTreeSet<&String> = schools.iter().flat_map(|school| &school.report.columns_left).collect();
    if !left.is_empty() {
        let left: Vec<&str> = left.into_iter().map(String::as_str).collect();
        let _ = writeln!(text, "columns that are not in the file, left as they were: {}", left.join(", "));
    }
    for error in errors.iter().take(PRINTED) {
        let _ = writeln!(text, "line {}, {}: {}", error.line, error.column, error.what);
    }
    if errors.len() > PRINTED {
        let _ = writeln!(text, "and {} more", errors.len() - PRINTED);
    }
    if total.rows_left_out > 0 {
        let _ = writeln!(
            text,
            "{} further rejected rows are left out of the error file, which has at most {ERRORS_MAX} errors; mend those \
             that are in it and import the file again",
            total.rows_left_out
        );
    }
    text
}

fn line(school: &OfSchool) -> String {
    match &school.not_taken {
        Some(why) => format!("nothing was taken of {} rows: {why}", school.report.received),
        None if school.report.applied => format!("applied: {}", counts(&school.report)),
        None => format!("not applied: {}", counts(&school.report)),
    }
}

fn counts(report: &ImportReport) -> String {
    format!(
        "{} rows received, {} accepted, {} unchanged, {} amended, {} kept as history, {} rejected",
        report.received,
        report.accepted,
        report.unchanged,
        report.amended,
        report.kept_as_history,
        report.rejected
    )
}
