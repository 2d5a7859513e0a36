//! The answer on the wire. A section that is not permitted or not asked for is absent.

use super::figures::{CombinedDerivationBody, DerivationBody, OtherSchoolBody};
use super::sections::Sections;
use crate::directory::Organisation;
use crate::gate::{Answer, ChildRef};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// A child's attendance and punctuality summary. Counts are sessions (half-days).
#[derive(Debug, Serialize, ToSchema)]
pub struct SummaryAnswer {
    /// The caller's own handle for the child.
    #[schema(value_type = String)]
    pub(super) pupil_id: ChildRef,
    /// The role that the answer is for.
    pub(super) role: String,
    /// The purpose that it is for.
    pub(super) purpose: String,
    /// The day up to which figures are given: today, or the last day of the last published school week.
    pub(super) as_of: NaiveDate,
    /// The days that the figures cover.
    pub(super) window: WindowBody,
    /// Each enrolment in the window, with its own figures.
    pub(super) enrolments: Vec<EnrolmentBody>,
    /// Sums over the enrolments; never means of rates.
    pub(super) combined: Combined,
    /// Sections barred for this child.
    pub(super) not_given: Vec<String>,
    /// Whom to ring about them: a team that protects the child.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ring: Option<String>,
    /// What the answer does not mean, and whom to ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caution: Option<String>,
}

impl Answer for SummaryAnswer {
    fn children(&mut self) -> Vec<&mut ChildRef> {
        vec![&mut self.pupil_id]
    }
}

/// First and last day.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct WindowBody {
    /// First day.
    pub(super) from: NaiveDate,
    /// Last day.
    pub(super) to: NaiveDate,
}

/// One enrolment's figures.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnrolmentBody {
    /// Where.
    pub(super) school: SchoolBody,
    /// `single`, `main`, `subsidiary` or `guest`.
    pub(super) status: String,
    /// What is missing.
    pub(super) completeness: CompletenessBody,
    /// The permitted sections that were asked for.
    pub(super) sections: Sections,
    /// Which sessions make each count; only with `derivation=true`, and only for whoever may see `sessions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) derivation: Option<DerivationBody>,
    /// For a school: the other school of a dual registration, while both enrolments are live and each school has recorded
    /// the other's URN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) other_school: Option<OtherSchoolBody>,
}

/// A school.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SchoolBody {
    /// Unique reference number.
    pub(super) urn: String,
    /// As published.
    pub(super) name: String,
}

impl SchoolBody {
    pub(super) fn of(school: &Organisation) -> Self {
        Self { urn: school.urn.clone().unwrap_or_default(), name: school.name.clone() }
    }
}

/// How complete the marks are.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompletenessBody {
    /// Whether there is an attendance register at all: not for boarders and guests, who then have no figures.
    pub(super) recorded: bool,
    /// When the newest marks came; `null` when none has. Boarders have none.
    pub(super) marks_received_at: Option<DateTime<Utc>>,
    /// The last session of the window that has a mark.
    pub(super) last_complete_session: Option<SessionBody>,
    /// Sessions that are over and have no mark; in no other figure.
    pub(super) sessions_without_mark: u32,
    /// Sessions coded N for longer than five school days.
    pub(super) no_reason_yet_over_five_days: u32,
}

/// A session.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct SessionBody {
    /// Its date.
    pub(super) date: NaiveDate,
    /// `am` or `pm`.
    #[schema(value_type = String)]
    pub(super) session: &'static str,
}

/// The sums over all enrolments.
#[derive(Debug, Serialize, ToSchema)]
pub struct Combined {
    /// Sums of sessions, never means of rates; flags are of the sum. The penalty window is over all schools, the last
    /// sighting the latest. `sessions` and `school_contact` belong to one school and are not here.
    pub(super) sections: Sections,
    /// Which sessions make the counts that are not sums of the enrolments'; only with `derivation=true`, and only for whoever
    /// may see `sessions` and `codes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) derivation: Option<CombinedDerivationBody>,
}

/// The one child found.
#[derive(Debug, Serialize, ToSchema)]
pub struct Found {
    /// The caller's own handle for the child.
    #[schema(value_type = String)]
    pub(super) pupil_id: ChildRef,
    /// What the answer does not mean, and whom to ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caution: Option<String>,
}

impl Answer for Found {
    fn children(&mut self) -> Vec<&mut ChildRef> {
        vec![&mut self.pupil_id]
    }
}
