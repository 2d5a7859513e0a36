//! Versions of a school's register: staging an upload, and switching to it.
//!
//! Two uploads of one school may be staged at the same time; only one can switch from the version that both started
//! from, and the other starts again. A version without a row in `register_versions` counts for nobody.

use crate::domain::identifiers::SchoolId;
use crate::gate::{DutyPermit, OfSchool, Permit};
use crate::store::{Db, StoreError, Touched, Tx, must_touch, on, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// An upload being staged: rows are written under `version` and count once it is switched to.
#[derive(Clone, Copy, Debug)]
pub struct Upload {
    /// Whose register it is.
    pub school: SchoolId,
    /// The version that its rows carry.
    pub version: i64,
    /// The version that it was worked out from.
    pub base: i64,
}

impl Upload {
    /// Takes the next version of the permit's school. `base` is what [`newest`] said before anything was read for the
    /// upload: what it was worked out from, so that nothing switched to meanwhile is lost.
    pub async fn begin(
        tx: &mut Tx,
        permit: &Permit<OfSchool>,
        base: i64,
        at: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        const MAKE: &str = "INSERT INTO register_state (school_id, current_version, next_version) VALUES ($1, 0, 1) \
             ON CONFLICT (school_id) DO NOTHING";
        const TAKE: &str = "UPDATE register_state SET next_version = next_version + 1 WHERE school_id = $1 \
             RETURNING next_version - 1";
        const BEGUN: &str = "INSERT INTO uploads_begun (school_id, version, begun_at) VALUES ($1, $2, $3)";
        let school = permit.school();
        on!(tx, c => sqlx::query(MAKE).bind(school.0).execute(c).await.map(|_| ()))?;
        let version: i64 = on!(tx, c => sqlx::query_scalar(TAKE).bind(school.0).fetch_one(c).await)?;
        on!(tx, c => {
            let r = sqlx::query(BEGUN).bind(school.0).bind(version).bind(at).execute(c).await?;
            must_touch("upload begun", &r, 1)
        })?;
        Ok(Self { school, version, base })
    }

    /// The uploads of the permit's school whose writers are gone: begun before `before`, and older than what counts, so
    /// that none of them can ever be switched to.
    pub async fn abandoned(
        db: &Db,
        permit: &Permit<OfSchool>,
        before: DateTime<Utc>,
    ) -> Result<Vec<Self>, StoreError> {
        const ABANDONED: &str = "SELECT u.version FROM uploads_begun u \
             JOIN register_state s ON s.school_id = u.school_id \
             WHERE u.school_id = $1 AND u.begun_at < $2 AND u.version < s.current_version ORDER BY u.version";
        let school = permit.school();
        let versions: Vec<i64> = read!(db, c => sqlx::query_scalar(ABANDONED)
            .bind(school.0).bind(before).fetch_all(c).await)?;
        Ok(versions.into_iter().map(|version| Self { school, version, base: 0 }).collect())
    }

    /// Uploads of every school that were begun before `before` and never switched to, oldest first; at most `limit`. For
    /// the duty that ends what is past its retention: a school that sends nothing more does not clear them itself.
    pub async fn left_behind(
        db: &Db,
        _duty: &DutyPermit,
        before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Self>, StoreError> {
        const LEFT: &str = "SELECT school_id, version FROM uploads_begun WHERE begun_at < $1 \
             ORDER BY begun_at, school_id, version LIMIT $2";
        let rows: Vec<(Uuid, i64)> =
            read!(db, c => sqlx::query_as(LEFT).bind(before).bind(limit).fetch_all(c).await)?;
        Ok(rows.into_iter().map(|(id, version)| Self { school: SchoolId(id), version, base: 0 }).collect())
    }

    /// Sees to it that it can never be switched to, should its writer be there after all: what stands moves on to a
    /// version that brings nothing.
    pub async fn overtake(self, tx: &mut Tx) -> Result<(), StoreError> {
        const OVERTAKE: &str = "UPDATE register_state SET current_version = next_version, \
             next_version = next_version + 1 WHERE school_id = $1 AND current_version < $2";
        on!(tx, c => sqlx::query(OVERTAKE).bind(self.school.0).bind(self.version).execute(c).await.map(|_| ()))?;
        Ok(())
    }

    /// Deletes some of the rows that it staged, few enough for one short transaction, and says how many; none when there
    /// were none left to delete. Only for an upload that will not be switched to.
    pub async fn clear_some(self, tx: &mut Tx) -> Result<u64, StoreError> {
        macro_rules! staged {
            ($table:literal, $key:literal) => {
                concat!(
                    "DELETE FROM ",
                    $table,
                    " WHERE school_id = $1 AND version = $2 AND ",
                    $key,
                    " IN (SELECT ",
                    $key,
                    " FROM ",
                    $table,
                    " WHERE school_id = $1 AND version = $2 LIMIT 100)"
                )
            };
        }
        const STAGED: [&str; 7] = [
            staged!("marks", "enrolment_id"),
            staged!("recordings", "enrolment_id"),
            staged!("amendments", "id"),
            staged!("roll_events", "sequence"),
            staged!("admission_entries", "enrolment_id"),
            staged!("enrolments", "id"),
            staged!("calendars", "school_year"),
        ];
        const FORGET: &str = "DELETE FROM uploads_begun WHERE school_id = $1 AND version = $2";
        for text in STAGED {
            let gone = on!(tx, c => sqlx::query(text).bind(self.school.0).bind(self.version)
                .execute(c).await.map(|r| r.touched()))?;
            if gone > 0 {
                return Ok(gone);
            }
        }
        on!(tx, c => sqlx::query(FORGET).bind(self.school.0).bind(self.version).execute(c).await.map(|_| ()))?;
        Ok(0)
    }

    /// Makes every row of this version count, from `at` (school time). `false` when another upload came first: the
    /// caller drops the transaction and works the upload out again.
    pub async fn switch_to(self, tx: &mut Tx, at: DateTime<Utc>) -> Result<bool, StoreError> {
        const SWITCH: &str =
            "UPDATE register_state SET current_version = $2 WHERE school_id = $1 AND current_version = $3";
        const COUNT: &str =
            "INSERT INTO register_versions (school_id, version, committed_at) VALUES ($1, $2, $3)";
        const DONE: &str = "DELETE FROM uploads_begun WHERE school_id = $1 AND version = $2";
        let switched = on!(tx, c => sqlx::query(SWITCH)
            .bind(self.school.0).bind(self.version).bind(self.base).execute(c).await.map(|r| r.touched()))?;
        if switched != 1 {
            return Ok(false);
        }
        on!(tx, c => sqlx::query(COUNT)
            .bind(self.school.0).bind(self.version).bind(at).execute(c).await.map(|_| ()))?;
        on!(tx, c => {
            let r = sqlx::query(DONE).bind(self.school.0).bind(self.version).execute(c).await?;
            must_touch("upload begun", &r, 1)
        })?;
        Ok(true)
    }
}

/// The version of the permit's school that counts now; 0 before the first upload.
pub async fn newest(db: &Db, permit: &Permit<OfSchool>) -> Result<i64, StoreError> {
    const NEWEST: &str = "SELECT COALESCE(MAX(current_version), 0) FROM register_state WHERE school_id = $1";
    Ok(read!(db, c => sqlx::query_scalar(NEWEST).bind(permit.school().0).fetch_one(c).await)?)
}

/// The newest version of the permit's school that brought an enrolment or a calendar; 0 where none has. Marks are held
/// against both: as long as this is the same, what has its place keeps it.
pub async fn roll_version(db: &Db, permit: &Permit<OfSchool>) -> Result<i64, StoreError> {
    const NEWEST: &str = "SELECT COALESCE(MAX(v.version), 0) FROM register_versions v \
         JOIN (SELECT version FROM enrolments WHERE school_id = $1 \
         UNION SELECT version FROM calendars WHERE school_id = $1) r ON r.version = v.version WHERE v.school_id = $1";
    Ok(read!(db, c => sqlx::query_scalar(NEWEST).bind(permit.school().0).fetch_one(c).await)?)
}

/// A row that belongs to a version, with when that version began to count (school time).
pub trait Versioned {
    /// The upload that brought the row.
    fn version(&self) -> i64;
    /// When the register was switched to it.
    fn committed_at(&self) -> DateTime<Utc>;
}

/// The row that counts: the newest, or the newest that counted at `moment`. A row whose first version came later than
/// `moment` is seen in that first version, so that a school that joins in mid-week is not empty until Monday.
pub fn as_of<'a, T: Versioned>(
    rows: impl Iterator<Item = &'a T> + Clone,
    moment: Option<DateTime<Utc>>,
) -> Option<&'a T> {
    let Some(moment) = moment else { return rows.max_by_key(|row| row.version()) };
    let counted = rows.clone().filter(|row| row.committed_at() <= moment).max_by_key(|row| row.version());
    counted.or_else(|| rows.min_by_key(|row| row.version()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(i64, i64);

    impl Versioned for Row {
        fn version(&self) -> i64 {
            self.0
        }
        fn committed_at(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(self.1, 0).unwrap()
        }
    }

    #[test]
    fn a_week_bound_reader_sees_what_counted_at_publication() {
        let rows = [Row(1, 100), Row(2, 200), Row(3, 300)];
        let seen = |moment: Option<i64>| {
            as_of(rows.iter(), moment.map(|m| DateTime::from_timestamp(m, 0).unwrap()))
                .map(Versioned::version)
        };
        assert_eq!(seen(None), Some(3), "whoever sees sessions sees the newest");
        assert_eq!(seen(Some(250)), Some(2), "a late mark shows only at the next publication");
        assert_eq!(seen(Some(200)), Some(2), "what counted at the moment itself is in");
        assert_eq!(seen(Some(50)), Some(1), "before the first version, the first one");
        assert!(as_of::<Row>([].iter(), None).is_none());
    }
}
