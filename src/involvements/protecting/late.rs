//! Telling those who must know of what nobody answered in time.

use super::storage;
use crate::domain::bars::{MANAGER_ANSWERS, URGENT_ANSWERED};
use crate::domain::identifiers::OrganisationId;
use crate::gate::{Duty, Gate, Refusal};
use crate::involvements::{bars, emergencies};
use crate::outbox::{self, Notice, NoticeKind};
use serde_json::json;

/// Puts urgent items that lie for thirty minutes into the senior officer's queue, and tells of renewals that a manager did
/// not answer in ten, of emergencies that nobody countersigned, and of shields and decisions whose time is over. Says of
/// how much, each by its own word.
pub async fn tell_what_is_late(gate: &Gate) -> Result<Vec<(&'static str, u64)>, Refusal> {
    let (now, at, today) = (gate.clock().school_now(), gate.clock().now(), gate.clock().today());
    let permit = gate.open_duty(Duty::Escalate).await?;
    let mut tx = gate.db().begin().await?;
    let mut told: Vec<(OrganisationId, NoticeKind, String, String)> = Vec::new();
    let items = storage::escalate(&mut tx, at - URGENT_ANSWERED, at).await?;
    let renewals = emergencies::waiting_renewals(&mut tx, now - MANAGER_ANSWERS, at).await?;
    for (organisation, id, number) in &renewals {
        let body = json!({"emergency": id, "number": number}).to_string();
        let kind = NoticeKind::EmergencyRenewalOpened;
        told.push((OrganisationId(*organisation), kind, format!("{id} {number}"), body));
    }
    let late = emergencies::tell_late(&mut tx, today, at).await?;
    for (organisation, claim) in &late {
        let body = json!({"claim": claim}).to_string();
        told.push((
            OrganisationId(*organisation),
            NoticeKind::EmergencyNotCountersigned,
            claim.to_string(),
            body,
        ));
    }
    let due = bars::tell_due(&mut tx, today, at).await?;
    for due in &due {
        told.push((OrganisationId(due.organisation), due.kind, due.subject(), due.body()));
    }
    let touched = told.len() as u64 + items;
    if touched == 0 {
        return Ok(Vec::new());
    }
    for (organisation, kind, subject, body) in &told {
        outbox::notify(&mut tx, *organisation, Notice { kind: *kind, subject, body }, at).await?;
    }
    gate.commit_duty(permit, tx, touched).await?;
    Ok(vec![
        ("protecting_item_unanswered", items),
        ("emergency_renewal_unanswered", renewals.len() as u64),
        ("emergency_not_countersigned", late.len() as u64),
        ("bar_due", due.len() as u64),
    ])
}
