//! Asks the policies one question at a time, and remembers the answers.
//!
//! A question that Cedar cannot evaluate without an error is answered with no, whatever it says besides: Cedar leaves out a
//! policy that errs, so a bar that errs would turn into a permission.

use super::facts::{Action, Duty, Facts, Lane, Relationship, Subject};
use super::load::{Policy, PolicyError};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{Purpose, Role, Section, SectionSet};
use cedar_policy::{
    Authorizer, Context, Decision as Answer, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// At most so many answers are remembered, about 8 MB; further ones are worked out each time.
///
/// The space is finite: 14 roles × 15 purposes × 6 kinds of organisation × 3 lanes × 25 relationships × 2⁶ bars × 41 actions
/// × listed or not, about 496 million. A deployment meets some thousands of these: a token carries one role and purpose of
/// those that its system may have, and few facts are ever unusual. The limit is for a caller who tries them all.
pub(super) const MEMO_LIMIT: usize = 65_536;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// The ids of the policies that decided, sorted: those that permit, or those that forbid; none when nothing permits.
    pub determining: Arc<[String]>,
    /// Something went wrong in evaluating; the answer is no, and somebody should be told.
    pub errors: bool,
}

/// The answers for a whole summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sections {
    /// What may be read.
    pub permitted: SectionSet,
    /// The ids of the policies that decided any section, sorted, each once.
    pub determining: Vec<String>,
    /// Something went wrong in evaluating at least one; that section is not permitted.
    pub errors: bool,
}

/// Answers already worked out. A set of policies never changes once loaded, and each has its own memo.
#[derive(Debug)]
pub(super) struct Memo {
    answers: RwLock<HashMap<(Facts, Action, bool), Decision>>,
    limit: usize,
}

impl Memo {
    /// Holds at most `limit` answers.
    pub(super) fn up_to(limit: usize) -> Self {
        Self { answers: RwLock::default(), limit }
    }

    /// How many are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.answers.read().unwrap().len()
    }

    fn get(&self, key: &(Facts, Action, bool)) -> Option<Decision> {
        self.answers.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Remembers an answer, if there is room.
    pub(super) fn put(&self, key: (Facts, Action, bool), decision: &Decision) {
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < self.limit {
            answers.insert(key, decision.clone());
        }
    }
}

/// Who is told when a rule could not be worked out.
#[derive(Default)]
pub(super) struct Alarm {
    raise: OnceLock<Box<dyn Fn() + Send + Sync>>,
    logged: OnceLock<()>,
}

impl std::fmt::Debug for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Alarm")
    }
}

impl Alarm {
    /// Counts each answer that is no for an error, and writes the first into the log: there is one cause, and many askers.
    fn met(&self, decision: &Decision) {
        if !decision.errors {
            return;
        }
        if self.logged.set(()).is_ok() {
            tracing::error!(
                "a policy cannot be evaluated; what it would decide is refused until it is mended"
            );
        }
        if let Some(raise) = self.raise.get() {
            raise();
        }
    }
}

impl Policy {
    /// Has every answer counted that is no because a rule could not be worked out; the first caller counts them.
    pub fn alarm_by(&self, raise: impl Fn() + Send + Sync + 'static) {
        if self.alarm.raise.set(Box::new(raise)).is_err() {
            tracing::warn!("the alarm of the policies is connected already");
        }
    }

    /// Whether `action` may be done. `listed` is whether the system is given this section, or this search, without a
    /// person: by its registration and, where the sharing agreement must list it, by the agreement.
    pub fn decide(&self, facts: &Facts, action: Action, listed: bool) -> Decision {
        let key = (*facts, action, listed);
        let decision = self.memo.get(&key).unwrap_or_else(|| {
            let context = self.context(facts, listed);
            let decision =
                self.ask(self.slices.of(facts.role, action), facts.role, action, context.as_ref().ok());
            self.memo.put(key, &decision);
            decision
        });
        self.alarm.met(&decision);
        decision
    }

    /// Which sections of a summary may be read: one question for each. `listed` holds those given without a person.
    pub fn sections(&self, facts: &Facts, listed: SectionSet) -> Sections {
        let mut permitted = SectionSet::EMPTY;
        let mut determining = BTreeSet::new();
        let mut errors = false;
        for section in Section::ALL {
            let decision = self.decide(facts, Action::Read(*section), listed.has(*section));
            if decision.allowed {
                permitted = permitted.with(*section);
            }
            errors |= decision.errors;
            determining.extend(decision.determining.iter().cloned());
        }
        Sections { permitted, determining: determining.into_iter().collect(), errors }
    }

    /// Whether there is any relationship, to any child, in which `action` would be allowed: where not, the refusal is the
    /// same for every child and may say so.
    pub fn ever_allowed(&self, facts: &Facts, action: Action, listed: bool) -> bool {
        Relationship::all().any(|relationship| {
            let facts =
                Facts { relationship, shielded: false, withheld: false, in_conflict: false, ..*facts };
            self.decide(&facts, action, listed).allowed
        })
    }

    /// Asks these policies one question; without facts, which cannot be, the answer is no.
    pub(super) fn ask(
        &self,
        policies: &PolicySet,
        role: Role,
        action: Action,
        context: Option<&Context>,
    ) -> Decision {
        let Some(Ok(request)) = context.map(|context| self.request(role, action, context)) else {
            return Decision { allowed: false, determining: Arc::default(), errors: true };
        };
        self.answer(&request, policies)
    }

    /// Whether the gateway may do a duty. Asked once a batch, so nothing is remembered.
    pub fn duty(&self, duty: Duty) -> Decision {
        let decision = match self.duty_request(duty) {
            Ok(request) => self.answer(&request, self.slices.all()),
            Err(_) => Decision { allowed: false, determining: Arc::default(), errors: true },
        };
        self.alarm.met(&decision);
        decision
    }

    fn answer(&self, request: &Request, policies: &PolicySet) -> Decision {
        if self.shut {
            return Decision { allowed: false, determining: Arc::default(), errors: true };
        }
        let response = Authorizer::new().is_authorized(request, policies, &self.entities);
        let errors = response.diagnostics().errors().next().is_some();
        let mut determining: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        determining.sort();
        Decision {
            allowed: response.decision() == Answer::Allow && !errors,
            determining: determining.into(),
            errors,
        }
    }

    /// Asks the schema about each word of the code's vocabulary, so that no request can fail for want of one later.
    pub(super) fn check_vocabulary(&self) -> Result<(), PolicyError> {
        let base = Facts {
            role: Role::Dsl,
            purpose: Purpose::OwnRecord,
            organisation_kind: OrganisationKind::School,
            organisation_live: true,
            lane: Lane::System,
            agreement_live: true,
            relationship: Relationship::None,
            scope: true,
            shielded: false,
            withheld: false,
            in_conflict: false,
        };
        let roles = Role::ALL.iter().map(|role| Facts { role: *role, ..base });
        let purposes = Purpose::ALL.iter().map(|purpose| Facts { purpose: *purpose, ..base });
        let kinds = OrganisationKind::ALL.iter().map(|kind| Facts { organisation_kind: *kind, ..base });
        let relationships = Relationship::all().map(|relationship| Facts { relationship, ..base });
        let lanes = Lane::ALL.iter().map(|lane| Facts { lane: *lane, ..base });
        let facts: Vec<Facts> =
            roles.chain(purposes).chain(kinds).chain(relationships).chain(lanes).collect();
        Duty::ALL.iter().try_for_each(|duty| self.duty_request(*duty).map(drop))?;
        facts.iter().try_for_each(|facts| {
            let context = self.context(facts, false)?;
            Action::all().try_for_each(|action| self.request(facts.role, action, &context).map(drop))
        })
    }

    /// The facts as Cedar takes them.
    pub(super) fn context(&self, facts: &Facts, listed: bool) -> Result<Context, PolicyError> {
        let types = &self.types;
        Context::from_pairs([
            ("purpose".to_owned(), word(&types.purpose, facts.purpose.as_str())),
            (
                "organisation_kind".to_owned(),
                word(&types.organisation_kind, facts.organisation_kind.as_str()),
            ),
            ("relationship".to_owned(), word(&types.relationship, facts.relationship.as_str())),
            ("lane".to_owned(), word(&types.lane, facts.lane.as_str())),
            ("listed".to_owned(), RestrictedExpression::new_bool(listed)),
            (
                "family_agreement".to_owned(),
                RestrictedExpression::new_bool(facts.relationship.family_agreement()),
            ),
            (
                "emergency_live".to_owned(),
                RestrictedExpression::new_bool(facts.relationship.emergency_live()),
            ),
            ("scope".to_owned(), RestrictedExpression::new_bool(facts.scope)),
            ("organisation_live".to_owned(), RestrictedExpression::new_bool(facts.organisation_live)),
            ("agreement_live".to_owned(), RestrictedExpression::new_bool(facts.agreement_live)),
            ("shielded".to_owned(), RestrictedExpression::new_bool(facts.shielded)),
            ("withheld".to_owned(), RestrictedExpression::new_bool(facts.withheld)),
            ("in_conflict".to_owned(), RestrictedExpression::new_bool(facts.in_conflict)),
        ])
        .map_err(|e| PolicyError::Vocabulary(e.to_string()))
    }

    /// The question as Cedar takes it, checked against the schema.
    fn request(&self, role: Role, action: Action, context: &Context) -> Result<Request, PolicyError> {
        let (role, subject) = (self.types.role(role), self.types.subject(action.subject()));
        Request::new(role, self.types.action(action), subject, context.clone(), Some(&self.schema))
            .map_err(|e| PolicyError::Vocabulary(e.to_string()))
    }

    fn duty_request(&self, duty: Duty) -> Result<Request, PolicyError> {
        let types = &self.types;
        let (gateway, holdings) = (uid(&types.gateway, "this"), uid(&types.holdings, "all"));
        let action = uid(&types.action, duty.as_str());
        Request::new(gateway, action, holdings, Context::empty(), Some(&self.schema))
            .map_err(|e| PolicyError::Vocabulary(e.to_string()))
    }
}

/// The names of the schema's entity types, read once.
#[derive(Debug)]
pub(super) struct Types {
    role: EntityTypeName,
    action: EntityTypeName,
    purpose: EntityTypeName,
    organisation_kind: EntityTypeName,
    relationship: EntityTypeName,
    lane: EntityTypeName,
    child: EntityTypeName,
    school: EntityTypeName,
    organisation: EntityTypeName,
    gateway: EntityTypeName,
    holdings: EntityTypeName,
}

impl Types {
    /// Reads them; they are words of this file, so that only a mistake in it can fail.
    pub(super) fn read() -> Result<Self, PolicyError> {
        let name =
            |text: &str| EntityTypeName::from_str(text).map_err(|e| PolicyError::Schema(e.to_string()));
        Ok(Self {
            role: name("Role")?,
            action: name("Action")?,
            purpose: name("Purpose")?,
            organisation_kind: name("OrganisationKind")?,
            relationship: name("Relationship")?,
            lane: name("Lane")?,
            child: name("Child")?,
            school: name("School")?,
            organisation: name("Organisation")?,
            gateway: name("Gateway")?,
            holdings: name("Holdings")?,
        })
    }

    /// A role as the principal that it is.
    pub(super) fn role(&self, role: Role) -> EntityUid {
        uid(&self.role, role.as_str())
    }

    /// An action as the schema names it.
    pub(super) fn action(&self, action: Action) -> EntityUid {
        uid(&self.action, action.as_str())
    }

    /// The one entity of the type that is asked about.
    fn subject(&self, subject: Subject) -> EntityUid {
        let name = match subject {
            Subject::Child => &self.child,
            Subject::School => &self.school,
            Subject::Organisation => &self.organisation,
        };
        uid(name, subject.word())
    }
}

fn uid(name: &EntityTypeName, word: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(word))
}

fn word(name: &EntityTypeName, word: &str) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid(name, word))
}

#[cfg(test)]
mod tests {
    use super::super::load::Sources;
    use super::super::told::unbarred;
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// The embedded rules with one more that fits the schema and errs wherever it is looked at: a sum that overflows.
    fn erring(effect: &str) -> Policy {
        let rule = format!(
            "@id(\"errs\") {effect} (principal == Role::\"school_attendance_officer\", action, resource) \
             when {{ context.listed && 9223372036854775807 + 1 > 0 }};"
        );
        let sources = Sources::embedded().with_file("zz.cedar", &rule);
        Policy::load(&sources, |_| [0; 32]).unwrap()
    }

    fn own_record(role: Role) -> Facts {
        let relationship = Relationship::Enrolment;
        unbarred(role, Purpose::OwnRecord, OrganisationKind::School, Lane::System, relationship)
    }

    #[test]
    fn a_rule_that_errs_is_a_refusal_and_is_told_each_time() {
        for effect in ["permit", "forbid"] {
            let policy = erring(effect);
            let told = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&told);
            policy.alarm_by(move || {
                count.fetch_add(1, Ordering::Relaxed);
            });
            let facts = own_record(Role::SchoolAttendanceOfficer);
            let action = Action::Read(Section::Headline);
            // Not looked at so far that it errs: as without it.
            let sound = policy.decide(&facts, action, false);
            assert_eq!((sound.allowed, sound.errors), (true, false), "{effect}");
            assert_eq!(told.load(Ordering::Relaxed), 0);
            for asked in 1..=3 {
                let decision = policy.decide(&facts, action, true);
                assert_eq!((decision.allowed, decision.errors), (false, true), "{effect}");
                assert_eq!(told.load(Ordering::Relaxed), asked, "the remembered answer too");
            }
            let sections = policy.sections(&facts, SectionSet::all());
            assert_eq!((sections.permitted, sections.errors), (SectionSet::EMPTY, true));
            assert!(policy.alarm.logged.get().is_some(), "and written into the log");
            // Whom the rule is not about has nothing to do with it.
            let dsl = policy.decide(&own_record(Role::Dsl), action, true);
            assert_eq!((dsl.allowed, dsl.errors), (true, false), "{effect}");
        }
    }
}
