//! A school's maps: each replaces the one before it, which stays as it was.

use super::{Codes, LocalCode};
use crate::gate::{Gate, OfSchool, Permit};
use crate::store::{Db, StoreError, Tx, must_touch, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// The map in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredMap {
    pub(super) version: i64,
    pub(super) system: Uuid,
    pub(super) set_at: DateTime<Utc>,
    pub(super) codes: Vec<LocalCode>,
}

/// Every code that a file of the permit's school may have now.
pub(in super::super) async fn read_codes(
    gate: &Gate,
    permit: &Permit<OfSchool>,
) -> Result<Codes, StoreError> {
    Ok(Codes::new(read_map(gate.db(), permit).await?.map_or(Vec::new(), |map| map.codes)))
}

/// The map in force, if the school has ever set one.
pub(super) async fn read_map(db: &Db, permit: &Permit<OfSchool>) -> Result<Option<StoredMap>, StoreError> {
    const MAP: &str = "SELECT version, system_id, set_at FROM local_code_maps WHERE school_id = $1 \
         ORDER BY version DESC LIMIT 1";
    const CODES: &str = "SELECT local_code, code, valid_from, valid_until FROM local_codes \
         WHERE school_id = $1 AND version = $2 ORDER BY place";
    let school = permit.school().0;
    let map: Option<(i64, Uuid, DateTime<Utc>)> =
        read!(db, c => sqlx::query_as(MAP).bind(school).fetch_optional(c).await)?;
    let Some((version, system, set_at)) = map else { return Ok(None) };
    let codes: Vec<(String, String, Option<NaiveDate>, Option<NaiveDate>)> =
        read!(db, c => sqlx::query_as(CODES).bind(school).bind(version).fetch_all(c).await)?;
    let codes = codes
        .into_iter()
        .map(|(written, code, from, until)| LocalCode { written, code, from, until })
        .collect();
    Ok(Some(StoredMap { version, system, set_at, codes }))
}

/// Puts a map in force; `None` where another came in the same moment.
pub(super) async fn write_map(
    tx: &mut Tx,
    permit: &Permit<OfSchool>,
    codes: Vec<LocalCode>,
    set_at: DateTime<Utc>,
) -> Result<Option<StoredMap>, StoreError> {
    const MAP: &str = "INSERT INTO local_code_maps (school_id, version, system_id, set_at) \
         SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3 FROM local_code_maps WHERE school_id = $1 \
         ON CONFLICT DO NOTHING RETURNING version";
    const CODE: &str = "INSERT INTO local_codes \
         (school_id, version, place, local_code, code, valid_from, valid_until) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let (school, system) = (permit.school().0, permit.system().0);
    let version: Option<i64> = on!(tx, c => sqlx::query_scalar(MAP)
        .bind(school).bind(system).bind(set_at).fetch_optional(c).await)?;
    let Some(version) = version else { return Ok(None) };
    for (place, own) in (0_i64..).zip(&codes) {
        on!(tx, c => {
            let r = sqlx::query(CODE)
                .bind(school).bind(version).bind(place).bind(&own.written).bind(&own.code)
                .bind(own.from).bind(own.until)
                .execute(c).await?;
            must_touch("local code", &r, 1)
        })?;
    }
    Ok(Some(StoredMap { version, system, set_at, codes }))
}
