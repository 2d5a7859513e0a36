//! Work without a caller: a closed list of duties, each leaving one entry a batch.

use super::trail::Trail;
use super::{Gate, Refusal};
use crate::audit::{self, Class, Decision, Entry, EventId, Receipt};
use crate::domain::words;
use crate::store::{StoreError, Tx};

words! {
    /// What the gateway may do of its own accord.
    Duty {
        /// Match agencies' claims to children.
        MatchClaims = "match_claims",
        /// End what is past its retention.
        Retain = "retain",
    }
}

/// Proof that a duty was opened; consumed by its entry.
#[derive(Debug)]
pub struct DutyPermit {
    trail: Trail,
}

impl DutyPermit {
    /// Says in the entry, as one word of ours, what it was about.
    #[must_use]
    pub fn because(self, reason: &'static str) -> Self {
        self.trail.note(|e| e.reason = Some(reason.to_owned()));
        self
    }
}

impl Gate {
    /// Opens a duty. It gives nothing to anybody; what it may write is its own slice's tables.
    pub fn open_duty(&self, duty: Duty) -> DutyPermit {
        let mut entry = Entry::new(EventId::new(), self.clock().now(), Class::Duty, Decision::Allowed);
        entry.action = Some(duty.as_str().to_owned());
        DutyPermit { trail: Trail::new(entry) }
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

    /// Commits an operator's change with its one `admin` entry.
    pub async fn commit_change(&self, action: &str, mut tx: Tx) -> Result<Receipt, Refusal> {
        let mut entry = Entry::new(EventId::new(), self.clock().now(), Class::Admin, Decision::Allowed);
        entry.action = Some(action.to_owned());
        let event = audit::stage(&mut tx, &entry).await?;
        tx.commit().await?;
        self.journal().sequenced(event).await.map_err(|_| Refusal::Unrecorded)
    }
}
