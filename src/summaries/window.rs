//! Which days the figures cover, and as at when.
//!
//! Roles without `sessions` get whole school weeks that have been published (Monday 06:00 in London), from the marks as
//! they counted at that moment, so that polling tells nothing about a day.

use crate::domain::attendance::summary::Reading;
use crate::domain::calendar::{
    Half, SchoolYear, Session, last_complete_week, london, published_at, widen_to_weeks,
};
use crate::domain::purpose::SectionSet;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, Utc};

/// The days of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// First day; none: the first session of the school year of `to`.
    pub(super) from: Option<NaiveDate>,
    /// Last day.
    pub(super) to: NaiveDate,
    /// Whether the last day was asked for.
    pub(super) to_given: bool,
    /// The last session that is over; `last_seen` reaches this far.
    pub(super) last_due: Session,
    /// The last session of today: as far as a mark that is there already is told by `last_seen`.
    pub(super) live_to: Session,
    /// The moment as at which marks, roll and calendar are read; none: now.
    pub(super) moment: Option<DateTime<Utc>>,
    /// The moment as at which last sightings are read; none: now.
    pub(super) seen: Option<DateTime<Utc>>,
    /// Whether nothing may tell more than whole published weeks do.
    pub(super) bound: bool,
    /// The day up to which figures are given.
    pub(super) as_of: NaiveDate,
    /// How half days are read where the regulations leave them open.
    pub(super) reading: Reading,
    /// The sections that were asked to be written.
    pub(super) shown: SectionSet,
    /// Whether the sessions behind each count were asked for.
    pub(super) derivation: bool,
}

/// Why a window cannot be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WindowError {
    /// `from` after `to`.
    #[error("`from` is after `to`; exchange them")]
    Reversed,
    /// A year of another age.
    #[error("`from` and `to` must lie between 2000 and 2099")]
    Year,
    /// More school years than one answer holds.
    #[error("the window reaches over more than three school years; ask for them one by one")]
    TooLong,
}

/// When the morning's session is over, London time; the register itself closes well before.
const MORNING_OVER: NaiveTime = NaiveTime::from_hms_opt(12, 0, 0).expect("12:00 is a time");
/// When the afternoon's session is over, London time.
const AFTERNOON_OVER: NaiveTime = NaiveTime::from_hms_opt(16, 0, 0).expect("16:00 is a time");
/// School years of one answer at most, before the window is widened to whole weeks.
const YEARS_MAX: i32 = 3;

/// Resolves what was asked for: every section, without derivation. `live` is whether the holder is entitled to `sessions`;
/// it never decides whether the window is refused.
pub(super) fn span(
    (from, to): (Option<NaiveDate>, Option<NaiveDate>),
    live: bool,
    now: DateTime<Utc>,
    reading: Reading,
) -> Result<Span, WindowError> {
    let known = |day: NaiveDate| (2000..2100).contains(&day.year());
    if ![from, to].into_iter().flatten().all(known) {
        return Err(WindowError::Year);
    }
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(WindowError::Reversed);
    }
    let local = london(now);
    // Judged by the days asked for and before anything is widened: the same for whoever may hold `sessions` and for
    // everyone else, so that it is told before the child is looked at, and to all alike.
    let asked = to.map_or(local.date(), |to| to.min(local.date()));
    let first = from.map_or(asked, |from| from.min(asked));
    if SchoolYear::of(asked).0 - SchoolYear::of(first).0 >= YEARS_MAX {
        return Err(WindowError::TooLong);
    }
    let last_due = last_due(local.date(), local.time());
    let live_to = Session::new(local.date(), Half::Pm);
    let (as_of, moment) = if live {
        (local.date(), None)
    } else {
        let sunday = last_complete_week(local);
        (sunday, Some(published_at(sunday)))
    };
    let to_given = to.is_some();
    let end = to.map_or(as_of, |to| to.min(as_of));
    let (from, to) = match (live, from) {
        (true, from) => (from, end),
        // Whole weeks only: the first day back to its Monday, the last on to its Sunday, never past what is published.
        (false, Some(from)) => {
            let (from, to) = widen_to_weeks(from.min(end), end);
            (Some(from), to.min(as_of))
        }
        (false, None) => (None, widen_to_weeks(end, end).1.min(as_of)),
    };
    let from = from.map(|from| from.min(to));
    let (shown, derivation) = (SectionSet::all(), false);
    let (seen, bound) = (None, !live);
    Ok(Span { from, to, to_given, last_due, live_to, moment, seen, bound, as_of, reading, shown, derivation })
}

/// The default window as it was answered at the last publication, and everything in it as it counted then, last sightings
/// too and for whoever holds `sessions` too; with the Sunday that the publication ended.
pub(super) fn at_publication(
    live: bool,
    now: DateTime<Utc>,
    reading: Reading,
) -> Result<(NaiveDate, Span), WindowError> {
    let sunday = last_complete_week(london(now));
    let moment = published_at(sunday);
    let span = span((None, None), live, moment, reading)?;
    Ok((sunday, Span { moment: Some(moment), seen: Some(moment), ..span }))
}

fn last_due(today: NaiveDate, time: NaiveTime) -> Session {
    if time >= AFTERNOON_OVER {
        Session::new(today, Half::Pm)
    } else if time >= MORNING_OVER {
        Session::new(today, Half::Am)
    } else {
        Session::new(today.checked_sub_days(Days::new(1)).unwrap_or(today), Half::Pm)
    }
}

impl Span {
    /// The last day on which an enrolment may begin that is told of. Where figures end with published weeks, that day too
    /// moves with the publication only: it is the last before the next one.
    pub(super) fn last_start(&self) -> NaiveDate {
        let day = self.to.max(self.last_due.date);
        let next = self.as_of.checked_add_days(Days::new(7)).unwrap_or(day);
        if self.bound { next } else { day }
    }

    /// The school years to read: one before the window, for runs and windows that reach back, to the live day.
    pub(super) fn years(&self) -> (SchoolYear, SchoolYear) {
        let first = SchoolYear::of(self.from.unwrap_or(self.to));
        (SchoolYear(first.0 - 1), SchoolYear::of(self.live_to.date.max(self.to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn span(
        asked: (Option<NaiveDate>, Option<NaiveDate>),
        live: bool,
        now: DateTime<Utc>,
    ) -> Result<Span, WindowError> {
        super::span(asked, live, now, Reading::default())
    }

    #[test]
    fn without_sessions_figures_end_with_the_last_published_week() {
        for (now, as_of) in [
            ("2026-11-20T18:00:00Z", "2026-11-15"), // Friday: the week before
            ("2026-11-23T05:59:00Z", "2026-11-15"), // Monday before six
            ("2026-11-23T06:00:00Z", "2026-11-22"), // published
        ] {
            let span = span((None, None), false, at(now)).unwrap();
            assert_eq!((span.as_of, span.to), (day(as_of), day(as_of)), "{now}");
        }
    }

    #[test]
    fn a_window_widens_to_whole_weeks_and_never_past_publication() {
        let asked = (Some(day("2026-11-04")), Some(day("2026-11-05")));
        let first = span(asked, false, at("2026-11-20T18:00:00Z")).unwrap();
        assert_eq!((first.from, first.to), (Some(day("2026-11-02")), day("2026-11-08")));
        let later = span((Some(day("2026-11-18")), None), false, at("2026-11-20T18:00:00Z")).unwrap();
        assert_eq!(
            (later.from, later.to),
            (Some(day("2026-11-09")), day("2026-11-15")),
            "the current week stays shut"
        );
    }

    #[test]
    fn who_holds_sessions_sees_today_as_far_as_it_is_over() {
        for (now, date, half) in [
            ("2026-11-20T18:00:00Z", "2026-11-20", Half::Pm),
            ("2026-11-20T12:30:00Z", "2026-11-20", Half::Am),
            ("2026-11-20T09:00:00Z", "2026-11-19", Half::Pm),
        ] {
            let span = span((None, None), true, at(now)).unwrap();
            assert_eq!(span.last_due, Session::new(day(date), half), "{now}");
            assert_eq!(span.live_to, Session::new(day("2026-11-20"), Half::Pm), "{now}");
            assert_eq!(span.moment, None);
        }
    }

    #[test]
    fn a_publication_is_one_span_all_week() {
        for live in [true, false] {
            let of = |now: &str| at_publication(live, at(now), Reading::default()).unwrap();
            let monday = of("2026-11-16T06:00:00Z");
            for now in ["2026-11-18T12:30:00Z", "2026-11-20T18:00:00Z", "2026-11-23T05:59:00Z"] {
                assert_eq!(of(now), monday, "{now}");
            }
            let moment = Some(at("2026-11-16T06:00:00Z"));
            assert_eq!((monday.0, monday.1.moment, monday.1.seen), (day("2026-11-15"), moment, moment));
            assert_ne!(of("2026-11-23T06:00:00Z"), monday);
        }
    }

    #[test]
    fn reversed_and_overlong_windows_are_refused() {
        let now = at("2026-11-20T18:00:00Z");
        assert_eq!(
            span((Some(day("2026-10-02")), Some(day("2026-10-01"))), true, now),
            Err(WindowError::Reversed)
        );
        assert_eq!(span((Some(day("2020-10-02")), None), true, now), Err(WindowError::TooLong));
    }

    #[test]
    fn a_window_is_refused_for_all_or_for_none() {
        let now = at("2026-11-20T18:00:00Z");
        let three_years = (Some(day("2023-08-01")), Some(day("2026-07-31")));
        for live in [true, false] {
            assert!(span(three_years, live, now).is_ok(), "exactly three school years, {live}");
        }
        let widened = span(three_years, false, now).unwrap();
        assert_eq!((widened.from, widened.to), (Some(day("2023-07-31")), day("2026-08-02")));
        // Every first day about one 1 August and every last day about another, asked on days about a third.
        let (first, last) = (day("2023-07-20"), day("2026-07-20"));
        for now in ["2026-07-31T12:00:00Z", "2026-08-01T12:00:00Z", "2026-08-03T05:00:00Z"].map(at) {
            for (n, m) in (0..20).flat_map(|n| (0..20).map(move |m| (n, m))) {
                for to in [None, Some(last + Days::new(m))] {
                    let asked = (Some(first + Days::new(n)), to);
                    let (live, others) = (span(asked, true, now).err(), span(asked, false, now).err());
                    assert_eq!(live, others, "{asked:?} at {now}");
                }
            }
        }
    }
}
