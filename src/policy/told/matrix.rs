//! The published table: who may see what, worked out by asking the policies about every case there is.
//!
//! It is never written by hand, so it cannot differ from what the gateway does; a change of the rules shows as a change
//! of this text.

use super::super::{Action, Duty, Facts, Lane, Policy, Relationship};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{Purpose, Role, Section, SectionSet};
use std::fmt::Write as _;

/// The sections that a system is given without a proved person, unless its registration says otherwise.
pub const DEFAULT_WITHOUT_PERSON: SectionSet = SectionSet::EMPTY
    .with(Section::Headline)
    .with(Section::Trend)
    .with(Section::Split)
    .with(Section::LastSeen)
    .with(Section::SchoolContact);

/// Purposes whose relationships the gateway does not record yet; printed so only while nothing is given for them.
const NOT_YET: [Purpose; 3] = [Purpose::Cme, Purpose::RecordsTransfer, Purpose::SubjectAccess];

const HEAD: &str = "\
Who may see which section of a child's attendance and punctuality summary.

Read a line as: for this purpose, this role, in this kind of organisation, while this relationship to the child is live,
may see the sections marked ● and none of those marked –. Whoever has no line sees nothing. A line holds only while the
organisation is not suspended, its system is registered for the exchange, a sharing agreement is live (a school needs
none for its own register), and no shield or decision to withhold stands against it.
";

const WITH_PERSON: &str = "\n\n1. With a proved person

Whose identity provider only attests that they sign in with a second factor: the same without health and sessions, and
nothing in an emergency.

";
const WITHOUT_PERSON: &str = "\n\n2. Without a proved person, by default\n\n";
const OTHERS: &str = "\n\n3. Everything else that may be done

A marked person is one on whom the directory has the mark that the action takes, a manager's.

";
const DUTIES: &str =
    "\n\n4. What the gateway does of its own accord, without a section of anybody's summary\n\n";

/// The whole matrix as plain text: sections with a proved person, sections without one, and the other actions.
pub fn matrix(policy: &Policy) -> String {
    let mut text = HEAD.to_owned();
    text.push_str(WITH_PERSON);
    section_table(policy, Lane::Person, SectionSet::EMPTY, &mut text);
    text.push_str(WITHOUT_PERSON);
    section_table(policy, Lane::System, DEFAULT_WITHOUT_PERSON, &mut text);
    text.push_str(OTHERS);
    other_actions(policy, &mut text);
    text.push_str(DUTIES);
    for duty in Duty::ALL {
        let decision = policy.duty(*duty);
        let by = decision.determining.join(", ");
        let may = if decision.allowed { format!("yes, by {by}") } else { "no".to_owned() };
        let _ = writeln!(text, "{duty}: {may}");
    }
    text
}

/// Facts with no bar standing: what remains is role, purpose, organisation, lane and relationship.
pub(in super::super) fn unbarred(
    role: Role,
    purpose: Purpose,
    organisation_kind: OrganisationKind,
    lane: Lane,
    relationship: Relationship,
) -> Facts {
    Facts {
        role,
        purpose,
        organisation_kind,
        organisation_live: true,
        lane,
        agreement_live: true,
        relationship,
        scope: true,
        shielded: false,
        withheld: false,
        in_conflict: false,
    }
}

/// Purpose by purpose, one line for each role and what it sees; a purpose that gives no section says so.
fn section_table(policy: &Policy, lane: Lane, listed: SectionSet, text: &mut String) {
    let columns: Vec<&str> = Section::ALL.iter().map(|section| section.as_str()).collect();
    let _ = writeln!(text, "    {}", columns.join(" "));
    for purpose in Purpose::ALL {
        let _ = writeln!(text, "\n{purpose}");
        let mut nothing = true;
        for role in Role::ALL {
            let seen = grouped(|kind, relationship| {
                let facts = unbarred(*role, *purpose, kind, lane, relationship);
                let sections = Section::ALL.iter().copied();
                let listed = |section: &Section| listed.has(*section);
                let given = allowed(policy, &facts, true, sections.clone().filter(listed).map(Action::Read))
                    .chain(allowed(policy, &facts, false, sections.filter(|s| !listed(s)).map(Action::Read)));
                Some(given.filter_map(section_of).collect())
                    .filter(|sections: &SectionSet| !sections.is_empty())
            });
            for (who, sections) in seen {
                nothing = false;
                let _ = writeln!(text, "  {role}, {who}\n    {}", cells(sections));
            }
        }
        if nothing {
            let why = if NOT_YET.contains(purpose) {
                "not yet: the relationship that it rests on is not recorded here"
            } else {
                "no section is given for it"
            };
            let _ = writeln!(text, "  nobody: {why}");
        }
    }
}

/// Those of the actions that are allowed, asked past the memo: this walk would fill it with what never happens.
pub(super) fn allowed(
    policy: &Policy,
    facts: &Facts,
    listed: bool,
    actions: impl IntoIterator<Item = Action>,
) -> impl Iterator<Item = Action> {
    let mut context = None;
    actions.into_iter().filter(move |action| {
        policy.slices.can_permit(facts.role, *action) && {
            let context = context.get_or_insert_with(|| policy.context(facts, listed).ok());
            policy.ask(policy.slices.of(facts.role, *action), facts.role, *action, context.as_ref()).allowed
        }
    })
}

const fn section_of(action: Action) -> Option<Section> {
    match action {
        Action::Read(section) => Some(section),
        Action::FindChild
        | Action::FindChildByName
        | Action::FollowChild
        | Action::SetShield
        | Action::Withhold
        | Action::RaiseProtection
        | Action::LowerProtection
        | Action::ReadSchoolFigures
        | Action::ReadSocialWorkerCohort
        | Action::ReadPublishedFigures
        | Action::SendCalendar
        | Action::SendRoll
        | Action::SendMarks
        | Action::ReadImport
        | Action::WriteInvolvement
        | Action::ReadInvolvementReport
        | Action::ClaimEmergency
        | Action::CountersignEmergency
        | Action::ConfirmShield
        | Action::WorkProtectingQueue
        | Action::ReadAuditEntries
        | Action::ReadNotifications
        | Action::ReadSchoolInvolvements
        | Action::ReviewInvolvements
        | Action::ReviewNotTold
        | Action::LetGoOn
        | Action::RecordConflict
        | Action::MatchClaim => None,
    }
}

/// One cell for each section, under the middle of its name.
fn cells(sections: SectionSet) -> String {
    let cells = Section::ALL.iter().map(|section| {
        let mark = if sections.has(*section) { '●' } else { '–' };
        format!("{mark:^width$}", width = section.as_str().len())
    });
    cells.collect::<Vec<_>>().join(" ").trim_end().to_owned()
}

/// Action by action, who may do it; searches are shown with a proved person.
fn other_actions(policy: &Policy, text: &mut String) {
    for action in Action::OTHERS {
        let _ = writeln!(text, "{}", action.as_str());
        for purpose in Purpose::ALL {
            for role in Role::ALL {
                let allowed = grouped(|kind, relationship| {
                    let by = |lane, marked| {
                        let facts = unbarred(*role, *purpose, kind, lane, relationship);
                        allowed(policy, &facts, marked, [action]).next().is_some()
                    };
                    match (by(Lane::Person, false), by(Lane::System, false)) {
                        (true, true) => Some("a person or a system"),
                        (true, false) if by(Lane::AttestedPerson, false) => Some("a person only"),
                        (true, false) => Some("a person with a second factor only"),
                        (false, true) => Some("a system only"),
                        (false, false) if by(Lane::Person, true) => {
                            Some("a marked person with a second factor only")
                        }
                        (false, false) => None,
                    }
                });
                for (who, by) in allowed {
                    let _ = writeln!(text, "  {purpose}: {role}, {who}; {by}");
                }
            }
        }
        text.push('\n');
    }
    // One line end closes the text.
    text.truncate(text.trim_end().len());
    text.push('\n');
}

/// Asks about every kind of organisation and relationship, and joins those with the same answer:
/// `local_authority, through cin or assessment` and the answer. Cases without an answer are left out.
fn grouped<T: PartialEq + Copy>(
    answer: impl Fn(OrganisationKind, Relationship) -> Option<T>,
) -> Vec<(String, T)> {
    let mut lines: Vec<(Vec<&str>, Vec<String>, T)> = Vec::new();
    for relationship in Relationship::all() {
        let mut kinds_by_answer: Vec<(T, Vec<&str>)> = Vec::new();
        for kind in OrganisationKind::ALL {
            let Some(given) = answer(*kind, relationship) else { continue };
            match kinds_by_answer.iter_mut().find(|(known, _)| *known == given) {
                Some((_, kinds)) => kinds.push(kind.as_str()),
                None => kinds_by_answer.push((given, vec![kind.as_str()])),
            }
        }
        for (given, kinds) in kinds_by_answer {
            match lines.iter_mut().find(|(known, _, same)| *known == kinds && *same == given) {
                Some((_, relationships, _)) => relationships.push(label(relationship)),
                None => lines.push((kinds, vec![label(relationship)], given)),
            }
        }
    }
    let name = |kinds: &[&str], through: &[String]| {
        format!("{}, through {}", kinds.join(" or "), through.join(" or "))
    };
    lines.into_iter().map(|(kinds, through, given)| (name(&kinds, &through), given)).collect()
}

/// The relationship's word, and where it rests on the family's agreement, whether that is there.
pub(super) fn label(relationship: Relationship) -> String {
    match relationship {
        Relationship::Involvement(kind, agreed) if kind.needs_family_agreement() => {
            let with = if agreed { "with" } else { "without" };
            format!("{kind} ({with} family_agreement)")
        }
        Relationship::Emergency(true) => "emergency (while it lasts)".to_owned(),
        Relationship::Emergency(false) => "emergency (over)".to_owned(),
        Relationship::None
        | Relationship::Involvement(..)
        | Relationship::Enrolment
        | Relationship::PredecessorEnrolment
        | Relationship::DualEnrolment
        | Relationship::AuthorisedOfficer
        | Relationship::ProtectingTeam
        | Relationship::Organisation
        | Relationship::DataMatcher => relationship.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: &str = include_str!("../../../tests/it/policy_matrix.txt");

    /// A change of the rules must change the published text with it; reviewers read that difference.
    #[test]
    fn the_matrix_is_the_published_one() {
        let policy = Policy::embedded(|_| [0; 32]).unwrap();
        let matrix = matrix(&policy);
        for (line, (built, expected)) in matrix.lines().zip(EXPECTED.lines()).enumerate() {
            assert_eq!(built, expected, "line {}", line + 1);
        }
        assert_eq!(matrix, EXPECTED);
    }
}
