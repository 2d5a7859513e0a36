//! The whole space of facts, walked: what is said about every decision holds for every decision.
//!
//! First all roles, purposes, kinds of organisation, lanes and relationships with no bar standing; then every combination
//! of bars over all that was permitted. That is all there is, because no permission reads a bar (which is checked too):
//! what is refused without a bar stays refused with one.

mod bars;

use super::decide::Memo;
use super::load::Policy;
use super::never::BARS;
use super::told::unbarred;
use super::{Action, Decision, Duty, Facts, Lane, Relationship, Subject};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{InvolvementKind, Purpose, Role, Section};
use cedar_policy::Effect;
use std::sync::OnceLock;

/// Facts, action, and whether it is listed.
type Question = (Facts, Action, bool);

struct Walk {
    policy: Policy,
    permitted: Vec<Question>,
}

fn load() -> Policy {
    Policy::embedded(|_| [0; 32]).unwrap()
}

/// Asks Cedar every unbarred question of one role to which some policy can say yes.
fn walk_role(policy: &Policy, role: Role) -> Vec<(Question, Decision)> {
    let actions: Vec<Action> =
        Action::all().filter(|action| policy.slices.can_permit(role, *action)).collect();
    let mut answers = Vec::new();
    for (facts, listed) in unbarred_facts(role) {
        let context = policy.context(&facts, listed).unwrap();
        for action in &actions {
            let fresh = policy.ask(policy.slices.of(role, *action), role, *action, Some(&context));
            assert!(!fresh.errors, "{facts:?} {action:?}");
            answers.push(((facts, *action, listed), fresh));
        }
    }
    answers
}

/// With a proved person nothing need be listed; but an action may take a mark on the person, which is asked in its place.
fn unbarred_facts(role: Role) -> impl Iterator<Item = (Facts, bool)> {
    let lanes = [
        (Lane::Person, false),
        (Lane::Person, true),
        (Lane::AttestedPerson, false),
        (Lane::AttestedPerson, true),
        (Lane::System, false),
        (Lane::System, true),
    ];
    Purpose::ALL.iter().flat_map(move |purpose| {
        OrganisationKind::ALL.iter().flat_map(move |kind| {
            Relationship::all().flat_map(move |relationship| {
                lanes.map(|(lane, listed)| (unbarred(role, *purpose, *kind, lane, relationship), listed))
            })
        })
    })
}

/// Walked once for all tests here, each role on a thread. The memo is given every answer before any is read back: two
/// questions that it took for one would have overwritten each other.
fn walk() -> &'static Walk {
    static WALK: OnceLock<Walk> = OnceLock::new();
    WALK.get_or_init(|| {
        let mut policy = load();
        policy.memo = Memo::up_to(usize::MAX);
        let answers: Vec<(Question, Decision)> = std::thread::scope(|scope| {
            let policy = &policy;
            let threads: Vec<_> =
                Role::ALL.iter().map(|role| scope.spawn(move || walk_role(policy, *role))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        for (question, fresh) in &answers {
            policy.memo.put(*question, fresh);
        }
        assert_eq!(policy.memo.len(), answers.len(), "two questions are one to the memo");
        for ((facts, action, listed), fresh) in &answers {
            assert_eq!(policy.decide(facts, *action, *listed), *fresh, "{facts:?} {action:?}");
        }
        let allowed = answers.iter().filter(|(_, fresh)| fresh.allowed);
        let permitted: Vec<Question> = allowed.map(|(question, _)| *question).collect();
        println!("{} unbarred questions, memo equal to Cedar; {} permitted", answers.len(), permitted.len());
        Walk { policy, permitted }
    })
}

/// Asserts over everything that is permitted anywhere.
fn for_all_permitted(holds: impl Fn(&Facts, Action, bool) -> bool) {
    for (facts, action, listed) in &walk().permitted {
        assert!(holds(facts, *action, *listed), "{facts:?} {action:?} listed: {listed}");
    }
}

fn is_a_read(action: Action) -> bool {
    matches!(action, Action::Read(_))
}

#[test]
fn there_is_something_to_hold() {
    for section in Section::ALL {
        assert!(walk().permitted.iter().any(|(_, action, _)| *action == Action::Read(*section)), "{section}");
    }
    for action in Action::OTHERS {
        assert!(walk().permitted.iter().any(|(_, permitted, _)| *permitted == action), "{action:?}");
    }
}

/// What another set is held to before it is put in force holds of this one.
#[test]
fn what_no_set_may_give_is_not_given() {
    for_all_permitted(|facts, action, listed| {
        super::never::CLAIMS.iter().all(|(_, holds)| holds(facts, action, listed))
    });
}

#[test]
fn nothing_without_a_relationship() {
    for_all_permitted(|facts, action, _| match action.subject() {
        Subject::Child => !matches!(
            facts.relationship,
            Relationship::None | Relationship::Organisation | Relationship::DataMatcher
        ),
        Subject::School | Subject::Organisation => {
            facts.relationship == Relationship::Organisation
                || (action == Action::ReadPublishedFigures
                    && facts.relationship == Relationship::AuthorisedOfficer)
                || (action == Action::MatchClaim && facts.relationship == Relationship::DataMatcher)
        }
    });
}

/// The purpose is fixed by the kind, and the family's agreement is there where the kind rests on it.
#[test]
fn an_involvement_serves_its_own_purpose_only() {
    for_all_permitted(|facts, _, _| match facts.relationship {
        Relationship::Involvement(kind, agreed) => {
            facts.purpose == kind.purpose() && (agreed || !kind.needs_family_agreement())
        }
        Relationship::None
        | Relationship::Enrolment
        | Relationship::PredecessorEnrolment
        | Relationship::DualEnrolment
        | Relationship::AuthorisedOfficer
        | Relationship::ProtectingTeam
        | Relationship::Organisation
        | Relationship::DataMatcher => true,
        Relationship::Emergency(live) => live && facts.purpose == Purpose::Emergency,
    });
}

#[test]
fn child_protection_is_empty_when_the_only_live_kind_is_cin() {
    for_all_permitted(|facts, _, _| {
        facts.purpose != Purpose::ChildProtection
            || !matches!(facts.relationship, Relationship::Involvement(InvolvementKind::Cin, _))
    });
}

#[test]
fn codes_and_enforcement_are_for_the_attendance_duty_and_the_own_record() {
    for_all_permitted(|facts, action, _| {
        !matches!(action, Action::Read(Section::Codes | Section::Enforcement))
            || matches!(facts.purpose, Purpose::AttendanceDuty | Purpose::OwnRecord)
    });
}

#[test]
fn early_help_gets_no_health_suspension_or_sessions() {
    for_all_permitted(|facts, action, _| {
        facts.purpose != Purpose::EarlyHelp
            || !matches!(action, Action::Read(Section::Health | Section::Suspension | Section::Sessions))
    });
}

#[test]
fn a_system_without_a_person_gets_what_is_listed() {
    for_all_permitted(|facts, action, listed| {
        listed
            || facts.lane != Lane::System
            || facts.purpose == Purpose::OwnRecord
            || !(is_a_read(action) || action == Action::FindChildByName)
    });
}

/// A second factor that is only attested gives neither health nor sessions, whoever asks; an emergency gives nothing.
#[test]
fn an_attested_person_gets_neither_health_nor_sessions() {
    for_all_permitted(|facts, action, _| {
        facts.lane != Lane::AttestedPerson
            || !(matches!(action, Action::Read(Section::Health | Section::Sessions))
                || facts.purpose == Purpose::Emergency)
    });
}

/// A school's figures as they are stay with the school; its authority gets what has been published, and the cohort of
/// children with a social worker is the safeguarding lead's.
#[test]
fn figures_as_they_are_stay_with_the_school() {
    for_all_permitted(|facts, action, _| {
        let officer = facts.role == Role::AttendanceOfficerLa && facts.purpose == Purpose::AttendanceDuty;
        (action != Action::ReadSchoolFigures || facts.organisation_kind == OrganisationKind::School)
            && (action != Action::ReadSocialWorkerCohort || facts.role == Role::Dsl)
            && (action != Action::ReadPublishedFigures || officer)
    });
}

/// A school has its own registers; who sends them is not told when they change.
#[test]
fn a_school_follows_nobody() {
    for_all_permitted(|facts, action, _| {
        action != Action::FollowChild || facts.organisation_kind != OrganisationKind::School
    });
}

/// Purposes whose relationships this gateway does not record yet give nothing, and each role stays in its organisations.
#[test]
fn what_is_not_built_yet_gives_nothing() {
    // What an organisation is told itself, suppliers too, is about no child.
    for_all_permitted(|facts, action, _| {
        action == Action::ReadNotifications
            || !matches!(facts.purpose, Purpose::Cme | Purpose::RecordsTransfer | Purpose::SubjectAccess)
                && !matches!(facts.role, Role::CmeOfficer | Role::ReceivingSchool)
                && (facts.role != Role::DesignatedOfficer || action == Action::ReviewNotTold)
                && (facts.organisation_kind != OrganisationKind::Vendor
                    || facts.role == Role::DataProtectionOfficer)
    });
}

/// What a person has to look at goes on by a person; and nobody at a school says which child a claim is about.
#[test]
fn what_was_held_goes_on_by_a_person() {
    for_all_permitted(|facts, action, _| {
        let (person, officer) = (facts.lane != Lane::System, facts.role == Role::DataProtectionOfficer);
        let held = matches!(action, Action::LetGoOn | Action::RecordConflict);
        let matched = action == Action::MatchClaim;
        let by_authority = facts.organisation_kind == OrganisationKind::LocalAuthority;
        (!held || (person && officer))
            && matched == (facts.relationship == Relationship::DataMatcher)
            && (!matched || (person && by_authority))
            && (action != Action::ReviewInvolvements || officer)
            && (action != Action::ReadSchoolInvolvements || facts.role == Role::Dsl)
    });
}

/// Of the other school of a dual registration: the three sections, to schools, for their own record, and no search.
#[test]
fn a_dual_registration_gives_three_sections_to_schools() {
    let three = [Section::Headline, Section::LastSeen, Section::Sessions].map(Action::Read);
    for_all_permitted(|facts, action, _| {
        facts.relationship != Relationship::DualEnrolment
            || (three.contains(&action)
                && facts.organisation_kind == OrganisationKind::School
                && facts.purpose == Purpose::OwnRecord
                && matches!(facts.role, Role::SchoolAttendanceOfficer | Role::Dsl))
    });
}

/// Permissions give and guards take away, so that a bar can never give.
#[test]
fn no_permission_reads_a_bar() {
    for policy in walk().policy.slices.all().policies().filter(|policy| policy.effect() == Effect::Permit) {
        let json = policy.to_json().unwrap().to_string();
        for bar in BARS {
            assert!(!json.contains(&format!("\"attr\":\"{bar}\"")), "{} reads {bar}", policy.id());
        }
        // What the gateway does without a caller rests on no relationship, and reads no fact at all.
        let of_a_duty = policy.id().to_string().starts_with("duty_");
        assert_eq!(json.contains("\"attr\":\"relationship\""), !of_a_duty, "{}", policy.id());
    }
}

/// Each duty has one rule, named as it is, and no other: taking that rule away takes the duty away.
#[test]
fn each_duty_has_a_rule_of_its_own() {
    let policy = load();
    for duty in Duty::ALL {
        let decision = policy.duty(*duty);
        assert!(decision.allowed && !decision.errors, "{duty}");
        assert_eq!(decision.determining.to_vec(), [format!("duty_{duty}")]);
    }
    let rules = policy.slices.all().policies().filter(|rule| rule.id().to_string().starts_with("duty_"));
    assert_eq!(rules.count(), Duty::ALL.len());
}

/// A bound is a bound: past it answers are still right, and no more are kept.
#[test]
fn the_memo_keeps_no_more_than_its_limit() {
    let mut policy = load();
    policy.memo = Memo::up_to(2);
    let facts = unbarred(
        Role::Dsl,
        Purpose::OwnRecord,
        OrganisationKind::School,
        Lane::System,
        Relationship::Enrolment,
    );
    for _ in 0..2 {
        let sections = policy.sections(&facts, crate::domain::purpose::SectionSet::EMPTY);
        assert_eq!(sections.permitted, crate::domain::purpose::SectionSet::all());
        assert_eq!(sections.determining, ["summaries_own_record_dsl"]);
    }
    assert_eq!(policy.memo.len(), 2);
}

/// A refusal may say why only where it is the same for every child.
#[test]
fn ever_allowed_does_not_depend_on_the_child() {
    let policy = load();
    let asks = |role, purpose, kind| {
        let facts = unbarred(role, purpose, kind, Lane::System, Relationship::None);
        let barred = Facts { shielded: true, withheld: true, in_conflict: true, ..facts };
        let answers =
            [facts, barred].map(|facts| policy.ever_allowed(&facts, Action::Read(Section::Headline), true));
        assert_eq!(answers[0], answers[1]);
        answers[0]
    };
    assert!(asks(Role::SocialWorker, Purpose::ChildProtection, OrganisationKind::LocalAuthority));
    assert!(!asks(Role::SocialWorker, Purpose::ChildProtection, OrganisationKind::School));
    assert!(!asks(Role::SocialWorker, Purpose::AttendanceDuty, OrganisationKind::LocalAuthority));
    let suspended = Facts {
        organisation_live: false,
        ..unbarred(
            Role::SocialWorker,
            Purpose::ChildProtection,
            OrganisationKind::LocalAuthority,
            Lane::System,
            Relationship::None,
        )
    };
    assert!(!policy.ever_allowed(&suspended, Action::Read(Section::Headline), true));
}
