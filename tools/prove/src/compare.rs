//! An older set of policies against these: which action widens, which narrows.

use super::solver::Proofs;
use super::sources::{Policies, action_of};
use anyhow::{Result, bail};
use cedar_policy_symcc::CompiledPolicySet;

/// Names each action of which the newer set allows a request that the older did not, or the other way round.
pub async fn print_differences(proofs: &mut Proofs, older: &Policies, newer: &Policies) -> Result<()> {
    let (before, after) = (older.kinds_of_request(), newer.kinds_of_request());
    let name = |kinds: &[_]| kinds.iter().map(action_of).collect::<Vec<_>>();
    for action in name(&before).iter().filter(|action| !name(&after).contains(action)) {
        println!("{action}: gone");
    }
    let mut widened = 0;
    for kind in &after {
        let action = action_of(kind);
        if !name(&before).contains(&action) {
            println!("{action}: new");
            widened += 1;
            continue;
        }
        // The newer vocabulary: what it has no word for can no longer be asked.
        let Ok(old) = CompiledPolicySet::compile(older.set(), kind, newer.schema()) else {
            bail!("the older policies do not fit the newer schema; compare them by hand");
        };
        let new = CompiledPolicySet::compile(newer.set(), kind, newer.schema())?;
        let (narrower, wider) = (proofs.implies(&new, &old).await?, proofs.implies(&old, &new).await?);
        match (narrower, wider) {
            (true, true) => {}
            (true, false) => println!("{action}: narrower"),
            (false, true) => println!("{action}: WIDER"),
            (false, false) => println!("{action}: WIDER for some, narrower for others"),
        }
        widened += usize::from(!narrower);
    }
    println!("{widened} of {} actions widen", after.len());
    Ok(())
}
