//! From claims that can be read to involvements that count: what each is granted, and the steps in which it is written.
//!
//! A caseload is put aside in short steps, which count for nobody, and one last short transaction switches to it together
//! with the request's entry: a crash in between leaves nothing that is in force without a record, and no other writer
//! waits for a whole caseload. Nothing here depends on whether any child is known.

use super::caseloads::{self, CHANGES_MAX, is_over_a_tenth};
use super::single::Single;
use super::storage::{self, Queue, Staged};
use super::tried::{Tries, count, trials};
use super::{Claim, ClaimsAnswer, Matcher};
use crate::crypto::sha256;
use crate::domain::calendar::london;
use crate::domain::identifiers::{OrganisationId, SystemId};
use crate::domain::involvement::{Term, granted};
use crate::domain::purpose::InvolvementKind;
use crate::domain::working_days::BankHolidays;
use crate::gate::{Duty, Gate, OfOrganisation, Permit, Refusal, Released};
use crate::http::{Error, ProblemKind, Senders};
use crate::outbox::{self, Notice, NoticeKind};
use crate::store::{StoreError, Tx};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use http::StatusCode;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

/// Claims put aside in one transaction, so that none holds the one writer for long.
const STEP: usize = 100;
/// Confirmations that one transaction writes.
const CONFIRMED_AT_ONCE: usize = 500;
/// School-nursing cases up to which nobody asks how many children there are.
const NURSING_LEAST: u64 = 50;
/// Past that, one child of so many on roll may have one: 5%.
const NURSING_ONE_OF: u64 = 20;
/// Working days for which a team that has given a case away goes on seeing it.
const MOVE_DAYS: u32 = 10;
/// Claims that one system may send one by one at the same time.
const CLAIMS_AT_ONCE: usize = 8;
/// What was put aside so long ago is of an upload that has ended: longer than any request may take.
pub(super) const ABANDONED: TimeDelta = TimeDelta::minutes(10);

/// What agencies send goes by this: places for it, one caseload of an organisation at a time and a few single claims of a
/// system; and the holidays by which the terms of cases count working days.
#[derive(Clone, Debug)]
pub struct Sending {
    caseloads: Senders,
    claims: Senders,
    pub(super) holidays: Arc<BankHolidays>,
}

impl Sending {
    /// With the bank holidays of the deployment.
    pub fn new(holidays: Arc<BankHolidays>) -> Self {
        Self {
            caseloads: Senders::of(1, "another caseload of this organisation"),
            claims: Senders::of(CLAIMS_AT_ONCE, "another claim of this system"),
            holidays,
        }
    }

    /// The organisation's one place for a caseload.
    pub(super) fn caseload(&self, organisation: OrganisationId) -> Result<OwnedSemaphorePermit, Error> {
        self.caseloads.place(organisation.0)
    }

    /// One of the system's places for a single claim.
    pub(super) fn claim(&self, system: SystemId) -> Result<OwnedSemaphorePermit, Error> {
        self.claims.place(system.0)
    }
}

/// How claims were sent.
pub(super) struct Upload<'a> {
    /// As they came.
    pub(super) body: &'a [u8],
    /// Whether they are the whole caseload of the system.
    pub(super) whole: bool,
    /// Of one claim that was sent by itself: what stood under its id.
    pub(super) single: Option<Single>,
}

/// Writes claims with the request's entry, which says of how many of them anything was written, and wakes the matcher.
pub(super) async fn put(
    gate: &Gate,
    (matcher, sending): (&Matcher, &Sending),
    permit: Permit<OfOrganisation>,
    claims: Vec<Claim>,
    Upload { body, whole, single }: Upload<'_>,
) -> Result<Released<ClaimsAnswer>, Error> {
    let who = (permit.organisation(), permit.system());
    let (upload, at) = (permit.keeps(Uuid::now_v7()), gate.clock().now());
    let today = london(at).date();
    let alone_id = if let [only] = claims.as_slice() { Some(only.id) } else { None };
    let listed: Vec<Uuid> = claims.iter().map(|claim| claim.id).collect();
    let prepared = prepare(gate, who, claims, (today, &sending.holidays)).await.map_err(Refusal::from)?;
    fits(gate, matcher, &permit, &prepared).await?;
    confirm(gate, &permit, if whole { &listed } else { &prepared.seen }, at).await?;
    // A single claim goes with the switch: it takes one transaction.
    let alone = prepared.staged.len() == 1;
    let (aside, with_the_switch) = prepared.staged.split_at(if alone { 0 } else { prepared.staged.len() });
    for (number, step) in aside.chunks(STEP).enumerate() {
        let put_aside = async {
            let mut tx = gate.db().begin().await?;
            if number == 0 {
                storage::clear_abandoned(&mut tx, who.0, at - ABANDONED).await?;
            }
            for staged in step {
                storage::stage(&mut tx, who, upload, staged, at).await?;
            }
            count(&mut tx, who.0, today, step).await?;
            gate.put_aside(&permit, tx).await
        };
        put_aside.await.map_err(Refusal::from)?;
    }
    let unlisted = if whole {
        let counted = caseloads::open_and_unlisted(gate.db(), who, (gate.clock().today(), at)).await;
        Some(counted.map_err(Refusal::from)?)
    } else {
        None
    };
    if let Some(counted) =
        unlisted.filter(|o| is_over_a_tenth(o.unlisted.unsigned_abs(), o.open.unsigned_abs()))
    {
        return hold(gate, matcher, permit, (upload, with_the_switch, counted), (listed.len(), at, body))
            .await;
    }
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let held_to = (&permit, single.as_ref());
    let switched = switch(gate, &mut tx, held_to, (upload, with_the_switch), (today, at)).await?;
    let ended = match unlisted {
        Some(_) => {
            let ended = caseloads::end_unlisted(&mut tx, who, at, gate.clock().school_now()).await;
            Some(ended.map_err(Refusal::from)?)
        }
        None => None,
    };
    let (mut accepted, changed) = prepared.told(switched);
    accepted.ended = ended;
    match alone_id.filter(|_| changed == 1) {
        Some(id) => permit.note_written(format!("involvement {id}"), body),
        None if changed > 0 || ended.is_some_and(|n| n > 0) => {
            permit.note_written(format!("{changed} involvements{}", and_ended(ended)), body);
        }
        None => {}
    }
    let released = gate.commit(permit, tx, StatusCode::ACCEPTED, accepted).await?;
    matcher.wake();
    for (reason, crowded) in &prepared.crowded {
        tell(gate, matcher, reason, *crowded).await;
    }
    tell(gate, matcher, "renewed_beyond_term", prepared.beyond).await;
    Ok(released)
}

/// What an entry says of those that ended with a whole caseload.
fn and_ended(ended: Option<u64>) -> String {
    ended.filter(|n| *n > 0).map(|n| format!(", {n} ended")).unwrap_or_default()
}

/// Puts aside what comes with the switch, and switches; of a single one, where it still is what its sender says.
async fn switch(
    gate: &Gate,
    tx: &mut Tx,
    (permit, single): (&Permit<OfOrganisation>, Option<&Single>),
    (upload, with_the_switch): (Uuid, &[Staged]),
    (today, at): (NaiveDate, DateTime<Utc>),
) -> Result<u64, Refusal> {
    let who = (permit.organisation(), permit.system());
    if let Some(single) = single {
        single.still_stands(gate, tx, permit).await?;
    }
    for staged in with_the_switch {
        storage::stage(tx, who, upload, staged, at).await?;
    }
    count(tx, who.0, today, with_the_switch).await?;
    let switched = storage::switch_to(tx, who.0, upload).await?;
    if let Some(single) = single {
        single.written(gate, tx, permit).await?;
    }
    Ok(switched)
}

/// Keeps a whole caseload put aside until a person has looked; the organisation is told, and so is the operator.
async fn hold(
    gate: &Gate,
    matcher: &Matcher,
    permit: Permit<OfOrganisation>,
    (upload, with_the_switch, counted): (Uuid, &[Staged], caseloads::Open),
    (listed, at, body): (usize, DateTime<Utc>, &[u8]),
) -> Result<Released<ClaimsAnswer>, Error> {
    let who = (permit.organisation(), permit.system());
    let held = async {
        let mut tx = gate.db().begin().await?;
        for staged in with_the_switch {
            storage::stage(&mut tx, who, upload, staged, at).await?;
        }
        let listed = i64::try_from(listed).unwrap_or(i64::MAX);
        caseloads::hold(&mut tx, who, (upload, listed, counted), at).await?;
        let told =
            json!({"caseload": upload, "would_end": counted.unlisted, "open": counted.open}).to_string();
        let subject = upload.to_string();
        let notice = Notice { kind: NoticeKind::CaseloadHeld, subject: &subject, body: &told };
        outbox::notify(&mut tx, who.0, notice, at).await?;
        Ok::<Tx, StoreError>(tx)
    };
    let tx = held.await.map_err(Refusal::from)?;
    permit.note_written(format!("caseload {upload}, held"), body);
    permit.note_reason("caseload_held");
    let answer = ClaimsAnswer { held: Some(counted.unlisted.unsigned_abs()), ..ClaimsAnswer::default() };
    let released = gate.commit(permit, tx, StatusCode::ACCEPTED, answer).await?;
    tell(gate, matcher, "caseload_held", 1).await;
    Ok(released)
}

/// Refuses what is more than may change at once, and a school-nursing caseload of far too many children.
async fn fits(
    gate: &Gate,
    matcher: &Matcher,
    permit: &Permit<OfOrganisation>,
    prepared: &Prepared,
) -> Result<(), Error> {
    if prepared.staged.len() > CHANGES_MAX {
        let detail = "over 1,000 of these are new, or other than they stand: send those first, 1,000 at a time and without a \
                      trailer";
        return Err(Error::problem(ProblemKind::PayloadTooLarge, detail));
    }
    if prepared.nursing == 0 {
        return Ok(());
    }
    let kind = InvolvementKind::SchoolNursing;
    let organisation = permit.organisation();
    let open = caseloads::of_kind(gate.db(), organisation, kind, gate.clock().today()).await;
    let cases = open.map_err(Refusal::from)?.unsigned_abs() + prepared.nursing;
    let roll = gate.roll_of_area(permit).await?;
    if cases <= NURSING_LEAST || cases.saturating_mul(NURSING_ONE_OF) <= roll {
        return Ok(());
    }
    permit.note_refused("nursing_over_area");
    tell(gate, matcher, "nursing_over_area", cases).await;
    let detail = "with these over 5% of the children on roll in the area would have a school-nursing case: that is a list of schools, \
                  not of accepted referrals; send those who have one";
    Err(Error::problem(ProblemKind::UnprocessableFile, detail))
}

/// Notes that these are listed, in short steps: they count as confirmed whatever becomes of the upload.
async fn confirm(
    gate: &Gate,
    permit: &Permit<OfOrganisation>,
    ids: &[Uuid],
    at: DateTime<Utc>,
) -> Result<(), Refusal> {
    for step in ids.chunks(CONFIRMED_AT_ONCE) {
        let mut tx = gate.db().begin().await?;
        caseloads::confirm(&mut tx, (permit.organisation(), permit.system()), step, at).await?;
        gate.put_aside(permit, tx).await?;
    }
    Ok(())
}

/// Claims as they are to be written, those that change nothing left out; and what somebody should look at.
#[derive(Default)]
pub(super) struct Prepared {
    staged: Vec<Staged>,
    /// Claims left out since they stand as they are.
    left_out: u64,
    /// Claims among the staged that change nothing but when they were last sent.
    confirmed: u64,
    of_another_system: u64,
    /// Claims beyond what is looked at, by what there are too many of.
    crowded: BTreeMap<&'static str, u64>,
    beyond: u64,
    /// Claims that stand as they were sent and were not confirmed yet today.
    seen: Vec<Uuid>,
    /// New cases of school nursing.
    nursing: u64,
}

impl Prepared {
    /// What the claims are answered with that nothing is written of: those that stand as they were sent.
    pub(super) fn as_they_stand(&self) -> ClaimsAnswer {
        let (stand, of_another_system) = (self.left_out + self.confirmed, self.of_another_system);
        ClaimsAnswer { accepted: stand, unchanged: stand, of_another_system, ..ClaimsAnswer::default() }
    }

    /// What the answer says once so many rows were written, and how many of them brought anything new. A row that another
    /// request wrote or ended in between was not.
    fn told(&self, written: u64) -> (ClaimsAnswer, u64) {
        let confirmed = self.confirmed.min(written);
        let unchanged = self.left_out + confirmed;
        let accepted = self.left_out + written;
        let of_another_system = self.of_another_system;
        (
            ClaimsAnswer { accepted, unchanged, of_another_system, ended: None, held: None },
            written - confirmed,
        )
    }
}

pub(super) async fn prepare(
    gate: &Gate,
    (organisation, system): (OrganisationId, SystemId),
    claims: Vec<Claim>,
    (today, holidays): (NaiveDate, &BankHolidays),
) -> Result<Prepared, StoreError> {
    let mut terms: HashMap<(String, InvolvementKind), Term> = HashMap::new();
    let mut counted = Tries::default();
    let mut prepared = Prepared::default();
    for claim in claims {
        let standing = storage::standing(gate.db(), organisation, &claim).await?;
        if standing.is_anothers(system) {
            prepared.of_another_system += 1;
            continue;
        }
        let case = (claim.body.source_case_id.clone(), claim.kind);
        let term = terms.get(&case).copied().or_else(|| standing.term());
        let by_manager = claim.body.renewed_by.is_some();
        let granted = granted(claim.kind, term, claim.opened_on, by_manager, holidays);
        let until = [granted.map(|g| g.until), claim.body.until].into_iter().flatten().min();
        let digest = digest(&claim, until)?;
        let crowded_before = standing.crowded_on().is_some_and(|day| day < today);
        let over = until.is_some_and(|day| day < gate.clock().today());
        let unchanged = standing.is_unchanged(&digest) && !crowded_before;
        if unchanged && (over || !standing.to_confirm(today)) {
            prepared.left_out += 1;
            if standing.is_to_be_seen(today) {
                prepared.seen.push(claim.id);
            }
            continue;
        }
        prepared.confirmed += u64::from(unchanged);
        if let Some(granted) = granted {
            terms.insert(case, granted.term);
            prepared.beyond += u64::from(granted.beyond && !unchanged);
        }
        let is_new = standing.is_another(&claim) || crowded_before;
        prepared.nursing += u64::from(is_new && !over && claim.kind == InvolvementKind::SchoolNursing);
        let trials = if is_new { trials(&claim) } else { Vec::new() };
        let beyond = counted.beyond(gate, (organisation, today), &trials).await?;
        if let Some(reason) = beyond {
            *prepared.crowded.entry(reason).or_default() += 1;
        }
        let tried = trials.into_iter().map(|trial| trial.tried).collect();
        let crowded = beyond.is_some() || (!is_new && standing.crowded_on().is_some());
        let queue = (!over).then(|| queue(&claim, crowded));
        prepared.staged.push(Staged {
            claim,
            until,
            queue,
            digest,
            tried,
            ended_at: standing.ended_at,
            term: None,
            former_team_until: holidays.working_days_after(gate.clock().today(), MOVE_DAYS),
            came_at: gate.clock().school_now(),
        });
    }
    for staged in &mut prepared.staged {
        // What the last claim of a case made of its term, so that one upload has one word on it.
        staged.term = terms.get(&staged.case()).copied();
    }
    Ok(prepared)
}

/// Where a claim is to wait.
fn queue(claim: &Claim, crowded: bool) -> Queue {
    match (crowded, claim.at_once) {
        (true, _) => Queue::Crowded,
        (false, true) if claim.kind == InvolvementKind::Section47Enquiry => Queue::NewEnquiry,
        (false, true) => Queue::New,
        (false, false) => Queue::Daily,
    }
}

/// SHA-256 of what was sent and the last day granted.
fn digest(claim: &Claim, until: Option<NaiveDate>) -> Result<[u8; 32], StoreError> {
    let sent = serde_json::to_vec(&claim.body).map_err(|_| StoreError::Corrupt("a claim"))?;
    let until = until.map(|day| day.to_string()).unwrap_or_default();
    Ok(sha256(&[&sent, b"\n", until.as_bytes()]))
}

/// Says what somebody should look at: a count, a line of the log and an entry, none of which names anybody. The claims are
/// written and recorded already, so that an entry that fails here is not theirs.
async fn tell(gate: &Gate, matcher: &Matcher, reason: &'static str, count: u64) {
    if count == 0 {
        return;
    }
    matcher.alarm(reason, count);
    tracing::warn!(reason, count, "claims that somebody should look at");
    let told = async {
        let permit = gate.open_duty(Duty::MatchClaims).await?.because(reason);
        gate.tell_duty(permit, count).await
    };
    if let Err(error) = told.await {
        tracing::error!(%error, reason, "an alarm could not be recorded");
    }
}
