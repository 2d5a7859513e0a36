//! What accepting an item does: to the claim, the emergency or the request that it is about.

use super::storage::Item;
use crate::domain::bars::ItemKind;
use crate::gate::{Gate, Refusal};
use crate::involvements::{bars, emergencies, storage};
use crate::store::{StoreError, Tx};

/// Carries out an acceptance, in the transaction of the decision. Says whether there was still something to accept.
pub(super) async fn accept(gate: &Gate, tx: &mut Tx, item: &Item, person: &str) -> Result<bool, Refusal> {
    let kind = ItemKind::parse(&item.kind).ok_or(StoreError::Corrupt("protecting_items.kind"))?;
    let now = gate.clock().school_now();
    let accepted = match kind {
        ItemKind::Claim => {
            let claim = (item.subject_organisation_id, item.subject_id, item.asker_team.as_str());
            storage::accept(tx, claim, item.pupil(), now).await?
        }
        ItemKind::Emergency => emergencies::release(tx, item.subject_id, item.pupil(), now).await?,
        ItemKind::Protection => bars::accept_protection(tx, item.subject_id, person, now).await?,
    };
    Ok(accepted > 0)
}
