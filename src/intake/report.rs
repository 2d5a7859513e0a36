//! What became of an upload: counts, and each rejected row with what to do about it.

use super::parse::{RowError, Tally};
use crate::gate::Answer;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// The report on one upload; for the school that sent it only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportReport {
    /// Identifies the upload; `GET /v1/imports/{id}` gives this report again.
    pub import_id: String,
    /// `calendar`, `pupils` or `attendance`.
    pub kind: String,
    /// Whether the rows were applied: not on a dry run, and not where the file was refused.
    pub applied: bool,
    /// Why nothing of it was applied, and what to do; `null` where it was, or on a dry run would have been.
    #[serde(default)]
    pub refused: Option<String>,
    /// `long`, `day` or `wide` for marks; `rows` for other files.
    #[serde(default)]
    pub layout: String,
    /// The encoding that the file was taken in: `utf-8` or `windows-1252`; `xlsx` for a spreadsheet.
    #[serde(default)]
    pub encoding: String,
    /// How its dates were read: `yyyy-mm-dd`, or `dd/mm/yyyy` where the whole file proves that the day comes first.
    #[serde(default)]
    pub dates: String,
    /// Rows in the file; in the day and wide layouts, marks.
    pub received: usize,
    /// Rows that stand and brought something new.
    pub accepted: usize,
    /// Rows that brought nothing new.
    pub unchanged: usize,
    /// Of the accepted, rows that amended an entry; the original is kept (SI 2024/208 reg 6).
    pub amended: usize,
    /// Of the amended, those that came without reason or name.
    pub amended_without_reason_or_name: usize,
    /// Rows that older than what stands: kept as history.
    pub kept_as_history: usize,
    /// Rows that cannot stand; each has at least one error.
    pub rejected: usize,
    /// Marks of a pupil who was present whose stroke a tool had mangled or turned the wrong way, taken as what their
    /// session makes them.
    #[serde(default)]
    pub codes_mended: usize,
    /// Rows of the admission register that give a UPN whose issuer is no authority that is known: worth a second look,
    /// and taken like any other.
    #[serde(default)]
    pub upn_issuer_unknown: usize,
    /// Cells of free-text comments, dropped unread.
    pub comments_dropped: usize,
    /// Pupils whose whereabouts the file protects who were not protected here: no file can take it back.
    #[serde(default)]
    pub protection_raised: usize,
    /// Marks that stand on sessions which the calendar closes: they leave every figure.
    #[serde(default)]
    pub marks_without_session: usize,
    /// Why nothing was applied until the sender says that it is meant, and how to say so.
    #[serde(default)]
    pub to_confirm: Vec<String>,
    /// Columns that are not known.
    pub columns_ignored: Vec<String>,
    /// Columns of a roll that the file does not have, or in NDJSON that not every object has: what they would say was
    /// left as it stands. An empty cell in a column that is there clears.
    #[serde(default)]
    pub columns_left: Vec<String>,
    /// What is wrong, row by row.
    pub errors: Vec<Reported>,
    /// Errors beyond the limit of the report, counted only.
    pub errors_left_out: usize,
    /// Rejected rows of the file, by lines, that the file of errors does not hold: there were too many of them.
    #[serde(default)]
    pub rows_left_out: usize,
    /// Of the errors left out, those whose rows the file of errors holds too.
    #[serde(skip)]
    pub(super) beyond: Vec<Reported>,
}

/// What was wrong with the rows of one school, as far as it was kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Wrong {
    pub(super) errors: Vec<Reported>,
    /// Errors that were only counted.
    pub(super) errors_left_out: usize,
    /// Rows, by lines, that have no other.
    pub(super) rows_left_out: usize,
}

/// One thing wrong with one row.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reported {
    /// Line of the file, from 1.
    pub line: u64,
    /// Canonical name of the column, or `row`.
    pub column: String,
    /// The cell as given.
    pub value: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub what_to_do: String,
}

impl fmt::Debug for Reported {
    /// Without the cell, and what is said of it.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Reported")
            .field("line", &self.line)
            .field("column", &self.column)
            .finish_non_exhaustive()
    }
}

/// Errors that one report holds at most.
const ERRORS_MAX: usize = 1_000;
/// Errors whose rows the file of errors of one school holds beyond these.
const BEYOND_MAX: usize = 99_000;

impl Answer for ImportReport {}

impl ImportReport {
    /// The report on a file that was refused whole.
    pub(super) fn refused(kind: &str, why: String) -> Self {
        Self { kind: kind.to_owned(), refused: Some(why), ..Self::default() }
    }

    /// Begins a report with what reading the file found.
    pub(super) fn begin(kind: &str, tally: &Tally) -> Self {
        let mut report = Self {
            kind: kind.to_owned(),
            layout: tally.layout.to_owned(),
            encoding: tally.encoding.to_owned(),
            dates: tally.dates.to_owned(),
            codes_mended: tally.codes_mended,
            received: tally.received,
            rejected: tally.rejected.rows,
            comments_dropped: tally.comments_dropped,
            columns_ignored: tally.columns_ignored.clone(),
            errors_left_out: tally.rejected.errors_left_out,
            rows_left_out: tally.rejected.lines_left_out,
            ..Self::default()
        };
        tally.rejected.errors.iter().for_each(|error| report.keep(Reported::from(error)));
        report
    }

    /// Rejects a row that was read but cannot stand. `message` is what is wrong; then what to do.
    pub(super) fn reject(&mut self, line: u64, column: &str, value: &str, message: &str) {
        self.rejected += 1;
        let (what, what_to_do) =
            message.split_once("; ").unwrap_or((message, "correct it and send the row again"));
        self.keep(Reported {
            line,
            column: column.to_owned(),
            value: value.chars().take(80).collect(),
            what: what.to_owned(),
            what_to_do: what_to_do.to_owned(),
        });
    }

    /// Everything wrong of which the row can be given back, and how much cannot.
    pub(super) fn wrong(&self) -> Wrong {
        Wrong {
            errors: self.errors.iter().chain(&self.beyond).cloned().collect(),
            errors_left_out: self.errors_left_out - self.beyond.len(),
            rows_left_out: self.rows_left_out,
        }
    }

    fn keep(&mut self, error: Reported) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error);
            return;
        }
        self.errors_left_out += 1;
        if self.beyond.len() < BEYOND_MAX {
            self.beyond.push(error);
        } else {
            self.rows_left_out += 1;
        }
    }
}

impl From<&RowError> for Reported {
    fn from(error: &RowError) -> Self {
        Self {
            line: error.line,
            column: error.column.to_string(),
            value: error.value.clone(),
            what: error.what.clone(),
            what_to_do: error.what_to_do.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_goes_into_the_report_and_into_no_line_of_the_log() {
        let quill = "Quill".to_owned();
        let reported = Reported {
            line: 7,
            column: "surname".to_owned(),
            value: quill.clone(),
            what: quill.clone(),
            what_to_do: quill,
        };
        let report = ImportReport { beyond: vec![reported.clone()], ..ImportReport::default() };
        for shown in [format!("{reported:?}"), format!("{report:?}")] {
            assert!(shown.contains("surname") && !shown.contains("Quill"), "{shown}");
        }
        assert!(serde_json::to_string(&reported).unwrap().contains("Quill"));
    }
}
