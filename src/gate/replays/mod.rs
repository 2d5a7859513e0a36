//! Writes that are sent again with their `Idempotency-Key`: done once, and answered each time through the gate.
//!
//! What is kept is the status and the id of what was written, never an answer; whoever sends a request again is answered
//! what a fresh read of that id gives now, under the permit and the entry of that time. Of key and body only MACs are kept.

mod storage;

use super::conditions::{ConditionKey, Keyed, Unmet};
use super::{Gate, Permit, Refusal};
use crate::crypto::same;
use crate::policy::{Action, Duty};
use crate::store::Tx;
use chrono::TimeDelta;
use http::StatusCode;
use uuid::Uuid;

/// For how long keys are kept, and how many of one system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLimits {
    /// From the write on.
    pub kept: TimeDelta,
    /// Of one system and the organisation for which it acts.
    pub most: u32,
}

/// What became of a request that was sent before with the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// As it was answered.
    pub status: StatusCode,
    /// What was written, as [`Permit::keeps`] was told.
    pub record: Option<String>,
}

impl Done {
    /// The id of what was written, of a route that keeps one.
    pub fn id(&self) -> Result<Uuid, Refusal> {
        self.record.as_deref().and_then(|record| Uuid::parse_str(record).ok()).ok_or(Refusal::Answer)
    }
}

/// Keys ended in one transaction, so that none holds the one writer for long.
const STEP: i64 = 500;
/// When a system that has too many keys may try again.
const FULL_SECONDS: u64 = 3_600;

impl Gate {
    /// Sets with what tags and keys are made, and how keys are kept; the first word counts.
    pub fn keep_keys(&self, key: ConditionKey, limits: KeyLimits) {
        if self.0.keys.set((key, limits)).is_err() {
            tracing::warn!("how keys are kept is set already");
        }
    }

    /// Looks whether a permitted request has been carried out before with the same key, once all is read that it sent. Where
    /// it has not, its commit keeps the key in the same transaction.
    pub async fn done_before<S>(&self, permit: &Permit<S>, sent: &[u8]) -> Result<Option<Done>, Refusal> {
        let key = permit.trail.sent(|_, asked| asked.key.clone());
        let Some(key) = key else { return Ok(None) };
        let (with, limits) = self.0.keys.get().ok_or(Refusal::Answer)?;
        let keyed = keyed(with, permit, &key, sent);
        let since = self.clock().school_now() - limits.kept;
        if let Some(row) = storage::look(self.db(), &keyed.scope, since).await? {
            if !same(&row.request, &keyed.request) {
                return Err(unmet(permit, Unmet::KeyReused));
            }
            permit.note_reason("replayed");
            return Ok(Some(row.done()?));
        }
        let most = i64::from(limits.most);
        // Nobody in danger waits for a key's room.
        let urgent = permit.trail.entry().action.as_deref() == Some(Action::ClaimEmergency.as_str());
        if !urgent && storage::count(self.db(), &permit.holder, since, most).await? >= most {
            return Err(unmet(permit, Unmet::TooManyKeys { seconds: FULL_SECONDS }));
        }
        permit.trail.sent(|_, asked| asked.keyed = Some(keyed));
        Ok(None)
    }

    /// Keeps the key of a write that is about to commit. Refuses where another request has brought the same one meanwhile,
    /// and where nobody has looked for it: then the route has no answer to tell again.
    pub(super) async fn keep_key<S>(
        &self,
        tx: &mut Tx,
        permit: &Permit<S>,
        status: StatusCode,
    ) -> Result<(), Refusal> {
        let (key, keyed, record) =
            permit.trail.sent(|_, sent| (sent.key.is_some(), sent.keyed, sent.record.clone()));
        let keyed = match keyed {
            Some(keyed) => keyed,
            None if key => return Err(unmet(permit, Unmet::NoKey)),
            None => return Ok(()),
        };
        // What was not done is done when it is sent again.
        if !status.is_success() {
            return Ok(());
        }
        let (_, limits) = self.0.keys.get().ok_or(Refusal::Answer)?;
        let now = self.clock().school_now();
        let kept = storage::Kept { keyed, status, record, at: now, since: now - limits.kept };
        if storage::keep(tx, &permit.holder, &kept).await? {
            return Ok(());
        }
        Err(unmet(permit, Unmet::KeyUnderWay))
    }

    /// Ends keys past their time, and says how many; each batch leaves one entry.
    pub async fn expire_keys(&self) -> Result<u64, Refusal> {
        let Some((_, limits)) = self.0.keys.get() else { return Ok(0) };
        let since = self.clock().school_now() - limits.kept;
        let mut total = 0;
        loop {
            let duty = self.open_duty(Duty::Retain).await?;
            let mut tx = self.db().begin().await?;
            let gone = storage::expire(&mut tx, since, STEP).await?;
            if gone == 0 {
                return Ok(total);
            }
            self.commit_duty(duty.because("idempotency_keys"), tx, gone).await?;
            total += gone;
            self.db().give_way().await;
        }
    }
}

fn unmet<S>(permit: &Permit<S>, why: Unmet) -> Refusal {
    permit.note_malformed(why.word());
    why.into()
}

/// Who sends it where under which key, and what.
fn keyed<S>(with: &ConditionKey, permit: &Permit<S>, key: &str, sent: &[u8]) -> Keyed {
    let holder = &permit.holder;
    permit.trail.sent(|entry, asked| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default().into_bytes();
        let (person, method, route) = (text(&entry.person), text(&entry.method), text(&entry.route));
        let scope = with.mac(
            b"key",
            &[
                holder.system.0.as_bytes(),
                holder.organisation.0.as_bytes(),
                &person,
                holder.role.as_str().as_bytes(),
                holder.purpose.as_str().as_bytes(),
                &method,
                &route,
                key.as_bytes(),
            ],
        );
        let request = with.mac(b"request", &[asked.target().as_bytes(), sent]);
        Keyed { scope, request }
    })
}

impl<S> Permit<S> {
    /// Says under which id what is written can be read again, for whoever sends the request again with its key.
    pub fn keeps<R: ToString>(&self, record: R) -> R {
        let text = record.to_string();
        self.trail.sent(|_, sent| sent.record = Some(text));
        record
    }
}
