//! A request's trail: what its one audit entry will say, filled in as the request goes down.
//!
//! The audit layer makes it before anything else looks at the request, and writes it at the end if nothing was
//! released: so every request has exactly one `access` entry, whatever became of it.

use super::{Refusal, Sent};
use crate::audit::{ActedFor, Class, Connection, Decision, Digest, Entry, EventId, Receipt};
use crate::domain::purpose::SectionSet;
use crate::identity::{Caller, Noted};
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A shared, growing entry.
#[derive(Clone, Debug)]
pub struct Trail(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    entry: Entry,
    recorded: Option<Receipt>,
    handed_over: bool,
    proved: bool,
    sent: Sent,
}

/// Marks a response whose entry is durable.
#[derive(Clone, Copy, Debug)]
pub struct Recorded(pub Receipt);

impl Trail {
    /// Begins with what the connection and the request line say.
    pub fn new(entry: Entry) -> Self {
        let (recorded, sent) = (None, Sent::default());
        Self(Arc::new(Mutex::new(State { entry, recorded, handed_over: false, proved: false, sent })))
    }

    /// Begins for a command that a proved system runs on the gateway's own machine; refused until the gate opens.
    pub fn of_command(command: &str, caller: &Caller, at: DateTime<Utc>) -> Self {
        let trail = Self::new(Entry::new(EventId::new(), at, Class::Access, Decision::Refused));
        trail.note(|e| e.route = Some(command.to_owned()));
        trail.caller(caller);
        trail
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held leaves the entry as far as it came, which is what must be recorded.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The receipt, once the entry is durable.
    pub fn recorded(&self) -> Option<Receipt> {
        self.state().recorded
    }

    /// Changes the entry.
    pub fn note(&self, change: impl FnOnce(&mut Entry)) {
        change(&mut self.state().entry);
    }

    /// Keeps what the request says beside what it asks for, until there is a permit to look at it with.
    pub fn sends(&self, sent: Sent) {
        self.state().sent = sent;
    }

    /// Looks at that beside the entry, and notes what has become of it.
    pub(super) fn sent<T>(&self, at: impl FnOnce(&Entry, &mut Sent) -> T) -> T {
        let state = &mut *self.state();
        at(&state.entry, &mut state.sent)
    }

    /// Looks at the entry as it is now.
    pub(super) fn look<T>(&self, at: impl FnOnce(&Entry) -> T) -> T {
        at(&self.state().entry)
    }

    /// The entry as it is now.
    pub fn entry(&self) -> Entry {
        self.state().entry.clone()
    }

    /// Whether a caller was proved, or was given a token: whoever was not may not fill the log.
    pub fn is_proved(&self) -> bool {
        self.state().proved
    }

    /// Claims the one time that the entry goes to the journal. A second time would be a second entry of one request, so
    /// whoever gets `false` answers that nothing can be said.
    pub(super) fn hand_over(&self) -> bool {
        !std::mem::replace(&mut self.state().handed_over, true)
    }

    /// Gives the claim back after a transaction that failed: the failure is recorded as an event of its own, since the
    /// database may yet have kept the first.
    pub(super) fn take_back(&self) {
        let mut state = self.state();
        state.handed_over = false;
        state.entry.event = EventId::new();
    }

    pub(super) fn set_recorded(&self, receipt: Receipt) {
        self.state().recorded = Some(receipt);
    }

    /// Notes who is calling, once that is proved.
    pub fn caller(&self, caller: &Caller) {
        let own = caller.by.as_ref().unwrap_or(&caller.organisation);
        self.note(|e| {
            e.acted_for = caller.acting_for().map(|organisation| ActedFor {
                organisation_id: organisation.id,
                organisation: organisation.code.clone(),
            });
            e.connection = Some(Connection {
                thumbprint: Digest(caller.thumbprint),
                organisation_id: Some(own.id),
                organisation: Some(own.code.clone()),
                system: Some(caller.system.code.clone()),
            });
            e.person = caller.person.as_ref().map(|person| person.key.to_string());
            e.role = Some(caller.role);
            e.purpose = Some(caller.purpose);
        });
        self.state().proved = true;
    }

    /// Notes what the token endpoint found out about a client.
    pub fn noted(&self, noted: &Noted) {
        self.note(|e| {
            if let Some(thumbprint) = noted.thumbprint {
                e.connection = Some(Connection {
                    thumbprint: Digest(thumbprint),
                    organisation_id: noted.organisation_id,
                    organisation: noted.organisation_code.clone(),
                    system: noted.system_code.clone(),
                });
            }
            e.acted_for = noted
                .acted_for
                .clone()
                .map(|(organisation_id, organisation)| ActedFor { organisation_id, organisation });
            e.role = noted.role;
            e.purpose = noted.purpose;
            e.person.clone_from(&noted.person);
            e.marks.clone_from(&noted.marks);
            e.action = Some(noted.action.to_owned());
            e.reason = Some(noted.why.to_owned()).filter(|_| !noted.given());
        });
        self.state().proved |= noted.given();
    }

    /// Takes back what a permit noted as given or written, where in the end nothing was released.
    pub fn nothing_given(&self) {
        self.note(|e| {
            e.sections_given = SectionSet::EMPTY;
            e.legal_basis = None;
            e.written = None;
        });
    }

    pub(super) fn refused(&self, refusal: &Refusal) {
        self.note(|e| {
            e.decision = Decision::Refused;
            e.sections_given = SectionSet::EMPTY;
            e.reason = Some(refusal.word().to_owned());
        });
    }
}
