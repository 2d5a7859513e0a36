//! A permit is passed on as it is, and tells its school.
use schoolgate::domain::identifiers::SchoolId;
use schoolgate::gate::{OfSchool, Permit};

pub fn passed_on(own: Permit<OfSchool>) -> (SchoolId, Permit<OfSchool>) {
    (own.school(), own)
}
