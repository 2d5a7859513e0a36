//! Sets of policies as they are kept.

use super::{Cases, PolicySetEntry, PolicyTexts};
use crate::crypto::{from_hex, to_hex};
use crate::store::{Db, StoreError, Tx, on, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A time from which a set was in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// In the order in which they came into force.
    pub number: i64,
    /// Which set.
    pub digest: [u8; 32],
    /// From when.
    pub since: DateTime<Utc>,
    /// The operators' change; none of one that is built into a program.
    pub change: Option<Uuid>,
    /// The version of that program.
    pub program: Option<String>,
    /// What the operators held it against.
    pub replaces: Option<[u8; 32]>,
    /// What changed against that.
    pub cases: Option<Cases>,
}

#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    digest: Vec<u8>,
    since: DateTime<Utc>,
    change_id: Option<Uuid>,
    program: Option<String>,
    replaces: Option<Vec<u8>>,
    cases_gained: Option<i64>,
    cases_lost: Option<i64>,
}

const DIGEST: StoreError = StoreError::Corrupt("policy_sets_in_force.digest");
const CASES: StoreError = StoreError::Corrupt("policy_sets_in_force.cases_gained");
/// A digest in a change that is none: it was not held against the directory before.
const NO_DIGEST: StoreError = StoreError::Corrupt("a policy set has a digest that is none");

impl Row {
    fn in_force(self) -> Result<InForce, StoreError> {
        let digest = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_err(|_| DIGEST);
        let count = |cases: i64| u32::try_from(cases).map_err(|_| CASES);
        let cases = match self.cases_gained.zip(self.cases_lost) {
            Some((gained, lost)) => Some(Cases { gained: count(gained)?, lost: count(lost)? }),
            None => None,
        };
        Ok(InForce {
            number: self.number,
            digest: digest(self.digest)?,
            since: self.since,
            change: self.change_id,
            program: self.program,
            replaces: self.replaces.map(digest).transpose()?,
            cases,
        })
    }
}

/// Which sets were in force, from the first on.
pub async fn policy_sets(db: &Db) -> Result<Vec<InForce>, StoreError> {
    const ALL: &str = "SELECT number, digest, since, change_id, program, replaces, cases_gained, cases_lost \
         FROM policy_sets_in_force ORDER BY number";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    rows.into_iter().map(Row::in_force).collect()
}

/// The texts of a set that was ever in force.
pub async fn policy_set(db: &Db, digest: &[u8; 32]) -> Result<Option<PolicyTexts>, StoreError> {
    const SET: &str = "SELECT schema_text, legal_bases FROM policy_sets WHERE digest = $1";
    const FILES: &str = "SELECT name, body FROM policy_set_files WHERE digest = $1";
    let digest = digest.as_slice();
    let set: Option<(String, String)> =
        read!(db, c => sqlx::query_as(SET).bind(digest).fetch_optional(c).await)?;
    let Some((schema, legal_bases)) = set else { return Ok(None) };
    let files: Vec<(String, String)> = read!(db, c => sqlx::query_as(FILES).bind(digest).fetch_all(c).await)?;
    Ok(Some(PolicyTexts { schema, legal_bases, files: files.into_iter().collect() }))
}

/// The set in force, where operators have put any in force: the last one.
pub(in crate::directory) async fn in_force(db: &Db) -> Result<Option<PolicySetEntry>, StoreError> {
    const LAST: &str = "SELECT number, digest, since, change_id, program, replaces, cases_gained, cases_lost \
         FROM policy_sets_in_force WHERE change_id IS NOT NULL ORDER BY number DESC LIMIT 1";
    let row: Option<Row> = read!(db, c => sqlx::query_as(LAST).fetch_optional(c).await)?;
    let Some(last) = row.map(Row::in_force).transpose()? else { return Ok(None) };
    let texts = policy_set(db, &last.digest).await?;
    let texts = texts.ok_or(StoreError::Corrupt("policy_sets: a set that was in force is not there"))?;
    let (digest, replaces) = (to_hex(&last.digest), to_hex(&last.replaces.unwrap_or_default()));
    Ok(Some(PolicySetEntry { digest, texts, replaces, cases: last.cases }))
}

/// Puts a set in force by a change, in its transaction.
pub(in crate::directory) async fn put_in_force(
    tx: &mut Tx,
    set: &PolicySetEntry,
    change: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const ADD: &str = "INSERT INTO policy_sets_in_force (number, digest, since, change_id, replaces, cases_gained, cases_lost) \
         SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4, $5, $6 FROM policy_sets_in_force";
    let digest = from_hex(&set.digest).ok_or(NO_DIGEST)?;
    let replaces = from_hex(&set.replaces).ok_or(NO_DIGEST)?;
    keep(tx, &digest, &set.texts).await?;
    let gained = set.cases.map(|cases| i64::from(cases.gained));
    let lost = set.cases.map(|cases| i64::from(cases.lost));
    on!(tx, c => sqlx::query(ADD)
        .bind(&digest).bind(now).bind(change).bind(&replaces).bind(gained).bind(lost)
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Records that a set which is built into a program is in force, as none has been approved: so that entries which name it can
/// be read.
pub async fn record_built_in(
    tx: &mut Tx,
    (digest, texts): (&[u8; 32], &PolicyTexts),
    program: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const ADD: &str = "INSERT INTO policy_sets_in_force (number, digest, since, program) \
         SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3 FROM policy_sets_in_force";
    keep(tx, digest, texts).await?;
    on!(tx, c => sqlx::query(ADD)
        .bind(digest.as_slice()).bind(now).bind(program).execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Keeps the texts of a set, unless they are.
async fn keep(tx: &mut Tx, digest: &[u8], texts: &PolicyTexts) -> Result<(), StoreError> {
    const SET: &str = "INSERT INTO policy_sets (digest, schema_text, legal_bases) VALUES ($1, $2, $3) \
         ON CONFLICT (digest) DO NOTHING";
    const FILE: &str = "INSERT INTO policy_set_files (digest, name, body) VALUES ($1, $2, $3) \
         ON CONFLICT (digest, name) DO NOTHING";
    on!(tx, c => sqlx::query(SET)
        .bind(digest).bind(&texts.schema).bind(&texts.legal_bases).execute(c).await.map(|_| ()))?;
    for (name, body) in &texts.files {
        on!(tx, c => sqlx::query(FILE).bind(digest).bind(name).bind(body).execute(c).await.map(|_| ()))?;
    }
    Ok(())
}
