//! For which purposes and kinds of organisation two sets may answer otherwise: those that the rules in which they differ name.
//!
//! A rule whose `when` asks for one purpose, joined to the rest by "and", is met for no other. Where a rule names none it may
//! be met for all, and where words of the schema differ nothing is left out.

use super::{Action, Policy};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{Purpose, Role};
use cedar_policy::Policy as Rule;
use serde_json::Value;
use std::collections::BTreeMap;

/// What each rule names in which two sets differ: a purpose and a kind of organisation; `None`: any.
#[derive(Debug)]
pub(super) struct Reach(Vec<[Option<String>; 2]>);

impl Reach {
    /// Of the rules that can apply to a role and these actions.
    pub(super) fn between(one: &Policy, other: &Policy, role: Role, actions: &[Action]) -> Self {
        if one.schema_text != other.schema_text {
            return Self(vec![[None, None]]);
        }
        let rules = |policy: &Policy| -> BTreeMap<String, [Option<String>; 2]> {
            let all = actions.iter().flat_map(|action| policy.slices.of(role, *action).policies());
            all.map(|rule| (format!("{} {rule}", rule.id()), named(rule))).collect()
        };
        let (ours, theirs) = (rules(one), rules(other));
        let ours_alone = ours.iter().filter(|(text, _)| !theirs.contains_key(*text));
        let theirs_alone = theirs.iter().filter(|(text, _)| !ours.contains_key(*text));
        Self(ours_alone.chain(theirs_alone).map(|(_, named)| named.clone()).collect())
    }

    /// Whether any of them may be met.
    pub(super) fn covers(&self, purpose: Purpose, kind: OrganisationKind) -> bool {
        let fits = |named: &Option<String>, word: &str| named.as_deref().is_none_or(|only| only == word);
        self.0.iter().any(|[of, at]| fits(of, purpose.as_str()) && fits(at, kind.as_str()))
    }
}

/// The purpose and the kind of organisation without which a rule is not met.
fn named(rule: &Rule) -> [Option<String>; 2] {
    let Ok(json) = rule.to_json() else { return [None, None] };
    let conditions = json.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let when = conditions.filter(|one| one.get("kind").and_then(Value::as_str) == Some("when"));
    let bodies: Vec<&Value> = when.filter_map(|one| one.get("body")).collect();
    ["purpose", "organisation_kind"].map(|what| bodies.iter().find_map(|body| asked_for(body, what)))
}

/// The word that an attribute of the context must be for a condition to hold.
fn asked_for(condition: &Value, what: &str) -> Option<String> {
    if let Some(both) = condition.get("&&") {
        return ["left", "right"].into_iter().find_map(|side| asked_for(both.get(side)?, what));
    }
    let equal = condition.get("==")?;
    let read = equal.get("left")?.get(".")?;
    let of_context = read.get("left")?.get("Var")?.as_str()? == "context";
    let word = equal.get("right")?.get("Value")?.get("__entity")?.get("id")?.as_str()?;
    (of_context && read.get("attr")?.as_str()? == what).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;

    fn between(text: &str) -> Reach {
        let digest: super::super::Digest = |_| [0; 32];
        let with = Policy::load(&Sources::embedded().with_file("zz.cedar", text), digest).unwrap();
        let actions: Vec<Action> = Action::all().collect();
        Reach::between(&Policy::embedded(digest).unwrap(), &with, Role::SocialWorker, &actions)
    }

    #[test]
    fn a_rule_reaches_what_it_names_and_without_a_name_everything() {
        let (cme, nhs) = ((Purpose::Cme, OrganisationKind::LocalAuthority), OrganisationKind::HealthProvider);
        let head = "@id(\"x\") permit (principal, action == Action::\"read_trend\", resource is Child) when";
        let one = "context.purpose == Purpose::\"cme\"";
        let other = "context.organisation_kind == OrganisationKind::\"local_authority\"";
        for (when, expected) in [
            (format!("{{ {one} && context.listed && {other} }}"), [true, false, false]),
            (format!("{{ {other} && {one} }}"), [true, false, false]),
            (format!("{{ {one} }}"), [true, true, false]),
            (format!("{{ {one} || context.listed }}"), [true, true, true]),
            (format!("{{ !({one}) }}"), [true, true, true]),
            (format!("{{ context.listed }} unless {{ {one} && {other} }}"), [true, true, true]),
        ] {
            let reach = between(&format!("{head} {when};"));
            let covers = [cme, (cme.0, nhs), (Purpose::Screening, nhs)].map(|(of, at)| reach.covers(of, at));
            assert_eq!(covers, expected, "{when}");
        }
        assert!(!between("").covers(cme.0, cme.1), "sets that do not differ reach nothing");
    }
}
