//! A reader takes the child from the permit, never from a second argument.
use schoolgate::domain::calendar::SchoolYear;
use schoolgate::domain::identifiers::PupilId;
use schoolgate::gate::{OfChild, Permit};
use schoolgate::registers::{ChildRecord, child_record};
use schoolgate::store::{Db, StoreError};

pub async fn chosen(db: &Db, p: &Permit<OfChild>, other: PupilId) -> Result<ChildRecord, StoreError> {
    child_record(db, p, other, (SchoolYear(2025), SchoolYear(2026))).await //~ E0061
}
