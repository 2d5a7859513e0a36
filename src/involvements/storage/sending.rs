//! Claims on their way in: put aside in short steps, which count for nobody, and switched to by one more.

use super::{Queue, Tried};
use crate::domain::calendar::london;
use crate::domain::identifiers::{OrganisationId, SystemId};
use crate::domain::involvement::Term;
use crate::domain::purpose::InvolvementKind;
use crate::involvements::Claim;
use crate::store::{Db, StoreError, Touched as _, Tx, must_touch, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// What stands when a claim comes: under its id, and of its source case and kind.
#[derive(sqlx::FromRow)]
pub(in crate::involvements) struct Standing {
    system_id: Option<Uuid>,
    kind: Option<String>,
    source_case_id: Option<String>,
    opened_at: Option<DateTime<Utc>>,
    claim_upn: Option<String>,
    claim_date_of_birth: Option<NaiveDate>,
    claim_surname: Option<String>,
    claim_forename: Option<String>,
    pub(in crate::involvements) ended_at: Option<DateTime<Utc>>,
    queue: Option<i64>,
    received_at: Option<DateTime<Utc>>,
    confirmed_at: Option<DateTime<Utc>>,
    pupil_id: Option<Uuid>,
    claim_digest: Option<Vec<u8>>,
    first_opened: Option<NaiveDate>,
    last_opened: Option<NaiveDate>,
    renewals: Option<i64>,
    last_day: Option<NaiveDate>,
}

/// Reads what stands.
pub(in crate::involvements) async fn standing(
    db: &Db,
    organisation: OrganisationId,
    claim: &Claim,
) -> Result<Standing, StoreError> {
    const STANDING: &str = "SELECT i.system_id, i.kind, i.source_case_id, i.opened_at, i.claim_upn, \
         i.claim_date_of_birth, i.claim_surname, i.claim_forename, i.ended_at, i.queue, i.received_at, i.confirmed_at, \
         i.pupil_id, i.claim_digest, t.first_opened, t.last_opened, t.renewals, t.last_day FROM (SELECT 1 AS one) o \
         LEFT JOIN involvements i ON i.organisation_id = $1 AND i.id = $2 \
         LEFT JOIN involvement_terms t ON t.organisation_id = $1 AND t.source_case_id = $3 AND t.kind = $4";
    Ok(read!(db, c => sqlx::query_as(STANDING)
        .bind(organisation.0).bind(claim.id).bind(&claim.body.source_case_id).bind(claim.kind.as_str())
        .fetch_one(c).await)?)
}

impl Standing {
    /// Whether the id is another system's, whose involvement stays as it is.
    pub(in crate::involvements) fn is_anothers(&self, system: SystemId) -> bool {
        self.system_id.is_some_and(|own| own != system.0)
    }

    /// Whether the very same was sent before and still stands.
    pub(in crate::involvements) fn is_unchanged(&self, digest: &[u8]) -> bool {
        self.claim_digest.as_deref() == Some(digest) && self.ended_at.is_none()
    }

    /// Whether it waits for its child and was not sent yet today: sending it again keeps it from lapsing, or brings it back.
    pub(in crate::involvements) fn to_confirm(&self, today: NaiveDate) -> bool {
        let before = self.confirmed_at.is_none_or(|at| london(at).date() < today);
        self.pupil_id.is_none() && self.ended_at.is_none() && before
    }

    /// Whether it stands, was not sent yet today, and so is to be noted as still listed.
    pub(in crate::involvements) fn is_to_be_seen(&self, today: NaiveDate) -> bool {
        self.ended_at.is_none() && self.confirmed_at.is_none_or(|at| london(at).date() < today)
    }

    /// Whether it is another claim than what stands under its id: it loses its match and has to be matched again. The
    /// statement that switches says the same in its own words.
    pub(in crate::involvements) fn is_another(&self, claim: &Claim) -> bool {
        let same = self.claim_upn == claim.upn.as_ref().map(ToString::to_string)
            && self.claim_date_of_birth == Some(claim.body.date_of_birth)
            && self.claim_surname.as_deref() == Some(&claim.surname_key)
            && self.claim_forename.as_deref() == Some(&claim.forename_key)
            && self.source_case_id.as_deref() == Some(&claim.body.source_case_id)
            && self.kind.as_deref() == Some(claim.kind.as_str())
            && self.opened_at == Some(claim.body.opened_at);
        !same || self.ended_at.is_some()
    }

    /// The day on which it was one too many, if it was.
    pub(in crate::involvements) fn crowded_on(&self) -> Option<NaiveDate> {
        let came = self.received_at.filter(|_| self.queue == Some(Queue::Crowded.number()))?;
        Some(london(came).date())
    }

    /// What its source case has been allowed under its kind.
    pub(in crate::involvements) fn term(&self) -> Option<Term> {
        Some(Term {
            first_opened: self.first_opened?,
            last_opened: self.last_opened?,
            renewals: self.renewals?,
            last_day: self.last_day?,
        })
    }
}

/// A claim with what becomes of it.
pub(in crate::involvements) struct Staged {
    /// As sent.
    pub(in crate::involvements) claim: Claim,
    /// The last day granted.
    pub(in crate::involvements) until: Option<NaiveDate>,
    /// Where it is to wait; none where it is over already.
    pub(in crate::involvements) queue: Option<Queue>,
    /// SHA-256 of what was sent and the last day granted.
    pub(in crate::involvements) digest: [u8; 32],
    /// What it tries out, where it is new.
    pub(in crate::involvements) tried: Vec<Tried>,
    /// When what stands under its id had ended, if it had.
    pub(in crate::involvements) ended_at: Option<DateTime<Utc>>,
    /// What stands of its source case and kind from now on.
    pub(in crate::involvements) term: Option<Term>,
    /// Until when a team that gives it away goes on seeing it.
    pub(in crate::involvements) former_team_until: NaiveDate,
    /// When it came, school time.
    pub(in crate::involvements) came_at: DateTime<Utc>,
}

impl Staged {
    /// The source case and kind, which share one term.
    pub(in crate::involvements) fn case(&self) -> (String, InvolvementKind) {
        (self.claim.body.source_case_id.clone(), self.claim.kind)
    }
}

/// Puts one claim of an upload aside.
pub(in crate::involvements) async fn stage(
    tx: &mut Tx,
    (organisation, system): (OrganisationId, SystemId),
    upload: Uuid,
    staged: &Staged,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    const STAGE: &str = "INSERT INTO involvements_staged (organisation_id, upload_id, id, system_id, kind, team, \
         allocated_person, source_case_id, case_reference, opened_at, staff_id, renewed_by, until_day, claim_upn, \
         claim_date_of_birth, claim_surname, claim_forename, family_agreed_by, family_agreed_to, family_agreed_until, \
         family_withdrawn_on, school_not_told, at_once, queue, claim_digest, is_new, first_opened, last_opened, \
         renewals, last_day, staged_at, ended_at, school_not_told_review, released, former_team_until, begun_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
         $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36)";
    let (claim, body, term) = (&staged.claim, &staged.claim.body, staged.term);
    let family = body.family_agreement.as_ref();
    on!(tx, c => {
        let r = sqlx::query(STAGE)
            .bind(organisation.0).bind(upload).bind(claim.id).bind(system.0).bind(claim.kind.as_str())
            .bind(&body.team).bind(&body.allocated_person).bind(&body.source_case_id).bind(&body.case_reference)
            .bind(body.opened_at).bind(&body.staff_id).bind(&body.renewed_by).bind(staged.until)
            .bind(claim.upn.as_ref().map(ToString::to_string)).bind(body.date_of_birth)
            .bind(&claim.surname_key).bind(&claim.forename_key)
            .bind(family.map(|f| &f.agreed_by)).bind(family.map(|f| &f.agreed_to))
            .bind(family.and_then(|f| f.until)).bind(family.and_then(|f| f.withdrawn_on))
            .bind(&body.school_not_told).bind(claim.at_once).bind(staged.queue.map(Queue::number))
            .bind(staged.digest.as_slice()).bind(!staged.tried.is_empty())
            .bind(term.map(|t| t.first_opened)).bind(term.map(|t| t.last_opened))
            .bind(term.map(|t| t.renewals)).bind(term.map(|t| t.last_day)).bind(at).bind(staged.ended_at)
            .bind(body.school_not_told_review).bind(body.released).bind(staged.former_team_until).bind(staged.came_at)
            .execute(c).await?;
        must_touch("claim put aside", &r, 1)
    })
}

/// Whether a claim is the same as what stands under its id.
macro_rules! same {
    () => {
        "involvements.claim_upn IS NOT DISTINCT FROM excluded.claim_upn \
         AND involvements.claim_date_of_birth = excluded.claim_date_of_birth \
         AND involvements.claim_surname = excluded.claim_surname \
         AND involvements.claim_forename = excluded.claim_forename \
         AND involvements.source_case_id = excluded.source_case_id AND involvements.kind = excluded.kind \
         AND involvements.opened_at = excluded.opened_at AND involvements.ended_at IS NULL "
    };
}
/// The same team: what those who protect a child accepted of one they did not of another.
macro_rules! same_team {
    () => {
        "AND involvements.team = excluded.team "
    };
}
const PUT: &str = concat!(
    "INSERT INTO involvements (organisation_id, id, system_id, kind, team, allocated_person, source_case_id, \
     case_reference, opened_at, staff_id, renewed_by, until_day, claim_upn, claim_date_of_birth, claim_surname, \
     claim_forename, family_agreed_by, family_agreed_to, family_agreed_until, family_withdrawn_on, \
     school_not_told, at_once, queue, claim_digest, received_at, confirmed_at, \
     ended_at, school_not_told_review, released, former_team_until, begun_at) SELECT organisation_id, id, system_id, kind, team, \
     allocated_person, source_case_id, case_reference, opened_at, staff_id, renewed_by, until_day, claim_upn, \
     claim_date_of_birth, claim_surname, claim_forename, family_agreed_by, family_agreed_to, family_agreed_until, \
     family_withdrawn_on, school_not_told, at_once, queue, claim_digest, staged_at, staged_at, \
     ended_at, school_not_told_review, released, former_team_until, begun_at \
     FROM involvements_staged WHERE organisation_id = $1 AND upload_id = $2 ORDER BY id \
     ON CONFLICT (organisation_id, id) DO UPDATE SET pupil_id = CASE WHEN ",
    same!(),
    "THEN involvements.pupil_id ELSE NULL END, held_pupil_id = CASE WHEN ",
    same!(),
    same_team!(),
    "THEN involvements.held_pupil_id ELSE NULL END, held_at = CASE WHEN ",
    same!(),
    same_team!(),
    "THEN involvements.held_at ELSE NULL END, accepted_at = CASE WHEN ",
    same!(),
    same_team!(),
    "THEN involvements.accepted_at ELSE NULL END, matched_at = CASE WHEN ",
    same!(),
    "AND involvements.team <> excluded.team AND involvements.pupil_id IS NOT NULL \
     THEN excluded.begun_at ELSE involvements.matched_at END, moved_at = CASE WHEN ",
    same!(),
    "THEN CASE WHEN involvements.team <> excluded.team AND involvements.pupil_id IS NOT NULL \
       THEN excluded.begun_at ELSE involvements.moved_at END ELSE NULL END, queue = CASE WHEN ",
    same!(),
    "THEN CASE WHEN involvements.pupil_id IS NOT NULL THEN NULL \
       WHEN involvements.queue IS NULL OR involvements.queue = 5 OR involvements.team <> excluded.team \
       THEN excluded.queue ELSE involvements.queue END \
     ELSE excluded.queue END, \
     received_at = CASE WHEN involvements.pupil_id IS NULL AND involvements.ended_at IS NULL \
       AND involvements.claim_upn IS NOT DISTINCT FROM excluded.claim_upn \
       AND involvements.claim_surname = excluded.claim_surname THEN involvements.received_at \
       ELSE excluded.received_at END, \
     confirmed_at = excluded.confirmed_at, kind = excluded.kind, team = excluded.team, allocated_person = excluded.allocated_person, \
     source_case_id = excluded.source_case_id, case_reference = excluded.case_reference, \
     opened_at = excluded.opened_at, staff_id = excluded.staff_id, renewed_by = excluded.renewed_by, \
     until_day = excluded.until_day, claim_upn = excluded.claim_upn, \
     claim_date_of_birth = excluded.claim_date_of_birth, claim_surname = excluded.claim_surname, \
     claim_forename = excluded.claim_forename, family_agreed_by = excluded.family_agreed_by, \
     family_agreed_to = excluded.family_agreed_to, family_agreed_until = excluded.family_agreed_until, \
     family_withdrawn_on = CASE WHEN excluded.family_withdrawn_on IS NULL \
       AND involvements.family_agreed_by IS NOT DISTINCT FROM excluded.family_agreed_by \
       AND involvements.family_agreed_to IS NOT DISTINCT FROM excluded.family_agreed_to \
       AND involvements.family_agreed_until IS NOT DISTINCT FROM excluded.family_agreed_until \
       THEN involvements.family_withdrawn_on ELSE excluded.family_withdrawn_on END, \
     former_team = CASE WHEN ",
    same!(),
    "THEN CASE WHEN involvements.team <> excluded.team THEN involvements.team \
       ELSE involvements.former_team END ELSE NULL END, \
     former_team_until = CASE WHEN involvements.team <> excluded.team THEN excluded.former_team_until \
       ELSE involvements.former_team_until END, \
     times_changed = involvements.times_changed + CASE WHEN ",
    same!(),
    "THEN 0 ELSE 1 END, times_confirmed = involvements.times_confirmed + 1, ended_because = NULL, \
     school_not_told_review = excluded.school_not_told_review, released = excluded.released, school_not_told = excluded.school_not_told, \
     at_once = excluded.at_once, claim_digest = excluded.claim_digest, ended_at = NULL \
     WHERE involvements.system_id = excluded.system_id \
     AND involvements.ended_at IS NOT DISTINCT FROM excluded.ended_at"
);

/// Opens or changes the involvements of an upload, and keeps the terms of their source cases. One
/// whose identifying details, source case, kind or opening changed, or that had ended, is a new claim: it loses its match
/// and has to be matched again. One that another team takes over goes on, and whether it may is asked again. Another system's stays as it is, and so does one
/// that ended while this one was put aside. What a family withdrew stays withdrawn until it agrees anew. Says how many were written.
pub(in crate::involvements) async fn switch_to(
    tx: &mut Tx,
    organisation: OrganisationId,
    upload: Uuid,
) -> Result<u64, StoreError> {
    const TERMS: &str = "INSERT INTO involvement_terms (organisation_id, source_case_id, kind, first_opened, \
         last_opened, renewals, last_day) SELECT DISTINCT organisation_id, source_case_id, kind, first_opened, \
         last_opened, renewals, last_day FROM involvements_staged \
         WHERE organisation_id = $1 AND upload_id = $2 AND first_opened IS NOT NULL \
         ON CONFLICT (organisation_id, source_case_id, kind) DO UPDATE SET first_opened = excluded.first_opened, \
         last_opened = excluded.last_opened, renewals = excluded.renewals, last_day = excluded.last_day";
    const CLEAR: &str = "DELETE FROM involvements_staged WHERE organisation_id = $1 AND upload_id = $2";
    let written = on!(tx, c => sqlx::query(PUT)
        .bind(organisation.0).bind(upload).execute(c).await.map(|r| r.touched()))?;
    on!(tx, c => sqlx::query(TERMS).bind(organisation.0).bind(upload).execute(c).await.map(|_| ()))?;
    on!(tx, c => sqlx::query(CLEAR).bind(organisation.0).bind(upload).execute(c).await.map(|_| ()))?;
    Ok(written)
}

/// Deletes what uploads of an organisation put aside before `until` and never switched to.
pub(in crate::involvements) async fn clear_abandoned(
    tx: &mut Tx,
    organisation: OrganisationId,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    const CLEAR: &str = "DELETE FROM involvements_staged WHERE organisation_id = $1 AND staged_at < $2 \
         AND upload_id NOT IN (SELECT upload_id FROM held_caseloads WHERE organisation_id = $1)";
    on!(tx, c => sqlx::query(CLEAR).bind(organisation.0).bind(until).execute(c).await.map(|_| ()))?;
    Ok(())
}
