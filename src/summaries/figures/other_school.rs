//! What a school is shown of the other school of a dual registration, while both enrolments are live and each school has
//! recorded the other: its headline and last sightings, and how it met the sessions that one's own register marks D.
//!
//! Never another name, date or figure: nothing else of the other register is written here.

use super::super::answer::SchoolBody;
use super::super::sections::{Headline, LastSeenBody, headline, last_seen};
use super::decode::Decoded;
use super::{Asking, Counted};
use crate::domain::attendance::summary::{DualMet, Shown};
use crate::domain::calendar::Session;
use crate::domain::purpose::Section;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// The other school of a dual registration, as far as this one may see its register.
#[derive(Debug, Serialize, ToSchema)]
pub struct OtherSchoolBody {
    /// Which.
    school: SchoolBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    headline: Option<Headline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<LastSeenBody>,
    /// How it met the sessions of the window that this school's register marks D.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<Vec<MetBody>>,
}

/// A session that this school's register marks D, by its class at the other school.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetBody {
    date: NaiveDate,
    #[schema(value_type = String)]
    session: &'static str,
    /// P, L, A, U, · or ?.
    #[schema(value_type = String)]
    class: &'static str,
}

impl Asking<'_> {
    /// The sessions that the other school marks D and this one met by absence or no mark.
    pub(super) fn unmet_of(&self, one: &Counted<'_>, others: &[Decoded]) -> Vec<Session> {
        let own = one.held.live();
        let unmet = |other: &Decoded| {
            let dual = other.figures(self.window, self.span).last_seen.dual;
            other.dual_met(self.window, &dual, &[own]).unmet
        };
        self.beside(one, others).flat_map(unmet).collect()
    }

    /// The other school of an enrolment, where the permit reaches it.
    pub(super) fn other_school(
        &self,
        one: &Counted<'_>,
        dual: &DualMet,
        others: &[Decoded],
    ) -> Option<OtherSchoolBody> {
        let other = self.beside(one, others).next()?;
        let school = self.directory.school(other.enrolment.school())?;
        let figures = other.figures(self.window, self.span);
        let given = self.entitled.counterpart.and(self.given);
        let met = other.dual_met(self.window, &figures.last_seen.dual, &[one.held.live()]);
        // Unmet is unmet for both, whichever of the two marked D.
        let met = DualMet { unmet: dual.unmet.clone(), ..met };
        let shown = |what: Section| figures.recorded && given.has(what);
        Some(OtherSchoolBody {
            school: SchoolBody::of(school),
            headline: shown(Section::Headline)
                .then(|| headline(&figures.counts, "enrolment", (self.span.reading, self.on()))),
            last_seen: shown(Section::LastSeen).then(|| last_seen(&figures.last_seen, &met)),
            sessions: shown(Section::Sessions).then(|| self.met_by(one, other)),
        })
    }

    fn met_by(&self, one: &Counted<'_>, other: &Decoded) -> Vec<MetBody> {
        // What is not over has no class yet.
        let over = |at: &Session| *at <= self.window.last_due;
        let inside = |at: &&Session| over(at) && (self.window.from..=self.window.to).contains(&at.date);
        let class = |at: &Session| {
            let mark = other.ask(self.window, |register| register.mark(*at));
            MetBody {
                date: at.date,
                session: at.half.as_str(),
                class: mark.map_or(Shown::NotRequired, Shown::of).as_str(),
            }
        };
        one.last_seen.dual.iter().filter(inside).map(class).collect()
    }

    /// The counterparts of an enrolment: it and they are live places of a dual registration.
    fn beside<'b>(
        &self,
        one: &Counted<'_>,
        others: &'b [Decoded],
    ) -> impl Iterator<Item = &'b Decoded> + use<'b> {
        let today = self.window.live_to.date;
        let live = one.held.live().is_dual_on(today);
        others.iter().filter(move |other| live && other.is_dual_on(today))
    }
}
