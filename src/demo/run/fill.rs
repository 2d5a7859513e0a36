//! Filling the gateway as a real authority would: schools send files, agencies open cases, callers find their children.

use super::bars;
use super::client::Client;
use super::{Step, Tell};
use crate::crypto;
use crate::demo::files::calendar_path;
use crate::demo::{
    Authority, DemoCaller, DemoInvolvement, SchoolFiles, Standing, callers, involvements, write_exports,
};
use crate::gate::Gate;
use anyhow::{Context as _, Result, bail};
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Schools that write and send their exports at once: while one is drawn another is checked and a third applied, and
/// memory does not grow with the authority.
const SCHOOLS_AT_ONCE: usize = 3;
/// Questions asked at once.
const CALLS_AT_ONCE: usize = 8;

/// Writes every school's exports, sends everything, and gives the callers with their handles and the schools' files.
pub(super) async fn fill(
    authority: &Arc<Authority>,
    dir: &Path,
    (base, gate): (&str, &Gate),
    tell: Tell<'_>,
) -> Result<(Vec<DemoCaller>, Vec<SchoolFiles>)> {
    let mut callers = callers(authority);
    let clients: HashMap<String, Client> = callers
        .iter()
        .map(|caller| Ok((caller.name.clone(), Client::new(caller, dir, base)?)))
        .collect::<Result<_>>()?;
    let files = schools(authority, dir, &clients, tell).await?;
    let cases = involvements(authority);
    // Who is barred opens its case when the bar stands.
    let (after, before): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.barred.is_some());
    for (case, done) in before.iter().zip(1..) {
        open_case(sender_of(&callers, &clients, &case.client_id)?, case).await?;
        tell(Step { what: "cases opened", done, of: cases.len() });
    }
    await_matches(&callers, &clients, &cases).await?;
    for case in after {
        bars::set(gate, &callers, &clients, case).await?;
        open_case(sender_of(&callers, &clients, &case.client_id)?, case).await?;
    }
    let found = find_children(&callers, &clients, tell).await?;
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
    Ok((callers, files))
}

/// Every school's exports, written and sent.
async fn schools(
    authority: &Arc<Authority>,
    dir: &Path,
    clients: &HashMap<String, Client>,
    tell: Tell<'_>,
) -> Result<Vec<SchoolFiles>> {
    let all = futures_util::stream::iter(0..authority.schools.len())
        .map(|index| school(authority, index, dir, clients))
        .buffered(SCHOOLS_AT_ONCE);
    let (mut all, mut files) = (std::pin::pin!(all), Vec::with_capacity(authority.schools.len()));
    while let Some(sent) = all.next().await {
        files.push(sent?);
        tell(Step { what: "schools' registers sent", done: files.len(), of: authority.schools.len() });
    }
    Ok(files)
}

/// One school: its exports are written as its own system would, then sent by that system.
async fn school(
    authority: &Arc<Authority>,
    index: usize,
    dir: &Path,
    clients: &HashMap<String, Client>,
) -> Result<SchoolFiles> {
    let school = authority.schools.get(index).context("no such school")?;
    let name = format!("school_attendance_officer_{}", school.urn);
    let sender = clients.get(&name).with_context(|| format!("no caller `{name}`"))?;
    let (of, to) = (Arc::clone(authority), dir.to_owned());
    let written = tokio::task::spawn_blocking(move || {
        of.schools.get(index).map(|school| write_exports(&of, school, &to))
    });
    let files = written.await?.context("no such school")??;
    for calendar in &school.calendars {
        let path = format!("/v1/schools/{}/calendar/{}", school.urn, calendar.start_year);
        sender.send_file(Method::PUT, &path, &dir.join(calendar_path(school, calendar))).await?;
    }
    for (what, file) in [("pupils", &files.pupils), ("attendance", &files.attendance)] {
        let path = format!("/v1/schools/{}/{what}", school.urn);
        sender.send_file(Method::POST, &path, &dir.join(file)).await?;
    }
    Ok(files)
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
        "school_not_told": case.school_not_told.map(|(category, _)| category),
        "school_not_told_review": case.school_not_told.map(|(_, day)| day),
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

/// How long none of the cases may find its child before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Matching runs off the request path; the last case sent that can match is matched within moments.
async fn await_matches(
    callers: &[DemoCaller],
    clients: &HashMap<String, Client>,
    cases: &[DemoInvolvement],
) -> Result<()> {
    let (mut fewest, mut since) = (usize::MAX, Instant::now());
    loop {
        let pending = pending(callers, clients, cases).await?;
        if pending == 0 {
            return Ok(());
        }
        if pending < fewest {
            (fewest, since) = (pending, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            bail!("{pending} cases of the demonstration were not matched in time");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many cases have not found their child yet, but for those that never will.
async fn pending(
    callers: &[DemoCaller],
    clients: &HashMap<String, Client>,
    cases: &[DemoInvolvement],
) -> Result<usize> {
    let mut pending = 0;
    let systems: BTreeSet<&str> = cases.iter().map(|c| c.client_id.as_str()).collect();
    for system in systems {
        let client = sender_of(callers, clients, system)?;
        let report = client.call(Method::GET, "/v1/involvements/report?limit=1000", &[], Vec::new()).await?;
        let lines = report.body.get("involvements").and_then(|v| v.as_array()).cloned().unwrap_or_default();
        let waits = |c: &DemoInvolvement| c.protected || c.barred.is_some();
        let protected = |id: &str| cases.iter().any(|c| waits(c) && c.id.to_string() == id);
        pending += lines
            .iter()
            .filter(|l| l.get("state").and_then(|s| s.as_str()) == Some("pending"))
            .filter(|l| !l.get("id").and_then(|s| s.as_str()).is_some_and(protected))
            .count();
    }
    Ok(pending)
}

/// Each caller's handles, in the order of its children.
async fn find_children(
    callers: &[DemoCaller],
    clients: &HashMap<String, Client>,
    tell: Tell<'_>,
) -> Result<Vec<Vec<String>>> {
    let all = futures_util::stream::iter(callers)
        .map(|caller| handles(caller, callers, clients))
        .buffered(CALLS_AT_ONCE);
    let (mut all, mut found) = (std::pin::pin!(all), Vec::with_capacity(callers.len()));
    while let Some(handles) = all.next().await {
        found.push(handles?);
        tell(Step { what: "callers' children found", done: found.len(), of: callers.len() });
    }
    Ok(found)
}

/// The handles of a caller's children; a made-up one for a child that is not its system's.
async fn handles(
    caller: &DemoCaller,
    callers: &[DemoCaller],
    clients: &HashMap<String, Client>,
) -> Result<Vec<String>> {
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
    Ok(handles)
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
