//! Setting a shield: a safeguarding lead's on own pupils, a manager's of social care on a child with a live case.

mod ending;

pub(super) use ending::taken;
pub use ending::{
    __path_confirm_shield, __path_end_shield, ConfirmBody, EndBody, EndedShieldAnswer, confirm_shield,
    end_shield,
};

use super::lines::{self, Line};
use super::people::{PersonBody, TeamBody, WhomBody, named, protecting};
use super::storage::{self, NewShield};
use crate::crypto::sha256;
use crate::domain::bars::{BarSort, SCHOOLS_SHIELD_DAYS, ShieldCategory, ShieldedSections, end_of};
use crate::domain::staff::Mark;
use crate::domain::working_days::BankHolidays;
use crate::gate::{Answer, Asked, Gate, OfBarred, Permit, Refusal, Released};
use crate::http::{Body, Error, Path, ProblemKind, case_reference};
use crate::involvements::http::uuid;
use crate::involvements::texts::checked;
use crate::outbox::{self, Notice, NoticeKind};
use crate::policy::Action;
use axum::extract::State;
use chrono::{Days, NaiveDate};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// A shield as it is sent.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShieldBody {
    /// The child, as the caller's own handle.
    pupil_id: String,
    /// `refuge`, `adoption`, `witness`, `conflict` or `other`.
    category: String,
    /// `all`, unless given, or `whereabouts`: only where the child goes to school now.
    #[serde(default)]
    sections: Option<String>,
    /// Why, in the words of whoever sets it: 10 to 1,000 characters.
    reason: String,
    /// From whom the child is shielded.
    against: Vec<WhomBody>,
    /// Teams that still see the child, at least one; what is asked about it waits for them.
    protecting_teams: Vec<TeamBody>,
    /// The senior officer who decided that the persons named are in conflict: against these no case is exempt.
    #[serde(default)]
    conflict_decided_by: Option<PersonBody>,
    /// When somebody looks at it again: within a year.
    review_on: NaiveDate,
}

impl fmt::Debug for ShieldBody {
    /// Without whom it is about, and why.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("ShieldBody").field("category", &self.category).finish_non_exhaustive()
    }
}

/// That a shield stands.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ShieldAnswer {
    /// Whether it did not before.
    set_now: bool,
    /// Of a school's: the last day on which it stands, unless its authority confirms it.
    #[serde(skip_serializing_if = "Option::is_none")]
    lapses_on: Option<NaiveDate>,
    /// When somebody looks at it again.
    review_on: NaiveDate,
}

impl Answer for ShieldAnswer {}

/// Days within which a bar is looked at again.
const REVIEW_DAYS: u64 = 366;

/// Refuses a review that is not within a year.
pub(super) fn reviewed(gate: &Gate, review_on: NaiveDate) -> Result<(), Error> {
    let today = gate.clock().today();
    let last = today.checked_add_days(Days::new(REVIEW_DAYS)).unwrap_or(today);
    if review_on <= today || review_on > last {
        return Err(Error::problem(
            ProblemKind::BadRequest,
            "`review_on` must be a day within a year from now",
        ));
    }
    Ok(())
}

/// Shields a child.
#[utoipa::path(
    put, path = "/v1/shields/{id}", tag = "involvements",
    params(("id" = String, Path, description = "A UUID of the client's own"),
           ("Case-Reference" = Option<String>, Header, description = "Required where the purpose is a case")),
    request_body = ShieldBody,
    responses((status = 200, body = ShieldAnswer),
              (status = 403, description = "Not a proved person who may, or against whom it may not be set"),
              (status = 404, description = "No child of the caller's own"),
              (status = 409, description = "Another shield stands under this id"))
)]
pub async fn set_shield(
    State(gate): State<Gate>,
    State(holidays): State<Arc<BankHolidays>>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Released<ShieldAnswer>, Error> {
    gate.could_bar(&asked, Action::SetShield)?;
    let bytes = body.read().await?;
    let (id, reference) = (uuid(&id)?, case_reference(&headers)?);
    shield_child(&gate, &holidays, asked, (id, reference), &bytes).await
}

/// Shields a child, as it was sent.
pub async fn shield_child(
    gate: &Gate,
    holidays: &BankHolidays,
    asked: Asked,
    (id, reference): (Uuid, Option<&str>),
    bytes: &[u8],
) -> Result<Released<ShieldAnswer>, Error> {
    let sent: ShieldBody = crate::http::json(bytes)?;
    let permit = gate.open_bar(asked, (&sent.pupil_id, reference), Action::SetShield).await?;
    let lines = read(gate, &permit, &sent)?;
    let reason = checked("reason", &sent.reason, (10, 1_000))?;
    reviewed(gate, sent.review_on)?;
    // Once it has the writer: what others wrote while it waited was there before it.
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let (now, today) = (gate.clock().school_now(), gate.clock().today());
    let by_school = permit.school().is_some();
    let lapses_on = by_school.then(|| holidays.working_days_after(today, SCHOOLS_SHIELD_DAYS));
    let authority = permit.school().and_then(|s| gate.directory().current().school(s)?.returns_to);
    let digest = sha256(&[bytes]);
    let new = NewShield {
        id,
        sent: (&sent.category, sent.sections.as_deref().unwrap_or("all"), &reason),
        decided_by: sent.conflict_decided_by.as_ref().map(|person| person.key().to_string()),
        digest,
        set_at: now,
        review_on: sent.review_on,
        authority,
        lapses_on,
    };
    let answer = |set_now| ShieldAnswer { set_now, lapses_on, review_on: sent.review_on };
    let set_now = storage::set_shield(&mut tx, &permit, &new).await.map_err(Refusal::from)?;
    if !set_now {
        let stands = storage::shield(&mut tx, id).await.map_err(Refusal::from)?;
        if stands.is_none_or(|s| s.digest != digest || s.organisation_id != permit.organisation().0) {
            let detail =
                "another shield stands under this id; end it, and set this one under an id of its own";
            return Err(Error::problem(ProblemKind::Conflict, detail));
        }
        return Ok(gate.commit(permit, tx, StatusCode::OK, answer(false)).await?);
    }
    let ends_at = lapses_on.map(end_of);
    lines::put(&mut tx, (permit.pupil(), id), &lines, (now, ends_at)).await.map_err(Refusal::from)?;
    if let Some(authority) = authority {
        let told = json!({"shield": id, "lapses_on": lapses_on}).to_string();
        let subject = id.to_string();
        let notice = Notice { kind: NoticeKind::ShieldToConfirm, subject: &subject, body: &told };
        outbox::notify(&mut tx, authority, notice, gate.clock().now()).await.map_err(Refusal::from)?;
    }
    permit.note_written(format!("shield {id}"), bytes);
    Ok(gate.commit(permit, tx, StatusCode::OK, answer(true)).await?)
}

/// The lines of a shield, once all that it says holds.
fn read(gate: &Gate, permit: &Permit<OfBarred>, sent: &ShieldBody) -> Result<Vec<Line>, Error> {
    let bad = |detail: &str| Error::problem(ProblemKind::BadRequest, detail);
    let category = ShieldCategory::parse(&sent.category)
        .ok_or_else(|| bad("`category` must be refuge, adoption, witness, conflict or other"))?;
    let sections = sent.sections.as_deref().map_or(Some(ShieldedSections::All), ShieldedSections::parse);
    let sections = sections.ok_or_else(|| bad("`sections` must be all or whereabouts"))?;
    let directory = gate.directory().current();
    let by_school = permit.school().is_some();
    let sort = match (&sent.conflict_decided_by, sections) {
        (None, ShieldedSections::All) => BarSort::Shield,
        (None, ShieldedSections::Whereabouts) => BarSort::Whereabouts,
        (Some(officer), ShieldedSections::All) if category == ShieldCategory::Conflict && !by_school => {
            let key = officer.key();
            let person = (key.issuer.as_str(), key.tenant.as_str(), key.subject.as_str());
            let own = [permit.organisation(), permit.own_organisation()];
            let today = gate.clock().today();
            let senior =
                own.iter().any(|o| directory.has_mark(person, *o, (Mark::SeniorOfficer, None), today));
            if !senior {
                return Err(bad("`conflict_decided_by` is not a senior officer of this organisation"));
            }
            if sent.against.iter().any(|one| one.person.is_none()) {
                return Err(bad("a conflict is with persons: name each in `person`"));
            }
            BarSort::Conflict
        }
        (Some(_), _) => {
            return Err(bad(
                "`conflict_decided_by` is for social care's own shields of the category conflict, whole",
            ));
        }
    };
    let mut lines = named(&directory, (&sent.against, sort), by_school)?;
    lines.extend(protecting(&directory, &sent.protecting_teams)?);
    Ok(lines)
}
