//! Which sessions make each count, on the wire: by class; by code only for whoever may see codes.

use super::super::answer::SessionBody;
use super::super::sections::session;
use super::{Asking, Counted};
use crate::domain::attendance::Code;
use crate::domain::attendance::summary::{COUNTS, CountMade, Derivation, Made, Shown};
use crate::domain::calendar::Session;
use crate::domain::purpose::Section;
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

impl Asking<'_> {
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

fn list(sessions: impl Iterator<Item = Session>) -> Vec<SessionBody> {
    sessions.map(session).collect()
}
