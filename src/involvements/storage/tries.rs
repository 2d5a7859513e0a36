//! How often something was tried on a day: claims that were new, counted by what they try out.

use crate::domain::identifiers::OrganisationId;
use crate::store::{Db, StoreError, Tx, on, read};
use chrono::NaiveDate;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What is tried out, as a digest: the table holds no name.
pub(in crate::involvements) type Tried = [u8; 32];

/// How many new claims of an organisation tried each of these on a day; at most four of them.
pub(in crate::involvements) async fn tries(
    db: &Db,
    (organisation, today): (OrganisationId, NaiveDate),
    tried: &[Tried],
) -> Result<BTreeMap<Tried, i64>, StoreError> {
    const TRIES: &str = "SELECT tried, claims FROM involvement_tries WHERE organisation_id = $1 AND tried_on = $2 \
         AND tried IN ($3, $4, $5, $6)";
    let at = |place: usize| tried.get(place).map(|tried| tried.to_vec());
    let rows: Vec<(Vec<u8>, i64)> = read!(db, c => sqlx::query_as(TRIES)
        .bind(organisation.0).bind(today).bind(at(0)).bind(at(1)).bind(at(2)).bind(at(3)).fetch_all(c).await)?;
    let row = |(tried, claims): (Vec<u8>, i64)| {
        let tried = tried.try_into().map_err(|_| StoreError::Corrupt("involvement_tries.tried"))?;
        Ok((tried, claims))
    };
    rows.into_iter().map(row).collect()
}

/// Counts what the claims of one step try; in the order of what is tried, so that two steps never wait for each other.
pub(in crate::involvements) async fn count_tries(
    tx: &mut Tx,
    organisation: Uuid,
    today: NaiveDate,
    tried: &BTreeMap<Tried, i64>,
) -> Result<(), StoreError> {
    const COUNT: &str = "INSERT INTO involvement_tries (organisation_id, tried, tried_on, claims) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (organisation_id, tried, tried_on) \
         DO UPDATE SET claims = involvement_tries.claims + excluded.claims";
    for (tried, claims) in tried {
        on!(tx, c => sqlx::query(COUNT)
            .bind(organisation).bind(tried.as_slice()).bind(today).bind(claims).execute(c).await.map(|_| ()))?;
    }
    Ok(())
}
