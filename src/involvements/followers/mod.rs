//! Told promptly: the team of an open case hears within a minute that its child is absent and nobody has said why, or was
//! deleted from a roll.
//!
//! A notice says which case and nothing of the child: no name, no figure. Nobody at the school learns who was told. What
//! happened before a school was first followed is told to nobody.

mod storage;

use self::storage::Told;
use crate::domain::calendar::{Half, SchoolYear, london};
use crate::domain::identifiers::{OrganisationId, SchoolId};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::InvolvementKind;
use crate::gate::{Duty, DutyPermit, Gate, OpenCase, Refusal};
use crate::outbox::{self, Notice, NoticeKind};
use crate::registers::{self, RollEvent, RollNews};
use chrono::{DateTime, Timelike as _, Utc};
use serde_json::json;

/// Events of one school in one step.
const STEP: i64 = 100;
/// The hours, London time, by which the sessions of a day have ended at every school.
const ENDS: (u32, u32) = (12, 16);

/// A notice that is due: to whom, of what, told once under its subject.
struct Due {
    to: Told,
    kind: NoticeKind,
    subject: String,
    paragraph: Option<String>,
}

/// Follows every school's roll from where it was followed to; says how many notices were new.
pub async fn follow_rolls(gate: &Gate) -> Result<u64, Refusal> {
    let directory = gate.directory().current();
    let schools = directory.organisations.values().filter(|o| o.kind == OrganisationKind::School);
    let mut told = 0;
    for school in schools.map(|o| SchoolId(o.id.0)) {
        for event in [RollEvent::Deleted, RollEvent::MarkChanged] {
            told += follow(gate, school, event).await?;
        }
    }
    Ok(told)
}

async fn follow(gate: &Gate, school: SchoolId, event: RollEvent) -> Result<u64, Refusal> {
    let permit = gate.open_duty(Duty::FollowRoll).await?;
    let Some(from) = storage::followed(gate.db(), school, event.as_str()).await? else {
        let newest = registers::newest_event(gate.db(), &permit, school).await?;
        let mut tx = gate.db().begin().await?;
        storage::begin(&mut tx, school, event.as_str(), newest).await?;
        gate.commit_progress(&permit, tx).await?;
        return Ok(0);
    };
    let now = gate.clock().school_now();
    let year = SchoolYear::of(gate.clock().today());
    let news = registers::roll_news(gate.db(), &permit, (school, event, year), from, STEP).await?;
    let (mut to, mut due) = (from, Vec::new());
    for one in &news {
        let Some(of_one) = notices(gate, &permit, (one, event, year), now).await? else {
            // The session is not over yet: looked at again until it is.
            break;
        };
        due.extend(of_one);
        to = one.sequence;
    }
    if to == from {
        return Ok(0);
    }
    let mut tx = gate.db().begin().await?;
    if !storage::go_on(&mut tx, (school, event.as_str()), (from, to)).await? {
        return Ok(0);
    }
    let mut told = 0;
    for one in due {
        let body = json!({
            "involvement_id": one.to.id, "involvement_kind": one.to.kind, "team": one.to.team,
            "paragraph": one.paragraph,
        });
        let (organisation, body) = (OrganisationId(one.to.organisation_id), body.to_string());
        let notice = Notice { kind: one.kind, subject: &one.subject, body: &body };
        told += u64::from(outbox::notify(&mut tx, organisation, notice, gate.clock().now()).await?);
    }
    if told > 0 {
        gate.commit_duty(permit.because(event.as_str()), tx, told).await?;
    } else {
        gate.commit_progress(&permit, tx).await?;
    }
    Ok(told)
}

/// The notices of one event; none yet where its session is not over.
async fn notices(
    gate: &Gate,
    permit: &DutyPermit,
    (news, event, year): (&RollNews, RollEvent, SchoolYear),
    now: DateTime<Utc>,
) -> Result<Option<Vec<Due>>, Refusal> {
    let (kind, of, paragraph) = if event == RollEvent::Deleted {
        (NoticeKind::Deleted, news.enrolment().0.to_string(), news.removal_ground.clone())
    } else {
        let Some((first, last)) = news.marks()?.and_then(|marks| marks.unexplained()) else {
            return Ok(Some(Vec::new()));
        };
        if !is_over(year, last, now) {
            return Ok(None);
        }
        (NoticeKind::AbsenceUnexplained, format!("{} {first}", year.0), None)
    };
    let live = storage::live(gate.db(), news.pupil(), (now, gate.clock().today())).await?;
    let kind_of = |told: &Told| {
        InvolvementKind::parse(&told.kind).filter(|case| {
            hears(*case, kind) && gate.may_be_told(OrganisationId(told.organisation_id), *case)
        })
    };
    let live: Vec<(Told, InvolvementKind)> =
        live.into_iter().filter_map(|told| kind_of(&told).map(|kind| (told, kind))).collect();
    let cases: Vec<OpenCase<'_>> = live.iter().map(|(told, kind)| told.case(*kind)).collect();
    let may = gate.may_tell_of(permit, (news.pupil(), news.enrolment()), &cases).await?;
    let due = |to: Told| Due { subject: format!("{} {of}", to.id), to, kind, paragraph: paragraph.clone() };
    let told = live.into_iter().zip(may).filter(|(_, may)| *may);
    Ok(Some(told.map(|((to, _), _)| due(to)).collect()))
}

/// Whether a session is over at every school.
fn is_over(year: SchoolYear, place: usize, now: DateTime<Utc>) -> bool {
    let now = london(now);
    year.session(place).is_none_or(|session| {
        let ends = if session.half == Half::Am { ENDS.0 } else { ENDS.1 };
        session.date < now.date() || (session.date == now.date() && now.hour() >= ends)
    })
}

/// Whether the team of a kind of case is told of something: youth justice of absences alone.
fn hears(case: InvolvementKind, kind: NoticeKind) -> bool {
    match case {
        InvolvementKind::Assessment
        | InvolvementKind::Cin
        | InvolvementKind::Section47Enquiry
        | InvolvementKind::Cp
        | InvolvementKind::Cla => true,
        InvolvementKind::YouthJustice => kind == NoticeKind::AbsenceUnexplained,
        InvolvementKind::FrontDoor
        | InvolvementKind::EarlyHelp
        | InvolvementKind::FamilySupport
        | InvolvementKind::SchoolNursing
        | InvolvementKind::MentalHealthSupport
        | InvolvementKind::ResidentConcern => false,
    }
}
