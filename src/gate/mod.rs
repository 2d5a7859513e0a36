//! The one door. `open` resolves the handle, asks the policy and hands out a [`Permit`]; [`release`](Gate::release)
//! records durably, issues handles, and only then lets go.
//!
//! No permit, no data: readers below take one and take the child from it. No record, no answer: a [`Released`] body
//! exists only once its audit entry is durable. Neither can be made anywhere else.

mod area;
mod duty;
mod handles;
mod lane;
mod many;
mod open;
mod permit;
mod proof;
mod release;
mod trail;

pub use crate::policy::Duty;
pub use duty::{DutyPermit, OperatorAct};
pub use handles::ChildRef;
pub use lane::LaneLimits;
pub use many::{Cut, Lines, PermitSet, RecordedLines, Steps, StreamLimits, Written};
pub use open::{Asked, Asker, Children, Named, Protector, QueueOf, Refusal, Search};
pub use permit::{
    OfBarred, OfChild, OfFigures, OfFollowed, OfMany, OfMatching, OfOrganisation, OfOwnSystem, OfPerson,
    OfSchool, Permit,
};
pub use release::{Answer, NextPage, Released};
pub use trail::{Recorded, Trail};

/// What a search is by; only the gate looks with it.
pub use crate::relationships::Sought;

/// What a claim says of its child, and whom it fits; only the gate looks with it.
pub use crate::relationships::{Claimed, Fit, NamedChild};

use crate::audit::Journal;
use crate::clock::Clock;
use crate::directory::LiveDirectory;
use crate::policy::Policy;
use crate::store::Db;
use std::sync::Arc;

/// What stands between every caller and every record. Cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    db: Db,
    directory: LiveDirectory,
    policy: Policy,
    journal: Journal,
    clock: Clock,
    caseloads: lane::Caseloads,
}

impl Gate {
    /// Builds the gate of a process.
    pub fn new(db: Db, directory: LiveDirectory, policy: Policy, journal: Journal, clock: Clock) -> Self {
        let caseloads = lane::Caseloads::default();
        Self(Arc::new(Inner { db, directory, policy, journal, clock, caseloads }))
    }

    /// The database, for a slice's own tables and for readers that take a permit.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The directory as it is now.
    pub fn directory(&self) -> &LiveDirectory {
        &self.0.directory
    }

    /// The clock of this process.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Has every answer counted that is no because a rule could not be worked out.
    pub fn alarm_of_policies(&self, raise: impl Fn() + Send + Sync + 'static) {
        self.0.policy.alarm_by(raise);
    }

    fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// The journal of the audit.
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }
}
