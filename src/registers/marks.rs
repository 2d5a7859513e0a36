//! Marks: one packed row per enrolment and school year, in as many versions as readers still need.

use super::{Upload, Versioned};
use crate::domain::attendance::{Code, Entered, MinutesLate, PackedYear, take_out};
use crate::domain::calendar::{SchoolYear, london};
use crate::domain::identifiers::EnrolmentId;
use crate::gate::{DutyPermit, OfSchool, Permit};
use crate::store::{self, Db, SetSql, StoreError, Touched, Tx, must_touch, on, over_pairs, read, read_many};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// A packed school year of one enrolment as it counted from some version on.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MarksRow {
    /// The school.
    pub school_id: Uuid,
    pub(super) enrolment_id: Uuid,
    pub(super) school_year: i64,
    /// The upload that brought it.
    pub version: i64,
    /// When it began to count, school time.
    pub committed_at: DateTime<Utc>,
    pub(super) marks: Vec<u8>,
    // Left out by the statement that reads counts only, and by no other.
    #[sqlx(default)]
    pub(super) entered: Vec<u8>,
    #[sqlx(default)]
    pub(super) minutes: Vec<u8>,
    /// When the newest of its marks came, school time.
    pub received_at: DateTime<Utc>,
    /// Whether only what sessions count as was read.
    #[sqlx(skip)]
    pub(super) counts_only: bool,
}

impl Versioned for MarksRow {
    fn version(&self) -> i64 {
        self.version
    }
    fn committed_at(&self) -> DateTime<Utc> {
        self.committed_at
    }
}

#[cfg(test)]
impl MarksRow {
    /// A row at its place, as it counted from `at` on, with its three packed columns.
    pub(super) fn of(
        (school_id, enrolment_id, school_year, version): MarksPlace,
        at: DateTime<Utc>,
        (marks, entered, minutes): (Vec<u8>, Vec<u8>, Vec<u8>),
    ) -> Self {
        Self {
            school_id,
            enrolment_id,
            school_year,
            version,
            committed_at: at,
            marks,
            entered,
            minutes,
            received_at: at,
            counts_only: false,
        }
    }
}

impl MarksRow {
    /// A first state, for tests of what stands above the database.
    #[cfg(test)]
    pub(crate) fn first_of(
        enrolment: EnrolmentId,
        year: SchoolYear,
        (marks, entered, minutes): (&PackedYear, &Entered, &MinutesLate),
    ) -> Self {
        Self {
            school_id: Uuid::nil(),
            enrolment_id: enrolment.0,
            school_year: i64::from(year.0),
            version: 1,
            committed_at: DateTime::UNIX_EPOCH,
            marks: marks.as_bytes().to_vec(),
            entered: entered.to_bytes(),
            minutes: minutes.to_bytes(),
            received_at: DateTime::UNIX_EPOCH,
            counts_only: false,
        }
    }

    /// Whose marks they are.
    pub fn enrolment(&self) -> EnrolmentId {
        EnrolmentId(self.enrolment_id)
    }

    /// Where it stands among all states of marks.
    pub fn place(&self) -> MarksPlace {
        (self.school_id, self.enrolment_id, self.school_year, self.version)
    }

    /// The school year that they are of.
    pub fn year(&self) -> Result<SchoolYear, StoreError> {
        i32::try_from(self.school_year).map(SchoolYear).map_err(|_| StoreError::Corrupt("marks.school_year"))
    }

    /// The codes, two bytes a day.
    pub fn marks(&self) -> Result<PackedYear, StoreError> {
        PackedYear::from_bytes(&self.marks).map_err(|_| StoreError::Corrupt("marks.marks"))
    }

    /// Whether the school marked the child present in any session.
    pub(super) fn is_seen(&self) -> bool {
        self.marks.iter().any(|byte| Code::from_byte(*byte).is_some_and(Code::seen_at_school))
    }

    /// Whether times and minutes late were left where they are: enough for counts and nothing else.
    pub fn is_counts_only(&self) -> bool {
        self.counts_only
    }

    /// When each was recorded.
    pub fn entered(&self) -> Result<Entered, StoreError> {
        Entered::from_bytes(&self.entered).map_err(|_| StoreError::Corrupt("marks.entered"))
    }

    /// Minutes late, where sent.
    pub fn minutes(&self) -> Result<MinutesLate, StoreError> {
        MinutesLate::from_bytes(&self.minutes).map_err(|_| StoreError::Corrupt("marks.minutes"))
    }
}

const NEWEST_OF_SCHOOL: &str = "SELECT r.school_id, r.enrolment_id, r.school_year, r.version, v.committed_at, \
     r.marks, r.entered, r.minutes, r.received_at FROM marks r \
     JOIN register_versions v ON v.school_id = r.school_id AND v.version = r.version \
     WHERE r.school_id = $1 AND r.school_year = $2 AND r.version = (SELECT MAX(n.version) FROM marks n \
     JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
     WHERE n.school_id = r.school_id AND n.enrolment_id = r.enrolment_id AND n.school_year = r.school_year)";

const COLUMNS_OF_EACH: SetSql = over_pairs!(
    "SELECT r.school_id, r.enrolment_id, r.school_year, r.version, v.committed_at, r.marks, r.entered, r.minutes, \
     r.received_at FROM ",
    " CROSS JOIN marks r CROSS JOIN register_versions v WHERE r.school_id = s.one AND r.enrolment_id = s.other \
     AND r.school_year BETWEEN $2 AND $3 AND v.school_id = r.school_id AND v.version = r.version"
);
const COUNTS_OF_EACH: SetSql = over_pairs!(
    "SELECT r.school_id, r.enrolment_id, r.school_year, r.version, v.committed_at, r.marks, r.received_at FROM ",
    " CROSS JOIN marks r CROSS JOIN register_versions v WHERE r.school_id = s.one AND r.enrolment_id = s.other \
     AND r.school_year BETWEEN $2 AND $3 AND v.school_id = r.school_id AND v.version = r.version"
);

/// Every retained state of the marks of several enrolments for the years `first..=last`; `counts_only` leaves out when
/// each was recorded, and minutes late.
pub(super) async fn between_each(
    db: &Db,
    enrolments: impl IntoIterator<Item = (Uuid, Uuid)>,
    (first, last): (i64, i64),
    counts_only: bool,
) -> Result<Vec<MarksRow>, StoreError> {
    let set = store::pairs(enrolments);
    let text = if counts_only { COUNTS_OF_EACH } else { COLUMNS_OF_EACH };
    let mut rows: Vec<MarksRow> = read_many!(db, c => sqlx::query_as(text.of(db))
        .bind(set).bind(first).bind(last).fetch_all(c).await)?;
    for row in &mut rows {
        row.counts_only = counts_only;
    }
    Ok(rows)
}

/// The marks of the permit's school for one school year, as they count now.
pub async fn school_marks(
    db: &Db,
    permit: &Permit<OfSchool>,
    year: SchoolYear,
) -> Result<Vec<MarksRow>, StoreError> {
    Ok(read!(db, c => sqlx::query_as(NEWEST_OF_SCHOOL)
        .bind(permit.school().0).bind(i64::from(year.0)).fetch_all(c).await)?)
}

/// Stages a packed year under an upload.
pub async fn add_marks(
    tx: &mut Tx,
    upload: &Upload,
    enrolment: EnrolmentId,
    year: SchoolYear,
    (marks, entered, minutes): (&PackedYear, &Entered, &MinutesLate),
    received_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO marks (school_id, enrolment_id, school_year, version, marks, entered, minutes, \
         received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    on!(tx, c => {
        let r = sqlx::query(INSERT)
            .bind(upload.school.0).bind(enrolment.0).bind(i64::from(year.0)).bind(upload.version)
            .bind(marks.as_bytes().as_slice()).bind(entered.to_bytes()).bind(minutes.to_bytes()).bind(received_at)
            .execute(c).await?;
        must_touch("marks", &r, 1)
    })
}

/// Deletes states of one enrolment's year that no reader needs any more: neither the newest, nor what counted at
/// `published`, nor anything later. Amendments keep what was overwritten (reg 6).
pub async fn tidy_marks(
    tx: &mut Tx,
    upload: &Upload,
    enrolment: EnrolmentId,
    year: SchoolYear,
    published: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const DELETE: &str = "DELETE FROM marks WHERE school_id = $1 AND enrolment_id = $2 AND school_year = $3 \
         AND version < (SELECT MAX(r.version) FROM marks r JOIN register_versions v ON v.school_id = r.school_id \
         AND v.version = r.version WHERE r.school_id = $1 AND r.enrolment_id = $2 AND r.school_year = $3 \
         AND v.committed_at <= $4)";
    Ok(on!(tx, c => sqlx::query(DELETE)
        .bind(upload.school.0).bind(enrolment.0).bind(i64::from(year.0)).bind(published)
        .execute(c).await.map(|r| r.touched()))?)
}

/// The place of a state of marks in the order of [`marks_of_years`]: school, enrolment, school year and version.
pub type MarksPlace = (Uuid, Uuid, i64, i64);

/// States of marks of the school years up to `last`, of every school: the next `limit` after a place. For the duty that
/// ends what is past its retention, and for nobody else.
pub async fn marks_of_years(
    db: &Db,
    _duty: &DutyPermit,
    last: SchoolYear,
    after: MarksPlace,
    limit: i64,
) -> Result<Vec<MarksRow>, StoreError> {
    const PAGE: &str = "SELECT r.school_id, r.enrolment_id, r.school_year, r.version, v.committed_at, r.marks, \
         r.entered, r.minutes, r.received_at FROM marks r \
         JOIN register_versions v ON v.school_id = r.school_id AND v.version = r.version \
         WHERE r.school_year <= $1 AND (r.school_id, r.enrolment_id, r.school_year, r.version) > ($2, $3, $4, $5) \
         ORDER BY r.school_id, r.enrolment_id, r.school_year, r.version LIMIT $6";
    Ok(read!(db, c => sqlx::query_as(PAGE)
        .bind(i64::from(last.0)).bind(after.0).bind(after.1).bind(after.2).bind(after.3).bind(limit)
        .fetch_all(c).await)?)
}

/// Writes a state of marks anew without the entries made on or before `until`, and deletes it when none is left. Says
/// how many entries went; SI 2024/208 reg 7(a).
pub async fn expire_marks(
    tx: &mut Tx,
    _duty: &DutyPermit,
    row: &MarksRow,
    until: NaiveDate,
) -> Result<u64, StoreError> {
    const KEEP: &str = "UPDATE marks SET marks = $5, entered = $6, minutes = $7 \
         WHERE school_id = $1 AND enrolment_id = $2 AND school_year = $3 AND version = $4";
    const DELETE: &str = "DELETE FROM marks \
         WHERE school_id = $1 AND enrolment_id = $2 AND school_year = $3 AND version = $4";
    let (mut marks, mut entered, mut minutes) = (row.marks()?, row.entered()?, row.minutes()?);
    let received = london(row.received_at).date();
    let gone = take_out(row.year()?, (&mut marks, &mut entered, &mut minutes), received, until);
    let empty = marks.iter().next().is_none();
    // Another gateway may have had the same duty at the same time: then nothing is left to touch.
    if empty {
        on!(tx, c => sqlx::query(DELETE)
            .bind(row.school_id).bind(row.enrolment_id).bind(row.school_year).bind(row.version)
            .execute(c).await.map(|_| ()))?;
    } else if gone > 0 {
        on!(tx, c => sqlx::query(KEEP)
            .bind(row.school_id).bind(row.enrolment_id).bind(row.school_year).bind(row.version)
            .bind(marks.as_bytes().as_slice()).bind(entered.to_bytes()).bind(minutes.to_bytes())
            .execute(c).await.map(|_| ()))?;
    }
    Ok(gone)
}
