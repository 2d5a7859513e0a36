//! Roll events: what other exchanges follow by cursor, written in the transaction that made them true.

use super::Upload;
use crate::domain::identifiers::EnrolmentId;
use crate::domain::words;
use crate::store::{StoreError, Tx, must_touch, on};

words! {
    /// What happened to an enrolment.
    RollEvent {
        /// A name was entered.
        Admitted = "admitted",
        /// An entry of the admission register was amended.
        Amended = "amended",
        /// A last day was recorded.
        Left = "left",
        /// The name was deleted under a ground of reg 9.
        Deleted = "deleted",
        /// At least one mark changed.
        MarkChanged = "mark_changed",
    }
}

/// Places for events in one upload; more than the pupils of the largest school.
pub(super) const PLACES: i64 = 1_000_000;

/// Stages the `place`th event of an upload; sequences grow in the order in which uploads are switched to.
pub async fn add_roll_event(
    tx: &mut Tx,
    upload: &Upload,
    place: i64,
    enrolment: EnrolmentId,
    event: RollEvent,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO roll_events (school_id, sequence, version, enrolment_id, event) VALUES ($1, $2, $3, $4, $5)";
    on!(tx, c => {
        let r = sqlx::query(INSERT)
            .bind(upload.school.0).bind(upload.version * PLACES + place).bind(upload.version)
            .bind(enrolment.0).bind(event.as_str())
            .execute(c).await?;
        must_touch("roll event", &r, 1)
    })
}
