//! The wire of a school's figures.

use super::super::answer::{SchoolBody, WindowBody};
use super::super::sections::headline_rules;
use super::super::window;
use super::answer::{FiguresBody, Groups, SchoolFiguresAnswer};
use super::counted::{Cohort, Group};
use super::outsiders::half_terms::HalfTerm;
use super::publish::{Published, published};
use super::{live::live, storage};
use crate::config::{Safety, Suppression};
use crate::domain::attendance::summary::Reading;
use crate::domain::calendar::SchoolYear;
use crate::gate::{Asked, Gate, OfFigures, Permit, Refusal, Released};
use crate::http::{Error, Path, Query};
use axum::extract::State;
use chrono::NaiveDate;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which days of a school are asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
pub struct SchoolFiguresQuery {
    /// First day. The school's own staff get these days; outsiders the one half term that they touch, or the school
    /// year to the end of the last one that they touch.
    from: Option<NaiveDate>,
    /// Last day.
    to: Option<NaiveDate>,
}

/// How often a half term that somebody else publishes at the same time is looked for again.
const TRIES: usize = 3;

/// Gives a school's figures: the school, its year groups and its cohorts.
#[utoipa::path(
    get, path = "/v1/schools/{urn}/attendance-summary", tag = "summaries",
    params(("urn" = String, Path, description = "The school's unique reference number"), SchoolFiguresQuery),
    responses((status = 200, body = SchoolFiguresAnswer),
              (status = 403, description = "Neither the caller's own school nor one whose returns come to it"),
              (status = 409, description = "The half term was published by others, again and again; ask once more"))
)]
pub async fn read_school_figures(
    State(gate): State<Gate>,
    State(safety): State<Safety>,
    State(least): State<Suppression>,
    asked: Asked,
    Path(urn): Path<String>,
    Query(query): Query<SchoolFiguresQuery>,
) -> Result<Released<SchoolFiguresAnswer>, Error> {
    let now = gate.clock().school_now();
    let span = window::span((query.from, query.to), true, now, Reading::default())?;
    let permit = gate.open_figures(asked, &urn)?;
    for _ in 0..TRIES {
        let published = if permit.sees_social_worker() {
            Published::default()
        } else {
            published(gate.db(), &permit, least, now).await.map_err(Refusal::from)?
        };
        let answer = if permit.is_outside() {
            outside(&gate, &permit, &published.all, (query.from, query.to), safety.caution())
        } else {
            let (window, mut groups) = live(gate.db(), &permit, span, now).await.map_err(Refusal::from)?;
            add_published_cohort(&mut groups, &published.all);
            answer(&gate, &permit, ("live", Some(span.as_of)), Some(window), groups)
        };
        if published.new.is_empty() {
            return Ok(gate.release(permit, StatusCode::OK, answer).await?);
        }
        let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
        if storage::add_all(&mut tx, &permit, &published.new).await.map_err(Refusal::from)? {
            return Ok(gate.commit(permit, tx, StatusCode::OK, answer).await?);
        }
    }
    Err(Refusal::Conflict.into())
}

fn answer(
    gate: &Gate,
    permit: &Permit<OfFigures>,
    (figures, as_of): (&'static str, Option<NaiveDate>),
    window: Option<WindowBody>,
    groups: Groups,
) -> SchoolFiguresAnswer {
    let directory = gate.directory().current();
    let school = directory.school(permit.school());
    SchoolFiguresAnswer {
        school: SchoolBody {
            urn: school.and_then(|s| s.urn.clone()).unwrap_or_default(),
            name: school.map(|s| s.name.clone()).unwrap_or_default(),
        },
        role: permit.role().as_str().to_owned(),
        purpose: permit.purpose().as_str().to_owned(),
        figures,
        as_of,
        rules: window.as_ref().map(|window| headline_rules((Reading::default(), window.to))),
        window,
        groups_as_at: None,
        total: groups.total,
        year_groups: groups.year_groups,
        cohorts: groups.cohorts,
        caution: None,
    }
}

/// What has been published, in the window nearest to what was asked for.
fn outside(
    gate: &Gate,
    permit: &Permit<OfFigures>,
    all: &[HalfTerm],
    asked: (Option<NaiveDate>, Option<NaiveDate>),
    caution: String,
) -> SchoolFiguresAnswer {
    let mut groups = Groups::default();
    let chosen = chosen(all, asked);
    if let Some((half_term, alone, _)) = chosen {
        for cells in &half_term.cells {
            let Some(group) = Group::parse(&cells.group) else { continue };
            groups.add(group, FiguresBody::of(if alone { cells.half_term } else { cells.year_to_date }));
        }
    }
    let as_of = chosen.map(|(half_term, ..)| half_term.published);
    let window = chosen.map(|(half_term, alone, first)| WindowBody {
        from: if alone { half_term.from } else { first.from },
        to: half_term.to,
    });
    SchoolFiguresAnswer {
        groups_as_at: chosen.map(|(_, _, first)| first.to),
        caution: Some(caution),
        ..answer(gate, permit, ("published", as_of), window, groups)
    }
}

/// The half term that the answer is of, whether it stands alone or is the end of the year to date, and the year's first.
/// There is one window for each half term and one for each year to date at a half term's end, and no other.
fn chosen(
    all: &[HalfTerm],
    (from, to): (Option<NaiveDate>, Option<NaiveDate>),
) -> Option<(&HalfTerm, bool, &HalfTerm)> {
    let year = to.or(from).map(SchoolYear::of).or(all.last().map(|last| last.year))?;
    let of_year = || all.iter().filter(|half_term| half_term.year == year);
    let (first, last) = (of_year().next()?, of_year().next_back()?);
    let end = to.unwrap_or(last.to);
    let begun = of_year().rfind(|half_term| half_term.from <= end).unwrap_or(first);
    let touched = of_year().filter(|h| h.from <= end && from.is_none_or(|from| from <= h.to)).count();
    Some((begun, from.is_some() && touched <= 1, first))
}

/// Puts what outsiders get of the children with a social worker beside figures that are live.
fn add_published_cohort(groups: &mut Groups, all: &[HalfTerm]) {
    let Some((half_term, _, first)) = chosen(all, (None, None)) else { return };
    if let Some(cells) = half_term.cells_of(Group::Cohort(Cohort::SocialWorker)) {
        let window = WindowBody { from: first.from, to: half_term.to };
        groups.add_cohort(Cohort::SocialWorker, FiguresBody::of(cells.year_to_date), Some(window));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn half_term(year: i32, place: i64, from: &str, to: &str) -> HalfTerm {
        let (from, to) = (day(from), day(to));
        let year = SchoolYear(year);
        HalfTerm { year, place, from, to, published: to, pupils: Vec::new(), cells: Vec::new() }
    }

    #[test]
    fn there_is_no_window_but_half_terms_and_years_to_date() {
        let all = [
            half_term(2025, 1, "2025-09-03", "2025-10-24"),
            half_term(2026, 1, "2026-09-02", "2026-10-23"),
            half_term(2026, 2, "2026-11-02", "2026-12-18"),
            half_term(2026, 3, "2027-01-05", "2027-02-12"),
        ];
        for (from, to, expected) in [
            (None, None, (2026, 3, false)),
            (Some("2026-11-10"), Some("2026-11-12"), (2026, 2, true)),
            (Some("2026-11-02"), Some("2026-12-18"), (2026, 2, true)),
            (Some("2026-11-10"), None, (2026, 3, false)),
            (Some("2026-10-01"), Some("2026-11-12"), (2026, 2, false)),
            (None, Some("2026-12-01"), (2026, 2, false)),
            (Some("2026-10-26"), Some("2026-10-28"), (2026, 1, true)),
            (Some("2026-08-01"), Some("2026-08-02"), (2026, 1, true)),
            (Some("2027-02-20"), Some("2027-05-01"), (2026, 3, true)),
            (None, Some("2025-12-01"), (2025, 1, false)),
        ] {
            let chosen = chosen(&all, (from.map(day), to.map(day))).unwrap();
            assert_eq!((chosen.0.year.0, chosen.0.place, chosen.1), expected, "{from:?} {to:?}");
            assert_eq!((chosen.2.year.0, chosen.2.place), (expected.0, 1));
        }
        assert!(
            chosen(&all, (None, Some(day("2024-12-01")))).is_none(),
            "nothing was published of that year"
        );
        assert!(chosen(&[], (None, None)).is_none());
    }
}
