//! Asking again about cases that another team has taken over: behind a bar they wait for those who protect the child, like a
//! new claim. Until it is asked the read itself goes by the new team.

use crate::domain::bars::ItemKind;
use crate::gate::{Asker, Duty, Gate, Refusal};
use crate::involvements::protecting::{self, Ask};
use crate::involvements::storage::{self, MovedCase};

/// Cases looked at in one turn.
const SHARE: i64 = 100;

/// Looks at cases that have moved. Says how many now wait for those who protect their child.
pub(super) async fn look_at_moved(gate: &Gate) -> Result<u64, Refusal> {
    let mut held = 0;
    for case in storage::moved(gate.db(), SHARE).await? {
        held += look(gate, &case).await?;
    }
    Ok(held)
}

async fn look(gate: &Gate, case: &MovedCase) -> Result<u64, Refusal> {
    let permit = gate.open_duty(Duty::MatchClaims).await?.because("case_moved_behind_bar");
    let (organisation, teams) = (case.key().0, std::slice::from_ref(&case.team));
    let asker = Asker { organisation, own: organisation, teams, person: None };
    let barred = match case.pupil() {
        Some(pupil) if !gate.may_go_on(&permit, asker, pupil).await? => Some(pupil),
        Some(_) | None => None,
    };
    let protectors = match barred {
        Some(pupil) => gate.protectors(&permit, pupil).await?,
        None => Vec::new(),
    };
    let mut tx = gate.db().begin().await?;
    if let Some(pupil) = barred
        && storage::hold_moved(&mut tx, case, gate.clock().now()).await? > 0
    {
        let ask = Ask {
            kind: ItemKind::Claim,
            subject: case.key(),
            pupil,
            asker: (organisation, &case.team),
            urgent: case.is_enquiry(),
            call_back: None,
        };
        protecting::ask(gate, &mut tx, ask, &protectors).await?;
        gate.commit_duty(permit, tx, 1).await?;
        return Ok(1);
    }
    storage::stays(&mut tx, case).await?;
    gate.commit_progress(&permit, tx).await?;
    Ok(0)
}
