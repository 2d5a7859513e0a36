//! One involvement by itself: what stands under its id, and what its sender says of that.

use super::storage::{self, Under};
use crate::gate::{Gate, OfOrganisation, Permit, Refusal};
use crate::store::Tx;
use uuid::Uuid;

/// The involvement that a request names, and whether the request said what stands there.
pub(super) struct Single {
    id: Uuid,
    before: Option<Under>,
    conditional: bool,
}

impl Single {
    /// Holds a request to what it says of the involvement; where it says nothing nothing is looked up.
    pub(super) async fn of(gate: &Gate, permit: &Permit<OfOrganisation>, id: Uuid) -> Result<Self, Refusal> {
        if !gate.is_conditional(permit) {
            return Ok(Self { id, before: None, conditional: false });
        }
        let before = storage::under(gate.db(), (permit.organisation(), permit.system()), id).await?;
        let state = before.as_ref().and_then(Under::state);
        let conditional = gate.holds_to(permit, Some(&path(id)), state.as_deref())?;
        Ok(Self { id, before, conditional })
    }

    /// Holds it to the same once more in the transaction that writes: from now on nobody else changes it.
    pub(super) async fn still_stands(
        &self,
        gate: &Gate,
        tx: &mut Tx,
        permit: &Permit<OfOrganisation>,
    ) -> Result<(), Refusal> {
        if !self.conditional {
            return Ok(());
        }
        let now = storage::keep_under(tx, (permit.organisation(), permit.system()), self.id).await?;
        let as_before = match (&now, &self.before) {
            (None, None) => true,
            (Some(now), Some(before)) => now.is_as(before),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if as_before { Ok(()) } else { Err(gate.changed(permit)) }
    }

    /// Says in the answer what it is known by once it is written. One that was to be new and that another request opened in
    /// the same moment was written over: that is taken back.
    pub(super) async fn written(
        &self,
        gate: &Gate,
        tx: &mut Tx,
        permit: &Permit<OfOrganisation>,
    ) -> Result<(), Refusal> {
        let now = storage::under_now(tx, (permit.organisation(), permit.system()), self.id).await?;
        let Some(now) = now else { return Ok(()) };
        if self.conditional && self.before.is_none() && !now.is_new() {
            return Err(gate.changed(permit));
        }
        if let Some(state) = now.state() {
            gate.is_now(permit, &path(self.id), &state);
        }
        Ok(())
    }
}

/// Where an involvement is changed, which is what its tag is of.
pub(super) fn path(id: Uuid) -> String {
    format!("/v1/involvements/{id}")
}
