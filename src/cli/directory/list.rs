//! What stands in the directory, and the changes of it.

use super::super::{DONE, say};
use super::args::{ChangeListArgs, ChangeShowArgs, ListArgs};
use super::policies;
use super::run::open;
use crate::crypto::{sha256, to_hex};
use crate::directory::DirectoryFile;
use crate::directory::changes::{self, Record, Records};
use crate::operators::OperatorFault;
use anyhow::Result;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Changes that are listed.
const CHANGES: i64 = 200;

/// Lists the records of a kind; `school` is the organisations that are schools.
pub(super) async fn records(args: &ListArgs, kind: &str) -> Result<u8> {
    let stands = stands(args).await?;
    let is = |record: &&Record| match (kind, record) {
        ("school", Record::Organisation(o)) => o.kind == "school",
        (kind, record) => record.key().kind() == kind,
    };
    let listed: Vec<&Record> = stands.values().filter(is).collect();
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&listed)?))?;
        return Ok(DONE);
    }
    let mut text = String::new();
    for record in &listed {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{}", line(record));
    }
    let _ = writeln!(text, "{} listed", listed.len());
    say(&text)?;
    Ok(DONE)
}

async fn stands(args: &ListArgs) -> Result<Records> {
    super::super::serve::log_to_stderr("warn");
    let (_, opened) = open(&args.serve).await?;
    let stands = opened.gate.directory().current().records();
    opened.close().await;
    Ok(stands)
}

/// A record in one line: what names it, and what of it an operator looks for.
fn line(record: &Record) -> String {
    let shut = |shut: bool, word: &'static str| if shut { word } else { "" };
    let days = record.days().map(|(_, until)| format!(" until {until}")).unwrap_or_default();
    let more = match record {
        Record::Organisation(o) => {
            let urn = o.urn.as_ref().map(|urn| format!(" URN {urn}")).unwrap_or_default();
            format!(" {} {}{urn}{}", o.kind, o.name, shut(o.suspended, " SUSPENDED"))
        }
        Record::System(s) => {
            let (roles, certificates) = (s.roles.join(","), s.certificates.len());
            format!(" {roles} {certificates} certificates{}", shut(s.suspended, " SUSPENDED"))
        }
        Record::SharingAgreement(a) => shut(a.suspended, " SUSPENDED").to_owned(),
        Record::Mandate(m) => format!(" {}", m.scopes.join(",")),
        Record::ActsFor(a) => format!(" {}", a.roles.join(",")),
        Record::Team(t) => shut(t.ended, " ENDED").to_owned(),
        Record::IdentityProvider(p) => {
            format!(" {} clients{}", p.clients.len(), shut(p.suspended, " SUSPENDED"))
        }
        Record::Operator(o) => format!(" {}{}", o.public_key, shut(o.ended, " ENDED")),
        Record::Person(p) => shut(p.suspended, " SUSPENDED").to_owned(),
        Record::PolicySet(p) => format!(" {}", p.digest),
        Record::OfficerAuthorisation(_) | Record::Cover(_) | Record::PersonMark(_) => String::new(),
    };
    format!("{}{days}{more}", record.key())
}

/// Prints the directory as a file that `directory apply` reads.
pub(super) async fn whole(args: &ListArgs) -> Result<u8> {
    let mut file = DirectoryFile::default();
    for record in stands(args).await?.into_values() {
        match record {
            Record::Organisation(o) => file.organisations.push(o),
            Record::System(s) => file.systems.push(s),
            Record::Team(t) => file.teams.push(t),
            Record::SharingAgreement(a) => file.sharing_agreements.push(a),
            Record::OfficerAuthorisation(a) => file.officer_authorisations.push(a),
            Record::Mandate(m) => file.mandates.push(m),
            Record::ActsFor(a) => file.acts_for.push(a),
            Record::Cover(c) => file.covers.push(c),
            Record::PersonMark(m) => file.person_marks.push(m),
            Record::IdentityProvider(p) => file.identity_providers.push(p),
            Record::Person(p) => file.persons.push(p),
            Record::Operator(_) | Record::PolicySet(_) => {}
        }
    }
    say(&format!("{}\n", serde_json::to_string_pretty(&file)?))?;
    Ok(DONE)
}

/// Prints one change as JSON: every record as it stands now and as it would stand, and the digest of what was signed.
pub(super) async fn change(args: &ChangeShowArgs) -> Result<u8> {
    super::super::serve::log_to_stderr("warn");
    let (_, opened) = open(&args.serve).await?;
    let (kept, stands) =
        (changes::change(opened.gate.db(), args.id).await, opened.gate.directory().current().records());
    opened.close().await;
    let kept = kept?.ok_or(OperatorFault::Unknown)?;
    let mut records = Vec::new();
    for edit in &kept.change.edits {
        let key = edit.put.key();
        let (record, effect) = (key.to_string(), changes::does(&stands, edit).as_str());
        records.push(match (stands.get(&key), &edit.put) {
            (stands, Record::PolicySet(set)) => {
                let stands = stands.and_then(Record::policy_set);
                let (would, stands) = (policies::shown(stands, set).await, stands.map(|set| &set.digest));
                json!({"record": record, "effect": effect, "stands": stands, "would_stand": would})
            }
            (stands, put) => {
                json!({"record": record, "effect": effect, "stands": stands, "would_stand": put})
            }
        });
    }
    let told = json!({
        "change_id": kept.id, "state": kept.state.as_str(), "proposed_by": kept.proposed_by,
        "proposed_at": kept.proposed_at, "digest": to_hex(&sha256(&[&kept.signed.bytes])),
        "records": records,
    });
    say(&format!("{}\n", serde_json::to_string_pretty(&told)?))?;
    Ok(DONE)
}

/// Lists changes, with their records.
pub(super) async fn changes(args: &ChangeListArgs) -> Result<u8> {
    super::super::serve::log_to_stderr("warn");
    let (_, opened) = open(&args.list.serve).await?;
    let kept = changes::changes(opened.gate.db(), args.waiting, CHANGES).await;
    opened.close().await;
    let mut text = String::new();
    let mut listed = Vec::new();
    for kept in kept? {
        let records: Vec<String> = kept.change.edits.iter().map(|e| e.put.key().to_string()).collect();
        let (state, by) = (kept.state, &kept.proposed_by);
        let _ = writeln!(text, "{} {state} {} by {by}, {} records", kept.id, kept.proposed_at, records.len());
        for record in records.iter().take(20) {
            let _ = writeln!(text, "  {record}");
        }
        listed.push(json!({
            "change_id": kept.id, "state": state.as_str(), "proposed_by": by, "proposed_at": kept.proposed_at,
            "decided_by": kept.decided_by, "decided_at": kept.decided_at, "records": records,
        }));
    }
    if args.list.json {
        say(&format!("{}\n", Value::Array(listed)))?;
    } else {
        let _ = writeln!(text, "{} listed", listed.len());
        say(&text)?;
    }
    Ok(DONE)
}
