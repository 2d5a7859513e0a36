//! Why one answer is as it is: which rules decided, on which facts, and what would have to be otherwise.

use super::super::{Action, Facts, Policy, Relationship};
use super::matrix::label;
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{Purpose, Role};
use std::fmt::Write as _;

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Everything that the answer depends on.
    pub facts: Facts,
    /// What is to be done.
    pub action: Action,
    /// Whether a system is given it without a person.
    pub listed: bool,
}

/// The answer, the facts that it rests on, the rules that decided in their own words, and for a refusal that no rule made
/// which one fact would have to be otherwise.
pub fn why(policy: &Policy, asked: Asked) -> String {
    let Asked { facts, action, listed } = asked;
    let decision = policy.decide(&facts, action, listed);
    let mut text = String::new();
    // Text in memory: writing it cannot fail.
    let _ = writeln!(text, "{}: {}", action.as_str(), if decision.allowed { "permitted" } else { "refused" });
    let _ = writeln!(text, "\nfacts\n{}", told(&facts, listed));
    if decision.errors {
        text.push_str("\na rule could not be worked out, which refuses\n");
    } else if decision.determining.is_empty() {
        text.push_str("\nno rule permits it\n");
        for (what, words) in otherwise(policy, asked) {
            let _ = writeln!(text, "  it would be permitted with {what} {}", words.join(" or "));
        }
    } else {
        let by = if decision.allowed { "permitted by" } else { "refused by" };
        for id in decision.determining.iter() {
            let rule = policy.text_of(id).unwrap_or_default();
            let _ = writeln!(text, "\n{by} {id}\n{rule}");
        }
    }
    text
}

fn told(facts: &Facts, listed: bool) -> String {
    let yes = |fact: bool| if fact { "yes" } else { "no" };
    [
        ("role", facts.role.as_str().to_owned()),
        ("purpose", facts.purpose.as_str().to_owned()),
        ("kind of organisation", facts.organisation_kind.as_str().to_owned()),
        ("relationship", label(facts.relationship)),
        ("proved", facts.lane.as_str().to_owned()),
        ("given without a person", yes(listed).to_owned()),
        ("organisation may be served", yes(facts.organisation_live).to_owned()),
        ("system registered for it", yes(facts.scope).to_owned()),
        ("sharing agreement live", yes(facts.agreement_live).to_owned()),
        ("shielded", yes(facts.shielded).to_owned()),
        ("withheld", yes(facts.withheld).to_owned()),
        ("person in conflict", yes(facts.in_conflict).to_owned()),
    ]
    .map(|(name, value)| format!("  {name}: {value}"))
    .join("\n")
}

/// For each single fact, the words with which the same question would be answered with yes.
fn otherwise(policy: &Policy, Asked { facts, action, listed }: Asked) -> Vec<(&'static str, Vec<String>)> {
    let may = |facts: &Facts| policy.decide(facts, action, listed).allowed;
    let through =
        Relationship::all().filter(|relationship| may(&Facts { relationship: *relationship, ..facts }));
    let purposes = Purpose::ALL.iter().filter(|purpose| may(&Facts { purpose: **purpose, ..facts }));
    let roles = Role::ALL.iter().filter(|role| may(&Facts { role: **role, ..facts }));
    let kinds =
        OrganisationKind::ALL.iter().filter(|kind| may(&Facts { organisation_kind: **kind, ..facts }));
    let all = [
        ("relationship", through.map(label).collect::<Vec<_>>()),
        ("purpose", purposes.map(ToString::to_string).collect()),
        ("role", roles.map(ToString::to_string).collect()),
        ("kind of organisation", kinds.map(ToString::to_string).collect()),
    ];
    all.into_iter().filter(|(_, words)| !words.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::Lane;
    use super::super::matrix::unbarred;
    use super::*;
    use crate::domain::purpose::{InvolvementKind, Section};

    fn told(change: impl Fn(Facts) -> Facts, section: Section, listed: bool) -> String {
        let policy = Policy::embedded(|_| [0; 32]).unwrap();
        let cin = Relationship::Involvement(InvolvementKind::Cin, true);
        let of = (Role::SocialWorker, Purpose::ChildProtection, OrganisationKind::LocalAuthority);
        let facts = change(unbarred(of.0, of.1, of.2, Lane::System, cin));
        why(&policy, Asked { facts, action: Action::Read(section), listed })
    }

    const CP: Relationship = Relationship::Involvement(InvolvementKind::Cp, true);

    #[test]
    fn a_permission_names_its_rule_and_quotes_it() {
        let text = told(|facts| Facts { relationship: CP, ..facts }, Section::Headline, true);
        assert!(text.starts_with("read_headline: permitted\n"), "{text}");
        assert!(text.contains("permitted by summaries_child_protection_social_worker\n"), "{text}");
        assert!(text.contains("context.purpose == Purpose::\"child_protection\""), "{text}");
    }

    #[test]
    fn a_refusal_names_the_guard() {
        let barred = |facts| Facts { relationship: CP, shielded: true, ..facts };
        let text = told(barred, Section::Headline, true);
        assert!(text.contains("refused by guard_shield\n") && text.contains("shielded: yes"), "{text}");
        let text = told(|facts| Facts { relationship: CP, ..facts }, Section::Health, false);
        assert!(text.contains("refused by guard_without_person\n"), "{text}");
    }

    #[test]
    fn where_nothing_permits_it_says_what_would() {
        let text = told(|facts| facts, Section::Headline, true);
        assert!(text.contains("no rule permits it"), "{text}");
        assert!(
            text.contains("it would be permitted with relationship section_47_enquiry or cp\n"),
            "{text}"
        );
        assert!(text.contains("it would be permitted with purpose child_in_need\n"), "{text}");
        let never = told(|facts| facts, Section::Codes, true);
        assert!(never.contains("no rule permits it") && !never.contains("it would be"), "{never}");
    }
}
