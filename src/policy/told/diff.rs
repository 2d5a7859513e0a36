//! Who gains what and who loses what when one set of policies takes the place of another: every case there is, asked of
//! both.

use super::super::{Action, Facts, Lane, Policy, Relationship};
use super::matrix::{allowed, label, unbarred};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{Purpose, Role};
use std::collections::BTreeMap;
use std::fmt::Write as _;

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
const LANES: [(&str, Lane, bool); 4] = [
    ("a person", Lane::Person, false),
    ("a marked person", Lane::Person, true),
    ("a system, where it is listed", Lane::System, true),
    ("a system, unlisted", Lane::System, false),
];

/// Asks both sets about every role, purpose, kind of organisation and relationship, by each lane and under each bar.
pub fn difference(old: &Policy, new: &Policy) -> Difference {
    let mut all = Difference::default();
    for role in Role::ALL {
        // Where the same policies can apply, the answers are the same.
        let slices = |action| (old.slices.texts(*role, action), new.slices.texts(*role, action));
        let differ: Vec<Action> =
            Action::all().filter(|action| slices(*action).0 != slices(*action).1).collect();
        for (bar, barred) in BARS.iter().filter(|_| !differ.is_empty()) {
            for (by, lane, listed) in LANES {
                for purpose in Purpose::ALL {
                    for kind in OrganisationKind::ALL {
                        let facts = |through| barred(unbarred(*role, *purpose, *kind, lane, through));
                        let changes = changes((old, new), facts, (&differ, listed));
                        let whose = format!("{role}, {kind}, for {purpose}, {by}");
                        all.add(&whose, bar, changes);
                    }
                }
            }
        }
    }
    all
}

/// Actions that are gained (true) and lost, through which relationships.
type Changes = BTreeMap<(bool, &'static str), Vec<String>>;

fn changes(
    (old, new): (&Policy, &Policy),
    facts: impl Fn(Relationship) -> Facts,
    (differ, listed): (&[Action], bool),
) -> Changes {
    let mut changes = Changes::new();
    for through in Relationship::all() {
        let facts = facts(through);
        // Of a marked person what takes the mark, and no more: the rest is any person's.
        let marked = facts.lane == Lane::Person && listed;
        let may = |policy| {
            let any: Vec<Action> = if marked {
                allowed(policy, &facts, false, differ.iter().copied()).collect()
            } else {
                Vec::new()
            };
            allowed(policy, &facts, listed, differ.iter().copied())
                .filter(|action| !any.contains(action))
                .map(Action::as_str)
                .collect::<Vec<_>>()
        };
        let (before, after) = (may(old), may(new));
        let only = |these: &[&'static str], those: &[&'static str]| -> Vec<&'static str> {
            these.iter().copied().filter(|action| !those.contains(action)).collect()
        };
        for (gained, actions) in [(true, only(&after, &before)), (false, only(&before, &after))] {
            for action in actions {
                changes.entry((gained, action)).or_default().push(label(through));
            }
        }
    }
    changes
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
        assert_eq!((told.gained, told.lost), (2, 0), "by a person, and by a system where it is listed");
        let first = "school_nurse, health_provider, for school_health, a person\n  gains read_trend\n  through school_nursing\n";
        assert!(told.text.starts_with(first), "{}", told.text);
        assert!(!told.text.contains("although"), "the guards stand over it: {}", told.text);
        let back = difference(&wider, &embedded());
        assert_eq!((back.gained, back.lost), (0, 2));
        assert!(back.text.contains("loses read_trend"));
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
