//! Work without a caller: a closed list of duties, each leaving one entry a batch.

use super::trail::Trail;
use super::{Gate, Refusal, handles};
use crate::audit::{self, Class, Decision, Digest, Entry, EventId, Receipt};
use crate::domain::identifiers::OrganisationId;
use crate::domain::organisation::Standing;
use crate::domain::purpose::InvolvementKind;
use crate::policy::Duty;
use crate::relationships::{self, Candidate, Claimed, Fit};
use crate::store::{StoreError, Tx};
use chrono::TimeDelta;
use http::StatusCode;
use std::collections::BTreeSet;

/// Repeats a step of ending what is past its time until it finds nothing more, each time in a transaction of its own with one entry, and says how many
/// rows went.
macro_rules! in_steps {
    ($gate:expr, $tx:ident => $step:expr) => {{
        let mut total: u64 = 0;
        loop {
            let duty = $gate.open_duty($crate::gate::Duty::Retain).await?;
            let mut tx = $gate.db().begin().await?;
            let $tx = &mut tx;
            let gone: u64 = $step.await?;
            if gone == 0 {
                break total;
            }
            $gate.commit_duty(duty, tx, gone).await?;
            $gate.db().give_way().await;
            total += gone;
        }
    }};
}
pub(crate) use in_steps;

/// A handle outlives the last relationship of its holder by so many days (a case that is opened again keeps it).
const HANDLE_DAYS: i64 = 30;
/// Handles retired in one transaction, so that none holds the one writer for long.
const HANDLES_AT_ONCE: i64 = 100;

/// Proof that a duty was opened; consumed by its entry.
#[derive(Debug)]
pub struct DutyPermit {
    duty: Duty,
    trail: Trail,
}

impl DutyPermit {
    /// Whether it is the permit of this duty.
    pub(super) fn is_for(&self, duty: Duty) -> bool {
        self.duty == duty
    }

    /// Says in the entry, as one word of ours, what it was about.
    #[must_use]
    pub fn because(self, reason: &'static str) -> Self {
        self.trail.note(|e| e.reason = Some(reason.to_owned()));
        self
    }
}

impl Gate {
    /// Opens a duty, if its own rule allows it. It gives nothing to anybody; what it may write is its own slice's
    /// tables. A refusal is recorded as one.
    pub async fn open_duty(&self, duty: Duty) -> Result<DutyPermit, Refusal> {
        // Whoever does duties holds a gate for long: each is decided by what is in force when it is opened.
        let gate = self.with_set_in_force();
        gate.still_decides()?;
        let policy = gate.policy();
        let decision = policy.duty(duty);
        let decided = if decision.allowed { Decision::Allowed } else { Decision::Refused };
        let mut entry = Entry::new(EventId::new(), self.clock().now(), Class::Duty, decided);
        entry.action = Some(duty.as_str().to_owned());
        entry.policies = decision.determining.to_vec();
        entry.policy_set = Some(Digest(policy.digest()));
        let trail = Trail::new(entry);
        if decision.allowed {
            return Ok(DutyPermit { duty, trail });
        }
        self.record(&trail, StatusCode::FORBIDDEN, b"").await?;
        Err(Refusal::Forbidden)
    }

    /// Whom a claim fits, for the duty that matches claims and for no other.
    pub async fn fitting(&self, permit: &DutyPermit, claimed: Claimed<'_>) -> Result<Fit, Refusal> {
        if permit.duty != Duty::MatchClaims {
            return Err(Refusal::Forbidden);
        }
        Ok(relationships::fitting(self.db(), claimed).await?)
    }

    /// The authorities whose data matchers are to say whom a claim is about, for the duty that matches claims.
    pub async fn matching_authorities(
        &self,
        permit: &DutyPermit,
        claimed: Claimed<'_>,
    ) -> Result<BTreeSet<OrganisationId>, Refusal> {
        if permit.duty != Duty::MatchClaims {
            return Err(Refusal::Forbidden);
        }
        let candidates = relationships::candidates(self.db(), claimed).await?;
        let directory = self.directory().current();
        let authority = |c: &Candidate| directory.school(c.school).and_then(|school| school.returns_to);
        Ok(candidates.iter().filter_map(authority).collect())
    }

    /// Whether an organisation may be told anything of its cases of a kind: it is live, and so is its agreement.
    pub fn may_be_told(&self, organisation: OrganisationId, kind: InvolvementKind) -> bool {
        let directory = self.directory().current();
        let live = directory.organisations.get(&organisation).is_some_and(|o| o.standing == Standing::Live);
        live && directory.agreement(organisation, kind.purpose(), self.clock().today()).is_some()
    }

    /// Retires the handles of holders whose last relationship to the child ended thirty days ago, and says how many.
    pub async fn retire_handles(&self) -> Result<u64, Refusal> {
        let since = self.clock().school_now() - TimeDelta::days(HANDLE_DAYS);
        let since = (since, self.clock().today() - TimeDelta::days(HANDLE_DAYS));
        let mut total = 0;
        loop {
            let untied = relationships::untied_handles(self.db(), since, HANDLES_AT_ONCE).await?;
            if untied.is_empty() {
                return Ok(total);
            }
            let duty = self.open_duty(Duty::RetireHandles).await?;
            let mut tx = self.db().begin().await?;
            let retired = handles::retire(&mut tx, &untied, self.clock().now()).await?;
            self.commit_duty(duty, tx, retired).await?;
            total += retired;
        }
    }

    /// Commits what a duty wrote with its one entry, which says how many records it touched.
    pub async fn commit_duty(
        &self,
        permit: DutyPermit,
        mut tx: Tx,
        touched: u64,
    ) -> Result<Receipt, Refusal> {
        permit.trail.note(|e| e.count = Some(touched));
        let event = audit::stage(&mut tx, &permit.trail.entry()).await?;
        tx.commit().await?;
        self.journal().sequenced(event).await.map_err(|_| Refusal::Unrecorded)
    }

    /// Commits where a duty has got to: nothing about a child, and nothing that is given to anybody, so no entry.
    pub async fn commit_progress(&self, _permit: &DutyPermit, tx: Tx) -> Result<(), StoreError> {
        tx.commit().await
    }

    /// Records what a duty met that somebody should look at: its one entry, with how often.
    pub async fn tell_duty(&self, permit: DutyPermit, met: u64) -> Result<Receipt, Refusal> {
        permit.trail.note(|e| e.count = Some(met));
        self.journal().record(&permit.trail.entry()).await.map_err(|_| Refusal::Unrecorded)
    }

    /// Commits what an operator changed, or decided on, with its one `admin` entry.
    pub async fn commit_change(&self, did: OperatorAct<'_>, tx: Tx) -> Result<Receipt, Refusal> {
        self.commit_admin(&self.admin_entry(did, Decision::Allowed), tx).await
    }

    /// The same of what is about a set of policies, which the entry names.
    pub async fn commit_policies(
        &self,
        did: OperatorAct<'_>,
        digest: [u8; 32],
        tx: Tx,
    ) -> Result<Receipt, Refusal> {
        let mut entry = self.admin_entry(did, Decision::Allowed);
        entry.policy_set = Some(Digest(digest));
        self.commit_admin(&entry, tx).await
    }

    async fn commit_admin(&self, entry: &Entry, mut tx: Tx) -> Result<Receipt, Refusal> {
        let event = audit::stage(&mut tx, entry).await?;
        tx.commit().await?;
        self.journal().sequenced(event).await.map_err(|_| Refusal::Unrecorded)
    }

    /// Records that somebody tried to change the directory and may not, with why in one word of ours.
    pub async fn refuse_change(&self, did: OperatorAct<'_>, why: &'static str) -> Result<Receipt, Refusal> {
        let mut entry = self.admin_entry(did, Decision::Refused);
        entry.reason = Some(why.to_owned());
        self.journal().record(&entry).await.map_err(|_| Refusal::Unrecorded)
    }

    fn admin_entry(&self, did: OperatorAct<'_>, decision: Decision) -> Entry {
        let mut entry = Entry::new(EventId::new(), self.clock().now(), Class::Admin, decision);
        entry.action = Some(did.action.to_owned());
        entry.person = did.operator.map(|name| format!("operator {name}"));
        entry.record = did.change.map(|id| format!("change {id}"));
        entry.written = did.document.map(|bytes| Digest(crate::crypto::sha256(&[bytes])));
        entry
    }
}

/// What an operator did, or tried to, as its entry says it.
#[derive(Clone, Copy, Debug)]
pub struct OperatorAct<'a> {
    /// What was done.
    pub action: &'a str,
    /// Name of the operator; none where nobody is proved.
    pub operator: Option<&'a str>,
    /// The change; none where it is of no change.
    pub change: Option<uuid::Uuid>,
    /// The bytes that were signed.
    pub document: Option<&'a [u8]>,
}
