//! Who gains what and who loses what when one set of policies takes the place of another: every case there is, asked of
//! both.

use super::super::never::{guards, reads_a_bar};
use super::super::reach::Reach;
use super::super::{Action, Duty, Facts, Lane, Policy, Relationship};
use super::matrix::{allowed, label, unbarred};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{Purpose, Role};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread::ScopedJoinHandle;

/// What changes, in words, and how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// A line for each role, purpose, kind of organisation and bar that gains, with what, and likewise what it loses.
    pub text: String,
    /// Cases that are allowed now and were not.
    pub gained: usize,
    /// Cases that were allowed and are not any more.
    pub lost: usize,
}

/// Facts with one thing in the way.
type Barred = fn(Facts) -> Facts;

/// Each bar alone, with nothing else in the way; the first is none.
const BARS: [(&str, Barred); 7] = [
    ("", |facts| facts),
    ("although the organisation is suspended", |facts| Facts { organisation_live: false, ..facts }),
    ("although its system is not registered for it", |facts| Facts { scope: false, ..facts }),
    ("although no sharing agreement is live", |facts| Facts { agreement_live: false, ..facts }),
    ("although the child is shielded from it", |facts| Facts { shielded: true, ..facts }),
    ("although it is to be withheld from it", |facts| Facts { withheld: true, ..facts }),
    ("although the person is in conflict", |facts| Facts { in_conflict: true, ..facts }),
];

/// Who stands behind a request.
const LANES: [(&str, Lane, bool); 6] = [
    ("a person", Lane::Person, false),
    ("a marked person", Lane::Person, true),
    ("a person whose second factor is only attested", Lane::AttestedPerson, false),
    ("a marked person whose second factor is only attested", Lane::AttestedPerson, true),
    ("a system, where it is listed", Lane::System, true),
    ("a system, unlisted", Lane::System, false),
];

/// Asks both sets about every role, purpose, kind of organisation and relationship, by each lane and under each bar; then
/// about what the gateway does of its own accord. Legal bases that differ are told and are no cases.
pub fn difference(old: &Policy, new: &Policy) -> Difference {
    let mut all = Difference::default();
    let roles: Vec<Difference> = std::thread::scope(|scope| {
        let of = |role: &'static Role| scope.spawn(move || of_role(old, new, *role));
        let threads: Vec<_> = Role::ALL.iter().map(of).collect();
        let ended = threads.into_iter().map(ScopedJoinHandle::join);
        ended.map(|role| role.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    for role in roles {
        all.text.push_str(&role.text);
        all.gained += role.gained;
        all.lost += role.lost;
    }
    for duty in Duty::ALL {
        let word = match (old.duty(*duty).allowed, new.duty(*duty).allowed) {
            (false, true) => "gains",
            (true, false) => "loses",
            (true, true) | (false, false) => continue,
        };
        *if word == "gains" { &mut all.gained } else { &mut all.lost } += 1;
        // Text in memory: writing it cannot fail.
        let _ = writeln!(all.text, "the gateway of its own accord\n  {word} {duty}");
    }
    for purpose in Purpose::ALL {
        let (was, is) = (old.legal_basis(*purpose), new.legal_basis(*purpose));
        if was != is {
            let _ = writeln!(all.text, "legal basis of {purpose}\n  was {was}\n  is {is}");
        }
    }
    all
}

fn of_role(old: &Policy, new: &Policy, role: Role) -> Difference {
    let mut all = Difference::default();
    // Where the same policies can apply, and words mean the same, the answers are the same.
    let words = old.schema_text != new.schema_text;
    let slices = |action| (old.slices.texts(role, action), new.slices.texts(role, action));
    let differ: Vec<Action> =
        Action::all().filter(|action| words || slices(*action).0 != slices(*action).1).collect();
    if differ.is_empty() {
        return all;
    }
    // Where no permission reads a bar, what is refused without one is refused with one and need not be asked again.
    let asked_again = reads_a_bar(old).or_else(|| reads_a_bar(new)).is_some() || guards(old) != guards(new);
    let reach = Reach::between(old, new, role, &differ);
    for (by, lane, listed) in LANES {
        for purpose in Purpose::ALL {
            for kind in OrganisationKind::ALL.iter().filter(|kind| reach.covers(*purpose, **kind)) {
                let whose = format!("{role}, {kind}, for {purpose}, {by}");
                let mut through: Vec<Relationship> = Relationship::all().collect();
                for (bar, barred) in BARS {
                    let facts = |through| barred(unbarred(role, *purpose, *kind, lane, through));
                    let (changes, met) = changes((old, new), facts, (&differ, listed), &through);
                    all.add(&whose, bar, changes);
                    if bar.is_empty() && !asked_again {
                        through = met;
                    }
                }
            }
        }
    }
    all
}

/// Actions that are gained (true) and lost, through which relationships.
type Changes = BTreeMap<(bool, &'static str), Vec<String>>;

/// What changes through these relationships, and through which of them anything is allowed at all.
fn changes(
    (old, new): (&Policy, &Policy),
    facts: impl Fn(Relationship) -> Facts,
    (differ, listed): (&[Action], bool),
    asked: &[Relationship],
) -> (Changes, Vec<Relationship>) {
    let (mut changes, mut met) = (Changes::new(), Vec::new());
    for through in asked.iter().copied() {
        let facts = facts(through);
        let may =
            |policy| -> Vec<Action> { allowed(policy, &facts, listed, differ.iter().copied()).collect() };
        let (before, after) = (may(old), may(new));
        if before.is_empty() && after.is_empty() {
            continue;
        }
        met.push(through);
        // Of a marked person what takes the mark, and no more: the rest is any person's.
        let any = |policy| -> Vec<Action> {
            let marked = facts.lane != Lane::System && listed;
            let differ = differ.iter().copied().filter(|_| marked);
            allowed(policy, &facts, false, differ).collect()
        };
        let own = |policy, all: Vec<Action>| -> Vec<Action> {
            let any = any(policy);
            all.into_iter().filter(|action| !any.contains(action)).collect()
        };
        let (before, after) = (own(old, before), own(new, after));
        let only = |these: &[Action], those: &[Action]| -> Vec<Action> {
            these.iter().copied().filter(|action| !those.contains(action)).collect()
        };
        for (gained, actions) in [(true, only(&after, &before)), (false, only(&before, &after))] {
            for action in actions {
                changes.entry((gained, action.as_str())).or_default().push(label(through));
            }
        }
    }
    (changes, met)
}

impl Difference {
    fn add(&mut self, whose: &str, bar: &str, changes: Changes) {
        // What changes alike, through the same relationships, is one line.
        let mut lines: BTreeMap<(bool, Vec<String>), Vec<&str>> = BTreeMap::new();
        for ((gained, action), through) in changes {
            *if gained { &mut self.gained } else { &mut self.lost } += through.len();
            lines.entry((gained, through)).or_default().push(action);
        }
        for ((gained, through), actions) in lines.into_iter().rev() {
            let word = if gained { "gains" } else { "loses" };
            let bar = if bar.is_empty() { String::new() } else { format!(", {bar}") };
            // Text in memory: writing it cannot fail.
            let _ = writeln!(
                self.text,
                "{whose}{bar}\n  {word} {}\n  through {}",
                actions.join(" "),
                through.join(" or ")
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Sources;
    use super::*;

    fn embedded() -> Policy {
        Policy::embedded(|_| [0; 32]).unwrap()
    }

    fn with(text: &str) -> Policy {
        Policy::load(&Sources::embedded().with_file("zz.cedar", text), |_| [0; 32]).unwrap()
    }

    #[test]
    fn a_set_differs_in_nothing_from_itself() {
        assert_eq!(difference(&embedded(), &embedded()), Difference::default());
    }

    #[test]
    fn one_more_permission_is_what_is_gained() {
        let wider = with(
            "@id(\"x\") permit (principal == Role::\"school_nurse\", action == Action::\"read_trend\", resource is Child) \
             when { context.organisation_kind == OrganisationKind::\"health_provider\" && \
             context.purpose == Purpose::\"school_health\" && context.relationship == Relationship::\"school_nursing\" };",
        );
        let told = difference(&embedded(), &wider);
        let by = "by a person, by one whose second factor is attested, and by a system where it is listed";
        assert_eq!((told.gained, told.lost), (3, 0), "{by}");
        let first = "school_nurse, health_provider, for school_health, a person\n  gains read_trend\n  through school_nursing\n";
        assert!(told.text.starts_with(first), "{}", told.text);
        assert!(!told.text.contains("although"), "the guards stand over it: {}", told.text);
        let back = difference(&wider, &embedded());
        assert_eq!((back.gained, back.lost), (0, 3));
        assert!(back.text.contains("loses read_trend"));
    }

    #[test]
    fn duties_and_legal_bases_are_told_too() {
        let idle = with("@id(\"x\") forbid (principal, action == Action::\"retain\", resource);");
        let told = difference(&embedded(), &idle);
        assert_eq!((told.gained, told.lost), (0, 1));
        assert_eq!(told.text, "the gateway of its own accord\n  loses retain\n");
        let sources = Sources::embedded();
        let (schema, bases, files) = sources.texts();
        let bases = bases.replacen("CA 1989 s.17", "CA 1989 s.18", 1);
        let other = Sources::new(schema.to_owned(), bases, files.to_vec());
        let told = difference(&embedded(), &Policy::load(&other, |_| [0; 32]).unwrap());
        assert_eq!((told.gained, told.lost), (0, 0));
        assert!(told.text.contains("legal basis of ") && told.text.contains("CA 1989 s.18"), "{}", told.text);
    }

    #[test]
    fn one_more_bar_is_what_is_lost() {
        let narrower = with(
            "@id(\"x\") forbid (principal == Role::\"dsl\", action == Action::\"read_codes\", resource is Child);",
        );
        let told = difference(&embedded(), &narrower);
        assert_eq!(told.gained, 0);
        assert!(
            told.text.contains("dsl, school, for own_record, a person\n  loses read_codes"),
            "{}",
            told.text
        );
    }
}
