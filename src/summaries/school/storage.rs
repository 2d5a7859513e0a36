//! The table of published half terms: a row is added once and never changed.

use super::outsiders::half_terms::{Cells, HalfTerm, Kept};
use crate::domain::attendance::summary::Counts;
use crate::domain::calendar::SchoolYear;
use crate::gate::{OfFigures, Permit};
use crate::store::{Db, StoreError, Touched, Tx, on, read};
use chrono::NaiveDate;
use uuid::Uuid;

/// School years after their own for which half terms are kept, as long as the marks that they were counted from.
const YEARS_KEPT: i32 = 6;

#[derive(sqlx::FromRow)]
struct Row {
    school_year: i64,
    place: i64,
    from_day: NaiveDate,
    to_day: NaiveDate,
    published: NaiveDate,
    pupils: Vec<u8>,
    cells: String,
}

impl Row {
    fn half_term(self) -> Result<HalfTerm, StoreError> {
        let corrupt = |_| StoreError::Corrupt("published_half_terms");
        Ok(HalfTerm {
            year: SchoolYear(i32::try_from(self.school_year).map_err(corrupt)?),
            place: self.place,
            from: self.from_day,
            to: self.to_day,
            published: self.published,
            pupils: decode(&self.pupils).ok_or(StoreError::Corrupt("published_half_terms.pupils"))?,
            cells: serde_json::from_str::<Vec<Cells>>(&self.cells)
                .map_err(|_| StoreError::Corrupt("published_half_terms.cells"))?,
        })
    }
}

/// What has been published of the permit's school, in order; without the pupils behind it.
pub(super) async fn given(db: &Db, permit: &Permit<OfFigures>) -> Result<Vec<HalfTerm>, StoreError> {
    const GIVEN: &str = "SELECT school_year, place, from_day, to_day, published, $2 AS pupils, cells \
         FROM published_half_terms WHERE school_id = $1 ORDER BY school_year, place";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(GIVEN)
        .bind(permit.school().0).bind(encode(&[])).fetch_all(c).await)?;
    rows.into_iter().map(Row::half_term).collect()
}

/// What has been published of the permit's school in one school year, in order, with the pupils behind it.
pub(super) async fn of_year(
    db: &Db,
    permit: &Permit<OfFigures>,
    year: SchoolYear,
) -> Result<Vec<HalfTerm>, StoreError> {
    const OF_YEAR: &str = "SELECT school_year, place, from_day, to_day, published, pupils, cells \
         FROM published_half_terms WHERE school_id = $1 AND school_year = $2 ORDER BY place";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(OF_YEAR)
        .bind(permit.school().0).bind(i64::from(year.0)).fetch_all(c).await)?;
    rows.into_iter().map(Row::half_term).collect()
}

/// Publishes half terms; `false` when another request has just published one of them:
/// then that one stands, and the caller drops the transaction.
pub(super) async fn add_all(
    tx: &mut Tx,
    permit: &Permit<OfFigures>,
    half_terms: &[HalfTerm],
) -> Result<bool, StoreError> {
    for half_term in half_terms {
        if !add(tx, permit, half_term).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn add(tx: &mut Tx, permit: &Permit<OfFigures>, half_term: &HalfTerm) -> Result<bool, StoreError> {
    const INSERT: &str = "INSERT INTO published_half_terms (school_id, school_year, place, from_day, to_day, published, \
         pupils, cells) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (school_id, school_year, place) DO NOTHING";
    // Numbers and words can always be written.
    let cells = serde_json::to_string(&half_term.cells).unwrap_or_default();
    let touched = on!(tx, c => sqlx::query(INSERT)
        .bind(permit.school().0).bind(i64::from(half_term.year.0)).bind(half_term.place)
        .bind(half_term.from).bind(half_term.to).bind(half_term.published)
        .bind(encode(&half_term.pupils)).bind(cells)
        .execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// Deletes half terms that have been kept for their years when `year` is under way, at most `limit`, and says how many.
pub(super) async fn end_some(tx: &mut Tx, year: SchoolYear, limit: i64) -> Result<u64, StoreError> {
    const DELETE: &str = "DELETE FROM published_half_terms WHERE (school_id, school_year, place) IN \
         (SELECT school_id, school_year, place FROM published_half_terms WHERE school_year < $1 LIMIT $2)";
    Ok(on!(tx, c => sqlx::query(DELETE)
        .bind(i64::from(year.0 - YEARS_KEPT)).bind(limit).execute(c).await.map(|r| r.touched()))?)
}

const VERSION: u8 = 1;
/// Bytes of a pupil: enrolment, groups, and three counts of sessions.
const LENGTH: usize = 16 + 4 + 3 * 2;

/// The bytes to store: a version, then each pupil in [`LENGTH`] bytes, little-endian.
fn encode(pupils: &[Kept]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for pupil in pupils {
        bytes.extend(pupil.enrolment.as_bytes());
        bytes.extend(pupil.groups.to_le_bytes());
        let Counts { attended, authorised, unauthorised, .. } = pupil.counts;
        // A school year has 732 sessions, so that nothing saturates.
        let short = |count: u32| u16::try_from(count).unwrap_or(u16::MAX);
        bytes.extend([attended, authorised, unauthorised].map(short).into_iter().flat_map(u16::to_le_bytes));
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<Kept>> {
    let (version, rest) = bytes.split_first()?;
    let (pupils, rest) = rest.as_chunks::<LENGTH>();
    (*version == VERSION && rest.is_empty()).then_some(())?;
    pupils.iter().map(pupil).collect()
}

fn pupil(bytes: &[u8; LENGTH]) -> Option<Kept> {
    let (enrolment, rest) = bytes.split_first_chunk::<16>()?;
    let (groups, rest) = rest.split_first_chunk::<4>()?;
    let (counts, _) = rest.as_chunks::<2>();
    let mut counts = counts.iter().map(|count| u32::from(u16::from_le_bytes(*count)));
    Some(Kept {
        enrolment: Uuid::from_bytes(*enrolment),
        groups: u32::from_le_bytes(*groups),
        counts: Counts {
            attended: counts.next()?,
            authorised: counts.next()?,
            unauthorised: counts.next()?,
            without_mark: 0,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pupils_are_read_as_they_were_written() {
        let counts = Counts { attended: 70, authorised: 3, unauthorised: 732, without_mark: 0 };
        let kept = |id: u128, groups| Kept { enrolment: Uuid::from_u128(id), groups, counts };
        let pupils = vec![kept(1, 1), kept(u128::MAX, u32::MAX)];
        let bytes = encode(&pupils);
        assert_eq!(decode(&bytes), Some(pupils));
        assert_eq!(decode(&encode(&[])), Some(Vec::new()));
        assert_eq!((decode(&bytes[..30]), decode(&[2]), decode(&[])), (None, None, None));
    }
}
