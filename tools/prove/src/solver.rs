//! Questions to the solver. An answer that it does not give, or not in time, is an error and never a proof.

use super::claims::{Claim, Is};
use super::sources::{Policies, action_of};
use anyhow::{Context as _, Result, bail};
use cedar_policy::{Policy, PolicySet, RequestEnv};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet};
use tokio::process::Command;

/// A set of policies for each kind of request, in the order of [`Policies::kinds_of_request`].
pub type Compiled = Vec<(RequestEnv, CompiledPolicySet)>;

/// The solver, where it is installed.
pub async fn cvc5() -> Option<LocalSolver> {
    let program = std::env::var("CVC5").unwrap_or_else(|_| "cvc5".to_owned());
    let version = Command::new(program).arg("--version").output().await.ok()?;
    let first = String::from_utf8_lossy(&version.stdout).lines().next().unwrap_or_default().to_owned();
    println!("solver: {first}");
    LocalSolver::cvc5_with_args([LIMIT]).ok()
}

/// The longest that the solver may think about one question, milliseconds.
const LIMIT: &str = "--tlimit-per=20000";

/// Asks, and counts what it asked.
pub struct Proofs {
    compiler: CedarSymCompiler<LocalSolver>,
    queries: usize,
}

impl Proofs {
    /// With a solver that runs.
    pub fn new(solver: LocalSolver) -> Result<Self> {
        Ok(Self { compiler: CedarSymCompiler::new(solver)?, queries: 0 })
    }

    /// How many questions it has asked so far.
    pub const fn queries(&self) -> usize {
        self.queries
    }

    /// A set for each kind of request.
    #[expect(clippy::unused_self, reason = "whoever compiles has a solver to ask")]
    pub fn compiled(&self, policies: &Policies, set: &PolicySet) -> Result<Compiled> {
        let kinds = policies.kinds_of_request().into_iter();
        kinds
            .map(|kind| Ok((kind.clone(), CompiledPolicySet::compile(set, &kind, policies.schema())?)))
            .collect()
    }

    /// No policy can err: Cedar skips one that does, and a skipped guard guards nothing.
    pub async fn never_err(&mut self, policies: &Policies) -> Result<()> {
        let mut held = 0;
        for policy in policies.policies() {
            for kind in policies.kinds_of_request() {
                let compiled = CompiledPolicy::compile(policy, &kind, policies.schema())?;
                self.queries += 1;
                if !self.compiler.check_never_errors_opt(&compiled).await? {
                    bail!("the policy `{}` can err for {}", policy.id(), action_of(&kind));
                }
                held += 1;
            }
        }
        println!("proved: no policy errs, {held} pairs of policy and kind of request");
        Ok(())
    }

    /// Every policy applies to some request.
    pub async fn none_is_vacuous(&mut self, policies: &Policies) -> Result<()> {
        let all = policies.policies();
        for policy in &all {
            let mut applies = false;
            for kind in policies.kinds_of_request() {
                let compiled = CompiledPolicy::compile(policy, &kind, policies.schema())?;
                self.queries += 1;
                applies = !self.compiler.check_never_matches_opt(&compiled).await?;
                if applies {
                    break;
                }
            }
            if !applies {
                bail!("the policy `{}` never applies", policy.id());
            }
        }
        println!("proved: none of the {} policies is vacuous", all.len());
        Ok(())
    }

    /// The actions for which a claim does not hold.
    pub async fn broken(
        &mut self,
        policies: &Policies,
        set: &Compiled,
        claim: &Claim,
    ) -> Result<Vec<String>> {
        let mut broken = Vec::new();
        for (kind, compiled) in set {
            if !self.holds(policies, (kind, compiled), claim).await? {
                broken.push(action_of(kind));
            }
        }
        Ok(broken)
    }

    /// Whether a claim holds for one kind of request.
    pub async fn holds(
        &mut self,
        policies: &Policies,
        (kind, compiled): (&RequestEnv, &CompiledPolicySet),
        claim: &Claim,
    ) -> Result<bool> {
        if claim.action.as_ref().is_some_and(|action| *action != action_of(kind)) {
            return Ok(true);
        }
        let about = CompiledPolicySet::compile(&claim.about, kind, policies.schema())
            .with_context(|| format!("the claim `{}` does not fit the schema", claim.says))?;
        self.queries += 1;
        Ok(match claim.is {
            Is::Refused => self.compiler.check_disjoint_opt(compiled, &about).await?,
            Is::Allowed => self.compiler.check_implies_opt(&about, compiled).await?,
        })
    }

    /// Whether one set allows everything that another does.
    pub async fn implies(&mut self, less: &CompiledPolicySet, more: &CompiledPolicySet) -> Result<bool> {
        self.queries += 1;
        Ok(self.compiler.check_implies_opt(less, more).await?)
    }

    /// Whether two sets allow the same.
    pub async fn same(&mut self, one: &CompiledPolicySet, other: &CompiledPolicySet) -> Result<bool> {
        self.queries += 1;
        Ok(self.compiler.check_equivalent_opt(one, other).await?)
    }
}

/// A set with one policy replaced, or left out.
pub fn with(set: &PolicySet, id: &str, other: Option<Policy>) -> Result<PolicySet> {
    let others = set.policies().filter(|policy| policy.id().to_string() != id).cloned();
    Ok(PolicySet::from_policies(others.chain(other))?)
}
