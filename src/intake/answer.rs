//! What an upload is answered with: its report, or the problem document that carries it where nothing was applied.

use super::parse::FileError;
use super::{ImportReport, Sent};
use crate::gate::Answer;
use crate::http::{Problem, ProblemKind, RequestId};
use serde::Serialize;
use utoipa::ToSchema;

/// The answer to an upload.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum UploadAnswer {
    /// It was taken, or could be.
    Taken(Box<ImportReport>),
    /// Nothing of it was applied.
    Refused(Box<RefusedUpload>),
}

/// A problem document (RFC 9457) of which the fields of the report are the extension members: status 422, and nothing
/// of the file was applied.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusedUpload {
    /// `urn:schoolgate:problem:` and `unprocessable_file`, `rows_rejected` or `confirmation_needed`.
    r#type: String,
    /// The kind's title.
    title: String,
    /// 422.
    status: u16,
    /// Why nothing was applied, and what to do.
    detail: String,
    /// The request's identifier, as in `X-Request-Id`.
    request_id: String,
    #[serde(flatten)]
    report: ImportReport,
}

impl Answer for UploadAnswer {
    fn content_type(&self) -> &'static str {
        match self {
            Self::Taken(_) => "application/json",
            Self::Refused(_) => "application/problem+json",
        }
    }
}

/// Why nothing of an upload is applied.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) kind: ProblemKind,
    /// What is wrong with the file as a whole, and what to do, without anything of a row.
    pub(super) why: String,
}

impl Refused {
    /// A file that cannot be read by columns.
    pub(super) fn whole(error: &FileError) -> Self {
        Self { kind: ProblemKind::UnprocessableFile, why: error.to_string() }
    }

    /// Whether a file that was read is refused: for its own rows, or where it is `strict` for `others` of the file.
    pub(super) fn of(report: &ImportReport, sent: Sent, (strict, others): (bool, bool)) -> Option<Self> {
        let rejected = |why: String| Some(Self { kind: ProblemKind::RowsRejected, why });
        let rows = report.rejected;
        let were =
            if rows == 1 { "1 row was rejected".to_owned() } else { format!("{rows} rows were rejected") };
        if rows > 0 && sent == Sent::Calendar {
            return rejected(format!(
                "{were}, and a calendar is taken whole or not at all; correct what `errors` says of \
                 them and send the file again"
            ));
        }
        if rows > 0 && strict {
            return rejected(format!(
                "{were} and the file was sent strict, so that nothing of it was applied; correct what \
                 `errors` says of them and send it again, or send it without strict and the other rows are taken"
            ));
        }
        if !report.to_confirm.is_empty() {
            let why = format!(
                "nothing was applied, since it may not be meant: {}",
                report.to_confirm.join("; and ")
            );
            return Some(Self { kind: ProblemKind::ConfirmationNeeded, why });
        }
        if others {
            return rejected(
                "other rows of the file were rejected or have to be confirmed and it was sent strict, so that nothing of \
                 it was applied; correct those and send it again, or send it without strict"
                    .to_owned(),
            );
        }
        None
    }

    /// The word of its entry.
    pub(super) fn word(&self) -> &'static str {
        // As entries have said it from the first.
        if self.kind == ProblemKind::ConfirmationNeeded { "to_confirm" } else { self.kind.as_str() }
    }
}

/// The answer of a report: as a problem document where it says why nothing was applied and a request asked for it.
pub(super) fn answer(
    report: ImportReport,
    refused: Option<Refused>,
    request: Option<&RequestId>,
) -> UploadAnswer {
    let (Some(refused), Some(request)) = (refused, request) else {
        return UploadAnswer::Taken(Box::new(report));
    };
    let Problem { r#type, title, status, detail, request_id, .. } =
        Problem::new(refused.kind, refused.why, request);
    UploadAnswer::Refused(Box::new(RefusedUpload { r#type, title, status, detail, request_id, report }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rejected: usize, to_confirm: &[&str]) -> ImportReport {
        ImportReport {
            rejected,
            to_confirm: to_confirm.iter().map(|ask| (*ask).to_owned()).collect(),
            ..ImportReport::default()
        }
    }

    #[test]
    fn what_is_wrong_is_said_before_what_is_asked() {
        let kind = |report: &ImportReport, sent, strict, others| {
            Refused::of(report, sent, (strict, others)).map(|refused| refused.kind)
        };
        let (rejected, asked) = (ProblemKind::RowsRejected, ProblemKind::ConfirmationNeeded);
        for (report, sent, strict, others, expected) in [
            (report(0, &[]), Sent::Pupils, true, false, None),
            (report(3, &[]), Sent::Pupils, false, false, None),
            (report(3, &[]), Sent::Pupils, true, false, Some(rejected)),
            (report(3, &[]), Sent::Calendar, false, false, Some(rejected)),
            (report(0, &["look"]), Sent::Pupils, false, false, Some(asked)),
            (report(1, &["look"]), Sent::Pupils, true, true, Some(rejected)),
            (report(0, &["look"]), Sent::Calendar, true, true, Some(asked)),
            (report(0, &[]), Sent::Attendance, true, true, Some(rejected)),
        ] {
            assert_eq!(kind(&report, sent, strict, others), expected, "{report:?}");
        }
    }
}
