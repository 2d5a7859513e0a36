//! Telling organisations of changes that affect them: which records, what becomes of them, and who signed.

use super::{OperatorFault, policies};
use crate::directory::Directory;
use crate::directory::changes::{Edit, Record, Records, does};
use crate::domain::identifiers::OrganisationId;
use crate::outbox::{self, Notice, NoticeKind};
use crate::store::Tx;
use chrono::{DateTime, Utc};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Records that one notice names; the others it counts.
const NAMED_MAX: usize = 50;

/// A change to be told of.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    pub directory: &'a Directory,
    /// What stood before it.
    pub stands: &'a Records,
    pub change: Uuid,
    pub edits: &'a [Edit],
    pub at: DateTime<Utc>,
}

/// Tells every organisation of the directory that a change is about.
pub(super) async fn tell(
    tx: &mut Tx,
    telling: Telling<'_>,
    kind: NoticeKind,
    (proposed_by, decided_by): (&str, Option<&str>),
) -> Result<(), OperatorFault> {
    let mut affected: BTreeMap<OrganisationId, Vec<&Edit>> = BTreeMap::new();
    for edit in telling.edits {
        if matches!(edit.put, Record::PolicySet(_)) {
            // By it everybody may be told more or less, or be told of.
            for organisation in telling.directory.organisations.keys() {
                affected.entry(*organisation).or_default().push(edit);
            }
        }
        for code in about(telling, &edit.put) {
            // An organisation that the change itself adds has no feed yet.
            if let Some(organisation) = telling.directory.organisation_by_code(code) {
                affected.entry(organisation.id).or_default().push(edit);
            }
        }
    }
    let subject = telling.change.to_string();
    for (organisation, edits) in affected {
        let named = edits.iter().take(NAMED_MAX).map(|edit| {
            json!({"record": edit.put.key().to_string(), "effect": does(telling.stands, edit).as_str()})
        });
        let mut body = json!({
            "change_id": subject,
            "records": named.collect::<Vec<_>>(),
            "records_total": edits.len(),
            "proposed_by": proposed_by,
            "decided_by": decided_by,
        });
        if let Some((set, body)) = policies::set_of(telling.edits).zip(body.as_object_mut()) {
            let told = json!({
                "digest": set.digest,
                "cases_gained": set.cases.map(|cases| cases.gained),
                "cases_lost": set.cases.map(|cases| cases.lost),
            });
            body.insert("policy_set".to_owned(), told);
        }
        let notice = Notice { kind, subject: &subject, body: &body.to_string() };
        outbox::notify(tx, organisation, notice, telling.at).await?;
    }
    Ok(())
}

/// Codes of the organisations that a record is about, that of a mandate's system included.
fn about<'a>(telling: Telling<'a>, record: &'a Record) -> BTreeSet<&'a str> {
    let mut codes: BTreeSet<&str> = record.about().into_iter().collect();
    if let Some(client_id) = record.client_id() {
        let holder = telling.directory.system_by_client_id(client_id);
        codes.extend(holder.and_then(|s| telling.directory.organisation_of(s)).map(|o| o.code.as_str()));
    }
    codes
}
