//! A reader takes the child from the permit.
use schoolgate::domain::calendar::SchoolYear;
use schoolgate::gate::{OfChild, Permit};
use schoolgate::registers::{ChildRecord, child_record};
use schoolgate::store::{Db, StoreError};

pub async fn permitted(db: &Db, p: &Permit<OfChild>) -> Result<ChildRecord, StoreError> {
    child_record(db, p, (SchoolYear(2025), SchoolYear(2026))).await
}
