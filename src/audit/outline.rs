//! What the gateway's operator may know of one entry: who connected and why nothing was given. Nothing of a child, a case or a
//! person is in it, nor what was given.

use super::entry::{Class, Decision, Entry};
use super::tree::Hash;
use crate::domain::purpose::{Purpose, Role};
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, Utc};

/// One entry, without what is not the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its index, from 0.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Hash,
    /// When.
    pub time: DateTime<Utc>,
    /// What it is about.
    pub class: Class,
    /// Method of the request, where one was read.
    pub method: Option<String>,
    /// Template of the route, where it is one of ours.
    pub route: Option<String>,
    /// Code of the organisation whose certificate it was, where that is somebody's.
    pub organisation: Option<String>,
    /// Code of its system.
    pub system: Option<String>,
    /// Code of the organisation for which it acted, where that is another.
    pub acted_for: Option<String>,
    /// Whether a person was proved.
    pub person: bool,
    /// The role, where it was established.
    pub role: Option<Role>,
    /// The purpose, where it was read.
    pub purpose: Option<Purpose>,
    /// How it ended.
    pub decision: Decision,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// Why nothing was given, as one word; nothing where something was.
    pub reason: Option<String>,
}

/// The outline of the entry at an index of the log, whosever it is.
pub async fn outline(db: &Db, index: u64) -> Result<Option<Outline>, StoreError> {
    const ONE: &str = "SELECT entry, leaf FROM audit_entries WHERE idx = $1";
    let Ok(idx) = i64::try_from(index) else { return Ok(None) };
    let row: Option<(Vec<u8>, Vec<u8>)> =
        read!(db, c => sqlx::query_as(ONE).bind(idx).fetch_optional(c).await)?;
    let Some((bytes, leaf)) = row else { return Ok(None) };
    let entry = Entry::from_bytes(&bytes).map_err(|_| StoreError::Corrupt("audit_entries.entry"))?;
    let leaf = leaf.try_into().map_err(|_| StoreError::Corrupt("audit_entries.leaf"))?;
    Ok(Some(Outline::of(entry, (index, leaf))))
}

impl Outline {
    fn of(entry: Entry, (index, leaf): (u64, Hash)) -> Self {
        let (organisation, system) =
            entry.connection.map_or((None, None), |connection| (connection.organisation, connection.system));
        Self {
            index,
            leaf,
            time: entry.time,
            class: entry.class,
            method: entry.method,
            route: entry.route,
            organisation,
            system,
            acted_for: entry.acted_for.map(|other| other.organisation),
            person: entry.person.is_some(),
            role: entry.role,
            purpose: entry.purpose,
            decision: entry.decision,
            status: entry.status,
            // Of an answer that was given it may say what of a child is barred.
            reason: entry.reason.filter(|_| entry.decision != Decision::Allowed),
        }
    }
}
