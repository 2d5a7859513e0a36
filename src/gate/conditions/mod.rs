//! Conditional requests: what a body is known by, and what a request says of the one that its sender has.
//!
//! A tag is a MAC over who asks, in which role, for which purpose, under which policies, and what that gives. Conditions are
//! looked at only with a permit in hand: what is refused is answered in the same bytes and by the same work, whatever the
//! request said of what its sender has.

mod sent;
mod tags;
mod unmet;

pub use sent::Sent;
pub(super) use sent::{Keyed, is_read};
pub use tags::ConditionKey;
pub use unmet::Unmet;

use self::tags::{Condition, Tag};
use super::{Gate, Permit, Refusal};
use crate::audit::Digest;
use crate::crypto::sha256;
use http::{HeaderValue, StatusCode};

/// How an answer leaves.
pub(super) struct Leaving {
    /// 304 where its reader has the body already.
    pub(super) status: StatusCode,
    /// What the body, or what was written, is known by.
    pub(super) tag: Option<HeaderValue>,
    /// Whether the body stays here.
    pub(super) unchanged: bool,
}

impl Gate {
    /// Works out how the answer to a permit leaves, by the digest of its body. Whoever is told that nothing has changed is
    /// told as much as whoever is given the body, so that both are recorded alike.
    pub(super) fn leaving<S>(&self, permit: &Permit<S>, status: StatusCode, body: Digest) -> Leaving {
        let (is_read, written) = permit.trail.sent(|entry, sent| (is_read(entry), sent.written.clone()));
        if !is_read {
            return Leaving { status, tag: written.filter(|_| status.is_success()), unchanged: false };
        }
        let tag = if status == StatusCode::OK { self.tag(permit, None, &body.0) } else { None };
        let has = |tag: &Tag| {
            let condition = permit.trail.sent(|_, sent| Condition::read(&sent.if_none_match));
            // One that cannot be read is none: the body is given.
            condition.and_then(Result::ok).is_some_and(|condition| condition.names_weakly(tag))
        };
        let unchanged = tag.as_ref().is_some_and(has);
        let status = if unchanged { StatusCode::NOT_MODIFIED } else { status };
        Leaving { status, tag: tag.and_then(Tag::header), unchanged }
    }

    /// Whether a request says anything of the state that it changes.
    pub fn is_conditional<S>(&self, permit: &Permit<S>) -> bool {
        permit.trail.sent(|_, sent| sent.is_unjudged())
    }

    /// Holds an update to what its sender says of the state that it changes (`If-Match`, `If-None-Match`). `state` is what
    /// that state is known by, at the path of the request or another; none where there is nothing yet. Says whether the
    /// request had a condition at all, in which case the state must still be this one when the update is written.
    pub fn holds_to<S>(
        &self,
        permit: &Permit<S>,
        path: Option<&str>,
        state: Option<&[u8]>,
    ) -> Result<bool, Refusal> {
        let (matching, none) = permit.trail.sent(|_, sent| {
            sent.judged = true;
            (Condition::read(&sent.if_match), Condition::read(&sent.if_none_match))
        });
        if matching.is_none() && none.is_none() {
            return Ok(false);
        }
        let tag = state.and_then(|state| self.tag(permit, path, &sha256(&[state])));
        // What cannot be read cannot be held to, and so nothing is changed.
        let matches = match &matching {
            None => true,
            Some(condition) => tag
                .as_ref()
                .is_some_and(|tag| condition.as_ref().is_ok_and(|condition| condition.names_strongly(tag))),
        };
        let is_another = match (&none, &tag) {
            (None, _) => true,
            (Some(Ok(_)), None) => state.is_none(),
            (Some(Ok(condition)), Some(tag)) => !condition.names_weakly(tag),
            (Some(Err(_)), _) => false,
        };
        if matches && is_another { Ok(true) } else { Err(self.changed(permit)) }
    }

    /// The refusal of an update whose sender says something else of the state than what is there.
    pub fn changed<S>(&self, permit: &Permit<S>) -> Refusal {
        permit.note_malformed(Unmet::PreconditionFailed.word());
        Unmet::PreconditionFailed.into()
    }

    /// Says what the state that this request writes is known by from now on: the answer carries its tag. For what is kept
    /// as it was sent, and nothing else (RFC 9110 section 9.3.4).
    pub fn is_now<S>(&self, permit: &Permit<S>, path: &str, state: &[u8]) {
        let tag = self.tag(permit, Some(path), &sha256(&[state])).and_then(Tag::header);
        permit.trail.sent(|_, sent| sent.written = tag);
    }

    /// What a state that can be changed at a path of the holder's is known by, as it stands in a body.
    pub fn tag_at<S>(&self, permit: &Permit<S>, path: &str, state: &[u8]) -> Option<String> {
        self.tag(permit, Some(path), &sha256(&[state])).map(|tag| tag.to_string())
    }

    /// Refuses a condition on a write that nobody has held to anything: what it changes has no tag. Each commit does so by
    /// itself; a write of several steps asks before the first.
    pub fn takes_no_condition<S>(&self, permit: &Permit<S>) -> Result<(), Refusal> {
        let unjudged = permit.trail.sent(|entry, sent| !is_read(entry) && sent.is_unjudged());
        if unjudged {
            permit.note_malformed(Unmet::NoTag.word());
            return Err(Unmet::NoTag.into());
        }
        Ok(())
    }

    /// None where the process has no key for tags, or the permit answers no request.
    fn tag<S>(&self, permit: &Permit<S>, path: Option<&str>, digest: &[u8; 32]) -> Option<Tag> {
        let key = &self.0.keys.get()?.0;
        let holder = &permit.holder;
        let policies = self.policy().digest();
        permit.trail.sent(|entry, sent| {
            let path = path.or(sent.path())?;
            Some(Tag::of(
                key,
                &[
                    holder.organisation.0.as_bytes(),
                    holder.system.0.as_bytes(),
                    entry.person.as_deref().unwrap_or_default().as_bytes(),
                    holder.role.as_str().as_bytes(),
                    holder.purpose.as_str().as_bytes(),
                    &policies,
                    path.as_bytes(),
                    digest,
                ],
            ))
        })
    }
}
