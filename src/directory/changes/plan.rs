//! From what stands and what is wanted to a change: what is new, changed and ended. Pure.

use super::super::file::{DirectoryFile, OrganisationEntry};
use super::record::{Key, Record};
use super::valid::{Fault, valid};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Every record of a directory, by its key.
pub type Records = BTreeMap<Key, Record>;

/// One record of a change, and what it replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Digest of the record that it replaces; none where it is new.
    pub was: Option<String>,
    /// The record as it will stand.
    pub put: Record,
}

/// What becomes of records that a file does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// They stand: the file has only some.
    Stand,
    /// They end: the file is the whole directory.
    End,
}

/// What an edit does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Does {
    /// A record that was not there.
    Adds,
    /// One that gives something else or more.
    Changes,
    /// One that only gives less: suspended, revoked, ended or cut down.
    Narrows,
}

impl Does {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adds => "new",
            Self::Changes => "changed",
            Self::Narrows => "narrowed",
        }
    }
}

/// The records of a file; two of one key are refused.
pub fn records(file: &DirectoryFile) -> Result<Records, Fault> {
    let mut all = Records::new();
    let mut add = |record: Record| {
        let record = record.normal();
        let key = record.key();
        if all.contains_key(&key) {
            return Err(Fault::Twice(key.to_string()));
        }
        all.insert(key, record);
        Ok(())
    };
    file.organisations.iter().cloned().map(Record::Organisation).try_for_each(&mut add)?;
    file.systems.iter().cloned().map(Record::System).try_for_each(&mut add)?;
    file.teams.iter().cloned().map(Record::Team).try_for_each(&mut add)?;
    file.sharing_agreements.iter().cloned().map(Record::SharingAgreement).try_for_each(&mut add)?;
    let authorisations = file.officer_authorisations.iter().cloned();
    authorisations.map(Record::OfficerAuthorisation).try_for_each(&mut add)?;
    file.mandates.iter().cloned().map(Record::Mandate).try_for_each(&mut add)?;
    file.acts_for.iter().cloned().map(Record::ActsFor).try_for_each(&mut add)?;
    file.covers.iter().cloned().map(Record::Cover).try_for_each(&mut add)?;
    file.person_marks.iter().cloned().map(Record::PersonMark).try_for_each(&mut add)?;
    file.identity_providers.iter().cloned().map(Record::IdentityProvider).try_for_each(&mut add)?;
    file.persons.iter().cloned().map(Record::Person).try_for_each(&mut add)?;
    Ok(all)
}

/// Whether a file of its own would be taken as a whole directory.
pub fn check(file: &DirectoryFile, now: DateTime<Utc>) -> Result<(), Fault> {
    valid(&records(file)?, now)
}

/// The edits that lead from what stands to what is wanted, in the order in which records are written.
pub fn plan(
    stands: &Records,
    wanted: Records,
    missing: Missing,
    (today, now): (NaiveDate, DateTime<Utc>),
) -> Result<Vec<Edit>, Fault> {
    let mut edits = Vec::new();
    let mut ends: Vec<(&Key, &Record)> = Vec::new();
    if missing == Missing::End {
        // Operators stand in no file.
        ends =
            stands.iter().filter(|(key, _)| !wanted.contains_key(key) && key.kind() != "operator").collect();
    }
    let ended = ends.into_iter().filter_map(|(key, record)| Some((key.clone(), record.ended(today)?)));
    let mut all: Records = ended.collect();
    all.extend(wanted);
    for (key, mut put) in all {
        let before = stands.get(&key);
        if let (Some(Record::Organisation(before)), Record::Organisation(organisation)) = (before, &mut put) {
            keep_numbers(before, organisation, today);
        }
        if before == Some(&put) || (before.is_none() && put.is_nothing()) {
            continue;
        }
        if before.is_none() && put.days().is_some_and(|(from, until)| until < from) {
            return Err(Fault::Reversed(key.to_string()));
        }
        edits.push(Edit { was: before.map(Record::digest), put });
    }
    fitting(stands, &edits, now)?;
    Ok(edits)
}

/// A school keeps every number that it had: what it has now and will not have is added, and none is taken away.
fn keep_numbers(before: &OrganisationEntry, now: &mut OrganisationEntry, today: NaiveDate) {
    use super::super::file::FormerNumbersEntry;
    let lost = |old: &Option<String>, new: &Option<String>| old.clone().filter(|_| old != new);
    let (urn, laestab) = (lost(&before.urn, &now.urn), lost(&before.laestab, &now.laestab));
    now.former_numbers.extend(before.former_numbers.iter().cloned());
    if urn.is_some() || laestab.is_some() {
        let until = today.pred_opt().unwrap_or(today);
        now.former_numbers.push(FormerNumbersEntry { urn, laestab, until });
    }
    now.former_numbers.sort();
    now.former_numbers.dedup();
}

/// What stands once the edits are made, if that is a directory.
pub fn fitting(stands: &Records, edits: &[Edit], now: DateTime<Utc>) -> Result<Records, Fault> {
    let after = applied(stands, edits)?;
    valid(&after, now)?;
    Ok(after)
}

/// What stands once the edits are made; refused where something else stands than what an edit says it replaces.
fn applied(stands: &Records, edits: &[Edit]) -> Result<Records, Fault> {
    let (mut after, mut seen) = (stands.clone(), BTreeSet::new());
    for edit in edits {
        let key = edit.put.key();
        if stands.get(&key).map(Record::digest) != edit.was {
            return Err(Fault::Moved(key.to_string()));
        }
        if !seen.insert(key.clone()) {
            return Err(Fault::Twice(key.to_string()));
        }
        after.insert(key, edit.put.clone());
    }
    Ok(after)
}

/// What an edit does to what stands.
pub fn does(stands: &Records, edit: &Edit) -> Does {
    match stands.get(&edit.put.key()) {
        None if edit.put.only_takes_away() => Does::Narrows,
        None => Does::Adds,
        Some(before) if edit.put.narrows(before) => Does::Narrows,
        Some(_) => Does::Changes,
    }
}
