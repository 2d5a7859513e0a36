//! A school's figures on the wire.

use super::super::answer::{SchoolBody, WindowBody};
use super::super::sections::HeadlineRules;
use super::counted::{Cohort, Group, Tally};
use super::outsiders::half_terms::Cell;
use crate::gate::Answer;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// A school's attendance, its year groups' and its cohorts'. Counts are sessions (half-days) or enrolments.
#[derive(Debug, Serialize, ToSchema)]
pub struct SchoolFiguresAnswer {
    /// Which school.
    pub(super) school: SchoolBody,
    /// The role that the answer is for.
    pub(super) role: String,
    /// The purpose that it is for.
    pub(super) purpose: String,
    /// `live` for the school's own staff, `published` for outsiders: half terms that have ended, counted once.
    #[schema(value_type = String)]
    pub(super) figures: &'static str,
    /// The day up to which figures are given: today, or the last day of the week as at whose publication they were
    /// counted; `null` when nothing has been published.
    pub(super) as_of: Option<NaiveDate>,
    /// The days that the figures cover; `null` when there are none.
    pub(super) window: Option<WindowBody>,
    /// The rule by which enrolments are persistently or severely absent on the window's last day; `null` without a window.
    pub(super) rules: Option<HeadlineRules>,
    /// Published figures: the last day of the half term whose enrolments, year groups and cohorts they are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) groups_as_at: Option<NaiveDate>,
    /// The whole school; `null` where it is not shown.
    pub(super) total: Option<FiguresBody>,
    /// Year groups that are shown.
    pub(super) year_groups: Vec<YearGroupFigures>,
    /// Cohorts that are shown.
    pub(super) cohorts: Vec<CohortFigures>,
    /// What the answer does not mean, and whom to ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caution: Option<String>,
}

impl Answer for SchoolFiguresAnswer {}

/// One group's figures. `null` is not given: too few, or too few would be left when it is taken from another figure.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct FiguresBody {
    /// Enrolments with a possible session; boarders and guests are left out.
    enrolments: Option<u32>,
    /// Sessions that they could have attended and that are marked.
    possible: Option<u32>,
    /// Of these attended.
    attended: Option<u32>,
    /// Missed with leave.
    authorised: Option<u32>,
    /// Missed without.
    unauthorised: Option<u32>,
    /// Missed of possible in percent, to one decimal; sums over sums.
    absence_rate: Option<f64>,
    /// Enrolments that missed a tenth or more of their own possible sessions.
    persistent_absence: AbsentBody,
    /// Enrolments that missed half or more.
    severe_absence: AbsentBody,
}

/// Enrolments, and how many that is of all.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct AbsentBody {
    /// How many.
    enrolments: Option<u32>,
    /// In percent, to one decimal.
    rate: Option<f64>,
}

/// A year group's figures.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct YearGroupFigures {
    /// National curriculum year, as the school gave it.
    year_group: String,
    #[serde(flatten)]
    figures: FiguresBody,
}

/// A cohort's figures.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CohortFigures {
    /// `sen_support`, `sen_plan`, `free_meals` or `social_worker`.
    cohort: String,
    /// Where the cohort's figures are published ones beside live ones: the days that they cover.
    #[serde(skip_serializing_if = "Option::is_none")]
    published_window: Option<WindowBody>,
    #[serde(flatten)]
    figures: FiguresBody,
}

impl From<&Tally> for FiguresBody {
    fn from(tally: &Tally) -> Self {
        let counts = tally.counts;
        Self::of(Cell {
            enrolments: Some(tally.enrolments),
            possible: Some(counts.possible()),
            attended: Some(counts.attended),
            authorised: Some(counts.authorised),
            unauthorised: Some(counts.unauthorised),
            persistent: Some(tally.persistent),
            severe: Some(tally.severe),
        })
    }
}

impl FiguresBody {
    /// Figures with the rates that follow from those that are given.
    pub(super) fn of(cell: Cell) -> Self {
        let missed = cell.possible.zip(cell.attended).map(|(possible, attended)| possible - attended);
        let absent = |number| AbsentBody { enrolments: number, rate: percent(number, cell.enrolments) };
        Self {
            enrolments: cell.enrolments,
            possible: cell.possible,
            attended: cell.attended,
            authorised: cell.authorised,
            unauthorised: cell.unauthorised,
            absence_rate: percent(missed, cell.possible),
            persistent_absence: absent(cell.persistent),
            severe_absence: absent(cell.severe),
        }
    }
}

/// A part of a whole in percent, rounded half up to one decimal; none where either is not given, or nothing is the whole.
fn percent(part: Option<u32>, whole: Option<u32>) -> Option<f64> {
    let (part, whole) = (u64::from(part?), u64::from(whole?));
    let tenths = (2000 * part + whole).checked_div(2 * whole)?;
    u32::try_from(tenths).ok().map(|tenths| f64::from(tenths) / 10.0)
}

/// A total, year groups and cohorts.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "a year group is one word of the trade")]
pub(super) struct Groups {
    pub(super) total: Option<FiguresBody>,
    pub(super) year_groups: Vec<YearGroupFigures>,
    pub(super) cohorts: Vec<CohortFigures>,
}

impl Groups {
    /// Puts a group's figures in their place.
    pub(super) fn add(&mut self, group: Group, figures: FiguresBody) {
        match group {
            Group::School => self.total = Some(figures),
            Group::Year(year) => {
                self.year_groups.push(YearGroupFigures { year_group: year.as_str().to_owned(), figures });
            }
            Group::Cohort(cohort) => self.add_cohort(cohort, figures, None),
        }
    }

    /// Puts a cohort's figures, which may be published ones beside live ones.
    pub(super) fn add_cohort(
        &mut self,
        cohort: Cohort,
        figures: FiguresBody,
        published_window: Option<WindowBody>,
    ) {
        let cohort = cohort.as_str().to_owned();
        self.cohorts.push(CohortFigures { cohort, published_window, figures });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_from_what_is_given() {
        let all =
            Cell { enrolments: Some(30), possible: Some(2000), attended: Some(1871), ..Cell::default() };
        let figures = FiguresBody::of(Cell { persistent: Some(5), ..all });
        assert_eq!(figures.absence_rate, Some(6.5), "129 of 2000 are 6.45, rounded half up");
        assert_eq!(figures.persistent_absence.rate, Some(16.7));
        assert_eq!(figures.severe_absence.rate, None);
        assert_eq!(FiguresBody::of(Cell { attended: None, ..all }).absence_rate, None);
        assert_eq!(
            FiguresBody::of(Cell { enrolments: None, persistent: Some(5), ..all }).persistent_absence.rate,
            None
        );
        assert_eq!(percent(Some(0), Some(0)), None);
    }
}
