//! From claims that can be read to involvements that count: what each is granted, and the steps in which it is written.
//!
//! A caseload is put aside in short steps, which count for nobody, and one last short transaction switches to it together
//! with the request's entry: a crash in between leaves nothing that is in force without a record, and no other writer
//! waits for a whole caseload. Nothing here depends on whether any child is known.

use super::storage::{self, Queue, Staged};
use super::{Claim, Matcher};
use crate::crypto::sha256;
use crate::domain::calendar::london;
use crate::domain::identifiers::{OrganisationId, SystemId};
use crate::domain::involvement::{Term, granted};
use crate::domain::purpose::InvolvementKind;
use crate::domain::working_days::BankHolidays;
use crate::gate::{Answer, Duty, Gate, OfOrganisation, Permit, Refusal, Released};
use crate::http::{Error, Senders};
use crate::store::StoreError;
use chrono::{NaiveDate, TimeDelta};
use http::StatusCode;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

/// Claims put aside in one transaction, so that none holds the one writer for long.
const STEP: usize = 100;
/// New claims, or ones with other details, of one source case in a day that are looked at: more than any family has
/// children, and far fewer than there are birth dates to be tried out. Further ones are stored and wait.
const CLAIMS_OF_A_CASE: i64 = 12;
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
    holidays: Arc<BankHolidays>,
}

impl Sending {
    /// With the bank holidays of the deployment.
    pub fn new(holidays: Arc<BankHolidays>) -> Self {
        Self { caseloads: Senders::new(1), claims: Senders::new(CLAIMS_AT_ONCE), holidays }
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

/// Writes claims with the request's entry, and wakes the matcher.
pub(super) async fn put<A: Answer>(
    gate: &Gate,
    (matcher, sending): (&Matcher, &Sending),
    permit: Permit<OfOrganisation>,
    claims: Vec<Claim>,
    answer: A,
) -> Result<Released<A>, Refusal> {
    let who = (permit.organisation(), permit.system());
    let (upload, at) = (Uuid::now_v7(), gate.clock().now());
    let today = london(at).date();
    let prepared = prepare(gate, who, claims, (today, &sending.holidays)).await?;
    // A single claim goes with the switch: it takes one transaction.
    let alone = prepared.staged.len() == 1;
    let (aside, with_the_switch) = prepared.staged.split_at(if alone { 0 } else { prepared.staged.len() });
    for (number, step) in aside.chunks(STEP).enumerate() {
        let mut tx = gate.db().begin().await?;
        if number == 0 {
            storage::clear_abandoned(&mut tx, who.0, at - ABANDONED).await?;
        }
        for staged in step {
            storage::stage(&mut tx, who, upload, staged, at).await?;
        }
        gate.put_aside(&permit, tx).await?;
    }
    let mut tx = gate.db().begin().await?;
    for staged in with_the_switch {
        storage::stage(&mut tx, who, upload, staged, at).await?;
    }
    storage::switch_to(&mut tx, who.0, upload, today).await?;
    let released = gate.commit(permit, tx, StatusCode::ACCEPTED, answer).await?;
    matcher.wake();
    tell(gate, matcher, "claims_of_one_case", prepared.crowded).await;
    tell(gate, matcher, "renewed_beyond_term", prepared.beyond).await;
    Ok(released)
}

/// Claims as they are to be written, those that change nothing left out; and what somebody should look at.
struct Prepared {
    staged: Vec<Staged>,
    crowded: u64,
    beyond: u64,
}

async fn prepare(
    gate: &Gate,
    (organisation, system): (OrganisationId, SystemId),
    claims: Vec<Claim>,
    (today, holidays): (NaiveDate, &BankHolidays),
) -> Result<Prepared, StoreError> {
    let mut terms: HashMap<(String, InvolvementKind), Term> = HashMap::new();
    let mut tries: HashMap<String, i64> = HashMap::new();
    let mut prepared = Prepared { staged: Vec::new(), crowded: 0, beyond: 0 };
    for claim in claims {
        let standing = storage::standing(gate.db(), organisation, &claim, today).await?;
        if standing.is_anothers(system) {
            continue;
        }
        let case = (claim.body.source_case_id.clone(), claim.kind);
        let term = terms.get(&case).copied().or_else(|| standing.term());
        let by_manager = claim.body.renewed_by.is_some();
        let granted = granted(claim.kind, term, claim.opened_on, by_manager, holidays);
        let until = [granted.map(|g| g.until), claim.body.until].into_iter().flatten().min();
        let digest = digest(&claim, until)?;
        let crowded_before = standing.crowded_on().is_some_and(|day| day < today);
        if standing.is_unchanged(&digest) && !crowded_before {
            continue;
        }
        if let Some(granted) = granted {
            terms.insert(case, granted.term);
            prepared.beyond += u64::from(granted.beyond);
        }
        let is_new = standing.is_another(&claim) || crowded_before;
        let count = tries.entry(claim.body.source_case_id.clone()).or_insert_with(|| standing.tries());
        *count += i64::from(is_new);
        let crowded = if is_new { *count > CLAIMS_OF_A_CASE } else { standing.crowded_on().is_some() };
        prepared.crowded += u64::from(crowded && is_new);
        let over = until.is_some_and(|day| day < gate.clock().today());
        let queue = (!over).then(|| queue(&claim, crowded));
        prepared.staged.push(Staged { claim, until, queue, digest, is_new, term: None });
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
