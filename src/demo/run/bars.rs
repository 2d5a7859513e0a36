//! The demonstration's bars: set in the process, by a manager whom it makes up, since nobody can sign in to it.
//!
//! They go through the same gate as any person's: policy, mark and entry are those of a bar that is sent.

use super::client::Client;
use crate::crypto;
use crate::demo::agencies::{AUTHORITY, MANAGER, PEOPLE};
use crate::demo::{DemoBar, DemoCaller, DemoInvolvement};
use crate::directory::PersonKey;
use crate::domain::purpose::{Purpose, Role};
use crate::domain::working_days::BankHolidays;
use crate::gate::{Asked, Gate, Trail};
use crate::identity::{Caller, Person};
use crate::involvements::{shield_child, withhold};
use anyhow::{Context as _, Result};
use chrono::Days;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// Sets the bar that stands against the agency of a case.
pub(super) async fn set(
    gate: &Gate,
    callers: &[DemoCaller],
    clients: &HashMap<String, Client>,
    case: &DemoInvolvement,
) -> Result<()> {
    let Some(bar) = &case.barred else { return Ok(()) };
    let social_care = callers
        .iter()
        .find(|c| {
            c.organisation == AUTHORITY
                && c.role == Role::SocialWorker.as_str()
                && c.purpose == bar.purpose.as_str()
        })
        .context("no caller of social care")?;
    let client = clients.get(&social_care.name).context("no client of social care")?;
    let handle = client.find(&case.upn).await?.context("social care has no such child")?;
    let barred = callers.iter().find(|c| c.client_id == case.client_id).context("no caller of the agency")?;
    let asked = manager(gate, &social_care.client_id, bar.purpose)?;
    let review_on = gate.clock().today() + Days::new(90);
    let whom = json!([{"organisation": barred.organisation}]);
    let (id, reference) =
        (Uuid::from_bytes(crypto::random().context("no random bytes")?), Some(bar.under.as_str()));
    let sent = body(bar, &handle, &whom, review_on).to_string();
    if bar.shield {
        let done =
            shield_child(gate, &BankHolidays::default(), asked, (id, reference), sent.as_bytes()).await;
        done.map(drop).context("the shield could not be set")
    } else {
        let done = withhold(gate, asked, (id, reference), sent.as_bytes()).await;
        done.map(drop).context("the decision to withhold could not be made")
    }
}

fn body(
    bar: &DemoBar,
    handle: &str,
    whom: &serde_json::Value,
    review_on: chrono::NaiveDate,
) -> serde_json::Value {
    if bar.shield {
        json!({"pupil_id": handle, "category": "refuge", "against": whom, "review_on": review_on,
               "reason": "the family lives in a refuge, and somebody close works there",
               "protecting_teams": [{"organisation": AUTHORITY, "team": "child-protection"}]})
    } else {
        json!({"pupil_id": handle, "from": whom, "review_on": review_on,
               "ground": "the child asked that nobody there should hear of it, and is old enough to say so"})
    }
}

/// The manager, who asks through social care's own system.
fn manager(gate: &Gate, client_id: &str, purpose: Purpose) -> Result<Asked> {
    let directory = gate.directory().current();
    let system = directory.system_by_client_id(client_id).context("no system of social care")?;
    let organisation = directory.organisation_of(system).context("no authority")?;
    let thumbprint =
        directory.credentials.values().find(|c| c.system == system.id).context("no certificate")?;
    let key = PersonKey { issuer: PEOPLE.to_owned(), tenant: String::new(), subject: MANAGER.to_owned() };
    let person = Person {
        key,
        teams: vec!["child-protection".to_owned(), "looked-after".to_owned()],
        attested: false,
        marks: Vec::new(),
    };
    let caller = Caller::of_person(
        (organisation, system),
        (Role::SocialWorker, purpose),
        Arc::new(person),
        thumbprint.thumbprint,
    );
    let caller = caller.acting(&directory, gate.clock().today())?;
    let trail = Trail::of_command("demo", &caller, gate.clock().now());
    Ok(Asked { caller, trail })
}
