//! Asking those who protect a child, in the transaction of what is asked about.
//!
//! No feed tells of it: an organisation's feed is read by all its systems, those of whoever asks among them, and that
//! something began to wait would tell them what must not be told. Who protects children looks into the queue.

use super::storage;
use crate::domain::bars::ItemKind;
use crate::domain::identifiers::{OrganisationId, PupilId};
use crate::gate::{Gate, Protector};
use crate::store::{StoreError, Tx};
use uuid::Uuid;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(in crate::involvements) struct Ask<'a> {
    pub(in crate::involvements) kind: ItemKind,
    /// Whose it is that waits, and under which id.
    pub(in crate::involvements) subject: (OrganisationId, Uuid),
    pub(in crate::involvements) pupil: PupilId,
    /// Whose team asks, and its code.
    pub(in crate::involvements) asker: (OrganisationId, &'a str),
    /// Whether it is an enquiry under section 47, or an emergency.
    pub(in crate::involvements) urgent: bool,
    /// The number that an emergency's claimant gave.
    pub(in crate::involvements) call_back: Option<&'a str>,
}

/// Puts an item into the queue of each of those who protect the child.
pub(in crate::involvements) async fn ask(
    gate: &Gate,
    tx: &mut Tx,
    ask: Ask<'_>,
    protectors: &[Protector],
) -> Result<(), StoreError> {
    let at = gate.clock().now();
    if ask.kind == ItemKind::Claim {
        storage::overtake(tx, &ask, at).await?;
    }
    for protector in protectors {
        storage::insert(tx, Uuid::now_v7(), &ask, *protector, at).await?;
    }
    Ok(())
}
