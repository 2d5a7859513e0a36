//! Changes and operators as they are kept.

use super::document::{Change, Signed, kept};
use crate::domain::words;
use crate::store::{Db, StoreError, Touched as _, Tx, must_touch, on, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

words! {
    /// How far a change has come.
    State {
        /// It waits for a second operator and gives nothing.
        Waiting = "waiting",
        /// It has taken effect.
        Effective = "effective",
        /// It never will.
        Refused = "refused",
    }
}

/// A change as it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its identifier.
    pub id: Uuid,
    /// What it says.
    pub change: Change,
    /// The exact bytes that were signed, and the signature.
    pub signed: Signed,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    pub proposed_at: DateTime<Utc>,
    /// How far it has come.
    pub state: State,
    /// Who decided on it.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    document: Vec<u8>,
    signature: Vec<u8>,
    proposed_by: String,
    proposed_at: DateTime<Utc>,
    state: String,
    decided_by: Option<String>,
    decided_at: Option<DateTime<Utc>>,
}

impl Row {
    fn kept(self) -> Result<Kept, StoreError> {
        let change = kept(&self.document).ok_or(StoreError::Corrupt("changes.document"))?;
        Ok(Kept {
            id: self.id,
            change,
            signed: Signed { bytes: self.document, signature: self.signature },
            proposed_by: self.proposed_by,
            proposed_at: self.proposed_at,
            state: State::parse(&self.state).ok_or(StoreError::Corrupt("changes.state"))?,
            decided_by: self.decided_by,
            decided_at: self.decided_at,
        })
    }
}

/// The newest changes, or those that wait.
pub async fn changes(db: &Db, waiting: bool, limit: i64) -> Result<Vec<Kept>, StoreError> {
    const ALL: &str = "SELECT id, document, signature, proposed_by, proposed_at, state, decided_by, decided_at \
         FROM changes ORDER BY id DESC LIMIT $1";
    const WAITING: &str = "SELECT id, document, signature, proposed_by, proposed_at, state, decided_by, decided_at \
         FROM changes WHERE state = 'waiting' ORDER BY id DESC LIMIT $1";
    let rows: Vec<Row> = if waiting {
        read!(db, c => sqlx::query_as(WAITING).bind(limit).fetch_all(c).await)?
    } else {
        read!(db, c => sqlx::query_as(ALL).bind(limit).fetch_all(c).await)?
    };
    rows.into_iter().map(Row::kept).collect()
}

/// One change.
pub async fn change(db: &Db, id: Uuid) -> Result<Option<Kept>, StoreError> {
    const ONE: &str = "SELECT id, document, signature, proposed_by, proposed_at, state, decided_by, decided_at \
         FROM changes WHERE id = $1";
    let row: Option<Row> = read!(db, c => sqlx::query_as(ONE).bind(id).fetch_optional(c).await)?;
    row.map(Row::kept).transpose()
}

/// How many changes wait.
pub async fn waiting(db: &Db) -> Result<i64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM changes WHERE state = 'waiting'";
    Ok(read!(db, c => sqlx::query_scalar(COUNT).fetch_one(c).await)?)
}

/// How many changes of one operator wait.
pub async fn waiting_of(db: &Db, operator: &str) -> Result<i64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM changes WHERE state = 'waiting' AND proposed_by = $1";
    Ok(read!(db, c => sqlx::query_scalar(COUNT).bind(operator).fetch_one(c).await)?)
}

/// Takes a change in.
pub async fn keep(
    tx: &mut Tx,
    (id, signed): (Uuid, &Signed),
    (by, at): (&str, DateTime<Utc>),
    (widens, state): (bool, State),
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO changes (id, document, signature, proposed_by, proposed_at, widens, state) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    on!(tx, c => sqlx::query(INSERT)
        .bind(id).bind(&signed.bytes).bind(&signed.signature).bind(by).bind(at).bind(widens).bind(state.as_str())
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Writes what a second operator decided on a waiting change.
pub async fn decide(
    tx: &mut Tx,
    (id, state): (Uuid, State),
    signed: &Signed,
    (by, at): (&str, DateTime<Utc>),
) -> Result<(), StoreError> {
    const UPDATE: &str = "UPDATE changes SET state = $2, decision = $3, decision_signature = $4, decided_by = $5, \
         decided_at = $6 WHERE id = $1 AND state = 'waiting'";
    on!(tx, c => {
        let done = sqlx::query(UPDATE)
            .bind(id).bind(state.as_str()).bind(&signed.bytes).bind(&signed.signature).bind(by).bind(at)
            .execute(c).await?;
        must_touch("change", &done, 1)
    })
}

/// Moves the version of the directory, so that running gateways see the change within a second; whoever else changes the
/// directory waits from here on until this transaction ends.
pub async fn moves(tx: &mut Tx) -> Result<(), StoreError> {
    const BUMP: &str = "UPDATE directory_version SET version = version + 1 WHERE id = 1";
    on!(tx, c => { let done = sqlx::query(BUMP).execute(c).await?; must_touch("directory version", &done, 1) })
}

/// Moves the version of the directory on from the one that was read; `false`: somebody has changed it since. Whoever else
/// changes the directory waits from here on until this transaction ends.
pub async fn moves_on(tx: &mut Tx, version: i64) -> Result<bool, StoreError> {
    const BUMP: &str = "UPDATE directory_version SET version = version + 1 WHERE id = 1 AND version = $1";
    let moved = on!(tx, c => sqlx::query(BUMP).bind(version).execute(c).await.map(|done| done.touched()))?;
    Ok(moved == 1)
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Operator {
    /// As shown.
    pub name: String,
    /// Ed25519 public key, 32 bytes.
    pub public_key: Vec<u8>,
    /// UTC.
    pub added_at: DateTime<Utc>,
    /// UTC; signs nothing from then on.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Reads every operator.
pub(in crate::directory) async fn operators(db: &Db) -> Result<Vec<Operator>, StoreError> {
    const ALL: &str = "SELECT name, public_key, added_at, ended_at FROM operators ORDER BY name";
    Ok(read!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?)
}

/// Registers the first operators, those that the gateway was made for; none where there are any.
pub async fn first_operators(
    tx: &mut Tx,
    operators: &[(String, [u8; 32])],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    for (name, key) in operators {
        super::write::operator(tx, (name, key.as_slice()), None, at).await?;
    }
    Ok(())
}
