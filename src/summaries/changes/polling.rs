//! What polling a feed tells: for each publication at most once that something changed, and that only for what stands at
//! publications. Asked at every hour of the seeded year of [`super::super::polling`].

use super::super::figures::Entitled;
use super::super::polling::{
    Draw, Marks, calendar, day, directory, drawn, exchanged, record, version, without, without_sessions,
};
use super::super::window::at_publication;
use super::FeedKey;
use super::news::{Due, digest, due, is_news};
use super::storage::Told;
use crate::domain::attendance::summary::Reading;
use crate::domain::calendar::{last_complete_week, london, monday_of, published_at};
use crate::domain::identifiers::PupilId;
use crate::domain::purpose::{Section, SectionSet};
use crate::registers::ChildRecord;
use crate::registers::testing::MadeMarks;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

const CHILD: PupilId = PupilId(Uuid::from_u128(2));
const HOURS: i64 = 8_760;

/// A register as it comes in: the day's marks every afternoon, and those of the week before as they were corrected.
struct Coming(Vec<MadeMarks>);

impl Coming {
    fn of(marks: &Marks, corrected: &Marks) -> Self {
        let afternoon = |date: NaiveDate| date.and_hms_opt(16, 30, 0).unwrap().and_utc();
        let days = calendar().school_days().collect::<Vec<_>>().into_iter();
        Self(
            days.map(|today| {
                // Whole weeks, so that what agrees on each of them still does.
                let week = monday_of(today) - Days::new(7);
                let mut known = marks.clone();
                known.extend(corrected.iter().filter(|(s, _)| s.date < week).map(|(s, m)| (*s, *m)));
                version(&known, afternoon(today), |session| session.date <= today)
            })
            .collect(),
        )
    }

    /// As the database holds it: what counted at the last publication, and what has come since.
    fn at(&self, now: DateTime<Utc>) -> ChildRecord {
        let moment = published_at(last_complete_week(london(now)));
        let kept = self.0.iter().rposition(|upload| upload.0 <= moment).unwrap_or(0);
        let held = self.0[kept..].iter().filter(|upload| upload.0 <= now);
        record(&calendar(), held.cloned().collect())
    }

    fn digest(&self, now: DateTime<Utc>, sections: SectionSet) -> [u8; 32] {
        let key = FeedKey::derived(&[3; 32]);
        let live = sections.has(Section::Sessions);
        let (_, span) = at_publication(live, now, Reading::default()).unwrap();
        let entitled = Entitled { sections, counterpart: SectionSet::EMPTY };
        digest((&key, Uuid::nil(), CHILD), entitled, &self.at(now), span, &directory()).unwrap()
    }

    /// When a reader that asks every so many hours is told that something changed, and of which publication.
    fn told(&self, sections: SectionSet, every: i64) -> Vec<(DateTime<Utc>, NaiveDate)> {
        let mut told: Option<Told> = None;
        let mut listed = Vec::new();
        for hour in (0..HOURS).filter(|hour| hour % every == 0) {
            let now = start() + TimeDelta::hours(hour);
            let sunday = last_complete_week(london(now));
            if due(told.as_ref(), true, sunday) != Due::Look {
                continue;
            }
            let digest = self.digest(now, sections);
            if is_news(told.as_ref(), &digest) {
                listed.push((now, sunday));
            }
            told = Some(Told {
                pupil: CHILD,
                handle: String::new(),
                digest: digest.to_vec(),
                publication: sunday,
                place: 1,
                gone_at: None,
            });
        }
        listed
    }
}

fn start() -> DateTime<Utc> {
    day("2026-09-02").and_hms_opt(0, 0, 0).unwrap().and_utc()
}

fn two_registers() -> (Coming, Coming) {
    let calendar = calendar();
    let mut draw = Draw(5);
    let one = drawn(&calendar, &mut draw);
    let late = exchanged(&calendar, &one, &mut draw, |_| true);
    let other = exchanged(&calendar, &one, &mut draw, |_| true);
    (Coming::of(&one, &late), Coming::of(&other, &one))
}

/// For whoever sees sessions and for whoever does not, at every hour of the week: what is looked at is what counted at
/// the publication, last sightings too.
#[test]
fn what_is_looked_at_moves_with_the_publication_only() {
    let (coming, _) = two_registers();
    for sections in [without_sessions(), SectionSet::all()] {
        let mut last: Option<(NaiveDate, [u8; 32])> = None;
        let mut moved = 0;
        for hour in (0..HOURS).step_by(5) {
            let now = start() + TimeDelta::hours(hour);
            let sunday = last_complete_week(london(now));
            let digest = coming.digest(now, sections);
            match last {
                // Before the first marks have ever been published, they count from when they came.
                Some((before, same)) if before == sunday && sunday >= day("2026-09-06") => {
                    assert_eq!(digest, same, "{now}");
                }
                Some((_, before)) => moved += usize::from(before != digest),
                None => {}
            }
            last = Some((sunday, digest));
        }
        assert!((30..=53).contains(&moved), "{moved}");
    }
}

#[test]
fn a_reader_is_told_at_most_once_a_publication_however_often_it_asks() {
    let (coming, _) = two_registers();
    for sections in [without_sessions(), SectionSet::all()] {
        let hourly = coming.told(sections, 1);
        assert!((35..=45).contains(&hourly.len()), "one for each week with marks: {}", hourly.len());
        for (now, sunday) in &hourly[1..] {
            assert_eq!(*now, published_at(*sunday), "told in the hour of the publication, and in no other");
        }
        let sundays = |told: &[(DateTime<Utc>, NaiveDate)]| told.iter().map(|t| t.1).collect::<Vec<_>>();
        let holiday = [day("2026-11-01"), day("2026-12-27"), day("2027-08-08"), day("2027-08-22")];
        assert!(sundays(&hourly).iter().all(|sunday| !holiday.contains(sunday)), "nothing changed");
        // Daily, at odd hours, and once a week: the same publications, and nothing beside.
        for every in [24, 17, 100, 168] {
            assert_eq!(sundays(&coming.told(sections, every)), sundays(&hourly), "every {every} hours");
        }
    }
}

/// Two registers that agree on each whole week, and differ in which of its sessions are which, give the same bytes to a
/// role that sees neither weekdays nor last sightings, and are told of at the same times to any role without `sessions`.
#[test]
fn registers_that_agree_on_every_week_are_told_of_alike() {
    let (one, other) = two_registers();
    let detail = [Section::LastSeen, Section::Punctuality, Section::Pattern, Section::Health];
    let weekly = without(without_sessions(), &detail);
    for week in 1..52 {
        let now = start() + TimeDelta::days(7 * week);
        assert_eq!(one.digest(now, weekly), other.digest(now, weekly), "{now}");
    }
    assert_eq!(one.told(without_sessions(), 1), other.told(without_sessions(), 1));
}
