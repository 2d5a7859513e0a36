//! The sections as they stand on the wire; names and shapes are fixed.

use super::super::answer::{SessionBody, WindowBody};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The sections of one enrolment; absent where not permitted or not asked for.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(default)]
pub struct Sections {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) headline: Option<Headline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trend: Option<Trend>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) split: Option<Split>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) punctuality: Option<PunctualityBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pattern: Option<PatternBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) health: Option<HealthBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) suspension: Option<Suspension>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enforcement: Option<EnforcementBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_seen: Option<LastSeenBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) placement: Option<PlacementBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sessions: Option<Vec<DayBody>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) codes: Option<BTreeMap<&'static str, u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) school_contact: Option<SchoolContact>,
}

/// Sums, rates in percent to one decimal, and flags that come from the integers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Headline {
    pub(super) possible: u32,
    pub(super) attended: u32,
    pub(super) missed: u32,
    pub(super) attendance_rate: Option<f64>,
    pub(super) absence_rate: Option<f64>,
    /// Missed a tenth or more of the possible sessions.
    pub(super) persistent_absence: bool,
    /// Missed half or more of the possible sessions.
    pub(super) severe_absence: bool,
    /// Whose flags they are: `enrolment`, the department's unit, or `combined_sum`, ours.
    #[schema(value_type = String)]
    pub(super) flags_of: &'static str,
    pub(super) rules: HeadlineRules,
}

/// The version of the rule behind each flag; `null` where none held on the window's last day.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeadlineRules {
    #[schema(value_type = Option<String>)]
    pub(super) persistent_absence: Option<Cow<'static, str>>,
    #[schema(value_type = Option<String>)]
    pub(super) severe_absence: Option<Cow<'static, str>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Trend {
    pub(super) weeks: Vec<WeekBody>,
}

/// One school week, by its Monday.
#[derive(Debug, Serialize, ToSchema)]
pub struct WeekBody {
    pub(super) week: NaiveDate,
    pub(super) possible: u32,
    pub(super) attended: u32,
    pub(super) missed: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Split {
    pub(super) authorised: u32,
    pub(super) unauthorised: u32,
}

/// L and U side by side; there is no official rate of punctuality.
#[derive(Debug, Serialize, ToSchema)]
pub struct PunctualityBody {
    pub(super) late_before_close: u32,
    pub(super) late_after_close: u32,
    pub(super) minutes_late: Option<u32>,
    pub(super) by_weekday: Vec<LateOn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail_window: Option<WindowBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LateOn {
    #[schema(value_type = String)]
    pub(super) weekday: &'static str,
    pub(super) late_before_close: u32,
    pub(super) late_after_close: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PatternBody {
    pub(super) absences: Vec<AbsenceOn>,
    pub(super) spells: Vec<SpellBody>,
    /// The days that weekdays and spells are of, where those are not the answer's window: half terms that have ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail_window: Option<WindowBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AbsenceOn {
    #[schema(value_type = String)]
    pub(super) weekday: &'static str,
    #[schema(value_type = String)]
    pub(super) session: &'static str,
    pub(super) missed: u32,
    pub(super) possible: u32,
    /// Sessions that the school held then while the pupil was on roll: its own weekday shape.
    pub(super) held: u32,
}

/// An unbroken run of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpellBody {
    /// Only for roles with `sessions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<SessionBody>,
    /// Only for roles with `sessions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<SessionBody>,
    pub(super) sessions: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HealthBody {
    pub(super) illness: u32,
    pub(super) medical: u32,
    pub(super) spells: Vec<SpellBody>,
    /// Fifteen school days of sickness, in one run or in one school year.
    pub(super) sickness_flag: bool,
    pub(super) rules: HealthRules,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail_window: Option<WindowBody>,
}

/// The version of the rule behind the flag; `null` where none held on the window's last day.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthRules {
    #[schema(value_type = Option<String>)]
    pub(super) sickness_flag: Option<Cow<'static, str>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Suspension {
    pub(super) sessions: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EnforcementBody {
    pub(super) worst_window: Option<WorstWindowBody>,
    pub(super) ten_day_absence: bool,
    pub(super) rules: EnforcementRules,
}

/// The version of the rule behind each flag; `null` where none held on the window's last day.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnforcementRules {
    #[schema(value_type = Option<String>)]
    pub(super) worst_window: Option<Cow<'static, str>>,
    #[schema(value_type = Option<String>)]
    pub(super) ten_day_absence: Option<Cow<'static, str>>,
}

/// The ten consecutive school weeks with the most unauthorised sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorstWindowBody {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
    pub(super) unauthorised: u32,
    /// Whether a penalty notice must be considered.
    pub(super) threshold_met: bool,
}

/// Marked present by the school; never "seen safe".
#[derive(Debug, Serialize, ToSchema)]
pub struct LastSeenBody {
    pub(super) last_marked_present: Option<MarkedPresentBody>,
    pub(super) last_reported_elsewhere: Option<SessionBody>,
    pub(super) unexplained_run: u32,
    pub(super) d_unmet: Vec<SessionBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MarkedPresentBody {
    pub(super) date: NaiveDate,
    #[schema(value_type = String)]
    pub(super) session: &'static str,
    pub(super) entered_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PlacementBody {
    pub(super) dual_registration: bool,
    pub(super) part_time: bool,
    pub(super) elsewhere: Vec<ElsewhereBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ElsewhereBody {
    /// `arranged_by_authority`.
    #[schema(value_type = String)]
    pub(super) provision: &'static str,
    pub(super) sessions: u32,
}

/// Each session by class of our own: P, L, A, U, · and ?; `null` for one of today that is not over yet, and in no figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayBody {
    pub(super) date: NaiveDate,
    #[schema(value_type = Option<String>, required)]
    pub(super) am: Option<&'static str>,
    #[schema(value_type = Option<String>, required)]
    pub(super) pm: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SchoolContact {
    pub(super) attendance_lead: ContactBody,
    pub(super) dsl: ContactBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ContactBody {
    pub(super) name: String,
    pub(super) telephone: String,
}
