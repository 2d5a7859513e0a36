//! Ending what is past its retention: entries of both registers, six years after the day on which each was made
//! (SI 2024/208 reg 7(a)). The gateway holds a copy; it must not outlive the duty, nor fall short of it.

use crate::domain::attendance::kept_out;
use crate::domain::calendar::SchoolYear;
use crate::gate::{Duty, Gate, Refusal};
use crate::registers::{self, MarksPlace};
use chrono::NaiveDate;
use uuid::Uuid;

/// Packed years looked at in one transaction, so that none holds the one writer for long.
const STEP: i64 = 100;

/// Deletes the marks and amendments whose six years have ended, and says how many. Each batch that deletes leaves one
/// entry; where nothing has ended there is none.
pub async fn expire_entries(gate: &Gate) -> Result<u64, Refusal> {
    let until = kept_out(gate.clock().today());
    // Entries of a later school year cannot be older; a time before 1 August is held as its first second.
    let last = SchoolYear::of(until);
    let mut total = expire_amendments(gate, until).await?;
    let mut after: MarksPlace = (Uuid::nil(), Uuid::nil(), 0, 0);
    loop {
        let duty = gate.open_duty(Duty::Retain).await?;
        let rows = registers::marks_of_years(gate.db(), &duty, last, after, STEP).await?;
        let Some(end) = rows.last() else { return Ok(total) };
        after = end.place();
        let mut tx = gate.db().begin().await?;
        let mut gone = 0;
        for row in &rows {
            gone += registers::expire_marks(&mut tx, row, until).await?;
        }
        if gone > 0 {
            gate.commit_duty(duty, tx, gone).await?;
            total += gone;
        }
    }
}

async fn expire_amendments(gate: &Gate, until: NaiveDate) -> Result<u64, Refusal> {
    let duty = gate.open_duty(Duty::Retain).await?;
    let mut tx = gate.db().begin().await?;
    let gone = registers::expire_amendments(&mut tx, until).await?;
    if gone > 0 {
        gate.commit_duty(duty, tx, gone).await?;
    }
    Ok(gone)
}
