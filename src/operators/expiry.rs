//! Telling organisations of certificates that end soon, in time to have another one registered.

use crate::gate::{Duty, Gate, Refusal};
use crate::outbox::{self, Notice, NoticeKind};
use chrono::TimeDelta;
use serde_json::json;

/// Days before the end at which it is told: an organisation is told at each of them once.
const DAYS: [i64; 4] = [30, 14, 7, 3];

/// Tells of every certificate that ends within [`DAYS`] and whose system has no other that lasts longer; says how many
/// notices were new.
pub async fn tell_expiring(gate: &Gate) -> Result<u64, Refusal> {
    let (directory, now) = (gate.directory().current(), gate.clock().now());
    let mut told = Vec::new();
    for credential in directory.credentials.values() {
        let left = credential.valid_until - now;
        let Some(days) = DAYS.into_iter().filter(|days| left <= TimeDelta::days(*days)).min() else {
            continue;
        };
        let lasting = directory.credentials.values().any(|other| {
            other.system == credential.system
                && other.revoked_at.is_none()
                && other.valid_until > credential.valid_until
        });
        let ended = left < TimeDelta::zero() || credential.revoked_at.is_some() || lasting;
        let system = directory.systems.get(&credential.system).filter(|system| !ended && !system.suspended);
        if let Some(system) = system {
            let thumbprint = crate::crypto::to_hex(&credential.thumbprint);
            let body = json!({
                "system": system.code,
                "certificate_sha256": thumbprint,
                "valid_until": credential.valid_until,
            });
            told.push((system.organisation, format!("{thumbprint} {days}"), body.to_string()));
        }
    }
    if told.is_empty() {
        return Ok(0);
    }
    let duty = gate.open_duty(Duty::TellExpiring).await?;
    let mut tx = gate.db().begin().await?;
    let mut new = 0;
    for (organisation, subject, body) in &told {
        let notice = Notice { kind: NoticeKind::CertificateExpiring, subject, body };
        if outbox::notify(&mut tx, *organisation, notice, now).await? {
            tracing::warn!(
                certificate = subject,
                "a system's certificate ends soon: its thumbprint, and within how many days"
            );
            new += 1;
        }
    }
    if new > 0 {
        gate.commit_duty(duty, tx, new).await?;
    }
    Ok(new)
}
