//! Writing the edits of a change into the tables of the directory, each record by what names it.

mod grants;
mod members;
mod proofs;

pub(super) use members::operator;

use super::plan::Edit;
use super::record::Record;
use crate::crypto::from_hex;
use crate::directory::{Directory, policies};
use crate::store::{StoreError, Tx};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use uuid::Uuid;

/// Identifiers by what names a record: those that stand, and those that the change adds.
struct Ids {
    organisations: HashMap<String, Uuid>,
    systems: HashMap<String, Uuid>,
    teams: HashMap<(String, String), Uuid>,
}

/// A key or certificate is entered again that was taken back, or another under its name.
const TAKEN_BACK: StoreError = StoreError::Corrupt(
    "a key or certificate that was revoked does not come back, and another needs a name of its own",
);

/// A record names what is not there: the edits were not held against the directory before.
const UNKNOWN: StoreError = StoreError::Corrupt("a record of a change names what is not there");

impl Ids {
    fn of(directory: &Directory, edits: &[Edit]) -> Self {
        let code = |id| directory.organisations.get(&id).map(|o| o.code.clone()).unwrap_or_default();
        let mut ids = Self {
            organisations: directory.organisations.values().map(|o| (o.code.clone(), o.id.0)).collect(),
            systems: directory.systems.values().map(|s| (s.client_id.clone(), s.id.0)).collect(),
            teams: directory
                .teams
                .values()
                .map(|t| ((code(t.organisation), t.code.clone()), t.id.0))
                .collect(),
        };
        for edit in edits.iter().filter(|edit| edit.was.is_none()) {
            match &edit.put {
                Record::Organisation(o) => {
                    ids.organisations.insert(o.code.clone(), Uuid::now_v7());
                }
                Record::System(s) => {
                    ids.systems.insert(s.client_id.clone(), Uuid::now_v7());
                }
                Record::Team(t) => {
                    ids.teams.insert((t.organisation.clone(), t.code.clone()), Uuid::now_v7());
                }
                Record::SharingAgreement(_)
                | Record::OfficerAuthorisation(_)
                | Record::Mandate(_)
                | Record::ActsFor(_)
                | Record::Cover(_)
                | Record::PersonMark(_)
                | Record::IdentityProvider(_)
                | Record::Operator(_)
                | Record::Person(_)
                | Record::PolicySet(_) => {}
            }
        }
        ids
    }

    fn organisation(&self, code: &str) -> Result<Uuid, StoreError> {
        self.organisations.get(code).copied().ok_or(UNKNOWN)
    }

    fn system(&self, client_id: &str) -> Result<Uuid, StoreError> {
        self.systems.get(client_id).copied().ok_or(UNKNOWN)
    }

    fn team(&self, organisation: &str, code: &str) -> Result<Uuid, StoreError> {
        self.teams.get(&(organisation.to_owned(), code.to_owned())).copied().ok_or(UNKNOWN)
    }
}

/// Writes the edits of a change that have been held against this directory, in the transaction in which they take effect.
pub async fn write(
    tx: &mut Tx,
    directory: &Directory,
    (change, edits): (Uuid, &[Edit]),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ids = Ids::of(directory, edits);
    for edit in edits {
        match &edit.put {
            Record::Organisation(o) => members::organisation(tx, &ids, o).await?,
            Record::System(s) => {
                members::system(tx, &ids, s, now).await?;
                proofs::keys(tx, &ids, s, now).await?;
            }
            Record::Team(t) => members::team(tx, &ids, t).await?,
            Record::SharingAgreement(a) => grants::agreement(tx, &ids, a).await?,
            Record::OfficerAuthorisation(a) => grants::authorisation(tx, &ids, a).await?,
            Record::Mandate(m) => grants::mandate(tx, &ids, m).await?,
            Record::ActsFor(a) => grants::acting(tx, &ids, a).await?,
            Record::Cover(c) => grants::cover(tx, &ids, c).await?,
            Record::PersonMark(m) => grants::mark(tx, &ids, m).await?,
            Record::IdentityProvider(p) => proofs::provider(tx, &ids, p).await?,
            Record::Person(p) => proofs::person(tx, &ids, p, now).await?,
            Record::PolicySet(p) => policies::put_in_force(tx, p, change, now).await?,
            Record::Operator(o) => {
                let key = from_hex(&o.public_key).ok_or(UNKNOWN)?;
                operator(tx, (&o.name, &key), o.ended.then_some(now), now).await?;
            }
        }
    }
    Ok(())
}
