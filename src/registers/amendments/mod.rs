//! Amendments: original, amended, reason, date and name of the person, all five kept; SI 2024/208 reg 6.

mod recordings;

pub use recordings::{
    RECORDINGS_AT_ONCE, Recording, RecordingKey, add_recordings, recordings_of, recordings_within,
    worth_keeping,
};

use super::Upload;
use crate::domain::identifiers::{EnrolmentId, ImportId};
use crate::domain::words;
use crate::gate::{OfSchool, Permit};
use crate::store::{Db, StoreError, Tx, must_touch, on, read};
use chrono::NaiveDate;
use uuid::Uuid;

/// What stands where a change came without its reason or person.
pub const NOT_GIVEN: &str = "not given by the source";

words! {
    /// Which of the two registers an entry is in.
    Register {
        /// The attendance register.
        Attendance = "attendance",
        /// The admission register.
        Admission = "admission",
    }
}

/// One amendment of either register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amendment {
    /// Whose entry was amended.
    pub enrolment: EnrolmentId,
    /// Which register.
    pub register: Register,
    /// Admission register: the field; attendance register: `am` or `pm`.
    pub field: String,
    /// Attendance register: the date of the session.
    pub session_date: Option<NaiveDate>,
    /// Original entry.
    pub original: String,
    /// Amended entry.
    pub amended: String,
    /// Reason, or [`NOT_GIVEN`].
    pub reason: String,
    /// Date of the amendment.
    pub amended_on: NaiveDate,
    /// Name of the person who made it, or [`NOT_GIVEN`].
    pub amended_by: String,
}

/// Stages an amendment under an upload.
pub async fn add_amendment(
    tx: &mut Tx,
    upload: &Upload,
    import: ImportId,
    amendment: &Amendment,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO amendments (school_id, id, version, enrolment_id, register, field, session_date, \
         original, amended, reason, amended_on, amended_by, import_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    on!(tx, c => {
        let r = sqlx::query(INSERT)
            .bind(upload.school.0).bind(Uuid::now_v7()).bind(upload.version).bind(amendment.enrolment.0)
            .bind(amendment.register.as_str()).bind(&amendment.field).bind(amendment.session_date)
            .bind(&amendment.original).bind(&amendment.amended).bind(&amendment.reason).bind(amendment.amended_on)
            .bind(&amendment.amended_by).bind(import.0)
            .execute(c).await?;
        must_touch("amendment", &r, 1)
    })
}

#[derive(sqlx::FromRow)]
struct Row {
    enrolment_id: Uuid,
    register: String,
    field: String,
    session_date: Option<NaiveDate>,
    original: String,
    amended: String,
    reason: String,
    amended_on: NaiveDate,
    amended_by: String,
}

/// Every amendment of the permit's school: of the admission register in the order in which they came, then of the
/// attendance register by session, in the order in which they were recorded.
pub async fn amendments_of(db: &Db, permit: &Permit<OfSchool>) -> Result<Vec<Amendment>, StoreError> {
    const SELECT: &str = "SELECT a.enrolment_id, a.register, a.field, a.session_date, a.original, a.amended, a.reason, \
         a.amended_on, a.amended_by FROM amendments a \
         JOIN register_versions v ON v.school_id = a.school_id AND v.version = a.version \
         WHERE a.school_id = $1 ORDER BY a.version, a.id";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(SELECT).bind(permit.school().0).fetch_all(c).await)?;
    let mut all = rows.into_iter().map(amendment).collect::<Result<Vec<_>, _>>()?;
    all.extend(recordings::derived(&recordings_of(db, permit).await?));
    Ok(all)
}

fn amendment(row: Row) -> Result<Amendment, StoreError> {
    Ok(Amendment {
        enrolment: EnrolmentId(row.enrolment_id),
        register: Register::parse(&row.register).ok_or(StoreError::Corrupt("amendments.register"))?,
        field: row.field,
        session_date: row.session_date,
        original: row.original,
        amended: row.amended,
        reason: row.reason,
        amended_on: row.amended_on,
        amended_by: row.amended_by,
    })
}
