//! Filling the gateway as a real authority would: schools send files, agencies open cases, callers find their children.

use super::client::Client;
use crate::crypto;
use crate::demo::{Authority, DemoCaller, DemoInvolvement, Standing, callers, files, involvements};
use anyhow::{Context as _, Result, bail};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// Sends everything, and gives the callers with their handles.
pub(super) async fn fill(authority: &Authority, dir: &Path, base: &str) -> Result<Vec<DemoCaller>> {
    let mut callers = callers(authority);
    let clients: HashMap<String, Client> = callers
        .iter()
        .map(|caller| Ok((caller.name.clone(), Client::new(caller, dir, base)?)))
        .collect::<Result<_>>()?;
    let client = |name: &str| clients.get(name).with_context(|| format!("no caller `{name}`"));
    let schools = authority.schools.iter().map(|school| async move {
        let sender = client(&format!("school_attendance_officer_{}", school.urn))?;
        for calendar in &school.calendars {
            let path = format!("/v1/schools/{}/calendar/{}", school.urn, calendar.start_year);
            sender.send_file(Method::PUT, &path, &dir.join(files::calendar_path(school, calendar))).await?;
        }
        let sent = files::school_files(school);
        let (roll, marks) =
            (format!("/v1/schools/{}/pupils", school.urn), format!("/v1/schools/{}/attendance", school.urn));
        sender.send_file(Method::POST, &roll, &dir.join(sent.pupils)).await?;
        sender.send_file(Method::POST, &marks, &dir.join(sent.attendance)).await?;
        anyhow::Ok(())
    });
    try_join_all(schools).await?;
    let cases = involvements(authority);
    for case in &cases {
        open_case(sender_of(&callers, &clients, &case.client_id)?, case).await?;
    }
    await_matches(&callers, &clients, &cases).await?;
    let found = find_children(&callers, &clients).await?;
    for case in cases.iter().filter(|case| case.until.is_some()) {
        let path = format!("/v1/involvements/{}", case.id);
        let answer = sender_of(&callers, &clients, &case.client_id)?
            .call(Method::DELETE, &path, &[], Vec::new())
            .await?;
        if answer.status != 202 {
            bail!("a case could not be ended: {}", answer.status);
        }
    }
    for (caller, handles) in callers.iter_mut().zip(found) {
        for (child, handle) in caller.children.iter_mut().zip(handles) {
            child.pupil_id = Some(handle);
        }
    }
    Ok(callers)
}

/// A client of a system, by any caller that it carries.
fn sender_of<'a>(
    callers: &[DemoCaller],
    clients: &'a HashMap<String, Client>,
    client_id: &str,
) -> Result<&'a Client> {
    let caller = callers.iter().find(|c| c.client_id == client_id);
    caller.and_then(|c| clients.get(&c.name)).with_context(|| format!("no caller is `{client_id}`"))
}

async fn open_case(sender: &Client, case: &DemoInvolvement) -> Result<()> {
    let family = case.family_agreement.as_ref();
    let body = json!({
        "kind": case.kind.as_str(), "team": case.team, "source_case_id": case.source_case_id,
        "case_reference": case.case_reference, "opened_at": case.opened_at, "staff_id": case.staff_id,
        "upn": case.upn, "date_of_birth": case.date_of_birth, "surname": case.surname, "forename": case.forename,
        "family_agreement": family.map(|f| json!({"agreed_by": f.agreed_by, "agreed_to": f.agreed_to, "until": f.until})),
    });
    let path = format!("/v1/involvements/{}", case.id);
    let headers = [("content-type", "application/json")];
    let answer = sender.call(Method::PUT, &path, &headers, body.to_string().into_bytes()).await?;
    if answer.status == 202 {
        Ok(())
    } else {
        bail!("case {} was not taken: {}", case.case_reference, answer.body)
    }
}

/// Matching runs off the request path; the last case sent that can match is matched within moments.
async fn await_matches(
    callers: &[DemoCaller],
    clients: &HashMap<String, Client>,
    cases: &[DemoInvolvement],
) -> Result<()> {
    for _ in 0..100 {
        let mut pending = 0;
        let systems: std::collections::BTreeSet<&str> = cases.iter().map(|c| c.client_id.as_str()).collect();
        for system in systems {
            let client = sender_of(callers, clients, system)?;
            let report =
                client.call(Method::GET, "/v1/involvements/report?limit=1000", &[], Vec::new()).await?;
            let lines =
                report.body.get("involvements").and_then(|v| v.as_array()).cloned().unwrap_or_default();
            let protected = |id: &str| cases.iter().any(|c| c.protected && c.id.to_string() == id);
            pending += lines
                .iter()
                .filter(|l| l.get("state").and_then(|s| s.as_str()) == Some("pending"))
                .filter(|l| !l.get("id").and_then(|s| s.as_str()).is_some_and(protected))
                .count();
        }
        if pending == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the cases of the demonstration were not matched in time")
}

/// Each caller's handles, in the order of its children; a made-up one for a child that is not its system's.
async fn find_children(
    callers: &[DemoCaller],
    clients: &HashMap<String, Client>,
) -> Result<Vec<Vec<String>>> {
    let mut found = Vec::with_capacity(callers.len());
    for caller in callers {
        let mut handles = Vec::with_capacity(caller.children.len());
        for child in &caller.children {
            let own = match child.standing {
                Standing::NotMine | Standing::Protected | Standing::Shielded => None,
                Standing::Mine | Standing::Ended | Standing::OtherCaseKind => {
                    of_system(caller, callers, clients, &child.upn).await?
                }
            };
            let made_up =
                || crypto::random::<16>().map(|bytes| crypto::to_hex(&bytes)).context("no random bytes");
            handles.push(own.map_or_else(made_up, Ok)?);
        }
        found.push(handles);
    }
    Ok(found)
}

/// The system's handle of a child, found for whichever purpose ties the system to it.
async fn of_system(
    caller: &DemoCaller,
    callers: &[DemoCaller],
    clients: &HashMap<String, Client>,
    upn: &str,
) -> Result<Option<String>> {
    let same =
        callers.iter().filter(|other| other.client_id == caller.client_id && other.name != caller.name);
    for other in std::iter::once(caller).chain(same) {
        if let Some(client) = clients.get(&other.name)
            && let Some(handle) = client.find(upn).await?
        {
            return Ok(Some(handle));
        }
    }
    Ok(None)
}
