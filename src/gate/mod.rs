//! The one door. `open` resolves the handle, asks the policy and hands out a [`Permit`]; [`release`](Gate::release)
//! records durably, issues handles, and only then lets go.
//!
//! No permit, no data: readers below take one and take the child from it. No record, no answer: a [`Released`] body
//! exists only once its audit entry is durable. Neither can be made anywhere else.

mod area;
mod conditions;
mod duty;
mod force;
mod handles;
mod lane;
mod many;
mod open;
mod permit;
mod proof;
mod release;
mod replays;
mod trail;

pub use crate::policy::Duty;
pub use conditions::{ConditionKey, Sent, Unmet};
pub(crate) use duty::in_steps;
pub use duty::{DutyPermit, OperatorAct};
pub use force::{NotLoaded, policy_in_force, policy_sources, shut_policy};
pub use handles::ChildRef;
pub use lane::LaneLimits;
pub use many::{Cut, Handles, Lines, PermitSet, RecordedLines, Steps, StreamLimits, Written};
pub use open::{Asked, Asker, Children, Named, OpenCase, Protector, QueueOf, Refusal, Search};
pub use permit::{
    OfBarred, OfChild, OfFigures, OfFollowed, OfMany, OfMatching, OfOrganisation, OfOwnSystem, OfPerson,
    OfSchool, Permit,
};
pub use release::{Answer, NextPage, Released};
pub use replays::{Done, KeyLimits};
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
use force::Force;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// What stands between every caller and every record, with the one set of policies by which it decides. Cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<View>);

/// What a process has, seen by one set of policies.
struct View {
    of: Arc<Inner>,
    policy: Arc<Policy>,
}

impl Deref for View {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.of
    }
}

struct Inner {
    db: Db,
    directory: LiveDirectory,
    force: Force,
    journal: Journal,
    clock: Clock,
    caseloads: lane::Caseloads,
    keys: OnceLock<(ConditionKey, KeyLimits)>,
}

impl Gate {
    /// Builds the gate of a process.
    pub fn new(db: Db, directory: LiveDirectory, policy: Policy, journal: Journal, clock: Clock) -> Self {
        let (force, caseloads, keys) = (Force::new(policy), lane::Caseloads::default(), OnceLock::new());
        let policy = Self::first_set(&force);
        let of = Arc::new(Inner { db, directory, force, journal, clock, caseloads, keys });
        Self(Arc::new(View { of, policy }))
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
        if !self.0.force.told_by(raise) {
            tracing::warn!("the alarm of the policies is connected already");
        }
    }

    /// The set of policies by which this gate decides.
    fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// The journal of the audit.
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }
}
