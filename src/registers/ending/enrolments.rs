//! Whole enrolments that end, with the child where no other enrolment is left of it.
//!
//! What an upload staged meanwhile stays: it counts for nobody yet, and is its own.

use super::Ended;
use crate::store::{StoreError, Touched, Tx, on};
use uuid::Uuid;

/// What keeps an enrolment `e`: on roll after the day or without a last day, a state that began to count after it or does
/// not count yet, a mark, an amendment, a recording.
macro_rules! is_kept {
    ($e:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM enrolments s \
             LEFT JOIN register_versions v ON v.school_id = s.school_id AND v.version = s.version \
             WHERE s.school_id = ",
            $e,
            ".school_id AND s.id = ",
            $e,
            ".id AND (v.version IS NULL OR v.committed_at >= $2 OR ((s.last_day IS NULL OR s.last_day > $3) \
             AND NOT EXISTS (SELECT 1 FROM enrolments n WHERE n.school_id = s.school_id AND n.id = s.id \
             AND n.version > s.version)))) \
             OR EXISTS (SELECT 1 FROM marks m WHERE m.school_id = ",
            $e,
            ".school_id AND m.enrolment_id = ",
            $e,
            ".id) OR EXISTS (SELECT 1 FROM amendments a WHERE a.school_id = ",
            $e,
            ".school_id AND a.enrolment_id = ",
            $e,
            ".id) OR EXISTS (SELECT 1 FROM recordings r WHERE r.school_id = ",
            $e,
            ".school_id AND r.enrolment_id = ",
            $e,
            ".id))"
        )
    };
}

/// Deletes enrolments that ended by the day, of children whose whereabouts nobody protected; at most `limit`.
pub async fn end_some_enrolments(tx: &mut Tx, ended: &Ended, limit: i64) -> Result<u64, StoreError> {
    const ENDED: &str = concat!(
        "SELECT DISTINCT e.id, e.pupil_id FROM enrolments e WHERE e.school_id = $1 AND e.last_day <= $3 AND NOT ",
        is_kept!("e"),
        " AND NOT EXISTS (SELECT 1 FROM enrolments f WHERE f.pupil_id = e.pupil_id AND f.whereabouts_protected) \
         ORDER BY e.id LIMIT $4"
    );
    const FIELDS: &str = "DELETE FROM admission_entries WHERE school_id = $1 AND enrolment_id = $2";
    const STATES: &str = "DELETE FROM enrolments WHERE school_id = $1 AND id = $2 AND EXISTS (SELECT 1 \
         FROM register_versions v WHERE v.school_id = enrolments.school_id AND v.version = enrolments.version)";
    let rows: Vec<(Uuid, Uuid)> = on!(tx, c => sqlx::query_as(ENDED)
        .bind(ended.school.0).bind(ended.before).bind(ended.until).bind(limit).fetch_all(c).await)?;
    let mut gone = 0;
    for (id, pupil) in rows {
        on!(tx, c => sqlx::query(FIELDS).bind(ended.school.0).bind(id).execute(c).await.map(|_| ()))?;
        gone += on!(tx, c => sqlx::query(STATES)
            .bind(ended.school.0).bind(id).execute(c).await.map(|r| r.touched()))?;
        end_child(tx, pupil).await?;
    }
    Ok(gone)
}

/// The same of children whose whereabouts somebody protected: all that is held of such a child ends at once, or the end
/// of the flag would lay open where the child went.
pub async fn end_some_protected(tx: &mut Tx, ended: &Ended, limit: i64) -> Result<u64, StoreError> {
    const ENDED: &str = concat!(
        "SELECT DISTINCT e.pupil_id FROM enrolments e WHERE e.school_id = $1 AND e.last_day <= $3 AND EXISTS \
         (SELECT 1 FROM enrolments f WHERE f.pupil_id = e.pupil_id AND f.whereabouts_protected) AND NOT EXISTS \
         (SELECT 1 FROM enrolments o WHERE o.pupil_id = e.pupil_id AND ",
        is_kept!("o"),
        ") ORDER BY e.pupil_id LIMIT $4"
    );
    const FIELDS: &str = "DELETE FROM admission_entries WHERE (school_id, enrolment_id) IN \
         (SELECT school_id, id FROM enrolments WHERE pupil_id = $1)";
    const STATES: &str = "DELETE FROM enrolments WHERE pupil_id = $1 AND EXISTS (SELECT 1 \
         FROM register_versions v WHERE v.school_id = enrolments.school_id AND v.version = enrolments.version)";
    let rows: Vec<Uuid> = on!(tx, c => sqlx::query_scalar(ENDED)
        .bind(ended.school.0).bind(ended.before).bind(ended.until).bind(limit).fetch_all(c).await)?;
    let mut gone = 0;
    for pupil in rows {
        on!(tx, c => sqlx::query(FIELDS).bind(pupil).execute(c).await.map(|_| ()))?;
        gone += on!(tx, c => sqlx::query(STATES).bind(pupil).execute(c).await.map(|r| r.touched()))?;
        end_child(tx, pupil).await?;
    }
    Ok(gone)
}

/// Deletes a child of whom no school holds anything any more.
async fn end_child(tx: &mut Tx, pupil: Uuid) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM pupils WHERE id = $1 AND NOT EXISTS \
         (SELECT 1 FROM enrolments WHERE pupil_id = $1)";
    on!(tx, c => sqlx::query(DELETE).bind(pupil).execute(c).await.map(|_| ()))?;
    Ok(())
}
