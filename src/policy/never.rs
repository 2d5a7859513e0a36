//! What no set of policies may ever give, whatever its rules say: the invariants of disclosure, held against every question
//! that a set could answer with yes.
//!
//! A set that operators put in force is not the one that was proved when the program was built. Only what differs from that
//! one is asked again: where the same policies can apply and words mean the same, the answers are the same.

use super::reach::Reach;
use super::told::unbarred;
use super::{Action, Facts, Lane, Policy, Relationship, Subject};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{InvolvementKind, Purpose, Role, Section};
use cedar_policy::{Effect, Policy as Rule};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;

/// What a set gives that none may give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the set breaks `{claim}`: {example}; correct the policy")]
pub struct Broken {
    /// The claim that does not hold.
    pub claim: &'static str,
    /// One case in which it does not, or the policy that is at fault.
    pub example: String,
}

/// Whether an answer of yes to this question, listed or not, is within the claim.
pub(super) type Holds = fn(&Facts, Action, bool) -> bool;

/// Each claim in words, and of what is allowed what it says.
pub(super) const CLAIMS: [(&str, Holds); 20] = [
    ("nothing for an organisation that is suspended", |f, _, _| f.organisation_live),
    ("nothing for a system that is not registered for it", |f, _, _| f.scope),
    ("nothing about a child without a sharing agreement, but a school's own register", |f, a, _| {
        !of_child(a) || f.agreement_live || f.purpose == Purpose::OwnRecord
    }),
    ("no published figures without a sharing agreement", |f, a, _| {
        a != Action::ReadPublishedFigures || f.agreement_live
    }),
    ("nothing that rests on the family's agreement without it", |f, a, _| {
        !of_child(a) || f.relationship.family_agreement()
    }),
    ("no section without a person that is not listed, but a school's own register", |f, a, listed| {
        let section = matches!(a, Action::Read(_) | Action::FindChildByName);
        !section || listed || f.lane != Lane::System || f.purpose == Purpose::OwnRecord
    }),
    ("nothing about a child that is shielded from the caller", |f, a, _| !of_child(a) || !f.shielded),
    ("nothing about a child that is withheld from the caller", |f, a, _| !of_child(a) || !f.withheld),
    ("nothing about a child with whom the person is in conflict", |f, a, _| !of_child(a) || !f.in_conflict),
    ("nothing about a child without a relationship to it", |f, a, _| !of_child(a) || ties(f.relationship)),
    (
        "a case serves the purpose of its own kind only",
        |f, _, _| !matches!(f.relationship, Relationship::Involvement(kind, _) if kind.purpose() != f.purpose),
    ),
    ("no child protection where the only live kind is a child-in-need plan", |f, _, _| {
        f.purpose != Purpose::ChildProtection
            || !matches!(f.relationship, Relationship::Involvement(InvolvementKind::Cin, _))
    }),
    ("exact codes and enforcement for the attendance duty and the own record only", |f, a, _| {
        !matches!(a, Action::Read(Section::Codes | Section::Enforcement))
            || matches!(f.purpose, Purpose::AttendanceDuty | Purpose::OwnRecord)
    }),
    ("no health, suspension or sessions for early help", |f, a, _| {
        f.purpose != Purpose::EarlyHelp
            || !matches!(a, Action::Read(Section::Health | Section::Suspension | Section::Sessions))
    }),
    ("nothing about a child in an emergency but through the live claim of a proved person", |f, a, _| {
        let emergency = f.purpose == Purpose::Emergency;
        let claim = matches!(f.relationship, Relationship::Emergency(_));
        !of_child(a)
            || (!emergency && !claim)
            || (f.relationship == Relationship::Emergency(true) && f.lane == Lane::Person)
    }),
    ("no bar set or lifted, and no emergency claimed, but by a proved person", |f, a, _| {
        f.lane == Lane::Person || !by_persons(a)
    }),
    ("the flag that protects a child lowered by those who protect it only", |f, a, _| {
        a != Action::LowerProtection || f.relationship == Relationship::ProtectingTeam
    }),
    ("no health and no sessions where the second factor is only attested", |f, a, _| {
        f.lane != Lane::AttestedPerson || !matches!(a, Action::Read(Section::Health | Section::Sessions))
    }),
    ("nothing about a child for a supplier or a trust as themselves", |f, a, _| {
        !of_child(a) || !matches!(f.organisation_kind, OrganisationKind::Vendor | OrganisationKind::Trust)
    }),
    ("no ambiguous claim and nothing held to a system, nor to anybody at a school", |f, a, _| {
        !matches!(a, Action::MatchClaim | Action::LetGoOn | Action::RecordConflict)
            || (f.lane != Lane::System && f.organisation_kind != OrganisationKind::School)
    }),
];

/// Claims that need no question asked, or are about every answer.
const READS_A_BAR: &str = "permissions give and guards take away: no permission reads what bars";
const GUARDS_STAND: &str = "what forbids by a bar stands as it was proved";
const GOES_WRONG: &str = "no rule can go wrong";

/// What a permission may not read: a bar could give otherwise.
pub(super) const BARS: [&str; 8] = [
    "organisation_live",
    "agreement_live",
    "scope",
    "shielded",
    "withheld",
    "in_conflict",
    "family_agreement",
    "emergency_live",
];

const fn of_child(action: Action) -> bool {
    matches!(action.subject(), Subject::Child)
}

const fn ties(relationship: Relationship) -> bool {
    !matches!(relationship, Relationship::None | Relationship::Organisation | Relationship::DataMatcher)
}

const fn by_persons(action: Action) -> bool {
    matches!(
        action,
        Action::SetShield
            | Action::Withhold
            | Action::RaiseProtection
            | Action::LowerProtection
            | Action::ClaimEmergency
            | Action::CountersignEmergency
            | Action::ConfirmShield
            | Action::WorkProtectingQueue
    )
}

/// The first permission that reads what bars, and which bar it reads.
pub(super) fn reads_a_bar(policy: &Policy) -> Option<String> {
    let permissions = policy.slices.all().policies().filter(|rule| rule.effect() == Effect::Permit);
    permissions.into_iter().find_map(|rule| bar_of(rule).map(|bar| format!("`{}` reads {bar}", rule.id())))
}

/// The prohibitions that read what bars, by their ids and in their words: as they stand they were proved to take away and
/// nothing else, and a question that they do not bar need not be asked under a bar.
pub(super) fn guards(policy: &Policy) -> BTreeMap<String, String> {
    let rules = policy.slices.all().policies().filter(|rule| rule.effect() == Effect::Forbid);
    let guards = rules.filter(|rule| bar_of(rule).is_some());
    guards.map(|rule| (rule.id().to_string(), rule.to_string())).collect()
}

/// What bars in a rule: the name of what it reads of it, or `context` where it reads all of it at once.
fn bar_of(rule: &Rule) -> Option<&'static str> {
    fn of(value: &Value) -> Option<&'static str> {
        match value {
            Value::Object(members) => {
                if members.get("Var").and_then(Value::as_str) == Some("context") {
                    return Some("context");
                }
                let left = members.get("left").and_then(|left| left.get("Var")).and_then(Value::as_str);
                match (left, members.get("attr").and_then(Value::as_str)) {
                    (Some("context"), Some(attr)) => BARS.into_iter().find(|bar| *bar == attr),
                    _ => members.values().find_map(of),
                }
            }
            Value::Array(values) => values.iter().find_map(of),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
    rule.to_json().map_or(Some("what cannot be written out"), |json| of(&json))
}

/// Holds a set to every claim, where `proved` is one that was. The first claim that does not hold is told.
pub fn never_broken(policy: &Policy, proved: &Policy) -> Result<(), Broken> {
    if let Some(example) = reads_a_bar(policy) {
        return Err(Broken { claim: READS_A_BAR, example });
    }
    let (ours, theirs) = (guards(proved), guards(policy));
    if let Some(changed) = ours.keys().chain(theirs.keys()).find(|id| ours.get(*id) != theirs.get(*id)) {
        let example = format!("`{changed}` is not as it was proved; guards change with the program");
        return Err(Broken { claim: GUARDS_STAND, example });
    }
    let found = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let of = |role: &'static Role| scope.spawn(move || walk(policy, proved, *role, found));
        let threads: Vec<_> = Role::ALL.iter().map(of).collect();
        let mut ended = threads.into_iter().map(ScopedJoinHandle::join);
        ended.try_for_each(|role| role.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Every question of one role to which the set may say otherwise than the one that was proved, until anything is found.
fn walk(policy: &Policy, proved: &Policy, role: Role, found: &AtomicBool) -> Result<(), Broken> {
    let words = policy.schema_text != proved.schema_text;
    let differs = |action| words || policy.slices.texts(role, action) != proved.slices.texts(role, action);
    let actions: Vec<Action> =
        Action::all().filter(|action| policy.slices.can_permit(role, *action) && differs(*action)).collect();
    if actions.is_empty() {
        return Ok(());
    }
    let reach = Reach::between(proved, policy, role, &actions);
    for purpose in Purpose::ALL {
        for kind in OrganisationKind::ALL.iter().filter(|kind| reach.covers(*purpose, **kind)) {
            for relationship in Relationship::all() {
                if found.load(Ordering::Relaxed) {
                    return Ok(());
                }
                for lane in Lane::ALL {
                    let facts = unbarred(role, *purpose, *kind, *lane, relationship);
                    for listed in [false, true] {
                        let held = held(policy, &facts, &actions, listed);
                        held.inspect_err(|_| found.store(true, Ordering::Relaxed))?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Every combination of the six bars that may stand in the way of anybody, each a bit.
pub(super) const BARS_TOGETHER: u8 = 64;

/// Facts under a combination of them: the organisation suspended, its system not registered, no sharing agreement, shielded,
/// withheld, in conflict.
pub(super) const fn under(facts: &Facts, bars: u8) -> Facts {
    Facts {
        organisation_live: bars & 1 == 0,
        scope: bars & 2 == 0,
        agreement_live: bars & 4 == 0,
        shielded: bars & 8 != 0,
        withheld: bars & 16 != 0,
        in_conflict: bars & 32 != 0,
        ..*facts
    }
}

/// What is allowed with no bar is asked under every combination of them: what is refused without one stays refused with one,
/// since no permission reads any and the guards, which do, are those that were proved.
fn held(policy: &Policy, facts: &Facts, actions: &[Action], listed: bool) -> Result<(), Broken> {
    let mut left = actions.to_vec();
    for bars in 0..BARS_TOGETHER {
        if left.is_empty() {
            return Ok(());
        }
        let barred = under(facts, bars);
        let context = policy.context(&barred, listed).ok();
        let mut allowed = Vec::new();
        for action in &left {
            let set = policy.slices.of(facts.role, *action);
            let decision = policy.ask(set, facts.role, *action, context.as_ref());
            let broken = |claim| Broken { claim, example: told(&barred, *action, listed) };
            if decision.errors {
                return Err(broken(GOES_WRONG));
            }
            if decision.allowed {
                allowed.push(*action);
                let breaks = CLAIMS.iter().find(|(_, holds)| !holds(&barred, *action, listed));
                breaks.map_or(Ok(()), |(claim, _)| Err(broken(claim)))?;
            }
        }
        if bars == 0 {
            left = allowed;
        }
    }
    Ok(())
}

fn told(facts: &Facts, action: Action, listed: bool) -> String {
    let bars = [
        (!facts.organisation_live, "suspended"),
        (!facts.scope, "not registered"),
        (!facts.agreement_live, "no agreement"),
        (facts.shielded, "shielded"),
        (facts.withheld, "withheld"),
        (facts.in_conflict, "in conflict"),
        (listed, "listed"),
    ];
    let stand: Vec<&str> = bars.iter().filter(|(stands, _)| *stands).map(|(_, word)| *word).collect();
    let stand = if stand.is_empty() { String::new() } else { format!(", {}", stand.join(", ")) };
    let Facts { role, purpose, organisation_kind, lane, relationship, .. } = facts;
    let through = relationship.as_str();
    format!(
        "{role} at {organisation_kind} for {purpose} by {lane} through {through}{stand} may {}",
        action.as_str()
    )
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;

    fn embedded() -> Policy {
        Policy::embedded(|_| [0; 32]).unwrap()
    }

    fn with(text: &str) -> Policy {
        Policy::load(&Sources::embedded().with_file("zz.cedar", text), |_| [0; 32]).unwrap()
    }

    /// A permission of one action to one role at one kind of organisation, for a purpose.
    fn permit(role: &str, action: &str, kind: &str, when: &str) -> Policy {
        with(&format!(
            "@id(\"x\") permit (principal == Role::\"{role}\", action == Action::\"{action}\", resource is Child) when {{ \
             context.organisation_kind == OrganisationKind::\"{kind}\" && {when} }};"
        ))
    }

    #[test]
    fn what_stays_within_the_claims_is_let_through() {
        let through = "context.purpose == Purpose::\"school_health\" && \
                       context.relationship == Relationship::\"school_nursing\"";
        let wider = permit("school_nurse", "read_trend", "health_provider", through);
        assert_eq!(never_broken(&wider, &embedded()), Ok(()));
        let narrower = with(
            "@id(\"x\") forbid (principal == Role::\"dsl\", action == Action::\"read_codes\", resource is Child);",
        );
        assert_eq!(never_broken(&narrower, &embedded()), Ok(()));
    }

    #[test]
    fn each_of_these_is_named() {
        let for_purpose = |purpose: &str, through: &str| {
            format!(
                "context.purpose == Purpose::\"{purpose}\" && context.relationship == Relationship::\"{through}\""
            )
        };
        let early = for_purpose("early_help", "early_help");
        for (set, says) in [
            (permit("early_help_worker", "read_health", "local_authority", &early), "for early help"),
            (permit("early_help_worker", "read_codes", "local_authority", &early), "exact codes"),
            (
                permit(
                    "social_worker",
                    "read_headline",
                    "local_authority",
                    &for_purpose("screening", "none"),
                ),
                "without a relationship",
            ),
            (
                permit(
                    "social_worker",
                    "read_trend",
                    "local_authority",
                    &for_purpose("child_protection", "cin"),
                ),
                "the purpose of its own kind",
            ),
            (
                permit(
                    "social_worker",
                    "read_trend",
                    "local_authority",
                    &for_purpose("screening", "emergency"),
                ),
                "in an emergency",
            ),
            (
                permit("dsl", "read_trend", "vendor", &for_purpose("own_record", "enrolment")),
                "for a supplier",
            ),
            (
                permit(
                    "school_nurse",
                    "read_trend",
                    "health_provider",
                    &format!("{} && !context.shielded", for_purpose("school_health", "school_nursing")),
                ),
                "no permission reads what bars",
            ),
            (
                permit(
                    "school_nurse",
                    "read_trend",
                    "health_provider",
                    &format!(
                        "{} && 9223372036854775807 + 1 > 0",
                        for_purpose("school_health", "school_nursing")
                    ),
                ),
                "no rule can go wrong",
            ),
        ] {
            let broken = never_broken(&set, &embedded()).unwrap_err();
            assert!(broken.claim.contains(says), "{says}: {broken}");
        }
    }

    /// Guards stand word for word: one that is weakened, gone or new is named, whatever the questions would show.
    #[test]
    fn a_guard_that_is_not_as_it_was_proved_is_named() {
        let with = |changes: &[(&str, &str)], more: &str| {
            let sources = Sources::embedded();
            let (schema, bases, files) = sources.texts();
            let mut files = files.to_vec();
            let (_, guards) = files.iter_mut().find(|(name, _)| name == "guards.cedar").unwrap();
            for (from, to) in changes {
                assert!(guards.contains(from), "`{from}` no longer stands there");
                *guards = guards.replacen(from, to, 1);
            }
            guards.push_str(more);
            let changed = Sources::new(schema.to_owned(), bases.to_owned(), files);
            never_broken(&Policy::load(&changed, |_| [0; 32]).unwrap(), &embedded()).unwrap_err()
        };
        // Refused where there is an agreement and let through where there is none: no question without a bar shows it.
        let turned = "@id(\"x\") forbid (principal, action in Action::\"about_child\", resource is Child) when { context.agreement_live };";
        for (changes, more, which) in [
            (vec![("{ context.shielded }", "{ context.shielded && context.withheld }")], "", "guard_shield"),
            (
                vec![("{ context.withheld }", "{ context.withheld && !context.shielded }")],
                "",
                "guard_withheld",
            ),
            (Vec::new(), turned, "`x`"),
        ] {
            let broken = with(&changes, more);
            assert_eq!(broken.claim, GUARDS_STAND, "{broken}");
            assert!(broken.example.contains(which), "{broken}");
        }
    }
}
