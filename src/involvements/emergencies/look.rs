//! Looking for the child of a claim, and asking those who must release it first.
//!
//! The look itself takes the same statements whoever is found, and is over before the claim is answered, so that the claimant
//! can read at once and learns nothing from the time. Asking others comes after, beside the request's path.

use super::storage;
use crate::domain::bars::ItemKind;
use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::gate::{Duty, Gate, Refusal};
use crate::involvements::protecting::{self, Ask};

/// Claims looked at in one turn.
const SHARE: i64 = 50;

/// Looks for the children of claims that are new. Says how many claims were looked at.
pub async fn look_at_emergencies(gate: &Gate) -> Result<u64, Refusal> {
    let mut done = 0;
    for claim in storage::unlooked(gate.db(), SHARE).await? {
        let permit = gate.open_duty(Duty::MatchClaims).await?.because("emergency");
        let fit = gate.fitting_named(&permit, &claim.named()).await?;
        let teams = claim.teams();
        let found = gate.may_count(&permit, claim.asker(&teams), fit).await?;
        let mut tx = gate.db().begin().await?;
        let looked = storage::looked(&mut tx, &claim, found, gate.clock().now()).await?;
        if looked > 0 {
            gate.commit_duty(permit, tx, looked).await?;
        }
        done += 1;
    }
    Ok(done)
}

/// The same on the way of an answer: what fails here is done by the task that matches claims.
pub(super) async fn before_answering(gate: &Gate) {
    if let Err(error) = look_at_emergencies(gate).await {
        tracing::warn!(%error, "the child of an emergency could not be looked for; trying again");
    }
}

/// Asks those who protect a child to release the claims of emergencies that fit it. Says how many were asked about, and of
/// how many there is nobody to ask.
pub async fn hand_on_emergencies(gate: &Gate) -> Result<(u64, u64), Refusal> {
    let (mut done, mut nobody) = (0, 0);
    for claim in storage::unasked(gate.db(), SHARE).await? {
        let permit = gate.open_duty(Duty::MatchClaims).await?.because("emergency_fits_protected_child");
        let pupil = PupilId(claim.held_pupil_id);
        let protectors = gate.protectors(&permit, pupil).await?;
        let mut tx = gate.db().begin().await?;
        if storage::asked(&mut tx, claim.id, gate.clock().now()).await? == 0 {
            continue;
        }
        let ask = Ask {
            kind: ItemKind::Emergency,
            subject: (OrganisationId(claim.organisation_id), claim.id),
            pupil,
            asker: (
                OrganisationId(claim.own_organisation_id),
                claim.teams.split(' ').next().unwrap_or_default(),
            ),
            urgent: true,
            call_back: Some(&claim.call_back),
        };
        protecting::ask(gate, &mut tx, ask, &protectors).await?;
        gate.commit_duty(permit, tx, 1).await?;
        done += 1;
        nobody += u64::from(protectors.is_empty());
    }
    Ok((done, nobody))
}
