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
use std::ops::Bound;
use std::sync::LazyLock;
use uuid::Uuid;

/// One mark as recorded once for one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Which mark.
    pub key: RecordingKey,
    /// Minutes late, where sent.
    pub minutes_late: Option<u16>,
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
    /// Code and minutes late: two recordings with the same are no amendment.
    fn content(&self) -> (&str, Option<u16>) {
        (&self.key.code, self.minutes_late)
    }

    /// Whether the source told more than the mark.
    fn is_told(&self) -> bool {
        self.amended_from.is_some() || self.reason.is_some() || self.amended_by.is_some()
    }

    fn is_of_session(&self, other: &RecordingKey) -> bool {
        let key = &self.key;
        (key.enrolment, key.date, key.half) == (other.enrolment, other.date, other.half)
    }

    /// Takes over what another telling of the same mark says beyond this one.
    pub fn complete_from(&mut self, other: Self) {
        // At one second the greater number stands, as where marks are merged.
        self.minutes_late = self.minutes_late.max(other.minutes_late);
        self.amended_from = self.amended_from.take().or(other.amended_from);
        self.reason = self.reason.take().or(other.reason);
        self.amended_by = self.amended_by.take().or(other.amended_by);
    }
}

/// So many recordings go over in one statement: a statement costs a turn of threads, whatever it holds.
pub const RECORDINGS_AT_ONCE: usize = 64;

const COLUMNS: &str = "INSERT INTO recordings (school_id, version, import_id, enrolment_id, session_date, half, recorded_at, \
     code, amended_from, reason, amended_by, minutes_late) VALUES ";
const ONE: &str = "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// A statement that inserts [`RECORDINGS_AT_ONCE`].
static MANY: LazyLock<String> = LazyLock::new(|| {
    // The first three values are of all rows.
    let row = |place: usize| {
        let values: Vec<String> = (0..9).map(|column| format!("${}", 4 + 9 * place + column)).collect();
        format!("($1, $2, $3, {})", values.join(", "))
    };
    let rows: Vec<String> = (0..RECORDINGS_AT_ONCE).map(row).collect();
    format!("{COLUMNS}{}", rows.join(", "))
});
static SINGLE: LazyLock<String> = LazyLock::new(|| format!("{COLUMNS}{ONE}"));

/// Stages recordings under an upload, at most [`RECORDINGS_AT_ONCE`].
pub async fn add_recordings(
    tx: &mut Tx,
    upload: &Upload,
    import: ImportId,
    recordings: &[Recording],
) -> Result<(), StoreError> {
    if recordings.len() == RECORDINGS_AT_ONCE {
        return insert(tx, upload, import, &MANY, recordings).await;
    }
    for recording in recordings.chunks(1) {
        insert(tx, upload, import, &SINGLE, recording).await?;
    }
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    upload: &Upload,
    import: ImportId,
    statement: &'static str,
    recordings: &[Recording],
) -> Result<(), StoreError> {
    let expected = u64::try_from(recordings.len()).unwrap_or(u64::MAX);
    on!(tx, c => {
        let mut query = sqlx::query(statement).bind(upload.school.0).bind(upload.version).bind(import.0);
        for Recording { key, minutes_late, amended_from, reason, amended_by } in recordings {
            query = query
                .bind(key.enrolment.0).bind(key.date).bind(key.half.as_str()).bind(key.recorded_at).bind(&key.code)
                .bind(amended_from).bind(reason).bind(amended_by).bind(minutes_late.map(i64::from));
        }
        must_touch("recording", &query.execute(c).await?, expected)
    })
}

#[derive(sqlx::FromRow)]
struct Row {
    enrolment_id: Uuid,
    session_date: NaiveDate,
    half: String,
    recorded_at: DateTime<Utc>,
    code: String,
    minutes_late: Option<i64>,
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
    const SELECT: &str = "SELECT r.enrolment_id, r.session_date, r.half, r.recorded_at, r.code, r.minutes_late, \
         r.amended_from, r.reason, r.amended_by FROM recordings r \
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
    let minutes = row.minutes_late.map(u16::try_from).transpose();
    let minutes_late = minutes.map_err(|_| StoreError::Corrupt("recordings.minutes_late"))?;
    let Row { amended_from, reason, amended_by, .. } = row;
    Ok(Recording { key, minutes_late, amended_from, reason, amended_by })
}

/// Of the recordings that a file brings, those of which anything is not yet known and that the trail needs; and how many
/// cells of free text were dropped, since they are no part of an amendment.
///
/// A recording that the source says nothing of, after one of the same code and minutes and before no other, confirms what
/// stood: of a run of them the first is kept, which dates the amendment. Else a source that stamps each export with its own
/// time would add a row for every mark each night.
pub fn worth_keeping(
    brought: BTreeMap<RecordingKey, Recording>,
    known: &BTreeMap<RecordingKey, Recording>,
) -> (Vec<Recording>, usize) {
    let mut all = known.clone();
    for (key, told) in brought {
        let whole = match known.get(&key) {
            Some(known) => {
                let mut whole = told;
                whole.complete_from(known.clone());
                whole
            }
            None => told,
        };
        all.insert(key, whole);
    }
    let free = free_text(&all, known);
    let dropped = free.values().sum();
    for recording in all.iter_mut().filter(|(key, _)| free.contains_key(*key)).map(|(_, recording)| recording)
    {
        (recording.reason, recording.amended_by) = (None, None);
    }
    // Without it a first mark is no recording: it stands in the register.
    let of_session = |key: &RecordingKey| {
        let others = all.range(..key).next_back().into_iter();
        others
            .chain(all.range((Bound::Excluded(key), Bound::Unbounded)).next())
            .any(|(_, other)| other.is_of_session(key))
    };
    let alone: Vec<_> = free.into_keys().filter(|key| !of_session(key)).collect();
    for key in &alone {
        all.remove(key);
    }
    let confirms = |place: &RecordingKey, recording: &Recording| {
        let before = all.range(..place).next_back().filter(|(key, _)| recording.is_of_session(key));
        let after = all.range((Bound::Excluded(place), Bound::Unbounded)).next();
        let after = after.filter(|(key, _)| recording.is_of_session(key));
        before.is_some_and(|(_, other)| other.content() == recording.content())
            && after.is_none_or(|(_, other)| other.content() == recording.content())
    };
    let new = all.iter().filter(|(key, recording)| match known.get(*key) {
        Some(known) => known != *recording,
        None => recording.is_told() || !confirms(key, recording),
    });
    (new.map(|(_, recording)| recording.clone()).collect(), dropped)
}

/// Recordings that tell a reason or a name and amend nothing, each with how many of the two: they tell no original, and
/// every other recording of their session says the same.
fn free_text(
    all: &BTreeMap<RecordingKey, Recording>,
    known: &BTreeMap<RecordingKey, Recording>,
) -> BTreeMap<RecordingKey, usize> {
    let mut free = BTreeMap::new();
    for (key, recording) in all {
        let texts = usize::from(recording.reason.is_some()) + usize::from(recording.amended_by.is_some());
        let same = |other: &&Recording| recording.is_of_session(&other.key);
        let before = all.range(..key).rev().map(|(_, other)| other).take_while(same);
        let after = all.range(key..).map(|(_, other)| other).take_while(same);
        let amends = || before.chain(after).any(|other| other.content() != recording.content());
        // What is known was kept for a reason, which may have gone since.
        if texts > 0 && recording.amended_from.is_none() && known.get(key) != Some(recording) && !amends() {
            free.insert(key.clone(), texts);
        }
    }
    free
}

/// The amendments that recordings amount to: each step to another code or other minutes, and a first one that tells what
/// it replaced.
pub(super) fn derived(recordings: &BTreeMap<RecordingKey, Recording>) -> Vec<Amendment> {
    let mut all = Vec::new();
    let mut before: Option<&Recording> = None;
    for recording in recordings.values() {
        let earlier = before.filter(|other| other.is_of_session(&recording.key));
        all.extend(step(earlier, recording));
        before = Some(recording);
    }
    all
}

fn step(earlier: Option<&Recording>, recording: &Recording) -> Option<Amendment> {
    let key = &recording.key;
    let minutes_only = earlier.is_some_and(|other| other.key.code == key.code);
    let entry = |of: &Recording| match of.minutes_late.filter(|_| minutes_only) {
        Some(minutes) => format!("{}, {minutes} minutes late", of.key.code),
        None => of.key.code.clone(),
    };
    let original = match earlier {
        Some(other) => (other.content() != recording.content()).then(|| entry(other)),
        None => recording.amended_from.clone().filter(|code| *code != key.code),
    }?;
    let given = |text: &Option<String>| text.clone().unwrap_or_else(|| NOT_GIVEN.to_owned());
    Some(Amendment {
        enrolment: key.enrolment,
        register: Register::Attendance,
        field: key.half.as_str().to_owned(),
        session_date: Some(key.date),
        original,
        amended: entry(recording),
        reason: given(&recording.reason),
        amended_on: key.recorded_at.with_timezone(&London).date_naive(),
        amended_by: given(&recording.amended_by),
    })
}

#[cfg(test)]
#[path = "recordings_tests.rs"]
mod tests;
