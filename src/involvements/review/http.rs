//! The wire of the weekly review.

use super::ReviewKey;
use super::storage::{self, OfWeek};
use crate::directory::Scope;
use crate::domain::identifiers::PupilId;
use crate::domain::organisation::OrganisationKind;
use crate::gate::{Answer, Asked, Gate, OfOrganisation, Permit, Refusal, Released};
use crate::http::{Error, ProblemKind, Query};
use crate::involvements::caseloads::{self, Held};
use crate::policy::Action;
use axum::extract::State;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// One that ends within so long is looked at.
const SHORT: TimeDelta = TimeDelta::hours(48);
/// One that was not sent or listed again within so long was never confirmed by the feed.
const CONFIRMED_WITHIN: TimeDelta = TimeDelta::days(7);

/// Which week.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct ReviewQuery {
    /// Its Monday; that of the last whole week unless given.
    week: Option<NaiveDate>,
}

/// What the privacy officer looks at.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewAnswer {
    /// The Monday of the week.
    week: NaiveDate,
    /// Involvements that were first sent in it.
    sent: usize,
    /// Those of them to be looked at, the earliest first.
    involvements: Vec<ReviewLine>,
    /// Caseloads that wait for the officer, whatever the week.
    held_caseloads: Vec<HeldBody>,
    /// The feed that has fallen silent, where one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_feed: Option<SilentBody>,
}

impl Answer for ReviewAnswer {}

/// An involvement to be looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewLine {
    /// The agency's own id.
    id: Uuid,
    /// Its kind.
    kind: String,
    /// Code of the team.
    team: String,
    /// The stored case reference.
    case_reference: String,
    /// Who recorded it at the agency.
    staff_id: String,
    /// When it was first sent, UTC.
    sent_at: DateTime<Utc>,
    /// Why it is here: `drawn`, `ended_within_48_hours`, `other_authority`, `other_details` or `never_confirmed`.
    reasons: Vec<&'static str>,
}

/// A caseload that waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldBody {
    /// To let it go on by.
    id: Uuid,
    /// Claims in it.
    listed: i64,
    /// Open ones that it would end.
    would_end: i64,
    /// Open ones of the system.
    open: i64,
    /// UTC.
    held_at: DateTime<Utc>,
}

/// A feed that has fallen silent.
#[derive(Debug, Serialize, ToSchema)]
pub struct SilentBody {
    /// The first day on which too many would have ended.
    since: NaiveDate,
    /// How many would end.
    would_end: i64,
    /// When a person let it go on.
    looked_on: Option<NaiveDate>,
}

/// Lists a week's claims that the agency's privacy officer looks at, and what waits for the officer.
#[utoipa::path(
    get, path = "/v1/involvements/review", tag = "involvements", params(ReviewQuery),
    responses((status = 200, body = ReviewAnswer), (status = 400, description = "`week` is no Monday"),
              (status = 403, description = "Not the agency's privacy officer"))
)]
pub async fn review_involvements(
    State(gate): State<Gate>,
    State(key): State<ReviewKey>,
    asked: Asked,
    Query(query): Query<ReviewQuery>,
) -> Result<Released<ReviewAnswer>, Error> {
    let permit = gate.open_organisation(asked, Scope::Audit, Action::ReviewInvolvements)?;
    let organisation = permit.organisation();
    let week = monday(query.week, gate.clock().today())?;
    let ends = week.checked_add_days(Days::new(7)).unwrap_or(week);
    let times = (week.and_time(NaiveTime::MIN).and_utc(), ends.and_time(NaiveTime::MIN).and_utc());
    let all = storage::of_week(gate.db(), organisation, times).await.map_err(Refusal::from)?;
    let elsewhere = elsewhere(&gate, &permit, &all).await?;
    let now = gate.clock().school_now();
    let sent = all.len();
    let line = |one: OfWeek| {
        let drawn = key.draws(organisation.0, one.id);
        let is_elsewhere = one.pupil_id.is_some_and(|pupil| elsewhere.contains(&PupilId(pupil)));
        let reasons = reasons(&one, (drawn, is_elsewhere), now);
        if reasons.is_empty() {
            return None;
        }
        Some(ReviewLine {
            id: one.id,
            kind: one.kind,
            team: one.team,
            case_reference: one.case_reference,
            staff_id: one.staff_id,
            sent_at: one.begun_at,
            reasons,
        })
    };
    let held = caseloads::held(gate.db(), organisation).await.map_err(Refusal::from)?;
    let silent = caseloads::silence(gate.db(), organisation).await.map_err(Refusal::from)?;
    let answer = ReviewAnswer {
        week,
        sent,
        involvements: all.into_iter().filter_map(line).collect(),
        held_caseloads: held.iter().map(HeldBody::of).collect(),
        silent_feed: silent.map(|s| SilentBody { since: s.since, would_end: s.due, looked_on: s.looked_on }),
    };
    permit.note_record(format!("week of {week}"));
    Ok(gate.release(permit, StatusCode::OK, answer).await?)
}

impl HeldBody {
    fn of(held: &Held) -> Self {
        let Held { upload_id: id, listed, would_end, open, held_at, .. } = *held;
        Self { id, listed, would_end, open, held_at }
    }
}

fn monday(asked: Option<NaiveDate>, today: NaiveDate) -> Result<NaiveDate, Error> {
    let back = |day: NaiveDate, days: u64| day.checked_sub_days(Days::new(days)).unwrap_or(day);
    let last = back(today, u64::from(today.weekday().num_days_from_monday()) + 7);
    let week = asked.unwrap_or(last);
    if week.weekday().num_days_from_monday() == 0 {
        return Ok(week);
    }
    Err(Error::problem(ProblemKind::BadRequest, "`week` must be a Monday"))
}

/// Why an involvement is looked at; none where it is not.
fn reasons(one: &OfWeek, (drawn, elsewhere): (bool, bool), now: DateTime<Utc>) -> Vec<&'static str> {
    let short = one.ended_at.is_some_and(|at| at - one.begun_at < SHORT);
    let never = one.times_confirmed == 0 && one.ended_at.is_none() && now - one.begun_at >= CONFIRMED_WITHIN;
    [
        (drawn, "drawn"),
        (short, "ended_within_48_hours"),
        (elsewhere, "other_authority"),
        (one.times_changed > 0, "other_details"),
        (never, "never_confirmed"),
    ]
    .into_iter()
    .filter_map(|(applies, reason)| applies.then_some(reason))
    .collect()
}

/// Of an authority's own claims the children that go to no school of its area.
async fn elsewhere(
    gate: &Gate,
    permit: &Permit<OfOrganisation>,
    all: &[OfWeek],
) -> Result<BTreeSet<PupilId>, Refusal> {
    let directory = gate.directory().current();
    let own = directory.organisations.get(&permit.organisation());
    if own.is_none_or(|o| o.kind != OrganisationKind::LocalAuthority) {
        return Ok(BTreeSet::new());
    }
    let pupils: BTreeSet<PupilId> = all.iter().filter_map(|one| one.pupil_id.map(PupilId)).collect();
    let area = gate.own_area_of(permit, pupils.clone()).await?;
    Ok(pupils.into_iter().filter(|pupil| !area.contains_key(pupil)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_begins_on_a_monday() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for today in ["2026-11-16", "2026-11-20", "2026-11-22"] {
            assert_eq!(monday(None, day(today)).unwrap(), day("2026-11-09"), "{today}");
        }
        assert_eq!(monday(Some(day("2026-11-16")), day("2026-11-20")).unwrap(), day("2026-11-16"));
        assert!(monday(Some(day("2026-11-17")), day("2026-11-20")).is_err());
    }

    #[test]
    fn what_looks_made_up_is_looked_at() {
        let sent: DateTime<Utc> = "2026-11-10T09:00:00Z".parse().unwrap();
        let now = sent + TimeDelta::days(9);
        let one = |ended: Option<i64>, changed, confirmed| OfWeek {
            id: Uuid::nil(),
            kind: "cp".to_owned(),
            team: "t".to_owned(),
            case_reference: "r".to_owned(),
            staff_id: "s".to_owned(),
            pupil_id: None,
            begun_at: sent,
            ended_at: ended.map(|hours| sent + TimeDelta::hours(hours)),
            times_changed: changed,
            times_confirmed: confirmed,
        };
        let plain = (false, false);
        assert_eq!(reasons(&one(None, 0, 3), plain, now), Vec::<&str>::new());
        assert_eq!(reasons(&one(None, 0, 3), (true, true), now), ["drawn", "other_authority"]);
        assert_eq!(reasons(&one(Some(47), 0, 3), plain, now), ["ended_within_48_hours"]);
        assert_eq!(reasons(&one(Some(48), 0, 0), plain, now), Vec::<&str>::new());
        assert_eq!(reasons(&one(None, 1, 0), plain, now), ["other_details", "never_confirmed"]);
        assert_eq!(reasons(&one(None, 0, 0), plain, sent + TimeDelta::days(6)), Vec::<&str>::new());
    }
}
