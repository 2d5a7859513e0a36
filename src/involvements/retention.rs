//! Ending what is past its time of what stands beside cases: emergencies, bars, what waited for those who protect a child,
//! conflicts, and caseloads that nobody let go on. What happened stays in the log as long as the log is kept; here it is
//! held for as long as somebody may come back to it.

use super::{bars, caseloads, emergencies, protecting, review};
use crate::gate::{Gate, Refusal, in_steps};
use chrono::{Days, Months, TimeDelta};

/// Rows deleted in one transaction, so that none holds the one writer for long.
const STEP: i64 = 200;
/// Months after its end for which a bar, a decided item, a conflict or a countersigned emergency is kept.
const KEPT: Months = Months::new(12);
/// Months for which an emergency is kept that nobody countersigned: until then its claimant's right is lost.
const UNSIGNED_KEPT: Months = Months::new(72);
/// Days for which it is kept how often a person claimed on a day.
const COUNTS_KEPT: Days = Days::new(28);
/// How long a caseload waits that somebody should let go on: as long as a claim that is not sent again.
const HELD: TimeDelta = TimeDelta::days(28);

/// Deletes what is past its time, and says how many rows that were. Each batch that deletes leaves one entry; where nothing
/// has ended there is none.
pub async fn expire_bars(gate: &Gate) -> Result<u64, Refusal> {
    let (now, at, today) = (gate.clock().school_now(), gate.clock().now(), gate.clock().today());
    let back = |time: chrono::DateTime<chrono::Utc>, months| time.checked_sub_months(months).unwrap_or(time);
    let (ended, unsigned) = (back(now, KEPT), back(now, UNSIGNED_KEPT));
    // What is decided of an item, and the end of a conflict, are noted in real time.
    let decided = back(at, KEPT);
    let counted = today.checked_sub_days(COUNTS_KEPT).unwrap_or(today);
    let mut total = in_steps!(gate, tx => emergencies::forget(tx, (ended, unsigned), STEP));
    total += in_steps!(gate, tx => emergencies::forget_days(tx, counted, STEP));
    total += in_steps!(gate, tx => bars::forget_shields(tx, ended, STEP));
    total += in_steps!(gate, tx => bars::forget_decisions(tx, ended, STEP));
    total += in_steps!(gate, tx => bars::forget_protections(tx, ended, STEP));
    total += in_steps!(gate, tx => protecting::forget(tx, decided, STEP));
    total += in_steps!(gate, tx => review::forget(tx, decided, STEP));
    total += in_steps!(gate, tx => caseloads::forget_held(tx, at - HELD, STEP));
    Ok(total)
}
