//! Recordings: each mark of a session that was ever amended, with its own time, reason and person.
//!
//! Amendments of the attendance register are the steps from one recording to the next. They are derived and not stored,
//! so that the order in which files arrive makes no difference to them; SI 2024/208 reg 6.

use super::super::Upload;
use super::{Amendment, NOT_GIVEN, Register};
use crate::domain::calendar::{Half, SchoolYear};
use crate::domain::identifiers::{EnrolmentId, ImportId};
use crate::gate::{OfSchool, Permit};
use crate::store::{Db, StoreError, Tx, must_touch, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Europe::London;
use std::collections::BTreeMap;
use uuid::Uuid;

/// One mark as recorded once for one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Which mark.
    pub key: RecordingKey,
    /// What it replaced, as the source told it.
    pub amended_from: Option<String>,
    /// Why it was recorded, where it replaced another.
    pub reason: Option<String>,
    /// By whom.
    pub amended_by: Option<String>,
}

/// Which mark a recording is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordingKey {
    /// Whose.
    pub enrolment: EnrolmentId,
    /// Date of the session.
    pub date: NaiveDate,
    /// Which session of the date.
    pub half: Half,
    /// When the school recorded it, to the second.
    pub recorded_at: DateTime<Utc>,
    /// The code.
    pub code: String,
}

impl Recording {
    /// Takes over what another telling of the same mark says beyond this one.
    pub fn complete_from(&mut self, other: Self) {
        self.amended_from = self.amended_from.take().or(other.amended_from);
        self.reason = self.reason.take().or(other.reason);
        self.amended_by = self.amended_by.take().or(other.amended_by);
    }
}

/// Stages a recording under an upload.
pub async fn add_recording(
    tx: &mut Tx,
    upload: &Upload,
    import: ImportId,
    recording: &Recording,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO recordings (school_id, enrolment_id, session_date, half, recorded_at, code, \
         version, amended_from, reason, amended_by, import_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let key = &recording.key;
    on!(tx, c => {
        let r = sqlx::query(INSERT)
            .bind(upload.school.0).bind(key.enrolment.0).bind(key.date).bind(key.half.as_str()).bind(key.recorded_at)
            .bind(&key.code).bind(upload.version).bind(&recording.amended_from).bind(&recording.reason)
            .bind(&recording.amended_by).bind(import.0)
            .execute(c).await?;
        must_touch("recording", &r, 1)
    })
}

#[derive(sqlx::FromRow)]
struct Row {
    enrolment_id: Uuid,
    session_date: NaiveDate,
    half: String,
    recorded_at: DateTime<Utc>,
    code: String,
    amended_from: Option<String>,
    reason: Option<String>,
    amended_by: Option<String>,
}

/// Every recording of the permit's school, of any date that a file may have, each mark once, with all that any upload told of it.
pub async fn recordings_of(
    db: &Db,
    permit: &Permit<OfSchool>,
) -> Result<BTreeMap<RecordingKey, Recording>, StoreError> {
    recordings_within(db, permit, (SchoolYear(1900).first_day(), SchoolYear(2199).last_day())).await
}

/// The same of sessions from one date to another, both included.
pub async fn recordings_within(
    db: &Db,
    permit: &Permit<OfSchool>,
    (first, last): (NaiveDate, NaiveDate),
) -> Result<BTreeMap<RecordingKey, Recording>, StoreError> {
    const SELECT: &str = "SELECT r.enrolment_id, r.session_date, r.half, r.recorded_at, r.code, r.amended_from, \
         r.reason, r.amended_by FROM recordings r \
         JOIN register_versions v ON v.school_id = r.school_id AND v.version = r.version \
         WHERE r.school_id = $1 AND r.session_date BETWEEN $2 AND $3 ORDER BY r.version";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(SELECT)
        .bind(permit.school().0).bind(first).bind(last).fetch_all(c).await)?;
    let mut all: BTreeMap<RecordingKey, Recording> = BTreeMap::new();
    for row in rows {
        let told = recording(row)?;
        match all.get_mut(&told.key) {
            Some(known) => known.complete_from(told),
            None => {
                all.insert(told.key.clone(), told);
            }
        }
    }
    Ok(all)
}

fn recording(row: Row) -> Result<Recording, StoreError> {
    let half = Half::parse(&row.half).ok_or(StoreError::Corrupt("recordings.half"))?;
    let (enrolment, date) = (EnrolmentId(row.enrolment_id), row.session_date);
    let key = RecordingKey { enrolment, date, half, recorded_at: row.recorded_at, code: row.code };
    Ok(Recording { key, amended_from: row.amended_from, reason: row.reason, amended_by: row.amended_by })
}

/// The amendments that recordings amount to: each step to another code, and a first one that tells what it replaced.
pub(super) fn derived(recordings: &BTreeMap<RecordingKey, Recording>) -> Vec<Amendment> {
    let mut all = Vec::new();
    let mut before: Option<&RecordingKey> = None;
    for recording in recordings.values() {
        let key = &recording.key;
        let same_session = |other: &&RecordingKey| {
            (other.enrolment, other.date, other.half) == (key.enrolment, key.date, key.half)
        };
        let original =
            before.filter(same_session).map(|k| k.code.clone()).or_else(|| recording.amended_from.clone());
        if let Some(original) = original.filter(|code| *code != key.code) {
            let given = |text: &Option<String>| text.clone().unwrap_or_else(|| NOT_GIVEN.to_owned());
            all.push(Amendment {
                enrolment: key.enrolment,
                register: Register::Attendance,
                field: key.half.as_str().to_owned(),
                session_date: Some(key.date),
                original,
                amended: key.code.clone(),
                reason: given(&recording.reason),
                amended_on: key.recorded_at.with_timezone(&London).date_naive(),
                amended_by: given(&recording.amended_by),
            });
        }
        before = Some(key);
    }
    all
}
