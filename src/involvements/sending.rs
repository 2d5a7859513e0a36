//! From claims that can be read to involvements that count: what each is granted, and the steps in which it is written.
//!
//! A caseload is put aside in short steps, which count for nobody, and one last short transaction switches to it together
//! with the request's entry: a crash in between leaves nothing that is in force without a record, and no other writer
//! waits for a whole caseload. Nothing here depends on whether any child is known.

use super::storage::{self, Queue, Staged, Tried};
use super::{Claim, ClaimsAnswer, Matcher};
use crate::crypto::sha256;
use crate::domain::calendar::london;
use crate::domain::identifiers::{OrganisationId, SystemId};
use crate::domain::involvement::{Term, granted};
use crate::domain::purpose::InvolvementKind;
use crate::domain::working_days::BankHolidays;
use crate::gate::{Duty, Gate, OfOrganisation, Permit, Refusal, Released};
use crate::http::{Error, Senders};
use crate::store::{StoreError, Tx};
use chrono::{NaiveDate, TimeDelta};
use http::StatusCode;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

/// Claims put aside in one transaction, so that none holds the one writer for long.
const STEP: usize = 100;
/// New claims, or ones with other details, of one source case, name or UPN in a day that are looked at: more than any
/// family has children, and far fewer than there are birth dates to be tried out. Further ones are stored and wait.
const CLAIMS_OF_ONE: i64 = 12;
/// New enquiries under section 47, which a name alone matches at once, of one organisation in a day that are looked at:
/// more than the largest authority has open, and far fewer than there are children to be tried out.
const ENQUIRIES_OF_A_DAY: i64 = 500;
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

/// Writes claims with the request's entry, which says of how many of them anything was written, and wakes the matcher.
pub(super) async fn put(
    gate: &Gate,
    (matcher, sending): (&Matcher, &Sending),
    permit: Permit<OfOrganisation>,
    claims: Vec<Claim>,
    body: &[u8],
) -> Result<Released<ClaimsAnswer>, Refusal> {
    let who = (permit.organisation(), permit.system());
    let (upload, at) = (Uuid::now_v7(), gate.clock().now());
    let today = london(at).date();
    let alone_id = if let [only] = claims.as_slice() { Some(only.id) } else { None };
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
        count(&mut tx, who.0, today, step).await?;
        gate.put_aside(&permit, tx).await?;
    }
    let mut tx = gate.db().begin().await?;
    for staged in with_the_switch {
        storage::stage(&mut tx, who, upload, staged, at).await?;
    }
    count(&mut tx, who.0, today, with_the_switch).await?;
    let written = storage::switch_to(&mut tx, who.0, upload).await?;
    let (accepted, changed) = prepared.told(written);
    match alone_id.filter(|_| changed == 1) {
        Some(id) => permit.note_written(format!("involvement {id}"), body),
        None if changed > 0 => permit.note_written(format!("{changed} involvements"), body),
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

/// Claims as they are to be written, those that change nothing left out; and what somebody should look at.
#[derive(Default)]
struct Prepared {
    staged: Vec<Staged>,
    /// Claims left out since they stand as they are.
    left_out: u64,
    /// Claims among the staged that change nothing but when they were last sent.
    confirmed: u64,
    of_another_system: u64,
    /// Claims beyond what is looked at, by what there are too many of.
    crowded: BTreeMap<&'static str, u64>,
    beyond: u64,
}

impl Prepared {
    /// What the answer says once so many rows were written, and how many of them brought anything new. A row that another
    /// request wrote or ended in between was not.
    fn told(&self, written: u64) -> (ClaimsAnswer, u64) {
        let confirmed = self.confirmed.min(written);
        let unchanged = self.left_out + confirmed;
        let accepted = self.left_out + written;
        (ClaimsAnswer { accepted, unchanged, of_another_system: self.of_another_system }, written - confirmed)
    }
}

async fn prepare(
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
            continue;
        }
        prepared.confirmed += u64::from(unchanged);
        if let Some(granted) = granted {
            terms.insert(case, granted.term);
            prepared.beyond += u64::from(granted.beyond && !unchanged);
        }
        let is_new = standing.is_another(&claim) || crowded_before;
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
        });
    }
    for staged in &mut prepared.staged {
        // What the last claim of a case made of its term, so that one upload has one word on it.
        staged.term = terms.get(&staged.case()).copied();
    }
    Ok(prepared)
}

/// Something that a claim tries out, how often that may be in a day, and the word for too often.
struct Trial {
    tried: Tried,
    most: i64,
    reason: &'static str,
}

/// What a claim tries out. A UPN and a name are counted whatever the source case is called, which the sender makes up.
fn trials(claim: &Claim) -> Vec<Trial> {
    let name = [claim.surname_key.as_bytes(), b"\n", claim.forename_key.as_bytes()].concat();
    let upn = claim.upn.as_ref().filter(|upn| !upn.is_temporary()).map(ToString::to_string);
    let one = |what: &[u8], text: &[u8], reason| Trial {
        tried: sha256(&[what, b"\n", text]),
        most: CLAIMS_OF_ONE,
        reason,
    };
    let mut all = vec![
        one(b"case", claim.body.source_case_id.as_bytes(), "claims_of_one_case"),
        one(b"name", &name, "claims_of_one_name"),
    ];
    all.extend(upn.map(|upn| one(b"upn", upn.as_bytes(), "claims_of_one_name")));
    if claim.kind == InvolvementKind::Section47Enquiry {
        let tried = sha256(&[b"enquiry".as_slice()]);
        all.push(Trial { tried, most: ENQUIRIES_OF_A_DAY, reason: "enquiries_of_one_day" });
    }
    all
}

/// How often each thing was tried today, as far as the claims of an upload have come.
#[derive(Default)]
struct Tries(HashMap<Tried, i64>);

impl Tries {
    /// Counts a claim, and says of what there are now too many.
    async fn beyond(
        &mut self,
        gate: &Gate,
        day: (OrganisationId, NaiveDate),
        trials: &[Trial],
    ) -> Result<Option<&'static str>, StoreError> {
        let new: Vec<Tried> = trials.iter().map(|t| t.tried).filter(|t| !self.0.contains_key(t)).collect();
        if !new.is_empty() {
            let known = storage::tries(gate.db(), day, &new).await?;
            self.0.extend(new.into_iter().map(|tried| (tried, known.get(&tried).copied().unwrap_or(0))));
        }
        let mut beyond = None;
        for trial in trials {
            let count = self.0.entry(trial.tried).or_default();
            *count += 1;
            beyond = beyond.or((*count > trial.most).then_some(trial.reason));
        }
        Ok(beyond)
    }
}

/// Counts what the new claims of a step try out. It counts though the upload is never switched to.
async fn count(
    tx: &mut Tx,
    organisation: OrganisationId,
    today: NaiveDate,
    step: &[Staged],
) -> Result<(), StoreError> {
    let mut tried: BTreeMap<Tried, i64> = BTreeMap::new();
    for one in step.iter().flat_map(|staged| &staged.tried) {
        *tried.entry(*one).or_default() += 1;
    }
    storage::count_tries(tx, organisation.0, today, &tried).await
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
