//! The set of policies in force: which one a gate decides by, and how it follows when operators put another in force.
//!
//! A [`Gate`] holds one set from the moment in which it was handed out to its end, so that no request is decided by two. A set
//! that cannot be loaded shuts the gate: nothing is decided by the one before it, which operators have replaced.

use super::{Gate, Refusal, View};
use crate::crypto::{sha256, to_hex};
use crate::directory::{PolicySetEntry, PolicyTexts};
use crate::policy::{Policy, PolicyError, Sources};
use arc_swap::ArcSwap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Who is told when a rule could not be worked out, whichever set it is of.
type Raise = Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>;

/// The set in force in this process.
pub(super) struct Force {
    policy: ArcSwap<Policy>,
    raise: Raise,
    /// Whether nothing can be decided, not even by a set that answers no.
    failed: AtomicBool,
    /// The digest, hex, of the set that was last tried, once. Held while one is loaded: a slow one never takes the place of one
    /// that was put in force after it.
    tried: tokio::sync::Mutex<String>,
}

/// Why the set that operators have put in force is none that this program can go by.
#[derive(Debug, thiserror::Error)]
pub enum NotLoaded {
    /// It does not hold.
    #[error(
        "the set of policies in force, `{digest}`, does not hold for this program: {cause}; use the program that it was \
         made for, or have another set put in force with `schoolgate policy apply`"
    )]
    Policy {
        /// Its digest, hex.
        digest: String,
        /// What is wrong with it.
        cause: PolicyError,
    },
    /// The texts are not those of the digest.
    #[error(
        "the texts of the set of policies in force are not those of its digest, `{0}`; somebody has changed the database"
    )]
    Digest(String),
}

/// The texts of a set, to be loaded.
pub fn policy_sources(texts: &PolicyTexts) -> Sources {
    let files = texts.files.iter().map(|(name, text)| (name.clone(), text.clone()));
    Sources::new(texts.schema.clone(), texts.legal_bases.clone(), files)
}

/// Loads the set that is in force by the directory: the one that is built into this program, where operators have put none.
pub fn policy_in_force(set: Option<&PolicySetEntry>) -> Result<Policy, NotLoaded> {
    let refused = |digest: &str| {
        let digest = digest.to_owned();
        move |cause| NotLoaded::Policy { digest, cause }
    };
    let Some(set) = set else {
        return Policy::embedded(sha256).map_err(refused("built in"));
    };
    let policy = Policy::load(&policy_sources(&set.texts), sha256).map_err(refused(&set.digest))?;
    if to_hex(&policy.digest()) == set.digest {
        Ok(policy)
    } else {
        Err(NotLoaded::Digest(set.digest.clone()))
    }
}

/// What stands for such a set where it cannot be loaded: it answers everything with no.
pub fn shut_policy(set: Option<&PolicySetEntry>) -> Result<Policy, PolicyError> {
    let digest = set.and_then(|set| crate::crypto::from_hex(&set.digest)?.try_into().ok());
    Policy::shut(digest.unwrap_or_default(), sha256)
}

impl Force {
    /// Begins with a set.
    pub(super) fn new(policy: Policy) -> Self {
        let tried = tokio::sync::Mutex::new(to_hex(&policy.digest()));
        let policy = ArcSwap::from_pointee(policy);
        let force = Self { policy, raise: Raise::default(), failed: AtomicBool::new(false), tried };
        force.connect(&force.policy.load());
        force
    }

    fn current(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    fn connect(&self, policy: &Policy) {
        let raise = Arc::clone(&self.raise);
        policy.alarm_by(move || {
            if let Some(raise) = raise.get() {
                raise();
            }
        });
    }

    /// Tells who is told, of this set and each that follows; says whether nobody was before.
    pub(super) fn told_by(&self, raise: impl Fn() + Send + Sync + 'static) -> bool {
        self.raise.set(Box::new(raise)).is_ok()
    }
}

impl Gate {
    /// The set that a gate begins with.
    pub(super) fn first_set(force: &Force) -> Arc<Policy> {
        force.current()
    }

    /// The same gate with the set of policies that is in force now: what each request begins with and keeps to its end.
    #[must_use]
    pub fn with_set_in_force(&self) -> Self {
        let policy = self.0.force.current();
        if Arc::ptr_eq(&policy, &self.0.policy) {
            return self.clone();
        }
        Self(Arc::new(View { of: Arc::clone(&self.0.of), policy }))
    }

    /// Whether the set in force can be gone by at all; if not, nothing is answered.
    pub fn policies_hold(&self) -> bool {
        !self.0.force.failed.load(Ordering::Acquire) && !self.0.force.policy.load().is_shut()
    }

    /// Refuses to go on by a set that is not in force any more, or cannot be loaded.
    pub(super) fn still_decides(&self) -> Result<(), Refusal> {
        let current = self.0.force.current();
        if Arc::ptr_eq(&current, &self.0.policy) && self.policies_hold() {
            Ok(())
        } else {
            Err(Refusal::NotInForce)
        }
    }

    /// Takes up the set that is in force by the directory as this process last read it, if it is another; says whether it did.
    /// One that cannot be loaded shuts the gate until another is in force.
    pub async fn follow_policies(&self) -> Result<bool, NotLoaded> {
        let force = &self.0.force;
        let mut tried = force.tried.lock().await;
        // Once operators have put a set in force there is always one of theirs.
        let Some(set) = self.directory().current().policies.clone() else { return Ok(false) };
        if *tried == set.digest {
            return Ok(false);
        }
        tried.clone_from(&set.digest);
        let loading = Arc::clone(&set);
        let loaded = tokio::task::spawn_blocking(move || match policy_in_force(Some(&loading)) {
            Ok(policy) => Ok((policy, None)),
            Err(why) => shut_policy(Some(&loading)).map(|policy| (policy, Some(why))),
        });
        let refused = |cause| NotLoaded::Policy { digest: set.digest.clone(), cause };
        let loaded = loaded.await.unwrap_or_else(|ended| Err(PolicyError::Invalid(ended.to_string())));
        if loaded.is_err() {
            force.failed.store(true, Ordering::Release);
        }
        let (policy, why) = loaded.map_err(refused)?;
        force.connect(&policy);
        force.policy.store(Arc::new(policy));
        force.failed.store(false, Ordering::Release);
        why.map_or(Ok(true), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Journal, Options};
    use crate::clock::Clock;
    use crate::directory::changes::{self, Edit, Record, Signed, State};
    use crate::directory::{self, LiveDirectory};
    use crate::domain::organisation::OrganisationKind;
    use crate::domain::purpose::{Purpose, Role, Section};
    use crate::gate::Duty;
    use crate::policy::{Action, Facts, Lane, Relationship};
    use crate::store::{self, Db};
    use uuid::Uuid;

    /// The built-in set with one more comment, whole or with a word of ours taken out of its schema.
    fn texts(comment: &str, whole: bool) -> PolicyTexts {
        let sources = Sources::embedded();
        let (schema, legal_bases, files) = sources.texts();
        let schema = if whole { schema.to_owned() } else { schema.replacen(", \"vendor\"", "", 1) };
        let mut files: std::collections::BTreeMap<_, _> = files.iter().cloned().collect();
        files.get_mut("guards.cedar").unwrap().push_str(comment);
        PolicyTexts { schema, legal_bases: legal_bases.to_owned(), files }
    }

    /// Puts a set in force, as a change of two operators does once it is approved.
    async fn put(gate: &Gate, texts: PolicyTexts) -> [u8; 32] {
        let (db, now) = (gate.db(), gate.clock().now());
        let stands = directory::load(db).await.unwrap();
        let digest = policy_sources(&texts).digest(sha256);
        let set = PolicySetEntry { digest: to_hex(&digest), texts, replaces: "0".repeat(64), cases: None };
        let (id, signed) = (Uuid::now_v7(), Signed { bytes: b"{}".to_vec(), signature: Vec::new() });
        let mut tx = db.begin().await.unwrap();
        changes::moves(&mut tx).await.unwrap();
        if stands.operators.is_empty() {
            changes::first_operators(&mut tx, &[("a".to_owned(), [1; 32])], now).await.unwrap();
        }
        changes::keep(&mut tx, (id, &signed), ("a", now), (true, State::Effective)).await.unwrap();
        let edits = [Edit { was: None, put: Record::PolicySet(set) }];
        changes::write(&mut tx, &stands, (id, &edits), now).await.unwrap();
        tx.commit().await.unwrap();
        gate.directory().refresh(db).await.unwrap();
        digest
    }

    fn own_register(gate: &Gate) -> bool {
        let facts = Facts {
            role: Role::Dsl,
            purpose: Purpose::OwnRecord,
            organisation_kind: OrganisationKind::School,
            organisation_live: true,
            lane: Lane::Person,
            agreement_live: true,
            relationship: Relationship::Enrolment,
            scope: true,
            shielded: false,
            withheld: false,
            in_conflict: false,
        };
        gate.policy().decide(&facts, Action::Read(Section::Headline), false).allowed
    }

    #[tokio::test]
    async fn a_gate_keeps_its_set_and_the_next_one_has_the_set_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display())).await.unwrap();
        store::migrate(&db).await.unwrap();
        let live = LiveDirectory::open(&db).await.unwrap();
        let (journal, _task) = Journal::start(db.clone(), Options::default());
        let built_in = policy_in_force(None).unwrap();
        let first = built_in.digest();
        let gate = Gate::new(db, live, built_in, journal, Clock::machine());
        assert!(!gate.follow_policies().await.unwrap(), "operators have put none in force");

        let begun = gate.with_set_in_force();
        let second = put(&gate, texts("// another", true)).await;
        assert!(gate.follow_policies().await.unwrap() && !gate.follow_policies().await.unwrap());
        let next = gate.with_set_in_force();
        assert_eq!((begun.policy().digest(), next.policy().digest()), (first, second));
        assert!(begun.still_decides().is_err() && next.still_decides().is_ok());
        assert!(own_register(&begun) && own_register(&next), "a request that has begun ends by its own set");
        assert!(gate.open_duty(Duty::Retain).await.is_ok(), "a duty begins by what is in force");

        let third = put(&gate, texts("// a third", false)).await;
        let not_loaded = gate.follow_policies().await.unwrap_err().to_string();
        assert!(not_loaded.contains(&to_hex(&third)) && not_loaded.contains("vendor"), "{not_loaded}");
        assert!(!gate.follow_policies().await.unwrap(), "it is tried once");
        assert!(!gate.policies_hold() && gate.with_set_in_force().still_decides().is_err());
        assert!(!own_register(&gate.with_set_in_force()), "whoever does not ask whether it holds is told no");
        assert_eq!(gate.with_set_in_force().policy().digest(), third);
        assert!(matches!(gate.open_duty(Duty::Retain).await, Err(Refusal::NotInForce)));

        put(&gate, texts("// a fourth", true)).await;
        assert!(gate.follow_policies().await.unwrap());
        assert!(gate.policies_hold() && own_register(&gate.with_set_in_force()));
        assert!(gate.open_duty(Duty::Retain).await.is_ok());
    }

    #[test]
    fn texts_of_another_digest_are_not_taken() {
        let set = PolicySetEntry {
            digest: "0".repeat(64),
            texts: texts("", true),
            replaces: "0".repeat(64),
            cases: None,
        };
        assert!(matches!(policy_in_force(Some(&set)), Err(NotLoaded::Digest(_))));
    }
}
