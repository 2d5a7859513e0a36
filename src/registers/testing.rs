//! Registers made up by a test: records as the readers give them, without a database.

use super::child::EnrolmentRecord;
use super::{CalendarRow, ChildRecord, MarksRow, RollState};
use crate::domain::attendance::{Entered, MinutesLate, PackedYear};
use crate::domain::calendar::{SchoolCalendar, SchoolYear};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// Marks of one school year as they counted from a moment on, received at that moment.
pub type MadeMarks = (DateTime<Utc>, SchoolYear, PackedYear, MinutesLate);

/// One enrolment, on roll from its first day on; known since long before.
pub struct Made {
    pub school: Uuid,
    pub starting_day: NaiveDate,
    pub calendars: Vec<SchoolCalendar>,
    pub marks: Vec<MadeMarks>,
}

/// A child with one enrolment.
pub fn child(made: Made) -> ChildRecord {
    let (school_id, id) = (made.school, Uuid::from_u128(1));
    let state = RollState {
        school_id,
        id,
        version: 1,
        committed_at: DateTime::UNIX_EPOCH,
        pupil_id: Uuid::from_u128(2),
        status: "single".to_owned(),
        starting_day: made.starting_day,
        last_day: None,
        boarder: false,
        part_time: false,
        whereabouts_protected: false,
    };
    let calendars = made.calendars.iter().map(|calendar| CalendarRow::made(school_id, calendar)).collect();
    let versions = (1..).zip(made.marks);
    let marks = versions.map(|(version, marks)| MarksRow::made((school_id, id), version, marks)).collect();
    ChildRecord(vec![EnrolmentRecord { states: vec![state], calendars, marks }])
}

impl MarksRow {
    fn made(
        (school_id, enrolment_id): (Uuid, Uuid),
        version: i64,
        (at, year, marks, minutes): MadeMarks,
    ) -> Self {
        let entered = Entered::default();
        Self::of(
            (school_id, enrolment_id, i64::from(year.0), version),
            at,
            (marks.as_bytes().to_vec(), entered.to_bytes(), minutes.to_bytes()),
        )
    }
}
