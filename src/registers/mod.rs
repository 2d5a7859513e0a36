//! What schools hold: enrolments, admission entries, calendars, marks, amendments and roll events.
//!
//! Every read takes a `&Permit` and takes the child or the school from it, never from a second argument. Every row
//! belongs to the upload (version) that brought it: writers stage rows under a new version in short transactions, and
//! [`Upload::switch_to`] makes them count in one more. What one school gives never touches a row of another.

mod amendments;
mod calendars;
mod child;
mod ending;
mod enrolments;
mod marks;
mod roll_events;
mod school;
mod versions;

#[cfg(test)]
pub(crate) mod testing;

pub use amendments::{
    Amendment, NOT_GIVEN, RECORDINGS_AT_ONCE, Recording, RecordingKey, Register, add_amendment,
    add_recordings, amendments_of, recordings_of, recordings_within, worth_keeping,
};
pub use calendars::{CalendarRow, add_calendar, school_calendars};
pub use child::{
    CandidateEntry, ChildRecord, EnrolmentRecord, RollNews, RollState, candidate_entries, child_record,
    child_records, counterparts, newest_event, roll_news,
};
pub use ending::{
    Ended, end_some_amendments, end_some_calendars, end_some_enrolments, end_some_overtaken,
    end_some_protected, end_some_recordings, end_some_roll_events, next_ended,
};
pub use enrolments::{
    Enrolment, add_admission_entry, add_enrolment, add_pupil, admissions_generation, admit, any_entered,
    lower_protection, pupils_enrolled, pupils_matching, raise_protection, remove_pupil, remove_unenrolled,
    school_admission_entries, school_roll,
};
pub use marks::{MarksPlace, MarksRow, add_marks, expire_marks, marks_of_years, school_marks, tidy_marks};
pub use roll_events::{RollEvent, add_roll_event};
pub use school::{SchoolPupil, figures_calendars, first_marks, school_pupils};
pub use versions::{Upload, Versioned, as_of, newest, roll_version};
