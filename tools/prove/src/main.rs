//! Proves, for every request and every store of entities, what the access policies give and what they never give.
//!
//! `cargo run -p prove` reads `policies/` and the published table, and has the solver cvc5 (its executable, or the one that
//! `CVC5` names) look for a request that breaks a claim. `cargo run -p prove -- --against DIR` names each action that
//! another set of policies gave less of, or more. Without cvc5 nothing is proved: the same invariants are then held to
//! every case by enumeration, and that is said.

#![expect(clippy::print_stdout, reason = "it prints what it has proved")]

mod claims;
mod compare;
mod mutants;
mod solver;
mod sources;
mod table;

use anyhow::{Context as _, Result, bail};
use solver::{Proofs, cvc5};
use sources::Policies;
use std::path::{Path, PathBuf};
use std::process::Command;
use table::Table;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let policies = Policies::read(&root.join("policies"))?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let other = match arguments.as_slice() {
        [] => None,
        [flag, dir] if flag == "--against" => Some(Policies::read(Path::new(dir))?),
        _ => bail!("usage: prove [--against DIR], where DIR holds a schema and policies"),
    };
    let Some(solver) = cvc5().await else { return enumerated(&root, other.is_some()) };
    let mut proofs = Proofs::new(solver)?;
    if let Some(other) = other {
        return compare::print_differences(&mut proofs, &other, &policies).await;
    }
    let text = std::fs::read_to_string(root.join("tests/it/policy_matrix.txt"))?;
    let table = Table::read(&text)?;
    println!("the published table: {}", table.counts(&policies));
    let claims = claims::all(&policies, &table)?;
    let compiled = proofs.compiled(&policies, policies.set())?;
    proofs.never_err(&policies).await?;
    proofs.none_is_vacuous(&policies).await?;
    let mut failed = 0;
    for claim in &claims {
        let broken = proofs.broken(&policies, &compiled, claim).await?;
        println!("{}: {}", if broken.is_empty() { "proved" } else { "NOT PROVED" }, claim.says);
        for action in &broken {
            println!("    broken for {action}");
        }
        failed += broken.len();
    }
    println!("{} queries so far", proofs.queries());
    if failed > 0 {
        bail!("{failed} claims do not hold; correct the policies or the published table");
    }
    mutants::all_are_caught(&mut proofs, &policies, (&compiled, &claims)).await?;
    println!("{} queries in all, none without an answer", proofs.queries());
    Ok(())
}

/// Without the solver: the invariants over every case, by the gateway's own walk.
fn enumerated(root: &Path, comparing: bool) -> Result<()> {
    println!("cvc5 is not installed: nothing is proved. On Debian, `apt-get install cvc5` brings it");
    if comparing {
        bail!("two sets of policies are compared by the solver only; install cvc5");
    }
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["test", "--locked", "--lib", "policy::"])
        .status()
        .context("the walk over every case could not be started")?;
    if !status.success() {
        bail!("the walk over every case found what must not be");
    }
    println!("not proved; the same invariants held for every case, by enumeration");
    Ok(())
}
