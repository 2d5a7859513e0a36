//! Ending what a feed remembers: a child that is gone after four weeks, and a feed whose reader has not come for as long.

use super::storage::{STANDS, expire_feeds, expire_told, raise_floors};
use crate::gate::{Duty, Gate, Refusal};

/// Rows deleted in one transaction, so that none holds the one writer for long.
const STEP: i64 = 200;

/// Ends what is past its time, and says how many rows that were; each batch leaves one entry.
pub async fn expire_changes(gate: &Gate) -> Result<u64, Refusal> {
    let before = gate.clock().school_now() - STANDS;
    let mut total = 0;
    loop {
        let duty = gate.open_duty(Duty::Retain).await?;
        let mut tx = gate.db().begin().await?;
        // In the same transaction, so that no reader can come between a row that is gone and the floor over it.
        let moved = raise_floors(&mut tx, before).await? + expire_feeds(&mut tx, before).await?;
        let gone = moved + expire_told(&mut tx, before, STEP).await?;
        if gone == 0 {
            return Ok(total);
        }
        gate.commit_duty(duty.because("change_feeds"), tx, gone).await?;
        total += gone;
        gate.db().give_way().await;
    }
}
