//! Each policy and each condition of one left out in turn: a claim must fail, or the set must be proved the same.
//!
//! A condition that can go unnoticed guards nothing that anybody has claimed.

use super::claims::Claim;
use super::solver::{Compiled, Proofs, with};
use super::sources::{Policies, action_of};
use anyhow::{Context as _, Result, bail};
use cedar_policy::{Policy, PolicyId, PolicySet};
use serde_json::{Value, json};

/// A set with one thing left out of it.
struct Mutant {
    without: String,
    set: PolicySet,
}

/// Holds every mutant to the claims, and prints how many there were.
pub async fn all_are_caught(
    proofs: &mut Proofs,
    policies: &Policies,
    (compiled, claims): (&Compiled, &[Claim]),
) -> Result<()> {
    let mutants = mutants(policies)?;
    let (mut caught, mut the_same, mut escaped) = (0, 0, Vec::new());
    for mutant in &mutants {
        let changed = proofs.compiled(policies, &mutant.set)?;
        let (mut differs, mut found) = (false, false);
        for ((kind, new), (_, old)) in changed.iter().zip(compiled) {
            if proofs.same(new, old).await? {
                continue;
            }
            differs = true;
            for claim in claims {
                found = !proofs.holds(policies, (kind, new), claim).await?;
                if found {
                    break;
                }
            }
            if !found {
                println!("    not caught for {}: without {}", action_of(kind), mutant.without);
            }
            break;
        }
        match (differs, found) {
            (false, _) => the_same += 1,
            (true, true) => caught += 1,
            (true, false) => escaped.push(mutant.without.as_str()),
        }
        if !differs {
            println!("    allows the same: without {}", mutant.without);
        }
    }
    println!(
        "{} mutants: {caught} caught, {the_same} proved the same, {} escaped",
        mutants.len(),
        escaped.len()
    );
    if !escaped.is_empty() {
        bail!("no claim would notice the loss of: {}", escaped.join("; "));
    }
    Ok(())
}

/// Every set with one policy, one condition or one principal left out.
fn mutants(policies: &Policies) -> Result<Vec<Mutant>> {
    let mut all = Vec::new();
    for policy in policies.policies() {
        let id = policy.id().to_string();
        all.push(Mutant { without: id.clone(), set: with(policies.set(), &id, None)? });
        let whole = policy.to_json()?;
        for (what, changed) in weakened(&whole)? {
            let policy = Policy::from_json(Some(PolicyId::new(&id)), changed)?;
            all.push(Mutant {
                without: format!("{what} of {id}"),
                set: with(policies.set(), &id, Some(policy))?,
            });
        }
    }
    Ok(all)
}

/// A policy, as JSON, with each conjunct and its principal left out in turn.
fn weakened(policy: &Value) -> Result<Vec<(String, Value)>> {
    let mut all = Vec::new();
    if policy.pointer("/principal/op").is_some_and(|op| op != "All") {
        let mut changed = policy.clone();
        *changed.pointer_mut("/principal").context("no principal")? = json!({"op": "All"});
        all.push(("the principal".to_owned(), changed));
    }
    let conditions = policy.get("conditions").and_then(Value::as_array).context("no conditions")?;
    for (place, condition) in conditions.iter().enumerate() {
        let kind = condition.get("kind").and_then(Value::as_str).unwrap_or_default();
        let parts = conjuncts(condition.get("body").context("a condition without a body")?);
        for left_out in 0..parts.len() {
            let rest =
                parts.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, part)| (*part).clone());
            let mut changed = policy.clone();
            let list =
                changed.pointer_mut("/conditions").and_then(Value::as_array_mut).context("no conditions")?;
            match rest.reduce(|left, right| json!({"&&": {"left": left, "right": right}})) {
                Some(body) => {
                    *list.get_mut(place).and_then(|c| c.get_mut("body")).context("no such condition")? = body;
                }
                None => drop(list.remove(place)),
            }
            all.push((format!("part {} of `{kind}` {}", left_out + 1, place + 1), changed));
        }
    }
    Ok(all)
}

/// What a condition joins by `&&`.
fn conjuncts(body: &Value) -> Vec<&Value> {
    match (body.pointer("/&&/left"), body.pointer("/&&/right")) {
        (Some(left), Some(right)) => [conjuncts(left), conjuncts(right)].concat(),
        _ => vec![body],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_conjunct_is_left_out_once() {
        let text = "permit (principal == Role::\"dsl\", action, resource) when { context.a && context.b && !context.c };";
        let policy = Policy::parse(None, text).unwrap();
        let weaker = weakened(&policy.to_json().unwrap()).unwrap();
        assert_eq!(weaker.len(), 4, "the principal and three parts");
        let last = Policy::from_json(None, weaker[3].1.clone()).unwrap().to_string();
        assert!(
            last.contains("context.a") && last.contains("context.b") && !last.contains("context.c"),
            "{last}"
        );
    }

    #[test]
    fn a_condition_of_one_part_goes_as_a_whole() {
        let policy = Policy::parse(None, "forbid (principal, action, resource) when { context.a };").unwrap();
        let weaker = weakened(&policy.to_json().unwrap()).unwrap();
        assert_eq!(weaker.len(), 1);
        assert_eq!(weaker[0].1["conditions"], json!([]));
    }
}
