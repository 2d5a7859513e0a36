//! Feeds that fall silent: what no feed lists any more ends, but never many at once before somebody has looked.

use super::{is_over_a_tenth, storage};
use crate::domain::calendar::london;
use crate::domain::identifiers::OrganisationId;
use crate::domain::working_days::BankHolidays;
use crate::gate::{Duty, Gate, Refusal};
use crate::http::Metrics;
use crate::outbox::{self, Notice, NoticeKind};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde_json::json;

/// Days after which an involvement that no feed listed shows since when.
const UNCONFIRMED_DAYS: i64 = 7;
/// Working days after that on which it ends.
const ENDS_AFTER: u32 = 5;
/// Working days for which many at once wait for a person.
const WAITS: u32 = 10;
/// Rows that one transaction ends.
const STEP: i64 = 500;

/// Whether one that was last listed on a day shows since when.
pub(in crate::involvements) fn is_unconfirmed(listed_on: NaiveDate, today: NaiveDate) -> bool {
    (today - listed_on).num_days() >= UNCONFIRMED_DAYS
}

/// The last day on which one may have been listed that ends today.
fn ends_today(today: NaiveDate, holidays: &BankHolidays) -> NaiveDate {
    let ends = |listed: &NaiveDate| {
        holidays.working_days_after(*listed + TimeDelta::days(UNCONFIRMED_DAYS), ENDS_AFTER) <= today
    };
    // Five working days are over within three weeks, whatever holidays there are.
    (UNCONFIRMED_DAYS..UNCONFIRMED_DAYS + 21)
        .map(|back| today - TimeDelta::days(back))
        .find(ends)
        .unwrap_or(today - TimeDelta::days(UNCONFIRMED_DAYS + 21))
}

/// Ends what no feed has listed for too long, agency by agency; says how many ended.
pub async fn lapse_silent(gate: &Gate, holidays: &BankHolidays, metrics: &Metrics) -> Result<u64, Refusal> {
    let today = london(gate.clock().now()).date();
    let before = ends_today(today, holidays).checked_add_days(Days::new(1)).unwrap_or(today);
    let before = before.and_time(NaiveTime::MIN).and_utc();
    let mut total = 0;
    for due in storage::due(gate.db(), gate.clock().today(), before).await? {
        let organisation = OrganisationId(due.organisation_id);
        let over = is_over_a_tenth(due.due.unsigned_abs(), due.open.unsigned_abs());
        let silence = storage::silence(gate.db(), organisation).await?;
        let waited = silence
            .is_some_and(|s| s.looked_on.is_some() || holidays.working_days_after(s.since, WAITS) <= today);
        if over && !waited {
            hold(gate, metrics, organisation, (today, due.due)).await?;
            continue;
        }
        total += end(gate, organisation, before, due.due > 0).await?;
        if silence.is_some() {
            let permit = gate.open_duty(Duty::Lapse).await?;
            let mut tx = gate.db().begin().await?;
            storage::end_silence(&mut tx, organisation).await?;
            gate.commit_progress(&permit, tx).await?;
        }
    }
    Ok(total)
}

/// Holds an agency's, and on the first day says so: an alarm, an entry and a notice to the agency.
async fn hold(
    gate: &Gate,
    metrics: &Metrics,
    organisation: OrganisationId,
    (today, due): (NaiveDate, i64),
) -> Result<(), Refusal> {
    let permit = gate.open_duty(Duty::Lapse).await?.because("feed_silent");
    let mut tx = gate.db().begin().await?;
    if !storage::note_silence(&mut tx, organisation, today, due).await? {
        gate.commit_progress(&permit, tx).await?;
        return Ok(());
    }
    let (body, subject) = (json!({"would_end": due, "since": today}).to_string(), today.to_string());
    let notice = Notice { kind: NoticeKind::FeedSilent, subject: &subject, body: &body };
    outbox::notify(&mut tx, organisation, notice, gate.clock().now()).await?;
    gate.commit_duty(permit, tx, due.unsigned_abs()).await?;
    metrics.alarm("feed_silent");
    tracing::warn!(due, "an agency's feed lists over a tenth of its involvements no more; none ends yet");
    Ok(())
}

async fn end(
    gate: &Gate,
    organisation: OrganisationId,
    before: DateTime<Utc>,
    any: bool,
) -> Result<u64, Refusal> {
    let mut total = 0;
    if !any {
        return Ok(total);
    }
    loop {
        let permit = gate.open_duty(Duty::Lapse).await?.because("unconfirmed");
        let mut tx = gate.db().begin().await?;
        let moment = (before, gate.clock().school_now());
        let ended = storage::end_silent(&mut tx, organisation, moment, STEP).await?;
        if ended == 0 {
            break;
        }
        gate.commit_duty(permit, tx, ended).await?;
        total += ended;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_listed_ends_five_working_days_after_a_week() {
        for (today, last) in [
            // Listed on Tuesday 10th; a week later Tuesday 17th; five working days later Tuesday 24th.
            ("2026-11-24", "2026-11-10"),
            ("2026-11-23", "2026-11-09"),
            // Listed on a Sunday, or on the Friday or Saturday before it: the fifth working day after the week is Friday.
            ("2026-11-27", "2026-11-15"),
            // Christmas and Boxing Day (Monday 28th in its place) count as none.
            ("2027-01-04", "2026-12-16"),
        ] {
            let ends = ends_today(today.parse().unwrap(), &BankHolidays::default());
            assert_eq!(ends.to_string(), last, "{today}");
        }
    }
}
