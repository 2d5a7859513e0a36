//! Which sessions make each count, on the wire: by class; by code only for whoever may see codes. All schools together are
//! the sums of the enrolments, but for the penalty window: it has a list of its own.

use super::super::answer::SessionBody;
use super::super::sections::session;
use super::decode::Held;
use super::{Asking, Counted};
use crate::directory::Organisation;
use crate::domain::attendance::Code;
use crate::domain::attendance::summary::{COUNTS, CountMade, Derivation, Made, Shown, WorstWindow};
use crate::domain::calendar::Session;
use crate::domain::purpose::Section;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Which sessions make each count of an enrolment, for whoever may see `sessions`.
#[derive(Debug, Serialize, ToSchema)]
pub struct DerivationBody {
    /// Every session of the window by class of our own: P, L, A, U, · and ?.
    #[schema(value_type = BTreeMap<String, Vec<SessionBody>>)]
    classes: BTreeMap<&'static str, Vec<SessionBody>>,
    /// The same by exact code; only with the section `codes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Vec<SessionBody>>>)]
    codes: Option<BTreeMap<&'static str, Vec<SessionBody>>>,
    /// Each count of the sections given, by its path in the answer, with what it is the sum of.
    #[schema(value_type = BTreeMap<String, CountBody>)]
    counts: BTreeMap<&'static str, CountBody>,
}

/// What a count is the sum of: classes, codes, or sessions of its own.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountBody {
    /// The count, in sessions.
    count: usize,
    /// All sessions of these classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    classes: Option<Vec<&'static str>>,
    /// All sessions with these codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    codes: Option<Vec<&'static str>>,
    /// These sessions; they may lie outside the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<Vec<SessionBody>>,
}

/// Which sessions make the counts of all enrolments together that are not sums of the enrolments' own: the penalty window,
/// which may be over several schools, and over one that the child left before the answer's days.
#[derive(Debug, Serialize, ToSchema)]
pub struct CombinedDerivationBody {
    /// Each of these counts, by its path in the sections.
    #[schema(value_type = BTreeMap<String, CombinedCountBody>)]
    counts: BTreeMap<&'static str, CombinedCountBody>,
}

/// The sessions of a count, with the school of each.
#[derive(Debug, Serialize, ToSchema)]
pub struct CombinedCountBody {
    /// The count, in sessions.
    count: usize,
    /// These sessions, in order; they may lie outside the window.
    sessions: Vec<SchoolSessionBody>,
}

/// A session of one school.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct SchoolSessionBody {
    /// Its date.
    date: NaiveDate,
    /// `am` or `pm`.
    #[schema(value_type = String)]
    session: &'static str,
    /// Unique reference number of the school.
    urn: String,
}

/// The count of the penalty window.
const WORST_WINDOW: &str = "enforcement.worst_window.unauthorised";

impl Asking<'_> {
    /// The derivation of all together: of the worst window, made by these registers. It is made of codes, and told like any
    /// such count.
    pub(super) fn combined_derivation(
        &self,
        worst: Option<WorstWindow>,
        made_by: &[(&Held, &Organisation)],
    ) -> Option<CombinedDerivationBody> {
        let told = self.derives() && self.given.has(Section::Codes) && self.given.has(Section::Enforcement);
        if !told {
            return None;
        }
        let of = |(held, school): &(&Held, &Organisation), window: WorstWindow| -> Vec<SchoolSessionBody> {
            let found =
                held.then.ask(self.window, |register| register.unauthorised_in(self.span.reading, window));
            found.into_iter().map(|at| at_school(at, school)).collect()
        };
        let mut sessions: Vec<SchoolSessionBody> = match worst {
            Some(window) => made_by.iter().flat_map(|one| of(one, window)).collect(),
            None => Vec::new(),
        };
        sessions.sort_unstable();
        let count = CombinedCountBody { count: sessions.len(), sessions };
        Some(CombinedDerivationBody { counts: BTreeMap::from([(WORST_WINDOW, count)]) })
    }

    /// The derivation of one enrolment; none where it was not asked for, or not permitted, or nothing is recorded.
    pub(super) fn derivation(&self, one: &Counted<'_>) -> Option<DerivationBody> {
        if !self.derives() || !one.figures.recorded {
            return None;
        }
        let by_code = self.given.has(Section::Codes);
        let derived =
            one.held.then.ask(self.window, |register| register.derivation(self.span.reading, &one.figures));
        let told = |count: &&CountMade| {
            count.section.is_none_or(|section| self.given.has(section))
                && (by_code || !count.made.tells_codes())
        };
        Some(DerivationBody {
            classes: Shown::ALL
                .iter()
                .map(|class| (class.as_str(), list(derived.of_class(*class))))
                .collect(),
            codes: by_code.then(|| codes(&derived)),
            counts: COUNTS
                .iter()
                .filter(told)
                .map(|count| (count.name, body(&derived, count.made)))
                .collect(),
        })
    }
}

fn codes(derived: &Derivation) -> BTreeMap<&'static str, Vec<SessionBody>> {
    let listed = Code::ALL.iter().map(|code| (code.as_str(), list(derived.of_code(*code))));
    listed.filter(|(_, sessions)| !sessions.is_empty()).collect()
}

fn body(derived: &Derivation, made: Made) -> CountBody {
    let (mut classes, mut codes, mut sessions) = (None, None, None);
    match made {
        Made::Of(of) => classes = Some(of.iter().map(|class| class.as_str()).collect()),
        Made::Coded(of) => codes = Some(of.iter().map(|code| code.as_str()).collect()),
        Made::Listed(of) => sessions = Some(list(of(derived).iter().copied())),
    }
    CountBody { count: derived.count(made), classes, codes, sessions }
}

fn at_school(at: Session, school: &Organisation) -> SchoolSessionBody {
    let SessionBody { date, session } = session(at);
    SchoolSessionBody { date, session, urn: school.urn.clone().unwrap_or_default() }
}

fn list(sessions: impl Iterator<Item = Session>) -> Vec<SessionBody> {
    sessions.map(session).collect()
}
