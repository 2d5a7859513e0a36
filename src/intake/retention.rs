//! Ending what is past its retention: the rejected rows of uploads, 30 days after each; what schools sent, six years
//! after the day on which each entry was made (SI 2024/208 reg 7(a)). The gateway holds a copy; it must not outlive the
//! duty, nor fall short of it.

use super::history;
use crate::domain::attendance::kept_out;
use crate::domain::calendar::{SchoolYear, end_of, london};
use crate::gate::{Duty, Gate, Refusal, in_steps};
use crate::registers::{self, Ended, MarksPlace, Upload};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

/// Rows looked at or deleted in one transaction, so that none holds the one writer for long.
const STEP: i64 = 100;
/// The same of enrolments, of each of which several rows go.
const ENROLMENTS: i64 = 25;
/// How long rejected rows are kept: long enough to mend them, and the school has its file.
const ERRORS_KEPT: TimeDelta = TimeDelta::days(30);
/// After this long an upload that was begun and not switched to has no process any more.
const LEFT_BEHIND: TimeDelta = TimeDelta::days(7);

/// Deletes what is past its time, and says how many entries that were. Each batch that deletes leaves one entry; where
/// nothing has ended there is none.
pub async fn expire_entries(gate: &Gate) -> Result<u64, Refusal> {
    let until = kept_out(gate.clock().today());
    // Uploads are noted in real time.
    let now = gate.clock().now();
    let uploads = end_of(kept_out(london(now).date()));
    let mut total = in_steps!(gate, tx => history::expire_errors(tx, now - ERRORS_KEPT, STEP));
    total += in_steps!(gate, tx => history::expire_imports(tx, uploads, STEP));
    total += clear_left_behind(gate, now - LEFT_BEHIND).await?;
    total += clear_children(gate, now - LEFT_BEHIND).await?;
    total += expire_marks(gate, until).await?;
    let mut after = Uuid::nil();
    loop {
        let duty = gate.open_duty(Duty::Retain).await?;
        let next = registers::next_ended(gate.db(), &duty, after, (until, end_of(until))).await?;
        let Some(ended) = next else { return Ok(total) };
        after = ended.school.0;
        total += expire_register(gate, &ended).await?;
    }
}

/// Deletes what uploads staged that were never switched to.
async fn clear_left_behind(gate: &Gate, before: DateTime<Utc>) -> Result<u64, Refusal> {
    let mut total = 0;
    loop {
        let duty = gate.open_duty(Duty::Retain).await?;
        let left = Upload::left_behind(gate.db(), &duty, before, 1).await?;
        let Some(upload) = left.first() else { return Ok(total) };
        let mut tx = gate.db().begin().await?;
        upload.overtake(&mut tx).await?;
        let gone = upload.clear_some(&mut tx).await?;
        if gone > 0 {
            gate.commit_duty(duty, tx, gone).await?;
        } else {
            // Nothing of it is left but that it was begun.
            gate.commit_progress(&duty, tx).await?;
        }
        gate.db().give_way().await;
        total += gone;
    }
}

/// Deletes the children whom such uploads added and no enrolment came to be of.
async fn clear_children(gate: &Gate, before: DateTime<Utc>) -> Result<u64, Refusal> {
    let (mut after, mut total) = (Uuid::nil(), 0);
    loop {
        let duty = gate.open_duty(Duty::Retain).await?;
        let page = registers::pupils_enrolled(gate.db(), &duty, (after, before), STEP).await?;
        let Some((last, _)) = page.last() else { return Ok(total) };
        after = last.0;
        if page.iter().all(|(_, enrolled)| *enrolled) {
            continue;
        }
        let (mut tx, mut gone) = (gate.db().begin().await?, 0);
        for (pupil, _) in page.iter().filter(|(_, enrolled)| !enrolled) {
            gone += registers::remove_unenrolled(&mut tx, &duty, *pupil).await?;
        }
        if gone > 0 {
            gate.commit_duty(duty, tx, gone).await?;
            gate.db().give_way().await;
            total += gone;
        }
    }
}

/// Ends what is past its time of one school's register; what others are read by goes last.
async fn expire_register(gate: &Gate, ended: &Ended) -> Result<u64, Refusal> {
    let mut total = in_steps!(gate, tx => registers::end_some_amendments(tx, ended, STEP));
    total += in_steps!(gate, tx => registers::end_some_recordings(tx, ended, STEP));
    if ended.version.is_none() {
        return Ok(total);
    }
    total += in_steps!(gate, tx => registers::end_some_roll_events(tx, ended, STEP));
    total += in_steps!(gate, tx => registers::end_some_calendars(tx, ended, STEP));
    total += in_steps!(gate, tx => registers::end_some_overtaken(tx, ended, ENROLMENTS));
    total += in_steps!(gate, tx => registers::end_some_enrolments(tx, ended, ENROLMENTS));
    total += in_steps!(gate, tx => registers::end_some_protected(tx, ended, ENROLMENTS));
    Ok(total)
}

/// Takes the marks whose six years have ended out of the packed years.
async fn expire_marks(gate: &Gate, until: NaiveDate) -> Result<u64, Refusal> {
    // Entries of a later school year cannot be older; a time before 1 August is held as its first second.
    let last = SchoolYear::of(until);
    let mut total = 0;
    let mut after: MarksPlace = (Uuid::nil(), Uuid::nil(), 0, 0);
    loop {
        let duty = gate.open_duty(Duty::Retain).await?;
        let rows = registers::marks_of_years(gate.db(), &duty, last, after, STEP).await?;
        if rows.is_empty() {
            return Ok(total);
        }
        let mut tx = gate.db().begin().await?;
        let mut gone = 0;
        for row in &rows {
            if tx.held() >= gate.db().step() {
                break;
            }
            gone += registers::expire_marks(&mut tx, &duty, row, until).await?;
            after = row.place();
        }
        if gone > 0 {
            gate.commit_duty(duty, tx, gone).await?;
            gate.db().give_way().await;
            total += gone;
        }
    }
}
