//! The policies cut by what their first lines say: for each role and action only those that can apply.
//!
//! Cedar would pass over the others itself, one by one, for each question; this passes over them once, at load. It reads
//! only the lines `principal` and `action` of a policy, and keeps the policy wherever it is in doubt.

use super::decide::Types;
use super::facts::Action;
use crate::domain::purpose::Role;
use cedar_policy::{ActionConstraint, Effect, Entities, EntityUid, Policy, PolicySet, PrincipalConstraint};
use std::collections::HashMap;

/// One set of policies for each role and action, and the whole.
#[derive(Debug)]
pub(super) struct Slices {
    all: PolicySet,
    by_role_and_action: HashMap<(Role, Action), PolicySet>,
}

impl Slices {
    /// Cuts a set. `entities` knows which action is in which group.
    pub(super) fn cut(all: PolicySet, entities: &Entities, types: &Types) -> Self {
        let mut by_role_and_action = HashMap::new();
        for action in Action::all() {
            let action_uid = types.action(action);
            let about: Vec<&Policy> =
                all.policies().filter(|policy| may_be_about(policy, &action_uid, entities)).collect();
            for role in Role::ALL {
                let role_uid = types.role(*role);
                let of_role = about.iter().filter(|policy| may_be_of(policy, &role_uid)).copied().cloned();
                // Ids are distinct in the whole set, so they are in a part of it; if not, the whole stands in.
                let slice = PolicySet::from_policies(of_role).unwrap_or_else(|_| all.clone());
                by_role_and_action.insert((*role, action), slice);
            }
        }
        Self { all, by_role_and_action }
    }

    /// The policies that can apply.
    pub(super) fn of(&self, role: Role, action: Action) -> &PolicySet {
        self.by_role_and_action.get(&(role, action)).unwrap_or(&self.all)
    }

    /// Whether any policy that can apply gives something; where none does, the answer is no whatever the facts.
    pub(super) fn can_permit(&self, role: Role, action: Action) -> bool {
        self.of(role, action).policies().any(|policy| policy.effect() == Effect::Permit)
    }

    /// The policies that can apply, in their own words and in the order of their ids.
    pub(super) fn texts(&self, role: Role, action: Action) -> Vec<String> {
        let mut texts: Vec<String> =
            self.of(role, action).policies().map(|policy| format!("{} {policy}", policy.id())).collect();
        texts.sort();
        texts
    }

    /// All policies.
    pub(super) const fn all(&self) -> &PolicySet {
        &self.all
    }
}

fn may_be_of(policy: &Policy, role: &EntityUid) -> bool {
    match policy.principal_constraint() {
        PrincipalConstraint::Eq(only) => only == *role,
        PrincipalConstraint::Any
        | PrincipalConstraint::In(_)
        | PrincipalConstraint::Is(_)
        | PrincipalConstraint::IsIn(..) => true,
    }
}

fn may_be_about(policy: &Policy, action: &EntityUid, entities: &Entities) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(only) => only == *action,
        ActionConstraint::In(groups) => {
            groups.iter().any(|group| group == action || entities.is_ancestor_of(group, action))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::Policy as Loaded;
    use super::super::told::unbarred;
    use super::super::{Lane, Relationship};
    use super::*;
    use crate::domain::organisation::OrganisationKind;
    use crate::domain::purpose::Purpose;

    /// Cedar itself says to which role and action a policy applies, once its conditions are taken away: it must stand in
    /// exactly those slices. So a slice and the whole set always give the same answer.
    #[test]
    fn a_slice_holds_what_cedar_would_look_at() {
        let policy = Loaded::embedded(|_| [0; 32]).unwrap();
        let mut compared = 0;
        for whole in policy.slices.all().policies() {
            let mut json = whole.to_json().unwrap();
            json["conditions"] = serde_json::json!([]);
            let bare = Policy::from_json(Some(whole.id().clone()), json).unwrap();
            let bare = PolicySet::from_policies([bare]).unwrap();
            for (role, action) in
                Role::ALL.iter().flat_map(|role| Action::all().map(move |action| (*role, action)))
            {
                let facts =
                    unbarred(role, Purpose::Cme, OrganisationKind::School, Lane::Person, Relationship::None);
                let applies = !policy
                    .ask(&bare, role, action, policy.context(&facts, false).ok().as_ref())
                    .determining
                    .is_empty();
                let held = policy.slices.of(role, action).policy(whole.id()).is_some();
                assert_eq!(applies, held, "{} {role} {}", whole.id(), action.as_str());
                compared += 1;
            }
        }
        assert_eq!(
            compared,
            policy.slices.all().policies().count() * Role::ALL.len() * Action::all().count()
        );
    }
}
