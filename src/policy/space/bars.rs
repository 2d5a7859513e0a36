//! What bars do in that space: one that stands beats whatever permits, an emergency gives while it lasts, and nobody sets a
//! bar but a person.

use super::{for_all_permitted, load, walk};
use crate::domain::purpose::{Purpose, Role, Section};
use crate::policy::never::{BARS_TOGETHER, under};
use crate::policy::{Action, Facts, Lane, Relationship, Subject};

/// Every combination of bars over all that is permitted: one that applies refuses, whatever permits, and is named.
#[test]
fn a_bar_beats_every_permission() {
    let policy = load();
    let mut asked = 0;
    for (facts, action, listed) in &walk().permitted {
        for bars in 0..BARS_TOGETHER {
            let bar = |place: u8| bars & (1 << place) != 0;
            let barred = under(facts, bars);
            let child = action.subject() == Subject::Child;
            let mut guards: Vec<&str> = [
                (bar(2) && child && facts.purpose != Purpose::OwnRecord, "guard_agreement"),
                (bar(2) && *action == Action::ReadPublishedFigures, "guard_agreement_figures"),
                (bar(5) && child, "guard_conflict"),
                (bar(1), "guard_scope"),
                (bar(3) && child, "guard_shield"),
                (bar(0), "guard_suspended"),
                (bar(4) && child, "guard_withheld"),
            ]
            .into_iter()
            .filter_map(|(applies, guard)| applies.then_some(guard))
            .collect();
            guards.sort_unstable();
            let decision = policy.decide(&barred, *action, *listed);
            assert_eq!(decision.allowed, guards.is_empty(), "{barred:?} {action:?}");
            assert!(!decision.errors);
            if !decision.allowed {
                assert_eq!(decision.determining.to_vec(), guards, "{barred:?} {action:?}");
            }
            asked += 1;
        }
    }
    println!("{asked} barred questions");
}

#[test]
fn help_that_the_family_did_not_agree_to_gives_nothing() {
    let mut tried = 0;
    for (facts, action, listed) in &walk().permitted {
        if let Relationship::Involvement(kind, true) = facts.relationship
            && kind.needs_family_agreement()
        {
            let without = Facts { relationship: Relationship::Involvement(kind, false), ..*facts };
            let decision = walk().policy.decide(&without, *action, *listed);
            assert!(!decision.allowed);
            assert_eq!(decision.determining.to_vec(), ["guard_family_agreement"]);
            tried += 1;
        }
    }
    assert!(tried > 0);
}

/// An emergency's thirty minutes are a bound: past them the same questions are refused, by this guard and no other.
#[test]
fn an_emergency_that_is_over_gives_nothing() {
    let mut tried = 0;
    for (facts, action, listed) in &walk().permitted {
        if facts.relationship == Relationship::Emergency(true) {
            let over = Facts { relationship: Relationship::Emergency(false), ..*facts };
            let decision = walk().policy.decide(&over, *action, *listed);
            assert!(!decision.allowed);
            assert_eq!(decision.determining.to_vec(), ["guard_emergency_over"]);
            tried += 1;
        }
    }
    assert!(tried > 0);
    let four = [Section::Headline, Section::LastSeen, Section::Placement, Section::SchoolContact];
    let four = four.map(Action::Read);
    for_all_permitted(|facts, action, _| {
        action.subject() != Subject::Child
            || facts.purpose != Purpose::Emergency
            || (facts.role == Role::SocialWorker && facts.lane == Lane::Person && four.contains(&action))
    });
}

/// Bars, emergencies and the queue of those who protect are a proved person's with a second factor of their own, and where
/// a manager decides, a manager's; nobody but those who protect a child lowers its flag.
#[test]
fn bars_are_set_by_persons_and_never_by_a_system() {
    use Action::{
        ClaimEmergency, ConfirmShield, CountersignEmergency, LowerProtection, RaiseProtection, SetShield,
        Withhold, WorkProtectingQueue,
    };
    let by_persons = [
        SetShield,
        Withhold,
        RaiseProtection,
        LowerProtection,
        ClaimEmergency,
        CountersignEmergency,
        ConfirmShield,
        WorkProtectingQueue,
    ];
    for_all_permitted(|facts, action, marked| {
        let managed = matches!(action, CountersignEmergency | ConfirmShield)
            || (matches!(action, SetShield | Withhold) && facts.role != Role::Dsl);
        !by_persons.contains(&action)
            || (facts.lane == Lane::Person
                && (marked || !managed)
                && (action != LowerProtection || facts.relationship == Relationship::ProtectingTeam))
    });
}
